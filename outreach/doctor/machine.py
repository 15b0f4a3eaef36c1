"""This machine: the workspace's files and who may read them, the database, room on the disk, the clock."""

from __future__ import annotations

import os
import re
import shutil
import stat
import tomllib
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from outreach.db import schema
from outreach.db.engine import Database
from outreach.doctor.findings import Finding, error, ok, raised, warning
from outreach.errors import DatabaseError, InputError
from outreach.jobs import workspace as files
from outreach.settings import FILE_NAME, Workspace

#: Less room than this is soon none.
_LITTLE_ROOM = 1 << 30
_NO_ROOM = 50 << 20
#: A clock that is off by less does no harm.
_CLOCK = timedelta(minutes=2)
_PASSWORD_IN_URL = re.compile(r"\w[\w+]*://[^/@]*:[^/@]+@")
_SECRETS = ("password", "key", "client_secret", "refresh_token")


def check_campaigns(workspace: Workspace) -> Iterator[Finding]:
    """Whether the definitions can be read, and which countries nobody or several write to."""
    slugs = files.slugs(workspace)
    faults = 0
    for slug in slugs:
        try:
            files.definition(workspace, slug)
        except InputError as problem:
            faults += 1
            yield raised(f"campaigns/{slug}.toml", problem)
    if not slugs:
        yield warning("campaigns", "no campaign definition", "`outreach init DIR` brings some to start from.")
    elif not faults:
        yield ok("campaigns", ", ".join(slugs))
    senders = workspace.settings.senders
    if not senders:
        yield warning(
            FILE_NAME, "no sender: nothing can be sent", "Add a section [senders.NAME]; the file shows how."
        )
        return
    countries: dict[str, list[str]] = {}
    for name, sender in senders.items():
        for country in sender.countries:
            countries.setdefault(country, []).append(name)
    several = [f"{country} ({', '.join(names)})" for country, names in countries.items() if len(names) > 1]
    yield ok(
        FILE_NAME,
        f"senders: {', '.join(senders)}; countries: {', '.join(countries)}"
        + (f"; --sender has to be said for {', '.join(several)}" if several else ""),
    )


def check_files(root: Path, database: Path | None, keys: Sequence[Path] = ()) -> Iterator[Finding]:
    """Secrets and private ``keys`` are for their owner only; so are the addresses of persons in the database."""
    settings, secrets = root / FILE_NAME, root / "secrets"
    paths = [path for path in (secrets, *sorted(secrets.glob("*")), *keys) if path.exists()]
    if settings.is_file() and _holds_secret(settings):
        paths.insert(0, settings)
    if database is not None:
        paths += [
            path
            for path in (database, *(Path(f"{database}{end}") for end in ("-wal", "-shm")))
            if path.exists()
        ]
    bad = 0
    for path in paths:
        found = list(_permissions(path, root))
        bad += len(found)
        yield from found
    if settings.is_file() and settings not in paths and settings.stat().st_mode & stat.S_IWOTH:
        bad += 1
        yield warning(FILE_NAME, "everybody on this machine may change it", f"Type: chmod o-w {settings}")
    if paths and not bad:
        names = ", ".join(str(_short(path, root)) for path in paths)
        yield ok("permissions", f"for their owner only: {names}")


def _permissions(path: Path, root: Path) -> Iterator[Finding]:
    name = _short(path, root)
    status = path.stat()
    open_to = [who for who, bits in (("its group", 0o070), ("everybody", 0o007)) if status.st_mode & bits]
    if open_to:
        mode = "700" if path.is_dir() else "600"
        yield warning(
            f"permissions of {name}",
            f"{' and '.join(open_to)} on this machine may read or change it ({stat.filemode(status.st_mode)})",
            f"Type: chmod {mode} {path}",
        )
    if status.st_uid not in (os.geteuid(), 0):
        yield warning(
            f"owner of {name}",
            f"it belongs to another user (number {status.st_uid})",
            "Run Outreach, and cron, as one user; or give that user the file with chown.",
        )


def _short(path: Path, root: Path) -> Path:
    return path.relative_to(root) if path.is_relative_to(root) else path


def _holds_secret(path: Path) -> bool:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return True  # it cannot be told: better once too often

    def holds(value: Any) -> bool:
        return isinstance(value, dict) and any(
            (isinstance(inner, str) and (key in _SECRETS or _PASSWORD_IN_URL.match(inner))) or holds(inner)
            for key, inner in value.items()
        )

    return holds(values)


def check_database(workspace: Workspace, now: datetime) -> Iterator[Finding]:
    """Version, integrity, journal, room on the disk; and whether it knows of times that are yet to come."""
    looked_at = "database"
    try:
        database = Database(workspace.database_url)
    except DatabaseError as problem:
        yield raised(looked_at, problem)
        return
    try:
        with database.write():
            pass  # it can be opened for writing, and nobody keeps it locked
        if database.sqlite_path is not None:
            yield from _sqlite(database, database.sqlite_path)
        else:
            yield from _postgresql(database, now)
        yield from _clock(database, now)
    except DatabaseError as problem:
        yield raised(looked_at, problem)
    finally:
        database.close()


def _sqlite(database: Database, path: Path) -> Iterator[Finding]:
    with database.read() as connection:
        said = [str(row[0]) for row in connection.execute(sa.text("PRAGMA quick_check(5)"))]
        journal = str(connection.execute(sa.text("PRAGMA journal_mode")).scalar())
    if said != ["ok"]:
        yield error(
            f"database {path.name}",
            f"it is damaged: {'; '.join(said)}",
            "Keep a copy of the file, and restore your last backup.",
        )
    elif journal.lower() != "wal":
        yield warning(
            f"database {path.name}",
            f"journal mode {journal}: runs that overlap wait longer for each other",
            "Keep the database on a disk of this machine, not on a network drive.",
        )
    else:
        size = path.stat().st_size
        yield ok(f"database {path.name}", f"sound, write-ahead log, {_size(size)}")
    free = shutil.disk_usage(path.parent).free
    if free < _NO_ROOM:
        yield error("disk", f"{_size(free)} free beside the database", "Free some space before the next run.")
    elif free < _LITTLE_ROOM:
        yield warning("disk", f"only {_size(free)} free beside the database", "Free some space soon.")
    else:
        yield ok("disk", f"{_size(free)} free beside the database")


def _postgresql(database: Database, now: datetime) -> Iterator[Finding]:
    with database.read() as connection:
        version = str(connection.execute(sa.text("SHOW server_version")).scalar())
        encoding = str(connection.execute(sa.text("SHOW server_encoding")).scalar())
        present = connection.execute(sa.text("SELECT now()")).scalar_one()
    if encoding != "UTF8":
        yield error(
            "database",
            f"its encoding is {encoding}, which cannot hold every name",
            "Make it anew with createdb --encoding=UTF8.",
        )
    else:
        yield ok("database", f"PostgreSQL {version}, UTF-8")
    if abs(present - now) > _CLOCK:
        yield warning(
            "clock",
            f"this machine and the database server differ by {abs(present - now).total_seconds():,.0f} seconds",
            "Set both by network time (NTP).",
        )


def _clock(database: Database, now: datetime) -> Iterator[Finding]:
    moments = (
        schema.attempt.c.at,
        schema.engagement.c.at,
        schema.audit.c.at,
        schema.inbound_message.c.received_at,
    )
    with database.read() as connection:
        latest = [connection.execute(sa.select(sa.func.max(moment))).scalar() for moment in moments]
    last = max((moment for moment in latest if moment is not None), default=None)
    if last is not None and last > now + _CLOCK:
        yield warning(
            "clock",
            f"it is {now:%Y-%m-%d %H:%M} UTC here, and the database knows of {last:%Y-%m-%d %H:%M} UTC",
            "Set the clock by network time (NTP): mails due in between wait, and limits count wrongly.",
        )
    else:
        yield ok("clock", f"{now:%Y-%m-%d %H:%M} UTC, not before anything in the database")


def _size(number: int) -> str:
    value = float(number)
    for unit in ("bytes", "KB", "MB", "GB"):
        if value < 1024 or unit == "GB":
            return f"{value:,.0f} {unit}" if unit in ("bytes", "KB") else f"{value:,.1f} {unit}"
        value /= 1024
    raise AssertionError
