"""The response rates: what each is, and what its denominator is. The only place that says so."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields

#: The quantile of the normal distribution for intervals that hold in 95 of 100 cases.
Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Rate:
    """A share that never leaves its two numbers."""

    numerator: int
    denominator: int
    rounding: float = 0.0  # variance that rounding brought into each of the two (report.disclosure)

    @property
    def percent(self) -> float | None:
        """0 to 100, unrounded; ``None`` where there is nothing to divide by."""
        return 100 * self.numerator / self.denominator if self.denominator else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Between which percentages the rate would lie in 95 of 100 repetitions, 0 to 100 (Wilson 1927, the score
        interval without correction for continuity); ``None`` where there is nothing to divide by.

        What rounding brought in is squared and added on each side (Newcombe 1998, "Interval estimation for the
        difference between independent proportions", method 10, does so with two intervals)."""
        if not self.denominator:
            return None
        n, share = self.denominator, self.numerator / self.denominator
        middle = share + Z * Z / (2 * n)
        reach = Z * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
        scale = 1 + Z * Z / n
        low = 0.0 if self.numerator == 0 else (middle - reach) / scale
        high = 1.0 if self.numerator == n else (middle + reach) / scale
        if self.rounding:
            more = Z * math.sqrt(self.rounding * (1 + share * share)) / n
            low = max(0.0, share - math.hypot(share - low, more))
            high = min(1.0, share + math.hypot(high - share, more))
        return 100 * low, 100 * high

    def __str__(self) -> str:
        """``541 of 565 (95.8 %)``."""
        share = f" ({self.percent:.1f} %)" if self.percent is not None else ""
        return f"{self.numerator:,} of {self.denominator:,}{share}"


@dataclass(frozen=True, slots=True)
class Counts:
    """How many stand at each stage of the funnel; ``None``: not known, or without a meaning for this line."""

    listed: int | None = None
    reachable: int | None = None
    invited: int = 0
    reached: int = 0
    answered: int = 0
    registered: int = 0
    attended: int | None = None
    declined: int = 0
    unsubscribed: int | None = 0
    started: int | None = None
    finished: int | None = None
    rounding: float = 0.0  # variance of each of them, where they were rounded before they came here

    def __add__(self, other: Counts) -> Counts:
        """The sum over sets that have none in common. What is known of one side only counts as that."""
        both = ((getattr(self, one.name), getattr(other, one.name)) for one in fields(Counts))
        return Counts(*(left if right is None else right + (left or 0) for left, right in both))


@dataclass(frozen=True, slots=True)
class Measure:
    """A count of the report and, unless it is the first of the funnel, what it is divided by."""

    name: str  # the field of Counts
    label: str
    of: str | None  # the denominator: another field of Counts
    meaning: str


MEASURES: tuple[Measure, ...] = (
    Measure(
        "listed",
        "Listed",
        None,
        "The municipalities of the country: those of its official list (LAU), and any that only a contact list knows.",
    ),
    Measure(
        "reachable",
        "Reachable",
        "listed",
        "There is an address that may be written to, or one that was written to.",
    ),
    Measure(
        "invited",
        "Invited",
        "reachable",
        "At least one mail to it was sent, or refused at once since the address is dead; one that shares an address"
        " with others, and is named in their mail, is invited by that mail, too.",
    ),
    Measure(
        "reached",
        "Reached",
        "invited",
        "Invited, and not all of its mails came back for good; or it answered all the same.",
    ),
    Measure(
        "answered",
        "Answered",
        "reached",
        "A person of it answered, whatever the answer; machines do not count.",
    ),
    Measure(
        "registered",
        "Registered",
        "reached",
        "It has a place at the session, or said that it takes part in what was offered.",
    ),
    Measure(
        "attended",
        "Attended",
        "reached",
        "Somebody of it was there, by the list of those present, whether it had registered or not.",
    ),
    Measure("declined", "Declined", "reached", "It said no to this invitation, and did not register after."),
    Measure(
        "unsubscribed", "Opted out", "reached", "At least one of its addresses asked for no further mail."
    ),
    Measure(
        "started",
        "Started",
        "reached",
        "It began the assessment, by what the assessment's own list says; those that finished it are among them.",
    ),
    Measure("finished", "Finished", "started", "It finished the assessment, by the same list."),
)
_BY_NAME: Mapping[str, Measure] = {measure.name: measure for measure in MEASURES}

#: What holds for every line, and is shown with the definitions.
NOTES: tuple[str, ...] = (
    "All figures count municipalities, each once in a line, however many of its offices were written to or answered;"
    " of several campaigns together, too. By contact, the same figures count addresses.",
    "Reached is divided by those invited. What follows is divided by those reached, since a municipality whose"
    " mail came back could neither accept nor refuse.",
    "Answers of machines, test mails and mails of uncertain fate never count.",
    "An answer counts for one mail: the last of ours that the municipality's own answers name, else the last it got"
    " before. So the answers of all steps add up to the campaign's; those invited do not, since one stands in"
    " several steps. The same holds for the language, the week, the weekday and the hour of mails.",
    "Intervals hold in 95 of 100 cases (Wilson). They say what chance alone can do, not whether lists were chosen"
    " well.",
)


def rate(counts: Counts, name: str) -> Rate | None:
    """The rate ``name``; ``None`` where one of its numbers is not known. KeyError for a name that is no rate."""
    measure = _BY_NAME[name]
    if measure.of is None:
        raise KeyError(name)
    numerator, denominator = getattr(counts, name), getattr(counts, measure.of)
    return None if numerator is None or denominator is None else Rate(numerator, denominator, counts.rounding)


def rates(counts: Counts) -> dict[str, Rate]:
    """Every rate whose numbers are known, by name, in the order of the funnel."""
    found = {measure.name: rate(counts, measure.name) for measure in MEASURES if measure.of}
    return {name: one for name, one in found.items() if one is not None}


def total(counts: Iterable[Counts]) -> Counts:
    """The sum over sets that have none in common."""
    whole = Counts()
    for one in counts:
        whole = whole + one
    return whole
