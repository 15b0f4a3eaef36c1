"""Bytes of a message -> :class:`Parsed`: everything the detectors look at, decoded once.

``parse`` is total: it returns a value for any bytes, in time and memory linear in their number. It walks the
MIME tree (RFC 2045, 2046) by one scan for lines that begin with ``--``, so neither depth nor the number of
parts makes it slow. What is broken is read as its author most likely meant it: a missing boundary is taken
from the body, a multipart that holds no delimiter is text.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from outreach.inbound import headers as fields
from outreach.inbound.charsets import decode

MAX_PARTS = 10_000  # what follows them stays unread
MAX_DEPTH = 100  # a multipart deeper than this is taken as a leaf


@dataclass(frozen=True, slots=True)
class Part:
    """A leaf of the MIME tree, or an embedded message taken as a leaf."""

    content_type: str  # lower case, "text/plain" where none or a broken one was given
    params: Mapping[str, str]  # of Content-Type, names in lower case
    disposition: str | None  # "inline", "attachment" or None
    filename: str | None
    payload: bytes  # transfer encoding undone, line ends \n where it is text
    depth: int  # 0 for the message itself

    def text(self) -> str:
        """The payload as text: the declared charset, else UTF-8, else a code page that fits. Never raises."""
        charset = self.params.get("charset")
        if charset is None and self.content_type == "text/html":
            found = _META_CHARSET.search(self.payload, 0, 2048)
            charset = found[1].decode("ascii") if found else None
        text = decode(self.payload, charset)
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        if self.content_type == "text/plain" and self.params.get("format", "").lower() == "flowed":
            return _unflowed(text, delete_space=self.params.get("delsp", "").lower() == "yes")
        return text


@dataclass(frozen=True, slots=True)
class Parsed:
    """One inbound message. Header names are lower case; values are unfolded and decoded (RFC 2047)."""

    headers: Mapping[str, tuple[str, ...]]
    parts: tuple[Part, ...]  # in the order of the message
    message_id: str | None  # with its angle brackets
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]
    from_address: str | None  # lower case
    from_name: str
    to: tuple[str, ...]  # To, Cc, Delivered-To, X-Original-To, lower case
    subject: str
    date: datetime | None  # aware
    text: str | None  # the text/plain body, lines joined by \n, format=flowed undone; None: there is none
    html: str | None  # the text/html body
    content_type: str = "text/plain"  # of the message itself, lower case: "multipart/report"

    def header(self, name: str) -> str:
        """The first value of the header ``name`` (lower case), or an empty string."""
        values = self.headers.get(name, ())
        return values[0] if values else ""

    def part(self, *content_types: str) -> Part | None:
        """The first part of one of the types."""
        return next((part for part in self.parts if part.content_type in content_types), None)


_META_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset=[\"']?([A-Za-z0-9_:.-]{2,40})", re.IGNORECASE)
_DASHES = re.compile(rb"\n--[^\n]*+")
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+$")
_RECIPIENT_FIELDS = ("to", "cc", "delivered-to", "x-original-to", "envelope-to")


def parse(raw: bytes) -> Parsed:
    """Read a message. Never raises; see the module's docstring."""
    if b"\r" in raw:
        raw = raw.replace(b"\r\n", b"\n")
        if b"\n" not in raw:
            raw = raw.replace(b"\r", b"\n")
    raw = raw.lstrip(b"\n\xef\xbb\xbf") if raw[:1] in b"\n\xef" else raw
    walk = _Walk(raw)
    head = walk.entity(0, 0, "text/plain")
    if walk.next < len(walk.dashes) and not walk.parts:
        walk.leaf(head, 0, len(raw), 0)
    parts = tuple(walk.parts)
    text, html = _bodies(parts)
    named = {name: tuple(values) for name, values in head.fields.items()}
    from_name, from_address = fields.mailbox(_first(named, "from"))
    recipients = (
        address
        for name in _RECIPIENT_FIELDS
        for value in named.get(name, ())
        for address in fields.addresses(value)
    )
    ids = fields.message_ids(named.get("message-id", ()))
    return Parsed(
        headers=named,
        parts=parts,
        message_id=ids[0] if ids else None,
        in_reply_to=fields.message_ids(named.get("in-reply-to", ())),
        references=fields.message_ids(named.get("references", ())),
        from_address=from_address,
        from_name=from_name,
        to=tuple(dict.fromkeys(recipients)),
        subject=_first(named, "subject"),
        date=fields.date(_first(named, "date")),
        text=text,
        html=html,
        content_type=head.content_type,
    )


def _first(named: Mapping[str, tuple[str, ...]], name: str) -> str:
    values = named.get(name)
    return values[0] if values else ""


@dataclass(slots=True)
class _Head:
    fields: dict[str, list[str]]
    content_type: str
    params: dict[str, str]
    body: int  # where the body begins


class _Walk:
    """One pass over a message. ``dashes`` are the lines that may be delimiters, ``next`` the first unread
    one, ``open`` the boundaries of the multiparts we are in, the innermost last."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.dashes = [(found.start() + 1, found.end()) for found in _DASHES.finditer(raw)]
        if raw.startswith(b"--"):
            self.dashes.insert(0, (0, (raw.find(b"\n") + 1 or len(raw) + 1) - 1))
        self.next = 0
        self.open: dict[bytes, int] = {}
        self.parts: list[Part] = []

    def head(self, start: int, default: str) -> _Head:
        """The header of the entity that begins at ``start``; it ends before any line of dashes."""
        raw = self.raw
        limit = self.dashes[self.next][0] if self.next < len(self.dashes) else len(raw)
        if raw[start : start + 1] == b"\n":
            return _Head({}, default, {}, start + 1)
        end = raw.find(b"\n\n", start, limit)
        body = end + 2 if end >= 0 else limit
        found, stop = fields.split_block(raw[start : end if end >= 0 else limit])
        if stop >= 0:  # no header, or text that follows it without an empty line
            body = start + stop
        declared = found.get("content-type")
        if not declared:
            return _Head(found, default, {}, body)
        content_type, params = fields.parameters(declared[0])
        if not _TYPE.match(content_type):
            content_type = "text/plain"
        return _Head(found, content_type, params, body)

    def entity(self, start: int, depth: int, default: str) -> _Head:
        """Read the entity at ``start`` with all below it; ``next`` is then the delimiter that ended it."""
        head = self.head(start, default)
        if head.content_type.startswith("multipart/") and depth < MAX_DEPTH:
            boundary = self.boundary(head)
            if boundary is not None:
                self.multipart(head, boundary, depth)
                return head
            head.content_type = "text/plain"
        end = self.seek(head.body)
        self.leaf(head, head.body, end, depth)
        return head

    def boundary(self, head: _Head) -> bytes | None:
        """The declared boundary, else the first line of dashes of the body that can be one."""
        declared = head.params.get("boundary", "").strip().encode("utf-8", "replace")
        if declared and (self.open or b"\n--" + declared in self.raw):
            return declared
        if self.open or self.next >= len(self.dashes):
            return None
        start, end = self.dashes[self.next]
        guess = self.raw[start + 2 : end].rstrip()
        return guess if guess and b"\n--" + guess + b"--" in self.raw else None

    def multipart(self, head: _Head, boundary: bytes, depth: int) -> None:
        default = "message/rfc822" if head.content_type == "multipart/digest" else "text/plain"
        level = depth
        shadowed = self.open.get(boundary)
        self.open[boundary] = level
        first = len(self.parts)
        self.seek(head.body)
        while self.next < len(self.dashes) and len(self.parts) < MAX_PARTS:
            start, end = self.dashes[self.next]
            line = self.raw[start + 2 : end].rstrip()
            if self.owner(line) != level:
                break
            self.next += 1
            if line != boundary:  # the closing delimiter; what follows is an epilogue
                break
            self.entity(min(end + 1, len(self.raw)), depth + 1, default)
        if shadowed is None:
            self.open.pop(boundary, None)
        else:
            self.open[boundary] = shadowed
        if len(self.parts) == first:  # no delimiter at all: the body is what it seems to be
            head.content_type = "text/plain"
            self.leaf(head, head.body, self.seek(head.body), depth)
        elif self.open:
            self.seek(0)

    def owner(self, line: bytes) -> int | None:
        """The level of the open multipart whose delimiter ``line`` (without its dashes) is."""
        level = self.open.get(line)
        if level is None and line.endswith(b"--"):
            level = self.open.get(line[:-2])
        return level

    def seek(self, start: int) -> int:
        """Move to the next delimiter of any open multipart, from ``start`` on; the content ends before it."""
        if not self.open:
            self.next = len(self.dashes)
            return len(self.raw)
        while self.next < len(self.dashes):
            at, end = self.dashes[self.next]
            if at >= start and self.owner(self.raw[at + 2 : end].rstrip()) is not None:
                return max(start, at - 1)  # the line end before a delimiter belongs to it
            self.next += 1
        return len(self.raw)

    def leaf(self, head: _Head, start: int, end: int, depth: int) -> None:
        payload = self.raw[start:end]
        encoding = head.fields.get("content-transfer-encoding", [""])[0].strip().lower()
        if encoding == "quoted-printable":
            payload = binascii.a2b_qp(payload)
        elif encoding == "base64":
            payload = fields.decode_base64(payload)
            if head.content_type.startswith(("text/", "message/")):
                payload = payload.replace(b"\r\n", b"\n")
        disposition, filename = self.disposition(head)
        self.parts.append(Part(head.content_type, head.params, disposition, filename, payload, depth))

    def disposition(self, head: _Head) -> tuple[str | None, str | None]:
        filename = head.params.get("name")
        declared = head.fields.get("content-disposition")
        if declared:
            word, params = fields.parameters(declared[0])
            # RFC 2183, section 2.8: an unknown disposition counts as an attachment.
            kind = "inline" if word == "inline" else "attachment" if word else None
            filename = params.get("filename", filename)
        else:
            kind = None
        return kind, fields.decode_words(filename) if filename and "=?" in filename else filename


def _bodies(parts: tuple[Part, ...]) -> tuple[str | None, str | None]:
    """The inline text parts in order, joined; a named text part is a file unless it is all there is."""
    found: dict[str, list[str]] = {"text/plain": [], "text/html": []}
    for part in parts:
        texts = found.get(part.content_type)
        if texts is not None and part.disposition != "attachment" and not (part.filename and texts):
            texts.append(part.text())
    plain, html = ("\n".join(texts) if texts else None for texts in found.values())
    return plain, html


def _unflowed(text: str, *, delete_space: bool) -> str:
    """RFC 3676, section 4: lines that end in a space go on in the next line of the same quote depth."""
    lines: list[list[str]] = []
    open_depth = -1  # depth of the paragraph that goes on, -1: none
    for line in text.split("\n"):
        content = line.lstrip(">")
        depth = len(line) - len(content)
        if content.startswith(" "):
            content = content[1:]
        if content == "-- ":
            open_depth = -1
            lines.append([">" * depth + " " if depth else "", content])
            continue
        flows = content.endswith(" ")
        if flows and delete_space:
            content = content[:-1]
        if depth == open_depth:
            lines[-1].append(content)
        else:
            lines.append([">" * depth + " " if depth else "", content])
        open_depth = depth if flows else -1
    return "\n".join("".join(pieces) for pieces in lines)
