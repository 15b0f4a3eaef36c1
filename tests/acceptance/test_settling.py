"""Mails that were uncertain or missed, from the run that leaves them so to the one after they are settled."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from outreach import clock
from tests import workspaces
from tests.servers.host import MailHost
from tests.servers.sink import Sink


def launched(
    folder: Path, sink: Sink, mails: int, imap: dict[str, Any] | None = None, address: str = ""
) -> Path:
    """A workspace whose campaign in Germany waits to be sent to the sink, until 30 days from now."""
    workspaces.create(
        folder,
        workspaces.sender(
            "de",
            address or "digital@association.example",
            ["DE"],
            smtp={"host": "127.0.0.1", "port": sink.port, "security": "plain"},
            imap=imap,
            limits={"connections": 1, "per_minute": 1000},
        ),
    )
    campaign = folder / "campaigns" / "lordimas.toml"
    last_day = (clock.now() + timedelta(days=30)).date()
    text = campaign.read_text(encoding="utf-8")
    assert "# not_after = 2027-06-15" in text
    campaign.write_text(text.replace("# not_after = 2027-06-15", f"not_after = {last_day}"), encoding="utf-8")
    rows = ((f"Musterstadt {number}", f"info@stadt{number}.example", "de") for number in range(mails))
    towns = workspaces.write_list(folder / "towns.csv", rows)
    for arguments in (
        ("contacts", "import", towns, "--country", "DE", "--apply"),
        ("campaigns", "check", "lordimas", "--country", "DE"),
        ("campaigns", "launch", "lordimas", "--country", "DE", "--yes"),
    ):
        workspaces.command("-w", folder, *arguments).ok()
    return folder


def waiting(folder: Path, *options: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(
        workspaces.command("-w", folder, "messages", "list", "--json", *options).ok().out
    )
    return found


def settle(folder: Path, number: int, how: str) -> None:
    workspaces.command("-w", folder, "messages", "settle", number, how).ok()


def test_a_missed_mail_goes_late_only_if_a_person_says_so(tmp_path: Path, smtp_sink: Sink) -> None:
    folder = launched(tmp_path / "w", smtp_sink, 3)
    clock.move_to(clock.now() + timedelta(days=40))
    workspaces.command("-w", folder, "send").ok()
    late, given_up, open_ = [one["id"] for one in waiting(folder)]
    assert {one["state"] for one in waiting(folder)} == {"missed"}
    settle(folder, late, "--resend")
    settle(folder, given_up, "--cancel")
    for _ in range(2):
        workspaces.command("-w", folder, "send").ok()
    assert [one.recipients for one in smtp_sink.accepted()] == [
        (waiting(folder, "--state", "sent")[0]["email"],)
    ]
    assert [one["id"] for one in waiting(folder)] == [open_]
    assert [one["id"] for one in waiting(folder, "--state", "sent")] == [late]
    assert [one["id"] for one in waiting(folder, "--state", "cancelled")] == [given_up]


def test_a_late_mail_that_is_put_off_is_still_wanted(tmp_path: Path, smtp_sink: Sink) -> None:
    folder = launched(tmp_path / "w", smtp_sink, 1)
    clock.move_to(clock.now() + timedelta(days=40))
    workspaces.command("-w", folder, "send").ok()
    (late,) = (one["id"] for one in waiting(folder))
    settle(folder, late, "--resend")
    smtp_sink.behaviour.on_rcpt = lambda _address: "450 4.2.0 greylisted, come back"
    workspaces.command("-w", folder, "send")
    assert [one["id"] for one in waiting(folder, "--state", "deferred")] == [late]
    smtp_sink.behaviour.on_rcpt = lambda _address: None
    clock.move_to(clock.now() + timedelta(days=1))
    workspaces.command("-w", folder, "send").ok()
    assert len(smtp_sink.accepted()) == 1


def test_an_uncertain_mail_goes_again_only_if_a_person_says_so(tmp_path: Path, smtp_sink: Sink) -> None:
    folder = launched(tmp_path / "w", smtp_sink, 2)
    smtp_sink.behaviour.drop_after_data = 1
    workspaces.command("-w", folder, "send")
    workspaces.command("-w", folder, "send")
    (uncertain,) = waiting(folder)
    assert uncertain["state"] == "uncertain"
    assert uncertain["outcome"] == "lost_after"
    assert max(smtp_sink.message_ids().values()) == 1
    settle(folder, uncertain["id"], "--resend")
    workspaces.command("-w", folder, "send").ok()
    assert waiting(folder) == []
    assert Counter(smtp_sink.message_ids())[uncertain["internet_message_id"]] == 2


def test_what_was_sent_after_all_gets_its_reminder(tmp_path: Path, smtp_sink: Sink) -> None:
    folder = launched(tmp_path / "w", smtp_sink, 1)
    smtp_sink.behaviour.drop_after_data = 1
    workspaces.command("-w", folder, "send")
    (uncertain,) = waiting(folder)
    clock.move_to(clock.now() + timedelta(days=8))
    workspaces.command("-w", folder, "send").ok()
    assert len(smtp_sink.accepted()) == 1, "nothing follows a mail of which nobody knows"
    settle(folder, uncertain["id"], "--sent")
    workspaces.command("-w", folder, "send").ok()
    assert [one["step"] for one in waiting(folder, "--state", "sent")] == ["invitation", "reminder"]
    sent_at = datetime.fromisoformat(waiting(folder, "--state", "sent")[0]["sent_at"])
    assert sent_at == datetime.fromisoformat(uncertain["handed_at"])


@pytest.mark.servers
def test_the_run_itself_finds_the_copy_a_relay_keeps(
    tmp_path: Path, smtp_sink: Sink, mail_host: MailHost
) -> None:
    address = "digital@keeper.example"
    mail_host.add_mailbox(address, "secret")
    imap = {
        "host": "127.0.0.1",
        "port": mail_host.imap_port,
        "security": "plain",
        "username": address,
        "password": "secret",
    }
    folder = launched(tmp_path / "w", smtp_sink, 2, imap, address)

    def keep(raw: bytes) -> None:
        mail_host.append(address, raw, folder=mail_host.sent_folder)

    smtp_sink.behaviour.on_data = keep
    smtp_sink.behaviour.drop_after_data = 1
    done = workspaces.command("-w", folder, "run")
    assert "found in the Sent folder: 1 mail" in done.out
    assert waiting(folder) == []
    assert len(waiting(folder, "--state", "sent")) == 2
    assert max(smtp_sink.message_ids().values()) == 1
