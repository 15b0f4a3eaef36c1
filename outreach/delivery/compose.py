"""A rendered mail -> its bytes.

What is the same in every mail of a campaign, step, language and sender is encoded once, in :class:`Composer`;
a message joins those parts with its own by hand (building an ``EmailMessage`` costs about eighty times as
much). Texts come encoded (:mod:`outreach.delivery.segments`), or whole, and then are base64 in UTF-8.

The header fields, and why:

- ``Message-ID``, and the same id in ``References`` and ``X-Outreach-Message-ID``: relays rewrite the first;
  replies carry References on, bounces return the whole header.
- ``List-Unsubscribe`` (RFC 2369) with a mailto: that carries the token; ``List-Unsubscribe-Post`` (RFC 8058)
  only beside an https address, as it means nothing without.
- ``List-Id`` (RFC 2919) lets a recipient sort all mails of a campaign; ``Feedback-ID`` lets Google's
  complaint statistics tell campaigns apart.
- ``Auto-Submitted: auto-generated`` (RFC 3834, section 5): a program sends these mails, and two robots must
  not answer each other for ever. Its price: responders that follow the RFC (Sieve's vacation) stay silent.
- No ``X-Auto-Response-Suppress``: it would keep Exchange from telling us that somebody is away until a date,
  by which the reminder is moved. No ``Precedence``: not a standard, and ``bulk`` costs the same notes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from outreach.delivery.headers import (
    HARD_LIMIT,
    Mailbox,
    address_field,
    domain_to_ascii,
    envelope_address,
    identifier,
    unstructured,
)
from outreach.delivery.invitation import Invitation
from outreach.delivery.segments import ENCODINGS, Encoded, base64_lines, canonical
from outreach.errors import InputError

# "=_" cannot stand in base64 nor in quoted-printable text, so no body can hold a boundary (RFC 2045, section
# 6.7).
_ALTERNATIVE = "=_outreach_alternative"
_RELATED = "=_outreach_related"
_MIXED = "=_outreach_mixed"
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Letterhead:
    """What is the same in every mail of one campaign, step, language and sender."""

    sender: Mailbox
    language: str  # BCP 47, as "de"
    list_id: str  # without brackets, in a domain of the sender: "lordimas.de.network.example"
    reply_to: Mailbox | None = None  # None: answers come to the sender's address
    unsubscribe_mailbox: str | None = (
        None  # the address that reads opt-outs; None: reply_to, else the sender's
    )
    feedback: tuple[str, ...] = ()  # at most four, the last of feedback_sender()
    replies: bool = False  # its mails answer mails (RFC 3834, section 5)


class Letter(NamedTuple):
    """One mail to one recipient. (A tuple, like what else is made for every mail: it costs a third.)"""

    token: str  # empty: a mail to colleagues, who do not unsubscribe
    message_id: str  # with its angle brackets, as stored with the message
    recipient: Mailbox
    date: datetime  # aware
    subject: str
    text: str | Encoded
    html: str | Encoded
    reply_to: str | None = (
        None  # an address of this message's own (plus-address), instead of the letterhead's
    )
    unsubscribe_url: str | None = None  # https, taking the POST of RFC 8058
    references: tuple[str, ...] = ()  # Message-IDs of the mails it follows, the oldest first
    in_reply_to: str | None = None  # Message-ID of the mail it answers
    invitation: Invitation | None = None
    pictures: tuple[bytes, ...] = ()  # that the HTML shows: delivery.pictures.part


class Composer:
    """Composes the mails of one letterhead."""

    def __init__(self, letterhead: Letterhead) -> None:
        """:raises InputError: an address or an identifier of the letterhead cannot be one."""
        sender = letterhead.sender
        reply_to = letterhead.reply_to or sender
        self._reply_name = reply_to.name
        self._reply_to = address_field("Reply-To", [reply_to])
        self._from = address_field("From", [sender])
        opt_out = envelope_address(letterhead.unsubscribe_mailbox or reply_to.address)
        self._unsubscribe = f"List-Unsubscribe: <mailto:{_mailto(opt_out)}?subject=unsubscribe%20"
        fixed = [
            identifier("List-Id", f"<{domain_to_ascii(letterhead.list_id)}>"),
            b"Auto-Submitted: auto-replied\r\n"
            if letterhead.replies
            else b"Auto-Submitted: auto-generated\r\n",
            identifier("Content-Language", letterhead.language),
        ]
        if letterhead.feedback:
            name = ":".join(_feedback_part(part) for part in letterhead.feedback)
            fixed.append(identifier("Feedback-ID", name))
        fixed.append(b"MIME-Version: 1.0\r\n")
        self._fixed = b"".join(fixed)
        self._subject = ("", unstructured("Subject", ""))  # the last one: most mails of a step share it
        self._second = (0, _date(_EPOCH))

    def compose(self, letter: Letter) -> bytes:
        """The whole message: lines end with CRLF and are at most 998 octets long, all of it ASCII unless a text
        is 8bit or the recipient's local part is not (RFC 6532). No line begins with a dot.

        :raises InputError: an address cannot be one, or an identifier holds what a header cannot carry.
        """
        own = identifier("Message-ID", letter.message_id)
        reply_to = self._reply_to
        if letter.reply_to is not None:
            reply_to = address_field("Reply-To", [Mailbox(letter.reply_to, self._reply_name)])
        if (second := int(letter.date.timestamp())) != self._second[0] or letter.date.tzinfo is None:
            self._second = (second, _date(letter.date))
        if letter.subject != self._subject[0]:
            self._subject = (letter.subject, unstructured("Subject", letter.subject))
        head = [
            self._second[1],
            self._from,
            address_field("To", [letter.recipient]),
            reply_to,
            self._subject[1],
            own,
            # as long as Message-ID, and so folded alike
            identifier("References", " ".join((*letter.references, letter.message_id)))
            if letter.references
            else b"References" + own[len("Message-ID") :],
            b"X-Outreach-Message-ID" + own[len("Message-ID") :],
            self._unsubscribe_fields(letter),
            self._fixed,
        ]
        if letter.in_reply_to is not None:
            head.insert(5, identifier("In-Reply-To", letter.in_reply_to))
        text, html = _encoded(letter.text), _encoded(letter.html)
        eight_bit = text.encoding == "8bit" or html.encoding == "8bit"
        whole = _EIGHT_BIT if eight_bit else b""  # as what holds it: RFC 2045, section 6.4
        alternatives = (
            whole,
            _ALTERNATIVE_START,
            _TEXT_START[text.encoding],
            *text.pieces,
            *_html(html, letter.pictures, whole),
        )
        if letter.invitation is None:
            return b"".join((*head, *alternatives, _ALTERNATIVE_END))
        method = letter.invitation.method.encode("ascii")
        ics = base64_lines(letter.invitation.ics)
        return b"".join(
            (
                *head,
                whole,
                _MIXED_START,
                *alternatives,
                _CALENDAR_START % method,
                ics,
                _ALTERNATIVE_END,
                _ATTACHMENT_START % method,
                ics,
                _MIXED_END,
            )
        )

    def _unsubscribe_fields(self, letter: Letter) -> bytes:
        if not letter.token:
            return b""
        if not letter.token.replace("-", "").isalnum():
            raise InputError(f"{letter.token!r} is no token.", "Issue it with tokens.issue.")
        mailto = f"{self._unsubscribe}{letter.token}>"
        url = letter.unsubscribe_url
        if url is None:
            field = mailto + "\r\n"
        else:
            if not url.startswith("https://") or set(url) & set("<> \r\n") or len(url) > HARD_LIMIT - 4:
                raise InputError(
                    f"The unsubscribe address {url!r} cannot be used.", "Give an https:// address."
                )
            field = f"{mailto},\r\n <{url}>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
        if not (field.isascii() and field.replace("\r\n", "").isprintable()):
            raise InputError(f"{field!r} cannot stand in a header.", "Use an ASCII address or URL.")
        return field.encode("ascii")


def _encoded(text: str | Encoded) -> Encoded:
    return text if isinstance(text, Encoded) else Encoded("base64", (base64_lines(canonical(text)),))


def _html(html: Encoded, pictures: tuple[bytes, ...], whole: bytes) -> tuple[bytes, ...]:
    """The HTML as an alternative, with the pictures it shows (RFC 2387)."""
    if not pictures:
        return (_HTML_START[html.encoding], *html.pieces)
    shown = [part for picture in pictures for part in (_RELATED_NEXT, picture)]
    start = (_ALTERNATIVE_NEXT, whole, _RELATED_START, _HTML_PART[html.encoding])
    return (*start, *html.pieces, *shown, _RELATED_END)


def _part(content_type: str, *more: str, encoding: str = "base64") -> bytes:
    fields = (f"Content-Type: {content_type}", f"Content-Transfer-Encoding: {encoding}", *more)
    return "\r\n".join((*fields, "", "")).encode("ascii")


def _delimiter(boundary: str, end: str = "") -> bytes:
    return f"--{boundary}{end}\r\n".encode("ascii")


# The order of the alternatives is from the plainest to the richest (RFC 2046, section 5.1.4): Outlook, Gmail
# and Apple Mail look for the calendar as the last alternative; the attachment is for those that only open
# files.
_EIGHT_BIT = b"Content-Transfer-Encoding: 8bit\r\n"
_ALTERNATIVE_START = (
    f'Content-Type: multipart/alternative; boundary="{_ALTERNATIVE}"\r\n\r\n'.encode()
    + _delimiter(_ALTERNATIVE)
)
_ALTERNATIVE_NEXT = _delimiter(_ALTERNATIVE)
_TEXT_START, _HTML_PART = (
    {encoding: _part(f"{kind}; charset=utf-8", encoding=encoding) for encoding in ENCODINGS}
    for kind in ("text/plain", "text/html")
)
_HTML_START = {encoding: _ALTERNATIVE_NEXT + part for encoding, part in _HTML_PART.items()}
_RELATED_NEXT = _delimiter(_RELATED)
_RELATED_START = (
    f'Content-Type: multipart/related; boundary="{_RELATED}"; type="text/html"\r\n\r\n'.encode()
    + _RELATED_NEXT
)
_RELATED_END = _delimiter(_RELATED, "--")
_CALENDAR_START = _ALTERNATIVE_NEXT + _part("text/calendar; charset=utf-8; method=%s")
_ALTERNATIVE_END = _delimiter(_ALTERNATIVE, "--")
_MIXED_START = f'Content-Type: multipart/mixed; boundary="{_MIXED}"\r\n\r\n'.encode() + _delimiter(_MIXED)
_ATTACHMENT_START = _delimiter(_MIXED) + _part(
    'application/ics; name="invite.ics"; method=%s', 'Content-Disposition: attachment; filename="invite.ics"'
)
_MIXED_END = _delimiter(_MIXED, "--")


def _date(time: datetime) -> bytes:
    if time.tzinfo is None:
        raise InputError(f"The date of a mail has no time zone: {time}.", "Give it one.")
    utc = time.astimezone(UTC)
    return (
        f"Date: {_DAYS[utc.weekday()]}, {utc.day:02d} {_MONTHS[utc.month - 1]} {utc.year:04d} "
        f"{utc:%H:%M:%S} +0000\r\n"
    ).encode("ascii")


def _mailto(address: str) -> str:
    """An address inside a mailto: URI (RFC 6068): what is reserved there is percent-encoded."""
    return "".join(
        character if character.isalnum() or character in "@._-~!$'*+" else f"%{ord(character):02X}"
        for character in address
    )


def feedback_sender(domain: str) -> str:
    """The last part of Feedback-ID: the same in all mails of a sender, 5 to 15 characters (support.google.com,
    answer 6254652, "Feedback Loop")."""
    return _feedback_part(domain)[:15].rstrip("-.").ljust(5, "-")


def _feedback_part(part: str) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "-" for c in part) or "-"
