"""The tables. A row holds the present; ``engagement``, ``attempt``, ``verdict`` and ``audit`` hold the past.

SQLModel does not validate table classes: what goes in here was validated before. There is
no ``Relationship()``; joins are functions in ``db.queries``. Times are UTC and aware, states are words.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from outreach.model import states


class Instant(sa.types.TypeDecorator[datetime]):
    """A moment: aware in Python, UTC in the database; a naive time is refused."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a time zone cannot be stored")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        # PostgreSQL answers in the zone of the session
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _word(words: type[StrEnum]) -> Any:
    """A column of one of ``words``, stored by value; anything else is refused before it is stored."""
    return sa.Enum(
        words,
        values_callable=lambda enum: [word.value for word in enum],
        native_enum=False,
        length=24,
        validate_strings=True,
    )


#: Counts on for ever; on SQLite a row's number is one anyway, and only this type makes it one.
_LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _instant(**options: Any) -> Any:
    return Field(sa_type=Instant, **options)


SQLModel.metadata.naming_convention = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


class Municipality(SQLModel, table=True):
    """A local administrative unit: the unit that answers, and the unit that rates count."""

    __table_args__ = (sa.UniqueConstraint("country", "key"),)

    id: int | None = Field(default=None, primary_key=True)
    country: str = Field(max_length=2)
    key: str  # contacts.places.place_key: by code where there is one, else by folded name and region
    code: str | None = None
    name: str
    region: str | None = None
    population: int | None = None
    languages: str = ""  # "fi,sv": one mail holds them all, in this order; empty: the country's first
    time_zone: str | None = None
    created_at: datetime = _instant()
    names: str = ""  # its other names, as contacts.register writes them
    nuts: str | None = None  # NUTS 3
    degurba: int | None = None  # Eurostat's degree of urbanisation: 1 city, 2 town or suburb, 3 rural
    official_list: str | None = None  # the official list it stands in; none: only contact lists know it
    official_at: datetime | None = _instant(default=None)  # when that list was imported
    import_id: int | None = None  # the contact_import that brought it


class Contact(SQLModel, table=True):
    """One address at one municipality, and where we have it from (GDPR Art. 14 (2) f)."""

    __table_args__ = (sa.UniqueConstraint("municipality_id", "email_key"),)

    id: int | None = Field(default=None, primary_key=True)
    municipality_id: int = Field(foreign_key="municipality.id")
    email: str
    email_key: str = Field(index=True)  # lower case: what makes two addresses the same
    kind: states.ContactKind = Field(sa_type=_word(states.ContactKind))
    person: str | None = None
    role: str | None = None
    language: str | None = None
    source: str = Field(index=True)  # the name of the file
    source_digest: str  # SHA-256 of the file
    source_line: int
    created_at: datetime = _instant()
    updated_at: datetime = _instant()
    gone_at: datetime | None = _instant(default=None)  # no longer in its file; kept
    import_id: int | None = Field(default=None, index=True)  # the contact_import that brought it
    legal_basis: str = ""  # as the controller worded it (GDPR Art. 6)
    edited: str = ""  # "person,role": what was corrected by hand, and no import changes


class ContactImport(SQLModel, table=True):
    """A file that was imported: where its contacts are from (GDPR Art. 14 (2) f), and what can be undone."""

    __tablename__: ClassVar[Any] = "contact_import"

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = _instant()
    actor: str
    country: str = Field(max_length=2)
    file: str
    source: str
    digest: str  # SHA-256 of the file
    legal_basis: str = ""
    added: int
    changed: int
    gone: int
    undone_at: datetime | None = _instant(default=None)
    undone_by: str | None = None


class ContactChange(SQLModel, table=True):
    """What an import changed, as it was before: what undoing it puts back."""

    __tablename__: ClassVar[Any] = "contact_change"

    id: int | None = Field(default=None, primary_key=True)
    import_id: int = Field(foreign_key="contact_import.id", index=True)
    contact_id: int | None = Field(default=None, index=True)  # one of the two
    municipality_id: int | None = None
    before: dict[str, Any] = Field(sa_type=sa.JSON)  # column -> value


class PlaceQuestion(SQLModel, table=True):
    """A municipality as lists name it, which the official list does not surely know; and what a person said."""

    __tablename__: ClassVar[Any] = "place_question"
    __table_args__ = (sa.UniqueConstraint("country", "key"),)

    id: int | None = Field(default=None, primary_key=True)
    country: str = Field(max_length=2)
    key: str  # contacts.places.place_key of what the list says
    name: str
    code: str | None = None
    region: str | None = None
    asked_at: datetime = _instant()
    decided_at: datetime | None = _instant(default=None)
    decided_by: str | None = None
    target: str | None = None  # the key of the municipality it is; its own: one that no official list has


class ListColumns(SQLModel, table=True):
    """Which columns of a list are what, as somebody corrected it; a list with the same header is read so again."""

    __tablename__: ClassVar[Any] = "list_columns"
    __table_args__ = (sa.UniqueConstraint("country", "header_key"),)

    id: int | None = Field(default=None, primary_key=True)
    country: str = Field(max_length=2)
    header_key: str = Field(max_length=64)  # contacts.columns.header_key
    columns: dict[str, Any] = Field(
        sa_type=sa.JSON
    )  # field -> numbers of columns, as "#3"; none: there is none
    updated_at: datetime = _instant()
    updated_by: str


class Campaign(SQLModel, table=True):
    """A definition checked, and perhaps launched, for one country with one sender."""

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)  # "lordimas-be"
    slug: str
    country: str = Field(max_length=2)
    sender: str
    state: states.CampaignState = Field(sa_type=_word(states.CampaignState))
    title: str
    definition: str  # campaign.spec.freeze: what was checked, whatever the file says later
    digest: str  # of all that was checked: definition, texts, audience, sender
    checked_at: datetime = _instant()
    created_at: datetime = _instant()
    launched_at: datetime | None = _instant(default=None)
    launched_by: str | None = None
    finished_at: datetime | None = _instant(default=None)
    paused_reason: str | None = None
    plan_at: datetime | None = _instant(default=None)  # when the planner next has something to look at
    guarded_from: datetime | None = _instant(default=None)  # guardrails count only mails sent after: a resume


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
        default=None, sa_type=_word(states.ExclusionReason), nullable=True
    )
    not_before: date | None = None  # an absence: no reminder before this day has passed
    # Added by a person then, after an answer: what its municipality answered before does not stop its mails.
    added_at: datetime | None = _instant(default=None)
    addressed_as: str | None = None  # all municipalities that share the address, where its mail names them
    variant: str | None = Field(default=None, max_length=1)  # of the campaign's experiment: "a" or "b"
    created_at: datetime = _instant()
    # Of one that is left out since its address is shared: the recipient whose mail names its municipality, too.
    named_by: int | None = Field(default=None, foreign_key="recipient.id", index=True)


#: Conditions of the outbox's indexes, in SQL.
WAITING = "state IN ('deferred', 'queued')"
SENDING = "state = 'sending'"


def _partial(name: str, only: str, *columns: str) -> sa.Index:
    return sa.Index(name, *columns, sqlite_where=sa.text(only), postgresql_where=sa.text(only))


class Message(SQLModel, table=True):
    """The mail of one step to one recipient, written before anything is sent: the outbox."""

    __table_args__ = (
        # The promise: no second mail of one step to one address of a campaign, whatever list it came from; where
        # each of the municipalities that share an address gets its own, no second one for a municipality.
        sa.UniqueConstraint("campaign_id", "step", "email_key", "for_place"),
        # A claim takes the first of what waits, in this order, and reads nothing else. A query uses such an index
        # only when its own condition stands in the statement in these words: `db.outbox`.
        _partial("ix_message_waiting", WAITING, "sender", "due_at", "id"),
        _partial("ix_message_sending", SENDING, "sender"),
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
    state: states.MessageState = Field(sa_type=_word(states.MessageState))
    reason: str | None = None  # of the present state, for a person
    due_at: datetime = _instant()
    attempts: int = 0  # those that count towards giving up
    claimed_by: str | None = None  # the run that holds it
    claimed_until: datetime | None = _instant(default=None)  # the lease
    handed_at: datetime | None = _instant(default=None)  # set, durably, before the end of DATA can go out
    sent_at: datetime | None = _instant(default=None)
    # The inbound message that this mail answers (model.states.AnswerMail); None: a step of the sequence.
    answers_id: int | None = Field(default=None, foreign_key="inbound_message.id", index=True)
    # A mail around the session, to those who have a place or came; counts in no rate.
    for_session: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    created_at: datetime = _instant()
    # campaign.definition.Definition.for_place: empty unless the campaign says `shared = "each"`
    for_place: str = Field(default="", sa_column_kwargs={"server_default": ""})


class Attempt(SQLModel, table=True):
    """One try to hand a message to the SMTP server. Only ever added to."""

    __table_args__ = (sa.Index("ix_attempt_sender_at", "sender", "at"),)

    id: int | None = Field(default=None, primary_key=True)
    message_id: int = Field(foreign_key="message.id", index=True)
    sender: str
    at: datetime = _instant()
    outcome: states.OutcomeKind = Field(sa_type=_word(states.OutcomeKind))
    stage: str
    code: int | None = None
    enhanced: str | None = None
    text: str = ""


class SenderPause(SQLModel, table=True):
    """A sender that has to rest: throttled, or its server cannot be used."""

    __tablename__: ClassVar[Any] = "sender_pause"

    sender: str = Field(primary_key=True)
    until: datetime = _instant()
    reason: str
    at: datetime = _instant()
    # How often it was throttled, fading since ``until``: each time halves its pace. delivery.policy.strikes_left
    strikes: float = Field(default=0.0, sa_column_kwargs={"server_default": "0"})


class SenderWindow(SQLModel, table=True):
    """How many mails of a sender were tried within a window that slides: ``used`` is the number of attempts
    since ``since``, and moves on with it."""

    __tablename__: ClassVar[Any] = "sender_window"

    sender: str = Field(primary_key=True)
    seconds: int = Field(primary_key=True)  # how long the window is
    used: int
    since: datetime = _instant()


class SenderLine(SQLModel, table=True):
    """How many connections of a sender a run may have open; 0: it waits for one."""

    __tablename__: ClassVar[Any] = "sender_line"

    sender: str = Field(primary_key=True)
    run: str = Field(primary_key=True)
    lines: int
    until: datetime = _instant()  # the lease


class DomainUse(SQLModel, table=True):
    """Mails of a sender that were tried to one domain, kept for an hour where the sender has such a limit."""

    __tablename__: ClassVar[Any] = "domain_use"

    sender: str = Field(primary_key=True)
    domain: str = Field(primary_key=True)
    at: datetime = Field(sa_type=Instant, primary_key=True)
    count: int


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
    state: states.InboxState = Field(sa_type=_word(states.InboxState), index=True)
    note: str | None = None  # why a person has to look, or what went wrong
    from_address: str | None = None
    subject: str = ""
    dated_at: datetime | None = _instant(default=None)
    received_at: datetime = _instant()
    raw: bytes | None = Field(default=None, sa_type=sa.LargeBinary)  # purged after the retention time
    resolved_by: str | None = None
    resolved_at: datetime | None = _instant(default=None)


class VerdictRow(SQLModel, table=True):
    """What an inbound message was read as; a person's correction is a further row, and the last one holds."""

    __tablename__: ClassVar[Any] = "verdict"

    id: int | None = Field(default=None, primary_key=True)
    inbound_id: int = Field(foreign_key="inbound_message.id", index=True)
    at: datetime = _instant()
    by: str  # "outreach", or the person
    kind: states.InboundKind = Field(sa_type=_word(states.InboundKind))
    intent: states.Intent | None = Field(default=None, sa_type=_word(states.Intent), nullable=True)
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
    rung: states.Rung = Field(sa_type=_word(states.Rung))
    evidence: str


class Engagement(SQLModel, table=True):
    """An event in the life of a recipient. Only ever added to; a wrong one is taken back by ``undone_at``."""

    __table_args__ = (
        sa.Index("ix_engagement_campaign_kind", "campaign_id", "kind", "municipality_id"),
        sa.Index("ix_engagement_municipality", "municipality_id", "campaign_id"),
        _partial("ix_engagement_inbound_id", "inbound_id IS NOT NULL", "inbound_id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = _instant()
    kind: states.EngagementKind = Field(sa_type=_word(states.EngagementKind))
    campaign_id: int = Field(foreign_key="campaign.id")
    municipality_id: int = Field(foreign_key="municipality.id")
    recipient_id: int = Field(foreign_key="recipient.id")
    message_id: int | None = Field(default=None, foreign_key="message.id")
    inbound_id: int | None = Field(default=None, foreign_key="inbound_message.id")
    detail: str = ""
    undone_at: datetime | None = _instant(default=None)


class Effect(SQLModel, table=True):
    """What an inbound message, or an imported list, changed. Only ever added to; taken back by ``undone_at``.

    The present row of each subject follows from those that stand, so that they can be taken back in any order.
    """

    __table_args__ = (sa.Index("ix_effect_kind_subject", "kind", "subject"),)

    id: int | None = Field(default=None, primary_key=True)
    inbound_id: int | None = Field(default=None, foreign_key="inbound_message.id", index=True)
    at: datetime = _instant()
    kind: states.EffectKind = Field(sa_type=_word(states.EffectKind))
    subject: str  # "campaign:municipality", key of the suppression, address in lower case, id of the message
    details: dict[str, Any] = Field(sa_type=sa.JSON)
    undone_at: datetime | None = _instant(default=None)


class Proposal(SQLModel, table=True):
    """Another contact for a municipality, for a person to accept."""

    id: int | None = Field(default=None, primary_key=True)
    inbound_id: int | None = Field(default=None, foreign_key="inbound_message.id", index=True)
    message_id: int = Field(foreign_key="message.id")  # of ours, that led to it
    municipality_id: int = Field(foreign_key="municipality.id", index=True)
    reason: states.ProposalReason = Field(sa_type=_word(states.ProposalReason))
    email: str | None = None  # None: a person has to find one
    state: states.ProposalState = Field(sa_type=_word(states.ProposalState))
    created_at: datetime = _instant()
    decided_at: datetime | None = _instant(default=None)
    decided_by: str | None = None
    contact_id: int | None = Field(default=None, foreign_key="contact.id")  # what became of it
    queued_id: int | None = Field(default=None, foreign_key="message.id")  # the mail to it


class Registration(SQLModel, table=True):
    """A municipality's place at a session, or its start of the assessment."""

    __table_args__ = (sa.UniqueConstraint("campaign_id", "municipality_id"),)

    id: int | None = Field(default=None, primary_key=True)
    campaign_id: int = Field(foreign_key="campaign.id")
    municipality_id: int = Field(foreign_key="municipality.id")
    state: states.RegistrationState = Field(sa_type=_word(states.RegistrationState))
    name: str | None = None
    email: str | None = None
    inbound_id: int | None = Field(default=None, foreign_key="inbound_message.id")
    created_at: datetime = _instant()
    updated_at: datetime = _instant()
    # How far its assessment is, as the tool's own list says; None: not known.
    progress: states.Progress | None = Field(default=None, sa_type=_word(states.Progress), nullable=True)


class AttendanceList(SQLModel, table=True):
    """A list of who was at a session: the report of a meeting program, or one kept at the door. What it says stands
    in ``attendance``; one that was taken back has no rows there."""

    __tablename__: ClassVar[Any] = "attendance_list"

    id: int | None = Field(default=None, primary_key=True)
    campaign_id: int = Field(foreign_key="campaign.id", index=True)
    at: datetime = _instant()
    actor: str
    file: str
    digest: str  # SHA-256 of the file
    format: str  # zoom, teams, webex, list
    undone_at: datetime | None = _instant(default=None)
    undone_by: str | None = None


class Attendance(SQLModel, table=True):
    """A person who was at a session, as one list says. A municipality attended if one of its rows is ``counted``; its
    people are its different ``person_key``. Name and address stay only as long as somebody has to be asked."""

    __table_args__ = (
        sa.UniqueConstraint("list_id", "person_key"),
        sa.Index("ix_attendance_campaign_municipality", "campaign_id", "municipality_id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    list_id: int = Field(foreign_key="attendance_list.id")
    campaign_id: int = Field(foreign_key="campaign.id")
    municipality_id: int | None = Field(default=None, foreign_key="municipality.id")
    state: states.AttendanceState = Field(sa_type=_word(states.AttendanceState))
    person_key: str  # a keyed hash of address or name: one person on several lists counts once
    presence: states.Presence = Field(sa_type=_word(states.Presence))
    minutes: int | None = None  # None: the list does not say
    known_by: str  # address, name, municipality, domain; or who said it
    name: str | None = None
    email: str | None = None
    says: str | None = None  # the municipality as the list has it
    likely_id: int | None = Field(default=None, foreign_key="municipality.id")  # of one that is asked
    confidence: float = 1.0


class Cost(SQLModel, table=True):
    """What a session cost, as somebody entered it: for the reimbursement. One taken back has ``undone_at``."""

    id: int | None = Field(default=None, primary_key=True)
    campaign_id: int = Field(foreign_key="campaign.id", index=True)
    what: str
    cents: int = Field(sa_type=sa.BigInteger)  # of a euro
    paid_on: date | None = None
    at: datetime = _instant()
    actor: str
    undone_at: datetime | None = _instant(default=None)
    undone_by: str | None = None


class Suppression(SQLModel, table=True):
    """An address or a domain that is never written to again. The key alone is enough to keep the promise."""

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)  # delivery.tokens.suppression_key: survives an erasure
    scope: states.SuppressionScope = Field(sa_type=_word(states.SuppressionScope))
    address: str | None = None  # in clear, until it is erased
    reason: states.SuppressionReason = Field(sa_type=_word(states.SuppressionReason))
    source: str = ""
    at: datetime = _instant()


class ReportStale(SQLModel, table=True):
    """A municipality of which something changed that reports count: triggers of the database write it, in the very
    transaction, whoever changes what. Only ever added to, so that no writer waits for another; ``db.standings`` takes
    away what it has counted anew."""

    __tablename__: ClassVar[Any] = "report_stale"
    __table_args__ = (sa.Index("ix_report_stale_municipality_id", "municipality_id", "id"),)

    id: int | None = Field(default=None, sa_column=sa.Column(_LONG, primary_key=True, autoincrement=True))
    municipality_id: int  # no foreign key: it may be gone


class ReportPlace(SQLModel, table=True):
    """What reports count of a municipality, as it was counted last."""

    __tablename__: ClassVar[Any] = "report_place"

    municipality_id: int = Field(primary_key=True)  # no foreign key: it may be gone
    country: str = Field(max_length=2)
    facts: str  # report.funnel.Place as JSON


class ReportNumber(SQLModel, table=True):
    """How many stand on one line of a report with one pattern of stages: the sum over ``report_place``, kept current.

    What the columns hold is said in ``report.funnel``."""

    __tablename__: ClassVar[Any] = "report_number"

    selection: str = Field(primary_key=True)
    unit: str = Field(primary_key=True)
    cut: str = Field(primary_key=True)
    value: str = Field(primary_key=True)
    country: str = Field(primary_key=True, max_length=2)
    pattern: int = Field(primary_key=True)
    number: int


class MailboxCursor(SQLModel, table=True):
    """How far a folder was read (RFC 9051, section 2.3.1.1)."""

    __tablename__: ClassVar[Any] = "mailbox_cursor"

    sender: str = Field(primary_key=True)
    folder: str = Field(primary_key=True)
    uidvalidity: int = Field(sa_type=sa.BigInteger)  # 32 bits, unsigned
    last_uid: int = Field(sa_type=sa.BigInteger)
    # HIGHESTMODSEQ then (RFC 7162, section 3.1.2.1): while it stays, nothing in the folder has changed.
    modseq: int | None = Field(default=None, sa_type=sa.BigInteger)
    updated_at: datetime = _instant()


class Audit(SQLModel, table=True):
    """Who did what, when. Only ever added to."""

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = _instant()
    actor: str
    action: str
    subject: str
    detail: str = ""


class Digest(SQLModel, table=True):
    """A report by mail to one reader: the row, and the mail in it, are there before anything is sent."""

    __table_args__ = (
        # The promise: one a week or month, whatever overlaps or dies.
        sa.UniqueConstraint("scope", "email_key", "period"),
        _partial("ix_digest_waiting", "state IN ('deferred', 'queued', 'sending')", "state"),
    )

    id: int | None = Field(default=None, primary_key=True)
    scope: str  # jobs.digest_dates.Reader.scope
    email: str
    email_key: str
    period: str  # "2026-W49", "2026-12"
    sender: str
    state: states.MessageState = Field(sa_type=_word(states.MessageState))
    reason: str | None = None  # of the present state, for a person
    figures: dict[str, Any] = Field(sa_type=sa.JSON)  # what it said, for the differences of the next one
    data: bytes | None = Field(default=None, sa_type=sa.LargeBinary)  # the mail, until it has gone
    due_at: datetime = _instant()
    attempts: int = 0
    claimed_by: str | None = None
    claimed_until: datetime | None = _instant(default=None)
    handed_at: datetime | None = _instant(default=None)  # as of a message
    sent_at: datetime | None = _instant(default=None)
    created_at: datetime = _instant()
