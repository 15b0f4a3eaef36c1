"""What ``outreach run`` costs when there is nothing to do: ``python benchmarks/idle_run.py``.

CPU seconds, user and system, of the whole process from the start of Python to its end. Cron starts one every few
minutes. A campaign is running, nothing of it is due, and a mailbox on loopback has nothing new; the embedded
servers of the demo live in this process, so that their time is not counted. The peers: an empty Python, and one
that imports what a command line with a database usually begins with.
"""

from __future__ import annotations

import statistics
import tempfile
from datetime import timedelta
from pathlib import Path

from _campaign import launched
from _figures import Figure, child, show

from outreach import clock
from outreach.campaign import schedule
from outreach.campaign.definition import Window
from outreach.demo.servers import EmbeddedServers
from outreach.jobs import run
from outreach.jobs.idle import nothing_to_do
from outreach.jobs.message_rows import locality

_COMMAND = "from outreach.cli import main; main()"


def cpu(*arguments: str | Path) -> float:
    """The median of seven, after one that compiles what it imports."""
    child(arguments)
    return statistics.median(child(arguments).cpu_seconds for _ in range(7))


def measure() -> list[Figure]:
    # The invitation went out on a working day of the last week, so the reminder is due on one to come.
    place = locality("GR", None, None)
    sent_at = schedule.next_opening(clock.now() - timedelta(days=6), Window(), place) + timedelta(minutes=1)
    with tempfile.TemporaryDirectory() as name, EmbeddedServers() as servers:
        servers.add_mailbox("diktyo@kede.example", "benchmark")
        folder = Path(name) / "workspace"
        workspace, database = launched(
            folder, 5, now=sent_at, smtp_port=servers.smtp_port, imap_port=servers.imap_port, connections=1
        )
        report = run.run(workspace, database, lambda: sent_at)
        database.close()
        if report.sent.sent != 5 or not nothing_to_do(workspace, clock.now()):
            raise RuntimeError(f"there is something to do: {report}")
        ours = cpu("-c", _COMMAND, "-w", folder, "run")
    bare = cpu("-c", "pass")
    usual = cpu("-c", "import typer, sqlalchemy")
    return [
        Figure("peer: python -c pass", bare, "s"),
        Figure("peer: python -c 'import typer, sqlalchemy'", usual, "s"),
        Figure("outreach run, one mailbox, nothing to do", ours, "s", ours / usual, "under 0.7 s"),
    ]


def main() -> None:
    show("A run with nothing to do, CPU time; ratio to the second peer", measure())


if __name__ == "__main__":
    main()
