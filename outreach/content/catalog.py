"""The mails and the words around them, as files give them: front matter and body, one file a language.

A :class:`Catalog` is made of texts, not of paths on a disk: the caller reads the built-in files and the
workspace's, lets the workspace's win, and passes one mapping. A file is read at the first question about it,
so that one broken file does not stop the mails of another language.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from outreach.errors import InputError

#: The language in which a mail is first written; its revision is what translations follow.
SOURCE_LANGUAGE = "en"

#: The folder with the words of an organisation, over those of the layout.
OWN = "_own"

_FENCE = "+++"
_MAIL_PATH = re.compile(r"([a-z0-9_][a-z0-9_-]*)/([a-z0-9][a-z0-9-]*)\.([a-z]{2,3})\.md")
_PART_PATH = re.compile(r"_layout/part\.([a-z0-9-]+)\.md")
_TOML_LINE = re.compile(r"\(at line (\d+), column \d+\)")
_TEMPLATE_KEYS = frozenset(
    {"subject", "preheader", "revision", "source_revision", "translator", "reviewed_by"}
)
_STRINGS_TEXTS = ("language", "why", "controller", "rights", "unsubscribe")

#: What a file may have besides.
_OWN_WORDS: Mapping[str, object] = {"signature": "", "notice": "", "paragraphs": {}}

#: The prefilled answers every strings file has to word.
ANSWERS = ("yes", "in_person", "online", "no", "question", "other_office", "unsubscribe")

#: What every strings file has to word for the particulars of a session.
SESSION_WORDS = (
    *("date", "time", "place", "room", "online", "link", "speakers", "interpretation", "agenda", "absent"),
)


@dataclass(frozen=True, slots=True)
class Template:
    """One mail in one language, as its author wrote it."""

    slug: str  # of the campaign, or "_shared"
    step: str
    language: str  # ISO 639-1
    subject: str  # may hold Jinja, one line
    preheader: str  # may hold Jinja, one line, may be empty
    revision: int  # of this file's content
    source_revision: int  # the English revision it follows; 0: not said
    translator: str
    reviewed_by: str  # empty: nobody yet
    body: str  # Markdown with Jinja
    body_line: int  # line of the file on which the body begins, from 1
    path: str  # relative to templates/
    digest: str  # SHA-256 of the file's text, hexadecimal


@dataclass(frozen=True, slots=True)
class Answer:
    """A prefilled reply: what its link says, and the mail it opens (the token is added at sending)."""

    label: str
    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class Strings:
    """The words of one language that stand around every mail. ``why``, ``controller`` and ``rights`` may
    hold Jinja."""

    code: str  # ISO 639-1
    language: str  # its own name for itself
    why: str
    controller: str
    rights: str
    unsubscribe: str
    greetings: Mapping[str, str]  # "default", and country codes whose habit differs
    answers: Mapping[str, Answer]  # keys: ANSWERS
    session: Mapping[str, str]  # keys: SESSION_WORDS
    path: str
    digest: str
    signature: str = ""  # of the organisation, below the closing; may have lines
    notice: str = ""  # of the organisation, below the rights
    paragraphs: Mapping[str, str] = field(default_factory=dict)  # of the organisation, by country
    second: Strings | None = None  # of the language that stands below, in a mail in two

    def greeting(self, country: str) -> str:
        """The opening line for a municipality of ``country`` (ISO 3166-1 alpha-2)."""
        return self.greetings.get(country, self.greetings["default"])


class Catalog:
    """Every mail of a workspace.

    ``files`` maps paths relative to ``templates/`` ("lordimas/invitation.de.md", "_layout/base.css") to the
    text of the file.
    """

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = {path: _clean(text) for path, text in files.items()}
        self._mails: dict[tuple[str, str], dict[str, str]] = {}
        self._templates: dict[str, Template] = {}
        self._strings: dict[tuple[str, str, str], Strings] = {}
        for path in sorted(self._files):
            if found := _MAIL_PATH.fullmatch(path):
                slug, step, language = found.groups()
                self._mails.setdefault((slug, step), {})[language] = path

    def slugs(self) -> tuple[str, ...]:
        """Every campaign that has at least one mail, in alphabetical order."""
        return tuple(sorted({slug for slug, _ in self._mails}))

    def steps(self, slug: str) -> tuple[str, ...]:
        """The steps of ``slug`` that have a mail in any language, in alphabetical order."""
        return tuple(sorted(step for of, step in self._mails if of == slug))

    def languages(self, slug: str, step: str) -> tuple[str, ...]:
        """Languages in which this mail exists, in alphabetical order; empty when there is no such mail."""
        return tuple(sorted(self._mails.get((slug, step), {})))

    def template(self, slug: str, step: str, language: str) -> Template:
        """Raises ``InputError`` when the mail does not exist in this language or its file is wrong."""
        path = self._mails.get((slug, step), {}).get(language)
        if path is None:
            there = ", ".join(self.languages(slug, step)) or "none"
            raise InputError(
                f"The mail {slug}/{step} does not exist in the language {language!r} (there are: {there}).",
                f"Write templates/{slug}/{step}.{language}.md, or leave this language out of the campaign.",
            )
        if path not in self._templates:
            self._templates[path] = _read_template(path, self._files[path], slug, step, language)
        return self._templates[path]

    def strings(self, language: str, slug: str = "", sender: str = "") -> Strings:
        """The words around the mails of ``language``, as ``_own/``, ``_own/<sender>/`` and the folder ``slug``
        word them otherwise, the later before the earlier.

        Their files may hold any part of what the layout's file holds. Raises ``InputError`` when the layout's
        is missing or one is wrong.
        """
        if (language, slug, sender) not in self._strings:
            name = f"strings.{language}.toml"
            own = [
                path
                for folder in (OWN, f"{OWN}/{sender}", slug)
                if (path := f"{folder}/{name}") in self._files
            ]
            self._strings[language, slug, sender] = _read_strings(
                f"_layout/{name}", self.layout(name), language, {path: self._files[path] for path in own}
            )
        return self._strings[language, slug, sender]

    def strings_file(self, folder: str, language: str) -> str | None:
        """The text of ``<folder>/strings.<language>.toml``, where there is one."""
        return self._files.get(f"{folder}/strings.{language}.toml")

    def parts(self) -> tuple[str, ...]:
        """The names of the layout's parts, which mails may stand for, in alphabetical order."""
        return tuple(sorted(found.group(1) for path in self._files if (found := _PART_PATH.fullmatch(path))))

    def layout(self, name: str) -> str:
        """The text of ``_layout/<name>``. Raises ``InputError`` when there is none."""
        try:
            return self._files[f"_layout/{name}"]
        except KeyError:
            raise InputError(
                f"The file templates/_layout/{name} is missing.",
                "Take it over from a new workspace (`outreach init`), or write it.",
            ) from None


def choose_language(
    contact_language: str | None,
    municipality_languages: Sequence[str],
    country_languages: Sequence[str],
) -> str:
    """The language a contact is written to in: its own, else the first of its municipality, else the first of
    its country.

    Whether a translation exists plays no part: a missing one is for a person to see, not to be replaced by
    another language in silence. Raises ``InputError`` when nobody names a language.
    """
    named = [contact_language or "", *municipality_languages, *country_languages]
    for language in named:
        if language.strip():
            return language.strip().lower()
    raise InputError(
        "No language is named for the contact, its municipality or its country.",
        "Give the contact or the municipality a language in the contact list.",
    )


def _clean(text: str) -> str:
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _parse_toml(path: str, text: str, offset: int) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _TOML_LINE.search(str(error))
        line = int(found.group(1)) + offset if found else offset + 1
        what = _TOML_LINE.sub("", str(error)).strip()
        raise InputError(
            f"templates/{path}, line {line}: this is not TOML: {what}.",
            'Write each line as key = "text", with every quotation mark closed.',
        ) from None


def _read_template(path: str, text: str, slug: str, step: str, language: str) -> Template:
    lines = text.split("\n")
    if lines[0].rstrip() != _FENCE:
        raise InputError(
            f"templates/{path}, line 1: the front matter is missing.",
            f"Begin the file with a line {_FENCE}, then subject and the like, then a line {_FENCE}.",
        )
    end = next((number for number, line in enumerate(lines) if number and line.rstrip() == _FENCE), None)
    if end is None:
        raise InputError(
            f"templates/{path}, line 1: the front matter does not end.",
            f"Put a line {_FENCE} between the front matter and the text of the mail.",
        )
    head = _parse_toml(path, "\n".join(lines[1:end]), 1)
    place = _Place(path, lines[:end])
    if unknown := sorted(head.keys() - _TEMPLATE_KEYS):
        raise place.error(
            unknown[0], f"nothing is called {unknown[0]!r}", f"Known: {', '.join(sorted(_TEMPLATE_KEYS))}."
        )
    revision = place.number(head, "revision", None)
    body = "\n".join(lines[end + 1 :])
    if not body.strip():
        raise InputError(f"templates/{path}: the mail has no text.", f"Write it below the second {_FENCE}.")
    return Template(
        slug=slug,
        step=step,
        language=language,
        subject=place.line_of_text(head, "subject", None),
        preheader=place.line_of_text(head, "preheader", ""),
        revision=revision,
        source_revision=place.number(head, "source_revision", revision if language == SOURCE_LANGUAGE else 0),
        translator=place.line_of_text(head, "translator", ""),
        reviewed_by=place.line_of_text(head, "reviewed_by", ""),
        body=body,
        body_line=end + 2,
        path=path,
        digest=_digest(text),
    )


def _read_strings(path: str, text: str, language: str, own: Mapping[str, str]) -> Strings:
    table = _parse_toml(path, text, 0)
    for own_path, own_text in own.items():
        words = _parse_toml(own_path, own_text, 0)
        _Place(own_path, own_text.split("\n")).is_part_of(words, table)
        table = _laid_over(table, words)
    place = _Place(path, text.split("\n"))
    texts = {key: place.line_of_text(table, key, None) for key in _STRINGS_TEXTS}
    greetings = place.table(table, "greetings")
    place.line_of_text(greetings, "default", None)
    answers = place.table(table, "answers")
    return Strings(
        code=language,
        language=texts["language"],
        why=texts["why"],
        controller=texts["controller"],
        rights=texts["rights"],
        unsubscribe=texts["unsubscribe"],
        greetings={key: place.plain_line(greetings, key) for key in greetings},
        answers={
            name: Answer(
                label=place.plain_line(answer, "label"),
                subject=place.plain_line(answer, "subject"),
                body=place.plain(answer, "body"),
            )
            for name in ANSWERS
            for answer in [place.table(answers, name)]
        },
        session={
            name: place.plain_line(words, name)
            for words in [place.table(table, "session")]
            for name in SESSION_WORDS
        },
        signature=place.text(table, "signature", ""),
        notice=place.line_of_text(table, "notice", ""),
        paragraphs={
            country: place.text(paragraphs, country, None)
            for paragraphs in [place.table({"paragraphs": {}, **table}, "paragraphs")]
            for country in paragraphs
        },
        path=path,
        digest=_digest("\0".join((text, *own.values()))),
    )


def _laid_over(table: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **table,
        **{
            key: _laid_over(table.get(key, {}), value) if isinstance(value, dict) else value
            for key, value in own.items()
        },
    }


class _Place:
    """Reads values out of one file's TOML and says where a wrong one stands."""

    def __init__(self, path: str, lines: Sequence[str]) -> None:
        self._path = path
        self._lines = lines

    def error(self, key: str, what: str, remedy: str) -> InputError:
        start = re.compile(rf"\s*(?:\[[\w.]*\.|\[)?\s*\"?{re.escape(key)}\"?\s*[\]=]")
        line = next((number for number, line in enumerate(self._lines, 1) if start.match(line)), None)
        where = f"templates/{self._path}, line {line}" if line else f"templates/{self._path}"
        return InputError(f"{where}: {what}.", remedy)

    def table(self, table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        value = table.get(key)
        if not isinstance(value, dict):
            raise self.error(key, f"the section {key!r} is missing", "Add it; the English file shows how.")
        return value

    def is_part_of(self, own: Mapping[str, Any], whole: Mapping[str, Any], name: str = "") -> None:
        """Raises unless every key of ``own`` is one of ``whole`` (a greeting may be for any country) with a
        text."""
        for key in own:
            known = whole.get(key, "" if name in ("greetings", "paragraphs") else _OWN_WORDS.get(key))
            if known is None:
                raise self.error(key, f"nothing is called {key!r}", f"Known: {', '.join(sorted(whole))}.")
            if isinstance(known, dict):
                self.is_part_of(self.table(own, key), known, key)
            else:
                self.text(own, key, None)

    def number(self, table: Mapping[str, Any], key: str, default: int | None) -> int:
        value = table.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self.error(key, f"{key} has to be a whole number", f"Write {key} = 1.")
        return value

    def text(self, table: Mapping[str, Any], key: str, default: str | None) -> str:
        value = table.get(key, default)
        if not isinstance(value, str) or (default is None and not value.strip()):
            raise self.error(key, f"{key} has to be a text", f'Write {key} = "..." with the words between.')
        return value.strip()

    def line_of_text(self, table: Mapping[str, Any], key: str, default: str | None) -> str:
        value = self.text(table, key, default)
        if "\n" in value:
            raise self.error(key, f"{key} has more than one line", "Write it on one line.")
        return value

    def plain(self, table: Mapping[str, Any], key: str) -> str:
        """A text without Jinja: it goes into a link or a header as it is."""
        value = self.text(table, key, None)
        if "{{" in value or "{%" in value:
            raise self.error(key, f"{key} ({value!r}) cannot hold placeholders", "Write it without them.")
        return value

    def plain_line(self, table: Mapping[str, Any], key: str) -> str:
        self.line_of_text(table, key, None)
        return self.plain(table, key)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
