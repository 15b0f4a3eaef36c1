"""The report by mail over real servers, and with a real death: Postfix, Dovecot, SIGKILL."""

from __future__ import annotations

import signal
import time
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import cast

import pytest
import sqlalchemy as sa

from outreach import clock, settings
from outreach.db import schema
from outreach.db.engine import Database
from outreach.jobs.run import run
from outreach.model.states import CampaignState, MessageState
from tests import histories, workspaces
from tests.servers.host import MailHost
from tests.servers.sink import Sink
from tests.workspaces import command

OFFICE = "reports@digest.example"


def launched(folder: Path, sender: str) -> Database:
    """A workspace that launched something and kept the figures of two weeks ago: a report is due now."""
    workspaces.create(folder, sender + "[digest]\n")
    workspace = settings.load(folder)
    database = Database(workspace.database_url)
    now = clock.now()
    with database.write() as connection:
        campaign = histories.add_campaign(
            connection, sender="mine", state=CampaignState.FINISHED, launched_at=now - timedelta(days=20)
        )
        for _ in range(3):
            town = histories.add_municipality(connection)
            recipient = histories.add_recipient(connection, campaign, town)
            histories.add_message(
                connection, recipient, state=MessageState.SENT, sent_at=now - timedelta(days=20)
            )
    run(workspace, database, lambda: now - timedelta(days=14), do_poll=False)
    return database


def states(database: Database) -> list[MessageState]:
    with database.read() as connection:
        return list(
            connection.execute(sa.select(schema.digest.c.state).order_by(schema.digest.c.id)).scalars()
        )


@pytest.mark.servers
def test_it_arrives_in_the_mailbox_that_is_read_and_is_no_answer(mail_host: MailHost, tmp_path: Path) -> None:
    mail_host.add_mailbox(OFFICE)
    server = {
        "host": "127.0.0.1",
        "username": OFFICE,
        "password": "secret",
        "ca_file": str(mail_host.ca_file),
    }
    sender = workspaces.sender(
        "mine",
        OFFICE,
        ["BE"],
        {**server, "port": mail_host.smtp_port, "security": "starttls"},
        {**server, "port": mail_host.imaps_port, "security": "tls"},
    )
    database = launched(tmp_path / "w", sender)
    said = command("-w", tmp_path / "w", "run").ok().out
    assert "Tried 1 report by mail ([digest]): 1 sent." in said
    (raw,) = mail_host.wait_messages(OFFICE, 1)
    message = cast("EmailMessage", message_from_bytes(raw, policy=policy.default))
    assert message["To"] == f"Association of Towns <{OFFICE}>"
    assert str(message["Subject"]).startswith("De week in cijfers: ")
    body = message.get_body(("plain",))
    assert body is not None
    assert "heeft geen gemeente geantwoord" in body.get_content()
    command("-w", tmp_path / "w", "run").ok()
    assert "Nothing" in command("-w", tmp_path / "w", "inbox", "list").ok().out
    assert len(mail_host.messages(OFFICE)) == 1
    assert states(database) == [MessageState.SKIPPED, MessageState.SENT]
    database.close()


@pytest.mark.parametrize("moment", ["before the end of DATA", "after it, before the answer"])
def test_a_run_that_is_killed_sends_it_once(tmp_path: Path, smtp_sink: Sink, moment: str) -> None:
    smtp = {"host": "127.0.0.1", "port": smtp_sink.port, "security": "plain"}
    database = launched(tmp_path / "w", workspaces.sender("mine", OFFICE, ["BE"], smtp))
    late = moment.startswith("after")
    if late:
        smtp_sink.behaviour.reply_delay = 20.0
    else:
        smtp_sink.behaviour.on_rcpt = lambda _: time.sleep(3)
    running = workspaces.start_warm("-w", tmp_path / "w", "run")
    while running.is_alive():
        if smtp_sink.accepted() if late else MessageState.SENDING in states(database):
            running.kill()
        time.sleep(0.01)
    running.join()
    assert running.exitcode == -signal.SIGKILL, "it ended before it could be killed"
    smtp_sink.behaviour.reply_delay = 0.0
    smtp_sink.behaviour.on_rcpt = lambda _: None
    for _ in range(2):
        command("-w", tmp_path / "w", "run").ok()
    assert len(smtp_sink.accepted()) == 1
    assert states(database)[1] is (MessageState.UNCERTAIN if late else MessageState.SENT)
    database.close()
