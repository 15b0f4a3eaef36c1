"""The sentences in ``training/<language>.toml``: each a whole message, with what it means.

Each class is a text block of one message a line. ``greetings``, ``closings`` and ``asides`` mean nothing; the
trainer puts them around the messages, as people do. ``<language>-<n>.toml`` holds further messages.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from outreach.inbound import concepts
from outreach.inbound.ngrams import CLASSES
from outreach.inbound.wordings import LANGUAGES, lexicon

FOLDER = Path(__file__).parent
#: Messages with the same number within their class say similar things in many languages: they share a fold.
FOLDS = 4
_PART = 1000  # the messages of file n are numbered from n times this: no file has as many


@dataclass(frozen=True, slots=True)
class Example:
    """One message of the training data."""

    language: str
    meaning: str
    number: int  # its place in its class
    text: str
    dressed: tuple[str, ...]  # the same with greetings, closings and asides around it

    @property
    def fold(self) -> int:
        """The part of the data it is held out with."""
        return self.number % FOLDS


def read(folder: Path = FOLDER) -> tuple[Example, ...]:
    """All examples of ``folder``, by language, class and place."""
    found = []
    tables = {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.toml")}
    for name in sorted(tables):
        language, _, part = name.partition("-")
        around = _around(tables, language)
        for meaning in CLASSES:
            for number, text in enumerate(tables[name].get(meaning, "").strip().splitlines()):
                text = text.strip()
                place = number + int(part or 0) * _PART
                found.append(Example(language, meaning, place, text, _dressed(text, around)))
    return tuple(found)


def wordings_of_the_rules() -> tuple[tuple[str, str, str], ...]:
    """The wordings that the rules know, with language and meaning: they widen what the examples show."""
    found = []
    for language in LANGUAGES:
        known = lexicon(language)
        for meaning in CLASSES:
            found += [(language, meaning, _plain(each)) for each in known.sources.get(meaning, ())]
    return tuple(found)


def _plain(phrase: str) -> str:
    """A phrase as words: without the marks of weight, gaps, stems and alternatives."""
    return " ".join(re.sub(r"\.\.|[|*!~^]", " ", phrase).split())


def digest(examples: tuple[Example, ...], wordings: tuple[tuple[str, str, str], ...]) -> str:
    """The digest of both and of the concepts, by which the shipped weights say what they were trained on."""
    found = hashlib.sha256(repr((wordings, tuple(concepts.sources()))).encode())
    for each in examples:
        found.update("\0".join((each.language, each.meaning, each.text, *each.dressed, "\n")).encode())
    return found.hexdigest()


def _around(tables: Mapping[str, Mapping[str, Any]], language: str) -> Mapping[str, tuple[str, ...]]:
    """What stands around the messages of ``language``: what all of its files have of each."""
    own = [tables[name] for name in sorted(tables) if name.partition("-")[0] == language]
    return {
        "greetings": tuple(each for table in own for each in table.get("greetings", ())),
        "closings": tuple(each for table in own for each in table.get("closings", ())),
        "asides": tuple(each for table in own for each in table.get("asides", "").strip().splitlines()),
    }


def _dressed(text: str, around: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """``text`` as a letter, and with a sentence about something else beside it; which ones, its checksum says."""
    number = zlib.crc32(text.encode())
    greetings, closings = around["greetings"], around["closings"]

    def one(of: tuple[str, ...], shift: int) -> str:
        return of[(number >> shift) % len(of)]

    aside = one(around["asides"], 6)
    if number & 1:
        beside = f"{one(greetings, 9)}\n{aside} {text}\n{one(closings, 12)}"
    else:
        beside = f"{text} {aside}\n{one(closings, 12)}"
    return (f"{one(greetings, 0)}\n{text}\n{one(closings, 3)}", beside)
