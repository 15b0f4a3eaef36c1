"""Reports of several installations as one: what a member hands over, and how it is joined."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from outreach.errors import InputError
from outreach.report import disclosure
from outreach.report.document import COUNTRY_CUTS, AnswerCurve, Cut, Line, Report, Section, Selection
from outreach.report.measures import NOTES, Counts, total

#: What a member hands over besides its wholes. Hours, regions and the like stay at home: their lines are too thin.
CUTS = COUNTRY_CUTS

_DAYS = 7


@dataclass(frozen=True, slots=True)
class Share:
    """What is known of one campaign (``None``: of all of them, each municipality once) in one country."""

    campaign: str | None
    country: str
    whole: Counts
    cuts: Mapping[Cut, tuple[Line, ...]] = field(default_factory=dict)
    curve: tuple[tuple[int, int], ...] = ()  # days since the launch, answered until then


@dataclass(frozen=True, slots=True)
class Contribution:
    """All that one installation handed over."""

    member: str  # as whoever joins it calls it
    made_at: datetime
    base: int  # that its counts are rounded to
    shares: tuple[Share, ...]

    @property
    def countries(self) -> frozenset[str]:
        return frozenset(share.country for share in self.shares)


def shares(report: Report) -> list[Share]:
    """The parts of a report that can be added up with those of others, by campaign and country."""
    cuts: dict[tuple[str | None, str], dict[Cut, tuple[Line, ...]]] = defaultdict(dict)
    wholes: dict[tuple[str | None, str], Counts] = {}
    for section in report.sections:
        if section.cut is Cut.COUNTRY:
            wholes.update(((section.campaign, line.key), line.counts) for line in section.lines)
        elif section.cut in CUTS and section.country is not None:
            cuts[section.campaign, section.country][section.cut] = section.lines
    curves: dict[tuple[str | None, str | None], tuple[tuple[int, int], ...]] = {
        (one.campaign, one.country): one.points for one in report.curves
    }
    return [
        Share(*key, whole, dict(cuts.get(key, {})), curves.get(key, ()))
        for key, whole in sorted(wholes.items(), key=lambda item: (item[0][0] or "", item[0][1]))
    ]


def protected(share: Share, offset: int, base: int = disclosure.BASE) -> Share:
    """What may leave the house of it. ``offset``: the installation's own for this country (``disclosure``)."""
    cuts = {
        cut: tuple(
            Line(line.key, counts)
            for line, counts in zip(
                lines, disclosure.protect([line.counts for line in lines], offset, base), strict=True
            )
        )
        for cut, lines in share.cuts.items()
        if cut in CUTS
    }
    weeks = by_week(share.curve)
    steps = disclosure.rounded([after - before for (_, before), (_, after) in _pairs(weeks)], offset, base)
    curve, so_far = [], 0
    for (day, _), step in zip(weeks, steps, strict=True):
        so_far += step
        curve.append((day, so_far))
    whole = disclosure.protect_whole(share.whole, offset, base)
    return Share(share.campaign, share.country, whole, cuts, tuple(curve))


def by_week(points: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """What a curve has come to at the end of each week: its days 6, 13 and so on."""
    found: dict[int, int] = {}
    for day, answered in points:
        found[day // _DAYS] = answered
    weeks, last = [], 0
    for week in range(max(found, default=-1) + 1):
        last = found.get(week, last)
        weeks.append((week * _DAYS + _DAYS - 1, last))
    return weeks


def _pairs(points: Sequence[tuple[int, int]]) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    return zip([(-1, 0), *points], points, strict=False)


def merge(
    own: Report | None, others: Sequence[Contribution], *, made_at: datetime, selection: Selection
) -> Report:
    """One report of ``own`` (``None``: nothing) and of what others handed over, with what they share counted once.

    Sections that only ``own`` has (hours, regions) stay for its countries; those over all countries are made anew.
    Raises ``InputError`` when something would be counted twice.
    """
    mine = shares(own) if own else []
    _nothing_twice(mine, others)
    all_ = [*mine, *(_with_variance(share, one.base) for one in others for share in one.shares)]
    chosen = [share for share in all_ if _is_in(share, selection)]
    sections = list(_sections(chosen))
    kept = [
        section
        for section in (own.sections if own else ())
        if section.country is not None and section.cut not in CUTS and section.cut is not Cut.COUNTRY
    ]
    whole = next(one for one in sections if one.cut is Cut.CAMPAIGN).total
    return Report(
        made_at=made_at,
        selection=selection,
        total=whole,
        sections=(*sections, *kept),
        left_out=tuple(one for one in own.left_out if one.country is not None) if own else (),
        curves=tuple(_curves(chosen, own)),
        sends=own.sends if own else (),
        experiments=own.experiments if own else (),
        notes=(
            *NOTES,
            *(_note(one) for one in others if any(_is_in(share, selection) for share in one.shares)),
        ),
    )


def _is_in(share: Share, selection: Selection) -> bool:
    if selection.country not in (None, share.country):
        return False
    name = f"{share.campaign}-{share.country.lower()}"
    return selection.campaign is None or selection.campaign in (share.campaign, name)


def _note(one: Contribution) -> str:
    where = ", ".join(sorted(one.countries))
    return (
        f"{where}: as {one.member} handed over on {one.made_at:%Y-%m-%d}. Its counts are multiples of {one.base}, each"
        f" less than {one.base} from the truth in a total, and in each part of a line; the intervals allow for it."
    )


def _nothing_twice(mine: Sequence[Share], others: Sequence[Contribution]) -> None:
    origin = {(share.campaign, share.country): "this installation itself" for share in mine}
    for one in others:
        for share in one.shares:
            key = (share.campaign, share.country)
            if key in origin:
                what = f"the campaign {share.campaign}" if share.campaign else "the total over all campaigns"
                raise InputError(
                    f"{what[0].upper()}{what[1:]} in {share.country} would count twice:"
                    f" {origin[key]} has it, and so has {one.member}.",
                    "Leave one of the two out: name one file less, or add --without-own.",
                )
            origin[key] = one.member


def _with_variance(share: Share, base: int) -> Share:
    """The same, with what rounding did to it: of a rounded cell the variance is (base^2 - 1) / 6 on average over all
    truths, and the last figure of a line is the sum of five."""
    cell = (base * base - 1) / 6
    cuts = {
        cut: tuple(Line(line.key, replace(line.counts, rounding=5 * cell)) for line in lines)
        for cut, lines in share.cuts.items()
    }
    return replace(share, whole=replace(share.whole, rounding=cell), cuts=cuts)


def _sections(all_: Sequence[Share]) -> Iterator[Section]:
    campaigns = list(dict.fromkeys(share.campaign for share in all_ if share.campaign))
    of = {slug: [share for share in all_ if share.campaign == slug] for slug in campaigns}
    wholes = {slug: total(share.whole for share in own) for slug, own in of.items()}
    once = [share for share in all_ if share.campaign is None]
    # Municipalities of several campaigns count once only where every country says how many there are in all.
    everywhere = {share.country for share in all_} == {share.country for share in once}
    sum_of_all = total(share.whole for share in once) if once and everywhere else total(wholes.values())
    yield Section(Cut.CAMPAIGN, tuple(Line(slug, counts) for slug, counts in wholes.items()), sum_of_all)
    if once and everywhere:
        yield Section(Cut.COUNTRY, tuple(_countries(once)), sum_of_all)
    for slug, own in of.items():
        yield Section(Cut.COUNTRY, tuple(_countries(own)), wholes[slug], slug)
        for cut in CUTS:
            # Over all countries only where all of them are in it: a sum of some would look like the whole.
            if all(cut in share.cuts for share in own):
                lines = [line for share in own for line in share.cuts[cut]]
                yield Section(cut, tuple(_added(cut, lines)), wholes[slug], slug)
            for share in own:
                if cut in share.cuts:
                    yield Section(cut, share.cuts[cut], share.whole, slug, share.country)


def _countries(own: Iterable[Share]) -> list[Line]:
    return [Line(share.country, share.whole) for share in sorted(own, key=lambda share: share.country)]


def _added(cut: Cut, lines: Iterable[Line]) -> list[Line]:
    by_key: dict[str, list[Counts]] = defaultdict(list)
    for line in lines:
        by_key[line.key].append(line.counts)
    keys = list(by_key)
    if cut in (Cut.WEEK, Cut.SIZE):  # "10" after "9", "5000-9999" after "0-1999", what is not known last
        keys.sort(key=lambda key: (not key, int("".join(_leading_digits(key)) or 0), key))
    return [Line(key, total(by_key[key])) for key in keys]


def _leading_digits(key: str) -> Iterator[str]:
    for letter in key:
        if not letter.isdigit():
            return
        yield letter


def _curves(all_: Sequence[Share], own: Report | None) -> Iterator[AnswerCurve]:
    """Those of single countries as they are; of a campaign over all of them at the ends of weeks, which all have."""
    exact = {(one.campaign, one.country): one for one in (own.curves if own else ())}
    for slug in dict.fromkeys(share.campaign for share in all_ if share.campaign):
        mine = [share for share in all_ if share.campaign == slug and share.curve]
        if not mine:
            continue
        weeks = [dict(by_week(share.curve)) for share in mine]
        last = max(day for one in weeks for day in one)
        points, so_far = [], [0] * len(mine)
        for day in range(_DAYS - 1, last + 1, _DAYS):
            so_far = [one.get(day, before) for one, before in zip(weeks, so_far, strict=True)]
            points.append((day, sum(so_far)))
        reached = sum(share.whole.reached for share in all_ if share.campaign == slug)
        yield AnswerCurve(slug, None, reached, tuple(points), None)
        for share in mine:
            found = exact.get((slug, share.country))
            yield found or AnswerCurve(slug, share.country, share.whole.reached, share.curve, None)
