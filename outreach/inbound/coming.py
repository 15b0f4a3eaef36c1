"""Who comes, as a person wrote it into a registration: how many, on site or online, and which people by name.

Only what is plainly written is taken: a number beside a word for people or a place, a name behind a title or
before its office in brackets. What is not written stays empty; nothing of it decides whether the letter is a
registration.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from functools import cache
from typing import Literal

from outreach.inbound.wordings import LANGUAGES, Sentence, fold, has_word, sentences, shared
from outreach.model.values import Coming

_MOST_PEOPLE = 60
_MOST_NAMES = 12
_NEXT = 2  # words between a number and what it counts
_MOST_CHARACTERS = 4000
_MOST_LINES = 60
_MOST_WORDS = 3  # of a name


def read(text: str, language: str) -> Coming | None:
    """What ``text`` says of those who come; ``None`` when nothing."""
    text = text[:_MOST_CHARACTERS]
    parts = sentences(text, language)
    people = sum(_counted(each, language) for each in parts)
    online = any(_mentions(each, "online", language) for each in parts)
    on_site = any(_mentions(each, "on_site", language) for each in parts)
    names = _names(text)
    if not (people or online or on_site or names):
        return None
    place: Literal["online", "on_site", "both"] | None
    place = "both" if online and on_site else "online" if online else "on_site" if on_site else None
    return Coming(people if 0 < people <= _MOST_PEOPLE else None, place, names)


@cache
def _numbers(language: str) -> Mapping[str, int]:
    rows = shared("coming").get(f"numbers_{language}", ()) if language in LANGUAGES else ()
    return {fold(word): int(row.split()[0]) for row in rows for word in row.split()[1:]}


@cache
def _rows(name: str) -> Mapping[str, tuple[tuple[str, ...], ...]]:
    """The rows of words of a list, by the first two letters of their first word."""
    rows: dict[str, tuple[tuple[str, ...], ...]] = {}
    for row in shared("coming")[name]:
        words = tuple(fold(row).split())
        rows[words[0][:2]] = (*rows.get(words[0][:2], ()), words)
    return rows


def _counted(sentence: Sentence, language: str) -> int:
    """The people that the numbers of one sentence count."""
    words = sentence.words
    numbers = _numbers(language)
    total = 0
    counted = -2
    for at, word in enumerate(words):
        number = int(word) if word.isdigit() and len(word) <= 2 else numbers.get(word, 0)
        if not number or at == counted + 1:
            continue
        behind = words[at + 1 : at + 1 + _NEXT]
        beside = any(has_word(language, "people", each) for each in behind)
        if not beside and not word.isdigit():
            beside = any(
                _starts(words, near, name) for name in ("online", "on_site") for near in range(at + 1, at + 3)
            )
        if beside:
            total += number
            counted = at
    return total


def _starts(words: tuple[str, ...], at: int, name: str) -> bool:
    """Whether a row of the list ``name`` stands at ``at``; short words must be equal, long ones begin so."""
    if at >= len(words):
        return False
    for row in _rows(name).get(words[at][:2], ()):
        there = words[at : at + len(row)]
        if len(there) == len(row) and all(
            word == part or (len(part) > 3 and word.startswith(part))
            for word, part in zip(there, row, strict=True)
        ):
            return True
    return False


def _mentions(sentence: Sentence, name: str, language: str) -> bool:
    """Whether a place stands in the sentence, in a clause without a negation."""
    words, clauses = sentence.words, sentence.clauses
    for at, clause in enumerate(clauses):
        if not _starts(words, at, name):
            continue
        first, end = bisect_left(clauses, clause), bisect_right(clauses, clause)
        return not any(has_word(language, "negation", word) for word in words[first:end])
    return False


def _names(text: str) -> tuple[str, ...]:
    """The people named behind a title, or before their office in brackets; not those who are greeted."""
    titles = frozenset(fold(title) for title in shared("coming")["titles"])
    found: dict[str, None] = {}
    lines = [line for line in text.splitlines() if line.strip()][:_MOST_LINES]
    for number, line in enumerate(lines):
        if number == 0 and line.rstrip().endswith((",", "!")):
            continue
        words = line.split()
        for at, word in enumerate(words):
            if word.startswith("("):
                name = _before(words[max(0, at - _MOST_WORDS) : at])
                if len(name) > 1:
                    found.setdefault(" ".join(name))
            elif fold(word.strip("(),.;:")) in titles:
                behind = words[at + 1 : at + 1 + _MOST_WORDS]
                name = [] if word.endswith(",") else _run(behind)
                if name and not any(fold(each) in titles for each in name) and not _is_office(name[0]):
                    found.setdefault(" ".join(name))
    whole = [name for name in found if not any(name != other and name in other for other in found)]
    return tuple(name for name in whole if len(name) > 2)[:_MOST_NAMES]


def _is_office(word: str) -> bool:
    return fold(word).startswith(shared("coming")["offices"])


def _run(words: list[str]) -> list[str]:
    """The capitalised words that ``words`` begins with, up to one that ends in a mark."""
    name: list[str] = []
    for word in words:
        bare = word.rstrip(",.;:!?)")
        if not bare[:1].isupper() or not bare.replace("-", "").replace("'", "").replace("’", "").isalpha():
            break
        name.append(bare)
        if bare != word:
            break
    return name


def _before(words: list[str]) -> list[str]:
    """The capitalised words that ``words`` ends with, behind the last mark."""
    name: list[str] = []
    for word in reversed(words):
        if not word[:1].isupper() or not _run([word]) or word[-1:] in ",.;:!?)":
            break
        name.insert(0, word)
    return name
