"""How fast a launched campaign leaves: ``python benchmarks/sending.py``. Needs Postfix's ``smtp-sink`` and
``smtp-source``; nothing leaves the machine.

``jobs.send_mail.send`` works through the outbox of a campaign with 2,000 recipients on SQLite (claim, render,
compose, mark, send, record) over ten connections to ``smtp-sink``. The peer is ``smtp-source``, which sends fixed
bytes of the same size over ten connections to the same sink. With ``--profile``: where the time goes.
"""

from __future__ import annotations

import cProfile
import pstats
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from _campaign import MORNING, SENDER, launched
from _figures import ROUNDS, Figure, show

from outreach.db import outbox
from outreach.jobs import runs
from outreach.jobs.press import Press
from outreach.jobs.send_mail import send

RECIPIENTS = 10_000
CONNECTIONS = 10


def program(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/libexec/postfix")
    if found is None:
        sys.exit(f"{name} is not here: it comes with Postfix (sh .ci/packages postfix).")
    return found


@contextmanager
def sink() -> Iterator[int]:
    """A running ``smtp-sink``; gives its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # As root it wants to become somebody else.
    process = subprocess.Popen([program("smtp-sink"), "-u", "nobody", f"127.0.0.1:{port}", "200"])
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.02)
        else:
            raise RuntimeError("smtp-sink does not listen")
        yield port
    finally:
        process.terminate()
        process.wait()


def source(port: int, size: int, count: int) -> float:
    """Messages a second of ``smtp-source``."""
    command = [program("smtp-source"), "-d", "-s", str(CONNECTIONS), "-l", str(size), "-m", str(count)]
    start = time.perf_counter()
    subprocess.run(
        [*command, "-f", "a@kede.example", "-t", "b@thalassa.example", f"127.0.0.1:{port}"], check=True
    )
    return count / (time.perf_counter() - start)


def one_round(port: int, profile: cProfile.Profile | None) -> tuple[float, float, float]:
    """Messages a second and CPU microseconds a message of ours, then messages a second of the peer."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "workspace"
        workspace, database = launched(folder, RECIPIENTS, smtp_port=port, connections=CONNECTIONS)
        with database.read() as connection:
            due = outbox.due(connection, SENDER, MORNING, 1)
        press = Press(workspace, database, SENDER, workspace.settings.sender(SENDER))
        size = len(press.mail(due[0], MORNING).data)
        begun = time.monotonic()
        with runs.begin(workspace.root) as run:
            cpu = time.process_time()
            if profile is not None:
                profile.enable()
            report = send(
                workspace,
                database,
                run,
                lambda: MORNING + timedelta(seconds=time.monotonic() - begun),
            )
            if profile is not None:
                profile.disable()
            seconds, cpu = time.monotonic() - begun, time.process_time() - cpu
        database.close()
    if report.sent != RECIPIENTS:
        raise RuntimeError(f"{report.sent} of {RECIPIENTS} were sent: {report}")
    return RECIPIENTS / seconds, cpu / RECIPIENTS * 1e6, source(port, size, RECIPIENTS)


def main() -> None:
    profile = cProfile.Profile() if "--profile" in sys.argv else None
    with sink() as port:
        rounds = [one_round(port, profile) for _ in range(1 if profile else ROUNDS)]
    ours, cpu, peer = (statistics.median(column) for column in zip(*rounds, strict=True))
    show(
        "Sending 2,000 mails of a campaign to smtp-sink",
        [
            Figure("peer: smtp-source -s 10 -d, same size", peer, "mails/s"),
            Figure("a campaign, 10 connections, SQLite", ours, "mails/s", ours / peer),
            Figure("its CPU time a mail", cpu, "us"),
        ],
    )
    if profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(20)


if __name__ == "__main__":
    main()
