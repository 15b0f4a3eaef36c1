"""How the demo's municipalities and their mail servers answer: the bytes of each answer, as the programs of
such offices would send them. The words stand in ``answers.toml``.
"""

from __future__ import annotations

import html
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from functools import cache, cached_property
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from outreach.demo.received import Received


@cache
def answers() -> Mapping[str, Any]:
    """``answers.toml``: the words by language, and under ``towns`` what each municipality does."""
    return tomllib.loads((files("outreach.demo") / "answers.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail of a municipality: its envelope and its bytes."""

    sender: str  # of the envelope; empty: a notice that nobody may answer
    recipient: str
    data: bytes


@dataclass(frozen=True)
class Desk:
    """Where answers to one mail are written."""

    mail: Received
    municipality: str
    language: str
    person: str | None
    now: datetime

    @cached_property
    def words(self) -> Mapping[str, Any]:
        """The words of the language; English where there are none."""
        found: Mapping[str, Any] = answers().get(self.language) or answers()["en"]
        return found

    @property
    def writer(self) -> str:
        return self.person or str(self.words["clerk"])

    def reply(self, wording: str, *, address: str | None = None, threaded: bool = True) -> Letter:
        """A typed answer above the quoted mail; ``threaded``: with the headers that name the mail, and the
        quote. ``address``: from another address than the one that was written to; a new mail, then, if not
        ``threaded``."""
        text = self._signed(self._say(wording))
        anew = address is not None and not threaded
        message = self._message(address, "LORDIMAS" if anew else f"{self.words['reply']} {self.mail.subject}")
        if threaded:
            self._in_thread(message)
            quoted = "\n".join(f"> {line}".rstrip() for line in self.mail.text.splitlines())
            text += f"\n{self._attribution()}\n{quoted}\n"
        self._text(message, text)
        return self._letter(message)

    def outlook_reply(self, wording: str) -> Letter:
        """A typed answer from Outlook: plain text and HTML, the mail below under a block of its headers."""
        text = self._signed(self._say(wording))
        names, mail = self.words["outlook"], self.mail
        facts = (
            f"{mail.sender_name} <{mail.reply_to}>",
            f"{mail.at:%d.%m.%Y %H:%M}",
            mail.recipient,
            mail.subject,
        )
        head = [f"{name}: {fact}" for name, fact in zip(names, facts, strict=True)]
        message = self._message(None, f"{self.words['reply']} {mail.subject}")
        self._in_thread(message)
        self._text(message, text + "\n" + "_" * 32 + "\n" + "\n".join(head) + "\n\n" + mail.text)
        paragraphs = "".join(f'<p class="MsoNormal">{html.escape(line)}</p>' for line in text.split("\n"))
        block = "<br>".join(
            f"<b>{html.escape(name)}:</b> {html.escape(fact)}"
            for name, fact in zip(names, facts, strict=True)
        )
        message.add_alternative(
            f'<html><body lang="{self.language}"><div class="WordSection1">{paragraphs}'
            '<div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm" id="divRplyFwdMsg">'
            f'<p class="MsoNormal">{block}</p></div>{mail.html_body}</div></body></html>',
            subtype="html",
        )
        return self._letter(message)

    def prefilled(self) -> Letter:
        """The mail that the first ``mailto:`` answer of ours opens, sent as it is with a name below."""
        link = urlsplit(self.mail.mailto_links[0])
        fields = parse_qs(link.query)
        message = self._message(None, fields["subject"][0])
        message.replace_header("To", unquote(link.path))
        self._text(message, self._signed(fields["body"][0].replace("\r\n", "\n").rstrip()))
        return self._letter(message)

    def unsubscribe(self) -> Letter:
        """What a mail program sends when the button that List-Unsubscribe offers is pressed."""
        link = urlsplit(self.mail.header("List-Unsubscribe").strip("<> "))
        message = self._message(None, parse_qs(link.query)["subject"][0])
        message.replace_header("To", unquote(link.path))
        message.set_content("\n")
        return self._letter(message)

    def away(self, until: date, *, automatic: bool) -> Letter:
        """An absence note. ``automatic``: as RFC 3834 wants it, from nobody and with the header; else as old
        systems send it, told by its words alone."""
        message = self._message(None, f"{self.words['away_subject']}: {self.mail.subject}")
        if automatic:
            message["Auto-Submitted"] = "auto-replied"
            self._in_thread(message)
        self._text(message, self._signed(self._say("away", until=self._day(until))))
        letter = self._letter(message)
        return Letter("" if automatic else letter.sender, letter.recipient, letter.data)

    def calendar_answer(self, partstat: str, word: str, *, attached: bool) -> Letter:
        """METHOD:REPLY (RFC 5546, section 3.2.3) to the invitation in the mail, as Outlook sends it or, with
        ``attached``, as calendars do that only attach a file."""
        event = self.mail.event
        lines = [
            "BEGIN:VCALENDAR",
            "METHOD:REPLY",
            "PRODID:-//Made-up Calendar//Demo//EN",
            "VERSION:2.0",
            "BEGIN:VEVENT",
            f"UID:{event['UID']}",
            f"DTSTAMP:{self.now:%Y%m%dT%H%M%SZ}",
            f"DTSTART:{event['DTSTART']}",
            f"DTEND:{event['DTEND']}",
            f"SEQUENCE:{event['SEQUENCE']}",
            f"SUMMARY:{event['SUMMARY']}",
            f"ORGANIZER:{event['ORGANIZER']}",
            f'ATTENDEE;PARTSTAT={partstat};CN="{self.writer}":mailto:{self.mail.recipient}',
            "END:VEVENT",
            "END:VCALENDAR",
        ]
        calendar = "\r\n".join(map(_folded, lines)) + "\r\n"
        title = event["SUMMARY"].replace("\\,", ",").replace("\\;", ";")
        message = self._message(None, f"{self.words[word]}: {title}")
        message.set_content(f"{self.words[word]}: {title}\n")
        if attached:
            message.add_attachment(
                calendar.encode(),
                maintype="text",
                subtype="calendar",
                filename="invite.ics",
                params={"method": "REPLY", "charset": "utf-8"},
            )
        else:
            message.add_alternative(calendar, subtype="calendar", params={"method": "REPLY"})
        return self._letter(message)

    def returned(self, status: str, diagnostic: str) -> Letter:
        """A delivery report (RFC 3464) of the municipality's mail server, as Postfix writes it."""
        mail = self.mail
        host = "mx." + mail.recipient.rpartition("@")[2]
        boundary = f"{self.now:%H%M%S%f}.{self.now:%Y%m%d}/{host}"
        original = mail.data.replace(b"\r\n", b"\n").partition(b"\n\n")[0].decode("ascii", "replace")
        stamp = format_datetime(self.now)
        text = f"""\
From: MAILER-DAEMON@{host} (Mail Delivery System)
To: {mail.envelope_sender}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
Date: {stamp}
Message-ID: <{self.now:%Y%m%d%H%M%S%f}@{host}>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="{boundary}"

This is a MIME-encapsulated message.

--{boundary}
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

This is the mail system at host {host}.

I'm sorry to have to inform you that your message could not
be delivered to one or more recipients. It's attached below.

<{mail.recipient}>: {diagnostic}

--{boundary}
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; {host}
Arrival-Date: {stamp}

Final-Recipient: rfc822; {mail.recipient}
Original-Recipient: rfc822;{mail.recipient}
Action: failed
Status: {status}
Diagnostic-Code: smtp; {diagnostic}

--{boundary}
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers

{original}

--{boundary}--
"""
        return Letter("", mail.envelope_sender, text.replace("\n", "\r\n").encode("ascii", "replace"))

    # The parts of a letter

    def _message(self, address: str | None, subject: str) -> EmailMessage:
        from email.headerregistry import Address

        message = EmailMessage()
        local, _, domain = (address or self.mail.recipient).rpartition("@")
        message["From"] = Address(self.writer, local, domain)
        message["To"] = self.mail.reply_to
        message["Subject"] = subject
        message["Date"] = self.now
        message["Message-ID"] = f"<{self.now:%Y%m%d%H%M%S%f}.{local}@{domain}>"
        return message

    def _in_thread(self, message: EmailMessage) -> None:
        message["In-Reply-To"] = self.mail.message_id
        message["References"] = self.mail.message_id

    def _text(self, message: EmailMessage, text: str) -> None:
        charset = str(self.words["charset"])
        try:
            text.encode(charset)
        except UnicodeEncodeError:  # the quote has letters that the office's old code page has not
            charset = "utf-8"
        message.set_content(text, charset=charset)

    def _letter(self, message: EmailMessage) -> Letter:
        from email.policy import SMTP

        sender = message["From"].addresses[0].addr_spec
        return Letter(sender, message["To"].addresses[0].addr_spec, message.as_bytes(policy=SMTP))

    def _say(self, wording: str, **values: str) -> str:
        text = str(self.words.get(wording) or self.words[wording.partition("_")[0]])
        other = f"digital.team@{self.mail.recipient.rpartition('@')[2]}"
        return text.format(municipality=self.municipality, other=other, **values)

    def _signed(self, text: str) -> str:
        return f"{text}\n\n{self.words['regards']}\n{self.writer}\n{self.municipality}\n"

    def _attribution(self) -> str:
        from babel.dates import format_datetime as say

        when = say(self.mail.at, "medium", locale=self.words["locale"])
        return str(self.words["attribution"]).format(
            date=when, name=self.mail.sender_name, address=self.mail.reply_to
        )

    def _day(self, day: date) -> str:
        from babel.dates import format_date

        return format_date(day, "long", locale=self.words["locale"])


def _folded(line: str) -> str:
    """A content line of at most 75 octets (RFC 5545, section 3.1)."""
    parts, room = [""], 75
    for character in line:
        if len((parts[-1] + character).encode()) > room:
            parts.append("")
            room = 74
        parts[-1] += character
    return "\r\n ".join(parts)
