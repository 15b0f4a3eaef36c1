"""Text as the body of a MIME part, its constants encoded once: a message encodes only its own values.

A text is given as :data:`Parts`: constants, and the numbers of slots for values. It is encoded in each of the
three ways a mail can carry it, and the smallest that the server takes is used:

- ``8bit`` (RFC 6152): the text as it is. Needs a server with 8BITMIME, and lines of at most 998 octets.
- ``quoted-printable``: the smaller one for languages that are mostly ASCII. A soft line break stands before and
  behind each value, so that what is constant does not depend on it.
- ``base64``: for all others. Three bytes become four characters, so what a constant becomes depends on how many
  bytes before it are left over: 0, 1 or 2. All three forms are made beforehand. Lines are then of different
  lengths, none longer than 76 characters, which RFC 2045 (section 6.8) allows.

Line ends are CRLF, as the canonical form of text asks (RFC 2046, section 4.1.1). What is decoded is the text to
the byte, whichever way was taken. No line begins with a dot, so that nothing has to be doubled on the way (RFC
5321, section 4.5.2).
"""

from __future__ import annotations

import binascii
from collections.abc import Sequence
from functools import cached_property
from operator import itemgetter
from typing import NamedTuple

#: A constant, or the number of the slot a value goes into.
Parts = Sequence[str | int]
_Raw = Sequence[bytes | int]

#: Octets of a line, without its end (RFC 5322, section 2.1.1).
_LINE = 998
#: Characters of a line of base64 or quoted-printable text (RFC 2045, sections 6.7 and 6.8).
_ENCODED_LINE = 76
_SOFT = b"=\r\n"


ENCODINGS = ("base64", "quoted-printable", "8bit")


class Encoded(NamedTuple):
    """The body of a part, and its Content-Transfer-Encoding."""

    encoding: str  # of ENCODINGS
    pieces: Sequence[bytes]  # side by side: so that a whole message is joined once

    @property
    def lines(self) -> bytes:
        return b"".join(self.pieces)


class Form:
    """One text with slots, to be filled for any number of messages."""

    def __init__(self, parts: Parts) -> None:
        self._raw = [part if isinstance(part, int) else canonical(part) for part in parts]
        self._plain = _eight_bit(self._raw)

    # The others only when a server needs them: to encode the constants takes as long as hundreds of mails.

    @cached_property
    def _base64(self) -> _Base64:
        return _Base64(self._raw)

    @cached_property
    def _quoted(self) -> _Joined | None:
        quoted = _quoted(self._raw)
        return quoted if quoted.size < self._base64.size else None

    def fill(self, values: Sequence[bytes], *, eight_bit: bool) -> Encoded:
        """The text with ``values`` (UTF-8, without line ends) in their slots. ``eight_bit``: the server takes it."""
        if eight_bit and self._plain is not None and (pieces := self._plain.fill(values)) is not None:
            return Encoded("8bit", pieces)
        if self._quoted is not None:
            pieces = self._quoted.fill([_quoted_value(value) for value in values])
            if pieces is not None:
                return Encoded("quoted-printable", pieces)
        return Encoded("base64", self._base64.fill(values))


def base64_lines(raw: bytes) -> bytes:
    """``raw`` in base64, in lines of 76 characters with CRLF."""
    encoded = binascii.b2a_base64(raw, newline=False)
    size = len(encoded)
    if size <= _ENCODED_LINE:
        return encoded + b"\r\n" if encoded else b""
    if size <= 2 * _ENCODED_LINE:
        return b"%b\r\n%b\r\n" % (encoded[:_ENCODED_LINE], encoded[_ENCODED_LINE:])
    lines = [encoded[start : start + _ENCODED_LINE] for start in range(0, size, _ENCODED_LINE)]
    lines.append(b"")
    return b"\r\n".join(lines)


def canonical(text: str) -> bytes:
    """``text`` in UTF-8, its lines ended by CRLF."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.encode("utf-8", "replace").replace(b"\n", b"\r\n")


class _Joined:
    """A text whose constants and values are simply put side by side."""

    def __init__(
        self,
        pieces: _Raw,
        longest: int,
        first: Sequence[int] = (),
        lines: Sequence[tuple[int, Sequence[int]]] = (),
    ) -> None:
        """``longest``: octets every value may have. ``first``: slots of values that begin a line. ``lines``: the
        octets of room in a line and its slots, to look closer when a value is longer."""
        self._constants = [piece for piece in pieces if isinstance(piece, bytes)]
        self.size = sum(map(len, self._constants))
        # where each piece stands when the values are put behind the constants
        order, constants = [], 0
        for piece in pieces:
            if isinstance(piece, int):
                order.append(len(self._constants) + piece)
            else:
                order.append(constants)
                constants += 1
        self._in_order = itemgetter(*order, slice(0, 0))  # of one place alone it would give no tuple
        self._slots = sorted({piece for piece in pieces if isinstance(piece, int)})
        self._longest = longest
        self._first = first
        self._lines = lines

    def fill(self, values: Sequence[bytes]) -> Sequence[bytes] | None:
        """``None``: a value does not fit."""
        for slot in self._first:
            if values[slot].startswith(b"."):
                return None
        longest = self._longest
        for slot in self._slots:
            if len(values[slot]) > longest and not self._has_room(values):
                return None
        pieces: tuple[bytes, ...] = self._in_order([*self._constants, *values])[:-1]
        return pieces

    def _has_room(self, values: Sequence[bytes]) -> bool:
        return bool(self._lines) and all(
            sum(len(values[slot]) for slot in slots) <= room for room, slots in self._lines
        )


def _eight_bit(raw: _Raw) -> _Joined | None:
    """``None``: a constant line is too long or begins with a dot, or there is a NUL."""
    first: set[int] = set()
    rows: list[tuple[int, Sequence[int]]] = []
    constant = 0  # octets of the line so far, and its slots
    slots: list[int] = []
    # The line end before a boundary belongs to the boundary: the text's own stands before that.
    whole = [*raw, b"\r\n"]
    for part in whole:
        if isinstance(part, int):
            if constant == 0:
                first.add(part)
            slots.append(part)
            continue
        head, *lines = part.split(b"\r\n")
        if b"\0" in part or (head.startswith(b".") and constant == 0):
            return None
        constant += len(head)
        for line in lines:
            room = _LINE - constant
            if room < 0 or line.startswith(b"."):
                return None
            if slots:
                rows.append((room, slots))
            constant, slots = len(line), []
    longest = min((room // len(slots) for room, slots in rows), default=_LINE)
    return _Joined(whole, longest, tuple(first), rows)


def _quoted(raw: _Raw) -> _Joined:
    pieces: list[bytes | int] = []
    for part in (*raw, b"\r\n"):
        if isinstance(part, int):
            pieces += [part, _SOFT]
        else:
            pieces.append(_quoted_lines(part))
    return _Joined(pieces, _ENCODED_LINE - 1)


def _quoted_lines(raw: bytes) -> bytes:
    """Quoted-printable, beginning a line, and ending with a line end, if need be a soft one."""
    done: list[bytes] = []
    lines = raw.split(b"\r\n")
    for number, line in enumerate(lines):
        is_last = number == len(lines) - 1
        current = ""
        for at, byte in enumerate(line):
            ends = at == len(line) - 1 and not is_last
            unit = _QUOTED[byte]
            if (byte in b" \t" and ends) or (byte == 0x2E and not current):
                unit = f"={byte:02X}"
            if len(current) + len(unit) > _ENCODED_LINE - 1:
                done.append(current.encode() + _SOFT)
                current = unit if byte != 0x2E else "=2E"
            else:
                current += unit
        if not is_last:
            done.append(current.encode() + b"\r\n")
        elif current:
            done.append(current.encode() + _SOFT)
    return b"".join(done)


_QUOTED = [
    chr(byte) if byte in b"\t " or (0x21 <= byte <= 0x7E and byte != 0x3D) else f"={byte:02X}"
    for byte in range(256)
]


def _quoted_value(value: bytes) -> bytes:
    """A value as it stands between two soft line breaks; longer than a line where it does not fit into one."""
    if not value.startswith(b".") and value.isalnum():
        return value
    lines = _quoted_lines(value)[: -len(_SOFT)]
    return lines if _SOFT not in lines else b"=" * _ENCODED_LINE


class _Base64:
    """A text in base64 of which each constant is encoded in its three forms."""

    def __init__(self, raw: _Raw) -> None:
        self._parts = [part if isinstance(part, int) else _forms(part) for part in raw]
        self.size = sum(len(part[0][1]) for part in self._parts if not isinstance(part, int))

    def fill(self, values: Sequence[bytes]) -> Sequence[bytes]:
        parts: list[bytes] = []
        left = b""  # what is not encoded yet
        for part in self._parts:
            if isinstance(part, int):
                left += values[part]
                continue
            head, middle, tail = part[len(left) % 3]
            left += head
            if middle:
                if left:
                    parts.append(base64_lines(left))
                parts.append(middle)
                left = tail
            else:
                left += tail
        parts.append(base64_lines(left))
        return parts


def _forms(raw: bytes) -> tuple[tuple[bytes, bytes, bytes], ...]:
    """For 0, 1 and 2 bytes left over before ``raw``: the bytes that fill up their group, the encoded lines of
    the whole groups after them, and the bytes that are left over at the end."""
    if len(raw) < _WORTH:
        return ((raw, b"", b""),) * 3
    forms = []
    for left in range(3):
        head = -left % 3
        tail = head + (len(raw) - head) // 3 * 3
        forms.append((raw[:head], base64_lines(raw[head:tail]), raw[tail:]))
    return tuple(forms)


#: Bytes below which a constant is not worth three forms of its own.
_WORTH = 64
