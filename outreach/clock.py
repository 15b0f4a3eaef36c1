"""The only reader of the time.

Every other module is given the time as an argument or asks :func:`now`. The demo and the tests move the
clock with :func:`move_to`; time then goes on from there at its usual pace, so that an order of events stays
an order of events.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_offset = timedelta()


def now() -> datetime:
    """The present, aware, in UTC."""
    return datetime.now(UTC) + _offset


def move_to(instant: datetime) -> None:
    """Let :func:`now` be ``instant`` from here on (aware; for the demo and the tests only)."""
    global _offset
    _offset = instant - datetime.now(UTC)


def reset() -> None:
    """Back to the time of the machine."""
    global _offset
    _offset = timedelta()
