"""Bringing a database to the version this code needs, and copying it safely."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from outreach.db.engine import Database
from outreach.errors import DatabaseError


def alembic_config() -> Config:
    """Alembic's configuration, without a file: the migrations travel inside the package."""
    config = Config()
    config.set_main_option("script_location", "outreach:db/migrations")
    return config


def upgrade(url: str) -> str:
    """Create the database or bring it up to date; returns the version it is of now."""
    database = Database(url, check_version=False)
    if database.sqlite_path:
        database.sqlite_path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with database.write() as connection:
            config = alembic_config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            version = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one()
            return str(version)
    finally:
        database.close()


def backup(url: str, target: Path) -> None:
    """Copy a SQLite database while it is in use (SQLite's online backup), readable by its owner only."""
    path = Database(url).sqlite_path
    if path is None:
        raise DatabaseError(
            "`outreach db backup` copies SQLite files.", "For PostgreSQL, use pg_dump of the same version."
        )
    if target.exists():
        raise DatabaseError(f"{target} exists already.", "Name a file that does not exist yet.")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.touch(mode=0o600)
    with sqlite3.connect(path) as source, sqlite3.connect(target) as copy:
        source.backup(copy)
    source.close()
    copy.close()
