"""The response rates: what each is, and what its denominator is. The only place that says so.

The unit is the municipality, never the address or the mail.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

from outreach.model.values import FunnelCounts, FunnelRow


@dataclass(frozen=True, slots=True)
class Rate:
    """A share that never leaves its two numbers."""

    numerator: int
    denominator: int

    @property
    def percent(self) -> float | None:
        """0 to 100, unrounded; ``None`` where there is nothing to divide by."""
        return 100 * self.numerator / self.denominator if self.denominator else None

    def __str__(self) -> str:
        """``541 of 565 (95.8 %)``."""
        share = f" ({self.percent:.1f} %)" if self.percent is not None else ""
        return f"{self.numerator:,} of {self.denominator:,}{share}"


@dataclass(frozen=True, slots=True)
class Measure:
    """A count of the report and, unless it is the first of the funnel, what it is divided by."""

    name: str  # the field of FunnelCounts
    label: str
    of: str | None  # the denominator: another field of FunnelCounts
    meaning: str


MEASURES: tuple[Measure, ...] = (
    Measure(
        "invited",
        "Invited",
        None,
        "At least one mail to the municipality was sent, or refused at once since the address is dead.",
    ),
    Measure(
        "reached",
        "Reached",
        "invited",
        "Invited, and not all of its addresses sent the mail back for good.",
    ),
    Measure(
        "answered",
        "Answered",
        "reached",
        "A person of the municipality answered, whatever the answer; machines do not count.",
    ),
    Measure(
        "registered",
        "Registered",
        "reached",
        "It has a place at the session, or said that it takes part in what was offered.",
    ),
    Measure("declined", "Declined", "reached", "It said no to this invitation."),
    Measure(
        "unsubscribed",
        "Opted out",
        "reached",
        "At least one of its addresses asked for no further mail.",
    ),
)
RATES: tuple[Measure, ...] = tuple(measure for measure in MEASURES if measure.of)

#: What holds for every line, and is shown with the definitions.
NOTES: tuple[str, ...] = (
    "Reached is divided by those invited. All others are divided by those reached, since a municipality whose"
    " mail came back could neither accept nor refuse.",
    "All figures count municipalities. Test mails and mails of uncertain fate never count.",
    "A line of a step counts what that mail brought; a municipality can stand in several steps, so steps do"
    " not add up to their campaign.",
)


def rate(counts: FunnelCounts, name: str) -> Rate:
    """The rate ``name`` of :data:`RATES`. KeyError for anything else."""
    for measure in RATES:
        if measure.name == name and measure.of:
            return Rate(getattr(counts, name), getattr(counts, measure.of))
    raise KeyError(name)


@dataclass(frozen=True, slots=True)
class ReportLine:
    """One line of a report.

    Of a campaign in one country, or in all of them (``country`` is ``None``); for one step, or for the
    campaign as a whole (``step`` is ``None``).
    """

    campaign: str
    country: str | None
    step: str | None
    counts: FunnelCounts

    @property
    def is_total(self) -> bool:
        return self.country is None

    @property
    def rates(self) -> dict[str, Rate]:
        """Every rate of :data:`RATES`, by name, in its order."""
        return {measure.name: rate(self.counts, measure.name) for measure in RATES}


def table(rows: Iterable[FunnelRow]) -> list[ReportLine]:
    """The report's lines: per campaign its countries by code, each whole and then by step; last the campaign
    over all its countries, whole and by step.

    Campaigns and steps keep the order in which they first come. Totals add municipalities of different
    countries only: never steps, since one municipality can stand in several. ValueError where a campaign and
    country come with steps but without a whole, or one line comes twice: both would make a false total.
    """
    campaigns: dict[str, dict[tuple[str, str | None], FunnelCounts]] = {}
    for row in rows:
        cells = campaigns.setdefault(row.campaign, {})
        if (row.country, row.step) in cells:
            raise ValueError(f"{row.campaign} {row.country} {row.step} is there twice")
        cells[row.country, row.step] = row.counts
    lines: list[ReportLine] = []
    for campaign, cells in campaigns.items():
        countries = sorted({country for country, _ in cells})
        steps = list(dict.fromkeys(step for _, step in cells if step is not None))
        for country in countries:
            if (country, None) not in cells:
                raise ValueError(f"{campaign} {country} has steps but no line for the campaign as a whole")
            lines += [
                ReportLine(campaign, country, step, cells[country, step])
                for step in (None, *steps)
                if (country, step) in cells
            ]
        for step in (None, *steps):
            counts = [cells[country, step] for country in countries if (country, step) in cells]
            lines.append(ReportLine(campaign, None, step, total(counts)))
    return lines


def total(counts: Iterable[FunnelCounts]) -> FunnelCounts:
    """The sum over sets of municipalities that have none in common."""
    all_counts = list(counts)
    return FunnelCounts(
        **{one.name: sum(getattr(row, one.name) for row in all_counts) for one in fields(FunnelCounts)}
    )
