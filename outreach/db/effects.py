"""What answers changed, as claims that stand until they are taken back, and the present that follows from them.

A place at a session, an address that is left in peace, an absence, a mail that came back: each may be said by
several messages. So each message's say is kept, and the row of the present is made anew from those that stand,
whichever of them is taken back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from outreach.db import campaigns, mailbox, schema
from outreach.model.states import (
    MESSAGE_MOVES,
    STOPPING_ENGAGEMENTS,
    CampaignState,
    EffectKind,
    EngagementKind,
    MessageState,
    RegistrationState,
    SkipReason,
    SuppressionReason,
    sources_of,
)

_EFFECT = schema.effect
_MESSAGE = schema.message


@dataclass(frozen=True, slots=True)
class Claim:
    """What one message, or one line of an imported list, said about a subject."""

    id: int
    inbound_id: int | None
    at: datetime
    kind: EffectKind
    subject: str
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Seat:
    """The municipality and the campaign of a registration."""

    campaign_id: int
    municipality_id: int

    @property
    def subject(self) -> str:
        return f"{self.campaign_id}:{self.municipality_id}"


def claim(
    connection: sa.Connection,
    kind: EffectKind,
    subject: str,
    details: Mapping[str, Any],
    *,
    inbound_id: int | None,
    now: datetime,
) -> None:
    connection.execute(
        sa.insert(_EFFECT).values(
            inbound_id=inbound_id, at=now, kind=kind, subject=subject, details=dict(details)
        )
    )


def standing(connection: sa.Connection, kind: EffectKind, subject: str) -> list[Claim]:
    """The claims about a subject that were not taken back, oldest first."""
    return _claims(
        connection, _EFFECT.c.kind == kind, _EFFECT.c.subject == subject, _EFFECT.c.undone_at.is_(None)
    )


def of_inbound(connection: sa.Connection, inbound_id: int) -> list[Claim]:
    """What stands of what an inbound message changed."""
    return _claims(connection, _EFFECT.c.inbound_id == inbound_id, _EFFECT.c.undone_at.is_(None))


def _claims(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> list[Claim]:
    columns = (_EFFECT.c[name] for name in ("id", "inbound_id", "at", "kind", "subject", "details"))
    statement = sa.select(*columns).where(*conditions).order_by(_EFFECT.c.id)
    return [Claim(**row) for row in connection.execute(statement).mappings()]


def take_back(connection: sa.Connection, inbound_id: int, now: datetime) -> list[Claim]:
    """Mark what an inbound message claimed as taken back; returns it, the present still to be settled."""
    taken = of_inbound(connection, inbound_id)
    connection.execute(
        sa.update(_EFFECT)
        .where(_EFFECT.c.inbound_id == inbound_id, _EFFECT.c.undone_at.is_(None))
        .values(undone_at=now)
    )
    return taken


def settle(connection: sa.Connection, one: Claim, now: datetime) -> None:
    """Make the present row of the subject of ``one``, which was taken back, anew."""
    left = standing(connection, one.kind, one.subject)
    match one.kind:
        case EffectKind.REGISTRATION:
            campaign_id, _, municipality_id = one.subject.partition(":")
            settle_registration(connection, Seat(int(campaign_id), int(municipality_id)), now)
        case EffectKind.SUPPRESSION:
            _settle_suppression(connection, one, left)
        case EffectKind.ABSENCE:
            until = date.fromisoformat(left[-1].details["until"]) if left else None
            recipient = schema.recipient
            connection.execute(
                sa.update(recipient).where(recipient.c.email_key == one.subject).values(not_before=until)
            )
        case EffectKind.BOUNCE:
            if not left:
                connection.execute(
                    sa.update(_MESSAGE)
                    .where(_MESSAGE.c.id == int(one.subject), _MESSAGE.c.state == MessageState.BOUNCED)
                    .values(state=MessageState.SENT, reason="the bounce was taken back")
                )


def settle_registration(connection: sa.Connection, seat: Seat, now: datetime) -> RegistrationState | None:
    """Give the municipality the place that the last standing claim says; a no alone makes no registration.

    Returns the state of its place; ``None``: it has none. The planner looks at the campaign again: mails around the
    session may be due, or somebody move up from the waiting list.
    """
    campaigns.plan_at(connection, seat.campaign_id, now)
    claims = standing(connection, EffectKind.REGISTRATION, seat.subject)
    states = [RegistrationState(one.details["state"]) for one in claims]
    if all(state is RegistrationState.CANCELLED for state in states):
        table = schema.registration
        connection.execute(
            sa.delete(table).where(
                table.c.campaign_id == seat.campaign_id, table.c.municipality_id == seat.municipality_id
            )
        )
        return None
    last = claims[-1]
    mailbox.register(
        connection,
        seat,
        states[-1],
        name=last.details.get("name"),
        email=last.details.get("email"),
        inbound_id=last.inbound_id,
        now=now,
    )
    return states[-1]


def _settle_suppression(connection: sa.Connection, one: Claim, left: list[Claim]) -> None:
    """Only what this very message brought about is taken back: not what a person typed, nor an erasure."""
    table, audit = schema.suppression, schema.audit
    row = connection.execute(
        sa.select(table.c.source, table.c.reason).where(table.c.key == one.subject)
    ).one_or_none()
    if row is None or row.source != f"inbox {one.inbound_id}" or row.reason != one.details["reason"]:
        return
    if left:
        values = {
            "reason": SuppressionReason(left[0].details["reason"]),
            "source": f"inbox {left[0].inbound_id}",
        }
        connection.execute(sa.update(table).where(table.c.key == one.subject).values(**values))
        return
    typed = sa.exists().where(
        audit.c.action == "suppress.add",
        audit.c.subject == one.details["address"],
    )
    if connection.execute(sa.select(typed)).scalar():
        values = {"reason": SuppressionReason.MANUAL, "source": "typed by a person"}
        connection.execute(sa.update(table).where(table.c.key == one.subject).values(**values))
        return
    connection.execute(sa.delete(table).where(table.c.key == one.subject))


def queue_skipped_again(
    connection: sa.Connection, campaign_id: int, municipality_id: int, now: datetime
) -> int:
    """Mails that were not sent for an answer or a suppression that is taken back: they are due again, and are
    looked at once more when they are claimed. Returns how many."""
    recipient, campaign = schema.recipient, schema.campaign
    its = sa.select(recipient.c.id).where(
        recipient.c.campaign_id == campaign_id, recipient.c.municipality_id == municipality_id
    )
    open_ = sa.exists().where(
        campaign.c.id == campaign_id, campaign.c.state.in_([CampaignState.RUNNING, CampaignState.PAUSED])
    )
    done = connection.execute(
        sa.update(_MESSAGE)
        .where(
            _MESSAGE.c.recipient_id.in_(its),
            _MESSAGE.c.state == MessageState.SKIPPED,
            _MESSAGE.c.reason.in_([SkipReason.ANSWERED.value, SkipReason.SUPPRESSED.value]),
            _MESSAGE.c.answers_id.is_(None),
            open_,
        )
        .values(state=MessageState.QUEUED, reason=None, due_at=now)
    )
    return done.rowcount


def cancel_answers(connection: sa.Connection, inbound_id: int) -> tuple[int, int]:
    """Mails that answer an inbound message whose reading is taken back: how many were stopped, and how many
    had gone already."""
    stopped = connection.execute(
        sa.update(_MESSAGE)
        .where(
            _MESSAGE.c.answers_id == inbound_id,
            _MESSAGE.c.state.in_(list(sources_of(MESSAGE_MOVES, MessageState.CANCELLED))),
        )
        .values(state=MessageState.CANCELLED, reason="the reading it answers was taken back")
    ).rowcount
    gone = connection.execute(
        sa.select(sa.func.count())
        .select_from(_MESSAGE)
        .where(
            _MESSAGE.c.answers_id == inbound_id,
            _MESSAGE.c.state.not_in([MessageState.CANCELLED, MessageState.SKIPPED]),
        )
    ).scalar_one()
    return stopped, int(gone)


def soft_bounces(connection: sa.Connection, address: str) -> int:
    """How many of our mails to ``address`` came back for now, since somebody there last wrote."""
    event, recipient = schema.engagement, schema.recipient
    its = sa.select(recipient.c.id).where(recipient.c.email_key == address.casefold())
    last = (
        sa.select(sa.func.max(event.c.id))
        .where(
            event.c.recipient_id.in_(its),
            event.c.kind.in_(list(STOPPING_ENGAGEMENTS)),
            event.c.undone_at.is_(None),
        )
        .scalar_subquery()
    )
    statement = sa.select(sa.func.count(sa.distinct(event.c.message_id))).where(
        event.c.recipient_id.in_(its),
        event.c.kind == EngagementKind.SOFT_BOUNCED,
        event.c.undone_at.is_(None),
        event.c.id > sa.func.coalesce(last, 0),
    )
    return int(connection.execute(statement).scalar_one())
