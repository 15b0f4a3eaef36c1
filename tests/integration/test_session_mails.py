"""Mails around a session, and its waiting list: on both databases, with mails that go out."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from outreach import clock
from outreach.db import campaigns, mailbox, schema
from outreach.db.effects import Seat
from outreach.db.mailbox import Answered
from outreach.jobs import idle, seats
from outreach.model.states import (
    AttendanceState,
    CampaignState,
    EngagementKind,
    InboundKind,
    Intent,
    MessageState,
    Presence,
    RegistrationState,
)
from outreach.model.values import Verdict
from tests import databases, histories
from tests.desks import HOURS, OFFICE, Desk
from tests.integration.test_what_follows import Office, event, step
from tests.servers.sink import Sink

AALST, GENT, BRUGGE = "info@aalst.example", "info@gent.example", "info@brugge.example"
TOWNS = (("Aalst", AALST), ("Gent", GENT), ("Brugge", BRUGGE))
#: A Monday, on the morning after the clocks were put forward.
SESSION = """\
[session]
title = "A session"
start = 2026-03-30T10:00:00
end = 2026-03-30T12:00:00
time_zone = "Europe/Brussels"
place = "Town hall"
online = "https://meet.test/session"
calendar = true
{places}
"""
STEPS = """
[[steps]]
name = "week-before"
before = "7 days"
[[steps]]
name = "day-before"
before = "1 day"
[[steps]]
name = "thanks"
after_session = "1 day"
"""
YES = Verdict(InboundKind.REPLY, "test", 0.95, intent=Intent.REGISTER)
NO = replace(YES, intent=Intent.DECLINE)
BEGINS = datetime(2026, 3, 30, 8, 0, tzinfo=UTC)  # 10:00 in summer time
WEEK_BEFORE = datetime(2026, 3, 23, 8, 0, tzinfo=UTC)  # 9:00, winter time
DAY_BEFORE = datetime(2026, 3, 27, 8, 0, tzinfo=UTC)  # the Friday
THANKS = datetime(2026, 3, 31, 7, 0, tzinfo=UTC)  # 9:00, summer time
R = RegistrationState


def desk(blank: Path, folder: Path, sink: Sink, url: str, places: str = "", inbox: str = "") -> Office:
    office = Office(blank, folder, smtp_port=sink.port, window=HOURS, inbox=inbox, database=url)
    office.sink = sink
    path = office.folder / "campaigns" / "trial.toml"
    session = SESSION.format(places=places)
    path.write_text(path.read_text().replace("[audience]", session + "[audience]") + STEPS)
    office.launch(*TOWNS)
    assert {mail["To"] for mail in office.sent()} == {AALST, GENT, BRUGGE}
    office.at(days=1)
    return office


@pytest.fixture
def office(
    request: pytest.FixtureRequest, blank_workspace: Path, tmp_path: Path, smtp_sink: Sink
) -> Iterator[Office]:
    url = databases.postgres_url() if getattr(request, "param", "") == "postgresql" else ""
    places = getattr(request.function, "places", "")
    office = desk(blank_workspace, tmp_path / "w", smtp_sink, url, places)
    yield office
    office.close()
    if url:
        databases.cluster().drop(url.rpartition("/")[2])


on_both = pytest.mark.parametrize("office", ["sqlite", "postgresql"], indirect=True)


def with_places(number: int) -> Any:
    def mark(test: Any) -> Any:
        test.places = f"places = {number}"
        return test

    return mark


def told(office: Office) -> list[tuple[str, str]]:
    """What has gone since it was asked last, but for reminders: step and address."""
    gone = sorted((step(mail), str(mail["To"]).rpartition("<")[2].rstrip(">")) for mail in office.sent())
    return [one for one in gone if one[0] != "reminder"]


def by_step(office: Office) -> dict[str, Any]:
    """The lines of the report by step."""
    sections = json.loads(office.type("report", "--json", "--cut", "step"))["sections"]
    return {line["key"]: line for line in sections[0]["lines"]}


def states(office: Office, *steps: str) -> dict[tuple[str, str], MessageState]:
    return {key: state for key, state in office.messages().items() if key[0] in steps}


def came(office: Office, *towns: str) -> int:
    """An attendance list in which somebody of each of ``towns`` stands; its number."""
    with office.write() as connection:
        of = office.campaign().id
        list_id = histories.add(
            connection,
            schema.attendance_list,
            campaign_id=of,
            at=clock.now(),
            actor="ann",
            file="list.csv",
            digest="d",
            format="list",
        )
        for name in towns:
            id_ = connection.execute(
                sa.select(schema.municipality.c.id).where(schema.municipality.c.name == name)
            ).scalar_one()
            histories.add(
                connection,
                schema.attendance,
                list_id=list_id,
                campaign_id=of,
                municipality_id=id_,
                state=AttendanceState.COUNTED,
                person_key=name,
                presence=Presence.ONLINE,
                known_by="name",
            )
        campaigns.plan_at(connection, of, clock.now())
    return list_id


@on_both
def test_those_registered_are_told_in_time_and_those_who_came_are_thanked(office: Office) -> None:
    office.letter(YES, "jan@aalst.example", AALST)
    office.letter(NO, GENT, GENT)
    assert told(office) == [("confirmation", "jan@aalst.example"), ("declined", GENT)]
    office.at(days=7, hours=1)
    assert [step(mail) for mail in office.sent()] == ["reminder"]
    clock.move_to(WEEK_BEFORE - timedelta(minutes=1))
    assert office.run().did_nothing
    clock.move_to(WEEK_BEFORE)
    (mail,) = office.sent()
    assert (step(mail), mail["To"]) == ("week-before", "jan@aalst.example")
    assert mail["Content-Language"] == "nl"
    assert "https://meet.test/session" in mail.get_body(("plain",)).get_content()
    assert not [part for part in mail.walk() if part.get_content_type() == "text/calendar"]
    clock.move_to(DAY_BEFORE)
    assert told(office) == [("day-before", "jan@aalst.example")]
    clock.move_to(BEGINS + timedelta(hours=3))
    came(office, "Aalst", "Brugge")  # which had no place
    assert office.run().did_nothing
    clock.move_to(THANKS)
    assert told(office) == [("thanks", BRUGGE), ("thanks", "jan@aalst.example")]
    assert office.campaign().state is CampaignState.RUNNING
    assert list(by_step(office)) == ["invitation", "reminder"]
    clock.move_to(THANKS + timedelta(days=30))
    office.run()
    assert office.campaign().state is CampaignState.FINISHED
    came(office, "Gent")
    assert office.run().did_nothing, "it is too late for thanks"


def test_an_answer_to_a_mail_around_the_session_counts_for_the_last_step(office: Office) -> None:
    office.letter(YES, AALST, AALST)
    clock.move_to(WEEK_BEFORE)
    office.sent()
    assert office.message(AALST).step == "week-before"
    office.letter(NO, AALST, AALST)
    assert office.place() == [R.CANCELLED]
    assert told(office) == [("cancellation", AALST)]
    assert by_step(office)["invitation"]["declined"] == 1
    clock.move_to(DAY_BEFORE)
    assert told(office) == []


@on_both
def test_a_place_given_back_before_the_mail_goes_stops_it_until_that_is_taken_back(office: Office) -> None:
    office.letter(YES, AALST, AALST)
    assert told(office) == [("confirmation", AALST)]
    office.type("campaigns", "pause", "trial", "--country", "BE")
    clock.move_to(WEEK_BEFORE)
    office.run()
    assert states(office, "week-before") == {}, "a paused campaign plans nothing"
    office.type("campaigns", "resume", "trial", "--country", "BE")
    office.run(max_seconds=0)
    assert states(office, "week-before") == {("week-before", AALST): MessageState.QUEUED}
    no = office.letter(NO, AALST, AALST)
    assert told(office) == [("cancellation", AALST)]
    assert states(office, "week-before") == {("week-before", AALST): MessageState.SKIPPED}
    assert "no_place" in office.type("messages", "list", "--state", "skipped")
    office.undo(no)  # it was read wrongly
    assert told(office) == [("week-before", AALST)]
    # given back and taken again: the confirmation says it all, and the next mail is the one that makes sense
    office.letter(NO, AALST, AALST)
    office.letter(YES, AALST, AALST)
    clock.move_to(DAY_BEFORE)
    assert ("day-before", AALST) in told(office)


def test_who_registers_late_gets_what_still_makes_sense(office: Office, tmp_path: Path) -> None:
    clock.move_to(WEEK_BEFORE + timedelta(days=2))
    office.letter(YES, AALST, AALST)
    assert told(office) == [("confirmation", AALST)]
    clock.move_to(DAY_BEFORE + timedelta(hours=2))
    office.letter(YES, GENT, GENT)
    assert told(office) == [("confirmation", GENT), ("day-before", AALST)]
    # Nobody has told these: a form tool was filled in.
    path = tmp_path / "form.csv"
    path.write_text("E-mail;Gemeente\nels@brugge.example;Brugge\n")
    office.type("registrations", "import", path, "--campaign", "trial-be", "--apply")
    assert told(office) == [("day-before", "els@brugge.example")]
    assert {key[0] for key in office.messages()} == {"invitation", "reminder", "confirmation", "day-before"}


@on_both
def test_once_the_session_has_begun_nothing_goes_and_a_person_is_told(office: Office) -> None:
    office.letter(YES, AALST, AALST)
    office.letter(YES, GENT, GENT)
    assert len(told(office)) == 2
    clock.move_to(DAY_BEFORE)
    office.run(max_seconds=0)  # it was written, and did not go
    assert states(office, "week-before", "day-before") == {
        ("day-before", AALST): MessageState.QUEUED,
        ("day-before", GENT): MessageState.QUEUED,
    }
    clock.move_to(BEGINS)
    office.run()
    assert set(states(office, "day-before").values()) == {MessageState.MISSED}
    number = office.rows(schema.message, "id", "state")[-1][0]
    missed = office.type("messages", "list", "--state", "missed")
    assert AALST in missed
    with pytest.raises(AssertionError, match="was to go before its session"):
        office.type("messages", "settle", number, "--resend")
    office.type("messages", "settle", number, "--cancel")
    assert "2 mails missed their last day" in office.type("campaigns", "status", "trial", "--country", "BE")


def test_a_run_that_comes_too_late_writes_down_who_was_not_told(office: Office) -> None:
    """cron had stopped before the weekend."""
    office.letter(YES, AALST, AALST)
    office.sent()
    clock.move_to(BEGINS + timedelta(minutes=1))
    office.letter(YES, GENT, GENT)  # who comes on the day needs no mail of the day before
    assert told(office) == [("confirmation", GENT)]
    assert states(office, "week-before", "day-before") == {("day-before", AALST): MessageState.MISSED}
    assert office.rows(schema.message, "reason")[-1] is not None


def test_of_two_that_are_due_the_later_one_goes(office: Office) -> None:
    office.letter(YES, AALST, AALST)
    office.sent()
    clock.move_to(WEEK_BEFORE)
    office.run(max_seconds=0)
    clock.move_to(DAY_BEFORE)
    assert told(office) == [("day-before", AALST)]
    assert states(office, "week-before") == {("week-before", AALST): MessageState.SKIPPED}


def test_one_mail_to_an_address_that_registered_two_municipalities(office: Office) -> None:
    office.letter(YES, "digital@region.example", AALST)
    office.letter(YES, "digital@region.example", GENT)
    office.sent()
    clock.move_to(WEEK_BEFORE)
    assert told(office) == [("week-before", "digital@region.example")]
    assert office.run().did_nothing


def test_an_address_that_said_stop_gets_none(office: Office) -> None:
    office.letter(YES, AALST, AALST)
    office.sent()
    office.type("suppress", "add", AALST)
    clock.move_to(WEEK_BEFORE)
    assert told(office) == []
    assert states(office, "week-before") == {("week-before", AALST): MessageState.SKIPPED}


@on_both
def test_a_list_of_who_came_that_is_taken_back_stops_the_thanks(office: Office) -> None:
    clock.move_to(BEGINS + timedelta(hours=3))
    office.run()
    list_id = came(office, "Aalst")
    clock.move_to(THANKS)
    office.run(max_seconds=0)
    with office.write() as connection:
        connection.execute(sa.delete(schema.attendance).where(schema.attendance.c.list_id == list_id))
    assert told(office) == []
    assert states(office, "thanks") == {("thanks", AALST): MessageState.SKIPPED}
    came(office, "Aalst")  # it was right after all
    assert told(office) == [("thanks", AALST)]


def test_an_idle_run_stays_idle_until_one_is_due(
    blank_workspace: Path, tmp_path: Path, smtp_sink: Sink
) -> None:
    office = desk(blank_workspace, tmp_path / "w", smtp_sink, "")
    office.letter(YES, AALST, AALST)
    office.letter(NO, GENT, GENT)
    office.letter(NO, BRUGGE, BRUGGE)
    office.run()
    clock.move_to(WEEK_BEFORE - timedelta(minutes=1))
    assert idle.nothing_to_do(office.workspace, clock.now())
    clock.move_to(WEEK_BEFORE)
    assert not idle.nothing_to_do(office.workspace, clock.now())
    office.close()


def test_it_is_announced_before_the_launch_and_after(
    blank_workspace: Path, tmp_path: Path, smtp_sink: Sink
) -> None:
    office = desk(blank_workspace, tmp_path / "w", smtp_sink, "", "places = 2")
    office.letter(YES, AALST, AALST)
    shown = office.type("campaigns", "status", "trial", "--country", "BE")
    assert "1 of 2 places taken." in shown
    assert "Then week-before to those registered, 7 days before the session: from Monday 2026-03-23." in shown
    assert "Then thanks to those who were there, 1 day after the session: from Tuesday 2026-03-31." in shown
    data = json.loads(office.type("campaigns", "status", "trial", "--country", "BE", "--json"))
    assert data["places"] == {"there_are": 2, "taken": 1, "waiting": 0}
    assert [one["step"] for one in data["around_session"]] == ["week-before", "day-before", "thanks"]
    office.close()


@on_both
def test_a_session_that_is_moved_is_told_and_moves_in_calendars(office: Office) -> None:
    office.letter(YES, "jan@aalst.example", AALST)
    (confirmation,) = office.sent()
    path = office.folder / "campaigns" / "trial.toml"
    launched = path.read_text()
    arguments = ("campaigns", "change-session", "trial", "--country", "BE")
    assert "is as campaigns/trial.toml has it" in office.type(*arguments)
    path.write_text(
        launched.replace("2026-03-30T", "2026-04-09T")
        .replace("https://meet.test/session", "https://meet.test/other")
        .replace('title = "A trial"', 'title = "Something else, which stays frozen"')
    )
    clock.move_to(WEEK_BEFORE)
    office.run(max_seconds=0)  # the mail of the old week before is written, and has not gone
    shown = json.loads(office.type(*arguments, "--json"))
    assert [one["what"] for one in shown["differences"]] == ["start", "end", "online"]
    assert (shown["told"], shown["applied"]) == (1, False)
    assert "2026-04-09 10:00" in office.type(*arguments, "--apply")
    mails = [mail for mail in office.sent() if step(mail) != "reminder"]
    (mail,) = mails
    assert (step(mail), mail["To"]) == ("session-changed", "jan@aalst.example")
    assert "https://meet.test/other" in mail.get_body(("plain",)).get_content()
    was, now = event(confirmation), event(mail)
    uid = next(line for line in was.split() if line.startswith("UID:"))
    assert uid in now
    assert "SEQUENCE:0" in was
    assert "SEQUENCE:100" in now
    assert "20260409T080000Z" in now
    assert office.campaign().title == "A trial"
    assert "campaigns.change-session" in office.rows(schema.audit, "action")
    # the mail of the week before goes a week before the new day: Thursday, 2 April
    clock.move_to(datetime(2026, 4, 2, 7, 0, tzinfo=UTC))
    (mail,) = office.sent()
    assert step(mail) == "week-before"
    assert "https://meet.test/other" in mail.get_body(("plain",)).get_content()
    # who gives the place back after a change: their calendar takes that as the newest, too
    office.letter(NO, "jan@aalst.example", AALST)
    (mail,) = office.sent()
    assert "SEQUENCE:101" in event(mail)


def test_a_session_that_cannot_be_moved(office: Office) -> None:
    path = office.folder / "campaigns" / "trial.toml"
    launched = path.read_text()
    arguments = ("campaigns", "change-session", "trial", "--country", "BE", "--apply")
    for text, says in (
        (launched.replace("2026-03-30T", "2026-03-01T"), "has passed"),
        (
            launched[: launched.index("[session]")]
            + launched[launched.index("[audience]") :].replace(STEPS, ""),
            "has no session for BE any more",
        ),
    ):
        path.write_text(text)
        with pytest.raises(AssertionError, match=says):
            office.type(*arguments)
    path.write_text(launched.replace("2026-03-30T", "2026-04-09T"))
    office.type("campaigns", "pause", "trial", "--country", "BE")
    office.type(*arguments)
    clock.move_to(datetime(2026, 4, 9, 9, 0, tzinfo=UTC))
    with pytest.raises(AssertionError, match="has begun"):
        office.type(*arguments)
    office.type("campaigns", "cancel", "trial", "--country", "BE", "--yes")
    with pytest.raises(AssertionError, match="is cancelled: nothing goes out of it"):
        office.type(*arguments)


class TestWaitingList:
    @on_both
    @with_places(1)
    def test_moves_up_in_turn_with_a_confirmation(self, office: Office) -> None:
        first = office.letter(YES, AALST, AALST)
        office.letter(YES, "piet@gent.example", GENT)
        office.letter(YES, BRUGGE, BRUGGE)
        assert told(office) == [
            ("confirmation", AALST),
            ("waiting-list", BRUGGE),
            ("waiting-list", "piet@gent.example"),
        ]
        assert office.place() == [R.REGISTERED, R.WAITING, R.WAITING]
        office.letter(YES, BRUGGE, BRUGGE)  # says so once more: its turn stays, and it is not told again
        assert told(office) == []
        assert office.place() == [R.REGISTERED, R.WAITING, R.WAITING]
        total = json.loads(office.type("report", "--json"))["total"]
        assert (total["registered"], total["answered"]) == (1, 3)

        office.letter(NO, AALST, AALST)
        mails = office.sent()
        assert sorted(step(mail) for mail in mails) == ["cancellation", "confirmation"]
        (mail,) = [mail for mail in mails if step(mail) == "confirmation"]
        assert mail["To"] == "piet@gent.example"
        assert "PARTSTAT=ACCEPTED" in event(mail)
        assert office.place() == [R.CANCELLED, R.REGISTERED, R.WAITING]
        assert "1 municipality waits" in office.type("campaigns", "status", "trial", "--country", "BE")

        # The no is taken back: there are two then, and nobody loses a place that was confirmed.
        office.undo(5)
        assert told(office) == []
        assert office.place() == [R.REGISTERED, R.REGISTERED, R.WAITING]
        office.undo(2)  # the answer that waited: its place goes with it
        office.undo(first)
        assert told(office) == [("confirmation", BRUGGE)]
        assert office.place() == [R.REGISTERED]

    @with_places(1)
    def test_who_comes_when_others_wait_does_not_overtake_them(self, office: Office) -> None:
        office.letter(YES, AALST, AALST)
        office.letter(YES, GENT, GENT)
        office.letter(NO, AALST, AALST)  # and before anybody has moved up:
        office.letter(YES, BRUGGE, BRUGGE)
        office.run()
        with office.database.read() as connection:
            rows = connection.execute(
                sa.select(schema.municipality.c.name, schema.registration.c.state).join(
                    schema.municipality, schema.municipality.c.id == schema.registration.c.municipality_id
                )
            )
            assert dict(map(tuple, rows)) == {
                "Aalst": R.CANCELLED,
                "Gent": R.REGISTERED,
                "Brugge": R.WAITING,
            }

    @with_places(1)
    def test_those_who_wait_get_no_mail_before_the_session(self, office: Office) -> None:
        office.letter(YES, AALST, AALST)
        office.letter(YES, GENT, GENT)
        office.sent()
        clock.move_to(WEEK_BEFORE)
        assert ("week-before", GENT) not in told(office)
        # one moves up on the Wednesday: its confirmation says all, and it gets the next one
        clock.move_to(WEEK_BEFORE + timedelta(days=2))
        office.letter(NO, AALST, AALST)
        assert told(office) == [("cancellation", AALST), ("confirmation", GENT)]
        clock.move_to(DAY_BEFORE)
        assert told(office) == [("day-before", GENT)]
        clock.move_to(BEGINS + timedelta(minutes=1))
        office.letter(NO, GENT, GENT)
        office.letter(YES, BRUGGE, BRUGGE)
        assert office.run().errors == []

    @on_both
    @with_places(1)
    def test_of_a_list_too(self, office: Office, tmp_path: Path) -> None:
        path = tmp_path / "form.csv"
        path.write_text("E-mail;Gemeente\nels@brugge.example;Brugge\njan@gent.example;Gent\n")
        arguments = ("registrations", "import", path, "--campaign", "trial-be")
        shown = json.loads(office.type(*arguments, "--json"))
        assert [one["change"] for one in shown["entries"]] == ["new", "waiting"]
        office.type(*arguments, "--apply")
        assert office.place() == [R.REGISTERED, R.WAITING]
        again = json.loads(office.type(*arguments, "--apply", "--json"))
        assert [one["change"] for one in again["entries"]] == ["same", "same"]
        office.letter(NO, BRUGGE, BRUGGE)
        assert told(office) == [("cancellation", BRUGGE), ("confirmation", "jan@gent.example")]
        assert office.place() == [R.CANCELLED, R.REGISTERED]

    @on_both
    @with_places(1)
    def test_two_answers_at_once_do_not_get_the_same_place(self, office: Office) -> None:
        """Two runs read two mailboxes."""
        abouts = [office.message(email) for email in (AALST, GENT, BRUGGE)]
        barrier = threading.Barrier(len(abouts))
        found: list[RegistrationState | None] = []

        one_writes = office.database.sqlite_path is not None  # and the others wait for it

        def take(about: Answered) -> None:
            seat = Seat(about.campaign_id, about.municipality_id)
            if one_writes:
                barrier.wait(30)
            with office.database.write() as connection:
                mailbox.add_engagement(
                    connection, EngagementKind.REGISTERED, about, at=clock.now(), inbound_id=None
                )
                if not one_writes:
                    barrier.wait(30)
                state = seats.claim(
                    connection,
                    seat,
                    R.REGISTERED,
                    name=None,
                    email=None,
                    inbound_id=None,
                    now=clock.now(),
                )
            found.append(state)

        threads = [threading.Thread(target=take, args=(one,)) for one in abouts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sorted(filter(None, found)) == [R.REGISTERED, R.WAITING, R.WAITING]


def test_the_check_says_what_nobody_would_be_told(blank_workspace: Path, tmp_path: Path) -> None:
    office = Desk(blank_workspace, tmp_path / "w", window=HOURS, inbox="confirm = false")
    path = office.folder / "campaigns" / "trial.toml"
    session = SESSION.format(places="places = 1")
    path.write_text(path.read_text().replace("[audience]", session + "[audience]"))
    office.import_(TOWNS)
    arguments = ("campaigns", "check", "trial", "--country", "BE")
    found = {one["rule"] for one in json.loads(office.type(*arguments, "--json"))["findings"]}
    assert {"session-unannounced", "waiting-list-untold"} <= found
    path.write_text(path.read_text() + STEPS)
    shown = json.loads(office.type(*arguments, "--json"))
    assert "session-unannounced" not in {one["rule"] for one in shown["findings"]}
    assert shown["rendered"] == 3 * 5
    path.write_text(path.read_text() + '[[steps]]\nname = "month-before"\nbefore = "30 days"\n')
    with pytest.raises(AssertionError, match="no mail _shared/month-before in the language 'nl'"):
        office.type(*arguments)
    path.write_text(path.read_text().replace("month-before", "week-before-that"))
    (office.folder / "templates" / "_shared" / "week-before-that.nl.md").write_text(
        (office.folder / "templates" / "_shared" / "week-before.nl.md").read_text()
    )
    own = office.folder / "templates" / "lordimas" / "thanks.nl.md"
    own.write_text('+++\nsubject = "Dank"\nrevision = 1\n+++\n{{ greeting }}\n\nDank u.\n')
    office.type(*arguments)
    office.type("campaigns", "preview", "trial", "--country", "BE", "--dir", tmp_path / "p")
    assert "Dank u." in (tmp_path / "p" / "thanks.nl.txt").read_text()
    assert "BEGIN:VCALENDAR" not in (tmp_path / "p" / "week-before.nl.eml").read_text()
    assert OFFICE in (tmp_path / "p" / "week-before.nl.eml").read_text()
    office.close()
