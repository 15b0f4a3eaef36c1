"""Replies of an SMTP server: bytes -> :class:`Reply` -> :class:`~outreach.model.values.Outcome`.

No socket here: the gateway feeds what it read and asks what it means. Sources: RFC 5321 section 4.2 (reply
codes), RFC 3463 (enhanced codes), and what the large providers publish about their own (support.google.com,
answer 3726730; learn.microsoft.com, "SMTP AUTH submission" and "continuous error throttling").
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum, unique
from functools import lru_cache

from outreach.model.states import OutcomeKind
from outreach.model.values import Outcome


@unique
class Stage(StrEnum):
    """How far an attempt had come: the values of ``Outcome.stage``."""

    CONNECT = "connect"  # the name, the socket, the greeting and EHLO
    STARTTLS = "starttls"  # and TLS from the first byte
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"  # the command, and the content up to its last line
    END_OF_DATA = "end_of_data"  # the lone dot went out


MAX_LINE = 8_192  # bytes; RFC 5321, section 4.5.3.1.5 allows 512, servers send longer ones
MAX_REPLY = 65_536
_LINE = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*))?", re.DOTALL)
_ENHANCED = re.compile(r"(?:^|[\s#(])([245])\.(\d{1,3})\.(\d{1,3})(?=$|[\s:;,)])")


class GarbledReplyError(Exception):
    """What the server sent is no SMTP reply; the connection cannot be trusted any more."""

    before: Sequence[Reply] = ()  # replies that were whole before it, to commands before


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole reply; the lines of ``text`` are joined by line feeds, their codes taken off."""

    code: int
    text: str

    @property
    def enhanced(self) -> str | None:
        """The first enhanced status code (RFC 3463) of the same class as the reply, as ``5.1.1``."""
        for match in _ENHANCED.finditer(self.text):
            if match[1] == str(self.code)[0]:
                return f"{match[1]}.{int(match[2])}.{int(match[3])}"
        return None


class ReplyReader:
    """Takes bytes as they come, in packets of any size, and gives whole replies."""

    def __init__(self) -> None:
        self._buffer = b""
        self._lines: list[str] = []
        self._code = 0
        self._size = 0

    def feed(self, data: bytes) -> list[Reply]:
        """The replies that ``data`` completes.

        :raises GarbledReplyError: a line is no reply line, is longer than 8 KB, changes the code within one
            reply, or a reply is longer than 64 KB.
        """
        done: list[Reply] = []
        try:
            self._feed(data, done)
        except GarbledReplyError as error:
            error.before = done
            raise
        return done

    def _feed(self, data: bytes, done: list[Reply]) -> None:
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        if len(self._buffer) > MAX_LINE:
            raise GarbledReplyError("a line of the reply does not end")
        for line in lines:
            if not self._lines and (whole := _whole(line)) is not None:
                done.append(whole)
                continue
            match = _LINE.fullmatch(line.rstrip(b"\r")) if len(line) <= MAX_LINE else None
            if match is None:
                shown = line[:80].decode("ascii", "replace").strip()
                raise GarbledReplyError(f"not a reply of a mail server: {shown!r}")
            code = int(match[1])
            self._size += len(line)
            if (self._lines and code != self._code) or self._size > MAX_REPLY:
                raise GarbledReplyError("the lines of a reply do not belong together, or it does not end")
            self._code = code
            self._lines.append((match[3] or b"").decode("utf-8", "replace").strip())
            if match[2] != b"-":
                done.append(Reply(code, "\n".join(self._lines)))
                self._lines, self._size = [], 0


@lru_cache(maxsize=64)  # a server says the same few things again and again
def _whole(line: bytes) -> Reply | None:
    """The reply of one line, if it is one."""
    match = _LINE.fullmatch(line.rstrip(b"\r")) if len(line) <= MAX_LINE else None
    if match is None or match[2] == b"-":
        return None
    return Reply(int(match[1]), (match[3] or b"").decode("utf-8", "replace").strip())


def _any_of(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE | re.DOTALL)


# About the sender's pace or quota, whatever the digits say. Gmail answers a full day's quota with
# 550 5.4.5 and a busy relay with 450 4.2.1; Exchange Online uses 432 4.3.2, 554 5.2.0
# (SubmissionQuotaExceeded), 550 5.1.90, and 550 5.2.25x for senders that erred too often.
_PACE_WORDS = _any_of(
    r"too many (messages|mails|e-?mails|connections|sessions|concurrent|errors)",
    r"rate.?limit|recipient rate|submission rate|unusual rate|throttl|slow(ing)? down",
    r"submission ?quota|(sending|send|relay|hourly|daily) (limit|quota)",
    r"daily (user |message )?(sending|recipient|message|relay) (limit|quota)",
    r"concurrent connections?|sender thread limit|messages? per (minute|hour|day)",
)
_PACE_CODES = frozenset({"5.4.5", "5.1.90", "5.2.251", "5.2.254", "5.2.255", "5.7.708"})
# About one recipient, though they read like the above.
_RECIPIENT_WORDS = _any_of(
    r"gr[ae]y.?list|user you are trying to contact|recipient('s)? (mailbox|inbox)",
    r"mailbox (is )?full|over ?quota",
)
# About the account itself: every further mail would be answered alike.
_ACCOUNT_WORDS = _any_of(
    r"authentication (is )?(required|needed)|client not authenticated|must (first )?authenticate",
    r"send ?as ?denied|not have permissions to send as|invalid license|must issue a STARTTLS",
    r"STOREDRV\.Submission.{0,80}Quota.{0,20}Exceeded",
)
_ACCOUNT_CODES = frozenset({"5.7.57", "5.7.60", "5.2.252", "5.2.253", "5.1.8"})


@lru_cache(maxsize=64)
def outcome_of(stage: Stage, reply: Reply) -> Outcome:
    """What a reply at ``stage`` (from ``mail`` on) says about the message, the sender's pace or the server.

    - 2yz is ACCEPTED, at ``data`` 3yz: the transaction goes on.
    - 421, 4.7.x and 4.4.x, 4.3.1, 4.3.2 and 4.5.3, and wordings of pace and quota (5yz ones too) are
      THROTTLED; greylisting and full mailboxes are not, since they concern one recipient.
    - a 5yz about sign-in or the right to send, and any 5yz to MAIL but one about size, is UNUSABLE: the next
      message would get the same answer, and none of them must be given up for it.
    - else 4yz is DEFERRED and 5yz REFUSED.
    - 3yz elsewhere, or 2yz at ``data``, is a server out of step, with which nothing more can be tried on this
      connection: LOST_BEFORE, or LOST_AFTER once the end of DATA went out.
    """
    return Outcome(_kind(stage, reply), stage, reply.code, reply.enhanced, reply.text)


def _kind(stage: Stage, reply: Reply) -> OutcomeKind:
    first = reply.code // 100
    if first == (3 if stage is Stage.DATA else 2):
        return OutcomeKind.ACCEPTED
    if first in (2, 3):
        return OutcomeKind.LOST_AFTER if stage is Stage.END_OF_DATA else OutcomeKind.LOST_BEFORE
    if first == 4:
        return OutcomeKind.THROTTLED if _is_throttling(reply) else OutcomeKind.DEFERRED
    enhanced = reply.enhanced
    if enhanced in _PACE_CODES:
        return OutcomeKind.THROTTLED
    if reply.code in (530, 535, 538) or enhanced in _ACCOUNT_CODES or _ACCOUNT_WORDS.search(reply.text):
        return OutcomeKind.UNUSABLE
    if _PACE_WORDS.search(reply.text) and not _RECIPIENT_WORDS.search(reply.text):
        return OutcomeKind.THROTTLED
    if stage is Stage.MAIL and reply.code != 552 and enhanced not in ("5.3.4", "5.2.3", "5.6.7"):
        return OutcomeKind.UNUSABLE
    return OutcomeKind.REFUSED


def _is_throttling(reply: Reply) -> bool:
    if reply.code == 421:  # the server closes the channel: RFC 5321, section 3.8
        return True
    if _RECIPIENT_WORDS.search(reply.text):
        return False
    if _PACE_WORDS.search(reply.text) or reply.code == 432:
        return True
    enhanced = reply.enhanced or ""
    return enhanced.startswith(("4.4.", "4.7.")) or enhanced in ("4.3.1", "4.3.2", "4.5.3")


def whole_lines(data: bytes) -> bytes:
    """``data`` with CRLF at the end of every line. A message that has it is returned as it is, after a few
    searches at the speed of memory; a lone CR or LF becomes a line end, since servers disagree about it."""
    if data.count(b"\n") != (pairs := data.count(b"\r\n")) or data.count(b"\r") != pairs:
        data = re.sub(rb"\r\n|\r|\n", b"\r\n", data)
    return data if data.endswith(b"\r\n") else data + b"\r\n"


def doubled_dots(data: bytes) -> bytes:
    """Whole lines as DATA carries them: a dot that begins a line is doubled (RFC 5321, section 4.5.2)."""
    if b"\r\n." in data:
        data = data.replace(b"\r\n.", b"\r\n..")
    return b"." + data if data.startswith(b".") else data
