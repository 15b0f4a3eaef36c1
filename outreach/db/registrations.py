"""Places at sessions: who has one, and whom an imported entry can be for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from outreach.db import effects, schema, scope
from outreach.db.effects import Seat
from outreach.model.states import EffectKind, MessageState, Progress, RegistrationState


def listing(
    connection: sa.Connection, *, campaign: str | None = None, country: str | None = None
) -> list[Mapping[str, Any]]:
    """Every registration, by campaign and municipality. ``campaign``: a name ("lordimas-be") or a slug.

    ``coming`` is who comes, as far as the answer says so, in the form of ``classify --json``; else ``None``.
    """
    table, municipality, of = schema.registration, schema.municipality, schema.campaign
    verdict = schema.verdict
    last = (
        sa.select(sa.func.max(verdict.c.id))
        .where(verdict.c.inbound_id == table.c.inbound_id)
        .correlate(table)
        .scalar_subquery()
    )
    statement = (
        sa.select(
            of.c.name.label("campaign"),
            municipality.c.country,
            municipality.c.name.label("municipality"),
            municipality.c.code,
            table.c.state,
            table.c.name,
            table.c.email,
            table.c.inbound_id,
            table.c.created_at,
            table.c.updated_at,
            verdict.c.details,
        )
        .outerjoin(verdict, verdict.c.id == last)
        .join(of, of.c.id == table.c.campaign_id)
        .join(municipality, municipality.c.id == table.c.municipality_id)
        .where(scope.within(connection, of.c.country))
        .order_by(of.c.name, municipality.c.name, table.c.id)
    )
    if campaign:
        statement = statement.where(sa.or_(of.c.name == campaign, of.c.slug == campaign))
    if country:
        statement = statement.where(municipality.c.country == country)
    rows = [dict(row) for row in connection.execute(statement).mappings()]
    return [{**row, "coming": (row.pop("details") or {}).get("coming")} for row in rows]


def seats(connection: sa.Connection, campaign_id: int) -> list[Mapping[str, Any]]:
    """Every recipient that was written to in a campaign: its address, municipality and last mail."""
    recipient, municipality, message = schema.recipient, schema.municipality, schema.message
    contact = schema.contact
    statement = (
        sa.select(
            contact.c.email_key,
            municipality.c.id.label("municipality_id"),
            municipality.c.code,
            municipality.c.name,
            municipality.c.country,
            sa.func.max(message.c.id).label("message_id"),
        )
        .select_from(recipient)
        .join(message, message.c.recipient_id == recipient.c.id)
        .join(municipality, municipality.c.id == recipient.c.municipality_id)
        # any address of the municipality stands for it, also one that was not written to
        .join(contact, contact.c.municipality_id == municipality.c.id)
        .where(
            recipient.c.campaign_id == campaign_id,
            schema.IS_STEP,
            message.c.state.in_([MessageState.SENT, MessageState.BOUNCED, MessageState.UNCERTAIN]),
        )
        .group_by(
            contact.c.email_key,
            municipality.c.id,
            municipality.c.code,
            municipality.c.name,
            municipality.c.country,
        )
    )
    return [dict(row) for row in connection.execute(statement).mappings()]


def places(connection: sa.Connection, campaign_id: int) -> dict[int, tuple[str, str | None, str | None]]:
    """State, name and address of the place of each municipality that has one."""
    table = schema.registration.c
    rows = connection.execute(
        sa.select(table.municipality_id, table.state, table.name, table.email).where(
            table.campaign_id == campaign_id
        )
    )
    return {row.municipality_id: (row.state, row.name, row.email) for row in rows}


@dataclass(frozen=True, slots=True)
class Waiter:
    """A municipality that waits for a place."""

    municipality_id: int
    name: str | None
    email: str | None
    inbound_id: int | None  # the answer that asked for it; None: a list
    message_id: int | None  # the last mail of the sequence that it got


def taken(connection: sa.Connection, campaign_id: int) -> int:
    """How many municipalities have a place."""
    table = schema.registration
    return int(
        connection.execute(
            sa.select(sa.func.count())
            .select_from(table)
            .where(table.c.campaign_id == campaign_id, table.c.state == RegistrationState.REGISTERED)
        ).scalar_one()
    )


def waiting(connection: sa.Connection, campaign_id: int) -> list[Waiter]:
    """Who waits for a place, the longest first: since the first yes after whatever else it said."""
    table, recipient, message = schema.registration, schema.recipient, schema.message
    last = (
        sa.select(sa.func.max(message.c.id))
        .join(recipient, recipient.c.id == message.c.recipient_id)
        .where(
            recipient.c.campaign_id == campaign_id,
            recipient.c.municipality_id == table.c.municipality_id,
            schema.IS_STEP,
            message.c.state.in_([MessageState.SENT, MessageState.BOUNCED, MessageState.UNCERTAIN]),
        )
        .correlate(table)
        .scalar_subquery()
    )
    rows = connection.execute(
        sa.select(
            table.c.municipality_id, table.c.name, table.c.email, table.c.inbound_id, last.label("message_id")
        ).where(table.c.campaign_id == campaign_id, table.c.state == RegistrationState.WAITING)
    ).mappings()
    queue = [(_asked_at(connection, campaign_id, row["municipality_id"]), Waiter(**row)) for row in rows]
    return [waiter for _, waiter in sorted(queue, key=lambda one: one[0])]


def _asked_at(connection: sa.Connection, campaign_id: int, municipality_id: int) -> int:
    """The number of the claim since which the municipality waits without interruption."""
    first = 0
    for one in effects.standing(
        connection, EffectKind.REGISTRATION, Seat(campaign_id, municipality_id).subject
    ):
        waits = one.details["state"] == RegistrationState.WAITING
        first = (first or one.id) if waits else 0
    return first


def progress(connection: sa.Connection, campaign_id: int) -> dict[int, Progress]:
    """How far each municipality is with the assessment, where that is known."""
    table = schema.registration.c
    statement = sa.select(table.municipality_id, table.progress).where(
        table.campaign_id == campaign_id, table.progress.is_not(None)
    )
    return {row.municipality_id: row.progress for row in connection.execute(statement)}


def note_progress(
    connection: sa.Connection, campaign_id: int, municipality_id: int, how_far: Progress, now: datetime
) -> None:
    """Of a municipality that has a place."""
    table = schema.registration
    connection.execute(
        sa.update(table)
        .where(table.c.campaign_id == campaign_id, table.c.municipality_id == municipality_id)
        .values(progress=how_far, updated_at=now)
    )
