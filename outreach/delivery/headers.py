"""Header fields: safe against injection, encoded by RFC 2047, folded, seven bits wide; and addresses.

Two rules for what does not belong in a header: in text meant for people (subjects, display names) control
characters and line ends become a space, since the value comes from a contact list and the mail should still
go; in addresses and identifiers they are an error, since a cleaned address is another address.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from outreach.errors import InputError

#: RFC 5322, section 2.1.1: should stay within 78 characters, must stay within 998.
SOFT_LIMIT = 78
HARD_LIMIT = 998
_WORD_LIMIT = 75  # RFC 2047, section 2: an encoded-word, its delimiters included
_WORD_OVERHEAD = len("=?utf-8?q??=")
_TEXT_LIMIT = 2000  # characters of a subject or a name: longer is a mistake in the template

# Everything that ends or moves a line somewhere: C0, DEL, C1, the Unicode separators, lone surrogates, marks
# that turn the direction of reading (a name must not rearrange what stands beside it).
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_SPACES = re.compile(" {2,}")
_ORDINARY = re.compile(r"[a-z0-9_-]+(?:[.+][a-z0-9_-]+)*@(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}")
_DOT_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*", re.ASCII)
_PLAIN_PHRASE = re.compile(r"[A-Za-z0-9!#$%&'*+/^_`{|}~ -]+", re.ASCII)
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII | re.IGNORECASE)
_IDENTIFIER = re.compile(r"[\x21-\x7e]+(?: [\x21-\x7e]+)*", re.ASCII)
# RFC 2047, section 5 (3): what may stand as itself in an encoded-word inside a phrase; also fits a subject.
_Q_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
_Q_SINGLE = bytes([*_Q_PLAIN, 0x20])  # one character each when encoded
_Q = {byte: chr(byte) if byte in _Q_PLAIN else "_" if byte == 0x20 else f"={byte:02X}" for byte in range(256)}


class Mailbox(NamedTuple):
    """An address and the name shown with it. The name may hold anything; the address is checked when used."""

    address: str
    name: str = ""


def clean_text(value: str) -> str:
    """``value`` as one line of text: control characters, line ends, direction marks and lone surrogates are
    spaces, runs of spaces one space, none at the ends.

    :raises InputError: it is longer than 2,000 characters.
    """
    if not value.isprintable():  # nothing unsafe is printable
        value = _UNSAFE.sub(" ", value)
    if "  " in value:
        value = _SPACES.sub(" ", value)
    value = value.strip(" ")
    if len(value) > _TEXT_LIMIT:
        raise InputError(
            f"A subject or name has {len(value):,} characters: {value[:40]!r}...",
            f"Keep it under {_TEXT_LIMIT:,}; mail programs show about 60.",
        )
    return value


def unstructured(name: str, value: str) -> bytes:
    """A whole field with text for people, as ``Subject``: cleaned, encoded where needed, folded, with
    CRLF."""
    text = clean_text(value)
    start = f"{name}: "
    if text.isascii() and "=?" not in text:
        if len(start) + len(text) <= SOFT_LIMIT:
            return f"{start}{text}\r\n".encode("ascii")
        folded = _fold_words(start, text)
        if folded is not None:
            return folded
    return (start + "\r\n ".join(encoded_words(text, len(start))) + "\r\n").encode("ascii")


def identifier(name: str, value: str) -> bytes:
    """A whole field with a value for programs (ASCII, no control characters), with CRLF.

    :raises InputError: the value holds anything else, or the line would pass 998 characters.
    """
    if not _IDENTIFIER.fullmatch(value):
        raise InputError(
            f"The header {name} cannot carry {value!r}.", "Use printable ASCII characters on one line."
        )
    line = f"{name}: {value}"
    if len(line) > HARD_LIMIT:
        raise InputError(
            f"The header {name} would be {len(line)} characters.", f"Keep it under {HARD_LIMIT}."
        )
    if len(line) > SOFT_LIMIT:
        folded = _fold_words(f"{name}: ", value)
        if folded is not None:
            return folded
    return (line + "\r\n").encode("ascii")


def address_field(name: str, mailboxes: Sequence[Mailbox]) -> bytes:
    """A whole field with addresses, as ``From`` or ``To``, folded, with CRLF. ASCII, except for a local part
    that is not: that needs a server with SMTPUTF8 (RFC 6532), see :func:`needs_smtputf8`.

    :raises InputError: an address cannot be one.
    """
    return (f"{name}: " + ",\r\n ".join(_mailbox(m, len(name) + 2) for m in mailboxes) + "\r\n").encode(
        "utf-8"
    )


def encoded_words(text: str, offset: int = 0) -> list[str]:
    """``text`` as encoded-words of RFC 2047 in UTF-8, each within 75 characters and made of whole characters;
    the first leaves room for ``offset`` characters before it on its line. Base64 or Q, whichever is
    shorter."""
    raw = text.encode("utf-8")
    q_size = len(raw) + 2 * len(raw.translate(None, _Q_SINGLE))
    b_size = (len(raw) + 2) // 3 * 4
    use_q = q_size <= b_size
    room = max(min(_WORD_LIMIT, SOFT_LIMIT - offset - 2) - _WORD_OVERHEAD, 12)
    if 0 < min(q_size, b_size) <= room:
        return [_q_word(raw) if use_q else _b_word(raw)]
    words: list[str] = []
    if not use_q:
        start = 0
        while start < len(raw):
            end = start + room // 4 * 3
            while end < len(raw) and raw[end] & 0xC0 == 0x80:  # inside a character
                end -= 1
            words.append(_b_word(raw[start:end]))
            start, room = end, _WORD_LIMIT - _WORD_OVERHEAD
        return words
    current: list[str] = []
    size = 0
    for character in text:
        data = character.encode("utf-8")
        width = len(data) + 2 * len(data.translate(None, _Q_SINGLE))
        if current and size + width > room:
            words.append(_q_word("".join(current).encode("utf-8")))
            current, size, room = [], 0, _WORD_LIMIT - _WORD_OVERHEAD
        current.append(character)
        size += width
    if current:
        words.append(_q_word("".join(current).encode("utf-8")))
    return words


def _q_word(raw: bytes) -> str:
    return "=?utf-8?q?" + "".join([_Q[byte] for byte in raw]) + "?="


def _b_word(raw: bytes) -> str:
    return "=?utf-8?b?" + binascii.b2a_base64(raw, newline=False).decode("ascii") + "?="


def _fold_words(start: str, text: str) -> bytes | None:
    """ASCII text folded between its words, or ``None`` where a single word is too long to fold."""
    lines: list[str] = []
    line = start.rstrip(" ")
    for word in text.split(" "):
        if len(line) + 1 + len(word) > SOFT_LIMIT and line.strip():
            lines.append(line)
            line = ""
        line += " " + word
    lines.append(line)
    if any(len(each) > SOFT_LIMIT for each in lines) or not text:
        return None
    return ("\r\n".join(lines) + "\r\n").encode("ascii")


# --- addresses


def split_address(address: str) -> tuple[str, str]:
    """Local part (without quotes) and domain (in ASCII, lower case, punycode for an internationalised one).

    :raises InputError: with the address and what is wrong with it.
    """
    local, at, domain = address.rpartition("@")
    if not at or not local or not domain:
        raise _wrong(address, "there is nothing before or after the @")
    if _UNSAFE.search(address) or any(character.isspace() for character in domain):
        raise _wrong(address, "it holds a line end, a space or a control character")
    if len(local) > 1 and local[0] == local[-1] == '"':
        local = re.sub(r"\\(.)", r"\1", local[1:-1])
    elif any(character in ' "(),:;<>[\\]@' for character in local):
        raise _wrong(address, "a character before the @ is not allowed in an address")
    if local.startswith(".") or local.endswith(".") or ".." in local:
        raise _wrong(address, "a dot stands where none may stand")
    ascii_domain = domain_to_ascii(domain)
    if len(local.encode()) > 64 or len(local.encode()) + len(ascii_domain) + 1 > 254:
        raise _wrong(address, "it is too long (RFC 5321, section 4.5.3.1)")
    return local, ascii_domain


@lru_cache(maxsize=4096)
def domain_to_ascii(domain: str) -> str:
    """``domain`` in lower case, an internationalised one in punycode (IDNA 2008 with the mapping of UTS 46).

    :raises InputError: it is no domain name.
    """
    if not domain.isascii():
        import idna

        try:
            domain = idna.encode(domain, uts46=True).decode("ascii")
        except idna.IDNAError as error:
            raise InputError(
                f"The domain {domain!r} cannot be one: {error}.", "Correct the address."
            ) from error
    if len(domain) > 253 or not all(_LABEL.fullmatch(label) for label in domain.split(".")):
        raise InputError(f"{domain!r} cannot be a domain.", "Correct the address.")
    return domain.lower()


@lru_cache(maxsize=4096)
def envelope_address(address: str) -> str:
    """``address`` as it stands between the angle brackets of MAIL and RCPT (RFC 5321, section 4.1.2): quoted
    where it must be, its domain in punycode. Not ASCII only where its local part is not.

    :raises InputError: it cannot be an address.
    """
    if len(address) <= 64 and _ORDINARY.fullmatch(
        address
    ):  # as nearly all are: nothing to quote or to convert
        return address
    local, domain = split_address(address)
    if local.isascii() and not _DOT_ATOM.fullmatch(local):
        local = '"' + local.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{local}@{domain}"


def needs_smtputf8(address: str) -> bool:
    """Whether only a server that offers SMTPUTF8 (RFC 6531) can take ``address``: its local part is not
    ASCII. An internationalised domain alone does not need it."""
    return not address.rpartition("@")[0].isascii()


def format_mailbox(mailbox: Mailbox) -> str:
    """``Name <address>`` on one line for people to read, nothing encoded; for previews and logs."""
    name = clean_text(mailbox.name)
    return f"{name} <{mailbox.address}>" if name else mailbox.address


def _mailbox(mailbox: Mailbox, offset: int) -> str:
    address = envelope_address(mailbox.address)
    name = clean_text(mailbox.name)
    if not name:
        return address
    bracketed = f"<{address}>"
    shown: str | None = None
    if name.isascii() and "=?" not in name and offset + len(name) + 4 <= SOFT_LIMIT:
        plain = bool(_PLAIN_PHRASE.fullmatch(name))
        shown = name if plain else '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
        if len(shown) + offset > SOFT_LIMIT:
            shown = None
    shown = shown if shown is not None else "\r\n ".join(encoded_words(name, offset))
    last_line = shown.rpartition("\r\n")[2]
    used = len(last_line) + (offset if last_line is shown else 0)
    separator = " " if used + 1 + len(bracketed) <= SOFT_LIMIT else "\r\n "
    return shown + separator + bracketed


def _wrong(address: str, why: str) -> InputError:
    return InputError(f"The address {address!r} cannot be used: {why}.", "Correct it in the contact list.")
