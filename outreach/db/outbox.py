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

from outreach.db import budgets, outcomes, schema
from outreach.db.dialect import Prepared, insert_ignoring, loaded, marks, moment, plain_cursor
from outreach.delivery import tokens
from outreach.model.states import (
    MESSAGE_MOVES,
    STOPPING_ENGAGEMENTS,
    WAITING_MESSAGE_STATES,
    AnswerMail,
    CampaignState,
    MessageState,
    OutcomeKind,
    SkipReason,
    SuppressionReason,
    sources_of,
)
from outreach.model.values import Outcome

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
    _MESSAGE.c.for_session,
    schema.recipient.c.municipality_id,
    schema.recipient.c.email_key.label("contact_key"),
    schema.recipient.c.added_at,
    schema.recipient.c.variant,
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
    for_session: bool = False  # a mail around a session: it does not wait for an answer
    added_at: datetime | None = None  # of a recipient that a person added: older answers do not stop it
    variant: str | None = None  # of its campaign's experiment


_DUE_COLUMNS = sorted(_CLAIM_COLUMNS, key=lambda column: Due._fields.index(column.key))
_SOURCE_AT, _ADDED_AT = Due._fields.index("source_at"), Due._fields.index("added_at")


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


def queue(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> int:
    """Add messages of one campaign; one that the unique key (campaign, step, address, municipality) knows
    stays as it is.

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
    rows = _DUE(connection, {"b_sender": sender, "b_now": moment(connection, now), "b_limit": limit})
    source, added = _SOURCE_AT, _ADDED_AT
    return [
        Due._make(
            (
                *row[:source],
                loaded(row[source]),
                *row[source + 1 : added],
                loaded(row[added]),
                *row[added + 1 :],
            )
        )
        for row in rows
    ]


def anything_due(connection: sa.Connection, sender: str, now: datetime) -> bool:
    """Whether :func:`due` would find something."""
    return bool(_ANY_DUE(connection, {"b_sender": sender, "b_now": moment(connection, now)}))


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
_DUE = Prepared(
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
_ANY_DUE = Prepared(
    sa.select(_MESSAGE.c.id)
    .join(schema.campaign, schema.campaign.c.id == _MESSAGE.c.campaign_id)
    .where(*_MAY_GO)
    .limit(1)
)
# straight to the driver: so many parameters take longer to compile than to look up
_ANY_SUPPRESSED = (
    "SELECT EXISTS (SELECT 1 FROM suppression),"
    " EXISTS (SELECT 1 FROM suppression WHERE scope = 'municipality')"
)
_SUPPRESSED = "SELECT key, reason FROM suppression WHERE key IN ({})"
_ANSWERED = (
    "SELECT campaign_id, municipality_id, max(at) FROM engagement"
    " WHERE campaign_id IN ({}) AND municipality_id IN ({}) AND kind IN ({}) AND undone_at IS NULL"
    " GROUP BY campaign_id, municipality_id"
)
_STOPPING = tuple(sorted(kind.value for kind in STOPPING_ENGAGEMENTS))


def why_not(
    connection: sa.Connection,
    messages: Sequence[Due],
    suppression_keys: Callable[[str], tuple[str, str]],
) -> dict[int, SkipReason]:
    """Which of ``messages`` must not go after all: looked up again at the very claim.

    ``suppression_keys`` gives the keyed hashes of an address and of its domain.
    """
    if not messages:
        return {}
    reasons: dict[int, SkipReason] = {}
    campaigns = {message.campaign_id for message in messages}
    places = {message.municipality_id for message in messages}
    with plain_cursor(connection) as execute:
        ((some, whole_places),) = execute(_ANY_SUPPRESSED, ())
        if some:
            reasons = _suppressed(execute, messages, suppression_keys, whole_places)
        statement = _ANSWERED.format(marks(len(campaigns)), marks(len(places)), marks(len(_STOPPING)))
        answered = {
            (campaign_id, municipality_id): loaded(last)
            for campaign_id, municipality_id, last in execute(statement, (*campaigns, *places, *_STOPPING))
        }
    for message in messages if answered else ():
        last = answered.get((message.campaign_id, message.municipality_id))
        if last is None or message.answers_id is not None or message.for_session or message.id in reasons:
            continue
        if message.added_at is None or last > message.added_at:
            reasons[message.id] = SkipReason.ANSWERED
    return reasons


def _suppressed(
    execute: Callable[[str, Sequence[Any]], Sequence[Any]],
    messages: Sequence[Due],
    suppression_keys: Callable[[str], tuple[str, str]],
    whole_places: bool,
) -> dict[int, SkipReason]:
    keys: list[tuple[str, ...]] = [suppression_keys(message.email_key) for message in messages]
    if whole_places:
        keys = [
            (*two, *suppression_keys(tokens.municipality_name(message.country, message.municipality_key)))
            for message, two in zip(messages, keys, strict=True)
        ]
    wanted = tuple({key for some in keys for key in some})
    found = {
        key: SuppressionReason(reason)
        for key, reason in execute(_SUPPRESSED.format(marks(len(wanted))), wanted)
    }
    reasons: dict[int, SkipReason] = {}
    for message, some in zip(messages, keys, strict=True) if found else ():
        why = {found[key] for key in some if key in found}
        if message.answers_id is not None and message.step == AnswerMail.UNSUBSCRIBED:
            why.discard(SuppressionReason.UNSUBSCRIBED)  # the one mail that says so
        if why:
            reasons[message.id] = SkipReason.SUPPRESSED
    return reasons


def answers_to(connection: sa.Connection, email_key: str) -> list[tuple[int, str, str, bool]]:
    """Campaign, step and ``for_place`` of the mails to this address that answer answers, or are around a session, in
    any campaign, oldest first, and whether they went or will go: those that were cancelled or skipped do not."""
    statement = (
        sa.select(
            _MESSAGE.c.campaign_id,
            _MESSAGE.c.step,
            _MESSAGE.c.for_place,
            _MESSAGE.c.state.not_in([MessageState.CANCELLED, MessageState.SKIPPED]),
        )
        .where(
            _MESSAGE.c.email_key == email_key,
            ~schema.IS_STEP,
        )
        .order_by(_MESSAGE.c.id)
    )
    return [(*row, bool(live)) for *row, live in connection.execute(statement)]


def thread(connection: sa.Connection, recipient_id: int, inbound_id: int | None) -> Thread:
    """The thread of a mail to ``recipient_id`` that answers the inbound message, if it answers one."""
    last = connection.execute(
        sa.select(_MESSAGE.c.token, _MESSAGE.c.internet_message_id)
        .where(
            _MESSAGE.c.recipient_id == recipient_id,
            schema.IS_STEP,
            _MESSAGE.c.handed_at.is_not(None),
        )
        .order_by(_MESSAGE.c.id.desc())
        .limit(1)
    ).one_or_none()
    inbound = schema.inbound_message
    raw = None
    if inbound_id is not None:
        statement = sa.select(inbound.c.raw).where(inbound.c.id == inbound_id)
        raw = connection.execute(statement).scalar_one_or_none()
    return Thread(last[0] if last else None, last[1] if last else None, raw)


def id_of(connection: sa.Connection, token: str) -> int:
    """The number of the message with ``token``."""
    return int(connection.execute(sa.select(_MESSAGE.c.id).where(_MESSAGE.c.token == token)).scalar_one())


def claim(connection: sa.Connection, ids: Collection[int], run: str, until: datetime) -> None:
    """Take messages for ``run`` until ``until``; they were returned by :func:`due` in this transaction."""
    if ids:
        with plain_cursor(connection) as execute:
            execute(_CLAIM.format(marks(len(ids))), (run, moment(connection, until), *ids))


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
    outcomes.cancel_what_came_back(connection, ids)


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
        outcomes.add_attempt(
            connection, id_, sender, Outcome(OutcomeKind.LOST_AFTER, "end_of_data", text=why), now
        )
        budgets.spend(connection, sender, 1, now)
    released = connection.execute(
        sa.update(_MESSAGE)
        .where(lost, _MESSAGE.c.handed_at.is_(None))
        .values(state=MessageState.DEFERRED, reason="the run ended before it was sent", due_at=now, **gone)
        .returning(_MESSAGE.c.id)
    ).scalars()
    came_back = list(released)
    outcomes.cancel_what_came_back(connection, came_back)
    return Recovered(released=len(came_back), uncertain=len(uncertain))


def cancel_waiting(connection: sa.Connection, campaign_id: int) -> int:
    """A campaign was cancelled: nothing more of it goes. Returns how many messages that stopped.

    What a run holds at this moment is cancelled when it comes back.
    """
    return outcomes.cancel(connection, _MESSAGE.c.campaign_id == campaign_id)


def _move(connection: sa.Connection, ids: Collection[int], new: MessageState, **values: Any) -> None:
    if ids:
        connection.execute(
            sa.update(_MESSAGE)
            .where(_MESSAGE.c.id.in_(list(ids)), _MESSAGE.c.state.in_(list(sources_of(MESSAGE_MOVES, new))))
            .values(state=new, **values)
        )
