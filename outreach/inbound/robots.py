"""Whether a program sent a message by itself: nobody reads what is answered to one, and two programs that
answer each other never end (RFC 3834, section 2).
"""

from __future__ import annotations

from outreach.inbound.parse import Parsed

_PRECEDENCE = frozenset({"bulk", "list", "junk", "auto_reply", "auto-reply"})
_HEADERS = ("x-autoreply", "x-autorespond", "list-id", "feedback-id")
_BOXES = (
    "mailer-daemon",
    "postmaster",
    "noreply",
    "no-reply",
    "no_reply",
    "donotreply",
    "do-not-reply",
    "bounce",
)


def is_robot(parsed: Parsed) -> bool:
    """True for what says that it is automatic, comes from a list, or from a box that nobody reads.

    In doubt it is: a courtesy that is not sent costs less than one that a machine answers.
    """
    submitted = parsed.header("auto-submitted").strip().lower()
    return (
        parsed.from_address is None
        or (bool(submitted) and not submitted.startswith("no"))
        or parsed.header("return-path").strip() == "<>"
        or parsed.header("precedence").strip().lower() in _PRECEDENCE
        or any(parsed.header(name) for name in _HEADERS)
        or is_unread_box(parsed.from_address)
    )


def is_unread_box(address: str) -> bool:
    """Whether nobody reads what is sent to ``address``, as its name says."""
    return address.partition("@")[0].lower().startswith(_BOXES)
