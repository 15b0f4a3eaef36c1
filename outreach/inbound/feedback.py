"""Complaints: abuse reports in ARF (RFC 5965), and Microsoft's older form without it."""

from __future__ import annotations

import re

from outreach.inbound import headers, reports
from outreach.inbound.parse import Parsed
from outreach.model.states import InboundKind
from outreach.model.values import Verdict

_MICROSOFT = re.compile(r"complaint about message from \d", re.IGNORECASE)


def detect(parsed: Parsed) -> Verdict | None:
    """A complaint, or ``None``; a report that a mail was no spam (RFC 6430) is ``other``.

    The evidence names the kind of feedback and who complained, where it is told.
    """
    part = parsed.part("message/feedback-report")
    if part is not None:
        fields = {name: value for group in reports.status_fields(part) for name, value in group.items()}
        kind = fields.get("feedback-type", "abuse").strip().lower()
        evidence: tuple[str, ...] = ("message/feedback-report", f"feedback-type: {kind}")
        if complainant := complained(parsed):
            evidence += (f"complained: {', '.join(complainant)}",)
        return Verdict(
            kind=InboundKind.OTHER if kind == "not-spam" else InboundKind.COMPLAINT,
            detector="feedback_report",
            confidence=1.0,
            evidence=evidence,
        )
    staff = (parsed.from_address or "").startswith("staff@")
    if staff and _MICROSOFT.search(parsed.subject) and parsed.part("message/rfc822"):
        return Verdict(
            kind=InboundKind.COMPLAINT,
            detector="feedback_report",
            confidence=0.95,
            evidence=(f"subject: {parsed.subject[:80]}", "message/rfc822"),
        )
    return None


def complained(parsed: Parsed) -> tuple[str, ...]:
    """The addresses in whose name a feedback report complains: Original-Rcpt-To, else the To of the message
    it returns. Reports of large providers leave both out."""
    part = parsed.part("message/feedback-report")
    named = [
        address
        for group in (reports.status_fields(part) if part else ())
        for name in ("original-rcpt-to", "x-hmxmroriginalrecipient")
        for address in headers.addresses(group.get(name, ""))
    ]
    if not named:
        returned = reports.returned(parsed)
        named = [
            address
            for name in ("x-hmxmroriginalrecipient", "to")
            for value in returned.get(name, ())
            for address in headers.addresses(value)
        ]
    return tuple(dict.fromkeys(named))
