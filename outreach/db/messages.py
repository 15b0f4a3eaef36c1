"""Single messages, as a person looks at them: which of them wait, what is known of one, and its settling."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from outreach.db import campaigns, schema, scope
from outreach.model.states import MESSAGE_MOVES, EngagementKind, MessageState, check_move

_MESSAGE = schema.message
_ATTEMPT = schema.attempt
_AUDIT = schema.audit

#: The action in the audit that lets a message go though its last day has passed.
RESEND = "messages.resend"


def listing(
    connection: sa.Connection,
    states: Collection[MessageState],
    *,
    campaign: str | None = None,
    country: str | None = None,
) -> list[Mapping[str, Any]]:
    """Messages in ``states``, by campaign and number, each with the last thing the server said about it.

    ``campaign`` is the name of one ("lordimas-be") or a slug ("lordimas", all its countries).
    """
    table, municipality = schema.campaign, schema.municipality
    statement = _select(
        _ATTEMPT.c.at.label("tried_at"),
        _ATTEMPT.c.outcome,
        _ATTEMPT.c.stage,
        _ATTEMPT.c.code,
        _ATTEMPT.c.text,
    ).where(_MESSAGE.c.state.in_(list(states)), scope.within(connection, municipality.c.country))
    last = (
        sa.select(sa.func.max(_ATTEMPT.c.id))
        .where(_ATTEMPT.c.message_id == _MESSAGE.c.id)
        .correlate(_MESSAGE)
        .scalar_subquery()
    )
    statement = statement.outerjoin(_ATTEMPT, _ATTEMPT.c.id == last)
    if campaign:
        statement = statement.where(sa.or_(table.c.name == campaign, table.c.slug == campaign))
    if country:
        statement = statement.where(municipality.c.country == country)
    statement = statement.order_by(table.c.name, _MESSAGE.c.id)
    return [dict(row) for row in connection.execute(statement).mappings()]


def find(connection: sa.Connection, message_id: int) -> Mapping[str, Any] | None:
    """One message with its campaign and municipality; ``None``: there is no such number."""
    row = (
        connection.execute(
            _select().where(
                _MESSAGE.c.id == message_id, scope.within(connection, schema.municipality.c.country)
            )
        )
        .mappings()
        .one_or_none()
    )
    return dict(row) if row else None


def attempts(connection: sa.Connection, message_id: int) -> list[Mapping[str, Any]]:
    """Every try to hand the message over, oldest first, with what the server said."""
    columns = (_ATTEMPT.c[name] for name in ("at", "outcome", "stage", "code", "enhanced", "text"))
    statement = sa.select(*columns).where(_ATTEMPT.c.message_id == message_id).order_by(_ATTEMPT.c.id)
    return [dict(row) for row in connection.execute(statement).mappings()]


def answers(connection: sa.Connection, message_id: int) -> list[Mapping[str, Any]]:
    """What came in about the message, oldest first, with what it was last read as."""
    inbound, match, verdict = schema.inbound_message, schema.inbound_match, schema.verdict
    last = (
        sa.select(sa.func.max(verdict.c.id))
        .where(verdict.c.inbound_id == inbound.c.id)
        .correlate(inbound)
        .scalar_subquery()
    )
    statement = (
        sa.select(
            inbound.c.id,
            inbound.c.received_at,
            inbound.c.from_address,
            inbound.c.subject,
            inbound.c.state,
            match.c.rung,
            verdict.c.kind,
            verdict.c.intent,
        )
        .join(match, match.c.inbound_id == inbound.c.id)
        .outerjoin(verdict, verdict.c.id == last)
        .where(match.c.message_id == message_id)
        .order_by(inbound.c.id)
    )
    return [dict(row) for row in connection.execute(statement).mappings()]


def events(connection: sa.Connection, message_id: int) -> list[Mapping[str, Any]]:
    """What happened that is told of the message, oldest first; one taken back has ``undone_at``."""
    event = schema.engagement
    statement = (
        sa.select(event.c.at, event.c.kind, event.c.detail, event.c.undone_at)
        .where(event.c.message_id == message_id)
        .order_by(event.c.id)
    )
    return [dict(row) for row in connection.execute(statement).mappings()]


def uncertain(connection: sa.Connection, sender: str, limit: int) -> list[tuple[int, str]]:
    """Number and Message-ID of the messages of ``sender`` that may have been sent, the latest first."""
    statement = (
        sa.select(_MESSAGE.c.id, _MESSAGE.c.internet_message_id)
        .where(_MESSAGE.c.sender == sender, _MESSAGE.c.state == MessageState.UNCERTAIN)
        .order_by(_MESSAGE.c.handed_at.desc(), _MESSAGE.c.id.desc())
        .limit(limit)
    )
    return [(id_, message_id) for id_, message_id in connection.execute(statement)]


def move(
    connection: sa.Connection,
    message: Mapping[str, Any],
    new: MessageState,
    *,
    reason: str,
    now: datetime,
) -> bool:
    """Compare-and-swap of the state of ``message`` (from :func:`find`); ``False``: it has moved meanwhile.

    Raises :class:`~outreach.errors.IllegalMoveError` for a move the state machine does not have. One that is
    queued again is due at once; one that becomes ``sent`` was sent when it was handed over; both are told.
    """
    old: MessageState = message["state"]
    check_move(MESSAGE_MOVES, old, new, f"Message {message['id']}")
    values: dict[str, Any] = {"state": new, "reason": reason}
    if new is MessageState.QUEUED:
        values |= {"due_at": now, "handed_at": None}
    at = now
    if new is MessageState.SENT:
        at = values["sent_at"] = message["handed_at"] or now
    moved = connection.execute(
        sa.update(_MESSAGE).where(_MESSAGE.c.id == message["id"], _MESSAGE.c.state == old).values(**values)
    )
    if moved.rowcount != 1:
        return False
    kind = {MessageState.SENT: EngagementKind.SENT, MessageState.FAILED: EngagementKind.FAILED}.get(new)
    if kind is not None:
        connection.execute(
            sa.insert(schema.engagement).values(
                at=at,
                kind=kind,
                campaign_id=message["campaign_id"],
                municipality_id=message["municipality_id"],
                recipient_id=message["recipient_id"],
                message_id=message["id"],
                detail=reason,
            )
        )
    # A reminder may be due now, or the campaign finished.
    campaigns.plan_at(connection, message["campaign_id"], now)
    return True


def wanted_late(connection: sa.Connection, ids: Collection[int]) -> set[int]:
    """Which of ``ids`` a person has put back into the queue, as the audit says."""
    if not ids:
        return set()
    statement = sa.select(_AUDIT.c.subject).where(
        _AUDIT.c.action == RESEND, _AUDIT.c.subject.in_([str(id_) for id_ in ids])
    )
    return {int(subject) for subject in connection.execute(statement).scalars()}


def _select(*more: sa.ColumnElement[Any]) -> sa.Select[Any]:
    recipient, municipality, campaign = schema.recipient, schema.municipality, schema.campaign
    return (
        sa.select(
            _MESSAGE.c.id,
            campaign.c.name.label("campaign"),
            _MESSAGE.c.campaign_id,
            _MESSAGE.c.step,
            municipality.c.country,
            municipality.c.name.label("municipality"),
            recipient.c.municipality_id,
            _MESSAGE.c.recipient_id,
            _MESSAGE.c.email,
            _MESSAGE.c.language,
            _MESSAGE.c.for_session,
            _MESSAGE.c.sender,
            _MESSAGE.c.state,
            _MESSAGE.c.reason,
            _MESSAGE.c.attempts,
            _MESSAGE.c.internet_message_id,
            _MESSAGE.c.due_at,
            _MESSAGE.c.handed_at,
            _MESSAGE.c.sent_at,
            _MESSAGE.c.created_at,
            *more,
        )
        .select_from(_MESSAGE)
        .join(campaign, campaign.c.id == _MESSAGE.c.campaign_id)
        .join(recipient, recipient.c.id == _MESSAGE.c.recipient_id)
        .join(municipality, municipality.c.id == recipient.c.municipality_id)
    )
