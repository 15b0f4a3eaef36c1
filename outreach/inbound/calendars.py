"""Answers to calendar invitations: text/calendar with METHOD:REPLY or COUNTER (RFC 5546, RFC 6047).

A reader of content lines (RFC 5545, section 3.1) of its own: only five properties are wanted, clients break
the grammar in ways a full parser refuses, and the reading must not raise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from outreach.inbound import headers
from outreach.inbound.parse import Parsed, Part
from outreach.model.states import InboundKind
from outreach.model.values import Rsvp, Verdict

_MAX_CALENDAR = 1_000_000  # bytes read
_FOLD = re.compile(r"\r?\n[ \t]")
_LINE = re.compile(r'([A-Za-z0-9-]+)[ \t]*+((?:;[^":;]*+(?:"[^"]*+"[^":;]*+)*+)*+):(.*)', re.DOTALL)
_PARAM = re.compile(r';[ \t]*+([A-Za-z0-9-]+)[ \t]*+=[ \t]*+("[^"]*+"|[^";]*+)')
_ESCAPE = re.compile(r"\\(.)")

_ANSWERS = {
    "ACCEPTED": "accepted",
    "COMPLETED": "accepted",
    "IN-PROCESS": "accepted",
    "DECLINED": "declined",
    "TENTATIVE": "tentative",
}
_CALENDAR_TYPES = ("text/calendar", "application/ics", "text/x-vcalendar")


@dataclass(frozen=True, slots=True)
class Line:
    """A content line: property name in upper case, parameters with names in upper case, value as written."""

    name: str
    params: dict[str, str]
    value: str

    def text(self) -> str:
        """The value with the escapes of TEXT undone (RFC 5545, section 3.3.11)."""
        return _ESCAPE.sub(lambda found: "\n" if found[1] in "nN" else found[1], self.value)


def content_lines(text: str) -> Iterator[Line]:
    """The content lines of a calendar, unfolded; what is none is passed over."""
    for raw in _FOLD.sub("", text).split("\n"):
        found = _LINE.match(raw.strip("\r\ufeff "))
        if found is not None:
            params = {param[1].upper(): param[2].strip(' \t"') for param in _PARAM.finditer(found[2])}
            yield Line(found[1].upper(), params, found[3].strip())


@dataclass(frozen=True, slots=True)
class Answer:
    """What one calendar part says: its method, and the attendee's answer to one event."""

    method: str  # upper case
    uid: str
    partstat: str  # upper case, "" where none is given
    attendee: str | None  # address, lower case
    delegates: tuple[str, ...]  # to whom the attendee passed it on
    comment: str | None
    start: str | None  # DTSTART as written: the proposed time of a COUNTER


def read(part: Part, from_address: str | None = None) -> Answer | None:
    """The answer in a calendar part, or ``None`` where there is no event in it.

    Where several attendees are listed, the one of ``from_address`` answers.
    """
    method = part.params.get("method", "").upper()
    uid = comment = start = None
    attendees: list[tuple[str | None, str, tuple[str, ...]]] = []
    inside: list[str] = []
    calendar = Part("text/calendar", part.params, None, None, part.payload[:_MAX_CALENDAR], 0)
    for line in content_lines(calendar.text()):
        if line.name == "BEGIN":
            inside.append(line.value.upper())
        elif line.name == "END":
            del inside[-1:]
        elif line.name == "METHOD" and len(inside) <= 1:
            method = line.value.upper()
        elif inside[-1:] in (["VEVENT"], ["VTODO"]):
            if line.name == "UID":
                uid = uid or line.value
            elif line.name == "COMMENT":
                comment = comment or line.text().strip() or None
            elif line.name == "DTSTART":
                start = start or line.value
            elif line.name == "ATTENDEE":
                address = next(headers.addresses(line.value), None) or next(
                    headers.addresses(line.params.get("EMAIL", "")), None
                )
                delegates = tuple(headers.addresses(line.params.get("DELEGATED-TO", "")))
                attendees.append((address, line.params.get("PARTSTAT", "").upper(), delegates))
    if not uid:
        return None
    own = [entry for entry in attendees if entry[0] == from_address]
    address, partstat, delegates = (own or attendees or [(None, "", ())])[0]
    if len(attendees) > 1 and partstat in {"DELEGATED", "NEEDS-ACTION", ""}:
        # A delegate answers beside the one who delegated (RFC 5546, section 3.2.2.3).
        answered = [entry for entry in attendees if entry[1] in _ANSWERS]
        if answered:
            address, partstat, _ = answered[0]
    return Answer(method, uid, partstat, address, delegates, comment, start)


def detect(parsed: Parsed) -> Verdict | None:
    """An answer to an invitation, or ``None``. A COUNTER (another time is proposed) is tentative, with a
    note; a delegation names the delegate in ``refer_to``."""
    for part in parsed.parts:
        if part.content_type not in _CALENDAR_TYPES and not (part.filename or "").lower().endswith(".ics"):
            continue
        answer = read(part, parsed.from_address)
        if answer is None:
            continue
        evidence: tuple[str, ...] = (f"METHOD:{answer.method}", f"PARTSTAT={answer.partstat}")
        if answer.method == "REPLY":
            word = _ANSWERS.get(answer.partstat)
            if answer.partstat == "DELEGATED":
                word = "tentative"
            if word is None:
                continue
        elif answer.method == "COUNTER":
            word = "tentative"
            evidence += (f"another time is proposed: {answer.start}",)
        else:
            continue
        if answer.comment:
            evidence += (f"comment: {answer.comment[:500]}",)
        return Verdict(
            kind=InboundKind.RSVP,
            detector="calendar_reply",
            confidence=1.0 if part.content_type == "text/calendar" else 0.95,
            evidence=evidence,
            text=answer.comment,
            refer_to=answer.delegates if answer.partstat == "DELEGATED" else (),
            rsvp=Rsvp(answer=word, uid=answer.uid, attendee=answer.attendee or parsed.from_address),
        )
    return None
