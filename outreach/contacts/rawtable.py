"""What the readers of the file formats hand to :mod:`outreach.contacts.decode`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

MAX_COLUMNS = 1000
MAX_CELL = 131_072  # characters; what Python's csv module allows, four times what Excel allows


@dataclass(frozen=True, slots=True)
class RawTable:
    """All rows of a file or sheet with their line numbers from 1, titles and header included."""

    format: str
    rows: Iterable[tuple[int, list[str]]]
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    header: tuple[str, ...] | None = None  # of formats that name their fields; then ``rows`` are records only
    hidden: frozenset[int] = frozenset()  # columns, from 0, that the spreadsheet program does not show
    notes: tuple[str, ...] = ()  # sentences for whoever imports the file
