"""What an inbound message is: detectors in one explicit order, the first that answers decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from outreach.inbound import bounces, calendars, feedback, unsubscribe
from outreach.inbound import forms as form_notifications
from outreach.inbound.forms import FormRule
from outreach.inbound.parse import Parsed
from outreach.model.states import InboundKind
from outreach.model.values import FormRegistration, Verdict

Detector = Callable[[Parsed, Sequence[FormRule]], Verdict | None]


def _answer(parsed: Parsed) -> Verdict | None:
    """An automatic answer or a person's: both look at the new text, which is cut out once."""
    from outreach.inbound import auto_replies, replies
    from outreach.inbound.quotes import strip

    stripped = strip(parsed)
    return auto_replies.detect(parsed, stripped=stripped) or replies.detect(parsed, stripped=stripped)


#: The most authoritative first: what a machine states in a standard form, then what a form tool or a machine
#: writes in words, then people.
DETECTORS: tuple[tuple[str, Detector], ...] = (
    ("delivery report", lambda parsed, _: bounces.detect(parsed)),
    ("feedback report", lambda parsed, _: feedback.detect(parsed)),
    ("calendar reply", lambda parsed, _: calendars.detect(parsed)),
    ("unsubscribe by mail", lambda parsed, _: unsubscribe.detect(parsed)),
    ("form notification", form_notifications.detect),
    (
        "auto-reply, human reply",
        lambda parsed, rules: form_notifications.unread(parsed, rules) or _answer(parsed),
    ),
)


def classify(parsed: Parsed, *, forms: Sequence[FormRule] = ()) -> Verdict:
    """The verdict of the first detector that knows the message; ``other`` where none does."""
    for _, detect in DETECTORS:
        verdict = detect(parsed, forms)
        if verdict is not None:
            return verdict
    return Verdict(kind=InboundKind.OTHER, detector="none", confidence=0.0)


def to_json(file: str, verdict: Verdict) -> dict[str, Any]:
    """The object ``outreach classify --json`` prints for one file; keys that do not apply are absent."""
    out: dict[str, Any] = {"file": file, "kind": verdict.kind.value}
    if verdict.intent is not None:
        out["intent"] = verdict.intent.value
    if verdict.language is not None:
        out["language"] = verdict.language
    out["confidence"] = round(verdict.confidence, 3)
    out["detector"] = verdict.detector
    out["evidence"] = list(verdict.evidence)
    if verdict.bounces:
        out["bounces"] = [
            _present(
                recipient=bounce.recipient,
                type="hard" if bounce.hard else "soft",
                status=bounce.status,
                reason=bounce.reason,
                diagnostic=bounce.diagnostic,
            )
            for bounce in verdict.bounces
        ]
    if verdict.text is not None:
        out["text"] = verdict.text
    if verdict.until is not None:
        out["until"] = verdict.until.isoformat()
    if verdict.refer_to:
        out["refer_to"] = list(verdict.refer_to)
    if verdict.rsvp is not None:
        out["rsvp"] = _present(
            answer=verdict.rsvp.answer, uid=verdict.rsvp.uid, attendee=verdict.rsvp.attendee
        )
    if verdict.registration is not None:
        out["registration"] = _registration(verdict.registration)
    if verdict.registrations:
        out["registrations"] = [_registration(one) for one in verdict.registrations]
    if verdict.coming is not None:
        coming = verdict.coming
        out["coming"] = _present(
            people=coming.people, place=coming.place, names=list(coming.names) if coming.names else None
        )
    return out


def _registration(one: FormRegistration) -> dict[str, Any]:
    return _present(
        name=one.name,
        email=one.email,
        municipality=one.municipality,
        takes_part=None if one.takes_part else False,
        fields=dict(one.fields),
    )


def _present(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
