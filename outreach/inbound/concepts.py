"""What words are about, the same in all languages: money, a place at the table, somebody's holiday, a refusal.

``concepts/<language>.toml`` names for each concept the words of that language: whole words, or their beginnings as
``stem*``. So the classifier (:mod:`outreach.inbound.ngrams`) learns from a sentence in one language what the same
thought means in the others: it sees, beside words and their pieces, concepts and two of them near each other.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from importlib import resources

from outreach.inbound.wordings import LANGUAGES, fold

#: There are fewer concepts than this.
MOST = 128
#: How many features there can be: two concepts in a row, or one beside :data:`_ALONE`.
SIZE = MOST * MOST
_ALONE = MOST - 1
_NEAR = 6  # words from one concept to another that is near it
_SIGNS = {
    "?": "?",
    "0": "0",
    "atsign": "@",
}  # as ngrams.tokens() writes question marks, numbers and addresses


@cache
def names() -> tuple[str, ...]:
    """All concepts, in the order of their numbers."""
    return (*sorted(_SIGNS.values()), *sorted(_table("en")))


@cache
def _table(language: str) -> dict[str, str]:
    source = resources.files(__package__) / "concepts" / f"{language}.toml"
    return tomllib.loads(source.read_text(encoding="utf-8"))


@cache
def _lexicon(language: str) -> tuple[dict[str, tuple[int, ...]], dict[str, tuple[int, ...]], int]:
    """The whole words and the stems of ``language`` with their concepts, and the length of the longest stem."""
    numbers = {name: number for number, name in enumerate(names())}
    whole: dict[str, tuple[int, ...]] = {}
    stems: dict[str, tuple[int, ...]] = {}
    for name, words in _table(language).items():
        for word in fold(words).split():
            table, key = (stems, word[:-1]) if word.endswith("*") else (whole, word)
            table[key] = (*table.get(key, ()), numbers[name])
    return whole, stems, max(map(len, stems))


@lru_cache(maxsize=20_000)
def of_word(word: str, language: str) -> tuple[int, ...]:
    """The numbers of the concepts that the folded ``word`` of ``language`` stands for: as a whole word and by
    its longest stem."""
    if word in _SIGNS:
        return (names().index(_SIGNS[word]),)
    whole, stems, longest = _lexicon(language)
    found = whole.get(word, ())
    for length in range(min(len(word), longest), 1, -1):
        if word[:length] in stems:
            return tuple(sorted({*found, *stems[word[:length]]}))
    return found


def seen(words: Sequence[str], languages: Sequence[str]) -> Iterator[int]:
    """The features of a text, each a number below :data:`SIZE`: every concept, and every two in a row of words
    that stand near each other. A word is looked up in the first of ``languages`` that knows it."""
    near: list[tuple[int, int]] = []  # place and concept of those that may still be near
    for place, word in enumerate(words):
        found: tuple[int, ...] = ()
        for language in languages:
            found = of_word(word, language)
            if found:
                break
        if not found:
            continue
        near = [each for each in near if place - each[0] <= _NEAR]
        for concept in found:
            yield concept * MOST + _ALONE
            for _, before in near:
                yield before * MOST + concept
        near += ((place, concept) for concept in found)


def sources() -> Iterator[str]:
    """All that the files say, for the digest of what the weights were trained on."""
    for language in LANGUAGES:
        yield from (f"{language} {name} {words}" for name, words in sorted(_table(language).items()))
