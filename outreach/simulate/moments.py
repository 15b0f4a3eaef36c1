"""Moments as the simulation reckons with them: whole seconds since 1970, in UTC; and as the database has them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

MINUTE = 60
HOUR = 3_600
DAY = 86_400

_EPOCH = date(1970, 1, 1)
_OF_DAY = [f" {one // HOUR:02}:{one // MINUTE % 60:02}:{one % 60:02}.000000" for one in range(DAY)]


@lru_cache(maxsize=4096)
def _day(number: int) -> str:
    return (_EPOCH + timedelta(days=number)).isoformat()


def stamp(at: int) -> str:
    """As :class:`outreach.db.loading.Load` takes a time."""
    day, second = divmod(at, DAY)
    return _day(day) + _OF_DAY[second]


def stamp_or_none(at: int | None) -> str | None:
    return None if at is None else stamp(at)


def aware(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def seconds(at: datetime) -> int:
    return int(at.timestamp())


def day_of(at: int) -> date:
    return _EPOCH + timedelta(days=at // DAY)


@lru_cache(maxsize=65536)
def _offset(zone: str, hour: int) -> int:
    found = datetime.fromtimestamp(hour * HOUR, ZoneInfo(zone)).utcoffset()
    assert found is not None
    return int(found.total_seconds())


def local(at: int, zone: str) -> tuple[int, int]:
    """Weekday (0 is Monday) and second of the day on the clocks of ``zone``."""
    day, second = divmod(at + _offset(zone, at // HOUR), DAY)
    return (day + 3) % 7, second  # 1 January 1970 was a Thursday


def in_office(at: int, zone: str, share: float) -> int:
    """``at``, moved into the next working hours if it lies outside them; ``share`` (0 to 1) says where in
    these."""
    weekday, second = local(at, zone)
    if weekday < 5 and 7 * HOUR + 1800 <= second < 17 * HOUR:
        return at
    if second >= 17 * HOUR:
        at += DAY
        weekday = (weekday + 1) % 7
    at += max(0, 7 - weekday) % 7 * DAY if weekday >= 5 else 0
    return at - second + int((7.75 + 8.5 * share * share) * HOUR)
