"""Where a letter ends: below its closing line and the bare name, before title, contact block and notices."""

from __future__ import annotations

import re
from functools import cache

from outreach.inbound.wordings import fold, shared

_MARK = re.compile(r"--\s?|—|_{2,3}|-{3,}\s*")
_LETTERS = re.compile(r"[^\W\d_]+")
_CONTACT = re.compile(
    r"(?:\+|\b0)\d[\d\s()./-]{5,}|\bwww\.|https?://|\b(?:tel|tlf|fax|fon|mob|gsm|puh|τηλ|тел|vhod|ext|pec|ičo|ico)\b\s?[.:]"
    r"|\b(?:CIF|IČO|PSČ|cid:)|^\s*[\w.+-]+@[\w.-]+\s*$|^\s*\S+@\S+<mailto:|\s\|\s|\[cid:",
    re.IGNORECASE,
)
#: Words that announce whose name follows: on behalf of.
_OPENER = re.compile(
    r"(?:im auftrag|in vertretung|i\.? ?[av]\.?$|p\.? ?o\.?$|on behalf|z up|v\.? ?r\.?$|in opdracht)"
)
_MAX_NAME_WORDS = 6
_PARTICLES = frozenset(
    {
        *("de", "da", "do", "dos", "von", "van", "der", "den", "del", "della", "di", "la", "le", "el", "ter"),
        *(
            "ten",
            "te",
            "zu",
            "und",
            "y",
            "i",
            "e",
            "of",
            "the",
            "mac",
            "mc",
            "ni",
            "nic",
            "o",
            "ui",
            "af",
            "av",
        ),
    }
)


@cache
def _words(name: str) -> tuple[str, ...]:
    return tuple(sorted({fold(each) for each in shared("clients")[name]}, key=len, reverse=True))


@cache
def _closing_pattern() -> re.Pattern[str]:
    alternatives = "|".join(re.escape(word) for word in _words("closing"))
    return re.compile(rf"[\s/]*(?:{alternatives})(?![^\W_])")


def without_signature(lines: list[str], from_name: str) -> list[str]:
    """``lines`` of a letter up to the bare name below its closing; without mobile lines and notices at
    the end."""
    lines = _before_mark(lines)
    lines = [line for at, line in enumerate(lines) if not (at >= len(lines) - 12 and is_program_line(line))]
    end = _end_of_letter(lines, from_name)
    while end > 1 and (not lines[end - 1].strip() or _is_notice(lines[end - 1])):
        end -= 1
    return lines[:end]


def _before_mark(lines: list[str]) -> list[str]:
    """Up to the line ``-- `` (RFC 3676, section 4.3)."""
    for at, line in enumerate(lines):
        if line.startswith(("--", "—", "__")) and _MARK.fullmatch(line.strip() or line) and len(line) < 8:
            return lines[:at]
    return lines


def is_program_line(line: str) -> bool:
    """Whether a mail program wrote the line on its own: "Sent from my ..."."""
    if not line.strip() or len(line) > 140:
        return False
    folded = fold(line).strip(" *_-")
    return folded.startswith(_words("sent_with")) and any(word in folded for word in _words("device"))


def _is_notice(line: str) -> bool:
    if len(line) < 20:
        return False
    folded = fold(line)
    return any(word in folded for word in _words("disclaimer"))


def closing_length(line: str) -> int:
    """How much of ``line`` is a closing formula that begins it; 0 when it does not."""
    if len(line) > 90:
        return 0
    match = _closing_pattern().match(fold(line))
    return match.end() if match else 0


def _end_of_letter(lines: list[str], from_name: str) -> int:
    """The number of lines that belong to the letter."""
    sender = {word for word in _LETTERS.findall(fold(from_name)) if len(word) > 2}
    closing = _closing_line(lines)
    if closing is None:
        return _end_without_closing(lines, sender)
    line = lines[closing]
    rest = line.strip().rstrip(" ,.!/:;")
    rest = rest[closing_length(rest) :].strip(" ,.!/:-–") if len(fold(rest)) == len(rest) else ""
    if rest and not closing_length(rest) and _looks_personal(rest) and len(rest.split()) < 4:
        return closing + 1  # "Mvh Mette"
    return _end_of_name(lines, closing + 1, sender)


def _end_of_name(lines: list[str], start: int, sender: set[str]) -> int:
    """The number of lines up to the bare name that stands at or below ``start``."""
    end = start
    kept = 0
    at = start
    while at < len(lines) and kept < 3:
        text = lines[at].strip()
        at += 1
        if not text:
            continue
        if closing_length(text) and not _is_sender(text, sender) and not kept:
            end = at  # a second closing, in the other language
            continue
        if _CONTACT.search(text) or _is_notice(text) or not _is_name(text):
            break
        personal = _looks_personal(text)
        known = _is_sender(text, sender)
        if not kept and not known and not personal and _has_contact(lines, at - 1):
            break
        if kept and not known and not (personal and not _sender_above(lines, start, at - 1, sender)):
            break
        end = at
        kept += 1
        if personal and not _OPENER.match(fold(text)):
            break
    return end


def _has_contact(lines: list[str], at: int) -> bool:
    """Whether the paragraph that begins at ``at`` is a contact block."""
    for line in lines[at : at + 8]:
        if not line.strip():
            return False
        if _CONTACT.search(line) or any(character.isdigit() for character in line):
            return True
    return False


def _sender_above(lines: list[str], start: int, end: int, sender: set[str]) -> bool:
    return any(_is_sender(line, sender) and _looks_personal(line) for line in lines[start:end])


def _closing_line(lines: list[str]) -> int | None:
    """The index of the line that closes the letter: the last one that nothing but short lines follow."""
    found = None
    for at in range(len(lines) - 1, -1, -1):
        line = lines[at]
        if closing_length(line):
            text = line.strip()
            words = len(text.split())
            rest = fold(text)[closing_length(text) :].strip(" ,.!/:")
            if (words <= 6 or not rest) and (at or len(lines) == 1 or not rest):
                found = at
                # an earlier closing directly above belongs to the same ending
                if not any(closing_length(lines[k]) for k in range(max(0, at - 12), at)):
                    break
    if found is not None and found == 0 and len(lines) > 3:
        return None
    return found


def _end_without_closing(lines: list[str], sender: set[str]) -> int:
    for at in range(len(lines)):
        text = lines[at].strip()
        if at and text and len(text) <= 60 and _is_sender(text, sender):
            below = lines[at + 1].strip() if at + 1 < len(lines) else ""
            if not _looks_personal(text) and below and _looks_personal(below):
                return at + 2
            return at + 1
    end = len(lines)
    # a block below the last empty line that is all contact lines
    while end > 1:
        start = end
        while start > 0 and lines[start - 1].strip():
            start -= 1
        block = lines[start:end]
        if (
            start == 0
            or not block
            or not (_CONTACT.search("\n".join(block)) and all(len(b) < 90 for b in block))
        ):
            break
        if any(b.rstrip().endswith((".", "!", "?")) and len(b) > 40 for b in block):
            break
        end = start
        while end > 0 and not lines[end - 1].strip():
            end -= 1
    return end


def _is_sender(text: str, sender: set[str]) -> bool:
    """Whether a short line is the sender's name: most of its words are in the From name."""
    words = [word for word in _LETTERS.findall(fold(text)) if len(word) > 2]
    if not words or len(words) > _MAX_NAME_WORDS or text.rstrip()[-1:] in "?:":
        return False
    return sum(word in sender for word in words) * 2 >= len(words)


def _is_name(text: str) -> bool:
    """Whether a line may be a bare name or the name of an office: short, no digits, no contact data."""
    if not text or len(text) > 60 or any(c.isdigit() for c in text) or _CONTACT.search(text):
        return False
    return len(text.split()) <= _MAX_NAME_WORDS + 2


def _looks_personal(text: str) -> bool:
    """Whether every word is capitalised, as in a person's name."""
    words = text.replace("/", " ").replace("-", " ").split()
    if not words or len(words) > _MAX_NAME_WORDS:
        return False
    real = [word for word in words if fold(word).strip(".,()") not in _PARTICLES]
    return bool(real) and all(
        word[:1].isupper() or not word[:1].isalpha() or (word.endswith(".") and len(word) < 6)
        for word in real
    )
