"""Reading TOML tables strictly: a wrong key or value becomes an error that says where, and what instead."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from outreach.errors import InputError

Path = tuple[str | int, ...]

_HEADER = re.compile(r"\s*(\[\[?)\s*([^\[\]#]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"\s*([A-Za-z0-9_\-.\"' ]+?)\s*=")


@dataclass(frozen=True, slots=True)
class Source:
    """The file a table comes from."""

    file: str
    text: str

    def parse(self) -> dict[str, Any]:
        """The file's outermost table. InputError with the line where it is not TOML."""
        try:
            return tomllib.loads(self.text.removeprefix("\ufeff"))
        except tomllib.TOMLDecodeError as error:
            found = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
            problem = re.sub(r"\s*\(at .*\)$", "", str(error))
            place = f", line {found[1]}, column {found[2]}" if found else ", at its end"
            raise InputError(
                f"{self.file}{place}: this is not valid TOML ({problem}).",
                'Texts stand in straight double quotes ("…"), lists in square brackets, each key once.',
            ) from None

    def line_of(self, path: Path) -> int | None:
        """The line, from 1, on which ``path`` is written; ``None`` where a plain search does not find it."""
        table: Path = ()
        seen: dict[str, int] = {}
        for number, line in enumerate(self.text.splitlines(), 1):
            if header := _HEADER.match(line):
                name = _parts(header[2])
                if header[1] == "[[":
                    index = seen[header[2]] = seen.get(header[2], -1) + 1
                    name = (*name, index)
                table = name
                if table == path:
                    return number
            elif (key := _KEY.match(line)) and (*table, *_parts(key[1])) == path:
                return number
        return None


def _parts(dotted: str) -> Path:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))


class Table:
    """One table of a file. ``paths`` are where it may be written: first a country's own, then the general."""

    def __init__(self, values: Mapping[str, Any], source: Source, *paths: Path) -> None:
        self.values = values
        self._source = source
        self._paths = paths or ((),)

    def __contains__(self, key: str) -> bool:
        return key in self.values

    def error(self, key: str | None, problem: str, remedy: str) -> InputError:
        """An error about ``key`` (``None``: about the table), beginning with file, line and full key."""
        where, full = self._source.file, ""
        for path in self._paths:
            target = path if key is None else (*path, key)
            full = full or _spoken(target)
            if line := self._source.line_of(target):
                where, full = f"{where}, line {line}", _spoken(target)
                break
        return InputError(f"{where}: {full + ' ' if full else ''}{problem}", remedy)

    def allow(self, keys: Iterable[str]) -> None:
        """Refuse every key but these."""
        known = list(keys)
        for key in self.values:
            if key not in known:
                raise self.error(
                    key,
                    "is not a key known here.",
                    f"{did_you_mean(key, known)}Known here: {', '.join(known)}.",
                )

    def missing(self, key: str, example: str) -> InputError:
        return self.error(None, f"lacks the key “{key}”.", f"Add a line such as: {key} = {example}")

    def table(self, key: str) -> Table:
        value = self.values.get(key, {})
        if not isinstance(value, dict):
            raise self.error(
                key, f"has to be a table, not {_kind(value)}.", f"Write [{key}] on a line of its own."
            )
        return Table(value, self._source, *((*path, key) for path in self._paths))

    def tables(self, key: str) -> list[Table]:
        """The tables written as ``[[key]]``."""
        value = self.values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.error(
                key, f"has to be a list of tables, not {_kind(value)}.", f"Begin each with a line [[{key}]]."
            )
        return [
            Table(item, self._source, *((*path, key, number) for path in self._paths))
            for number, item in enumerate(value)
        ]

    def text(self, key: str) -> str | None:
        """A text without white space at its ends; ``None`` where it is absent or empty."""
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, str):
            raise self.error(key, f"has to be a text, not {_kind(value)}.", f'Put it in quotes: {key} = "…"')
        return value.strip() or None

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts, none of them empty; empty where it is absent."""
        value = self.values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
            raise self.error(key, "has to be a list of texts.", f'Write each in quotes: {key} = ["…", "…"]')
        return tuple(" ".join(item.split()) for item in value)

    def required_text(self, key: str, example: str) -> str:
        if value := self.text(key):
            return value
        if key in self.values:
            raise self.error(key, "is empty.", f"Write something such as: {key} = {example}")
        raise self.missing(key, example)

    def flag(self, key: str, default: bool) -> bool:
        value = self.values.get(key, default)
        if not isinstance(value, bool):
            raise self.error(
                key, f"has to be true or false, not {_shown(value)}.", "Write it without quotes."
            )
        return value

    def number(self, key: str, *, least: int) -> int | None:
        """A whole number, ``None`` where it is absent."""
        value = self.values.get(key)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < least):
            raise self.error(
                key,
                f"has to be a whole number from {least} on, not {_shown(value)}.",
                f"Write it without quotes: {key} = {max(least, 50)}",
            )
        return value

    def choice(self, key: str, allowed: Sequence[str], default: str) -> str:
        value = self.values.get(key, default)
        if value not in allowed:
            raise self.error(
                key,
                f"cannot be {_shown(value)}.",
                f"{did_you_mean(str(value), allowed)}Allowed: {', '.join(f'“{one}”' for one in allowed)}.",
            )
        return str(value)

    def day(self, key: str) -> date | None:
        """A date, as TOML's own or as text."""
        value = self.values.get(key)
        if value is None or value == "":
            return None
        if isinstance(value, str):
            try:
                value = date.fromisoformat(value.strip())
            except ValueError:
                value = self.values[key]
        if not isinstance(value, date) or isinstance(value, datetime):
            raise self.error(
                key, f"is not a date: {_shown(value)}.", f"Write year, month and day: {key} = 2027-06-30"
            )
        self._check_year(key, value)
        return value

    def _check_year(self, key: str, value: date) -> None:
        if not 2000 <= value.year <= 2100:
            raise self.error(
                key, f"has a year that cannot be meant: {value.year}.", "Write it with four digits, as 2027."
            )

    def minutes(self, key: str, default: int) -> int:
        """A time of day in minutes since midnight; ``"24:00"`` is 1440."""
        value = self.values.get(key)
        if value is None:
            return default
        if isinstance(value, time):
            value = value.strftime("%H:%M")
        found = re.fullmatch(r"(\d{1,2})[:.](\d{2})", value.strip()) if isinstance(value, str) else None
        total = int(found[1]) * 60 + int(found[2]) if found else -1
        if not found or int(found[2]) > 59 or total > 24 * 60:
            raise self.error(
                key, f"is not a time of day: {_shown(value)}.", f'Write hours and minutes: {key} = "09:30"'
            )
        return total

    def local_time(self, key: str) -> datetime | None:
        """A date and time as a clock on the wall shows it (naive), as TOML's own or as text."""
        value = self.values.get(key)
        if value is None:
            return None
        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(value.strip())
            except ValueError:
                value = self.values[key]
        remedy = f"Write the local date and time: {key} = 2027-03-11T10:00:00"
        if not isinstance(value, datetime):
            raise self.error(key, f"is not a date with a time: {_shown(value)}.", remedy)
        if value.tzinfo is not None:
            raise self.error(
                key, "must not carry a UTC offset.", f"{remedy} and the zone apart, in time_zone."
            )
        self._check_year(key, value)
        return value


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``"Did you mean “x”? "`` where something known is like ``word``; else nothing."""
    by_fold = {one.casefold(): one for one in known}
    close = difflib.get_close_matches(word.casefold(), by_fold, n=1)
    return f"Did you mean “{by_fold[close[0]]}”? " if close else ""


def merged(general: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """``general`` with the values of ``own`` over it, table by table."""
    result = dict(general)
    for key, value in own.items():
        old = result.get(key)
        result[key] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result


def _spoken(path: Path) -> str:
    """``("steps", 1, "after")`` as “steps (2nd).after”, the way a person would look for it."""
    words = ""
    for part in path:
        if isinstance(part, int):
            words += f"[{part + 1}]"
        else:
            words += f".{part}" if words else part
    return f"“{words}”" if words else ""


def _kind(value: object) -> str:
    names = {bool: "true or false", int: "a number", float: "a number", str: "a text", list: "a list"}
    return names.get(type(value), "a table" if isinstance(value, dict) else "a date or time")


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"“{value}”" if isinstance(value, str | int | float | date | time) else _kind(value)
