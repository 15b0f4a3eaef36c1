"""What the columns of all tables are made of."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel


class Instant(sa.types.TypeDecorator[datetime]):
    """A moment: aware in Python, UTC in the database; a naive time is refused."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a time zone cannot be stored")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        # PostgreSQL answers in the zone of the session
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def word(words: type[StrEnum]) -> Any:
    """A column of one of ``words``, stored by value; anything else is refused before it is stored."""
    return sa.Enum(
        words,
        values_callable=lambda enum: [word.value for word in enum],
        native_enum=False,
        length=24,
        validate_strings=True,
    )


#: Counts on for ever; on SQLite a row's number is one anyway, and only this type makes it one.
LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def instant(**options: Any) -> Any:
    return Field(sa_type=Instant, **options)


def partial(name: str, only: str, *columns: str) -> sa.Index:
    return sa.Index(name, *columns, sqlite_where=sa.text(only), postgresql_where=sa.text(only))


SQLModel.metadata.naming_convention = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
