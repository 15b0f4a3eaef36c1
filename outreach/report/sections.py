"""From the numbers of ``report.funnel`` to the sections, curves and calendars of a report."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from outreach.report import funnel
from outreach.report.document import (
    COUNTRY_CUTS,
    MAIL_CUTS,
    AnswerCurve,
    Cut,
    Line,
    Quartiles,
    Section,
    Sends,
    Unit,
)
from outreach.report.funnel import ALL, PLACES, WHOLE
from outreach.report.measures import Counts

#: The cuts by what a municipality is: their lines hold those not invited, too.
PLACE_CUTS = (Cut.SIZE, Cut.DEGURBA, Cut.REGION)
#: Sections in the order of a report, after countries and steps.
_FURTHER = (
    Cut.LANGUAGE,
    Cut.WEEK,
    Cut.WEEKDAY,
    Cut.HOUR,
    Cut.SIZE,
    Cut.DEGURBA,
    Cut.REGION,
    Cut.NEW_OR_KNOWN,
)

_REGION = Cut.REGION.value

#: Country -> how many stand there with each pattern.
Patterns = Mapping[str, Mapping[int, int]]


@dataclass(frozen=True, slots=True)
class Launched:
    """A campaign of the selection."""

    slug: str
    countries: tuple[str, ...]  # where it was launched, by code
    steps: tuple[str, ...]  # of its mails, in their order


class Numbers:
    """Numbers, found by what they are about."""

    def __init__(
        self,
        rows: Iterable[tuple[str, str, str, str, str, int, int]],
        launched: Sequence[Launched],
        unit: Unit = Unit.MUNICIPALITY,
        *,
        nuts: int = 2,
    ) -> None:
        """``rows``: selection, unit, cut, value, country, pattern, number; other units are passed over. ``nuts``: at
        which level regions stand, 1 to 3."""
        self.launched = launched
        self.unit = unit
        self._found: dict[tuple[str, str], dict[str, dict[str, dict[int, int]]]] = {}
        self._known: dict[str, tuple[bool, bool]] = {}
        for selection, of, cut, value, country, pattern, number in rows:
            if of != unit:
                continue
            if cut == _REGION:
                value = region(value, nuts)
            lines = self._found.get((selection, cut))
            if lines is None:
                lines = self._found[selection, cut] = {}
            patterns = lines.setdefault(value, {}).setdefault(country, {})
            patterns[pattern] = patterns.get(pattern, 0) + number

    def lines(self, selection: str, cut: str) -> Mapping[str, Patterns]:
        """Value -> country -> patterns."""
        return self._found.get((selection, cut), {})

    def number(self, selection: str, cut: str, value: str, countries: Collection[str]) -> int:
        patterns = self.lines(selection, cut).get(value, {})
        return sum(sum(patterns[country].values()) for country in countries if country in patterns)

    def countries(self, selection: str) -> tuple[str, ...]:
        """Where it was launched."""
        mine = (one for one in self.launched if selection in (ALL, one.slug))
        return tuple(sorted({country for one in mine for country in one.countries}))

    def counts(self, selection: str, cut: str, value: str, countries: Collection[str]) -> Counts:
        """One line."""
        patterns = _sum(self.lines(selection, cut).get(value, {}), countries)
        if cut in MAIL_CUTS or cut in (Cut.NEW_OR_KNOWN, funnel.VARIANT):
            base = None
        else:
            base = _sum(self.lines(PLACES, cut).get(value, {}), countries)
        attendance, progress = self._is_known(selection)
        return counts(patterns, base, attendance=attendance, progress=progress)

    def _is_known(self, selection: str) -> tuple[bool, bool]:
        """Whether anything is known of who was there, and of the assessment."""
        if selection not in self._known:
            whole = self.lines(selection, WHOLE).get("", {})
            bits = 0
            for patterns in whole.values():
                for pattern in patterns:
                    bits |= pattern
            self._known[selection] = (bool(bits & funnel.ATTENDED), bool(bits & funnel.STARTED))
        return self._known[selection]


def counts(
    patterns: Mapping[int, int], base: Mapping[int, int] | None, *, attendance: bool, progress: bool
) -> Counts:
    """``base``: the patterns of all that are listed, invited or not; ``None``: without a meaning for this line."""

    def having(bit: int, among: Mapping[int, int] = patterns) -> int:
        return sum(number for pattern, number in among.items() if pattern & bit)

    listed = reachable = None
    if base is not None:
        listed = having(funnel.LISTED, base)
        lost = sum(
            number
            for pattern, number in patterns.items()
            if pattern & funnel.INVITED and not pattern & funnel.REACHABLE
        )
        reachable = having(funnel.REACHABLE, base) + lost
    return Counts(
        listed=listed,
        reachable=reachable,
        invited=having(funnel.INVITED),
        reached=having(funnel.REACHED),
        answered=having(funnel.ANSWERED),
        registered=having(funnel.REGISTERED),
        attended=having(funnel.ATTENDED) if attendance else None,
        declined=having(funnel.DECLINED),
        unsubscribed=having(funnel.UNSUBSCRIBED),
        started=having(funnel.STARTED) if progress else None,
        finished=having(funnel.FINISHED) if progress else None,
    )


def _sum(patterns: Patterns, countries: Collection[str]) -> Mapping[int, int]:
    if len(countries) == 1:
        return patterns.get(next(iter(countries)), {})
    whole: dict[int, int] = {}
    for country, some in patterns.items():
        if country in countries:
            for pattern, number in some.items():
                whole[pattern] = whole.get(pattern, 0) + number
    return whole


def region(value: str, level: int) -> str:
    """A NUTS 3 code at a level; an ISO 3166-2 code as it is."""
    return value if "-" in value or len(value) < 3 else value[: 2 + level]


def sections(numbers: Numbers) -> Iterator[Section]:
    """All of a report, the most important first: campaigns and countries, then each campaign's countries and steps,
    then the further cuts, of all campaigns together and of each."""
    slugs = [one.slug for one in numbers.launched]
    whole = slugs[0] if len(slugs) == 1 else ALL
    everywhere = numbers.countries(ALL)
    if not slugs:
        return
    yield Section(
        Cut.CAMPAIGN,
        tuple(Line(slug, _whole(numbers, slug, numbers.countries(slug))) for slug in slugs),
        _whole(numbers, whole, everywhere),
    )
    if whole == ALL:
        yield _countries(numbers, ALL)
    for one in numbers.launched:
        yield _countries(numbers, one.slug)
        if steps := _section(numbers, one.slug, Cut.STEP, one.countries, None):
            yield steps
        for country in one.countries:
            for cut in COUNTRY_CUTS:
                if found := _section(numbers, one.slug, cut, (country,), country):
                    yield found
    for selection in [*([ALL] if whole == ALL else []), *slugs]:
        for cut in _FURTHER:
            if found := _section(numbers, selection, cut, numbers.countries(selection), None):
                yield found


def total(numbers: Numbers) -> Counts:
    """Each municipality once, over all that was selected."""
    slugs = [one.slug for one in numbers.launched]
    return _whole(numbers, slugs[0] if len(slugs) == 1 else ALL, numbers.countries(ALL))


def _whole(numbers: Numbers, selection: str, countries: Collection[str]) -> Counts:
    return numbers.counts(selection, WHOLE, "", countries)


def _countries(numbers: Numbers, selection: str) -> Section:
    countries = numbers.countries(selection)
    lines = (Line(country, _whole(numbers, selection, (country,))) for country in countries)
    return Section(Cut.COUNTRY, tuple(lines), _whole(numbers, selection, countries), selection or None)


def _section(
    numbers: Numbers, selection: str, cut: Cut, countries: Sequence[str], country: str | None
) -> Section | None:
    """``None`` where nothing is known to part by."""
    values = {
        value
        for source in ((selection, PLACES) if cut in PLACE_CUTS else (selection,))
        for value, patterns in numbers.lines(source, cut).items()
        if any(one in patterns for one in countries)
    }
    if not values - {""}:
        return None
    lines = tuple(
        Line(value, numbers.counts(selection, cut, value, countries))
        for value in _in_order(cut, values, numbers.launched)
    )
    whole = _whole(numbers, selection, countries)
    if cut not in PLACE_CUTS:  # its lines hold none but those invited
        whole = replace(whole, listed=None, reachable=None)
    return Section(cut, lines, whole, selection or None, country)


def _in_order(cut: Cut, values: Iterable[str], launched: Sequence[Launched]) -> list[str]:
    """What is not known stands last."""
    if cut is Cut.STEP:
        known = list(dict.fromkeys(step for one in launched for step in one.steps))
        rank = {step: position for position, step in enumerate(known)}
        return sorted(values, key=lambda value: (rank.get(value, len(rank)), value))
    if cut in (Cut.WEEK, Cut.WEEKDAY, Cut.HOUR, Cut.SIZE, Cut.DEGURBA):
        return sorted(values, key=lambda value: (value == "", int(value.partition("-")[0] or 0)))
    return sorted(values, key=lambda value: (value == "", value))


def curves(numbers: Numbers) -> Iterator[AnswerCurve]:
    """Of each campaign, over all its countries and then for each; none where nobody was reached. Time is told of
    municipalities only: none by contact."""
    if numbers.unit is not Unit.MUNICIPALITY:
        return
    for one in numbers.launched:
        lands: list[str | None] = [None, *one.countries]
        for country in lands:
            chosen = one.countries if country is None else (country,)
            whole = _whole(numbers, one.slug, chosen)
            if not whole.reached:
                continue
            days = _by_number(numbers, one.slug, funnel.DAY, chosen)
            so_far, points = 0, []
            for day in range(max(days, default=0) + 1):
                so_far += days[day]
                points.append((day, so_far))
            waits = _by_number(numbers, one.slug, funnel.WAIT, chosen)
            yield AnswerCurve(one.slug, country, whole.reached, tuple(points), quartiles(waits))


def _by_number(numbers: Numbers, slug: str, cut: str, countries: Collection[str]) -> Counter[int]:
    found: Counter[int] = Counter()
    for value in numbers.lines(slug, cut):
        if number := numbers.number(slug, cut, value, countries):
            found[int(value)] = number
    return found


def quartiles(hours: Mapping[int, int]) -> Quartiles | None:
    """In days, of how many waited so many whole hours: the first hour by which a quarter, a half, three quarters
    had answered. ``None``: nobody."""
    whole = sum(hours.values())
    if not whole:
        return None
    found: list[float] = []
    so_far = 0
    wanted = [-(-whole * part // 4) for part in (1, 2, 3)]
    for hour in sorted(hours):
        so_far += hours[hour]
        while len(found) < len(wanted) and so_far >= wanted[len(found)]:
            found.append(hour / 24)
    return Quartiles(*found)


def sends(numbers: Numbers) -> list[Sends]:
    """By day, of all campaigns of the selection."""
    days: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for one in numbers.launched:
        for position, cut in enumerate((funnel.SENT_ON, funnel.ANSWERED_ON)):
            for value in numbers.lines(one.slug, cut):
                days[value][position] += numbers.number(one.slug, cut, value, one.countries)
    return [Sends(date.fromisoformat(day), *days[day]) for day in sorted(days) if any(days[day])]
