"""Which columns of a list are what, as somebody once corrected it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa

from outreach.db import schema
from outreach.db.dialect import upsert


def remembered(connection: sa.Connection, country: str, header_key: str) -> dict[str, list[str]] | None:
    """Field -> columns of the lists with this header; ``None`` when nobody corrected them."""
    column = schema.list_columns.c
    found: dict[str, list[str]] | None = connection.execute(
        sa.select(column.columns).where(column.country == country, column.header_key == header_key)
    ).scalar_one_or_none()
    return found


def remember(
    connection: sa.Connection,
    country: str,
    header_key: str,
    columns: Mapping[str, Sequence[str]],
    *,
    actor: str,
    now: datetime,
) -> None:
    """Read lists with this header so from now on, in the place of what was remembered of it."""
    connection.execute(
        upsert(
            connection,
            schema.list_columns,
            ("country", "header_key"),
            ("columns", "updated_at", "updated_by"),
        ),
        {
            "country": country,
            "header_key": header_key,
            "columns": {field: list(wanted) for field, wanted in columns.items()},
            "updated_at": now,
            "updated_by": actor,
        },
    )


def forget(connection: sa.Connection, country: str, header_key: str) -> None:
    """Find out anew what the columns of lists with this header are."""
    column = schema.list_columns.c
    connection.execute(
        sa.delete(schema.list_columns).where(column.country == country, column.header_key == header_key)
    )
