"""The tokens of our own mail, as they come back: ``or-`` and 26 characters of base32."""

from __future__ import annotations

import re
from collections.abc import Iterator

_TOKEN = re.compile(r"(?<![A-Za-z0-9])or-[a-z2-7]{26}(?![A-Za-z0-9])", re.IGNORECASE)
_BRACKETED = re.compile(r"[ \t]*(?:\[" + _TOKEN.pattern + r"\]|" + _TOKEN.pattern + ")", re.IGNORECASE)
_MAX_TEXT = 200_000  # characters looked at


def tokens_in(text: str) -> Iterator[str]:
    """Every token in ``text``, in lower case."""
    lowered = text[:_MAX_TEXT]
    if "or-" in lowered or "OR-" in lowered or "Or-" in lowered:
        for found in _TOKEN.finditer(lowered):
            yield found[0].lower()


def without_tokens(text: str) -> str:
    """``text`` without our tokens and the brackets around them: they are random, and nobody's words."""
    if "or-" not in text.lower():
        return text
    return _BRACKETED.sub("", text)
