"""Municipalities, their contacts, and who is never written to again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from outreach.contacts.merge import ContactKey, ImportPlan, KnownContact
from outreach.db import schema, scope
from outreach.db.dialect import driver_rows, insert_ignoring, insert_rows, upsert
from outreach.db.schema import ERASED
from outreach.model.states import ContactKind
from outreach.model.values import Place

_PLACE = ("name", "code", "region", "population", "languages", "time_zone")


def known(connection: sa.Connection, country: str, source: str) -> dict[ContactKey, KnownContact]:
    """Every contact of ``country``, as a plan compares it with a file called ``source``."""
    contact, municipality = schema.contact, schema.municipality
    statement = (
        sa.select(
            municipality.c.id,
            municipality.c.key,
            municipality.c.official_list,
            *(municipality.c[name] for name in _PLACE),
            contact.c.id,
            contact.c.email,
            contact.c.email_key,
            contact.c.kind,
            contact.c.person,
            contact.c.role,
            contact.c.language,
            contact.c.source,
            contact.c.gone_at,
            contact.c.edited,
        )
        .join(municipality, municipality.c.id == contact.c.municipality_id)
        .where(
            municipality.c.country == country,
            scope.within(connection, municipality.c.country),
            contact.c.email_key.not_like(f"{ERASED}%"),
        )
    )
    found: dict[ContactKey, KnownContact] = {}
    places: dict[int, tuple[str, Place]] = {}
    kinds = {kind.value: kind for kind in ContactKind}
    # By position, and as the driver gives them: this runs for every contact of the country.
    for (
        id_,
        key,
        official,
        name,
        code,
        region,
        population,
        languages,
        time_zone,
        contact_id,
        email,
        email_key,
        kind,
        person,
        role,
        language,
        file,
        gone_at,
        edited,
    ) in driver_rows(connection, statement):
        # One text for what is equal: of a hundred thousand, the memory counts.
        if id_ in places:
            key, place = places[id_]
        else:
            spoken = tuple(languages.split(",")) if languages else ()
            place = Place(country, name, code, region, population, spoken, time_zone)
            places[id_] = key, place
        if email_key == email:
            email_key = email
        gone = gone_at is not None
        found[key, email_key] = KnownContact(
            place,
            email,
            kinds[kind],
            person,
            role,
            language,
            not gone and file == source,
            gone,
            contact_id,
            key,
            official is not None,
            *(edits(edited) if edited else _UNEDITED),
        )
    return found


#: Before the address that a list has, where it was corrected by hand.
_WAS = "email="
_NOTHING: frozenset[str] = frozenset()
_UNEDITED = (_NOTHING, None)


def edits(text: str) -> tuple[frozenset[str], str | None]:
    """What ``contact.edited`` says: the fields corrected by hand, and the address that the list has."""
    if not text:
        return _NOTHING, None
    parts = text.split(",")
    was = next((part.removeprefix(_WAS) for part in parts if part.startswith(_WAS)), None)
    return frozenset(part for part in parts if not part.startswith(_WAS)), was


def edits_as_text(fields: Collection[str], was: str | None) -> str:
    return ",".join([*sorted(fields), *([_WAS + was] if was else [])])


def apply(
    connection: sa.Connection,
    plan: ImportPlan,
    *,
    country: str,
    source: str,
    digest: str,
    now: datetime,
    import_id: int | None = None,
    legal_basis: str = "",
) -> None:
    """Write what ``plan`` says. Nothing is deleted: what is gone from the file is marked, what is in doubt is
    asked, and what is changed is kept as it was, in the journal of the import."""
    journal: list[dict[str, Any]] = []
    ids = _municipality_ids(connection, country)
    if plan.places:
        insert_rows(
            connection,
            upsert(connection, schema.municipality, ("country", "key"), _PLACE),
            ("key", *_PLACE),
            (
                (
                    key,
                    place.name,
                    place.code,
                    place.region,
                    place.population,
                    ",".join(place.languages),
                    place.time_zone,
                )
                for key, place in plan.places.items()
            ),
            {"country": country, "created_at": now, "import_id": import_id, "names": ""},
        )
        for change in plan.changed_places:
            before = {one.field: _plain(one.old) for one in change.changes}
            journal.append({"contact_id": None, "municipality_id": ids[change.key], "before": before})
        ids = _municipality_ids(connection, country)
    if plan.new:
        insert_rows(
            connection,
            sa.insert(schema.contact),
            ("municipality_id", "email", "email_key", "kind", "person", "role", "language", "source_line"),
            (
                (
                    ids[key],
                    row.email,
                    row.email_key,
                    row.kind.value,
                    row.person,
                    row.role,
                    row.language,
                    row.line,
                )
                for key, row in zip(plan.new_keys, plan.new, strict=True)
            ),
            {
                "source": source,
                "source_digest": digest,
                "created_at": now,
                "updated_at": now,
                "import_id": import_id,
                "legal_basis": legal_basis,
                "edited": "",
            },
        )
    for changed in plan.changed:
        place, email_key = changed.key
        mine = sa.and_(
            schema.contact.c.municipality_id == ids[place], schema.contact.c.email_key == email_key
        )
        id_ = connection.execute(sa.select(schema.contact.c.id).where(mine)).scalar_one()
        before = {one.field: _plain(one.old) for one in changed.changes}
        journal.append({"contact_id": id_, "municipality_id": None, "before": before})
        connection.execute(
            sa.update(schema.contact)
            .where(schema.contact.c.id == id_)
            .values(updated_at=now, **{one.field: one.new for one in changed.changes})
        )
    for some, gone_at in ((plan.gone, now), (plan.returned, None)):
        if some:
            connection.execute(
                sa.update(schema.contact)
                .where(schema.contact.c.id == sa.bindparam("b_id"))
                .values(gone_at=gone_at),
                [{"b_id": one.id} for one in some],
            )
            before = {"gone_at": None if gone_at else now.isoformat()}
            journal += [{"contact_id": one.id, "municipality_id": None, "before": before} for one in some]
    if plan.doubtful:
        connection.execute(
            insert_ignoring(connection, schema.place_question),
            [
                {
                    "country": country,
                    "key": key,
                    "name": one.place.name,
                    "code": one.place.code,
                    "region": one.place.region,
                    "asked_at": now,
                }
                for key, one in plan.doubtful.items()
            ],
        )
    if journal and import_id is not None:
        connection.execute(
            sa.insert(schema.contact_change), [{"import_id": import_id, **line} for line in journal]
        )


def _plain(value: object) -> object:
    """As JSON, and the column, has it."""
    return ",".join(value) if isinstance(value, tuple) else value


def _municipality_ids(connection: sa.Connection, country: str) -> dict[str, int]:
    columns = schema.municipality.c
    statement = sa.select(columns.key, columns.id).where(columns.country == country)
    return {row.key: row.id for row in connection.execute(statement)}


def suppressed_by(connection: sa.Connection, suppression_key: Callable[[str], str]) -> Callable[[str], bool]:
    """A test for addresses in lower case; the list is read once, and keys are made only if there is one."""
    keys = set(connection.execute(sa.select(schema.suppression.c.key)).scalars())
    if not keys:
        return lambda _address: False

    domains: dict[str, bool] = {}

    def test(address: str) -> bool:
        domain = address.rpartition("@")[2]
        if domain not in domains:
            domains[domain] = suppression_key(domain) in keys
        return domains[domain] or suppression_key(address) in keys

    return test


def contacts(
    connection: sa.Connection, country: str | None, text: str | None = None
) -> list[Mapping[str, Any]]:
    """Contacts with their municipality, for a listing; ``text`` is part of a name or an address."""
    contact, municipality = schema.contact, schema.municipality
    statement = (
        sa.select(
            municipality.c.country,
            municipality.c.name.label("municipality"),
            municipality.c.code,
            contact.c.email,
            contact.c.kind,
            contact.c.person,
            contact.c.role,
            sa.func.coalesce(contact.c.language, municipality.c.languages).label("languages"),
            contact.c.source,
            contact.c.source_line,
            contact.c.created_at,
            contact.c.updated_at,
            contact.c.gone_at,
        )
        .join(municipality, municipality.c.id == contact.c.municipality_id)
        .where(contact.c.email_key.not_like(f"{ERASED}%"), scope.within(connection, municipality.c.country))
        .order_by(municipality.c.country, municipality.c.name, contact.c.email_key)
    )
    if country:
        statement = statement.where(municipality.c.country == country)
    if text:
        pattern = f"%{text.casefold()}%"
        statement = statement.where(
            sa.or_(contact.c.email_key.like(pattern), sa.func.lower(municipality.c.name).like(pattern))
        )
    return [dict(row) for row in connection.execute(statement).mappings()]


def suppressions(connection: sa.Connection) -> list[Mapping[str, Any]]:
    """The list, newest last; an erased address shows its key alone."""
    columns = schema.suppression.c
    statement = sa.select(
        columns.scope, columns.address, columns.reason, columns.source, columns.at, columns.key
    )
    statement = statement.where(scope.suppressions(connection)).order_by(columns.id)
    return [dict(row) for row in connection.execute(statement).mappings()]


def note(
    connection: sa.Connection, *, actor: str, action: str, subject: str, detail: str, now: datetime
) -> None:
    """A line of the audit."""
    connection.execute(
        sa.insert(schema.audit).values(at=now, actor=actor, action=action, subject=subject, detail=detail)
    )


def audit(connection: sa.Connection, actions: Sequence[str] = ()) -> list[Mapping[str, Any]]:
    """The audit, oldest first."""
    statement = sa.select(schema.audit).order_by(schema.audit.c.id)
    if actions:
        statement = statement.where(schema.audit.c.action.in_(list(actions)))
    return [dict(row) for row in connection.execute(statement).mappings()]
