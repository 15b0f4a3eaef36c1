"""The sentences in ``training/<language>.toml``: each a whole message, with what it means.

Each class is a text block of one message a line. ``greetings``, ``closings`` and ``asides`` mean nothing; the
trainer puts them around the messages, as people do. ``<language>-<n>.toml`` holds further messages.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
import zlib
from dataclasses import dataclass
from pathlib import Path

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
        around = tables[language]
        for meaning in CLASSES:
            for number, text in enumerate(tables[name].get(meaning, "").strip().splitlines()):
                text = text.strip()
                place = number + int(part or 0) * _PART
                found.append(Example(language, meaning, place, text, _dressed(text, around)))
    return tuple(found)


def wordings_of_the_rules() -> tuple[tuple[str, str], ...]:
    """The wordings that the rules know, with their meaning: they widen what the examples show."""
    found = []
    for language in LANGUAGES:
        known = lexicon(language)
        for meaning in CLASSES:
            found += [(meaning, _plain(each)) for each in known.sources.get(meaning, ())]
    return tuple(found)


def _plain(phrase: str) -> str:
    """A phrase as words: without the marks of weight, gaps, stems and alternatives."""
    return " ".join(re.sub(r"\.\.|[|*!~^]", " ", phrase).split())


def digest(examples: tuple[Example, ...], wordings: tuple[tuple[str, str], ...]) -> str:
    """The digest of both, by which the shipped weights say what they were trained on."""
    found = hashlib.sha256(repr(wordings).encode())
    for each in examples:
        found.update("\0".join((each.language, each.meaning, each.text, *each.dressed, "\n")).encode())
    return found.hexdigest()


def _dressed(text: str, data: dict[str, object]) -> tuple[str, ...]:
    """``text`` as a letter, and with a sentence about something else beside it; which ones, its checksum says."""
    number = zlib.crc32(text.encode())
    greetings, closings = data["greetings"], data["closings"]
    asides = str(data["asides"]).strip().splitlines()
    assert isinstance(greetings, list)
    assert isinstance(closings, list)

    def one(of: list[str], shift: int) -> str:
        return str(of[(number >> shift) % len(of)])

    aside = one(asides, 6)
    if number & 1:
        beside = f"{one(greetings, 9)}\n{aside} {text}\n{one(closings, 12)}"
    else:
        beside = f"{text} {aside}\n{one(closings, 12)}"
    return (f"{one(greetings, 0)}\n{text}\n{one(closings, 3)}", beside)
