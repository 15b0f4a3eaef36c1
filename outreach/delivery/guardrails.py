"""When a campaign has to stop and let a person look: too many bounces, complaints, refusals."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(slots=True)
class Tally:
    """What came of a campaign's mails since it was launched or last resumed."""

    tried: int = 0  # accepted, or refused since the address is dead
    bounced: int = 0  # of these, for good
    complained: int = 0  # called spam
    in_a_row: int = 0  # refused or put off, with none accepted in between


def tripped(
    tally: Tally, *, bounce_percent: float, complaint_percent: float, sample: int, errors_in_a_row: int
) -> str | None:
    """Why the campaign has to pause, in words; ``None``: it may go on. A limit of 0 is none.

    A share counts from ``sample`` mails on (for complaints, from as many on as one would be the limit of);
    before that, only when there are twice as many cases as would be the limit then.
    """
    if errors_in_a_row and tally.in_a_row >= errors_in_a_row:
        return f"the server refused or put off {tally.in_a_row:,} mails in a row"
    if _too_many(tally.bounced, tally.tried, bounce_percent, sample):
        return _share("bounced", tally.bounced, tally.tried, bounce_percent)
    if complaint_percent:
        sample = max(sample, math.ceil(100 / complaint_percent))
    if _too_many(tally.complained, tally.tried, complaint_percent, sample):
        return _share("were called spam", tally.complained, tally.tried, complaint_percent)
    return None


def _too_many(cases: int, tried: int, percent: float, sample: int) -> bool:
    if not percent or not cases or cases * 100 < percent * tried:
        return False
    return tried >= sample or cases * 100 >= 2 * percent * sample


def _share(what: str, cases: int, tried: int, percent: float) -> str:
    return f"{cases:,} of {tried:,} mails {what} ({cases / tried:.1%}; the limit is {percent:g} %)"
