"""Rates beside one another: a dot for each, and how far chance alone could have moved it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from outreach.report.charts_ink import Drawing, text_width
from outreach.report.charts_scales import Scale, ticks
from outreach.report.page_words import Words

_NARROW = 480


@dataclass(frozen=True, slots=True)
class Dot:
    """One rate, in percent, with its 95 % interval. ``sure`` is false where there are too few to speak of it."""

    label: str
    percent: float | None
    low: float
    high: float
    text: str  # the rate and its numbers, as "41 % of 541"
    sure: bool = True


def intervals(
    name: str,
    width: float,
    dots: Sequence[Dot],
    words: Words,
    *,
    title: str,
    description: str,
    whole: tuple[float, str] | None = None,
) -> Markup:
    """One row a rate on a common scale from 0. ``whole`` is the rate of all together and what it is called: a
    dashed line through every row."""
    drawing = Drawing(name, width)
    narrow = width < _NARROW
    marks = ticks(max([dot.high for dot in dots if dot.percent is not None] + [whole[0] if whole else 1]), 4)
    most = min(marks[-1], 100.0)
    marks = [mark for mark in marks if mark <= 100]
    top = 24.0 if whole else 8.0
    if narrow:
        scale, step = Scale(most, 8, width - 8), 40.0
    else:
        left = min(max((text_width(dot.label, 13) for dot in dots), default=0), 0.34 * width) + 16
        right = max((text_width(dot.text, 13) for dot in dots), default=0) + 16
        scale, step = Scale(most, left, max(width - right, left + 80)), 26.0
    bottom = top + step * len(dots)
    for mark in marks:
        drawing.line("grid", scale(mark), top - 4, scale(mark), bottom + 2)
        anchor = "middle" if not narrow or 0 < mark < most else ("start" if mark == 0 else "end")
        x = scale(mark) + {"middle": 0, "start": -8, "end": 8}[anchor]
        drawing.text("soft", x, bottom + 18, words.percent(mark), size=12, anchor=anchor)
    if whole:
        x = scale(whole[0])
        drawing.line("mark", x, top - 6, x, bottom + 2)
        half = text_width(whole[1], 12) / 2
        drawing.text("soft", min(max(x, half), width - half), top - 11, whole[1], size=12, anchor="middle")
    for row, dot in enumerate(dots):
        y = top + row * step + (30 if narrow else step / 2)
        if narrow:
            drawing.text("soft", width, y - 13, dot.text, anchor="end")
            drawing.text("ink", 0, y - 13, dot.label, room=width - text_width(dot.text, 13) - 12)
        else:
            drawing.text("ink", scale.start - 16, y + 4.5, dot.label, anchor="end", room=scale.start - 16)
            drawing.text("ink" if dot.sure else "soft", width, y + 4.5, dot.text, anchor="end")
        if dot.percent is None:
            continue
        drawing.line("interval" if dot.sure else "unsure", scale(dot.low), y, scale(min(dot.high, most)), y)
        drawing.dot("dot" if dot.sure else "hollow", scale(dot.percent), y, 5)
    return drawing.svg(bottom + 24, title=title, description=description)
