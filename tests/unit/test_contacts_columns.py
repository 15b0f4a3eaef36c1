import pytest

from outreach.contacts.columns import ColumnMapping, Why, map_columns
from outreach.contacts.country import habits, package_table
from outreach.contacts.folding import fold
from outreach.contacts.headers import Field, field_of, find_header
from outreach.errors import InputError

OFFICIAL = frozenset("bg cs da de el en es et fi fr ga hr hu it lt lv mt nl pl pt ro sk sl sv".split())  # noqa: SIM905
COUNTRIES = sorted(package_table("countries.toml"))


def mapped(mapping: ColumnMapping) -> dict[str, str]:
    return {column.header: column.field.value for column in mapping.columns}


@pytest.mark.parametrize(
    "field", ["email", "municipality", "code", "region", "language", "person", "role", "population"]
)
def test_every_official_language_has_names_for_it(field: str) -> None:
    assert set(package_table("headers.toml")[field]) >= OFFICIAL


def test_no_name_means_two_things_in_one_language() -> None:
    seen: dict[tuple[str, str], str] = {}
    for field, languages in package_table("headers.toml").items():
        for language, names in languages.items():
            for name in names:
                key = (language, fold(name).replace(" ", ""))
                assert seen.setdefault(key, field) == field, (key, field, seen[key])


def test_there_are_27_countries_with_words_for_their_municipalities() -> None:
    assert len(COUNTRIES) == 27
    assert set(package_table("place_words.toml")) == set(COUNTRIES)
    for country in COUNTRIES:
        for words in package_table("place_words.toml")[country].values():
            assert words == [fold(word) for word in words]
    with pytest.raises(InputError, match="'EL' is not the code"):
        habits("EL")


@pytest.mark.parametrize("country", COUNTRIES)
def test_every_name_is_recognised_in_its_country(country: str) -> None:
    first = habits(country).languages[0]
    for field, languages in package_table("headers.toml").items():
        for name in languages.get(first, ()):
            assert field_of(name.upper(), habits(country).languages) == field, name


@pytest.mark.parametrize(
    ("name", "country", "field"),
    [
        ("E-Mail 2", "DE", Field.EMAIL),
        ("Gemeinde E-Mail", "DE", Field.EMAIL),
        ("e_mail", "IT", Field.EMAIL),
        ("E-Mail (Zentrale)", "DE", Field.EMAIL),
        ("Naam / Nom", "BE", Field.NAME),
        ("kraj", "CZ", Field.REGION),
        ("kraj", "SI", Field.TOWN),
        ("PEC", "IT", Field.CERTIFIED_EMAIL),
        ("outreach_reason", "DE", Field.OTHER),
        ("Wappen", "DE", None),
    ],
)
def test_names_of_columns(name: str, country: str, field: Field | None) -> None:
    assert field_of(name, habits(country).languages) == field


def test_header_among_titles() -> None:
    rows = [
        ["Gemeinden", "", ""],
        ["Stand", "2025", ""],
        ["Nr.", "Gemeinde", "E-Mail"],
        ["1", "A", "info@a.example"],
    ]
    assert find_header(rows, ("de",)) == 2
    assert find_header([["A", "info@a.example"], ["Gemeinde", "E-Mail"]], ("de",)) is None


def test_by_header() -> None:
    mapping = map_columns(["AGS", "Name", "E-Mail", "E-Mail 2", "Telefon"], [], country="DE")
    assert mapped(mapping) == {"AGS": "code", "Name": "municipality", "E-Mail": "email", "E-Mail 2": "email"}
    assert {column.why for column in mapping.columns} == {Why.HEADER}
    assert mapping.unused == ("Telefon",)


def test_a_name_beside_the_municipality_is_a_person() -> None:
    assert mapped(map_columns(["Name", "Gemeinde", "E-Mail"], [], country="DE"))["Name"] == "person"


def test_by_content() -> None:
    rows = [[str(i), f"Ort{i}", f"info@p{i}.example"] for i in range(9)] + [["9", "Ort9", "none"]]
    mapping = map_columns(["a", "b", "c"], rows, country="DE")
    assert mapped(mapping) == {"b": "municipality", "c": "email"}
    assert {column.why for column in mapping.columns} == {Why.CONTENT}


def test_cells_outweigh_the_name_of_a_column() -> None:
    rows = [["yes", f"Ort{i}", f"info@p{i}.example"] for i in range(10)]
    mapping = map_columns(["Mail", "Gemeinde", "Kontakt"], rows, country="DE")
    assert mapped(mapping)["Kontakt"] == "email"
    assert "Mail" not in mapped(mapping)


def test_overrides() -> None:
    header = ["A", "Courriel", "courriel privé", "Commune"]
    mapping = map_columns(header, [], {"email": "COURRIEL", "municipality": "1"}, country="FR")
    assert mapped(mapping) == {"A": "municipality", "Courriel": "email"}
    mapping = map_columns(header, [], {"email": ["2", "3"], "municipality": "Commune"}, country="FR")
    assert mapping.indexes(Field.EMAIL) == (1, 2)
    with pytest.raises(InputError, match="no column 'Mail'") as caught:
        map_columns(header, [], {"email": "Mail"}, country="FR")
    assert "A, Courriel, courriel privé, Commune" in caught.value.remedy
    with pytest.raises(InputError, match="cannot be mapped to 'colour'"):
        map_columns(header, [], {"colour": "A"}, country="FR")


def test_no_column_of_addresses_or_of_municipalities() -> None:
    with pytest.raises(InputError, match="No column of e-mail addresses was found among: Gemeinde, Telefon"):
        map_columns(["Gemeinde", "Telefon"], [["A", "1"]], country="DE")
    with pytest.raises(InputError, match="No column with the municipality's name"):
        map_columns(["E-Mail"], [["info@a.example"]], country="DE")
