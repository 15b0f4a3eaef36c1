"""Which column of a table serves which field, and why we think so."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum, unique

from outreach.contacts.addresses import has_address, is_website
from outreach.contacts.country import habits
from outreach.contacts.folding import fold, tidy
from outreach.contacts.headers import OWN_PREFIX, Field, field_of
from outreach.errors import InputError

_SHARE = 0.9  # of its filled cells have to look alike for a column to be known by its content
_FEWER = 0.5  # where no column is known to hold addresses otherwise
_SEVERAL = frozenset({Field.EMAIL, Field.CERTIFIED_EMAIL, Field.EMAIL_KIND, Field.MUNICIPALITY})
_UNDECIDED = (Field.TOWN, Field.NAME)


@unique
class Why(StrEnum):
    HEADER = "header"  # its name says so
    CONTENT = "content"  # its cells say so
    OVERRIDE = "override"  # the user says so
    REMEMBERED = "remembered"  # the user said so when a list with the same header was imported


@dataclass(frozen=True, slots=True)
class MappedColumn:
    field: Field
    index: int  # from 0
    header: str
    why: Why


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """The columns that are read, in the order of the table; the others are ``unused``."""

    columns: tuple[MappedColumn, ...]
    unused: tuple[str, ...] = ()

    def indexes(self, field: Field) -> tuple[int, ...]:
        """The columns (from 0) that serve ``field``, in the order of the table."""
        return tuple(column.index for column in self.columns if column.field is field)

    def first(self, field: Field) -> int | None:
        """The first column that serves ``field``, or None."""
        return next(iter(self.indexes(field)), None)


def map_columns(
    header: Sequence[str],
    sample_rows: Sequence[Sequence[str]],
    overrides: Mapping[str, str | Sequence[str]] | None = None,
    *,
    country: str,
    hidden: Collection[int] = (),
    remembered: bool = False,
) -> ColumnMapping:
    """Decide which columns of a table are read. ``hidden`` ones serve only what no other column serves.
    ``remembered`` says that the overrides were given for an earlier list with this header.

    ``overrides`` maps the name of a field (``email``, ``municipality`` ...: the values of
    :class:`~outreach.contacts.headers.Field`) to the header of its column, to the column's number counted
    from 1, to a list of these where a field may have several columns, or to an empty string for "none".
    Raises InputError for an unknown field or column, and when there is no column of addresses or none of
    municipalities.
    """
    languages = habits(country).languages
    chosen: dict[int, tuple[Field, Why]] = {}
    settled: set[Field] = set()
    for name, wanted in (overrides or {}).items():
        field = _field_named(name)
        settled.add(field)
        for column in [wanted] if isinstance(wanted, str) else wanted:
            if column.strip():
                chosen[_column_named(column, header)] = (
                    field,
                    Why.REMEMBERED if remembered else Why.OVERRIDE,
                )

    for index, title in enumerate(header):
        known = field_of(title.strip(), languages)
        if known is not None and index not in chosen and known not in settled:
            chosen[index] = (known, Why.HEADER)

    seen = {field for index, (field, _) in chosen.items() if index not in hidden}
    for index in hidden:
        if index in chosen and chosen[index][1] is Why.HEADER and chosen[index][0] in seen:
            del chosen[index]

    cells = _sample_by_column(sample_rows, len(header))
    _correct_addresses(chosen, cells, settled)
    _settle_names(chosen, settled, cells)
    if not _has(chosen, Field.EMAIL) and not _has(chosen, Field.CERTIFIED_EMAIL):
        raise InputError(
            f"No column of e-mail addresses was found among: {_listed(header)}.",
            "Name it with --map email=COLUMN.",
        )
    if not _has(chosen, Field.MUNICIPALITY):
        found = None if Field.MUNICIPALITY in settled else _name_column(chosen, header, cells)
        if found is not None:
            chosen[found] = (Field.MUNICIPALITY, Why.CONTENT)
        elif not _has(chosen, Field.CODE):
            raise InputError(
                f"No column with the municipality's name or code was found among: {_listed(header)}.",
                "Name it with --map municipality=COLUMN or --map code=COLUMN.",
            )
    return _mapping(chosen, header)


def header_key(header: Sequence[str]) -> str:
    """What two lists with the same header share, also a list and the file of its rejected rows: the digest of
    the folded names. Empty for a list without header: nothing of it would tell it from another."""
    if all(title == f"column {number}" for number, title in enumerate(header, 1)):
        return ""
    names = "\x1f".join(fold(title) for title in header if not title.startswith(OWN_PREFIX))
    return hashlib.sha256(names.encode()).hexdigest()


def by_number(overrides: Mapping[str, Sequence[str]], header: Sequence[str]) -> dict[str, list[str]]:
    """``overrides`` with the number, from 1, of each column in the place of its name: how they are remembered.
    Raises InputError as :func:`map_columns`."""
    return {
        _field_named(name).value: [f"#{_column_named(one, header) + 1}" for one in wanted if one.strip()]
        for name, wanted in overrides.items()
    }


def _field_named(name: str) -> Field:
    name = name.strip().lower()
    aliases = {
        "e-mail": "email",
        "mail": "email",
        "name": "municipality",
        "place": "municipality",
        "lau": "code",
    }
    usable = [field for field in Field if field not in (*_UNDECIDED, Field.OTHER)]
    try:
        field = Field(aliases.get(name, name))
    except ValueError:
        field = Field.OTHER
    if field not in usable:
        raise InputError(f"A column cannot be mapped to {name!r}.", f"Fields are: {', '.join(usable)}.")
    return field


def _column_named(wanted: str, header: Sequence[str]) -> int:
    titles = [tidy(title) for title in header]
    folded = [title.casefold() for title in titles]
    key = tidy(wanted)
    for names, name in ((titles, key), (folded, key.casefold())):
        if names.count(name) == 1:
            return names.index(name)
        if names.count(name) > 1:
            numbers = " and ".join(str(i + 1) for i, title in enumerate(names) if title == name)
            raise InputError(
                f"There are several columns called {wanted!r}.", f"Give a number instead: {numbers}."
            )
    key = key.removeprefix("#")
    if key.isascii() and key.isdigit() and 1 <= int(key) <= len(header):
        return int(key) - 1
    raise InputError(f"There is no column {wanted!r}.", f"The columns are: {_listed(header)}.")


def _listed(header: Sequence[str]) -> str:
    shown = [tidy(title)[:40] or f"(column {number})" for number, title in enumerate(header, 1)]
    more = f" and {len(shown) - 30} more" if len(shown) > 30 else ""
    return ", ".join(shown[:30]) + more


def _has(chosen: Mapping[int, tuple[Field, Why]], field: Field) -> bool:
    return any(candidate is field for candidate, _ in chosen.values())


def _sample_by_column(rows: Sequence[Sequence[str]], width: int) -> list[list[str]]:
    cells: list[list[str]] = [[] for _ in range(width)]
    for row in rows:
        for index, cell in enumerate(row[:width]):
            if cell.strip():
                cells[index].append(cell)
    return cells


def _correct_addresses(
    chosen: dict[int, tuple[Field, Why]], cells: list[list[str]], settled: set[Field]
) -> None:
    """Take the columns whose cells are addresses where the names of the columns do not tell, or lie."""
    if Field.EMAIL in settled:
        return
    shares = [sum(map(has_address, column)) / len(column) if column else None for column in cells]
    named = [i for i, (field, _) in chosen.items() if field in (Field.EMAIL, Field.CERTIFIED_EMAIL)]
    if any(shares[i] != 0 for i in named):
        # A column like "Mail sent on" beside the true one.
        for index in named:
            if shares[index] == 0 and any(shares[other] for other in named):
                del chosen[index]
        return
    free = [
        i for i in range(len(cells)) if chosen.get(i, (None, None))[1] not in (Why.OVERRIDE, Why.REMEMBERED)
    ]
    for enough in (_SHARE, _FEWER):
        by_content = [i for i in free if (shares[i] or 0) >= enough]
        if by_content:
            break
    if by_content:
        for index in named:
            del chosen[index]
        for index in by_content:
            chosen[index] = (Field.EMAIL, Why.CONTENT)


def _settle_names(
    chosen: dict[int, tuple[Field, Why]], settled: set[Field], cells: Sequence[Sequence[str]]
) -> None:
    """A column "town" or "name" is the municipality's when no other is, else "name" is a person's."""
    for undecided in _UNDECIDED:
        indexes = sorted(index for index, (field, _) in chosen.items() if field is undecided)
        for index in indexes:
            field = Field.OTHER
            if cells[index] and not any(any(map(str.isalpha, cell)) for cell in cells[index]):
                # Numbers: "Población" is a town and a population.
                free = not _has(chosen, Field.POPULATION) and Field.POPULATION not in settled
                chosen[index] = (Field.POPULATION if free else Field.OTHER, Why.CONTENT)
                continue
            if not _has(chosen, Field.MUNICIPALITY) and Field.MUNICIPALITY not in settled:
                field = Field.MUNICIPALITY
            elif undecided is Field.NAME and not _has(chosen, Field.PERSON) and Field.PERSON not in settled:
                # Beside "first name", a "name" is the family name.
                field = Field.LAST_NAME if _has(chosen, Field.FIRST_NAME) else Field.PERSON
            chosen[index] = (field, Why.HEADER)


def _name_column(
    chosen: Mapping[int, tuple[Field, Why]], header: Sequence[str], cells: list[list[str]]
) -> int | None:
    """The first column of texts that differ from row to row."""
    for index, column in enumerate(cells):
        if index in chosen or not column or header[index].startswith(OWN_PREFIX):
            continue
        words = [c for c in column if any(map(str.isalpha, c)) and not has_address(c) and not is_website(c)]
        if len(words) >= _SHARE * len(column) and len(set(words)) > len(words) / 2:
            return index
    return None


def _mapping(chosen: Mapping[int, tuple[Field, Why]], header: Sequence[str]) -> ColumnMapping:
    columns: list[MappedColumn] = []
    seen: set[Field] = set()
    for index in sorted(chosen):
        field, why = chosen[index]
        if field is Field.OTHER or (field in seen and field not in _SEVERAL):
            continue
        seen.add(field)
        columns.append(MappedColumn(field, index, tidy(header[index]), why))
    used = {column.index for column in columns}
    unused = tuple(tidy(title) for index, title in enumerate(header) if index not in used and title.strip())
    return ColumnMapping(tuple(columns), unused)
