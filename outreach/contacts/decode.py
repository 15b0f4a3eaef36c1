"""The bytes of a contact list -> :class:`Table`: CSV, TSV and text, XLSX, XLS and ODS."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from outreach.contacts import delimited, workbooks
from outreach.contacts.country import habits
from outreach.contacts.folding import tidy
from outreach.contacts.headers import find_header
from outreach.contacts.rawtable import MAX_COLUMNS, RawTable
from outreach.errors import InputError

_SAMPLE = 200  # rows looked at before the rest is read


class Row(NamedTuple):
    """A row of the table below its header. Made by the hundred thousand, hence no dataclass."""

    line: int  # in the file or sheet, counted from 1; the first line of a row of several lines
    cells: list[str]  # may be fewer or more than the header has


@dataclass(frozen=True, slots=True)
class Table:
    """A contact list, decoded. ``rows`` can be read once; empty rows are left out."""

    format: str  # csv, xlsx, xls, ods
    encoding: str | None  # of a text file, as Python names it
    delimiter: str | None  # of a text file; empty: one column
    sheet: str | None  # of a workbook
    header: tuple[str, ...]
    header_line: int  # 0: the file has no row of column names
    sample: tuple[list[str], ...]  # the cells of the first rows, for finding out what the columns hold
    rows: Iterable[Row]


def table(
    data: bytes,
    *,
    filename: str,
    country: str,
    encoding: str | None = None,
    delimiter: str | None = None,
    sheet: str | None = None,
) -> Table:
    """Find out what ``data`` is, by its content rather than by ``filename``, and where its header stands.

    ``encoding``, ``delimiter`` and ``sheet`` override what is found. Raises InputError for everything that is
    not a readable table; for faults far down in a text file it is raised while ``rows`` are read.
    """
    languages = habits(country).languages
    if not data.strip(b" \t\r\n\x00\xef\xbb\xbf\xfe\xff"):
        raise InputError(f"{filename} is empty.", "Export the list again.")
    kind = _kind(data, filename)
    if kind == "csv":
        raw = delimited.read(data, filename, country, encoding, delimiter)
    else:
        raw = workbooks.read(data, filename, kind, languages, sheet)
    return _table(raw, filename, languages)


def _table(raw: RawTable, filename: str, languages: tuple[str, ...]) -> Table:
    rows = iter(raw.rows)
    first: list[tuple[int, list[str]]] = []
    for row in rows:
        if any(cell.strip() for cell in row[1]):
            first.append(row)
        if len(first) == _SAMPLE:
            break
    if not first:
        raise InputError(f"{filename} has no rows.", "Export the list again.")
    at = find_header([cells for _, cells in first], languages)
    data = first if at is None else first[at + 1 :]
    if not data:
        raise InputError(f"{filename} has column names but no rows below them.", "Export the list again.")
    width = max(len(cells) for _, cells in data)
    names = [] if at is None else [tidy(cell) for cell in first[at][1]]
    if at is not None:
        while len(names) > 1 and not names[-1] and width < len(names):
            names.pop()
    header = [*names, *("" for _ in range(width - len(names)))]
    if at is None:
        header = [f"column {number}" for number in range(1, width + 1)]
    if len(header) > MAX_COLUMNS:
        raise _too_wide(filename, len(header))
    return Table(
        format=raw.format,
        encoding=raw.encoding,
        delimiter=raw.delimiter,
        sheet=raw.sheet,
        header=tuple(header),
        header_line=0 if at is None else first[at][0],
        sample=tuple(cells for _, cells in data),
        rows=_rows(data, rows, filename),
    )


def _rows(
    first: list[tuple[int, list[str]]], rest: Iterable[tuple[int, list[str]]], filename: str
) -> Iterable[Row]:
    make = Row._make
    for rows in (first, rest):
        for row in rows:
            cells = row[1]
            # The quick way out for nearly every row: its first cell is filled.
            if cells and (cells[0] or any(map(str.strip, cells))):
                if len(cells) > MAX_COLUMNS:
                    raise _too_wide(f"{filename}, line {row[0]}", len(cells))
                yield make(row)


def _too_wide(where: str, count: int) -> InputError:
    return InputError(
        f"{where}: {count} columns are more than a contact list has (at most {MAX_COLUMNS}).",
        "Check the delimiter, or keep only the columns that are needed.",
    )


_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "a PDF document"),
    (b"{\\rtf", "an RTF document"),
    (b"\x1f\x8b", "a compressed file (gzip)"),
    (b"7z\xbc\xaf", "a compressed file (7z)"),
    (b"Rar!", "a compressed file (RAR)"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"SQLite format 3", "a database"),
)


def _kind(data: bytes, filename: str) -> str:
    remedy = "Save the list as CSV, XLSX or ODS."
    for signature, what in _SIGNATURES:
        if data.startswith(signature):
            raise InputError(f"{filename} is {what}, not a table.", remedy)
    if data.startswith(b"PK\x03\x04"):
        return workbooks.kind_of_zip(data, filename)
    if data.startswith(b"PK"):
        raise InputError(f"{filename} is an empty or damaged ZIP file, not a workbook.", remedy)
    if data.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        if "EncryptedPackage".encode("utf-16-le") in data:
            raise workbooks.locked(filename)
        return "xls"
    start = data[:512].removeprefix(b"\xef\xbb\xbf").replace(b"\x00", b"").lstrip(b"\xff\xfe \t\r\n").lower()
    if start.startswith(
        (b"<!doctype", b"<html", b"<table", b"<head", b"<?xml", b"<meta", b"<style", b"<body", b"<div")
    ):
        what = "an XML file" if start.startswith(b"<?xml") and b"<html" not in start else "a web page (HTML)"
        raise InputError(
            f"{filename} is {what}, whatever its name says.",
            "Open it in a spreadsheet program and save it as XLSX, ODS or CSV.",
        )
    if start.startswith((b"{", b"[{", b"[\r", b"[\n", b"[ ")):
        raise InputError(f"{filename} looks like JSON, which is not read as a contact list.", remedy)
    return "csv"
