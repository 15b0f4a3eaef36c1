"""Wordings as data: ``phrases/<language>.toml`` read into lexicons, and the matcher that finds them in a
text.

A phrase is a row of words. ``stem*`` stands for any ending, ``a|b`` for either word, ``..`` for up to
four words between; ``^`` in front binds it to the start of a clause. A leading ``!`` makes it strong
(weight 2: enough by itself, also inside a question), a leading ``~`` weak (weight 0.5: only together with
others). Text and phrases are compared folded: lower case, without accents, so that missing diacritics
make no difference.

Matching looks up each word of the text by its first letters and walks the few phrases that start so:
linear in the length of the text, whatever the text is.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources

#: The official languages of the European Union.
LANGUAGES = (
    *("bg", "cs", "da", "de", "el", "en", "es", "et", "fi", "fr", "ga", "hr"),
    *("hu", "it", "lt", "lv", "mt", "nl", "pl", "pt", "ro", "sk", "sl", "sv"),
)

_LETTERS = str.maketrans(
    {
        "ß": "ss",
        "æ": "ae",
        "œ": "oe",
        "ø": "o",
        "đ": "d",
        "ð": "d",
        "ħ": "h",
        "ı": "i",
        "ł": "l",
        "ŧ": "t",
        "ς": "σ",
        "’": "'",
        "‘": "'",
        "`": "'",
        "´": "'",
        "ʼ": "'",
        "\u00ad": None,
        "\u200b": None,
        "\ufeff": None,
        "\u00a0": " ",
    }
)
_HAS_LETTERS = re.compile("[" + "".join(map(chr, _LETTERS)) + "]")  # quicker than to translate in vain
_MARKS = re.compile("[\u0300-\u036f]+")
_WORD = re.compile(r"[^\W_]+")
_GAP = ".."
_GAP_WORDS = 4
_MAX_WORDS = 20_000  # words whose phrases a lexicon keeps at hand


def fold(text: str) -> str:
    """``text`` in lower case, without accents and ligatures: the form in which wordings are compared."""
    text = text.lower()
    if not text.isascii():
        text = _MARKS.sub("", unicodedata.normalize("NFKD", _plain_letters(text)))
        text = _plain_letters(text)
    return text


def _plain_letters(text: str) -> str:
    return text.translate(_LETTERS) if _HAS_LETTERS.search(text) else text


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence as the matcher sees it."""

    text: str  # as it was written
    words: tuple[str, ...]  # folded
    clauses: tuple[int, ...]  # for each word, the number of its clause
    asks: bool  # it ends in a question mark


_ABBREVIATION = re.compile(
    r"(?:^|[\s(])(?:[^\W\d_]{1,2}|\d{1,4}|[^\W\d_]{1,4}\.[^\W\d_]{1,4}|bzw|tel|ing|mag|dott|prof|inz|"
    r"nr|kl|tlf|str|feb|mar|apr|jun|jul|aug|sep|sept|okt|oct|nov|dec|dez|jan|ул|гр|напр|тел|инж|αρ|κ|κα|"
    r"art|čl|čís|mgr|bc|obs|approx|resp|napr|např|gosp|wg|ust|pkt|godz|св|чл)$",
    re.IGNORECASE,
)
_STOP = re.compile(r"[.!?…;\u037e]+(?=[\s\"”“»)]|$)|\n\s*\n|\n")
_CLAUSE = re.compile(r"[^\W_]+|[,;:()–—\"„“”«»]|\s-\s")


def sentences(text: str, language: str = "") -> tuple[Sentence, ...]:
    """``text`` cut into sentences; hard-wrapped lines are joined. In Greek a semicolon ends a question."""
    return _cut(text, language == "el")


@lru_cache(maxsize=16)  # one message is read by several detectors, and in several languages
def _cut(text: str, greek: bool) -> tuple[Sentence, ...]:
    found: list[Sentence] = []
    start = 0
    line_start = 0
    for stop in _STOP.finditer(text):
        mark = stop.group()
        asks = "?" in mark
        if mark == "\n":
            length = stop.start() - line_start
            line_start = stop.end()
            if length >= 56:  # a wrapped line goes on
                continue
        elif mark.startswith("\n"):
            line_start = stop.end()
        elif mark == ".":
            following = text[stop.end() : stop.end() + 2].strip()
            alone = stop.start() <= 3 and text[: stop.start()].isalpha()  # "No. We cannot"
            before = max(0, stop.start() - 12)
            if following[:1].islower() or (
                not alone and _ABBREVIATION.search(text, before, stop.start()) is not None
            ):
                continue
        elif mark in (";", "\u037e"):
            asks = greek
        _add(found, text[start : stop.end()], asks)
        start = stop.end()
    _add(found, text[start:], False)
    return tuple(found)


def _add(found: list[Sentence], text: str, asks: bool) -> None:
    text = text.strip()
    if not text:
        return
    words: list[str] = []
    clauses: list[int] = []
    clause = 0
    for token in _CLAUSE.findall(fold(text)):
        if token[0].isalnum():
            words.append(token)
            clauses.append(clause)
        elif clauses and clauses[-1] == clause:
            clause += 1
    found.append(Sentence(text, tuple(words), tuple(clauses), asks))


@dataclass(frozen=True, slots=True)
class Phrase:
    """One wording of a group."""

    group: str
    source: str  # as the file has it, shown as evidence
    weight: float
    anchored: bool
    parts: tuple[tuple[str, ...], ...]  # the alternatives of each word; (_GAP,) for a gap
    #: The parts again, each as the words that must be equal and the stems of the others; a gap has neither.
    tests: tuple[tuple[frozenset[str], tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """A phrase found in a sentence."""

    phrase: Phrase
    first: int  # index of its first word
    last: int  # index of its last word


def parse_phrase(group: str, source: str) -> Phrase:
    """The phrase written as ``source``. Raises :class:`ValueError` when it starts with a gap or is empty."""
    text = source.strip()
    weight = 1.0
    if text[:1] in "!~":
        weight = 2.0 if text[0] == "!" else 0.5
        text = text[1:].strip()
    anchored = text.startswith("^")
    parts: list[tuple[str, ...]] = []
    for word in fold(text.lstrip("^ ")).replace("'", " ").replace("-", " ").split():
        if word == _GAP:
            parts.append((_GAP,))
            continue
        parts.append(tuple(word.strip(",.?!").split("|")))
    if not parts or parts[0] == (_GAP,) or parts[-1] == (_GAP,):
        raise ValueError(f"not a phrase: {source!r} in {group}")
    tests = tuple(
        (
            frozenset(word for word in part if word[-1:] != "*" and word != _GAP),
            tuple(word[:-1] for word in part if word[-1:] == "*"),
        )
        for part in parts
    )
    return Phrase(group, source, weight, anchored, tuple(parts), tests)


class Lexicon:
    """The wordings of one language, ready to be looked up."""

    __slots__ = ("_beginning", "_exact", "_stems", "groups", "language", "lists", "sources")

    def __init__(
        self, language: str, groups: Mapping[str, Iterable[str]], lists: Mapping[str, tuple[str, ...]]
    ) -> None:
        self.language = language
        self.lists = lists  # plain word lists: negation, condition, months ...
        self.groups = frozenset(groups)
        self.sources = {name: tuple(phrases) for name, phrases in groups.items()}  # as written
        self._exact: dict[str, list[Phrase]] = {}
        self._stems: dict[str, list[tuple[str, Phrase]]] = {}
        self._beginning: dict[str, tuple[Phrase, ...]] = {}
        for group, sources in groups.items():
            for source in sources:
                phrase = parse_phrase(group, source)
                for word in phrase.parts[0]:
                    if word.endswith("*"):
                        self._stems.setdefault(word[:3].rstrip("*"), []).append((word[:-1], phrase))
                    else:
                        self._exact.setdefault(word, []).append(phrase)

    def hits(self, sentence: Sentence) -> Iterator[Hit]:
        """Every phrase found in ``sentence``."""
        words, clauses = sentence.words, sentence.clauses
        beginning = self._beginning
        for index, word in enumerate(words):
            phrases = beginning.get(word)
            if phrases is None:
                phrases = self._begin(word)
            for phrase in phrases:
                if len(phrase.tests) == 1 and not phrase.anchored:
                    yield Hit(phrase, index, index)
                    continue
                last = _match(phrase, words, clauses, index)
                if last >= 0:
                    yield Hit(phrase, index, last)

    def _begin(self, word: str) -> tuple[Phrase, ...]:
        """The phrases that may begin with ``word``; kept, since letters are made of few words."""
        found = list(self._exact.get(word, ()))
        for key in (word[:3], word[:2], word[:1]) if len(word) > 2 else (word, word[:1]):
            found += (phrase for stem, phrase in self._stems.get(key, ()) if word.startswith(stem))
        if len(self._beginning) >= _MAX_WORDS:
            self._beginning.clear()
        self._beginning[word] = tuple(found)
        return self._beginning[word]


def _match(phrase: Phrase, words: tuple[str, ...], clauses: tuple[int, ...], index: int) -> int:
    """The index of the last word when ``phrase`` starts at ``index``, else -1."""
    if phrase.anchored and index and clauses[index] == clauses[index - 1]:
        return -1
    return _walk(phrase.tests, 1, words, index + 1)


def _walk(
    tests: tuple[tuple[frozenset[str], tuple[str, ...]], ...], part: int, words: tuple[str, ...], at: int
) -> int:
    length = len(words)
    while part < len(tests):
        exact, stems = tests[part]
        if not exact and not stems:  # a gap
            for skipped in range(_GAP_WORDS + 1):
                if at + skipped >= length:
                    return -1
                last = _walk(tests, part + 1, words, at + skipped)
                if last >= 0:
                    return last
            return -1
        if at >= length:
            return -1
        word = words[at]
        if word not in exact and not (stems and word.startswith(stems)):
            return -1
        part += 1
        at += 1
    return at - 1


@cache
def lexicon(language: str) -> Lexicon:
    """The wordings of ``language``; those of English for a language that has no file."""
    folder = resources.files(__package__) / "phrases"
    source = folder / f"{language}.toml"
    if language not in LANGUAGES or not source.is_file():
        return lexicon("en")
    data = tomllib.loads(source.read_text(encoding="utf-8"))
    groups = {name: table["phrases"] for name, table in data.items() if isinstance(table, dict)}
    lists = {name: tuple(value) for name, value in data.items() if isinstance(value, list)}
    return Lexicon(language, groups, lists)


@cache
def word_set(language: str, name: str) -> tuple[frozenset[str], tuple[str, ...]]:
    """The words of the list ``name``: those that must be equal, and the stems of those given as ``stem*``."""
    words = [fold(word) for word in lexicon(language).lists.get(name, ())]
    return frozenset(w for w in words if not w.endswith("*")), tuple(w[:-1] for w in words if w.endswith("*"))


def has_word(language: str, name: str, word: str) -> bool:
    """Whether the folded ``word`` is of the list ``name``."""
    exact, stems = word_set(language, name)
    return word in exact or (bool(stems) and word.startswith(stems))


@cache
def shared(name: str) -> Mapping[str, tuple[str, ...]]:
    """A table of ``phrases/_<name>.toml``, the same for all languages: list name to its words."""
    source = resources.files(__package__) / "phrases" / f"_{name}.toml"
    data = tomllib.loads(source.read_text(encoding="utf-8"))
    return {key: tuple(value) for key, value in data.items() if isinstance(value, list)}
