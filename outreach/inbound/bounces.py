"""Delivery reports and notices -> a :class:`~outreach.model.values.Bounce` for each recipient.

Two readers, the standard form first (RFC 3464), then the free text of systems that do not write it. A
message is only looked at as a bounce when a mail system sent it; a person who quotes or forwards a
bounce is a person.
"""

from __future__ import annotations

import re
from html import unescape

from outreach.inbound import headers, notices, reasons, reports
from outreach.inbound.marks import mark
from outreach.inbound.parse import Parsed
from outreach.model.states import InboundKind
from outreach.model.values import Bounce, Verdict

_NEAR = 400  # characters after the address in a notice that are certainly about it
_TAG = re.compile(r"<(/?)([a-zA-Z!][a-zA-Z0-9]*+)[^<>]*+>?")
_INLINE = frozenset({"a", "b", "i", "em", "strong", "span", "font", "u", "code", "tt"})


def detect(parsed: Parsed) -> Verdict | None:
    """The verdict where the message is a delivery report or notice of failure or delay, else ``None``.

    A report that tells of successful delivery only is ``other``.
    """
    if parsed.part("message/disposition-notification"):
        return None  # RFC 8098: it was read, or deleted unread
    standard = parsed.part(*reports.REPORT_TYPES)
    if standard is not None and _is_report(parsed):
        return _standard(parsed)
    notification = reports.sns_notification(parsed)
    if notification is not None:
        return _notified(*notification)
    evidence = _system_mail(parsed)
    if evidence is None:
        return None
    return _free_text(parsed, evidence)


def returned_headers(parsed: Parsed) -> dict[str, list[str]]:
    """The header of the message a bounce returns: lower-case name -> values. Empty where it returns none."""
    found = reports.returned(parsed)
    if found:
        return found
    if _system_mail(parsed) is None:
        return {}
    for part in parsed.parts[1:]:
        if part.content_type == "text/plain":
            block = reports.returned_block(part.payload)
            if "message-id" in block or "received" in block:
                return block
    return notices.cut(_words_of(parsed)).returned


def _is_report(parsed: Parsed) -> bool:
    """A delivery-status part counts unless a person forwards one inside a mail of their own."""
    if parsed.content_type == "multipart/report":
        return True
    return _system_mail(parsed) is not None


def _system_mail(parsed: Parsed) -> str | None:
    """The mark by which a mail system wrote this, or ``None``."""
    local = (parsed.from_address or "").partition("@")[0]
    sender = parsed.header("from").strip()
    if parsed.headers.get("x-failed-recipients"):
        return "X-Failed-Recipients"
    named = bool(local and mark("system_sender").search(local)) or bool(
        mark("system_name").search(parsed.from_name)
    )
    named = named or (bool(mark("list_sender").search(local)) and _by_machine(parsed))
    null = parsed.from_address is None and ("<>" in sender or bool(mark("system_name").search(sender)))
    if not (named or null) and mark("no_reply").search(local) and parsed.part(*reports.RETURNED_TYPES):
        # A mail system that writes from its service's address: it names the failed one and returns the mail.
        named = mark("named_failure").search(_words_of(parsed)[:4000]) is not None
    if not (named or null):
        if not (
            _by_machine(parsed)
            and _names_failure(parsed)
            and mark("failure_text").search(_words_of(parsed)[:4000])
        ):
            return None
        return f"null return path, subject: {parsed.subject[:80]}"
    if (
        parsed.content_type == "multipart/report"
        or parsed.part(*reports.RETURNED_TYPES)
        or _names_failure(parsed)
    ):
        return f"sent by {sender[:80]}"
    if mark("failure_text").search(_words_of(parsed)[:4000]):
        return f"sent by {sender[:80]}"
    if (
        parsed.header("return-path") == "<>"
        and mark("only_notices").search(local)
        and _tells_of_another(parsed)
    ):
        return f"null return path, sent by {sender[:80]}"
    return None


def _tells_of_another(parsed: Parsed) -> bool:
    """Whether the words name an address that is neither ours nor the sender's: of a language nobody listed."""
    own = {*parsed.to, parsed.from_address}
    return any(address not in own for address in headers.addresses(_words_of(parsed)[:4000]))


def _by_machine(parsed: Parsed) -> bool:
    """Whether the message wants no answer (RFC 3834), or is a list's."""
    return (
        parsed.header("return-path") == "<>"
        or parsed.header("auto-submitted").startswith("auto-")
        or bool(parsed.header("x-mlserver"))
    )


def _names_failure(parsed: Parsed) -> bool:
    return mark("failure_subject").search(parsed.subject) is not None


def _words_of(parsed: Parsed) -> str:
    """The text of a notice; of its HTML where that is all there is."""
    text = parsed.text or ""
    if len(text.strip()) < 20 and parsed.html:
        text += "\n" + _html_text(parsed.html[:200_000])
    return text


def _html_text(html: str) -> str:
    out: list[str] = []
    position = 0
    hidden = False  # inside <style> or <script>
    for tag in _TAG.finditer(html):
        if not hidden:
            out.append(html[position : tag.start()])
        name = tag[2].lower()
        if name in {"style", "script"}:
            hidden = not tag[1]
        if name not in _INLINE:
            out.append("\n")
        position = tag.end()
    if not hidden:
        out.append(html[position:])
    return unescape("".join(out))


def _standard(parsed: Parsed) -> Verdict:
    told: list[reports.Failure] = []
    for part in parsed.parts:
        if part.content_type in reports.REPORT_TYPES:
            told += reports.failures(part)
    if not told:
        return _free_text(parsed, "multipart/report")
    return _told(parsed, told, f"{parsed.content_type} with message/delivery-status")


def _told(parsed: Parsed, told: list[reports.Failure], sign: str) -> Verdict:
    human = notices.cut(_words_of(parsed))
    failed = [failure for failure in told if failure.action not in reports.DELIVERED]
    evidence: tuple[str, ...] = (sign,)
    if not failed:
        return Verdict(
            kind=InboundKind.OTHER,
            detector="delivery_report",
            confidence=1.0,
            evidence=(*evidence, f"action: {told[0].action}"),
        )
    bounces = []
    for failure in failed:
        bounce, phrase = _judged(
            failure, (*failure.words, _about(human.text, failure.recipient, len(failed)))
        )
        bounces.append(bounce)
        evidence += (f"action: {failure.action}, status: {failure.status}",)
        if phrase:
            evidence += (f"{bounce.reason}: {phrase!r}",)
    return Verdict(
        kind=InboundKind.BOUNCE,
        detector="delivery_report",
        confidence=1.0,
        evidence=evidence,
        bounces=tuple(bounces),
    )


def _notified(kind: str, told: list[reports.Failure]) -> Verdict:
    """The verdict on a notification of a delivery service."""
    evidence: tuple[str, ...] = (f"notificationType: {kind}",)
    bounces = tuple(_judged(failure, failure.words)[0] for failure in told)
    if kind == "bounce" and bounces:
        kinds = InboundKind.BOUNCE
    else:
        kinds = InboundKind.COMPLAINT if kind == "complaint" else InboundKind.OTHER
    return Verdict(
        kind=kinds,
        detector="service_notification",
        confidence=1.0,
        evidence=evidence,
        bounces=bounces if kinds is InboundKind.BOUNCE else (),
    )


def _about(text: str, recipient: str | None, count: int) -> str:
    """What the part for people says of one recipient."""
    if count == 1 or recipient is None:
        return text
    at = text.lower().find(recipient)
    return text[at : at + 600] if at >= 0 else ""


def _free_text(parsed: Parsed, sign: str) -> Verdict:
    written = reports.failures_in_text(_words_of(parsed))
    if written:
        return _told(parsed, written, f"{sign}, report in the text")
    notice = notices.cut(_words_of(parsed))
    own = set(parsed.to) | ({parsed.from_address} if parsed.from_address else set())
    returned = returned_headers(parsed) if not notice.returned else notice.returned
    notice = notices.Notice(notice.text, returned)
    named = parsed.headers.get("x-failed-recipients", ())
    told = notices.failures(notice, named, own)
    delayed = mark("delay").search(notice.text) is not None and "permanent" not in notice.text.lower()
    bounces = []
    evidence: tuple[str, ...] = (sign,)
    for failure in told:
        if delayed:
            failure = reports.Failure(
                failure.recipient, "delayed", failure.status, failure.diagnostic, failure.words
            )
        bounce, phrase = _judged(failure, failure.words)
        bounces.append(bounce)
        if phrase:
            evidence += (f"{bounce.reason}: {phrase!r}",)
    return Verdict(
        kind=InboundKind.BOUNCE,
        detector="delivery_notice",
        confidence=0.9 if all(bounce.recipient for bounce in bounces) else 0.7,
        evidence=evidence,
        bounces=tuple(bounces),
    )


def _judged(failure: reports.Failure, words: tuple[str, ...]) -> tuple[Bounce, str | None]:
    """Status, reason and hardness of one failure, with the phrase that gave the reason."""
    closest = failure.diagnostic
    given_up = failure.action == "delayed" and any(map(mark("given_up").search, (closest, *words)))
    temporary = failure.action == "delayed" and not given_up
    status = reasons.choose_status(
        closest, failure.status, words[:1] if closest else words, temporary=temporary
    )
    if given_up and status.startswith("4"):
        status = f"5{status[1:]}"  # RFC 3463, section 2: no try will follow
    told = closest or next((said for said in map(notices.said, words[:2]) if said), "")
    near = "" if failure.status or closest else words[0][:_NEAR] if words else ""
    name, hard, phrase = reasons.choose(
        (told, failure.recipient or "", near),
        words,
        status,
        temporary=temporary,
        category=failure.category,
    )
    diagnostic = told or next((word for word in words if word), "")
    return (
        Bounce(
            recipient=failure.recipient,
            hard=hard,
            status=status,
            reason=name,
            diagnostic=" ".join(diagnostic.split())[:500] or None,
        ),
        phrase,
    )
