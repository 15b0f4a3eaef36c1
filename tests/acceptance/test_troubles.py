"""A machine in trouble in the middle of a run: its disk full, its database locked or not to be written, its clock
wrong. Each is one clear sentence and an exit code; afterwards nothing was lost and nothing went twice.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from outreach import clock
from outreach.db import engine, schema
from outreach.db.engine import Database
from outreach.model.states import MessageState
from tests import databases, workspaces
from tests.desks import Desk
from tests.servers.sink import Sink
from tests.torture import launch, message_ids

MAILS = 60
CONNECTIONS = 2


def at_mail(sink: Sink, number: int, happens: Callable[[], None]) -> None:
    """Let something happen when the sink has the whole of its mail ``number``, and has not yet said so."""
    count = 0

    def on_data(_raw: bytes) -> None:
        nonlocal count
        count += 1
        if count == number:
            happens()

    sink.behaviour.on_data = on_data  # type: ignore[assignment]


def all_is_well_in_the_end(folder: Path, sink: Sink, url: str = "") -> None:
    """An hour after the trouble: the next run sends what is left, and what cannot be known is uncertain."""
    clock.move_to(clock.now() + timedelta(hours=1))
    sink.behaviour.on_data = lambda _raw: None
    done = workspaces.command("-w", folder, "run")
    assert done.code == 0, done.err
    database = Database(url or f"sqlite:///{folder / 'outreach.db'}")
    states = message_ids(database)
    database.close()
    accepted = sink.message_ids()
    assert len(states) == MAILS
    assert set(accepted.values()) == {1}, "sent twice"
    assert set(states.values()) <= {MessageState.SENT, MessageState.UNCERTAIN}, "lost"
    sent = {id_ for id_, state in states.items() if state is MessageState.SENT}
    assert sent <= accepted.keys()
    assert len(states) - len(sent) <= CONNECTIONS


def is_one_sentence(done: workspaces.Done, code: int, says: str) -> None:
    assert done.code == code, done.err + done.out
    assert says in done.err
    assert "Traceback" not in done.err
    assert len(done.err.strip().splitlines()) <= 2, done.err  # what is wrong, and what to do


@contextmanager
def small_disk(place: Path, megabytes: int) -> Iterator[Path]:
    """A file system of its own, of which root can make one."""
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(place)],
        capture_output=True,
        text=True,
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill(disk: Path) -> Path:
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        size = 1 << 20
        while size:
            try:
                file.write(b"x" * size)
            except OSError:
                size >>= 1
    return filler


class TestDiskFull:
    def test_in_the_middle(self, tmp_path: Path, smtp_sink: Sink) -> None:
        with small_disk(tmp_path / "disk", 24) as disk:
            folder = launch(disk / "w", smtp_sink, MAILS, {"connections": CONNECTIONS})
            at_mail(smtp_sink, 10, lambda: fill(disk) and None)
            done = workspaces.command("-w", folder, "run")
            is_one_sentence(done, 7, "The disk is full: the database could not be written.")
            assert "free some space" in done.err
            assert len(smtp_sink.accepted()) < MAILS
            # And so it stays until somebody does something about it.
            again = workspaces.command("-w", folder, "run")
            is_one_sentence(again, 7, "The disk is full")
            (disk / "filler").unlink()
            all_is_well_in_the_end(folder, smtp_sink)

    def test_a_file_that_may_not_grow(self, tmp_path: Path, smtp_sink: Sink) -> None:
        """A quota, as it is set for a user: the same without being root."""
        folder = launch(tmp_path / "w", smtp_sink, MAILS, {"connections": CONNECTIONS})
        blocks = max(path.stat().st_size for path in folder.glob("outreach.db*")) // 1024
        command = " ".join(workspaces.command_line("-w", folder, "run"))
        done = subprocess.run(
            ["bash", "-c", f"ulimit -f {blocks + 40}; exec {command}"],
            env=workspaces.environment(),
            capture_output=True,
            text=True,
        )
        ended = workspaces.Done(done.returncode, done.stdout, done.stderr)
        is_one_sentence(ended, 7, "The database file cannot be read or written")
        all_is_well_in_the_end(folder, smtp_sink)


class TestLocked:
    def test_by_a_program_that_lets_go_in_time(self, tmp_path: Path, smtp_sink: Sink) -> None:
        folder = launch(tmp_path / "w", smtp_sink, MAILS, {"connections": CONNECTIONS})
        with closing(locker(folder)) as other:
            at_mail(smtp_sink, 10, lambda: lock_for(other, 0.3))
            done = workspaces.command("-w", folder, "run").ok()
        assert f"{MAILS} sent" in done.out

    def test_by_one_that_does_not(
        self, tmp_path: Path, smtp_sink: Sink, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(engine, "_BUSY_MILLISECONDS", 200)
        folder = launch(tmp_path / "w", smtp_sink, MAILS, {"connections": CONNECTIONS})
        with closing(locker(folder)) as other:
            at_mail(smtp_sink, 10, lambda: other.execute("BEGIN IMMEDIATE") and None)
            done = workspaces.command("-w", folder, "run")
            is_one_sentence(done, 7, "Another program kept the database locked")
            is_one_sentence(workspaces.command("-w", folder, "run"), 7, "Another program kept")
            other.execute("ROLLBACK")
        all_is_well_in_the_end(folder, smtp_sink)


def locker(folder: Path) -> sqlite3.Connection:
    return sqlite3.connect(folder / "outreach.db", isolation_level=None, check_same_thread=False, timeout=30)


def lock_for(other: sqlite3.Connection, seconds: float) -> None:
    other.execute("BEGIN IMMEDIATE")
    threading.Timer(seconds, other.execute, ["ROLLBACK"]).start()


class TestReadOnly:
    def test_a_file_system(self, tmp_path: Path, smtp_sink: Sink) -> None:
        with small_disk(tmp_path / "disk", 64) as disk:
            folder = launch(disk / "w", smtp_sink, MAILS, {"connections": CONNECTIONS})
            subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
            done = workspaces.command("-w", folder, "run")
            is_one_sentence(done, 7, "The database cannot be opened for writing")
            assert smtp_sink.accepted() == []
            subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
            all_is_well_in_the_end(folder, smtp_sink)

    def test_a_folder_beside_a_database_elsewhere(self, tmp_path: Path, smtp_sink: Sink) -> None:
        url = databases.postgres_url()
        with small_disk(tmp_path / "disk", 64) as disk:
            folder = launch(disk / "w", smtp_sink, MAILS, {"connections": CONNECTIONS}, url)
            subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
            is_one_sentence(workspaces.command("-w", folder, "run"), 3, "A run cannot write into")
            assert smtp_sink.accepted() == []
            subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
            all_is_well_in_the_end(folder, smtp_sink, url)

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
    def test_a_file(self, tmp_path: Path, smtp_sink: Sink) -> None:
        folder = launch(tmp_path / "w", smtp_sink, MAILS, {"connections": CONNECTIONS})
        (folder / "outreach.db").chmod(0o444)
        is_one_sentence(workspaces.command("-w", folder, "run"), 7, "cannot be opened for writing")
        (folder / "outreach.db").chmod(0o644)
        all_is_well_in_the_end(folder, smtp_sink)


def test_a_postgresql_that_goes_away(tmp_path: Path, smtp_sink: Sink) -> None:
    url = databases.postgres_url()
    name = url.rpartition("/")[2]
    folder = launch(tmp_path / "w", smtp_sink, MAILS, {"connections": CONNECTIONS}, url)
    statement = f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'"
    at_mail(smtp_sink, 10, lambda: databases.cluster().execute(statement))
    done = workspaces.command("-w", folder, "run")
    is_one_sentence(done, 7, "cannot be reached or has broken off")
    all_is_well_in_the_end(folder, smtp_sink, url)


class TestClock:
    @pytest.mark.parametrize("hours", [-26, -1, 1, 26])
    def test_that_jumps_in_the_middle_of_a_run(self, tmp_path: Path, smtp_sink: Sink, hours: int) -> None:
        folder = launch(tmp_path / "w", smtp_sink, MAILS, {"connections": CONNECTIONS})
        right = clock.now()
        at_mail(smtp_sink, 10, lambda: clock.move_to(clock.now() + timedelta(hours=hours)))
        done = workspaces.command("-w", folder, "run", "--max-seconds", "3")
        assert done.code == 0, done.err
        # Somebody sets it right again.
        clock.move_to(right + timedelta(hours=max(hours, 0) + 1))
        all_is_well_in_the_end(folder, smtp_sink)
        assert len(smtp_sink.accepted()) == MAILS


class TestNightsOfChange:
    """In Belgium: the hour from 2 to 3 is skipped on 29 March 2026, and comes twice on 25 October."""

    @pytest.fixture
    def desk(self, blank_workspace: Path, tmp_path: Path, smtp_sink: Sink) -> Iterator[Desk]:
        window = 'days = ["Sun", "Mon"]\nfrom = "02:00"\nuntil = "03:00"\nskip_holidays = false\n'
        desk = Desk(blank_workspace, tmp_path / "w", smtp_port=smtp_sink.port, window=window)
        yield desk
        desk.close()

    def runs(self, desk: Desk, start: datetime, hours: float) -> list[datetime]:
        """Run every 15 minutes; when something was sent."""
        found = []
        for quarter in range(int(hours * 4)):
            at = start + timedelta(minutes=15 * quarter)
            clock.move_to(at)
            if desk.run().sent.sent:
                found.append(at)
        return found

    def test_an_hour_that_is_skipped_opens_nothing(self, desk: Desk, smtp_sink: Sink) -> None:
        clock.move_to(datetime(2026, 3, 28, 12, 0, tzinfo=UTC))
        desk.launch(("Dorp", "info@dorp.example"))
        assert self.runs(desk, datetime(2026, 3, 28, 23, 0, tzinfo=UTC), 5) == []
        monday = datetime(2026, 3, 30, 0, 0, tzinfo=UTC)
        assert monday <= self.runs(desk, monday - timedelta(minutes=30), 2)[0] < monday + timedelta(hours=1)
        assert len(smtp_sink.accepted()) == 1

    def test_an_hour_that_comes_twice_opens_once(self, desk: Desk, smtp_sink: Sink) -> None:
        clock.move_to(datetime(2026, 10, 24, 12, 0, tzinfo=UTC))
        desk.launch(*((f"Dorp {letter}", f"info@dorp-{letter}.example") for letter in "abcd"))
        first = datetime(2026, 10, 25, 0, 0, tzinfo=UTC)  # 2:00 in summer time
        sent = self.runs(desk, first - timedelta(minutes=30), 3)
        assert all(first <= at <= first + timedelta(hours=1) for at in sent)
        assert len(smtp_sink.accepted()) == 4
        assert set(smtp_sink.message_ids().values()) == {1}
        assert set(desk.rows(schema.message, "state")) == {MessageState.SENT}
