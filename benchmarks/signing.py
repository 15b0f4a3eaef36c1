"""What a DKIM signature costs: ``python benchmarks/signing.py``. No network, no database.

Prints microseconds a mail of 32 KB (the median of five rounds), beside dkimpy, which is the yardstick:
absolute figures differ from machine to machine.
"""

from __future__ import annotations

import base64
import json
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage

import dkim as dkimpy
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from outreach.delivery.dkim import Signer, read_key

NOW = datetime(2027, 3, 1, tzinfo=UTC)
DOMAIN = "bund.example"
FIELDS = [b"from", b"from", b"to", b"subject", b"date", b"message-id", b"mime-version", b"content-type"]


def mail(encoding: str) -> bytes:
    """A mail of about 32 KB whose HTML is in ``encoding``."""
    message = EmailMessage()
    message["Date"] = "Mon, 01 Mar 2027 00:00:00 +0000"
    message["From"] = "Bund der Städte <netz@bund.example>"
    message["To"] = "Gemeinde Göß <info@gemeinde.example>"
    message["Subject"] = "Einladung"
    message["Message-ID"] = "<or-abcdefghijklmnopqrstuvwxyz@bund.example>"
    paragraph = '<p style="margin:0 0 16px">Καλημέρα, Sehr geehrte Damen und Herren</p>\n'
    size = {"base64": 24_000, "quoted-printable": 18_000}[encoding]
    message.set_content(paragraph * (size // len(paragraph.encode())), subtype="html", cte=encoding)
    return message.as_bytes().replace(b"\n", b"\r\n")


def microseconds(work: Callable[[], object], count: int) -> float:
    rounds = []
    for _ in range(5):
        start = time.process_time()
        for _ in range(count):
            work()
        rounds.append((time.process_time() - start) / count * 1e6)
    return round(statistics.median(rounds), 1)


def measure(count: int = 300) -> dict[str, float]:
    """Microseconds a mail, by key and encoding."""
    rsa_key = rsa.generate_private_key(65537, 2048)
    edwards = ed25519.Ed25519PrivateKey.generate()
    form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    keys = {
        "RSA-2048": [read_key("r", rsa_key.private_bytes(*form), "RSA")],
        "Ed25519": [read_key("e", edwards.private_bytes(*form), "Ed25519")],
    }
    keys["both"] = [*keys["RSA-2048"], *keys["Ed25519"]]
    older = rsa_key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    seed = base64.b64encode(edwards.private_bytes_raw())
    figures: dict[str, float] = {}
    for encoding in ("base64", "quoted-printable"):
        raw = mail(encoding)
        for name, some in keys.items():
            signer = Signer(DOMAIN, some)
            figures[f"{name}, {encoding}"] = microseconds(lambda: signer.sign(raw, NOW), count)  # noqa: B023
        for name, key, algorithm in (
            ("RSA-2048", older, b"rsa-sha256"),
            ("Ed25519", seed, b"ed25519-sha256"),
        ):

            def sign(key: bytes = key, algorithm: bytes = algorithm, raw: bytes = raw) -> bytes:
                signed: bytes = dkimpy.sign(
                    raw,
                    b"r",
                    DOMAIN.encode(),
                    key,
                    canonicalize=(b"relaxed", b"relaxed"),
                    signature_algorithm=algorithm,
                    include_headers=FIELDS,
                )
                return signed

            figures[f"dkimpy {name}, {encoding}"] = microseconds(sign, max(count // 30, 1))
    return figures


if __name__ == "__main__":
    if "--json" in sys.argv:
        print(json.dumps(measure()))
    else:
        for what, figure in measure().items():
            print(f"{what:<32} {figure:>9.1f} us")
