"""Lists of registrations that were imported, and what each said.

A list is its line of the audit, with the number of that line; what it said carries its campaign and its time.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from outreach.db import effects, schema, scope
from outreach.db.effects import Claim
from outreach.model.states import EffectKind, EngagementKind

IMPORT, UNDO = "registrations.import", "registrations.undo"
_AUDIT = schema.audit
_CAMPAIGN = schema.campaign
_EFFECT = schema.effect
_EVENT = schema.engagement


def every(
    connection: sa.Connection, *, campaign: str | None = None, country: str | None = None
) -> list[Mapping[str, Any]]:
    """The lists, the first first, each with how many places it gave or changed (``places``) and who took it back
    and when. ``campaign``: a name or a slug."""
    wanted: list[sa.ColumnElement[bool]] = []
    if campaign:
        wanted.append(sa.or_(_CAMPAIGN.c.name == campaign, _CAMPAIGN.c.slug == campaign))
    if country:
        wanted.append(_CAMPAIGN.c.country == country)
    return _lists(connection, *wanted)


def find(connection: sa.Connection, number: int) -> Mapping[str, Any] | None:
    """One list, as :func:`every` has it, with its ``campaign_id``."""
    found = _lists(connection, _AUDIT.c.id == number)
    return found[0] if found else None


def _lists(connection: sa.Connection, *wanted: sa.ColumnElement[bool]) -> list[Mapping[str, Any]]:
    taken = _AUDIT.alias("taken")
    places = (
        sa.select(sa.func.count())
        .select_from(_EVENT)
        .where(*_its(_CAMPAIGN.c.id, _AUDIT.c.at))
        .correlate(_CAMPAIGN, _AUDIT)
        .scalar_subquery()
    )
    statement = (
        sa.select(
            _AUDIT.c.id,
            _CAMPAIGN.c.id.label("campaign_id"),
            _CAMPAIGN.c.name.label("campaign"),
            _AUDIT.c.detail,
            _AUDIT.c.at,
            _AUDIT.c.actor,
            places.label("places"),
            taken.c.at.label("undone_at"),
            taken.c.actor.label("undone_by"),
        )
        .join(_CAMPAIGN, _CAMPAIGN.c.name == _AUDIT.c.subject)
        .outerjoin(taken, sa.and_(taken.c.action == UNDO, taken.c.subject == sa.cast(_AUDIT.c.id, sa.String)))
        .where(_AUDIT.c.action == IMPORT, scope.within(connection, _CAMPAIGN.c.country), *wanted)
        .order_by(_AUDIT.c.id)
    )
    rows = (dict(row) for row in connection.execute(statement).mappings())
    return [{**row, "file": row.pop("detail").rpartition(" (")[0]} for row in rows]


def _its(campaign_id: Any, at: Any) -> tuple[sa.ColumnElement[bool], ...]:
    """The events that a list brought about."""
    return (
        _EVENT.c.campaign_id == campaign_id,
        _EVENT.c.kind == EngagementKind.REGISTERED,
        _EVENT.c.at == at,
        _EVENT.c.inbound_id.is_(None),
    )


def with_progress(connection: sa.Connection, campaign_id: int, at: datetime) -> int:
    """How many municipalities of a list have begun the assessment, as its own list says."""
    place = schema.registration
    theirs = sa.select(_EVENT.c.municipality_id).where(*_its(campaign_id, at))
    statement = sa.select(sa.func.count()).where(
        place.c.campaign_id == campaign_id,
        place.c.municipality_id.in_(theirs),
        place.c.progress.is_not(None),
    )
    return int(connection.execute(statement).scalar_one())


def take_back(
    connection: sa.Connection, campaign_id: int, at: datetime, moved_up: str, now: datetime
) -> list[Claim]:
    """Mark what a list said as taken back, and that its municipalities ``moved_up`` (the source of such a claim) by
    it; returns its claims, the present still to be settled."""
    connection.execute(
        sa.update(_EVENT).where(*_its(campaign_id, at), _EVENT.c.undone_at.is_(None)).values(undone_at=now)
    )
    subjects = connection.execute(
        sa.select(_EFFECT.c.subject)
        .where(
            _EFFECT.c.kind == EffectKind.REGISTRATION,
            _EFFECT.c.subject.like(f"{campaign_id}:%"),
            _EFFECT.c.at == at,
            _EFFECT.c.inbound_id.is_(None),
        )
        .order_by(_EFFECT.c.id)
    ).scalars()
    taken: list[Claim] = []
    found = []
    for subject in dict.fromkeys(subjects):
        before_is_its = False
        for one in effects.standing(connection, EffectKind.REGISTRATION, subject):
            said = one.inbound_id is None and one.at == at
            up = one.inbound_id is None and one.details.get("source") == moved_up
            before_is_its = said or (before_is_its and up)
            if before_is_its:
                taken.append(one)
            if said:
                found.append(one)
    connection.execute(
        sa.update(_EFFECT).where(_EFFECT.c.id.in_([one.id for one in taken])).values(undone_at=now)
    )
    return found
