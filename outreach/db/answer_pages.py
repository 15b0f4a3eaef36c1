"""What a page for answers has to know of the mail that led to it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from outreach.db import schema

_INBOUND = schema.inbound_message


def sender_of(connection: sa.Connection, token: str) -> str | None:
    """Which sender's message ``token`` names."""
    column = schema.message.c
    found: str | None = connection.execute(
        sa.select(column.sender).where(column.token == token)
    ).scalar_one_or_none()
    return found


def strings(connection: sa.Connection, campaign_id: int, language: str) -> Mapping[str, Any] | None:
    """The words around the mails of a campaign in one language, as they were frozen."""
    columns = schema.content.c
    found: Mapping[str, Any] | None = connection.execute(
        sa.select(columns.strings)
        .where(columns.campaign_id == campaign_id, columns.language == language)
        .order_by(columns.id)
        .limit(1)
    ).scalar_one_or_none()
    return found


def last_of(
    connection: sa.Connection, sender: str, folder: str, uidvalidity: int
) -> tuple[int, datetime, str] | None:
    """UID, time of arrival and digest of the last message that is kept of a folder."""
    row = connection.execute(
        sa.select(_INBOUND.c.uid, _INBOUND.c.received_at, _INBOUND.c.digest)
        .where(
            _INBOUND.c.sender == sender, _INBOUND.c.folder == folder, _INBOUND.c.uidvalidity == uidvalidity
        )
        .order_by(_INBOUND.c.uid.desc())
        .limit(1)
    ).one_or_none()
    return (row.uid, row.received_at, row.digest) if row else None
