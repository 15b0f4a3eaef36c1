"""A contact list opened: what it is, and which of its columns are read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from outreach.contacts import decode
from outreach.contacts.columns import ColumnMapping, by_number, header_key, map_columns
from outreach.contacts.decode import Table
from outreach.db import directory, list_columns
from outreach.db.engine import Database
from outreach.jobs.workspace import open_bytes


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is to be read, where it is not to be found out: the options of the command."""

    columns: Mapping[str, Sequence[str]] | None = (
        None  # field -> columns; None: as remembered, else found out
    )
    forget: bool = False  # what is remembered of lists with this header
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    header_row: int | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """A list whose rows are about to be read."""

    table: Table
    mapping: ColumnMapping
    digest: str  # SHA-256 of the file
    country: str
    key: str  # what lists with this header share; empty: nothing


@contextmanager
def opened(database: Database, file: Path, country: str, reading: Reading) -> Iterator[Listing]:
    """The list in ``file``, its rows to be read before the end. Raises :class:`~outreach.errors.InputError` for a
    file that is no readable contact list."""
    with open_bytes(file) as stream:
        table = decode.table(
            stream,
            filename=str(file),
            country=country,
            encoding=reading.encoding,
            delimiter=reading.delimiter,
            sheet=reading.sheet,
            header_row=reading.header_row,
        )
        key = header_key(table.header)
        columns = reading.columns or None
        remembered = None
        if columns is None and key and not reading.forget:
            with database.read() as connection:
                remembered = list_columns.remembered(connection, country, key)
        mapping = map_columns(
            table.header,
            table.sample,
            columns or remembered,
            country=country,
            hidden=table.hidden,
            remembered=remembered is not None,
        )
        yield Listing(table, mapping, _digest(file), country, key)


def _digest(file: Path) -> str:
    # Opened anew: rows are being read from the other.
    with open_bytes(file) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def remember(database: Database, listing: Listing, reading: Reading, *, actor: str, now: datetime) -> None:
    """Keep the columns that somebody named, or forget them, for the next list with this header."""
    if not listing.key or not (reading.columns or reading.forget):
        return
    with database.write() as connection:
        if reading.columns:
            numbers = by_number(reading.columns, listing.table.header)
            list_columns.remember(connection, listing.country, listing.key, numbers, actor=actor, now=now)
        else:
            list_columns.forget(connection, listing.country, listing.key)
        directory.note(
            connection,
            actor=actor,
            action="contacts.columns",
            subject=listing.country,
            detail=", ".join(
                f"{field}={', '.join(wanted)}" for field, wanted in (reading.columns or {}).items()
            )
            or "forgotten",
            now=now,
        )
