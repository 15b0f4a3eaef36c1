"""Places at sessions: who has one, and whom an imported entry can be for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from outreach.db import schema, scope
from outreach.model.states import MessageState


def listing(
    connection: sa.Connection, *, campaign: str | None = None, country: str | None = None
) -> list[Mapping[str, Any]]:
    """Every registration, by campaign and municipality. ``campaign``: a name ("lordimas-be") or a slug."""
    table, municipality, of = schema.registration, schema.municipality, schema.campaign
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
        )
        .join(of, of.c.id == table.c.campaign_id)
        .join(municipality, municipality.c.id == table.c.municipality_id)
        .where(scope.within(connection, of.c.country))
        .order_by(of.c.name, municipality.c.name, table.c.id)
    )
    if campaign:
        statement = statement.where(sa.or_(of.c.name == campaign, of.c.slug == campaign))
    if country:
        statement = statement.where(municipality.c.country == country)
    return [dict(row) for row in connection.execute(statement).mappings()]


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
