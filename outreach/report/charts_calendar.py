"""When mail went out: a square a day, a column a week."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from markupsafe import Markup

from outreach.report.charts_ink import Drawing, text_width
from outreach.report.charts_scales import class_of, classes
from outreach.report.page_words import Words

_NARROW = 480


def calendar(
    name: str,
    width: float,
    days: Mapping[date, int],
    words: Words,
    *,
    title: str,
    description: str,
) -> Markup:
    """Mails by day, from the week of the first to the week of the last, in as many bands of weeks as it takes.
    The darker, the more; days without mail are empty squares."""
    drawing = Drawing(name, width)
    left = max(text_width(day, 12) for day in words.short_weekdays) + 8
    side, gap = (20.0, 3.0) if width < _NARROW else (18.0, 3.0)
    columns = int((width - left + gap) // (side + gap))
    first, last = min(days), max(days)
    monday = first - timedelta(first.weekday())
    weeks = (last - monday).days // 7 + 1
    ends = classes([float(count) for count in days.values()], 5)
    y = 0.0
    for start in range(0, weeks, columns):
        own = [monday + timedelta(7 * week) for week in range(start, min(start + columns, weeks))]
        _months(drawing, own, left, y + 12, side + gap, words)
        for weekday in range(7):
            top = y + 20 + weekday * (side + gap)
            drawing.text("soft", 0, top + side - 5, words.short_weekdays[weekday], size=12)
            for column, week in enumerate(own):
                day = week + timedelta(weekday)
                if first <= day <= last:
                    _day(drawing, left + column * (side + gap), top, side, days.get(day, 0), ends)
        y += 20 + 7 * (side + gap) + 14
    height = _legend(drawing, left, y, width, side, ends, words)
    return drawing.svg(height, title=title, description=description)


def _months(
    drawing: Drawing, weeks: Sequence[date], left: float, y: float, step: float, words: Words
) -> None:
    """The month above its first week, where there is room for it."""
    free = 0.0
    for column, week in enumerate(weeks):
        day = week if column == 0 else next((d for d in _week(week) if d.day == 1), None)
        x = left + column * step
        if day is not None and x >= free:
            text = words.month(day)
            if x + text_width(text, 12) <= drawing.width:
                drawing.text("soft", x, y, text, size=12)
                free = x + text_width(text, 12) + 8


def _week(monday: date) -> list[date]:
    return [monday + timedelta(day) for day in range(7)]


def _day(drawing: Drawing, x: float, y: float, side: float, count: int, ends: Sequence[float]) -> None:
    if count:
        drawing.rect(f"step{_step(class_of(count, ends), len(ends))}", x, y, side, side, round_=2)
        drawing.rect("edge", x + 0.5, y + 0.5, side - 1, side - 1, round_=2)
    else:
        drawing.rect("grid", x + 0.5, y + 0.5, side - 1, side - 1, round_=2)


def _step(number: int, of: int) -> int:
    return 2 if of == 1 else round(number * 4 / (of - 1))


def _legend(
    drawing: Drawing, x: float, y: float, width: float, side: float, ends: Sequence[float], words: Words
) -> float:
    start = x
    lower = 1
    for number, end in enumerate(ends):
        last = number == len(ends) - 1
        upper = round(end) if last else max(round(end) - 1, lower)
        text = words.number(lower) + (f"–{words.number(upper)}" if upper > lower else "")
        if x > start and x + side + 6 + text_width(text, 12) > width:
            x, y = start, y + side + 6
        drawing.rect(f"step{_step(number, len(ends))}", x, y, side, side, round_=2)
        drawing.rect("edge", x + 0.5, y + 0.5, side - 1, side - 1, round_=2)
        drawing.text("ink", x + side + 6, y + side - 5, text, size=12)
        x += side + 6 + text_width(text, 12) + 16
        lower = upper + 1
    return y + side + 4
