"""Who gets the mails around a session, and who has them already."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from outreach.db import schema
from outreach.model.states import (
    AnswerMail,
    AttendanceState,
    EffectKind,
    MessageState,
    RegistrationState,
    SkipReason,
)

_MESSAGE = schema.message
_RECIPIENT = schema.recipient
_REGISTRATION = schema.registration
_NOT_GOING = (MessageState.SKIPPED, MessageState.CANCELLED)


@dataclass(frozen=True, slots=True)
class Guest:
    """A municipality that has a place, or was there, and how it is reached."""

    municipality_id: int
    recipient_id: int
    message_id: int  # the last mail of the sequence to it
    email: str  # that it was invited at
    language: str
    registered_email: str | None  # who has its place, where the answer said so
    since: datetime  # the place was taken
    told_at: datetime | None  # when a confirmation of the place was last written
    country: str
    region: str | None
    time_zone: str | None


def registered(connection: sa.Connection, campaign_id: int) -> list[Guest]:
    """The municipalities that have a place now."""
    place = _REGISTRATION.c
    ids = sa.select(place.municipality_id).where(
        place.campaign_id == campaign_id, place.state == RegistrationState.REGISTERED
    )
    return _guests(connection, campaign_id, ids)


def attended(connection: sa.Connection, campaign_id: int) -> list[Guest]:
    """The municipalities of which somebody was there, whether they had a place or not."""
    row = schema.attendance.c
    ids = sa.select(row.municipality_id).where(
        row.campaign_id == campaign_id, row.state == AttendanceState.COUNTED
    )
    return _guests(connection, campaign_id, ids)


def _guests(connection: sa.Connection, campaign_id: int, ids: sa.Select[Any]) -> list[Guest]:
    municipality, place, told = schema.municipality, _REGISTRATION, _MESSAGE.alias("told")
    its, contact = _RECIPIENT.alias("its"), schema.contact
    # Whom the last mail of the sequence went to. It may have come back: a colleague has answered.
    last = (
        sa.select(_RECIPIENT.c.municipality_id, sa.func.max(_MESSAGE.c.id).label("message_id"))
        .join(_MESSAGE, _MESSAGE.c.recipient_id == _RECIPIENT.c.id)
        .where(
            _RECIPIENT.c.campaign_id == campaign_id,
            _RECIPIENT.c.municipality_id.in_(ids),
            schema.IS_STEP,
            _MESSAGE.c.state.in_([MessageState.SENT, MessageState.BOUNCED, MessageState.UNCERTAIN]),
        )
        .group_by(_RECIPIENT.c.municipality_id)
        .subquery("last")
    )
    confirmed = (
        sa.select(sa.func.max(told.c.created_at))
        .join(its, its.c.id == told.c.recipient_id)
        .where(
            its.c.campaign_id == campaign_id,
            its.c.municipality_id == last.c.municipality_id,
            told.c.step.like(f"{AnswerMail.CONFIRMATION}%"),
            told.c.state.not_in(_NOT_GOING),
        )
        .correlate(last)
        .scalar_subquery()
    )
    statement = (
        sa.select(
            last.c.municipality_id,
            _MESSAGE.c.recipient_id,
            _MESSAGE.c.id.label("message_id"),
            contact.c.email,
            _MESSAGE.c.language,
            place.c.email.label("registered_email"),
            sa.func.coalesce(place.c.updated_at, _MESSAGE.c.created_at).label("since"),
            confirmed.label("told_at"),
            municipality.c.country,
            municipality.c.region,
            municipality.c.time_zone,
        )
        .select_from(last)
        .join(_MESSAGE, _MESSAGE.c.id == last.c.message_id)
        .join(_RECIPIENT, _RECIPIENT.c.id == _MESSAGE.c.recipient_id)
        .join(contact, contact.c.id == _RECIPIENT.c.contact_id)
        .join(municipality, municipality.c.id == last.c.municipality_id)
        .outerjoin(
            place,
            sa.and_(place.c.campaign_id == campaign_id, place.c.municipality_id == last.c.municipality_id),
        )
        .order_by(last.c.municipality_id)
    )
    since = _since(connection, campaign_id)
    return [
        Guest(**{**row, "since": since.get(row["municipality_id"], row["since"])})
        for row in connection.execute(statement).mappings()
    ]


def _since(connection: sa.Connection, campaign_id: int) -> dict[int, datetime]:
    """Since when each municipality has its place without interruption, as the answers say that stand."""
    effect = schema.effect.c
    rows = connection.execute(
        sa.select(effect.subject, effect.at, effect.details)
        .where(
            effect.kind == EffectKind.REGISTRATION,
            effect.subject.like(f"{campaign_id}:%"),
            effect.undone_at.is_(None),
        )
        .order_by(effect.id)
    )
    since: dict[int, datetime] = {}
    for subject, at, details in rows:
        municipality_id = int(subject.partition(":")[2])
        if details["state"] != RegistrationState.REGISTERED:
            since.pop(municipality_id, None)
        else:
            since.setdefault(municipality_id, at)
    return since


@dataclass(frozen=True, slots=True)
class Written:
    """A mail around the session that is there already."""

    id: int
    email_key: str
    state: MessageState
    reason: str | None

    @property
    def gave_way(self) -> bool:
        """It did not go since the place was given back: it may go after all when the place is taken again."""
        return self.state is MessageState.SKIPPED and self.reason == SkipReason.NO_PLACE


def written(connection: sa.Connection, campaign_id: int, step: str) -> dict[int, list[Written]]:
    """The mails of ``step`` by municipality."""
    rows = connection.execute(
        sa.select(
            _RECIPIENT.c.municipality_id,
            _MESSAGE.c.id,
            _MESSAGE.c.email_key,
            _MESSAGE.c.state,
            _MESSAGE.c.reason,
        )
        .join(_RECIPIENT, _RECIPIENT.c.id == _MESSAGE.c.recipient_id)
        .where(
            _MESSAGE.c.campaign_id == campaign_id,
            _MESSAGE.c.step == step,
            _MESSAGE.c.for_session.is_(sa.true()),
        )
    )
    found: dict[int, list[Written]] = {}
    for municipality_id, *row in rows:
        found.setdefault(municipality_id, []).append(Written(*row))
    return found


def queue_again(connection: sa.Connection, due: Mapping[int, datetime]) -> int:
    """Mails that did not go for a place that was given back, and has been taken again. Returns how many."""
    count = 0
    for id_, due_at in due.items():
        count += connection.execute(
            sa.update(_MESSAGE)
            .where(_MESSAGE.c.id == id_, _MESSAGE.c.state == MessageState.SKIPPED)
            .values(state=MessageState.QUEUED, reason=None, due_at=due_at)
        ).rowcount
    return count


def with_place(connection: sa.Connection, seats: Collection[tuple[int, int]]) -> set[tuple[int, int]]:
    """Which of ``seats``, campaign and municipality, are registered."""
    row = _REGISTRATION.c
    return _of(
        connection, row.campaign_id, row.municipality_id, seats, row.state == RegistrationState.REGISTERED
    )


def who_came(connection: sa.Connection, seats: Collection[tuple[int, int]]) -> set[tuple[int, int]]:
    """Of which of ``seats``, campaign and municipality, somebody was there."""
    row = schema.attendance.c
    return _of(connection, row.campaign_id, row.municipality_id, seats, row.state == AttendanceState.COUNTED)


def _of(
    connection: sa.Connection,
    campaign: sa.ColumnElement[int],
    municipality: sa.ColumnElement[Any],
    seats: Collection[tuple[int, int]],
    condition: sa.ColumnElement[bool],
) -> set[tuple[int, int]]:
    if not seats:
        return set()
    rows = connection.execute(
        sa.select(campaign, municipality).where(
            campaign.in_({one for one, _ in seats}), municipality.in_({one for _, one in seats}), condition
        )
    )
    return {(campaign_id, municipality_id) for campaign_id, municipality_id in rows}


def wait_until(connection: sa.Connection, campaign_id: int, step: str, due_at: datetime) -> None:
    """The mails of ``step`` that have not gone go then."""
    connection.execute(
        sa.update(_MESSAGE)
        .where(
            _MESSAGE.c.campaign_id == campaign_id,
            _MESSAGE.c.step == step,
            _MESSAGE.c.for_session.is_(sa.true()),
            _MESSAGE.c.state.in_([MessageState.QUEUED, MessageState.DEFERRED]),
        )
        .values(due_at=due_at)
    )
