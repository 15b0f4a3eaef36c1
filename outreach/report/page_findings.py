"""What a chart's title may say: a finding, if its intervals carry it, and else that there is not enough yet.

Two rates differ when their 95 % intervals do not overlap, which is stricter than a test of the difference, as it
should be where the greatest of many is looked for. A rate is spoken of at all when its interval is no wider
than :data:`WIDEST`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, sqrt

from outreach.report.document import AnswerCurve
from outreach.report.measures import Rate, Z

#: Percentage points between the ends of an interval; 60 municipalities of which half answered are just enough.
WIDEST = 25.0
#: Answers without which nothing is said about when they came.
FEWEST_ANSWERS = 30


@dataclass(frozen=True, slots=True)
class Named:
    """A rate and whose it is."""

    name: str
    rate: Rate


@dataclass(frozen=True, slots=True)
class Extremes:
    """The greatest and the least of several rates, as far as they are certain."""

    first: Named | None  # certainly above every other; None: no single one is
    above: Named | None  # the greatest of a pair that certainly differs, and
    below: Named | None  # the least of it; None: no two differ for certain


def is_sure(rate: Rate | None) -> bool:
    """Whether there is enough to speak of ``rate``."""
    if rate is None or rate.interval is None:
        return False
    low, high = rate.interval
    return high - low <= WIDEST


def is_above(one: Rate, other: Rate) -> bool:
    """Whether ``one`` certainly is the greater."""
    return one.interval is not None and other.interval is not None and one.interval[0] > other.interval[1]


def extremes(named: Sequence[Named]) -> Extremes | None:
    """What may be said of these rates; ``None`` where fewer than two of them are sure.

    A first has to be above every other one, those with few municipalities included: of them nothing is said,
    but that they are lower is not claimed either.
    """
    sure = [one for one in named if is_sure(one.rate)]
    if len(sure) < 2:
        return None
    by_rate = sorted(sure, key=lambda one: (one.rate.percent or 0.0, one.name))
    greatest, least = by_rate[-1], by_rate[0]
    others = [one for one in named if one is not greatest and one.rate.denominator]
    first = greatest if all(is_above(greatest.rate, one.rate) for one in others) else None
    differ = is_above(greatest.rate, least.rate)
    return Extremes(first, greatest if differ else None, least if differ else None)


def beside_whole(named: Sequence[Named], whole: Rate) -> tuple[int, int, int]:
    """How many of those that are sure lie certainly above ``whole`` and below it, and of how many."""
    sure = [one.rate for one in named if is_sure(one.rate)]
    above = sum(is_above(one, whole) for one in sure)
    below = sum(is_above(whole, one) for one in sure)
    return above, below, len(sure)


@dataclass(frozen=True, slots=True)
class HalfTime:
    """By which day after the launch half of all answers so far had come, and between which days that lies with
    95 % certainty (order statistics: the ranks n/2 ± 0.98 √n)."""

    name: str
    day: int
    low: int
    high: int


def half_time(name: str, curve: AnswerCurve) -> HalfTime | None:
    """``None`` where there are fewer than :data:`FEWEST_ANSWERS`."""
    number = curve.answered
    if number < FEWEST_ANSWERS:
        return None
    reach = Z * sqrt(number) / 2
    low, high = max(1, floor(number / 2 - reach)), min(number, ceil(number / 2 + reach) + 1)
    return HalfTime(name, *(_day_of(curve, rank) for rank in (ceil(number / 2), low, high)))


def _day_of(curve: AnswerCurve, rank: int) -> int:
    return next(day for day, answered in curve.points if answered >= rank)


def quickest(times: Sequence[HalfTime]) -> HalfTime | None:
    """The one whose half came certainly before every other's."""
    if len(times) < 2:
        return None
    first, *others = sorted(times, key=lambda one: (one.day, one.high, one.name))
    return first if all(first.high < one.low for one in others) else None
