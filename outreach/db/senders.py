"""Senders that have to rest, over all processes and runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from outreach.db import schema
from outreach.db.dialect import Prepared, loaded, upsert

_PAUSE = schema.sender_pause


@dataclass(frozen=True, slots=True)
class Pause:
    """A rest of a sender, and how slow it is after."""

    until: datetime
    reason: str
    strikes: float  # at ``until``; delivery.policy.strikes_left says how they fade


def rest(connection: sa.Connection, sender: str, until: datetime, reason: str, now: datetime) -> None:
    """Nothing of ``sender`` goes before ``until``."""
    connection.execute(
        upsert(connection, _PAUSE, ("sender",), ("until", "reason", "at")),
        {"sender": sender, "until": until, "reason": reason, "at": now},
    )


def slow_down(
    connection: sa.Connection, sender: str, until: datetime, strikes: float, reason: str, now: datetime
) -> None:
    """``sender`` was throttled: it rests until ``until``, and has ``strikes`` from then on. Told once more by
    another connection at the same moment, it counts once."""
    found = pause(connection, sender)
    if found is not None:
        until, strikes = (
            max(until, found.until),
            max(strikes, found.strikes) if found.until > now else strikes,
        )
    connection.execute(
        upsert(connection, _PAUSE, ("sender",), ("until", "reason", "at", "strikes")),
        {"sender": sender, "until": until, "reason": reason, "at": now, "strikes": strikes},
    )


def pause(connection: sa.Connection, sender: str) -> Pause | None:
    """The last rest of ``sender``, also one that is over; ``None``: it never had one."""
    for until, reason, strikes in _LAST(connection, {"b_sender": sender}):
        at = loaded(until)
        assert at is not None
        return Pause(at, reason, strikes)
    return None


_LAST = Prepared(
    sa.select(_PAUSE.c.until, _PAUSE.c.reason, _PAUSE.c.strikes).where(
        _PAUSE.c.sender == sa.bindparam("b_sender")
    )
)
