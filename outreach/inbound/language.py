"""Which of the 24 languages a text is written in: by its script, its commonest words and its letters.

The words and letters stand in ``phrases/_languages.toml``. A word counts the more the fewer languages use
it; a letter counts where it is rare elsewhere. Short texts lean on the text around them: pass the quoted
invitation as ``context``, which counts a little.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

from outreach.inbound.wordings import fold

_WORD = re.compile(r"[^\W\d_]+")
_MAX_CHARACTERS = 4000
_SURE = 4.0  # points from which the context is not looked at
_MAX_CONTEXT = 800
_CONTEXT_WEIGHT = 0.15


@cache
def _tables() -> tuple[
    Mapping[str, tuple[tuple[str, float], ...]], Mapping[str, tuple[tuple[str, float], ...]]
]:
    source = resources.files(__package__) / "phrases" / "_languages.toml"
    data = tomllib.loads(source.read_text(encoding="utf-8"))
    words: dict[str, list[str]] = {}
    letters: dict[str, list[str]] = {}
    for language, table in data.items():
        for word in set(table["words"].lower().split()):
            words.setdefault(word, []).append(language)
            plain = fold(word)
            if plain != word:
                words.setdefault(plain, []).append(language)
        for letter in table.get("letters", ""):
            letters.setdefault(letter, []).append(language)

    def weigh(table: dict[str, list[str]], scale: float) -> dict[str, tuple[tuple[str, float], ...]]:
        return {
            key: tuple((language, scale / len(set(languages)) ** 1.3) for language in sorted(set(languages)))
            for key, languages in table.items()
        }

    return weigh(words, 1.0), weigh(letters, 0.6)


def scores(text: str, context: str = "") -> dict[str, float]:
    """How much speaks for each language, the strongest first; empty when nothing does."""
    found: dict[str, float] = {}
    _count(text, 1.0, found)
    if context and max(found.values(), default=0.0) < _SURE:
        _count(context[:_MAX_CONTEXT], _CONTEXT_WEIGHT, found)
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _count(text: str, weight: float, found: dict[str, float]) -> None:
    words, letters = _tables()
    text = text[:_MAX_CHARACTERS].lower()
    known = words.get
    for word in _WORD.findall(text):
        for language, points in known(word, ()):
            found[language] = found.get(language, 0.0) + weight * points
    if not text.isascii():
        for letter in sorted(letters.keys() & set(text)):  # in one order, so that sums are the same
            times = weight * text.count(letter)
            for language, points in letters[letter]:
                found[language] = found.get(language, 0.0) + times * points


def identify(text: str, context: str = "") -> str | None:
    """The language of ``text``, ISO 639-1; ``None`` when nothing in it tells."""
    for language in scores(text, context):
        return language
    return None
