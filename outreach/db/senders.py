"""Senders that have to rest, over all processes and runs."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from outreach.db import schema
from outreach.db.dialect import upsert


def rest(connection: sa.Connection, sender: str, until: datetime, reason: str, now: datetime) -> None:
    """Nothing of ``sender`` goes before ``until``."""
    connection.execute(
        upsert(connection, schema.sender_pause, ("sender",), ("until", "reason", "at")),
        {"sender": sender, "until": until, "reason": reason, "at": now},
    )


def rests_until(connection: sa.Connection, sender: str, now: datetime) -> datetime | None:
    """Until when ``sender`` rests; ``None`` when it may send."""
    column = schema.sender_pause.c
    found: datetime | None = connection.execute(
        sa.select(column.until).where(column.sender == sender, column.until > now)
    ).scalar_one_or_none()
    return found
