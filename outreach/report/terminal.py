"""The report for a terminal: tables, bars and spark lines that fit into 80 columns."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from outreach.report.document import (
    MAIL_CUTS,
    AnswerCurve,
    Cut,
    Experiment,
    LeftOut,
    Report,
    Section,
    Unit,
)
from outreach.report.labels import CUT_TITLES, Reader
from outreach.report.measures import MEASURES, Counts, rate

#: Which figures a table shows where not all fit, the most wanted first.
_WANTED = (
    "invited",
    "reached",
    "answered",
    "registered",
    "finished",
    "attended",
    "declined",
    "unsubscribed",
    "started",
    "listed",
    "reachable",
)
_LABELS = {measure.name: measure.label for measure in MEASURES}
_OF = {measure.name: measure.of for measure in MEASURES}
_BAR = 20
_SPARKS = " ▁▂▃▄▅▆▇█"
_SPARK_DAYS = 60


def text(report: Report, *, cut: Cut | None = None, reader: Reader | None = None, width: int = 80) -> str:
    """What :func:`rendered` shows, without colours, no line wider than ``width``. Ends with a line break."""
    out = io.StringIO()
    console = Console(file=out, width=width, highlight=False, color_system=None, legacy_windows=False)
    console.print(rendered(report, cut=cut, reader=reader, width=width))
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


def rendered(
    report: Report, *, cut: Cut | None = None, reader: Reader | None = None, width: int = 80
) -> RenderableType:
    """The view that answers most questions, or the tables of one ``cut``; below, what the figures mean."""
    reader = reader or Reader()
    if not report.sections:
        return Text("Nothing was sent yet: there is nothing to report.")
    parts = _cut(report, cut, reader, width) if cut else _overview(report, reader, width)
    shown = [Padding(part, (0, 0, 1, 0)) for part in parts]
    return Group(*shown, *_meanings(report, cut))


def _overview(report: Report, reader: Reader, width: int) -> Iterator[RenderableType]:
    campaigns = report.sections[0]
    slugs = [line.key for line in campaigns.lines]
    yield from _funnel(report, slugs[0] if len(slugs) == 1 else None, reader)
    if len(slugs) > 1:
        yield _table(campaigns, reader, width, total="All, each once")
        if countries := report.section(Cut.COUNTRY):
            yield _table(countries, reader, width, total="All countries")
        for curve in report.curves:
            if curve.country is None:
                yield _curve(curve, reader, named=True)
        yield Text(f"One campaign alone: outreach report --campaign {slugs[0]}", style="dim")
        return
    for curve in report.curves:
        if curve.country is None:
            yield _curve(curve, reader, named=False)
    countries = report.section(Cut.COUNTRY, slugs[0])
    if countries and len(countries.lines) > 1:
        yield _table(countries, reader, width, total="All countries")
    if steps := report.section(Cut.STEP, slugs[0]):
        yield _table(steps, reader, width)
    for experiment in report.experiments:
        yield _experiment(experiment, reader)
    for table in report.left_out:
        yield _left_out(table, reader)


def _cut(report: Report, cut: Cut, reader: Reader, width: int) -> Iterator[RenderableType]:
    found = [one for one in report.sections if one.cut is cut and (one.country is None or cut is Cut.STEP)]
    if not found:
        yield Text(f"{CUT_TITLES[cut]}: nothing is known to part by.")
    alone = [one for one in found if one.country is None]
    for section in alone if len(alone) == len(found) or len(found) == 2 else found:
        yield _table(section, reader, width, total="All" if section.adds_up or cut is Cut.CAMPAIGN else "")


def _funnel(report: Report, slug: str | None, reader: Reader) -> Iterator[RenderableType]:
    """The stages of all that was selected, one below the other."""
    counted = "contacts" if report.selection.unit is Unit.CONTACT else "municipalities"
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for justify in ("left", "right", "right", "left", "left", "left"):
        table.add_column(justify=justify, no_wrap=True)
    base = report.total.listed or report.total.invited or 1
    for measure in MEASURES:
        number = getattr(report.total, measure.name)
        if number is None:
            continue
        share = rate(report.total, measure.name) if measure.of else None
        table.add_row(
            measure.label,
            reader.number(number),
            reader.share(share, 1) if share else "",
            f"({reader.interval(share, 1)})" if share and share.denominator else "",
            f"of {_LABELS[measure.of].lower()}" if measure.of else "",
            Text(_bar(number / base), style="blue"),
        )
    title = slug or "All campaigns"
    where = report.selection.country
    land = f", {reader.label(Cut.COUNTRY, where)}" if where else ""
    yield Group(
        Text.assemble((f"{title}{land}", "bold"), f": {counted}; in brackets the 95 % interval"), table
    )


def _bar(share: float) -> str:
    """Some is never nothing."""
    eighths = round(max(0.0, min(1.0, share)) * _BAR * 8)
    if share > 0:
        eighths = max(1, eighths)
    return "█" * (eighths // 8) + ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")[eighths % 8]


def spark(values: Sequence[int]) -> str:
    """One sign a value, as high as it is; some is never nothing."""
    most = max(values, default=0) or 1
    return "".join(_SPARKS[max(1, round(value / most * 8))] if value else _SPARKS[0] for value in values)


def _curve(curve: AnswerCurve, reader: Reader, *, named: bool) -> RenderableType:
    numbers = [number for _, number in curve.points]
    new = [number - before for number, before in zip(numbers, [0, *numbers], strict=False)]
    days = new[:_SPARK_DAYS]
    whose = f"{curve.campaign}: answers" if named else "Answers"
    if curve.by_week:
        lines = [Text(f"{whose} a week since the launch, week 1 to {len(days)}")]
    else:
        lines = [Text(f"{whose} a day since the launch, day 0 to {len(days) - 1}")]
    lines.append(Text(spark(days), style="blue"))
    if curve.time_to_answer:
        q = curve.time_to_answer
        lower, median, upper = (reader.decimal(one, 1) for one in (q.lower, q.median, q.upper))
        lines.append(
            Text(
                f"From first mail to first answer: half within {median} days, a quarter within {lower}, "
                f"three quarters within {upper}."
            )
        )
    return Group(*lines)


def _table(section: Section, reader: Reader, width: int, *, total: str = "") -> RenderableType:
    lines = [(_name(section.cut, line.key, reader), line.counts) for line in section.lines]
    if total and len(lines) > 1:
        lines.append((total, section.total))
    names = _columns(section, lines, reader, width)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column("", overflow="ellipsis", no_wrap=True, ratio=None, max_width=26)
    for name in names:
        head = _LABELS[name] + (f"\nof {_LABELS[of].lower()}" if (of := _OF[name]) else "")
        table.add_column(head, justify="right", no_wrap=True)
    for position, (label, counts) in enumerate(lines):
        if total and len(section.lines) > 1 and position == len(lines) - 1:
            table.add_section()
        table.add_row(label, *(_cell(counts, name, reader) for name in names))
    where = [section.campaign or "", reader.label(Cut.COUNTRY, section.country) if section.country else ""]
    title = Text(CUT_TITLES[section.cut], style="bold")
    if any(where):
        title.append(f": {', '.join(filter(None, where))}", style="")
    return Group(title, table)


def _name(cut: Cut, key: str, reader: Reader) -> str:
    label = reader.label(cut, key)
    return f"{key} {label}" if cut is Cut.COUNTRY else label


def _columns(section: Section, lines: Sequence[tuple[str, Counts]], reader: Reader, width: int) -> list[str]:
    """As many figures as fit, in the order of the funnel."""
    room = width - min(26, max((len(label) for label, _ in lines), default=0)) - 1
    chosen: set[str] = set()
    for name in _WANTED:
        if all(getattr(counts, name) is None for _, counts in lines):
            continue
        of = _OF[name]
        cells = [_cell(counts, name, reader) for _, counts in lines]
        needed = (
            max(len(_LABELS[name]), len(f"of {_LABELS[of]}") if of else 0, *map(len, cells)) + 2
        )  # the gap
        if needed > room:
            break
        room -= needed
        chosen.add(name)
    return [measure.name for measure in MEASURES if measure.name in chosen]


def _cell(counts: Counts, name: str, reader: Reader) -> str:
    """``120  22 % (19–26)``: the interval stands where the question is, at the answers."""
    number = getattr(counts, name)
    if number is None:
        return ""
    share = rate(counts, name) if _OF[name] else None
    if share is None:
        return reader.number(number)
    shown = f"{reader.number(number)} {reader.share(share):>4}"
    return f"{shown} {reader.interval(share):>6}" if name == "answered" and share.denominator else shown


def _left_out(table: LeftOut, reader: Reader) -> RenderableType:
    rows = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    rows.add_column(justify="right", no_wrap=True)
    rows.add_column()
    rows.add_row(reader.number(table.total), f"{table.total_label}, of which")
    rows.add_row(reader.number(table.counted), table.label)
    for reason in table.reasons:
        rows.add_row(reader.number(reason.number), reason.label)
    return Group(Text(f"What counts, and what was left out: {table.what}", style="bold"), rows)


def _experiment(one: Experiment, reader: Reader) -> RenderableType:
    rows = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for variant in one.variants:
        share = rate(variant.counts, "answered")
        assert share is not None
        rows.add_row(
            variant.key.upper(),
            f"{reader.number(share.numerator)} of {reader.number(share.denominator)}",
            f"{reader.share(share, 1)} ({reader.interval(share, 1)})",
            variant.text,
        )
    return Group(
        Text(f"Experiment: {one.varies.replace('_', ' ')} of {one.step}", style="bold"),
        rows,
        Text(one.sentence),
    )


def _meanings(report: Report, cut: Cut | None) -> Iterable[RenderableType]:
    shown = [
        measure
        for measure in report.definitions
        if getattr(report.total, measure.name) is not None
        and not (cut in MAIL_CUTS and measure.of in (None, "listed"))
    ]
    for measure in shown:
        of = f" (of {_LABELS[measure.of].lower()})" if measure.of else ""
        yield Padding(
            Text.assemble((f"{measure.label}{of}: ", "bold"), measure.meaning, style="dim"), (0, 0, 0, 2)
        )
    for note in report.notes:
        yield Padding(Text(note, style="dim"), (0, 0, 0, 2))
