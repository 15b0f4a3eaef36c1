"""Bringing a database to the version this code needs, and copying it safely."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from outreach.db.engine import SCHEMA_VERSION, Database, stored_version
from outreach.errors import DatabaseError


def alembic_config() -> Config:
    """Alembic's configuration, without a file: the migrations travel inside the package."""
    config = Config()
    config.set_main_option("script_location", "outreach:db/migrations")
    return config


def upgrade(url: str) -> str:
    """Create the database or bring it up to date; returns the version it is of now.

    Raises :class:`~outreach.errors.DatabaseError` for a database that a newer Outreach has made.
    """
    database = Database(url, check_version=False)
    path = database.sqlite_path
    if path and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)  # addresses of persons: for its owner only
    try:
        with database.reshape() as connection:
            config = alembic_config()
            config.attributes["connection"] = connection
            _refuse_newer(connection, config)
            command.upgrade(config, "head")
            version = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one()
            return str(version)
    finally:
        database.close()


def _refuse_newer(connection: sa.Connection, config: Config) -> None:
    found = stored_version(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise DatabaseError(
            f"The database is of version {found}, which this Outreach ({SCHEMA_VERSION}) does not know.",
            "Install the Outreach that made it, or a newer one.",
        )


def backup(url: str, target: Path) -> None:
    """Copy a SQLite database, of whatever version, while it is in use (SQLite's online backup).

    The copy is whole or not there, and readable by its owner only.
    """
    path = Database(url, check_version=False).sqlite_path
    if path is None:
        raise DatabaseError(
            "`outreach db backup` copies SQLite files.", "For PostgreSQL, use pg_dump of the same version."
        )
    if not path.is_file():
        raise DatabaseError(f"There is no database at {path}.", "Check `database` in outreach.toml.")
    if target.exists():
        raise DatabaseError(f"{target} exists already.", "Name a file that does not exist yet.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch(mode=0o600, exist_ok=False)
    except OSError as error:
        raise DatabaseError(f"{target} cannot be written: {error.strerror}.", "Name another place.") from None
    try:
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(target)) as copy:
            source.backup(copy)
    except BaseException as error:
        target.unlink()
        if isinstance(error, sqlite3.Error):
            raise DatabaseError(
                f"The database could not be copied: {error}.", "No copy was kept; see that there is room."
            ) from error
        raise
