"""Calendar invitations: iCalendar text (RFC 5545) for iTIP requests and cancellations (RFC 5546, section
3.2).

Times are in UTC. That is exact, needs no time zone table (whose rules change), and every calendar shows it in
its reader's own zone; the mail around it speaks the session's local time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum, unique

from outreach.delivery.headers import Mailbox, clean_text, split_address
from outreach.errors import InputError
from outreach.model.values import Session

_PRODUCT = "-//Smart Communities Network//Outreach//EN"
_LINE_OCTETS = 75  # RFC 5545, section 3.1, without the line end
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_URI = re.compile(r"[a-z][a-z0-9+.-]*:[\x21-\x7e]+", re.IGNORECASE)


@unique
class Method(StrEnum):
    REQUEST = "REQUEST"
    CANCEL = "CANCEL"


@dataclass(frozen=True, slots=True)
class Invitation:
    """One calendar object, ready for :class:`~outreach.delivery.compose.Letter`."""

    method: Method
    ics: bytes  # UTF-8, lines ending with CRLF and at most 75 octets long


def event_uid(token: str, domain: str) -> str:
    """The UID of the event sent with the message of ``token``. A REPLY repeats it, and so names the message;
    it is the Message-ID without its brackets."""
    return f"{token}@{domain.lower()}"


def request(
    session: Session,
    *,
    organizer: Mailbox,
    attendee: Mailbox,
    uid: str,
    stamp: datetime,
    sequence: int = 0,
    accepted: bool = False,
) -> Invitation:
    """The invitation of ``attendee`` to ``session``; sent again with a higher ``sequence``, a change of it.

    :param accepted: the attendee has said yes: calendars enter the session and ask nothing.
    :param organizer: the mailbox that reads the answers.
    :param stamp: when the object is made; aware.
    :raises InputError: the session ends before it starts, a time is not aware, or an address cannot be one.
    """
    return _calendar(Method.REQUEST, session, organizer, attendee, uid, stamp, sequence, accepted)


def cancel(
    session: Session,
    *,
    organizer: Mailbox,
    attendee: Mailbox,
    uid: str,
    stamp: datetime,
    sequence: int,
) -> Invitation:
    """Takes the event ``uid`` back. ``sequence`` has to be higher than that of the last request sent.

    :raises InputError: as :func:`request`.
    """
    return _calendar(Method.CANCEL, session, organizer, attendee, uid, stamp, sequence)


def _calendar(
    method: Method,
    session: Session,
    organizer: Mailbox,
    attendee: Mailbox,
    uid: str,
    stamp: datetime,
    sequence: int,
    accepted: bool = False,
) -> Invitation:
    if session.end <= session.start:
        raise InputError(
            f"The session {session.title!r} ends at {session.end} and starts at {session.start}.",
            "Correct its times in the campaign.",
        )
    state = "CONFIRMED" if method is Method.REQUEST else "CANCELLED"
    guest = "CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT"
    if method is Method.REQUEST:
        guest += ";PARTSTAT=ACCEPTED;RSVP=FALSE" if accepted else ";PARTSTAT=NEEDS-ACTION;RSVP=TRUE"
    lines = [
        "BEGIN:VCALENDAR",
        f"PRODID:{_PRODUCT}",
        "VERSION:2.0",
        "CALSCALE:GREGORIAN",
        f"METHOD:{method}",
        "BEGIN:VEVENT",
        f"UID:{_text(uid)}",
        f"DTSTAMP:{_utc(stamp, 'the stamp')}",
        f"DTSTART:{_utc(session.start, 'the start')}",
        f"DTEND:{_utc(session.end, 'the end')}",
        f"SEQUENCE:{sequence}",
        f"STATUS:{state}",
        "TRANSP:OPAQUE",
        f"SUMMARY:{_text(session.title)}",
        f"ORGANIZER{_common_name(organizer)}:mailto:{_address(organizer)}",
        f"ATTENDEE;{guest}{_common_name(attendee)}:mailto:{_address(attendee)}",
    ]
    where = " / ".join(part for part in (session.place, session.room, session.online) if part)
    if where:
        lines.append(f"LOCATION:{_text(where)}")
    # Some calendars show neither URL nor LOCATION in full: the link to the room stands in the description
    # too.
    about = "\n\n".join(part for part in (session.details, "\n".join(session.agenda), session.online) if part)
    if about:
        lines.append(f"DESCRIPTION:{_text(about)}")
    if session.online and _URI.fullmatch(session.online):
        lines.append(f"URL:{session.online}")
    lines += ["END:VEVENT", "END:VCALENDAR"]
    return Invitation(method, b"".join(_fold(line) for line in lines))


def _utc(time: datetime, what: str) -> str:
    if time.tzinfo is None:
        raise InputError(f"The time of {what} has no time zone: {time}.", "Give it one.")
    return time.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _text(value: str) -> str:
    """Escaped as RFC 5545, section 3.3.11 says; line ends of any kind are \\n."""
    value = _CONTROLS.sub(" ", value.replace("\r\n", "\n").replace("\r", "\n")).strip()
    return value.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def _common_name(mailbox: Mailbox) -> str:
    # A quoted parameter can hold anything but a double quote (RFC 5545, section 3.1); the ^' of RFC 6868 is
    # shown raw by calendars that do not know it, a single quote by none.
    name = clean_text(mailbox.name).replace('"', "'")
    return f';CN="{name}"' if name else ""


def _address(mailbox: Mailbox) -> str:
    split_address(mailbox.address)  # raises for what cannot be one
    return mailbox.address


def _fold(line: str) -> bytes:
    """Folded after at most 75 octets, never inside a character, with CRLF."""
    raw = line.encode("utf-8")
    if len(raw) <= _LINE_OCTETS:
        return raw + b"\r\n"
    parts: list[bytes] = []
    start, room = 0, _LINE_OCTETS
    while len(raw) - start > room:
        end = start + room
        while raw[end] & 0xC0 == 0x80:
            end -= 1
        parts.append(raw[start:end])
        start, room = end, _LINE_OCTETS - 1  # the space that marks a continuation counts
    parts.append(raw[start:])
    return b"\r\n ".join(parts) + b"\r\n"
