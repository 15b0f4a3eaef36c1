"""Answers since the launch: one curve with what each mail brought, or a small one for each country."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from outreach.report.charts_ink import Drawing, text_width
from outreach.report.charts_scales import Scale, ticks, whole_ticks
from outreach.report.page_words import Words

_NARROW = 480


@dataclass(frozen=True, slots=True)
class Curve:
    """A share that grows: percent after so many days, days rising. It starts at 0 and stays level in between."""

    label: str
    points: tuple[tuple[int, float], ...]

    @property
    def last(self) -> float:
        return self.points[-1][1] if self.points else 0.0

    @property
    def days(self) -> int:
        return self.points[-1][0] if self.points else 0


def curve(
    name: str,
    width: float,
    line: Curve,
    marks: Sequence[tuple[int, str]],
    words: Words,
    *,
    title: str,
    description: str,
    band: Sequence[tuple[int, float, float]] = (),
    weeks: Sequence[tuple[int, int]] = (),
) -> Markup:
    """The curve of ``line`` with ``marks`` (day and name) standing upright in it.

    ``band`` is the interval around the curve: day, low and high, in percent. ``weeks`` are the mails of each
    week, counted from 1: bars below the days, so that one sees what answers followed.
    """
    narrow = width < _NARROW
    drawing = Drawing(name, width)
    levels = [
        level for level in ticks(max(line.last, 1.0, *(high for _, _, high in band)), 4) if level <= 100
    ]
    days = max([line.days, 7, *(7 * week - 6 for week, _ in weeks)])
    left = max(text_width(words.percent(level), 12) for level in levels) + 10
    end_text = words.percent(line.last)
    right = text_width(end_text, 14, bold=True) + 16
    rows = _mark_rows(marks, Scale(days, left, width - right), width)
    top = 14.0 + 16 * max((row + 1 for row in rows), default=0)
    bottom = top + (190 if narrow else 250)
    across, up = Scale(days, left, width - right), Scale(levels[-1], bottom, top)
    for level in levels:
        drawing.line("grid", left, up(level), across.end, up(level))
        drawing.text("soft", left - 8, up(level) + 4, words.percent(level), size=12, anchor="end")
    for day in whole_ticks(days, 4 if narrow else 8, 7):
        drawing.line("axis", across(day), bottom, across(day), bottom + 5)
        drawing.text("soft", across(day), bottom + 19, words.number(day), size=12, anchor="middle")
    drawing.text("soft", across.end, bottom + 37, words("days_since_launch"), size=12, anchor="end")
    if band:
        if band[-1][0] < days:
            band = [*band, (days, *band[-1][1:])]
        drawing.area("band", _band(band, across, up))
    for (day, label), row in zip(marks, rows, strict=True):
        y = 12.0 + 16 * row
        drawing.line("mark", across(day), y + 5, across(day), bottom)
        _mark_name(drawing, across(day), y, label, width)
    drawing.path("line", _points(line, days, across, up), steps=True)
    drawing.dot("dot", across(days), up(line.last), 4.5)
    drawing.text("ink", across(days) + 10, up(line.last) + 5, end_text, size=14, bold=True)
    drawing.line("axis", left, bottom, across.end, bottom)
    end = _weeks(drawing, weeks, across, bottom, words) if weeks else bottom + 42
    return drawing.svg(end, title=title, description=description)


def _weeks(
    drawing: Drawing, weeks: Sequence[tuple[int, int]], across: Scale, bottom: float, words: Words
) -> float:
    """Draws the bars; their lower end."""
    drawing.text("soft", across.start, bottom + 37, words("mails"), size=12)
    base = bottom + 74
    tall = Scale(max(number for _, number in weeks), base, bottom + 44)
    for week, number in weeks:
        start, end = across(7 * (week - 1)), min(across(7 * week), across.end)
        drawing.rect("quiet", start + 1, tall(number), max(end - start - 2, 2), base - tall(number))
    drawing.line("axis", across.start, base, across.end, base)
    return base + 4


def _points(line: Curve, days: int, across: Scale, up: Scale) -> list[tuple[float, float]]:
    points = [(across(0), up(0)), *((across(day), up(value)) for day, value in line.points)]
    if line.days < days:
        points.append((across(days), up(line.last)))
    return points


def _band(band: Sequence[tuple[int, float, float]], across: Scale, up: Scale) -> list[tuple[float, float]]:
    """The outline of a band that stays level between its days, as the curve does."""
    low, high = [], []
    for (day, down, over), (after, _, _) in zip(band, [*band[1:], band[-1]], strict=True):
        low += [(across(day), up(down)), (across(after), up(down))]
        high += [(across(day), up(over)), (across(after), up(over))]
    return [*high, *reversed(low)]


def _mark_rows(marks: Sequence[tuple[int, str]], across: Scale, width: float) -> list[int]:
    """On which line above the plot each name stands, so that none runs into another."""
    rows: list[int] = []
    ends: list[float] = []
    for day, label in marks:
        start = _mark_start(across(day), label, width)
        row = next((number for number, end in enumerate(ends) if start > end + 10), len(ends))
        ends[row : row + 1] = [start + text_width(label, 12)]
        rows.append(row)
    return rows


def _mark_start(x: float, label: str, width: float) -> float:
    wide = text_width(label, 12)
    return min(max(x - wide / 2, 0), width - wide)


def _mark_name(drawing: Drawing, x: float, y: float, label: str, width: float) -> None:
    middle = _mark_start(x, label, width) + text_width(label, 12) / 2
    drawing.text("soft", middle, y, label, size=12, anchor="middle")


def multiples(
    name: str,
    width: float,
    lines: Sequence[Curve],
    whole: Curve,
    words: Words,
    *,
    title: str,
    description: str,
) -> Markup:
    """One small curve for each of ``lines``, all on the same scales, ``whole`` behind each for comparison."""
    drawing = Drawing(name, width)
    columns = 3 if width < _NARROW else max(4, int(width // 128))
    gap = 12.0
    wide = (width - gap * (columns - 1)) / columns
    tall, head = (48.0, 34.0) if width < _NARROW else (62.0, 34.0)
    levels = ticks(max([whole.last, 1.0, *(line.last for line in lines)]), 2)
    days = max([7, whole.days, *(line.days for line in lines)])
    step = head + tall + 18
    for number, line in enumerate(lines):
        x = (number % columns) * (wide + gap)
        y = (number // columns) * step + head
        across, up = Scale(days, x, x + wide), Scale(min(levels[-1], 100), y + tall, y)
        drawing.text("ink", x, y - 20, line.label, size=12, bold=True, room=wide)
        drawing.text("ink", x, y - 5, words.percent(line.last), size=12)
        for level in levels[1:]:
            if level <= 100:
                drawing.line("grid", x, up(level), x + wide, up(level))
        if number == 0:  # its scales are those of all
            top = words.percent(min(levels[-1], 100))
            drawing.text("soft", x + wide, y - 4, top, size=11, anchor="end")
            drawing.text("soft", x, y + tall + 12, words.number(0), size=11)
            drawing.text("soft", x + wide, y + tall + 12, words.number(days), size=11, anchor="end")
        drawing.line("axis", x, y + tall, x + wide, y + tall)
        drawing.path("whole", _points(whole, days, across, up), steps=True)
        drawing.path("line", _points(line, days, across, up), steps=True)
    rows = -(-len(lines) // columns)
    return drawing.svg(rows * step + 4, title=title, description=description)
