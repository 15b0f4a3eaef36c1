"""What came in, what it was read as, and what followed from it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from outreach.model import states
from outreach.model.tables.columns import instant, partial, word


class InboundMessage(SQLModel, table=True):
    """What IMAP returned, whole, with where it stood."""

    __tablename__: ClassVar[Any] = "inbound_message"
    __table_args__ = (sa.UniqueConstraint("sender", "folder", "uidvalidity", "uid"),)

    id: int | None = Field(default=None, primary_key=True)
    sender: str
    folder: str
    uidvalidity: int = Field(sa_type=sa.BigInteger)  # 32 bits, unsigned
    uid: int = Field(sa_type=sa.BigInteger)
    digest: str = Field(index=True)  # SHA-256 of the bytes: a mailbox rebuilt is not read twice into effect
    state: states.InboxState = Field(sa_type=word(states.InboxState), index=True)
    note: str | None = None  # why a person has to look, or what went wrong
    from_address: str | None = None
    subject: str = ""
    dated_at: datetime | None = instant(default=None)
    received_at: datetime = instant()
    raw: bytes | None = Field(default=None, sa_type=sa.LargeBinary)  # purged after the retention time
    resolved_by: str | None = None
    resolved_at: datetime | None = instant(default=None)


class VerdictRow(SQLModel, table=True):
    """What an inbound message was read as; a person's correction is a further row, and the last one holds."""

    __tablename__: ClassVar[Any] = "verdict"

    id: int | None = Field(default=None, primary_key=True)
    inbound_id: int = Field(foreign_key="inbound_message.id", index=True)
    at: datetime = instant()
    by: str  # "outreach", or the person
    kind: states.InboundKind = Field(sa_type=word(states.InboundKind))
    intent: states.Intent | None = Field(default=None, sa_type=word(states.Intent), nullable=True)
    language: str | None = None
    confidence: float
    detector: str
    evidence: list[str] = Field(sa_type=sa.JSON)
    text: str | None = None  # purged with the message
    details: dict[str, Any] = Field(sa_type=sa.JSON)  # the rest of inbound.classify.to_json


class MatchRow(SQLModel, table=True):
    """Which message an inbound message is about, and by which rung of the ladder that was found."""

    __tablename__: ClassVar[Any] = "inbound_match"
    __table_args__ = (sa.UniqueConstraint("inbound_id", "message_id"),)

    id: int | None = Field(default=None, primary_key=True)
    inbound_id: int = Field(foreign_key="inbound_message.id")
    message_id: int = Field(foreign_key="message.id", index=True)
    rung: states.Rung = Field(sa_type=word(states.Rung))
    evidence: str


class Engagement(SQLModel, table=True):
    """An event in the life of a recipient. Only ever added to; a wrong one is taken back by ``undone_at``."""

    __table_args__ = (
        sa.Index("ix_engagement_campaign_kind", "campaign_id", "kind", "municipality_id"),
        sa.Index("ix_engagement_municipality", "municipality_id", "campaign_id"),
        partial("ix_engagement_inbound_id", "inbound_id IS NOT NULL", "inbound_id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = instant()
    kind: states.EngagementKind = Field(sa_type=word(states.EngagementKind))
    campaign_id: int = Field(foreign_key="campaign.id")
    municipality_id: int = Field(foreign_key="municipality.id")
    recipient_id: int = Field(foreign_key="recipient.id")
    message_id: int | None = Field(default=None, foreign_key="message.id")
    inbound_id: int | None = Field(default=None, foreign_key="inbound_message.id")
    detail: str = ""
    undone_at: datetime | None = instant(default=None)


class Effect(SQLModel, table=True):
    """What an inbound message, or an imported list, changed. Only ever added to; taken back by ``undone_at``.

    The present row of each subject follows from those that stand, so that they can be taken back in any order.
    """

    __table_args__ = (sa.Index("ix_effect_kind_subject", "kind", "subject"),)

    id: int | None = Field(default=None, primary_key=True)
    inbound_id: int | None = Field(default=None, foreign_key="inbound_message.id", index=True)
    at: datetime = instant()
    kind: states.EffectKind = Field(sa_type=word(states.EffectKind))
    subject: str  # "campaign:municipality", key of the suppression, address in lower case, id of the message
    details: dict[str, Any] = Field(sa_type=sa.JSON)
    undone_at: datetime | None = instant(default=None)


class Proposal(SQLModel, table=True):
    """Another contact for a municipality, for a person to accept."""

    id: int | None = Field(default=None, primary_key=True)
    inbound_id: int | None = Field(default=None, foreign_key="inbound_message.id", index=True)
    message_id: int = Field(foreign_key="message.id")  # of ours, that led to it
    municipality_id: int = Field(foreign_key="municipality.id", index=True)
    reason: states.ProposalReason = Field(sa_type=word(states.ProposalReason))
    email: str | None = None  # None: a person has to find one
    state: states.ProposalState = Field(sa_type=word(states.ProposalState))
    created_at: datetime = instant()
    decided_at: datetime | None = instant(default=None)
    decided_by: str | None = None
    contact_id: int | None = Field(default=None, foreign_key="contact.id")  # what became of it
    queued_id: int | None = Field(default=None, foreign_key="message.id")  # the mail to it


class MailboxCursor(SQLModel, table=True):
    """How far a folder was read (RFC 9051, section 2.3.1.1)."""

    __tablename__: ClassVar[Any] = "mailbox_cursor"

    sender: str = Field(primary_key=True)
    folder: str = Field(primary_key=True)
    uidvalidity: int = Field(sa_type=sa.BigInteger)  # 32 bits, unsigned
    last_uid: int = Field(sa_type=sa.BigInteger)
    # HIGHESTMODSEQ then (RFC 7162, section 3.1.2.1): while it stays, nothing in the folder has changed.
    modseq: int | None = Field(default=None, sa_type=sa.BigInteger)
    updated_at: datetime = instant()
