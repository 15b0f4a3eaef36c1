"""What follows from answers, and that each of it can be taken back: on both databases, with mails that go out."""

from __future__ import annotations

import email
import json
from collections.abc import Iterator
from dataclasses import replace
from email import policy
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from outreach import clock
from outreach.db import inbox, mailbox, schema
from outreach.inbound.parse import parse
from outreach.inbound.robots import is_robot
from outreach.jobs import resolve
from outreach.jobs.effects import effects_for, reply_address
from outreach.model.states import (
    EngagementKind,
    InboundKind,
    InboxState,
    Intent,
    MessageState,
    RegistrationState,
    Rung,
    SuppressionReason,
    SuppressionScope,
)
from outreach.model.values import Bounce, Verdict
from tests import databases
from tests.desks import OFFICE, Desk
from tests.servers.sink import Sink

E = EngagementKind
AALST, SECOND, GENT = "info@aalst.example", "burgemeester@aalst.example", "info@gent.example"
SESSION = """\
[session]
title = "A session"
start = 2026-06-04T10:00:00
end = 2026-06-04T12:00:00
time_zone = "Europe/Brussels"
place = "Town hall"
calendar = true
"""
YES = Verdict(InboundKind.REPLY, "test", 0.95, intent=Intent.REGISTER)
NO, STOP = replace(YES, intent=Intent.DECLINE), replace(YES, intent=Intent.UNSUBSCRIBE)


class Office(Desk):
    """The desk with a sink behind it, and letters that come in."""

    sink: Sink

    def letter(self, verdict: Verdict, sender: str = AALST, to: str = AALST, extra: str = "") -> int:
        """A letter from ``sender`` that answers our last mail to ``to`` is put into effect; its number."""
        about = self.message(to)
        with self.write() as connection:
            number = len(self.rows(schema.inbound_message, "id")) + 1
            raw = (
                f"From: A Person <{sender}>\r\nTo: {OFFICE}\r\nMessage-ID: <in{number}@{sender}>\r\n"
                f"Subject: Re\r\n{extra}\r\nText\r\n"
            ).encode()
            values = {
                "sender": "office",
                "folder": "INBOX",
                "uidvalidity": 1,
                "uid": number,
                "digest": f"d{number}",
                "state": InboxState.DONE,
                "received_at": clock.now(),
                "from_address": sender,
                "raw": raw,
            }
            inbound_id = mailbox.add_inbound(connection, values)
            assert inbound_id is not None
            mailbox.add_match(connection, inbound_id, about.message_id, Rung.IN_REPLY_TO, "test")
            parsed = parse(raw)
            handling = effects_for(self.workspace, "office", connection, clock.now()).apply(
                verdict,
                about,
                inbound_id=inbound_id,
                from_address=sender,
                reply_to=reply_address(parsed),
                robot=is_robot(parsed),
            )
            inbox.set_handling(connection, inbound_id, handling.state, handling.note)
        return inbound_id

    def undo(self, number: int) -> resolve.TakenBack:
        return resolve.undo(self.database, number, now=clock.now(), actor="ann")

    def place(self) -> list[RegistrationState]:
        return self.rows(schema.registration, "state")

    def suppressed(self) -> set[str]:
        return set(self.rows(schema.suppression, "address"))

    def sent(self) -> list[Any]:
        """What has arrived at the sink since it was asked last: the mails, parsed."""
        assert self.run().errors == []
        found = [email.message_from_bytes(one.raw, policy=policy.default) for one in self.sink.accepted()]
        seen, self.seen = self.seen, len(found)
        return found[seen:]

    seen = 0


@pytest.fixture(params=["sqlite", "postgresql"])
def office(
    request: pytest.FixtureRequest, blank_workspace: Path, tmp_path: Path, smtp_sink: Sink
) -> Iterator[Office]:
    more = getattr(request.function, "more", "")
    office = Office(
        blank_workspace,
        tmp_path / "w",
        smtp_port=smtp_sink.port,
        more="",
        inbox=f"soft_bounces = 2\n{more}",
        database=databases.postgres_url() if request.param == "postgresql" else "",
    )
    office.sink = smtp_sink
    path = office.folder / "campaigns" / "trial.toml"
    path.write_text(path.read_text().replace('[audience]\nper_municipality = "all"', SESSION + "[audience]"))
    office.launch(("Aalst", AALST), ("Aalst", SECOND), ("Gent", GENT))
    assert {mail["To"] for mail in office.sent()} == {AALST, GENT}
    office.at(days=1)
    yield office
    office.close()
    if request.param == "postgresql":
        databases.cluster().drop(office.workspace.database_url.rpartition("/")[2])


def event(mail: Any) -> str:
    (part,) = [part for part in mail.walk() if part.get_content_type() == "text/calendar"]
    return str(part.get_content()).replace("\r\n ", "").replace("\n ", "")


def step(mail: Any) -> str:
    return str(mail["Feedback-ID"]).partition(":")[0]


def test_a_changed_mind_is_followed_and_each_turn_can_be_taken_back(office: Office) -> None:
    first = office.letter(YES, "jan@aalst.example")
    (confirmation,) = office.sent()
    assert (step(confirmation), confirmation["To"]) == ("confirmation", "jan@aalst.example")
    assert confirmation["In-Reply-To"] == "<in1@jan@aalst.example>"
    assert "SEQUENCE:0" in event(confirmation)
    assert "PARTSTAT=ACCEPTED" in event(confirmation)

    no = office.letter(NO, "jan@aalst.example")
    (cancellation,) = office.sent()
    assert step(cancellation) == "cancellation"
    assert "METHOD:CANCEL" in event(cancellation)
    assert "SEQUENCE:1" in event(cancellation)
    assert office.place() == [RegistrationState.CANCELLED]

    office.letter(YES, "jan@aalst.example")
    (again,) = office.sent()
    assert "SEQUENCE:2" in event(again)
    uids = {
        line for mail in (confirmation, cancellation, again) for line in event(mail).split() if "UID:" in line
    }
    assert len(uids) == 1

    assert office.undo(3).gone == 1
    assert office.place() == [RegistrationState.CANCELLED]
    assert office.undo(first).events == 1
    assert office.place() == [], "a no alone makes no registration"
    office.undo(no)
    assert office.events() == []
    assert office.undo(no).nothing
    assert office.rows(schema.inbound_message, "state") == [InboxState.OPEN] * 3


def test_the_same_said_twice_is_answered_once_and_a_robot_never(office: Office) -> None:
    office.letter(YES)
    office.letter(YES)
    assert [step(mail) for mail in office.sent()] == ["confirmation"]
    office.letter(NO, GENT, GENT, extra="Auto-Submitted: auto-generated\r\n")
    office.letter(NO, "noreply@gent.example", GENT)
    office.letter(NO, OFFICE, GENT)
    assert office.sent() == []
    office.letter(NO, GENT, GENT)
    assert [step(mail) for mail in office.sent()] == ["declined"]


def test_a_reading_taken_back_before_its_answer_went_stops_it(office: Office) -> None:
    number = office.letter(YES)
    taken = office.undo(number)
    assert (taken.stopped, taken.gone) == (1, 0)
    assert office.sent() == []
    office.type("inbox", "resolve", number, "--as", "decline")
    assert [step(mail) for mail in office.sent()] == ["declined"]
    assert office.events() == [E.DECLINED]
    # a reading that was right after all is confirmed
    office.undo(number)
    office.type("inbox", "resolve", number, "--as", "register")
    assert [step(mail) for mail in office.sent()] == ["confirmation"]


def test_a_stop_counts_at_once_is_confirmed_once_and_can_be_taken_back(office: Office) -> None:
    colleague = "jan@aalst.example"
    one = office.letter(STOP, colleague)
    assert office.suppressed() == {AALST, colleague}
    (mail,) = office.sent()
    assert (step(mail), mail["To"]) == ("unsubscribed", colleague)
    two = office.letter(STOP, colleague)
    assert office.sent() == []
    office.undo(one)
    assert office.suppressed() == {AALST, colleague}, "another letter says the same"
    office.type("suppress", "add", colleague)
    office.undo(two)
    assert office.suppressed() == {colleague}, "what a person typed stands"
    assert office.rows(schema.suppression, "reason") == [SuppressionReason.MANUAL]


def test_a_stop_as_wide_as_the_municipality(office: Office) -> None:
    office.letter(STOP)
    assert office.suppressed() == {AALST, "Aalst (BE)"}
    assert set(office.rows(schema.suppression, "scope")) == {
        SuppressionScope.ADDRESS,
        SuppressionScope.MUNICIPALITY,
    }
    assert [step(mail) for mail in office.sent()] == ["unsubscribed"]
    office.import_([("Aalst", "nieuw@aalst.example"), ("Gent", GENT)])
    other = office.folder / "campaigns" / "trial.toml"
    other.with_name("second.toml").write_text(other.read_text())
    office.type("campaigns", "check", "second", "--country", "BE")
    assert "1 mail to" in office.type("campaigns", "launch", "second", "--country", "BE")
    office.undo(1)
    assert office.suppressed() == set()


test_a_stop_as_wide_as_the_municipality.more = 'stop = "municipality"'  # type: ignore[attr-defined]


def bounce(hard: bool) -> Verdict:
    status, reason = ("5.1.1", "user_unknown") if hard else ("5.2.2", "mailbox_full")
    return Verdict(InboundKind.BOUNCE, "test", 1.0, bounces=(Bounce(AALST, hard, status, reason),))


def test_a_dead_address_asks_for_another_which_is_written_to_when_accepted(office: Office) -> None:
    number = office.letter(bounce(hard=True), "mailer-daemon@aalst.example")
    assert office.suppressed() == {AALST}
    (proposal,) = json.loads(office.type("inbox", "proposals", "--json"))
    assert (proposal["municipality"], proposal["reason"], proposal["email"]) == ("Aalst", "bounced", SECOND)
    office.type("inbox", "accept", proposal["id"])
    assert [(mail["To"], step(mail)) for mail in office.sent()] == [(SECOND, "invitation")]
    assert json.loads(office.type("inbox", "proposals", "--json")) == []

    assert office.undo(number).kept == (SECOND,)
    assert office.suppressed() == set()
    assert office.messages()["invitation", AALST] is MessageState.SENT
    office.at(days=9)
    assert {mail["To"] for mail in office.sent()} == {AALST, SECOND, GENT}


def test_an_address_refused_at_once_asks_for_another_too(office: Office) -> None:
    office.sink.behaviour.on_rcpt = lambda address: "550 5.1.1 unknown" if address == AALST else None
    office.at(days=9)
    assert {mail["To"] for mail in office.sent()} == {GENT}
    (proposal,) = json.loads(office.type("inbox", "proposals", "--json"))
    assert (proposal["reason"], proposal["email"], proposal["instead_of"]) == ("bounced", SECOND, AALST)


def test_mails_that_come_back_for_now_count_towards_a_limit(office: Office) -> None:
    office.letter(bounce(hard=False))
    office.letter(bounce(hard=False))
    assert office.suppressed() == set(), "two reports of one mail are one mail"
    office.at(days=9)
    assert {mail["To"] for mail in office.sent()} == {AALST, GENT}
    third = office.letter(bounce(hard=False))
    assert office.suppressed() == {AALST}
    assert office.messages()["reminder", AALST] is MessageState.BOUNCED
    assert [one["email"] for one in json.loads(office.type("inbox", "proposals", "--json"))] == [SECOND]
    office.undo(third)
    assert office.suppressed() == set()
    assert office.messages()["reminder", AALST] is MessageState.SENT
    assert json.loads(office.type("inbox", "proposals", "--json")) == []


def test_a_referral_proposes_and_the_accepted_one_is_invited_and_reminded(office: Office) -> None:
    new = "digitaal@aalst.example"
    number = office.letter(replace(YES, intent=Intent.REFER, refer_to=(new, "x@aalst.example")))
    first, second = json.loads(office.type("inbox", "proposals", "--json"))
    assert (first["email"], first["instead_of"], first["from_address"]) == (new, AALST, AALST)
    office.type("inbox", "dismiss", second["id"])
    office.type("inbox", "accept", first["id"])
    (mail,) = office.sent()
    assert (mail["To"], step(mail)) == (new, "invitation")
    assert f"e-mail, {AALST}" in mail.get_body(("plain",)).get_content().replace("\n", " ")
    office.at(days=10)
    assert {mail["To"] for mail in office.sent()} == {new, GENT}, "no reminder to who referred us"
    with pytest.raises(AssertionError, match="no open proposal"):
        office.type("inbox", "accept", first["id"])
    assert office.undo(number).kept == (new,)


def test_a_proposal_needs_an_address_that_wants_mail(office: Office) -> None:
    office.letter(replace(YES, intent=Intent.REFER))
    with pytest.raises(AssertionError, match="has no address yet"):
        office.type("inbox", "accept", 1)
    with pytest.raises(AssertionError, match="is no mail address"):
        office.type("inbox", "accept", 1, "--email", "nobody")
    office.type("suppress", "add", "stop@aalst.example")
    with pytest.raises(AssertionError, match="is suppressed"):
        office.type("inbox", "accept", 1, "--email", "stop@aalst.example")
    office.type("inbox", "accept", 1, "--email", "ok@aalst.example", "--no-mail")
    assert office.sent() == []
    assert "ok@aalst.example" in office.rows(schema.contact, "email")
    assert office.undo(1).proposals == 1


def test_an_absence_and_a_skipped_mail_can_be_taken_back(office: Office) -> None:
    away = Verdict(InboundKind.AUTO_REPLY, "t", 1.0, intent=Intent.OUT_OF_OFFICE, until=clock.now().date())
    number = office.letter(away)
    assert any(office.rows(schema.recipient, "not_before"))
    office.undo(number)
    assert not any(office.rows(schema.recipient, "not_before"))
    with office.write() as connection:  # as if the answer had come between the planning and the sending
        connection.execute(
            sa.update(schema.message)
            .where(schema.message.c.email == GENT)
            .values(state=MessageState.SKIPPED, reason="answered")
        )
    wrong = office.letter(YES, GENT, AALST)
    with office.write() as connection:
        connection.execute(sa.update(schema.engagement).values(municipality_id=_town(connection, "Gent")))
    assert office.undo(wrong).requeued == 1
    assert [(mail["To"], step(mail)) for mail in office.sent()] == [(GENT, "invitation")]


def _town(connection: sa.Connection, name: str) -> int:
    table = schema.municipality
    return int(connection.execute(sa.select(table.c.id).where(table.c.name == name)).scalar_one())
