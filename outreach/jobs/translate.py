"""Translations: how far they are, out to translators, and back in."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from outreach.content import exchange, translation
from outreach.content.catalog import SOURCE_LANGUAGE, Catalog, Template
from outreach.content.exchange import Entry, Sheet
from outreach.content.lint import MAX_SUBJECT
from outreach.content.translation import Progress
from outreach.errors import InputError, RefusedError
from outreach.jobs import workspace as files
from outreach.jobs.workspace import make_folder, write_bytes
from outreach.model.countries import COUNTRIES
from outreach.model.states import TranslationFormat
from outreach.settings import Workspace

_LAYOUT = "_layout"
#: The step under which the words around the mails of a folder are filed.
_STRINGS = "strings"
_LANGUAGE = re.compile(r"[a-z]{2,3}")


@dataclass(frozen=True, slots=True)
class Standing:
    """One mail in one language."""

    slug: str
    step: str
    language: str
    progress: Progress


@dataclass(frozen=True, slots=True)
class TakenIn:
    """What became of one mail of a translator's file."""

    path: str  # relative to the workspace
    what: str  # written, unchanged, unfinished, refused
    why: str = ""


def status(
    workspace: Workspace, slugs: Iterable[str] = (), languages: Iterable[str] = ()
) -> tuple[Standing, ...]:
    """Every mail in every language that any mail is written in, or in ``languages``.

    Raises ``InputError`` for a campaign that has no mails.
    """
    catalog = files.catalog(workspace)
    wanted = sorted(
        set(languages) or {one for slug, step in _mails(catalog) for one in catalog.languages(slug, step)}
    )
    return tuple(
        Standing(slug, step, language, translation.progress(catalog, slug, step, language))
        for slug, step in _mails(catalog, slugs)
        for language in wanted
    )


def start(workspace: Workspace, language: str, slugs: Iterable[str] = ()) -> list[Path]:
    """Write each mail that is missing in ``language``, in English, for a translator with a text editor: the
    check refuses to send it as long as it is. Returns the files."""
    _is_language(language)
    catalog = files.catalog(workspace)
    written = []
    for slug, step in _mails(catalog, slugs):
        if language in catalog.languages(slug, step) or SOURCE_LANGUAGE not in catalog.languages(slug, step):
            continue
        source = catalog.template(slug, step, SOURCE_LANGUAGE)
        path = workspace.root / "templates" / slug / f"{step}.{language}.md"
        _write(path, _mail_text(source.subject, source.preheader, source.body, language, revision=1))
        written.append(path)
    name = f"strings.{language}.toml"
    try:
        catalog.layout(name)
    except InputError:
        path = workspace.root / "templates" / "_layout" / name
        _write(path, catalog.layout(f"strings.{SOURCE_LANGUAGE}.toml"))
        written.append(path)
    return written


def export(
    workspace: Workspace, language: str, form: TranslationFormat, *, now: datetime, slugs: Iterable[str] = ()
) -> tuple[bytes, int, int]:
    """The file for a translator into ``language``, how many texts it holds, and how many of them are done."""
    _is_language(language)
    catalog = files.catalog(workspace)
    mails = _mails(catalog, slugs)
    entries: list[Entry] = []
    for folder in (_LAYOUT, *dict.fromkeys(slug for slug, _ in mails)):
        entries += _string_entries(catalog, folder, language)
    for slug, step in mails:
        if SOURCE_LANGUAGE in catalog.languages(slug, step):
            entries += _entries(catalog, slug, step, language)
    done = sum(bool(entry.target) and entry.ready for entry in entries)
    return exchange.write(Sheet(language, tuple(entries)), form, now), len(entries), done


def take_in(
    workspace: Workspace, data: bytes, name: str, *, apply: bool, translator: str = "", reviewed_by: str = ""
) -> tuple[TakenIn, ...]:
    """Make mails of a translator's file; without ``apply`` say what would be written.

    A mail is written when all of it is translated, from the English there is now. What changed is unreviewed
    again, unless ``reviewed_by`` names who read it. Raises ``InputError`` for a file that is none.
    """
    sheet = exchange.read(data, name)
    _is_language(sheet.language)
    if sheet.language == SOURCE_LANGUAGE:
        raise InputError(f"{name} translates into English, which is the source.", "Change the English mails.")
    translator = translator or sheet.translator
    catalog = files.catalog(workspace)
    by_mail: dict[str, list[Entry]] = {}
    for entry in sheet.entries:
        by_mail.setdefault(entry.mail, []).append(entry)
    found = []
    for mail, entries in by_mail.items():
        try:
            path, text, old = (
                _strings_from(catalog, mail.partition("/")[0], sheet.language, entries)
                if mail.endswith(f"/{_STRINGS}")
                else _mail_from(catalog, mail, sheet.language, entries, translator, reviewed_by)
            )
        except (InputError, RefusedError) as error:
            what = "unfinished" if isinstance(error, RefusedError) else "refused"
            found.append(TakenIn(mail, what, f"{error.message} {error.remedy}".strip()))
            continue
        if text == old:
            found.append(TakenIn(path, "unchanged"))
            continue
        if apply:
            _write(workspace.root / path, text)
        found.append(TakenIn(path, "written"))
    return tuple(found)


def _mails(catalog: Catalog, slugs: Iterable[str] = ()) -> list[tuple[str, str]]:
    wanted = list(slugs)
    for slug in wanted:
        if slug not in catalog.slugs():
            raise InputError(
                f"There are no mails of {slug!r}.", f"There are those of: {', '.join(catalog.slugs())}."
            )
    return [(slug, step) for slug in wanted or catalog.slugs() for step in catalog.steps(slug)]


def _is_language(language: str) -> None:
    if not _LANGUAGE.fullmatch(language):
        raise InputError(f"{language!r} is no language code.", "Write two small letters, as in fr or lb.")


def _entries(catalog: Catalog, slug: str, step: str, language: str) -> Iterator[Entry]:
    source = catalog.template(slug, step, SOURCE_LANGUAGE)
    texts: Mapping[str, str] = {}
    ready = True
    if language in catalog.languages(slug, step):
        template = catalog.template(slug, step, language)
        texts = translation.translated(source, template)
        ready = not translation.is_behind(catalog, template)
    for piece in translation.pieces(source):
        note = f"At most {MAX_SUBJECT} characters." if piece.key == "subject" else ""
        target = texts.get(piece.key, "")
        yield Entry(f"{slug}/{step}", piece.key, piece.text, target, ready and target != piece.text, note)


def _string_entries(catalog: Catalog, folder: str, language: str) -> Iterator[Entry]:
    own = _strings_table(catalog, folder, language)
    texts = {piece.key: piece.text for piece in translation.string_pieces(own)}
    source = _strings_table(catalog, folder, SOURCE_LANGUAGE)
    mail = f"{folder}/{_STRINGS}"
    for piece in translation.string_pieces(source):
        note = "The name of your language, in it." if piece.key == "language.1" else ""
        yield Entry(mail, piece.key, piece.text, texts.get(piece.key, ""), note=note)
    usual = _greetings(source).get("default", "")
    for country, text in _greetings(own).items():
        if country != "default":
            note = f"Only in {COUNTRIES[country].name if country in COUNTRIES else country}, instead of the default."
            yield Entry(mail, _greeting_key(country), usual, text, note=note)


def _greetings(table: Mapping[str, object]) -> dict[str, str]:
    """By country, and the default."""
    found = table.get("greetings", {})
    return {key: str(text) for key, text in found.items()} if isinstance(found, Mapping) else {}


def _greeting_key(country: str) -> str:
    return f"greetings.{country}.1"


def _strings_table(catalog: Catalog, folder: str, language: str) -> Mapping[str, object]:
    return tomllib.loads(catalog.strings_file(folder, language) or "")


def _done(entries: Sequence[Entry], pieces: Sequence[translation.Piece]) -> dict[str, str]:
    """The targets by key. Raises ``RefusedError`` unless all are there, made from the English of today."""
    own = {entry.key: entry for entry in entries}
    missing = [piece for piece in pieces if piece.key not in own or not own[piece.key].target.strip()]
    if missing:
        raise RefusedError(f"{len(missing)} of {len(pieces)} texts are not translated.")
    if unready := [entry for entry in entries if not entry.ready]:
        raise RefusedError(f"{len(unready)} of {len(pieces)} texts are marked as not ready.")
    if any(own[piece.key].source != piece.text for piece in pieces):
        raise RefusedError("The English mail has changed since the export.", "Export again, and go on there.")
    return {entry.key: entry.target for entry in entries}


def _mail_from(
    catalog: Catalog, mail: str, language: str, entries: list[Entry], translator: str, reviewed_by: str
) -> tuple[str, str, str]:
    slug, _, step = mail.partition("/")
    source = catalog.template(slug, step, SOURCE_LANGUAGE)
    texts = _done(entries, translation.pieces(source))
    subject, preheader, body = translation.put_together(source, texts)
    old: Template | None = None
    if language in catalog.languages(slug, step):
        old = catalog.template(slug, step, language)
    path = f"templates/{slug}/{step}.{language}.md"
    same = old is not None and (old.subject, old.preheader, old.body) == (subject, preheader, body)
    if same and old is not None and old.source_revision == source.revision and not reviewed_by:
        return path, "", ""
    text = _mail_text(
        subject,
        preheader,
        body,
        language,
        revision=(old.revision + (not same)) if old is not None else 1,
        source_revision=source.revision,
        translator=translator or (old.translator if old is not None else ""),
        reviewed_by=reviewed_by or (old.reviewed_by if old is not None and same else ""),
    )
    return path, text, ""


def _strings_from(catalog: Catalog, folder: str, language: str, entries: list[Entry]) -> tuple[str, str, str]:
    source = _strings_table(catalog, folder, SOURCE_LANGUAGE)
    done = _done(entries, translation.string_pieces(source))
    values = translation.put_strings_together(source, done)
    old = _strings_table(catalog, folder, language)
    for country, text in _greetings(old).items():  # the habits of countries
        if country != "default":
            values[f"greetings.{country}"] = done.get(_greeting_key(country), text)
    lines: list[str] = []
    section = ""
    for key, value in sorted(values.items(), key=lambda pair: _place(pair[0], list(values))):
        table, _, last = key.rpartition(".")
        if table != section:
            lines += ["", f"[{table}]"]
            section = table
        lines.append(f"{last} = {_quoted(value)}")
    text = "\n".join(lines) + "\n"
    same = tomllib.loads(text) == old
    return f"templates/{folder}/{_STRINGS}.{language}.toml", "" if same else text, ""


def _place(key: str, keys: list[str]) -> tuple[int, int]:
    """Keys of one section stand together, sections in the order they first come."""
    section = key.rpartition(".")[0]
    first = next(number for number, other in enumerate(keys) if other.rpartition(".")[0] == section)
    return first, keys.index(key)


def _mail_text(
    subject: str,
    preheader: str,
    body: str,
    language: str,
    *,
    revision: int,
    source_revision: int = 0,
    translator: str = "",
    reviewed_by: str = "",
) -> str:
    head = {"subject": _quoted(subject), "preheader": _quoted(preheader), "revision": str(revision)}
    if language != SOURCE_LANGUAGE:
        head["source_revision"] = str(source_revision)
    head |= {"translator": _quoted(translator), "reviewed_by": _quoted(reviewed_by)}
    lines = "\n".join(f"{key} = {value}" for key, value in head.items())
    return f"+++\n{lines}\n+++\n{body}"


def _quoted(text: str) -> str:
    """As TOML's basic string, which is JSON's but for what JSON need not escape (TOML 1.0, String)."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _write(path: Path, text: str) -> None:
    make_folder(path.parent)
    write_bytes(path, text.encode())
