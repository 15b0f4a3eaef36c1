"""Records with named and nested fields (JSON, XML) -> the rows of a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from outreach.contacts.rawtable import MAX_CELL, MAX_COLUMNS, RawTable
from outreach.errors import InputError

_MAX_DEPTH = 8


def flatten(record: Mapping[str, Any]) -> dict[str, str]:
    """One level of names -> texts: ``{"address": {"town": "A"}, "mail": ["x", "y"]}`` -> ``address.town``: A,
    ``mail``: "x; y". Lists of lists, such as the coordinates of a map, are left out."""
    flat: dict[str, str] = {}
    if record.get("type") == "Feature" and isinstance(record.get("properties"), Mapping):
        record = record["properties"]  # GeoJSON (RFC 7946, section 3.2)
    for name, value in record.items():
        _add(flat, name, value, 0)
    return flat


def _add(flat: dict[str, str], name: str, value: Any, depth: int) -> None:
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, Mapping):
        for inner, one in value.items():
            _add(flat, f"{name}.{inner}" if inner else name, one, depth + 1)
    elif isinstance(value, list):
        for one in value:
            if not isinstance(one, list):
                _add(flat, name, one, depth + 1)
    elif (text := text_of(value)).strip():
        before = flat.get(name)
        flat[name] = text if before is None else f"{before}; {text}"
    else:
        flat.setdefault(name, "")


def text_of(value: Any) -> str:
    """A value of JSON as a cell shows it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def table_of(
    kind: str,
    filename: str,
    records: Callable[[], Iterable[tuple[int, Mapping[str, Any]]]],
    encoding: str | None,
) -> RawTable:
    """``records`` gives every record anew at each call, with its number. They are read twice, since the last may
    have a field that no other has."""
    names: dict[str, None] = {}
    for number, record in records():
        for name in flatten(record):
            if name not in names:
                names[name] = None
        if len(names) > MAX_COLUMNS:
            raise InputError(
                f"{filename}, record {number}: {len(names)} different fields are more than a contact list has "
                f"(at most {MAX_COLUMNS}).",
                "Keep only the fields that are needed.",
            )
    if not names:
        raise InputError(f"{filename} holds no list of records.", "Export the list again, or save it as CSV.")
    header = tuple(names)
    return RawTable(kind, _rows(records, header, filename), encoding=encoding, header=header)


def _rows(
    records: Callable[[], Iterable[tuple[int, Mapping[str, Any]]]], header: tuple[str, ...], filename: str
) -> Iterator[tuple[int, list[str]]]:
    for number, record in records():
        flat = flatten(record)
        cells = [flat.get(name, "") for name in header]
        if any(len(cell) > MAX_CELL for cell in cells):
            raise InputError(
                f"{filename}, record {number}: a field is longer than {MAX_CELL} characters.",
                "Shorten or delete it.",
            )
        yield number, cells
