"""Opening the database, and the two kinds of transaction: :meth:`Database.read` and :meth:`Database.write`.

SQLite runs in WAL mode with ``synchronous=NORMAL``: a commit survives a killed process. A write transaction
takes the write lock at its start (``BEGIN IMMEDIATE``), so two runs that overlap wait for each other instead
of failing half-way. The same code runs on PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from outreach.errors import DatabaseError

#: The migration this code was written for: the head of ``db/migrations/versions``.
SCHEMA_VERSION = "0001"

_BUSY_MILLISECONDS = 30_000


class Database:
    """A database of the right version, ready for use.

    Raises :class:`~outreach.errors.DatabaseError` when it is absent, of another version, or not to be opened.
    """

    def __init__(self, url: str, *, check_version: bool = True) -> None:
        self.url = sa.make_url(url)
        if check_version and self.sqlite_path and not self.sqlite_path.exists():
            raise DatabaseError(
                f"There is no database at {self.sqlite_path}.",
                "`outreach db upgrade` makes one; `outreach init DIR` makes a whole workspace.",
            )
        self.engine = _engine(self.url)
        if check_version:
            self._check_version()

    @property
    def sqlite_path(self) -> Path | None:
        """The file, if this is SQLite."""
        if self.url.get_backend_name() != "sqlite" or not self.url.database:
            return None
        return Path(self.url.database)

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A consistent view; it takes no lock that keeps others from writing."""
        with _as_sentences(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction that commits at the end of the block and rolls back on any exception."""
        with _as_sentences(), self.engine.connect() as connection:
            connection = connection.execution_options(outreach_writes=True)
            with connection.begin():
                yield connection

    def close(self) -> None:
        self.engine.dispose()

    def _check_version(self) -> None:
        with self.read() as connection:
            found = _stored_version(connection)
        if found == SCHEMA_VERSION:
            return
        raise DatabaseError(
            f"The database is of version {found or 'none'}; this Outreach needs {SCHEMA_VERSION}.",
            "Type `outreach db backup`, then `outreach db upgrade`.",
        )


def _stored_version(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return str(found) if found else None


def _engine(url: sa.URL) -> sa.Engine:
    if url.get_backend_name() != "sqlite":
        return sa.create_engine(url, pool_pre_ping=True)
    engine = sa.create_engine(url, connect_args={"timeout": _BUSY_MILLISECONDS / 1000})

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions begin below, not in the driver
        for pragma in (
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "foreign_keys=ON",
            f"busy_timeout={_BUSY_MILLISECONDS}",
            "temp_store=MEMORY",
            "cache_size=-32768",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get("outreach_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


@contextmanager
def _as_sentences() -> Iterator[None]:
    """The driver's errors that a person can do something about, as sentences."""
    try:
        yield
    except sa.exc.OperationalError as error:
        said = str(error.orig).strip()
        lower = said.lower()
        if "locked" in lower or "busy" in lower:
            raise DatabaseError(
                f"Another program kept the database locked for {_BUSY_MILLISECONDS // 1000} seconds.",
                "Nothing was changed; try again, and close programs that have the file open.",
            ) from error
        if "full" in lower:
            raise DatabaseError(
                "The disk is full: the database could not be written.",
                "Nothing half-done was kept; free some space and run again.",
            ) from error
        if "readonly" in lower or "read-only" in lower or "unable to open" in lower:
            raise DatabaseError(
                f"The database cannot be opened for writing ({said}).",
                "Check who owns the file and its folder.",
            ) from error
        raise DatabaseError(
            f"The database cannot be used: {said}.", "`outreach doctor` looks closer."
        ) from error
    except sa.exc.DatabaseError as error:
        said = str(error.orig).strip()
        if "not a database" in said or "malformed" in said:
            raise DatabaseError(
                f"The database file is damaged or is no database ({said}).", "Restore your last backup."
            ) from error
        raise
