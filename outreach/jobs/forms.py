"""The rules by which notifications of form tools are read: those that come with Outreach and the workspace's."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from outreach.contacts.addresses import is_address
from outreach.contacts.folding import fold
from outreach.contacts.headers import Field, field_of
from outreach.errors import InputError, RefusedError
from outreach.inbound import forms
from outreach.inbound.forms import FormRule
from outreach.inbound.parse import Parsed, parse
from outreach.jobs.workspace import make_folder, read_bytes, read_text, starter
from outreach.model.values import Verdict
from outreach.settings import Workspace

_FIELDS: Mapping[Field, str] = {
    Field.EMAIL: "email",
    Field.PERSON: "name",
    Field.NAME: "name",
    Field.FIRST_NAME: "first_name",
    Field.LAST_NAME: "last_name",
    Field.MUNICIPALITY: "municipality",
    Field.TOWN: "municipality",
}
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,40}")
_VARIABLE = re.compile(r"[\"“”„«»‘’'].*?[\"“”„«»‘’']|\S*[\d@]\S*|[:|–—]")


# "Your name" asks for a name.
_POSSESSIVES = """
    your ihr ihre ihren votre vos uw jouw su sus il la vostro vostra o seu sua a din ditt er ert jeres dit teie
    twoje państwa vaše vaša vaš vase jūsu jūsų вашето вашият вашата σας το az ön
"""
# A form asks for the organisation where a list has the municipality.
_ORGANISATIONS = """
    organisation organization organisatie organización organizzazione organização organizacja organizace
    organizácia organizacija organizație организация οργανισμός szervezet organisaatio organisatsioon organizācija
    institution institución istituzione instituição instytucja instituce inštitúcia ustanova behörde verwaltung
    dienststelle administration company
"""


@cache
def _folded(words: str) -> frozenset[str]:
    return frozenset(map(fold, words.split()))


def common(label: str) -> str | None:
    """The field that ``label`` asks for, by the words of contact lists in all languages."""
    words = fold(label).split()
    if len(words) > 1 and words[0] in _folded(_POSSESSIVES):
        label = " ".join(words[1:])
    if fold(label) in _folded(_ORGANISATIONS):
        return "municipality"
    found = field_of(label, ())
    return _FIELDS.get(found) if found is not None else None


def rules(workspace: Workspace | None, faults: list[InputError] | None = None) -> list[FormRule]:
    """The workspace's rules, then those that come with Outreach and that it has not replaced.

    Raises :class:`~outreach.errors.InputError` for one that is none, unless there is a list for the ``faults``.
    """
    folders = [starter() / "forms"]
    if workspace is not None:
        folders.insert(0, workspace.root / "forms")
    files: dict[str, Path] = {}
    for folder in folders:
        for path in sorted(folder.glob("*.toml")):
            files.setdefault(path.name, path)
    found = []
    for path in files.values():
        try:
            rule = forms.load_rule(read_text(path), str(path))
        except InputError as error:
            if faults is None:
                raise
            faults.append(error)
            continue
        found.append(forms.with_vocabulary(rule, common))
    return found


@dataclass(frozen=True, slots=True)
class Learned:
    """A rule that one example leads to, and what the example reads as by it."""

    name: str
    toml: str
    verdict: Verdict | None
    saved: Path | None


def learn(workspace: Workspace | None, file: Path, *, name: str | None, save: bool) -> Learned:
    """Propose a rule for the notification in ``file`` and, with ``save``, put it into the workspace.

    Raises ``InputError`` for a file in which nothing looks like an entry, ``RefusedError`` when there is a rule
    of that name.
    """
    parsed = parse(read_bytes(file))
    sender = parsed.from_address
    labels = _labels(parsed)
    if sender is None or not any(field in forms.FIELDS for field in labels.values()):
        raise InputError(
            f"{file}: no name, address or municipality was found in it.",
            "Save a notification that holds what was entered, as .eml; or use `outreach registrations import`.",
        )
    name = name or re.sub(r"[^a-z0-9]+", "-", sender.rpartition("@")[2].rpartition(".")[0]).strip("-")
    if not _NAME.fullmatch(name):
        raise InputError(f"{name!r} cannot be the name of a rule.", "Use small letters, digits and hyphens.")
    toml = _toml(name, parsed, labels)
    rule = forms.with_vocabulary(forms.load_rule(toml, name), common)
    saved = None
    if save:
        if workspace is None:
            raise RefusedError("There is no workspace to save it in.", "Go to your workspace.")
        saved = workspace.root / "forms" / f"{name}.toml"
        if saved.exists():
            raise RefusedError(f"{saved} exists already.", "Give another name with --name.")
        make_folder(saved.parent)
        saved.write_text(toml, encoding="utf-8")
    return Learned(name, toml, forms.detect(parsed, [rule]), saved)


def _labels(parsed: Parsed) -> dict[str, str | None]:
    """The labels of the example and what they ask for; an address gives its label away."""
    found: dict[str, str | None] = {}
    for rows in forms.tables(parsed):
        for label, value in zip(rows[0], rows[1], strict=False):
            if label.strip():
                found[label.strip()] = "email" if is_address(value.strip()) else common(label)
    if not any(found.values()):
        for label, value in forms.pairs(parsed):
            if len(label) <= 80 and label not in found:
                found[label] = "email" if is_address(value.strip()) else common(label)
    return found


def _toml(name: str, parsed: Parsed, labels: Mapping[str, str | None]) -> str:
    # The longest part of the subject that is the same next time: not a name, a number, a quotation.
    parts = [part.strip() for part in _VARIABLE.split(parsed.subject)]
    subject = max(parts, key=len, default="")
    fields: dict[str, list[str]] = {}
    for label, field in labels.items():
        if field is not None:
            fields.setdefault(field, []).append(label)
    unread = [label for label, field in labels.items() if field is None][:20]
    lines = [
        "# Proposed from one example: correct what it took wrongly.",
        f"name = {_quoted(name)}",
        f"from = [{_quoted(parsed.from_address or '')}]",
        f"subject = [{_quoted(subject)}]" if len(subject) >= 4 else "# subject = []",
        '# campaign = "information-session"   # whose registrations these are',
        "# confirmed = true                   # the tool itself sends a confirmation",
        "",
        "[fields]",
        *(f"{field} = [{', '.join(map(_quoted, words))}]" for field, words in fields.items()),
        *(["# Labels that were not understood: give those you need a name of their own."] if unread else []),
        *(f"# field{number} = [{_quoted(label)}]" for number, label in enumerate(unread, 1)),
    ]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return json.dumps(" ".join(text.split()), ensure_ascii=False)
