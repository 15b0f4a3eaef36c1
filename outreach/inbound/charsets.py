"""Bytes -> text, whatever a message claims about its charset. Nothing here raises.

Declared charsets are wrong often enough that they are a hint: what is valid UTF-8 is UTF-8, Latin-1 is read
as Windows-1252 (as the WHATWG encoding standard does), and what fits nothing is read by its bytes.
"""

from __future__ import annotations

import codecs
import re
from functools import lru_cache

# Python codecs that are no charset of a message, or that cost more than linear time.
_REFUSED = frozenset({"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape", "mbcs", "oem"})

# Read the declared charset as its superset: mail clients label the one and write the other.
_SUPERSETS = {
    "iso8859-1": "cp1252",
    "ascii": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
}

# Charsets in which bytes above 127 say nothing by themselves; text in them that is valid UTF-8 is UTF-8.
_SINGLE_BYTE = re.compile(r"cp\d+|iso8859-\d+|koi8|mac|ascii|latin|tis-620|hp-roman")


@lru_cache(maxsize=512)
def codec_name(charset: str) -> str | None:
    """Python's name of the charset, its superset where the label is commonly wrong, or ``None``."""
    try:
        info = codecs.lookup(charset.strip().strip("\"'").removeprefix("cs").replace("_8859_", "-8859-"))
    except (LookupError, ValueError, UnicodeError):
        return None
    if info.name in _REFUSED or not getattr(info, "_is_text_encoding", True):
        return None
    return _SUPERSETS.get(info.name, info.name)


def decode(data: bytes, charset: str | None = None) -> str:
    """``data`` as text: UTF-8 where it fits, the declared charset, else the code page its bytes look like.

    Never holds a NUL, which no database takes, nor a lone surrogate.
    """
    text = _decoded(data, charset)
    return text.replace("\x00", "") if "\x00" in text else text


def _decoded(data: bytes, charset: str | None) -> str:
    if data.isascii() and not (charset and charset[:3].lower() in {"iso", "utf", "hz-"}):
        return data.decode("ascii")
    name = codec_name(charset[:64]) if charset else None
    if name is None or _SINGLE_BYTE.match(name):
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError:
            pass
    if name is not None:
        if name == "utf-8":
            name = "utf-8-sig"
        try:
            text = data.decode(name)
        except (UnicodeError, ValueError):
            text = ""
        if text or not data:
            return _paired(text, name)
        if name in {"utf-8-sig", "cp1252"} or not _SINGLE_BYTE.match(name):
            return _mostly(data, name)
    return _guessed(data)


def _paired(text: str, name: str) -> str:
    """Without lone surrogates, which the decoder of UTF-7 lets through."""
    return text.encode("utf-8", "replace").decode("utf-8") if name == "utf-7" else text


def _mostly(data: bytes, name: str) -> str:
    """The charset that nearly fits, or a guess where it fits badly."""
    try:
        text = data.decode(name, "replace")
    except (UnicodeError, ValueError):
        return _guessed(data)
    text = _paired(text, name)
    bad = text.count("\ufffd")
    return text if bad * 100 <= len(text) and name != "cp1252" else _guessed(data)


# What stands between letters when a letter was read as something else, or is in no language of the EU.
_NO_LETTER = re.compile(
    r"(?<=[^\W\d_])[\ufffd\u00a1-\u00a9\u00ab\u00ac\u00ae-\u00b6\u00b8\u00b9\u00bb-\u00bf\u00d7\u00f7](?=[^\W\d_])"
)
_HIGH = bytes(range(0xC0, 0x100))
_LETTERS = _HIGH + b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_OTHERS = bytes(set(range(256)) - set(_LETTERS))
_GREEK_ACCENTED = b"\xdc\xdd\xde\xdf\xfc\xfd\xfe"  # in Windows-1253 and ISO 8859-7 alike


# The code pages of Europe's Latin alphabets, in the order in which they are believed where nothing tells them apart.
_LATIN = ("cp1252", "cp1250", "iso8859-2", "cp1257", "iso8859-13", "iso8859-16")
_SPECIMEN = 8192  # bytes that are read to tell them apart


def _guessed(data: bytes) -> str:
    """Text of a nameless code page: Cyrillic and Greek show in the share of letters above 127, the Latin ones
    in which language their letters and words make sense."""
    if b"\x00" in data:
        return data.decode("latin-1")
    sample = data[:65536].translate(None, _OTHERS)
    high = len(sample) - len(sample.translate(None, _HIGH))
    if sample and high * 2 > len(sample):
        greek = sum(sample.count(byte) for byte in _GREEK_ACCENTED)
        name = "cp1253" if greek * 12 > high and greek > sample.count(b"\xe0") else "cp1251"
    else:
        name = _latin(data[:_SPECIMEN])
    return data.decode(name, "replace")


def _latin(data: bytes) -> str:
    from outreach.inbound.language import scores  # only what names no charset needs it

    best, most = "cp1252", 0.0
    for name in _LATIN:
        text = data.decode(name, "replace")
        told = next(iter(scores(text).values()), 0.0) - 2 * len(_NO_LETTER.findall(text))
        if told > most:
            best, most = name, told
    return best
