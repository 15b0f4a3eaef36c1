from __future__ import annotations

import struct
import zlib
from base64 import b64decode
from email import message_from_bytes

import pytest

from outreach.delivery import pictures
from outreach.errors import InputError
from tests.samples.pictures import png

_JPEG = (
    b"\xff\xd8\xff\xe0\x00\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0"  # APP0
    b"\xff\xc4\x00\x04\0\0"  # a table, whose marker looks like a frame's
    b"\xff\xff\xc2\x00\x0b\x08"
    + struct.pack(">HH", 36, 480)
    + b"\x01\x01\x11\0"
    + b"\xff\xda\0\x02..\xff\xd9"
)
_GIF = b"GIF89a" + struct.pack("<HH", 100, 36) + b"\0\0\0;"


@pytest.mark.parametrize(
    ("data", "kind", "size"),
    [
        (png(480, 96), "image/png", (240, 48)),  # sharp on screens of two pixels a point
        (png(40, 20), "image/png", (40, 20)),  # never larger than it is
        (png(100, 720), "image/png", (10, 72)),
        (_JPEG, "image/jpeg", (240, 18)),
        (_GIF, "image/gif", (100, 36)),
        (_GIF + b"\0\0", "image/gif", (100, 36)),
    ],
)
def test_a_picture_is_measured_for_its_place(data: bytes, kind: str, size: tuple[int, int]) -> None:
    picture = pictures.read(data, "office.example")
    assert (picture.kind, (picture.width, picture.height)) == (kind, size)
    assert b64decode(picture.data) == data


def test_its_name_follows_from_its_bytes() -> None:
    one, same, other = (pictures.read(png(*size), "office.example") for size in ((4, 4), (4, 4), (5, 4)))
    assert one.content_id == same.content_id != other.content_id
    assert one.content_id.endswith("@office.example")


def test_it_is_a_part_of_a_message() -> None:
    picture = pictures.read(png(480, 96), "office.example")
    part = message_from_bytes(pictures.part(picture))
    assert part.get_content_type() == "image/png"
    assert part["Content-ID"] == f"<{picture.content_id}>"
    assert part.get_content_disposition() == "inline"
    assert part.get_payload(decode=True) == png(480, 96)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b'\xef\xbb\xbf <?xml version="1.0"?><svg/>', "SVG drawing, which neither Outlook nor Gmail shows"),
        (b"<SVG xmlns='x'/>", "SVG"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "WebP"),
        (b"%PDF-1.7", "no picture that mail programs show"),
        (png(480, 96)[:-20], "ends too early"),
        (_JPEG[:-1], "ends too early"),
        (png(0, 4), "0 by 4 pixels"),
        (png(9000, 4), "9,000 by 4 pixels"),
        (png(4, 4, more=zlib.compress(b"", 0) + bytes(100_000)), "bytes; it goes with every mail"),
        (b"\xff\xd8\xff\xd9", "0 by 0 pixels"),
    ],
)
def test_what_cannot_be_shown_is_refused_and_why(data: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words) as refused:
        pictures.read(data, "office.example")
    assert refused.value.remedy
