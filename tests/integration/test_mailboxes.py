"""Reading real mailboxes of Dovecot: many folders, years of mail, a run that is killed, and one that stays."""

from __future__ import annotations

import os
import random
import selectors
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from outreach import clock, settings
from outreach.db import schema
from outreach.errors import MailServerError
from outreach.imap import Mailbox, open_mailbox
from outreach.jobs import accounts, poll_inbox
from outreach.jobs.watch import Watch, watch
from outreach.model.states import EngagementKind
from tests import databases, workspaces
from tests.desks import Desk
from tests.servers.host import MailHost
from tests.servers.sink import Sink

pytestmark = pytest.mark.servers

_numbers = iter(range(1, 1000))


def desk_with(host: MailHost, blank: Path, folder: Path, sink: Sink, towns: int, **options: Any) -> Desk:
    """A member whose invitations have gone to ``towns`` municipalities, and its new mailbox in Dovecot."""
    box = f"box{next(_numbers)}@office.example"
    host.add_mailbox(box)
    imap = {"host": "127.0.0.1", "security": "plain", "username": box, "password": "secret"}
    imap |= {"port": host.imap_port, **options.pop("imap", {})}
    desk = Desk(blank, folder, smtp_port=sink.port, imap=imap, **options)
    clock.reset()
    desk.box = box  # type: ignore[attr-defined]
    desk.launch(*((f"Dorp {number}", f"info@dorp{number}.example") for number in range(towns)))
    assert desk.run(do_poll=False).sent.sent == towns
    return desk


def replies(desk: Desk, text: str = "Ja, wij doen graag mee.") -> Iterator[bytes]:
    """An answer of each municipality."""
    for number, (about, to) in enumerate(desk.rows(schema.message, "internet_message_id", "email")):
        yield (
            f"From: {to}\r\nTo: {desk.box}\r\nSubject: Re: uitnodiging\r\nMessage-ID: <{number}.{to}>\r\n"  # type: ignore[attr-defined]
            f"In-Reply-To: {about}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
        ).encode()


def poll(desk: Desk) -> poll_inbox.PollReport:
    report = poll_inbox.poll(desk.workspace, desk.database, clock.now)
    assert report.errors == []
    return report


def test_folders_by_name_and_by_pattern_but_none_of_our_own_mail(
    mail_host: MailHost, blank_workspace: Path, tmp_path: Path, smtp_sink: Sink
) -> None:
    folders = ["INBOX", "Antworten/*", mail_host.sent_folder]
    desk = desk_with(mail_host, blank_workspace, tmp_path / "w", smtp_sink, 4, imap={"folders": folders})
    box, letters = desk.box, list(replies(desk))  # type: ignore[attr-defined]
    with mail_host.imap(box) as client:
        for folder in ("Antworten", "Antworten/Ja", "Antworten/Nein", "Other"):
            client.create_folder(folder)
        for folder, letter in zip(
            ("INBOX", "Antworten/Ja", "Other", mail_host.sent_folder), letters, strict=True
        ):
            client.append(folder, letter)
        client.append("Antworten/Nein", letters[0])  # a copy: the same bytes
    report = poll(desk)
    assert (report.read, len(desk.events())) == (3, 2)
    assert desk.rows(schema.mailbox_cursor, "folder") == ["Antworten/Ja", "Antworten/Nein", "INBOX"]
    assert all(modseq for modseq in desk.rows(schema.mailbox_cursor, "modseq")), "Dovecot has CONDSTORE"

    asked = []
    real = Mailbox.turn_to
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Mailbox, "turn_to", lambda self, name: (asked.append(name), real(self, name))[1])
        assert poll(desk).read == 0
        assert asked == ["INBOX"], "folders in which nothing changed are not opened"
        mail_host.append(box, letters[2], "Antworten/Nein")
        assert poll(desk).read == 1
        assert asked == ["INBOX", "INBOX", "Antworten/Nein"]
    # moved to another server: every UID is new, and nothing happens a second time
    home = mail_host.dovecot.home(box) / "Maildir"
    for name in (
        "dovecot-uidlist",
        "dovecot.index",
        "dovecot.index.cache",
        "dovecot.index.log",
        "dovecot-uidvalidity",
    ):
        for path in home.rglob(f"{name}*"):
            path.unlink()
    before = desk.rows(schema.mailbox_cursor, "uidvalidity")
    poll(desk)
    assert desk.rows(schema.mailbox_cursor, "uidvalidity") != before
    assert len(desk.events()) == 3
    assert len(desk.rows(schema.inbound_message, "id")) == 3
    desk.close()


def test_of_years_of_mail_only_what_came_since_the_campaign_began_is_asked_for(
    mail_host: MailHost,
    blank_workspace: Path,
    tmp_path: Path,
    smtp_sink: Sink,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """OUTREACH_LONG_TESTS: 100,000 messages; else 3,000."""
    old = 100_000 if "OUTREACH_LONG_TESTS" in os.environ else 3_000
    desk = desk_with(mail_host, blank_workspace, tmp_path / "w", smtp_sink, 5)
    box = desk.box  # type: ignore[attr-defined]
    folder = mail_host.dovecot.home(box) / "Maildir" / "cur"
    mail_host.append(box, b"Subject: makes the folder\r\n\r\n", when=datetime(2020, 1, 1, tzinfo=UTC))
    when = datetime(2021, 5, 1, tzinfo=UTC).timestamp()
    owner = folder.stat()
    for number in range(old):
        path = folder / f"{int(when)}.M{number}P1.host:2,S"
        path.write_bytes(b"Subject: An old letter\n\n" + b"x" * 276)
        os.utime(path, (when, when))
        os.chown(path, owner.st_uid, owner.st_gid)
    for letter in replies(desk):
        mail_host.append(box, letter)
    fetched: list[int] = []
    real = Mailbox._fetch

    def counting(self: Mailbox, uids: Any, items: list[str]) -> Any:
        fetched.extend(uids)
        return real(self, uids, items)

    monkeypatch.setattr(Mailbox, "_fetch", counting)
    began = time.perf_counter()
    assert poll(desk).read == 5
    first = time.perf_counter() - began
    began = time.perf_counter()
    assert poll(desk).read == 0
    print(f"{old:,} old messages: first poll {first:.2f} s, second {time.perf_counter() - began:.2f} s, "
          f"{len(set(fetched))} messages asked for")  # fmt: skip
    assert len(set(fetched)) == 5
    (cursor,) = desk.rows(schema.mailbox_cursor, "last_uid")
    assert cursor == old + 6
    desk.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_poll_that_is_killed_again_and_again_loses_nothing_and_does_nothing_twice(
    mail_host: MailHost, blank_workspace: Path, tmp_path: Path, smtp_sink: Sink, kind: str
) -> None:
    towns, kills = 60, 6
    url = databases.postgres_url() if kind == "postgresql" else ""
    desk = desk_with(
        mail_host, blank_workspace, tmp_path / "w", smtp_sink, towns, database=url, inbox="confirm = true"
    )
    for letter in replies(desk):
        mail_host.append(desk.box, letter)  # type: ignore[attr-defined]
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    killed = 0
    for turn in range(kills):
        target = towns * (turn + 1) // (kills + 2) + chance.randrange(5)
        running = workspaces.start_warm("-w", desk.folder, "poll")
        while running.is_alive() and len(desk.rows(schema.inbound_message, "id")) < target:
            time.sleep(0.002)
        time.sleep(chance.uniform(0, 0.01))
        running.kill()
        running.join()
        killed += running.exitcode == -signal.SIGKILL
    assert killed >= 2
    poll(desk)
    assert sorted(desk.rows(schema.inbound_message, "uid")) == list(range(1, towns + 1))
    assert desk.events() == [EngagementKind.REGISTERED] * towns
    assert len(desk.rows(schema.registration, "id")) == towns
    steps = [step for step in desk.rows(schema.message, "step") if step != "invitation"]
    assert steps == ["confirmation"] * towns
    assert len(desk.rows(schema.verdict, "id")) == len(desk.rows(schema.inbound_match, "id")) == towns
    assert desk.run(do_poll=False).sent.sent == towns
    assert set(smtp_sink.message_ids().values()) == {1}
    desk.close()


class Wire:
    """Between a program and a server: can be cut, and mended."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._lines: list[socket.socket] = []
        self.is_cut = False
        self.connections = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def cut(self) -> None:
        self.is_cut = True
        for line in self._lines:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.cut()
        self._server.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._server.accept()
                if self.is_cut:
                    near.close()
                    continue
                self.connections += 1
                far = socket.create_connection(("127.0.0.1", self._target))
                self._lines += [near, far]
                threading.Thread(target=self._carry, args=(near, far), daemon=True).start()

    def _carry(self, near: socket.socket, far: socket.socket) -> None:
        with selectors.DefaultSelector() as ready, near, far, suppress(OSError):
            ready.register(near, selectors.EVENT_READ, far)
            ready.register(far, selectors.EVENT_READ, near)
            while True:
                for key, _ in ready.select():
                    data = key.fileobj.recv(65536)  # type: ignore[union-attr]
                    if not data:
                        return
                    key.data.sendall(data)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_watch_deals_with_an_answer_as_it_comes_also_after_the_line_broke_and_ends_cleanly(
    mail_host: MailHost, blank_workspace: Path, tmp_path: Path, smtp_sink: Sink, end: signal.Signals
) -> None:
    wire = Wire(mail_host.imap_port)
    desk = desk_with(
        mail_host,
        blank_workspace,
        tmp_path / "w",
        smtp_sink,
        3,
        inbox="confirm = true",
        imap={"port": wire.port},
    )
    letters = replies(desk)
    running = workspaces.start("-w", desk.folder, "watch", "--every", 3600)

    def answered(number: int, seconds: float = 20) -> None:
        """As many were read, and their confirmations have gone."""
        until = time.monotonic() + seconds
        while len(smtp_sink.accepted()) < 3 + number:
            assert time.monotonic() < until, f"{desk.events()}\n{smtp_sink.accepted()}"
            time.sleep(0.05)
        assert len(desk.events()) == number

    box = desk.box  # type: ignore[attr-defined]
    mail_host.append(box, next(letters))
    answered(1)
    mail_host.append(box, next(letters))  # it is idle now: nothing but IDLE can tell it
    answered(2)
    wire.cut()
    mail_host.append(box, next(letters))
    time.sleep(1.5)
    wire.is_cut = False
    answered(3)
    running.send_signal(end)
    out, complaints = running.communicate(timeout=15)
    assert running.returncode == 0
    assert out.startswith("Watching 1 mailbox.")
    assert out.endswith("Ended.\n")
    assert out.count("Read 1 new message: 1 reply.") == 3
    told = complaints.splitlines()
    assert len(told) == 2, complaints
    assert told[0].endswith("It is tried again.")
    assert told[1] == "office: connected again."
    wire.close()
    desk.close()


def test_watch_looks_at_the_other_folders_too(
    mail_host: MailHost, blank_workspace: Path, tmp_path: Path, smtp_sink: Sink
) -> None:
    folders = ["INBOX", "Gone", "Antworten/*"]  # one that is not there keeps nothing from being seen
    desk = desk_with(mail_host, blank_workspace, tmp_path / "w", smtp_sink, 3, imap={"folders": folders})
    box, letters = desk.box, replies(desk)  # type: ignore[attr-defined]
    with mail_host.imap(box) as client:
        client.create_folder("Antworten/Ja")
    shared, told = Watch(), []
    watching = threading.Thread(
        target=watch,
        args=(desk.workspace, desk.database, shared),
        kwargs={"every": 3600, "work": told.append, "look_every": 0.5},
    )
    watching.start()

    def tells(number: int) -> None:
        until = time.monotonic() + 20
        while len(told) < number:
            assert time.monotonic() < until, told
            time.sleep(0.05)

    try:
        tells(1)
        time.sleep(2.5)  # some looks, at which nothing is new
        before = len(told)
        assert before <= 2, "when it begins, and when the mailbox is open"
        mail_host.append(box, next(letters), "Antworten/Ja")
        tells(before + 1)
        with mail_host.imap(box) as client:
            client.create_folder("Antworten/Nein")
            client.append("Antworten/Nein", next(letters))
        tells(before + 2)
        mail_host.append(box, next(letters))
        tells(before + 3)
        assert told[before:] == [{"office"}] * (len(told) - before)
    finally:
        shared.stop()
        watching.join(10)
    desk.close()


def test_a_draft_lies_in_the_folder_of_drafts(
    mail_host: MailHost, blank_workspace: Path, tmp_path: Path, smtp_sink: Sink
) -> None:
    desk = desk_with(mail_host, blank_workspace, tmp_path / "w", smtp_sink, 1)
    box = desk.box  # type: ignore[attr-defined]
    with open_mailbox(accounts.imap(settings.load(desk.folder), "office")) as opened:
        with pytest.raises(MailServerError, match="has no folder of drafts"):
            opened.add_draft(b"Subject: later\r\n\r\nx\r\n")
        with mail_host.imap(box) as client:
            client.create_folder("Entwürfe")
        assert opened.add_draft(b"Subject: later\r\n\r\nx\r\n") == "Entwürfe"
    with mail_host.imap(box) as client:
        client.select_folder("Entwürfe", readonly=True)
        (found,) = client.fetch(client.search(), ["FLAGS", "BODY.PEEK[]"]).values()
    assert set(found[b"FLAGS"]) >= {b"\\Draft", b"\\Seen"}
    assert found[b"BODY[]"].startswith(b"Subject: later")
    desk.close()


def test_a_reply_draft_is_threaded_greeted_and_quotes(
    mail_host: MailHost, blank_workspace: Path, tmp_path: Path, smtp_sink: Sink
) -> None:
    desk = desk_with(mail_host, blank_workspace, tmp_path / "w", smtp_sink, 1)
    box = desk.box  # type: ignore[attr-defined]
    (letter,) = replies(desk, "Wat kost de deelname?\nGroeten, An")
    mail_host.append(box, letter)
    assert poll(desk).open == 1
    file = tmp_path / "draft.eml"
    desk.type("inbox", "reply-draft", 1, "--output", file, "--text", "De deelname is gratis.")
    with mail_host.imap(box) as client:
        client.create_folder("Entwürfe")
    assert "in the folder Entwürfe" in desk.type("inbox", "reply-draft", 1)
    (stored,) = mail_host.messages(box, "Entwürfe")
    for raw in (file.read_bytes(), stored):
        mail = message_from_bytes(raw, policy=policy.default)
        assert (mail["To"], mail["Subject"]) == ("info@dorp0.example", "Re: uitnodiging")
        assert mail["In-Reply-To"] == "<0.info@dorp0.example>"
        assert str(mail["References"]).split()[-1] == mail["In-Reply-To"]
        text = mail.get_content()
        assert "> Wat kost de deelname?" in text
        assert text.startswith("Geacht")
    assert (
        "De deelname is gratis." in message_from_bytes(file.read_bytes(), policy=policy.default).get_content()
    )
    with pytest.raises(AssertionError, match="exists already"):
        desk.type("inbox", "reply-draft", 1, "--output", file)
    with pytest.raises(AssertionError, match="no message 9"):
        desk.type("inbox", "reply-draft", 9)
    desk.close()
