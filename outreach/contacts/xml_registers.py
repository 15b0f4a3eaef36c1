"""Registers in XML, and tables in Excel's XML of 2003, read as a stream."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO
from xml.parsers import expat

from outreach.contacts.rawtable import MAX_CELL, MAX_COLUMNS, RawTable
from outreach.contacts.records import table_of
from outreach.errors import InputError

_CHUNK = 1 << 16
_SPREADSHEET = "urn:schemas-microsoft-com:office:spreadsheet"
_Event = tuple[str, str, Any]  # start, name, attributes | text, "", characters | end, name, None


class _EntitiesError(Exception):
    """The document defines entities of its own, which could be made to unpack to anything."""


def _events(file: BinaryIO, filename: str) -> Iterator[_Event]:
    """Starts, texts and ends of elements, in order. Names are without their namespace, but for ``ss:Workbook``."""
    found: list[_Event] = []

    def name_of(name: str) -> str:
        space, _, local = name.rpartition(" ")
        return f"ss:{local}" if space == _SPREADSHEET else local

    def start(name: str, attributes: dict[str, str]) -> None:
        found.append(("start", name_of(name), {name_of(key): value for key, value in attributes.items()}))

    def refuse(*_: object) -> None:
        raise _EntitiesError

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda name: found.append(("end", name_of(name), None))
    parser.CharacterDataHandler = lambda text: found.append(("text", "", text))
    parser.EntityDeclHandler = refuse
    file.seek(0)
    try:
        while True:
            chunk = file.read(_CHUNK)
            parser.Parse(chunk, not chunk)
            yield from found
            found.clear()
            if not chunk:
                return
    except expat.ExpatError as error:
        raise InputError(
            f"{filename}, line {error.lineno}: the XML is damaged or cut off.", "Export it again."
        ) from None
    except (_EntitiesError, ValueError, LookupError):
        raise InputError(
            f"{filename} is XML of a kind that is not read: it defines entities, or its encoding is unknown.",
            "Save the list as CSV, XLSX or ODS.",
        ) from None


def read(file: BinaryIO, filename: str, sheet: str | None) -> RawTable:
    """The rows of a spreadsheet, or the records of a register. Raises InputError before any row is read for a
    file that is damaged or cut off anywhere."""
    for kind, name, _ in _events(file, filename):
        if kind == "start":
            if name == "ss:Workbook":
                return _spreadsheet(file, filename, sheet)
            break
    path = _record_path(file, filename)

    def records() -> Iterable[tuple[int, Mapping[str, Any]]]:
        return enumerate(_records(file, filename, path), 1)

    return table_of("xml", filename, records, None)


def _record_path(file: BinaryIO, filename: str) -> tuple[str, ...]:
    """The names from the root to the element that stands for a municipality or an office: the outermost that is
    repeated so often that hardly more than one address falls to each."""
    counts: Counter[tuple[str, ...]] = Counter()
    path: tuple[str, ...] = ()
    signs = 0
    for kind, name, value in _events(file, filename):
        if kind == "start":
            path = (*path, name)
            counts[path] += 1
            signs += any("@" in one for one in value.values())
            if len(counts) > 10 * MAX_COLUMNS:
                raise _no_list(filename)
        elif kind == "end":
            path = path[:-1]
        else:
            signs += "@" in value
    enough = max(2, signs / 5) if signs else max(counts.values()) / 2
    fitting = [path for path, count in counts.items() if count >= enough]
    # One record is a list, too.
    return min(fitting or list(counts), key=len)


def _no_list(filename: str) -> InputError:
    return InputError(f"{filename} is XML, but no list of records.", "Save the list as CSV, XLSX or ODS.")


def _records(file: BinaryIO, filename: str, wanted: tuple[str, ...]) -> Iterator[Mapping[str, Any]]:
    """Each element at ``wanted`` as nested mappings of its children and attributes."""
    path: tuple[str, ...] = ()
    stack: list[dict[str, Any]] = []
    texts: list[list[str]] = []
    for kind, name, value in _events(file, filename):
        if kind == "start":
            path = (*path, name)
            if stack or path == wanted:
                stack.append({key: [one] for key, one in value.items()})
                texts.append([])
        elif kind == "text":
            if texts:
                texts[-1].append(value)
        else:
            if stack:
                record = stack.pop()
                text = " ".join("".join(texts.pop()).split())
                if not stack:
                    yield record if record or not text else {name: text}
                else:
                    content: Any = text
                    if record:
                        content = {**record, "": text} if text else record
                    stack[-1].setdefault(name, []).append(content)
            path = path[:-1]


def _spreadsheet(file: BinaryIO, filename: str, sheet: str | None) -> RawTable:
    names = [
        value.get("ss:Name", "")
        for kind, name, value in _events(file, filename)
        if kind == "start" and name == "ss:Worksheet"
    ]
    if sheet is not None and sheet not in names:
        raise InputError(f"{filename} has no sheet {sheet!r}.", f"Its sheets are: {', '.join(names)}.")
    # The sheet with most rows that hold a "@", where none is named.
    chosen = sheet
    if chosen is None:
        full = {
            name: sum(any("@" in cell for cell in cells) for _, cells in _cells(file, filename, name))
            for name in names
        }
        chosen = max(names, key=full.__getitem__, default="")
    return RawTable("xml", _cells(file, filename, chosen), sheet=chosen)


def _cells(file: BinaryIO, filename: str, sheet: str) -> Iterator[tuple[int, list[str]]]:
    line = 0
    inside = is_data = False
    cells: list[str] = []
    for kind, name, value in _events(file, filename):
        if kind == "text":
            if is_data:
                cells[-1] += value
                if len(cells[-1]) > MAX_CELL:
                    raise InputError(
                        f"{filename}, line {line}: a cell is longer than {MAX_CELL} characters.",
                        "Shorten or delete it.",
                    )
        elif kind == "start":
            if name == "ss:Worksheet":
                inside = value.get("ss:Name", "") == sheet
            elif inside and name == "ss:Row":
                line, cells = _number(value.get("ss:Index"), line + 1), []
            elif inside and name == "ss:Cell":
                at = _number(value.get("ss:Index"), len(cells) + 1)
                cells.extend("" for _ in range(min(at, MAX_COLUMNS + 2) - len(cells)))
            elif inside and name == "ss:Data" and cells:
                is_data = True
        elif name == "ss:Data":
            is_data = False
        elif inside and name == "ss:Row":
            yield line, cells


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 8 else otherwise
