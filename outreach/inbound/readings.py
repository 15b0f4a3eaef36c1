"""What speaks for each intent of a letter, and what the rules make of it.

The rules of :mod:`outreach.inbound.replies` fill a :class:`Reading` for each language a letter may be in;
:func:`combine` makes one of several, :func:`decide` weighs them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from outreach.model.states import Intent

#: From this confidence on a reading is acted upon without a person.
CERTAIN = 0.8
_CLEAR = 1.5  # points from which a reading is clear


@dataclass(slots=True)
class Reading:
    """What the wordings of a text speak for. The seam for a second opinion: another reader fills one as
    well, and :func:`combine` adds them."""

    points: dict[Intent, float] = field(default_factory=dict)
    evidence: dict[Intent, list[str]] = field(default_factory=dict)
    asks: int = 0  # sentences that end in a question mark
    conditional: bool = False  # a registration or refusal stands under a condition or in a question
    contrast: bool = False  # a "but": what comes before it may be taken back
    negations: int = 0  # words such as "not" and "nobody"
    last: dict[Intent, int] = field(default_factory=dict)  # the sentence that spoke for it last

    def add(self, intent: Intent, points: float, evidence: str, at: int) -> None:
        """Counts ``points`` for ``intent``."""
        self.points[intent] = self.points.get(intent, 0.0) + points
        self.last[intent] = at
        notes = self.evidence.setdefault(intent, [])
        if len(notes) < 5:
            notes.append(evidence)

    def of(self, intent: Intent) -> float:
        """The points for ``intent``."""
        return self.points.get(intent, 0.0)


def combine(readings: Iterable[Reading], second: float = 1.0) -> Reading:
    """Several readings of one text as one: for each intent the clearest counts, all but the first by
    ``second``.

    Where the first is clear, others add only a wish not to be written to again: related languages share
    words.
    """
    together = Reading()
    clear = False
    for number, reading in enumerate(readings):
        for intent, points in reading.points.items():
            if clear and intent is not Intent.UNSUBSCRIBE:
                continue
            points *= second if number else 1.0
            if points > together.of(intent):
                together.points[intent] = points
                together.evidence[intent] = reading.evidence.get(intent, [])
                together.last[intent] = reading.last.get(intent, 0)
        clear = clear or any(points >= _CLEAR for points in together.points.values())
        together.asks = max(together.asks, reading.asks)
        together.conditional = together.conditional or reading.conditional
        together.negations = max(together.negations, reading.negations)
        together.contrast = together.contrast or reading.contrast
    return together


def decide(reading: Reading, *, has_address: bool = False) -> tuple[Intent, float]:
    """The intent that ``reading`` speaks for, and its confidence as the module's text defines it."""
    register, decline = reading.of(Intent.REGISTER), reading.of(Intent.DECLINE)
    unsubscribe, refer = reading.of(Intent.UNSUBSCRIBE), reading.of(Intent.REFER)
    question, other = reading.of(Intent.QUESTION), reading.of(Intent.OTHER)
    if has_address and refer:
        refer += 1.0
    if unsubscribe >= 1.0:
        plain = unsubscribe >= 2.0 and register < 1.0 and not reading.conditional
        return Intent.UNSUBSCRIBE, 0.93 if plain else 0.7
    if refer >= 1.5 and refer >= max(register, 0.8 * decline):
        return Intent.REFER, 0.85 if has_address and register < 1.0 else 0.65
    if question >= 1.0 and register < 1.5 and decline < max(1.5, 0.8 * question):
        return Intent.QUESTION, 0.85 if register < 1.0 and decline < 1.0 else 0.65
    if register >= 1.0 and decline >= 1.0:
        later = reading.last.get(Intent.REGISTER, 0) > reading.last.get(Intent.DECLINE, 0)
        if register > 1.3 * decline or (later and register >= 0.8 * decline):
            return Intent.REGISTER, 0.55
        return Intent.DECLINE, 0.6
    if refer >= 1.0 and refer >= max(register, decline):
        return Intent.REFER, 0.85 if has_address else 0.65
    if register >= 0.8 and register >= decline:
        plain = (
            register >= 1.0 and decline < 0.5 and question < 1.0 and refer < 1.0 and not reading.conditional
        )
        if other >= 1.0 and register < 2.0:
            return (Intent.REGISTER, 0.55) if register > other else (Intent.OTHER, 0.5)
        return Intent.REGISTER, (0.9 if register >= 2.0 else 0.7) if plain else 0.6
    if decline >= 0.5 and decline >= 0.5 * other:
        return Intent.DECLINE, 0.88 if decline >= 1.5 and not reading.conditional else 0.65
    if question >= 1.0:
        return Intent.QUESTION, 0.65
    if refer >= 1.0:
        return Intent.REFER, 0.55
    if register >= 0.4 and other < 1.0 and not reading.conditional:
        return Intent.REGISTER, 0.5
    if other >= 0.5:
        return Intent.OTHER, 0.8 if other >= 1.0 and not reading.conditional else 0.6
    return Intent.OTHER, 0.3
