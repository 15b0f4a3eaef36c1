"""A run with nothing to do: that it is noticed, never wrongly, and what it costs."""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from outreach import clock, settings
from outreach.db import engine
from outreach.jobs import idle
from tests import workspaces
from tests.servers.host import MailHost

pytestmark = pytest.mark.servers

OFFICE = "idle@office.example"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, mail_host: MailHost) -> Path:
    """A campaign that was sent, and a mailbox that was read."""
    mail_host.add_mailbox(OFFICE)
    town, silent = "info@idle-town.example", "info@silent-town.example"
    mail_host.add_mailbox(town)
    mail_host.add_mailbox(silent)
    server = {"host": "localhost", "username": OFFICE, "password": "secret", "ca_file": mail_host.ca_file}
    folder = workspaces.create(
        tmp_path_factory.mktemp("idle") / "w",
        workspaces.sender(
            "office",
            OFFICE,
            ["BE"],
            smtp={**server, "port": mail_host.smtp_port, "security": "starttls"},
            imap={**server, "port": mail_host.imaps_port, "security": "tls"},
        ),
    )
    towns = workspaces.write_list(folder / "towns.csv", [("Dorp", town, "nl"), ("Stil-Dorp", silent, "nl")])
    for arguments in (
        ("contacts", "import", towns, "--country", "BE", "--apply"),
        ("campaigns", "check", "lordimas", "--country", "BE"),
        ("campaigns", "launch", "lordimas", "--country", "BE", "--yes"),
        ("run",),
    ):
        workspaces.command("-w", folder, *arguments).ok()
    mail_host.deliver(town, OFFICE, b"From: info@idle-town.example\r\nSubject: x\r\n\r\nWat is dit?\r\n")
    mail_host.wait_messages(OFFICE, 1)
    assert "Read 1 new message" in workspaces.command("-w", folder, "run").ok().out
    return folder


@pytest.fixture
def workspace(made: Path, tmp_path: Path, mail_host: MailHost) -> Path:
    """A copy for each test, its mailbox read up to what the tests before have left there."""
    folder = Path(shutil.copytree(made, tmp_path / "w"))
    with mail_host.imap(OFFICE) as client:
        state = client.select_folder("INBOX", readonly=True)
    sql(folder, f"UPDATE mailbox_cursor SET last_uid = {state[b'UIDNEXT'] - 1}")
    return folder


def nothing_to_do(folder: Path, **later: float) -> bool:
    return idle.nothing_to_do(settings.load(folder), clock.now() + timedelta(**later))


def sql(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / "outreach.db")) as connection, connection:
        connection.execute(statement)


def test_the_version_is_the_one_of_the_engine() -> None:
    """It stands twice, since the engine's module takes longer to import than a whole idle run may."""
    assert idle.SCHEMA_VERSION == engine.SCHEMA_VERSION


def test_nothing_to_do_is_what_a_full_run_finds_too(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert nothing_to_do(workspace)
    assert workspaces.command("-w", workspace, "run").ok().out == ""
    monkeypatch.setattr(idle, "nothing_to_do", lambda *_: False)
    assert workspaces.command("-w", workspace, "run").ok().out == "", "the full run had something to say"
    monkeypatch.undo()
    assert nothing_to_do(workspace), "the full run left something to do"


def test_a_new_message_is_work(workspace: Path, mail_host: MailHost) -> None:
    mail_host.append(OFFICE, b"From: a@idle-town.example\r\nSubject: y\r\n\r\nJa.\r\n")
    assert not nothing_to_do(workspace)
    assert "Read 1 new message" in workspaces.command("-w", workspace, "run").ok().out
    assert nothing_to_do(workspace)


def test_a_message_that_is_gone_again_is_no_work_for_ever(workspace: Path, mail_host: MailHost) -> None:
    """Its UID stays behind: UIDNEXT alone looks as if there were news."""
    uid = mail_host.append(OFFICE, b"From: a@idle-town.example\r\nSubject: y\r\n\r\nJa.\r\n")
    with mail_host.imap(OFFICE) as client:
        client.select_folder("INBOX")
        client.delete_messages([uid])
        client.expunge()
    assert not nothing_to_do(workspace)
    assert workspaces.command("-w", workspace, "run").ok().out == ""
    assert nothing_to_do(workspace)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE message SET state = 'queued', due_at = '2020-01-01 00:00:00.000000'",
        "UPDATE message SET state = 'deferred', due_at = '2020-01-01 00:00:00.000000'",
        "UPDATE message SET state = 'sending', claimed_by = 'x', claimed_until = '2099-01-01 00:00:00.000000'",
        "UPDATE campaign SET plan_at = '2020-01-01 00:00:00.000000'",
        "UPDATE mailbox_cursor SET uidvalidity = uidvalidity + 1",
        "DELETE FROM mailbox_cursor",
        "UPDATE alembic_version SET version_num = '0000'",
        "DROP TABLE mailbox_cursor",
    ],
)
def test_work_is_seen(workspace: Path, statement: str) -> None:
    sql(workspace, statement)
    assert not nothing_to_do(workspace)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE message SET state = 'queued', due_at = '2099-01-01 00:00:00.000000'",
        "UPDATE campaign SET plan_at = '2099-01-01 00:00:00.000000'",
        "UPDATE campaign SET plan_at = NULL",
        "UPDATE message SET state = 'uncertain'",
        "UPDATE message SET state = 'missed'",
    ],
)
def test_what_waits_for_later_or_for_a_person_is_no_work(workspace: Path, statement: str) -> None:
    sql(workspace, statement)
    assert nothing_to_do(workspace)


def test_the_mails_of_a_paused_campaign_are_no_work(workspace: Path) -> None:
    sql(workspace, "UPDATE message SET state = 'queued', due_at = '2020-01-01 00:00:00.000000'")
    sql(workspace, "UPDATE campaign SET state = 'paused', plan_at = '2020-01-01 00:00:00.000000'")
    assert nothing_to_do(workspace)


def test_the_reminder_becomes_work_in_its_time(workspace: Path) -> None:
    assert nothing_to_do(workspace, days=6)
    assert not nothing_to_do(workspace, days=8)


@pytest.mark.parametrize("break_it", ["database", "password", "server"])
def test_what_is_broken_counts_as_work_so_that_it_is_told(workspace: Path, break_it: str) -> None:
    path = workspace / "outreach.toml"
    if break_it == "database":
        (workspace / "outreach.db").write_bytes(b"damaged " * 1000)
    elif break_it == "password":
        path.write_text(path.read_text().replace('password = "secret"', 'password = "wrong"'))
    else:
        path.write_text(path.read_text().replace('host = "localhost"', 'host = "nowhere.invalid"'))
    assert not nothing_to_do(workspace)
    assert workspaces.command("-w", workspace, "run").code in {6, 7}


def cpu_seconds(run: Callable[[], object]) -> float:
    """Of the processes that ``run`` starts and waits for."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_a_run_with_nothing_to_do_costs_little(workspace: Path) -> None:
    """Of CPU time, Python's start and the sign-in to a real mailbox under TLS included."""

    def run() -> None:
        subprocess.run(
            workspaces.command_line("-w", workspace, "run"),
            env={**workspaces.environment(), "PYTHONDONTWRITEBYTECODE": ""},
            check=True,
            stdout=subprocess.DEVNULL,
        )

    assert nothing_to_do(workspace)
    run()  # compiles
    seconds = min(cpu_seconds(run) for _ in range(3))
    print(f"`outreach run` with nothing to do: {seconds:.2f} s of CPU time")
    assert seconds < float(os.environ.get("IDLE_SECONDS", "0.7"))


def test_it_does_so_without_the_heavy_libraries(workspace: Path) -> None:
    program = (
        "import sys; sys.argv = sys.argv[1:]\ntry:\n    import outreach.__main__\nexcept SystemExit as e:\n"
    )
    program += "    assert not e.code, e.code\nprint(' '.join(sys.modules))"
    done = subprocess.run(
        [workspaces.command_line()[0], "-c", program, "outreach", "-w", str(workspace), "run"],
        env=workspaces.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    modules = set(done.stdout.split())
    assert "outreach.jobs.idle" in modules
    heavy = {
        "sqlalchemy",
        "sqlmodel",
        "alembic",
        "premailer",
        "jinja2",
        "holidays",
        "babel",
        "rich",
    }
    assert not sorted(modules & heavy)
