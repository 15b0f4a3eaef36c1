from __future__ import annotations

import logging
import re
from collections.abc import Callable
from datetime import UTC, datetime

import dkim as dkimpy
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from outreach.delivery.compose import Composer, Letter, Letterhead
from outreach.delivery.dkim import Key, Signer, read_key
from outreach.delivery.headers import Mailbox
from outreach.errors import InputError, SettingsError

NOW = datetime(2025, 3, 1, 9, 5, 7, tzinfo=UTC)  # long ago: verifiers doubt signatures of the future
DOMAIN = "bund.example"


def pem(private: object, lock: KeySerializationEncryption | None = None) -> bytes:
    written: bytes = private.private_bytes(  # type: ignore[attr-defined]
        Encoding.PEM, PrivateFormat.PKCS8, lock or NoEncryption()
    )
    return written


RSA_2048 = rsa.generate_private_key(65537, 2048)
RSA = read_key("r2027", pem(RSA_2048), "rsa.pem")
EDWARDS = read_key("e2027", pem(ed25519.Ed25519PrivateKey.generate()), "ed25519.pem")
SIGNER = Signer(DOMAIN, [RSA, EDWARDS])
MESSAGE = (
    b"From: Netz <netz@bund.example>\r\nTo: info@town.example\r\nSubject: Einladung\r\n\r\nGuten Tag\r\n"
)


def dns(*keys: Key, domain: str = DOMAIN) -> Callable[..., bytes | None]:
    records = {key.place(domain) + ".": key.record.encode() for key in keys}
    return lambda name, timeout=5: records.get(name.decode() if isinstance(name, bytes) else name)


def verified(raw: bytes, *keys: Key, domain: str = DOMAIN) -> list[bool]:
    """Whether each signature holds, the uppermost first."""
    reader = dkimpy.DKIM(raw, logger=logging.getLogger("dkimpy"))
    count = len(re.findall(rb"(?mi)^dkim-signature:", raw.partition(b"\r\n\r\n")[0]))
    assert count
    return [_verified(reader, n, dns(*keys, domain=domain)) for n in range(count)]


def _verified(reader: dkimpy.DKIM, index: int, records: Callable[..., bytes | None]) -> bool:
    try:
        return bool(reader.verify(idx=index, dnsfunc=records))
    except dkimpy.ValidationError as error:
        if "body hash mismatch" not in str(error):
            raise  # the signature itself is wrongly written
        return False


def signed(raw: bytes, signer: Signer = SIGNER) -> bytes:
    return signer.sign(raw, NOW) + raw


def composed(**changes: object) -> bytes:
    letterhead = Letterhead(
        sender=Mailbox("netz@bund.example", "Bund der Städte, Büro „Digitales“"),
        language="de",
        list_id="lordimas.de.bund.example",
        reply_to=Mailbox("antworten@bund.example", "Antworten"),
        feedback=("lordimas", "invitation", "de", "outreach"),
    )
    token = "or-abcdefghijklmnopqrstuvwxyz"
    values: dict[str, object] = {
        "token": token,
        "message_id": f"<{token}@bund.example>",
        "recipient": Mailbox("info@gemeinde.example", "Gemeinde Göß"),
        "date": NOW,
        "subject": "Einladung zur Bewertung der digitalen Reife Ihrer Gemeinde: ein Abend in Brüssel",
        "text": "Guten Tag  \n\n\n",
        "html": "<p>Guten Tag</p>\n\n" * 100,
        "unsubscribe_url": "https://bund.example/out/" + token,
    }
    return Composer(letterhead).compose(Letter(**(values | changes)))  # type: ignore[arg-type]


def test_a_composed_mail_carries_two_signatures_that_hold() -> None:
    raw = signed(composed())
    assert raw.count(b"DKIM-Signature:") == 2
    assert verified(raw, RSA, EDWARDS) == [True, True]


def test_what_is_signed() -> None:
    header = SIGNER.sign(composed(), NOW)
    first = re.sub(rb"\r\n(?=[ ])", b"", header).split(b"\r\n")[0]
    tags = dict(tag.strip().split(b"=", 1) for tag in first.partition(b":")[2].split(b";"))
    assert tags[b"d"] == b"bund.example"
    assert tags[b"s"] == b"r2027"
    assert tags[b"a"] == b"rsa-sha256"
    assert tags[b"c"] == b"relaxed/relaxed"
    assert tags[b"t"] == str(int(NOW.timestamp())).encode()
    names = tags[b"h"].replace(b" ", b"").split(b":")
    assert names.count(b"from") == 2
    assert {
        b"to", b"subject", b"date", b"message-id", b"reply-to", b"references", b"mime-version",
        b"content-type", b"list-unsubscribe", b"list-unsubscribe-post", b"auto-submitted", b"list-id",
        b"feedback-id",
    } <= set(names)  # fmt: skip
    assert b"received" not in names


def test_lines_are_short_and_ascii() -> None:
    long = Signer("a." * 100 + "example", [RSA, EDWARDS])
    header = long.sign(composed(), NOW)
    assert header.isascii()
    assert header.endswith(b"\r\n")
    for line in header[:-2].split(b"\r\n"):
        assert len(line) <= 78 or b" d=" in line
        assert line.startswith((b"DKIM-Signature:", b" "))
        assert line.strip()


@pytest.mark.parametrize(
    "change",
    [
        (b"Guten Tag", b"Guten Abend"),
        (b"Subject: Einladung", b"Subject: Mahnung"),
        (b"From: Netz", b"From: Anna"),
    ],
)
def test_a_change_breaks_it(change: tuple[bytes, bytes]) -> None:
    raw = signed(MESSAGE)
    assert verified(raw, RSA, EDWARDS) == [True, True]
    assert verified(raw.replace(*change), RSA, EDWARDS) == [False, False]


@pytest.mark.parametrize("field", ["From", "To", "Subject"])
def test_a_second_field_above_breaks_it(field: str) -> None:
    raw = f"{field}: other@bund.example\r\n".encode() + signed(MESSAGE)
    assert verified(raw, RSA, EDWARDS) == [False, False]


def test_what_relays_do_does_not_break_it() -> None:
    raw = signed(b"Subject: a  b\r\n c\r\n" + MESSAGE.replace(b"Subject", b"X-Old"))
    relayed = (
        b"Received: from here by there; Mon, 1 Mar 2027 09:05:07 +0000\r\n"
        + raw.replace(b"Subject: a  b\r\n c", b"SUBJECT:\ta b\r\n\t c ")
        + b"\r\n\r\n"
    )
    assert verified(relayed, RSA, EDWARDS) == [True, True]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"\r\n", b"\r\n\r\n\r\n", b" \t\r\n\r\n", b"x", b"x\r\n\r\n\r\n", b" x\t \ty \r\n \r\nz\t\r\n",
        b"lone\nline\rends\r\n\n", b"\xff\xfe 8 bit \r\n", b".\r\n..\r\n", b"=20\r\na=\r\nb =20\r\n",
    ],
)  # fmt: skip
def test_bodies(body: bytes) -> None:
    raw = MESSAGE.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" + body
    wire = re.sub(rb"\r\n|\r|\n", b"\r\n", raw)
    wire += b"" if wire.endswith(b"\r\n") else b"\r\n"
    assert verified(SIGNER.sign(raw, NOW) + wire, RSA, EDWARDS) == [True, True]


# dkimpy also takes VT and FF for spaces, which RFC 6376, section 2.8 does not: they are left out.
_TEXT = st.text(
    st.sampled_from("ab:;=. \t") | st.characters(exclude_characters="\r\n\v\f", exclude_categories=["Cs"]),
    max_size=30,
).map(lambda text: text.encode())
_VALUE = st.lists(_TEXT, min_size=1, max_size=4).map(b"\r\n ".join)
_NAME = st.sampled_from(
    [
        b"To",
        b"SUBJECT",
        b"subject",
        b"Date",
        b"Reply-To",
        b"References",
        b"List-Unsubscribe",
        b"Received",
        b"X-Other",
        b"Content-Type",
        b"Content-Transfer-Encoding",
        b"DKIM-Signaturex",
    ]
)
_LINE = _TEXT | st.binary(max_size=40).map(lambda raw: re.sub(rb"[\r\n]", b"", raw)) | st.just(b"")


@settings(max_examples=60)
@given(
    before=st.lists(st.tuples(_NAME, _VALUE), max_size=4),
    sender=_VALUE,
    after=st.lists(st.tuples(_NAME, _VALUE), max_size=4),
    lines=st.lists(_LINE, max_size=12),
    signer=st.sampled_from([SIGNER, Signer("Büro.example", [EDWARDS])]),
)
def test_any_message_verifies(
    before: list[tuple[bytes, bytes]],
    sender: bytes,
    after: list[tuple[bytes, bytes]],
    lines: list[bytes],
    signer: Signer,
) -> None:
    fields = [*before, (b"fRoM", sender), *after]
    head = b"".join(b"%s:%s\r\n" % field for field in fields)
    raw = head + b"\r\n" + b"".join(line + b"\r\n" for line in lines)
    domain = DOMAIN if signer is SIGNER else "xn--bro-hoa.example"
    assert all(verified(signed(raw, signer), RSA, EDWARDS, domain=domain))


@settings(max_examples=30)
@given(subject=st.text(max_size=200), text=st.text(max_size=500), name=st.text(max_size=80))
def test_any_composed_mail_verifies(subject: str, text: str, name: str) -> None:
    raw = composed(subject=subject, text=text, recipient=Mailbox("info@gemeinde.example", name))
    assert all(verified(signed(raw), RSA, EDWARDS))


def test_fields_a_relay_rewrites_can_be_left_out() -> None:
    signer = Signer(DOMAIN, [RSA], leave_out=["message-id", "Date"])
    raw = signed(composed(), signer)
    assert b"message-id:" not in signer.sign(composed(), NOW).replace(b"x-outreach-message-id", b"")
    assert verified(re.sub(rb"\r\nMessage-ID: [^\r]*", b"\r\nMessage-ID: <new@relay.example>", raw), RSA) == [
        True
    ]


@pytest.mark.parametrize("leave_out", ["From", "MessageID"])
def test_what_cannot_be_left_out(leave_out: str) -> None:
    with pytest.raises(SettingsError, match=r"From|leave_out names"):
        Signer(DOMAIN, [RSA], leave_out=[leave_out])


@pytest.mark.parametrize(
    "raw",
    [
        b"Subject: none\r\n\r\n",
        b"From: a@b.example\r\nFROM: c@d.example\r\n\r\n",
        b"From: a@b.example\r\nno field\r\n\r\n",
        b"\r\nFrom: a@b.example\r\n",
        b" From: a@b.example\r\n\r\n",
    ],
)
def test_what_cannot_be_signed(raw: bytes) -> None:
    with pytest.raises(InputError):
        SIGNER.sign(raw, NOW)


def test_a_time_without_a_zone() -> None:
    with pytest.raises(InputError, match="time zone"):
        SIGNER.sign(MESSAGE, datetime(2025, 3, 1))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (pem(rsa.generate_private_key(65537, 1024)), "has 1024 bits"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "neither RSA nor Ed25519"),
        (pem(RSA_2048, BestAvailableEncryption(b"geheim")), "locked by a passphrase"),
        (b"s3cret", "no private key in PEM form"),
        (b"", "no private key in PEM form"),
        (b"-----BEGIN PRIVATE KEY-----\nczNjcmV0\n-----END PRIVATE KEY-----\n", "no private key in PEM form"),
    ],
)
def test_a_key_that_cannot_be_used(key: bytes, message: str) -> None:
    with pytest.raises(SettingsError, match=message) as raised:
        read_key("outreach", key, "keys/dkim.pem")
    assert "keys/dkim.pem" in raised.value.message
    assert raised.value.remedy
    assert "s3cret" not in str(raised.value)
    assert "czNj" not in str(raised.value)


@pytest.mark.parametrize("selector", ["", "a b", "-a", "a._domainkey;", "ü", "x" * 64])
def test_a_selector_that_cannot_be_one(selector: str) -> None:
    with pytest.raises(SettingsError, match="selector"):
        read_key(selector, pem(RSA_2048), "keys/dkim.pem")


def test_a_key_in_the_older_form_and_the_record_to_publish() -> None:
    older = RSA_2048.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    key = read_key("Outreach", older, "keys/dkim.pem")
    assert key.record == RSA.record
    assert key.record.startswith("v=DKIM1; k=rsa; p=MIIB")
    assert key.place("Büro.example") == "outreach._domainkey.xn--bro-hoa.example"
    assert "p=" not in repr(key).replace(key.record, "")
    assert "PRIVATE" not in repr(key)
