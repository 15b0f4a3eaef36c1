"""The inbox of a person: what came in, as it was read, and what was decided about it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from outreach.db import schema, scope
from outreach.model.states import STOPPING_ENGAGEMENTS, EngagementKind, InboxState

_MESSAGE = schema.message
_INBOUND = schema.inbound_message


def open_inbox(connection: sa.Connection, states: Collection[InboxState]) -> list[Mapping[str, Any]]:
    """Inbound messages in ``states``, oldest first, each with its last verdict and its match."""
    return _entries(connection, _INBOUND.c.state.in_(list(states)))


def entry(connection: sa.Connection, inbound_id: int) -> Mapping[str, Any] | None:
    """One inbound message with its last verdict and its match, as :func:`open_inbox` has it."""
    rows = _entries(connection, _INBOUND.c.id == inbound_id)
    return rows[0] if rows else None


def _entries(connection: sa.Connection, wanted: sa.ColumnElement[bool]) -> list[Mapping[str, Any]]:
    verdict, match = schema.verdict, schema.inbound_match
    last = (
        sa.select(sa.func.max(verdict.c.id))
        .where(verdict.c.inbound_id == _INBOUND.c.id)
        .correlate(_INBOUND)
        .scalar_subquery()
    )
    statement = (
        sa.select(
            _INBOUND.c.id,
            _INBOUND.c.sender,
            _INBOUND.c.state,
            _INBOUND.c.note,
            _INBOUND.c.from_address,
            _INBOUND.c.subject,
            _INBOUND.c.received_at,
            verdict.c.kind,
            verdict.c.intent,
            verdict.c.language,
            verdict.c.confidence,
            verdict.c.detector,
            verdict.c.evidence,
            verdict.c.text,
            verdict.c.details,
            schema.campaign.c.name.label("campaign"),
            schema.municipality.c.name.label("municipality"),
            schema.municipality.c.country,
            match.c.rung,
            match.c.message_id,
        )
        .outerjoin(verdict, verdict.c.id == last)
        .outerjoin(match, match.c.inbound_id == _INBOUND.c.id)
        .outerjoin(_MESSAGE, _MESSAGE.c.id == match.c.message_id)
        .outerjoin(schema.campaign, schema.campaign.c.id == _MESSAGE.c.campaign_id)
        .outerjoin(schema.recipient, schema.recipient.c.id == _MESSAGE.c.recipient_id)
        .outerjoin(schema.municipality, schema.municipality.c.id == schema.recipient.c.municipality_id)
        .where(wanted, scope.inbound(connection))
        .order_by(_INBOUND.c.id, match.c.id)
    )
    rows: dict[int, Mapping[str, Any]] = {}
    for row in connection.execute(statement).mappings():
        rows.setdefault(row["id"], dict(row))
    return list(rows.values())


def inbound(connection: sa.Connection, inbound_id: int) -> Mapping[str, Any] | None:
    """One inbound message with every column."""
    mine = sa.select(_INBOUND).where(_INBOUND.c.id == inbound_id, scope.inbound(connection))
    row = connection.execute(mine).mappings().one_or_none()
    return dict(row) if row else None


def set_handling(connection: sa.Connection, inbound_id: int, state: InboxState, note: str | None) -> None:
    """Whether a person has to look, and why."""
    connection.execute(sa.update(_INBOUND).where(_INBOUND.c.id == inbound_id).values(state=state, note=note))


def pick_up(
    connection: sa.Connection,
    inbound_id: int,
    *,
    from_address: str | None,
    subject: str,
    dated_at: datetime | None,
) -> bool:
    """Take a message that was set aside for one that was read, with what its header says.

    ``False``: it does not stand aside. Who else picks it up waits for the end of the transaction.
    """
    done = connection.execute(
        sa.update(_INBOUND)
        .where(_INBOUND.c.id == inbound_id, _INBOUND.c.state == InboxState.ASIDE)
        .values(
            state=InboxState.DONE, note=None, from_address=from_address, subject=subject, dated_at=dated_at
        )
    )
    return done.rowcount == 1


def set_aside_again(connection: sa.Connection, inbound_id: int, note: str) -> bool:
    """Why a message still cannot be processed. ``False``: it does not stand aside."""
    done = connection.execute(
        sa.update(_INBOUND)
        .where(_INBOUND.c.id == inbound_id, _INBOUND.c.state == InboxState.ASIDE)
        .values(note=note)
    )
    return done.rowcount == 1


def read_twin(connection: sa.Connection, kept: Mapping[str, Any]) -> int | None:
    """The message of the very same bytes in the same mailbox that was read, if there is one. Nobody else can read
    one of them before the transaction ends."""
    columns = _INBOUND.c
    rows = connection.execute(
        sa.select(columns.id, columns.state)
        .where(columns.sender == kept["sender"], columns.digest == kept["digest"])
        .order_by(columns.id)
        .with_for_update()
    ).all()
    read = [id_ for id_, state in rows if state is not InboxState.ASIDE and id_ != kept["id"]]
    return read[0] if read else None


def later_answer(
    connection: sa.Connection, campaign_id: int, municipality_id: int, inbound_id: int, received_at: datetime
) -> str | None:
    """What a municipality has answered in a campaign after the message ``inbound_id`` came, the last of it:
    "message 12, declined"; ``None``: nothing that stands."""
    event = schema.engagement
    statement = (
        sa.select(event.c.kind, event.c.inbound_id)
        .where(
            event.c.campaign_id == campaign_id,
            event.c.municipality_id == municipality_id,
            event.c.kind.in_(list(STOPPING_ENGAGEMENTS)),
            event.c.undone_at.is_(None),
            sa.or_(event.c.at > received_at, event.c.inbound_id > inbound_id),
        )
        .order_by(event.c.id.desc())
        .limit(1)
    )
    row = connection.execute(statement).one_or_none()
    if row is None:
        return None
    return f"message {row.inbound_id}, {row.kind.value}" if row.inbound_id else str(row.kind.value)


def kinds_of(connection: sa.Connection, inbound_id: int) -> list[EngagementKind]:
    """The standing events that came of an inbound message, oldest first, each kind once."""
    event = schema.engagement
    statement = (
        sa.select(event.c.kind)
        .where(event.c.inbound_id == inbound_id, event.c.undone_at.is_(None))
        .order_by(event.c.id)
    )
    return list(dict.fromkeys(connection.execute(statement).scalars()))


def resolve(connection: sa.Connection, inbound_id: int, by: str, note: str, now: datetime) -> bool:
    """A person has looked. ``False``: it was not open."""
    done = connection.execute(
        sa.update(_INBOUND)
        .where(_INBOUND.c.id == inbound_id, _INBOUND.c.state.in_([InboxState.OPEN, InboxState.ASIDE]))
        .values(state=InboxState.RESOLVED, resolved_by=by, resolved_at=now, note=note or _INBOUND.c.note)
    )
    return done.rowcount == 1


def last_verdict(connection: sa.Connection, inbound_id: int) -> Mapping[str, Any] | None:
    """What the message was last read as."""
    verdict = schema.verdict
    statement = sa.select(verdict).where(verdict.c.inbound_id == inbound_id).order_by(verdict.c.id.desc())
    row = connection.execute(statement.limit(1)).mappings().one_or_none()
    return dict(row) if row else None


def events_of(connection: sa.Connection, inbound_id: int) -> list[tuple[int, int]]:
    """Campaign and municipality of the standing events that came of an inbound message, each pair once."""
    event = schema.engagement
    statement = (
        sa.select(event.c.campaign_id, event.c.municipality_id)
        .where(event.c.inbound_id == inbound_id, event.c.undone_at.is_(None))
        .distinct()
    )
    return [(campaign_id, municipality_id) for campaign_id, municipality_id in connection.execute(statement)]


def undo_engagements(connection: sa.Connection, inbound_id: int, now: datetime) -> int:
    """Take back the events that came of an inbound message; they stay, marked. Returns how many."""
    event = schema.engagement
    done = connection.execute(
        sa.update(event)
        .where(event.c.inbound_id == inbound_id, event.c.undone_at.is_(None))
        .values(undone_at=now)
    )
    return done.rowcount


def decisions(connection: sa.Connection) -> list[Mapping[str, Any]]:
    """Every message of which a person said what it means, with the program's first reading beside it; oldest
    first. Those whose text was purged have none."""
    verdict = schema.verdict
    person, first = verdict.alias("person"), verdict.alias("first")
    match, of = schema.inbound_match, schema.municipality
    ends = (
        sa.select(
            verdict.c.inbound_id,
            sa.func.min(verdict.c.id).label("earliest"),
            sa.func.max(verdict.c.id).label("latest"),
        )
        .group_by(verdict.c.inbound_id)
        .subquery("ends")
    )
    statement = (
        sa.select(
            _INBOUND.c.id,
            _INBOUND.c.from_address,
            _INBOUND.c.raw,
            person.c.intent.label("meant"),
            person.c.by,
            person.c.at,
            first.c.kind,
            first.c.intent.label("read_as"),
            first.c.language,
            first.c.confidence,
            first.c.detector,
            first.c.evidence,
            first.c.text,
            of.c.name.label("municipality"),
        )
        .select_from(_INBOUND)
        .join(ends, ends.c.inbound_id == _INBOUND.c.id)
        .join(person, person.c.id == ends.c.latest)
        .join(first, first.c.id == ends.c.earliest)
        .outerjoin(match, match.c.inbound_id == _INBOUND.c.id)
        .outerjoin(_MESSAGE, _MESSAGE.c.id == match.c.message_id)
        .outerjoin(schema.recipient, schema.recipient.c.id == _MESSAGE.c.recipient_id)
        .outerjoin(of, of.c.id == schema.recipient.c.municipality_id)
        .where(person.c.detector == "person", scope.inbound(connection))
        .order_by(_INBOUND.c.id, match.c.id)
    )
    rows: dict[int, Mapping[str, Any]] = {}
    for row in connection.execute(statement).mappings():
        rows.setdefault(row["id"], dict(row))
    return list(rows.values())
