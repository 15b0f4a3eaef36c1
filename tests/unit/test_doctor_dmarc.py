"""DMARC and DKIM records, and alignment."""

from __future__ import annotations

import base64
from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from outreach.doctor import dkim, dmarc


@cache
def rsa_record(bits: int) -> str:
    key = rsa.generate_private_key(65537, bits).public_key()
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"v=DKIM1; k=rsa; p={base64.b64encode(der).decode()}"


def test_what_is_a_dmarc_record() -> None:
    assert dmarc.is_record("v=DMARC1; p=none")
    assert dmarc.is_record("v = DMARC1 ; p=none")
    assert dmarc.is_record("v=DMARC1")
    assert not dmarc.is_record("v=DMARC12; p=none")
    assert not dmarc.is_record("v=spf1 -all")


def test_a_dmarc_record() -> None:
    record = dmarc.parse(
        "v=DMARC1; p=Reject; sp=none; aspf=s; pct=50; rua=mailto:a@town.example, mailto:b@town.example"
    )
    assert record == dmarc.Record(
        "reject",
        "none",
        strict_spf=True,
        percent=50,
        reports_to=("mailto:a@town.example", "mailto:b@town.example"),
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("v=DMARC1", "no policy"),
        ("v=DMARC1; p=block", "p=block is no policy"),
        ("v=DMARC1; p=none; sp=all", "sp=all"),
        ("v=DMARC1; p=none; aspf=x", "neither r nor s"),
        ("v=DMARC1; p=none; pct=200", "no percentage"),
        ("v=DMARC1; p=none; p=reject", "stands twice"),
        ("v=DMARC1; p=none; rua=a@town.example", "no mailto"),
        ("v=DMARC1; p=none; reject", "has no ="),
    ],
)
def test_what_is_wrong_with_a_dmarc_record(text: str, fault: str) -> None:
    (told,) = dmarc.parse(text).faults
    assert fault in told


def test_the_nearest_record_above_counts_and_the_top_is_not_asked() -> None:
    asked: list[str] = []

    def txt(name: str) -> list[str]:
        asked.append(name)
        return {"_dmarc.town.example": ["something else", "v=DMARC1; p=none"]}.get(name, [])

    assert dmarc.look_up("mail.office.town.example", txt) == dmarc.Found(
        "town.example", ("v=DMARC1; p=none",)
    )
    assert asked == [
        f"_dmarc.{name}" for name in ("mail.office.town.example", "office.town.example", "town.example")
    ]
    asked.clear()
    assert dmarc.look_up("village.example", txt) is None
    assert asked == ["_dmarc.village.example"]


@pytest.mark.parametrize(
    ("other", "strict", "expected"),
    [
        ("news.town.example", True, True),
        ("NEWS.town.example.", True, True),
        ("town.example", True, False),
        ("town.example", False, True),
        ("bounce.town.example", False, True),
        ("nottown.example", False, False),
        ("relay.example", False, False),
    ],
)
def test_alignment(other: str, strict: bool, expected: bool) -> None:
    assert dmarc.aligned("news.town.example", other, "town.example", strict=strict) is expected


def test_dkim_keys() -> None:
    assert (dkim.parse(rsa_record(2048)).bits, dkim.parse(rsa_record(1024)).bits) == (2048, 1024)
    ed25519 = dkim.parse(f"v=DKIM1; k=ed25519; p={base64.b64encode(bytes(32)).decode()}")
    assert (ed25519.kind, ed25519.bits, ed25519.faults) == ("ed25519", 256, ())
    split = rsa_record(2048).replace("A", " A", 3)
    assert dkim.parse(split).bits == 2048
    assert dkim.parse("p=").revoked
    assert dkim.parse("v=DKIM1; t=y:s; p=").testing


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("v=DKIM1; k=rsa", "no key p="),
        ("k=rsa; v=DKIM1; p=", "has to come first"),
        ("v=DKIM2; p=", "be DKIM1"),
        ("v=DKIM1; k=dsa; p=AAAA", "k=dsa"),
        ("v=DKIM1; h=sha1; p=", "sha256"),
        ("v=DKIM1; p=@@@", "not base64"),
        ("v=DKIM1; p=AAAA", "holds no rsa key"),
        ("v=DKIM1; k=ed25519; p=AAAA", "holds no ed25519 key"),
    ],
)
def test_what_is_wrong_with_a_dkim_record(text: str, fault: str) -> None:
    (told,) = dkim.parse(text).faults
    assert fault in told
