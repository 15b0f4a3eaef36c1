"""Delivery reports in their standard form (RFC 3464) -> what they say of each recipient, unjudged."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from outreach.inbound import headers
from outreach.inbound.parse import Parsed, Part

REPORT_TYPES = ("message/delivery-status", "message/global-delivery-status")
RETURNED_TYPES = (
    "message/rfc822",
    "text/rfc822-headers",
    "message/global",
    "message/global-headers",
    "message/rfc822-headers",
)
_MAX_REPORT = 1_000_000  # bytes of a report that are read
_MAX_RECIPIENTS = 1_000
_MAX_VALUE = 8_000  # characters of one field

#: Actions that are no failure (RFC 3464, section 2.3.3; "deliverable" is Postfix's answer to a probe).
DELIVERED = frozenset({"delivered", "relayed", "expanded", "deliverable"})

_FIELD = re.compile(r"([A-Za-z][A-Za-z0-9-]*)[ \t]*:[ \t]*(.*)")


@dataclass(frozen=True, slots=True)
class Failure:
    """What a report or notice says of one recipient."""

    recipient: str | None  # lower case
    action: str  # failed, delayed, delivered ... lower case; "failed" where none is named
    status: str | None  # as declared
    diagnostic: str  # the words of the server that refused
    words: tuple[str, ...] = ()  # other words about it, the closest first
    category: str = ""  # the sending service's name for the reason


def status_fields(part: Part) -> list[dict[str, str]]:
    """The groups of fields of a delivery-status part, unfolded, names in lower case. A new recipient begins a
    new group even where the empty line between them is missing."""
    groups: list[dict[str, str]] = [{}]
    name = ""
    for line in headers_text(part).split("\n"):
        if not line.strip():
            if groups[-1]:
                groups.append({})
            name = ""
            continue
        if line[0] in " \t" and name:
            _go_on(groups[-1], name, line)
            continue
        found = _FIELD.match(line)
        if found is None:
            if name:  # a fold that lost its blank
                _go_on(groups[-1], name, line)
            continue
        name = found[1].lower()
        if name == "final-recipient" and name in groups[-1]:
            groups.append({})
        if name in groups[-1]:
            _go_on(groups[-1], name, found[2])
        else:
            groups[-1][name] = found[2].strip()
        if len(groups) > _MAX_RECIPIENTS:
            break
    return [group for group in groups if group]


def failures_in_text(text: str) -> list[Failure]:
    """The recipients of a report that stands in the text itself: its parts were lost, or never were."""
    if "final-recipient:" not in text.lower():
        return []
    payload = text.encode("utf-8", "replace")
    return [found for found in failures(Part("text/plain", {}, None, None, payload, 0)) if found.recipient]


def _go_on(group: dict[str, str], name: str, line: str) -> None:
    if len(group[name]) < _MAX_VALUE:
        group[name] += " " + line.strip()


def headers_text(part: Part) -> str:
    """The beginning of a part as text."""
    return Part(part.content_type, part.params, None, None, part.payload[:_MAX_REPORT], 0).text()


def _address(value: str | None) -> str | None:
    """The address of ``rfc822; a@b``."""
    if not value:
        return None
    return next(headers.addresses(value.partition(";")[2] or value), None)


def _words(value: str) -> str:
    """A Diagnostic-Code without its type: ``smtp; 550 ...``."""
    kind, semicolon, rest = value.partition(";")
    return rest.strip() if semicolon and " " not in kind.strip() else value.strip()


def failures(part: Part) -> list[Failure]:
    """The recipients of a delivery-status part. Original-Recipient is the address that was written to, where
    a forwarding made another of it."""
    found: list[Failure] = []
    for group in status_fields(part):
        if not group.keys() & {"final-recipient", "original-recipient", "action"}:
            continue
        recipient = _address(group.get("original-recipient")) or _address(group.get("final-recipient"))
        status = re.search(r"([245])\.(\d{1,3})\.(\d{1,3})", group.get("status", ""))
        action = group.get("action", "").split(" ")[0].strip(" ;()").lower()
        if not action:
            action = {"2": "delivered", "4": "delayed"}.get(status[1] if status else "", "failed")
        comment = re.search(r"\((.*)\)", group.get("status", ""))
        found.append(
            Failure(
                recipient=recipient or _address(group.get("x-actual-recipient")),
                action=action,
                status=status[0] if status else None,
                diagnostic=_words(group.get("diagnostic-code", "")),
                words=(comment[1],) if comment else (),
                category=group.get("x-powermta-bouncecategory", "").strip().lower(),
            )
        )
    return found


def returned(parsed: Parsed) -> dict[str, list[str]]:
    """The header of the message that came back, as far as the report gives it; empty where it does not.

    Names in lower case, values decoded.
    """
    part = parsed.part(*RETURNED_TYPES)
    if part is not None:
        return returned_block(part.payload)
    return {}


def returned_block(payload: bytes) -> dict[str, list[str]]:
    """The header fields at the beginning of ``payload``."""
    payload = payload.lstrip(b"\n \t")
    end = payload.find(b"\n\n")
    found, _ = headers.split_block(payload[: end if end >= 0 else len(payload)][:200_000])
    return found


def final_recipients(parsed: Parsed) -> tuple[str, ...]:
    """Every Final-Recipient of a report: where the mail ended up, after forwarding."""
    found = (
        _address(group.get("final-recipient"))
        for part in parsed.parts
        if part.content_type in REPORT_TYPES
        for group in status_fields(part)
    )
    return tuple(dict.fromkeys(address for address in found if address))


def sns_notification(parsed: Parsed) -> tuple[str, list[Failure]] | None:
    """A notification of Amazon SES by way of SNS: JSON in the body. Its type in lower case ("bounce",
    "complaint", "delivery") and the recipients that failed; ``None`` where the message is none.

    Form: docs.aws.amazon.com/ses/latest/dg/notification-contents.html
    """
    text = (parsed.text or "").lstrip()
    if not text.startswith("{") or "notificationType" not in text:
        return None
    try:
        notification, _ = json.JSONDecoder().raw_decode(text[:_MAX_REPORT].replace("\n", ""))
        if isinstance(notification.get("Message"), str):
            notification = json.loads(notification["Message"])
        kind = str(notification["notificationType"]).lower()
        bounce = notification.get("bounce", {})
        temporary = bounce.get("bounceType") == "Transient"
        told = [
            Failure(
                recipient=next(headers.addresses(str(entry.get("emailAddress", ""))), None),
                action="delayed" if temporary else str(entry.get("action", "failed")).lower(),
                status=entry.get("status"),
                diagnostic=_words(str(entry.get("diagnosticCode", ""))),
                words=(str(bounce.get("bounceSubType", "")),),
            )
            for entry in bounce.get("bouncedRecipients", ())
        ]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return kind, told
