"""What came in: cursors, inbound messages, what they answer, and what follows from them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

import sqlalchemy as sa

from outreach.contacts.places import folded_name
from outreach.db import messages, schema
from outreach.db.dialect import insert_ignoring, upsert
from outreach.model.states import (
    CampaignState,
    EngagementKind,
    MessageState,
    RegistrationState,
    SuppressionReason,
    SuppressionScope,
)

_MESSAGE = schema.message
_INBOUND = schema.inbound_message


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a folder was read."""

    uidvalidity: int
    last_uid: int
    modseq: int | None = None  # of the folder when it was read to its end


@dataclass(frozen=True, slots=True)
class Answered:
    """The message an inbound message is about."""

    message_id: int
    campaign_id: int
    campaign: str
    step: str
    recipient_id: int
    contact_id: int
    municipality_id: int
    municipality: str
    country: str
    municipality_key: str
    contact_key: str  # the address of the contact, in lower case; an answer of ours may go to another
    email: str
    language: str
    sending: bool  # a run is about to write down that it was sent
    is_answer: bool  # no step of the sequence: a mail that answered an answer, or one around a session


def cursor(connection: sa.Connection, sender: str, folder: str) -> Cursor | None:
    columns = schema.mailbox_cursor.c
    row = connection.execute(
        sa.select(columns.uidvalidity, columns.last_uid, columns.modseq).where(
            columns.sender == sender, columns.folder == folder
        )
    ).one_or_none()
    return Cursor(row.uidvalidity, row.last_uid, row.modseq) if row else None


def move_cursor(
    connection: sa.Connection,
    sender: str,
    folder: str,
    uidvalidity: int,
    last_uid: int,
    now: datetime,
    *,
    modseq: int | None = None,
) -> None:
    """In the transaction that stores the message the cursor moves over. ``modseq``: the folder is read to its
    end, as it was then."""
    connection.execute(
        upsert(
            connection,
            schema.mailbox_cursor,
            ("sender", "folder"),
            ("uidvalidity", "last_uid", "modseq", "updated_at"),
        ),
        {
            "sender": sender,
            "folder": folder,
            "uidvalidity": uidvalidity,
            "last_uid": last_uid,
            "modseq": modseq,
            "updated_at": now,
        },
    )


def first_launch(connection: sa.Connection, sender: str) -> datetime | None:
    """When the first campaign of ``sender`` was launched: older mail is of no concern."""
    column = schema.campaign.c.launched_at
    found: datetime | None = connection.execute(
        sa.select(column)
        .where(schema.campaign.c.sender == sender, column.is_not(None))
        .order_by(column)
        .limit(1)
    ).scalar()
    return found


def frozen_strings(connection: sa.Connection, sender: str) -> list[Mapping[str, Any]]:
    """The words around the mails of the campaigns of ``sender``: one a campaign and language."""
    content, campaign = schema.content, schema.campaign
    one_each = (
        sa.select(sa.func.min(content.c.id))
        .join(campaign, campaign.c.id == content.c.campaign_id)
        .where(campaign.c.sender == sender)
        .group_by(content.c.campaign_id, content.c.language)
    )
    return list(connection.execute(sa.select(content.c.strings).where(content.c.id.in_(one_each))).scalars())


def is_known(connection: sa.Connection, sender: str, digest: str) -> bool:
    """Whether these very bytes were read from this mailbox before, under whatever UID."""
    statement = sa.select(_INBOUND.c.id).where(_INBOUND.c.sender == sender, _INBOUND.c.digest == digest)
    return connection.execute(statement.limit(1)).first() is not None


def add_inbound(connection: sa.Connection, values: Mapping[str, Any]) -> int | None:
    """Keep a message whole; ``None`` when (sender, folder, UIDVALIDITY, UID) is known already."""
    statement = insert_ignoring(connection, _INBOUND).values(**values).returning(_INBOUND.c.id)
    found: int | None = connection.execute(statement).scalar_one_or_none()
    return found


def messages_by(
    connection: sa.Connection, sender: str, column: str, values: Collection[str]
) -> list[Answered]:
    """Messages of ``sender`` whose ``column`` is one of ``values``, the latest first.

    ``column``: ``internet_message_id``, ``token`` or ``email_key``.
    """
    return _answered(connection, sender, _MESSAGE.c[column].in_(list(values)))


def messages_to_domain(connection: sa.Connection, sender: str, domain: str) -> list[Answered]:
    """Messages of ``sender`` to addresses of ``domain``, the latest first."""
    escaped = domain.casefold().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return _answered(connection, sender, _MESSAGE.c.email_key.like(f"%@{escaped}", escape="\\"))


def messages_to_place(connection: sa.Connection, sender: str, name: str) -> list[Answered]:
    """Messages of ``sender`` to the municipality that ``name`` spells in whatever way, the latest first; empty
    when two have that name."""
    municipality, recipient = schema.municipality, schema.recipient
    written = (
        sa.select(municipality.c.id, municipality.c.name, municipality.c.country)
        .join(recipient, recipient.c.municipality_id == municipality.c.id)
        .join(_MESSAGE, _MESSAGE.c.recipient_id == recipient.c.id)
        .where(_MESSAGE.c.sender == sender)
        .distinct()
    )
    ids = [
        id_
        for id_, known, country in connection.execute(written)
        if folded_name(known, country) == folded_name(name, country)
    ]
    if len(ids) != 1:
        return []
    return _answered(connection, sender, recipient.c.municipality_id == ids[0])


def matched(connection: sa.Connection, inbound_id: int) -> Answered | None:
    """The message that an inbound message was found to be about."""
    sender = connection.execute(sa.select(_INBOUND.c.sender).where(_INBOUND.c.id == inbound_id)).scalar_one()
    about = sa.select(schema.inbound_match.c.message_id).where(
        schema.inbound_match.c.inbound_id == inbound_id
    )
    found = _answered(connection, sender, _MESSAGE.c.id.in_(about))
    return found[0] if found else None


def by_number(connection: sa.Connection, message_id: int) -> Answered:
    """The message as one that is answered. It has been sent."""
    sender = connection.execute(sa.select(_MESSAGE.c.sender).where(_MESSAGE.c.id == message_id)).scalar_one()
    (found,) = _answered(connection, sender, _MESSAGE.c.id == message_id)
    return found


def _answered(connection: sa.Connection, sender: str, condition: sa.ColumnElement[bool]) -> list[Answered]:
    recipient, municipality, campaign = schema.recipient, schema.municipality, schema.campaign
    statement = (
        sa.select(
            _MESSAGE.c.id.label("message_id"),
            _MESSAGE.c.campaign_id,
            campaign.c.name.label("campaign"),
            _MESSAGE.c.step,
            _MESSAGE.c.recipient_id,
            recipient.c.contact_id,
            recipient.c.municipality_id,
            municipality.c.name.label("municipality"),
            municipality.c.key.label("municipality_key"),
            municipality.c.country,
            recipient.c.email_key.label("contact_key"),
            _MESSAGE.c.email,
            _MESSAGE.c.language,
            (_MESSAGE.c.state == MessageState.SENDING).label("sending"),
            (~schema.IS_STEP).label("is_answer"),
        )
        .join(campaign, campaign.c.id == _MESSAGE.c.campaign_id)
        .join(recipient, recipient.c.id == _MESSAGE.c.recipient_id)
        .join(municipality, municipality.c.id == recipient.c.municipality_id)
        .where(
            _MESSAGE.c.sender == sender,
            condition,
            sa.or_(
                _MESSAGE.c.state.in_([MessageState.SENT, MessageState.BOUNCED, MessageState.UNCERTAIN]),
                sa.and_(_MESSAGE.c.state == MessageState.SENDING, _MESSAGE.c.handed_at.is_not(None)),
            ),
        )
        .order_by(
            (campaign.c.state == CampaignState.RUNNING).desc(),
            _MESSAGE.c.handed_at.desc().nulls_last(),
            _MESSAGE.c.id.desc(),
        )
        .limit(20)
    )
    return [Answered(**row) for row in connection.execute(statement).mappings()]


def add_match(connection: sa.Connection, inbound_id: int, message_id: int, rung: str, evidence: str) -> None:
    connection.execute(
        insert_ignoring(connection, schema.inbound_match).values(
            inbound_id=inbound_id, message_id=message_id, rung=rung, evidence=evidence
        )
    )


def add_verdict(connection: sa.Connection, values: Mapping[str, Any]) -> None:
    """Each row holds every column of ``verdict`` but ``id``."""
    connection.execute(sa.insert(schema.verdict).values(**values))


def add_engagement(
    connection: sa.Connection,
    kind: EngagementKind,
    answered: Answered,
    *,
    at: datetime,
    inbound_id: int | None,
    detail: str = "",
) -> None:
    """An event, told of the municipality, the recipient and the message it is about.

    Where that is a mail that answered an answer, or one around a session, it is told of the last step that was
    sent before: what a municipality did counts for a step.
    """
    message_id: Any = answered.message_id
    if answered.is_answer:
        message_id = (
            sa.select(sa.func.max(_MESSAGE.c.id))
            .where(_MESSAGE.c.recipient_id == answered.recipient_id, schema.IS_STEP)
            .scalar_subquery()
        )
    connection.execute(
        sa.insert(schema.engagement).values(
            at=at,
            kind=kind,
            campaign_id=answered.campaign_id,
            municipality_id=answered.municipality_id,
            recipient_id=answered.recipient_id,
            message_id=message_id,
            inbound_id=inbound_id,
            detail=detail,
        )
    )


class Seat(Protocol):
    """Whose place, in which campaign: an :class:`Answered`, or just these two."""

    @property
    def campaign_id(self) -> int: ...
    @property
    def municipality_id(self) -> int: ...


def register(
    connection: sa.Connection,
    answered: Seat,
    state: RegistrationState,
    *,
    name: str | None,
    email: str | None,
    inbound_id: int | None,
    now: datetime,
) -> None:
    """The municipality's place, given, changed or taken back: one row a municipality and campaign."""
    connection.execute(
        upsert(
            connection,
            schema.registration,
            ("campaign_id", "municipality_id"),
            ("state", "name", "email", "inbound_id", "updated_at"),
        ),
        {
            "campaign_id": answered.campaign_id,
            "municipality_id": answered.municipality_id,
            "state": state,
            "name": name,
            "email": email,
            "inbound_id": inbound_id,
            "created_at": now,
            "updated_at": now,
        },
    )


def registration_of(connection: sa.Connection, answered: Seat) -> RegistrationState | None:
    columns = schema.registration.c
    found: RegistrationState | None = connection.execute(
        sa.select(columns.state).where(
            columns.campaign_id == answered.campaign_id, columns.municipality_id == answered.municipality_id
        )
    ).scalar_one_or_none()
    return found


def suppress(
    connection: sa.Connection,
    *,
    key: str,
    scope: SuppressionScope,
    address: str | None,
    reason: SuppressionReason,
    source: str,
    now: datetime,
) -> bool:
    """Never write there again. ``False``: that stood already, and stays with its first reason."""
    statement = insert_ignoring(connection, schema.suppression).values(
        key=key, scope=scope, address=address, reason=reason, source=source, at=now
    )
    return bool(connection.execute(statement.returning(schema.suppression.c.id)).first())


def mark_bounced(connection: sa.Connection, message_id: int, reason: str) -> bool:
    """The message came back for good; one that was uncertain is thereby known to have been sent.

    ``False``: that was known.
    """
    settle_uncertain(connection, message_id, "it was sent: it came back")
    done = connection.execute(
        sa.update(_MESSAGE)
        .where(
            _MESSAGE.c.id == message_id,
            _MESSAGE.c.state == MessageState.SENT,  # one that is being sent is its run's
        )
        .values(state=MessageState.BOUNCED, reason=reason)
    )
    return done.rowcount == 1


def settle_uncertain(connection: sa.Connection, message_id: int, why: str) -> bool:
    """Something shows that the message was sent: when it was handed over. ``True`` if that is new."""
    message = messages.find(connection, message_id)
    if message is None or message["state"] is not MessageState.UNCERTAIN:
        return False
    at = message["handed_at"] or message["created_at"]
    return messages.move(connection, message, MessageState.SENT, reason=why, now=at)


def stay_away_until(connection: sa.Connection, recipient_id: int, until: date) -> None:
    """An absence: no further step to this recipient's address before ``until`` is over.

    In no campaign: a note that names none of our mails is matched to the last of several, and whoever is away
    is away from all of them.
    """
    recipient = schema.recipient
    address = sa.select(recipient.c.email_key).where(recipient.c.id == recipient_id).scalar_subquery()
    connection.execute(sa.update(recipient).where(recipient.c.email_key == address).values(not_before=until))
