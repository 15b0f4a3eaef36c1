"""Official lists: Eurostat's layout and national ones; languages, regions and time zones by the law and the map."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from outreach.contacts import decode, register
from outreach.contacts.country import package_table
from outreach.contacts.regions import region_named, region_of
from outreach.contacts.register import FORMER
from outreach.contacts.spoken import spoken_in
from outreach.errors import InputError
from outreach.model.countries import COUNTRIES

ROOT = Path(__file__).parents[2]


def read(text: str, country: str) -> register.Register:
    table = decode.table(text.encode(), filename="list.csv", country=country)
    return register.read(table.header, table.rows, country, "list.csv")


def test_the_sample_workbook_is_what_the_script_says() -> None:
    spec = importlib.util.spec_from_file_location("make_register", ROOT / "tests/samples/make_register.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    data = (ROOT / "contacts" / script.NAME).read_bytes()
    for country, rows in script.SHEETS.items():
        table = decode.table(data, filename=script.NAME, country=country, sheet=country)
        found = register.read(table.header, table.rows, country, script.NAME)
        assert [
            (one.nuts, one.place.code, one.place.name, one.place.population, one.degurba)
            for one in found.units
        ] == [(nuts, code, name, people, degurba) for nuts, code, name, people, _, degurba in rows]
        assert found.faults == ()


def test_a_national_list() -> None:
    found = read(
        "Code;Nom de la commune;Anciens noms;Région;Population\n"
        "97105;Basse-Terre;;Guadeloupe;10 058\n"
        "1004;Ambérieu;Ambérieux | Amberiacum;Auvergne-Rhône-Alpes;\n"
        ";Total;;;10 058\n",
        "FR",
    )
    overseas, other = found.units
    assert (overseas.place.region, overseas.place.time_zone) == ("FR-971", "America/Guadeloupe")
    assert overseas.place.population == 10_058
    assert (other.place.code, other.place.population) == ("01004", None)
    assert other.names == ((FORMER, "Ambérieux"), (FORMER, "Amberiacum"))
    assert found.faults == ("line 4: no code; left out",)


def test_rows_of_other_countries_and_rows_twice_are_left_out() -> None:
    found = read(
        "NUTS 3 CODE,LAU CODE,LAU NAME NATIONAL\nBE234,44021,Gent\nNL327,0363,Amsterdam\nBE234,44021,Gand\n",
        "BE",
    )
    assert [one.place.name for one in found.units] == ["Gent"]
    assert found.elsewhere == 1
    assert found.faults == ("line 4: the code 44021 stands in line 2 already; left out",)


@pytest.mark.parametrize("text", ["Street;Number\nMain;1\n", "LAU CODE;LAU NAME NATIONAL\n;\n-;-\n"])
def test_what_is_no_official_list_is_said(text: str) -> None:
    with pytest.raises(InputError):
        read(text, "BE")


def test_names_survive_their_column() -> None:
    names = (("fr", "Gand"), ("", "A=B"), (FORMER, "Ledeberg"))
    assert register.names_from_text(register.names_as_text(names)) == names


@pytest.mark.parametrize(
    ("country", "name", "code", "nuts", "languages"),
    [
        ("BE", "Ixelles", "21009", "BE100", ("fr", "nl")),
        ("BE", "Gent", "44021", "BE234", ("nl",)),
        ("BE", "Kraainem", "23099", "BE241", ("nl",)),  # facilities: its administration works in Dutch
        ("BE", "Eupen", "63023", "BE336", ("de",)),
        ("BE", "Malmedy", "63049", "BE335", ("fr",)),
        ("BE", "Nivelles", "25072", None, ("fr",)),
        ("FI", "Helsinki", "091", "FI1B1", ("fi", "sv")),
        ("FI", "Närpiö", "545", None, ("sv", "fi")),
        ("FI", "Jomala", "170", "FI200", ("sv",)),
        ("IT", "Merano/Meran", "021051", None, ("de", "it")),
        ("IT", "Bolzano/Bozen", "021008", "ITH10", ("it", "de")),
        ("IT", "Aosta", "007003", "ITC20", ("it", "fr")),
        ("IT", "Sgonico", "032005", "ITH44", ("it", "sl")),
        ("ES", "Girona", "17079", None, ("ca", "es")),
        ("ES", "Baztan", "31050", "ES220", ("eu", "es")),
        ("ES", "Tudela", "31232", "ES220", ("es",)),
        ("LU", "Esch-sur-Alzette", "0204", None, ("fr", "de")),
        ("MT", "Valletta", None, None, ("mt", "en")),
        ("IE", "Cork", None, None, ("en",)),
        ("CY", "Λευκωσία", None, None, ("el",)),
        ("SI", "Koper/Capodistria", None, None, ("sl", "it")),
        ("SI", "Lendava", "059", None, ("sl", "hu")),
        ("RO", "Miercurea Ciuc", "83320", "RO124", ("ro", "hu")),
        ("RO", "Toplița", None, "RO124", ("ro",)),
        ("SK", "Komárno", None, None, ("sk", "hu")),
    ],
)
def test_languages_by_law(
    country: str, name: str, code: str | None, nuts: str | None, languages: tuple[str, ...]
) -> None:
    spoken = spoken_in(country, [name], code, nuts)
    assert spoken is not None
    assert spoken.languages == languages
    assert spoken.source


def test_every_rule_of_a_country_can_apply() -> None:
    for country, rules in package_table("municipal_languages.toml").items():
        assert country in COUNTRIES
        everywhere = [rule for rule in rules if not {"nuts", "codes", "names"} & set(rule)]
        assert everywhere in ([], [rules[-1]]), f"{country}: a rule for all before others hides them"
    assert spoken_in("FR", ["Lyon"], "69123", None) is None


def test_regions_and_time_zones() -> None:
    canary = region_of("ES", "ES705", None)
    assert canary is not None
    assert (canary.code, canary.time_zone) == ("ES-CN", "Atlantic/Canary")
    assert region_named("DE", "BAYERN") == region_named("DE", "DE-BY") == region_of("DE", "DE212", None)
    assert region_named("DE", "Atlantis") is None
