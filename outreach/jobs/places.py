"""The official list of municipalities: imported, held against what is there, and asked about."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from outreach.contacts import decode, register
from outreach.contacts.finder import Doubt, Finder
from outreach.contacts.merge import FieldChange
from outreach.contacts.regions import eurostat_code
from outreach.contacts.register import Register, Unit
from outreach.db import directory, places
from outreach.db.engine import Database
from outreach.db.places import Coverage, StoredPlace
from outreach.delivery import tokens
from outreach.errors import InputError, RefusedError
from outreach.jobs.workspace import read_bytes
from outreach.model.countries import COUNTRIES
from outreach.model.states import ContactKind
from outreach.model.values import Place
from outreach.settings import Workspace

_FIELDS = ("name", "code", "region", "population", "languages", "time_zone")


@dataclass(frozen=True, slots=True)
class ChangedPlace:
    """A municipality that is there, and what the official list says otherwise of it."""

    unit: Unit
    changes: tuple[FieldChange, ...]


@dataclass(slots=True)
class PlacesResult:
    """What an official list is, and what importing it does or would do."""

    file: Path
    country: str
    source: str
    sheet: str | None
    register: Register
    new: list[Unit] = field(default_factory=list)
    changed: list[ChangedPlace] = field(default_factory=list)
    same: int = 0
    left: list[Unit] = field(
        default_factory=list
    )  # no longer in the list; kept, and asked about if contacts wait
    joined: list[tuple[Unit, Unit]] = field(
        default_factory=list
    )  # of contact lists, and what it is officially
    doubtful: list[tuple[Unit, str]] = field(
        default_factory=list
    )  # of contact lists, and why it is not clear
    applied: bool = False


def import_places(
    workspace: Workspace,
    database: Database,
    file: Path,
    *,
    country: str,
    now: datetime,
    actor: str,
    apply: bool,
    source: str | None = None,
    sheet: str | None = None,
    encoding: str | None = None,
) -> PlacesResult:
    """Plan the import of the official list ``file`` and, with ``apply``, do it, all or nothing.

    Municipalities that contact lists brought before are looked up in it: those that are surely found become the
    official ones, with their contacts and history; of the others a person is asked.

    Raises :class:`~outreach.errors.InputError` for a file that is no such list.
    """
    data = read_bytes(file)
    table = None
    for wanted in [sheet] if sheet else [eurostat_code(country), country, None]:
        try:
            table = decode.table(data, filename=str(file), country=country, sheet=wanted, encoding=encoding)
            break
        except InputError as error:
            if wanted is None or sheet or "has no sheet" not in error.message:
                raise
    assert table is not None
    found = register.read(table.header, table.rows, country, str(file))
    result = PlacesResult(file, country, source or file.name, table.sheet, found)
    with database.write() if apply else database.read() as connection:
        work = _compare(connection, result)
        if apply:
            _write(connection, result, work, now)
            _keep_opt_outs(connection, workspace, country, work.renamed)
            directory.note(
                connection,
                actor=actor,
                action="places.import",
                subject=str(file),
                detail=f"{country}: {len(result.new)} new, {len(result.changed)} changed, {len(result.left)} left, "
                f"SHA-256 {hashlib.sha256(data).hexdigest()}",
                now=now,
            )
            result.applied = True
    return result


@dataclass(slots=True)
class _Work:
    """The rows that a list is held against, and what becomes of them."""

    changed: dict[int, Unit] = field(default_factory=dict)
    same: list[int] = field(default_factory=list)
    left: list[StoredPlace] = field(default_factory=list)
    moves: list[tuple[int, int]] = field(default_factory=list)  # old row, official row
    questions: list[StoredPlace] = field(default_factory=list)
    settled: list[str] = field(default_factory=list)
    renamed: list[tuple[str, str]] = field(default_factory=list)  # old key, new key


def _compare(connection: sa.Connection, result: PlacesResult) -> _Work:
    work = _Work()
    rows = places.stored(connection, result.country)
    by_key = {one.unit.key: one for one in rows}
    finder = Finder(result.country, result.register.units, places.decided(connection, result.country))
    taken: dict[str, int] = {}  # key of a unit -> the row that is it
    for unit in result.register.units:
        row = by_key.get(unit.key)
        if row is not None:
            taken[unit.key] = row.id
            _hold(result, work, row, unit)
    official = {unit.key for unit in result.register.units}
    for row in rows:
        if row.unit.key in official:
            continue
        answer = finder.find(row.unit.place)
        if isinstance(answer, Doubt):
            if row.official_list is not None:
                result.left.append(row.unit)
                work.left.append(row)
            if not answer.settled:
                work.questions.append(row)
                result.doubtful.append((row.unit, answer.why))
            continue
        work.settled.append(row.unit.key)
        work.renamed.append((row.unit.key, answer.unit.key))
        result.joined.append((row.unit, answer.unit))
        if answer.unit.key in taken:
            work.moves.append((row.id, taken[answer.unit.key]))
        else:
            taken[answer.unit.key] = row.id
            _hold(result, work, row, answer.unit)
    result.new = [unit for unit in result.register.units if unit.key not in taken]
    return work


def _hold(result: PlacesResult, work: _Work, row: StoredPlace, unit: Unit) -> None:
    """``row`` is ``unit``: what of it changes? What the list leaves empty stays."""
    merged = Unit(
        unit.key,
        Place(
            result.country,
            **{name: getattr(unit.place, name) or getattr(row.unit.place, name) for name in _FIELDS},
        ),
        unit.names or row.unit.names,
        unit.nuts or row.unit.nuts,
        unit.degurba or row.unit.degurba,
    )
    pairs = [(name, getattr(row.unit.place, name), getattr(merged.place, name)) for name in _FIELDS]
    pairs += [(name, getattr(row.unit, name), getattr(merged, name)) for name in ("names", "nuts", "degurba")]
    changes = tuple(FieldChange(name, old, new) for name, old, new in pairs if old != new)
    if changes or row.official_list is None or row.unit.key != merged.key:
        work.changed[row.id] = merged
        result.changed.append(ChangedPlace(merged, changes))
    else:
        work.same.append(row.id)
        result.same += 1


def _write(connection: sa.Connection, result: PlacesResult, work: _Work, now: datetime) -> None:
    places.write(
        connection,
        result.country,
        new=result.new,
        changed=work.changed,
        same=work.same,
        left=[row.id for row in work.left],
        official_list=result.source,
        now=now,
    )
    for old, new in work.moves:
        places.move(connection, old, new)
    places.settle(connection, result.country, work.settled)
    asked = [row for row in work.questions if places.has_contacts(connection, row.id)]
    places.ask(connection, [row.unit.place for row in asked], [row.unit.key for row in asked], now)


def _keep_opt_outs(
    connection: sa.Connection, workspace: Workspace, country: str, renamed: Sequence[tuple[str, str]]
) -> None:
    def key(place: str) -> str:
        return tokens.suppression_key(workspace.key, tokens.municipality_name(country, place))

    places.keep_opt_outs(connection, {key(old): key(new) for old, new in renamed})


@dataclass(frozen=True, slots=True)
class Question:
    """A municipality in doubt, and what it may be: (key, name, region, likeness from 0 to 1)."""

    id: int
    country: str
    name: str
    code: str | None
    region: str | None
    contacts: int
    why: str
    suggestions: tuple[tuple[str, str, str | None, float], ...]


def review(database: Database, country: str | None) -> list[Question]:
    """The open questions, each with its candidates, the likeliest first."""
    with database.read() as connection:
        rows = places.questions(connection, country)
        finders = {
            code: Finder(code, places.official(connection, code), places.decided(connection, code))
            for code in {row["country"] for row in rows}
        }
    found = []
    for row in rows:
        finder = finders[row["country"]]
        place = Place(row["country"], row["name"], row["code"], row["region"])
        answer = finder.find(place)
        found.append(
            Question(
                row["id"],
                row["country"],
                row["name"],
                row["code"],
                row["region"],
                int(row["contacts"]),
                answer.why if isinstance(answer, Doubt) else "",
                tuple(
                    (unit.place.code or unit.key, unit.place.name, unit.place.region, likeness)
                    for unit, likeness in finder.suggestions(place)
                ),
            )
        )
    return found


def decide(
    workspace: Workspace, database: Database, number: int, answer: str | None, *, now: datetime, actor: str
) -> str:
    """The municipality of question ``number`` is that with the code or the whole name ``answer``; ``None``: it is
    none of the official list and stays what it is called. Its contacts go there, and the next list needs no
    answer. Returns the name it has now.

    Raises :class:`~outreach.errors.RefusedError` for a question that is none, or answered, and
    :class:`~outreach.errors.InputError` for an answer that names no municipality or several.
    """
    with database.write() as connection:
        row = places.question(connection, number)
        if row is None or row["decided_at"] is not None:
            raise RefusedError(
                f"There is no open question {number}.", "`outreach places review` lists those there are."
            )
        country = row["country"]
        rows = places.stored(connection, country)
        mine = next((one for one in rows if one.unit.key == row["key"]), None)
        name, target = row["name"], row["key"]
        if answer is not None:
            chosen = _named(rows, answer, country)
            name, target = chosen.unit.place.name, chosen.unit.key
            if mine is not None:
                places.move(connection, mine.id, chosen.id)
            _keep_opt_outs(connection, workspace, country, [(row["key"], target)])
        places.answer(connection, number, target, actor, now)
        directory.note(
            connection,
            actor=actor,
            action="places.decide",
            subject=f"{country} {row['name']}",
            detail=target if answer is not None else "none of the official list",
            now=now,
        )
    return str(name)


def _named(rows: list[StoredPlace], answer: str, country: str) -> StoredPlace:
    official = [one for one in rows if one.official_list is not None]
    exact = [one for one in official if answer in (one.unit.place.code, one.unit.key, one.unit.place.name)]
    if len(exact) == 1:
        return exact[0]
    found = Finder(country, [one.unit for one in official]).find(Place(country, answer, answer))
    if not exact and not isinstance(found, Doubt):
        return next(one for one in official if one.unit.key == found.unit.key)
    if exact:
        codes = ", ".join(one.unit.place.code or one.unit.key for one in exact)
        raise InputError(f"{len(exact)} municipalities are called {answer!r}.", f"Give a code: {codes}.")
    raise InputError(
        f"The official list of {country} has no municipality {answer!r}.",
        "Give its code or its name as `outreach places list` shows them.",
    )


def cover(workspace: Workspace, database: Database, country: str) -> tuple[Coverage, list[Unit]]:
    """Who of the official list can be reached at all, and who is missing, the largest first. An address counts
    that is not gone from its list, not suppressed, and did not come back.

    Raises :class:`~outreach.errors.RefusedError` when there is no official list of ``country``.
    """
    with database.read() as connection:
        suppressed = directory.suppressed_by(
            connection, lambda address: tokens.suppression_key(workspace.key, address)
        )
        dead = places.bounced(connection, country)
        reachable: dict[int, set[ContactKind]] = {}
        for id_, email_key, kind in places.addresses(connection, country):
            if email_key not in dead and not suppressed(email_key):
                reachable.setdefault(id_, set()).add(kind)
        figures, missing = places.coverage(connection, country, reachable)
    if not figures.municipalities:
        raise RefusedError(
            f"There is no official list of the municipalities of {COUNTRIES[country].name}.",
            f"Import it: `outreach places import FILE --country {country}`.",
        )
    return figures, missing


def missing_as_rows(missing: list[Unit]) -> list[Mapping[str, object]]:
    """A list to be filled in and imported."""
    return [
        {
            "code": unit.place.code or "",
            "municipality": unit.place.name,
            "region": unit.place.region or "",
            "population": unit.place.population if unit.place.population is not None else "",
            "email": "",
        }
        for unit in missing
    ]
