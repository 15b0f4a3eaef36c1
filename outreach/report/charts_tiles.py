"""The Union as tiles: each of the 27 countries the same size, about where it lies, so that Malta is seen as
well as France."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from markupsafe import Markup

from outreach.report.charts_ink import Drawing, text_width
from outreach.report.charts_scales import class_of, classes
from outreach.report.page_words import Words

_NARROW = 480
_MAP = """
.  .  .  .  SE FI .
.  .  .  DK .  EE .
IE .  NL DE PL LV .
.  BE LU CZ SK LT .
.  FR .  AT HU RO .
PT ES IT SI HR BG .
.  .  MT .  .  GR CY
"""
#: Column and row of each country.
PLACES: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        code: (column, row)
        for row, codes in enumerate(_MAP.split("\n")[1:-1])
        for column, code in enumerate(codes.split())
        if code != "."
    }
)
_COLUMNS, _ROWS = 7, 7


@dataclass(frozen=True, slots=True)
class Tile:
    """A country's rate in percent; ``None`` where nothing was sent, ``sure`` false where there are too few."""

    percent: float | None
    sure: bool = True


def tiles(
    name: str,
    width: float,
    countries: Mapping[str, Tile],
    words: Words,
    *,
    title: str,
    description: str,
) -> Markup:
    """The map, with its legend beside it or, on a narrow ground, below. The darker, the higher; the figure
    stands in each tile, so colour is never needed to read it."""
    drawing = Drawing(name, width)
    narrow = width < _NARROW
    gap = 3.0
    side = min((width - gap * (_COLUMNS - 1)) / _COLUMNS, 60.0)
    known = [tile.percent for tile in countries.values() if tile.percent is not None and tile.sure]
    ends = classes(known, 5)
    for code, (column, row) in PLACES.items():
        x, y = column * (side + gap), row * (side + gap)
        _tile(drawing, x, y, side, code, countries.get(code, Tile(None)), ends, words)
    map_height = _ROWS * (side + gap)
    if narrow:
        height = _legend(drawing, 0, map_height + 12, width, ends, words, countries)
    else:
        x = _COLUMNS * (side + gap) + 28
        height = max(map_height, _legend(drawing, x, 8, width - x, ends, words, countries))
    return drawing.svg(height, title=title, description=description)


def _tile(
    drawing: Drawing,
    x: float,
    y: float,
    side: float,
    code: str,
    tile: Tile,
    ends: Sequence[float],
    words: Words,
) -> None:
    middle = x + side / 2
    size = 12 if side < 50 else 14
    if tile.percent is None:
        drawing.rect("edge", x + 0.5, y + 0.5, side - 1, side - 1, round_=3)
        drawing.text("soft", middle, y + side / 2 + size / 3, code, size=size, anchor="middle")
        return
    if tile.sure:
        step = _step(class_of(tile.percent, ends), len(ends))
        drawing.rect(f"step{step}", x, y, side, side, round_=3)
        drawing.rect("edge", x + 0.5, y + 0.5, side - 1, side - 1, round_=3)
        ink = f"on{step}"
    else:
        drawing.hatched(x + 0.5, y + 0.5, side - 1, side - 1, round_=3)
        drawing.rect("paper", x + 4, y + side / 2 - size - 3, side - 8, 2 * size + 7, round_=2)
        ink = "ink"
    drawing.text(ink, middle, y + side / 2 - 2, code, size=size, anchor="middle", bold=True)
    drawing.text(
        ink, middle, y + side / 2 + size + 0.5, words.percent(tile.percent), size=size - 1, anchor="middle"
    )


def _step(number: int, of: int) -> int:
    """Which of the five colours class ``number`` of ``of`` gets: from the first to the last, evenly."""
    return 2 if of == 1 else round(number * 4 / (of - 1))


def _legend(
    drawing: Drawing,
    x: float,
    y: float,
    room: float,
    ends: Sequence[float],
    words: Words,
    countries: Mapping[str, Tile],
) -> float:
    """Draws the legend; its lower end."""
    entries: list[tuple[str, str]] = []
    start = 0.0
    for number, end in enumerate(ends):
        last = number == len(ends) - 1
        text = words("class_last" if last else "class", low=words.percent(start), high=words.percent(end))
        entries.append((f"step{_step(number, len(ends))}", text))
        start = end
    entries.reverse()
    if any(tile.percent is not None and not tile.sure for tile in countries.values()):
        entries.append(("", words("not_enough")))
    if any(countries.get(code, Tile(None)).percent is None for code in PLACES):
        entries.append(("edge", words("nothing_sent")))
    for role, text in entries:
        if role == "":
            drawing.hatched(x + 0.5, y + 0.5, 21, 15, round_=2)
        else:
            if role != "edge":
                drawing.rect(role, x, y, 22, 16, round_=2)
            drawing.rect("edge", x + 0.5, y + 0.5, 21, 15, round_=2)
        lines = _wrapped(text, room - 30)
        for line in lines:
            drawing.text("ink", x + 30, y + 12.5, line)
            y += 17
        y += 6
    return y


def _wrapped(text: str, room: float) -> list[str]:
    lines: list[str] = []
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, 13) <= room:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
