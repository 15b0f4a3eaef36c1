"""At which command of the transaction a server refused, as a report tells it: who is unknown is known at RCPT,
what stands in the message at the end of DATA."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum


class Stage(Enum):
    """The command that was answered (RFC 5321, section 4.1.1)."""

    CONNECT = "connect"  # the greeting, EHLO or HELO
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"  # DATA itself, or the content


#: Postfix, Exim, sendmail's transcripts, qmail and its kin, m-FILTER: the first that is named decides, the latest
#: command first, because a transcript also holds the commands that went well.
_NAMED = (
    (
        Stage.DATA,
        r"in reply to (?:the )?(?:end of )?data|after (?:the )?(?:end of )?(?:data|pipelined)|for text command"
        r"|>>> data|>>> \.(?: |$)|smtp command data|response to (?:data|\. )|failed after i sent the message"
        r"|during (?:the )?data|data command|end of message",
    ),
    (
        Stage.RCPT,
        # "RCPT TO: a@b" is a line of a summary, "RCPT TO:<a@b>" a command
        r"rcpt(?! to: @)|does not like recipient|recipient verify",
    ),
    (
        Stage.MAIL,
        r"in reply to mail|after (?:pipelined )?mail from|>>> mail|does not like sender|sender was rejected"
        r"|mail from command",
    ),
    (
        Stage.CONNECT,
        r"in reply to (?:ehlo|helo)|after (?:ehlo|helo|initial connection)|>>> (?:ehlo|helo)|refused to talk to me"
        r"|my name was rejected|greeting failed|initial connection",
    ),
)
_PATTERNS = tuple((stage, re.compile(pattern)) for stage, pattern in _NAMED)
_TO_ADDRESS = re.compile(r"@\S+\.\.\. ")  # sendmail's replies name the address so, at RCPT only


def stage_of(texts: Iterable[str]) -> Stage | None:
    """The stage that ``texts`` name, made plain as the wordings are; ``None`` where they name none."""
    texts = tuple(texts)
    for stage, pattern in _PATTERNS:
        if any(pattern.search(text) for text in texts):
            return stage
    return Stage.RCPT if any(_TO_ADDRESS.search(text) for text in texts) else None
