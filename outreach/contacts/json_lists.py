"""Lists in JSON (RFC 8259), JSON lines and GeoJSON, as open-data portals export them; read as a stream."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO

from outreach.contacts.encodings import as_text, encoding_of
from outreach.contacts.rawtable import MAX_CELL, RawTable
from outreach.contacts.records import table_of, text_of
from outreach.errors import InputError

_CHUNK = 1 << 16
_MAX_VALUE = 1 << 24  # characters of one record
_MAX_DEPTH = 6
_SPACE = " \t\r\n\ufeff\x1e"  # RFC 7464 has a record separator before each value
_TITLES = ("name", "id", "title", "label", "fieldName")


class _DamagedError(Exception):
    """The text is not JSON, or ends too early; with the number of characters before the fault."""


class _Scanner:
    """Values one by one, holding no more of the text than the value at hand."""

    def __init__(self, stream: io.TextIOWrapper) -> None:
        self._stream = stream
        self._text = ""
        self._at = 0
        self._before = 0
        self._decode = json.JSONDecoder(strict=False).raw_decode

    def _more(self, size: int = _CHUNK) -> bool:
        piece = self._stream.read(size)
        self._before += self._at
        self._text, self._at = self._text[self._at :] + piece, 0
        return bool(piece)

    def peek(self) -> str:
        """The next sign that is no white space; empty at the end."""
        while True:
            text, at = self._text, self._at
            while at < len(text) and text[at] in _SPACE:
                at += 1
            self._at = at
            if at < len(text):
                return text[at]
            if not self._more():
                return ""

    def take(self, *signs: str) -> str:
        """The next sign, which has to be one of ``signs``."""
        sign = self.peek()
        if sign not in signs or not sign:
            raise self.damaged()
        self._at += 1
        return sign

    def value(self) -> Any:
        """The next whole value."""
        self.peek()
        size = _CHUNK
        while True:
            try:
                value, end = self._decode(self._text, self._at)
            except (json.JSONDecodeError, RecursionError):
                end = None
            # A number at the end of what was read may go on.
            if end is not None and end < len(self._text):
                self._at = end
                return value
            if len(self._text) - self._at > _MAX_VALUE:
                raise self.damaged()
            if not self._more(size):
                if end is None:
                    raise self.damaged()
                self._at = end
                return value
            size *= 2

    def damaged(self) -> _DamagedError:
        return _DamagedError(self._before + self._at)


def _elements(scanner: _Scanner, path: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Every object or list that stands in a list of such, with the names that lead to that list."""
    sign = scanner.peek()
    if sign == "{" and depth < _MAX_DEPTH:
        scanner.take("{")
        if scanner.peek() == "}":
            scanner.take("}")
            return
        while True:
            name = scanner.value()
            if not isinstance(name, str):
                raise scanner.damaged()
            scanner.take(":")
            yield from _elements(scanner, f"{path}.{name}" if path else name, depth + 1)
            if scanner.take(",", "}") == "}":
                return
    elif sign == "[":
        scanner.take("[")
        if scanner.peek() == "]":
            scanner.take("]")
            return
        while True:
            value = scanner.value()
            if isinstance(value, dict | list):
                yield path, value
            if scanner.take(",", "]") == "]":
                return
    else:
        scanner.value()


def _all(file: BinaryIO, encoding: str, filename: str) -> Iterator[tuple[str, Any]]:
    """The elements of the file's one value, or its values themselves where it has one a line."""
    several = _has_several(file, encoding)
    with as_text(file, encoding) as stream:
        scanner = _Scanner(stream)
        try:
            if not several:
                yield from _elements(scanner)
                if scanner.peek():
                    raise scanner.damaged()
            while scanner.peek():
                value = scanner.value()
                if isinstance(value, dict | list):
                    yield "", value
        except _DamagedError as fault:
            raise InputError(
                f"{filename} is damaged or cut off: it is no JSON after {fault.args[0]} characters.",
                "Export it again.",
            ) from None


def _has_several(file: BinaryIO, encoding: str) -> bool:
    """Is the first line a value of its own, with another after it (JSON lines)?"""
    with as_text(file, encoding) as stream:
        line = stream.readline(_MAX_VALUE).strip(_SPACE)
        if line[:1] not in ("{", "["):
            return False
        try:
            json.loads(line)
        except ValueError:
            return False
        return stream.readline(64).strip(_SPACE)[:1] in ("{", "[")


def read(file: BinaryIO, filename: str, country: str, encoding: str | None) -> RawTable:
    """The list of objects, or of rows, that holds most addresses, or else the longest. Raises InputError, before any
    row is read, for a file that is damaged or cut off anywhere.
    """
    encoding, _ = encoding_of(file, filename, country, encoding)
    counts: Counter[str] = Counter()
    signs: Counter[str] = Counter()
    lists: Counter[str] = Counter()
    for path, value in _all(file, encoding, filename):
        counts[path] += 1
        signs[path] += any("@" in str(one) for one in (value if isinstance(value, list) else value.values()))
        lists[path] += isinstance(value, list)
    if not counts:
        raise InputError(f"{filename} holds no list of records.", "Export the list again, or save it as CSV.")
    chosen = max(counts, key=lambda path: (signs[path], counts[path]))
    elements = (value for path, value in _all(file, encoding, filename) if path == chosen)
    if lists[chosen] < counts[chosen]:

        def records() -> Iterable[tuple[int, Mapping[str, Any]]]:
            found = (value for path, value in _all(file, encoding, filename) if path == chosen)
            return ((number, one) for number, one in enumerate(found, 1) if isinstance(one, dict))

        return table_of("json", filename, records, encoding)
    header = _titles(file, encoding, filename, chosen)
    return RawTable("json", _rows(elements, filename), encoding=encoding, header=header)


def _titles(file: BinaryIO, encoding: str, filename: str, chosen: str) -> tuple[str, ...] | None:
    """The names of the columns of a list of rows, where another list of the file describes them (CKAN, Socrata);
    None: the first row has them."""
    described: dict[str, list[str]] = {}
    width = 0
    for path, value in _all(file, encoding, filename):
        if path == chosen:
            width = width or len(value)
        elif isinstance(value, dict):
            title = next((value[key] for key in _TITLES if isinstance(value.get(key), str)), "")
            described.setdefault(path, []).append(title)
    return next((tuple(names) for names in described.values() if len(names) == width), None)


def _rows(elements: Iterable[list[Any]], filename: str) -> Iterator[tuple[int, list[str]]]:
    for number, element in enumerate(elements, 1):
        cells = ["" if isinstance(one, dict | list) else text_of(one) for one in element]
        if any(len(cell) > MAX_CELL for cell in cells):
            raise InputError(
                f"{filename}, record {number}: a field is longer than {MAX_CELL} characters.",
                "Shorten or delete it.",
            )
        yield number, cells
