"""What came of an experiment, said no more surely than the figures allow."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

from outreach.report import funnel
from outreach.report.document import Experiment, Variant
from outreach.report.measures import Counts, Rate, rate
from outreach.report.sections import Numbers

#: Variants of an experiment: the mail as it is, and the other.
KEYS = ("a", "b")


def experiment(
    numbers: Numbers, slug: str, countries: Collection[str], step: str, varies: str, texts: Mapping[str, str]
) -> Experiment:
    """Of one campaign over ``countries``. Counted are municipalities that got the mail of ``step``, and answers to
    just that mail; ``texts``: what the variants are, by key."""
    first, second = (
        Variant(key, texts[key], numbers.counts(slug, funnel.VARIANT, f"{key} {step}", countries))
        for key in KEYS
    )
    one, other = _answered(first.counts), _answered(second.counts)
    found = difference(one, other)
    middle, low, high = found or (None, None, None)
    return Experiment(
        slug,
        next(iter(countries)) if len(countries) == 1 else None,
        step,
        varies,
        (first, second),
        middle,
        low,
        high,
        sentence(found),
    )


def _answered(counts: Counts) -> Rate:
    return rate(counts, "answered") or Rate(0, 0)


def difference(one: Rate, other: Rate) -> tuple[float, float, float] | None:
    """``other`` less ``one`` in percentage points, and the ends of its 95 % interval (Newcombe 1998, Statistics in
    Medicine 17, 873-890, method 10: from the score intervals of both); ``None`` where one has no denominator."""
    if one.percent is None or other.percent is None or one.interval is None or other.interval is None:
        return None
    middle = other.percent - one.percent
    low = middle - math.hypot(other.percent - other.interval[0], one.interval[1] - one.percent)
    high = middle + math.hypot(other.interval[1] - other.percent, one.percent - one.interval[0])
    return middle, low, high


def sentence(found: tuple[float, float, float] | None) -> str:
    """What may be said of the difference, in English."""
    if found is None:
        return "Not enough yet: one of the two variants has reached nobody."
    middle, low, high = found
    shown = f"B less A is {middle:+.1f} points, 95 % interval {low:+.1f} to {high:+.1f}"
    if low <= 0 <= high:
        return f"Not enough yet to say that one is answered more: {shown}. That can be chance."
    better = "B" if middle > 0 else "A"
    return (
        f"{better} was answered more: {shown}. Decide on it once, when answers have come in: whoever looks daily, and"
        " stops at the first such day, is fooled by chance."
    )
