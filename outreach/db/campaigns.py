"""Campaigns, their frozen texts, their recipients, and who is next for a step."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from outreach.db import schema, scope
from outreach.db.schema import ERASED
from outreach.errors import RefusedError
from outreach.model.states import (
    CAMPAIGN_MOVES,
    STOPPING_ENGAGEMENTS,
    CampaignState,
    ContactKind,
    MessageState,
    check_move,
)

_CAMPAIGN = schema.campaign
_MESSAGE = schema.message


@dataclass(frozen=True, slots=True)
class Campaign:
    """A row of ``campaign``."""

    id: int
    name: str
    slug: str
    country: str
    sender: str
    state: CampaignState
    title: str
    definition: str
    digest: str
    checked_at: datetime
    created_at: datetime
    launched_at: datetime | None
    launched_by: str | None
    finished_at: datetime | None
    paused_reason: str | None
    plan_at: datetime | None
    guarded_from: datetime | None


@dataclass(frozen=True, slots=True)
class Addressee:
    """A contact of a country with its municipality: what an audience is chosen from."""

    contact_id: int
    municipality_id: int
    email: str
    email_key: str
    kind: ContactKind
    person: str | None
    role: str | None
    language: str | None
    source: str
    source_at: datetime
    municipality: str
    municipality_key: str
    country: str
    region: str | None
    languages: str  # the municipality's, "nl,fr"
    time_zone: str | None
    in_doubt: bool = False  # which municipality it is: `outreach places review`
    gone: bool = False  # from its list


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A recipient whose last mail went out and whose next one is not written yet."""

    recipient_id: int
    email: str
    email_key: str
    language: str
    sent_at: datetime
    not_before: date | None
    country: str
    region: str | None
    time_zone: str | None
    municipality_id: int
    variant: str | None = None  # of the experiment


def find(connection: sa.Connection, name: str) -> Campaign | None:
    """The campaign called ``name``, such as ``lordimas-be``."""
    row = (
        connection.execute(
            sa.select(_CAMPAIGN).where(
                _CAMPAIGN.c.name == name, scope.within(connection, _CAMPAIGN.c.country)
            )
        )
        .mappings()
        .one_or_none()
    )
    return Campaign(**row) if row else None


def by_id(connection: sa.Connection, campaign_id: int) -> Campaign:
    """The campaign a message belongs to."""
    row = connection.execute(sa.select(_CAMPAIGN).where(_CAMPAIGN.c.id == campaign_id)).mappings().one()
    return Campaign(**row)


def get(connection: sa.Connection, name: str) -> Campaign:
    """Raises :class:`~outreach.errors.RefusedError` when there is none."""
    found = find(connection, name)
    if found is None:
        known = [one.name for one in every(connection)]
        raise RefusedError(
            f"There is no campaign {name!r}.",
            f"There are: {', '.join(known)}." if known else "`outreach campaigns check` makes one.",
        )
    return found


def every(connection: sa.Connection, states: Collection[CampaignState] = ()) -> list[Campaign]:
    """All campaigns, or those in ``states``, by name."""
    statement = sa.select(_CAMPAIGN).order_by(_CAMPAIGN.c.name)
    statement = statement.where(scope.within(connection, _CAMPAIGN.c.country))
    if states:
        statement = statement.where(_CAMPAIGN.c.state.in_(list(states)))
    return [Campaign(**row) for row in connection.execute(statement).mappings()]


def save_check(
    connection: sa.Connection,
    *,
    name: str,
    slug: str,
    country: str,
    sender: str,
    title: str,
    definition: str,
    digest: str,
    passed: bool,
    now: datetime,
) -> None:
    """Keep the result of a check: the campaign is ``approved`` for exactly ``digest``, or a ``draft``."""
    state = CampaignState.APPROVED if passed else CampaignState.DRAFT
    values = {
        "sender": sender,
        "title": title,
        "definition": definition,
        "digest": digest,
        "checked_at": now,
        "state": state,
    }
    found = find(connection, name)
    if found is None:
        connection.execute(
            sa.insert(_CAMPAIGN).values(name=name, slug=slug, country=country, created_at=now, **values)
        )
        return
    if found.state is not state:
        check_move(CAMPAIGN_MOVES, found.state, state, f"The campaign {name}")
    _swap(connection, found, values)


def move(connection: sa.Connection, campaign: Campaign, new: CampaignState, **values: Any) -> None:
    """A compare-and-swap of the campaign's state; else ``RefusedError``, and nothing is changed."""
    check_move(CAMPAIGN_MOVES, campaign.state, new, f"The campaign {campaign.name}")
    _swap(connection, campaign, {"state": new, **values})


def _swap(connection: sa.Connection, campaign: Campaign, values: Mapping[str, Any]) -> None:
    moved = connection.execute(
        sa.update(_CAMPAIGN)
        .where(_CAMPAIGN.c.id == campaign.id, _CAMPAIGN.c.state == campaign.state)
        .values(**values)
    )
    if moved.rowcount != 1:
        raise RefusedError(
            f"The campaign {campaign.name} was changed by somebody else just now.",
            "Look at it and try again.",
        )


def hold(connection: sa.Connection, campaign_id: int) -> CampaignState:
    """The present state of the campaign, which nobody can change before the transaction ends.

    Rows that only refer to the campaign can still be added: two that add some, and then hold it, wait in turn.
    """
    statement = sa.select(_CAMPAIGN.c.state).where(_CAMPAIGN.c.id == campaign_id)
    statement = statement.with_for_update(key_share=True)
    state: CampaignState = connection.execute(statement).scalar_one()
    return state


def stopped(connection: sa.Connection, numbers: Collection[int]) -> set[int]:
    """Which of these campaigns send nothing more for now."""
    campaign = schema.campaign.c
    states = connection.execute(sa.select(campaign.id, campaign.state).where(campaign.id.in_(list(numbers))))
    return {id_ for id_, state in states if state not in (CampaignState.RUNNING, CampaignState.FINISHED)}


def plan_at(connection: sa.Connection, campaign_id: int, when: datetime | None) -> None:
    """When the planner has to look at the campaign again; ``None``: when something new was sent."""
    connection.execute(sa.update(_CAMPAIGN).where(_CAMPAIGN.c.id == campaign_id).values(plan_at=when))


def redefine(connection: sa.Connection, campaign_id: int, definition: str) -> None:
    """The frozen definition of a campaign is another from now on."""
    connection.execute(
        sa.update(_CAMPAIGN).where(_CAMPAIGN.c.id == campaign_id).values(definition=definition)
    )


def addressees(connection: sa.Connection, country: str) -> list[Addressee]:
    """Every contact of ``country``, by municipality and contact."""
    contact, municipality, question = schema.contact, schema.municipality, schema.place_question
    statement = (
        sa.select(
            contact.c.id.label("contact_id"),
            contact.c.municipality_id,
            contact.c.email,
            contact.c.email_key,
            contact.c.kind,
            contact.c.person,
            contact.c.role,
            contact.c.language,
            contact.c.source,
            contact.c.created_at.label("source_at"),
            municipality.c.name.label("municipality"),
            municipality.c.key.label("municipality_key"),
            municipality.c.country,
            municipality.c.region,
            municipality.c.languages,
            municipality.c.time_zone,
            question.c.id.is_not(None).label("in_doubt"),
            contact.c.gone_at.is_not(None).label("gone"),
        )
        .join(municipality, municipality.c.id == contact.c.municipality_id)
        .outerjoin(
            question,
            sa.and_(
                question.c.country == municipality.c.country,
                question.c.key == municipality.c.key,
                question.c.decided_at.is_(None),
            ),
        )
        .where(
            municipality.c.country == country,
            scope.within(connection, municipality.c.country),
            contact.c.email_key.not_like(f"{ERASED}%"),
        )
        .order_by(contact.c.municipality_id, contact.c.id)
    )
    return [Addressee(**row) for row in connection.execute(statement).mappings()]


def add_content(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """The compiled mails, frozen: each row holds every column of ``content`` but ``id``."""
    connection.execute(sa.insert(schema.content), list(rows))


def contents(connection: sa.Connection, campaign_id: int) -> list[Mapping[str, Any]]:
    """The frozen mails: ``step``, ``language``, ``compiled``, ``strings``."""
    columns = schema.content.c
    statement = sa.select(columns.step, columns.language, columns.compiled, columns.strings).where(
        columns.campaign_id == campaign_id
    )
    return [dict(row) for row in connection.execute(statement).mappings()]


def has_content(connection: sa.Connection, campaign_id: int, step: str, language: str) -> bool:
    """Whether a mail was frozen for ``step`` in ``language``."""
    columns = schema.content.c
    statement = sa.select(columns.id).where(
        columns.campaign_id == campaign_id, columns.step == step, columns.language == language
    )
    return connection.execute(statement.limit(1)).first() is not None


def add_recipients(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> dict[int, int]:
    """The audience, with the excluded and why; returns the recipient's id by contact id."""
    if not rows:
        return {}
    connection.execute(sa.insert(schema.recipient), list(rows))
    columns = schema.recipient.c
    statement = sa.select(columns.contact_id, columns.id).where(columns.campaign_id == rows[0]["campaign_id"])
    return {row.contact_id: row.id for row in connection.execute(statement)}


def name_together(connection: sa.Connection, named_by: Mapping[int, int]) -> None:
    """Recipients whose municipality another one's mail names, too: recipient -> the one that gets the mail."""
    if named_by:
        rows = [{"b_id": id_, "b_by": by} for id_, by in named_by.items()]
        statement = sa.update(schema.recipient).where(schema.recipient.c.id == sa.bindparam("b_id"))
        connection.execute(statement.values(named_by=sa.bindparam("b_by")), rows)


def follow_ups(connection: sa.Connection, campaign_id: int, last: str, step: str) -> list[FollowUp]:
    """Recipients who were sent ``last``, have no ``step`` yet, and of whose municipality nobody answered.

    A mail that bounced, failed or is uncertain has no follow-up: only one that was accepted.
    """
    recipient, municipality = schema.recipient, schema.municipality
    later = _MESSAGE.alias("later")
    event = schema.engagement
    statement = (
        sa.select(
            recipient.c.id.label("recipient_id"),
            _MESSAGE.c.email,
            _MESSAGE.c.email_key,
            _MESSAGE.c.language,
            _MESSAGE.c.sent_at,
            recipient.c.not_before,
            municipality.c.country,
            municipality.c.region,
            municipality.c.time_zone,
            recipient.c.municipality_id,
            recipient.c.variant,
        )
        .join(recipient, recipient.c.id == _MESSAGE.c.recipient_id)
        .join(municipality, municipality.c.id == recipient.c.municipality_id)
        .where(
            _MESSAGE.c.campaign_id == campaign_id,
            _MESSAGE.c.step == last,
            _MESSAGE.c.state == MessageState.SENT,
            _MESSAGE.c.email_key.not_like(f"{ERASED}%"),
            ~sa.exists().where(later.c.recipient_id == recipient.c.id, later.c.step == step),
            ~sa.exists().where(
                event.c.campaign_id == campaign_id,
                event.c.municipality_id == recipient.c.municipality_id,
                event.c.kind.in_(list(STOPPING_ENGAGEMENTS)),
                event.c.undone_at.is_(None),
                sa.or_(recipient.c.added_at.is_(None), event.c.at > recipient.c.added_at),
            ),
        )
        .order_by(_MESSAGE.c.id)
    )
    return [FollowUp(**row) for row in connection.execute(statement).mappings()]
