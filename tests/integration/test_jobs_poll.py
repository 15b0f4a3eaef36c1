"""Reading a mailbox: each message once, whatever happens between; and what follows from each kind of message."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from outreach import clock
from outreach.db import mailbox, schema
from outreach.delivery import tokens
from outreach.errors import MailServerError
from outreach.imap import Fetched, FolderState
from outreach.jobs import poll_inbox
from outreach.jobs.effects import Effects, Handling
from outreach.model.states import (
    EngagementKind,
    InboundKind,
    InboxState,
    Intent,
    MessageState,
    RegistrationState,
    SuppressionReason,
)
from outreach.model.values import Bounce, FormRegistration, Rsvp, Verdict
from tests.desks import OFFICE, Desk
from tests.servers.sink import Sink

TOWN = ("Aalst-Noord", "info@aalst.example")
OTHER = ("Gent-Oud", "info@gent.example")
DESK = "desk@elsewhere.example"


@dataclass
class Folder:
    """A mailbox: what a server keeps, at the boundary where the gateway gives it out."""

    uidvalidity: int = 7
    messages: dict[int, bytes] = field(default_factory=dict)
    uidnext: int = 1
    error: MailServerError | None = None
    opened: int = 0
    asked: list[tuple[int, date | None]] = field(default_factory=list)

    def add(self, raw: bytes) -> int:
        self.messages[self.uidnext] = raw
        self.uidnext += 1
        return self.uidnext - 1

    def renumber(self) -> None:
        """The folder is made anew, as after a move to another server."""
        kept = list(self.messages.values())
        self.uidvalidity += 1
        self.messages, self.uidnext = {}, 1
        for raw in kept:
            self.add(raw)

    folder: str = "INBOX"

    def chosen(self, wanted: tuple[str, ...]) -> list[str]:
        return list(wanted)

    def look(self, folder: str) -> FolderState:
        return FolderState(self.uidvalidity, self.uidnext)

    def since(self, last_uid: int, *, since_date: date | None = None) -> Iterator[Fetched]:
        self.asked.append((last_uid, since_date))
        for uid, raw in sorted(self.messages.items()):
            if uid > last_uid:
                yield Fetched(uid, datetime(2026, 3, 3, tzinfo=UTC), raw)


@pytest.fixture
def inbox(monkeypatch: pytest.MonkeyPatch) -> Folder:
    folder = Folder()

    @contextmanager
    def opened(_account: object, _name: str) -> Iterator[Folder]:
        folder.opened += 1
        if folder.error:
            raise folder.error
        yield folder

    monkeypatch.setattr(poll_inbox, "open_mailbox", opened)
    return folder


@pytest.fixture(scope="module")
def invited(blank_workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("poll")
    with Sink(folder / "accepted.jsonl") as sink:
        desk = Desk(blank_workspace, folder / "w", smtp_port=sink.port)
        desk.launch(TOWN, OTHER)
        assert desk.run().sent.sent == 2
        desk.close()
    return desk.folder


@pytest.fixture
def desk(invited: Path, tmp_path: Path, inbox: Folder) -> Iterator[Desk]:
    desk = Desk(invited, tmp_path / "w", reads=True)
    desk.at(days=1)
    yield desk
    desk.close()


def reply(desk: Desk, number: int = 1, text: str = "Ja, wij doen graag mee.", sender: str = TOWN[1]) -> bytes:
    """Somebody answers the invitation to :data:`TOWN`."""
    with desk.database.read() as connection:
        statement = sa.select(schema.message.c.internet_message_id).where(schema.message.c.email == TOWN[1])
        about = connection.execute(statement).scalars().first()
    return (
        f"From: {sender}\r\nTo: {OFFICE}\r\nSubject: Re: uitnodiging\r\nMessage-ID: <{number}@aalst.example>\r\n"
        f"In-Reply-To: {about}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
    ).encode()


def poll(desk: Desk, **options: Any) -> poll_inbox.PollReport:
    return poll_inbox.poll(desk.workspace, desk.database, clock.now, **options)


def cursors(desk: Desk) -> list[Any]:
    return desk.rows(schema.mailbox_cursor, "uidvalidity", "last_uid")


class TestOnce:
    def test_each_message_is_read_once(self, desk: Desk, inbox: Folder) -> None:
        uids = [inbox.add(reply(desk, number)) for number in range(3)]
        assert poll(desk).read == 3
        assert cursors(desk) == [(7, uids[-1])]
        assert poll(desk).read == 0
        inbox.add(reply(desk, 3))
        assert poll(desk).read == 1
        assert desk.rows(schema.inbound_message, "uid") == [1, 2, 3, 4]

    def test_the_first_reading_begins_with_the_launch(self, desk: Desk, inbox: Folder) -> None:
        poll(desk)
        assert inbox.asked == [(0, date(2026, 3, 2))]
        inbox.add(reply(desk))
        poll(desk)
        assert inbox.asked[1:] == [(0, None)]

    def test_old_mail_is_passed_over_for_good(self, desk: Desk, inbox: Folder) -> None:
        inbox.uidnext = 4000
        poll(desk)
        assert cursors(desk) == [(7, 3999)]

    def test_a_mailbox_made_anew_is_read_again_without_effect(self, desk: Desk, inbox: Folder) -> None:
        inbox.add(reply(desk))
        poll(desk)
        events = desk.events()
        inbox.renumber()
        inbox.add(reply(desk, 2, sender=DESK))
        poll(desk)
        assert cursors(desk) == [(8, 2)]
        assert len(desk.rows(schema.inbound_message, "id")) == 2
        assert len(desk.events()) == 2 * len(events) == 2

    def test_the_same_message_put_there_twice_counts_once(self, desk: Desk, inbox: Folder) -> None:
        inbox.add(reply(desk))
        inbox.add(reply(desk))
        poll(desk)
        assert desk.events() == [EngagementKind.REGISTERED]
        assert cursors(desk) == [(7, 2)]

    def test_enough_leaves_the_rest_for_the_next_run(self, desk: Desk, inbox: Folder) -> None:
        for number in range(3):
            inbox.add(reply(desk, number))
        assert poll(desk, enough=lambda: True).read == 1
        assert cursors(desk) == [(7, 1)]
        assert poll(desk).read == 2

    @pytest.mark.parametrize("step", ["add_inbound", "add_match", "add_verdict", "register", "move_cursor"])
    def test_killed_at_any_step_nothing_is_lost_and_nothing_is_there_twice(
        self, desk: Desk, inbox: Folder, monkeypatch: pytest.MonkeyPatch, step: str
    ) -> None:
        inbox.add(reply(desk))

        def killed(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(mailbox, step, killed)
            with pytest.raises(KeyboardInterrupt):
                poll(desk)
        for table in (schema.inbound_message, schema.verdict, schema.inbound_match, schema.registration):
            assert desk.rows(table, "id") == []
        assert desk.events() == []
        assert cursors(desk) == []
        assert poll(desk).read == 1
        assert desk.events() == [EngagementKind.REGISTERED]


class TestAside:
    def test_one_that_cannot_be_processed_is_kept_whole_and_stops_no_other(
        self, desk: Desk, inbox: Folder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bad, good = reply(desk, 1, "BAD"), reply(desk, 2)
        classify = poll_inbox.classify.classify

        def fragile(parsed: Any, **options: Any) -> Verdict:
            if "BAD" in str(parsed):
                raise RecursionError("too deep")
            return classify(parsed, **options)

        monkeypatch.setattr(poll_inbox.classify, "classify", fragile)
        inbox.add(bad)
        inbox.add(good)
        report = poll(desk)
        assert (report.read, report.aside, report.errors) == (2, 1, [])
        assert desk.rows(schema.inbound_message, "state", "raw") == [
            (InboxState.ASIDE, bad),
            (InboxState.DONE, good),
        ]
        assert "RecursionError" in desk.rows(schema.inbound_message, "note")[0]
        listed = json.loads(desk.type("inbox", "list", "--json"))
        assert [one["state"] for one in listed] == ["aside"]
        assert desk.type("inbox", "show", "1")
        assert desk.type("inbox", "resolve", "1", "--note", "looked")
        assert poll(desk).read == 0

    @pytest.mark.parametrize(
        "raw",
        [b"", b"\x00" * 100, b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x", b"\xff" * 3000],
        ids=["nothing", "zeros", "cut off", "no text"],
    )
    def test_whatever_the_bytes_are_the_cursor_goes_on(self, desk: Desk, inbox: Folder, raw: bytes) -> None:
        inbox.add(raw)
        assert poll(desk).errors == []
        assert cursors(desk) == [(7, 1)]
        assert desk.events() == []


def test_our_own_mail_is_no_answer(desk: Desk, inbox: Folder) -> None:
    answer = reply(desk, 1, sender=f"The Office <{OFFICE.upper()}>")
    inbox.add(answer.replace(f"To: {OFFICE}".encode(), f"To: {TOWN[1]}".encode()))
    assert poll(desk).kinds == {"other": 1}
    assert desk.events() == []
    assert desk.rows(schema.inbound_message, "state") == [InboxState.DONE]


def test_a_colleague_answers_for_the_municipality_and_a_stranger_for_nobody(
    desk: Desk, inbox: Folder
) -> None:
    inbox.add(reply(desk, 1, sender="jan.claes@aalst.example"))
    inbox.add(
        b"From: shop@stranger.example\r\nSubject: Offer\r\nMessage-ID: <1@s.example>\r\n\r\nJa, wij doen mee.\r\n"
    )
    poll(desk)
    assert desk.rows(schema.engagement, "municipality_id")[2:] == [desk.message(TOWN[1]).municipality_id]


def test_an_answer_settles_what_was_uncertain(desk: Desk, inbox: Folder) -> None:
    with desk.write() as connection:
        connection.execute(sa.update(schema.message).values(state=MessageState.UNCERTAIN, sent_at=None))
    inbox.add(reply(desk))
    poll(desk)
    assert desk.messages() == {
        ("invitation", TOWN[1]): MessageState.SENT,
        ("invitation", OTHER[1]): MessageState.UNCERTAIN,
    }


def test_a_mailbox_that_cannot_be_read_is_told_and_keeps_nothing_from_being_sent(
    desk: Desk, inbox: Folder
) -> None:
    inbox.error = MailServerError("Nothing answers at 127.0.0.1:1.", "Look.")
    report = desk.run()
    assert report.errors == ["office: Nothing answers at 127.0.0.1:1. Look."]
    assert report.exit_code == 6
    inbox.error = None
    inbox.add(reply(desk))
    assert desk.run().polled.read == 1


def test_no_mailbox_is_opened_before_a_launch(blank_workspace: Path, tmp_path: Path, inbox: Folder) -> None:
    desk = Desk(blank_workspace, tmp_path / "other", reads=True)
    desk.run()
    assert inbox.opened == 0
    desk.close()


# --- what follows


REPLY = Verdict(InboundKind.REPLY, "test", 0.95)
E = EngagementKind
DONE, OPEN = InboxState.DONE, InboxState.OPEN

CASES: list[tuple[str, Verdict, set[EngagementKind], RegistrationState | None, set[str], InboxState]] = [
    # name, verdict, events, registration, suppressed, for a person?
    ("yes", replace(REPLY, intent=Intent.REGISTER), {E.REGISTERED}, RegistrationState.REGISTERED, set(), DONE),
    ("no", replace(REPLY, intent=Intent.DECLINE), {E.DECLINED}, None, set(), DONE),
    ("question", replace(REPLY, intent=Intent.QUESTION), {E.ANSWERED}, None, set(), OPEN),
    ("referral", replace(REPLY, intent=Intent.REFER, refer_to=("a@b.example",)), {E.ANSWERED}, None, set(), OPEN),
    ("thanks", replace(REPLY, intent=Intent.OTHER), {E.ANSWERED}, None, set(), DONE),
    ("stop", replace(REPLY, intent=Intent.UNSUBSCRIBE), {E.UNSUBSCRIBED}, None, {TOWN[1], DESK}, DONE),
    ("yes, perhaps", replace(REPLY, intent=Intent.REGISTER, confidence=0.7), {E.ANSWERED}, None, set(), OPEN),
    ("stop, perhaps", replace(REPLY, intent=Intent.UNSUBSCRIBE, confidence=0.7), {E.ANSWERED}, None, set(), OPEN),
    (
        "unsubscribe button",
        Verdict(InboundKind.UNSUBSCRIBE, "test", 1.0),
        {E.UNSUBSCRIBED},
        None,
        {TOWN[1], DESK},
        DONE,
    ),
    ("complaint", Verdict(InboundKind.COMPLAINT, "test", 1.0), {E.COMPLAINED}, None, {TOWN[1]}, DONE),
    *(
        (
            f"calendar: {answer}",
            Verdict(InboundKind.RSVP, "test", 1.0, rsvp=Rsvp(answer, "uid")),
            {event},
            state,
            set[str](),
            DONE,
        )
        for answer, event, state in (
            ("accepted", E.REGISTERED, RegistrationState.REGISTERED),
            ("tentative", E.TENTATIVE, RegistrationState.TENTATIVE),
            ("declined", E.DECLINED, None),
        )
    ),
    (
        "form",
        Verdict(InboundKind.REGISTRATION, "test", 1.0, registration=FormRegistration("An", "an@aalst.example")),
        {E.REGISTERED},
        RegistrationState.REGISTERED,
        set(),
        DONE,
    ),
    (
        "out of office",
        Verdict(InboundKind.AUTO_REPLY, "test", 1.0, intent=Intent.OUT_OF_OFFICE, until=date(2026, 3, 20)),
        {E.AUTO_REPLIED},
        None,
        set(),
        DONE,
    ),
    (
        "receipt",
        Verdict(InboundKind.AUTO_REPLY, "test", 1.0, intent=Intent.RECEIPT),
        {E.AUTO_REPLIED},
        None,
        set(),
        DONE,
    ),
    (
        "address change",
        Verdict(InboundKind.AUTO_REPLY, "test", 1.0, intent=Intent.ADDRESS_CHANGE, refer_to=("n@b.example",)),
        {E.AUTO_REPLIED},
        None,
        set(),
        OPEN,
    ),
    (
        "dead address",
        Verdict(InboundKind.BOUNCE, "test", 1.0, bounces=(Bounce(TOWN[1], True, "5.1.1", "user_unknown"),)),
        {E.BOUNCED},
        None,
        {TOWN[1]},
        DONE,
    ),
    (
        "mailbox full",
        Verdict(InboundKind.BOUNCE, "test", 1.0, bounces=(Bounce(TOWN[1], False, "5.2.2", "mailbox_full"),)),
        {E.SOFT_BOUNCED},
        None,
        set(),
        DONE,
    ),
    ("cannot be read", Verdict(InboundKind.OTHER, "none", 0.0), set(), None, set(), OPEN),
]  # fmt: skip


def apply(desk: Desk, verdict: Verdict, *, matched: bool = True) -> Handling:
    """Put ``verdict`` into effect for a message from :data:`DESK`, an address that we never wrote to."""
    about = desk.message(TOWN[1]) if matched else None
    with desk.write() as connection:
        inbound_id = mailbox.add_inbound(
            connection,
            {
                "sender": "office",
                "folder": "INBOX",
                "uidvalidity": 1,
                "uid": len(desk.rows(schema.inbound_message, "id")) + 1,
                "digest": "d",
                "state": DONE,
                "received_at": clock.now(),
                "from_address": DESK,
            },
        )
        assert inbound_id is not None
        key = desk.workspace.key
        effects = Effects(connection, lambda address: tokens.suppression_key(key, address), clock.now())
        return effects.apply(verdict, about, inbound_id=inbound_id, from_address=DESK)


@pytest.mark.parametrize(
    ("verdict", "events", "registration", "suppressed", "state"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_what_follows(
    desk: Desk,
    verdict: Verdict,
    events: set[EngagementKind],
    registration: RegistrationState | None,
    suppressed: set[str],
    state: InboxState,
) -> None:
    handling = apply(desk, verdict)
    assert handling.state is state
    assert (handling.note is not None) is (state is OPEN)
    assert set(desk.events()) == events
    assert desk.rows(schema.registration, "state") == ([registration] if registration else [])
    assert set(desk.rows(schema.suppression, "address")) == suppressed
    bounced = MessageState.BOUNCED if E.BOUNCED in events else MessageState.SENT
    assert desk.messages()["invitation", TOWN[1]] is bounced
    assert desk.messages()["invitation", OTHER[1]] is MessageState.SENT
    assert any(desk.rows(schema.recipient, "not_before")) is (verdict.until is not None)


UNMATCHED = [case for case in CASES if case[0] not in ("dead address", "mailbox full")]


@pytest.mark.parametrize("verdict", [case[1] for case in UNMATCHED], ids=[case[0] for case in UNMATCHED])
def test_what_is_about_none_of_our_mails_changes_no_figure(desk: Desk, verdict: Verdict) -> None:
    handling = apply(desk, verdict, matched=False)
    assert desk.events() == []
    assert desk.rows(schema.registration, "id") == []
    machine = verdict.kind in (InboundKind.AUTO_REPLY, InboundKind.OTHER)
    assert handling.state is (DONE if machine else OPEN)
    stop = verdict.kind is InboundKind.UNSUBSCRIBE or verdict.intent is Intent.UNSUBSCRIBE
    sure = stop and verdict.confidence >= 0.8
    assert desk.rows(schema.suppression, "address") == ([DESK] if sure else [])


def test_an_absence_of_a_year_is_a_misreading(desk: Desk) -> None:
    away = Verdict(InboundKind.AUTO_REPLY, "t", 1.0, intent=Intent.OUT_OF_OFFICE, until=date(2027, 3, 20))
    apply(desk, away)
    apply(desk, replace(away, until=date(2026, 2, 1)))
    assert not any(desk.rows(schema.recipient, "not_before"))


def test_a_no_after_a_yes_gives_the_place_back(desk: Desk) -> None:
    apply(desk, replace(REPLY, intent=Intent.REGISTER))
    apply(desk, replace(REPLY, intent=Intent.DECLINE))
    assert desk.rows(schema.registration, "state") == [RegistrationState.CANCELLED]


def test_a_suppression_keeps_its_first_reason(desk: Desk) -> None:
    apply(desk, Verdict(InboundKind.UNSUBSCRIBE, "test", 1.0))
    apply(desk, Verdict(InboundKind.COMPLAINT, "test", 1.0))
    reasons = dict(desk.rows(schema.suppression, "address", "reason"))
    assert reasons[TOWN[1]] is SuppressionReason.UNSUBSCRIBED


class TestResolve:
    def doubtful(self, desk: Desk, inbox: Folder) -> None:
        inbox.add(reply(desk, 1, "Wat kost de deelname?"))
        assert poll(desk).open == 1
        assert desk.events() == [E.ANSWERED]

    @pytest.mark.parametrize(
        ("meaning", "event", "registration"),
        [
            ("register", E.REGISTERED, [RegistrationState.REGISTERED]),
            ("decline", E.DECLINED, []),
            ("unsubscribe", E.UNSUBSCRIBED, []),
            ("question", E.ANSWERED, []),
            ("other", E.ANSWERED, []),
        ],
    )
    def test_what_a_person_says_stands_instead(
        self, desk: Desk, inbox: Folder, meaning: str, event: EngagementKind, registration: list[Any]
    ) -> None:
        self.doubtful(desk, inbox)
        desk.type("inbox", "resolve", "1", "--as", meaning, "--note", "by telephone")
        assert desk.events() == [event]
        assert desk.rows(schema.registration, "state") == registration
        assert desk.rows(schema.inbound_message, "state") == [InboxState.RESOLVED]
        assert len(desk.rows(schema.verdict, "id")) == 2, "the first reading is kept"
        assert json.loads(desk.type("inbox", "list", "--json")) == []

    def test_without_a_meaning_nothing_else_changes(self, desk: Desk, inbox: Folder) -> None:
        self.doubtful(desk, inbox)
        desk.type("inbox", "resolve", "1")
        assert desk.events() == [E.ANSWERED]

    def test_once(self, desk: Desk, inbox: Folder) -> None:
        self.doubtful(desk, inbox)
        desk.type("inbox", "resolve", "1", "--as", "register")
        with pytest.raises(AssertionError, match="does not wait for anybody"):
            desk.type("inbox", "resolve", "1", "--as", "decline")
        assert desk.events() == [E.REGISTERED]

    def test_of_nobody_we_know_it_stays_open(self, desk: Desk, inbox: Folder) -> None:
        inbox.add(b"From: x@stranger.example\r\nSubject: Hallo\r\n\r\nWat kost de deelname?\r\n")
        poll(desk)
        with pytest.raises(AssertionError, match="not known which municipality"):
            desk.type("inbox", "resolve", "1", "--as", "register")
        assert desk.rows(schema.inbound_message, "state") == [InboxState.OPEN]
        desk.type("inbox", "resolve", "1", "--as", "unsubscribe")
        assert desk.rows(schema.suppression, "address") == ["x@stranger.example"]
