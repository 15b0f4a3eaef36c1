"""A mail cut into the pieces a translator works on, and put together again; and how far translations are.

What is not for a translator stays apart, in the frame of the English mail: conditions, parts of the layout,
line breaks, marks of lists. A piece is a line of words, with Markdown and ``{{ names }}``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum, unique

from outreach.content.catalog import SOURCE_LANGUAGE, Catalog, Template
from outreach.content.tags import check, placeholders
from outreach.errors import InputError

_FRAME = re.compile(
    r"(\{%.*?%\}|\{\#.*?\#\}|^\[\[.*?\]\]$|\\?\n+[ \t]*(?:(?:[-*+]|\d+\.|\#{1,6}|>)[ \t]+)?)",
    re.DOTALL | re.MULTILINE,
)
_NAME = re.compile(r"\{\{.*?\}\}")
_WORDS = re.compile(r"[^\W\d_]")


@unique
class Progress(StrEnum):
    """How far a mail is in a language."""

    MISSING = "missing"
    BROKEN = "broken"  # the file cannot be read
    BEHIND = "behind"  # it follows an earlier revision of the English mail
    UNREVIEWED = "unreviewed"
    REVIEWED = "reviewed"


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of text: ``key`` names it within its mail, as "subject" or "body.3"."""

    key: str
    text: str


def progress(catalog: Catalog, slug: str, step: str, language: str) -> Progress:
    if language not in catalog.languages(slug, step):
        return Progress.MISSING
    try:
        template = catalog.template(slug, step, language)
        behind = is_behind(catalog, template)
    except InputError:
        return Progress.BROKEN
    if behind:
        return Progress.BEHIND
    return Progress.REVIEWED if template.reviewed_by else Progress.UNREVIEWED


def is_behind(catalog: Catalog, template: Template) -> bool:
    """Whether the English mail has changed since. Raises ``InputError`` when its file is wrong."""
    if template.language == SOURCE_LANGUAGE or SOURCE_LANGUAGE not in catalog.languages(
        template.slug, template.step
    ):
        return False
    return (
        catalog.template(template.slug, template.step, SOURCE_LANGUAGE).revision != template.source_revision
    )


def pieces(template: Template) -> tuple[Piece, ...]:
    """What is to be translated of a mail, in its order."""
    found = [Piece("subject", template.subject)]
    if template.preheader:
        found.append(Piece("preheader", template.preheader))
    found += [
        Piece(f"body.{number}", part) for number, part in enumerate(_body_pieces(template.body), start=1)
    ]
    return tuple(piece for piece in found if has_words(piece.text))


def translated(source: Template, template: Template) -> dict[str, str]:
    """The pieces of ``template`` by the keys of ``source``; of the body none when the two are not of the same
    build."""
    found = {"subject": template.subject, "preheader": template.preheader}
    own, theirs = _split(template.body), _split(source.body)
    if [_build(part) for part in own] == [_build(part) for part in theirs]:
        texts = [part for part in own if part.is_text]
        found |= {f"body.{number}": part.text for number, part in enumerate(texts, start=1)}
    wanted = {piece.key for piece in pieces(source)}
    return {key: text for key, text in found.items() if key in wanted and text}


def put_together(source: Template, texts: Mapping[str, str]) -> tuple[str, str, str]:
    """Subject, preheader and body of the English mail with ``texts`` in place of its pieces.

    Raises ``InputError`` for a piece that is missing, or has other names in ``{{ }}`` than the English one.
    """
    for piece in pieces(source):
        check_piece(f"{source.slug}/{source.step}, {piece.key}", piece.text, texts.get(piece.key, ""))
    number = 0
    body: list[str] = []
    for part in _split(source.body):
        if part.is_text:
            number += 1
            body.append(texts.get(f"body.{number}", part.text).strip())
        else:
            body.append(part.text)
    subject, preheader = (texts.get(key, given).strip() for key, given in _heads(source).items())
    return subject, preheader, "".join(body)


def check_piece(name: str, source: str, text: str) -> None:
    """Raise ``InputError`` unless ``text`` can stand for ``source``."""
    if not text.strip():
        raise InputError(f"{name}: there is no translation.", "Translate it, or leave the mail out.")
    if "\n" in text.strip():
        raise InputError(f"{name}: the translation has more than one line.", "Write it on one line.")
    if "{%" in text or "[[" in text:
        raise InputError(f"{name}: only {{{{ names }}}} can stand in a translation.", "Take the rest out.")
    own, theirs = (Counter(" ".join(tag.split()) for tag in _NAME.findall(each)) for each in (text, source))
    if own != theirs:
        wrong = sorted((own - theirs) + (theirs - own))
        raise InputError(
            f"{name}: {wrong[0]} stands in one of the original and the translation and not in the other.",
            "Leave the names between {{ and }} as they are, each as often as in the original.",
        )
    check(text, name)


def names_used(text: str) -> tuple[str, ...]:
    """The names in ``{{ }}`` of a piece, to be explained to a translator."""
    return placeholders(text)


def _heads(template: Template) -> dict[str, str]:
    return {"subject": template.subject, "preheader": template.preheader}


@dataclass(frozen=True, slots=True)
class _Part:
    text: str
    is_text: bool


def _split(body: str) -> list[_Part]:
    """``body`` in parts that alternate; joined they are it again."""
    parts: list[_Part] = []
    for number, part in enumerate(_FRAME.split(body)):
        inner = part.strip()
        if number % 2 or not has_words(inner):
            parts.append(_Part(part, is_text=False))
            continue
        before, _, after = part.partition(inner)
        parts += [_Part(before, is_text=False), _Part(inner, is_text=True), _Part(after, is_text=False)]
    return [part for part in parts if part.text]


def _body_pieces(body: str) -> Iterable[str]:
    return (part.text for part in _split(body) if part.is_text)


def _build(part: _Part) -> str:
    return "" if part.is_text else " ".join(part.text.split(" "))


def has_words(text: str) -> bool:
    """Whether ``text`` has a letter outside of ``{{ names }}``."""
    return _WORDS.search(_NAME.sub("", text)) is not None


def string_pieces(table: Mapping[str, object]) -> tuple[Piece, ...]:
    """What is to be translated of a strings file, read as TOML: "why.1", "answers.yes.label.1" ..."""
    return tuple(
        Piece(f"{key}.{number}", part)
        for key, text in _flat(table)
        for number, part in enumerate(_body_pieces(text), start=1)
    )


def put_strings_together(source: Mapping[str, object], texts: Mapping[str, str]) -> dict[str, str]:
    """The values of the English strings file by key ("answers.yes.label"), with ``texts`` in place of its
    pieces. Raises as :func:`put_together`."""
    for piece in string_pieces(source):
        check_piece(f"strings, {piece.key}", piece.text, texts.get(piece.key, ""))
    result: dict[str, str] = {}
    for key, text in _flat(source):
        number = 0
        parts: list[str] = []
        for part in _split(text):
            number += part.is_text
            parts.append(texts[f"{key}.{number}"].strip() if part.is_text else part.text)
        result[key] = "".join(parts)
    return result


def _flat(table: Mapping[str, object], prefix: str = "") -> Iterable[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        elif not prefix.startswith("greetings.") or key == "default":
            yield f"{prefix}{key}", str(value)
