"""Notifications of form tools about a registration, read by rules that are data in the workspace.

A rule says how to recognise the notification and which labels carry what::

    name = "eusurvey"
    from = ["noreply@eusurvey.example"]      # addresses, or domains as "@eusurvey.example"
    subject = ["New contribution"]           # words of which the subject holds one
    text = ["Contribution"]                  # words of which the text holds one
    campaign = "information-session"         # whose registrations these are; left out: the mail's that led there
    means = "register"                       # or "cancel"
    confirmed = true                         # the tool has sent a confirmation: none goes out from here
    no = ["No", "Nein"]                      # answers to `answer` that say no
    [fields]
    name = ["Your name", "Name"]             # labels, as the form asks
    email = ["E-mail"]
    municipality = ["Municipality", "Organisation"]
    answer = ["Will you take part?"]

Labels are compared without regard to case, punctuation at the end and white space. A field that the rule does
not name is found by the common words for it, unless ``common = false``. The values stand in lines, in the rows
of HTML tables, below a row of labels, or in an attached CSV file, which may hold several entries.
"""

from __future__ import annotations

import csv
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from html import unescape
from itertools import islice
from typing import Any

from outreach.errors import InputError
from outreach.inbound import headers
from outreach.inbound.parse import Parsed, Part
from outreach.model.states import InboundKind
from outreach.model.values import FormRegistration, Verdict

_MAX_HTML = 500_000  # characters read
_MAX_TEXT = 500_000
_MAX_CSV = 4_000_000
_MAX_ENTRIES = 2_000
_TAG = re.compile(r"<(/?)([a-zA-Z!][a-zA-Z0-9]*+)[^<>]*+>?")
_BREAKS = frozenset({"br", "p", "div", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "dt", "dd", "table"})
_LABELLED = re.compile(r"^[\s*•>-]*([^:：=\n]{1,120}?)\s*[:：=]\s*(.*)$")
_KNOWN = ("name", "email", "municipality")
#: Fields that are put together or decide something; others are kept as they are.
FIELDS = (*_KNOWN, "first_name", "last_name", "answer")
_KEYS = frozenset(
    {"name", "from", "subject", "text", "campaign", "means", "confirmed", "no", "common", "fields"}
)

#: Says which of :data:`FIELDS` a label asks for, by the common words; ``None``: none.
Vocabulary = Callable[[str], str | None]


def _none_wanted(_label: str) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class FormRule:
    """How the notifications of one form look."""

    name: str
    senders: tuple[str, ...]  # addresses, or domains that begin with "@"; lower case
    subject: str  # words of which the subject holds one, lower case, one a line; "" for any
    labels: dict[str, tuple[str, ...]]  # field -> labels, folded
    text: tuple[str, ...] = ()  # words of which the text holds one, lower case
    campaign: str | None = None
    cancels: bool = False
    confirmed: bool = False
    no: tuple[str, ...] = ()  # folded
    common: Vocabulary | None = None


def folded(label: str) -> str:
    """A label without what two spellings of it may differ in."""
    return " ".join(label.replace("\u00a0", " ").split()).rstrip(" :?*.").casefold()


def load_rule(text: str, source: str) -> FormRule:
    """A rule from TOML; ``source`` names it in errors.

    Raises :class:`~outreach.errors.InputError` where the text is no rule.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{source} is not TOML: {error}.", "Mend the line it names.") from error
    if unknown := sorted(table.keys() - _KEYS):
        raise InputError(
            f"{source}: nothing of a form is called {unknown[0]!r}.", f"Known: {', '.join(sorted(_KEYS))}."
        )
    senders, subjects = _words(table, "from", source), _words(table, "subject", source)
    if not (senders or subjects):
        raise InputError(
            f"{source} does not say how to recognise the notification.",
            'Give from = ["address or @domain"], subject = "words", or both.',
        )
    fields = table.get("fields", {})
    common = table.get("common", True)
    if not isinstance(fields, dict) or not (fields or (common and senders)):
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
        labels[str(field)] = tuple(folded(word) for word in words)
    means = table.get("means", "register")
    if means not in ("register", "cancel"):
        raise InputError(f"{source}: means = {means!r} is not known.", 'Write "register" or "cancel".')
    campaign = table.get("campaign")
    return FormRule(
        name=str(table.get("name", source)),
        senders=tuple(sender.lower() for sender in senders),
        subject="\n".join(subjects).lower(),
        labels=labels,
        text=tuple(word.lower() for word in _words(table, "text", source)),
        campaign=str(campaign) if campaign else None,
        cancels=means == "cancel",
        confirmed=table.get("confirmed") is True,
        no=tuple(folded(word) for word in _words(table, "no", source)),
        common=_none_wanted if common is False else None,
    )


def with_vocabulary(rule: FormRule, common: Vocabulary) -> FormRule:
    """``rule`` with the common words for the fields it does not name, unless it wants none."""
    return rule if rule.common is not None else replace(rule, common=common)


def _words(table: Mapping[str, Any], key: str, source: str) -> list[str]:
    value = table.get(key, [])
    value = [value] if isinstance(value, str) and value else value or []
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise InputError(f"{source}: {key} is no list of words.", f'Write {key} = ["..."].')
    return value


def pairs(parsed: Parsed) -> Iterator[tuple[str, str]]:
    """The label and value pairs of a notification: rows of HTML tables, then ``label: value`` lines of the
    text, where a label alone on its line takes the next line as its value."""
    rows, lines = _html((parsed.html or "")[:_MAX_HTML])
    for cells in rows:
        if len(cells) == 2:
            yield cells[0], cells[1]
    text = parsed.text if parsed.text is not None else lines
    waiting = ""
    for line in text[:_MAX_TEXT].split("\n"):
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


def tables(parsed: Parsed) -> Iterator[list[list[str]]]:
    """The tables that hold an entry a row: attached CSV files, then those of the HTML."""
    for part in parsed.parts:
        named = (part.filename or "").lower().endswith((".csv", ".tsv"))
        if (named or part.content_type in ("text/csv", "application/csv")) and (rows := _csv(part)):
            yield rows
    rows, _ = _html((parsed.html or "")[:_MAX_HTML])
    wide: list[list[str]] = []
    for cells in [*rows, []]:
        if len(cells) > 2 and (not wide or len(cells) == len(wide[0])):
            wide.append(cells)
            continue
        if len(wide) > 1:
            yield wide
        wide = [cells] if len(cells) > 2 else []


def _csv(part: Part) -> list[list[str]]:
    text = part.text()[:_MAX_CSV].lstrip("\ufeff")
    first = next((line for line in text.split("\n") if line.strip()), "")
    delimiter = max(";,\t", key=first.count)
    try:
        return list(islice(csv.reader(text.split("\n"), delimiter=delimiter), _MAX_ENTRIES + 20))
    except csv.Error:
        return []


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


def fits(rule: FormRule, parsed: Parsed) -> bool:
    """Whether the message looks like a notification of the form, whatever it holds."""
    sender = parsed.from_address or ""
    if rule.senders and not any(
        sender.endswith((known, "." + known[1:])) if known.startswith("@") else sender == known
        for known in rule.senders
    ):
        return False
    subject = parsed.subject.lower()
    if not any(words in subject for words in rule.subject.split("\n")):
        return False
    if not rule.text:
        return True
    text = f"{parsed.text or ''}\n{parsed.html or ''}"[:_MAX_TEXT].lower()
    return any(words in text for words in rule.text)


def is_expected(parsed: Parsed, rules: Iterable[FormRule]) -> bool:
    """Whether a rule names the very address that the message is from: it may then be one of our own, that a
    tool sends in our name."""
    return any(parsed.from_address in rule.senders and fits(rule, parsed) for rule in rules)


def field_of(rule: FormRule, label: str) -> str | None:
    """The field that ``label`` stands for under ``rule``."""
    plain = folded(label)
    for field, labels in rule.labels.items():
        if plain in labels:
            return field
    found = rule.common(label) if rule.common is not None and len(plain) <= 80 else None
    return found if found not in rule.labels else None


def entries(parsed: Parsed, rule: FormRule) -> list[dict[str, str]]:
    """What was entered, field by field; several where a table holds several."""
    for rows in tables(parsed):
        for number, row in enumerate(rows[:20]):
            columns = [field_of(rule, cell) if cell.strip() else None for cell in row]
            if len({one for one in columns if one in FIELDS}) < 2:
                continue
            found = [_entry(zip(columns, cells, strict=False)) for cells in rows[number + 1 :]]
            if found := [one for one in found if one.keys() & set(FIELDS)][:_MAX_ENTRIES]:
                return found
    seen: dict[str, str | None] = {}
    known = []
    for label, value in pairs(parsed):
        if label not in seen:
            seen[label] = field_of(rule, label)
        known.append((seen[label], value))
    one = _entry(known)
    return [one] if one.keys() & set(FIELDS) else []


def _entry(found: Iterable[tuple[str | None, str]]) -> dict[str, str]:
    entry: dict[str, str] = {}
    for field, value in found:
        if field is not None and (value := value.strip()[:1000]):
            entry.setdefault(field, value)
    return entry


def _registration(rule: FormRule, entry: Mapping[str, str]) -> FormRegistration | None:
    name = entry.get("name") or " ".join(
        entry[part] for part in ("first_name", "last_name") if entry.get(part)
    )
    email = next(headers.addresses(entry.get("email", "")), None)
    municipality = entry.get("municipality")
    if not (name or email or municipality):
        return None
    says_no = folded(entry.get("answer", "")) in rule.no if rule.no else False
    return FormRegistration(
        name=name or None,
        email=email,
        municipality=municipality,
        fields={field: value for field, value in entry.items() if field not in FIELDS},
        takes_part=not (rule.cancels or says_no),
        confirmed=rule.confirmed,
        campaign=rule.campaign,
    )


def detect(parsed: Parsed, rules: Sequence[FormRule]) -> Verdict | None:
    """What the first rule that fits finds: at least an address, a name or a municipality."""
    for rule in rules:
        if not fits(rule, parsed):
            continue
        found = [one for entry in entries(parsed, rule) if (one := _registration(rule, entry))]
        if not found:
            continue
        first = found[0]
        shown = (("name", first.name), ("email", first.email), ("municipality", first.municipality))
        return Verdict(
            kind=InboundKind.REGISTRATION,
            detector=f"form:{rule.name}",
            confidence=0.99 if all(one.email for one in found) else 0.8,
            evidence=(
                f"form rule {rule.name}",
                *(f"{field}: {value[:80]}" for field, value in shown if value),
                *((f"{len(found)} entries",) if len(found) > 1 else ()),
            ),
            registration=first,
            registrations=tuple(found) if len(found) > 1 else (),
        )
    return None


def unread(parsed: Parsed, rules: Sequence[FormRule]) -> Verdict | None:
    """A notification by a rule that names its sender, in which nothing was found: it is for a person, so its
    verdict is not certain, and has no registration. ``None`` for any other message."""
    for rule in rules:
        if rule.senders and fits(rule, parsed):
            return Verdict(
                kind=InboundKind.REGISTRATION,
                detector=f"form:{rule.name}",
                confidence=0.3,
                evidence=(f"form rule {rule.name}", "no name, address or municipality was found in it"),
            )
    return None
