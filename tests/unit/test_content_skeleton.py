from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from outreach.content.compiled import Compiled
from outreach.content.folding import fold
from outreach.content.render import Renderer, clean_value
from outreach.content.skeleton import Parts, escaped
from outreach.content.tags import Tags, placeholders

OWN = ("greeting", "contact.name", "contact.email", "token")
FIXED = {"links": {"more": "https://x.example/?a=1&b=2"}, "agenda": ["Auftakt", "<Pause>"], "flag": ""}
AROUND = {"links": {"yes": ("mailto:a@x.example?subject=Ja%20%5B", "%5D&body=", "")}}

PLAIN = [
    "Ο Δήμος σας προσκαλείται & <p>δωρεάν</p>\n",
    "{{ greeting }}",
    '<a href="{{ links.yes }}">{{ links.more }}</a>',
    "{% if contact.name %}An {{ contact.name }} <{{ contact.email }}>{% else %}an Sie{% endif %}",
    "{% if contact.name and not greeting or flag %}x{{ token }}{% elif contact.email %}y{% endif %}",
    "{% for point in agenda %}<li>{{ loop.index }} {{ point|upper }} {{ contact.name }}</li>{% endfor %}",
    "{% if flag %}{{ greeting }}{% endif %}",
    " {{ contact.name }} ",
]
OTHER = [
    "{{ contact.name|upper }}",
    "{% if contact.name == 'Anna' %}x{% endif %}",
    "{{ contact['name'] }}",
    "{% for contact in agenda %}{{ contact }}{% endfor %}",
    "{{ contact.name or 'you' }}",
    "{% for letter in greeting %}{{ letter }}{% endfor %}",
]


def renderer(source: str) -> Renderer:
    subject = "".join(source.split("\n")) if "<" not in source else "{{ contact.name }}  !"
    names = placeholders(source)
    compiled = Compiled(subject, "p", source, source, placeholders=names, digest="", language="el")
    return Renderer(compiled, fixed=FIXED, around=AROUND, own=OWN)


def filled(parts: Parts, values: list[str]) -> str:
    return "".join(values[part] if isinstance(part, int) else part for part in parts)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.sampled_from(PLAIN), max_size=6).map("".join),
    st.lists(st.one_of(st.just(""), st.text(max_size=20)), min_size=4, max_size=4),
)
@example(PLAIN[3], ["", "\ufdd02\ufdd1", "<a@x.example>", "or-x"])
@example("".join(PLAIN), ["Guten Tag", "", "", "or-x"])
def test_a_filled_skeleton_is_the_rendered_mail(source: str, raw: list[str]) -> None:
    own = renderer(source)
    values = [clean_value(value) for value in raw]
    greeting, name, email, token = values
    links = {"more": "https://x.example/?a=1&b=2", "yes": "".join([token]).join(AROUND["links"]["yes"])}
    whole = own.render(
        {
            **FIXED,
            "links": links,
            "greeting": greeting,
            "contact": {"name": name, "email": email},
            "token": token,
        }
    )
    skeleton = own.skeleton(values)
    assert skeleton is not None
    assert filled(skeleton.text, values) == whole.text
    assert filled(skeleton.html, escaped(values)) == whole.html
    assert " ".join(filled(skeleton.subject, values).split()) == whole.subject


@pytest.mark.parametrize("source", OTHER)
def test_a_template_that_does_more_with_a_value_has_no_skeleton(source: str) -> None:
    assert renderer("{{ greeting }}" + source).skeleton(["a", "b", "c", "d"]) is None


def test_mails_with_the_same_values_present_share_a_skeleton() -> None:
    own = renderer(PLAIN[3])
    first, second = (
        own.skeleton(["a", "Anna", "a@x.example", "t"]),
        own.skeleton(["b", "Bo", "b@x.example", "u"]),
    )
    assert first is second
    assert own.skeleton(["a", "", "a@x.example", "t"]) is not first


@pytest.mark.parametrize(
    "html",
    [
        "<p>" + "Wort und Wort, " * 40 + "</p>",
        '<td class="a" ' + 'style="color:red; margin:0 1px 2px 3px" ' * 9 + ">x</td>",
        "<style>" + "a{color:red}" * 40 + "</style>",
        "<pre>" + "x  y " * 90 + "</pre>",
        "<!-- " + "x y " * 90 + "-->",
        "<!--[if mso]><v:rect " + 'arcsize="8%" ' * 30 + "></v:rect><![endif]-->",
        "<p>" + ".NET und " * 40 + "</p>",
        "a < b " * 60,
        "<p " + "x='>' " * 60 + ">",
    ],
)
def test_html_is_folded_where_white_space_is_one_space(html: str) -> None:
    tags = Tags(html)
    folded = fold(html, tags.word)
    assert folded.split() == html.split() or html.startswith("<style>")
    assert folded.replace("\n", "" if html.startswith("<style>") else " ") == html
    assert not any(line.startswith(".") for line in folded.split("\n"))
    if not html.startswith(("<pre>", "<!-- ", "<p>.")):
        assert max(map(len, folded.split("\n"))) <= 140


def test_a_hidden_link_begins_a_line() -> None:
    tags = Tags("")
    hidden = tags.hide('<p>Ja: <a class="b" href="{{ links.yes }}">bitte</a></p>')
    assert tags.show(fold(hidden, tags.word)) == '<p>Ja: <a class="b"\nhref="{{ links.yes }}">bitte</a></p>'
