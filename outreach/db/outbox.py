"""The outbox: every move of a message's row, each a compare-and-swap in the caller's transaction.

A message is claimed (``sending``, under a lease), marked just before its DATA can end, and finished with what
the server said. Whatever instant the process dies at, the row tells which of three things is true: it was
certainly not sent (no mark), the server has answered (finished), or nobody can know (marked, not finished).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from outreach.db import budgets, schema
from outreach.db.dialect import insert_ignoring, plain_cursor, stored
from outreach.delivery import tokens
from outreach.model.states import (
    MESSAGE_MOVES,
    STOPPING_ENGAGEMENTS,
    WAITING_MESSAGE_STATES,
    AnswerMail,
    CampaignState,
    EngagementKind,
    MessageState,
    OutcomeKind,
    SkipReason,
    SuppressionReason,
    SuppressionScope,
    sources_of,
)
from outreach.model.values import Decision, Outcome

_MESSAGE = schema.message
_EVENT = schema.engagement
_CLAIM_COLUMNS = (
    _MESSAGE.c.id,
    _MESSAGE.c.campaign_id,
    _MESSAGE.c.recipient_id,
    _MESSAGE.c.step,
    _MESSAGE.c.email,
    _MESSAGE.c.email_key,
    _MESSAGE.c.language,
    _MESSAGE.c.internet_message_id,
    _MESSAGE.c.token,
    _MESSAGE.c.attempts,
    _MESSAGE.c.answers_id,
    schema.recipient.c.municipality_id,
    schema.recipient.c.email_key.label("contact_key"),
    schema.recipient.c.added_at,
    schema.contact.c.person,
    schema.contact.c.source,
    schema.contact.c.created_at.label("source_at"),
    sa.func.coalesce(schema.recipient.c.addressed_as, schema.municipality.c.name).label("municipality"),
    schema.municipality.c.key.label("municipality_key"),
    schema.municipality.c.country,
    schema.municipality.c.region,
    schema.municipality.c.time_zone,
)


class Due(NamedTuple):
    """A message whose time has come, with all it takes to write it. (A tuple, as rows are: a long campaign makes very
    many of them.)"""

    id: int
    campaign_id: int
    recipient_id: int
    step: str
    email: str
    email_key: str
    language: str
    internet_message_id: str
    token: str
    attempts: int
    municipality_id: int
    person: str | None
    source: str
    source_at: datetime
    municipality: str
    country: str
    region: str | None
    time_zone: str | None
    municipality_key: str = ""
    contact_key: str = ""  # the address of the contact in lower case; an answer may go to another
    answers_id: int | None = None  # the inbound message it answers; None: a step of the sequence
    added_at: datetime | None = None  # of a recipient that a person added: older answers do not stop it


_DUE_COLUMNS = sorted(_CLAIM_COLUMNS, key=lambda column: Due._fields.index(column.key))


@dataclass(frozen=True, slots=True)
class Thread:
    """What a mail that answers an answer follows."""

    token: str | None  # of the last step that was sent to the recipient
    message_id: str | None
    raw: bytes | None  # the answer itself, until it is purged


@dataclass(frozen=True, slots=True)
class Recovered:
    """What was found of runs that ended in the middle."""

    released: int  # certainly not sent: they go again
    uncertain: int  # may have been sent: a person decides


@dataclass(frozen=True, slots=True)
class Settled:
    """What an attempt came to."""

    id: int
    outcome: Outcome
    decision: Decision


def queue(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> int:
    """Add messages of one campaign; one that the unique key (campaign, step, address) knows stays as it is.

    Each row holds every column of ``message`` but ``id``. Returns how many are new.
    """
    if not rows:
        return 0
    count = sa.select(sa.func.count()).where(_MESSAGE.c.campaign_id == rows[0]["campaign_id"])
    before = int(connection.execute(count).scalar_one())
    connection.execute(insert_ignoring(connection, _MESSAGE), list(rows))
    return int(connection.execute(count).scalar_one()) - before


def due(connection: sa.Connection, sender: str, now: datetime, limit: int) -> list[Due]:
    """The messages of ``sender`` that may go now, the longest due first, in campaigns that are running; answers
    to answers also in those that are finished."""
    rows = connection.execute(_DUE, {"b_sender": sender, "b_now": now, "b_limit": limit})
    return [Due._make(row) for row in rows]


def anything_due(connection: sa.Connection, sender: str, now: datetime) -> bool:
    """Whether :func:`due` would find something."""
    return connection.execute(_ANY_DUE, {"b_sender": sender, "b_now": now}).first() is not None


# What every claim asks is built once: building it costs more than the answer.
_MAY_GO = (
    _MESSAGE.c.sender == sa.bindparam("b_sender"),
    schema.WAITING,
    _MESSAGE.c.due_at <= sa.bindparam("b_now"),
    sa.or_(
        schema.campaign.c.state == CampaignState.RUNNING,
        sa.and_(schema.campaign.c.state == CampaignState.FINISHED, _MESSAGE.c.answers_id.is_not(None)),
    ),
)
_DUE = (
    sa.select(*_DUE_COLUMNS)
    .join(schema.campaign, schema.campaign.c.id == _MESSAGE.c.campaign_id)
    .join(schema.recipient, schema.recipient.c.id == _MESSAGE.c.recipient_id)
    .join(schema.contact, schema.contact.c.id == schema.recipient.c.contact_id)
    .join(schema.municipality, schema.municipality.c.id == schema.recipient.c.municipality_id)
    .where(*_MAY_GO)
    .order_by(_MESSAGE.c.due_at, _MESSAGE.c.id)
    .limit(sa.bindparam("b_limit"))
    .with_for_update(skip_locked=True, of=_MESSAGE)
)
_ANY_DUE = (
    sa.select(_MESSAGE.c.id)
    .join(schema.campaign, schema.campaign.c.id == _MESSAGE.c.campaign_id)
    .where(*_MAY_GO)
    .limit(1)
)
_WHOLE_MUNICIPALITIES = sa.select(
    sa.exists().where(schema.suppression.c.scope == SuppressionScope.MUNICIPALITY)
)
_ANSWERED = (
    sa.select(_EVENT.c.campaign_id, _EVENT.c.municipality_id, sa.func.max(_EVENT.c.at))
    .where(
        _EVENT.c.campaign_id.in_(sa.bindparam("b_campaigns", expanding=True)),
        _EVENT.c.municipality_id.in_(sa.bindparam("b_municipalities", expanding=True)),
        _EVENT.c.kind.in_(sorted(STOPPING_ENGAGEMENTS)),
        _EVENT.c.undone_at.is_(None),
    )
    .group_by(_EVENT.c.campaign_id, _EVENT.c.municipality_id)
)


def why_not(
    connection: sa.Connection,
    messages: Sequence[Due],
    suppression_keys: Callable[[str], tuple[str, str]],
) -> dict[int, SkipReason]:
    """Which of ``messages`` must not go after all: looked up again at the very claim.

    ``suppression_keys`` gives the keyed hashes of an address and of its domain.
    """
    keys = {message.id: set(suppression_keys(message.email_key)) for message in messages}
    if connection.execute(_WHOLE_MUNICIPALITIES).scalar():
        for message in messages:
            place = tokens.municipality_name(message.country, message.municipality_key)
            keys[message.id].update(suppression_keys(place))
    wanted = {key for some in keys.values() for key in some}
    with plain_cursor(connection) as execute:
        rows = execute(_SUPPRESSED.format(_marks(len(wanted))), tuple(wanted)) if wanted else ()
    suppressed = {key: SuppressionReason(reason) for key, reason in rows}
    whose = {
        "b_campaigns": list({message.campaign_id for message in messages}),
        "b_municipalities": list({message.municipality_id for message in messages}),
    }
    answered = {
        (campaign_id, municipality_id): last
        for campaign_id, municipality_id, last in connection.execute(_ANSWERED, whose)
    }
    reasons: dict[int, SkipReason] = {}
    for message in messages:
        why = {suppressed[key] for key in keys[message.id] if key in suppressed} if suppressed else set()
        if message.answers_id is not None and message.step == AnswerMail.UNSUBSCRIBED:
            why.discard(SuppressionReason.UNSUBSCRIBED)  # the one mail that says so
        if why:
            reasons[message.id] = SkipReason.SUPPRESSED
            continue
        last = answered.get((message.campaign_id, message.municipality_id))
        if last is None or message.answers_id is not None:
            continue
        if message.added_at is None or last > message.added_at:
            reasons[message.id] = SkipReason.ANSWERED
    return reasons


def answers_to(connection: sa.Connection, email_key: str) -> list[tuple[int, str, bool]]:
    """Campaign and step of the mails that answer answers of this address, in any campaign, oldest first, and
    whether they went or will go: those that were cancelled or skipped do not."""
    statement = (
        sa.select(
            _MESSAGE.c.campaign_id,
            _MESSAGE.c.step,
            _MESSAGE.c.state.not_in([MessageState.CANCELLED, MessageState.SKIPPED]),
        )
        .where(
            _MESSAGE.c.email_key == email_key,
            _MESSAGE.c.answers_id.is_not(None),
        )
        .order_by(_MESSAGE.c.id)
    )
    return [(campaign_id, step, bool(live)) for campaign_id, step, live in connection.execute(statement)]


def thread(connection: sa.Connection, recipient_id: int, inbound_id: int) -> Thread:
    """The thread of a mail to ``recipient_id`` that answers the inbound message."""
    last = connection.execute(
        sa.select(_MESSAGE.c.token, _MESSAGE.c.internet_message_id)
        .where(
            _MESSAGE.c.recipient_id == recipient_id,
            _MESSAGE.c.answers_id.is_(None),
            _MESSAGE.c.handed_at.is_not(None),
        )
        .order_by(_MESSAGE.c.id.desc())
        .limit(1)
    ).one_or_none()
    inbound = schema.inbound_message
    raw = connection.execute(sa.select(inbound.c.raw).where(inbound.c.id == inbound_id)).scalar_one_or_none()
    return Thread(last[0] if last else None, last[1] if last else None, raw)


def id_of(connection: sa.Connection, token: str) -> int:
    """The number of the message with ``token``."""
    return int(connection.execute(sa.select(_MESSAGE.c.id).where(_MESSAGE.c.token == token)).scalar_one())


def claim(connection: sa.Connection, ids: Collection[int], run: str, until: datetime) -> None:
    """Take messages for ``run`` until ``until``; they were returned by :func:`due` in this transaction."""
    if ids:
        lease = stored(_MESSAGE.c.claimed_until, until, connection)
        with plain_cursor(connection) as execute:
            execute(_CLAIM.format(_marks(len(ids))), (run, lease, *ids))


_CLAIM = (
    "UPDATE message SET state = 'sending', reason = NULL, claimed_by = ?, claimed_until = ?, handed_at = NULL"
    " WHERE id IN ({}) AND state IN ('queued', 'deferred')"
)


def skip(connection: sa.Connection, reasons: Mapping[int, SkipReason]) -> None:
    """Messages that are not wanted any more; the reason stays with them."""
    for reason in set(reasons.values()):
        _move(
            connection,
            [id_ for id_, why in reasons.items() if why is reason],
            MessageState.SKIPPED,
            reason=reason.value,
        )


def miss(connection: sa.Connection, ids: Collection[int], reason: str) -> None:
    """Messages whose last possible moment has passed: a person decides."""
    _move(connection, ids, MessageState.MISSED, reason=reason)


def postpone(connection: sa.Connection, until: Mapping[int, datetime]) -> None:
    """Waiting messages whose window is closed now."""
    if until:
        # no IN: it cannot be executed for many rows at once
        waiting = sa.or_(*(_MESSAGE.c.state == state for state in sorted(WAITING_MESSAGE_STATES)))
        connection.execute(
            sa.update(_MESSAGE)
            .where(_MESSAGE.c.id == sa.bindparam("b_id"), waiting)
            .values(due_at=sa.bindparam("b_due")),
            [{"b_id": id_, "b_due": due_at} for id_, due_at in until.items()],
        )


def hand_over(connection: sa.Connection, ids: Collection[int], run: str, now: datetime) -> set[int]:
    """Mark, durably at the commit, that the end of DATA may go out; those whose claim is lost are not among
    the ids returned, and must not go."""
    if not ids:
        return set()
    at = stored(_MESSAGE.c.handed_at, now, connection)
    with plain_cursor(connection) as execute:
        return {row[0] for row in execute(_MARK.format(_marks(len(ids))), (at, *ids, run, at))}


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
            for row in execute(_MOVE.format(_marks(len(ids))), (*move, *ids, run, move[0]))
        }
        execute(_TRY.format(_rows(_TRIED, len(attempts) // len(_TRIED))), (*attempts, at))
        events: list[Any] = []
        for one in settled:
            if one.id in moved and (kind := _EVENTS.get(one.decision.state)):
                events += (one.id, kind.value, one.decision.reason)
        if events:
            execute(_TELL.format(_rows(_TOLD, len(events) // len(_TOLD))), (*events, at))
    put_off = [one.id for one in settled if one.id in moved and one.decision.state is MessageState.DEFERRED]
    _cancel_what_came_back(connection, put_off)


def _marks(count: int) -> str:
    return ",".join("?" * count)


def _rows(types: Sequence[str], count: int) -> str:
    """``count`` rows of parameters. PostgreSQL has to be told of what type they are, in the first."""
    return ",".join(
        [f"({','.join(f'CAST(? AS {type_})' for type_ in types)})"]
        + [f"({_marks(len(types))})"] * (count - 1)
    )


# The statements that all messages of a transaction cost together go straight to the driver: building and compiling
# them takes longer than the database does.
_SUPPRESSED = "SELECT key, reason FROM suppression WHERE key IN ({})"
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


def release(connection: sa.Connection, ids: Iterable[int], run: str, now: datetime, reason: str) -> None:
    """Give back what was claimed and not begun: it goes again, and no attempt is counted."""
    ids = list(ids)
    connection.execute(
        sa.update(_MESSAGE)
        .where(
            _MESSAGE.c.id.in_(ids),
            _MESSAGE.c.state == MessageState.SENDING,
            _MESSAGE.c.claimed_by == run,
            _MESSAGE.c.handed_at.is_(None),
        )
        .values(state=MessageState.DEFERRED, reason=reason, due_at=now, claimed_by=None, claimed_until=None)
    )
    _cancel_what_came_back(connection, ids)


def holders(connection: sa.Connection) -> list[str]:
    """The runs that hold claims."""
    statement = sa.select(_MESSAGE.c.claimed_by).where(schema.SENDING).distinct()
    return [run for run in connection.execute(statement).scalars() if run]


def recover(connection: sa.Connection, dead_runs: Collection[str], now: datetime) -> Recovered:
    """Settle the claims of runs that are dead, or whose lease has run out."""
    lost = sa.and_(
        schema.SENDING,
        sa.or_(_MESSAGE.c.claimed_by.in_(list(dead_runs)), _MESSAGE.c.claimed_until <= now),
    )
    gone = {"claimed_by": None, "claimed_until": None}
    why = "the run ended between the end of DATA and the server's answer"
    uncertain = connection.execute(
        sa.update(_MESSAGE)
        .where(lost, _MESSAGE.c.handed_at.is_not(None))
        .values(state=MessageState.UNCERTAIN, reason=why, **gone)
        .returning(_MESSAGE.c.id, _MESSAGE.c.sender)
    ).all()
    for id_, sender in uncertain:
        add_attempt(connection, id_, sender, Outcome(OutcomeKind.LOST_AFTER, "end_of_data", text=why), now)
        budgets.spend(connection, sender, 1, now)
    released = connection.execute(
        sa.update(_MESSAGE)
        .where(lost, _MESSAGE.c.handed_at.is_(None))
        .values(state=MessageState.DEFERRED, reason="the run ended before it was sent", due_at=now, **gone)
        .returning(_MESSAGE.c.id)
    ).scalars()
    came_back = list(released)
    _cancel_what_came_back(connection, came_back)
    return Recovered(released=len(came_back), uncertain=len(uncertain))


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


def cancel_waiting(connection: sa.Connection, campaign_id: int) -> int:
    """A campaign was cancelled: nothing more of it goes. Returns how many messages that stopped.

    What a run holds at this moment is cancelled when it comes back.
    """
    return _cancel(connection, _MESSAGE.c.campaign_id == campaign_id)


def _cancel_what_came_back(connection: sa.Connection, ids: Collection[int]) -> None:
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
        _cancel(connection, _MESSAGE.c.id.in_(list(ids)), _MESSAGE.c.campaign_id.in_(cancelled))


def _cancel(connection: sa.Connection, *which: sa.ColumnElement[bool]) -> int:
    result = connection.execute(
        sa.update(_MESSAGE)
        .where(*which, _MESSAGE.c.state.in_(list(sources_of(MESSAGE_MOVES, MessageState.CANCELLED))))
        .values(state=MessageState.CANCELLED, reason="the campaign was cancelled")
    )
    return result.rowcount


def _move(connection: sa.Connection, ids: Collection[int], new: MessageState, **values: Any) -> None:
    if ids:
        connection.execute(
            sa.update(_MESSAGE)
            .where(_MESSAGE.c.id.in_(list(ids)), _MESSAGE.c.state.in_(list(sources_of(MESSAGE_MOVES, new))))
            .values(state=new, **values)
        )
