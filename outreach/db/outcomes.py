"""What each message costs: the mark before its end goes out, and what the server said to it; in the caller's
transaction, together for all messages that have something to write at the moment.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa

from outreach.db import schema
from outreach.db.dialect import marks, moment, plain_cursor
from outreach.model.states import (
    MESSAGE_MOVES,
    CampaignState,
    EngagementKind,
    MessageState,
    sources_of,
)
from outreach.model.values import Decision, Outcome

_MESSAGE = schema.message


class Settled(NamedTuple):
    """What an attempt came to."""

    id: int
    outcome: Outcome
    decision: Decision


def hand_over(connection: sa.Connection, ids: Collection[int], run: str, now: datetime) -> set[int]:
    """Mark, durably at the commit, that the end of DATA may go out; those whose claim is lost, or whose campaign was
    paused or cancelled meanwhile, are not among the ids returned, and must not go."""
    if not ids:
        return set()
    at = moment(connection, now)
    with plain_cursor(connection) as execute:
        return {row[0] for row in execute(_with(_MARK, len(ids)), (at, *ids, run, at))}


def finish(connection: sa.Connection, run: str, settled: Sequence[Settled], now: datetime) -> None:
    """Write down what the server said, and where the messages go.

    An acceptance is written even when the claim was lost meanwhile: the row is then ``uncertain``, and this
    is the answer it waited for.
    """
    at = moment(connection, now)
    moves: dict[tuple[Any, ...], list[int]] = {}
    attempts: list[Any] = []
    known: dict[int, tuple[Sequence[Any], list[int]]] = {}  # a server says the same to very many
    for id_, outcome, decision in settled:
        if (alike := known.get(id(outcome))) is None or decision.state is not MessageState.SENT:
            said = (outcome.kind.value, str(outcome.stage), outcome.code, outcome.enhanced, outcome.text)
            alike = known[id(outcome)] = (said, moves.setdefault(_move(connection, decision, at), []))
        alike[1].append(id_)
        attempts.append(id_)
        attempts += alike[0]
    if not moves:
        return
    with plain_cursor(connection) as execute:
        moved = {
            row[0]
            for move, ids in moves.items()
            for row in execute(_with(_MOVE, len(ids)), (*move, *ids, run, move[0]))
        }
        execute(_with_rows(_TRY, _TRIED, len(settled)), (*attempts, at))
        events: list[Any] = []
        for id_, _, decision in settled:
            if id_ in moved and (kind := _EVENTS.get(decision.state)):
                events += (id_, kind, decision.reason)
        if events:
            execute(_with_rows(_TELL, _TOLD, len(events) // len(_TOLD)), (*events, at))
    put_off = [id_ for id_, _, decision in settled if decision.state is MessageState.DEFERRED]
    cancel_what_came_back(connection, [id_ for id_ in put_off if id_ in moved])


def _move(connection: sa.Connection, decision: Decision, at: Any) -> tuple[Any, ...]:
    sent = decision.state is MessageState.SENT
    due_at = None
    if decision.retry_at is not None:
        due_at = moment(connection, decision.retry_at)
    # what the server said to a message that it took stands with the attempt
    reason = None if sent else decision.reason or None
    return decision.state.value, reason, due_at, 1 if decision.burns_attempt else 0, at if sent else None


@cache
def _with(statement: str, count: int) -> str:
    return statement.format(marks(count))


@cache
def _with_rows(statement: str, types: Sequence[str], count: int) -> str:
    return statement.format(_rows(types, count))


def _rows(types: Sequence[str], count: int) -> str:
    """``count`` rows of parameters. PostgreSQL has to be told of what type they are, in the first."""
    return ",".join(
        [f"({','.join(f'CAST(? AS {type_})' for type_ in types)})"] + [f"({marks(len(types))})"] * (count - 1)
    )


# The statements that all messages of a transaction cost together go straight to the driver: building and compiling
# them takes longer than the database does.
_MARK = (
    "UPDATE message SET handed_at = ? WHERE id IN ({}) AND state = 'sending' AND claimed_by = ?"
    " AND claimed_until > ? AND handed_at IS NULL"
    # a campaign that was paused or cancelled since the claim
    " AND EXISTS (SELECT 1 FROM campaign WHERE campaign.id = message.campaign_id AND (campaign.state = 'running'"
    " OR (campaign.state = 'finished' AND message.answers_id IS NOT NULL)))"
    " RETURNING id"
)
_MOVE = (
    "UPDATE message SET state = ?, reason = ?, claimed_by = NULL, claimed_until = NULL,"
    " due_at = coalesce(?, due_at), attempts = attempts + ?, sent_at = coalesce(?, sent_at)"
    " WHERE id IN ({}) AND ((state = 'sending' AND claimed_by = ?) OR (state = 'uncertain' AND ? = 'sent'))"
    " RETURNING id"
)
_TRIED = ("BIGINT", "VARCHAR", "VARCHAR", "INTEGER", "VARCHAR", "VARCHAR")
_TRY = (
    "WITH tried(id, outcome, stage, code, enhanced, text) AS (VALUES {})"
    " INSERT INTO attempt (message_id, sender, at, outcome, stage, code, enhanced, text)"
    " SELECT message.id, message.sender, ?, tried.outcome, tried.stage, tried.code, tried.enhanced, tried.text"
    " FROM tried JOIN message ON message.id = tried.id"
)
_TOLD = ("BIGINT", "VARCHAR", "VARCHAR")
_TELL = (
    "WITH told(id, kind, detail) AS (VALUES {})"
    " INSERT INTO engagement (at, kind, campaign_id, municipality_id, recipient_id, message_id, detail)"
    " SELECT ?, told.kind, message.campaign_id, recipient.municipality_id, recipient.id, message.id, told.detail"
    " FROM told JOIN message ON message.id = told.id JOIN recipient ON recipient.id = message.recipient_id"
)
_EVENTS = {
    MessageState.SENT: EngagementKind.SENT.value,
    MessageState.FAILED: EngagementKind.FAILED.value,
    MessageState.BOUNCED: EngagementKind.BOUNCED.value,
}


def add_attempt(connection: sa.Connection, id_: int, sender: str, outcome: Outcome, now: datetime) -> None:
    """Keep what the server said."""
    connection.execute(
        sa.insert(schema.attempt),
        {
            "message_id": id_,
            "sender": sender,
            "at": now,
            "outcome": outcome.kind,
            "stage": outcome.stage,
            "code": outcome.code,
            "enhanced": outcome.enhanced,
            "text": outcome.text,
        },
    )


def cancel_what_came_back(connection: sa.Connection, ids: Collection[int]) -> None:
    """Of messages that were claimed and wait again: those whose campaign was cancelled meanwhile."""
    if not ids:
        return
    campaign = schema.campaign.c
    of_these = sa.select(_MESSAGE.c.campaign_id).where(_MESSAGE.c.id.in_(list(ids)))
    # Locked, so that whoever cancels at this moment comes either before or after.
    states = connection.execute(
        sa.select(campaign.id, campaign.state).where(campaign.id.in_(of_these)).with_for_update(read=True)
    )
    cancelled = [id_ for id_, state in states if state is CampaignState.CANCELLED]
    if cancelled:
        cancel(connection, _MESSAGE.c.id.in_(list(ids)), _MESSAGE.c.campaign_id.in_(cancelled))


def cancel(
    connection: sa.Connection, *which: sa.ColumnElement[bool], why: str = "the campaign was cancelled"
) -> int:
    """Cancel those of these messages that may be; returns how many."""
    result = connection.execute(
        sa.update(_MESSAGE)
        .where(*which, _MESSAGE.c.state.in_(list(sources_of(MESSAGE_MOVES, MessageState.CANCELLED))))
        .values(state=MessageState.CANCELLED, reason=why)
    )
    return result.rowcount
