"""Which of our messages an inbound message answers: the clues it carries, the surest first.

A clue is only what stands in the message; whether a Message-ID, token or address is ours is looked up by the
caller, who takes the first clue that leads to a message and records its rung.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from outreach.inbound import bounces, calendars, feedback, headers, reports
from outreach.inbound.parse import Parsed
from outreach.inbound.providers import PUBLIC_MAIL_DOMAINS
from outreach.inbound.tokens import tokens_in
from outreach.model.states import Rung
from outreach.model.values import FormRegistration, Verdict

_OUR_ID = "x-outreach-message-id"
_PLUS = re.compile(r"\+([^@]+)@")
_MAX_REFERENCES = 100  # a thread has a few; the last are the nearest


@dataclass(frozen=True, slots=True)
class Clue:
    """One hint at the message that is answered.

    ``value`` is, by rung: a Message-ID with its brackets; a calendar UID as it came; a token in lower case;
    an address in lower case; a domain.
    """

    rung: Rung
    value: str
    evidence: str  # where it stood


def is_own(parsed: Parsed, own_addresses: Collection[str]) -> bool:
    """Whether we sent this ourselves: a copy from the Sent folder, a test mail, never an answer.

    ``own_addresses`` are the senders' addresses, lower case. A mail from one of them that replies to another
    mail is a colleague's answer by hand only if it is addressed to one of them too.
    """
    if parsed.from_address is None or parsed.from_address not in own_addresses:
        return False
    replies = bool(parsed.in_reply_to or parsed.references) and _OUR_ID not in parsed.headers
    return not (replies and any(address in own_addresses for address in parsed.to))


def clues(
    parsed: Parsed, *, own_addresses: Collection[str], verdict: Verdict | None = None
) -> Iterator[Clue]:
    """The clues in the order of the ladder, each value once for each rung.

    ``verdict`` saves reading a bounce a second time, where it was classified before.
    """
    seen: set[tuple[Rung, str]] = set()
    for clue in _all(parsed, own_addresses, verdict):
        if (clue.rung, clue.value) not in seen:
            seen.add((clue.rung, clue.value))
            yield clue


def form_clues(form: FormRegistration) -> Iterator[Clue]:
    """The clues in an entry of a form. The value of the last is a municipality's name as it was written."""
    if form.email:
        yield Clue(Rung.ADDRESS, form.email.lower(), "e-mail address in the form")
    if form.municipality:
        yield Clue(Rung.MUNICIPALITY, form.municipality, "municipality in the form")
    domain = (form.email or "").rpartition("@")[2].lower()
    if domain and domain not in PUBLIC_MAIL_DOMAINS:
        yield Clue(Rung.DOMAIN, domain, "e-mail address in the form")


def _all(parsed: Parsed, own: Collection[str], verdict: Verdict | None) -> Iterator[Clue]:
    for value in parsed.in_reply_to:
        yield Clue(Rung.IN_REPLY_TO, value, "In-Reply-To")
    for value in reversed(parsed.references[-_MAX_REFERENCES:]):
        yield Clue(Rung.REFERENCES, value, "References")
    returned = bounces.returned_headers(parsed)
    # Our own header first: relays rewrite Message-IDs.
    for name in (_OUR_ID, "message-id", "references", "in-reply-to"):
        for value in headers.message_ids(tuple(returned.get(name, ()))[-_MAX_REFERENCES:]):
            yield Clue(Rung.RETURNED_HEADERS, value, f"{name} of the returned message")
    for part in parsed.parts:
        if part.content_type == "text/calendar" or (part.filename or "").lower().endswith(".ics"):
            answer = calendars.read(part)
            if answer is not None:
                yield Clue(Rung.CALENDAR_UID, answer.uid, f"UID of {part.content_type}")
    for address in (*parsed.to, *_addressed(returned)):
        for tag in _PLUS.findall(address):
            for token in tokens_in(tag):
                yield Clue(Rung.PLUS_ADDRESS, token, address)
    yield from _tokens(parsed, returned)
    yield from _addresses(parsed, own, verdict or bounces.detect(parsed))


def _addressed(returned: dict[str, list[str]]) -> Iterator[str]:
    for name in ("return-path", "reply-to"):
        for value in returned.get(name, ()):
            yield from headers.addresses(value)


def _tokens(parsed: Parsed, returned: dict[str, list[str]]) -> Iterator[Clue]:
    places = [("subject", parsed.subject), ("text", parsed.text or ""), ("html", parsed.html or "")]
    places += [
        (f"{name} of the returned message", value)
        for name in ("list-unsubscribe", "subject")
        for value in returned.get(name, ())
    ]
    for part in parsed.parts:
        if part.content_type in reports.RETURNED_TYPES:
            places.append(("returned message", part.text()))
    for where, text in places:
        for token in tokens_in(text):
            yield Clue(Rung.TOKEN, token, where)


def _addresses(parsed: Parsed, own: Collection[str], verdict: Verdict | None) -> Iterator[Clue]:
    if verdict is not None and verdict.bounces:
        for bounce in verdict.bounces:
            if bounce.recipient and bounce.recipient not in own:
                yield Clue(Rung.ADDRESS, bounce.recipient, "recipient of the report")
        for address in reports.final_recipients(parsed):
            if address not in own:
                yield Clue(Rung.ADDRESS, address, "Final-Recipient")
        return
    for address in feedback.complained(parsed) if parsed.part("message/feedback-report") else ():
        if address not in own:
            yield Clue(Rung.ADDRESS, address, "feedback report")
    # Forms and shared mailboxes answer from a machine's address; Reply-To is then the person's.
    named = [("From", parsed.from_address)]
    named += [
        ("Reply-To", address)
        for value in parsed.headers.get("reply-to", ())
        for address in headers.addresses(value)
    ]
    found = [(where, address) for where, address in named if address and address not in own]
    for where, address in found:
        yield Clue(Rung.ADDRESS, address, where)
    for where, address in found:
        domain = address.rpartition("@")[2]
        if domain not in PUBLIC_MAIL_DOMAINS and "." in domain and not domain.startswith("["):
            yield Clue(Rung.DOMAIN, domain, where)
