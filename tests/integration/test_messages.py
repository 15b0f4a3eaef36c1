"""Messages that wait for a person: listed with their evidence, settled by a person or by the Sent folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from outreach import settings
from outreach.db import directory, mailbox, messages, outcomes, schema
from outreach.db.engine import Database
from outreach.errors import IllegalMoveError, RefusedError
from outreach.jobs.poll_inbox import look_into_sent_folders, poll
from outreach.jobs.settle import Settlement, by_sent_folder, settle
from outreach.model.states import CampaignState, EngagementKind, MessageState, OutcomeKind
from outreach.model.values import Outcome
from tests import histories, workspaces
from tests.histories import NOW
from tests.servers.host import MailHost

HANDED = NOW + timedelta(minutes=1)
LATER = NOW + timedelta(days=2)

_numbers = count(1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return workspaces.create(tmp_path / "workspace")


@pytest.fixture
def database(folder: Path) -> Iterator[Database]:
    found = Database(settings.load(folder).database_url)
    yield found
    found.close()


def add(database: Database, state: MessageState, **values: Any) -> int:
    """A message of a campaign of its own, handed over once if it was tried."""
    if state is MessageState.UNCERTAIN:
        values = {"handed_at": HANDED, "reason": "no answer", **values}
    with database.write() as connection:
        (id_,) = histories.add_messages(connection, 1, state=state, **values)
        if state is MessageState.UNCERTAIN:
            said = Outcome(OutcomeKind.LOST_AFTER, "end_of_data", text="the connection was closed")
            outcomes.add_attempt(connection, id_, "mine", said, HANDED)
    return id_


def row(database: Database, id_: int) -> Any:
    with database.read() as connection:
        return connection.execute(sa.select(schema.message).where(schema.message.c.id == id_)).one()


def events(database: Database, id_: int) -> list[Any]:
    with database.read() as connection:
        return [(one["kind"], one["at"], one["detail"]) for one in messages.events(connection, id_)]


def audit(database: Database) -> list[tuple[str, str, str]]:
    with database.read() as connection:
        return [(one["actor"], one["action"], one["subject"]) for one in directory.audit(connection)]


def test_what_was_sent_after_all_counts_from_when_it_was_handed_over(database: Database) -> None:
    id_ = add(database, MessageState.UNCERTAIN)
    settle(database, [id_], Settlement.SENT, now=LATER, actor="eva")
    settled = row(database, id_)
    assert (settled.state, settled.sent_at, settled.reason) == (MessageState.SENT, HANDED, "decided by eva")
    assert events(database, id_) == [(EngagementKind.SENT, HANDED, "decided by eva")]
    assert audit(database) == [("eva", "messages.sent", str(id_))]
    with database.read() as connection:
        plan_at = connection.execute(sa.select(schema.campaign.c.plan_at)).scalar_one()
    assert plan_at == LATER, "a reminder may follow now, or the campaign is finished"


def test_what_goes_again_is_due_at_once_and_unmarked(database: Database) -> None:
    id_ = add(database, MessageState.UNCERTAIN)
    before = row(database, id_)
    settle(database, [id_], Settlement.RESEND, now=LATER, actor="eva")
    settled = row(database, id_)
    assert (settled.state, settled.due_at, settled.handed_at) == (MessageState.QUEUED, LATER, None)
    assert settled.internet_message_id == before.internet_message_id
    assert events(database, id_) == []


def test_what_was_not_sent_and_shall_not_has_failed(database: Database) -> None:
    id_ = add(database, MessageState.UNCERTAIN)
    settle(database, [id_], Settlement.FAILED, now=LATER, actor="eva")
    assert row(database, id_).state is MessageState.FAILED
    assert events(database, id_) == [(EngagementKind.FAILED, LATER, "decided by eva")]


def test_a_missed_mail_is_given_up_or_goes_late(database: Database) -> None:
    given_up, late = (add(database, MessageState.MISSED) for _ in range(2))
    settle(database, [given_up], Settlement.CANCEL, now=LATER, actor="eva")
    settle(database, [late], Settlement.RESEND, now=LATER, actor="eva")
    assert row(database, given_up).state is MessageState.CANCELLED
    assert row(database, late).state is MessageState.QUEUED
    with database.read() as connection:
        assert messages.wanted_late(connection, [given_up, late]) == {late}
        assert messages.wanted_late(connection, []) == set()


@pytest.mark.parametrize(
    ("state", "settlement"),
    [
        (MessageState.UNCERTAIN, Settlement.CANCEL),
        (MessageState.MISSED, Settlement.SENT),
        (MessageState.MISSED, Settlement.FAILED),
        (MessageState.SENT, Settlement.RESEND),
        (MessageState.FAILED, Settlement.RESEND),
        (MessageState.QUEUED, Settlement.SENT),
        (MessageState.SENDING, Settlement.RESEND),
    ],
)
def test_one_that_cannot_be_settled_so_leaves_all_as_they_were(
    database: Database, state: MessageState, settlement: Settlement
) -> None:
    well, bad = add(database, MessageState.UNCERTAIN), add(database, state)
    with pytest.raises(IllegalMoveError):
        settle(database, [well, bad], settlement, now=LATER, actor="eva")
    assert row(database, well).state is MessageState.UNCERTAIN
    assert row(database, bad).state is state
    assert audit(database) == []


@pytest.mark.parametrize("state", [CampaignState.CANCELLED, CampaignState.FINISHED])
def test_nothing_goes_again_in_a_campaign_that_is_over(database: Database, state: CampaignState) -> None:
    id_ = add(database, MessageState.UNCERTAIN)
    with database.write() as connection:
        connection.execute(sa.update(schema.campaign).values(state=state))
    with pytest.raises(RefusedError, match=f"is {state} and sends no more"):
        settle(database, [id_], Settlement.RESEND, now=LATER, actor="eva")
    settle(database, [id_], Settlement.FAILED, now=LATER, actor="eva")
    assert row(database, id_).state is MessageState.FAILED


def test_two_that_settle_the_same_mail_do_not_both(database: Database) -> None:
    id_ = add(database, MessageState.UNCERTAIN)
    with database.read() as connection:
        seen = messages.find(connection, id_)
    assert seen is not None
    settle(database, [id_], Settlement.SENT, now=LATER, actor="eva")
    with database.write() as connection:
        assert not messages.move(connection, seen, MessageState.QUEUED, reason="late", now=LATER)
    assert row(database, id_).state is MessageState.SENT


def test_a_bounce_of_an_uncertain_mail_tells_that_it_was_sent(database: Database) -> None:
    id_ = add(database, MessageState.UNCERTAIN)
    with database.write() as connection:
        mailbox.mark_bounced(connection, id_, "5.1.1 user_unknown")
    assert (row(database, id_).state, row(database, id_).sent_at) == (MessageState.BOUNCED, HANDED)
    assert events(database, id_) == [(EngagementKind.SENT, HANDED, "it was sent: it came back")]


# the commands


def test_the_list_shows_what_waits_with_what_the_server_said(folder: Path, database: Database) -> None:
    uncertain, missed = add(database, MessageState.UNCERTAIN), add(database, MessageState.MISSED)
    add(database, MessageState.SENT)
    done = workspaces.command("-w", folder, "messages", "list", "--json").ok()
    listed = json.loads(done.out)
    assert [(one["id"], one["state"]) for one in listed] == [(uncertain, "uncertain"), (missed, "missed")]
    assert listed[0]["text"] == "the connection was closed"
    assert listed[0]["tried_at"] == HANDED.isoformat()
    assert listed[1]["outcome"] is None
    table = workspaces.command("-w", folder, "messages", "list").ok().out
    assert "lost after" in table
    assert "never tried" in table


def test_the_list_can_be_narrowed(folder: Path, database: Database) -> None:
    first, second = add(database, MessageState.SENT), add(database, MessageState.SENT)
    add(database, MessageState.FAILED)

    def listed(*options: str) -> list[int]:
        done = workspaces.command("-w", folder, "messages", "list", "--json", *options).ok()
        return [one["id"] for one in json.loads(done.out)]

    with database.read() as connection:
        found = messages.find(connection, second)
    assert found is not None
    assert listed() == []
    assert listed("--state", "sent") == [first, second]
    assert listed("--state", "sent", "--campaign", found["campaign"]) == [second]
    assert listed("--state", "sent", "--campaign", found["campaign"].removesuffix("-be")) == [second]
    assert listed("--state", "sent", "--country", "BE") == [first, second]
    assert listed("--state", "sent", "--country", "NL") == []
    assert "No mail waits" in workspaces.command("-w", folder, "messages", "list").ok().out


def test_one_mail_with_all_that_is_known_of_it(folder: Path, database: Database) -> None:
    id_ = add(database, MessageState.UNCERTAIN)
    out = workspaces.command("-w", folder, "messages", "show", id_).ok().out
    assert "State     uncertain: no answer" in out
    assert "Tried     2026-03-02 08:01:00 UTC: lost after at end_of_data: the connection was closed" in out
    assert "--sent" in out
    shown = json.loads(workspaces.command("-w", folder, "messages", "show", id_, "--json").ok().out)
    assert [one["stage"] for one in shown["tries"]] == ["end_of_data"]
    missing = workspaces.command("-w", folder, "messages", "show", 999)
    assert (missing.code, missing.out) == (5, "")
    assert "There is no message 999." in missing.err


def test_settling_on_the_command_line(folder: Path, database: Database) -> None:
    id_ = add(database, MessageState.UNCERTAIN)
    for options in ((), ("--sent", "--failed")):
        refused = workspaces.command("-w", folder, "messages", "settle", id_, *options)
        assert refused.code == 4, refused.err
    wrong = workspaces.command("-w", folder, "messages", "settle", id_, "--cancel")
    assert wrong.code == 5
    assert "cannot become cancelled" in wrong.err
    workspaces.command("-w", folder, "messages", "settle", id_, "--sent").ok()
    assert row(database, id_).state is MessageState.SENT


# the Sent folder


@pytest.fixture
def address(mail_host: MailHost) -> str:
    address = f"settler{next(_numbers)}@settle.example"
    mail_host.add_mailbox(address, "secret")
    return address


def with_sender(folder: Path, mail_host: MailHost, address: str) -> settings.Workspace:
    server = {"host": "127.0.0.1", "security": "plain", "username": address, "password": "secret"}
    (folder / "outreach.toml").write_text(
        workspaces.sender(
            "mine",
            address,
            ["BE"],
            {**server, "port": mail_host.smtp_port},
            {**server, "port": mail_host.imap_port},
        )
    )
    return settings.load(folder)


@pytest.mark.servers
def test_a_poll_finds_the_copy_in_the_sent_folder_and_no_copy_proves_nothing(
    folder: Path, database: Database, mail_host: MailHost, address: str
) -> None:
    workspace = with_sender(folder, mail_host, address)
    held, absent = add(database, MessageState.UNCERTAIN), add(database, MessageState.UNCERTAIN)
    message_id = row(database, held).internet_message_id
    mail_host.append(
        address,
        f"Message-ID: {message_id}\r\nFrom: {address}\r\nSubject: hello\r\n\r\nhello\r\n".encode(),
        folder=mail_host.sent_folder,
    )
    report = poll(workspace, database, lambda: datetime.now(UTC))
    assert (report.settled, report.errors) == (1, [])
    assert row(database, held).state is MessageState.SENT
    assert row(database, held).reason == f"it was sent: the folder {mail_host.sent_folder} holds it"
    assert events(database, held)[0][:2] == (EngagementKind.SENT, HANDED)
    assert row(database, absent).state is MessageState.UNCERTAIN
    assert poll(workspace, database, lambda: datetime.now(UTC)).settled == 0


@pytest.mark.servers
def test_the_mailbox_is_left_alone_when_nothing_is_uncertain(
    folder: Path, database: Database, mail_host: MailHost, address: str
) -> None:
    workspace = with_sender(folder, mail_host, address)
    sender = workspace.settings.sender("mine")
    assert sender.imap is not None
    away = sender.model_copy(update={"imap": sender.imap.model_copy(update={"port": 1})})
    unreachable = settings.Workspace(
        workspace.root, workspace.settings.model_copy(update={"senders": {"mine": away}})
    )
    assert by_sent_folder(unreachable, database, "mine") == 0


def test_a_mailbox_without_its_password_is_told_once(folder: Path, database: Database) -> None:
    server = {"host": "127.0.0.1", "security": "plain", "username": "a"}
    (folder / "outreach.toml").write_text(
        workspaces.sender("mine", "a@town.example", ["BE"], server, server), encoding="utf-8"
    )
    workspace = settings.load(folder)
    add(database, MessageState.UNCERTAIN)
    report = poll(workspace, database, lambda: datetime.now(UTC))
    look_into_sent_folders(workspace, database, report)
    assert len(report.errors) == 1
    assert report.wrong_settings
