"""A mail of ours as a municipality receives it, read with the standard library alone: nothing of what made
the mail is asked, so what stands here was truly in it.
"""

from __future__ import annotations

import email
import html
import re
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from functools import cached_property

_MAILTO = re.compile(r'href="(mailto:[^"]*[?&;]body=[^"]*)"')


@dataclass(frozen=True)
class Received:
    """One message that the demo's SMTP server took for one recipient."""

    envelope_sender: str
    recipient: str
    data: bytes
    at: datetime

    @cached_property
    def message(self) -> EmailMessage:
        return email.message_from_bytes(self.data, policy=SMTP)

    def header(self, name: str) -> str:
        """The header as one line, empty where there is none."""
        return str(self.message.get(name, ""))

    @property
    def message_id(self) -> str:
        return self.header("Message-ID")

    @property
    def subject(self) -> str:
        return self.header("Subject")

    @property
    def language(self) -> str:
        """``nl``; of a mail in two ``fr+nl``."""
        return self.header("Content-Language").replace(", ", "+")

    @cached_property
    def campaign(self) -> str:
        """As ``lordimas-be``: the first label of List-Id."""
        return self.header("List-Id").strip("<> ").partition(".")[0]

    @cached_property
    def step(self) -> str:
        return self.header("Feedback-ID").partition(":")[0]

    @cached_property
    def sender_name(self) -> str:
        return str(self.message["From"].addresses[0].display_name)

    @cached_property
    def reply_to(self) -> str:
        return str(self.message["Reply-To"].addresses[0].addr_spec)

    @cached_property
    def text(self) -> str:
        """The plain text, with ``\\n`` at the ends of lines."""
        return self._body("plain")

    @cached_property
    def html_body(self) -> str:
        """The whole HTML document."""
        return self._body("html")

    @cached_property
    def mailto_links(self) -> list[str]:
        """The prefilled answers, in the order of the mail."""
        return [html.unescape(link) for link in _MAILTO.findall(self.html_body)]

    @cached_property
    def event(self) -> dict[str, str]:
        """The properties of the calendar invitation, unfolded, without their parameters."""
        part = next(part for part in self.message.walk() if part.get_content_type() == "text/calendar")
        content = str(part.get_content()).replace("\r\n", "\n").replace("\n ", "")
        found: dict[str, str] = {}
        for line in content.split("\n"):
            name = re.match(r"[A-Z-]+", line)
            if name:
                found[name[0]] = line[_value_at(line) :]
        return found

    def _body(self, subtype: str) -> str:
        part = self.message.get_body((subtype,))
        return str(part.get_content()).replace("\r\n", "\n") if part is not None else ""


def _value_at(line: str) -> int:
    """Where the value of a content line begins: behind the first colon that no quotes are around."""
    quoted = False
    for position, character in enumerate(line):
        if character == '"':
            quoted = not quoted
        elif character == ":" and not quoted:
            return position + 1
    return len(line)
