"""When a number of mails will have gone out: under windows, weekends, holidays, pace, quotas, a warm-up, last
days, and behind what other campaigns of the same sender have waiting.

One mail after the other is sent for trial. What cannot be known is left out: what the server will put off, and
follow-ups that are not written yet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from outreach.campaign.definition import Window
from outreach.campaign.pace import MINUTE, WARM_UP_MEMORY, Pace
from outreach.campaign.schedule import Locality, end_of, next_opening, opening_at
from outreach.errors import InputError

#: Nothing that takes longer is a plan.
LONGEST = timedelta(days=3660)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Lot:
    """Mails that wait for the same hours. Those due first go first."""

    place: Locality
    window: Window
    count: int
    due_at: datetime
    last_day: date | None = None  # after it what is left does not go
    asked: bool = True  # False: of another campaign, whose end is not asked for


@dataclass(frozen=True, slots=True)
class Estimate:
    """Of the lots that were asked for; moments in UTC."""

    first_at: datetime | None  # None: none of them goes
    ends_at: datetime | None
    missed: int  # still there when their last day is over


def estimate(
    lots: Iterable[Lot],
    pace: Pace,
    *,
    start: datetime,
    recent: Sequence[datetime] = (),
    sent_on: Mapping[date, int] | None = None,
) -> Estimate:
    """When the mails of ``lots`` go, from ``start`` on, evenly within the minute.

    ``recent`` are the moments, in order, of what the sender sent before, as far as its windows reach; ``sent_on``
    how much it sent on each day (UTC) before, for a warm-up.

    InputError where a limit is not above zero, or the end lies more than ten years ahead.
    """
    if any(limit is not None and limit <= 0 for limit in (pace.per_minute, pace.per_hour, pace.per_day)):
        raise InputError(
            "With a limit of no mails at all a campaign never ends.",
            "Set per_minute, per_hour and per_day of the sender to 1 or more.",
        )
    trial = _Trial(pace, start, recent, sent_on or {})
    trial.send(sorted((lot for lot in lots if lot.count > 0), key=lambda lot: lot.due_at))
    return Estimate(trial.first, trial.last, trial.missed)


class _Trial:
    """The mails sent for trial. Moments inside are whole microseconds since 1970."""

    def __init__(
        self, pace: Pace, start: datetime, recent: Sequence[datetime], sent_on: Mapping[date, int]
    ) -> None:
        self.first: datetime | None = None
        self.last: datetime | None = None
        self.missed = 0
        self._pace = pace
        self._gap = round(MINUTE * 1_000_000 / pace.per_minute) if pace.per_minute else 0
        self._start = start.astimezone(UTC)
        self._now = self._start
        self._times = [_micros(at) for at in recent]
        self._sent_on = Counter(dict(sent_on))

    def send(self, waiting: list[Lot]) -> None:
        """``waiting`` in the order in which they are due."""
        waiting.reverse()  # taken from its end
        due: list[_Waiting] = []
        while waiting or due:
            if self._now - self._start > LONGEST:
                raise InputError(
                    "At this pace the campaign would take more than ten years.",
                    "Raise the sender's limits or widen the send window.",
                )
            while waiting and waiting[-1].due_at <= self._now:
                _add(due, waiting.pop())
            due = [one for one in due if not self._is_missed(one)]
            opened: tuple[_Waiting, datetime] | None = None
            closed = []  # when those open again that come before it
            for one in due:
                opens, closes = opening_at(self._now, one.lot.window, one.lot.place)
                if opens <= self._now:
                    opened = one, closes
                    break
                closed.append(opens)
            if opened is None:
                if closed or waiting:
                    self._now = min([*closed, *(lot.due_at for lot in waiting[-1:])])
                continue
            one, until = opened
            if one.lot.last_day is not None:
                closed.append(end_of(one.lot.last_day, one.lot.place))
            until = min([until, *closed])
            self._send(one, until)
            due = [one for one in due if one.count]

    def _is_missed(self, one: _Waiting) -> bool:
        last_day = one.lot.last_day
        over = last_day is not None and end_of(last_day, one.lot.place) <= self._now
        if over and one.lot.asked:
            self.missed += one.count
        return over

    def _send(self, one: _Waiting, until: datetime) -> None:
        """As many as go before ``until``; moves the time on."""
        if self._pace.warm_up is not None:
            midnight = datetime.combine(self._now.date() + timedelta(days=1), time(), UTC)
            until = min(until, midnight)
        windows = self._pace.windows(self._best_day())
        windows.pop(MINUTE, None)  # the gap sees to it
        slides = [(seconds * 1_000_000, limit) for seconds, limit in windows.items()]
        times, gap = self._times, self._gap
        now, end, before = _micros(self._now), _micros(until), len(times)
        last = None
        while one.count:
            at = now
            for length, limit in slides:
                if len(times) >= limit:
                    at = max(at, times[-limit] + length)
            if at >= end:
                # nothing of the others could go sooner, only a new day may allow more
                now = at if self._pace.warm_up is None else min(at, end)
                break
            times.append(at)
            last, now = at, at + gap
            one.count -= 1
        if last is not None:
            self._sent_on[self._now.date()] += len(times) - before
            if one.lot.asked:
                self.first = self.first or _moment(times[before])
                self.last = _moment(last)
        self._now = max(self._now, _moment(now))

    def _best_day(self) -> int:
        if self._pace.warm_up is None:
            return 0
        today = self._now.date()
        earlier = (count for day, count in self._sent_on.items() if today - WARM_UP_MEMORY <= day < today)
        return max(earlier, default=0)


@dataclass(slots=True)
class _Waiting:
    """A lot that is due, and what is left of it."""

    lot: Lot
    count: int


def _add(due: list[_Waiting], lot: Lot) -> None:
    for one in due:
        same = one.lot
        if (same.place, same.window, same.last_day, same.asked) == (
            lot.place,
            lot.window,
            lot.last_day,
            lot.asked,
        ):
            one.count += lot.count
            return
    due.append(_Waiting(lot, lot.count))


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


def _moment(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)


def first_opening(counts: Mapping[Locality, int], *, window: Window, start: datetime) -> datetime:
    """The moment at which the first of the mails may go out; ``start`` when there is none."""
    return min(
        (next_opening(start, window, place) for place, count in counts.items() if count), default=start
    )


def in_words(count: int, pace: Pace) -> str:
    """``2,951 mails at 30 a minute and 10,000 a day``: what the estimate is reckoned with."""
    limits = str(pace)
    return f"{count:,} {'mail' if count == 1 else 'mails'}" + (f" at {limits}" if limits else "")
