"""A run with nothing to do: what cron starts every few minutes stays silent and loads nothing it does not need."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from outreach.demo.servers import EmbeddedServers
from tests import workspaces

_ADDRESS = "digital@association.example"
_PASSWORD = "only for a test"
#: Each costs more than a tenth of such a run, or is a sign that the full run was begun.
_TOO_MUCH = (
    "alembic",
    "babel",
    "holidays",
    "jinja2",
    "markdown_it",
    "premailer",
    "rich",
    "sqlalchemy",
    "sqlmodel",
    "outreach.content",
    "outreach.db.engine",
    "outreach.model.tables",
    "outreach.jobs.run",
)
_RUN = """
import sys
from outreach.cli import main
try:
    main()
finally:
    print("\\n".join(sys.modules), file=sys.stderr)
"""


def modules_of_a_run(folder: Path) -> tuple[int, str, set[str]]:
    """`outreach run` in a process of its own: exit code, what it said, what it had loaded at its end."""
    done = subprocess.run(
        [sys.executable, "-c", _RUN, "-w", folder, "run"],
        env=workspaces.environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout, set(done.stderr.splitlines())


def test_a_run_with_nothing_to_do_loads_little_and_one_with_work_does_it(tmp_path: Path) -> None:
    with EmbeddedServers() as servers:
        servers.add_mailbox(_ADDRESS, _PASSWORD)
        account = {"host": servers.host, "security": "plain"}
        folder = workspaces.create(
            tmp_path / "w",
            workspaces.sender(
                "de",
                _ADDRESS,
                ["DE"],
                smtp={**account, "port": servers.smtp_port},
                imap={
                    **account,
                    "port": servers.imap_port,
                    "username": _ADDRESS,
                    "password": _PASSWORD,
                },
            ),
        )
        towns = workspaces.write_list(folder / "towns.csv", [("Musterstadt", "info@stadt.example", "de")])
        for arguments in (
            ("contacts", "import", towns, "--country", "DE", "--apply"),
            ("campaigns", "check", "lordimas", "--country", "DE"),
            ("campaigns", "launch", "lordimas", "--country", "DE", "--yes"),
        ):
            workspaces.command("-w", folder, *arguments).ok()

        # The invitation is due: the same look at the modules sees the whole program.
        code, said, loaded = modules_of_a_run(folder)
        assert code == 0
        assert "1 sent" in said
        assert {"sqlalchemy", "jinja2", "outreach.jobs.run"} <= loaded

        # The reminder is a week away, and nobody has written.
        code, said, loaded = modules_of_a_run(folder)
        assert (code, said) == (0, "")
        assert "imapclient" in loaded, "the mailbox was looked at"
        assert loaded.isdisjoint(_TOO_MUCH), sorted(loaded.intersection(_TOO_MUCH))
