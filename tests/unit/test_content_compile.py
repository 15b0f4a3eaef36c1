from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import Environment
from lxml import html as lxml_html

from outreach.content.catalog import ANSWERS as ANSWER_NAMES
from outreach.content.catalog import SESSION_WORDS, Catalog, Template
from outreach.content.compile import compile_template
from outreach.content.compiled import Compiled
from outreach.content.render import Rendered, Renderer
from outreach.errors import InputError

ANSWERS = "".join(
    f'[answers.{name}]\nlabel = "{name}?"\nsubject = "s"\nbody = "b"\n' for name in ANSWER_NAMES
) + "".join(["[session]\n", *(f'{word} = "{word}"\n' for word in SESSION_WORDS)])
LAYOUT = {
    "_layout/strings.en.toml": 'language = "English"\nwhy = "Why & {{ source }}"\ncontroller = "Who"\n'
    f'rights = "Rights"\nunsubscribe = "Stop"\n[greetings]\ndefault = "Hi"\n{ANSWERS}',
    "_layout/base.html.j2": "<!DOCTYPE html><html lang='[[ language ]]'><head><title>[[ subject ]]</title>"
    '<style>[[ css ]]</style><style data-premailer="ignore">[[ kept_css ]]</style></head><body>\n'
    "[% for section in sections %]<main>[[ section.html ]]</main><i>[[ linked(section.why) ]]</i>"
    "[% for label, address in section.answers %]<u><a href='[[ address ]]'>[[ label ]]</a></u>[% endfor %]"
    "[% endfor %]</body></html>",
    "_layout/base.css": "/* c */ p { color: red; } .primary-link, td { color: blue } "
    "@media print { p { color: black } .x { color: #fff !important } }",
    "_layout/base.txt.j2": "[% for section in sections %]\n[[ section.text ]]\n"
    "-- \n[[ wrap(section.why) ]]\n[% endfor %]\n",
}
VALUES: dict[str, object] = {
    "name": "Gent",
    "empty": "",
    "full": "yes",
    "source": "the register",
    "url": "https://a.example/?x=1&y=2",
    "rows": [{"a": "one", "b": "two"}, {"a": "three", "b": "four"}],
    "links": {
        **dict.fromkeys(("yes", "no", "question", "other_office"), "mailto:a@b.example?body=long"),
        **dict.fromkeys(("yes_brief", "no_brief"), "mailto:a@b.example"),
    },
}


def template(body: str, *, subject: str = "S", preheader: str = "", step: str = "confirmation") -> Template:
    path = f"x/{step}.en.md"
    head = f'+++\nsubject = "{subject}"\npreheader = "{preheader}"\nrevision = 1\n+++\n'
    return Catalog({path: head + body}).template("x", step, "en")


def compiled(body: str, **more: str) -> Compiled:
    return compile_template(Catalog(LAYOUT), template(body, **more))


def rendered(body: str, values: Mapping[str, object] = VALUES, **more: str) -> Rendered:
    return Renderer(compiled(body, **more)).render(values)


def main(html: str) -> str:
    found = re.search(r"<main>(.*)</main>", html, re.DOTALL)
    assert found is not None
    return re.sub(r' (?:style|valign|cellpadding|cellspacing|border)="[^"]*"', "", found.group(1))


def text(body: str, values: Mapping[str, object] = VALUES) -> str:
    return rendered(body, values).text.split("\n-- \n")[0]


def test_styles_are_inlined_and_media_queries_kept() -> None:
    html = compiled("Hello {{ name }}").html
    assert html.startswith("<!DOCTYPE html>")
    assert '<p style="color:red">Hello {{ name }}</p>' in html
    assert "@media print{p{color:black}.x{color:#fff !important} }" in html
    assert "/* c */" not in html


def test_tags_in_link_addresses_survive() -> None:
    html = compiled("[go]({{ url }}) [q](https://a.example/{{ name|urlencode }}?a=1&b={{ name }})").html
    assert 'href="{{ url }}"' in html
    assert 'href="https://a.example/{{ name|urlencode }}?a=1&amp;b={{ name }}"' in html


def test_comparisons_and_quotes_in_tags_survive() -> None:
    assert "<p>A</p>" in main(rendered('{% if rows|length < 3 and name == "Gent" %}A{% endif %}').html)
    assert "}} &lt;b&gt;" in main(rendered('{{ "}} <b>" }}').html)


def test_a_false_condition_around_paragraphs_leaves_nothing() -> None:
    body = "A\n\n{% if empty %}\nB\n\n- C\n{% endif %}\n\n{% if empty %}D{% endif %}\n\nE"
    assert main(rendered(body).html).split() == ["<p>A</p>", "<p>E</p>"]
    assert text(body) == "A\n\nE"


def test_a_true_condition_keeps_its_paragraphs() -> None:
    body = "A\n{% if full %}\nB\n{% else %}\nC\n{% endif %}\nD"
    assert main(rendered(body).html).split() == ["<p>A</p>", "<p>B</p>", "<p>D</p>"]
    assert text(body) == "A\n\nB\n\nD"


def test_items_repeat_within_one_list() -> None:
    body = (
        "- first\n{% for row in rows %}\n- {{ row.a }}\n{% endfor %}\n"
        "{% if empty %}\n- never\n{% endif %}\n- last"
    )
    html = main(rendered(body).html)
    assert re.findall(r"<li>(.*?)</li>", html) == ["first", "one", "three", "last"]
    assert html.count("<ul>") == 1
    assert text(body) == "- first\n- one\n- three\n- last"


def test_a_list_that_is_only_a_loop_is_one_list() -> None:
    html = main(rendered("{% for row in rows %}\n1. {{ row.a }}\n{% endfor %}").html)
    assert html.count("<ol>") == 1
    assert html.count("<li>") == 2


def test_lists_in_two_branches_stay_apart() -> None:
    html = main(rendered("{% if full %}\n- a\n{% else %}\n- b\n{% endif %}").html)
    assert html.split() == ["<ul><li>a</li></ul>"]


def test_rows_repeat_within_a_table() -> None:
    body = (
        "| A | B |\n|---|---|\n{% for row in rows %}\n| {{ row.a }} | {{ row.b }} |\n{% endfor %}\n"
        "| z | {% if full %}y{% endif %} |"
    )
    html = main(rendered(body).html)
    cells = re.findall(r"<td[^>]*>(.*?)</td>", html)
    assert cells == ["one", "two", "three", "four", "z", "y"]
    assert html.count("<tr>") == 4
    assert "one: two\nthree: four\nz: y" in text(body)


def test_a_lone_bold_link_is_a_button_and_the_first_of_a_row_is_primary() -> None:
    body = (
        "**[A]({{ url }})**\n\n{% if full %}\n**[B](https://b.example)**\n{% endif %}\n\nText\n\n"
        "**[C](https://c.example)** more"
    )
    whole = rendered(body).html
    html = main(whole)
    assert re.findall(r'class="button (\w+)"', html) == ["primary", "secondary"]
    # what makes the whole of it a link in Outlook's Word engine; to all others a comment
    for_word = re.findall(r"<!--\[if mso\]>(.*?)<!\[endif\]-->", whole, re.DOTALL)
    assert [part.count("mso-font-width:200%") for part in for_word] == [1, 1] * 2
    assert [len(re.findall(r"<(\w+)", part)) for part in for_word] == [2, 1] * 2
    html = re.sub(r"<!--.*?-->", "", html, flags=re.DOTALL)
    assert '<a class="button-link primary-link"\nhref="https://a.example/?x=1&amp;y=2">A</a>' in html
    assert "A:\nhttps://a.example/?x=1&y=2\n\nB:\nhttps://b.example\n\nText" in text(body)


def test_html_of_an_author_is_text() -> None:
    assert "&lt;b&gt;x&lt;/b&gt;" in main(rendered("<b>x</b>").html)


def test_script_links_are_not_made() -> None:
    assert "<a " not in main(rendered("[x](javascript:alert)").html)


def test_words_like_our_own_marks_stay() -> None:
    assert "qze0z ~qzs1z~ Gent" in main(rendered("qze0z ~qzs1z~ {{ name }}").html)


def test_the_plain_text_is_wrapped_and_tags_are_not_broken() -> None:
    tag = "{{ name|replace('a b', 'c') }}"
    lines = compiled(("word " * 30) + tag + (" more" * 30)).text.split("\n-- \n")[0].split("\n")
    assert sum(tag in line for line in lines) == 1
    assert all(50 < len(line.replace(tag, "a value of 14")) <= 72 for line in lines[:-1])


def test_the_plain_text_has_links_headings_and_lists() -> None:
    body = "## Head\n\nSee [it](https://a.example) or <https://b.example>.\n\n1. a\n2. b\n   - deep\n\n> said"
    assert text(body) == (
        "Head\n====\n\nSee it <https://a.example> or https://b.example.\n\n1. a\n2. b\n   - deep\n\n> said"
    )


def test_a_false_condition_within_a_line_leaves_no_gap() -> None:
    assert text("A {% if empty %}B{% endif %} C") == "A C"
    assert text("A {% if full %}B{% endif %} C") == "A B C"
    assert text("A {% if empty %}B{% else %}D{% endif %} C") == "A D C"
    assert text("A.{% if full %}\\\nB{% endif %}") == "A.\nB"


def test_subject_and_preheader_are_kept_as_sources() -> None:
    mail = compiled("x", subject="Hi {{ name }} & co", preheader="{% if full %}P{% endif %}")
    assert mail.subject == "Hi {{ name }} & co"
    assert mail.preheader == "{% if full %}P{% endif %}"
    assert "<title>Hi {{ name }} &amp; co</title>" in mail.html


def test_placeholders_are_those_of_all_parts_without_loop_variables() -> None:
    mail = compiled(
        "{% for row in rows %}{{ row.a }}{{ loop.index }}{% endfor %}{{ a.b.c }}", subject="{{ name }}"
    )
    assert mail.placeholders == ("a.b.c", "links.question", "name", "rows", "source")


def test_answers_the_body_offers_are_not_offered_again() -> None:
    html = compiled("[y]({{ links.yes }}) [n]({{ links.no }})", step="invitation").html
    assert re.findall(r"<u><a\shref=\"(.*?)\"", html) == ["{{ links.question }}", "{{ links.other_office }}"]


def test_the_plain_text_has_the_brief_answers() -> None:
    body = "**[Yes]({{ links.yes }})**\n\nor [no]({{ links.no }})"
    assert text(body) == "Yes:\nmailto:a@b.example\n\nor no <mailto:a@b.example>"
    assert 'href="mailto:a@b.example?body=long"' in main(rendered(body).html)


def test_the_digest_changes_with_the_mail_and_only_then() -> None:
    assert compiled("a").digest == compiled("a").digest
    assert compiled("a").digest != compiled("b").digest


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("a\n\n{{ name", "line 8: {{ opens or closes nothing"),
        ("a }} b", "line 6: }} opens or closes nothing"),
        ("a\n{% include 'x' %}", "line 7: a mail cannot use {% include 'x' %}"),
        ("{{ name|safe }}", "line 6: a mail cannot use 'safe'"),
        ("a\n\n{% if name %}\nb", "Unexpected end of template"),
        ("**a {% if name %}b** c{% endif %}", "ends in another"),
        ("{% if name %}a\n\nb{% endif %}", "ends in another"),
        ("> a {% if name %}\n\nb {% endif %}", "ends in another"),
        ("- a\n  {% if name %}\n- b\n{% endif %}", "ends in another"),
        ("[x](https://a.example/{% if name %}) {% endif %}", "ends in another"),
        ("![x](https://a.example/x.png)", "cannot be sent"),
    ],
)
def test_what_cannot_become_a_mail_is_named(body: str, expected: str) -> None:
    with pytest.raises(InputError) as caught:
        compiled(body)
    assert "templates/x/confirmation.en.md" in caught.value.message
    assert expected in caught.value.message
    assert caught.value.remedy


def test_a_wrong_layout_is_named() -> None:
    files = {**LAYOUT, "_layout/base.html.j2": "<html><body>[[ nothing ]]</body></html>"}
    with pytest.raises(InputError, match=r"base\.html\.j2.*nothing"):
        compile_template(Catalog(files), template("x"))


# --- compiling and then rendering gives what rendering and then compiling gives

WORDS = st.sampled_from(["alpha", "{{ name }}", "**beta**", "*{{ name }}*", "[go]({{ url }})", "{{ name }}x"])
INLINE = st.lists(
    st.one_of(WORDS, WORDS.map(lambda word: f"{{% if flag %}}{word}{{% else %}}gamma{{% endif %}}")),
    min_size=1,
    max_size=5,
).map(" ".join)
TEXT = INLINE.map(lambda inline: f"text {inline} end")
ITEM = st.one_of(
    TEXT.map(lambda line: f"- {line}"),
    TEXT.map(lambda line: f"{{% if flag %}}\n- {line}\n{{% endif %}}"),
    st.just("{% for row in rows %}\n- {{ row.a }}\n{% endfor %}"),
)
ROW = st.one_of(
    TEXT.map(lambda cell: f"| {cell} | x |"),
    st.just("{% for row in rows %}\n| {{ row.a }} | **{{ row.b }}** |\n{% endfor %}"),
    st.just("{% if flag %}\n| {{ name }} | [go]({{ url }}) |\n{% endif %}"),
)
BLOCK = st.one_of(
    TEXT,
    TEXT.map(lambda line: f"{{% if flag %}}\n\n{line}\n\n{{% endif %}}"),
    TEXT.map(lambda line: f"{{% for row in rows %}}\n\n{line} {{{{ row.b }}}}\n\n{{% endfor %}}"),
    st.lists(ITEM, max_size=4).map(lambda items: "\n".join(["- first", *items])),
    st.lists(ROW, max_size=3).map(lambda rows: "\n".join(["| A | B |", "|---|---|", *rows])),
    st.just("**[Press {{ name }}]({{ url }})**\n\n{% if flag %}\n**[Or](https://b.example)**\n{% endif %}"),
)
# headings keep neighbours apart: Markdown joins two lists that come to stand together, a condition does not
BODY = st.lists(BLOCK, min_size=1, max_size=4).map("\n\n## Part\n\n".join)
PLAIN = st.text(alphabet="abcXYZ019äßőж", min_size=1, max_size=12)


def shape(html: str) -> str:
    tree = lxml_html.document_fromstring(html)
    for node in tree.iter():
        node.text = " ".join((node.text or "").split())
        node.tail = " ".join((node.tail or "").split())
    return lxml_html.tostring(tree, encoding="unicode")


@settings(max_examples=40, deadline=None)
@given(body=BODY, name=PLAIN, flag=st.sampled_from(["", "on"]), cells=st.lists(PLAIN, min_size=1, max_size=3))
def test_compile_then_render_equals_render_then_compile(
    body: str, name: str, flag: str, cells: list[str]
) -> None:
    rows = [{"a": cell, "b": cell.upper()} for cell in cells]
    values = {**VALUES, "name": name, "flag": flag, "rows": rows, "url": "https://a.example/x?y=1"}
    mail = template(body)
    before = Environment(trim_blocks=True, lstrip_blocks=True).from_string(body).render(values)
    late = Renderer(compile_template(Catalog(LAYOUT), mail)).render(values)
    early = Renderer(compile_template(Catalog(LAYOUT), replace(mail, body=before))).render(values)
    assert shape(late.html) == shape(early.html)
    assert late.text.split() == early.text.split()
