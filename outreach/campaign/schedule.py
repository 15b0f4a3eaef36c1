"""When a mail may go out: windows in the municipality's own time, delays, absences.

All moments are aware; what is returned is in UTC. A window is a stretch of one local day: it opens at the
first instant at which the clock on the wall has reached ``opens``, and closes at the first at which it has
reached ``closes``, on the two nights of the year when the clocks change too: an hour that is skipped opens
nothing, an hour that comes twice opens or closes once.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from outreach.campaign.definition import Delay, DelayUnit, Window
from outreach.campaign.working_days import is_holiday, working_days_after
from outreach.errors import InputError

#: No window stays closed longer: one weekday a week, and years have fewer than 30 holidays.
_LONGEST_WAIT_DAYS = 366


@dataclass(frozen=True, slots=True)
class Locality:
    """What decides on a municipality's hours. Few of them serve all the contacts of a country."""

    time_zone: str  # IANA name
    country: str  # ISO 3166-1 alpha-2
    region: str | None = None  # ISO 3166-2, as "DE-BY"


@lru_cache(maxsize=256)
def zone(name: str) -> ZoneInfo:
    """The time zone ``name``. InputError for one that does not exist."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise InputError(
            f"There is no time zone “{name}”.", "Use an IANA name such as Europe/Brussels or Atlantic/Azores."
        ) from None


def instant(local: datetime, time_zone: str) -> datetime:
    """The moment, in UTC, at which the clock on the wall first shows ``local`` (naive) or, where the clock is
    put forward over it, the moment of that change."""
    tz = zone(time_zone)
    early = local.replace(tzinfo=tz, fold=0).astimezone(UTC)
    late = local.replace(tzinfo=tz, fold=1).astimezone(UTC)
    if late >= early:  # an ordinary time, or one that comes twice: its first coming
        return early
    before, after = late, early  # PEP 495: over a gap the two readings lie on either side of the change
    offset = after.astimezone(tz).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        if middle.astimezone(tz).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after.replace(microsecond=0)


@lru_cache(maxsize=65536)
def opening_on(day: date, window: Window, place: Locality) -> tuple[datetime, datetime] | None:
    """From when (inclusive) until when (exclusive), in UTC, the window is open on the local ``day``."""
    if day.weekday() not in window.days:
        return None
    if window.skip_holidays and is_holiday(day, place.country, place.region):
        return None
    midnight = datetime.combine(day, time())
    opens = instant(midnight + timedelta(minutes=window.opens), place.time_zone)
    closes = instant(midnight + timedelta(minutes=window.closes), place.time_zone)
    return (opens, closes) if opens < closes else None


def opening_at(at: datetime, window: Window, place: Locality) -> tuple[datetime, datetime]:
    """The stretch of open window that holds ``at``, else the next one after it: (from, until) in UTC."""
    day = at.astimezone(zone(place.time_zone)).date()
    for offset in range(_LONGEST_WAIT_DAYS):
        if (stretch := opening_on(day + timedelta(days=offset), window, place)) and at < stretch[1]:
            return stretch
    raise InputError(
        f"The send window never opens in {place.time_zone} within a year of {at:%Y-%m-%d}.",
        "Choose other days or times under [window] in the campaign file.",
    )


def is_open(at: datetime, window: Window, place: Locality) -> bool:
    """Whether a mail may go out at ``at``."""
    return opening_at(at, window, place)[0] <= at


def next_opening(at: datetime, window: Window, place: Locality) -> datetime:
    """``at`` itself if the window is open then, else the moment it opens next."""
    return max(at.astimezone(UTC), opening_at(at, window, place)[0])


def due_after(sent_at: datetime, delay: Delay, window: Window, place: Locality) -> datetime:
    """When the next step is due to a recipient who was sent the last one at ``sent_at``.

    ``delay`` later by the local calendar, at the same time of day; moved to the next opening where the window
    is closed then.
    """
    local = sent_at.astimezone(zone(place.time_zone))
    if delay.unit is DelayUnit.WORKING_DAYS:
        day = working_days_after(local.date(), delay.count, place.country, place.region)
    else:
        day = local.date() + timedelta(days=delay.count)
    return next_opening(instant(datetime.combine(day, local.time()), place.time_zone), window, place)


def after_absence(due: datetime, until: date, window: Window, place: Locality) -> datetime:
    """``due``, moved behind an absence: to the first opening after the day ``until``.

    Absence notes name the last day away or the day of return, and often it cannot be told which: the day
    after is right under both readings. More than a year away is a misreading and counts as a year.
    """
    until = min(until, due.date() + timedelta(days=366))
    back = instant(datetime.combine(until + timedelta(days=1), time()), place.time_zone)
    return next_opening(max(due, back), window, place)


def spread(key: str, at: datetime, window: Window, place: Locality) -> datetime:
    """A moment for ``key`` between ``at``, or the next opening, and the close of that stretch.

    The same for the same key, and even over many keys.
    """
    opens, closes = opening_at(at, window, place)
    opens = max(at.astimezone(UTC), opens)
    share = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big")
    seconds = int((closes - opens).total_seconds())
    return opens + timedelta(seconds=seconds * share >> 64)


def end_of(last_day: date, place: Locality) -> datetime:
    """The moment the local ``last_day`` is over: a mail not sent before it is missed."""
    return instant(datetime.combine(last_day + timedelta(days=1), time()), place.time_zone)
