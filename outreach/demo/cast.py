"""Who plays: the addresses that the launched campaigns will write to, and when something is due for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa

from outreach.db import schema
from outreach.db.engine import Database
from outreach.demo.towns import Town
from outreach.model.states import WAITING_MESSAGE_STATES, CampaignState


def cast(database: Database, plans: Mapping[str, Mapping[str, Sequence[str]]]) -> Iterator[Town]:
    """A town for each address that is written to. ``plans``: by country and campaign, what each does, in the
    order in which the campaign writes to them; one that is not in it stays silent."""
    message, recipient, contact = schema.message, schema.recipient, schema.contact
    municipality, campaign = schema.municipality, schema.campaign
    statement = (
        sa.select(
            message.c.email,
            message.c.language,
            municipality.c.name.label("municipality"),
            municipality.c.country,
            contact.c.person,
            campaign.c.slug,
            campaign.c.name.label("campaign"),
        )
        .join(recipient, recipient.c.id == message.c.recipient_id)
        .join(contact, contact.c.id == recipient.c.contact_id)
        .join(municipality, municipality.c.id == contact.c.municipality_id)
        .join(campaign, campaign.c.id == message.c.campaign_id)
        .order_by(message.c.id)
    )
    with database.read() as connection:
        rows = connection.execute(statement).all()
    seats: dict[str, int] = {}
    behaviour: dict[str, dict[str, str]] = {}
    people = {}
    for row in rows:
        seat = seats.get(row.campaign, 0)
        seats[row.campaign] = seat + 1
        listed = plans.get(row.country, {}).get(row.slug, ())
        behaviour.setdefault(row.email, {})[row.campaign] = listed[seat] if seat < len(listed) else "silent"
        people[row.email] = row
    for email, row in people.items():
        first = row.language.partition("+")[0]  # a mail in two languages is answered in the first
        yield Town(email, row.municipality, row.country, first, row.person, behaviour[email])


def next_due(database: Database) -> datetime | None:
    """When the next mail may go out or has to be planned; ``None``: nothing is left to do."""
    message, campaign = schema.message, schema.campaign
    moments = (
        sa.select(sa.func.min(message.c.due_at)).where(message.c.state.in_(list(WAITING_MESSAGE_STATES))),
        sa.select(sa.func.min(campaign.c.plan_at)).where(campaign.c.state == CampaignState.RUNNING),
    )
    with database.read() as connection:
        found = [connection.execute(statement).scalar() for statement in moments]
    return min((moment for moment in found if moment is not None), default=None)
