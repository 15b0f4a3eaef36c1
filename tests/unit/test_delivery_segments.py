from __future__ import annotations

import binascii

from hypothesis import example, given, settings
from hypothesis import strategies as st

from outreach.content.compiled import Compiled
from outreach.content.render import Renderer
from outreach.content.tags import placeholders
from outreach.delivery.segments import Base64Text

PIECE = st.one_of(
    st.text(max_size=80), st.sampled_from(["x" * 64, "ά" * 60, "\n.\n" * 30, "a\r\nb\r" * 20, "\r", "\n", ""])
)


def decoded(lines: bytes) -> bytes:
    assert not lines or lines.endswith(b"\r\n")
    assert all(0 < len(line) <= 76 for line in lines.split(b"\r\n")[:-1])
    groups = lines.replace(b"\r\n", b"")
    assert len(groups) % 4 == 0
    assert b"=" not in groups[:-2], "padding stands at the end alone"
    return binascii.a2b_base64(groups, strict_mode=True)


@given(st.lists(PIECE, max_size=12), st.sets(PIECE, max_size=6))
@example(["x", "ά" * 60, "yy", "ά" * 60, "ά" * 60], {"ά" * 60})
@example(["x" * 60 + "\r", "\n" + "y" * 60], {"x" * 60 + "\r", "\n" + "y" * 60})
def test_pieces_decode_to_what_the_whole_text_decodes_to(pieces: list[str], others: set[str]) -> None:
    constants = {*pieces[::2], *others}
    whole = "".join(pieces)
    assert decoded(Base64Text(constants).lines(pieces)) == decoded(Base64Text().lines(whole))


def test_constants_are_encoded_beforehand() -> None:
    constant = "Αξιότιμες κυρίες " * 200
    text = Base64Text([constant])
    for start in ("", "a", "aa", "aaa"):
        end = "ω" * 10
        assert decoded(text.lines([start, constant, end])).decode() == start + constant + end
    assert any(len(form[1]) > 8_000 for forms in text._forms.values() for form in forms)


VALUES = st.fixed_dictionaries(
    {
        "name": st.text(max_size=30),
        "flag": st.booleans(),
        "rows": st.lists(st.text(max_size=8), max_size=4),
    }
)
LONG = "Ο Δήμος σας προσκαλείται στη δράση, δωρεάν και στη γλώσσα σας. " * 3
TEMPLATES = st.lists(
    st.sampled_from(
        [
            LONG,
            f"<p>{LONG}</p>\n",
            "{{ name }}",
            '{{ name|replace("a", "\\r") }}',
            "{{ 'fixed' }}",
            f"{{% if flag %}}{LONG}{{{{ name }}}}{{% else %}}{LONG.upper()}{{% endif %}}",
            f"{{% for row in rows %}}{LONG}{{{{ loop.index }}}} {{{{ row }}}}{{% endfor %}}",
            f"{{% for row in rows if row != name %}}{{% if flag %}}{LONG}{{% endif %}}{{{{ row }}}}{{% endfor %}}",
        ]
    ),
    max_size=6,
).map("".join)


@settings(max_examples=60, deadline=None)
@given(TEMPLATES, VALUES)
def test_a_template_in_pieces_is_the_mail_of_the_whole_template(
    source: str, values: dict[str, object]
) -> None:
    names = placeholders(source)
    renderer = Renderer(Compiled("s", "p", source, source, placeholders=names, digest="", language="el"))
    whole, pieces = renderer.render(values), renderer.pieces(renderer.cleaned(values))
    assert ("".join(pieces.html), "".join(pieces.text)) == (whole.html, whole.text)
    encode = Base64Text(renderer.constants).lines
    assert decoded(encode(pieces.html)) == decoded(encode(whole.html))
    assert decoded(encode(pieces.text)) == decoded(encode(whole.text))


def test_long_parts_of_a_template_are_constants() -> None:
    source = f"{LONG}{{{{ name }}}}{{% for row in rows %}}{LONG * 2}{{{{ row }}}}{{% endfor %}}"
    renderer = Renderer(Compiled("s", "p", source, source, placeholders=(), digest="", language="el"))
    assert {LONG, LONG * 2} <= renderer.constants
