"""Who was at a session: lists as they were imported, and the people of each municipality they say."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from outreach.contacts.attendees import Town
from outreach.contacts.register import Unit, names_from_text
from outreach.db import schema, scope
from outreach.db.schema import ERASED
from outreach.model.states import AttendanceState, MessageState, RegistrationState
from outreach.model.values import Place

_ROW = schema.attendance
_LIST = schema.attendance_list
_CAMPAIGN = schema.campaign
#: What a person is told apart by only as long as somebody has to be asked.
_NOBODY: dict[str, Any] = {"name": None, "email": None, "says": None, "likely_id": None}


@dataclass(frozen=True, slots=True)
class Decision:
    """What stands of a person in another list of the same session."""

    state: AttendanceState
    municipality_id: int | None
    known_by: str


def towns(connection: sa.Connection, campaign_id: int, country: str) -> list[Town]:
    """Every municipality of ``country``, with the addresses that are known of it and its place at the session."""
    municipality, contact, place = schema.municipality.c, schema.contact.c, schema.registration.c
    emails: dict[int, set[str]] = {}
    for id_, email in connection.execute(
        sa.select(contact.municipality_id, contact.email_key)
        .join(schema.municipality, municipality.id == contact.municipality_id)
        .where(municipality.country == country, contact.email_key.not_like(f"{ERASED}%"))
    ):
        emails.setdefault(id_, set()).add(email)
    places = {
        row.municipality_id: row
        for row in connection.execute(
            sa.select(place.municipality_id, place.state, place.name, place.email).where(
                place.campaign_id == campaign_id
            )
        )
    }
    rows = connection.execute(
        sa.select(municipality.id, municipality.key, municipality.name, municipality.code, municipality.names)
        .where(municipality.country == country)
        .order_by(municipality.id)
    )
    found = []
    for row in rows:
        seat = places.get(row.id)
        if seat is not None and seat.email:
            emails.setdefault(row.id, set()).add(seat.email.casefold())
        found.append(
            Town(
                row.id,
                Unit(row.key, Place(country, row.name, row.code), names_from_text(row.names)),
                frozenset(emails.get(row.id, ())),
                seat is not None and seat.state is RegistrationState.REGISTERED,
                seat.name if seat is not None else None,
            )
        )
    return found


def imported_before(connection: sa.Connection, campaign_id: int, digest: str) -> int | None:
    """The number of the list with this content, if it stands."""
    statement = sa.select(_LIST.c.id).where(
        _LIST.c.campaign_id == campaign_id, _LIST.c.digest == digest, _LIST.c.undone_at.is_(None)
    )
    found: int | None = connection.execute(statement.limit(1)).scalar()
    return found


def decisions(connection: sa.Connection, campaign_id: int, keys: Collection[str]) -> dict[str, Decision]:
    """What other lists of the session say of these people, where it is settled."""
    rows = connection.execute(
        sa.select(_ROW.c.person_key, _ROW.c.state, _ROW.c.municipality_id, _ROW.c.known_by)
        .where(
            _ROW.c.campaign_id == campaign_id,
            _ROW.c.person_key.in_(list(keys)),
            _ROW.c.state != AttendanceState.ASKED,
        )
        .order_by(_ROW.c.id)
    )
    return {row.person_key: Decision(row.state, row.municipality_id, row.known_by) for row in rows}


def add(connection: sa.Connection, values: Mapping[str, Any], people: Sequence[Mapping[str, Any]]) -> int:
    """Keep a list: every column of ``attendance_list`` but ``id``, and of ``attendance`` but ``id``, ``list_id``.
    Returns its number."""
    key = connection.execute(sa.insert(_LIST).values(**values)).inserted_primary_key
    assert key is not None
    if people:
        connection.execute(sa.insert(_ROW), [{**one, "list_id": key[0]} for one in people])
    return int(key[0])


def listing(
    connection: sa.Connection, *, campaign: str | None = None, country: str | None = None
) -> list[Mapping[str, Any]]:
    """A line a campaign and municipality of which somebody was there."""
    place, seat = schema.municipality, schema.registration
    registered = sa.exists().where(
        seat.c.campaign_id == _ROW.c.campaign_id,
        seat.c.municipality_id == _ROW.c.municipality_id,
        seat.c.state == RegistrationState.REGISTERED,
    )
    each = (
        sa.select(
            _ROW.c.campaign_id,
            _ROW.c.municipality_id,
            _ROW.c.person_key,
            sa.func.max(_ROW.c.minutes).label("minutes"),
            sa.func.max(sa.case((_ROW.c.presence == "on_site", 1), else_=0)).label("on_site"),
            sa.func.max(sa.case((registered, 1), else_=0)).label("registered"),
        )
        .where(_ROW.c.state == AttendanceState.COUNTED)
        .group_by(_ROW.c.campaign_id, _ROW.c.municipality_id, _ROW.c.person_key)
        .subquery("each")
    )
    statement = (
        sa.select(
            _CAMPAIGN.c.name.label("campaign"),
            place.c.country,
            place.c.name.label("municipality"),
            place.c.code,
            sa.func.count().label("people"),
            sa.func.sum(each.c.on_site).label("on_site"),
            (sa.func.count() - sa.func.sum(each.c.on_site)).label("online"),
            sa.func.max(each.c.minutes).label("minutes"),
            sa.func.max(each.c.registered).label("registered"),
        )
        .select_from(each)
        .join(_CAMPAIGN, _CAMPAIGN.c.id == each.c.campaign_id)
        .join(place, place.c.id == each.c.municipality_id)
        .where(scope.within(connection, _CAMPAIGN.c.country), *_of(campaign, country))
        .group_by(_CAMPAIGN.c.name, place.c.id, place.c.country, place.c.name, place.c.code)
        .order_by(_CAMPAIGN.c.name, place.c.name, place.c.id)
    )
    rows = (dict(row) for row in connection.execute(statement).mappings())
    return [{**row, "registered": bool(row["registered"])} for row in rows]


def _of(campaign: str | None, country: str | None) -> list[sa.ColumnElement[bool]]:
    """``campaign``: a name ("information-session-be") or a slug."""
    found: list[sa.ColumnElement[bool]] = []
    if campaign:
        found.append(sa.or_(_CAMPAIGN.c.name == campaign, _CAMPAIGN.c.slug == campaign))
    if country:
        found.append(_CAMPAIGN.c.country == country)
    return found


def lists(
    connection: sa.Connection, *, campaign: str | None = None, country: str | None = None
) -> list[Mapping[str, Any]]:
    """Every list that was imported, with its people by what became of them; those taken back have none."""
    counts = [
        sa.func.sum(sa.case((_ROW.c.state == state, 1), else_=0)).label(state.value)
        for state in AttendanceState
    ]
    statement = (
        sa.select(
            _LIST.c.id,
            _CAMPAIGN.c.name.label("campaign"),
            *(_LIST.c[name] for name in ("file", "format", "at", "actor", "undone_at", "undone_by")),
            *counts,
        )
        .join(_CAMPAIGN, _CAMPAIGN.c.id == _LIST.c.campaign_id)
        .outerjoin(_ROW, _ROW.c.list_id == _LIST.c.id)
        .where(scope.within(connection, _CAMPAIGN.c.country), *_of(campaign, country))
        .group_by(_LIST.c.id, _CAMPAIGN.c.name)
        .order_by(_LIST.c.id)
    )
    rows = (dict(row) for row in connection.execute(statement).mappings())
    return [{**row, **{one.value: int(row[one.value] or 0) for one in AttendanceState}} for row in rows]


def asked(
    connection: sa.Connection, *, campaign: str | None = None, country: str | None = None
) -> list[Mapping[str, Any]]:
    """People of whom somebody has to say which municipality they are of."""
    likely = schema.municipality.alias("likely")
    statement = (
        sa.select(
            *(_ROW.c[name] for name in ("id", "list_id")),
            _CAMPAIGN.c.name.label("campaign"),
            *(_ROW.c[name] for name in ("name", "email", "says", "minutes")),
            likely.c.name.label("likely"),
            *(_ROW.c[name] for name in ("confidence", "known_by")),
        )
        .join(_CAMPAIGN, _CAMPAIGN.c.id == _ROW.c.campaign_id)
        .outerjoin(likely, likely.c.id == _ROW.c.likely_id)
        .where(
            _ROW.c.state == AttendanceState.ASKED,
            scope.within(connection, _CAMPAIGN.c.country),
            *_of(campaign, country),
        )
        .order_by(_ROW.c.id)
    )
    return [dict(row) for row in connection.execute(statement).mappings()]


def find(connection: sa.Connection, number: int) -> Mapping[str, Any] | None:
    """A person of a list, with the campaign's ``country``."""
    statement = (
        sa.select(*_ROW.c, _CAMPAIGN.c.country, _CAMPAIGN.c.name.label("campaign"))
        .join(_CAMPAIGN, _CAMPAIGN.c.id == _ROW.c.campaign_id)
        .where(_ROW.c.id == number, scope.within(connection, _CAMPAIGN.c.country))
    )
    row = connection.execute(statement).mappings().one_or_none()
    return dict(row) if row else None


def settle(
    connection: sa.Connection,
    campaign_id: int,
    person_key: str,
    municipality_id: int | None,
    known_by: str,
) -> None:
    """The person counts for the municipality, or (``None``) for none, in every list of the session. Who it was is
    not kept."""
    state = AttendanceState.LEFT_OUT if municipality_id is None else AttendanceState.COUNTED
    connection.execute(
        sa.update(_ROW)
        .where(_ROW.c.campaign_id == campaign_id, _ROW.c.person_key == person_key)
        .values(state=state, municipality_id=municipality_id, known_by=known_by, confidence=1.0, **_NOBODY)
    )


def take_back(connection: sa.Connection, number: int, now: datetime, actor: str) -> int | None:
    """What the list says is removed; returns how many people that were. ``None``: there is no such list, or it was
    taken back before."""
    here = sa.select(_CAMPAIGN.c.id).where(scope.within(connection, _CAMPAIGN.c.country))
    done = connection.execute(
        sa.update(_LIST)
        .where(_LIST.c.id == number, _LIST.c.undone_at.is_(None), _LIST.c.campaign_id.in_(here))
        .values(undone_at=now, undone_by=actor)
    )
    if done.rowcount != 1:
        return None
    return connection.execute(sa.delete(_ROW).where(_ROW.c.list_id == number)).rowcount


def campaign_of(connection: sa.Connection, number: int) -> int:
    """The campaign of a list."""
    return int(connection.execute(sa.select(_LIST.c.campaign_id).where(_LIST.c.id == number)).scalar_one())


def thanked(connection: sa.Connection, campaign_id: int) -> int:
    """How many mails after the session went out, or may have."""
    message = schema.message.c
    statement = sa.select(sa.func.count()).where(
        message.campaign_id == campaign_id,
        message.for_session.is_(sa.true()),
        message.step == "thanks",
        message.state.in_([MessageState.SENT, MessageState.BOUNCED, MessageState.UNCERTAIN]),
    )
    return int(connection.execute(statement).scalar_one())


def forget(connection: sa.Connection, condition: sa.ColumnElement[bool]) -> int:
    """Leave of these people only that they were there; returns how many rows that changes. Who was still to be asked
    about is left out: nobody can tell any more."""
    connection.execute(
        sa.update(_ROW)
        .where(condition, _ROW.c.state == AttendanceState.ASKED)
        .values(state=AttendanceState.LEFT_OUT)
    )
    # The same person on several lists stays one.
    first = _ROW.alias("first")
    one = (
        sa.select(sa.func.min(first.c.id))
        .where(first.c.campaign_id == _ROW.c.campaign_id, first.c.person_key == _ROW.c.person_key)
        .correlate(_ROW)
        .scalar_subquery()
    )
    keys = connection.execute(
        sa.select(_ROW.c.id, one).where(condition, _ROW.c.person_key.not_like(f"{ERASED}%"))
    ).all()
    if keys:
        connection.execute(
            sa.update(_ROW)
            .where(_ROW.c.id == sa.bindparam("b_id"))
            .values(person_key=sa.bindparam("b_key"), **_NOBODY),
            [{"b_id": id_, "b_key": f"{ERASED}{first_id}"} for id_, first_id in keys],
        )
    return len(keys)


def is_person(
    connection: sa.Connection, keys: Collection[str], addresses: Collection[str]
) -> sa.ColumnElement[bool]:
    """Rows of somebody with one of these keys or addresses, as far as the connection reaches."""
    here = sa.select(_CAMPAIGN.c.id).where(scope.within(connection, _CAMPAIGN.c.country))
    return sa.and_(
        sa.or_(_ROW.c.person_key.in_(list(keys)), sa.func.lower(_ROW.c.email).in_(list(addresses))),
        _ROW.c.campaign_id.in_(here),
    )


def of_person(
    connection: sa.Connection, keys: Collection[str], addresses: Collection[str]
) -> list[Mapping[str, Any]]:
    """What lists say of somebody with one of these keys or addresses."""
    place = schema.municipality
    statement = (
        sa.select(
            _CAMPAIGN.c.name.label("campaign"),
            _LIST.c.file,
            place.c.name.label("municipality"),
            *(_ROW.c[name] for name in ("state", "presence", "minutes", "known_by", "name", "email", "says")),
        )
        .join(_LIST, _LIST.c.id == _ROW.c.list_id)
        .join(_CAMPAIGN, _CAMPAIGN.c.id == _ROW.c.campaign_id)
        .outerjoin(place, place.c.id == _ROW.c.municipality_id)
        .where(is_person(connection, keys, addresses))
        .order_by(_ROW.c.id)
    )
    return [dict(row) for row in connection.execute(statement).mappings()]
