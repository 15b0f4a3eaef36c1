"""Counts that leave the house: no figure, and no difference of figures, shows what a few municipalities did.

The method is unbiased controlled rounding of one-way tables (L. H. Cox, "A Constructive Procedure for Unbiased
Controlled Rounding", Journal of the American Statistical Association 82, 1987; Hundepool and others, "Statistical
Disclosure Control", Wiley 2012, section 5.4; HESA rounds to multiples of 5, Statistics New Zealand of 3). The cells
of a table are put in a row and added up; each sum, moved by an offset, is cut down to a multiple of the base; what is
published of a cell is the difference of two such sums. So

- each cell, each total and each stage of the funnel is less than a base away from the truth, upwards or downwards,
  and right on average over the offsets;
- every table adds up, and all tables of a campaign and country have the same totals: the row has all lines' first
  stage, then all lines' second, so its sums between the stages are the same whatever the lines are;
- nothing later in the funnel is more than what stands before it.

The offset is a secret of the installation, one for each country and for good: the same truth is always published as
the same figures, so that many files tell no more than one (fresh noise would average out), and figures that are
equal, or contain one another, show no difference that is not a whole base.

What follows, and is tested by construction (``tests/unit/test_report_disclosure.py``): of every published cell ``p``,
each whole number from ``p - base + 1`` to ``p + base - 1`` that is not negative can be the truth, whatever all other
lines of the file, and of all files before and after it, say. A count below the base can be told neither from none nor
from another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from outreach.report.measures import Counts

#: What all published counts are multiples of.
BASE = 5

#: Measures that are no stage of the funnel: each is rounded alone, and only for a campaign and country as a whole.
SIDE = ("attended", "unsubscribed", "started", "finished")


def rounded(values: Sequence[int], offset: int, base: int = BASE) -> list[int]:
    """Multiples of ``base`` that add up as ``values`` (none negative) do; ``offset`` is from 0 to ``base - 1``."""
    sums = [0]
    for value in values:
        sums.append(sums[-1] + value)
    return [
        (after + offset) // base * base - (before + offset) // base * base for before, after in pairwise(sums)
    ]


def protect(lines: Sequence[Counts], offset: int, base: int = BASE) -> list[Counts]:
    """The lines of one table of one campaign and country, to be published. ``SIDE`` measures are not among them."""
    stages = [_stages(line) for line in lines]
    depth = min(map(len, stages), default=0)
    row = [
        stage[number] - (stage[number - 1] if number else 0) for number in range(depth) for stage in stages
    ]
    cells = rounded(row, offset, base)
    published = []
    for number in range(len(lines)):
        sums = [0]
        for cell in cells[number :: len(lines)]:
            sums.append(sums[-1] + cell)
        published.append(_counts(sums[1:]))
    return published


def protect_whole(whole: Counts, offset: int, base: int = BASE) -> Counts:
    """A campaign and country as a whole, with the ``SIDE`` measures."""
    side = {name: getattr(whole, name) for name in SIDE}
    known = {name: rounded([value], offset, base)[0] for name, value in side.items() if value is not None}
    return replace(protect([whole], offset, base)[0], **known)


def _stages(counts: Counts) -> list[int]:
    """How many stand at each stage or before, from the last stage of the funnel outwards."""
    stages = [counts.registered, counts.registered + counts.declined]
    for more in (counts.answered, counts.reached, counts.invited, counts.reachable, counts.listed):
        if more is None:
            break
        stages.append(max(more, stages[-1]))
    return stages


def _counts(stages: Sequence[int]) -> Counts:
    registered, decided, answered, reached, invited, *rest = stages
    reachable, listed = (*rest, None, None)[:2]
    return Counts(
        listed=listed,
        reachable=reachable,
        invited=invited,
        reached=reached,
        answered=answered,
        registered=registered,
        declined=decided - registered,
        unsubscribed=None,
    )
