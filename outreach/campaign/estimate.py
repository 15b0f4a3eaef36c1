"""When a number of mails will have gone out, under windows, weekends, holidays, pace and quota."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta

from outreach.campaign.definition import Window
from outreach.campaign.schedule import Locality, instant, next_opening, opening_at, zone
from outreach.errors import InputError

#: Nothing that takes longer is a plan.
LONGEST = timedelta(days=3660)


def estimate_end(
    counts: Mapping[Locality, int],
    *,
    window: Window,
    per_minute: float | None,
    per_day: int | None,
    start: datetime,
    sent_today: int = 0,
    quota_zone: str = "UTC",
) -> datetime:
    """The moment, in UTC, at which the last mail goes out; ``start`` itself when there is none.

    ``counts`` says how many go to each locality. Mails leave evenly at ``per_minute`` (``None``: at once), at
    most ``per_day`` a day of ``quota_zone``, of which ``sent_today`` are used on the day of ``start``. Where
    several localities are open, the one that closes first is served first. What a relay refuses for
    a while comes later than this says.

    InputError where a limit is not above zero, or the end lies more than ten years ahead.
    """
    if (per_minute is not None and per_minute <= 0) or (per_day is not None and per_day <= 0):
        raise InputError(
            "With a limit of no mails at all a campaign never ends.",
            "Set per_minute and per_day of the sender to 1 or more.",
        )
    gap = timedelta(seconds=60 / per_minute) if per_minute else timedelta()
    left = {place: count for place, count in counts.items() if count > 0}
    now = last = start.astimezone(UTC)
    quota_day, used = _day(now, quota_zone), sent_today
    while left:
        if now - start > LONGEST:
            raise InputError(
                "At this pace the campaign would take more than ten years.",
                "Raise the sender's limits or widen the send window.",
            )
        if (today := _day(now, quota_zone)) != quota_day:
            quota_day, used = today, 0
        midnight = instant(datetime.combine(today + timedelta(days=1), time()), quota_zone)
        if per_day is not None and used >= per_day:
            now = midnight
            continue
        stretches = {place: opening_at(now, window, place) for place in left}
        opened = [place for place, (opens, _) in stretches.items() if opens <= now]
        later = [opens for opens, _ in stretches.values() if opens > now]
        if not opened:
            now = min(later)
            continue
        place = min(opened, key=lambda one: stretches[one][1])
        until = min([midnight, stretches[place][1], *later])
        count = left[place]
        if gap:
            count = min(count, -((now - until) // gap))
        if per_day is not None:
            count = min(count, per_day - used)
        last = now + (count - 1) * gap
        now += count * gap
        used += count
        left[place] -= count
        if not left[place]:
            del left[place]
    return last


def _day(at: datetime, time_zone: str) -> date:
    return at.astimezone(zone(time_zone)).date()


def first_opening(counts: Mapping[Locality, int], *, window: Window, start: datetime) -> datetime:
    """The moment at which the first of the mails may go out; ``start`` when there is none."""
    return min(
        (next_opening(start, window, place) for place, count in counts.items() if count), default=start
    )


def pace(count: int, *, per_minute: float | None, per_day: int | None) -> str:
    """``2,951 mails at 30 a minute and 10,000 a day``: what the estimate is reckoned with."""
    limits = [f"{per_minute:,g} a minute"] if per_minute else []
    limits += [f"{per_day:,} a day"] if per_day else []
    return f"{count:,} {'mail' if count == 1 else 'mails'}" + (
        f" at {' and '.join(limits)}" if limits else ""
    )
