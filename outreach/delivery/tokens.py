"""Tokens that name a message in everything that comes back, and keyed hashes of addresses.

A token is ``or-`` and 26 lower-case characters of base32 (RFC 4648, without padding): 8 bytes that differ
from message to message and 8 bytes of HMAC-SHA256 over them. It survives mail systems that change case, fits
a local part, a Message-ID, a subject and a URL, and nobody without the workspace's key can make one up.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b32decode, b32encode
from functools import lru_cache

NONCE_BYTES = 8
_MAC_BYTES = 8
_PURPOSE = b"outreach message token\x00"
_SUPPRESSION_PURPOSE = b"outreach suppression\x00"

#: Finds a token in running text, a header or an address; what it finds still has to pass :func:`verify`.
TOKEN_PATTERN = re.compile(r"(?<![a-z0-9])or-[a-z2-7]{26}(?![a-z0-9])", re.IGNORECASE | re.ASCII)


def issue(key: bytes, nonce: bytes) -> str:
    """The token of ``nonce``, which is 8 bytes that were never used before (the caller draws them at random).

    :raises ValueError: ``nonce`` is not 8 bytes long, or ``key`` is empty.
    """
    if len(nonce) != NONCE_BYTES:
        raise ValueError(f"a nonce has {NONCE_BYTES} bytes, not {len(nonce)}")
    if not key:
        raise ValueError("the key of the tokens is empty")
    mac = hmac.digest(key, _PURPOSE + nonce, hashlib.sha256)[:_MAC_BYTES]
    return "or-" + b32encode(nonce + mac).rstrip(b"=").decode("ascii").lower()


def verify(key: bytes, text: str) -> bool:
    """Whether ``text`` is exactly one token issued under ``key``. Upper and lower case are the same; takes
    the same time whichever character is wrong."""
    if not TOKEN_PATTERN.fullmatch(text):
        return False
    raw = b32decode(text[3:].upper() + "======")
    # Made anew from its nonce rather than compared by its MAC: so the two spare bits of the last
    # character cannot give one message two tokens.
    return hmac.compare_digest(issue(key, raw[:NONCE_BYTES]), text.lower())


def find(key: bytes, text: str) -> tuple[str, ...]:
    """The valid tokens in ``text``, in lower case, each once, in the order they appear."""
    found = (match[0].lower() for match in TOKEN_PATTERN.finditer(text))
    return tuple(dict.fromkeys(token for token in found if verify(key, token)))


def suppression_key(key: bytes, address_or_domain: str) -> str:
    """What the suppression list keeps of an address or a domain: 64 hexadecimal digits of a keyed hash, the
    same for every spelling in upper and lower case and with or without spaces around."""
    plain = address_or_domain.strip().casefold().encode("utf-8", "surrogatepass")
    begun = _begun(key).copy()  # a claim makes two for every mail: to begin anew costs three times as much
    begun.update(plain)
    return begun.hexdigest()


@lru_cache(maxsize=8)
def _begun(key: bytes) -> hmac.HMAC:
    return hmac.new(key, _SUPPRESSION_PURPOSE, "sha256")


def municipality_name(country: str, place: str) -> str:
    """What :func:`suppression_key` is given for a whole municipality; no address and no domain is written so.
    ``place`` is ``contacts.places.place_key``."""
    return f"municipality:{country}:{place}"


def message_id(token: str, domain: str) -> str:
    """The Message-ID (RFC 5322, section 3.6.4) of the message of ``token``, with its angle brackets.
    ``domain`` is the sender's, in ASCII."""
    return f"<{token}@{domain.lower()}>"
