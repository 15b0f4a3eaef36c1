"""A workspace with a small campaign, for tests of the jobs: the database, the jobs and the clock in one hand."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from outreach import clock, settings
from outreach.db import campaigns, mailbox, schema
from outreach.db.engine import Database
from outreach.db.mailbox import Answered
from outreach.jobs.run import RunReport, run
from outreach.model.states import EngagementKind, MessageState
from outreach.settings import Workspace
from tests import workspaces

OFFICE = "digital@office.example"
#: A Monday, 9 in Belgium.
MONDAY = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
HOURS = 'days = ["Mon", "Tue", "Wed", "Thu", "Fri"]\nfrom = "09:00"\nuntil = "17:00"\n'

_CAMPAIGN = """\
title = "A trial"
purpose = "Trying."
templates = "lordimas"
{more}
[links]
assessment = "https://trial.test/start"
helpdesk = "https://trial.test/help"
[audience]
per_municipality = "all"
[window]
{window}
[[steps]]
name = "invitation"
[[steps]]
name = "reminder"
after = "7 days"
"""


class Desk:
    """The desk of a member in Belgium with the campaign ``trial``; the clock stands at :data:`MONDAY`."""

    def __init__(
        self,
        blank: Path,
        folder: Path,
        *,
        smtp_port: int = 1,
        window: str = workspaces.ALWAYS,
        more: str = "",
        limits: Mapping[str, Any] | None = None,
        reads: bool = False,
        inbox: str = "confirm = false",
        database: str = "",
        imap: Mapping[str, Any] | None = None,
    ) -> None:
        """``inbox``: the lines of ``[senders.office.inbox]``; unless they say so, no answer is answered. ``imap``: its
        mailbox; ``reads`` alone names one that is not there."""
        self.folder = Path(shutil.copytree(blank, folder))
        self.smtp_port = smtp_port
        server = {"host": "127.0.0.1", "security": "plain", "username": OFFICE, "password": "x"}
        (self.folder / "outreach.toml").write_text(
            (f'database = "{database}"\n' if database else "")
            + workspaces.sender(
                "office",
                OFFICE,
                ["BE"],
                smtp={"host": "127.0.0.1", "port": smtp_port, "security": "plain", "timeout_seconds": 5},
                imap=imap or ({**server, "port": 1} if reads else None),
                limits={"per_minute": 1000, "connections": 1, **(limits or {})},
            )
            + f"[senders.office.inbox]\n{inbox}\n",
            encoding="utf-8",
        )
        campaign = _CAMPAIGN.format(more=more, window=window)
        (self.folder / "campaigns" / "trial.toml").write_text(campaign, encoding="utf-8")
        clock.move_to(MONDAY)

    @cached_property
    def workspace(self) -> Workspace:
        return settings.load(self.folder)

    @cached_property
    def database(self) -> Database:
        return Database(self.workspace.database_url)

    def type(self, *arguments: object) -> str:
        return workspaces.command("-w", self.folder, *arguments).ok().out

    def launch(self, *contacts: tuple[str, str]) -> None:
        """Import (municipality, address) and launch the campaign."""
        self.import_(contacts)
        self.type("campaigns", "check", "trial", "--country", "BE")
        self.type("campaigns", "launch", "trial", "--country", "BE", "--yes")

    def import_(self, contacts: Iterable[tuple[str, str]]) -> None:
        rows = ((town, email, "nl") for town, email in contacts)
        path = workspaces.write_list(self.folder / "towns.csv", rows)
        self.type("contacts", "import", path, "--country", "BE", "--apply")

    def at(self, **delta: float) -> None:
        """So much later than :data:`MONDAY`."""
        clock.move_to(MONDAY + timedelta(**delta))

    def run(self, **options: Any) -> RunReport:
        """Poll, plan, send. It never waits for a minute's budget."""
        return run(self.workspace, self.database, clock.now, **{"max_seconds": 30, **options})

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        with self.database.write() as connection:
            yield connection

    def rows(self, table: sa.Table, *columns: str) -> list[Any]:
        """Some columns of all rows, oldest first; a single column bare."""
        with self.database.read() as connection:
            found = connection.execute(
                sa.select(*(table.c[name] for name in columns)).order_by(*table.primary_key)
            ).all()
        return [row[0] if len(columns) == 1 else tuple(row) for row in found]

    def messages(self) -> dict[tuple[str, str], MessageState]:
        """Step and address -> state."""
        rows = self.rows(schema.message, "step", "email", "state")
        return {(step, email): state for step, email, state in rows}

    def events(self) -> list[EngagementKind]:
        """What happened and stands, but for what was sent."""
        found = self.rows(schema.engagement, "kind", "undone_at")
        return [kind for kind, undone in found if undone is None and kind is not EngagementKind.SENT]

    def message(self, email: str) -> Answered:
        """The last message to ``email``, as one that is answered."""
        with self.database.read() as connection:
            return mailbox.messages_by(connection, "office", "email_key", [email])[0]

    def answers(self, email: str, kind: EngagementKind = EngagementKind.ANSWERED) -> None:
        """Somebody at ``email`` did something."""
        about = self.message(email)
        with self.write() as connection:
            mailbox.add_engagement(connection, kind, about, at=clock.now(), inbound_id=None)

    def campaign(self) -> campaigns.Campaign:
        with self.database.read() as connection:
            return campaigns.get(connection, "trial-be")

    def close(self) -> None:
        if "database" in self.__dict__:
            self.database.close()


@contextmanager
def invited(
    blank: Path, folder: Path, smtp_port: int, database: str, towns: Sequence[tuple[str, str]]
) -> Iterator[Desk]:
    """A desk that confirms, a day after each of ``towns`` (municipality, address) got its invitation."""
    desk = Desk(blank, folder, smtp_port=smtp_port, reads=True, inbox="confirm = true", database=database)
    desk.launch(*towns)
    assert desk.run(do_poll=False).sent.sent == len(towns)
    desk.at(days=1)
    yield desk
    desk.close()
