"""The rules and the classifier together: how far to believe each, and when both make a reading certain.

What the rules found and what the classifier thinks are weighed by a second, small regression, trained on
messages that the classifier had not seen (``stack`` in ``ngrams.bin``). Certain is only what both say by
themselves; what one of them says alone goes to a person.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from outreach.inbound import ngrams
from outreach.inbound.readings import CERTAIN, Reading, decide
from outreach.inbound.signatures import closing_length
from outreach.inbound.wordings import sentences
from outreach.model.states import Intent

INTENTS = (
    Intent.REGISTER,
    Intent.DECLINE,
    Intent.QUESTION,
    Intent.REFER,
    Intent.UNSUBSCRIBE,
    Intent.OTHER,
)
_UNCERTAIN = 0.75  # the highest confidence of what only one of the two says
_MOST_SENTENCES = 12
_MOST_OF_AN_ENDING = 4  # lines from the closing formula on
_SURE = (
    0.95  # from here on both together may overrule what the rules are certain of, and be certain themselves
)
_PLAIN = 0.9  # the classifier's opinion of a sentence
_ACTED_UPON = (Intent.REGISTER, Intent.UNSUBSCRIBE)


@dataclass(frozen=True, slots=True)
class Joined:
    """What both make of a letter."""

    intent: Intent
    confidence: float
    evidence: tuple[str, ...]


def inputs(reading: Reading, has_address: bool, strongest: Mapping[str, float]) -> list[float]:
    """What the second regression sees: the classifier's logarithms for the sentence that speaks most for each
    intent (:func:`~outreach.inbound.ngrams.strongest`), the points of the rules, what they decide and how sure
    they are of it."""
    decided, confidence = decide(reading, has_address=has_address)
    return [
        *(math.log(max(strongest[each.value], 0.001)) for each in INTENTS),
        *(min(reading.of(each), 3.0) for each in INTENTS),
        *(float(decided is each) for each in INTENTS),
        *(max(0.0, confidence - 0.3) if decided is each else 0.0 for each in INTENTS),
        float(has_address),
        float(min(reading.asks, 2)),
        float(reading.conditional),
        float(reading.contrast),
        float(min(reading.negations, 3)),
    ]


def _spoils(reading: Reading) -> bool:
    """Whether anything in the letter may take back what the rest of it says."""
    return bool(reading.contrast or reading.conditional or reading.asks)


def without_closing(text: str) -> str:
    """``text`` without its closing formula and the name below: "yours faithfully" is no opinion."""
    lines = text.split("\n")
    for at in range(len(lines) - 1, max(0, len(lines) - 1 - _MOST_OF_AN_ENDING), -1):
        length = closing_length(lines[at])
        if length and len(lines[at][length:].split()) <= _MOST_OF_AN_ENDING:
            return "\n".join(lines[:at])
    return text


def parts_of(text: str) -> list[str]:
    """The sentences of ``text`` that are looked at one by one."""
    return [each.text for each in sentences(text)[:_MOST_SENTENCES]]


@cache
def _stack() -> tuple[tuple[tuple[float, ...], ...], tuple[float, ...]]:
    described = json.loads((resources.files(__package__) / "ngrams.bin").read_bytes().partition(b"\n")[0])[
        "stack"
    ]
    return tuple(tuple(row) for row in described["weights"]), tuple(described["bias"])


def weigh(seen: Sequence[float]) -> dict[Intent, float]:
    """The share of each intent, from :func:`inputs`."""
    weights, bias = _stack()
    logits = [sum(map(float.__mul__, row, seen)) + start for row, start in zip(weights, bias, strict=True)]
    top = max(logits)
    powers = [math.exp(logit - top) for logit in logits]
    total = sum(powers)
    return {intent: power / total for intent, power in zip(INTENTS, powers, strict=True)}


def join(reading: Reading, text: str, *, has_address: bool, tongues: Sequence[str] = ()) -> Joined:
    """The intent of ``text`` with its evidence, from the rules' ``reading`` and the classifier; ``tongues`` are
    the languages that it may be in, the likeliest first."""
    decided, confidence = decide(reading, has_address=has_address)
    text = without_closing(text)
    opinion = ngrams.opinion(text, tongues)
    if not opinion.words:
        return Joined(decided, confidence, tuple(reading.evidence.get(decided, ())))
    strongest = ngrams.strongest(parts_of(text), opinion)
    shares = weigh(inputs(reading, has_address, strongest))
    if reading.of(Intent.DECLINE) >= 1.0 and not reading.of(Intent.UNSUBSCRIBE):
        shares[Intent.UNSUBSCRIBE] = 0.0  # the rules saw a refusal and no wish to be left alone
    if reading.of(Intent.REGISTER) >= 1.0 and not reading.of(Intent.REFER):
        shares[Intent.REFER] = 0.0  # an address in a registration is where the link goes
    intent = max(shares, key=lambda each: shares[each])
    share = shares[intent]
    if intent is not decided and confidence >= CERTAIN and share < _SURE:
        intent, share = decided, min(shares[decided], _UNCERTAIN)
    people = {each: opinion.probabilities[each.value] for each in INTENTS}
    alone = people[intent] / (sum(people.values()) or 1.0)
    # what one sentence says plainly and nothing takes back is not drowned by the courtesies around it
    plain = strongest[intent.value] >= _PLAIN and not _spoils(reading)
    plain = plain and max(INTENTS, key=lambda each: strongest[each.value]) is intent
    agreed = intent is decided and (plain or max(people, key=lambda each: people[each]) is intent)
    if agreed and confidence >= CERTAIN:
        sure = confidence
    elif agreed and share >= _SURE and intent in _ACTED_UPON and not _spoils(reading):
        sure = math.floor(share * 100) / 100  # no wording is strong, yet all of them say the same
    elif intent is decided and confidence >= CERTAIN:
        sure = _UNCERTAIN
    else:
        sure = min(_UNCERTAIN, max(0.3, math.floor(share * 100) / 100))
    evidence = [*reading.evidence.get(intent, ())]
    telling = ngrams.telling(text, intent.value)
    if telling:
        evidence.append(f"classifier {alone:.2f}: " + ", ".join(f'"{each}"' for each in telling))
    return Joined(intent, sure, tuple(evidence))
