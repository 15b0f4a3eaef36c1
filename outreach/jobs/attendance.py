"""Who was at a session: the report of a meeting program, or a list kept at the door, shown first and then counted.

What is kept of a person is the municipality, how long, and a keyed hash that tells it from others; the name only while
somebody has to be asked. A list that is imported once more changes nothing, and each can be taken back as a whole.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from outreach.campaign import frozen
from outreach.contacts import decode, participants
from outreach.contacts.attendees import SURE, Matcher, Town
from outreach.contacts.finder import Finder, Found
from outreach.contacts.folding import fold
from outreach.contacts.participants import Participant, Report
from outreach.db import attendance, campaigns, directory
from outreach.db.engine import Database
from outreach.errors import InputError, RefusedError
from outreach.inbound.providers import PUBLIC_MAIL_DOMAINS
from outreach.jobs import list_fields
from outreach.jobs.workspace import read_bytes
from outreach.model.states import AttendanceState, Presence
from outreach.model.values import Place
from outreach.settings import Workspace

_FIELDS = ("email", "name", "first_name", "last_name", "municipality", "code", "minutes")
_NEEDED = {
    "name": "names",
    "last_name": "names",
    "email": "addresses",
    "municipality": "municipalities",
    "code": "municipalities",
}
_PURPOSE = b"attendance:"
_OURS = "one of ours"
_HELD_IT = "held the meeting"


@dataclass(frozen=True, slots=True)
class Entry:
    """A person of the list, and what comes of it."""

    line: int
    name: str | None
    email: str | None
    says: str | None  # the municipality, as the list has it
    minutes: int | None
    municipality: str | None  # that it counts for, or would most likely
    known_by: str  # address, domain, person, municipality, screen_name; or why it is not known
    confidence: float
    state: AttendanceState
    registered: bool  # the municipality has a place


@dataclass(frozen=True, slots=True)
class Imported:
    """What a list holds, and whether it was applied."""

    campaign: str
    number: int | None  # of the list; None: it was only shown
    format: str  # zoom, teams, webex, report, or the kind of file
    presence: Presence
    entries: tuple[Entry, ...]
    municipalities: int  # of which somebody was there, by this list
    again: bool  # it was imported before, and stands: nothing was written
    applied: bool

    def of(self, state: AttendanceState) -> int:
        return sum(entry.state is state for entry in self.entries)


def import_attendance(
    workspace: Workspace,
    database: Database,
    file: Path,
    *,
    campaign: str,
    presence: Presence | None,
    columns: Mapping[str, str],
    apply: bool,
    now: datetime,
    actor: str,
) -> Imported:
    """Find the municipality of each person on the list of ``campaign`` (its name, "information-session-be") and, with
    ``apply``, count them. Without ``presence`` a meeting program's report is of those online, any other list of those
    on site. ``columns`` maps a field to the title of its column, where a list is no report.

    Raises :class:`~outreach.errors.InputError` for a file that cannot be read or names nobody;
    :class:`~outreach.errors.RefusedError` for an unknown campaign, one without a session, or before that has begun.
    """
    data = read_bytes(file)
    digest = hashlib.sha256(data).hexdigest()
    with database.write() if apply else database.read() as connection:
        about = campaigns.get(connection, campaign)
        session = frozen.thaw(about.definition).session
        if session is None:
            raise RefusedError(f"The campaign {about.name} has no session that anybody could be at.")
        if session.start > now:
            raise RefusedError(
                f"The session of {about.name} begins on {session.start:%Y-%m-%d %H:%M}: nobody can have been there.",
                "Look at --campaign and --country. If it was held sooner, see `outreach campaigns change-session`.",
            )
        report = _report(data, file, about.country, columns)
        at = presence or (Presence.ON_SITE if report.program in _LISTS else Presence.ONLINE)
        towns = attendance.towns(connection, about.id, about.country)
        keys = {one: _key(workspace, about.id, one.email, one.name) for one in report.people}
        known = attendance.decisions(connection, about.id, keys.values())
        matcher = Matcher(about.country, towns, PUBLIC_MAIL_DOMAINS)
        own = workspace.settings.own_addresses
        domains = {address.rpartition("@")[2] for address in own} - PUBLIC_MAIL_DOMAINS
        by_id = {town.id: town for town in towns}
        rows: dict[str, dict[str, Any]] = {}
        entries = []
        for one in report.people:
            row = _row(one, matcher, domains, known.get(keys[one]), keys[one], about.id, at)
            entries.append(_entry(one, row, by_id))
            rows.setdefault(row["person_key"], row)
        before = attendance.imported_before(connection, about.id, digest)
        number = None
        if apply and before is None:
            values = {
                "campaign_id": about.id,
                "at": now,
                "actor": actor,
                "file": file.name,
                "digest": digest,
                "format": report.program,
            }
            number = attendance.add(connection, values, list(rows.values()))
            campaigns.plan_at(connection, about.id, now)  # thanks may be due
            _note(
                connection,
                "attendance.import",
                about.name,
                f"{file} ({digest[:12]}): list {number}",
                now,
                actor,
            )
    counted = {row["municipality_id"] for row in rows.values() if row["state"] is AttendanceState.COUNTED}
    return Imported(
        about.name,
        before or number,
        report.program,
        at,
        tuple(entries),
        len(counted),
        before is not None,
        apply and before is None,
    )


def _report(data: bytes, file: Path, country: str, columns: Mapping[str, str]) -> Report:
    """The people on the list, of whatever kind it is."""
    found = None if columns else participants.read(data, str(file), country)
    if found is None and not columns:
        found = participants.of_rows(decode.raw_rows(data, filename=str(file), country=country))
    found = found or _plain_list(data, file, country, columns)
    if not found.people:
        raise InputError(
            f"{file} names nobody who was there.", "Export the participants of the meeting again."
        )
    return found


#: What Report.program is of a list that is no meeting program's.
_LISTS = frozenset({"csv", "xlsx", "xls", "ods", "json", "xml", "html"})


def _plain_list(data: bytes, file: Path, country: str, columns: Mapping[str, str]) -> Report:
    table = decode.table(data, filename=str(file), country=country)
    mapping = list_fields.mapping(table.header, columns, file, _FIELDS, _NEEDED)
    people = []
    for row in table.rows:
        values = list_fields.values(row.cells, mapping)
        if not (values["name"] or values["email"] or values.get("municipality") or values.get("code")):
            continue
        seconds = participants.duration(values.get("minutes", ""))
        people.append(
            Participant(
                name=values["name"] or None,
                email=values["email"].casefold() or None,
                minutes=None if seconds is None else -(-seconds // 60),
                line=row.line,
                municipality=values.get("municipality") or values.get("code") or None,
            )
        )
    return Report(table.format, tuple(people))


def _key(workspace: Workspace, campaign_id: int, email: str | None, name: str | None) -> str:
    """Of one session only: nobody can be followed from one to the next."""
    who = f"{campaign_id} {email or fold(name or '')}"
    return hmac.digest(workspace.key, _PURPOSE + who.encode(), "sha256").hex()


def person_keys(
    workspace: Workspace, connection: sa.Connection, emails: Iterable[str], names: Iterable[str]
) -> list[str]:
    """What attendance lists know these addresses and names by, in every session."""
    emails, names = list(emails), list(names)
    ids = [one.id for one in campaigns.every(connection)]
    return [
        *(_key(workspace, id_, email, None) for id_ in ids for email in emails),
        *(_key(workspace, id_, None, name) for id_ in ids for name in names),
    ]


def _row(
    one: Participant,
    matcher: Matcher,
    own_domains: Collection[str],
    known: attendance.Decision | None,
    key: str,
    campaign_id: int,
    presence: Presence,
) -> dict[str, Any]:
    match = matcher(one)
    state = AttendanceState.COUNTED if match.is_sure else AttendanceState.ASKED
    town, by, confidence = match.town, match.by, match.confidence
    if one.email and one.email.rpartition("@")[2] in own_domains:
        state, town, by, confidence = AttendanceState.LEFT_OUT, None, _OURS, 1.0
    elif one.organiser and not match.is_sure:
        state, town, by, confidence = AttendanceState.LEFT_OUT, None, _HELD_IT, 1.0
    elif known is not None:
        state, town, by, confidence = known.state, known.municipality_id, known.known_by, 1.0
    asked = state is AttendanceState.ASKED
    if not (one.email or one.name):
        # A line of a list with the municipality only: somebody was there, and each line is one.
        key = f"{key[:40]}-{one.line}"
    return {
        "campaign_id": campaign_id,
        "municipality_id": town if state is AttendanceState.COUNTED else None,
        "state": state,
        "person_key": key,
        "presence": presence,
        "minutes": one.minutes,
        "known_by": by,
        "name": one.name if asked else None,
        "email": one.email if asked else None,
        "says": one.municipality if asked else None,
        "likely_id": town if asked else None,
        "confidence": confidence,
    }


def _entry(one: Participant, row: Mapping[str, Any], towns: Mapping[int, Town]) -> Entry:
    town = towns.get(row["municipality_id"] or row["likely_id"] or 0)
    return Entry(
        one.line,
        one.name,
        one.email,
        one.municipality,
        one.minutes,
        town.unit.place.name if town else None,
        row["known_by"],
        round(row["confidence"], 2),
        row["state"],
        town is not None and town.registered,
    )


def settle(
    database: Database, numbers: Collection[int], what: str | None, *, likely: bool, now: datetime, actor: str
) -> list[str]:
    """Say of which municipality the people with these ``numbers`` are: ``what`` is its name or code, ``likely`` the
    one that was proposed; neither: of none. Returns, for each, the name of the municipality, or "nobody".

    Raises :class:`~outreach.errors.RefusedError` for a number that is none, or has nothing proposed;
    :class:`~outreach.errors.InputError` for a municipality that is not known. Nothing is changed then.
    """
    said = []
    with database.write() as connection:
        for number in dict.fromkeys(numbers):
            row = attendance.find(connection, number)
            if row is None:
                raise RefusedError(
                    f"There is nobody with the number {number} on an attendance list; nothing was changed.",
                    "`outreach attendance review` shows those to be settled.",
                )
            town = _named(connection, row, what, likely)
            attendance.settle(
                connection,
                row["campaign_id"],
                row["person_key"],
                town.id if town else None,
                "said by a person",
            )
            campaigns.plan_at(connection, row["campaign_id"], now)
            name = town.unit.place.name if town else "nobody"
            _note(connection, "attendance.settle", row["campaign"], f"number {number}: {name}", now, actor)
            said.append(name)
    return said


def _named(connection: sa.Connection, row: Mapping[str, Any], what: str | None, likely: bool) -> Town | None:
    if what is None and not likely:
        return None
    towns = attendance.towns(connection, row["campaign_id"], row["country"])
    if likely:
        found = next((town for town in towns if town.id == row["likely_id"]), None)
        if found is None:
            raise RefusedError(
                f"For number {row['id']} no municipality is likely; nothing was changed.",
                "Name it with --as MUNICIPALITY.",
            )
        return found
    finder = Finder(row["country"], (town.unit for town in towns))
    place = Place(row["country"], str(what), what if any(map(str.isdigit, str(what))) else None)
    answer = finder.find(place)
    if not isinstance(answer, Found) or answer.confidence < SURE:
        names = ", ".join(unit.place.name for unit, _ in finder.suggestions(place))
        raise InputError(
            f"{what!r} is no municipality that is known in {row['country']}: {getattr(answer, 'why', '')}.",
            f"Like it are: {names}." if names else "Write its name as the official list does, or its code.",
        )
    return next(town for town in towns if town.unit.key == answer.unit.key)


@dataclass(frozen=True, slots=True)
class TakenBack:
    people: int
    thanked: int  # mails that had gone to those who were there, by whatever list


def undo(database: Database, number: int, *, now: datetime, actor: str) -> TakenBack:
    """Take a list back as a whole; thanks that wait are not sent unless another list says the same.

    Raises :class:`~outreach.errors.RefusedError` for a number that is none, or was taken back.
    """
    with database.write() as connection:
        people = attendance.take_back(connection, number, now, actor)
        if people is None:
            raise RefusedError(
                f"There is no attendance list {number}, or it was taken back already.",
                "`outreach attendance imports` shows them.",
            )
        campaign_id = attendance.campaign_of(connection, number)
        campaigns.plan_at(connection, campaign_id, now)
        name = campaigns.by_id(connection, campaign_id).name
        _note(connection, "attendance.undo", name, f"list {number}: {people} people", now, actor)
        return TakenBack(people, attendance.thanked(connection, campaign_id))


def _note(
    connection: sa.Connection, action: str, subject: str, detail: str, now: datetime, actor: str
) -> None:
    directory.note(connection, actor=actor, action=action, subject=subject, detail=detail, now=now)
