"""What a server's words and its enhanced status say about why a delivery failed.

The wordings are data (``reasons.toml``); the few rules here say which word counts when several do.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from itertools import pairwise

from outreach.inbound.stages import Stage, stage_of

_URL = re.compile(r"(?:https?://|www\.)([^\s/:?#]*+)\S*+")
_LOCAL_PART = re.compile(r"(?<![^\s@<>()\[\]:;,\"'])[^\s@<>()\[\]:;,\"']++@")
_SPACE = re.compile(r"\s+")
_STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_REPLY = re.compile(r"(?<![\d.:/])([245]\d\d)(?=[ \-:#;,]|$)")

#: The marks of Orange and La Poste, of Cox, of Yahoo, Outlook.com, iCloud and Facebook.
_CODE = re.compile(
    r"(?<!\w)(?:(ofr|lpn)\d*_(?:\d{3}_)?(\d{3})|(aup)#(\w+)|\[((?:tss|hm|cs)\d\d)\]"
    r"|\(?(s31\d0|(?:rp|sc|dy|ou)-00\d|(?:rcp|pol|con|int|dns|msg)-[pt]\d)\)?)(?!\w)"
)

# Behind such a heading stand words about the failure, in whatever language: they were read, and not understood.
_REASON_GIVEN = re.compile(r"failure reasons?[\s:-]+[^\s@:-]{2}")

_MAX_GAP = 100  # characters between two pieces of a phrase
_MAX_TEXT = 4_000  # characters of a server's words that are looked at
UNDEFINED = "undefined"

#: What a refusal without a telling word is a sign of at each stage.
_AT_STAGE: dict[Stage | None, str] = {Stage.CONNECT: "blocked", Stage.MAIL: "rejected"}

_SAYS_NOTHING = frozenset({"0.0", "7.1"})
_NO_SUCH_MAILBOX = frozenset({"1.0", "1.1", "1.3", "1.6", "1.10", "1.20", "1.351"})
_MAILBOX_EXISTS = frozenset({"2.0", "2.1"})

# Said of anything: a precise number says more.
_GENERAL = frozenset({None, "syntax_error", "system_error"})

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
    general: tuple[str, ...]  # phrases that fit many failures: after the status
    exceptions: tuple[str, ...]  # words that belong to another reason, though a phrase fits
    own: tuple[str, ...]  # those of the phrases that a system says of its own directory
    codes: frozenset[str]  # marks of providers
    categories: frozenset[str]  # names that sending services have for it


@lru_cache(maxsize=1)
def reasons() -> tuple[Reason, ...]:
    """The reasons in the order in which they are tried."""
    text = resources.files("outreach.inbound").joinpath("reasons.toml").read_text("utf-8")
    found = []
    for name, table in tomllib.loads(text).items():
        pieces = [
            tuple(piece.strip() for piece in phrase.split("..."))
            for phrase in (*table.get("own", ()), *table.get("phrases", ()))
        ]
        found.append(
            Reason(
                name=name,
                hard=table.get("hard", False),
                statuses=frozenset(table.get("status", ())),
                phrases=tuple(phrase[0] for phrase in pieces if len(phrase) == 1),
                sequences=tuple(phrase for phrase in pieces if len(phrase) > 1),
                general=tuple(table.get("general", ())),
                exceptions=tuple(table.get("unless", ())),
                own=tuple(table.get("own", ())),
                codes=frozenset(table.get("code", ())),
                categories=frozenset(table.get("category", ())),
            )
        )
    return tuple(found)


@lru_cache(maxsize=1)
def _by_status() -> dict[str, str]:
    return {status: reason.name for reason in reasons() for status in reason.statuses}


@lru_cache(maxsize=1)
def _own() -> frozenset[str]:
    return frozenset(phrase for reason in reasons() for phrase in reason.own)


@lru_cache(maxsize=1)
def _codes() -> dict[str, str]:
    return {code: reason.name for reason in reasons() for code in reason.codes}


@lru_cache(maxsize=1)
def by_category() -> dict[str, str]:
    """The names that sending services give a failure -> the reason."""
    return {category: reason.name for reason in reasons() for category in reason.categories}


@lru_cache(maxsize=1)
def _hard() -> frozenset[str]:
    return frozenset(reason.name for reason in reasons() if reason.hard)


def plain(text: str) -> str:
    """``text`` as the phrases are written: lower case, single blanks, of links the host alone, of addresses
    the domain alone."""
    text = _LOCAL_PART.sub("@", _URL.sub(r"\1 ", text[:_MAX_TEXT]))
    return _SPACE.sub(" ", text).lower().replace("\u2019", "'")


def by_phrase(text: str) -> tuple[str, str] | None:
    """Reason and phrase for words already made :func:`plain`."""
    for reason in reasons():
        if any(words in text for words in reason.exceptions):
            continue
        for phrase in reason.phrases:
            if phrase in text:
                return reason.name, phrase
        for pieces in reason.sequences:
            if _in_order(pieces, text):
                return reason.name, " ... ".join(pieces)
    return None


def by_code(text: str) -> tuple[str, str] | None:
    """Reason and mark where a provider's own mark stands in the reply."""
    for found in _CODE.finditer(text):
        provider = "ofr" if found[1] else found[3]  # La Poste and Orange number alike
        code = f"{provider} {found[2] or found[4]}" if provider else found[5] or found[6]
        if code in _codes():
            return _codes()[code], found[0]
    return None


def by_general_phrase(text: str) -> tuple[str, str] | None:
    """As :func:`by_phrase`, by the phrases that say little."""
    for reason in reasons():
        if reason.general and not any(words in text for words in reason.exceptions):
            for phrase in reason.general:
                if phrase in text:
                    return reason.name, phrase
    return None


def _in_order(pieces: tuple[str, ...], text: str) -> bool:
    position = text.find(pieces[0])
    if position < 0:
        return False
    for before, piece in pairwise(pieces):
        position += len(before)
        position = text.find(piece, position, position + _MAX_GAP + len(piece))
        if position < 0:
            return False
    return True


def statuses(text: str) -> list[str]:
    """Enhanced statuses in ``text``, in order."""
    return [f"{found[1]}.{found[2]}.{found[3]}" for found in _STATUS.finditer(text[:_MAX_TEXT])]


def replies(text: str) -> list[str]:
    """SMTP reply codes in ``text`` that tell of a failure, in order."""
    return [found[1] for found in _REPLY.finditer(text[:_MAX_TEXT]) if found[1][0] in "45"]


def vague(status: str | None) -> bool:
    """Whether a status says no more than its class, or only that trying came to an end (RFC 3463, section 3.5:
    the code of the actual problem is better than 4.7)."""
    return status is None or status.endswith((".0.0", ".4.7"))


def _most_telling(text: str) -> str | None:
    told: str | None = None
    for status in statuses(text):
        if status[0] == "2":
            continue
        if told is None or vague(told) > vague(status) or (told.endswith(".0") and not status.endswith(".0")):
            told = status
    return told


def choose_status(diagnostic: str, declared: str | None, words: Iterable[str], *, temporary: bool) -> str:
    """The most telling status: the one in the failing server's own reply, else the declared one, else one
    that stands in the words about it, else one made of the class alone (``5.0.0``; RFC 3463, section 3.1),
    which is always known."""
    words = tuple(words)
    candidates = (_most_telling(diagnostic), declared, *(_most_telling(text) for text in words))
    for status in candidates:
        if status is not None and not vague(status):
            return status
    for status in candidates:
        if status is not None:
            return status
    reply = next((codes[-1] for codes in map(replies, (diagnostic, *words)) if codes), None)
    if temporary:
        return "4.0.0"
    return f"{reply[0]}.0.0" if reply else "5.0.0"


def choose(
    told: Iterable[str], words: Iterable[str], status: str, *, temporary: bool, category: str = ""
) -> tuple[str, bool, str | None]:
    """Reason name, whether the address is dead, and the phrase that said so.

    ``category`` is the sending service's name for it; ``told`` are the refusing server's own replies;
    ``words`` what the reporting system wrote around them, the closest to the failure first. A reply is
    believed before the status, the status before the rest: a reporting system's introduction is the same for
    every failure.
    """
    strong = [plain(text) for text in told if text]
    weak = [plain(text) for text in words if text]
    stage = stage_of((*strong, *weak))
    known = _by_status().get(status, _by_status().get(status[2:]))
    marked = _first(strong, by_code)
    found = marked or _first(strong, by_phrase)
    name = found[0] if found else None
    if name in _GENERAL and known is not None and not marked:
        name = known
    name = name or by_category().get(category)
    if name is None:
        found = _first(strong, by_general_phrase) or _first(weak, by_phrase)
        name = found[0] if found else _by_class(status, [*strong, *weak])
    if name == "user_unknown" and status[2:] in _SAYS_NOTHING and any(map(_says_suspended, weak[:2])):
        name = "suspend"
    elif name == "user_unknown" and not _confirmed(status[2:], stage, found):
        name = "filtered"
    elif name == "filtered":
        name = _AT_STAGE.get(stage, name)
    phrase = found[1] if found and found[0] == name else None
    if temporary or status.startswith("4"):
        return _NOT_YET_DEAD.get(name, name), False, phrase
    return name, name in _hard(), phrase


def _confirmed(subject: str, stage: Stage | None, found: tuple[str, str] | None) -> bool:
    """Whether a wording that nobody has the address is ground to call it dead.

    Who is unknown is known at RCPT. After the content, or at a stage nobody names, or of a mailbox that
    exists, it may be a filter that speaks.
    """
    if subject in _NO_SUCH_MAILBOX:
        return True
    if subject in _MAILBOX_EXISTS or stage is Stage.DATA:
        return False
    return stage is Stage.RCPT or subject not in _SAYS_NOTHING or (found is not None and found[1] in _own())


def _says_suspended(text: str) -> bool:
    found = by_phrase(text)
    return found is not None and found[0] == "suspend"


def _first(texts: list[str], tell: Callable[[str], tuple[str, str] | None]) -> tuple[str, str] | None:
    """The reason of the first text that tells one."""
    return next((found for found in map(tell, texts) if found is not None), None)


def _by_class(status: str, texts: list[str]) -> str:
    """The reason where no wording tells one."""
    if status.startswith("4"):
        return "blocked" if status == "4.7.1" else "expired"
    if status.startswith(("5.6.", "5.7.")):
        return "content_error" if status[2] == "6" else "security_error"
    return "on_hold" if any(replies(text) or _REASON_GIVEN.search(text) for text in texts) else UNDEFINED
