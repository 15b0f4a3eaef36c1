"""What is about persons is removed when its time is over: the days stand in ``[privacy]``. A run applies them once a
day."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from outreach.settings import Workspace

if TYPE_CHECKING:
    from outreach.db.engine import Database

_STAMP = Path(".outreach") / "retention"
_EVERY = timedelta(days=1)


def is_due(workspace: Workspace, now: datetime) -> bool:
    """Whether a day has passed since it was last applied. The first question starts the day. Costs a file's read:
    an idle run asks it."""
    path = workspace.root / _STAMP
    try:
        return now - datetime.fromisoformat(path.read_text(encoding="ascii")) >= _EVERY
    except FileNotFoundError:
        _stamp(path, now)
        return False
    except (OSError, ValueError):
        return True


def limits(workspace: Workspace, now: datetime) -> tuple[datetime | None, datetime | None, datetime | None]:
    """What is older is removed: answers, contacts gone from their list, campaigns that ended; ``None``: never."""
    privacy = workspace.settings.privacy
    days = (privacy.answers_days, privacy.gone_days, privacy.campaign_days)
    answers, gone, ended = (now - timedelta(days=one) if one else None for one in days)
    return answers, gone, ended


def apply(workspace: Workspace, database: Database, now: datetime) -> dict[str, int]:
    """Remove what is older than the settings allow; returns how much of what."""
    from outreach.db import directory, retention

    answers, gone, ended = limits(workspace, now)
    removed: dict[str, int] = {}
    with database.write() as connection:
        for what, before, remove in (
            ("answers", answers, retention.empty_answers),
            ("contacts gone from their lists", gone, retention.remove_gone),
            ("registrations and server answers of old campaigns", ended, retention.empty_campaigns),
        ):
            if before and (number := remove(connection, before)):
                removed[what] = number
        if removed:
            directory.note(
                connection,
                actor="outreach",
                action="privacy.retention",
                subject="[privacy]",
                detail=", ".join(f"{what} {number}" for what, number in removed.items()),
                now=now,
            )
    _stamp(workspace.root / _STAMP, now)
    return removed


def _stamp(path: Path, now: datetime) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(now.isoformat(), encoding="ascii")
