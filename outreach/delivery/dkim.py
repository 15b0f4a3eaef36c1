"""DKIM signatures (RFC 6376; Ed25519 by RFC 8463; key sizes by RFC 8301): message bytes -> header bytes.

Only what Outreach needs: signing, with ``c=relaxed/relaxed``. What is hashed is the message as the SMTP
gateway writes it: a lone CR or LF counts as the line end it becomes on the wire.

Signed are the fields a reader or a mail program acts on; those that may stand once are listed once more than
they occur (section 8.15), so that nobody can put a second one above ours without breaking the signature.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from outreach.delivery.headers import domain_to_ascii
from outreach.delivery.replies import whole_lines
from outreach.errors import InputError, SettingsError

#: Listed once more than they occur, when they occur: the ones that RFC 5322 and RFC 2045 allow once.
OVERSIGNED = ("From", "To", "Subject", "Date", "Reply-To", "Message-ID", "MIME-Version", "Content-Type")
#: Listed as often as they occur. Not here: trace fields (Received, Return-Path), which relays add.
SIGNED = (
    *OVERSIGNED,
    "Cc",
    "Sender",
    "In-Reply-To",
    "References",
    "Content-Transfer-Encoding",
    "Content-Language",
    "Auto-Submitted",
    "List-Id",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "Feedback-ID",
    "X-Outreach-Message-ID",
)
MIN_RSA_BITS = 2048  # RFC 8301, section 3.2: signers should; large receivers refuse 512 and doubt 1024
MAX_RSA_BITS = 4096  # the greatest that every verifier has to read (ibid.)

_LINE = 76
_FEW_SPACES = 40  # up to which finding them one by one is faster than searching for pairs
_FIELD = re.compile(rb"([\x21-\x39\x3b-\x7e]+)[ \t]*:(.*)", re.DOTALL)
_LABELS = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*", re.ASCII)
_SPACES = re.compile(rb"[ \t]+")
_FOLD = re.compile(rb"\r\n(?=[ \t])")
_ONCE = frozenset(name.lower().encode() for name in OVERSIGNED)


@dataclass(frozen=True, slots=True)
class Key:
    """A private key and the name its public half is published under; made by :func:`read_key`."""

    selector: str
    algorithm: str  # the a= of its signatures
    record: str  # the text of the DNS record (TXT) at :meth:`place`
    sign: Callable[[bytes], bytes] = field(repr=False, compare=False)  # the canonical header -> signature

    def place(self, domain: str) -> str:
        """The DNS name of the record."""
        return f"{self.selector}._domainkey.{domain_to_ascii(domain)}"


def read_key(selector: str, pem: bytes, source: str) -> Key:
    """A key in PEM form (PKCS #8 or PKCS #1): RSA of 2048 to 4096 bits, or Ed25519.

    :param source: where the key came from, for the error.
    :raises SettingsError: it is no such key, is locked by a passphrase, or the selector cannot be one.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_pem_private_key,
    )

    selector = selector.lower()
    if not _LABELS.fullmatch(selector) or len(selector) > 63:
        raise SettingsError(
            f"The DKIM selector {selector!r} cannot be one.",
            'It is the part of the DNS name before "._domainkey": letters, digits, hyphens, as "outreach".',
        )
    try:
        private = load_pem_private_key(pem, password=None)
    except TypeError:  # what the library raises for a passphrase that is not given
        raise SettingsError(
            f"The DKIM key in {source} is locked by a passphrase.",
            "Write it without: openssl pkey -in LOCKED.pem -out KEY.pem, and let nobody else read that file.",
        ) from None
    except (ValueError, UnsupportedAlgorithm):  # its text may quote the file: it is not shown
        raise SettingsError(
            f"There is no private key in PEM form in {source}.",
            'It begins with "-----BEGIN PRIVATE KEY-----"; make one with: '
            "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out KEY.pem",
        ) from None

    if isinstance(private, ed25519.Ed25519PrivateKey):
        # RFC 8463, section 3: PureEdDSA signs the hash of the header, not the header.
        raw = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        record = f"v=DKIM1; k=ed25519; p={_base64(raw)}"
        edwards = private.sign
        return Key(selector, "ed25519-sha256", record, lambda data: edwards(hashlib.sha256(data).digest()))
    if isinstance(private, rsa.RSAPrivateKey):
        if not MIN_RSA_BITS <= private.key_size <= MAX_RSA_BITS:
            raise SettingsError(
                f"The DKIM key in {source} has {private.key_size} bits.",
                f"Use RSA of {MIN_RSA_BITS} bits (at most {MAX_RSA_BITS}), or Ed25519, and publish it under a "
                "new selector.",
            )
        der = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        record = f"v=DKIM1; k=rsa; p={_base64(der)}"
        rsa_sign, scheme, digest = private.sign, padding.PKCS1v15(), SHA256()
        return Key(selector, "rsa-sha256", record, lambda data: rsa_sign(data, scheme, digest))
    raise SettingsError(
        f"The DKIM key in {source} is neither RSA nor Ed25519.", "Mail programs verify these two only."
    )


class Signer:
    """Signs the mails of one domain, with one key or with several at once. May be shared by threads.

    With an RSA and an Ed25519 key each mail carries both signatures: verifiers that do not know Ed25519
    (RFC 8463, section 5) use the other.
    """

    def __init__(self, domain: str, keys: Sequence[Key], *, leave_out: Sequence[str] = ()) -> None:
        """:param domain: the d= of the signatures; DMARC wants it to be From's domain, or one above or below.
        :param leave_out: fields not to sign, for a relay that rewrites them (Amazon SES: Message-ID, Date).
        :raises SettingsError: From is left out, or a field that is never signed; or there is no key.
        :raises InputError: ``domain`` is no domain.
        """
        left_out = {name.lower() for name in leave_out}
        if "from" in left_out:
            raise SettingsError(
                "A DKIM signature has to cover From.", 'Take "From" out of leave_out (RFC 6376, section 5.4).'
            )
        if unknown := left_out - {name.lower() for name in SIGNED}:
            raise SettingsError(
                f"leave_out names a field that is not signed anyway: {', '.join(sorted(unknown))}.",
                f"Signed are: {', '.join(SIGNED)}.",
            )
        if not keys:
            raise SettingsError("A DKIM signature needs a key.", "Give one.")
        self._keys = tuple(keys)
        self._names = tuple(name.lower().encode() for name in SIGNED if name.lower() not in left_out)
        self._domain = domain_to_ascii(domain).encode()

    @property
    def domain(self) -> str:
        """The d= of the signatures, in ASCII."""
        return self._domain.decode()

    @property
    def keys(self) -> tuple[Key, ...]:
        return self._keys

    def sign(self, message: bytes, now: datetime) -> bytes:
        """The ``DKIM-Signature`` fields of ``message``, each with its CRLF: to be put before its first byte.

        :raises InputError: ``message`` has not exactly one From, or a header line that is none.
        """
        if now.tzinfo is None:
            raise InputError(f"The time of a signature has no time zone: {now}.", "Give it one.")
        message = whole_lines(message)
        end = message.find(b"\r\n\r\n")
        head, body = (message, b"") if end < 0 else (message[: end + 2], message[end + 4 :])
        names, covered = self._cover(_fields(head))
        body_hash = binascii.b2a_base64(hashlib.sha256(_relaxed_body(body)).digest(), newline=False)
        signatures = []
        for key in self._keys:
            tags = [
                b"v=1;",
                b"a=%s;" % key.algorithm.encode(),
                b"c=relaxed/relaxed;",
                b"d=%s;" % self._domain,
                b"s=%s;" % key.selector.encode(),
                b"t=%d;" % int(now.timestamp()),
                b"bh=%s;" % body_hash,
                *names,
                b"b=",
            ]
            # Lines are folded at spaces only, so the canonical form is the same words with single spaces.
            data = b"%sdkim-signature:%s" % (covered, b" ".join(tags))
            value = binascii.b2a_base64(key.sign(data), newline=False)
            signatures.append(_folded(tags, value))
        return b"".join(signatures)

    def _cover(self, fields: dict[bytes, list[bytes]]) -> tuple[list[bytes], bytes]:
        """The words of h=, and the canonical fields they name, in that order."""
        if len(fields.get(b"from", ())) != 1:
            raise InputError(
                f"A mail to be signed has {len(fields.get(b'from', ()))} From fields.", "It has to have one."
            )
        names: list[bytes] = []
        covered: list[bytes] = []
        for name in self._names:
            values = fields.get(name)
            if values is None:
                continue
            # From the last to the first: section 5.4.2.
            covered += [b"%s:%s\r\n" % (name, value) for value in reversed(values)]
            names += [name] * (len(values) + (name in _ONCE))
        words = [b"%s:" % name for name in names]
        words[0] = b"h=" + words[0]
        words[-1] = words[-1][:-1] + b";"
        return words, b"".join(covered)


def _fields(head: bytes) -> dict[bytes, list[bytes]]:
    """Values in their relaxed form (section 3.4.2) by name in small letters, in the order they stand."""
    found: dict[bytes, list[bytes]] = {}
    if b"\r\n " in head or b"\r\n\t" in head:
        head = _FOLD.sub(b"", head)
    if b"\t" in head or b"  " in head:
        head = _SPACES.sub(b" ", head)
    for line in head.split(b"\r\n")[:-1]:
        match = _FIELD.fullmatch(line)
        if match is None:
            raise InputError(f"{line[:60]!r} is no header field.", "A mail like this cannot be signed.")
        found.setdefault(match[1].lower(), []).append(match[2].strip(b" "))
    return found


def _relaxed_body(body: bytes) -> bytes:
    """Section 3.4.4. Base64 lines and single spaces between words are in that form already, up to empty lines
    at the end: a few searches prove it, and nothing is rewritten."""
    if b"\t" in body or _has_idle_space(body):
        body = _SPACES.sub(b" ", body).replace(b" \r\n", b"\r\n")
    # Every CR stands before a LF here (whole_lines), so only line ends are taken off.
    stripped = body.rstrip(b"\r\n") if body.endswith(b"\r\n\r\n") or body == b"\r\n" else body[:-2]
    return stripped + b"\r\n" if stripped else b""


def _has_idle_space(body: bytes) -> bool:
    """Whether a space stands before another one or at the end of a line."""
    at = -1
    for _ in range(_FEW_SPACES):  # base64 has them in the headers of its parts only
        at = body.find(b" ", at + 1)
        if at < 0:
            return False
        if body[at + 1] in b" \r":  # whole lines: a space is never the last byte
            return True
    return b"  " in body or b" \r\n" in body


def _folded(tags: Sequence[bytes], signature: bytes) -> bytes:
    lines = []
    line = b"DKIM-Signature:"
    for tag in tags[:-1]:
        if len(line) + 1 + len(tag) > _LINE:
            lines.append(line)
            line = b""
        line += b" " + tag
    lines.append(line)
    # Within b= spaces do not count (section 3.5), and it is empty where it is signed.
    rest = tags[-1] + signature
    lines += [b" " + rest[start : start + _LINE - 1] for start in range(0, len(rest), _LINE - 1)]
    return b"\r\n".join(lines) + b"\r\n"


def _base64(raw: bytes) -> str:
    return binascii.b2a_base64(raw, newline=False).decode("ascii")
