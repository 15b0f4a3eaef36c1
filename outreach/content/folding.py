"""HTML in short lines. A mail carries lines of at most 998 octets as they are (RFC 5322, section 2.1.1); longer
ones have to be encoded, which makes every copy of the mail a third larger and slower to write.

Folded is only where HTML takes any white space for one space: between words, between attributes, at the end of a
rule of a style sheet; never within a comment, a quoted value or preformatted text, and never before a dot, which
SMTP has to double at the beginning of a line. Where a line is folded depends on the template alone, not on values:
what is hidden (:mod:`outreach.content.tags`) begins a line of its own if it is in an attribute, as it may stand for
a long link.
"""

from __future__ import annotations

import re

#: Octets of a line, where there is a place to fold it.
_WIDTH = 120
_TOKEN = re.compile(
    r"(?P<mso><!--\[if[^\]]*\]>(?:<!-->)?)"
    r"|<!--.*?-->|<!\[endif\]-->"
    r"|(?P<style><style\b.*?</style>)"
    r"|<(?P<kept>pre|textarea|script)\b.*?</(?P=kept)>"
    r"|(?P<tag><[A-Za-z](?:[^>\"']|\"[^\"]*\"|'[^']*')*>)"
    r"|(?P<text>[^<]+)",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(r"\s+([^\s=>\"'/]+(?:\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s>\"']+))?)")


def fold(html: str, hidden: re.Pattern[str]) -> str:
    """``html`` with line ends instead of some of its spaces. ``hidden`` finds the words that stand for tags."""
    folding = _Folding(hidden)
    at = 0
    for token in _TOKEN.finditer(html):
        folding.keep(html[at : token.start()])
        at = token.end()
        match token.lastgroup:
            case "tag":
                folding.tag(token.group())
            case "text":
                folding.text(token.group())
            case "style":
                folding.style(token.group())
            case _:
                folding.keep(token.group())
    folding.keep(html[at:])
    return "".join(folding.parts)


class _Folding:
    def __init__(self, hidden: re.Pattern[str]) -> None:
        self.parts: list[str] = []
        self._hidden = hidden
        self._width = 0

    def keep(self, text: str) -> None:
        if text:
            self.parts.append(text)
            line = text.rpartition("\n")
            self._width = len(line[2].encode()) + (0 if line[1] else self._width)

    def tag(self, text: str) -> None:
        at = 0
        for found in _ATTRIBUTE.finditer(text):
            self.keep(text[at : found.start()])
            attribute = found[1]
            self._between(attribute, bool(self._hidden.search(attribute)))
            at = found.end()
        self.keep(text[at:])

    def text(self, text: str) -> None:
        first, *words = text.split(" ")
        self.keep(first)
        for word in words:
            if word and not word[0].isspace():
                self._between(word, False)
            else:
                self.keep(" " + word)

    def style(self, text: str) -> None:
        first, *rules = text.split("}")
        self.keep(first)
        for rule in rules:
            self.keep("\n}" if self._width > _WIDTH else "}")
            self.keep(rule)

    def _between(self, text: str, alone: bool) -> None:
        fits = self._width + 1 + len(text.encode()) <= _WIDTH or text.startswith(".")
        self.keep((" " if fits and not alone else "\n") + text)
