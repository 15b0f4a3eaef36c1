"""Reading is linear in the size of a message, whatever the message is: four times the size may take at most about
four times as long. The limits are generous, because other work runs on the machine; quadratic work would take
sixteen times as long."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from outreach.inbound.classify import classify
from outreach.inbound.parse import MAX_PARTS, parse

_MIXED = b"Content-Type: multipart/mixed; boundary=b\n\n"
_DAEMON = b"From: MAILER-DAEMON@x.example\nSubject: Undelivered Mail\n\n"
_AUTO = b"Auto-Submitted: auto-replied\nDate: Tue, 10 Mar 2026 09:00:00 +0100\n"
_TEXT = b"Content-Type: text/plain; charset=utf-8\n\n"

_SHAPES: dict[str, Callable[[int], bytes]] = {
    "parts": lambda n: _MIXED + b"--b\n\nx\n" * n,
    "parts that never end": lambda n: (_MIXED + b"--b\nContent-Type: multipart/mixed; boundary=b\n\n") * n,
    "headers": lambda n: b"Subject: x\nX-Trace: " + b"a b c\n\td " * n + b"\n\nx",
    "encoded words": lambda n: b"Subject: " + b"=?utf-8?q?a?= " * n + b"\n\nx",
    "open encoded words": lambda n: b"Subject: " + b"=?utf-8?q?" * n + b"\n\nx",
    "addresses": lambda n: b"To: " + b"a@b.example, " * n + b"\n\nx",
    "one line": lambda n: _TEXT + b"We take part. " * n,
    "no blanks": lambda n: _TEXT + b"ab" * n,
    "quote marks": lambda n: _TEXT + b"Yes\n" + b"> > " * n,
    "quoted lines": lambda n: _TEXT + b"Yes\n" + b"> we take part\n" * n,
    "wrote": lambda n: _TEXT + b"On 1 May Ann <a@b.example> wrote:\n" * n,
    "labels": lambda n: _TEXT + b"From: a\n" * n,
    "dashes": lambda n: _TEXT + b"-- -- " * n,
    "tags": lambda n: b"Content-Type: text/html\n\n" + b"<div><b><i>" * n,
    "open comments": lambda n: b"Content-Type: text/html\n\n" + b"<!--" * n,
    "angles": lambda n: b"Content-Type: text/html\n\n" + b"<" * n,
    "dates": lambda n: _AUTO + b"\nI am away until " + b"1 May 2026, " * n,
    "digits": lambda n: _AUTO + b"\nI am away until " + b"1." * n,
    "no charset": lambda n: b"Content-Type: text/plain\n\n" + b"\xe8\xb9 \xf8a " * n,
    "notice": lambda n: _DAEMON + b"<a@b.example>: unknown\n" * n,
    "notice of one line": lambda n: _DAEMON + b"a@b.example <" * n,
    "status fields": lambda n: (
        b"From: MAILER-DAEMON@x.example\nContent-Type: message/delivery-status\n\n"
        + b"Final-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.1.1\n\n" * n
    ),
    "diagnostic": lambda n: (
        b"From: MAILER-DAEMON@x.example\nContent-Type: message/delivery-status\n\n"
        b"Final-Recipient: rfc822; a@b.example\nDiagnostic-Code: smtp; " + b"550 " * n + b"\n"
    ),
    "calendar": lambda n: (
        b"Content-Type: text/calendar; method=REPLY\n\nBEGIN:VEVENT\nUID:1\n"
        + b"ATTENDEE;X=a;Y=b:mailto:a@b\n" * n
    ),
    "calendar quotes": lambda n: b"Content-Type: text/calendar\n\nBEGIN:VEVENT\nUID;" + b'X="a"' * n + b"\n",
}


@pytest.mark.parametrize("shape", _SHAPES.values(), ids=_SHAPES)
def test_four_times_the_size_takes_about_four_times_as_long(shape: Callable[[int], bytes]) -> None:
    small, large = (_seconds(shape(n)) for n in (1500, 6000))
    assert large < 9 * small + 0.02


def _seconds(raw: bytes) -> float:
    """CPU time of the quickest of a few readings."""
    taken = []
    for _ in range(3):
        began = time.process_time()
        classify(parse(raw))
        taken.append(time.process_time() - began)
    return min(taken)


def test_parts_are_read_up_to_a_number() -> None:
    assert len(parse(_MIXED + b"--b\n\nx\n" * (MAX_PARTS + 500)).parts) == MAX_PARTS
