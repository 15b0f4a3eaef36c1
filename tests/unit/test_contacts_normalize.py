import pytest

from outreach.contacts import normalize
from outreach.contacts.columns import map_columns
from outreach.contacts.decode import Row
from outreach.contacts.normalize import (
    Normalizer,
    Rejected,
    RejectReason,
    clean_code,
    parse_languages,
    parse_population,
)
from outreach.contacts.places import place_key
from outreach.errors import InputError
from outreach.model.states import ContactKind
from outreach.model.values import ContactRow, Place

HEADER = [
    "Gemeinde",
    "AGS",
    "E-Mail",
    "E-Mail 2",
    "Sprache",
    "Ansprechpartner",
    "Funktion",
    "Einwohner",
    "Bundesland",
]


def read(*cells: str, country: str = "DE") -> list[ContactRow | Rejected]:
    mapping = map_columns(HEADER, [], country=country)
    return Normalizer(mapping, country).contacts(Row(7, list(cells)))


def accepted(*cells: str, country: str = "DE") -> ContactRow:
    [row] = read(*cells, country=country)
    assert isinstance(row, ContactRow)
    return row


def rejected(*cells: str) -> Rejected:
    [row] = read(*cells)
    assert isinstance(row, Rejected)
    return row


def test_a_whole_row() -> None:
    row = accepted(
        " Stadt\u00a0 Musterau",
        "9999101",
        "Anna.Berg@A.example",
        "",
        "de",
        "Anna  Berg",
        "IT",
        "23.418",
        "DE-BY",
    )
    assert row == ContactRow(
        Place("DE", "Stadt Musterau", "09999101", "DE-BY", 23418),
        "Anna.Berg@a.example",
        ContactKind.NAMED,
        7,
        "Anna Berg",
        "IT",
        "de",
    )


def test_a_short_row_and_several_addresses() -> None:
    rows = read("A", "", "info@a.example; post@a.example", "INFO@a.example")
    assert [row.email for row in rows if isinstance(row, ContactRow)] == ["info@a.example", "post@a.example"]


def test_a_good_address_is_kept_beside_a_bad_one() -> None:
    good, bad = read("A", "", "info@a.example", "www.a.example")
    assert isinstance(good, ContactRow)
    assert isinstance(bad, Rejected)
    assert (bad.column, bad.reason, bad.line) == ("E-Mail 2", RejectReason.WEBSITE, 7)


@pytest.mark.parametrize(
    ("cells", "reason", "column"),
    [
        (("A", "", "www.a.example"), RejectReason.WEBSITE, "E-Mail"),
        (("A", "", "+49 30 123456"), RejectReason.PHONE, "E-Mail"),
        (("A", "", "unbekannt"), RejectReason.INVALID_ADDRESS, "E-Mail"),
        (("A", "", "info@a"), RejectReason.INVALID_ADDRESS, "E-Mail"),
        (("A", "123", ""), RejectReason.NO_ADDRESS, "E-Mail"),
        (("A", "123", "-"), RejectReason.NO_ADDRESS, "E-Mail"),
        (("", "", "info@a.example"), RejectReason.NO_MUNICIPALITY, "Gemeinde"),
        (("Insgesamt", "", "", "", "", "", "", "1200"), RejectReason.NOT_A_CONTACT, "Gemeinde"),
        (("Quelle: eigene Erhebung",), RejectReason.NOT_A_CONTACT, "Gemeinde"),
        (("A", "", "info@a.example", "", "Klingonisch"), RejectReason.UNKNOWN_LANGUAGE, "Sprache"),
    ],
)
def test_rejected_with_reason_and_remedy(cells: tuple[str, ...], reason: RejectReason, column: str) -> None:
    row = rejected(*cells)
    assert (row.reason, row.column, row.line) == (reason, column, 7)
    assert row.remedy
    assert row.cells == cells


@pytest.mark.parametrize(
    ("address", "person", "kind"),
    [
        ("info@a.example", "", ContactKind.INSTITUTIONAL),
        ("info@a.example", "Anna Berg", ContactKind.INSTITUTIONAL),
        ("stadtverwaltung2@a.example", "", ContactKind.INSTITUTIONAL),
        ("musterau@verband.example", "", ContactKind.INSTITUTIONAL),
        ("gde.musterau@a.example", "", ContactKind.INSTITUTIONAL),
        ("anna.berg@a.example", "", ContactKind.NAMED),
        ("berg@bergstadt.example", "Anna Berg", ContactKind.NAMED),
        ("abc@x.example", "", ContactKind.NAMED),
    ],
)
def test_office_or_person(address: str, person: str, kind: ContactKind) -> None:
    assert accepted("Musterau", "", address, "", "", person).kind == kind


def test_name_before_the_address() -> None:
    assert accepted("A", "", "Anna Berg <anna@a.example>").person == "Anna Berg"
    assert accepted("A", "", "Rathaus A <info@a.example>").person is None


def test_certified_mail_only_where_there_is_no_other() -> None:
    mapping = map_columns(["Comune", "PEC", "E-mail"], [], country="IT")
    read_row = Normalizer(mapping, "IT").contacts
    [plain] = read_row(Row(2, ["A", "a@pec.example", "info@a.example"]))
    [certified] = read_row(Row(3, ["A", "a@pec.example", ""]))
    assert isinstance(plain, ContactRow)
    assert isinstance(certified, ContactRow)
    assert (plain.email, certified.email) == ("info@a.example", "a@pec.example")


@pytest.mark.parametrize(
    ("country", "cell", "code"),
    [
        ("DE", "9162000", "09162000"),
        ("DE", "12", "12"),  # a running number
        ("FR", "1001", "01001"),
        ("FR", "2A004", "2A004"),
        ("FR", "1001.0", "01001"),
        ("FI", "5", "005"),
        ("NL", "17", "0017"),
        ("IT", "1001", "001001"),
        ("PL", "201011", "201011"),
        ("GR", "17", "17"),
    ],
)
def test_codes_keep_their_zeros(country: str, cell: str, code: str) -> None:
    assert clean_code(cell, country) == code


def test_languages_of_a_cell() -> None:
    assert parse_languages("Nederlands") == ("nl",)
    assert parse_languages("FR/NL") == ("fr", "nl")
    assert parse_languages("suomi, ruotsi") == ("fi", "sv")
    assert parse_languages("sv-FI") == ("sv",)
    assert parse_languages("deutsch und italienisch") == ("de", "it")
    assert parse_languages("-") == ()
    assert parse_languages("x") is None


def test_population() -> None:
    assert [parse_population(c) for c in ("1200", "23.418", "1 234 567", "12,5", "ca. 100", "", "88.0")] == [
        1200,
        23418,
        1234567,
        None,
        None,
        None,
        88,
    ]


def test_capitals_only_where_it_is_safe() -> None:
    assert (
        accepted("COMUNE DI SAN ZENO", "", "info@a.example", country="IT").place.name == "Comune di San Zeno"
    )
    assert accepted("GROSSAU", "", "info@a.example").place.name == "GROSSAU"


@pytest.mark.parametrize(
    ("country", "one", "other"),
    [
        ("DE", "Stadt Öhringen", "OHRINGEN"),
        ("FR", "Commune de Saint-Brévalan", "saint brevalan"),
        ("FR", "Mairie d'Aulnois", "Aulnois"),
        ("IT", "COMUNE DI SAN ZENO", "San Zeno"),
        ("CZ", "Město Žďár", "Zdar"),
        ("PL", "Gmina Miejska Łódka", "Lodka"),
        ("GR", "Δήμος Αθηνών", "ΑΘΗΝΩΝ"),
        ("BG", "Община Белокамен", "белокамен"),
        ("SE", "Älvsunda kommun", "Alvsunda"),
        ("ES", "Ayuntamiento de Aldea", "aldea"),
        ("PT", "Câmara Municipal de Vila", "Município de Vila"),
    ],
)
def test_one_key_for_one_municipality(country: str, one: str, other: str) -> None:
    assert place_key(Place(country, one)) == place_key(Place(country, other))
    assert place_key(Place(country, one, region="A")) != place_key(Place(country, other, region="B"))
    assert place_key(Place(country, one, "017")) == "lau:017"
    assert place_key(Place(country, one)) == place_key(Place(country, one.upper()))


class TestTooMuch:
    """A plan is held in memory: a file of a million contacts, or of rejected rows only, is refused in a sentence."""

    def test_contacts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(normalize, "MAX_CONTACTS", 3)
        mapping = map_columns(HEADER, [], country="DE")
        rows = [Row(line, [f"Ort {line}", "", f"info@p{line}.example"]) for line in range(2, 9)]
        assert len(list(normalize.contacts(rows[:3], mapping, "DE"))) == 3
        with pytest.raises(InputError, match=r"more than 3 contacts \(line 5\)"):
            list(normalize.contacts(rows, mapping, "DE"))

    def test_rejected_rows(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(normalize, "MAX_REFUSED", 3000)
        mapping = map_columns(HEADER, [], country="DE")
        rows = (Row(line, ["Ort", "", "kein", "", "", "x" * 90]) for line in range(2, 99))
        with pytest.raises(
            InputError, match="up to line 12 cannot be used, this one as 'E-Mail' says 'kein'"
        ):
            list(normalize.contacts(rows, mapping, "DE"))
