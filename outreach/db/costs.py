"""What sessions cost, and what a reimbursement asks of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from outreach.db import schema, scope
from outreach.model.states import AttendanceState, Presence, RegistrationState

_COST = schema.cost
_CAMPAIGN = schema.campaign
_ROW = schema.attendance


def add(connection: sa.Connection, values: Mapping[str, Any]) -> int:
    """Every column of ``cost`` but ``id``; returns its number."""
    key = connection.execute(sa.insert(_COST).values(**values)).inserted_primary_key
    assert key is not None
    return int(key[0])


def listing(
    connection: sa.Connection, *, campaign: str | None = None, country: str | None = None
) -> list[Mapping[str, Any]]:
    """What was entered and stands, by campaign, in the order it was entered. ``cents`` are of a euro."""
    statement = (
        sa.select(
            _COST.c.id,
            _CAMPAIGN.c.name.label("campaign"),
            _CAMPAIGN.c.country,
            *(_COST.c[name] for name in ("what", "cents", "paid_on", "at", "actor")),
        )
        .join(_CAMPAIGN, _CAMPAIGN.c.id == _COST.c.campaign_id)
        .where(_COST.c.undone_at.is_(None), scope.within(connection, _CAMPAIGN.c.country))
        .order_by(_CAMPAIGN.c.name, _COST.c.id)
    )
    if campaign:
        statement = statement.where(sa.or_(_CAMPAIGN.c.name == campaign, _CAMPAIGN.c.slug == campaign))
    if country:
        statement = statement.where(_CAMPAIGN.c.country == country)
    return [dict(row) for row in connection.execute(statement).mappings()]


def take_back(connection: sa.Connection, number: int, now: datetime, actor: str) -> Mapping[str, Any] | None:
    """The entry, which does not stand any more; ``None``: there is none of this number."""
    here = sa.select(_CAMPAIGN.c.id).where(scope.within(connection, _CAMPAIGN.c.country))
    statement = (
        sa.update(_COST)
        .where(_COST.c.id == number, _COST.c.undone_at.is_(None), _COST.c.campaign_id.in_(here))
        .values(undone_at=now, undone_by=actor)
        .returning(_COST.c.what, _COST.c.cents, _COST.c.campaign_id)
    )
    row = connection.execute(statement).mappings().one_or_none()
    return dict(row) if row else None


@dataclass(frozen=True, slots=True)
class Gathering:
    """Of one campaign's session."""

    registered: int = 0
    waiting: int = 0
    attended: int = 0  # municipalities
    people_on_site: int = 0
    people_online: int = 0
    lists: int = 0
    to_ask: int = 0
    expenses: tuple[tuple[str, int, date | None], ...] = ()  # what, cents, paid on


def gatherings(connection: sa.Connection, campaign_ids: list[int]) -> dict[int, Gathering]:
    """What is known of the sessions of these campaigns, in a few statements whatever their number."""
    seat, lists = schema.registration.c, schema.attendance_list.c
    seats: dict[tuple[int, RegistrationState], int] = {}
    for id_, state, number in connection.execute(
        sa.select(seat.campaign_id, seat.state, sa.func.count())
        .where(seat.campaign_id.in_(campaign_ids))
        .group_by(seat.campaign_id, seat.state)
    ):
        seats[id_, state] = number
    towns = _counts(
        connection,
        sa.select(_ROW.c.campaign_id, sa.func.count(sa.distinct(_ROW.c.municipality_id))).where(
            _ROW.c.state == AttendanceState.COUNTED
        ),
        campaign_ids,
    )
    # Who was on site on one list, and online on another, was on site.
    person = (
        sa.select(
            _ROW.c.campaign_id,
            sa.func.max(sa.case((_ROW.c.presence == Presence.ON_SITE, 1), else_=0)).label("on_site"),
        )
        .where(_ROW.c.state == AttendanceState.COUNTED, _ROW.c.campaign_id.in_(campaign_ids))
        .group_by(_ROW.c.campaign_id, _ROW.c.person_key)
        .subquery("person")
    )
    people = {
        id_: (int(on_site), int(whole) - int(on_site))
        for id_, on_site, whole in connection.execute(
            sa.select(person.c.campaign_id, sa.func.sum(person.c.on_site), sa.func.count()).group_by(
                person.c.campaign_id
            )
        )
    }
    asked = _counts(
        connection,
        sa.select(_ROW.c.campaign_id, sa.func.count(sa.distinct(_ROW.c.person_key))).where(
            _ROW.c.state == AttendanceState.ASKED
        ),
        campaign_ids,
    )
    stand: dict[int, int] = {}
    for id_, number in connection.execute(
        sa.select(lists.campaign_id, sa.func.count())
        .where(lists.campaign_id.in_(campaign_ids), lists.undone_at.is_(None))
        .group_by(lists.campaign_id)
    ):
        stand[id_] = number
    expenses: dict[int, list[tuple[str, int, date | None]]] = {}
    for id_, what, cents, paid_on in connection.execute(
        sa.select(_COST.c.campaign_id, _COST.c.what, _COST.c.cents, _COST.c.paid_on)
        .where(_COST.c.campaign_id.in_(campaign_ids), _COST.c.undone_at.is_(None))
        .order_by(_COST.c.id)
    ):
        expenses.setdefault(id_, []).append((what, cents, paid_on))
    return {
        id_: Gathering(
            registered=seats.get((id_, RegistrationState.REGISTERED), 0),
            waiting=seats.get((id_, RegistrationState.WAITING), 0),
            attended=towns.get(id_, 0),
            people_on_site=people.get(id_, (0, 0))[0],
            people_online=people.get(id_, (0, 0))[1],
            lists=stand.get(id_, 0),
            to_ask=asked.get(id_, 0),
            expenses=tuple(expenses.get(id_, ())),
        )
        for id_ in campaign_ids
    }


def _counts(connection: sa.Connection, statement: sa.Select[Any], campaign_ids: list[int]) -> dict[int, int]:
    rows = connection.execute(
        statement.where(_ROW.c.campaign_id.in_(campaign_ids)).group_by(_ROW.c.campaign_id)
    )
    return {id_: int(number) for id_, number in rows}
