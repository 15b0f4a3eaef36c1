"""The inbox at a terminal of 80 columns, one key a message; and what is learned from what was decided."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from outreach import clock
from outreach.db import schema
from outreach.imap import Fetched
from outreach.jobs import poll_inbox
from outreach.model.states import EngagementKind, InboxState
from tests import workspaces
from tests.desks import OFFICE, Desk
from tests.servers.sink import Sink

TOWNS = tuple((f"Dorp {number}", f"info@dorp{number}.example") for number in range(5))


@pytest.fixture
def desk(blank_workspace: Path, tmp_path: Path, smtp_sink: Sink) -> Iterator[Desk]:
    desk = Desk(blank_workspace, tmp_path / "w", smtp_port=smtp_sink.port, reads=True)
    clock.reset()
    desk.launch(*TOWNS)
    assert desk.run(do_poll=False).sent.sent == 5
    yield desk
    desk.close()


def read(desk: Desk, *texts: str) -> None:
    """An answer of each municipality, as a poll reads it."""
    with desk.database.read() as connection:
        table = schema.message.c
        rows = connection.execute(sa.select(table.internet_message_id, table.email).order_by(table.id)).all()
    reader = poll_inbox._Reader(
        desk.workspace,
        desk.database,
        "office",
        desk.workspace.settings.sender("office"),
        clock.now,
        poll_inbox.PollReport(),
        frozenset(),
        (),
    )
    for uid, (text, (about, email)) in enumerate(zip(texts, rows, strict=False), 1):
        raw = (
            f"From: An Peeters <{email}>\r\nTo: {OFFICE}\r\nSubject: Re: uitnodiging\r\n"
            f"Message-ID: <{uid}@x.example>\r\nIn-Reply-To: {about}\r\n"
            f"Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
        ).encode()
        reader.take("INBOX", 1, Fetched(uid, clock.now(), raw))


class Terminal:
    """`outreach inbox` in a pseudo-terminal of 80 columns."""

    def __init__(self, folder: Path) -> None:
        self.screen = ""
        near, far = pty.openpty()
        self._near = near
        environment = {**workspaces.environment(), "COLUMNS": "80", "LINES": "40", "TERM": "xterm"}
        self._process = subprocess.Popen(
            workspaces.command_line("-w", folder, "inbox"), stdin=far, stdout=far, stderr=far, env=environment
        )
        os.close(far)

    def until(self, text: str, seconds: float = 20) -> str:
        """What was shown until ``text`` is."""
        end = time.monotonic() + seconds
        shown = ""
        while text not in shown:
            assert time.monotonic() < end, f"{text!r} is not in:\n{shown}"
            if select.select([self._near], [], [], 0.1)[0]:
                try:
                    shown += os.read(self._near, 65536).decode()
                except OSError:  # the other end is closed
                    break
        self.screen += shown
        return shown

    def press(self, key: str) -> None:
        time.sleep(0.3)  # what is typed before a key is asked for does not count
        os.write(self._near, key.encode())

    def end(self) -> int:
        code = self._process.wait(10)
        os.close(self._near)
        return code


def test_one_key_each(desk: Desk) -> None:
    long = "Wat kost de deelname voor een kleine gemeente, en wie betaalt de reis naar Brussel? " * 40
    read(desk, "Wat kost de deelname?", long, "Wanneer begint het?", "Wie komt er nog?", "Is er een opname?")
    assert [one["state"] for one in json.loads(desk.type("inbox", "list", "--json"))] == ["open"] * 5
    terminal = Terminal(desk.folder)
    first = terminal.until("x end")
    assert "Message 1, 5 left" in first
    assert "info@dorp0.example, Dorp 0 (BE)" in first
    assert "Wat kost de deelname?" in first
    assert "Read as  reply, question" in first
    terminal.press("y")
    second = terminal.until("x end")
    assert "more: m" in second
    terminal.press("m")
    assert terminal.until("x end").count("naar Brussel") >= 40
    terminal.press("r")
    terminal.until("x end")
    terminal.press("z")  # no key: nothing happens
    terminal.press("n")
    terminal.until("x end")
    terminal.press("a")  # nothing is proposed
    terminal.until("No contact is proposed")
    terminal.press(" ")
    terminal.until("x end")
    terminal.press("x")
    assert "2 messages dealt with; 3 messages left." in terminal.until("left.")
    assert terminal.end() == 0
    lines = terminal.screen.replace("\x1b[2J", "\n").replace("\x1b[1;1H", "\n").splitlines()
    assert max(len(line) for line in lines) <= 80
    assert desk.events() == [EngagementKind.ANSWERED] * 3 + [
        EngagementKind.ANSWERED,
        EngagementKind.REGISTERED,
    ]
    states = desk.rows(schema.inbound_message, "state")
    assert states == [InboxState.RESOLVED] * 2 + [InboxState.OPEN] * 3


def test_without_a_terminal_it_explains_itself(desk: Desk) -> None:
    assert "reply-draft" in desk.type("inbox")


def test_decisions_are_evidence_without_persons(desk: Desk, tmp_path: Path) -> None:
    read(
        desk,
        "Wat kost de deelname?\nAn Peeters, tel. 053 12 34 56",
        "Is dat in Dorp 1? Schrijf an@dorp1.example",
    )
    desk.type("inbox", "resolve", 1, "--as", "question")
    desk.type("inbox", "resolve", 2, "--as", "refer")
    first, second = json.loads(desk.type("inbox", "corrections", "--json"))
    assert (first["read_as"], first["meant"], first["right"], first["language"]) == (
        "question",
        "question",
        True,
        "nl",
    )
    assert first["text"].startswith("Wat kost de deelname? [name]")
    assert (second["meant"], second["right"]) == ("refer", second["read_as"] == "refer")
    for one in (first, second):
        assert not any(word in json.dumps(one) for word in ("Peeters", "053 12", "@", "Dorp"))
    desk.type("inbox", "corrections", "--output", tmp_path / "out")
    learned = tomllib.loads((tmp_path / "out" / "nl.toml").read_text())
    assert set(learned) <= {"question", "refer"}
    assert learned["question"].strip() == first["text"]
    with pytest.raises(AssertionError, match="exists already"):
        desk.type("inbox", "corrections", "--output", tmp_path / "out")
    desk.type("inbox", "undo", 1)
    assert "[name]" in desk.type("inbox", "corrections")
