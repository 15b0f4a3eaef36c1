"""The few things that SQLite and PostgreSQL each want done in their own way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from itertools import islice
from operator import itemgetter
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


#: Rows that are handed to the driver at a time: what a long import holds in memory twice.
_ROWS = 5_000


def insert_rows(
    connection: sa.Connection,
    statement: Any,
    columns: Sequence[str],
    rows: Iterable[tuple[Any, ...]],
    every: Mapping[str, Any],
) -> None:
    """Run ``statement``, an INSERT, for each of ``rows``: the values of ``columns`` in their order, words and
    numbers as the driver takes them. ``every`` row gets these values, too, times among them.

    On SQLite several times as fast as ``connection.execute`` with a mapping for each row.
    """
    names = (*columns, *every)
    dialect = connection.dialect
    if dialect.name != "sqlite":
        for some in _slices(rows):
            connection.execute(statement, [{**dict(zip(columns, row, strict=True)), **every} for row in some])
        return
    compiled = statement.compile(dialect=dialect, column_keys=names)
    table = statement.table
    last = tuple(_stored(table.c[name], value, dialect) for name, value in every.items())
    in_order = itemgetter(*(names.index(name) for name in compiled.positiontup))
    for some in _slices(rows):
        connection.exec_driver_sql(str(compiled), [in_order(row + last) for row in some])


def driver_rows(connection: sa.Connection, statement: sa.Select[Any]) -> Iterator[Sequence[Any]]:
    """The rows of ``statement`` as the driver gives them, words and numbers and times unconverted: several times as
    fast as ``connection.execute``, where there are a hundred thousand."""
    compiled = statement.compile(dialect=connection.dialect)
    values = compiled.params
    if compiled.positiontup is None:
        parameters: Any = values
    else:
        parameters = tuple(values[name] for name in compiled.positiontup)
    result = connection.exec_driver_sql(str(compiled), parameters)
    cursor = result.cursor
    assert cursor is not None
    while some := cursor.fetchmany(_ROWS):
        yield from some
    result.close()


def _slices(rows: Iterable[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    rows = iter(rows)
    while some := list(islice(rows, _ROWS)):
        yield some


def moment(connection: sa.Connection, at: datetime) -> Any:
    """A time (aware) as the driver takes it: what ``model.tables.Instant`` makes of it, for statements that run for
    every message."""
    at = at.astimezone(UTC)
    return (
        at if connection.dialect.name != "sqlite" else at.replace(tzinfo=None).isoformat(" ", "microseconds")
    )


@lru_cache(maxsize=1024)  # the same few stand in very many rows
def loaded(at: Any) -> datetime | None:
    """A time as the driver gave it."""
    if at is None:
        return None
    if isinstance(at, str):
        at = datetime.fromisoformat(at)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)  # type: ignore[no-any-return]


class Prepared:
    """A statement that every claim runs, compiled once for each dialect. Rows come as the driver gives them, words
    and numbers and times unconverted."""

    def __init__(self, statement: sa.Executable) -> None:
        self._statement = statement
        self._compiled: dict[str, tuple[str, Sequence[str], Mapping[str, Any]]] = {}

    def __call__(self, connection: sa.Connection, values: Mapping[str, Any]) -> Sequence[Any]:
        """The rows; ``values`` by the names of the statement's parameters, times as :func:`moment` gives them."""
        dialect = connection.dialect
        known = self._compiled.get(dialect.name)
        if known is None:
            compiled: Any = self._statement.compile(dialect=dialect)  # type: ignore[attr-defined]
            words = {
                name: value.value if isinstance(value, Enum) else value
                for name, value in compiled.params.items()
            }
            known = self._compiled[dialect.name] = (str(compiled), compiled.positiontup, words)
        text, names, fixed = known
        whole = {**fixed, **values}
        result = connection.exec_driver_sql(text, tuple([whole[name] for name in names]))
        cursor = result.cursor
        rows: Sequence[Any] = cursor.fetchall() if cursor is not None and cursor.description else ()
        result.close()
        return rows


def _stored(column: sa.Column[Any], value: Any, dialect: sa.Dialect) -> Any:
    process = _processor(column, dialect)
    return process(value) if process else value


@lru_cache(maxsize=64)
def _processor(column: sa.Column[Any], dialect: sa.Dialect) -> Callable[[Any], Any] | None:
    return column.type.dialect_impl(dialect).bind_processor(dialect)


@contextmanager
def plain_cursor(connection: sa.Connection) -> Iterator[Callable[[str, Sequence[Any]], Sequence[Any]]]:
    """Executes a statement, its parameters marked by ``?``, in the transaction of ``connection``, and gives
    the rows it returns. For statements that run for every message: no compiling, no logging. What goes wrong is
    raised as SQLAlchemy does."""
    driver = connection.dialect.dbapi
    assert driver is not None
    cursor = connection.connection.cursor()
    marks = connection.dialect.paramstyle != "qmark"

    def execute(statement: str, values: Sequence[Any]) -> Sequence[Any]:
        cursor.execute(statement.replace("?", "%s") if marks else statement, values)
        rows: Sequence[Any] = cursor.fetchall() if cursor.description else ()
        return rows

    try:
        yield execute
    except driver.Error as error:
        raise sa.exc.DBAPIError.instance(
            None, None, error, driver.Error, dialect=connection.dialect
        ) from error
    finally:
        cursor.close()


def marks(count: int) -> str:
    """So many parameters of :func:`plain_cursor`."""
    return ",".join("?" * count)


def _insert(connection: sa.Connection, table: sa.Table) -> Any:
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)
