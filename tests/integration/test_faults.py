"""The catalogue of faults, ``faults.toml``, through whole runs: what becomes of a mail, and of those behind it.

Three mails wait. The server misbehaves at the first of them; afterwards it does all it is asked for.
"""

from __future__ import annotations

import shutil
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from outreach import clock
from outreach.db import schema
from outreach.errors import MailServerError
from outreach.jobs import accounts, send_mail
from outreach.model.states import MessageState
from tests import workspaces
from tests.desks import MONDAY, OFFICE, Desk
from tests.servers.certificates import Certificates
from tests.servers.scripted import ScriptedServer

TOWNS = [(f"Dorp {letter}", f"info@dorp-{letter}.example") for letter in "abc"]
FIRST = TOWNS[0][1]
BEGAN = MONDAY + timedelta(minutes=10)  # all three have been due for a while
#: Before the first mail is drawn; then there is nothing to pipeline.
OPENING = ("GREETING", "EHLO", "STARTTLS", "certificate", "AUTH")
#: Lasting ones: the server does it to every command of the run, not to one mail.
SECURED = ("STARTTLS", "certificate", "AUTH")


@dataclass(frozen=True, slots=True)
class Fault:
    verb: str
    server: str
    mail: MessageState
    tried: str
    counts: bool
    again: timedelta | None
    rest: timedelta | None
    pipelining: bool

    def __str__(self) -> str:
        how = "pipelining" if self.pipelining else "one by one"
        return f"{self.verb}: {self.server} ({how})".replace("\r\n", " / ")


def _minutes(text: str) -> timedelta:
    number, unit = text.split()
    assert unit == "min"
    return timedelta(minutes=int(number))


def catalogue() -> list[Fault]:
    return list(_catalogue())


def _catalogue() -> Iterator[Fault]:
    text = Path(__file__).with_name("faults.toml").read_text(encoding="utf-8")
    for stage in tomllib.loads(text)["stage"]:
        for server, mail, tried, counts, again, sender in stage["faults"]:
            rest = None if sender == "goes on" else _minutes(sender.removeprefix("rests "))
            for pipelining in (False,) if stage["verb"] in OPENING else (False, True):
                yield Fault(
                    stage["verb"],
                    server,
                    MessageState(mail),
                    tried,
                    counts,
                    _minutes(again) if again else None,
                    rest,
                    pipelining,
                )


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def launched(blank_workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A workspace whose three mails wait; to be copied."""
    folder = tmp_path_factory.mktemp("launched") / "w"
    desk = Desk(blank_workspace, folder)
    desk.launch(*TOWNS)
    desk.close()
    clock.reset()
    for name in ("templates", "contacts", "campaigns"):
        shutil.rmtree(folder / name)  # what is launched does not need them, and copies are quick
    (folder / "campaigns").mkdir()
    return folder


@pytest.fixture
def servers() -> Iterator[list[ScriptedServer]]:
    started: list[ScriptedServer] = []
    yield started
    for server in started:
        server.stop()


@pytest.mark.parametrize("fault", catalogue(), ids=str)
def test_a_fault(
    fault: Fault,
    launched: Path,
    tmp_path: Path,
    certificates: Certificates,
    servers: list[ScriptedServer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = _server(fault, certificates)
    servers.append(server)
    desk = Desk(launched, tmp_path / "w", smtp_port=server.port)
    try:
        _be_impatient(monkeypatch)
        if fault.verb in SECURED:
            _secure(desk, certificates)
        _misbehave(server, fault)
        clock.move_to(BEGAN)
        report = desk.run()

        # The mail it happened to.
        row = _row(desk)
        assert row.state is fault.mail
        assert row.attempts == int(fault.counts)
        assert [str(kind) for kind in _tries(desk)] == ([fault.tried] if fault.tried else [])
        assert row.reason or row.state is MessageState.SENT, "every decision carries its reason"
        assert row.claimed_by is None
        # Those behind it.
        others = [state for (_, email), state in desk.messages().items() if email != FIRST]
        if fault.rest is None:
            assert others == [MessageState.SENT] * 2
            assert report.errors == []
        else:
            assert others[1] in (MessageState.QUEUED, MessageState.DEFERRED), "it went on"
            assert set(desk.rows(schema.message, "attempts")[1:]) <= {0, 1}
            (until,) = desk.rows(schema.sender_pause, "until")
            assert _about(until - clock.now(), fault.rest)
        stopped = fault.verb in OPENING or fault.tried == "unusable"
        if stopped and fault.rest is not None:
            assert report.exit_code == MailServerError.exit_code
            assert len(report.errors) == 1
            assert "127.0.0.1" in report.errors[0] or "localhost" in report.errors[0]
        else:
            assert report.exit_code == 0

        _behave(server, certificates)
        _goes_again_in_time(desk, server, fault)
    finally:
        desk.close()


def _goes_again_in_time(desk: Desk, server: ScriptedServer, fault: Fault) -> None:
    """Not before its time; then it goes, unless it is never tried again by itself. And nothing twice."""
    soonest = min(wait for wait in (fault.again, fault.rest, timedelta(days=1)) if wait is not None)
    given = len(server.received)
    if fault.again is not None:
        clock.move_to(BEGAN + soonest * 0.74 - timedelta(seconds=5))
        desk.run()
        assert len(server.received) == given, "before its time"
    clock.move_to(BEGAN + (fault.again or timedelta(days=1)) * 1.26 + timedelta(minutes=1))
    assert desk.run().errors == []
    clock.move_to(BEGAN + timedelta(days=2))
    desk.run()
    states = desk.messages()
    expected = fault.mail if fault.again is None else MessageState.SENT
    assert states.pop(("invitation", FIRST)) is expected
    assert set(states.values()) == {MessageState.SENT}
    accepted = Counter(map(_message_id, server.accepted))
    assert set(accepted.values()) == {1}
    ids = desk.rows(schema.message, "internet_message_id", "state")
    assert {id_ for id_, state in ids if state is MessageState.SENT} == set(accepted)
    if fault.mail is MessageState.UNCERTAIN:
        received = Counter(map(_message_id, server.received))
        assert received[ids[0][0]] <= 1, "it may have arrived, and went a second time"


def _server(fault: Fault, certificates: Certificates) -> ScriptedServer:
    secured = fault.verb in SECURED
    server = ScriptedServer(certificates.context(certificates.good) if secured else None)
    if secured:
        server.extensions = "STARTTLS,AUTH PLAIN LOGIN"
    elif fault.pipelining:
        server.extensions = "PIPELINING"
    if fault.verb == "certificate":
        server.tls = certificates.context(getattr(certificates, fault.server))
    return server


def _misbehave(server: ScriptedServer, fault: Fault) -> None:
    if fault.verb == "EHLO":
        server.usual["HELO"] = fault.server
    if fault.verb in OPENING:
        server.usual[fault.verb] = fault.server
    else:
        server.script[fault.verb] = [fault.server]


def _behave(server: ScriptedServer, certificates: Certificates) -> None:
    fresh = ScriptedServer()
    fresh.stop()
    server.usual = {**fresh.usual, "HELO": "250 ok"}
    if server.tls is not None:
        server.tls = certificates.context(certificates.good)


def _secure(desk: Desk, certificates: Certificates) -> None:
    """STARTTLS and a sign-in, trusting all certificates of the test but the stranger's."""
    trusted = desk.folder / "trusted.pem"
    ours = (certificates.good, certificates.other_name, certificates.expired)
    trusted.write_text("".join(path.read_text() for path in ours))
    smtp = {
        "host": "127.0.0.1",
        "port": desk.smtp_port,
        "security": "starttls",
        "timeout_seconds": 5,
        "username": "office",
        "password": "secret",
        "ca_file": str(trusted),
    }
    text = workspaces.sender("office", OFFICE, ["BE"], smtp, limits={"per_minute": 1000, "connections": 1})
    (desk.folder / "outreach.toml").write_text(text, encoding="utf-8")


def _be_impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same waiting as ever, in less time."""
    usual = accounts.smtp

    def account(*arguments: Any) -> Any:
        return replace(usual(*arguments), timeout=1.0, final_timeout=1.0)

    monkeypatch.setattr(accounts, "smtp", account)
    monkeypatch.setattr(send_mail, "deliver", partial(send_mail.deliver, reconnect_wait=0.0))


def _row(desk: Desk) -> Any:
    with desk.database.read() as connection:
        return connection.execute(sa.select(schema.message).where(schema.message.c.email == FIRST)).one()


def _tries(desk: Desk) -> list[Any]:
    number = _row(desk).id
    return [kind for id_, kind in desk.rows(schema.attempt, "message_id", "outcome") if id_ == number]


def _about(found: timedelta, expected: timedelta) -> bool:
    return expected * 0.75 - timedelta(seconds=5) <= found <= expected * 1.25


def _message_id(raw: bytes) -> str:
    for line in raw.split(b"\r\n"):
        if line.lower().startswith(b"message-id:"):
            return line.partition(b":")[2].strip().decode()
    raise AssertionError("a mail without Message-ID")


def test_each_stage_has_its_refusals_its_close_and_its_silence() -> None:
    """What the catalogue has to hold at least: 4xx and 5xx, close, silence, gibberish."""
    found: dict[str, set[str]] = {}
    for fault in catalogue():
        found.setdefault(fault.verb, set()).add(
            fault.server[:1] if fault.server[:1] in "45" else fault.server
        )
    for verb in ("GREETING", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "END"):
        assert {"4", "5", "close", "silence", "hello, I am a web server"} <= found[verb], verb
