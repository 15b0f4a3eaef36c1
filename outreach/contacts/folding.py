"""Text made comparable: two spellings of one name fold to the same string."""

from __future__ import annotations

import re
import unicodedata

# Letters that Unicode does not take apart into a base letter and a mark.
_UNDECOMPOSED = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ħ": "h", "ŧ": "t", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th", "ð": "d"}
)
_NOT_WORD = re.compile(r"[\W_]+")

#: Characters that take no room on the screen: they come with text copied from web pages and PDF files.
INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\x00-\x08\x0e-\x1f\x7f]"
)


def fold(text: str) -> str:
    """Lower case without accents and punctuation, words joined by single spaces; may be empty."""
    text = text.casefold()
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text).translate(_UNDECOMPOSED)
        text = "".join([c for c in text if not unicodedata.combining(c)])
        # The marks and the compatibility forms may have hidden capitals or a final sigma.
        text = text.casefold()
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
