from __future__ import annotations

import binascii
import quopri

from hypothesis import example, given, settings
from hypothesis import strategies as st

from outreach.delivery.segments import Encoded, Form, canonical

VALUES = [b"", b".", "Άγιος Νικόλαος".encode(), b"info@stadt.example", b"= =20 ", b"x" * 200, b"a.b"]
PART = st.one_of(
    st.integers(0, len(VALUES) - 1),
    st.text(max_size=80),
    st.sampled_from(
        ["x" * 64, "ά" * 60, "\n.\n" * 30, "a\r\nb\r" * 20, ".", "\n", " \n", "=\t\n", "y" * 990, "\0"]
    ),
)


def decoded(body: Encoded) -> bytes:
    lines = body.lines
    for line in lines.split(b"\r\n"):
        assert len(line) <= (998 if body.encoding == "8bit" else 76)
        assert not {10, 13} & set(line)
        assert not line.startswith(b"."), "nothing has to be doubled on the way"
    if body.encoding == "base64":
        groups = lines.replace(b"\r\n", b"")
        assert len(groups) % 4 == 0
        assert b"=" not in groups[:-2], "padding stands at the end alone"
        return binascii.a2b_base64(groups, strict_mode=True)
    assert lines.endswith(b"\r\n"), "this one belongs to the boundary"
    if body.encoding == "8bit":
        assert b"\0" not in lines
        return lines[:-2]
    assert lines.isascii()
    assert not any(line.endswith((b" ", b"\t")) for line in lines.split(b"\r\n"))
    return quopri.decodestring(lines[:-2].replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")


@settings(max_examples=200, deadline=None)
@given(st.lists(PART, max_size=12), st.booleans())
@example(["x", 2, "ά" * 60, 2, 2, "ά" * 60, "\n", 2], True)
@example([1, "\n", 1, "a\n.", 3], True)
@example(["Guten Tag ", 3, ". Ende \n", "." * 80, 5, " \n"], False)
def test_a_text_is_the_same_whichever_way_it_is_encoded(parts: list[str | int], eight_bit: bool) -> None:
    # two constants side by side are one: a CR and a LF that meet there are one line end
    whole = b""
    for part in parts:
        whole += VALUES[part] if isinstance(part, int) else canonical(part)
    body = Form(parts).fill(VALUES, eight_bit=eight_bit)
    assert decoded(body) == whole
    assert eight_bit or body.encoding != "8bit"


def test_the_smallest_encoding_that_the_server_takes() -> None:
    german, greek = "Guten Tag, Bürgermeisterin,\n" * 40, "Αξιότιμες κυρίες, αξιότιμοι κύριοι,\n" * 40
    assert Form([german]).fill([], eight_bit=True).encoding == "8bit"
    assert Form([german]).fill([], eight_bit=False).encoding == "quoted-printable"
    assert Form([greek]).fill([], eight_bit=True).encoding == "8bit"
    assert Form([greek]).fill([], eight_bit=False).encoding == "base64"


def test_a_line_that_is_too_long_is_encoded() -> None:
    form = Form(["x" * 500, 0, "\n"])
    assert form.fill([b"y" * 498], eight_bit=True).encoding == "8bit"
    assert form.fill([b"y" * 499], eight_bit=True).encoding != "8bit"
    assert Form(["x" * 999]).fill([], eight_bit=True).encoding != "8bit"
    form = Form(["x" * 800, 0, "\n", 1, 1, "\n"])
    assert form.fill([b"y" * 198, b"z" * 499], eight_bit=True).encoding == "8bit"
    assert form.fill([b"y" * 199, b"z"], eight_bit=True).encoding != "8bit"
    assert form.fill([b"y", b"z" * 500], eight_bit=True).encoding != "8bit"


def test_constants_are_encoded_beforehand() -> None:
    constant = "Αξιότιμες κυρίες " * 200
    form = Form([0, constant, 1])
    for start in (b"", b"a", b"aa", b"aaa"):
        filled = form.fill([start, "ω".encode() * 10], eight_bit=False)
        assert decoded(filled).decode() == start.decode() + constant + "ω" * 10
        assert filled.lines.count(constant.encode()[3:60]) == 0
