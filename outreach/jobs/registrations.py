"""The list of a form tool, when its notifications cannot be read: shown first, then registered."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from outreach.contacts import decode
from outreach.contacts.places import folded_name
from outreach.db import campaigns, directory, mailbox, registration_lists, registrations
from outreach.db.effects import Seat
from outreach.db.engine import Database
from outreach.inbound.providers import PUBLIC_MAIL_DOMAINS
from outreach.jobs import list_fields, seats
from outreach.jobs.workspace import read_bytes
from outreach.model.states import EngagementKind, RegistrationState

#: Changes that are written down.
_WRITTEN = ("new", "changed", "waiting")
_NEEDED = {"email": "addresses", "municipality": "municipalities", "code": "municipalities"}
_FIELDS = ("email", "name", "first_name", "last_name", "municipality", "code")


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the list, and what comes of it."""

    line: int
    name: str | None
    email: str | None
    municipality: str | None  # as the list has it
    found: str | None  # the municipality as we know it
    by: str  # address, code, name or domain; or why it was not found
    change: str  # new, changed, waiting (all places are taken), same, unknown


@dataclass(frozen=True, slots=True)
class Imported:
    """What a list holds, and whether it was applied."""

    campaign: str
    columns: Mapping[str, str]  # field -> title
    entries: tuple[Entry, ...]
    applied: bool

    def number(self, change: str) -> int:
        return sum(entry.change == change for entry in self.entries)


def import_registrations(
    database: Database,
    file: Path,
    *,
    campaign: str,
    columns: Mapping[str, str],
    apply: bool,
    now: datetime,
    actor: str,
) -> Imported:
    """Match each line to a municipality of ``campaign`` (its name, "information-session-be") and, with ``apply``,
    register it. ``columns`` maps a field to the title of its column.

    No confirmation goes out: the form tool has the people's answers, and may have sent its own. A municipality
    stands once, by its last line.

    Raises :class:`~outreach.errors.InputError` for a file that cannot be read, or holds neither an address nor a
    municipality; ``RefusedError`` for an unknown campaign.
    """
    data = read_bytes(file)
    with database.write() if apply else database.read() as connection:
        about = campaigns.get(connection, campaign)
        table = decode.table(data, filename=str(file), country=about.country)
        mapping = list_fields.mapping(table.header, columns, file, _FIELDS, _NEEDED)
        places = registrations.places(connection, about.id)
        finder = Finder(registrations.seats(connection, about.id), about.country)
        rows = [(row.line, list_fields.values(row.cells, mapping)) for row in table.rows]
        last = {finder(values)[0]: line for line, values in rows}
        room = seats.room(connection, about)
        entries = []
        for line, values in rows:
            id_, by = finder(values)
            seat = finder.seats[id_] if id_ is not None else None
            entry = _entry(line, values, seat, by, places, repeated=last.get(id_) != line)
            has_place = id_ in places and places[id_][0] == RegistrationState.REGISTERED
            if room is not None and entry.change in ("new", "changed") and not has_place:
                entry = entry if room > 0 else replace(entry, change="waiting")
                room -= 1
            entries.append(entry)
            if apply and seat is not None and entry.change in _WRITTEN:
                register(connection, seat, entry, f"{file.name}, line {line}", now)
        if apply:
            digest = hashlib.sha256(data).hexdigest()
            directory.note(
                connection,
                actor=actor,
                action=registration_lists.IMPORT,
                subject=about.name,
                detail=f"{file} ({digest[:12]}): {sum(one.change in _WRITTEN for one in entries)}",
                now=now,
            )
    titles = {field: table.header[index] for field, index in mapping.items()}
    return Imported(about.name, titles, tuple(entries), apply)


class Finder:
    """Which municipality of the campaign an entry is of, and how that is known."""

    def __init__(self, seats: list[Mapping[str, Any]], country: str) -> None:
        self._country = country
        self._by: dict[str, dict[str, dict[int, Mapping[str, Any]]]] = defaultdict(lambda: defaultdict(dict))
        for seat in seats:
            for by, value in self._keys(
                seat["email_key"], seat["code"], seat["name"], seat["email_key"].rpartition("@")[2]
            ):
                self._by[by][value][seat["municipality_id"]] = seat
        self.seats = {seat["municipality_id"]: seat for seat in seats}

    def _keys(self, email: str, code: str | None, name: str, domain: str) -> Iterator[tuple[str, str]]:
        if email:
            yield "address", email.casefold()
        if code:
            yield "code", code.lstrip("0").casefold()
        if name:
            yield "name", folded_name(name, self._country)
        if domain and domain.casefold() not in PUBLIC_MAIL_DOMAINS:
            yield "domain", domain.casefold()

    def __call__(self, values: Mapping[str, str]) -> tuple[int | None, str]:
        email = values.get("email", "")
        keys = self._keys(email, values.get("code"), values.get("municipality", ""), email.rpartition("@")[2])
        why = "no municipality of the campaign has this address, code or name"
        for by, value in keys:
            found = self._by[by].get(value, {})
            if len(found) == 1:
                ((id_, _),) = found.items()
                return id_, by
            if len(found) > 1:
                why = f"{len(found)} municipalities have this {by}"
        return None, why


def _entry(
    line: int,
    values: Mapping[str, str],
    seat: Mapping[str, Any] | None,
    by: str,
    places: Mapping[int, tuple[str, str | None, str | None]],
    *,
    repeated: bool,
) -> Entry:
    name, email = values["name"] or None, values["email"] or None
    change = "unknown"
    if seat is not None:
        before = places.get(seat["municipality_id"])
        if repeated:
            change, by = "same", "a later line is of the same municipality"
        elif before is None:
            change = "new"
        else:
            stands = before[0] in (RegistrationState.REGISTERED, RegistrationState.WAITING)
            change = "same" if stands and before[1:] == (name, email) else "changed"
    return Entry(
        line, name, email, values.get("municipality") or None, seat["name"] if seat else None, by, change
    )


def register(
    connection: sa.Connection, seat: Mapping[str, Any], entry: Entry, source: str, now: datetime
) -> None:
    """The municipality of ``seat`` takes part, as an entry of a list says."""
    about = mailbox.by_number(connection, seat["message_id"])
    mailbox.add_engagement(
        connection, EngagementKind.REGISTERED, about, at=now, inbound_id=None, detail=source
    )
    seats.claim(
        connection,
        Seat(about.campaign_id, about.municipality_id),
        RegistrationState.REGISTERED,
        name=entry.name,
        email=entry.email,
        inbound_id=None,
        now=now,
        source=source,
    )
