from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.content.answers import AnswerLinks, answer_links
from outreach.content.catalog import ANSWERS, Answer, Strings
from outreach.content.compiled import Compiled
from outreach.content.render import Renderer, clean_value
from outreach.content.tags import placeholders
from outreach.errors import InputError


def mail(html: str = "", text: str = "", subject: str = "S", preheader: str = "") -> Compiled:
    names = placeholders(subject, preheader, html, text)
    return Compiled(subject, preheader, html, text, placeholders=names, digest="", language="en")


STRINGS = Strings(
    code="fr",
    language="français",
    why="w",
    controller="c",
    rights="r",
    unsubscribe="u",
    greetings={"default": "Bonjour"},
    answers={name: Answer(name, f"Réponse: {name}?", "Ligne & un\nLigne deux") for name in ANSWERS},
    session={},
    path="_layout/strings.fr.toml",
    digest="",
)


def test_values_are_escaped_in_html_and_only_there() -> None:
    name = '<b>[x](javascript:alert(1))</b> & "co"'
    out = Renderer(mail('<p title="{{ n }}">{{ n }}</p>', "{{ n }}", "{{ n }}", "{{ n }}")).render(
        {"n": name}
    )
    escaped = "&lt;b&gt;[x](javascript:alert(1))&lt;/b&gt; &amp; &#34;co&#34;"
    assert out.html == f'<p title="{escaped}">{escaped}</p>'
    assert out.subject == out.preheader == out.text == name


def test_a_value_is_never_a_template() -> None:
    out = Renderer(mail("{{ n }}", "{{ n }}", "{{ n }}")).render({"n": "{{ 7 * 7 }}"})
    assert out.html == out.text == out.subject == "{{ 7 * 7 }}"


def test_header_injection_and_direction_tricks_are_cleaned_away() -> None:
    out = Renderer(mail("{{ n }}", "{{ n }}", "Hi {{ n }}\n!")).render(
        {"n": "A\r\nBcc: x@y.test\u202e\u2066\x00\u200bB"}
    )
    assert out.subject == "Hi A Bcc: x@y.testB !"
    assert out.html == out.text == "A Bcc: x@y.testB"


@given(st.text())
def test_a_cleaned_value_is_one_line_that_can_be_encoded(text: str) -> None:
    cleaned = clean_value(text)
    cleaned.encode()
    assert len(cleaned.splitlines()) <= 1
    assert cleaned == clean_value(cleaned)
    assert not set(cleaned) & set(
        "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\x00\x1b\x7f"
    )


@pytest.mark.parametrize("text", ["Żółć Gmina", "Ὕδρα", "Áth\u00a0Cliath", "l’Hôpital", "Sveti Ðurađ 👍"])
def test_names_of_the_union_stay_as_they_are(text: str) -> None:
    assert clean_value(text) == text


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"sender": {"name": "x"}}, "municipality.name"),
        ({"municipality": {}, "sender": {"name": "x"}}, "municipality.name"),
        ({"municipality": {"name": None}, "sender": {"name": "x"}}, "municipality.name"),
        ({"municipality": {"name": "x"}}, "sender.name"),
    ],
)
def test_a_missing_value_is_named_with_the_mail(values: Mapping[str, object], name: str) -> None:
    compiled = mail("{{ municipality.name }}{% if sender.name %}x{% endif %}")
    with pytest.raises(InputError) as caught:
        Renderer(compiled, "lordimas/invitation.de").render(values)
    assert caught.value.message == f"lordimas/invitation.de needs {{{{ {name} }}}}, which has no value."


@pytest.mark.parametrize(
    "source", ["{{ n.__class__.__mro__ }}", "{{ n.x.y }}", "{{ n + 1 }}", "{{ n | truncate('x') }}"]
)
def test_what_the_sandbox_forbids_or_python_refuses_is_a_clear_error(source: str) -> None:
    with pytest.raises(InputError, match="the mail in en"):
        Renderer(mail(source)).render({"n": "x"})


def test_lists_and_numbers_pass() -> None:
    out = Renderer(mail(text="{% for r in rows %}{{ r.a }}{{ r.n + 1 }}{% endfor %}")).render(
        {"rows": [{"a": "x\ny", "n": 1}]}
    )
    assert out.text == "x y2"


def test_answer_links_are_prefilled_and_carry_the_token() -> None:
    links = AnswerLinks(STRINGS, "antwort+a@verband.example").for_token("T0-k_n")
    assert {name for name in links if not name.endswith("_brief")} == set(ANSWERS)
    assert unquote(links["no_brief"]) == "mailto:antwort+a@verband.example?subject=Réponse: no? [T0-k_n]"
    assert unquote(links["yes"]) == (
        "mailto:antwort+a@verband.example?subject=Réponse: yes? [T0-k_n]"
        "&body=Ligne & un\r\nLigne deux\r\n\r\nT0-k_n"
    )
    assert links["yes"].isascii()
    # RFC 6068: an ampersand or a question mark of the text must not end its field
    assert links["yes"].count("&") == links["yes"].count("?") == 1
    assert not set(links["yes"]) & set(' []"<>\r\n')
    assert links == answer_links(STRINGS, "antwort+a@verband.example", "T0-k_n")


def test_a_strange_address_stays_one_address() -> None:
    link = AnswerLinks(STRINGS, "a&b=c?d@verband.example").for_token("T")["no"]
    assert link.startswith("mailto:a%26b%3Dc%3Fd@verband.example?subject=")


def test_a_value_may_be_called_like_a_method_of_dictionaries() -> None:
    assert Renderer(mail(text="{{ row.items }}")).render({"row": {"items": "x"}}).text == "x"
    with pytest.raises(InputError, match=r"row\.items"):
        Renderer(mail(text="{{ row.items }}")).render({"row": {}})


PARTS = st.lists(
    st.sampled_from(
        [
            "<p>text & more</p>",
            "{{ sender.name }}",
            "{{ sender.name|upper }}",
            "{{ links.yes }}",
            '<a href="{{ links.yes }}">{{ links.site }}</a>',
            "{{ links.yes|replace('a', 'b') }}{{ links.yes|length }}",
            "{% if sender.name == name %}same{% elif links.yes %}other{% endif %}",
            "{% for sender in rows %}{{ sender.name }}{% endfor %}",
            "{% for links in rows %}{{ links.yes }}{% endfor %}",
            "{% for row in rows %}{{ row.name }}{{ links.yes }}{{ sender.name }}{% endfor %}",
            "{{ name }}{{ sender['name'] }}{{ sender.none }}",
        ]
    ),
    max_size=5,
).map("".join)


@given(PARTS, st.text(max_size=8), st.text(max_size=8), st.sampled_from(["or-abc", "or-1"]))
def test_what_is_known_beforehand_changes_nothing(source: str, name: str, fixed: str, token: str) -> None:
    around = {"links": {"yes": ("mailto:a@b.example?subject=x&y=", "&body=<", "")}}
    known = {"sender": {"name": fixed}, "links": {"site": "https://a.example/?b&c"}}
    link = token.join(around["links"]["yes"])
    values = {
        **known,
        "links": {**known["links"], "yes": link},
        "name": name,
        "rows": [{"name": name, "yes": "y"}, {"name": "2", "yes": "z"}],
        "token": token,
    }
    plain = Renderer(mail(source, source, source, source))
    quick = Renderer(mail(source, source, source, source), fixed=known, around=around)

    def rendered(renderer: Renderer) -> object:
        try:
            return renderer.render(values)
        except InputError as error:
            return str(error)

    assert rendered(quick) == rendered(plain)
