"""The pages behind the links of mails: valid, in their language, accessible, fit for a phone."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import html5lib
import py3langid
import pytest

from outreach.content.names import sample_values
from outreach.jobs.answer_pages import Offer
from outreach.web import pages
from outreach.web.words import words
from tests.browser import axe
from tests.browser.mails import catalog

LANGUAGES = sorted(catalog().languages("lordimas", "invitation"))
NAMES = ("in_person", "online", "no", "question", "other_office")


def offer(language: str, colour: str = "") -> Offer:
    strings = catalog().strings(language)
    session = sample_values(strings)["session"]
    assert isinstance(session, dict)
    return Offer("Association of Municipalities", colour, "Sample <Town>", strings, session, NAMES)


def test_the_words_are_there_in_every_language() -> None:
    path = Path(pages.__file__).with_name("words.toml")
    every = tomllib.loads(path.read_text("utf-8"))
    assert sorted(every) == LANGUAGES
    assert {tuple(one) for one in every.values()} == {tuple(every["en"])}
    py3langid.set_languages(LANGUAGES)
    for language, said in every.items():
        assert py3langid.classify(" ".join(said.values()))[0] == language
        assert words(language) == said
    assert words("xx") == every["en"]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_no_violation_and_no_page_is_wider_than_a_phone(dark: bool) -> None:
    shown = [
        (f"{name} {language}", pages.answer_page(offer(language), name))
        for language in LANGUAGES
        for name in ("in_person", "unsubscribe")
    ]
    shown += [
        (f"{name} en", pages.answer_page(offer("en", "#7a1f5c"), name, missing=True))
        for name in ("question", "no")
    ]
    shown += [
        ("noted", pages.answer_page(offer("el"), "no", noted=True)),
        ("unknown", pages.notice("fi", "unknown")),
    ]
    for _, page in shown:
        html5lib.HTMLParser(strict=True).parse(page)
        assert "Sample <Town>" not in page
        assert not re.search(r"https?://|<script|<img|<link", page), "nothing is fetched"
    results = axe.look(shown, dark=dark)
    assert [one["page"] for one in results] == [name for name, _ in shown]
    for one in results:
        assert "error" not in one, one
        assert one["violations"] == [], one["page"]
        assert one["passes"] > 5, "axe looked at it"
        assert one["wide"] <= 320, one["page"]
        assert one["dark"] is dark
