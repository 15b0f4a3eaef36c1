"""What happened, and how it stands in the tables: the rows the program itself would have written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from outreach.db import schema
from outreach.db.loading import Load
from outreach.delivery import tokens
from outreach.model.states import (
    EffectKind,
    EngagementKind,
    ExclusionReason,
    InboundKind,
    InboxState,
    Intent,
    MessageState,
    OutcomeKind,
    Progress,
    ProposalReason,
    ProposalState,
    RegistrationState,
    Rung,
    SuppressionReason,
    SuppressionScope,
)
from outreach.simulate.moments import DAY, stamp, stamp_or_none
from outreach.simulate.places import Desk, Town

#: Days after which what was written is removed, and only what it was read as stays: ``[privacy] answers_days``.
ANSWERS_DAYS = 30


@dataclass(slots=True)
class Recipient:
    id: int
    desk: Desk
    language: str
    excluded: ExclusionReason | None = None
    addressed_as: str | None = None
    named_by: int | None = None
    not_before: str | None = None


@dataclass(slots=True)
class Try:
    at: int
    outcome: OutcomeKind
    stage: str
    code: int | None
    enhanced: str | None
    text: str


@dataclass(slots=True, eq=False)
class Mail:
    to: Recipient
    step: str
    email: str
    created: int
    due: int
    state: MessageState = MessageState.QUEUED
    reason: str | None = None
    attempts: int = 0
    handed: int | None = None
    sent: int | None = None
    answers: Inbound | None = None
    tries: list[Try] = field(default_factory=list)
    id: int = 0


@dataclass(slots=True, eq=False)
class Inbound:
    at: int  # when it was written
    received: int  # when it was read
    mail: Mail
    rung: Rung
    kind: InboundKind
    detector: str
    confidence: float
    from_address: str
    subject: str
    text: str | None = None
    intent: Intent | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    state: InboxState = InboxState.DONE
    note: str | None = None
    resolved_at: int | None = None
    corrected: tuple[int, InboundKind, Intent] | None = None  # when a person read it otherwise, and how
    id: int = 0


@dataclass(slots=True)
class Event:
    at: int
    kind: EngagementKind
    mail: Mail
    inbound: Inbound | None
    detail: str = ""
    undone_at: int | None = None


@dataclass(slots=True)
class Claim:
    """A row of ``effect``."""

    at: int
    kind: EffectKind
    inbound: Inbound
    subject: str
    details: Mapping[str, Any]
    undone_at: int | None = None


@dataclass(slots=True)
class Place:
    """A row of ``registration``."""

    state: RegistrationState
    name: str | None
    email: str | None
    inbound: Inbound
    created: int
    updated: int


@dataclass(slots=True)
class Peace:
    """A row of ``suppression``."""

    at: int
    email: str
    reason: SuppressionReason
    inbound: Inbound | None
    mail: Mail


@dataclass(slots=True)
class Wish:
    """A row of ``proposal``."""

    at: int
    reason: ProposalReason
    mail: Mail
    inbound: Inbound | None
    email: str | None
    decided: tuple[int, ProposalState] | None = None


@dataclass(slots=True)
class Happened:
    """All of one campaign in one country."""

    recipients: list[Recipient] = field(default_factory=list)
    mails: list[Mail] = field(default_factory=list)
    inbound: list[Inbound] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    places: dict[int, Place] = field(default_factory=dict)  # by municipality
    peace: list[Peace] = field(default_factory=list)
    wishes: list[Wish] = field(default_factory=list)
    progress: Mapping[int, Progress] = field(default_factory=dict)  # by municipality


class Ledger:
    """Numbers what happened in the order in which it did, and hands the rows on."""

    def __init__(self, load: Load, key: bytes, now: int) -> None:
        self._load = load
        self._key = key
        self._now = now
        self._messages = 0
        self._inbound = 0
        self._uids: dict[str, int] = {}
        into = load.into
        self._towns = into(
            schema.municipality,
            *("id", "country", "key", "code", "name", "region", "population", "languages", "time_zone"),
            *("created_at", "nuts", "degurba", "official_list", "official_at"),
        )
        self._contacts = into(
            schema.contact,
            *("id", "municipality_id", "email", "email_key", "kind", "person", "role", "source"),
            *("source_digest", "source_line", "created_at", "updated_at", "import_id", "legal_basis"),
        )
        self._recipients = into(
            schema.recipient,
            *("id", "campaign_id", "contact_id", "municipality_id", "email_key", "language", "excluded"),
            *("addressed_as", "named_by", "not_before", "created_at"),
        )
        self._mails = into(
            schema.message,
            *("id", "campaign_id", "recipient_id", "step", "sender", "email", "email_key", "language"),
            *("internet_message_id", "token", "state", "reason", "due_at", "attempts", "handed_at"),
            *("sent_at", "answers_id", "created_at"),
        )
        self._tries = into(
            schema.attempt, "message_id", "sender", "at", "outcome", "stage", "code", "enhanced", "text"
        )
        self._letters = into(
            schema.inbound_message,
            *("id", "sender", "folder", "uidvalidity", "uid", "digest", "state", "note", "from_address"),
            *("subject", "dated_at", "received_at", "raw", "resolved_by", "resolved_at"),
        )
        self._verdicts = into(
            schema.verdict,
            *("inbound_id", "at", "by", "kind", "intent", "language", "confidence", "detector"),
            *("evidence", "text", "details"),
        )
        self._matches = into(schema.inbound_match, "inbound_id", "message_id", "rung", "evidence")
        self._events = into(
            schema.engagement,
            *("at", "kind", "campaign_id", "municipality_id", "recipient_id", "message_id", "inbound_id"),
            *("detail", "undone_at"),
        )
        self._effects = into(schema.effect, "inbound_id", "at", "kind", "subject", "details", "undone_at")
        self._places = into(
            schema.registration,
            *("campaign_id", "municipality_id", "state", "name", "email", "inbound_id", "created_at"),
            *("updated_at", "progress"),
        )
        self._peace = into(schema.suppression, "key", "scope", "address", "reason", "source", "at")
        self._wishes = into(
            schema.proposal,
            *("inbound_id", "message_id", "municipality_id", "reason", "email", "state", "created_at"),
            *("decided_at", "decided_by"),
        )
        self.imports = into(
            schema.contact_import,
            *("id", "at", "actor", "country", "file", "source", "digest", "legal_basis", "added"),
            *("changed", "gone"),
        )
        self.campaigns = into(
            schema.campaign,
            *("id", "name", "slug", "country", "sender", "state", "title", "definition", "digest"),
            *("checked_at", "created_at", "launched_at", "launched_by", "finished_at", "paused_reason"),
            "plan_at",
        )
        self.contents = into(
            schema.content, "campaign_id", "step", "language", "for_session", "compiled", "strings", "digest"
        )
        self.attendance_lists = into(
            schema.attendance_list, "id", "campaign_id", "at", "actor", "file", "digest", "format"
        )
        self.attendance = into(
            schema.attendance,
            *("list_id", "campaign_id", "municipality_id", "state", "person_key", "presence", "minutes"),
            *("known_by", "says"),
        )
        self.costs = into(schema.cost, "campaign_id", "what", "cents", "paid_on", "at", "actor")
        self.audit = into(schema.audit, "at", "actor", "action", "subject", "detail")
        self._cursors = into(
            schema.mailbox_cursor, "sender", "folder", "uidvalidity", "last_uid", "updated_at"
        )

    def settle(self, towns: Sequence[Town], desks: Sequence[Desk], source: str, at: int, number: int) -> None:
        """The municipalities of a country, and the import ``number`` that brought their addresses."""
        official = stamp(at - 2 * DAY)
        digest = hashlib.sha256(source.encode()).hexdigest()
        for town in towns:
            self._towns.append(
                (
                    *(town.id, town.country, f"lau:{town.code}", town.code, town.name, town.region),
                    *(town.population, ",".join(town.languages), town.own_zone, official, town.nuts),
                    *(town.degurba, "EU-27-LAU-simulated.xlsx", official),
                )
            )
        moment = stamp(at)
        for line, desk in enumerate(desks, 2):
            kind = "named" if desk.person else "institutional"
            self._contacts.append(
                (
                    *(desk.id, desk.town.id, desk.email, desk.email, kind, desk.person, desk.role, source),
                    *(digest, line, moment, moment, number, "GDPR Art. 6 (1) e: task in the public interest"),
                )
            )
        self._load.written()

    def write(self, campaign: int, sender: str, happened: Happened, launched: int) -> None:
        """The rows of one campaign."""
        happened.mails.sort(key=lambda mail: mail.created)
        happened.inbound.sort(key=lambda inbound: inbound.received)
        happened.events.sort(key=lambda event: event.at)
        for mail in happened.mails:
            self._messages += 1
            mail.id = self._messages
        for inbound in happened.inbound:
            self._inbound += 1
            inbound.id = self._inbound
        moment = stamp(launched)
        for to in happened.recipients:
            self._recipients.append(
                (
                    *(to.id, campaign, to.desk.id, to.desk.town.id, to.desk.email, to.language, to.excluded),
                    *(to.addressed_as, to.named_by, to.not_before, moment),
                )
            )
        domain = f"{sender}.members.example"
        for mail in happened.mails:
            self._mail(campaign, sender, domain, mail)
        self._load.written()
        for inbound in happened.inbound:
            self._letter(sender, inbound)
        self._load.written()
        for event in happened.events:
            about = event.mail
            self._events.append(
                (
                    *(stamp(event.at), event.kind, campaign, about.to.desk.town.id, about.to.id, about.id),
                    event.inbound.id if event.inbound else None,
                    *(event.detail, stamp_or_none(event.undone_at)),
                )
            )
        self._load.written()
        self._consequences(campaign, happened)
        self._load.written()

    def _mail(self, campaign: int, sender: str, domain: str, mail: Mail) -> None:
        token = tokens.issue(self._key, mail.id.to_bytes(tokens.NONCE_BYTES, "big"))
        self._mails.append(
            (
                *(mail.id, campaign, mail.to.id, mail.step, sender, mail.email, mail.email, mail.to.language),
                *(tokens.message_id(token, domain), token, mail.state, mail.reason, stamp(mail.due)),
                *(mail.attempts, stamp_or_none(mail.handed), stamp_or_none(mail.sent)),
                *(mail.answers.id if mail.answers else None, stamp(mail.created)),
            )
        )
        for one in mail.tries:
            said = (one.outcome, one.stage, one.code, one.enhanced, one.text)
            self._tries.append((mail.id, sender, stamp(one.at), *said))

    def _letter(self, sender: str, one: Inbound) -> None:
        uid = self._uids.get(sender, 0) + 1
        self._uids[sender] = uid
        waits = one.state is InboxState.OPEN
        kept = waits or one.received > self._now - ANSWERS_DAYS * DAY
        received = stamp(one.received)
        resolved = (None, None) if one.resolved_at is None else ("office", stamp(one.resolved_at))
        self._letters.append(
            (
                *(one.id, sender, "INBOX", 1, uid, hashlib.sha256(f"{one.id}".encode()).hexdigest()),
                *(one.state, one.note, one.from_address if kept else None, one.subject if kept else ""),
                *(stamp(one.at), received, _raw(one) if kept else None, *resolved),
            )
        )
        said = (one.kind, one.intent, one.mail.to.language.partition("+")[0], one.confidence, one.detector)
        evidence = json.dumps(["made up"] if kept else [])
        rest = (evidence, one.text if kept else None, json.dumps(one.details if kept else {}))
        self._verdicts.append((one.id, received, "outreach", *said, *rest))
        if one.corrected is not None:
            at, kind, intent = one.corrected
            by_hand = (kind, intent, one.mail.to.language.partition("+")[0], 1.0, "a person")
            self._verdicts.append((one.id, stamp(at), "office", *by_hand, *rest))
        self._matches.append((one.id, one.mail.id, one.rung, "made up"))

    def _consequences(self, campaign: int, happened: Happened) -> None:
        for claim in happened.claims:
            subject = claim.subject
            if claim.kind is EffectKind.BOUNCE:
                subject = str(claim.inbound.mail.id)
            elif claim.kind is EffectKind.SUPPRESSION:
                subject = tokens.suppression_key(self._key, subject)
            details = json.dumps(claim.details)
            undone = stamp_or_none(claim.undone_at)
            self._effects.append((claim.inbound.id, stamp(claim.at), claim.kind, subject, details, undone))
        for town, place in happened.places.items():
            who = (place.state, place.name, place.email, place.inbound.id)
            times = (stamp(place.created), stamp(place.updated))
            self._places.append((campaign, town, *who, *times, happened.progress.get(town)))
        for peace in happened.peace:
            key = tokens.suppression_key(self._key, peace.email)
            source = f"inbox {peace.inbound.id}" if peace.inbound else f"message {peace.mail.id}"
            self._peace.append(
                (key, SuppressionScope.ADDRESS, peace.email, peace.reason, source, stamp(peace.at))
            )
        for wish in happened.wishes:
            at, state = wish.decided or (None, ProposalState.OPEN)
            inbound = wish.inbound.id if wish.inbound else None
            self._wishes.append(
                (
                    *(inbound, wish.mail.id, wish.mail.to.desk.town.id, wish.reason, wish.email, state),
                    *(stamp(wish.at), stamp_or_none(at), "office" if at else None),
                )
            )

    def close(self) -> None:
        """How far each mailbox was read."""
        for sender, uid in self._uids.items():
            self._cursors.append((sender, "INBOX", 1, uid, stamp(self._now)))


def _raw(one: Inbound) -> bytes:
    return (
        f"From: <{one.from_address}>\r\nSubject: {one.subject}\r\nDate: {stamp(one.at)[:19]} +0000\r\n"
        f"\r\n{one.text or ''}\r\n"
    ).encode()
