"""Workbooks (XLSX, XLS, ODS), read by calamine. Formulas are never evaluated: a cell is the value that the program
which saved the file left in it."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, BinaryIO

from outreach.contacts.headers import find_header
from outreach.contacts.rawtable import MAX_CELL, RawTable
from outreach.contacts.workbook_parts import Hidden, check_size, damaged, locked
from outreach.errors import InputError

if TYPE_CHECKING:
    from python_calamine import CalamineSheet, CalamineWorkbook

_SAMPLE = 60
_MERGED_ROWS = 5_000  # a merge that is higher is the frame of a sheet, not a value for its rows
_MERGED_CELLS = 1_000_000


def read(
    content: BinaryIO,
    filename: str,
    kind: str,
    languages: tuple[str, ...],
    sheet: str | None,
    hidden: dict[str, Hidden],
) -> RawTable:
    """The rows of ``sheet``, or of the first visible sheet in which a header is recognised."""
    import python_calamine as calamine

    content.seek(0)
    try:
        workbook = calamine.CalamineWorkbook.from_filelike(content)
        visible = [
            s.name
            for s in workbook.sheets_metadata
            if s.visible is calamine.SheetVisibleEnum.Visible and s.typ is calamine.SheetTypeEnum.WorkSheet
        ]
        if sheet is not None and sheet not in workbook.sheet_names:
            raise InputError(
                f"{filename} has no sheet {sheet!r}.",
                f"Its sheets are: {', '.join(workbook.sheet_names)}.",
            )
        names = [sheet] if sheet is not None else visible or workbook.sheet_names
        chosen, full = _choose(workbook, names, filename, languages)
        if chosen is None:
            raise InputError(f"{filename} has no rows.", "Export the list again.")
        rows = _rows(chosen.iter_rows(), filename, _merged(chosen))
    except calamine.PasswordError:
        raise locked(filename) from None
    except InputError:
        raise
    except Exception:
        # calamine reports damage in many classes, a panic of its parser among them.
        raise damaged(filename) from None
    of_sheet = hidden.get(chosen.name, Hidden())
    others = [name for name in full if name != chosen.name]
    return RawTable(
        kind,
        rows,
        sheet=chosen.name,
        hidden=frozenset(of_sheet.columns),
        notes=tuple(
            _notes(of_sheet, others, [n for n in workbook.sheet_names if n not in visible and n != sheet])
        ),
    )


def _choose(
    workbook: CalamineWorkbook, names: list[str], filename: str, languages: tuple[str, ...]
) -> tuple[CalamineSheet | None, list[str]]:
    """The first sheet with a header, and the names of all that have one."""
    first = chosen = None
    full = []
    for name in names:
        candidate = workbook.get_sheet_by_name(name)
        if candidate.height == 0:
            continue
        check_size(candidate.total_width, candidate.total_height, filename)
        first = first or candidate
        start = candidate.to_python(skip_empty_area=False, nrows=_SAMPLE)
        if find_header([_texts(row, 0, filename) for row in start], languages) is not None:
            chosen = chosen or candidate
            full.append(name)
    return chosen or first, full


def _notes(hidden: Hidden, others: list[str], unseen: list[str]) -> Iterator[str]:
    if hidden.rows:
        what = "row is" if hidden.rows == 1 else "rows are"
        yield f"{hidden.rows} hidden {what} read like the others."
    if others:
        yield f"Not read, and lists too: {', '.join(map(repr, others))}. Import each with --sheet."
    if unseen:
        yield f"Hidden sheets are not read: {', '.join(map(repr, unseen))}."


def _merged(sheet: CalamineSheet) -> dict[int, list[tuple[int, int]]]:
    """Row (from 0) -> the columns in it that a merged cell above reaches into, with the row it begins in."""
    found: dict[int, list[tuple[int, int]]] = {}
    total = 0
    for (top, left), (bottom, _) in sheet.merged_cell_ranges or ():
        if top < bottom <= top + _MERGED_ROWS and (total := total + bottom - top) < _MERGED_CELLS:
            for row in range(top + 1, bottom + 1):
                found.setdefault(row, []).append((left, top))
    return found


def _rows(
    rows: Iterable[Sequence[object]], filename: str, merged: dict[int, list[tuple[int, int]]]
) -> Iterator[tuple[int, list[str]]]:
    if not merged:
        for line, cells in enumerate(rows, 1):
            yield line, _texts(cells, line, filename)
        return
    above: dict[int, str] = {}
    starts: dict[int, set[int]] = {}
    for reached in merged.values():
        for left, top in reached:
            starts.setdefault(top, set()).add(left)
    for line, cells in enumerate(rows, 1):
        texts = _texts(cells, line, filename)
        for left, _ in merged.get(line - 1, ()):
            if left < len(texts) and not texts[left]:
                texts[left] = above.get(left, "")
        for left in starts.get(line - 1, ()):
            if left < len(texts):
                above[left] = texts[left]
        yield line, texts


def _texts(cells: Iterable[object], line: int, filename: str) -> list[str]:
    texts = [cell if isinstance(cell, str) else _text(cell) for cell in cells]
    if any(len(text) > MAX_CELL for text in texts):
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
