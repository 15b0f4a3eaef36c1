"""An HTML body as lines of text: one for each block or ``<br>``, quoted ones marked with ``>``.

Only what is needed to read a letter: no styles, no tables drawn. Linear in the size of the body.
"""

from __future__ import annotations

import re
from html import unescape

#: A line that says: from here on the quoted message.
CUT = "\x00cut"

_TOKEN = re.compile(
    r"<!--.*?(?:-->|\Z)|<[!?][^>]*>?|<(/?)([a-zA-Z][a-zA-Z0-9:]*)([^>]*)>?|([^<]+|<)", re.DOTALL
)
_SPACE = re.compile(r"[ \t\r\n\f]+")
_BLOCKS = frozenset(
    {
        *(
            "p",
            "div",
            "br",
            "tr",
            "li",
            "ul",
            "ol",
            "table",
            "hr",
            "blockquote",
            "h1",
            "h2",
            "h3",
            "h4",
            "h5",
        ),
        *("h6", "body", "section", "article", "header", "footer", "dd", "dt", "pre"),
    }
)
_HIDDEN = frozenset({"style", "script", "head", "title"})
_VOID = frozenset({"br", "hr", "img", "meta", "link", "input", "col", "area", "base", "wbr"})
_CUTS = re.compile(
    r"divRplyFwdMsg|appendonsend|__QUOTED_TEXT__|OutlookMessageHeader|yahoo_quoted|protonmail_quote"
    r"|border-top:\s?solid\s+#?\w+\s+1|border-top:\s?1(?:\.0)?p[tx]\s+solid|tutanota_quote|zmail_extra|gmx-quote|"
    r"mail-quote-collapse|stopSpelling|zwchr",
    re.IGNORECASE,
)
_SIGNATURES = re.compile(
    r"moz-signature|gmail_signature|__SIG_P|ms-outlook-mobile-signature|id=[\"']?Signature|mobileSignature"
    r"|protonmail_signature_block|AppleMailSignature",
    re.IGNORECASE,
)
_ATTRIBUTIONS = re.compile(r"moz-cite-prefix|gmail_attr|moz-forward-container", re.IGNORECASE)


def html_lines(html: str) -> list[str]:
    """The lines of ``html``; :data:`CUT` stands where its markup says that the quoted message begins."""
    lines: list[str] = []
    current: list[str] = []
    open_tags: list[tuple[str, str]] = []  # name and what it does: "", "quote", "drop"
    quotes = drops = hidden = 0
    for comment_or_tag in _TOKEN.finditer(html):
        closing, name, attributes, text = comment_or_tag.groups()
        if text is not None:
            if not (drops or hidden):
                current.append(text)
            continue
        if name is None:
            continue
        name = name.lower()
        if name in _HIDDEN:
            hidden = max(0, hidden - 1) if closing else hidden + (not attributes.endswith("/"))
            continue
        if hidden:
            continue
        if name in _BLOCKS:
            _end_line(lines, current, quotes)
        if closing:
            for at in range(len(open_tags) - 1, max(-1, len(open_tags) - 60), -1):
                if open_tags[at][0] == name:
                    for _, effect in open_tags[at:]:
                        quotes -= effect == "quote"
                        drops -= effect == "drop"
                    del open_tags[at:]
                    break
            continue
        if name in _VOID or attributes.endswith("/"):
            if _CUTS.search(attributes):
                lines.append(CUT)
            continue
        effect = ""
        if name == "blockquote":
            effect = "quote"
        elif attributes and len(attributes) < 2000:
            if _CUTS.search(attributes):
                lines.append(CUT)
            elif _SIGNATURES.search(attributes) or _ATTRIBUTIONS.search(attributes):
                effect = "drop"
        quotes += effect == "quote"
        drops += effect == "drop"
        open_tags.append((name, effect))
    _end_line(lines, current, quotes)
    return lines


def _end_line(lines: list[str], current: list[str], quotes: int) -> None:
    text = _SPACE.sub(" ", unescape("".join(current))).replace("\u00a0", " ").strip()
    had = bool(current)
    current.clear()
    if text or (had and lines and lines[-1]):
        lines.append(f"> {text}" if quotes > 0 else text)
