"""How campaigns stand: what of them was sent, what waits, who is left out, who is written to by several."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from outreach.db import schema
from outreach.model.states import FINAL_MESSAGE_STATES, WAITING_MESSAGE_STATES, CampaignState, MessageState

_CAMPAIGN = schema.campaign
_MESSAGE = schema.message


def states_by_step(connection: sa.Connection, campaign_id: int) -> dict[str, dict[MessageState, int]]:
    """How many messages of each step are in each state."""
    statement = (
        sa.select(_MESSAGE.c.step, _MESSAGE.c.state, sa.func.count())
        .where(_MESSAGE.c.campaign_id == campaign_id)
        .group_by(_MESSAGE.c.step, _MESSAGE.c.state)
    )
    counts: dict[str, dict[MessageState, int]] = {}
    for step, state, number in connection.execute(statement):
        counts.setdefault(step, {})[state] = number
    return counts


def exclusions(connection: sa.Connection, campaign_id: int) -> dict[str, int]:
    """How many contacts of the country are not written to, by reason."""
    column = schema.recipient.c.excluded
    statement = (
        sa.select(column, sa.func.count())
        .where(schema.recipient.c.campaign_id == campaign_id, column.is_not(None))
        .group_by(column)
    )
    return {reason.value: number for reason, number in connection.execute(statement)}


@dataclass(frozen=True, slots=True)
class Waiting:
    """Messages of a running campaign that wait for the same moment in the same place: what an estimate needs."""

    campaign_id: int
    country: str
    region: str | None
    time_zone: str | None
    due_at: datetime
    around: str | None  # of mails around a session: which
    count: int


def waiting(connection: sa.Connection, sender: str) -> list[Waiting]:
    """What waits in all running campaigns of ``sender``."""
    place = schema.municipality.c
    around = sa.case((_MESSAGE.c.for_session, _MESSAGE.c.step)).label("around")
    columns = (_MESSAGE.c.campaign_id, _MESSAGE.c.recipient_id, _MESSAGE.c.due_at, around)
    unsent = sa.union_all(  # each by the index of its own: `model.tables`
        *(
            sa.select(*columns).where(_MESSAGE.c.sender == sender, which)
            for which in (schema.WAITING, schema.SENDING)
        )
    ).subquery()
    kinds = (
        unsent.c.campaign_id,
        place.country,
        place.region,
        place.time_zone,
        unsent.c.due_at,
        unsent.c.around,
    )
    statement = (
        sa.select(*kinds, sa.func.count())
        .select_from(unsent)
        .join(_CAMPAIGN, _CAMPAIGN.c.id == unsent.c.campaign_id)
        .join(schema.recipient, schema.recipient.c.id == unsent.c.recipient_id)
        .join(schema.municipality, place.id == schema.recipient.c.municipality_id)
        .where(_CAMPAIGN.c.state == CampaignState.RUNNING)
        .group_by(*kinds)
    )
    return [Waiting(*row) for row in connection.execute(statement)]


def waiting_addresses(connection: sa.Connection, campaign_id: int) -> list[str]:
    """The address of each message of the campaign that waits."""
    statement = sa.select(_MESSAGE.c.email_key).where(
        _MESSAGE.c.campaign_id == campaign_id,
        _MESSAGE.c.state.in_([*WAITING_MESSAGE_STATES, MessageState.SENDING]),
    )
    return list(connection.execute(statement).scalars())


def unfinished(connection: sa.Connection, campaign_id: int) -> int:
    """How many messages are not in a final state."""
    statement = sa.select(sa.func.count()).where(
        _MESSAGE.c.campaign_id == campaign_id, _MESSAGE.c.state.not_in(list(FINAL_MESSAGE_STATES))
    )
    return int(connection.execute(statement).scalar_one())


def overlaps(connection: sa.Connection, addresses: Collection[str]) -> dict[str, int]:
    """How many of ``addresses`` (lower case) get mail of campaigns that run or are paused, by the campaign's name."""
    campaign, recipient = schema.campaign, schema.recipient
    rows = connection.execute(
        sa.select(campaign.c.name, recipient.c.email_key)
        .join(recipient, recipient.c.campaign_id == campaign.c.id)
        .where(campaign.c.state.in_((CampaignState.RUNNING, CampaignState.PAUSED)))
        .where(recipient.c.excluded.is_(None))
    )
    return dict(Counter(name for name, address in rows if address in addresses))
