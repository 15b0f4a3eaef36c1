from __future__ import annotations

import email.policy
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outreach.delivery.headers import (
    Mailbox,
    address_field,
    clean_text,
    domain_to_ascii,
    encoded_words,
    envelope_address,
    identifier,
    needs_smtputf8,
    unstructured,
)
from outreach.errors import InputError

SUBJECTS = [
    "Invitation",
    "Einladung: Prüfen Sie die digitale Reife Ihrer Gemeinde – kostenlos, in 30 Minuten, ohne Vorkenntnisse",
    "Πρόσκληση προς τον Δήμο σας: αξιολόγηση της ψηφιακής ωριμότητας με το εργαλείο LORDIMAS της Ένωσης",
    "Покана към вашата община за оценка на цифровата зрялост",
    "Invitation : évaluez la maturité numérique de votre commune",
    "A subject in plain letters that is far longer than one line of a header may be, and so has to be folded",
    "W" * 200,
    "=?utf-8?q?not_encoded?=",
    "Žluťoučký kůň, 🎉 und 👩🏽‍💻",
    "",
]


def _parsed(raw: bytes) -> EmailMessage:
    return cast("EmailMessage", message_from_bytes(raw + b"\r\n", policy=email.policy.default))


def _assert_safe(raw: bytes) -> None:
    assert raw.endswith(b"\r\n")
    for line in raw[:-2].split(b"\r\n"):
        assert len(line) <= 78 or b" " not in line.strip()
        assert b"\r" not in line
        assert b"\n" not in line
    for line in raw[:-2].split(b"\r\n")[1:]:
        assert line.startswith(b" ")
        assert line.strip()


@pytest.mark.parametrize("subject", SUBJECTS)
def test_subjects_come_back_as_they_went(subject: str) -> None:
    raw = unstructured("Subject", subject)
    assert raw.isascii()
    _assert_safe(raw)
    assert _parsed(raw)["Subject"] == subject


@settings(max_examples=50)
@given(st.text(max_size=120))
def test_any_subject_is_safe_and_readable(subject: str) -> None:
    raw = unstructured("Subject", subject)
    assert raw.isascii()
    _assert_safe(raw)
    message = _parsed(raw)
    assert message.keys() == ["Subject"]
    assert message["Subject"] == clean_text(subject)


@pytest.mark.parametrize("break_", ["\r\n", "\n", "\r", "\x00", "\x0b", "\x85", "\u2028", "\u202e"])
def test_nothing_gets_out_of_a_subject(break_: str) -> None:
    raw = unstructured("Subject", f"Hello{break_}Bcc: all@x.example")
    assert raw == b"Subject: Hello Bcc: all@x.example\r\n"


def test_a_subject_without_end_is_an_error() -> None:
    with pytest.raises(InputError, match="2,001 characters"):
        unstructured("Subject", "x" * 2001)


@settings(max_examples=50)
@given(st.text(min_size=1, max_size=200), st.integers(0, 60))
def test_encoded_words_keep_to_their_limit(text: str, offset: int) -> None:
    text = clean_text(text) or "ü"
    words = encoded_words(text, offset)
    assert all(len(word) <= 75 for word in words)
    if offset < 40:
        assert len(words[0]) + offset <= 78


def _name(raw: bytes) -> str:
    """The display name by RFC 2047. The modern parser of Python 3.11 keeps the space between two
    encoded-words of a phrase, which section 6.2 says to drop; the older one is right."""
    name, address = parseaddr(message_from_bytes(raw + b"\r\n")[raw.partition(b":")[0].decode()])
    assert address == "info@stadt.example"
    return str(make_header(decode_header(name)))


NAMES = [
    "",
    "Stadt Neustadt",
    "Müller, Jörg",
    'Jean "Le Maire" Dupont',
    "Back\\slash",
    "a.b (c) <d@e.example>",
    "Δήμος Αθηναίων, Γραφείο Δημάρχου",
    "Verband der Gemeinden und Städte, Arbeitsgemeinschaft für Digitalisierung und Bürgernähe e. V.",
    "Association of municipalities, of regions, of islands and of whatever else there may be in the country",
    "=?utf-8?q?x?=",
    "Община София",
    "x\r\nBcc: everyone@x.example",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_come_back_as_they_went(name: str) -> None:
    raw = address_field("Reply-To", [Mailbox("info@stadt.example", name)])
    assert raw.isascii()
    _assert_safe(raw)
    message = _parsed(raw)
    assert message.keys() == ["Reply-To"]
    (address,) = message["Reply-To"].addresses
    assert address.addr_spec == "info@stadt.example"
    if "=?" not in name:  # parseaddr takes the quotes off, and decode_header then decodes what was quoted
        assert _name(raw) == clean_text(name)


@settings(max_examples=50)
@given(st.text(max_size=80))
def test_any_name_is_safe(name: str) -> None:
    raw = address_field("To", [Mailbox("info@stadt.example", name)])
    assert raw.isascii()
    _assert_safe(raw)
    message = _parsed(raw)
    assert message.keys() == ["To"]
    assert [a.addr_spec for a in message["To"].addresses] == ["info@stadt.example"]
    if "=?" not in name:
        assert _name(raw) == clean_text(name)


@settings(max_examples=50)
@given(st.text(max_size=40))
def test_any_address_is_safe_or_an_error(address: str) -> None:
    try:
        envelope = envelope_address(address)
    except InputError:
        return
    assert not set(envelope) & set("\r\n\x00")
    assert envelope.partition("@")[2].isascii() or '"' in envelope


def test_several_addresses() -> None:
    raw = address_field("To", [Mailbox(f"office{n}@municipality.example", f"Büro {n}") for n in range(5)])
    _assert_safe(raw)
    assert [a.display_name for a in _parsed(raw)["To"].addresses] == [f"Büro {n}" for n in range(5)]


@pytest.mark.parametrize(
    ("address", "envelope"),
    [
        ("Info@Stadt.EXAMPLE", "Info@stadt.example"),
        ("info@münchen.example", "info@xn--mnchen-3ya.example"),
        ("info@straße.example", "info@xn--strae-oqa.example"),
        ("πόλη@δήμος.example", "πόλη@xn--jxalzmp.example"),
        ('"two words"@x.example', '"two words"@x.example'),
        ("o'brien+tag@x.example", "o'brien+tag@x.example"),
        ("root@localhost", "root@localhost"),
    ],
)
def test_envelope_addresses(address: str, envelope: str) -> None:
    assert envelope_address(address) == envelope


@pytest.mark.parametrize(
    "address",
    [
        "", "@", "a@", "@b.example", "no at sign", "a b@x.example", "a@x .example",
        "a@x.example\r\nRCPT TO:<b@y.example>",
        "a@x.example>", "<a@x.example", "a@@x.example", ".a@x.example", "a..b@x.example", "a@-x.example",
        "a@x..example",
        "a\x00@x.example", f"{'a' * 65}@x.example", f"a@{'b' * 64}.example", "a@x.example SIZE=1",
    ],
)  # fmt: skip
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(InputError) as caught:
        envelope_address(address)
    assert caught.value.remedy


def test_smtputf8_is_needed_for_local_parts_only() -> None:
    assert needs_smtputf8("δήμος@x.example")
    assert not needs_smtputf8("info@δήμος.example")
    assert domain_to_ascii("δήμος.example").startswith("xn--")


@pytest.mark.parametrize("value", ["", "a\r\nb", "a\x00", "ü", " a", "a ", "x" * 1000])
def test_identifiers_are_strict(value: str) -> None:
    with pytest.raises(InputError):
        identifier("List-Id", value)


def test_long_identifiers_fold() -> None:
    ids = " ".join(f"<{'a' * 40}{n}@x.example>" for n in range(4))
    raw = identifier("References", ids)
    _assert_safe(raw)
    assert _parsed(raw)["References"].replace("\r\n", "") == ids
