"""Very many rows at once into a database that nobody uses yet: several times as fast as statements.

Keys, indexes and triggers are put aside while rows come in. Keys and indexes are made anew at the end, which also
proves that the rows keep them. On SQLite nothing can be taken back: whoever made the file removes it when that fails.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlmodel import SQLModel

from outreach.db.engine import Database
from outreach.errors import DatabaseError, RefusedError

_ROWS = 20_000
_CACHE_KILOBYTES = 262_144


def refuse_rows(url: str) -> None:
    """Raises :class:`~outreach.errors.RefusedError` when the database at ``url``, of whatever version, holds a row, or
    is a file that is there already. Changes nothing."""
    database = Database(url, check_version=False)
    remedy = "Nothing was changed. Name a database that is empty or not there yet."
    try:
        if database.sqlite_path is not None:
            if database.sqlite_path.exists():
                raise RefusedError(f"There is a file {database.sqlite_path} already.", remedy)
            return
        with database.read() as connection:
            for name in sa.inspect(connection).get_table_names():
                rows = sa.select(sa.literal(1)).select_from(sa.table(name)).limit(1)
                if name != "alembic_version" and connection.execute(rows).first() is not None:
                    shown = database.url.render_as_string(hide_password=True)
                    raise RefusedError(f"The database {shown} holds data already (table {name}).", remedy)
    finally:
        database.close()


class Load:
    """Takes rows for any table, and writes them in large pieces.

    Values are what the database stores: words, numbers, bytes, times in UTC as ``2026-03-02 08:00:00.000000``, days
    as ``2026-03-02``, JSON as text. Columns that are not named get their default.
    """

    def __init__(self, cursor: Any, postgresql: bool) -> None:
        self._cursor = cursor
        self._postgresql = postgresql
        self._tables: dict[str, _Rows] = {}

    def into(self, table: sa.Table, *columns: str) -> list[tuple[Any, ...]]:
        """The list to which rows of these columns are added; :meth:`written` empties it when it is long."""
        rows = _Rows(table, columns, self._postgresql)
        self._tables[table.name] = rows
        return rows.waiting

    def written(self, *, all_: bool = False) -> None:
        """Write what waits, if it is much, or ``all_`` of it."""
        for rows in self._tables.values():
            if rows.waiting and (all_ or len(rows.waiting) >= _ROWS):
                if self._postgresql:
                    self._cursor.execute(rows.statement, stream=_copied(rows.waiting, rows.last))
                else:
                    self._cursor.executemany(rows.statement, [row + rows.last for row in rows.waiting])
                rows.waiting.clear()


class _Rows:
    def __init__(self, table: sa.Table, columns: Sequence[str], postgresql: bool) -> None:
        self.waiting: list[tuple[Any, ...]] = []
        left = [
            column
            for column in table.columns
            if column.name not in columns and column.default is not None and column.default.is_scalar
        ]
        self.last = tuple(column.default.arg for column in left)  # type: ignore[union-attr]
        names = [*columns, *(column.name for column in left)]
        quoted = ", ".join(f'"{name}"' for name in names)
        if postgresql:
            self.statement = f'COPY "{table.name}" ({quoted}) FROM STDIN'
        else:
            marks = ", ".join("?" * len(names))
            self.statement = f'INSERT INTO "{table.name}" ({quoted}) VALUES ({marks})'  # noqa: S608 - our names


@contextmanager
def loading(database: Database) -> Iterator[Load]:
    """A :class:`Load` into ``database``, whose tables are there and empty. At the end all keys are made and
    checked, and the numbers of new rows go on behind those loaded."""
    postgresql = database.engine.dialect.name == "postgresql"
    raw = database.engine.raw_connection()
    cursor = raw.cursor()
    try:
        with _postgresql(cursor) if postgresql else _sqlite(cursor):
            load = Load(cursor, postgresql)
            yield load
            load.written(all_=True)
            # What the triggers put aside would have noted: reports have to count all of it.
            cursor.execute(
                "INSERT INTO report_stale (municipality_id) SELECT id FROM municipality ORDER BY id"
            )
        raw.commit()
    except BaseException:
        if postgresql:
            raw.rollback()
        raise
    finally:
        cursor.close()
        raw.invalidate()  # its settings were those of a load
    if postgresql:
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("ANALYZE")


@contextmanager
def _sqlite(cursor: Any) -> Iterator[None]:
    for setting in (
        "foreign_keys=OFF",
        "synchronous=OFF",
        "journal_mode=OFF",
        f"cache_size=-{_CACHE_KILOBYTES}",
    ):
        cursor.execute(f"PRAGMA {setting}")
    cursor.execute("BEGIN EXCLUSIVE")
    kept = cursor.execute(
        "SELECT type, name, sql FROM sqlite_master WHERE type IN ('index', 'trigger') AND sql IS NOT NULL"
        " ORDER BY rowid"
    ).fetchall()
    for kind, name, _ in kept:
        cursor.execute(f'DROP {kind} "{name}"')
    yield
    for _, _, statement in kept:
        cursor.execute(statement)
    broken = cursor.execute("PRAGMA foreign_key_check").fetchone()
    if broken:
        raise DatabaseError(f"A row of {broken[0]} names a row of {broken[2]} that is not there.")
    cursor.execute("COMMIT")
    cursor.execute("PRAGMA journal_mode=WAL")


@contextmanager
def _postgresql(cursor: Any) -> Iterator[None]:
    cursor.execute("SET LOCAL TIME ZONE 'UTC'")
    cursor.execute("SET LOCAL maintenance_work_mem = '256MB'")
    cursor.execute(
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE connamespace = current_schema()::regnamespace AND contype IN ('f', 'u') ORDER BY contype DESC"
    )
    constraints = list(cursor.fetchall())
    for table, name, _ in reversed(constraints):
        cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
    cursor.execute(
        "SELECT indexname, indexdef FROM pg_indexes JOIN pg_class ON relname = indexname"
        " JOIN pg_index ON indexrelid = pg_class.oid WHERE schemaname = current_schema() AND NOT indisprimary"
    )
    indexes = list(cursor.fetchall())
    for name, _ in indexes:
        cursor.execute(f'DROP INDEX "{name}"')
    cursor.execute(
        "SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid"
        " WHERE relnamespace = current_schema()::regnamespace AND NOT tgisinternal"
    )
    watched = [table for (table,) in cursor.fetchall()]
    for table in watched:
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    yield
    for table in watched:
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    for _, statement in indexes:
        cursor.execute(statement)
    for table, name, definition in constraints:
        cursor.execute(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}')
    cursor.execute(
        "SELECT table_name FROM information_schema.columns WHERE table_schema = current_schema()"
        " AND column_name = 'id' AND column_default LIKE 'nextval%'"
    )
    for (table,) in list(cursor.fetchall()):
        cursor.execute(
            f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM \"{table}\"))"  # noqa: S608
        )


def _copied(rows: Sequence[tuple[Any, ...]], last: tuple[Any, ...]) -> Iterator[bytes]:
    """Lines of COPY's text format, several in a piece."""
    end = "".join("\t" + _text(value) for value in last) + "\n"
    for start in range(0, len(rows), 500):
        piece = ["\t".join(map(_text, row)) + end for row in rows[start : start + 500]]
        yield "".join(piece).encode()


_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def _text(value: Any) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, bytes):
        return "\\\\x" + value.hex()
    if isinstance(value, str):
        return value if "\\" not in value and value.isprintable() else value.translate(_ESCAPES)
    return str(value)


def counts(database: Database) -> Mapping[str, int]:
    """Rows of each table that has any."""
    with database.read() as connection:
        found = {
            table.name: int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())
            for table in SQLModel.metadata.sorted_tables
        }
    return {name: number for name, number in found.items() if number}
