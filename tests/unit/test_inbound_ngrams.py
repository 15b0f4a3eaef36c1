"""The classifier of replies: what it looks at, what it is trained on, and what it may not do alone."""

from __future__ import annotations

import importlib.util
import sys
import time
import zlib
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.inbound import ngrams
from outreach.inbound.readings import CERTAIN, Reading
from outreach.inbound.second_opinion import join
from outreach.inbound.wordings import LANGUAGES
from outreach.model.states import Intent

_TRAINING = Path(__file__).parents[2] / "training"


@pytest.fixture(scope="module")
def data() -> ModuleType:
    """``training/sentences.py``, wherever the tests run from."""
    spec = importlib.util.spec_from_file_location("training_sentences", _TRAINING / "sentences.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_every_language_has_enough_of_every_meaning(data: ModuleType) -> None:
    counts: dict[tuple[str, str], int] = {}
    for each in data.read():
        counts[each.language, each.meaning] = counts.get((each.language, each.meaning), 0) + 1
    for language in LANGUAGES:
        people = {name: counts[language, name] for name in ngrams.CLASSES if name != "automatic"}
        assert sum(people.values()) >= 60, language
        assert min(people.values()) >= 10, (language, people)


def test_no_sentence_means_two_things(data: ModuleType) -> None:
    meanings: dict[tuple[str, str], str] = {}
    for each in data.read():
        assert meanings.setdefault((each.language, each.text), each.meaning) == each.meaning


def test_shipped_weights_are_those_of_the_sentences(data: ModuleType) -> None:
    assert ngrams.model().data == data.digest(data.read(), data.wordings_of_the_rules()), (
        "run python -m training.train"
    )


def test_weights_are_small_and_quick_to_load() -> None:
    content = (Path(ngrams.__file__).with_name("ngrams.bin")).read_bytes()
    assert len(content) < 1_500_000
    began = time.process_time()
    assert ngrams.decode(content).classes == ngrams.CLASSES
    assert time.process_time() - began < 0.3


def test_other_versions_are_refused() -> None:
    with pytest.raises(ValueError, match="version 1"):
        ngrams.decode(b'{"version": 2}\n' + zlib.compress(b""))


def test_what_is_looked_up() -> None:
    assert list(ngrams.pieces("ja")) == ["=ja", "_ja", "ja_", "_ja_"]
    assert list(ngrams.pairs(["we", "come"])) == ["^ we", "we come", "come $"]
    assert ngrams.tokens("Às 15 h, a.b@town.example?") == ("as", "0", "h", "atsign", "?")


def test_a_greek_semicolon_asks() -> None:
    assert ngrams.tokens("Πόσο κοστίζει; Θα έρθουμε.") == ("ποσο", "κοστιζει", "?", "θα", "ερθουμε")
    assert "?" not in ngrams.tokens("Wir kommen; bis dann")


def test_one_plain_sentence_is_not_drowned() -> None:
    plain = "Please take us off your mailing list."
    around = "It rained all week. The fair was a success."
    whole = ngrams.opinion(f"{around} {plain}")
    found = ngrams.strongest([*around.split(". "), plain], whole)
    assert found["unsubscribe"] == ngrams.opinion(plain).probabilities["unsubscribe"]
    assert found["unsubscribe"] > whole.probabilities["unsubscribe"]
    assert ngrams.strongest([plain], whole) == whole.probabilities


def test_accents_make_no_difference() -> None:
    assert ngrams.opinion("Přihlašujeme tři osoby") == ngrams.opinion("prihlasujeme tri osoby")


@given(st.text(max_size=400))
def test_any_text_gets_shares_that_sum_to_one(text: str) -> None:
    found = ngrams.opinion(text)
    assert sum(found.probabilities.values()) == pytest.approx(1.0)


def test_long_letters_are_read_in_bounded_time() -> None:
    began = time.process_time()
    ngrams.opinion("wort " * 500_000)
    ngrams.opinion("x" * 2_000_000)
    assert time.process_time() - began < 1.0


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("We would be delighted to join, two colleagues will come along.", Intent.REGISTER),
        ("Leider müssen wir auf eine Teilnahme verzichten, der Haushalt lässt es nicht zu.", Intent.DECLINE),
        ("Veuillez retirer notre adresse de vos envois.", Intent.UNSUBSCRIBE),
        ("Lo he pasado al alcalde, ya les diremos.", Intent.OTHER),
        ("Ik ga hier niet over, richt u tot de dienst ICT.", Intent.REFER),
    ],
)
def test_what_the_rules_do_not_see_is_read_but_never_certain(text: str, intent: Intent) -> None:
    found = join(Reading(), text, has_address=False)
    assert found.intent is intent
    assert found.confidence < CERTAIN
    assert any(note.startswith("classifier") for note in found.evidence)


def test_certain_needs_both() -> None:
    reading = Reading()
    reading.add(Intent.REGISTER, 2.0, "a wording", 0)
    agreed = join(reading, "Please register us, we will take part.", has_address=False)
    assert agreed.intent is Intent.REGISTER
    assert agreed.confidence >= CERTAIN
    doubted = join(reading, "Unfortunately we cannot come, our budget does not allow it.", has_address=False)
    assert doubted.confidence < CERTAIN


def test_a_but_takes_certainty_away() -> None:
    text = "We will gladly take part, please put us down for two places."
    confidence = {}
    for contrast in (False, True):
        reading = Reading(contrast=contrast)
        reading.add(Intent.REGISTER, 1.4, "a wording", 0)
        found = join(reading, text, has_address=False)
        assert found.intent is Intent.REGISTER
        confidence[contrast] = found.confidence
    assert confidence[False] >= CERTAIN > confidence[True]


def test_no_words_leave_the_rules_alone() -> None:
    reading = Reading()
    reading.add(Intent.DECLINE, 2.0, "a wording", 0)
    assert join(reading, " -- ", has_address=False).intent is Intent.DECLINE
