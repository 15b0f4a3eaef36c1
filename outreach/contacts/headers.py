"""Names of columns: what they mean (``headers.toml``), and which row of a table holds them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum, unique
from functools import cache, lru_cache

from outreach.contacts.addresses import has_address, is_address
from outreach.contacts.country import package_table
from outreach.contacts.folding import fold, tidy

#: Columns that a file of rejected rows adds; they are not read back.
OWN_PREFIX = "outreach_"

# The header stands within so many rows from the top: above it are titles, dates and notes.
SEARCHED_ROWS = 60

_NUMBER_AT_END = re.compile(r"\d+$")
_PATH = re.compile(r"\w+(?:[./]\w+)+")
_BETWEEN_LANGUAGES = re.compile(r"[/|\n]| - ")
_IN_BRACKETS = re.compile(r"[(\[].*?[)\]]")


@unique
class Field(StrEnum):
    """What a column can hold. The values are the names that ``--map`` takes."""

    EMAIL = "email"
    CERTIFIED_EMAIL = "certified_email"  # Italy's PEC
    EMAIL_KIND = "email_kind"  # beside a column of addresses: which of them are certified
    MUNICIPALITY = "municipality"
    TOWN = "town"  # perhaps only the post town
    NAME = "name"  # of the municipality or of a person
    CODE = "code"
    REGION = "region"
    LANGUAGE = "language"
    PERSON = "person"
    FIRST_NAME = "first_name"
    LAST_NAME = "last_name"
    ROLE = "role"
    POPULATION = "population"
    OTHER = "other"  # known, and not used


def _compact(name: str) -> str:
    return fold(name).replace(" ", "")


@cache
def _names() -> dict[str, dict[str, Field]]:
    """Language -> compact name -> field."""
    names: dict[str, dict[str, Field]] = {}
    for field, languages in package_table("headers.toml").items():
        for language, words in languages.items():
            for word in words:
                names.setdefault(language, {}).setdefault(_compact(word), Field(field))
    return names


@cache
def _email_words() -> frozenset[str]:
    """Single words that say "e-mail" wherever they stand in a header."""
    ambiguous = {"correo", "kirjaamo", "messagerie", "meil", "mel", "peo"}
    words = {word for words in package_table("headers.toml")["email"].values() for word in words}
    return frozenset({_compact(w) for w in words if " " not in w} - ambiguous)


@cache
def _email_phrases() -> frozenset[str]:
    """Names of more words that say "e-mail" inside a longer one: "general e-mail address of the office"."""
    return frozenset(
        compact
        for words in package_table("headers.toml")["email"].values()
        for word in words
        if " " in word and len(compact := _compact(word)) >= 10
    )


@lru_cache(maxsize=4096)
def field_of(name: str, languages: tuple[str, ...]) -> Field | None:
    """What the column called ``name`` holds, or None. ``languages`` (ISO 639-1) are tried before the others,
    since one word can mean two things: *kraj* is a region in Czechia and a town in Slovenia."""
    if name.startswith(OWN_PREFIX):
        return Field.OTHER
    names = _names()
    tried = [*languages, "en", *(code for code in names if code not in languages and code != "en")]
    whole = _compact(name)
    candidates = dict.fromkeys(
        (whole, _NUMBER_AT_END.sub("", whole), _NUMBER_AT_END.sub("", _compact(_IN_BRACKETS.sub(" ", name))))
    )
    for candidate in candidates:
        if not candidate:
            continue
        for language in tried:
            if candidate in names[language]:
                return names[language][candidate]
    _, colon, last = name.rpartition(": ")
    if not colon and _PATH.fullmatch(name):
        # The name of a nested field, as "contact.email" or "person/first_name".
        last = name[max(name.rfind("."), name.rfind("/")) + 1 :]
    if last != name and last.strip():
        known = field_of(last.strip(), languages)
        if known is not None:
            return known
    parts = [part for part in _BETWEEN_LANGUAGES.split(name) if part.strip()]
    if len(parts) > 1:
        # "Naam / Nom": a header in two languages that says one thing.
        fields = {field_of(part.strip(), languages) for part in parts}
        if len(fields) == 1 and None not in fields:
            return fields.pop()
    words = set(fold(name.replace("-", "")).split()) | set(fold(name).replace("e mail", "email").split())
    if len(words) <= 8 and (words & _email_words() or any(phrase in whole for phrase in _email_phrases())):
        return Field.EMAIL
    return None


def _score(cells: Sequence[str], languages: tuple[str, ...]) -> int:
    """How many different fields the row names; -1 for a row that cannot be the header."""
    filled = [cell for cell in cells if cell.strip()]
    if not filled or any(is_address(cell) for cell in filled):
        return -1
    found = {field_of(cell.strip(), languages) for cell in filled if len(cell) <= 80}
    return len(found - {None})


def find_header(rows: Sequence[Sequence[str]], languages: tuple[str, ...]) -> int | None:
    """The index of the row of column names among the first rows of a table, or None when there is none.

    The row that names most fields wins, the upper one on a draw. No row with an address in two or more
    filled cells (a contact) stands above the header. Where nothing is recognised, it is the filled row just
    above the first contact.
    """
    width = max((sum(1 for cell in row if cell.strip()) for row in rows), default=0)
    best, best_score = None, 0
    last_filled = None
    for index, row in enumerate(rows[:SEARCHED_ROWS]):
        filled = sum(1 for cell in row if cell.strip())
        if (
            filled >= min(2, width)
            and any(has_address(cell) for cell in row)
            and not _is_names(row, languages)
        ):
            break
        score = _score(row, languages)
        # A title ("Municipalities 2025") is one cell above a table of many columns.
        if score > best_score and (filled > 1 or width == 1):
            best, best_score = index, score
        if filled >= min(2, width):
            last_filled = index
    else:
        # No contact among the first rows: only a row with names we know can be the header.
        return best
    return best if best is not None else last_filled


def _is_names(cells: Sequence[str], languages: tuple[str, ...]) -> bool:
    """Is this a header in spite of an address in it, as "E-Mail (info@...)"?"""
    return _score(cells, languages) >= 2


def names_of(
    rows: Sequence[Sequence[str]], at: int, languages: tuple[str, ...], *, alone: bool = False
) -> tuple[list[str], int]:
    """The names of the columns whose header stands in row ``at``, and the last row of the header.

    Where that row and the one above or below it name more fields together than either alone, the header has two
    rows: groups ("Contact", often merged over their columns) and what each column of a group is. Then a name is
    "Contact: E-mail", or what only one of the rows says. ``alone`` looks at no other row.
    """
    best, last = [tidy(cell) for cell in rows[at]], at
    best_score = _score(best, languages)
    if alone:
        return best, last
    for upper, lower in ((at, at + 1), (at - 1, at)):
        if upper < 0 or lower >= len(rows) or _score(rows[upper], languages) < 0:
            continue
        if any(cell.strip().isdecimal() for cell in rows[lower]):
            continue
        names = _joined(rows[upper], rows[lower])
        score = _score(names, languages)
        if score > best_score and _score(rows[lower], languages) >= 0:
            best, best_score, last = names, score, lower
    return best, last


def _joined(upper: Sequence[str], lower: Sequence[str]) -> list[str]:
    names: list[str] = []
    group = ""
    for index in range(max(len(upper), len(lower))):
        above = tidy(upper[index]) if index < len(upper) else ""
        below = tidy(lower[index]) if index < len(lower) else ""
        group = above or (group if below else "")
        if below and group and fold(below) != fold(group):
            names.append(f"{group}: {below}")
        else:
            names.append(below or above)
    return names


def is_numbering(cells: Sequence[str]) -> bool:
    """Is this the row 1, 2, 3 ... that stands below the header of official tables?"""
    numbers = [cell.strip().strip("().") for cell in cells if cell.strip()]
    return len(numbers) > 2 and numbers == [str(number) for number in range(1, len(numbers) + 1)]
