"""Reports by mail: rows of their own, apart from the outbox, so that no report counts them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from outreach.db import schema, scope
from outreach.db.dialect import insert_ignoring
from outreach.model.states import InboxState, MessageState, ProposalState
from outreach.model.values import Decision

_DIGEST = schema.digest
_WAITING = (MessageState.QUEUED, MessageState.DEFERRED)


@dataclass(frozen=True, slots=True)
class Waiting:
    """One that may go now."""

    id: int
    email: str
    data: bytes
    attempts: int


def known(connection: sa.Connection, where: str, email_key: str, period: str) -> bool:
    """Whether the row of this week or month is there."""
    statement = sa.select(_DIGEST.c.id).where(
        _DIGEST.c.scope == where, _DIGEST.c.email_key == email_key, _DIGEST.c.period == period
    )
    return connection.execute(statement).first() is not None


def before(
    connection: sa.Connection, where: str, email_key: str
) -> tuple[datetime, Mapping[str, Any]] | None:
    """When the reader's last report was made that may have arrived, and its figures; ``None``: there was none."""
    told = (MessageState.SENT, MessageState.UNCERTAIN, MessageState.SKIPPED)
    row = connection.execute(
        sa.select(_DIGEST.c.created_at, _DIGEST.c.figures)
        .where(_DIGEST.c.scope == where, _DIGEST.c.email_key == email_key, _DIGEST.c.state.in_(told))
        .order_by(_DIGEST.c.id.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else (row.created_at, row.figures)


def add(connection: sa.Connection, row: Mapping[str, Any]) -> None:
    """Write a row with every column but ``id``; one that its unique key knows stays as it is. What of the same reader
    has not gone yet is missed: its figures are older."""
    older = sa.update(_DIGEST).where(
        _DIGEST.c.scope == row["scope"],
        _DIGEST.c.email_key == row["email_key"],
        _DIGEST.c.period != row["period"],
        _DIGEST.c.state.in_(_WAITING),
    )
    connection.execute(older.values(state=MessageState.MISSED, reason="the next one was made", data=None))
    connection.execute(insert_ignoring(connection, _DIGEST), dict(row))


def recover(connection: sa.Connection, dead: Collection[str], now: datetime) -> None:
    """Those of runs that died: certainly not sent, they wait again; perhaps sent, they stay uncertain."""
    lost = sa.and_(
        _DIGEST.c.state == MessageState.SENDING,
        sa.or_(_DIGEST.c.claimed_by.in_(list(dead)), _DIGEST.c.claimed_until <= now),
    )
    _settle(connection, lost, now, "the run that sent it died")


def release(connection: sa.Connection, run: str, retry_at: datetime, reason: str) -> None:
    """The run ends: what it has claimed and not sent waits again."""
    _settle(
        connection,
        sa.and_(_DIGEST.c.state == MessageState.SENDING, _DIGEST.c.claimed_by == run),
        retry_at,
        reason,
    )


def _settle(connection: sa.Connection, which: sa.ColumnElement[bool], due_at: datetime, reason: str) -> None:
    free = {"claimed_by": None, "claimed_until": None, "reason": reason}
    connection.execute(
        sa.update(_DIGEST)
        .where(which, _DIGEST.c.handed_at.is_not(None))
        .values(state=MessageState.UNCERTAIN, data=None, **free)
    )
    connection.execute(
        sa.update(_DIGEST).where(which).values(state=MessageState.DEFERRED, due_at=due_at, **free)
    )


def holders(connection: sa.Connection) -> list[str]:
    """The runs that have claimed some."""
    statement = sa.select(_DIGEST.c.claimed_by).where(_DIGEST.c.state == MessageState.SENDING).distinct()
    return [one for one in connection.execute(statement).scalars() if one is not None]


def waiting_senders(connection: sa.Connection, now: datetime) -> list[str]:
    """Whose accounts have some to send."""
    statement = sa.select(_DIGEST.c.sender).where(_DIGEST.c.state.in_(_WAITING), _DIGEST.c.due_at <= now)
    return sorted(set(connection.execute(statement).scalars()))


def claim(
    connection: sa.Connection, sender: str, run: str, until: datetime, now: datetime, limit: int
) -> list[Waiting]:
    """Take the next of ``sender`` that may go: no other run sends them until ``until``."""
    mine = (
        sa.select(_DIGEST.c.id)
        .where(_DIGEST.c.sender == sender, _DIGEST.c.state.in_(_WAITING), _DIGEST.c.due_at <= now)
        .order_by(_DIGEST.c.id)
        .limit(limit)
    )
    if connection.dialect.name == "postgresql":
        mine = mine.with_for_update(skip_locked=True)
    ids = list(connection.execute(mine).scalars())
    taken = (
        sa.update(_DIGEST)
        .where(_DIGEST.c.id.in_(ids), _DIGEST.c.state.in_(_WAITING))
        .values(state=MessageState.SENDING, claimed_by=run, claimed_until=until, handed_at=None)
        .returning(_DIGEST.c.id, _DIGEST.c.email, _DIGEST.c.data, _DIGEST.c.attempts)
    )
    return [Waiting(*row) for row in connection.execute(taken)] if ids else []


def hand_over(connection: sa.Connection, ids: Sequence[int], run: str, now: datetime) -> set[int]:
    """Mark those whose last dot may go out next; returns those that the run still holds."""
    if not ids:
        return set()
    marked = (
        sa.update(_DIGEST)
        .where(
            _DIGEST.c.id.in_(list(ids)), _DIGEST.c.state == MessageState.SENDING, _DIGEST.c.claimed_by == run
        )
        .values(handed_at=now)
        .returning(_DIGEST.c.id)
    )
    return set(connection.execute(marked).scalars())


def finish(connection: sa.Connection, id_: int, run: str, decision: Decision, now: datetime) -> None:
    """What became of one. A run that lost its claim changes nothing."""
    later = decision.state is MessageState.DEFERRED
    values: dict[str, Any] = {
        "state": decision.state,
        "reason": decision.reason,
        "claimed_by": None,
        "claimed_until": None,
        "attempts": _DIGEST.c.attempts + int(decision.burns_attempt),
    }
    if later:
        values |= {"due_at": decision.retry_at, "handed_at": None}
    else:
        values |= {"data": None}
    if decision.state is MessageState.SENT:
        values |= {"sent_at": now}
    mine = sa.and_(_DIGEST.c.id == id_, _DIGEST.c.state == MessageState.SENDING, _DIGEST.c.claimed_by == run)
    connection.execute(sa.update(_DIGEST).where(mine).values(**values))


@dataclass(frozen=True, slots=True)
class Open:
    """What waits for a person, in numbers."""

    inbox: int
    aside: int
    uncertain: int
    missed: int
    proposals: int


def open_matters(connection: sa.Connection) -> Open:
    """Of the countries that the connection reaches."""
    inbound = schema.inbound_message
    by_state = sa.select(inbound.c.state, sa.func.count()).where(
        inbound.c.state.in_([InboxState.OPEN, InboxState.ASIDE]), scope.inbound(connection)
    )
    read = {row[0]: int(row[1]) for row in connection.execute(by_state.group_by(inbound.c.state))}
    message, campaign = schema.message, schema.campaign
    states = (
        sa.select(message.c.state, sa.func.count())
        .join(campaign, campaign.c.id == message.c.campaign_id)
        .where(
            message.c.state.in_([MessageState.UNCERTAIN, MessageState.MISSED]),
            scope.within(connection, campaign.c.country),
        )
        .group_by(message.c.state)
    )
    mails = {row[0]: int(row[1]) for row in connection.execute(states)}
    proposals = sa.select(sa.func.count()).where(
        schema.proposal.c.state == ProposalState.OPEN,
        scope.of_reachable_places(connection, schema.proposal.c.municipality_id),
    )
    return Open(
        inbox=read.get(InboxState.OPEN, 0),
        aside=read.get(InboxState.ASIDE, 0),
        uncertain=mails.get(MessageState.UNCERTAIN, 0),
        missed=mails.get(MessageState.MISSED, 0),
        proposals=int(connection.execute(proposals).scalar_one()),
    )


def states(connection: sa.Connection) -> dict[tuple[str, str, str], tuple[MessageState, str | None]]:
    """State and reason of every row, by scope, address in lower case and period."""
    columns = (_DIGEST.c.scope, _DIGEST.c.email_key, _DIGEST.c.period, _DIGEST.c.state, _DIGEST.c.reason)
    return {
        (where, email, period): (state, reason)
        for where, email, period, state, reason in connection.execute(sa.select(*columns))
    }
