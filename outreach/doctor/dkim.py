"""Public keys of DKIM in the DNS (RFC 6376, section 3.6.1; Ed25519 by RFC 8463)."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from outreach.doctor.tags import tags_of

#: RFC 8301, section 3.2: verifiers ignore shorter keys, and signers should use as many bits as this.
LEAST_BITS = 1024
GOOD_BITS = 2048


@dataclass(frozen=True, slots=True)
class Key:
    kind: str  # rsa, ed25519
    bits: int  # 0: revoked, or not to be read
    key: bytes = b""  # as it stands in p=, decoded
    revoked: bool = False
    testing: bool = False  # t=y: verifiers treat the mail as if it were not signed
    faults: tuple[str, ...] = ()


def parse(text: str) -> Key:
    """What a TXT record at ``<selector>._domainkey.<domain>`` says."""
    tags, faults = tags_of(text)
    if tags.get("v", "DKIM1") != "DKIM1" or ("v" in tags and next(iter(tags)) != "v"):
        faults.append("v= has to come first and be DKIM1")
    kind = tags.get("k", "rsa").lower()
    if kind not in ("rsa", "ed25519"):
        faults.append(f"k={kind} is no kind of key that receivers know")
    if "h" in tags and "sha256" not in [name.strip().lower() for name in tags["h"].split(":")]:
        faults.append("h= leaves out sha256, which every signature uses")
    testing = "y" in [flag.strip().lower() for flag in tags.get("t", "").split(":")]
    if "p" not in tags:
        faults.append("it has no key p=")
    written = "".join(tags.get("p", "").split())
    raw = b""
    try:
        raw = base64.b64decode(written, validate=True)
    except binascii.Error:
        faults.append("p= is not base64")
    bits = 0
    if raw and kind in ("rsa", "ed25519"):
        bits = _bits(kind, raw)
        if not bits:
            faults.append(f"p= holds no {kind} key")
    return Key(kind, bits, raw, "p" in tags and not written, testing, tuple(faults))


def _bits(kind: str, raw: bytes) -> int:
    if kind == "ed25519":
        return 256 if len(raw) == 32 else 0
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        key = load_der_public_key(raw)
    except (ValueError, UnsupportedAlgorithm):
        return 0
    return key.key_size if isinstance(key, RSAPublicKey) else 0
