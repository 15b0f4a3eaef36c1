"""A person's words without who they are, as far as that can be told: for improving the phrases."""

from __future__ import annotations

import re
from collections.abc import Iterable

from outreach.inbound.tokens import tokens_in

_RULES = (
    (re.compile(r"https?://\S+|www\.\S+", re.IGNORECASE), "[link]"),
    (re.compile(r"[^\s<>()\"',;:]+@[^\s<>()\"',;:]+"), "[address]"),
    (re.compile(r"\+?\(?\d[\d\s/().-]{5,}\d"), "[number]"),
)
_WORD = re.compile(r"\w+(?:[-'’]\w+)*")


def anonymous(text: str, names: Iterable[str]) -> str:
    """``text`` on one line; addresses, links, long numbers, our tokens and every word of ``names`` (of persons
    and of the municipality) are replaced by what they are."""
    for token in tokens_in(text):
        text = text.replace(f"[{token}]", " ").replace(token, " ")
    for pattern, instead in _RULES:
        text = pattern.sub(instead, text)
    words = [word for name in names for word in _WORD.findall(name) if not word.isdigit()]
    known = {word.casefold() for word in words if len(word) > 2}
    short = {word for word in words if len(word) <= 2 and word[0].isupper()}  # An and Jo, not "de"

    def shown(found: re.Match[str]) -> str:
        return "[name]" if found[0].casefold() in known or found[0] in short else found[0]

    text = _WORD.sub(shown, text)
    text = " ".join(text.split()).replace("[[", "[").replace("]]", "]")
    return re.sub(r"\[name\](?: \[name\])+", "[name]", text)
