"""Reading bytes: whole, bounded, and total."""

from __future__ import annotations

import time
from email.message import EmailMessage

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from outreach.inbound.headers import addresses, decode_words, mailbox, parameters
from outreach.inbound.parse import parse

_SNIPPETS = st.sampled_from(
    [
        b"\n",
        b"\r\n",
        b"--b\n",
        b"--b--\n",
        b"--c\n",
        b"Content-Type: multipart/mixed; boundary=b\n",
        b'Content-Type: multipart/alternative; boundary="c"\n',
        b"Content-Type: text/plain; charset=utf-7; format=flowed\n",
        b"Content-Type: message/rfc822\n",
        b"Content-Transfer-Encoding: base64\n",
        b"Content-Transfer-Encoding: quoted-printable\n",
        b"Subject: =?utf-8?b?w6k=?= =?utf-16?q?a?=\n",
        b'From: "a\\" <x@y.example>\n',
        b"Date: Tue, 99 Foo 2026\n",
        b"=",
        b"+2AA-",
        b"> text \n",
    ]
)


@given(st.lists(_SNIPPETS | st.binary(max_size=40), max_size=40).map(b"".join))
@example(b"Content-Type: text/plain; charset=utf-7\n\n\x80" + b" good day" * 30 + b" +2AA-")
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_read(raw: bytes) -> None:
    parsed = parse(raw)
    (parsed.text or "").encode("utf-8")
    (parsed.html or "").encode("utf-8")
    parsed.subject.encode("utf-8")
    assert "\x00" not in parsed.subject + (parsed.text or "")
    for part in parsed.parts:
        part.text().encode("utf-8")


def test_plain_message() -> None:
    parsed = parse(
        b"From: =?iso-8859-1?q?J=FCrgen_M=FCller?= <J.Mueller@Stadt.EXAMPLE>\r\n"
        b'To: a@b.example,\r\n\t"C, D" <C@d.example>\r\nDelivered-To: a@b.example\r\n'
        b"Message-ID: <1@x>\r\nIn-Reply-To: <2@x>\r\nReferences: <3@x>\r\n <2@x>\r\n"
        b"Date: Tue, 3 Nov 2026 10:00:00 +0100\r\nSubject: Ein\r\n Betreff\r\n\r\nHallo\r\nWelt\r\n"
    )
    assert (parsed.from_name, parsed.from_address) == ("Jürgen Müller", "j.mueller@stadt.example")
    assert parsed.to == ("a@b.example", "c@d.example")
    assert (parsed.message_id, parsed.in_reply_to, parsed.references) == (
        "<1@x>",
        ("<2@x>",),
        ("<3@x>", "<2@x>"),
    )
    assert parsed.subject == "Ein Betreff"
    assert parsed.date is not None
    assert parsed.date.isoformat() == "2026-11-03T10:00:00+01:00"
    assert parsed.text == "Hallo\nWelt\n"
    assert parsed.html is None


def test_alternative_and_attachment() -> None:
    message = EmailMessage()
    message["From"] = "a@b.example"
    message.set_content("Ωραία\n")
    message.add_alternative("<p>Ωραία</p>", subtype="html")
    message.add_attachment("nicht Text", filename="größe.txt")
    parsed = parse(message.as_bytes())
    assert parsed.text == "Ωραία\n"
    assert parsed.html == "<p>Ωραία</p>\n"
    assert [(part.content_type, part.filename, part.depth) for part in parsed.parts] == [
        ("text/plain", None, 2),
        ("text/html", None, 2),
        ("text/plain", "größe.txt", 1),
    ]


def test_inline_texts_around_a_file_are_one_body() -> None:
    parsed = parse(
        b"Content-Type: multipart/mixed; boundary=b\n\npreamble\n--b\n\nfirst\n--b\n"
        b"Content-Type: application/pdf\n"
        b"Content-Disposition: attachment; filename*0*=utf-8''k%C3%A4; filename*1=se.pdf\n\nx\n"
        b"--b\n\nsecond\n--b--\nepilogue"
    )
    assert parsed.text == "first\nsecond"
    assert parsed.parts[1].filename == "käse.pdf"
    assert parsed.parts[1].disposition == "attachment"


@pytest.mark.parametrize(
    ("charset", "data", "expected"),
    [
        ("utf-8", "žluťoučký".encode(), "žluťoučký"),
        ("iso-8859-1", b"\x93caf\xe9\x94", "“café”"),
        ("iso-8859-1", "café".encode(), "café"),
        ("us-ascii", b"caf\xe9", "café"),
        ("utf-8", b"caf\xe9", "café"),
        ("x-unknown", "Ελλάδα".encode("cp1253"), "Ελλάδα"),
        (None, "Община Пловдив, уважаеми колеги".encode("cp1251"), "Община Пловдив, уважаеми колеги"),
        (None, "Καλημέρα σας, ευχαριστούμε".encode("cp1253"), "Καλημέρα σας, ευχαριστούμε"),
        ("iso-8859-2", "żółw".encode("iso-8859-2"), "żółw"),
        ("utf-16", "zażółć".encode("utf-16"), "zażółć"),
        ("iso-2022-jp", "日本".encode("iso-2022-jp"), "日本"),
        ("rot13", b"abc", "abc"),
        ("idna", b"caf\xe9", "café"),
    ],
)
def test_charsets(charset: str | None, data: bytes, expected: str) -> None:
    label = b"" if charset is None else b"; charset=" + charset.encode()
    assert parse(b"Content-Type: text/plain" + label + b"\n\n" + data).text == expected


def test_raw_eight_bit_headers() -> None:
    assert parse("Subject: Grüße\n\n".encode()).subject == "Grüße"
    assert parse("Subject: Grüße\nFrom: Zoë <z@x.example>\n\n".encode("latin-1")).subject == "Grüße"


def test_encoded_words_cut_inside_a_character() -> None:
    assert decode_words("=?utf-8?B?w6TD?=\t=?UTF-8?B?tg==?= z") == "äö z"
    assert decode_words("=?utf-8?q?a_b=3D?= =?iso-8859-1*de?q?=E4?=") == "a b=ä"
    assert decode_words("=?utf-8?b?@@@?= x =?broken") == " x =?broken"


def test_flowed_text_is_joined() -> None:
    raw = b"Content-Type: text/plain; format=flowed\n\nOne \nline.\n>> quoted \n>> on\n> other\n-- \nName \n"
    assert parse(raw).text == "One line.\n>> quoted on\n> other\n-- \nName "
    assert (
        parse(raw.replace(b"flowed", b"flowed; delsp=yes")).text
        == "Oneline.\n>> quotedon\n> other\n-- \nName"
    )


def test_delivery_report_parts_are_reachable() -> None:
    parsed = parse(
        b'Content-Type: multipart/report; report-type=delivery-status; boundary="=_x"\n\n--=_x\n\nSorry\n'
        b"--=_x\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; a\n\nAction: failed\n"
        b"--=_x\nContent-Type: message/rfc822\n\nContent-Type: multipart/mixed; boundary=in\n\n"
        b"--in\n\nx\n--in--\n\n--=_x--\n"
    )
    assert [part.content_type for part in parsed.parts] == [
        "text/plain",
        "message/delivery-status",
        "message/rfc822",
    ]
    assert parsed.content_type == "multipart/report"
    assert parse(parsed.parts[2].payload).text == "x"


_MIXED = b"Content-Type: multipart/mixed; boundary=b\n\n--b\n"


@pytest.mark.parametrize(
    "raw",
    [
        b"Content-Type: multipart/mixed\n\n--b\n\ntext\n--b--\n",
        b"Content-Type: multipart/mixed; boundary=wrong\n\n--b\n\ntext\n--b--\n",
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\ntext",
        b"Content-Type: multipart/mixed; boundary=b\n\ntext",
        _MIXED + b"Content-Type: multipart/alternative; boundary=b\n\n--b\n\ntext\n--b--\n",
        _MIXED + b"Content-Type: multipart/alternative; boundary=i\n\n--i\n\ntext\n--b--\n",
        b"Content-Type: garbage\n\ntext",
        b"Content-Type: text/plain;\n\ntext",
        b"text",
        b"From x Tue\nSubject: a\n\ntext",
        b"Subject: a\ntext",
        b"\n\nSubject: a\n\ntext",
        b"Content-Transfer-Encoding: BASE64\n\ndGV4d",
        b"Content-Transfer-Encoding: base64\n\ndGV4dA",
    ],
)
def test_broken_structure_still_gives_its_text(raw: bytes) -> None:
    assert (parse(raw).text or "").strip() in {"text", "tex"}
    assert (parse(raw.replace(b"\n", b"\r\n")).text or "").strip() in {"text", "tex"}


def _nested(depth: int) -> bytes:
    opening = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (level, level) for level in range(depth)
    )
    return opening + b"\nx\n" + b"".join(b"--b%d--\n" % level for level in reversed(range(depth)))


@pytest.mark.parametrize(
    "raw",
    [
        b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 20_000,
        b"Content-Type: multipart/mixed; boundary=b\n\n"
        + b"--b\nContent-Type: multipart/mixed; boundary=q\n" * 20_000,
        _nested(5_000),
        b"Subject: " + b"=?utf-8?q?" * 100_000 + b"\n\nx",
        b"Subject: x\n" + b" fold\n" * 150_000 + b"\nx",
        b"To: " + b"a" * 500_000 + b", " + b"(" * 500_000 + b"\n\nx",
        b"Content-Type: text/plain; " + b'a="' * 300_000 + b"\n\nx",
        b"Content-Type: text/plain; format=flowed\n\n" + b"word \n" * 150_000,
        b"X: y\n" * 150_000,
        b"-" * 1_000_000,
        b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--" + b"\n--" * 300_000,
    ],
    ids=[
        "parts",
        "heads",
        "deep",
        "words",
        "folds",
        "address",
        "params",
        "flowed",
        "fields",
        "dashes",
        "lines",
    ],
)
def test_bombs_are_read_in_bounded_time(raw: bytes) -> None:
    began = time.process_time()
    parse(raw)
    assert time.process_time() - began < 2.5


def test_addresses_and_parameters() -> None:
    assert list(addresses('"A, B" <a@b.example>, c@D.example; <x@[192.0.2.1]>')) == [
        "a@b.example",
        "c@d.example",
        "x@[192.0.2.1]",
    ]
    assert mailbox("a@b.example (Ann)") == ("Ann", "a@b.example")
    assert mailbox('"x@y.example" <A@b.example>') == ("x@y.example", "a@b.example")
    assert mailbox('"Ann <x@y.example> B" <a@b.example>') == ("Ann <x@y.example> B", "a@b.example")
    assert mailbox("<x@y.example> <a@b.example>") == ("<x@y.example>", "a@b.example")  # once it was encoded
    assert mailbox("Ann <a@b.example>, Bea <c@d.example>") == ("Ann", "a@b.example")
    assert mailbox("MAILER-DAEMON") == ("MAILER-DAEMON", None)
    assert parameters('Text/HTML; Charset="UTF-8" ; name=a b.txt') == (
        "text/html",
        {"charset": "UTF-8", "name": "a b.txt"},
    )
