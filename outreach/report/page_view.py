"""A report as its reader sees it: chapters of figures, each a finding, a chart and the table it was drawn from.

Everything here is words of one language. The HTML page and the Markdown text are two ways to write it down, so
they say the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in one place of a table; ``detail`` is its second line: a rate and its interval."""

    text: str
    detail: str = ""
    number: bool = False

    @property
    def kind(self) -> str:
        """How a page sets it: a number, a word or two that are kept on one line, or prose."""
        if self.number:
            return "number"
        return "short" if len(self.text) < 18 else "prose"


@dataclass(frozen=True, slots=True)
class Table:
    """Figures in rows. The first cell of each names it; the last row is a total where ``has_total`` says so."""

    caption: str
    head: tuple[Cell, ...]
    rows: tuple[tuple[Cell, ...], ...]
    has_total: bool = False
    wide: bool = False  # needs the width of the page, and cannot stand beside its chart


@dataclass(frozen=True, slots=True)
class Chart:
    """One drawing, laid out twice: for a desk or paper, and for a phone."""

    wide: Markup
    narrow: Markup


@dataclass(frozen=True, slots=True)
class Figure:
    """A finding and what it rests on. ``about`` says what is counted, of what, in which unit."""

    key: str  # its id in the page
    finding: str
    about: str
    reading: str  # how the chart is read; empty without one
    chart: Chart | None
    table: Table
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chapter:
    key: str
    title: str
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class Headline:
    """One of the numbers that the page begins with."""

    label: str
    number: str
    rate: str  # "41 % of 541 reached", or empty
    interval: str  # "37–45%", or empty
    meaning: str


@dataclass(frozen=True, slots=True)
class Page:
    language: str
    title: str
    about: tuple[str, ...]  # what is reported, of when
    headlines: tuple[Headline, ...]
    chapters: tuple[Chapter, ...]
    definitions: Table
    notes: tuple[str, ...]
