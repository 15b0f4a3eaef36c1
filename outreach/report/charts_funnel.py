"""The funnel: how many municipalities are left after each stage, each beside what it is a share of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from outreach.report.charts_ink import Drawing, text_width
from outreach.report.charts_scales import Scale

_NARROW = 480


@dataclass(frozen=True, slots=True)
class Stage:
    """One bar. ``of`` is the denominator of its rate, drawn pale behind it; the interval is in municipalities."""

    label: str
    count: int
    of: int | None
    text: str  # what stands at its end, as "3,412 (41 %)"
    interval: tuple[float, float] | None = None


def funnel(name: str, width: float, stages: Sequence[Stage], *, title: str, description: str) -> Markup:
    """Bars from a common 0, one below the other. On a narrow ground the words stand above their bar."""
    drawing = Drawing(name, width)
    most = max((max(stage.count, stage.of or 0) for stage in stages), default=0)
    if width < _NARROW:
        scale, top, step, bar = Scale(most, 0, width), 20.0, 46.0, 16.0
    else:
        labels = max((text_width(stage.label, 13) for stage in stages), default=0)
        left = min(labels, 0.32 * width) + 14
        right = max((text_width(stage.text, 13, bold=True) for stage in stages), default=0) + 10
        scale, top, step, bar = Scale(most, left, max(width - right, left + 60)), 4.0, 36.0, 22.0
    height = top + step * len(stages) - (step - bar) + 6
    for row, stage in enumerate(stages):
        y = top + row * step
        if width < _NARROW:
            room = width - text_width(stage.text, 13, bold=True) - 12
            drawing.text("ink", 0, y - 6, stage.label, room=room)
            drawing.text("ink", width, y - 6, stage.text, anchor="end", bold=True)
        else:
            drawing.text(
                "ink", scale.start - 14, y + bar / 2 + 4.5, stage.label, anchor="end", room=scale.start - 14
            )
            after = scale(max(stage.count, stage.of or 0)) + 10
            drawing.text("ink", after, y + bar / 2 + 4.5, stage.text, bold=True)
        _bar(drawing, stage, scale, y, bar)
    drawing.line("axis", scale.start, top - 4, scale.start, height - 2)
    return drawing.svg(height, title=title, description=description)


def _bar(drawing: Drawing, stage: Stage, scale: Scale, y: float, bar: float) -> None:
    start, end = scale.start, scale(stage.count)
    if stage.of is not None:
        drawing.rect("rest", start, y, scale(stage.of) - start, bar)
    drawing.rect("bar", start, y, end - start, bar)
    if stage.interval is not None:
        low, high = (scale(edge) for edge in stage.interval)
        if high - low >= 6:  # less cannot be seen beside the end of the bar itself
            middle = y + bar / 2
            drawing.line("halo", low, middle, high, middle)
            drawing.line("whisker", low, middle, high, middle)
            for edge in (low, high):
                drawing.line("whisker", edge, middle - 4, edge, middle + 4)
