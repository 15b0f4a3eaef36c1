"""Text made comparable: two spellings of one name fold to the same string."""

from __future__ import annotations

import re
import unicodedata

# Letters that Unicode does not take apart into a base letter and a mark.
_UNDECOMPOSED = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ħ": "h", "ŧ": "t", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th", "ð": "d"}
)
_MARKS = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+")
_NOT_WORD = re.compile(r"[\W_]+")

#: Characters that take no room on the screen: they come with text copied from web pages and PDF files.
INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\x00-\x08\x0e-\x1f\x7f]"
)


def fold(text: str) -> str:
    """Lower case without accents and punctuation, words joined by single spaces; may be empty."""
    text = text.casefold()
    if not text.isascii():
        text = _MARKS.sub("", unicodedata.normalize("NFKD", text))
        if not text.isascii():
            # Compatibility forms may have hidden capitals.
            text = text.translate(_UNDECOMPOSED).casefold()
    return _NOT_WORD.sub(" ", text).strip()


def tidy(text: str) -> str:
    """``text`` without invisible characters, any run of white space (line breaks too) one space."""
    # Nothing but visible characters and plain spaces: nearly always.
    if text.isprintable():
        if "  " not in text and text[:1] != " " and text[-1:] != " ":
            return text
    else:
        text = INVISIBLE.sub("", text)
    return " ".join(text.split())
