"""The whole response report as frozen values: what the database is asked for, and what every output is made from.

Whatever shows figures (terminal, JSON, CSV, XLSX, pages, mail) gets a :class:`Report` and counts nothing itself.
Percentages and intervals stand on 0 to 100, unrounded; times are aware.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum, unique

from outreach.report.measures import MEASURES, NOTES, Counts, Measure, Rate, rates


@unique
class Unit(StrEnum):
    """What is counted."""

    MUNICIPALITY = "municipality"
    CONTACT = "contact"  # one address of a municipality


@unique
class Cut(StrEnum):
    """By what a section parts what it counts. The keys of its lines stand behind each."""

    CAMPAIGN = "campaign"  # slug
    COUNTRY = "country"  # ISO 3166-1 alpha-2
    STEP = "step"  # its name
    LANGUAGE = "language"  # of the mail, "de" or "nl+fr"
    WEEK = "week"  # of the mail, since the launch: "1" is the first seven days
    WEEKDAY = "weekday"  # of the mail, where the municipality is: "1" Monday to "7" Sunday
    HOUR = "hour"  # of the mail, where the municipality is: "0" to "23"
    SIZE = "size"  # inhabitants: "0-1999" ... "100000-"; "" not known
    DEGURBA = "degurba"  # "1" city, "2" town or suburb, "3" rural; "" not known
    REGION = "region"  # NUTS 2, as "DE21", else ISO 3166-2, as "DE-BY"; "" not known
    NEW_OR_KNOWN = "new_or_known"  # "known": had answered an earlier campaign when this one began; "new"


#: Cuts by what a mail was. A municipality can stand in several of their lines, so these do not add up to the total
#: of those invited; answers do, since each counts for one mail.
MAIL_CUTS = frozenset({Cut.STEP, Cut.LANGUAGE, Cut.WEEK, Cut.WEEKDAY, Cut.HOUR})


#: Cuts that a report of several countries shows for each of them, too: what a member hands over.
COUNTRY_CUTS = (Cut.STEP, Cut.WEEK, Cut.LANGUAGE, Cut.SIZE)


@dataclass(frozen=True, slots=True)
class Selection:
    """What a report is about; ``None``: all that the account reaches."""

    campaign: str | None = None  # slug, or the name of a campaign in one country
    country: str | None = None
    unit: Unit = Unit.MUNICIPALITY


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a section."""

    key: str  # as Cut says; `report.labels` makes it readable
    counts: Counts

    @property
    def rates(self) -> Mapping[str, Rate]:
        """By the name of the measure; only those whose numbers are known for this line."""
        return rates(self.counts)


@dataclass(frozen=True, slots=True)
class Section:
    """What one cut shows, of one campaign over all its countries, of one of these, or of everything."""

    cut: Cut
    lines: tuple[Line, ...]  # in the order of their keys' meaning
    total: Counts  # each municipality once, whatever the number of lines it stands in
    campaign: str | None = None  # slug; None: all campaigns, where a municipality counts once in each line
    country: str | None = None

    @property
    def adds_up(self) -> bool:
        """Whether each stands in exactly one line."""
        parts = self.cut is Cut.COUNTRY or (self.campaign is not None and self.cut is not Cut.CAMPAIGN)
        return parts and self.cut not in MAIL_CUTS


@dataclass(frozen=True, slots=True)
class Reason:
    """Why some were left out."""

    key: str
    label: str
    number: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """From a total to what the rates count: ``counted`` and the numbers of all reasons make the total, always."""

    what: str  # "municipalities", "mails", "answers"
    label: str  # what is counted in the end, as "Reached: in the rates"
    total_label: str  # what the total is, as "Municipalities of the countries"
    total: int
    counted: int
    reasons: tuple[Reason, ...]  # none of them empty
    campaign: str | None = None
    country: str | None = None

    @property
    def adds_up(self) -> bool:
        return self.total == self.counted + sum(reason.number for reason in self.reasons)


@dataclass(frozen=True, slots=True)
class Quartiles:
    """Days from the first mail to the first answer, of those who answered."""

    lower: float  # a quarter had answered by then
    median: float
    upper: float


@dataclass(frozen=True, slots=True)
class AnswerCurve:
    """How answers came in: of those reached, how many had answered so many days after the launch."""

    campaign: str  # slug
    country: str | None  # None: over all countries, each from its own launch
    reached: int
    # Days since the launch, answered until then; ascending. Every day from day 0; or, where members handed figures
    # over, the ends of weeks only: days 6, 13 and so on.
    points: tuple[tuple[int, int], ...]
    time_to_answer: Quartiles | None  # None: nobody answered

    @property
    def answered(self) -> int:
        return self.points[-1][1] if self.points else 0

    @property
    def by_week(self) -> bool:
        """Whether its points are the ends of weeks."""
        return bool(self.points) and self.points[0][0] > 0


@dataclass(frozen=True, slots=True)
class Sends:
    """Mails of one day, where their municipalities are."""

    day: date
    mails: int  # that our server took, those that came back later included
    answers: int  # municipalities whose first answer came on this day


@dataclass(frozen=True, slots=True)
class Variant:
    """One arm of an experiment."""

    key: str  # "a", "b"
    text: str  # the subject line, or the window, as "09:00 to 11:00"
    counts: Counts


@dataclass(frozen=True, slots=True)
class Experiment:
    """Two ways to write the same mail, each to municipalities chosen by chance."""

    campaign: str  # slug
    country: str | None
    step: str
    varies: str  # "subject" or "send_time"
    variants: tuple[Variant, Variant]
    difference: float | None  # answered of reached, b less a, in percentage points; None: no ground for one
    low: float | None  # its 95 % interval (Newcombe)
    high: float | None
    sentence: str  # what may be said, in English


@dataclass(frozen=True, slots=True)
class Report:
    """All of it."""

    made_at: datetime
    selection: Selection
    total: Counts  # each municipality once, over all that was selected
    sections: tuple[Section, ...]
    left_out: tuple[LeftOut, ...]
    curves: tuple[AnswerCurve, ...]  # of each campaign over all countries, then of each country
    sends: tuple[Sends, ...]  # by day; days without any are left out
    experiments: tuple[Experiment, ...] = ()
    definitions: tuple[Measure, ...] = MEASURES
    notes: tuple[str, ...] = NOTES

    def section(self, cut: Cut, campaign: str | None = None, country: str | None = None) -> Section | None:
        """The section of a cut; ``None`` where there is none."""
        for one in self.sections:
            if (one.cut, one.campaign, one.country) == (cut, campaign, country):
                return one
        return None
