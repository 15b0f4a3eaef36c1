"""The chart of the report by mail. Its labels are figures only; words stand in the mail around it."""

from __future__ import annotations

from collections.abc import Sequence

from outreach.report.charts_ink import Drawing
from outreach.report.charts_scales import Scale, ticks
from outreach.report.digest_words import Words

#: As it is drawn; a mail shows it as wide as there is room, 280 to 536 CSS pixels, so its letters are rather large.
WIDTH, HEIGHT = 400, 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 54, 14, 26
_LABELS = 10  # of weeks, that do not run into each other


def curve(percent: Sequence[float], words: Words, *, title: str, description: str) -> str:
    """A drawing (SVG) of what the weeks came to, one after the other, each from 0 to 100; at least one."""
    weeks = len(percent)
    levels = [level for level in ticks(max(1.0, *percent), 3) if level <= 100]
    across = Scale(max(weeks, 2), _LEFT, WIDTH - _RIGHT)
    up = Scale(levels[-1], HEIGHT - _BOTTOM, _TOP)
    drawing = Drawing("digest", WIDTH)
    points = [(across(0), up(0)), *((across(week), up(value)) for week, value in enumerate(percent, 1))]
    drawing.area("rest", [*points, (across(weeks), up(0))])
    for level in levels:
        drawing.line("grid", _LEFT, up(level), across.end, up(level))
        drawing.text("soft", _LEFT - 8, up(level) + 4, words.percent(level), anchor="end")
    every = -(-weeks // _LABELS)
    for week in range(every, weeks + 1, every):
        drawing.text("soft", across(week), HEIGHT - 6, str(week), anchor="middle")
    drawing.path("line", points)
    drawing.dot("dot", *points[-1], 4)
    drawing.text("ink", points[-1][0] + 7, points[-1][1] + 5, words.percent(percent[-1]), size=15, bold=True)
    return str(drawing.svg(HEIGHT, title=title, description=description))
