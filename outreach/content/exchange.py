"""Files for translators: PO (gettext), which Poedit and Weblate read, and XLIFF 2 (OASIS, 2.0), which the tools
of translation agencies read.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from outreach.content.catalog import SOURCE_LANGUAGE
from outreach.errors import InputError
from outreach.model.states import TranslationFormat

_XLIFF = "urn:oasis:names:tc:xliff:document:2.0"
_DONE = frozenset({"translated", "reviewed", "final"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One piece of a mail in two languages."""

    mail: str  # "lordimas/invitation"
    key: str  # within the mail
    source: str
    target: str  # empty: not translated
    ready: bool = True  # False: there is a target, but it has to be looked at again
    note: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a file holds."""

    language: str
    entries: tuple[Entry, ...]
    translator: str = ""


def write(sheet: Sheet, form: TranslationFormat, now: datetime) -> bytes:
    return _write_po(sheet, now) if form is TranslationFormat.PO else _write_xliff(sheet)


def read(data: bytes, name: str) -> Sheet:
    """Either format, told by its beginning. Raises ``InputError`` with what is wrong."""
    if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return _read_xliff(data, name)
    return _read_po(data, name)


def _write_po(sheet: Sheet, now: datetime) -> bytes:
    from babel.messages.catalog import Catalog
    from babel.messages.pofile import write_po

    catalog = Catalog(
        locale=sheet.language,
        domain="outreach",
        project="Outreach",
        version="1",
        charset="utf-8",
        creation_date=now,
        revision_date=now,
        last_translator=sheet.translator or "nobody yet <>",
        fuzzy=False,
        header_comment="# The mails of Outreach. Leave what stands between {{ and }} as it is.",
    )
    for entry in sheet.entries:
        catalog.add(
            entry.source,
            entry.target,
            context=f"{entry.mail}#{entry.key}",
            auto_comments=[entry.note] if entry.note else [],
            flags=() if entry.ready or not entry.target else ("fuzzy",),
        )
    out = io.BytesIO()
    write_po(out, catalog, width=0, omit_header=False)
    return out.getvalue()


def _read_po(data: bytes, name: str) -> Sheet:
    from babel.messages.pofile import PoFileError, read_po

    try:
        catalog = read_po(io.BytesIO(data), abort_invalid=True)
    except (PoFileError, UnicodeDecodeError, ValueError, LookupError, IndexError) as error:
        raise InputError(f"{name} cannot be read as PO: {error}.", "Save it as PO, in UTF-8.") from None
    entries = []
    for message in catalog:
        if not message.id:
            continue
        mail, mark, key = (message.context or "").partition("#")
        if not mark or not isinstance(message.id, str):
            raise InputError(
                f"{name}: the message {str(message.id)[:40]!r} does not say which mail it is of.",
                "Translate a file that `outreach templates export` wrote.",
            )
        target = message.string if isinstance(message.string, str) else ""
        entries.append(Entry(mail, key, message.id, target, ready=not message.fuzzy))
    if catalog.locale is None or not entries:
        raise InputError(
            f"{name} names no language, or holds no text.",
            "Translate a file that `outreach templates export` wrote.",
        )
    translator = (catalog.last_translator or "").partition("<")[0].strip()
    return Sheet(str(catalog.locale), tuple(entries), "" if translator == "nobody yet" else translator)


def _write_xliff(sheet: Sheet) -> bytes:
    from lxml import etree

    root = etree.Element(
        f"{{{_XLIFF}}}xliff",
        {"version": "2.0", "srcLang": SOURCE_LANGUAGE, "trgLang": sheet.language},
        nsmap={None: _XLIFF},
    )
    for mail, entries in groupby(sheet.entries, key=lambda entry: entry.mail):
        file = etree.SubElement(root, f"{{{_XLIFF}}}file", {"id": mail.replace("/", "."), "original": mail})
        for entry in entries:
            unit = etree.SubElement(file, f"{{{_XLIFF}}}unit", {"id": entry.key})
            if entry.note:
                notes = etree.SubElement(unit, f"{{{_XLIFF}}}notes")
                etree.SubElement(notes, f"{{{_XLIFF}}}note").text = entry.note
            state = "translated" if entry.target and entry.ready else "initial"
            segment = etree.SubElement(unit, f"{{{_XLIFF}}}segment", {"state": state})
            etree.SubElement(segment, f"{{{_XLIFF}}}source").text = entry.source
            if entry.target:
                etree.SubElement(segment, f"{{{_XLIFF}}}target").text = entry.target
    etree.indent(root)
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))


def _read_xliff(data: bytes, name: str) -> Sheet:
    from lxml import etree

    # no entities, no network: a file from outside must not read others
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise InputError(f"{name} cannot be read as XML: {error}.", "Save it as XLIFF 2.") from None
    language = root.get("trgLang")
    if root.tag != f"{{{_XLIFF}}}xliff" or not language:
        raise InputError(
            f"{name} is not XLIFF 2 with a language to translate into.",
            "Translate a file that `outreach templates export --format xliff` wrote.",
        )
    entries = [
        entry
        for file in root.iterfind(f"{{{_XLIFF}}}file")
        for unit in file.iterfind(f"{{{_XLIFF}}}unit")
        for entry in _of_unit(file.get("original", ""), unit.get("id", ""), _segments(unit))
    ]
    return Sheet(language, tuple(entries))


def _segments(unit: object) -> list[tuple[str, str, bool]]:
    """(source, target, ready) of a unit's segments; an editor may have cut one into sentences."""
    from lxml import etree

    assert isinstance(unit, etree._Element)
    found = []
    for segment in unit:
        if segment.tag not in (f"{{{_XLIFF}}}segment", f"{{{_XLIFF}}}ignorable"):
            continue
        source, target = segment.find(f"{{{_XLIFF}}}source"), segment.find(f"{{{_XLIFF}}}target")
        words = ["".join(each.itertext()) if each is not None else "" for each in (source, target)]
        if segment.tag.endswith("ignorable"):  # white space between sentences
            found.append((words[0], words[1] or words[0], True))
        else:
            found.append((words[0], words[1], segment.get("state", "initial") in _DONE))
    return found


def _of_unit(mail: str, key: str, segments: Sequence[tuple[str, str, bool]]) -> Iterable[Entry]:
    if not segments:
        return
    whole = all(target for _, target, _ in segments)
    yield Entry(
        mail,
        key,
        "".join(source for source, _, _ in segments),
        "".join(target for _, target, _ in segments) if whole else "",
        ready=all(ready for _, _, ready in segments),
    )
