"""Tables in web pages, also in those that are called .xls."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import BinaryIO

from outreach.contacts.encodings import as_text, encoding_of
from outreach.contacts.rawtable import MAX_CELL, MAX_COLUMNS, RawTable
from outreach.errors import InputError

_CHUNK = 1 << 16
_CHARSET = re.compile(rb"charset\s*=\s*[\"']?\s*([\w-]+)", re.IGNORECASE)
_MAX_SPAN = 65_534  # HTML standard, "rowspan"
_SILENT = frozenset({"script", "style", "head", "template"})


class _Tables(HTMLParser):
    """Collects finished rows as (number of the table, line, cells); a table inside another is one of its own."""

    def __init__(self, filename: str) -> None:
        super().__init__(convert_charrefs=True)
        self.rows: list[tuple[int, int, list[str]]] = []
        self._filename = filename
        self._open: list[_Table] = []
        self._count = 0
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self._silent += 1
        if tag == "table":
            self._open.append(_Table(self._count))
            self._count += 1
            return
        if not self._open:
            return
        table = self._open[-1]
        values = dict(attrs)
        if tag == "tr":
            self._end_row(table)
            table.line = self.getpos()[0]
            table.start_row()
        elif tag in ("td", "th"):
            table.start_cell(_span(values.get("colspan")), _span(values.get("rowspan")))
            if len(table.cells) > MAX_COLUMNS + 1:
                raise InputError(
                    f"{self._filename}, line {self.getpos()[0]}: a table of more than {MAX_COLUMNS} columns is no "
                    "contact list.",
                    "Keep only the columns that are needed.",
                )
        elif tag in ("br", "p", "li", "div"):
            table.add("\n")
        elif tag == "a" and (values.get("href") or "").lower().startswith("mailto:"):
            table.link = values["href"] or ""

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        if not self._open:
            return
        if tag == "table":
            self._end_row(self._open[-1])
            self._open.pop()
        elif tag == "tr":
            self._end_row(self._open[-1])
        elif tag in ("td", "th"):
            self._open[-1].end_cell()

    def handle_data(self, data: str) -> None:
        if self._open and not self._silent:
            self._open[-1].add(" ".join(data.split()) if data.strip() else " ", data[:1].isspace())

    def _end_row(self, table: _Table) -> None:
        cells = table.end_row()
        if cells:
            if any(len(cell) > MAX_CELL for cell in cells):
                raise InputError(
                    f"{self._filename}, line {table.line}: a cell is longer than {MAX_CELL} characters.",
                    "Shorten or delete it.",
                )
            self.rows.append((table.number, table.line, cells))


class _Table:
    """The row at hand of a table, and the cells above it that reach down into it."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.line = 0
        self.cells: list[str] = []
        self.link = ""
        self._text: list[str] | None = None
        self._span = (1, 1)
        self._above: dict[int, tuple[int, str]] = {}  # column -> rows it still reaches into, its text

    def start_row(self) -> None:
        self.cells = []

    def start_cell(self, width: int, height: int) -> None:
        self.end_cell()
        self._reach()
        self._text, self._span, self.link = [], (width, height), ""

    def add(self, text: str, apart: bool = False) -> None:
        if self._text is not None:
            self._text.append(f" {text}" if apart else text)

    def end_cell(self) -> None:
        if self._text is None:
            return
        lines = (" ".join(line.split()) for line in "".join(self._text).split("\n"))
        text = "\n".join(line for line in lines if line)
        if self.link and "@" not in text:
            text = self.link
        width, height = self._span
        for number in range(min(width, MAX_COLUMNS)):
            if height > 1:
                self._above[len(self.cells)] = (height, text if not number else "")
            self.cells.append("" if number else text)
        self._text = None

    def end_row(self) -> list[str]:
        self.end_cell()
        if not self.cells:
            return []
        self._reach()
        cells, self.cells = self.cells, []
        self._above = {at: (rows - 1, text) for at, (rows, text) in self._above.items() if rows > 1}
        return cells

    def _reach(self) -> None:
        while len(self.cells) in self._above and len(self.cells) <= MAX_COLUMNS:
            self.cells.append(self._above[len(self.cells)][1])


def _span(value: str | None) -> int:
    return max(1, min(int(value), _MAX_SPAN)) if value and value.isdecimal() and len(value) < 6 else 1


def _rows(file: BinaryIO, filename: str, encoding: str) -> Iterator[tuple[int, int, list[str]]]:
    parser = _Tables(filename)
    with as_text(file, encoding, errors="replace") as stream:
        while chunk := stream.read(_CHUNK):
            parser.feed(chunk)
            yield from parser.rows
            parser.rows.clear()
        parser.close()
        yield from parser.rows


def read(file: BinaryIO, filename: str, country: str, encoding: str | None) -> RawTable:
    """The table of a web page in which most rows hold an address, or else the longest."""
    if encoding is None:
        file.seek(0)
        declared = _CHARSET.search(file.read(4096))
        try:
            encoding, _ = encoding_of(file, filename, country, declared[1].decode() if declared else None)
        except InputError:
            encoding, _ = encoding_of(file, filename, country, None)
    else:
        encoding, _ = encoding_of(file, filename, country, encoding)
    sizes: dict[int, tuple[int, int]] = {}
    for number, _, cells in _rows(file, filename, encoding):
        signs, rows = sizes.get(number, (0, 0))
        sizes[number] = (signs + any("@" in cell for cell in cells), rows + (len(cells) > 1))
    if not sizes or max(rows for _, rows in sizes.values()) < 2:
        raise InputError(
            f"{filename} is a web page (HTML) without a table of contacts, whatever its name says.",
            "Download the list itself, or save it as CSV, XLSX or ODS.",
        )
    chosen = max(sizes, key=sizes.__getitem__)
    of_table = ((line, cells) for number, line, cells in _rows(file, filename, encoding) if number == chosen)
    return RawTable("html", of_table, encoding=encoding)
