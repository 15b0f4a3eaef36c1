"""The few statements that SQLite and PostgreSQL spell each in its own class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite


def insert_ignoring(connection: sa.Connection, table: sa.Table) -> Any:
    """INSERT that leaves a row the unique keys know already as it is."""
    return _insert(connection, table).on_conflict_do_nothing()


def upsert(connection: sa.Connection, table: sa.Table, keys: Sequence[str], changes: Sequence[str]) -> Any:
    """INSERT that, where the unique ``keys`` exist already, takes the new values of ``changes``."""
    statement = _insert(connection, table)
    return statement.on_conflict_do_update(
        index_elements=list(keys), set_={name: statement.excluded[name] for name in changes}
    )


def _insert(connection: sa.Connection, table: sa.Table) -> Any:
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)
