"""The tables beside the charts: every count with its rate, what it is a share of, and its interval."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta

from outreach.report.document import MAIL_CUTS, AnswerCurve, Experiment, LeftOut, Section, Sends
from outreach.report.measures import MEASURES, Counts, Measure, Rate, rate
from outreach.report.page_labels import line_label, measure_label, measure_meaning, reason_label
from outreach.report.page_view import Cell, Table
from outreach.report.page_words import Words

_BY_NAME = {measure.name: measure for measure in MEASURES}


def digits(whole: int) -> int:
    """Decimals of a percentage of so many: no more than the number carries."""
    return 1 if whole >= 1000 else 0


def rate_text(one: Rate | None, words: Words) -> str:
    """ "41.2% (39.8–42.7)", or nothing where there is no rate."""
    if one is None or one.interval is None:
        return ""
    places = digits(one.denominator)
    return f"{words.percent(one.percent, places)} ({words.span(*one.interval, places)})"


def known(counts: Iterable[Counts]) -> list[Measure]:
    """The measures that any of these have."""
    rows = list(counts)
    return [one for one in MEASURES if any(getattr(row, one.name) is not None for row in rows)]


def number(value: int | None, words: Words) -> Cell:
    return Cell("–" if value is None else words.number(value), number=True)


def count_cell(counts: Counts, measure: Measure, words: Words) -> Cell:
    value = getattr(counts, measure.name)
    share = rate(counts, measure.name) if measure.of else None
    return Cell("–" if value is None else words.number(value), rate_text(share, words), number=True)


def head_cell(measure: Measure, words: Words, *, alone: bool = False) -> Cell:
    """The name of a column and what its rates are a share of; ``alone`` where it has none."""
    of = words("of", what=measure_label(_BY_NAME[measure.of], words)) if measure.of and not alone else ""
    return Cell(measure_label(measure, words), of, number=True)


def funnel(counts: Counts, words: Words) -> Table:
    """One row a stage; last what it means."""
    rows = []
    for measure in known([counts]):
        share = rate(counts, measure.name) if measure.of else None
        of = words("of", what=measure_label(_BY_NAME[measure.of], words)) if measure.of else ""
        percent = "" if share is None else words.percent(share.percent, digits(share.denominator))
        between = ""
        if share is not None and share.interval is not None:
            between = words.interval(*share.interval, digits(share.denominator))
        rows.append(
            (
                Cell(measure_label(measure, words)),
                number(getattr(counts, measure.name), words),
                Cell(percent, of, number=True),
                Cell(between, number=True),
                Cell(measure_meaning(measure, words)),
            )
        )
    head = (
        Cell(words("stage")),
        Cell(words("number"), number=True),
        Cell(words("rate"), number=True),
        Cell(words("interval"), number=True),
        Cell(words("meaning")),
    )
    return Table(words("table_funnel"), head, tuple(rows), wide=True)


def cut(section: Section, words: Words, *, name: str) -> Table:
    """One row a line, in the order of the section, and the total."""
    measures = known(line.counts for line in section.lines)
    of_mails = section.cut in MAIL_CUTS
    if of_mails:  # no mail is written to those of whom we have no address
        measures = [one for one in measures if one.name not in ("listed", "reachable")]

    def cells(counts: Counts) -> Iterator[Cell]:
        for measure in measures:
            plain = of_mails and measure.name == "invited"
            yield number(counts.invited, words) if plain else count_cell(counts, measure, words)

    rows = [(Cell(line_label(section.cut, line.key, words)), *cells(line.counts)) for line in section.lines]
    rows.append((Cell(words("total")), *cells(section.total)))
    heads = (head_cell(one, words, alone=of_mails and one.name == "invited") for one in measures)
    return Table(words("table_cut", by=name), (Cell(name), *heads), tuple(rows), has_total=True, wide=True)


def curve(line: AnswerCurve, words: Words) -> Table:
    """How many had answered after a day, three, and each week."""
    last = line.points[-1][0]
    days = sorted({day for day in (1, 3, *range(7, last, 7)) if day < last} | {last})
    rows, before = [], 0
    for day in days:
        answered = max((number for on, number in line.points if on <= day), default=0)
        share = Rate(answered, line.reached)
        rows.append(
            (
                Cell(words.number(day), number=True),
                number(answered - before, words),
                number(answered, words),
                Cell(rate_text(share, words), number=True),
            )
        )
        before = answered
    head = (
        Cell(words("after_days"), number=True),
        Cell(words("new_answers"), number=True),
        Cell(words("answers_so_far"), number=True),
        Cell(words("rate"), words("of", what=measure_label(_BY_NAME["reached"], words)), number=True),
    )
    return Table(words("table_curve"), head, tuple(rows))


def curves(lines: Sequence[tuple[str, AnswerCurve]], words: Words) -> Table:
    """One row a country: how many answered, and when a quarter, half and three quarters of these had."""
    rows = []
    for name, line in lines:
        times = line.time_to_answer
        quarters = (times.lower, times.median, times.upper) if times else (None, None, None)
        days = (Cell("–" if one is None else words.decimal(one), number=True) for one in quarters)
        rows.append((Cell(name), number(line.answered, words), *days))
    head = (
        Cell(words("by.country")),
        Cell(measure_label(_BY_NAME["answered"], words), number=True),
        *(Cell(words(key), words("days"), number=True) for key in ("quarter", "half", "three_quarters")),
    )
    return Table(words("table_curves"), head, tuple(rows))


def calendar(sends: Sequence[Sends], words: Words) -> Table:
    """One row a week, a column a day; last the week's mails and answers."""
    by_day = {one.day: one for one in sends}
    weeks: dict[date, list[Sends | None]] = {}
    for day in by_day:
        monday = day - timedelta(day.weekday())
        weeks.setdefault(monday, [by_day.get(monday + timedelta(offset)) for offset in range(7)])
    rows = [
        (
            Cell(words.day(monday, "medium")),
            *(Cell(words.number(one.mails) if one and one.mails else "–", number=True) for one in own),
            number(sum(one.mails for one in own if one), words),
            number(sum(one.answers for one in own if one), words),
        )
        for monday, own in sorted(weeks.items())
    ]
    everything = [[one for one in sends if one.day.weekday() == weekday] for weekday in range(7)]
    rows.append(
        (
            Cell(words("total")),
            *(number(sum(one.mails for one in own), words) for own in everything),
            number(sum(one.mails for one in sends), words),
            number(sum(one.answers for one in sends), words),
        )
    )
    head = (
        Cell(words("week_of")),
        *(Cell(day, number=True) for day in words.short_weekdays),
        Cell(words("mails"), number=True),
        Cell(words("answers"), number=True),
    )
    return Table(words("table_calendar"), head, tuple(rows), has_total=True, wide=True)


def left_out(one: LeftOut, words: Words) -> Table:
    """From the total, reason by reason, to what is counted."""
    places = digits(one.total)

    def share(part: int) -> Cell:
        return Cell(words.percent(100 * part / one.total if one.total else None, places), number=True)

    total_label = words.get(f"left_out.{one.what}.total", one.total_label)
    label = words.get(f"left_out.{one.what}.counted", one.label)
    rows = [
        (Cell(total_label), number(one.total, words), share(one.total)),
        *(
            (
                Cell(reason_label(one, reason, words)),
                Cell(f"−{words.number(reason.number)}", number=True),
                share(reason.number),
            )
            for reason in one.reasons
        ),
        (Cell(label), number(one.counted, words), share(one.counted)),
    ]
    head = (
        Cell(words("what")),
        Cell(words("number"), number=True),
        Cell(words("rate"), words("of", what=total_label), number=True),
    )
    return Table(words("table_left_out"), head, tuple(rows), has_total=True)


def experiment(one: Experiment, words: Words) -> Table:
    """Both variants side by side."""
    names = ("invited", "reached", "answered", "registered")
    measures = [measure for measure in MEASURES if measure.name in names]
    rows = tuple(
        (
            Cell(variant.key.upper(), variant.text),
            *(count_cell(variant.counts, measure, words) for measure in measures),
        )
        for variant in one.variants
    )
    head = (Cell(words("variant")), *(head_cell(measure, words) for measure in measures))
    return Table(words("table_experiment"), head, rows, wide=True)


def definitions(measures: Sequence[Measure], words: Words) -> Table:
    rows = tuple(
        (
            Cell(measure_label(one, words)),
            Cell(measure_label(_BY_NAME[one.of], words) if one.of else words("a_count")),
            Cell(measure_meaning(one, words)),
        )
        for one in measures
    )
    head = (Cell(words("figure")), Cell(words("divided_by")), Cell(words("meaning")))
    return Table(words("table_definitions"), head, rows)
