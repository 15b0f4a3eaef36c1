"""The file of a contact list -> :class:`Table`: CSV, TSV and text, XLSX, XLS, ODS, JSON, XML, and web pages."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from outreach.contacts import delimited, json_lists, webpages, workbooks, xml_registers
from outreach.contacts.country import habits
from outreach.contacts.headers import find_header, is_numbering, names_of
from outreach.contacts.rawtable import MAX_COLUMNS, RawTable
from outreach.contacts.workbook_parts import locked, parts
from outreach.errors import InputError

_SAMPLE = 200  # rows looked at before the rest is read
_CHUNK = 1 << 20


class Row(NamedTuple):
    """A row of the table below its header. Made by the hundred thousand, hence no dataclass."""

    line: int  # in the file or sheet, counted from 1; the first line of a row of several lines; of JSON the record
    cells: list[str]  # may be fewer or more than the header has


@dataclass(frozen=True, slots=True)
class Table:
    """A contact list, decoded. ``rows`` can be read once, while the file is open; empty rows are left out."""

    format: str  # csv, xlsx, xls, ods, json, xml, html
    encoding: str | None  # of a text file, as Python names it
    delimiter: str | None  # of a delimited file; empty: one column
    sheet: str | None  # of a workbook
    header: tuple[str, ...]
    header_line: (
        int  # the last one, of two; 0: the file has no row of column names, or names each field (JSON)
    )
    sample: tuple[list[str], ...]  # the cells of the first rows, for finding out what the columns hold
    rows: Iterable[Row]
    hidden: frozenset[int] = frozenset()  # columns, from 0, that the spreadsheet program does not show
    notes: tuple[str, ...] = ()  # sentences for whoever imports the file


def table(
    file: BinaryIO | bytes,
    *,
    filename: str,
    country: str,
    encoding: str | None = None,
    delimiter: str | None = None,
    sheet: str | None = None,
    header_row: int | None = None,
) -> Table:
    """Find out what ``file``, opened for reading and seekable, is, by its content rather than by ``filename``, and
    where its header stands.

    ``encoding``, ``delimiter``, ``sheet`` and ``header_row`` (its line from 1; 0: there is none) override what is
    found. Raises InputError for everything that is not a readable table, and for an override that does not fit
    the kind of file; for faults far down in a text file it is raised while ``rows`` are read.
    """
    if isinstance(file, bytes):
        file = io.BytesIO(file)
    kind = _kind(file, filename)
    _refuse_idle(kind, filename, encoding, delimiter, sheet)
    raw = _raw(file, filename, country, kind, encoding, delimiter, sheet)
    return _table(raw, filename, habits(country).languages, header_row)


def raw_rows(data: bytes, *, filename: str, country: str) -> list[tuple[int, list[str]]]:
    """Every row as it stands, with its line: for what has no header, or several. Raises as :func:`table` does."""
    file = io.BytesIO(data)
    return list(_raw(file, filename, country, _kind(file, filename), None, None, None).rows)


def _raw(
    file: BinaryIO,
    filename: str,
    country: str,
    kind: str,
    encoding: str | None,
    delimiter: str | None,
    sheet: str | None,
) -> RawTable:
    languages = habits(country).languages
    if kind == "csv":
        return delimited.read(file, filename, country, encoding, delimiter)
    if kind == "json":
        return json_lists.read(file, filename, country, encoding)
    if kind == "html":
        return webpages.read(file, filename, country, encoding)
    if kind == "xml":
        return xml_registers.read(file, filename, sheet)
    if kind == "xls":
        return workbooks.read(file, filename, kind, languages, sheet, {})
    of = parts(file, filename)
    return workbooks.read(of.content, filename, of.kind, languages, sheet, of.hidden)


def _refuse_idle(
    kind: str, filename: str, encoding: str | None, delimiter: str | None, sheet: str | None
) -> None:
    for option, given, kinds in (
        ("encoding", encoding, ("csv", "json", "html")),
        ("delimiter", delimiter, ("csv",)),
        ("sheet", sheet, ("zip", "xls", "xml")),
    ):
        if given is not None and kind not in kinds:
            what = {"zip": "a workbook", "xls": "a workbook", "csv": "a text file"}.get(kind, kind.upper())
            raise InputError(
                f"{filename} has no {option} to be given: it is {what}.", f"Leave --{option} out."
            )


def _table(raw: RawTable, filename: str, languages: tuple[str, ...], header_row: int | None) -> Table:
    rows = iter(raw.rows)
    first: list[tuple[int, list[str]]] = []
    for row in rows:
        if any(map(str.strip, row[1])) and row[0] >= (header_row or 0):
            first.append(row)
            if len(first) == _SAMPLE:
                break
    if not first:
        where = f" from line {header_row} on" if header_row else ""
        raise InputError(f"{filename} has no rows{where}.", "Export the list again.")
    named, line, skipped = _names(raw, first, filename, languages, header_row)
    data = first[skipped:]
    if not data and named is not None:
        raise InputError(f"{filename} has column names but no rows below them.", "Export the list again.")
    width = max(len(cells) for _, cells in data)
    if named is None:
        header = [f"column {number}" for number in range(1, width + 1)]
    else:
        while len(named) > 1 and not named[-1] and width < len(named):
            named.pop()
        header = [*named, *("" for _ in range(width - len(named)))]
    if len(header) > MAX_COLUMNS:
        raise _too_wide(filename, len(header))
    return Table(
        format=raw.format,
        encoding=raw.encoding,
        delimiter=raw.delimiter,
        sheet=raw.sheet,
        header=tuple(header),
        header_line=line,
        sample=tuple(cells for _, cells in data),
        rows=_rows(data, rows, filename),
        hidden=raw.hidden,
        notes=raw.notes,
    )


def _names(
    raw: RawTable,
    first: list[tuple[int, list[str]]],
    filename: str,
    languages: tuple[str, ...],
    header_row: int | None,
) -> tuple[list[str] | None, int, int]:
    """The names of the columns or None, the line they stand in, and how many of the ``first`` rows are no data."""
    if raw.header is not None and header_row is None:
        return list(raw.header), 0, 0
    rows = [cells for _, cells in first]
    if header_row == 0:
        return None, 0, 0
    if header_row is not None:
        if first[0][0] != header_row:
            raise InputError(
                f"{filename}, line {header_row} is empty or inside a cell: it has no names of columns.",
                f"The next row is line {first[0][0]}.",
            )
        names, last = names_of(rows, 0, languages, alone=True)
    else:
        at = find_header(rows, languages)
        if at is None:
            return None, 0, 0
        names, last = names_of(rows, at, languages)
    skipped = last + 1
    if skipped < len(rows) and is_numbering(rows[skipped]):
        skipped += 1
    return names, first[last][0], skipped


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
    (b"BZh", "a compressed file (bzip2)"),
    (b"\xfd7zXZ", "a compressed file (xz)"),
    (b"7z\xbc\xaf", "a compressed file (7z)"),
    (b"Rar!", "a compressed file (RAR)"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"II*\x00", "a picture"),
    (b"MM\x00*", "a picture"),
    (b"SQLite format 3", "a database"),
    (b"From ", "a mailbox"),
    (b"MIME-Version:", "a web page in one file (MHTML)"),
)
_HTML = (
    b"<!doctype html",
    b"<html",
    b"<table",
    b"<head",
    b"<meta",
    b"<style",
    b"<body",
    b"<div",
    b"<center",
    b"<!--",
)
_JSON = (b"{", b"[{", b"[[", b"[\r", b"[\n", b"[ ", b"[]")


def _kind(file: BinaryIO, filename: str) -> str:
    remedy = "Save the list as CSV, XLSX or ODS."
    file.seek(0)
    data = file.read(_CHUNK)
    bare = data.strip(b" \t\r\n\x00\xef\xbb\xbf\xfe\xff")
    if not bare and len(data) < _CHUNK:
        raise InputError(f"{filename} is empty.", "Export the list again.")
    for signature, what in _SIGNATURES:
        if data.startswith(signature):
            raise InputError(f"{filename} is {what}, not a table.", remedy)
    if data.startswith(b"PK\x03\x04"):
        return "zip"
    if data.startswith(b"PK"):
        raise InputError(f"{filename} is an empty or damaged ZIP file, not a workbook.", remedy)
    if data.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return _kind_of_compound_file(file, filename)
    start = data[:2048].removeprefix(b"\xef\xbb\xbf").replace(b"\x00", b"").lstrip(b"\xff\xfe \t\r\n").lower()
    if start.startswith(_HTML) or (start.startswith((b"<?xml", b"<!doctype")) and b"<html" in start):
        return "html"
    if start.startswith(b"<?xml") or (start.startswith(b"<") and b"</" in start):
        return "xml"
    if start.startswith(_JSON):
        return "json"
    return "csv"


def _kind_of_compound_file(file: BinaryIO, filename: str) -> str:
    """The container of old Office files (MS-CFB): a workbook, unless it names the stream of something else."""
    before = b""
    file.seek(0)
    while piece := file.read(_CHUNK):
        seen = before + piece
        if "EncryptedPackage".encode("utf-16-le") in seen:
            raise locked(filename)
        if "WordDocument".encode("utf-16-le") in seen or "PowerPoint Document".encode("utf-16-le") in seen:
            raise InputError(
                f"{filename} is a text document or a presentation, not a table.",
                "Copy the table in it into a spreadsheet and save that.",
            )
        before = piece[-64:]
    return "xls"
