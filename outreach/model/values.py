"""Values that cross from one part of the program to another: frozen, without behaviour, without a database.

A value that only one package makes and only ``jobs`` reads lives in that package.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

from outreach.model.states import (
    ContactKind,
    InboundKind,
    Intent,
    MessageState,
    OutcomeKind,
    RegistrationState,
)


@dataclass(frozen=True, slots=True)
class Place:
    """A municipality as a contact list or an official list names it."""

    country: str  # ISO 3166-1 alpha-2; Greece is GR
    name: str
    code: str | None = None  # the country's LAU code, leading zeros kept
    region: str | None = None  # ISO 3166-2 where it could be told, as "DE-BY"
    population: int | None = None
    languages: tuple[str, ...] = ()  # ISO 639-1, in the order mail should try them; empty: the country's
    time_zone: str | None = None  # IANA name; None: the country's


@dataclass(frozen=True, slots=True)
class ContactRow:
    """One address of one municipality, as an import accepted it."""

    place: Place
    email: str  # as it is written to: local part as given, domain in lower case
    kind: ContactKind
    line: int  # in the file, counted from 1, the header included
    person: str | None = None
    role: str | None = None
    language: str | None = None

    @property
    def email_key(self) -> str:
        """What makes two addresses the same: the whole address in lower case."""
        return self.email.casefold()


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that goes with a mail, and stands in its HTML as ``cid:<content_id>`` (RFC 2392)."""

    content_id: str  # without brackets
    kind: str  # "image/png"
    width: int  # as it is shown, in CSS pixels
    height: int
    data: str  # base64, without line ends


@dataclass(frozen=True, slots=True)
class Session:
    """A meeting a campaign invites to. Times are aware."""

    title: str
    start: datetime
    end: datetime
    time_zone: str  # IANA; the zone the times are spoken in
    place: str | None = None
    online: str | None = None  # link to the online room
    details: str | None = None
    room: str | None = None
    agenda: tuple[str, ...] = ()  # its items in order, each a line
    speakers: tuple[str, ...] = ()
    interpretation: tuple[str, ...] = ()  # languages interpreted, ISO 639-1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the SMTP server, or the lack of one, said to one attempt."""

    kind: OutcomeKind
    stage: str  # connect, starttls, auth, mail, rcpt, data, end_of_data
    code: int | None = None  # RFC 5321 reply code
    enhanced: str | None = None  # RFC 3463, as "5.1.1"
    text: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows from an outcome. ``state`` is where the message goes."""

    state: MessageState
    reason: str
    retry_at: datetime | None = None
    burns_attempt: bool = True
    stop_sender: bool = False  # stop sending through this sender for the rest of the run
    pause_sender_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Bounce:
    """One recipient of a delivery report."""

    recipient: str | None
    hard: bool  # the address itself is dead: the only case in which it is suppressed
    status: str | None  # RFC 3463, as "5.1.1"
    reason: str  # user_unknown, mailbox_full, ...: the names of inbound/reasons.toml
    diagnostic: str | None = None


@dataclass(frozen=True, slots=True)
class Rsvp:
    """An answer to a calendar invitation (RFC 5546, METHOD:REPLY)."""

    answer: str  # accepted, declined, tentative
    uid: str
    attendee: str | None = None


@dataclass(frozen=True, slots=True)
class FormRegistration:
    """What a form tool told us about somebody who registered."""

    name: str | None = None
    email: str | None = None
    municipality: str | None = None
    fields: dict[str, str] = field(default_factory=dict)
    takes_part: bool = True  # False: the entry cancels, or says no
    confirmed: bool = False  # the tool itself has sent a confirmation
    campaign: str | None = None  # slug of the campaign the form belongs to; None: the one answered


@dataclass(frozen=True, slots=True)
class Coming:
    """Who comes, as far as a person wrote it into a registration."""

    people: int | None  # how many
    place: Literal["online", "on_site", "both"] | None
    names: tuple[str, ...]  # of people, without their titles


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an inbound message is and means, and why we think so."""

    kind: InboundKind
    detector: str
    confidence: float  # 0 to 1; below the threshold a person decides
    evidence: tuple[str, ...] = ()  # which header, which phrase, where
    intent: Intent | None = None
    language: str | None = None
    bounces: tuple[Bounce, ...] = ()
    text: str | None = None  # what the person newly wrote
    until: date | None = None  # an absence: the day of return, or the last day away, as written
    refer_to: tuple[str, ...] = ()
    rsvp: Rsvp | None = None
    registration: FormRegistration | None = None
    coming: Coming | None = None  # of a reply that registers
    registrations: tuple[
        FormRegistration, ...
    ] = ()  # of a list with several entries: all, the first included


@dataclass(frozen=True, slots=True)
class RegistrationChange:
    """A registration, a maybe or a withdrawal to be written down."""

    state: RegistrationState
    name: str | None = None
    email: str | None = None
