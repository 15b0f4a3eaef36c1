"""Attendance lists: shown, counted, settled, taken back, forgotten; on both databases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import xlsxwriter

from outreach import clock
from outreach.db import schema
from outreach.jobs import idle, retention
from outreach.model.states import AttendanceState, MessageState
from tests import databases
from tests.integration.test_session_mails import (
    AALST,
    BEGINS,
    BRUGGE,
    GENT,
    THANKS,
    YES,
    desk,
    states,
    told,
)
from tests.integration.test_what_follows import Office
from tests.servers.sink import Sink

COUNTED, ASKED, LEFT_OUT = AttendanceState
ZOOM = """\
Name (Original Name),User Email,Join Time,Leave Time,Duration (Minutes),Guest
An Peeters,info@aalst.example,30/03/2026 09:58:00,30/03/2026 11:00:00,62,Yes
An Peeters,info@aalst.example,30/03/2026 11:10:00,30/03/2026 12:00:00,50,Yes
Els (Stad Brugge),,30/03/2026 10:00:00,30/03/2026 12:00:00,120,Yes
Piet Onbekend,piet@gmail.com,30/03/2026 10:00:00,30/03/2026 12:00:00,120,Yes
Host,digital@office.example,30/03/2026 09:50:00,30/03/2026 12:00:00,130,No
"""
CAMPAIGN = ("--campaign", "trial", "--country", "BE")


@pytest.fixture
def office(
    request: pytest.FixtureRequest, blank_workspace: Path, tmp_path: Path, smtp_sink: Sink
) -> Iterator[Office]:
    url = databases.postgres_url() if getattr(request, "param", "") == "postgresql" else ""
    office = desk(blank_workspace, tmp_path / "w", smtp_sink, url)
    office.letter(YES, AALST, AALST)
    office.letter(YES, GENT, GENT)
    assert len(told(office)) == 2
    clock.move_to(BEGINS + timedelta(hours=3))
    office.run()
    yield office
    office.close()
    if url:
        databases.cluster().drop(url.rpartition("/")[2])


on_both = pytest.mark.parametrize("office", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def zoom(tmp_path: Path) -> Path:
    path = tmp_path / "participants.csv"
    path.write_text(ZOOM, encoding="utf-8-sig")
    return path


def shown(office: Office, *arguments: object) -> Any:
    return json.loads(office.type("attendance", *arguments, "--json"))


def rows(office: Office) -> list[tuple[AttendanceState, str | None, str | None]]:
    return office.rows(schema.attendance, "state", "name", "email")


@on_both
def test_a_report_is_shown_then_counted_and_its_guests_are_thanked(office: Office, zoom: Path) -> None:
    found = shown(office, "import", zoom, *CAMPAIGN)
    assert [(one["name"], one["minutes"], one["state"], one["municipality"]) for one in found["entries"]] == [
        ("An Peeters", 112, "counted", "Aalst"),
        ("Els (Stad Brugge)", 120, "counted", "Brugge"),
        ("Piet Onbekend", 120, "asked", None),
        ("Host", 130, "left_out", None),
    ]
    assert (found["format"], found["presence"], found["municipalities"]) == ("zoom", "online", 2)
    assert [one["registered"] for one in found["entries"]] == [True, False, False, False]
    assert rows(office) == []

    said = office.type("attendance", "import", zoom, *CAMPAIGN, "--apply")
    assert "Counted: list 1." in said
    assert "outreach attendance review" in said
    # Nobody's name stays but of who has to be asked about.
    assert rows(office) == [
        (COUNTED, None, None),
        (COUNTED, None, None),
        (ASKED, "Piet Onbekend", "piet@gmail.com"),
        (LEFT_OUT, None, None),
    ]
    listed = shown(office, "list", *CAMPAIGN)
    assert [(one["municipality"], one["people"], one["online"], one["registered"]) for one in listed] == [
        ("Aalst", 1, 1, True),
        ("Brugge", 1, 1, False),
    ]
    again = shown(office, "import", zoom, *CAMPAIGN, "--apply")
    assert (again["again"], again["applied"], again["number"]) == (True, False, 1)
    assert len(rows(office)) == 4

    clock.move_to(THANKS)
    assert told(office) == [("thanks", AALST), ("thanks", BRUGGE)]

    (asked,) = shown(office, "review")
    assert (asked["name"], asked["likely"]) == ("Piet Onbekend", None)
    office.type("attendance", "settle", asked["id"], "--as", "Stad Gent")
    assert shown(office, "review") == []
    assert rows(office)[2] == (COUNTED, None, None)
    assert told(office) == [("thanks", GENT)]
    audit = office.rows(schema.audit, "action", "detail")
    assert [action for action, _ in audit if action.startswith("attendance")] == [
        "attendance.import",
        "attendance.settle",
    ]
    assert not any("Onbekend" in detail or "piet@" in detail for _, detail in audit)

    undone = office.type("attendance", "undo", 1)
    assert "4 people" in undone
    assert "3 mails to those who were there had gone already" in undone
    assert rows(office) == []
    assert [one["undone_by"] is not None for one in shown(office, "imports")] == [True]
    with pytest.raises(AssertionError, match="was taken back already"):
        office.type("attendance", "undo", 1)


@on_both
def test_a_person_on_two_lists_is_one_and_what_was_said_of_them_holds(
    office: Office, tmp_path: Path, zoom: Path
) -> None:
    office.type("attendance", "import", zoom, *CAMPAIGN, "--apply")
    (asked,) = shown(office, "review")
    office.type("attendance", "settle", asked["id"], "--nobody")
    paper = tmp_path / "door.xlsx"
    with xlsxwriter.Workbook(paper) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(
            (
                ("Naam", "E-mail", "Gemeente"),
                ("An Peeters", "INFO@aalst.example", "Aalst"),
                ("Jan Claes", "", "Stad Gent"),
                ("Piet Onbekend", "piet@gmail.com", ""),
                ("Iemand", "", "Gentt"),
            )
        ):
            sheet.write_row(number, 0, row)
    found = shown(office, "import", paper, *CAMPAIGN, "--apply")
    assert (found["format"], found["presence"]) == ("xlsx", "on_site")
    assert [(one["state"], one["municipality"]) for one in found["entries"]] == [
        ("counted", "Aalst"),
        ("counted", "Gent"),
        ("left_out", None),
        ("asked", "Gent"),
    ]
    listed = shown(office, "list", *CAMPAIGN)
    assert [(one["municipality"], one["people"], one["on_site"], one["online"]) for one in listed] == [
        ("Aalst", 1, 1, 0),
        ("Brugge", 1, 0, 1),
        ("Gent", 1, 1, 0),
    ]
    (asked,) = shown(office, "review")
    office.type("attendance", "settle", asked["id"], "--likely")
    assert shown(office, "list", *CAMPAIGN)[2]["people"] == 2
    office.type("attendance", "undo", 2)
    assert [one["municipality"] for one in shown(office, "list", *CAMPAIGN)] == ["Aalst", "Brugge"]


@pytest.mark.parametrize(
    ("text", "options", "says"),
    [
        ("Colour;Size\nred;1\n", (), "no column of names or addresses or municipalities"),
        ("Name,Email,Join Time,Leave Time\n", (), "names nobody|no rows below"),
        ("Naam;Wie\nAn;x\n", ("--map", "email=Post"), "has no column 'Post'"),
        (ZOOM, ("--online", "--on-site"), "of those online or of those on site"),
        ("", (), "is empty"),
    ],
)
def test_bad_lists(office: Office, tmp_path: Path, text: str, options: tuple[str, ...], says: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(AssertionError, match=says):
        office.type("attendance", "import", path, *CAMPAIGN, *options)


def test_bad_answers(office: Office, zoom: Path) -> None:
    office.type("attendance", "import", zoom, *CAMPAIGN, "--apply")
    (asked,) = shown(office, "review")
    for arguments, says in (
        ((999, "--nobody"), "There is nobody with the number 999"),
        ((asked["id"], "--likely"), "no municipality is likely"),
        ((asked["id"], "--as", "Nergens"), "'Nergens' is no municipality"),
        ((asked["id"],), "has to be said whose"),
        ((asked["id"], "--likely", "--nobody"), "has to be said whose"),
    ):
        with pytest.raises(AssertionError, match=says):
            office.type("attendance", "settle", *arguments)
    assert len(shown(office, "review")) == 1
    clock.move_to(BEGINS - timedelta(minutes=1))
    with pytest.raises(AssertionError, match="begins on 2026-03-30 10:00: nobody can have been there"):
        office.type("attendance", "import", zoom, *CAMPAIGN, "--apply")
    with pytest.raises(AssertionError, match="There is no campaign"):
        office.type("attendance", "import", zoom, "--campaign", "nothing", "--country", "BE")


@on_both
def test_a_person_can_ask_what_is_known_and_be_forgotten(office: Office, zoom: Path) -> None:
    office.type("attendance", "import", zoom, *CAMPAIGN, "--apply")
    known = json.loads(office.type("contacts", "show", "piet@gmail.com", "--json"))
    (found,) = known["attendance"]
    assert (found["campaign"], found["name"], found["minutes"]) == ("trial-be", "Piet Onbekend", 120)
    counted = json.loads(office.type("contacts", "show", AALST, "--json"))["attendance"]
    assert [(one["state"], one["municipality"]) for one in counted] == [("counted", "Aalst")]
    keys = office.rows(schema.attendance, "person_key")
    for address in ("piet@gmail.com", AALST):
        office.type("contacts", "erase", address, "--yes")
    assert rows(office)[0] == (COUNTED, None, None), "it counts, and nobody knows for whom"
    assert rows(office)[2] == (LEFT_OUT, None, None)
    after = office.rows(schema.attendance, "person_key")
    assert (after[0], after[2]) == ("erased:1", "erased:3")
    assert (after[1], after[3]) == (keys[1], keys[3])
    assert json.loads(office.type("contacts", "show", AALST, "--json"))["attendance"] == []


def test_when_their_time_is_over_only_counts_are_left(office: Office, zoom: Path, tmp_path: Path) -> None:
    office.type("attendance", "import", zoom, *CAMPAIGN, "--apply")
    second = tmp_path / "door.csv"
    second.write_text("Naam;E-mail\nAn;info@aalst.example\n")
    office.type("attendance", "import", second, *CAMPAIGN, "--apply")
    before = shown(office, "list", *CAMPAIGN)
    with office.write() as connection:
        connection.execute(sa.update(schema.campaign).values(finished_at=clock.now()))
    later = clock.now() + timedelta(days=3000)
    retention._stamp(office.workspace.root / retention._STAMP, clock.now())
    clock.move_to(later)
    assert not idle.nothing_to_do(office.workspace, later)
    removed = retention.apply(office.workspace, office.database, later)
    assert sum(removed.values()) >= 5
    assert all(key.startswith("erased:") for key in office.rows(schema.attendance, "person_key"))
    assert {name for _, name, _ in rows(office)} == {None}
    assert shown(office, "list", *CAMPAIGN) == before, "one on two lists is still one"
    assert retention.apply(office.workspace, office.database, later) == {}


def test_thanks_that_wait_are_not_sent_when_the_list_is_taken_back(office: Office, zoom: Path) -> None:
    office.type("attendance", "import", zoom, *CAMPAIGN, "--apply")
    clock.move_to(THANKS)
    office.run(max_seconds=0)
    assert set(states(office, "thanks").values()) == {MessageState.QUEUED}
    office.type("attendance", "undo", 1)
    assert told(office) == []
    assert set(states(office, "thanks").values()) == {MessageState.SKIPPED}
    office.type("attendance", "import", zoom, *CAMPAIGN, "--apply")
    assert told(office) == [("thanks", AALST), ("thanks", BRUGGE)]
