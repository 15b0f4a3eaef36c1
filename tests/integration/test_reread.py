"""Messages that could not be processed, read again with a program that can."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from outreach import clock
from outreach.db import schema
from outreach.errors import RefusedError
from outreach.imap import Fetched
from outreach.jobs import poll_inbox
from outreach.jobs.reread import Reread, reread
from outreach.model.states import EffectKind, EngagementKind, InboxState, Intent, RegistrationState
from outreach.model.values import Verdict
from tests import databases, workspaces
from tests.desks import OFFICE, Desk, invited
from tests.servers.sink import Sink

TOWNS = (("Aalst", "info@aalst.example"), ("Gent", "info@gent.example"))
YES, NO, STOP = "Ja, wij doen graag mee.", "Nee, wij doen niet mee.", "Schrap ons van uw lijst aub."


@pytest.fixture(params=["sqlite", "postgresql"])
def desk(
    request: pytest.FixtureRequest, blank_workspace: Path, tmp_path: Path, smtp_sink: Sink
) -> Iterator[Desk]:
    url = databases.postgres_url() if request.param == "postgresql" else ""
    with invited(blank_workspace, tmp_path / "w", smtp_sink.port, url, TOWNS) as desk:
        yield desk


def letter(desk: Desk, text: str, who: str = TOWNS[0][1], number: int = 1) -> bytes:
    with desk.database.read() as connection:
        table = schema.message.c
        about = connection.execute(
            sa.select(table.internet_message_id).where(table.email == who).limit(1)
        ).scalar_one()
    return (
        f"From: An Peeters <{who}>\r\nTo: {OFFICE}\r\nSubject: Re: uitnodiging\r\n"
        f"Message-ID: <{number}@x.example>\r\nIn-Reply-To: {about}\r\n"
        f"Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
    ).encode()


def read(desk: Desk, *letters: bytes) -> poll_inbox.PollReport:
    """As a poll reads them, from the gateway on."""
    report = poll_inbox.PollReport()
    sender = desk.workspace.settings.sender("office")
    reader = poll_inbox._Reader(
        desk.workspace, desk.database, "office", sender, clock.now, report, frozenset(), ()
    )
    for one in letters:
        reader.take("INBOX", 1, Fetched(len(desk.rows(schema.inbound_message, "id")) + 1, clock.now(), one))
    return report


@pytest.fixture
def aside(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Reads letters with a program that fails at each."""

    def fails(_parsed: object, **_options: object) -> Verdict:
        raise RecursionError("too deep")

    def put(*letters: bytes) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(poll_inbox.classify, "classify", fails)
            assert read(desk, *letters).aside == len(letters)

    return put


def again(desk: Desk, *numbers: int) -> list[Reread]:
    return reread(desk.workspace, desk.database, numbers, now=clock.now, actor="An")


def states(desk: Desk) -> list[InboxState]:
    return desk.rows(schema.inbound_message, "state")


def test_what_was_set_aside_is_put_into_effect_once(desk: Desk, aside: Any) -> None:
    aside(letter(desk, YES))
    assert desk.rows(schema.registration, "state") == desk.events() == []
    desk.at(days=2)
    (one,) = json.loads(desk.type("inbox", "reread", "--json"))
    assert one["before"] == "could not be processed (RecursionError: too deep)"
    assert (one["state"], one["kind"], one["intent"]) == ("done", "reply", "register")
    assert (one["municipality"], one["events"], one["effects"]) == ("Aalst", ["registered"], ["registration"])
    assert desk.rows(schema.registration, "state") == [RegistrationState.REGISTERED]
    assert desk.rows(schema.inbound_message, "from_address", "subject", "note") == [
        (TOWNS[0][1], "Re: uitnodiging", None)
    ]
    assert desk.run(do_poll=False).sent.sent == 1  # the confirmation
    assert desk.type("inbox", "reread") == "Nothing stands aside: every message could be processed.\n"
    with pytest.raises(RefusedError, match="Message 1 does not stand aside"):
        again(desk, 1)
    assert desk.events() == [EngagementKind.REGISTERED]
    assert desk.rows(schema.audit, "action")[-1] == "inbox.reread"
    assert "event, registration" in desk.type("inbox", "undo", "1")  # as any other reading
    assert desk.rows(schema.registration, "state") == []


def test_two_at_once_and_copies_count_once(desk: Desk, aside: Any) -> None:
    same = letter(desk, YES)
    aside(same, same)
    both = [threading.Thread(target=again, args=(desk,)) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert states(desk) == [InboxState.DONE, InboxState.DONE]
    assert desk.rows(schema.inbound_message, "note") == [None, "the same as message 1"]
    assert desk.events() == [EngagementKind.REGISTERED]
    assert desk.rows(schema.effect, "kind") == [EffectKind.REGISTRATION]


def test_an_answer_that_was_overtaken_goes_to_a_person_and_a_stop_counts_all_the_same(
    desk: Desk, aside: Any
) -> None:
    aside(letter(desk, YES), letter(desk, STOP, TOWNS[1][1], 2))
    desk.at(days=1, hours=1)
    read(desk, letter(desk, NO, number=3), letter(desk, YES, TOWNS[1][1], 4))
    yes, stop = again(desk)
    assert (yes.state, yes.intent, yes.events) == (InboxState.OPEN, Intent.REGISTER, ())
    assert yes.note == "Aalst has answered since (message 3, declined): say what counts"
    assert (stop.state, stop.events) == (InboxState.DONE, (EngagementKind.UNSUBSCRIBED,))
    assert desk.rows(schema.suppression, "address") == [TOWNS[1][1]]
    desk.type("inbox", "resolve", "1", "--as", "register")
    assert RegistrationState.REGISTERED in desk.rows(schema.registration, "state")


def test_what_still_fails_stays_aside_whole_with_the_reason_of_today(
    desk: Desk, aside: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = letter(desk, YES)
    aside(raw, letter(desk, NO, TOWNS[1][1], 2))

    def fails(*_: object, **__: object) -> None:
        raise ValueError("no such day")

    with monkeypatch.context() as patched:  # in the midst of what follows
        patched.setattr("outreach.jobs.effects.Effects._decided", fails)
        (one,) = again(desk, 1)
    assert (one.state, one.note) == (InboxState.ASIDE, "could not be processed (ValueError: no such day)")
    assert desk.rows(schema.inbound_message, "state", "raw")[0] == (InboxState.ASIDE, raw)
    assert desk.events() == []
    assert desk.rows(schema.verdict, "id") == []
    told = desk.type("inbox", "reread", 2)
    assert told == (
        "Message 2, from info@gent.example, Gent (trial-be)\n    read as reply, decline\n"
        "    what followed: declined, registration\n1 message read.\n"
    )
    wrong = workspaces.command("-w", desk.folder, "inbox", "reread", "1", "2", "77")
    assert wrong.code == 5
    assert "Messages 2, 77 do not stand aside; nothing was read." in wrong.err
    assert states(desk) == [InboxState.ASIDE, InboxState.DONE]
