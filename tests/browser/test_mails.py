"""Every mail that is shipped, whole: valid HTML, in its language, accessible, fitting a phone."""

from __future__ import annotations

import re

import html5lib
import py3langid
import pytest
from lxml import html as lxml_html

from outreach.content.lint import MAX_HTML_BYTES, Severity, lint_markup, lint_rendered
from outreach.content.render import Rendered
from tests.browser import axe
from tests.browser.mails import catalog, names, render

LANGUAGES = sorted(catalog().languages("lordimas", "invitation"))


@pytest.mark.parametrize("slug", catalog().slugs())
def test_every_mail_is_valid_speaks_its_language_and_is_fit_to_send(slug: str) -> None:
    py3langid.set_languages(LANGUAGES)
    for step in catalog().steps(slug):
        source = shape(render(slug, step, "en"))
        for language in catalog().languages(slug, step):
            where = f"{slug}/{step}.{language}"
            mail = render(slug, step, language)
            html5lib.HTMLParser(strict=True).parse(mail.html)
            assert shape(mail) == source, where
            found = [*lint_rendered(mail, where), *lint_markup(mail, where)]
            assert [one for one in found if one.severity is not Severity.NOTICE] == []
            assert len(mail.html.encode()) < MAX_HTML_BYTES / 2
            for text in own_words(mail):
                assert py3langid.classify(text)[0] == language, (where, text)


def shape(mail: Rendered) -> tuple[list[str], list[str], list[str]]:
    """Headings, links and buttons, as they follow one another; answers by which they are, not by their words."""
    tree = lxml_html.document_fromstring(mail.html)
    links = [str(link.get("href")).split("?")[0] for link in tree.xpath("//a")]
    return (
        [node.tag for node in tree.xpath("//h1|//h2|//h3|//li|//p")],
        links,
        [str(table.get("class")) for table in tree.xpath("//table")],
    )


def own_words(mail: Rendered) -> list[str]:
    """The text of the mail and of its frame, without addresses and made-up values."""
    text = re.sub(r"<?(?:https|mailto):\S+|\S+@\S+", " ", mail.text)
    for value in (
        "Digital tools for small municipalities",
        "Coffee from 9:30.",
        "Association of Municipalities",
    ):
        text = text.replace(value, " ")
    text = re.sub(r"(?m)^- \d+:\d\d .*$|^.*(?:Maria Muster|Rathausplatz|Great Hall).*$", " ", text)
    return [part for part in text.split("\n-- \n") if len(part.split()) > 20]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_no_violation_and_no_mail_is_wider_than_a_phone(dark: bool) -> None:
    chosen = [(slug, step, "en") for slug, step in names()]
    chosen += [("information-session", "invitation", language) for language in LANGUAGES if language != "en"]
    mails = [
        (f"{slug}/{step}.{language}", render(slug, step, language).html) for slug, step, language in chosen
    ]
    results = axe.look(mails, dark=dark)
    assert [one["page"] for one in results] == [name for name, _ in mails]
    for one in results:
        assert "error" not in one, one
        assert one["violations"] == [], one["page"]
        assert one["passes"] > 10, "axe looked at it"
        assert one["wide"] <= 320, one["page"]
        assert one["dark"] is dark
