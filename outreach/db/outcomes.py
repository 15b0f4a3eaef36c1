"""What each message costs: the mark before its end goes out, and what the server said to it; in the caller's
transaction, together for all messages that have something to write at the moment.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from outreach.db import schema
from outreach.db.dialect import marks, plain_cursor, stored
from outreach.model.states import (
    MESSAGE_MOVES,
    CampaignState,
    EngagementKind,
    MessageState,
    sources_of,
)
from outreach.model.values import Decision, Outcome

_MESSAGE = schema.message


@dataclass(frozen=True, slots=True)
class Settled:
    """What an attempt came to."""

    id: int
    outcome: Outcome
    decision: Decision


def hand_over(connection: sa.Connection, ids: Collection[int], run: str, now: datetime) -> set[int]:
    """Mark, durably at the commit, that the end of DATA may go out; those whose claim is lost are not among
    the ids returned, and must not go."""
    if not ids:
        return set()
    at = stored(_MESSAGE.c.handed_at, now, connection)
    with plain_cursor(connection) as execute:
        return {row[0] for row in execute(_MARK.format(marks(len(ids))), (at, *ids, run, at))}


def finish(connection: sa.Connection, run: str, settled: Sequence[Settled], now: datetime) -> None:
    """Write down what the server said, and where the messages go.

    An acceptance is written even when the claim was lost meanwhile: the row is then ``uncertain``, and this
    is the answer it waited for.
    """
    at = stored(_MESSAGE.c.sent_at, now, connection)
    moves: dict[tuple[Any, ...], list[int]] = {}
    attempts: list[Any] = []
    for one in settled:
        outcome, decision = one.outcome, one.decision
        sent = decision.state is MessageState.SENT
        due_at = None
        if decision.retry_at is not None:
            due_at = stored(_MESSAGE.c.due_at, decision.retry_at, connection)
        # what the server said to a message that it took stands with the attempt
        reason = None if sent else decision.reason or None
        burnt = 1 if decision.burns_attempt else 0
        move = (decision.state.value, reason, due_at, burnt, at if sent else None)
        moves.setdefault(move, []).append(one.id)
        said = (outcome.kind.value, str(outcome.stage), outcome.code, outcome.enhanced, outcome.text)
        attempts += (one.id, *said)
    if not moves:
        return
    with plain_cursor(connection) as execute:
        moved = {
            row[0]
            for move, ids in moves.items()
            for row in execute(_MOVE.format(marks(len(ids))), (*move, *ids, run, move[0]))
        }
        execute(_TRY.format(_rows(_TRIED, len(attempts) // len(_TRIED))), (*attempts, at))
        events: list[Any] = []
        for one in settled:
            if one.id in moved and (kind := _EVENTS.get(one.decision.state)):
                events += (one.id, kind.value, one.decision.reason)
        if events:
            execute(_TELL.format(_rows(_TOLD, len(events) // len(_TOLD))), (*events, at))
    put_off = [one.id for one in settled if one.id in moved and one.decision.state is MessageState.DEFERRED]
    cancel_what_came_back(connection, put_off)


def _rows(types: Sequence[str], count: int) -> str:
    """``count`` rows of parameters. PostgreSQL has to be told of what type they are, in the first."""
    return ",".join(
        [f"({','.join(f'CAST(? AS {type_})' for type_ in types)})"] + [f"({marks(len(types))})"] * (count - 1)
    )


# The statements that all messages of a transaction cost together go straight to the driver: building and compiling
# them takes longer than the database does.
_MARK = (
    "UPDATE message SET handed_at = ? WHERE id IN ({}) AND state = 'sending' AND claimed_by = ?"
    " AND claimed_until > ? AND handed_at IS NULL RETURNING id"
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
    MessageState.SENT: EngagementKind.SENT,
    MessageState.FAILED: EngagementKind.FAILED,
    MessageState.BOUNCED: EngagementKind.BOUNCED,
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
