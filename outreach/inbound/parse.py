"""Bytes of a message -> :class:`Parsed`: everything the detectors look at, decoded once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Part:
    """A leaf of the MIME tree, or an embedded message taken as a leaf."""

    content_type: str  # lower case, "text/plain" where none or a broken one was given
    params: Mapping[str, str]  # of Content-Type, names in lower case
    disposition: str | None  # "inline", "attachment" or None
    filename: str | None
    payload: bytes  # transfer encoding undone
    depth: int  # 0 for the message itself

    def text(self) -> str:
        """The payload as text: the declared charset, else UTF-8, else a code page that fits. Never raises."""
        raise AssertionError("replaced with the parser")


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

    def header(self, name: str) -> str:
        """The first value of the header ``name`` (lower case), or an empty string."""
        values = self.headers.get(name, ())
        return values[0] if values else ""
