"""When the mails around a session are due, and until when they make sense.

One before the session is due on the day that lies so long before it or, where the window is closed on that day, on
the last open day before: who has to plan is told too soon rather than too late. It makes sense until the next one is
due, and never after the session has begun. One after the session is due on the first open day after the delay.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from outreach.campaign.definition import Definition, Delay, DelayUnit, SessionStep, Side
from outreach.campaign.schedule import Locality, instant, next_opening, opening_on, zone
from outreach.campaign.working_days import working_days_after, working_days_before
from outreach.errors import InputError

#: So long after it was due a mail after the session still goes: the list of who came may be late.
THANKS_WITHIN = timedelta(days=30)
_LONGEST_WAY_BACK = 366  # days; as for the next opening


def due(step: SessionStep, definition: Definition, place: Locality) -> datetime:
    """When ``step`` goes at the earliest, in UTC. The definition has a session."""
    session = definition.session
    assert session is not None, "a mail around a session has one"
    tz = zone(session.time_zone)
    if step.side is Side.AFTER:
        day = _moved(session.end.astimezone(tz).date(), step.delay, 1, place)
        midnight = instant(datetime.combine(day, time()), place.time_zone)
        return next_opening(max(midnight, session.end.astimezone(UTC)), definition.window, place)
    day = _moved(session.start.astimezone(tz).date(), step.delay, -1, place)
    for back in range(_LONGEST_WAY_BACK):
        if stretch := opening_on(day - timedelta(days=back), definition.window, place):
            return stretch[0]
    raise InputError(
        f"The send window is never open in {place.time_zone} in the year before {day}.",
        "Choose other days or times under [window] in the campaign file.",
    )


def _moved(day: date, delay: Delay, way: int, place: Locality) -> date:
    if delay.unit is DelayUnit.DAYS:
        return day + timedelta(days=way * delay.count)
    move = working_days_after if way > 0 else working_days_before
    return move(day, delay.count, place.country, place.region)


def until(step: SessionStep, definition: Definition, place: Locality) -> datetime:
    """From when on ``step`` makes no sense any more, in UTC."""
    assert definition.session is not None, "a mail around a session has one"
    if step.side is Side.AFTER:
        return due(step, definition, place) + THANKS_WITHIN
    begins = definition.session.start.astimezone(UTC)
    before = _before(definition)
    following = before[before.index(step) + 1 :]
    return min(begins, due(following[0], definition, place)) if following else begins


def is_last_before(step: SessionStep, definition: Definition) -> bool:
    """Whether ``step`` is the last mail before the session."""
    return _before(definition)[-1:] == [step]


def _before(definition: Definition) -> list[SessionStep]:
    return [one for one in definition.session_steps if one.side is Side.BEFORE]


def last_moment(step: SessionStep | None, definition: Definition, place: Locality) -> datetime:
    """A mail that has not gone by then is missed. ``None``: one that tells of a place at the session."""
    assert definition.session is not None, "a mail around a session has one"
    if step is not None and step.side is Side.AFTER:
        return until(step, definition, place)
    return definition.session.start.astimezone(UTC)


def over(definition: Definition, place: Locality) -> datetime | None:
    """When nothing is left to send around the session; ``None``: nothing is ever sent around it."""
    moments = [last_moment(step, definition, place) for step in definition.session_steps]
    if definition.places is not None and definition.session is not None:
        moments.append(last_moment(None, definition, place))  # the waiting list moves up until then
    return max(moments, default=None)
