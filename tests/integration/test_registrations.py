"""Registrations by a form tool: its notifications through a real poll, and its list."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
import xlsxwriter

from outreach import clock
from outreach.db import campaigns, effects, schema
from outreach.db.effects import Seat
from outreach.errors import RefusedError
from outreach.imap import Fetched
from outreach.jobs import poll_inbox, seats
from outreach.jobs.forms import rules
from outreach.jobs.registration_lists import undo
from outreach.model.states import EffectKind, EngagementKind, InboxState, RegistrationState, Rung
from tests import databases
from tests.desks import OFFICE, Desk, invited
from tests.servers.sink import Sink

TOWNS = (("Aalst", "info@aalst.example"), ("Gent", "info@gent.example"), ("Brugge", "info@brugge.example"))


@pytest.fixture(params=["sqlite", "postgresql"])
def desk(
    request: pytest.FixtureRequest, blank_workspace: Path, tmp_path: Path, smtp_sink: Sink
) -> Iterator[Desk]:
    url = databases.postgres_url() if request.param == "postgresql" else ""
    with invited(blank_workspace, tmp_path / "w", smtp_sink.port, url, TOWNS) as desk:
        yield desk


def read(desk: Desk, *letters: bytes) -> poll_inbox.PollReport:
    """As a poll reads them, from the gateway on."""
    report = poll_inbox.PollReport()
    reader = poll_inbox._Reader(
        desk.workspace,
        desk.database,
        "office",
        desk.workspace.settings.sender("office"),
        clock.now,
        report,
        frozenset(),
        rules(desk.workspace),
    )
    for letter in letters:
        reader.take(
            "INBOX", 1, Fetched(len(desk.rows(schema.inbound_message, "id")) + 1, clock.now(), letter)
        )
    return report


def form(text: str, sender: str = "tool@forms.example", number: int = 1) -> bytes:
    return (
        f"From: {sender}\r\nTo: {OFFICE}\r\nSubject: New entry\r\nMessage-ID: <{number}@forms>\r\n"
        f"Auto-Submitted: auto-generated\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
    ).encode()


def test_a_form_registers_by_address_by_name_and_not_by_guess(desk: Desk, smtp_sink: Sink) -> None:
    (desk.folder / "forms" / "ours.toml").write_text(
        'from = ["tool@forms.example", "' + OFFICE + '"]\nsubject = "New entry"\nno = ["Nee"]\n'
        '[fields]\nanswer = "Komt u?"\n'
    )
    report = read(
        desk,
        form("Naam: An\nE-mail: info@aalst.example\nGemeente: Aalst"),
        form("Naam: Jan\nE-mail: jan@gmail.com\nGemeente: Stad Gent", number=2),
        form("Naam: Piet\nE-mail: piet@nergens.example\nGemeente: Nergens", number=3),
        form("You have a new response.", number=4),
        form("Naam: Els\nE-mail: els@brugge.example\nKomt u?: Nee", sender=OFFICE, number=5),
    )
    assert report.kinds["registration"] == 5
    places = json.loads(desk.type("registrations", "list", "--json"))
    assert [(one["municipality"], one["name"], one["state"]) for one in places] == [
        ("Aalst", "An", "registered"),
        ("Gent", "Jan", "registered"),
    ]
    assert desk.events() == [EngagementKind.REGISTERED] * 2 + [EngagementKind.DECLINED]
    assert desk.rows(schema.inbound_match, "rung") == [Rung.ADDRESS, Rung.MUNICIPALITY, Rung.DOMAIN]
    states = desk.rows(schema.inbound_message, "state", "note")
    assert [state for state, _ in states] == [InboxState.DONE] * 2 + [InboxState.OPEN] * 2 + [InboxState.DONE]
    assert "piet@nergens.example" in states[2][1]
    assert "learn-form" in states[3][1]
    desk.run(do_poll=False)
    told = [one.recipients[0] for one in smtp_sink.accepted()[3:]]
    assert told == ["info@aalst.example", "jan@gmail.com", "els@brugge.example"]


def test_an_attached_list_registers_each_of_its_lines(desk: Desk) -> None:
    (desk.folder / "forms" / "ours.toml").write_text('from = "tool@forms.example"\nconfirmed = true\n')
    rows = "Naam;E-mail\r\nAn;info@aalst.example\r\nJan;info@gent.example\r\nX;x@y.example\r\n"
    letter = form("").replace(
        b"Content-Type: text/plain; charset=utf-8", b'Content-Type: text/csv; name="list.csv"'
    )
    read(desk, letter.rstrip(b"\r\n") + b"\r\n\r\n" + rows.encode())
    assert sorted(desk.rows(schema.registration, "name")) == ["An", "Jan"]
    assert desk.rows(schema.inbound_message, "state") == [InboxState.OPEN]
    assert {step for step, _ in desk.messages()} == {"invitation"}, "the tool has confirmed"
    desk.type("inbox", "undo", 1)
    assert desk.rows(schema.registration, "id") == []


def test_a_rule_that_is_broken_is_told_and_stops_nothing(desk: Desk) -> None:
    (desk.folder / "forms" / "bad.toml").write_text("from = ")
    report = desk.run()
    assert any("bad.toml is not TOML" in error for error in report.errors)
    assert report.exit_code == 3


def test_the_list_of_a_tool_is_shown_then_registered(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "entries.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(
            (
                ("Voornaam", "Familienaam", "E-mail", "Gemeente"),
                ("An", "Peeters", "an@aalst.example", "Aalst"),
                ("Jan", "Claes", "jan@gmail.com", "Stad Gent"),
                ("Piet", "X", "piet@nergens.example", "Nergens"),
                ("Els", "Maes", "info@aalst.example", "Aalst"),
            )
        ):
            sheet.write_row(number, 0, row)
    arguments = ("registrations", "import", path, "--campaign", "trial-be")
    shown = json.loads(desk.type(*arguments, "--json"))
    assert [(one["line"], one["change"], one["found"], one["by"]) for one in shown["entries"]] == [
        (2, "same", "Aalst", "a later line is of the same municipality"),
        (3, "new", "Gent", "name"),
        (4, "unknown", None, "no municipality of the campaign has this address, code or name"),
        (5, "new", "Aalst", "address"),
    ]
    assert desk.rows(schema.registration, "id") == []
    assert "Registered." in desk.type(*arguments, "--apply")
    assert sorted(desk.rows(schema.registration, "name", "state")) == [
        ("Els Maes", RegistrationState.REGISTERED),
        ("Jan Claes", RegistrationState.REGISTERED),
    ]
    assert desk.events() == [EngagementKind.REGISTERED] * 2
    again = json.loads(desk.type(*arguments, "--apply", "--json"))
    assert {one["change"] for one in again["entries"]} == {"same", "unknown"}
    assert desk.events() == [EngagementKind.REGISTERED] * 2
    # a no that comes by mail later takes the place back, and taking that no back gives it again
    about = desk.message("info@gent.example")
    assert about.municipality == "Gent"
    assert json.loads(desk.type("report", "--json"))["total"]["registered"] == 2


@pytest.mark.parametrize(
    ("rows", "options", "says"),
    [
        ("Colour,Size\nred,1\n", (), "no column of addresses or municipalities"),
        ("Gemeente\nAalst\n", ("--map", "email=Post"), "has no column 'Post'"),
        ("Gemeente\nAalst\n", ("--map", "colour=Gemeente"), "cannot be mapped to 'colour'"),
        ("Gemeente\nAalst\n", ("--map", "email"), "is no FIELD=COLUMN"),
        ("", (), "is empty"),
    ],
)
def test_bad_lists(
    blank_workspace: Path, tmp_path: Path, rows: str, options: tuple[str, ...], says: str
) -> None:
    desk = Desk(blank_workspace, tmp_path / "w")
    desk.import_(TOWNS)
    desk.type("campaigns", "check", "trial", "--country", "BE")
    path = tmp_path / "list.csv"
    path.write_text(rows)
    with pytest.raises(AssertionError, match=says):
        desk.type("registrations", "import", path, "--campaign", "trial-be", *options)
    desk.close()


def test_a_list_is_taken_back_as_a_whole_and_what_else_is_known_stands(desk: Desk, tmp_path: Path) -> None:
    def import_(*rows: str) -> str:
        path = tmp_path / "entries.csv"
        path.write_text("\n".join(("E-mail;Naam", *rows)))
        desk.at(days=1, minutes=next(minutes))
        return desk.type("registrations", "import", path, "--campaign", "trial-be", "--apply")

    def places() -> dict[str, str]:
        rows = json.loads(desk.type("registrations", "list", "--json"))
        return {row["municipality"]: row["name"] for row in rows}

    minutes = iter(range(1, 60))
    read(desk, reply(desk, 0, "Ja, wij doen graag mee."))
    assert "`undo` takes it back" in import_("info@aalst.example;An", "info@gent.example;Jan")
    import_("info@gent.example;Els", "info@brugge.example;Piet")
    first, second = json.loads(desk.type("registrations", "imports", "--json"))
    assert (first["places"], first["undone_at"], first["file"]) == (2, None, str(tmp_path / "entries.csv"))
    assert places() == {"Aalst": "An", "Gent": "Els", "Brugge": "Piet"}

    told = desk.type("registrations", "undo", first["id"])
    assert (
        told
        == "Taken back: 0 registrations of trial-be.\n2 places of the list stand by what else is known.\n"
    )
    assert places() == {"Aalst": None, "Gent": "Els", "Brugge": "Piet"}
    assert desk.events() == [EngagementKind.REGISTERED] * 3
    told = desk.type("registrations", "undo", second["id"])
    assert told == "Taken back: 2 registrations of trial-be.\n"
    assert places() == {"Aalst": None}
    assert desk.events() == [EngagementKind.REGISTERED]
    assert "taken back" in desk.type("registrations", "imports")

    desk.at(days=7, hours=2)
    desk.run(do_poll=False)  # they are reminded again: nobody has answered for them
    reminded = {email for step, email in desk.messages() if step == "reminder"}
    assert reminded == {"info@gent.example", "info@brugge.example"}
    for number, says in ((second["id"], "was taken back already"), (9999, "There is no list")):
        with pytest.raises(RefusedError, match=says):
            undo(desk.database, number, now=clock.now(), actor="An")


def test_a_place_that_the_waiting_list_gave_goes_with_its_list(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "entries.csv"
    path.write_text("E-mail\ninfo@gent.example\n")
    desk.type("registrations", "import", path, "--campaign", "trial-be", "--apply")
    (seat,) = [Seat(*row) for row in desk.rows(schema.registration, "campaign_id", "municipality_id")]
    with desk.write() as connection:  # as it is when all places were taken, and one was given back
        later = clock.now() + timedelta(minutes=1)
        waits = {**effects.standing(connection, EffectKind.REGISTRATION, seat.subject)[0].details}
        connection.execute(sa.update(schema.effect).values(details={**waits, "state": "waiting"}))
        effects.settle_registration(connection, seat, later)
        assert seats.move_up(connection, desk.workspace, campaigns.get(connection, "trial-be"), 1, later) == 1
    assert desk.rows(schema.registration, "state") == [RegistrationState.REGISTERED]
    (one,) = json.loads(desk.type("registrations", "imports", "--json"))
    desk.type("registrations", "undo", one["id"])
    assert desk.rows(schema.registration, "id") == []


def test_a_list_whose_municipalities_have_begun_the_assessment_stays(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "entries.csv"
    path.write_text("E-mail;Status\ninfo@gent.example;started\n")
    for command in ("import", "progress"):
        desk.type("registrations", command, path, "--campaign", "trial-be", "--apply")
    (one,) = json.loads(desk.type("registrations", "imports", "--json"))
    with pytest.raises(RefusedError, match="1 of its municipalities has begun the assessment"):
        undo(desk.database, one["id"], now=clock.now(), actor="An")
    assert desk.rows(schema.registration, "state") == [RegistrationState.REGISTERED]


def reply(desk: Desk, town: int, text: str) -> bytes:
    with desk.database.read() as connection:
        table = schema.message.c
        about = connection.execute(
            sa.select(table.internet_message_id).where(table.email == TOWNS[town][1]).limit(1)
        ).scalar_one()
    return (
        f"From: {TOWNS[town][1]}\r\nTo: {OFFICE}\r\nSubject: Re: uitnodiging\r\nMessage-ID: <r{town}@x>\r\n"
        f"In-Reply-To: {about}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
    ).encode()


def test_how_many_come_and_who_is_shown(desk: Desk) -> None:
    read(
        desk,
        reply(desk, 0, "Ja, wij komen graag met 2 personen, online, mevrouw An Peeters en dhr. Jan Claes."),
        reply(desk, 1, "Ja, wij doen graag mee."),
        reply(desk, 2, "Wat kost dit? Wij zouden met 3 personen ter plaatse komen."),
    )
    assert "\nComing    2 people, online: An Peeters, Jan Claes\n" in desk.type("inbox", "show", 1)
    assert "Coming" not in desk.type("inbox", "show", 2)
    desk.type("inbox", "resolve", 3, "--as", "register")  # what a person decides leaves out nothing
    assert "\nComing    3 people, on site\n" in desk.type("inbox", "show", 3)
    listed = json.loads(desk.type("registrations", "list", "--json"))
    assert {one["municipality"]: one["coming"] for one in listed} == {
        "Aalst": {"people": 2, "place": "online", "names": ["An Peeters", "Jan Claes"]},
        "Brugge": {"people": 3, "place": "on_site"},
        "Gent": None,
    }
    told = desk.type("registrations", "list").splitlines()
    assert told[-1] == "2 of 3 places said how many come: 5 people."
