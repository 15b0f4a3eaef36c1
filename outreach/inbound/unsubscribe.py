"""Unsubscribing by mail: what a mail client sends when its user presses the button that List-Unsubscribe
(RFC 2369) offers. Only the prefilled command counts here; a sentence that asks for it is a human reply.
"""

from __future__ import annotations

import re

from outreach.inbound.parse import Parsed
from outreach.inbound.tokens import tokens_in
from outreach.model.states import InboundKind
from outreach.model.values import Verdict

#: The command in the subject or body of the prefilled mail, with or without our token, in brackets or bare.
_COMMAND = re.compile(
    r"[\[(<\"']?unsubscribe[\])>\"']?(?:[\s:=]+[\[(<]?(?P<rest>[^\s\[\]()<>]{1,200})[\])>]?)?", re.IGNORECASE
)
_TOKEN_FIRST = re.compile(r"[\[(<]?or-[a-z2-7]{26}[\])>]?\s+unsubscribe", re.IGNORECASE)
_MAX_BODY = 2_000  # characters, with the signature a phone appends
_BY_CLIENT = re.compile(r"apple mail sent this email to unsubscribe", re.IGNORECASE)
_EMPTY_SUBJECTS = {"", "unsubscribe", "(no subject)", "no subject"}
_MOBILE = re.compile(
    r"\n\s*(?:--\s*\n|sent from my |get outlook for |envoyé de |von meinem ).*\Z", re.IGNORECASE | re.DOTALL
)


def is_command(text: str) -> bool:
    """Whether ``text`` is the unsubscribe command and nothing else."""
    text = text.strip()
    if len(text) > 300:
        return False
    if _TOKEN_FIRST.fullmatch(text):
        return True
    found = _COMMAND.fullmatch(text)
    if found is None:
        return False
    rest = found["rest"]
    return rest is None or any(True for _ in tokens_in(rest)) or "@" in rest


def detect(parsed: Parsed) -> Verdict | None:
    """An unsubscribe command, or ``None``. Its token, where there is one, is found by ``match.clues``."""
    # Apple Mail marks the command it sends as automatic.
    automatic = parsed.header("auto-submitted").lower().startswith("auto-replied")
    if automatic and not _BY_CLIENT.match((parsed.text or "").lstrip()):
        return None
    if len(parsed.text or "") > _MAX_BODY:
        return None
    body = _MOBILE.sub("", "\n" + (parsed.text or "")).strip()
    subject = parsed.subject.strip()
    evidence: str | None = None
    if is_command(subject) and (not body or is_command(body) or len(body) < 120):
        evidence = f"subject: {subject[:80]}"
    elif is_command(body) and (subject.lower() in _EMPTY_SUBJECTS or not subject.lower().startswith("re:")):
        evidence = f"body: {body[:80]}"
    if evidence is None:
        return None
    certain = (
        _BY_CLIENT.match(body) is not None
        or any(True for _ in tokens_in(f"{subject} {body}"))
        or is_command(body)
        or not body
    )
    return Verdict(
        kind=InboundKind.UNSUBSCRIBE,
        detector="unsubscribe_command",
        confidence=1.0 if certain else 0.8,
        evidence=(evidence,),
    )
