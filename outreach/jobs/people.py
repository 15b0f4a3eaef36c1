"""What is done to contacts by hand: an import taken back, a correction."""

from __future__ import annotations

from datetime import datetime

from outreach.db import directory, imports
from outreach.db.engine import Database


def undo(database: Database, number: int, *, now: datetime, actor: str) -> tuple[int, int]:
    """Take an import back; returns how many contacts were removed and how many changes taken back.

    Raises :class:`~outreach.errors.RefusedError` as :func:`outreach.db.imports.undo` does.
    """
    with database.write() as connection:
        removed, put_back = imports.undo(connection, number, by=actor, now=now)
        directory.note(
            connection,
            actor=actor,
            action="contacts.undo",
            subject=str(number),
            detail=f"{removed} removed, {put_back} taken back",
            now=now,
        )
    return removed, put_back
