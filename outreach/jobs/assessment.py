"""How far municipalities are with the assessment, by the list that its own tool gives out."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from outreach.contacts import decode
from outreach.db import campaigns, directory, registrations
from outreach.db.engine import Database
from outreach.errors import InputError
from outreach.jobs import list_fields
from outreach.jobs.registrations import Entry, Finder, register
from outreach.jobs.workspace import read_bytes
from outreach.model.states import Progress, RegistrationState

_FIELDS = ("email", "name", "municipality", "code", "status")
_NEEDED = {"email": "addresses", "municipality": "municipalities", "code": "municipalities"}
#: What a list may say where nothing else is told.
STARTED = frozenset({"started", "in progress", "ongoing"})
FINISHED = frozenset({"finished", "completed", "submitted"})
_ORDER = {None: 0, Progress.STARTED: 1, Progress.FINISHED: 2}


@dataclass(frozen=True, slots=True)
class Step:
    """A line of the list, and what comes of it."""

    line: int
    municipality: str | None  # as the list has it
    found: str | None  # as we know it
    by: str  # address, code, name or domain; or why it was not found
    progress: Progress | None  # None: the cell is empty
    change: str  # new, same, unknown


def import_progress(
    database: Database,
    file: Path,
    *,
    campaign: str,
    columns: Mapping[str, str],
    started: Collection[str],
    finished: Collection[str],
    apply: bool,
    now: datetime,
    actor: str,
) -> list[Step]:
    """Match each line to a municipality of ``campaign`` ("lordimas-be") and, with ``apply``, note how far it is; one
    that had no place has one by that. Nobody goes backwards: who has finished has.

    ``started``, ``finished``: what the column ``status`` says for it, beside :data:`STARTED` and :data:`FINISHED`.
    Raises :class:`~outreach.errors.InputError` for a file that cannot be read, without such a column, or where it says
    something else; ``RefusedError`` for an unknown campaign.
    """
    words = dict.fromkeys(STARTED | {one.strip().casefold() for one in started}, Progress.STARTED)
    words |= dict.fromkeys(FINISHED | {one.strip().casefold() for one in finished}, Progress.FINISHED)
    data = read_bytes(file)
    with database.write() if apply else database.read() as connection:
        about = campaigns.get(connection, campaign)
        table = decode.table(data, filename=str(file), country=about.country)
        mapping = list_fields.mapping(table.header, {"status": "status", **columns}, file, _FIELDS, _NEEDED)
        finder = Finder(registrations.seats(connection, about.id), about.country)
        places = registrations.places(connection, about.id)
        known = registrations.progress(connection, about.id)
        steps = []
        for row in table.rows:
            values = list_fields.values(row.cells, mapping)
            text = values.get("status", "")
            if text and text.casefold() not in words:
                raise InputError(
                    f"{file}, line {row.line}: the status is {text!r}, which is neither started nor finished.",
                    f"Say what it is: --started {text!r} or --finished {text!r}. Remove lines that are neither.",
                )
            how_far = words[text.casefold()] if text else None
            id_, by = finder(values)
            seat = finder.seats[id_] if id_ is not None else None
            change = "unknown"
            if id_ is not None:
                change = "new" if _ORDER[how_far] > _ORDER[known.get(id_)] else "same"
            steps.append(
                Step(
                    row.line,
                    values.get("municipality") or None,
                    seat["name"] if seat else None,
                    by,
                    how_far,
                    change,
                )
            )
            if id_ is None or seat is None or change != "new" or how_far is None:
                continue
            known[id_] = how_far
            if not apply:
                continue
            if id_ not in places or places[id_][0] != RegistrationState.REGISTERED:
                entry = Entry(row.line, None, values["email"] or None, None, seat["name"], by, "new")
                register(connection, seat, entry, f"{file.name}, line {row.line}", now)
                places[id_] = (RegistrationState.REGISTERED, None, entry.email)
            registrations.note_progress(connection, about.id, id_, how_far, now)
        if apply:
            directory.note(
                connection,
                actor=actor,
                action="registrations.progress",
                subject=about.name,
                detail=f"{file} ({hashlib.sha256(data).hexdigest()[:12]}): {sum(one.change == 'new' for one in steps)}",
                now=now,
            )
    return steps
