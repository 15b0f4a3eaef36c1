"""A picture of the sender's as a part of its mails: read, measured, and refused where mail programs could not
show it. What the formats' first bytes mean stands in PNG (ISO 15948, 11.2.2), GIF89a (section 18) and JPEG (ITU
T.81, B.2.2).
"""

from __future__ import annotations

import hashlib
import struct
from base64 import b64decode, b64encode

from outreach.delivery.segments import base64_lines
from outreach.errors import InputError
from outreach.model.values import Picture

#: It goes with every mail: of 10,000 mails, a gigabyte.
MAX_BYTES = 100_000
#: A logo is shown within this box, in CSS pixels; it may have more of its own, for sharp screens.
MAX_WIDTH, MAX_HEIGHT = 240, 72
_MAX_PIXELS = 4000

_SAVE_AS = "Save the logo as PNG, JPEG or GIF"
#: JPEG's frame headers, which hold the size (T.81, table B.1): SOF0 to SOF15 without DHT, JPG and DAC.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def read(data: bytes, domain: str) -> Picture:
    """The picture in ``data``, to be named under ``domain``, in the size in which it is shown.

    Raises ``InputError`` for what is no whole PNG, JPEG or GIF, or too large. Its message begins with the verb.
    """
    kind, ending = _kind(data)
    if not data.rstrip(b"\0").endswith(ending):
        raise InputError("ends too early: it is only a part of a picture.", "Copy the file once more.")
    if len(data) > MAX_BYTES:
        raise InputError(
            f"has {len(data):,} bytes; it goes with every mail, and may have {MAX_BYTES:,}.",
            f"Save it smaller: {2 * MAX_WIDTH} pixels of width are enough.",
        )
    width, height = _SIZES[kind](data)
    if not (0 < width <= _MAX_PIXELS and 0 < height <= _MAX_PIXELS):
        raise InputError(
            f"measures {width:,} by {height:,} pixels.",
            f"Save it with 1 to {_MAX_PIXELS:,} on each side; {2 * MAX_WIDTH} of width are enough.",
        )
    scale = min(1.0, MAX_WIDTH / width, MAX_HEIGHT / height)
    return Picture(
        content_id=f"{hashlib.sha256(data).hexdigest()[:16]}@{domain}",
        kind=kind,
        width=max(1, round(width * scale)),
        height=max(1, round(height * scale)),
        data=b64encode(data).decode("ascii"),
    )


def part(picture: Picture, what: str = "logo") -> bytes:
    """The picture as a part of a message, its header included, without a delimiter. ``what``: the name of its file."""
    name = f"{what}.{picture.kind.removeprefix('image/')}"
    head = (
        f'Content-Type: {picture.kind}; name="{name}"',
        "Content-Transfer-Encoding: base64",
        f"Content-ID: <{picture.content_id}>",
        f'Content-Disposition: inline; filename="{name}"',
        *("", ""),
    )
    return "\r\n".join(head).encode("ascii") + base64_lines(b64decode(picture.data))


def _kind(data: bytes) -> tuple[str, bytes]:
    """The type of the picture and the bytes it ends with."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png", b"IEND\xaeB`\x82"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif", b";"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg", b"\xff\xd9"
    start = data[:1000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<svg", b"<?xml")):
        raise InputError(
            "is an SVG drawing, which neither Outlook nor Gmail shows in a mail.", f"{_SAVE_AS}."
        )
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        raise InputError("is a WebP picture, which Outlook does not show.", f"{_SAVE_AS}.")
    raise InputError(
        "is empty." if not data else "is no picture that mail programs show.",
        f"{_SAVE_AS}, and name that file.",
    )


def _png(data: bytes) -> tuple[int, int]:
    return struct.unpack(">II", data[16:24]) if len(data) >= 24 else (0, 0)


def _gif(data: bytes) -> tuple[int, int]:
    return struct.unpack("<HH", data[6:10]) if len(data) >= 10 else (0, 0)


def _jpeg(data: bytes) -> tuple[int, int]:
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        if data[at + 1] in _FRAMES:
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big") if data[at + 1] != 0xFF else 1
    return 0, 0


_SIZES = {"image/png": _png, "image/gif": _gif, "image/jpeg": _jpeg}
