"""Small pictures, made on the spot."""

from __future__ import annotations

import struct
import zlib


def png(width: int, height: int, *, more: bytes = b"") -> bytes:
    """A PNG of one blue, with ``more`` in a text chunk."""
    row = b"\0" + b"\x1f\x4a\xa8" * width
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        *([(b"tEXt", more)] if more else []),
        (b"IDAT", zlib.compress(row * height)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
