"""Two overlapping runs, of which one is killed again and again: what arrived, and what the outbox says of it.

``make torture`` is the full size: 5,000 mails and 200 kills, with 1, 4 and 10 connections, on both databases.
The same in small is in ``tests/acceptance/test_killed.py``.
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from outreach.db import schema
from outreach.db.engine import Database
from outreach.model.states import WAITING_MESSAGE_STATES, MessageState
from tests import databases, workspaces
from tests.servers.sink import Sink

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerProcess

#: Seconds between taking a mail and saying so, for each connection a run may have: the time in which a client that
#: dies cannot have known; and so the mails last for all the kills, however many connections there are.
_REPLY_DELAY = 0.002
#: So many runs start in an interpreter of their own, a second of imports included; the others are forked from
#: one that has done its imports.
_COLD = 0.1


@dataclass(frozen=True, slots=True)
class Tortured:
    """What came of it."""

    database: str
    connections: int
    mails: int
    kills: int  # by SIGKILL, of a run that was still running
    late: int  # runs that had come to their end before
    messages: int  # rows in the outbox
    twice: int  # Message-IDs that the sink took more than once
    strange: int  # mails taken that stand in no outbox
    missing: int  # neither sent nor uncertain after the last run, or "sent" and never taken
    uncertain: int
    arrived: int  # of the uncertain
    most_marked: int  # messages of one killed run that may or may not have gone
    errors: int  # runs that did not end with 0, and were not killed
    seconds: float

    @property
    def holds(self) -> bool:
        """Nothing twice, nothing lost, and of each killed run at most one mail a connection uncertain."""
        return (
            self.messages == self.mails
            and not (self.twice or self.strange or self.missing or self.errors)
            and self.most_marked <= self.connections
            and self.uncertain <= self.kills * self.connections
        )


class _Run:
    """A process that types `outreach run`."""

    def __init__(self, folder: Path, *, cold: bool) -> None:
        self._warm: ForkServerProcess | None = None
        self._cold: subprocess.Popen[bytes] | None = None
        if cold:
            self._cold = subprocess.Popen(
                workspaces.command_line("-w", folder, "run"),
                env=workspaces.environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            self.pid = self._cold.pid
        else:
            self._warm = workspaces.start_warm("-w", folder, "run")
            assert self._warm.pid is not None
            self.pid = self._warm.pid

    def is_alive(self) -> bool:
        if self._cold is not None:
            return self._cold.poll() is None
        assert self._warm is not None
        return self._warm.is_alive()

    def kill(self) -> int | None:
        """SIGKILL; the exit code, -9 unless it was over before."""
        process = self._cold or self._warm
        assert process is not None
        process.kill()
        return self.wait()

    def wait(self, seconds: float = 120) -> int | None:
        if self._cold is not None:
            return self._cold.wait(seconds)
        assert self._warm is not None
        self._warm.join(seconds)
        return self._warm.exitcode


def torture(
    folder: Path,
    sink: Sink,
    *,
    url: str,
    connections: int,
    mails: int,
    kills: int,
    seed: int,
    cold: float = 0.0,
) -> Tortured:
    """Launch a campaign of ``mails`` and kill one of two runs ``kills`` times at random instants, then let the
    rest go. ``cold``: the share of runs that start in an interpreter of their own."""
    launch(folder, sink, mails, {"connections": connections}, url)
    chance = random.Random(seed)
    sink.behaviour.reply_delay = _REPLY_DELAY * connections
    began = time.monotonic()

    def start() -> _Run:
        return _Run(folder, cold=chance.random() < cold)

    database = Database(url)
    runs = [start(), start()]
    killed = late = errors = most_marked = 0
    while killed < kills:
        enough = min(len(sink.accepted()) + chance.randint(0, mails // kills), mails)
        until = time.monotonic() + 10
        while (
            len(sink.accepted()) < enough and time.monotonic() < until and any(run.is_alive() for run in runs)
        ):
            time.sleep(0.0005)
        time.sleep(chance.uniform(0, 0.01))
        which = chance.randrange(2)
        code = runs[which].kill()
        if code == -signal.SIGKILL:
            killed += 1
            most_marked = max(most_marked, _marked(database, runs[which].pid))
        else:
            late += 1  # what is left, if anything, is held by the other
            errors += code != 0
            if not _open(database):
                break
        runs[which] = start()
    errors += sum(run.wait() != 0 for run in runs)
    sink.behaviour.reply_delay = 0.0
    errors += workspaces.process("-w", folder, "run").code != 0
    seconds = time.monotonic() - began

    states, accepted = message_ids(database), sink.message_ids()
    database.close()
    sent = {id_ for id_, state in states.items() if state is MessageState.SENT}
    uncertain = {id_ for id_, state in states.items() if state is MessageState.UNCERTAIN}
    return Tortured(
        database.url.get_backend_name(),
        connections,
        mails,
        killed,
        late,
        messages=len(states),
        twice=sum(number > 1 for number in accepted.values()),
        strange=len(accepted.keys() - states.keys()),
        missing=len(states.keys() - sent - uncertain) + len(sent - accepted.keys()),
        uncertain=len(uncertain),
        arrived=len(uncertain & accepted.keys()),
        most_marked=most_marked,
        errors=errors,
        seconds=seconds,
    )


def _open(database: Database) -> int:
    """Messages that may still go."""
    columns = schema.message.c
    states = (*WAITING_MESSAGE_STATES, MessageState.SENDING)
    with database.read() as connection:
        counted = sa.select(sa.func.count()).where(columns.state.in_(states))
        return int(connection.execute(counted).scalar_one())


def _marked(database: Database, pid: int) -> int:
    """Of the run with this process number: messages whose end of DATA may have gone out, with no answer."""
    columns = schema.message.c
    marked = sa.select(sa.func.count()).where(
        columns.state == MessageState.SENDING,
        columns.handed_at.is_not(None),
        columns.claimed_by.like(f"%-{pid}-%"),
    )
    with database.read() as connection:
        return int(connection.execute(marked).scalar_one())


def launch(folder: Path, sink: Sink, mails: int, limits: dict[str, int], url: str = "") -> Path:
    """A workspace whose campaign in Germany waits to be sent to the sink."""
    workspaces.create(
        folder,
        (f'database = "{url}"\n' if url else "")
        + workspaces.sender(
            "de",
            "digital@association.example",
            ["DE"],
            smtp={"host": "127.0.0.1", "port": sink.port, "security": "plain"},
            limits={"per_minute": 100_000, "per_day": 1_000_000, **limits},
        ),
    )
    rows = ((f"Musterstadt {number}", f"info@stadt{number}.example", "de") for number in range(mails))
    towns = workspaces.write_list(folder / "towns.csv", rows)
    for arguments in (
        ("contacts", "import", towns, "--country", "DE", "--apply"),
        ("campaigns", "check", "lordimas", "--country", "DE"),
        ("campaigns", "launch", "lordimas", "--country", "DE", "--yes"),
    ):
        workspaces.command("-w", folder, *arguments).ok()
    return folder


def message_ids(database: Database) -> dict[str, MessageState]:
    """Every message of the outbox: Message-ID and state."""
    columns = schema.message.c
    with database.read() as connection:
        rows = connection.execute(sa.select(columns.internet_message_id, columns.state))
        return {row.internet_message_id: row.state for row in rows}


_COLUMNS = (
    ("database", 12),
    ("connections", 11),
    ("mails", 6),
    ("kills", 6),
    ("late", 5),
    ("twice", 6),
    ("missing", 8),
    ("uncertain", 10),
    ("arrived", 8),
    ("most marked", 12),
    ("seconds", 8),
)


def _line(cells: Iterable[object]) -> str:
    return " ".join(f"{cell!s:>{width}}" for cell, (_, width) in zip(cells, _COLUMNS, strict=True))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--mails", type=int, default=5_000)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 4, 10])
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    chosen = parser.parse_args()
    print(f"seed {chosen.seed}; two runs at once, {_COLD:.0%} of them in an interpreter of their own")
    print(_line(name for name, _ in _COLUMNS), flush=True)
    well = True
    for kind in chosen.databases:
        for connections in chosen.connections:
            place = Path(tempfile.mkdtemp(prefix="outreach-torture-"))
            folder = place / "w"
            url = databases.postgres_url() if kind == "postgresql" else f"sqlite:///{folder / 'outreach.db'}"
            with Sink(place / "accepted.jsonl") as sink:
                done = torture(
                    folder,
                    sink,
                    url=url,
                    connections=connections,
                    mails=chosen.mails,
                    kills=chosen.kills,
                    seed=chosen.seed,
                    cold=_COLD,
                )
            cells = [getattr(done, name.replace(" ", "_")) for name, _ in _COLUMNS[:-1]]
            print(_line([*cells, f"{done.seconds:.0f}"]), flush=True)
            if done.holds:
                shutil.rmtree(place)
            else:
                well = False
                print(f"FAILED: {done}; all of it is in {place}", flush=True)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
