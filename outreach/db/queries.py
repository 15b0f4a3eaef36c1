"""What reports and overviews ask about campaigns. The figures themselves are in ``db.standings``."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from outreach.db import schema, scope
from outreach.model.states import AnswerMail, CampaignState, MessageState
from outreach.report.sections import Launched

_CAMPAIGN = schema.campaign
_MESSAGE = schema.message


@dataclass(frozen=True, slots=True)
class CampaignOverview:
    """One line of the list of campaigns."""

    name: str
    title: str
    country: str
    sender: str
    state: CampaignState
    launched_at: datetime | None
    messages: Mapping[MessageState, int]  # only states that occur


def campaign_overview(connection: sa.Connection) -> list[CampaignOverview]:
    """All campaigns by name, launched or not, with their messages by state."""
    counted: dict[int, Counter[MessageState]] = defaultdict(Counter)
    # By step as well: the order of the index that holds them, in which nothing has to be sorted.
    kinds = (_MESSAGE.c.campaign_id, _MESSAGE.c.step, _MESSAGE.c.state)
    for campaign_id, _, state, number in connection.execute(
        sa.select(*kinds, sa.func.count()).group_by(*kinds)
    ):
        counted[campaign_id][state] += number
    columns = ("name", "title", "country", "sender", "state", "launched_at")
    campaigns = sa.select(_CAMPAIGN.c.id, *(_CAMPAIGN.c[name] for name in columns)).order_by(_CAMPAIGN.c.name)
    campaigns = campaigns.where(scope.within(connection, _CAMPAIGN.c.country))
    return [
        CampaignOverview(**{name: row[name] for name in columns}, messages=counted.get(row["id"], {}))
        for row in connection.execute(campaigns).mappings()
    ]


def launched(
    connection: sa.Connection, *, campaign: str | None = None, country: str | None = None
) -> list[Launched]:
    """The launched campaigns that the connection reaches, by slug: where, and their steps in order.

    ``campaign`` is a slug ("lordimas", all its countries) or the name of one ("lordimas-be").
    """
    statement = (
        sa.select(_CAMPAIGN.c.slug, _CAMPAIGN.c.country, _CAMPAIGN.c.id)
        .where(*_chosen(connection, campaign, country))
        .order_by(_CAMPAIGN.c.slug, _CAMPAIGN.c.country)
    )
    found: dict[str, dict[int, str]] = {}
    for slug, land, id_ in connection.execute(statement):
        found.setdefault(slug, {})[id_] = land
    return [
        Launched(slug, tuple(dict.fromkeys(lands.values())), _steps(connection, list(lands)))
        for slug, lands in found.items()
    ]


def experiments(
    connection: sa.Connection, *, campaign: str | None = None, country: str | None = None
) -> list[tuple[str, str, int, str]]:
    """The launched campaigns that have one: slug, country, number and frozen definition, by slug and country."""
    statement = (
        sa.select(_CAMPAIGN.c.slug, _CAMPAIGN.c.country, _CAMPAIGN.c.id, _CAMPAIGN.c.definition)
        .where(_CAMPAIGN.c.definition.like('%"experiment":{%'))
        .where(*_chosen(connection, campaign, country))
        .order_by(_CAMPAIGN.c.slug, _CAMPAIGN.c.country)
    )
    return [tuple(row) for row in connection.execute(statement)]


def subjects(connection: sa.Connection, campaign_id: int, step: str) -> dict[str, str]:
    """The subject line of a mail in each language, as it was frozen, with its places still empty."""
    content = schema.content.c
    statement = sa.select(content.language, content.compiled).where(
        content.campaign_id == campaign_id, content.step == step
    )
    return {language: str(compiled["subject"]) for language, compiled in connection.execute(statement)}


def _chosen(
    connection: sa.Connection, campaign: str | None, country: str | None
) -> list[sa.ColumnElement[bool]]:
    conditions = [_CAMPAIGN.c.launched_at.is_not(None), scope.within(connection, _CAMPAIGN.c.country)]
    if campaign is not None:
        conditions.append(sa.or_(_CAMPAIGN.c.slug == campaign, _CAMPAIGN.c.name == campaign))
    if country is not None:
        conditions.append(_CAMPAIGN.c.country == country)
    return conditions


def _steps(connection: sa.Connection, campaigns: list[int]) -> tuple[str, ...]:
    """The names of the steps of all these campaigns, in the order in which they were frozen at the launch."""
    content = schema.content
    statement = (
        sa.select(content.c.step)
        .where(
            content.c.campaign_id.in_(campaigns),
            content.c.step.not_in(list(AnswerMail)),
            content.c.for_session.is_(sa.false()),
        )
        .group_by(content.c.step)
        .order_by(sa.func.min(content.c.id))
    )
    return tuple(connection.execute(statement).scalars())
