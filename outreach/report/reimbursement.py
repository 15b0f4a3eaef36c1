"""What the two sessions of a country came to, and what they cost against the ceiling of their reimbursement.

Each member holds one hybrid information session and one online training session in its country; of the expenses of both
together up to 4,500 euro may be reimbursed per Member State. Amounts are decimal, to the cent.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum, unique

#: Of both sessions together, per Member State, in euro.
CEILING = Decimal("4500.00")


@unique
class Kind(StrEnum):
    """Which of the sessions it is."""

    INFORMATION = "information"
    TRAINING = "training"
    OTHER = "other"  # not one of the two: it has costs that were entered


@unique
class Form(StrEnum):
    """How one could take part."""

    HYBRID = "hybrid"
    ONLINE = "online"
    ON_SITE = "on site"


#: The form that each of the two sessions is to have.
EXPECTED = {Kind.INFORMATION: Form.HYBRID, Kind.TRAINING: Form.ONLINE}


@dataclass(frozen=True, slots=True)
class Expense:
    what: str
    euros: Decimal
    paid_on: date | None = None


@dataclass(frozen=True, slots=True)
class SessionHeld:
    """A session of one campaign in one country, as far as it is known. Figures count municipalities, but for people."""

    campaign: str
    country: str
    kind: Kind
    form: Form
    title: str
    start: datetime  # aware, in the session's own zone
    held: bool  # it is over
    invited: int
    registered: int
    waiting: int
    attended: int
    people_on_site: int
    people_online: int
    lists: int  # attendance lists that stand
    to_ask: int  # people of whom a municipality has still to be named
    expenses: tuple[Expense, ...] = ()

    @property
    def costs(self) -> Decimal:
        return sum((one.euros for one in self.expenses), Decimal("0.00"))

    @property
    def day(self) -> date:
        return self.start.date()


@dataclass(frozen=True, slots=True)
class Claim:
    """What one country can claim. ``missing`` are sentences; without any the claim is complete."""

    country: str
    sessions: tuple[SessionHeld, ...]  # the information session, the training session, others
    missing: tuple[str, ...]
    notes: tuple[str, ...]  # what a reader should know besides

    @property
    def costs(self) -> Decimal:
        return sum((one.costs for one in self.sessions), Decimal("0.00"))

    @property
    def payable(self) -> Decimal:
        """Up to the ceiling."""
        return min(self.costs, CEILING)

    @property
    def over(self) -> Decimal:
        """Above the ceiling."""
        return max(self.costs - CEILING, Decimal("0.00"))

    @property
    def is_complete(self) -> bool:
        return not self.missing


def claims(sessions: Iterable[SessionHeld], countries: Collection[str] = ()) -> list[Claim]:
    """One a country that has a session, or is one of ``countries``; by code."""
    by_country: dict[str, list[SessionHeld]] = {country: [] for country in countries}
    for one in sessions:
        by_country.setdefault(one.country, []).append(one)
    order = list(Kind)
    found = []
    for country in sorted(by_country):
        own = sorted(by_country[country], key=lambda one: (order.index(one.kind), one.start, one.campaign))
        found.append(Claim(country, tuple(own), tuple(_missing(own)), tuple(_notes(own))))
    return found


def _missing(sessions: Sequence[SessionHeld]) -> Iterable[str]:
    for kind in EXPECTED:
        if not any(one.kind is kind for one in sessions):
            yield f"No {kind} session was launched."
    for one in sessions:
        if one.kind is Kind.OTHER:
            continue
        if not one.held:
            yield f"The {one.kind} session of {one.day} is still to come."
            continue
        if not one.lists:
            yield f"No attendance list of {one.campaign} was imported."
        if one.to_ask:
            people = "1 person" if one.to_ask == 1 else f"{one.to_ask:,} people"
            yield f"Of {people} at {one.campaign} the municipality has to be named."
        if not one.expenses:
            yield f"No costs of {one.campaign} were entered."


def _notes(sessions: Sequence[SessionHeld]) -> Iterable[str]:
    for kind, form in EXPECTED.items():
        own = [one for one in sessions if one.kind is kind]
        if len(own) > 1:
            yield f"There are {len(own)} {kind} sessions; the costs of all are counted."
        for one in own:
            if one.form is not form:
                yield f"The {kind} session {one.campaign} is {one.form}; it is to be {form}."
    for one in sessions:
        if one.kind is Kind.OTHER:
            yield f"{one.campaign} is neither of the two sessions; its costs are counted, as they were entered."
