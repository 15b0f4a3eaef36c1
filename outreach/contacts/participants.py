"""The participant report of a meeting program -> the people who were there, each once.

Zoom, Microsoft Teams and Webex export them as text: with commas or tabs, in UTF-8 or UTF-16, with a summary above,
several sections, a line for each time somebody joined, and titles in the user's language (``participants.toml``). What
a line says is found by the title of its column. None of it is documented by its makers; all of it may be absent.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from outreach.contacts.country import package_table
from outreach.contacts.encodings import as_text, encoding_of
from outreach.contacts.folding import fold, tidy

_DELIMITERS = (",", "\t", ";")
_MOST_LINES = 20_000
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?(?:\.\d+)?\s*(?:([apπμ])\.?\s*[mμ]\b\.?)?", re.IGNORECASE)
_POINTED_CLOCK = re.compile(r"(?<![\d.])(\d{1,2})\.(\d{2})(?:\.(\d{2}))?(?![\d.])")
_AMOUNT = re.compile(r"(\d+(?:[.,]\d+)?)\s*([^\W\d_]*)")
_DAY = 24 * 3600
_WHEN = frozenset({"join", "leave", "duration", "action"})
_EMAIL = re.compile(r"[^@\s<>,;\"']+@[^@\s<>,;\"']+\.[^@\s<>,;\"'.]+")


@dataclass(frozen=True, slots=True)
class Participant:
    """Somebody who was there."""

    name: str | None
    email: str | None  # in lower case
    minutes: int | None  # in all, each once even with two devices; None: not said
    line: int  # of the file, where they first stand
    organiser: bool = False  # held the meeting
    municipality: str | None = None  # or organisation, as the list has it


@dataclass(frozen=True, slots=True)
class Report:
    program: str  # zoom, teams, webex, report
    people: tuple[Participant, ...]  # in the order of the file


@dataclass(slots=True)
class _Person:
    """What the lines of one person say."""

    line: int
    names: list[str] = field(default_factory=list)
    email: str | None = None
    municipality: str | None = None
    organiser: bool = False
    stays: list[tuple[str, int, int]] = field(default_factory=list)  # day, from, until: seconds of the day
    seconds: list[int] = field(default_factory=list)  # durations as they are given
    moments: list[tuple[str, int]] = field(default_factory=list)  # of joining and leaving in turn


def read(data: bytes, filename: str, country: str) -> Report | None:
    """The report, or ``None`` when the file is none: it may be a list of another kind. InputError for a text that
    cannot be decoded."""
    file = io.BytesIO(data)
    if data[:4] in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0"):
        return None
    encoding, _ = encoding_of(file, filename, country, None)
    with as_text(file, encoding, newline="") as stream:
        text = stream.read()
    best: tuple[int, str] | None = None
    for delimiter in _DELIMITERS:
        width = max((len(columns) for _, columns in _headers(_rows(text, delimiter))), default=0)
        if width and (best is None or width > best[0]):
            best = (width, delimiter)
    return None if best is None else _read(_rows(text, best[1]), text)


def of_rows(rows: Iterable[tuple[int, list[str]]]) -> Report | None:
    """The same of a report that somebody saved as a workbook: its rows with their lines."""
    lines = list(rows)
    if not _headers(lines):
        return None
    return _read(lines, "\n".join(" ".join(cells) for _, cells in lines[:20]))


def _rows(text: str, delimiter: str) -> list[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=delimiter)
    rows = []
    try:
        for cells in reader:
            rows.append((reader.line_num, [_plain(cell) for cell in cells]))
            if len(rows) > _MOST_LINES:
                break
    except csv.Error:
        return []  # another delimiter will do, or the file is none of these
    return rows


def _plain(cell: str) -> str:
    """Webex writes ``="2027-04-08"``, so that a spreadsheet leaves it alone."""
    cell = tidy(cell)
    return cell[2:-1] if cell.startswith('="') and cell.endswith('"') else cell


def _headers(rows: Sequence[tuple[int, list[str]]]) -> list[tuple[int, dict[str, int]]]:
    """The rows that name columns: index of the row, field -> column."""
    found = []
    for index, (_, cells) in enumerate(rows):
        if len(cells) < 2:
            continue
        columns: dict[str, int] = {}
        for column, cell in enumerate(cells):
            if (name := field_of(cell)) is not None:
                columns.setdefault(name, column)
        if columns.keys() & _WHEN and columns.keys() & {"name", "email", "first_name", "last_name"}:
            found.append((index, columns))
    # Above the people Zoom tells of the meeting, with the address of who held it and no name.
    named = [
        (index, columns) for index, columns in found if columns.keys() & {"name", "first_name", "last_name"}
    ]
    return named or found


def field_of(title: str) -> str | None:
    """The field that a title of a report names; ``None``: none that matters."""
    folded = fold(title)
    whole, beginnings = _titles()
    if folded in whole:
        return whole[folded]
    return next((name for start, name in beginnings if folded.startswith(start)), None)


@cache
def _titles() -> tuple[dict[str, str], tuple[tuple[str, str], ...]]:
    whole: dict[str, str] = {}
    beginnings: list[tuple[str, str]] = []
    for name, titles in package_table("participants.toml")["titles"].items():
        for title in titles:
            if title.endswith("*"):
                beginnings.append((fold(title), name))
            else:
                whole.setdefault(fold(title), name)
    # The longest first: "ime" begins more than it means.
    return whole, tuple(sorted(beginnings, key=lambda one: -len(one[0])))


@cache
def _words(table: str, name: str) -> frozenset[str]:
    return frozenset(map(fold, package_table("participants.toml")[table][name]))


def _read(rows: list[tuple[int, list[str]]], text: str) -> Report:
    headers = _headers(rows)
    program = _program([cell for index, _ in headers for cell in rows[index][1]], text)
    people: dict[str, _Person] = {}
    for number, (index, columns) in enumerate(headers):
        if program == "teams" and number:
            break  # below the participants their activities follow, which say the same once more
        held_it = _is_hosts(rows, index)
        for line, cells in _section(rows, index, {at for at, _ in headers}):
            values = {name: cells[at] for name, at in columns.items() if at < len(cells)}
            _take(people, line, values, held_it=held_it)
    return Report(program, tuple(_joined(people)))


def _section(
    rows: list[tuple[int, list[str]]], index: int, headers: set[int]
) -> Iterator[tuple[int, list[str]]]:
    """The rows below the header at ``index``, until one that is empty, a heading, or another header."""
    for at in range(index + 1, len(rows)):
        line, cells = rows[at]
        if at in headers or sum(map(bool, cells)) < 2:
            return
        yield line, cells


def _is_hosts(rows: list[tuple[int, list[str]]], index: int) -> bool:
    above = next((fold(" ".join(cells)) for _, cells in reversed(rows[:index]) if any(cells)), "")
    return any(above.startswith(words) for words in _words("marks", "hosts"))


def _program(titles: list[str], text: str) -> str:
    folded = " | ".join(map(fold, titles))
    head = fold(text[:2000])
    counts = {
        name: sum(word in folded for word in map(fold, words)) + (fold(name) in head)
        for name, words in package_table("participants.toml")["programs"].items()
    }
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] else "report"


def _take(people: dict[str, _Person], line: int, values: Mapping[str, str], *, held_it: bool) -> None:
    if fold(values.get("waiting", "")) in _words("marks", "yes"):
        return  # never got in
    if not any(re.search(r"\d", values.get(name, "")) for name in (*_WHEN, "time")):
        return  # registered, and did not come
    first_last = " ".join(filter(None, (values.get("first_name"), values.get("last_name"))))
    name = values.get("name") or first_last
    found = _EMAIL.search(values.get("email", ""))
    email = found[0].casefold() if found else None
    if not (name or email):
        return
    person = people.setdefault(email or f"name {fold(name)}", _Person(line))
    if name and name not in person.names:
        person.names.append(name)
    person.email = email
    person.municipality = person.municipality or values.get("municipality") or None
    role = fold(values.get("role", ""))
    person.organiser |= held_it or role in _words("organisers", "words")
    _stay(person, values)


def _stay(person: _Person, values: Mapping[str, str]) -> None:
    joined, left = _moment(values.get("join", "")), _moment(values.get("leave", ""))
    seconds = duration(values.get("duration", ""))
    if seconds is not None:
        person.seconds.append(seconds)
    if joined is not None and left is not None:
        until = left[1] if left[1] >= joined[1] else left[1] + _DAY
        person.stays.append((joined[0], joined[1], until))
    if "action" in values and (moment := _moment(values.get("time", ""))) is not None:
        person.moments.append(moment)


def _moment(text: str) -> tuple[str, int] | None:
    """The day, as it is written, and the seconds since its beginning."""
    found = _CLOCK.search(text)
    if found is None:
        pointed = list(_POINTED_CLOCK.finditer(text))
        found = pointed[-1] if pointed else None
    if found is None:
        return None
    hour, minute, second = int(found[1]), int(found[2]), int(found[3] or 0)
    half = (found[4] or "").casefold() if found.re is _CLOCK else ""
    if half in ("p", "μ"):
        hour = hour % 12 + 12
    elif half in ("a", "π"):
        hour %= 12
    if hour > 23 or minute > 59 or second > 59:
        return None
    return fold(text[: found.start()]), hour * 3600 + minute * 60 + second


def duration(text: str) -> int | None:
    """Seconds. ``122`` are minutes; ``1:02:03`` hours, minutes and seconds; ``2h 1m 19s`` in the units of any of
    the languages; three numbers stand in this order whatever they are called."""
    text = text.strip().casefold()
    if clock := re.fullmatch(r"(?:(\d+):)?(\d{1,2}):(\d{2})", text):
        return int(clock[1] or 0) * 3600 + int(clock[2]) * 60 + int(clock[3])
    amounts = [(float(number.replace(",", ".")), fold(unit)) for number, unit in _AMOUNT.findall(text)]
    if not amounts:
        return None
    if len(amounts) == 3:
        return round(amounts[0][0] * 3600 + amounts[1][0] * 60 + amounts[2][0])
    return round(sum(number * _unit(unit) for number, unit in amounts))


#: Beginnings of units, the first that fits: hours, seconds, minutes. Hungarian writes "mp" for seconds and "p" for
#: minutes; Danish, Swedish and Finnish "t" for hours.
_UNITS = (
    *((one, 3600) for one in ("h", "std", "stund", "u", "t", "o", "g", "val", "st", "ч", "ω", "hod", "ure")),
    *((one, 1) for one in ("mp", "s", "с", "δ")),
    *((one, 60) for one in ("m", "p", "м", "λ")),
)


def _unit(word: str) -> int:
    return next((seconds for start, seconds in _UNITS if word.startswith(start)), 60)


def _joined(people: dict[str, _Person]) -> Iterator[Participant]:
    """One each: who joined once with an address and once without is one, where only one has that name."""
    with_address: dict[str, list[_Person]] = {}
    for person in people.values():
        if person.email is not None:
            for name in person.names:
                with_address.setdefault(fold(name), []).append(person)
    for key, person in list(people.items()):
        same = with_address.get(fold(person.names[0]), []) if person.email is None and person.names else []
        if len(same) == 1:
            known = same[0]
            known.line = min(known.line, person.line)
            known.stays += person.stays
            known.seconds += person.seconds
            known.moments += person.moments
            known.organiser |= person.organiser
            del people[key]
    for person in sorted(people.values(), key=lambda one: one.line):
        yield Participant(
            name=person.names[0] if person.names else None,
            email=person.email,
            minutes=_minutes(person),
            line=person.line,
            organiser=person.organiser,
            municipality=person.municipality,
        )


def _minutes(person: _Person) -> int | None:
    """Of several times together, those that overlap counted once; where their times are not known, as they are
    given. A minute that was begun counts."""
    stays = person.stays
    if person.moments:
        moments = sorted(person.moments)
        stays = [
            (joined[0], joined[1], left[1])
            for joined, left in zip(moments[::2], moments[1::2], strict=False)
            if joined[0] == left[0]
        ]
    if len(stays) > 1 or not person.seconds:
        if not stays:
            return None
        seconds = sum(
            _union([(start, end) for day, start, end in stays if day == one]) for one in {s[0] for s in stays}
        )
    else:
        seconds = sum(person.seconds)
    return -(-seconds // 60)


def _union(spans: list[tuple[int, int]]) -> int:
    total, until = 0, -1
    for start, end in sorted(spans):
        total += max(0, end - max(start, until))
        until = max(until, end)
    return total
