"""What a server's words and its enhanced status say about why a delivery failed.

The wordings are data (``reasons.toml``); the few rules here say which word counts when several do.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

_URL = re.compile(r"(?:https?://|www\.)\S++")
_SPACE = re.compile(r"\s+")
_STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_REPLY = re.compile(r"(?<![\d.:/])([245]\d\d)(?=[ \-:#;]|$)")
_AFTER_DATA = re.compile(r"in reply to end of data|after end of data|after data|end of data command|in reply to data")

_MAX_TEXT = 4_000  # characters of a server's words that are looked at
UNDEFINED = "undefined"

# Reasons that a temporary failure turns into something else: nothing is known to be dead yet.
_NOT_YET_DEAD = {"host_unknown": "network_error"}


@dataclass(frozen=True, slots=True)
class Reason:
    """One table of ``reasons.toml``."""

    name: str
    hard: bool
    statuses: frozenset[str]  # subject.detail, as "1.1"
    phrases: tuple[str, ...]
    sequences: tuple[tuple[str, ...], ...]  # phrases with gaps: the pieces in order


@lru_cache(maxsize=1)
def reasons() -> tuple[Reason, ...]:
    """The reasons in the order in which they are tried."""
    text = resources.files("outreach.inbound").joinpath("reasons.toml").read_text("utf-8")
    found = []
    for name, table in tomllib.loads(text).items():
        pieces = [tuple(piece.strip() for piece in phrase.split("...")) for phrase in table.get("phrases", ())]
        found.append(
            Reason(
                name=name,
                hard=table.get("hard", False),
                statuses=frozenset(table.get("status", ())),
                phrases=tuple(phrase[0] for phrase in pieces if len(phrase) == 1),
                sequences=tuple(phrase for phrase in pieces if len(phrase) > 1),
            )
        )
    return tuple(found)


@lru_cache(maxsize=1)
def _by_status() -> dict[str, str]:
    return {status: reason.name for reason in reasons() for status in reason.statuses}


@lru_cache(maxsize=1)
def _hard() -> frozenset[str]:
    return frozenset(reason.name for reason in reasons() if reason.hard)


def plain(text: str) -> str:
    """``text`` as the phrases are written: lower case, single blanks, links left out."""
    return _SPACE.sub(" ", _URL.sub(" ", text[:_MAX_TEXT])).lower().replace("’", "'")


def by_phrase(text: str) -> tuple[str, str] | None:
    """Reason and phrase for words already made :func:`plain`."""
    for reason in reasons():
        for phrase in reason.phrases:
            if phrase in text:
                return reason.name, phrase
        for pieces in reason.sequences:
            if _in_order(pieces, text):
                return reason.name, " ... ".join(pieces)
    return None


def _in_order(pieces: tuple[str, ...], text: str) -> bool:
    position = 0
    for piece in pieces:
        position = text.find(piece, position)
        if position < 0:
            return False
        position += len(piece)
    return True


def statuses(text: str) -> list[str]:
    """Enhanced statuses in ``text``, in order."""
    return [f"{found[1]}.{found[2]}.{found[3]}" for found in _STATUS.finditer(text[:_MAX_TEXT])]


def replies(text: str) -> list[str]:
    """SMTP reply codes in ``text`` that tell of a failure, in order."""
    return [found[1] for found in _REPLY.finditer(text[:_MAX_TEXT]) if found[1][0] in "45"]


def vague(status: str | None) -> bool:
    """Whether a status says no more than its class."""
    return status is None or status.endswith(".0.0")


def choose_status(declared: str | None, words: Iterable[str], *, temporary: bool) -> str:
    """The most telling status: one the failing server wrote beside its reply, else the declared one, else one
    made of the class alone (``5.0.0``; RFC 3463, section 3.1), which is always known."""
    told: str | None = None
    reply: str | None = None
    for text in words:
        for status in statuses(text):
            if status[0] != "2" and (vague(told) or told is None):
                told = status
        codes = replies(text)
        reply = reply or (codes[-1] if codes else None)
    for status in (told, declared):
        if status is not None and not vague(status):
            return status
    if declared is not None:
        return declared
    if told is not None:
        return told
    if temporary:
        return "4.0.0"
    return f"{reply[0]}.0.0" if reply else "5.0.0"


def choose(texts: Iterable[str], status: str, *, temporary: bool) -> tuple[str, bool, str | None]:
    """Reason name, whether the address is dead, and the phrase that said so.

    ``texts`` are the server's words, the closest to the failure first; the first with a known phrase decides.
    """
    texts = [plain(text) for text in texts if text]
    after_data = any(_AFTER_DATA.search(text) for text in texts)
    found: tuple[str, str] | None = None
    for text in texts:
        found = by_phrase(text)
        if found is not None:
            break
    name = found[0] if found else None
    subject = status[2:]
    known = _by_status().get(subject)
    if name in {None, "filtered", "expired", "syntax_error", "system_error"} and known and known != "filtered":
        # Words that fit everything say less than a precise number.
        if name is None or known in {"mailbox_full", "user_unknown", "mesg_too_big", "not_accept"}:
            name = known
    if name is None:
        name = known
    if name is None:
        name = _by_class(status, texts)
    if after_data and name == "user_unknown":
        name = "filtered"  # who is unknown is known at RCPT; after the content it is a filter that speaks
    if temporary or status.startswith("4"):
        name = _NOT_YET_DEAD.get(name, name)
        return name, False, found[1] if found else None
    return name, name in _hard(), found[1] if found else None


def _by_class(status: str, texts: list[str]) -> str:
    if status.startswith("4"):
        return "expired"
    return "filtered" if any(replies(text) for text in texts) else UNDEFINED
