from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from outreach.contacts import columns, decode, normalize, rejects
from outreach.contacts.merge import ContactKey, FieldChange, ImportPlan, KnownContact, plan
from outreach.contacts.normalize import Rejected, RejectReason
from outreach.contacts.places import place_key
from outreach.model.states import ContactKind
from outreach.model.values import ContactRow, Place


def never(_: str) -> bool:
    return False


def row(line: int, name: str = "Musterau", email: str = "info@a.example", **fields: object) -> ContactRow:
    place = Place("DE", name, **{k: v for k, v in fields.items() if k in ("code", "region", "population")})  # type: ignore[arg-type]
    rest = {k: v for k, v in fields.items() if k in ("person", "role", "language")}
    return ContactRow(place, email, ContactKind.INSTITUTIONAL, line, **rest)  # type: ignore[arg-type]


def apply(result: ImportPlan, known: dict[ContactKey, KnownContact]) -> dict[ContactKey, KnownContact]:
    """What the database holds after the plan was carried out."""
    after = dict(known)
    for contact in [*result.new, *(changed.row for changed in result.changed)]:
        key = (place_key(contact.place), contact.email_key)
        old = after.get(key)
        after[key] = KnownContact(
            old.place if old else contact.place,
            contact.email,
            contact.kind,
            contact.person or (old.person if old else None),
            contact.role or (old.role if old else None),
            contact.language or (old.language if old else None),
        )
    return {key: replace(c, place=result.places.get(key[0], c.place)) for key, c in after.items()}


def test_new_same_changed_gone() -> None:
    first = plan([row(2, code="01"), row(3, "Bergau", "info@b.example")], {}, never)
    assert [contact.line for contact in first.new] == [2, 3]
    assert list(first.places) == ["lau:01", "name:bergau|"]
    known = apply(first, {})
    second = plan([row(2, code="01", person="Anna Berg")], known, never)
    assert second.changed[0].changes == (FieldChange("person", None, "Anna Berg"),)
    assert [contact.email for contact in second.gone] == ["info@b.example"]
    assert (second.new, second.same) == ([], 0)
    assert not second.changes_nothing


def test_an_empty_cell_takes_nothing_away() -> None:
    known = apply(plan([row(2, person="Anna Berg", population=100)], {}, never), {})
    again = plan([row(2)], known, never)
    assert (again.same, again.changes_nothing) == (1, True)


def test_a_changed_municipality_is_told_once() -> None:
    rows = [row(2, code="01"), row(3, code="01", email="b@a.example")]
    known = apply(plan(rows, {}, never), {})
    again = plan([row(2, "Stadt Musterau", code="01"), row(3, code="01", email="b@a.example")], known, never)
    assert [place.changes for place in again.changed_places] == [
        (FieldChange("name", "Musterau", "Stadt Musterau"),)
    ]
    assert again.same == 2


def test_duplicates_count_once_for_each_municipality() -> None:
    result = plan([row(2), row(3, email="INFO@a.example"), row(4, "Bergau")], {}, never)
    assert [(d.line, d.first_line) for d in result.duplicates] == [(3, 2)]
    assert [contact.line for contact in result.new] == [2, 4]


def test_a_suppressed_address_is_never_imported_and_never_gone() -> None:
    known = apply(plan([row(2)], {}, never), {})
    result = plan(
        [row(2, person="New"), row(3, "Bergau", "INFO@a.example")], known, {"info@a.example"}.__contains__
    )
    assert [contact.line for contact in result.suppressed] == [2, 3]
    assert result.new == result.changed == result.gone == []
    assert result.changes_nothing


def test_only_contacts_of_this_source_can_be_gone() -> None:
    known = {key: replace(c, in_source=False) for key, c in apply(plan([row(2)], {}, never), {}).items()}
    assert plan([], known, never).gone == []


def test_rejected_rows_are_passed_on() -> None:
    bad = Rejected(2, "E-Mail", "x", RejectReason.INVALID_ADDRESS, "Correct it.", ("A", "x"))
    assert plan([bad], {}, never).rejected == [bad]


_PLACES = st.builds(
    Place,
    st.just("DE"),
    st.sampled_from(["Musterau", "Stadt Musterau", "Bergau"]),
    st.sampled_from([None, "01", "02"]),
    st.sampled_from([None, "Bayern"]),
    st.sampled_from([None, 100, 200]),
    st.sampled_from([(), ("de",), ("de", "fr")]),
)
_CONTACTS = st.builds(
    ContactRow,
    _PLACES,
    st.sampled_from(["info@a.example", "INFO@a.example", "anna@a.example"]),
    st.sampled_from(ContactKind),
    st.just(0),
    st.sampled_from([None, "Anna", "Berta"]),
    st.none(),
    st.sampled_from([None, "de"]),
)


@given(st.lists(_CONTACTS, max_size=12), st.lists(_CONTACTS, max_size=6))
def test_importing_the_same_file_again_changes_nothing(
    contacts: list[ContactRow], before: list[ContactRow]
) -> None:
    known = apply(plan([replace(c, line=i) for i, c in enumerate(before)], {}, never), {})
    rows = [replace(contact, line=line) for line, contact in enumerate(contacts, 2)]
    first = plan(rows, known, never)
    assert len(first.new) + len(first.changed) + first.same + len(first.duplicates) == len(rows)
    again = plan(rows, apply(first, known), never)
    assert again.changes_nothing
    assert again.same == len(first.new) + len(first.changed) + first.same


def imported(data: bytes) -> tuple[ImportPlan, tuple[str, ...]]:
    table = decode.table(data, filename="list.csv", country="DE")
    mapping = columns.map_columns(table.header, table.sample, country="DE")
    return plan(normalize.contacts(table.rows, mapping, "DE"), {}, never), table.header


LIST = (
    "Gemeinde;E-Mail;Notiz\nMusterau;info@a.example;\n"
    '"=Bergau;Nord";www.b.example, info@c;"say ""hi"""\nX;;\n'
)


def test_rejected_rows_come_back_as_they_were_and_go_in_when_mended() -> None:
    result, header = imported(LIST.encode())
    assert len(result.new) == 1
    text = rejects.write(result.rejected, header, "list.csv")
    assert text.startswith(
        "\ufeffGemeinde;E-Mail;Notiz;outreach_line;outreach_column;outreach_reason;outreach_remedy;outreach_source\r\n"
    )
    assert '"\'=Bergau;Nord"' in text
    again, header = imported(text.encode())
    assert [(r.reason, r.value) for r in again.rejected] == [(r.reason, r.value) for r in result.rejected]
    assert rejects.write(again.rejected, header, "list.csv").count("outreach_line") == 1
    mended, _ = imported(
        text.replace("www.b.example, info@c", "info@b.example").replace("X;;", "X;x@x.example;").encode()
    )
    assert [contact.email for contact in mended.new] == ["info@b.example", "x@x.example"]
    assert mended.new[0].place.name == "=Bergau;Nord"
    assert mended.rejected == []


def test_mended_rejects_add_to_their_source_and_take_nothing_from_it() -> None:
    known = {
        ("name:adorf|", "info@adorf.example"): KnownContact(
            Place("DE", "Adorf"), "info@adorf.example", ContactKind.INSTITUTIONAL
        )
    }
    rows = [ContactRow(Place("DE", "Bdorf"), "info@bdorf.example", ContactKind.INSTITUTIONAL, 2)]
    assert [one.email for one in plan(rows, known, lambda _: False).gone] == ["info@adorf.example"]
    assert plan(rows, known, lambda _: False, is_whole=False).gone == []


def test_a_file_of_rejects_says_what_it_was_made_from() -> None:
    assert rejects.source_of(("Mail", "outreach_source"), [["x"], ["y", "list.csv"]]) == "list.csv"
    assert rejects.source_of(("Mail",), [["x"]]) is None


def test_a_contact_that_was_gone_returns_with_its_file() -> None:
    gone = KnownContact(
        Place("DE", "Adorf"), "info@adorf.example", ContactKind.INSTITUTIONAL, in_source=False, gone=True
    )
    row = ContactRow(Place("DE", "Adorf"), "info@adorf.example", ContactKind.INSTITUTIONAL, 2)
    found = plan([row], {("name:adorf|", "info@adorf.example"): gone}, lambda _: False)
    assert found.returned == [gone]
    assert not found.changes_nothing
