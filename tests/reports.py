"""Reports made up from a seed, with every section and figure a real one has: what pages are drawn from in tests."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from outreach.model.countries import COUNTRIES
from outreach.report.document import (
    AnswerCurve,
    Cut,
    Experiment,
    LeftOut,
    Line,
    Quartiles,
    Reason,
    Report,
    Section,
    Selection,
    Sends,
    Variant,
)
from outreach.report.measures import Counts, total

MADE_AT = datetime(2026, 6, 1, 9, 30, tzinfo=UTC)
STEPS = ("invitation", "reminder", "last-call")


def made_report(
    *,
    campaigns: tuple[str, ...] = ("lordimas",),
    countries: tuple[str, ...] = tuple(COUNTRIES),
    scale: float = 1.0,
    seed: int = 1,
    days: int = 60,
) -> Report:
    """A report over ``campaigns`` and ``countries``; ``scale`` 0.01 makes it too small to say much."""
    chance = random.Random(seed)
    sections: list[Section] = []
    curves: list[AnswerCurve] = []
    left_out: list[LeftOut] = []
    wholes: dict[str, Counts] = {}
    for slug in campaigns:
        lines = [Line(code, _country(code, scale, chance)) for code in sorted(countries)]
        whole = wholes[slug] = total(line.counts for line in lines)
        sections.append(Section(Cut.COUNTRY, tuple(lines), whole, slug))
        sections += _sections(slug, whole, chance)
        own = [_curve(slug, line, days, chance) for line in lines]
        curves += [_sum(slug, own), *own]
        listed, reached = whole.listed or 0, whole.reached
        reasons = _split(listed - reached, 4, chance)
        keys = ("no_address", "suppressed", "not_sent", "bounced")
        labels = ("No usable address", "Said stop before", "Not written to yet", "All mails came back")
        parts = zip(keys, labels, reasons, strict=True)
        left_out.append(
            LeftOut(
                "municipalities",
                "Reached: in the rates",
                "Municipalities of the countries",
                listed,
                reached,
                tuple(Reason(key, label, number) for key, label, number in parts if number),
                slug,
            )
        )
    all_of_them = Section(
        Cut.CAMPAIGN, tuple(Line(slug, counts) for slug, counts in wholes.items()), total(wholes.values())
    )
    return Report(
        made_at=MADE_AT,
        selection=Selection(),
        total=all_of_them.total,
        sections=(all_of_them, *sections),
        left_out=tuple(left_out),
        curves=tuple(curves),
        sends=_sends(all_of_them.total.invited, days, chance),
        experiments=(_experiment(campaigns[0], all_of_them.total, chance),),
    )


def _country(code: str, scale: float, chance: random.Random) -> Counts:
    listed = max(3, round((COUNTRIES[code].municipalities_estimate or 100) * scale))
    reachable = _some(listed, chance.uniform(0.7, 1), chance)
    invited = _some(reachable, 0.98, chance)
    reached = _some(invited, chance.uniform(0.9, 0.99), chance)
    answered = _some(reached, chance.uniform(0.15, 0.5), chance)
    registered = _some(answered, chance.uniform(0.2, 0.6), chance)
    declined = min(answered - registered, _some(reached, 0.04, chance))
    return Counts(
        listed=listed,
        reachable=reachable,
        invited=invited,
        reached=reached,
        answered=answered,
        registered=registered,
        attended=_some(registered, 0.7, chance),
        declined=declined,
        unsubscribed=_some(reached, 0.01, chance),
    )


def _some(of: int, share: float, chance: random.Random) -> int:
    return min(of, max(0, round(of * share + chance.uniform(-0.5, 0.5))))


def _sections(slug: str, whole: Counts, chance: random.Random) -> list[Section]:
    by_mail = [
        (Cut.STEP, STEPS),
        (Cut.LANGUAGE, ("de", "fr", "nl", "nl+fr", "el", "mt")),
        (Cut.WEEK, ("1", "2", "3", "5", "7")),
        (Cut.WEEKDAY, ("1", "2", "3", "4", "5")),
        (Cut.HOUR, tuple(str(hour) for hour in range(8, 17))),
    ]
    by_place = [
        (Cut.SIZE, ("0-1999", "2000-4999", "5000-19999", "20000-99999", "100000-", "")),
        (Cut.DEGURBA, ("1", "2", "3", "")),
        (Cut.REGION, (*(f"DE{number:02}" for number in range(1, 39)), "")),
        (Cut.NEW_OR_KNOWN, ("new", "known")),
    ]
    return [Section(cut, _parts(whole, keys, chance), whole, slug) for cut, keys in by_mail + by_place]


def _parts(whole: Counts, keys: tuple[str, ...], chance: random.Random) -> tuple[Line, ...]:
    names = (
        "listed",
        "reachable",
        "invited",
        "reached",
        "answered",
        "registered",
        "declined",
        "unsubscribed",
    )
    columns = {name: _split(getattr(whole, name), len(keys), chance) for name in names}
    rows = []
    for number, key in enumerate(keys):
        counts = {name: columns[name][number] for name in names}
        for before, after in pairwise(names[:6]):
            counts[after] = min(counts[before], counts[after])
        rows.append(Line(key, Counts(**counts)))
    return tuple(rows)


def _split(number: int, parts: int, chance: random.Random) -> list[int]:
    weights = [chance.uniform(0.5, 1.5) for _ in range(parts)]
    shares = [int(number * weight / sum(weights)) for weight in weights]
    shares[0] += number - sum(shares)
    return shares


def _curve(slug: str, line: Line, days: int, chance: random.Random) -> AnswerCurve:
    slow = chance.uniform(3, 9)
    waits = sorted(
        min(days - 1, int(chance.choice((0, 0, 21, 42)) + chance.expovariate(1 / slow)))
        for _ in range(line.counts.answered)
    )
    points, so_far, on = [], 0, Counter(waits)
    for day in range(max(waits, default=0) + 1):
        so_far += on[day]
        points.append((day, so_far))
    times = Quartiles(*(float(waits[len(waits) * part // 4]) for part in (1, 2, 3))) if waits else None
    return AnswerCurve(slug, line.key, line.counts.reached, tuple(points), times)


def _sum(slug: str, curves: list[AnswerCurve]) -> AnswerCurve:
    last = max(curve.points[-1][0] for curve in curves)
    levels = [dict(curve.points) for curve in curves]
    points = []
    for day in range(last + 1):
        points.append((day, sum(level.get(day, max(level.values())) for level in levels)))
    return AnswerCurve(
        slug, None, sum(curve.reached for curve in curves), tuple(points), Quartiles(1.2, 4.5, 12.0)
    )


def _sends(mails: int, days: int, chance: random.Random) -> tuple[Sends, ...]:
    first = date(2026, 3, 31)
    found = []
    for day in (first + timedelta(number) for number in range(days)):
        if day.weekday() < 5 and chance.random() > 0.3:
            found.append(Sends(day, 1 + int(mails / 20 * chance.random()), int(mails / 60 * chance.random())))
    return tuple(found)


def _experiment(slug: str, whole: Counts, chance: random.Random) -> Experiment:
    half = whole.reached // 2
    arms = [Counts(invited=half, reached=half, answered=_some(half, share, chance)) for share in (0.3, 0.34)]
    subjects = ("How digital is your municipality?", "Twenty minutes for your municipality")
    variants = tuple(
        Variant(key, text, counts) for key, text, counts in zip("ab", subjects, arms, strict=True)
    )
    apart = 100 * (arms[1].answered - arms[0].answered) / half if half else 0.0
    reach = 196 * (2 * 0.32 * 0.68 / max(half, 1)) ** 0.5
    return Experiment(
        campaign=slug,
        country=None,
        step="invitation",
        varies="subject",
        variants=(variants[0], variants[1]),
        difference=apart,
        low=apart - reach,
        high=apart + reach,
        sentence="",
    )
