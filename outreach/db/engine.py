"""Opening the database, and the two kinds of transaction: :meth:`Database.read` and :meth:`Database.write`.

SQLite runs in WAL mode with ``synchronous=NORMAL``: a commit survives a killed process. A write transaction
takes the write lock at its start (``BEGIN IMMEDIATE``), so two runs that overlap wait for each other instead
of failing half-way. The same code runs on PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from outreach.db.dialect import plain_cursor
from outreach.errors import DatabaseError

#: The migration this code was written for: the head of ``db/migrations/versions``.
SCHEMA_VERSION = "0011"

_BUSY_MILLISECONDS = 30_000


class Database:
    """A database of the right version, ready for use.

    Raises :class:`~outreach.errors.DatabaseError` when it is absent, of another version, or not to be opened.
    """

    def __init__(
        self,
        url: str,
        *,
        check_version: bool = True,
        countries: Collection[str] | None = None,
        senders: Collection[str] = (),
    ) -> None:
        """``countries``: those whose rows its queries find (``db.scope``), and the ``senders`` that write to no
        others; ``None``: all."""
        self.url = _url(url)
        if check_version and self.sqlite_path and not self.sqlite_path.exists():
            raise DatabaseError(
                f"There is no database at {self.sqlite_path}.",
                "`outreach db upgrade` makes one; `outreach init DIR` makes a whole workspace.",
            )
        self.engine = _engine(self.url)
        if countries is not None:
            self.engine = self.engine.execution_options(
                outreach_countries=frozenset(countries), outreach_senders=frozenset(senders)
            )
        if check_version:
            try:
                self._check_version()
            except BaseException:
                self.close()
                raise

    @property
    def sqlite_path(self) -> Path | None:
        """The file, if this is SQLite."""
        if self.url.get_backend_name() != "sqlite" or not self.url.database:
            return None
        return Path(self.url.database)

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A consistent view; it takes no lock that keeps others from writing."""
        with _as_sentences(self.url), self.engine.connect() as connection:
            if connection.dialect.name == "postgresql":  # else each statement sees another moment
                connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction that commits at the end of the block and rolls back on any exception."""
        with _as_sentences(self.url), self.engine.connect() as connection:
            connection = connection.execution_options(outreach_writes=True)
            with connection.begin():
                yield connection

    @contextmanager
    def reshape(self) -> Iterator[sa.Connection]:
        """A transaction like that of :meth:`write` in which tables are made anew though rows of others refer to
        theirs (sqlite.org/lang_altertable.html, section 7). A reference that leads nowhere at its end is an error,
        and nothing was changed."""
        with _as_sentences(self.url), self.engine.connect() as connection:
            is_file = self.sqlite_path is not None
            connection = connection.execution_options(outreach_writes=True)
            driver: Any = connection.connection.driver_connection
            if is_file:  # within a transaction it would do nothing
                driver.execute("PRAGMA foreign_keys=OFF")
            try:
                with connection.begin():
                    yield connection
                    if is_file and (lost := connection.exec_driver_sql("PRAGMA foreign_key_check").all()):
                        raise DatabaseError(
                            f"{len(lost)} rows of the table {lost[0][0]} refer to rows of {lost[0][2]} that are "
                            "not there.",
                            "Nothing was changed; restore your last backup, or report it.",
                        )
            finally:
                if is_file:
                    driver.execute("PRAGMA foreign_keys=ON")

    @contextmanager
    def kept(self) -> Iterator[Callable[[], AbstractContextManager[sa.Connection]]]:
        """Transactions like those of :meth:`write`, one after the other on one connection: for those who have
        very many. Gives what begins one."""
        with _as_sentences(self.url), self.engine.connect() as connection:
            connection = connection.execution_options(outreach_writes=True)

            @contextmanager
            def write() -> Iterator[sa.Connection]:
                with _as_sentences(self.url), connection.begin():
                    yield connection

            yield write

    def close(self) -> None:
        self.engine.dispose()

    def _check_version(self) -> None:
        with self.read() as connection:
            found = stored_version(connection)
        if found == SCHEMA_VERSION:
            return
        raise DatabaseError(
            f"The database is of version {found or 'none'}; this Outreach needs {SCHEMA_VERSION}.",
            "Type `outreach db backup`, then `outreach db upgrade`.",
        )


def stored_version(connection: sa.Connection) -> str | None:
    """The migration the database is of; ``None``: none yet."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return str(found) if found else None


def _url(text: str) -> sa.URL:
    """Raises :class:`~outreach.errors.DatabaseError` for an address that no database can have."""
    remedy = "Write sqlite:///FILE or postgresql://USER@HOST/NAME."
    try:
        url = sa.make_url(text)
    except sa.exc.ArgumentError:
        raise DatabaseError("The address of the database cannot be read.", remedy) from None
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+pg8000")
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise DatabaseError(f"Outreach does not know the kind of database {url.drivername!r}.", remedy)
    return url


def _engine(url: sa.URL) -> sa.Engine:
    if url.get_backend_name() != "sqlite":
        try:
            return sa.create_engine(url, pool_pre_ping=True)
        except ImportError as error:
            raise DatabaseError(
                f"The driver for {url.drivername} is not installed.", "`pip install 'outreach[postgres]'`."
            ) from error
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
            # pages of the log before they are moved into the file, which waits for the disk: 16 MB, four times as
            # many as by default, so that a long campaign waits a quarter as often
            "wal_autocheckpoint=4000",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get("outreach_writes", False)
        with plain_cursor(connection) as execute:
            execute("BEGIN IMMEDIATE" if writes else "BEGIN", ())

    return engine


@contextmanager
def _as_sentences(url: sa.URL) -> Iterator[None]:
    """The driver's errors that a person can do something about, as sentences."""
    try:
        yield
    except sa.exc.IntegrityError:
        raise  # a matter for the caller
    except sa.exc.DBAPIError as error:
        said, code = _said(error)
        sentence = _sentence(url, said.lower(), code)
        if sentence:
            raise DatabaseError(*sentence) from error
        if "not a database" in said or "malformed" in said:
            raise DatabaseError(
                f"The database file is damaged or is no database ({said}).", "Restore your last backup."
            ) from error
        if isinstance(error, sa.exc.OperationalError) or error.connection_invalidated:
            raise DatabaseError(
                f"The database cannot be used: {said}.", "`outreach doctor` looks closer."
            ) from error
        raise


def _said(error: sa.exc.DBAPIError) -> tuple[str, str]:
    """What the driver said, and PostgreSQL's code for it ("" from SQLite)."""
    first = error.orig.args[0] if error.orig is not None and error.orig.args else ""
    if isinstance(first, dict):  # pg8000 hands on the fields of the server's message
        return str(first.get("M", "")), str(first.get("C", ""))
    return str(error.orig).strip().rstrip("."), str(getattr(error.orig, "sqlstate", None) or "")


def _sentence(url: sa.URL, said: str, code: str) -> tuple[str, str] | None:
    """What is wrong and what to do, by PostgreSQL's code (its manual, appendix A) or SQLite's words."""
    server = f"{url.host or 'localhost'}:{url.port or 5432}"
    if code == "53100" or (not code and "full" in said):
        return (
            "The disk is full: the database could not be written.",
            "Nothing half-done was kept; free some space and run again.",
        )
    if not code and "disk i/o error" in said:  # a quota, too: SQLite knows ENOSPC alone as a full disk
        return (
            f"The database file cannot be read or written ({said}).",
            "Nothing half-done was kept; look for a disk that is full, at its quota, or broken, then run again.",
        )
    if code in ("40001", "40P01", "55P03") or (not code and ("locked" in said or "busy" in said)):
        waited = f" for {_BUSY_MILLISECONDS // 1000} seconds" if not code else ""
        return (
            f"Another program kept the database locked{waited}.",
            "Nothing was changed; try again, and close programs that have the file open."
            if not code
            else "Nothing was changed; try again.",
        )
    if code == "25006" or (not code and any(part in said for part in _NOT_WRITABLE)):
        return (
            f"The database cannot be opened for writing ({said}).",
            "Check who owns the file and its folder." if not code else "Ask who runs the server.",
        )
    if code[:2] == "28":
        return f"PostgreSQL on {server} refused the sign-in ({said}).", "Check the user and the password."
    if code == "3D000":
        return (
            f"PostgreSQL on {server} has no database {url.database!r}.",
            "Make it with createdb, then type `outreach db upgrade`.",
        )
    if code[:2] in ("08", "53", "57") or "can't create a connection" in said or "network error" in said:
        return (
            f"PostgreSQL on {server} cannot be reached or has broken off ({said}).",
            "Nothing half-done was kept; see that it runs, then try again.",
        )
    return None


_NOT_WRITABLE = ("readonly", "read-only", "unable to open")
