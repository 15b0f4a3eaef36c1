"""Delivery notices of mail systems that speak no RFC 3464: free text -> what it says of each recipient.

The systems differ in every line but one habit: the failed address stands at the beginning of a line or behind
a label, and the server's words follow it. So one reader of lines serves them all, in place of one per system.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from outreach.inbound import headers
from outreach.inbound.marks import mark
from outreach.inbound.reports import Failure, returned_block

_MAX_NOTICE = 64_000  # characters read
_MAX_LINE = 2_000
_MAX_RECIPIENTS = 100

_HEADER_LINE = re.compile(
    r"(?:received|return-path|message-id|dkim-signature|mime-version|x-[a-z-]+|date|from|to|subject|content-type)\s?:",
    re.IGNORECASE,
)
_SUMMARY_LINE = re.compile(r"(?:date|from|to|subject)\b", re.IGNORECASE)
_DECORATION = re.compile(r"^[\s>|=*_-]+")
_TAIL = re.compile(r"\W+$")
_BULLET = re.compile(r"^[\s>*\u2022\u00b7|-]*(?:\d{1,3}[.)]\s)?")
_ROBOT = re.compile(r"[-+](?:ctl|request|admin|owner|bounces|help)@")  # a list's own addresses
_TRANSCRIPT = re.compile(r"^\s*(?:[.\s]*while talking to|>>>|<<<|\S+\s*->\s|out:|in:)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice cut in two: its words, and the header of the message it returns."""

    text: str
    returned: dict[str, list[str]]


def cut(text: str) -> Notice:
    """Divide a notice from the message that follows it in the same text."""
    lines = text[:_MAX_NOTICE].split("\n")
    for number, line in enumerate(lines):
        below = lines[number + 1 : number + 40]
        if (number or len(below) > 3) and _divides(line, below):
            return _cut_at(lines, number, number + 1)
        if _begins_header(line, lines[number : number + 12]):
            return _cut_at(lines, number, number)
    return Notice("\n".join(lines), {})


def _begins_header(line: str, here: list[str]) -> bool:
    """Whether a header begins here; a summary of From, To, Date and Subject within the notice is none."""
    if not _HEADER_LINE.match(line) or _SUMMARY_LINE.match(line):
        return False
    return sum(1 for other in here if _HEADER_LINE.match(other)) >= 3


def _divides(line: str, below: list[str]) -> bool:
    if len(line) >= 200 or not mark("divider").match(_DECORATION.sub("", line)):
        return False
    return _starts_message(below) or _decorated(line)


def _decorated(line: str) -> bool:
    stripped = line.strip()
    return bool(stripped) and (stripped[0] in "-=|*_" or stripped[-1] in ":-=.")


def _starts_message(lines: list[str]) -> bool:
    content = [line for line in lines if line.strip()][:8]
    return sum(1 for line in content if _HEADER_LINE.match(line.strip())) >= 2


def _cut_at(lines: list[str], end: int, start: int) -> Notice:
    while start < len(lines) and not _HEADER_LINE.match(lines[start].strip()) and start < end + 12:
        start += 1
    below = lines[start:]
    indent = len(below[0]) - len(below[0].lstrip()) if below else 0
    if indent and all(line[:indent].strip() == "" for line in below[:4]):
        below = [line[indent:] for line in below]
    block = "\n".join(below[:400]).encode("utf-8", "replace")
    return Notice("\n".join(lines[:end]), returned_block(block))


def failures(notice: Notice, named: Iterable[str], own: Collection[str]) -> list[Failure]:
    """The recipients of a notice with the words about each.

    ``named`` are addresses a header names as failed (X-Failed-Recipients), ``own`` addresses that cannot be
    the failed one: ours, and the mail system's.
    """
    lines = [line[:_MAX_LINE] for line in notice.text.split("\n")]
    certain: dict[str, int] = {}
    labelled: dict[str, int] = {}
    anywhere: dict[str, int] = {}
    for number, line in enumerate(lines):
        if "@" not in line:
            continue
        rank, address = _recipient(line, lines[number - 1] if number else "", own)
        if address is None or (address in own and rank > 1):
            continue
        (certain, labelled, anywhere)[rank - 1].setdefault(address, number)
    sent_to = {address for value in notice.returned.get("to", ()) for address in headers.addresses(value)}
    places = {address: line for found in (anywhere, labelled, certain) for address, line in found.items()}
    told = [address for value in named for address in headers.addresses(value)]
    if told:
        chosen = {address: places.get(address, 0) for address in told}
    else:
        chosen = certain or labelled
        if not chosen:
            chosen = {address: line for address, line in anywhere.items() if address in sent_to} or anywhere
        if not chosen and len(sent_to) == 1:
            chosen = dict.fromkeys(sent_to, 0)
    chosen = dict(list(chosen.items())[:_MAX_RECIPIENTS])
    if not chosen:
        return [Failure(None, "failed", None, "", (notice.text,))]
    return list(_with_words(lines, chosen, notice.text))


def _recipient(line: str, before: str, own: Collection[str]) -> tuple[int, str | None]:
    """The address of a line and how surely it failed: 1 begins the line, 2 behind a label, 3 is there. Of
    several the first that is not ours: "from a@b to c@d"."""
    content = _BULLET.sub("", line, count=1)
    named = list(headers.addresses(content))
    address = next((each for each in named if each not in own), named[0] if named else None)
    if address is None or _ROBOT.search(address):
        return 3, None
    at = content.lower().find(address)
    prefix = content[: max(at, 0)].rstrip().rstrip("<\"'([").rstrip()
    if _TRANSCRIPT.match(line) or "mailto:" in prefix.lower():
        rank = 3 if re.search(r"rcpt|to:", prefix, re.IGNORECASE) else 4
        return (rank, address) if rank == 3 else (3, None)
    if not prefix:
        return 1, address
    if re.fullmatch(r"[45]\d\d(?:[ -][45]\.\d+\.\d+)?", prefix):
        return 2, address
    if mark("not_failed").search(prefix) or (len(prefix) < 3 and mark("not_failed").search(before[-60:])):
        return 3, None
    return (2 if mark("label").search(_TAIL.sub("", prefix)) else 3), address


def _with_words(lines: list[str], chosen: dict[str, int], whole: str) -> Iterable[Failure]:
    starts = sorted(set(chosen.values()))
    for address, start in chosen.items():
        after = next((line for line in starts if line > start), len(lines)) if len(chosen) > 1 else len(lines)
        segment = "\n".join(lines[start:after])
        mentions = whole
        if len(chosen) > 1:
            mentions = "\n".join(
                "\n".join(lines[n : n + 3])
                for n, line in enumerate(lines)
                if address in line.lower() and not start <= n < after
            )
        segment = segment.replace(address, " ")
        yield Failure(address, "failed", None, said(segment), (segment, mentions, whole))


_SAID = re.compile(
    r"(?:remote host said:|responded with failure:|said:|reason:|<<<|error (?:was|is)?:?)?"
    r"\s*\(?#?[245]\d\d[ \-:#;].*",
    re.IGNORECASE,
)


def said(segment: str) -> str:
    """The reply of a server within ``segment`` with the lines that go on with it."""
    kept: list[str] = []
    for line in segment.split("\n"):
        if kept and (not line.strip() or len(kept) > 6):
            break
        if kept:
            kept.append(line.strip())
        elif (found := _SAID.search(line)) is not None:
            kept.append(found[0].strip())
    return " ".join(kept)
