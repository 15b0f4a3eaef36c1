"""The parts of a zipped workbook (XLSX: ECMA-376, ODS: OASIS OpenDocument 1.2), looked at before it is read: what
kind it is, whether it unpacks to too much, and what in it is hidden."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from typing import BinaryIO

from outreach.contacts.rawtable import MAX_COLUMNS
from outreach.errors import InputError

_CHUNK = 1 << 20
_OVERLAP = 1 << 10  # longer than a tag that is looked for
_MAX_UNPACKED = 1 << 29  # bytes
_MAX_RATIO = 200  # the densest workbooks that people have reach about 40
_MAX_CELLS = 6_000_000  # of the rectangle around a sheet, which calamine holds in memory
_MAX_FILLED = 2_500_000  # of those, the cells with something in them
_NOT_NEEDED = (
    "xl/media/",
    "xl/embeddings/",
    "xl/drawings/",
    "docProps/",
    "Pictures/",
    "Thumbnails/",
    "media/",
)

_WIDE = re.compile(rb'\br="([A-Z]{2,3})\d')
_TALL = re.compile(rb'<row\b[^>]*?\br="(\d+)"|\br="[A-Z]+(\d{7,})"')
_REPEATED = re.compile(
    rb'<table:table-(?:row|cell)\b[^>]*?number-(rows|columns)-repeated="(\d{4,})"[^>]*?(/?)>(.{0,120})',
    re.DOTALL,
)
_HIDDEN_ROW = re.compile(rb'<row\b[^>]*?\bhidden="(?:1|true)"')
_COLUMN = re.compile(rb"<col\b([^>]*)>")
_ATTRIBUTE = re.compile(rb'([\w:-]+)="([^"]*)"')
_SHEET = re.compile(rb"<(?:\w+:)?sheet\b([^>]*)>")
_ODS_PART = re.compile(rb"<table:table\b([^>]*)>|<table:table-column\b([^>]*)>|<table:table-row\b([^>]*)>")


@dataclass(slots=True)
class Hidden:
    """What the spreadsheet program does not show of a sheet."""

    columns: set[int] = field(default_factory=set)  # from 0
    rows: int = 0


@dataclass(slots=True)
class Parts:
    kind: str  # xlsx, ods
    content: BinaryIO  # the workbook without pictures and the like
    hidden: dict[str, Hidden]  # by the name of the sheet


def locked(filename: str) -> InputError:
    return InputError(
        f"{filename} is protected by a password.", "Save it without the password and import again."
    )


def damaged(filename: str) -> InputError:
    return InputError(
        f"{filename} is a damaged workbook, or one that is cut off.",
        "Open it in a spreadsheet program and save it again, or download it again.",
    )


def parts(file: BinaryIO, filename: str) -> Parts:
    """Raises InputError for another kind of ZIP file, and for one that unpacks to more than a contact list can be.
    What its directory says is checked by unpacking, piece by piece."""
    file.seek(0, io.SEEK_END)
    size = file.tell()
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            names = {entry.filename for entry in entries}
            needed = [entry for entry in entries if not entry.filename.startswith(_NOT_NEEDED)]
            total = sum(entry.file_size for entry in needed)
            if total > _MAX_UNPACKED or (total > 1 << 24 and total > _MAX_RATIO * size):
                raise InputError(
                    f"{filename} would unpack to {total >> 20} MB, too much for a contact list.",
                    "Keep only the sheet with the list, or save it as CSV.",
                )
            if any(entry.flag_bits & 1 for entry in entries):
                raise locked(filename)
            kind = _kind(archive, names, filename)
            hidden: dict[str, Hidden] = {}
            sheets = _sheet_names(archive, names) if kind == "xlsx" else {}
            for entry in needed:
                if kind == "xlsx" and entry.filename.startswith("xl/worksheets/"):
                    seen = _look_at_sheet(_pieces(archive, entry), filename)
                    hidden[sheets.get(entry.filename, entry.filename)] = seen
                elif kind == "ods" and entry.filename == "content.xml":
                    hidden = _look_at_content(_pieces(archive, entry), filename)
                else:
                    for _ in _pieces(archive, entry):
                        pass
            return Parts(kind, _without_pictures(archive, entries, needed, file), hidden)
    except (
        zipfile.BadZipFile,
        zlib.error,
        NotImplementedError,
        OSError,
        EOFError,
        ValueError,
        RuntimeError,
        KeyError,
    ):
        raise damaged(filename) from None


def _kind(archive: zipfile.ZipFile, names: set[str], filename: str) -> str:
    if "content.xml" in names and any(n == "mimetype" or n.startswith("META-INF") for n in names):
        if "META-INF/manifest.xml" in names and b"encryption-data" in archive.read("META-INF/manifest.xml"):
            raise locked(filename)
        if "mimetype" in names and b"opendocument.text" in archive.read("mimetype"):
            raise _document(filename)
        return "ods"
    if any(name.startswith("xl/workbook.") for name in names):
        return "xlsx"
    if any(name.startswith(("word/", "ppt/")) for name in names):
        raise _document(filename)
    raise InputError(f"{filename} is a ZIP file, not a workbook.", "Unpack it and import the list in it.")


def _document(filename: str) -> InputError:
    return InputError(
        f"{filename} is a text document or a presentation, not a table.",
        "Copy the table in it into a spreadsheet and save that.",
    )


def _pieces(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """A part's bytes in pieces, each beginning with the end of the one before, so that no tag is missed."""
    with archive.open(entry) as part:
        before = b""
        while piece := part.read(_CHUNK):
            yield before + piece
            before = piece[-_OVERLAP:]


def _sheet_names(archive: zipfile.ZipFile, names: set[str]) -> dict[str, str]:
    """Part -> name of the sheet."""
    if not {"xl/workbook.xml", "xl/_rels/workbook.xml.rels"} <= names:
        return {}
    targets = {}
    for relation in re.findall(rb"<Relationship\b([^>]*)>", archive.read("xl/_rels/workbook.xml.rels")):
        of = _attributes(relation)
        targets[of.get("Id", "")] = of.get("Target", "").removeprefix("/xl/")
    found = {}
    for sheet in _SHEET.findall(archive.read("xl/workbook.xml")):
        of = _attributes(sheet)
        name = of.get("name", "")
        target = next(
            (targets[value] for key, value in of.items() if key.endswith(":id") and value in targets), ""
        )
        found[f"xl/{target}"] = name
    return found


def _attributes(text: bytes) -> dict[str, str]:
    return {
        key.decode(): unescape(value.decode("utf-8", "replace")) for key, value in _ATTRIBUTE.findall(text)
    }


def _look_at_sheet(pieces: Iterator[bytes], filename: str) -> Hidden:
    hidden = Hidden()
    width, height = 26, 1
    before = filled = 0
    for xml in pieces:
        for letters in set(_WIDE.findall(xml)):
            number = 0
            for letter in letters:
                number = number * 26 + letter - 64
            width = max(width, number)
        height = max((int(row or cell) for row, cell in _TALL.findall(xml)), default=height)
        check_size(width, height, filename)
        filled += xml.count(b"<c ", before)
        _check_filled(filled, filename)
        # What was counted in the overlap already is not counted again.
        hidden.rows += sum(1 for match in _HIDDEN_ROW.finditer(xml) if match.end() > before)
        for match in _COLUMN.finditer(xml):
            of = _attributes(match[1])
            if of.get("hidden") in ("1", "true") and of.get("min", "").isdecimal():
                last = min(int(of.get("max", of["min"])), MAX_COLUMNS)
                hidden.columns.update(range(int(of["min"]) - 1, last))
        before = _OVERLAP
    return hidden


def _look_at_content(pieces: Iterator[bytes], filename: str) -> dict[str, Hidden]:
    """ODS writes a cell or row once and says how often; so is the empty rest of a sheet, harmlessly."""
    found: dict[str, Hidden] = {}
    hidden = Hidden()
    column = before = filled = 0
    for xml in pieces:
        filled += xml.count(b"<text:p", before)
        _check_filled(filled, filename)
        for what, count, closed, following in _REPEATED.findall(xml):
            if what == b"columns" and not closed:
                check_size(int(count), 1, filename)
            elif what == b"rows" and b"<text:p" in following:
                check_size(26, int(count), filename)
        for match in _ODS_PART.finditer(xml):
            if match.end() <= before:
                continue
            if match[1] is not None:
                hidden = found.setdefault(_attributes(match[1]).get("table:name", ""), Hidden())
                column = 0
                continue
            of = _attributes(match[2] if match[2] is not None else match[3])
            is_hidden = of.get("table:visibility") in ("collapse", "filter")
            if match[2] is not None:
                times = of.get("table:number-columns-repeated", "1")
                repeated = int(times) if times.isdecimal() else 1
                if is_hidden:
                    hidden.columns.update(range(column, min(column + repeated, MAX_COLUMNS)))
                column += repeated
            elif is_hidden and "table:number-rows-repeated" not in of:
                hidden.rows += 1
        before = _OVERLAP
    return found


def check_size(width: int, height: int, filename: str) -> None:
    """Raises InputError for a sheet that no contact list needs."""
    if width > MAX_COLUMNS:
        raise InputError(
            f"{filename} has a sheet of {width} columns; a contact list has at most {MAX_COLUMNS}.",
            "Delete the columns on the right that are not needed.",
        )
    if width * height > _MAX_CELLS:
        raise InputError(
            f"{filename} has a sheet of {height} rows and {width} columns, too many for a contact list.",
            "Delete the rows and columns around the list, or save it as CSV.",
        )


def _check_filled(count: int, filename: str) -> None:
    if count > _MAX_FILLED:
        raise InputError(
            f"{filename} has a sheet of more than {_MAX_FILLED:,} filled cells, too many for a contact list.",
            "Keep only the columns that are needed, or save it as CSV.",
        )


def _without_pictures(
    archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo], needed: list[zipfile.ZipInfo], file: BinaryIO
) -> BinaryIO:
    """The file itself, or, where pictures are most of it, a copy without them: calamine holds it in memory."""
    if sum(entry.compress_size for entry in entries) - sum(entry.compress_size for entry in needed) < 1 << 20:
        return file
    slim = io.BytesIO()
    with zipfile.ZipFile(slim, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as copy:
        for entry in needed:
            with archive.open(entry) as part, copy.open(entry.filename, "w") as into:
                while piece := part.read(_CHUNK):
                    into.write(piece)
    slim.seek(0)
    return slim
