"""A row of a table -> contacts, or the reason why a cell could not become one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum, unique
from functools import cache, lru_cache

from outreach.contacts import addresses
from outreach.contacts.columns import ColumnMapping
from outreach.contacts.country import habits, package_table
from outreach.contacts.decode import Row
from outreach.contacts.folding import fold, tidy
from outreach.contacts.headers import Field
from outreach.contacts.kinds import kind_of
from outreach.errors import InputError
from outreach.model.states import ContactKind
from outreach.model.values import ContactRow, Place

_TOTALS = frozenset(
    """total totals summe gesamtsumme insgesamt gesamt totaal totale totali somme totaux yhteensa summa
    sammanlagt συνολο συνολα общо сума всичко suma razem ogolem celkem spolu osszesen ukupno skupaj kopa
    kokku viso iomlan soma""".split()  # noqa: SIM905 - a list of words reads better as words
)
_LANGUAGES_APART = re.compile(r"[;,/+&|\s-]+")
_NUMBER = re.compile(r"\d+$")
_NOT_DIGIT = re.compile(r"\D")
_GROUPED = re.compile(r"\d{1,3}(?:[.,'’ ]\d{3})*|\d+(?:[.,]0+)?")
_ISO_REGION = re.compile(r"([A-Z]{2})-[A-Z0-9]{1,3}")
# How a file of rejected rows keeps a spreadsheet program from running a cell as a formula.
_GUARDED = ("'=", "'@", "'+", "'-")
_CAPITALS_SAFE = frozenset({"IT", "FR", "ES", "PT"})
_SMALL_WORDS = frozenset(
    """de del della dello dei degli delle di da do dos das du des d la le les en el los las sur sous et e y a
    al alla au aux in nel con""".split()  # noqa: SIM905
)


_KEPT_OF_REFUSED = 200
MAX_CONTACTS = 200_000  # of one file; France has 35,000 municipalities
MAX_REFUSED = 30_000_000  # characters of rejected rows, each counted with what else is kept of it


@unique
class RejectReason(StrEnum):
    NO_ADDRESS = "no_address"
    WEBSITE = "website"
    PHONE = "phone"
    INVALID_ADDRESS = "invalid_address"
    NO_MUNICIPALITY = "no_municipality"
    NOT_A_CONTACT = "not_a_contact"  # a total, a note
    UNKNOWN_LANGUAGE = "unknown_language"


_REMEDIES = {
    RejectReason.NO_ADDRESS: "Fill in the e-mail address.",
    RejectReason.WEBSITE: "Replace the web page by the e-mail address.",
    RejectReason.PHONE: "Replace the telephone number by the e-mail address.",
    RejectReason.INVALID_ADDRESS: "Correct the e-mail address.",
    RejectReason.NO_MUNICIPALITY: "Fill in the municipality's name or code.",
    RejectReason.NOT_A_CONTACT: "Nothing to do if this is a total or a note.",
    RejectReason.UNKNOWN_LANGUAGE: "Write the language as its code, such as nl or fr, or leave it empty.",
}


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row, or one address of a row, that was not accepted."""

    line: int
    column: str  # the header of the column at fault
    value: str
    reason: RejectReason
    remedy: str
    cells: tuple[str, ...]  # the whole row as it stood in the file


def contacts(rows: Iterable[Row], mapping: ColumnMapping, country: str) -> Iterator[ContactRow | Rejected]:
    """Every contact of ``rows``, and every reason against one, in the order of the file.

    Raises InputError for more contacts than a country can have, and for more rejected rows than anybody mends:
    a plan is held in memory.
    """
    normalizer = Normalizer(mapping, country)
    accepted = refused = 0
    for row in rows:
        for one in normalizer.contacts(row):
            if isinstance(one, ContactRow):
                accepted += 1
                if accepted > MAX_CONTACTS:
                    raise InputError(
                        f"The list has more than {MAX_CONTACTS:,} contacts (line {row.line}).",
                        "Split it into several files, each with a --source of its own.",
                    )
            else:
                refused += _KEPT_OF_REFUSED + sum(map(len, one.cells))
                if refused > MAX_REFUSED:
                    raise InputError(
                        f"Most rows up to line {row.line} cannot be used, this one as {one.column!r} says "
                        f"{one.value[:60]!r} ({one.reason.replace('_', ' ')}): too many to mend.",
                        "Name the right columns with --map, or keep the rows of municipalities only.",
                    )
            yield one


class Normalizer:
    """Reads the rows of one table."""

    def __init__(self, mapping: ColumnMapping, country: str) -> None:
        self._country = country
        self._emails = mapping.indexes(Field.EMAIL)
        self._certified = mapping.indexes(Field.CERTIFIED_EMAIL)
        self._kinds = _kind_columns(mapping)
        self._municipalities = mapping.indexes(Field.MUNICIPALITY)
        self._code = mapping.first(Field.CODE)
        self._region = mapping.first(Field.REGION)
        self._language = mapping.first(Field.LANGUAGE)
        self._person = mapping.first(Field.PERSON)
        self._first_name = mapping.first(Field.FIRST_NAME)
        self._last_name = mapping.first(Field.LAST_NAME)
        self._role = mapping.first(Field.ROLE)
        self._population = mapping.first(Field.POPULATION)
        of_place = (self._code, self._region, self._language, self._population)
        self._of_place = [*self._municipalities, *(index for index in of_place if index is not None)]
        self._last: list[str] | None = None  # the cells of the place in the row before, and what they told
        self._told: tuple[Place | None, str | None] = (None, None)
        self._headers = {column.index: column.header for column in mapping.columns}
        self._width = max((column.index for column in mapping.columns), default=0) + 1

    def contacts(self, row: Row) -> list[ContactRow | Rejected]:
        """One value for each address of the row, and one for each fault. Raises nothing.

        A fault of the municipality or the language rejects the row; a fault of one address only that address.
        """
        line, cells = row
        if len(cells) < self._width:
            cells = [*cells, *[""] * (self._width - len(cells))]
        found: list[str] = []
        refused: list[Rejected] = []
        person_in_cell = None
        for index in self._emails:
            cell = cells[index]
            address = addresses.plain(cell)
            if address is not None:
                found.append(address)
            elif cell:
                person_in_cell = self._read_cell(row, index, cell, found, refused) or person_in_cell
        if len(found) > 1 or self._kinds:
            found = self._plain_first(found, cells)
        if not found:
            for index in self._certified:
                self._read_cell(row, index, cells[index], found, refused)
        if not found:
            return list(refused) if refused else [self._without_address(row, cells)]
        if len(found) > 1:
            unique: dict[str, str] = {}
            for address in found:
                unique.setdefault(address.casefold(), address)
            found = list(unique.values())

        # A list names a municipality in several rows, one after the other.
        of_place = [cells[index] for index in self._of_place]
        if of_place != self._last:
            self._last, self._told = of_place, self._place(cells)
        place, language = self._told
        if place is None:
            if language is not None:
                fault = self._rejected(row, self._language or 0, language, RejectReason.UNKNOWN_LANGUAGE)
                return [*refused, fault]
            index = self._municipalities[0] if self._municipalities else self._code or 0
            return [self._rejected(row, index, "", RejectReason.NO_MUNICIPALITY)]
        name = place.name
        person = self._person_of(cells)
        role = None if self._role is None else tidy(cells[self._role]) or None
        result: list[ContactRow | Rejected] = []
        for address in found:
            kind = kind_of(address, name, person or person_in_cell)
            # Before an office's address, as in "Town hall <info@...>", stands no person.
            known_person = person or (person_in_cell if kind is ContactKind.NAMED else None)
            result.append(ContactRow(place, address, kind, line, known_person, role, language))
        return [*result, *refused] if refused else result

    def _place(self, cells: list[str]) -> tuple[Place | None, str | None]:
        """The municipality of a row and the language of its contacts; no municipality where none is named, or
        beside a language that is not understood."""
        name = code = None
        for index in self._municipalities:
            name = tidy(cells[index])
            if name:
                break
        if self._code is not None:
            code = clean_code(cells[self._code], self._country)
        if not name:
            name = code
        if not name:
            return None, None
        if name.startswith(_GUARDED):
            name = name[1:]
        if len(name) > 3 and name.isupper():
            name = _without_capitals(name, self._country)
        language: str | None = None
        languages: tuple[str, ...] = ()
        if self._language is not None and cells[self._language]:
            parsed = parse_languages(cells[self._language])
            if parsed is None:
                return None, cells[self._language]
            if len(parsed) == 1:
                language = parsed[0]
            else:
                languages = parsed
        region = None if self._region is None else _region(cells[self._region], self._country)
        population = None if self._population is None else parse_population(cells[self._population])
        return Place(self._country, name, code or None, region, population, languages), language

    def _plain_first(self, found: list[str], cells: list[str]) -> list[str]:
        """Without certified addresses, where there is a plain one."""
        told = {
            address.casefold()
            for index, kind in self._kinds.items()
            if fold(cells[kind]).startswith(_certified_kinds())
            for address in addresses.find(cells[index]).valid
        }
        return [
            address
            for address in found
            if address.casefold() not in told and not addresses.is_certified(address)
        ] or found

    def _read_cell(
        self, row: Row, index: int, cell: str, found: list[str], refused: list[Rejected]
    ) -> str | None:
        """Add what a cell that is no plain address holds; returns the name of "Name <address>"."""
        if not cell.strip():
            return None
        result = addresses.find(cell)
        found.extend(result.valid)
        for piece in result.invalid:
            refused.append(self._rejected(row, index, piece, RejectReason.INVALID_ADDRESS))
        if not result.valid and not result.invalid:
            text = tidy(cell)
            if not any(map(str.isalnum, text)):
                return None  # "-", "?"
            if addresses.is_phone(text):
                reason = RejectReason.PHONE
            elif addresses.is_website(text):
                reason = RejectReason.WEBSITE
            else:
                reason = RejectReason.INVALID_ADDRESS
            refused.append(self._rejected(row, index, text, reason))
        return result.name

    def _without_address(self, row: Row, cells: list[str]) -> Rejected:
        filled = [tidy(cell) for cell in cells if cell.strip()]
        first = filled[0] if filled else ""
        is_total = fold(first).partition(" ")[0] in _TOTALS
        is_note = ":" in first or len(first) > 80 or first.startswith(("*", "("))
        named = any(cells[index].strip() for index in self._municipalities) or (
            self._code is not None and bool(cells[self._code].strip())
        )
        if is_total or is_note or not named:
            return self._rejected(row, 0, first, RejectReason.NOT_A_CONTACT)
        index = (self._emails or self._certified or (0,))[0]
        return self._rejected(row, index, tidy(cells[index]), RejectReason.NO_ADDRESS)

    def _rejected(self, row: Row, index: int, value: str, reason: RejectReason) -> Rejected:
        header = self._headers.get(index) or f"column {index + 1}"
        return Rejected(row.line, header, value, reason, _REMEDIES[reason], tuple(row.cells))

    def _person_of(self, cells: list[str]) -> str | None:
        if self._person is not None and cells[self._person]:
            return tidy(cells[self._person]) or None
        if self._last_name is None:
            return None
        first = "" if self._first_name is None else cells[self._first_name]
        return tidy(f"{first} {cells[self._last_name]}") or None


def _kind_columns(mapping: ColumnMapping) -> dict[int, int]:
    """Column of addresses -> the column that tells their kind: that of the same number, else the nearest."""
    kinds = [column for column in mapping.columns if column.field is Field.EMAIL_KIND]
    pairs: dict[int, int] = {}
    if not kinds:
        return pairs
    for column in mapping.columns:
        if column.field is Field.EMAIL:
            number = _NUMBER.search(column.header)
            same = [kind for kind in kinds if number and kind.header.endswith(number[0])]
            nearest = min(same or kinds, key=lambda kind: abs(kind.index - column.index))
            pairs[column.index] = nearest.index
    return pairs


@cache
def _certified_kinds() -> tuple[str, ...]:
    return tuple(fold(word) for word in package_table("certified_mail.toml")["kinds"])


def clean_code(cell: str, country: str) -> str:
    """The LAU code with the zeros a spreadsheet took away, where the country's codes have one width."""
    known = habits(country)
    if len(cell) == known.code_width and cell.isascii() and cell.isalnum():
        return cell
    code = cell.strip().strip("'").replace("\u00a0", "").replace(" ", "")
    if code.endswith(".0"):
        code = code[:-2]
    if known.code_least <= len(code) < known.code_width and code.isascii() and code.isdigit():
        return code.zfill(known.code_width)
    return code


@cache
def _language_names() -> dict[str, str]:
    names: dict[str, str] = {}
    for code, words in package_table("languages.toml").items():
        names[code] = code
        for word in words:
            names.setdefault(fold(word), code)
    return names


@lru_cache(maxsize=1024)
def parse_languages(cell: str) -> tuple[str, ...] | None:
    """ISO 639-1 codes of "nl", "Nederlands", "fr/nl"; empty for an empty cell, None if not understood."""
    text = tidy(cell).strip("-?.")
    names = _language_names()
    if fold(text) in names:
        return (names[fold(text)],)
    if re.fullmatch(r"[a-z]{2}[-_][A-Z]{2}", text) and text[:2] in names:
        return (text[:2],)
    words = [
        fold(part)
        for part in _LANGUAGES_APART.split(text)
        if fold(part) not in ("", "en y", "und", "et", "and", "ja", "och")
    ]
    if len(words) == 3 and words[1] in ("en", "e", "y", "a", "i"):
        del words[1]
    if any(word not in names for word in words):
        return None
    return tuple(dict.fromkeys(names[word] for word in words))


@lru_cache(maxsize=1024)
def parse_population(cell: str) -> int | None:
    """A number with or without signs between the thousands; None where it is not clearly one."""
    if cell.isascii() and cell.isdigit():
        return int(cell) if len(cell) < 10 else None
    text = tidy(cell)
    if not text or not _GROUPED.fullmatch(text) or len(text) > 14:
        return None
    return int(_NOT_DIGIT.sub("", re.sub(r"[.,]0{1,2}$", "", text)))


@lru_cache(maxsize=4096)
def _region(cell: str, country: str) -> str | None:
    text = tidy(cell)
    match = _ISO_REGION.fullmatch(text.upper())
    return text.upper() if match and match[1] == country else text or None


def _without_capitals(name: str, country: str) -> str:
    """COMUNE DI SAN ZENO -> Comune di San Zeno, in the countries where little can go wrong."""
    if country not in _CAPITALS_SAFE or not any(map(str.isalpha, name)):
        return name
    parts = re.split(r"([\s'’-]+)", name.lower())
    return "".join(
        part if part in _SMALL_WORDS and index else part[:1].upper() + part[1:]
        for index, part in enumerate(parts)
    )
