"""Workbooks (XLSX, XLS, ODS), read by calamine after looking at what they would unpack to."""

from __future__ import annotations

import datetime
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence

from outreach.contacts.headers import find_header
from outreach.contacts.rawtable import MAX_CELL, MAX_COLUMNS, RawTable
from outreach.errors import InputError

_MAX_UNPACKED = 1 << 29  # bytes
_MAX_RATIO = 200  # the densest workbooks that people have reach about 40
_MAX_CELLS = 25_000_000  # of the rectangle around a sheet, which calamine holds in memory
_SAMPLE = 60
_WIDE = re.compile(rb'\br="([A-Z]{2,3})\d')
_TALL = re.compile(rb'<row\b[^>]*?\br="(\d+)"|\br="[A-Z]+(\d{7,})"')
_REPEATED = re.compile(
    rb'<table:table-(?:row|cell)\b[^>]*?number-(rows|columns)-repeated="(\d{4,})"[^>]*?(/?)>(.{0,120})',
    re.DOTALL,
)


def locked(filename: str) -> InputError:
    return InputError(
        f"{filename} is protected by a password.", "Save it without the password and import again."
    )


def _damaged(filename: str) -> InputError:
    return InputError(
        f"{filename} is a damaged workbook.", "Open it in a spreadsheet program and save it again."
    )


def kind_of_zip(data: bytes, filename: str) -> str:
    """``xlsx`` or ``ods``. Raises InputError for another kind of ZIP file, and for one that unpacks to more
    than a contact list can be. What its directory says is checked by unpacking, one part at a time."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            names = {entry.filename for entry in entries}
            total = sum(entry.file_size for entry in entries)
            if total > _MAX_UNPACKED or (total > 1 << 24 and total > _MAX_RATIO * len(data)):
                raise InputError(
                    f"{filename} would unpack to {total >> 20} MB, too much for a contact list.",
                    "Keep only the sheet with the list.",
                )
            if any(entry.flag_bits & 1 for entry in entries):
                raise locked(filename)
            if "content.xml" in names and any(n == "mimetype" or n.startswith("META-INF") for n in names):
                if "META-INF/manifest.xml" in names and b"encryption-data" in archive.read(
                    "META-INF/manifest.xml"
                ):
                    raise locked(filename)
                kind = "ods"
            elif any(name.startswith("xl/workbook.") for name in names):
                kind = "xlsx"
            else:
                raise InputError(
                    f"{filename} is a ZIP file, not a workbook.", "Unpack it and import the list in it."
                )
            for entry in entries:
                content = archive.read(entry)
                if kind == "xlsx" and entry.filename.startswith("xl/worksheets/"):
                    _check_rectangle(content, filename)
                elif kind == "ods" and entry.filename == "content.xml":
                    _check_repeats(content, filename)
            return kind
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
        raise _damaged(filename) from None


def _check_rectangle(xml: bytes, filename: str) -> None:
    width = 26
    for letters in set(_WIDE.findall(xml)):
        number = 0
        for letter in letters:
            number = number * 26 + letter - 64
        width = max(width, number)
    height = max((int(row or cell) for row, cell in _TALL.findall(xml)), default=1)
    _check_size(width, height, filename)


def _check_repeats(xml: bytes, filename: str) -> None:
    """ODS writes a cell or row once and says how often; so is the empty rest of a sheet, harmlessly."""
    for what, count, closed, following in _REPEATED.findall(xml):
        if what == b"columns" and not closed:
            _check_size(int(count), 1, filename)
        elif what == b"rows" and b"<text:p" in following:
            _check_size(26, int(count), filename)


def _check_size(width: int, height: int, filename: str) -> None:
    if width > MAX_COLUMNS:
        raise InputError(
            f"{filename} has a sheet of {width} columns; a contact list has at most {MAX_COLUMNS}.",
            "Delete the columns on the right that are not needed.",
        )
    if width * height > _MAX_CELLS:
        raise InputError(
            f"{filename} has a sheet of {height} rows and {width} columns, too many for a contact list.",
            "Delete the rows and columns around the list.",
        )


def read(data: bytes, filename: str, kind: str, languages: tuple[str, ...], sheet: str | None) -> RawTable:
    """The rows of ``sheet``, or of the first visible sheet in which a header is recognised."""
    import python_calamine as calamine

    try:
        workbook = calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        visible = [
            s.name
            for s in workbook.sheets_metadata
            if s.visible is calamine.SheetVisibleEnum.Visible and s.typ is calamine.SheetTypeEnum.WorkSheet
        ]
        names = visible or workbook.sheet_names
        if sheet is not None:
            if sheet not in workbook.sheet_names:
                raise InputError(
                    f"{filename} has no sheet {sheet!r}.",
                    f"Its sheets are: {', '.join(workbook.sheet_names)}.",
                )
            names = [sheet]
        chosen = None
        for name in names:
            candidate = workbook.get_sheet_by_name(name)
            if candidate.height == 0:
                continue
            _check_size(candidate.total_width, candidate.total_height, filename)
            chosen = chosen or candidate
            start = candidate.to_python(skip_empty_area=False, nrows=_SAMPLE)
            if (
                len(names) == 1
                or find_header([_texts(row, 0, filename) for row in start], languages) is not None
            ):
                chosen = candidate
                break
        if chosen is None:
            raise InputError(f"{filename} has no rows.", "Export the list again.")
        rows = chosen.iter_rows()
        return RawTable(kind, _rows(rows, filename), sheet=chosen.name)
    except calamine.PasswordError:
        raise locked(filename) from None
    except InputError:
        raise
    except Exception:
        # calamine reports damage in many classes, a panic of its parser among them.
        raise _damaged(filename) from None


def _rows(rows: Iterable[Sequence[object]], filename: str) -> Iterator[tuple[int, list[str]]]:
    for line, cells in enumerate(rows, 1):
        yield line, _texts(cells, line, filename)


def _texts(cells: Iterable[object], line: int, filename: str) -> list[str]:
    texts = [cell if isinstance(cell, str) else _text(cell) for cell in cells]
    for text in texts:
        if len(text) > MAX_CELL:
            raise InputError(
                f"{filename}, line {line}: a cell is longer than {MAX_CELL} characters.",
                "Shorten or delete it.",
            )
    return texts


def _text(cell: object) -> str:
    """As the spreadsheet shows it: 1001.0 is 1001, a date is ISO 8601."""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime.datetime | datetime.date | datetime.time):
        return cell.isoformat()
    return str(cell)
