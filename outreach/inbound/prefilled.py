"""Answers by one of our own mailto: links: the subject is ours to the letter and ends with the token, so what
was pressed is known, in every language, without reading anything into it.

Links in plain text carry no body, and a person may add to a prefilled one: what they add is theirs, and can
make a yes or a no uncertain again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from outreach.inbound import coming
from outreach.inbound.parse import Parsed
from outreach.inbound.tokens import tokens_in
from outreach.model.states import InboundKind, Intent
from outreach.model.values import Coming, Verdict

#: The names of the answers in ``templates/_layout/strings.<language>.toml``.
INTENTS: Mapping[str, Intent] = {
    "yes": Intent.REGISTER,
    "in_person": Intent.REGISTER,
    "online": Intent.REGISTER,
    "no": Intent.DECLINE,
    "question": Intent.QUESTION,
    "other_office": Intent.REFER,
    "unsubscribe": Intent.UNSUBSCRIBE,
}
_PLACES: Mapping[str, Literal["online", "on_site"]] = {"in_person": "on_site", "online": "online"}
_BY_PEOPLE = (InboundKind.REPLY, InboundKind.UNSUBSCRIBE, InboundKind.OTHER)
_PRESSED = 0.99
_CONTRADICTED = 0.6
_MEANT = 0.7  # from here on added words mean something: a courtesy and a name below do not


@dataclass(frozen=True, slots=True)
class PrefilledAnswer:
    """One answer that a mail of ours offered."""

    name: str  # a key of INTENTS
    language: str
    subject: str
    body: str


def detect(parsed: Parsed, read: Verdict, answers: Iterable[PrefilledAnswer]) -> Verdict | None:
    """The answer that was pressed, or ``None`` for a message that is none of ``answers``.

    ``read`` is what the message was read as otherwise: its language and new text are kept, and where the person
    added words to a yes or a no that read as something else, the answer is not certain.
    """
    tokens = tuple(tokens_in(parsed.subject))
    if not tokens or read.kind not in _BY_PEOPLE:
        return None
    subject = _plain(parsed.subject, tokens)
    for answer in answers:
        if subject != _plain(answer.subject, ()):
            continue
        intent = INTENTS[answer.name]
        own = _added(read.text if read.text is not None else parsed.text or "", answer.body, tokens)
        decides = intent in (Intent.REGISTER, Intent.DECLINE)
        doubtful = bool(own) and decides and _says_else(parsed, own, intent)
        return replace(
            read,
            kind=InboundKind.UNSUBSCRIBE if intent is Intent.UNSUBSCRIBE else InboundKind.REPLY,
            intent=intent,
            detector="prefilled_answer",
            confidence=_CONTRADICTED if doubtful else _PRESSED,
            evidence=(
                f"the subject is our own answer “{answer.name}” in {answer.language}",
                *read.evidence[:3],
            ),
            language=answer.language,
            coming=_coming(answer, parsed, read) if intent is Intent.REGISTER else None,
        )
    return None


def _coming(answer: PrefilledAnswer, parsed: Parsed, read: Verdict) -> Coming | None:
    """Who comes: the place as pressed, and what the person added; "one person" may be our own words."""
    text = read.text if read.text is not None else parsed.text or ""
    ours = r"\s+".join(map(re.escape, answer.body.split()))
    found = coming.read(re.sub(ours, " ", text, count=1) if ours else text, answer.language)
    place = _PLACES.get(answer.name)
    if place is None:
        return found
    return replace(found, place=place) if found else Coming(None, place, ())


def _says_else(parsed: Parsed, own: str, intent: Intent) -> bool:
    """Whether what the person added reads as something else."""
    from outreach.inbound import replies

    added = replies.detect(replace(parsed, subject="", text=own, html=None))
    return added.intent not in (intent, Intent.OTHER) and added.confidence >= _MEANT


def _plain(text: str, tokens: Iterable[str]) -> str:
    text = text.casefold()
    for token in tokens:
        text = text.replace(f"[{token}]", " ").replace(token, " ")
    return " ".join(text.split())


def _added(text: str, body: str, tokens: Iterable[str]) -> str:
    """What the person wrote besides what was there already."""
    return _plain(text, tokens).replace(_plain(body, ()), "", 1).strip()
