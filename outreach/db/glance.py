"""A look at a SQLite database without SQLAlchemy, whose import costs more than the rest of an idle run."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Glance:
    """What decides whether a run has anything to do."""

    version: str
    work: bool  # something is due, to be planned, or held by some run
    senders: frozenset[str]  # that have launched something, and so have a mailbox to read
    cursors: dict[tuple[str, str], tuple[int, int]]  # sender, folder -> UIDVALIDITY, last UID


def glance(
    path: Path, now: datetime, waiting: Collection[str], running: str, sending: str, finished: str
) -> Glance:
    """Read the database at ``path``. The words of the states are arguments: they stand in ``model.states``.

    They are written into the statement, as the
    indexes on them ask. Raises ``sqlite3.Error`` for anything unusual; a full run then says what is wrong.
    """
    # As SQLAlchemy writes times for SQLite: UTC, without zone, microseconds always.
    moment = now.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)) as connection:
        (version,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        due = connection.execute(
            "SELECT 1 FROM campaign JOIN message ON message.campaign_id = campaign.id"  # noqa: S608 - our own words
            " AND message.sender = campaign.sender"
            f" AND message.state IN ({', '.join(map(_quoted, sorted(waiting)))}) AND message.due_at <= ?"
            " WHERE campaign.state = ? OR (campaign.state = ? AND message.answers_id IS NOT NULL)"
            f" UNION ALL SELECT 1 FROM message WHERE message.state = {_quoted(sending)}"
            " UNION ALL SELECT 1 FROM campaign WHERE campaign.state = ? AND campaign.plan_at <= ? LIMIT 1",
            (moment, running, finished, running, moment),
        ).fetchone()
        senders = connection.execute("SELECT DISTINCT sender FROM campaign WHERE launched_at IS NOT NULL")
        cursors = connection.execute("SELECT sender, folder, uidvalidity, last_uid FROM mailbox_cursor")
        return Glance(
            version=version,
            work=due is not None,
            senders=frozenset(sender for (sender,) in senders),
            cursors={(sender, folder): (validity, last) for sender, folder, validity, last in cursors},
        )


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "''") + "'"


def is_anything_old(
    path: Path, answers: datetime | None, gone: datetime | None, ended: datetime | None
) -> bool:
    """Whether ``db.retention`` has something to remove: answers that came in before, contacts gone before,
    campaigns that ended before. ``None``: these are kept. Raises ``sqlite3.Error`` as :func:`glance` does.
    """
    moments = [
        one.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f") if one else "" for one in (answers, gone, ended)
    ]
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)) as connection:
        found = connection.execute(
            "SELECT 1 FROM inbound_message WHERE received_at < ? AND state NOT IN ('open', 'aside')"
            " AND (raw IS NOT NULL OR from_address IS NOT NULL OR subject <> '')"
            " UNION ALL SELECT 1 FROM contact WHERE gone_at < ? AND email_key NOT LIKE 'erased:%'"
            " UNION ALL SELECT 1 FROM registration JOIN campaign ON campaign.id = registration.campaign_id"
            " WHERE campaign.finished_at < ? AND (registration.name IS NOT NULL OR registration.email IS NOT NULL)"
            " UNION ALL SELECT 1 FROM attendance JOIN campaign ON campaign.id = attendance.campaign_id"
            " WHERE campaign.finished_at < ? AND attendance.person_key NOT LIKE 'erased:%'"
            " LIMIT 1",
            [*moments, moments[2]],
        ).fetchone()
    return found is not None


def is_digest_due(path: Path, rows: Collection[tuple[str, str, str]], now: datetime) -> bool:
    """Whether a report by mail waits or is held by some run, or the row is missing of one of ``rows``: scope, address
    in lower case, week or month. Raises ``sqlite3.Error`` as :func:`glance` does."""
    moment = now.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)) as connection:
        waits = connection.execute(
            "SELECT 1 FROM digest WHERE state IN ('deferred', 'queued', 'sending')"
            " AND (state = 'sending' OR due_at <= ?) LIMIT 1",
            (moment,),
        ).fetchone()
        known = "SELECT 1 FROM digest WHERE scope = ? AND email_key = ? AND period = ?"
        return waits is not None or not all(connection.execute(known, row).fetchone() for row in rows)
