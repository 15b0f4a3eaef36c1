"""What words are about: the same concepts in all languages, found by whole words and the beginnings of words."""

from __future__ import annotations

import tomllib
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.inbound import concepts, ngrams
from outreach.inbound.second_opinion import without_closing
from outreach.inbound.wordings import LANGUAGES


def _names(text: str, language: str) -> list[set[str]]:
    return [{concepts.names()[at] for at in concepts.of_word(word, language)} for word in ngrams.tokens(text)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_concept(language: str) -> None:
    source = resources.files(concepts.__package__) / "concepts" / f"{language}.toml"
    table = tomllib.loads(source.read_text(encoding="utf-8"))
    assert set(table) | {"?", "0", "@"} == set(concepts.names())
    assert all(words.split() for words in table.values())


def test_there_is_room_for_all() -> None:
    assert len(set(concepts.names())) == len(concepts.names()) < concepts.MOST - 1


@pytest.mark.parametrize(
    ("language", "text", "about"),
    [
        ("de", "Haushaltsmittel", "money"),
        ("fr", "budgétaires", "money"),
        ("pl", "budżetowe", "money"),
        ("el", "προϋπολογισμός", "money"),
        ("hu", "költségvetésünk", "money"),
        ("sv", "semestern", "holiday"),
        ("bg", "отпуска", "holiday"),
    ],
)
def test_inflected_words_stand_for_their_concept(language: str, text: str, about: str) -> None:
    assert about in _names(text, language)[0]


def test_a_word_is_looked_up_in_the_first_language_that_knows_it() -> None:
    words = ngrams.tokens("budget")
    assert list(concepts.seen(words, ("el", "en"))) == list(concepts.seen(words, ("en",))) != []


def test_two_that_are_far_apart_make_no_pair() -> None:
    near = list(concepts.seen(ngrams.tokens("no money"), ("en",)))
    far = list(concepts.seen(ngrams.tokens("no x x x x x x x money"), ("en",)))
    assert len(near) == 3
    assert len(far) == 2


@given(st.text(max_size=200), st.sampled_from(LANGUAGES))
def test_every_feature_has_a_place(text: str, language: str) -> None:
    assert all(0 <= each < concepts.SIZE for each in concepts.seen(ngrams.tokens(text), (language,)))


def test_a_closing_formula_is_no_opinion() -> None:
    assert without_closing("Wir kommen.\nMit freundlichen Grüßen\nJana Kern") == "Wir kommen."
    assert without_closing("Mit freundlichen Grüßen") == "Mit freundlichen Grüßen"
