"""What a person newly wrote: the body without quoted text, signature, mobile lines and notices.

A body is read as lines, each marked quoted or not; an HTML body is first turned into such lines, with a
cut where its markup says that the quoted message begins. The rest is told from the lines' own look: ``>``
marks, the line above a quote, the head block of a quoted message, dashes around words. The words that
mail programs use for these stand in ``phrases/_clients.toml``.

What stays: greeting, body, closing line and the bare name below it. Answers written between quoted paragraphs
follow each other with an empty line between.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from outreach.inbound.bodies import CUT, html_lines
from outreach.inbound.parse import Parsed
from outreach.inbound.signatures import without_signature
from outreach.inbound.tokens import without_tokens
from outreach.inbound.wordings import fold, shared

_MAX_LINES = 20_000
_MAX_DASHED = 300
_MARK = re.compile(r"\s{0,3}(?:>\s?)+")
_DASHED = re.compile(r"\s*(?:>\s?)*-{2,}\s*(\S[^\n]{1,200}?)\s*-{2,}\s*")
_GROUPWISE = re.compile(r"\s*>>>\s.*(?:>>>|\d)\s*")
_RULE = re.compile(r"\s*(?:_{10,}|-{20,}|={20,}|\*{20,})\s*")
_LABEL = re.compile(r"\s*(?:>\s?)*\*?([^\W\d_][^:\n]{0,24}?)\s?:\*?(?:\s|$)")
_DATE = re.compile(r"\d{1,2}\D{1,3}\d{1,2}|\d{4}|\d{1,2}[:.]\d\d")
_DAY = re.compile(r"\d{1,2}[./-]\s?\d{1,2}[./-]|\d{4}")
_SHORTEST_WRAPPED = 36  # a line above a quote is not wrapped before that
_WORDS = re.compile(r"[^\W\d_]+(?:\([^\W\d_]+\)|/[^\W\d_]+)?")


@dataclass(frozen=True, slots=True)
class Stripped:
    """A body cut in two."""

    text: str  # what the person newly wrote
    quoted: bool  # whether anything quoted stood beside it


def new_text(parsed: Parsed) -> str:
    """What the person newly wrote, lines joined by ``\\n``; empty when there is no body or only a quote."""
    return strip(parsed).text


def strip(parsed: Parsed) -> Stripped:
    """What the person newly wrote, and whether it answers above, below or between a quote."""
    if parsed.text is not None and (parsed.text.strip() or parsed.html is None):
        lines = _clean(parsed.text).split("\n")[:_MAX_LINES]
    elif parsed.html is not None:
        lines = _clean("\n".join(html_lines(parsed.html))).split("\n")[:_MAX_LINES]
    else:
        return Stripped("", False)
    kept, quoted = _unquoted(lines)
    segments = [_trim(segment) for segment in kept]
    segments = [without_signature(segment, parsed.from_name) for segment in segments if segment]
    text = "\n\n".join("\n".join(segment) for segment in segments if segment)
    return Stripped(without_tokens(text).strip(), quoted)


def _clean(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u00a0", " ").replace("\u202f", " ")
    return text.replace("\ufeff", "").replace("\u200b", "").replace("\u2028", "\n")


def _unquoted(lines: list[str]) -> tuple[list[list[str]], bool]:
    """The runs of lines that are not quoted, and whether something was."""
    segments: list[list[str]] = [[]]
    quoted = False
    index = 0
    while index < len(lines):
        line = lines[index]
        if line == CUT or _GROUPWISE.fullmatch(line):
            return segments, True
        head = _head_block(lines, index)
        if head:
            quoted = True
            following = _next_text(lines, head, " >")
            if following is None or not _is_marked(lines[following]):
                return segments, True
            index = following
            continue
        if _is_marked(line):
            quoted = True
            segments.append([])
            index += 1
            continue
        above = _line_above_quote(lines, index)
        if above:
            quoted = True
            following = _next_text(lines, above)
            if following is None or not _is_marked(lines[following]):
                return segments, True
            index = following
            continue
        segments[-1].append(line)
        index += 1
    return segments, quoted


def _is_marked(line: str) -> bool:
    return line[:4].lstrip()[:1] == ">"


def _next_text(lines: list[str], index: int, blanks: str = " ") -> int | None:
    while index < len(lines):
        if lines[index].strip(blanks):
            return index
        index += 1
    return None


@cache
def _labels() -> tuple[frozenset[str], frozenset[str]]:
    clients = shared("clients")
    return frozenset(map(fold, clients["from"])), frozenset(map(fold, clients["head"]))


@cache
def _wrote() -> tuple[frozenset[str], tuple[str, ...]]:
    verbs = [fold(verb) for verb in shared("clients")["wrote"]]
    return frozenset(v for v in verbs if " " not in v), tuple(v for v in verbs if " " in v)


def _label(line: str) -> str:
    match = _LABEL.match(line)
    return fold(match.group(1)).strip(" *") if match else ""


def _head_block(lines: list[str], index: int) -> int:
    """The index below the head of a quoted message that begins at ``index``; 0 when none begins there.

    A head begins with a rule, with words between dashes, or at once with the label of the sender, and has at
    least two more labels in the lines below.
    """
    line = lines[index]
    dashed = _DASHED.fullmatch(line) if "--" in line and len(line) < _MAX_DASHED else None
    if dashed and _says_wrote(dashed.group(1)):
        return index + 1
    start = index
    if dashed or _RULE.fullmatch(line):
        following = _next_text(lines, index + 1)
        if following is None or following > index + 3:
            return 0
        start = following
    elif ":" not in line[:60]:
        return 0
    senders, others = _labels()
    if _label(lines[start]) not in (senders | others if dashed else senders):
        return 0
    found = 1
    at = start + 1
    end = start + 1
    while at < min(start + 9, len(lines)) and (lines[at].strip(" >*") or at == start + 1):
        label = _label(lines[at])
        if label in others or label in senders:
            found += 1
            end = at + 1
        at += 1
    if found < 3 and not (dashed and found >= 2):
        return 0
    # the head may be wrapped, and Notes draws a rule below it
    while end < len(lines) and lines[end].strip(" >") and (end < at or _RULE.fullmatch(lines[end])):
        end += 1
    if end < len(lines) and _RULE.fullmatch(lines[end].lstrip("> ")):
        end += 1
    return end


def _says_wrote(text: str) -> bool:
    words, phrases = _wrote()
    folded = fold(text)
    return (
        any(word in words for word in folded.split())
        or any(word in words for word in _WORDS.findall(folded))
        or folded.startswith(phrases)
    )


def _line_above_quote(lines: list[str], index: int) -> int:
    """The index below the line "On ... wrote:" that begins at ``index``, wrapped or not; 0 when it is
    none."""
    if not lines[index].strip() or (index and lines[index - 1].strip() and not _may_start(lines[index])):
        return 0
    joined = ""
    for at in range(index, min(index + 4, len(lines))):
        line = lines[at].strip()
        if not line or _is_marked(lines[at]):
            return 0
        joined = f"{joined} {line}" if joined else line
        if len(joined) > 400:
            return 0
        if line.endswith((":", ": >")):
            following = _next_text(lines, at + 1)
            before_quote = following is not None and following <= at + 2 and _is_marked(lines[following])
            address = "@" in joined
            dated = _DATE.search(joined) is not None
            if not (address or dated or before_quote) or _begins_later(lines, index, at):
                return 0
            if _says_wrote(joined) and (address or dated):
                return at + 1
            if before_quote and (_says_wrote(joined) or (address and dated)):
                return at + 1
            return 0
    return 0


def _begins_later(lines: list[str], index: int, at: int) -> bool:
    """Whether the line "On ... wrote:" that ends at ``at`` begins below ``index``, which is the letter's own: the
    lines below it say all by themselves, and it is too short to be wrapped or ends a sentence."""
    line = lines[index].strip()
    for start in range(index + 1, at + 1):
        rest = " ".join(lines[start : at + 1])
        day = _DAY.search(rest) is not None
        if not _says_wrote(rest) or not (day or "@" in rest or _DATE.search(rest)):
            continue
        if len(line) < _SHORTEST_WRAPPED or (day and line.endswith((".", "!", "?"))):
            return True
    return False


def _may_start(line: str) -> bool:
    """Whether a line below other text may begin the line above a quote: it has a date or an address."""
    return "@" in line or _DATE.search(line) is not None


def _trim(segment: list[str]) -> list[str]:
    start, end = 0, len(segment)
    while start < end and not segment[start].strip():
        start += 1
    while end > start and not segment[end - 1].strip():
        end -= 1
    return [line.rstrip() for line in segment[start:end]]
