"""The official list of a country's municipalities: Eurostat's workbook of local administrative units (LAU), or a
national list. What it says is the truth that contact lists are held against.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from outreach.contacts.country import habits, package_table
from outreach.contacts.decode import Row
from outreach.contacts.folding import fold, tidy
from outreach.contacts.headers import Field, field_of
from outreach.contacts.normalize import clean_code, parse_languages, parse_population
from outreach.contacts.places import place_key
from outreach.contacts.regions import eurostat_code, region_named, region_of
from outreach.contacts.spoken import spoken_in
from outreach.errors import InputError
from outreach.model.values import Place

#: Before a name that the municipality no longer has.
FORMER = "was"

_NAME_OF = re.compile(r"name ([a-z]{2})")
_SEVERAL = re.compile(r"\s*[;|]\s*")


@dataclass(frozen=True, slots=True)
class Unit:
    """A municipality of the official list. ``names`` are its others: (language, name), the language empty where
    the list does not say it, and ``FORMER`` for a name it no longer has."""

    key: str  # what it is known by inside its country: places.place_key
    place: Place
    names: tuple[tuple[str, str], ...] = ()
    nuts: str | None = None  # NUTS 3
    degurba: int | None = None  # 1 city, 2 town or suburb, 3 rural area


def names_as_text(names: Iterable[tuple[str, str]]) -> str:
    """One a line, as "fr=Gand"."""
    return "\n".join(f"{language}={name}" for language, name in names)


def names_from_text(text: str) -> tuple[tuple[str, str], ...]:
    """What :func:`names_as_text` has written."""
    pairs = (line.partition("=") for line in text.splitlines())
    return tuple((language, name) for language, _, name in pairs)


@dataclass(frozen=True, slots=True)
class Register:
    """``faults``: a sentence for each line that could not be used."""

    units: tuple[Unit, ...]
    faults: tuple[str, ...]
    elsewhere: int  # rows of other countries, left out
    columns: tuple[tuple[str, str], ...]  # what is read, and the header it stands under


def read(header: Sequence[str], rows: Iterable[Row], country: str, filename: str) -> Register:
    """The units of ``country``. Raises InputError when there is no column of names, or no unit."""
    columns = _columns(header, country)
    if "name" not in columns:
        raise InputError(
            f"{filename} has no column with the names of municipalities: {', '.join(filter(None, header))}.",
            "Call it LAU NAME NATIONAL, or by its word in your language, as in the official list.",
        )
    units: dict[str, Unit] = {}
    lines: dict[str, int] = {}
    faults: list[str] = []
    elsewhere = 0
    for line, cells in rows:
        raw = _Cells(cells, columns)
        nuts = raw.first("nuts")
        if nuts and nuts[:2] != eurostat_code(country):
            elsewhere += 1
            continue
        name = raw.first("name")
        code = clean_code(raw.first("code"), country) or None
        if not any(map(str.isalpha, name)) or ("code" in columns and not code):
            if any(cell.strip() for cell in cells[:2]):
                faults.append(f"line {line}: {'no code' if name else 'no name'}; left out")
            continue
        unit = _unit(raw, country, name, code, nuts or None)
        if unit.key in units:
            what = f"the code {code} stands" if code else f"{name} stands without a code"
            faults.append(f"line {line}: {what} in line {lines[unit.key]} already; left out")
            continue
        units[unit.key], lines[unit.key] = unit, line
    if not units:
        raise InputError(
            f"{filename} has no municipality of {country}.",
            f"It has {elsewhere} of other countries." if elsewhere else "Name its sheet with --sheet.",
        )
    read_ = tuple((field, header[index]) for field, indexes in columns.items() for index in indexes)
    return Register(tuple(units.values()), tuple(faults), elsewhere, read_)


@cache
def _own_columns() -> dict[str, str]:
    return {word: field for field, words in package_table("register_columns.toml").items() for word in words}


_SHARED = {
    Field.MUNICIPALITY: "name",
    Field.TOWN: "name",
    Field.NAME: "name",
    Field.CODE: "code",
    Field.REGION: "region",
    Field.LANGUAGE: "languages",
    Field.POPULATION: "population",
}


def _columns(header: Sequence[str], country: str) -> dict[str, list[int]]:
    """What is in which columns (from 0). Of several columns of names the first is the name."""
    found: dict[str, list[int]] = {}
    for index, title in enumerate(header):
        folded = fold(title)
        field = _own_columns().get(folded)
        if field is None and (match := _NAME_OF.fullmatch(folded)):
            field = f"name {match[1]}"
        if field is None:
            known = field_of(title.strip(), habits(country).languages)
            field = _SHARED.get(known) if known else None
        if field is not None:
            found.setdefault(field, []).append(index)
    # A column "name" beside "LAU name" is the same; beside a name of languages it is the first.
    if "name" not in found:
        for field in [one for one in found if one.startswith("name ")]:
            found.setdefault("name", []).extend(found[field])
    return found


class _Cells:
    """The cells of one row by what they are."""

    def __init__(self, cells: Sequence[str], columns: dict[str, list[int]]) -> None:
        self._cells = cells
        self._columns = columns

    def all(self, field: str) -> list[str]:
        found = (self._cells[i] for i in self._columns.get(field, ()) if i < len(self._cells))
        return [text for cell in found if (text := tidy(cell))]

    def first(self, field: str) -> str:
        return next(iter(self.all(field)), "")

    def names(self) -> Iterable[tuple[str, str]]:
        for name in self.all("name")[1:] + self.all("other_name"):
            yield "", name
        for field in self._columns:
            if field.startswith("name "):
                for name in self.all(field):
                    yield field.removeprefix("name "), name
        for cell in self.all("former_name"):
            for name in _SEVERAL.split(cell):
                yield FORMER, name


def _unit(raw: _Cells, country: str, name: str, code: str | None, nuts: str | None) -> Unit:
    names = tuple(dict.fromkeys((lang, other) for lang, other in raw.names() if other != name))
    stated = raw.first("region")
    region = region_named(country, stated) if stated else None
    region = region or region_of(country, nuts, code)
    listed = parse_languages(raw.first("languages")) if raw.first("languages") else None
    current = (name, *(other for language, other in names if language != FORMER))
    spoken = None if listed else spoken_in(country, current, code, nuts)
    degurba = raw.first("degurba")
    place = Place(
        country,
        name,
        code,
        region.code if region else stated or None,
        parse_population(raw.first("population")),
        listed or (spoken.languages if spoken else ()),
        raw.first("time_zone") or (region.time_zone if region else None),
    )
    return Unit(place_key(place), place, names, nuts, int(degurba) if degurba in ("1", "2", "3") else None)
