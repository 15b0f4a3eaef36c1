"""The figures of a report: for each a finding, one or two charts, and the table they were drawn from."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from markupsafe import Markup

from outreach.report import charts_calendar, charts_curve, charts_funnel, charts_intervals, charts_tiles
from outreach.report import page_tables as tables
from outreach.report.document import MAIL_CUTS, AnswerCurve, Cut, Experiment, LeftOut, Section, Sends
from outreach.report.measures import Counts, Rate, rate
from outreach.report.page_findings import (
    Named,
    beside_whole,
    extremes,
    half_time,
    is_sure,
    quickest,
)
from outreach.report.page_labels import line_label, measure_label
from outreach.report.page_view import Cell, Chart, Figure, Table
from outreach.report.page_words import Words

#: The charts' widths in CSS pixels: beside a table or on paper, and on a phone of 320 pixels.
WIDE, NARROW = 640.0, 288.0
#: Lines that a chart of rates shows at most; the table has all.
_MOST_DOTS = 30
_IN_ORDER = frozenset({Cut.STEP, Cut.WEEK, Cut.WEEKDAY, Cut.HOUR, Cut.SIZE, Cut.DEGURBA, Cut.NEW_OR_KNOWN})


def _chart(key: str, draw: Callable[[str, float], Markup]) -> Chart:
    return Chart(draw(f"{key}-wide", WIDE), draw(f"{key}-narrow", NARROW))


def figure_key(*parts: str | None) -> str:
    """An id for a page: letters, digits and hyphens, whatever a campaign is called."""
    joined = "-".join(part for part in parts if part)
    return re.sub(r"[^a-z0-9]+", "-", joined.lower()).strip("-") or "figure"


def funnel(key: str, counts: Counts, words: Words) -> Figure:
    """How many municipalities are left after each stage."""
    stages = []
    for measure in tables.known([counts]):
        value = getattr(counts, measure.name)
        share = rate(counts, measure.name) if measure.of else None
        text, interval, of = words.number(value), None, None
        if share is not None and share.interval is not None:
            text = f"{text} ({words.percent(share.percent)})"
            of = share.denominator
            interval = (share.interval[0] * of / 100, share.interval[1] * of / 100)
        stages.append(charts_funnel.Stage(measure_label(measure, words), value, of, text, interval))
    finding = _answered(counts, words)
    about, reading = words("about_funnel"), words("reading_funnel")
    chart = _chart(
        key,
        lambda name, width: charts_funnel.funnel(name, width, stages, title=finding, description=about),
    )
    return Figure(key, finding, about, reading, chart, tables.funnel(counts, words))


def _answered(counts: Counts, words: Words) -> str:
    share = Rate(counts.answered, counts.reached)
    numbers = {"part": words.number(share.numerator), "whole": words.number(share.denominator)}
    if not counts.invited:
        return words("finding_nothing_sent")
    if not counts.answered:
        return words("finding_no_answers", **numbers)
    if not is_sure(share):
        return words("finding_answered_unsure", **numbers)
    return words("finding_answered", percent=words.percent(share.percent), **numbers)


def curve(key: str, line: AnswerCurve, sent: Section | None, words: Words) -> Figure:
    """How answers came in since the launch; ``sent``: the mails by week."""
    half = half_time("", line)
    marks = []
    if half is None:
        finding = words("finding_curve_unsure", number=words.number(line.answered))
    else:
        finding = words("finding_curve", day=words.number(half.day))
        marks = [(half.day, words("half_of_answers"))]
    about, reading = words("about_curve", number=words.number(line.reached)), words("reading_curve")
    notes = []
    if half is not None and half.low < half.high:
        notes.append(words("note_half_time", low=words.number(half.low), high=words.number(half.high)))
    if half is not None and line.time_to_answer is not None:
        times = line.time_to_answer
        lower, median, upper = (words.decimal(days) for days in (times.lower, times.median, times.upper))
        notes.append(words("note_quartiles", lower=lower, median=median, upper=upper))
    shares = [(day, Rate(number, line.reached)) for day, number in line.points]
    band = [(day, *share.interval) for day, share in shares if share.interval is not None]
    drawn = _drawn("", line)
    lines = sent.lines if sent else ()
    weeks = [(int(one.key), one.counts.invited) for one in lines if one.key and one.counts.invited]
    chart = _chart(
        key,
        lambda name, width: charts_curve.curve(
            name, width, drawn, marks, words, title=finding, description=about, band=band, weeks=weeks
        ),
    )
    return Figure(key, finding, about, reading, chart, tables.curve(line, words), tuple(notes))


def _drawn(label: str, line: AnswerCurve) -> charts_curve.Curve:
    """As a share of those reached, in percent; days on which nothing came say nothing."""
    of = line.reached or 1
    points, before = [], -1
    for day, number in line.points:
        if number != before:
            points.append((day, 100 * number / of))
        before = number
    if line.points and points[-1][0] != line.points[-1][0]:
        points.append((line.points[-1][0], 100 * before / of))
    return charts_curve.Curve(label, tuple(points))


def multiples(key: str, whole: AnswerCurve, lines: Sequence[AnswerCurve], words: Words) -> Figure:
    """One small curve a country, the highest rate first."""
    named = [(words.country(line.country or ""), line) for line in lines if line.reached]
    named.sort(key=lambda one: (-one[1].answered / one[1].reached, one[0]))
    times = [time for time in (half_time(name, line) for name, line in named) if time is not None]
    first = quickest(times)
    if len(times) < 2:
        finding = words("finding_quickest_unsure")
    elif first is None:
        finding = words("finding_quickest_none")
    else:
        finding = words("finding_quickest", country=first.name, day=words.number(first.day))
    about, reading = words("about_multiples"), words("reading_multiples")
    drawn = [_drawn(name, line) for name, line in named]
    behind = _drawn("", whole)
    chart = _chart(
        key,
        lambda name, width: charts_curve.multiples(
            name, width, drawn, behind, words, title=finding, description=about
        ),
    )
    return Figure(key, finding, about, reading, chart, tables.curves(named, words))


def union(key: str, section: Section, words: Words) -> Figure:
    """The tile map of a section by country."""
    rates = {line.key: line.rates["answered"] for line in section.lines}
    named = [Named(words.country(code), one) for code, one in rates.items()]
    found = extremes(named)
    if found is None:
        finding = words("finding_countries_unsure")
    elif found.first is not None:
        percent = words.percent(found.first.rate.percent)
        finding = words("finding_country", country=found.first.name, percent=percent)
    elif found.above is not None and found.below is not None:
        finding = words("finding_more", **_pair(found.above, found.below, words))
    else:
        finding = words("finding_no_difference")
    about, reading = words("about_union"), words("reading_union")
    shown = {
        code: charts_tiles.Tile(one.percent, is_sure(one))
        for code, one in rates.items()
        if code in charts_tiles.PLACES
    }
    chart = _chart(
        key,
        lambda name, width: charts_tiles.tiles(name, width, shown, words, title=finding, description=about),
    )
    return Figure(key, finding, about, reading, chart, tables.cut(section, words, name=words("by.country")))


def _pair(above: Named, below: Named, words: Words) -> dict[str, str]:
    return {
        "more": above.name,
        "more_percent": words.percent(above.rate.percent),
        "less": below.name,
        "less_percent": words.percent(below.rate.percent),
    }


def ranking(key: str, section: Section, words: Words) -> Figure:
    """The countries of a section in the order of their rates, each with its interval. Its table is the map's,
    so it has only the rates."""
    whole = Rate(section.total.answered, section.total.reached)
    named = [Named(words.country(line.key), line.rates["answered"]) for line in section.lines]
    above, below, of = beside_whole(named, whole)
    if of < 2:
        finding = words("finding_ranking_unsure")
    else:
        numbers = {"above": words.number(above), "below": words.number(below), "of": words.number(of)}
        finding = words("finding_ranking", **numbers)
    about, reading = words("about_rates"), f"{words('reading_rates')} {words('reading_whole')}"
    chart = _dots(key, named, whole, words, finding, about)
    return Figure(key, finding, about, reading, chart, _rates_table(named, whole, words, words("by.country")))


def _rates_table(named: Sequence[Named], whole: Rate, words: Words, name: str) -> Table:
    rows = [
        (
            Cell(one.name),
            Cell(
                words(
                    "part_of_whole",
                    part=words.number(one.rate.numerator),
                    whole=words.number(one.rate.denominator),
                ),
                number=True,
            ),
            Cell(tables.rate_text(one.rate, words), number=True),
        )
        for one in [*_by_rate(named), Named(words("total"), whole)]
    ]
    head = (
        Cell(name),
        Cell(words("label.answered_of_reached"), number=True),
        Cell(words("rate"), words("interval"), number=True),
    )
    return Table(words("table_rates", by=name), head, tuple(rows), has_total=True)


def _by_rate(named: Sequence[Named]) -> list[Named]:
    return sorted(named, key=lambda one: (-(one.rate.percent or 0.0), one.name))


def _dots(
    key: str,
    named: Sequence[Named],
    whole: Rate | None,
    words: Words,
    finding: str,
    about: str,
    *,
    in_order: bool = False,
) -> Chart:
    shown = [one for one in named if one.rate.interval is not None]
    if len(shown) > _MOST_DOTS:  # those that chance moves least
        shown = sorted(shown, key=lambda one: -one.rate.denominator)[:_MOST_DOTS]
        shown = [one for one in named if one in shown]
    dots = []
    for one in shown if in_order else _by_rate(shown):
        low, high = one.rate.interval or (0.0, 0.0)
        text = words(
            "percent_of", percent=words.percent(one.rate.percent), whole=words.number(one.rate.denominator)
        )
        dots.append(charts_intervals.Dot(one.name, one.rate.percent, low, high, text, is_sure(one.rate)))
    line = None
    if whole is not None and whole.percent is not None:
        line = (whole.percent, words("all_together", percent=words.percent(whole.percent)))
    return _chart(
        key,
        lambda name, width: charts_intervals.intervals(
            name, width, dots, words, title=finding, description=about, whole=line
        ),
    )


def cut(key: str, section: Section, words: Words) -> Figure:
    """The rates of a section's lines beside one another."""
    named = [
        Named(line_label(section.cut, line.key, words), line.rates["answered"]) for line in section.lines
    ]
    finding = _reminders(section, words) if section.cut is Cut.STEP else None
    if finding is None:
        found = extremes([one for one, line in zip(named, section.lines, strict=True) if line.key])
        if found is None:
            finding = words("finding_cut_unsure", by=words(f"by.{section.cut}"))
        elif found.above is not None and found.below is not None:
            finding = words("finding_differ", **_pair(found.above, found.below, words))
        else:
            finding = words("finding_cut_none", by=words(f"by.{section.cut}"))
    about, reading = words("about_cut", by=words(f"by.{section.cut}")), words("reading_rates")
    in_order = section.cut in _IN_ORDER
    # a share of mails is not to be held against a share of municipalities, of which each got several
    whole = None if section.cut in MAIL_CUTS else Rate(section.total.answered, section.total.reached)
    if whole is not None:
        reading = f"{reading} {words('reading_whole')}"
    chart = _dots(key, named, whole, words, finding, about, in_order=in_order) if len(named) > 1 else None
    notes = []
    if section.cut in MAIL_CUTS:
        notes.append(words("note_mail_cut"))
    if len(named) > _MOST_DOTS:
        notes.append(words("note_most", number=words.number(_MOST_DOTS)))
    table = tables.cut(section, words, name=words(f"by.{section.cut}"))
    return Figure(key, finding, about, reading, chart, table, tuple(notes))


def _reminders(section: Section, words: Words) -> str | None:
    """What the mails after the first one brought, where there were any."""
    later = section.lines[1:]
    if not any(line.counts.reached for line in later):
        return None
    answered = sum(line.counts.answered for line in section.lines)
    brought = Rate(sum(line.counts.answered for line in later), answered)
    if not is_sure(brought) or brought.interval is None or brought.percent is None:
        return words("finding_reminders_unsure")
    low, high = brought.interval
    for fraction, percent in (("quarter", 25.0), ("third", 100 / 3), ("half", 50.0)):
        if low <= percent <= high and abs(brought.percent - percent) <= 1.5 and high - low <= 10:
            return words(f"finding_reminders_{fraction}")
    return words("finding_reminders", percent=words.percent(brought.percent))


def calendar(key: str, sends: Sequence[Sends], words: Words) -> Figure:
    """When mail went out."""
    days = {one.day: one.mails for one in sends if one.mails}
    busiest = max(days, key=lambda day: (days[day], day))
    finding = words("finding_calendar", day=words.day(busiest), number=words.number(days[busiest]))
    about, reading = words("about_calendar"), words("reading_calendar")
    chart = _chart(
        key,
        lambda name, width: charts_calendar.calendar(
            name, width, days, words, title=finding, description=about
        ),
    )
    return Figure(key, finding, about, reading, chart, tables.calendar(sends, words))


def left_out(key: str, one: LeftOut, words: Words) -> Figure:
    numbers = {"counted": words.number(one.counted), "total": words.number(one.total)}
    about = words.get(f"left_out.{one.what}.about", one.label)
    return Figure(key, words("finding_left_out", **numbers), about, "", None, tables.left_out(one, words))


def experiment(key: str, one: Experiment, words: Words) -> Figure:
    """Two variants of a mail, and whether they differ."""
    by_answers = [Named(v.key.upper(), Rate(v.counts.answered, v.counts.reached)) for v in one.variants]
    if one.difference is None or one.low is None or one.high is None or one.low <= 0 <= one.high:
        finding = words("finding_experiment_unsure")
    else:
        better = by_answers[1 if one.difference > 0 else 0].name
        finding = words("finding_experiment", variant=better, points=words.decimal(abs(one.difference)))
    about = words(f"about_experiment.{one.varies}", step=line_label(Cut.STEP, one.step, words))
    reading = f"{words('reading_rates')} {words('reading_whole')}"
    whole = Rate(sum(n.rate.numerator for n in by_answers), sum(n.rate.denominator for n in by_answers))
    chart = _dots(key, by_answers, whole, words, finding, about, in_order=True)
    notes = []
    if one.low is not None and one.high is not None and one.difference is not None:
        ends = {"low": words.signed(one.low), "high": words.signed(one.high)}
        notes.append(words("note_experiment", difference=words.signed(one.difference), **ends))
    return Figure(key, finding, about, reading, chart, tables.experiment(one, words), tuple(notes))
