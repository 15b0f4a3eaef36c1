"""Text as base64 lines, its constant parts encoded once.

Base64 turns three bytes into four characters, so what a constant part becomes depends on how many bytes of the
text before it are left over: 0, 1 or 2. All three forms are made beforehand; a message encodes only what
stands between. Lines are then of different lengths, none longer than 76 characters, which RFC 2045 (section
6.8) allows: a reader drops the line ends. What is decoded is the same to the byte.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterable, Sequence

#: Bytes below which a constant part is not worth three forms of its own.
_WORTH = 64


class Base64Text:
    """Encodes texts made of the same constant parts again and again."""

    def __init__(self, constants: Iterable[str] = ()) -> None:
        self._short: dict[str, bytes] = {}
        self._forms: dict[str, tuple[tuple[bytes, bytes, bytes], ...]] = {}
        for text in constants:
            if "\r" not in text:
                raw = _canonical(text)
                if len(raw) < _WORTH:
                    self._short[text] = raw
                else:
                    self._forms[text] = _forms(raw)

    def lines(self, text: str | Sequence[str]) -> bytes:
        """``text``, whole or in pieces, in UTF-8 as base64 lines with CRLF at their ends; its own lines end
        with CRLF, as the canonical form of text asks (RFC 2046, section 4.1.1)."""
        if isinstance(text, str):
            return base64_lines(_canonical(text))
        forms, short = self._forms, self._short
        parts: list[bytes] = []
        left = b""  # what is not encoded yet
        for piece in text:
            if (long := forms.get(piece)) is not None:
                head, middle, tail = long[len(left) % 3]
                left += head
                if left:
                    parts.append(base64_lines(left))
                parts.append(middle)
                left = tail
            elif (raw := short.get(piece)) is not None:
                left += raw
            elif "\r" in piece:  # could be half of a line end
                return base64_lines(_canonical("".join(text)))
            else:
                left += piece.encode("utf-8", "replace").replace(b"\n", b"\r\n")
        parts.append(base64_lines(left))
        return b"".join(parts)


def base64_lines(raw: bytes) -> bytes:
    encoded = binascii.b2a_base64(raw, newline=False)
    size = len(encoded)
    if size <= 76:
        return encoded + b"\r\n" if encoded else b""
    if size <= 152:
        return b"%b\r\n%b\r\n" % (encoded[:76], encoded[76:])
    lines = [encoded[start : start + 76] for start in range(0, size, 76)]
    lines.append(b"")
    return b"\r\n".join(lines)


def _canonical(text: str) -> bytes:
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.encode("utf-8", "replace").replace(b"\n", b"\r\n")


def _forms(raw: bytes) -> tuple[tuple[bytes, bytes, bytes], ...]:
    """For 0, 1 and 2 bytes left over before ``raw``: the bytes that fill up their group, the encoded lines of
    the whole groups after them, and the bytes that are left over at the end."""
    forms = []
    for left in range(3):
        head = -left % 3
        tail = head + (len(raw) - head) // 3 * 3
        forms.append((raw[:head], base64_lines(raw[head:tail]), raw[tail:]))
    return tuple(forms)
