"""Compiling and then rendering, for whole generated mails: nested lists and conditions, tables with loops, names in
addresses, and values of any kind."""

from __future__ import annotations

import re
from dataclasses import replace
from html import escape

from hypothesis import example, given, settings
from hypothesis import strategies as st
from jinja2 import Environment

from outreach.content.catalog import Catalog
from outreach.content.compile import compile_template
from outreach.content.render import Renderer, clean_value
from tests.unit.test_content_compile import LAYOUT, VALUES, shape, template

LINKS = [
    "[go]({{ url }})",
    "[{{ name }}]({{ url }})",
    "[more](https://a.example/{{ code }}/x?from={{ code }}&b=2#end)",
    '[titled]({{ url }} "for {{ name }}")',
    "<https://b.example/{{ code }}>",
    "`{{ code }}`",
]
WORDS = st.sampled_from(["alpha", "{{ name }}", "**bold {{ name }}**", "*{{ code }}*", *LINKS])


def chosen(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Perhaps within a condition, of which branches may hold conditions again."""
    return st.one_of(
        inner,
        inner.map(lambda part: f"{{% if flag %}}{part}{{% endif %}}"),
        st.tuples(inner, inner).map(
            lambda two: f"{{% if flag %}}{two[0]}{{% elif name %}}{two[1]}{{% else %}}none{{% endif %}}"
        ),
        st.tuples(inner, inner).map(
            lambda two: f"{{% if name %}}{{% if not flag %}}{two[0]}{{% endif %}} and {two[1]}{{% endif %}}"
        ),
    )


LINE = st.lists(chosen(WORDS), min_size=1, max_size=4).map(lambda words: f"text {' '.join(words)} end")


def among(lines: st.SearchStrategy[str], gap: str) -> st.SearchStrategy[str]:
    """A line by itself, under a condition, or once for each row; ``gap`` parts it from the tags."""
    return st.one_of(
        lines,
        lines.map(lambda line: f"{{% if flag %}}{gap}{line}{gap}{{% endif %}}"),
        st.tuples(lines, lines).map(
            lambda two: f"{{% if flag %}}{gap}{two[0]}{gap}{{% else %}}{gap}{two[1]}{gap}{{% endif %}}"
        ),
        lines.map(lambda line: f"{{% for row in rows %}}{gap}{line}{gap}{{% endfor %}}"),
        lines.map(
            lambda line: (
                f"{{% for row in rows %}}{gap}{{% if row.b %}}{gap}{line}{gap}{{% endif %}}{gap}{{% endfor %}}"
            )
        ),
    )


ROWS = among(LINE.map(lambda cell: f"| {cell} | {{{{ name }}}} |"), "\n")
ITEMS = among(LINE.map(lambda line: f"- {line}"), "\n")
NUMBERS = among(LINE.map(lambda line: f"1. {line}"), "\n")
BUTTON = st.sampled_from([f"**{link}**" for link in LINKS[:3]])
BLOCK = st.one_of(
    among(LINE, "\n\n"),
    among(LINE.map(lambda line: f"### {line}"), "\n\n"),
    LINE.map(lambda line: f"> {line}\\\n> next"),
    st.lists(ITEMS, max_size=3).map(lambda items: "\n".join(["- first", *items])),
    st.lists(NUMBERS, max_size=3).map(lambda items: "\n".join(["1. first", *items])),
    st.lists(LINE, min_size=1, max_size=2).map(
        lambda lines: "- outer\n" + "\n".join(f"  - {line}" for line in lines) + "\n- after"
    ),
    st.lists(ROWS, max_size=3).map(lambda rows: "\n".join(["| A {{ name }} | B |", "|---|---|", *rows])),
    BUTTON,
    st.tuples(BUTTON, BUTTON).map(
        lambda two: f"{{% if flag %}}\n\n{two[0]}\n\n{{% else %}}\n\n{two[1]}\n\n{{% endif %}}"
    ),
    st.just("---"),
)
BODY = st.lists(BLOCK, min_size=1, max_size=5).map("\n\n## Part {{ code }}\n\n".join)
PLAIN = st.text(alphabet="abcXYZ019äßőжω", min_size=1, max_size=12)


def words(text: str) -> list[str]:
    """Without what is known late: how long the line below a heading is, where a quote begins a line, and the numbers
    of items that stand under a condition."""
    found = re.sub(r"={3,}|-{3,}", "=", text).split()
    return [word for word in found if word not in (">", "-") and not re.fullmatch(r"\d+\.", word)]


@settings(max_examples=30, deadline=None)
@given(
    body=BODY,
    name=PLAIN,
    code=st.text(alphabet="abc019", min_size=1, max_size=8),
    flag=st.sampled_from(["", "on"]),
    cells=st.lists(st.tuples(PLAIN, st.one_of(st.just(""), PLAIN)), max_size=3),
)
def test_compile_then_render_equals_render_then_compile(
    body: str, name: str, code: str, flag: str, cells: list[tuple[str, str]]
) -> None:
    rows = [{"a": a, "b": b} for a, b in cells]
    values = {
        **VALUES,
        "name": name,
        "code": code,
        "flag": flag,
        "rows": rows,
        "url": "https://a.example/x?y=1",
    }
    mail = template(body)
    before = Environment(trim_blocks=True, lstrip_blocks=True).from_string(body).render(values)
    late = Renderer(compile_template(Catalog(LAYOUT), mail)).render(values)
    early = Renderer(compile_template(Catalog(LAYOUT), replace(mail, body=before))).render(values)
    assert shape(late.html) == shape(early.html)
    assert words(late.text) == words(early.text)


@settings(max_examples=30, deadline=None)
@given(
    body=BODY,
    name=st.text(min_size=1).filter(lambda text: clean_value(text).strip()),
    flag=st.sampled_from(["", "on"]),
)
@example(
    body="{{ name }} [{{ name }}]({{ url }})", name="<b>[x](javascript:a)</b>{{ name }}{% if %}", flag=""
)
@example(body="| A | B |\n|---|---|\n| {{ name }} | x |", name='"|\u202e` &amp; **x**\r\n\\', flag="on")
@example(body="- {{ name }}\n\n## {{ name }}", name="# 1. - > ~qzs0z~ " + "x" * 10_000, flag="on")
def test_a_value_stands_as_it_is_and_changes_nothing_around_it(body: str, name: str, flag: str) -> None:
    mail = Renderer(compile_template(Catalog(LAYOUT), template(body, subject="To {{ name }}")))

    def made(name: str) -> tuple[str, str, str]:
        values = {**VALUES, "name": name, "code": "c1", "flag": flag, "rows": [{"a": "a", "b": "b"}]}
        rendered = mail.render(values)
        return rendered.html, rendered.text, rendered.subject

    html, text, subject = made("Quarzvalue")
    clean = clean_value(name)
    escaped = escape(clean).replace("&quot;", "&#34;").replace("&#x27;", "&#39;")
    found = made(name)
    assert found[0] == html.replace("Quarzvalue", escaped)
    assert found[1] == text.replace("Quarzvalue", clean)
    assert found[2] == " ".join(subject.replace("Quarzvalue", clean).split())
