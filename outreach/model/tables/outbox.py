"""Campaigns and what they send: the outbox, its attempts, and what a sender may still send."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from outreach.model import states
from outreach.model.tables.columns import Instant, instant, partial, word


class Campaign(SQLModel, table=True):
    """A definition checked, and perhaps launched, for one country with one sender."""

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)  # "lordimas-be"
    slug: str
    country: str = Field(max_length=2)
    sender: str
    state: states.CampaignState = Field(sa_type=word(states.CampaignState))
    title: str
    definition: str  # campaign.spec.freeze: what was checked, whatever the file says later
    digest: str  # of all that was checked: definition, texts, audience, sender
    checked_at: datetime = instant()
    created_at: datetime = instant()
    launched_at: datetime | None = instant(default=None)
    launched_by: str | None = None
    finished_at: datetime | None = instant(default=None)
    paused_reason: str | None = None
    plan_at: datetime | None = instant(default=None)  # when the planner next has something to look at
    guarded_from: datetime | None = instant(default=None)  # guardrails count only mails sent after: a resume


class Content(SQLModel, table=True):
    """The compiled mail of one step in one language, frozen at the launch."""

    __table_args__ = (sa.UniqueConstraint("campaign_id", "step", "language"),)

    id: int | None = Field(default=None, primary_key=True)
    campaign_id: int = Field(foreign_key="campaign.id")
    step: str
    language: str
    # A mail around the session, to those who take part: no step of the sequence, and no line of a report.
    for_session: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    compiled: dict[str, Any] = Field(sa_type=sa.JSON)  # content.compile.Compiled
    strings: dict[str, Any] = Field(sa_type=sa.JSON)  # greetings, answers: content.catalog.Strings
    digest: str


class Recipient(SQLModel, table=True):
    """A contact in a campaign, or the reason why it is not."""

    __table_args__ = (
        sa.UniqueConstraint("campaign_id", "contact_id"),
        sa.Index("ix_recipient_campaign_municipality", "campaign_id", "municipality_id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    campaign_id: int = Field(foreign_key="campaign.id")
    contact_id: int = Field(foreign_key="contact.id")
    municipality_id: int = Field(foreign_key="municipality.id")
    email_key: str = Field(index=True)
    language: str
    excluded: states.ExclusionReason | None = Field(
        default=None, sa_type=word(states.ExclusionReason), nullable=True
    )
    not_before: date | None = None  # an absence: no reminder before this day has passed
    # Added by a person then, after an answer: what its municipality answered before does not stop its mails.
    added_at: datetime | None = instant(default=None)
    addressed_as: str | None = None  # all municipalities that share the address, where its mail names them
    variant: str | None = Field(default=None, max_length=1)  # of the campaign's experiment: "a" or "b"
    created_at: datetime = instant()
    # Of one that is left out since its address is shared: the recipient whose mail names its municipality, too.
    named_by: int | None = Field(default=None, foreign_key="recipient.id", index=True)


#: Conditions of the outbox's indexes, in SQL.
WAITING = "state IN ('deferred', 'queued')"
SENDING = "state = 'sending'"


class Message(SQLModel, table=True):
    """The mail of one step to one recipient, written before anything is sent: the outbox."""

    __table_args__ = (
        # The promise: no second mail of one step to one address of a campaign, whatever list it came from; where
        # each of the municipalities that share an address gets its own, no second one for a municipality.
        sa.UniqueConstraint("campaign_id", "step", "email_key", "for_place"),
        # A claim takes the first of what waits, in this order, and reads nothing else. A query uses such an index
        # only when its own condition stands in the statement in these words: `db.outbox`.
        partial("ix_message_waiting", WAITING, "sender", "due_at", "id"),
        partial("ix_message_sending", SENDING, "sender"),
        sa.Index("ix_message_recipient_step", "recipient_id", "step"),
        # How many of each step are in each state is counted in it; whoever sends moves them in few places of it.
        sa.Index("ix_message_campaign_state", "campaign_id", "step", "state"),
    )

    id: int | None = Field(default=None, primary_key=True)
    campaign_id: int = Field(foreign_key="campaign.id")
    recipient_id: int = Field(foreign_key="recipient.id")
    step: str
    sender: str
    email: str
    email_key: str = Field(index=True)
    language: str
    internet_message_id: str = Field(unique=True)  # RFC 5322 Message-ID, with its angle brackets
    token: str = Field(unique=True)
    state: states.MessageState = Field(sa_type=word(states.MessageState))
    reason: str | None = None  # of the present state, for a person
    due_at: datetime = instant()
    attempts: int = 0  # those that count towards giving up
    claimed_by: str | None = None  # the run that holds it
    claimed_until: datetime | None = instant(default=None)  # the lease
    handed_at: datetime | None = instant(default=None)  # set, durably, before the end of DATA can go out
    sent_at: datetime | None = instant(default=None)
    # The inbound message that this mail answers (model.states.AnswerMail); None: a step of the sequence.
    answers_id: int | None = Field(default=None, foreign_key="inbound_message.id", index=True)
    # A mail around the session, to those who have a place or came; counts in no rate.
    for_session: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    created_at: datetime = instant()
    # campaign.definition.Definition.for_place: empty unless the campaign says `shared = "each"`
    for_place: str = Field(default="", sa_column_kwargs={"server_default": ""})


class Attempt(SQLModel, table=True):
    """One try to hand a message to the SMTP server. Only ever added to."""

    __table_args__ = (sa.Index("ix_attempt_sender_at", "sender", "at"),)

    id: int | None = Field(default=None, primary_key=True)
    message_id: int = Field(foreign_key="message.id", index=True)
    sender: str
    at: datetime = instant()
    outcome: states.OutcomeKind = Field(sa_type=word(states.OutcomeKind))
    stage: str
    code: int | None = None
    enhanced: str | None = None
    text: str = ""


class SenderPause(SQLModel, table=True):
    """A sender that has to rest: throttled, or its server cannot be used."""

    __tablename__: ClassVar[Any] = "sender_pause"

    sender: str = Field(primary_key=True)
    until: datetime = instant()
    reason: str
    at: datetime = instant()
    # How often it was throttled, fading since ``until``: each time halves its pace. delivery.policy.strikes_left
    strikes: float = Field(default=0.0, sa_column_kwargs={"server_default": "0"})


class SenderWindow(SQLModel, table=True):
    """How many mails of a sender were tried within a window that slides: ``used`` is the number of attempts
    since ``since``, and moves on with it."""

    __tablename__: ClassVar[Any] = "sender_window"

    sender: str = Field(primary_key=True)
    seconds: int = Field(primary_key=True)  # how long the window is
    used: int
    since: datetime = instant()


class SenderLine(SQLModel, table=True):
    """How many connections of a sender a run may have open; 0: it waits for one."""

    __tablename__: ClassVar[Any] = "sender_line"

    sender: str = Field(primary_key=True)
    run: str = Field(primary_key=True)
    lines: int
    until: datetime = instant()  # the lease


class DomainUse(SQLModel, table=True):
    """Mails of a sender that were tried to one domain, kept for an hour where the sender has such a limit."""

    __tablename__: ClassVar[Any] = "domain_use"

    sender: str = Field(primary_key=True)
    domain: str = Field(primary_key=True)
    at: datetime = Field(sa_type=Instant, primary_key=True)
    count: int
