"""Notifications of form tools about a registration, read by rules that are data in the workspace.

A rule says how to recognise the notification and which labels carry what::

    name = "eusurvey"
    from = ["noreply@eusurvey.example"]      # addresses, or domains as "@eusurvey.example"
    subject = "New contribution"             # words the subject holds
    [fields]
    name = ["Your name", "Name"]             # labels, as the form asks
    email = ["E-mail"]
    municipality = ["Municipality", "Organisation"]

Labels are compared without regard to case, punctuation at the end and white space.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import unescape

from outreach.errors import InputError
from outreach.inbound import headers
from outreach.inbound.parse import Parsed
from outreach.model.states import InboundKind
from outreach.model.values import FormRegistration, Verdict

_MAX_HTML = 500_000  # characters read
_TAG = re.compile(r"<(/?)([a-zA-Z!][a-zA-Z0-9]*+)[^<>]*+>?")
_BREAKS = frozenset({"br", "p", "div", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "dt", "dd", "table"})
_LABELLED = re.compile(r"^[\s*•>-]*([^:：=\n]{1,120}?)\s*[:：=]\s*(.*)$")
_KNOWN = ("name", "email", "municipality")


@dataclass(frozen=True, slots=True)
class FormRule:
    """How the notifications of one form look."""

    name: str
    senders: tuple[str, ...]  # addresses, or domains that begin with "@"; lower case
    subject: str  # words the subject holds, lower case; "" for any
    labels: dict[str, tuple[str, ...]]  # "name", "email", "municipality" and own fields -> labels, folded


def _folded(label: str) -> str:
    return " ".join(label.replace("\u00a0", " ").split()).rstrip(" :?*.").casefold()


def load_rule(text: str, source: str) -> FormRule:
    """A rule from TOML; ``source`` names it in errors.

    Raises :class:`~outreach.errors.InputError` where the text is no rule.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{source} is not TOML: {error}.", "Mend the line it names.") from error
    senders = table.get("from", [])
    subject = table.get("subject", "")
    fields = table.get("fields", {})
    senders = [senders] if isinstance(senders, str) else senders
    if not isinstance(senders, list) or not isinstance(subject, str) or not (senders or subject):
        raise InputError(
            f"{source} does not say how to recognise the notification.",
            'Give from = ["address or @domain"], subject = "words", or both.',
        )
    if not isinstance(fields, dict) or not fields:
        raise InputError(
            f"{source} names no fields.", 'Add [fields] with lines as email = ["E-mail address"].'
        )
    labels = {}
    for field, words in fields.items():
        words = [words] if isinstance(words, str) else words
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise InputError(
                f"{source}, field {field}: the labels are no list of words.", 'Write them as ["Name", "Nom"].'
            )
        labels[str(field)] = tuple(_folded(word) for word in words)
    return FormRule(
        name=str(table.get("name", source)),
        senders=tuple(str(sender).lower() for sender in senders),
        subject=subject.lower(),
        labels=labels,
    )


def pairs(parsed: Parsed) -> Iterator[tuple[str, str]]:
    """The label and value pairs of a notification: rows of HTML tables, then ``label: value`` lines of the
    text, where a label alone on its line takes the next line as its value."""
    rows, lines = _html((parsed.html or "")[:_MAX_HTML])
    for cells in rows:
        if len(cells) == 2:
            yield cells[0], cells[1]
    text = parsed.text if parsed.text is not None else lines
    waiting = ""
    for line in text.split("\n"):
        line = line.strip()
        if not line:
            continue
        found = _LABELLED.match(line)
        if waiting and not (found and found[2]):
            yield waiting, line
            waiting = ""
            continue
        waiting = ""
        if found is None:
            waiting = line if len(line) <= 120 else ""
        elif found[2]:
            yield found[1], found[2].strip()
        else:
            waiting = found[1]


def _html(html: str) -> tuple[list[list[str]], str]:
    """The rows of all tables, each the texts of its filled cells, and the whole as lines of text."""
    rows: list[list[str]] = []
    cell: list[str] | None = None
    text: list[str] = []
    position = 0
    for tag in _TAG.finditer(html):
        piece = html[position : tag.start()]
        position = tag.end()
        text.append(piece)
        name = tag[2].lower()
        if name in _BREAKS:
            text.append("\n")
        if cell is not None:
            cell.append(piece)
            if name not in {"td", "th", "tr", "table"}:
                cell.append(" ")
                continue
            if words := " ".join(unescape("".join(cell)).split()):
                rows[-1].append(words)
            cell = None
        if name == "tr" and not tag[1]:
            rows.append([])
        if name in {"td", "th"} and not tag[1]:
            if not rows:
                rows.append([])
            cell = []
    text.append(html[position:])
    return rows, unescape("".join(text))


def _fits(rule: FormRule, parsed: Parsed) -> bool:
    sender = parsed.from_address or ""
    if rule.senders and not any(
        sender.endswith((known, "." + known[1:])) if known.startswith("@") else sender == known
        for known in rule.senders
    ):
        return False
    return rule.subject in parsed.subject.lower()


def detect(parsed: Parsed, rules: Iterable[FormRule]) -> Verdict | None:
    """A registration by the first rule that fits and finds at least an address, a name or a municipality."""
    for rule in rules:
        if not _fits(rule, parsed):
            continue
        by_label = {label: field for field, labels in rule.labels.items() for label in labels}
        found: dict[str, str] = {}
        others: dict[str, str] = {}
        for label, value in pairs(parsed):
            field = by_label.get(_folded(label))
            if field is None:
                continue
            (found if field in _KNOWN else others).setdefault(field, value[:1000])
        if not found:
            continue
        email = next(headers.addresses(found.get("email", "")), None)
        return Verdict(
            kind=InboundKind.REGISTRATION,
            detector=f"form:{rule.name}",
            confidence=0.99 if email else 0.8,
            evidence=(
                f"form rule {rule.name}",
                *(f"{field}: {value[:80]}" for field, value in found.items()),
            ),
            registration=FormRegistration(
                name=found.get("name"),
                email=email,
                municipality=found.get("municipality"),
                fields=others,
            ),
        )
    return None
