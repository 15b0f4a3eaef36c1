from __future__ import annotations

import random
import tomllib
from email.message import EmailMessage
from pathlib import Path

import pytest

from outreach.inbound.classify import classify
from outreach.inbound.parse import parse
from outreach.inbound.prefilled import INTENTS, PrefilledAnswer, detect
from outreach.model.states import InboundKind, Intent
from outreach.model.values import Coming, Verdict

TOKEN = "or-" + "b" * 26
STRINGS = sorted((Path(__file__).parents[2] / "templates" / "_layout").glob("strings.*.toml"))
ANSWERS = [
    PrefilledAnswer(name, path.suffixes[0][1:], answer["subject"], answer["body"])
    for path in STRINGS
    for name, answer in tomllib.loads(path.read_text(encoding="utf-8"))["answers"].items()
]

PLACES = {"in_person": Coming(None, "on_site", ()), "online": Coming(None, "online", ())}


def pressed(subject: str, body: str) -> Verdict | None:
    mail = EmailMessage()
    mail["From"] = "clerk@town.example"
    mail["Subject"] = subject
    mail.set_content(body)
    parsed = parse(mail.as_bytes())
    return detect(parsed, classify(parsed), ANSWERS)


def kind_of(name: str) -> InboundKind:
    return InboundKind.UNSUBSCRIBE if name == "unsubscribe" else InboundKind.REPLY


def test_there_are_all_answers_of_24_languages() -> None:
    assert len(STRINGS) == 24
    assert len(ANSWERS) == 24 * len(INTENTS)
    assert len({(one.subject.casefold()) for one in ANSWERS if one.language != "en"}) > 100


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda one: f"{one.language}-{one.name}")
def test_a_link_that_was_pressed_is_known_with_and_without_its_body(answer: PrefilledAnswer) -> None:
    for body in (f"{answer.body}\n\n{TOKEN}\n", f"{TOKEN}\n", ""):
        verdict = pressed(f"{answer.subject} [{TOKEN}]", body)
        assert verdict is not None
        assert (verdict.kind, verdict.intent) == (kind_of(answer.name), INTENTS[answer.name])
        assert verdict.confidence > 0.95
        assert verdict.coming == PLACES.get(answer.name)


def test_words_that_say_something_else_make_a_yes_uncertain() -> None:
    yes = next(one for one in ANSWERS if (one.language, one.name) == ("en", "yes"))
    verdict = pressed(f"{yes.subject} [{TOKEN}]", f"Sorry, we cannot take part after all.\n\n{TOKEN}\n")
    assert verdict is not None
    assert verdict.intent is Intent.REGISTER
    assert verdict.confidence < 0.8


def test_how_many_come_may_be_added_to_a_link() -> None:
    online = next(one for one in ANSWERS if (one.language, one.name) == ("nl", "online"))
    verdict = pressed(f"{online.subject} [{TOKEN}]", f"{online.body}\nMet 3 personen.\n\n{TOKEN}\n")
    assert verdict is not None
    assert verdict.coming == Coming(3, "online", ())


def test_a_subject_of_ones_own_or_without_the_token_is_no_pressed_link() -> None:
    yes = next(one for one in ANSWERS if (one.language, one.name) == ("en", "yes"))
    assert pressed(yes.subject, yes.body) is None
    assert pressed(f"Question about the session [{TOKEN}]", "How long does it take?") is None


def test_a_machine_presses_nothing() -> None:
    yes = next(one for one in ANSWERS if (one.language, one.name) == ("en", "yes"))
    mail = EmailMessage()
    mail["From"] = "clerk@town.example"
    mail["Subject"] = f"{yes.subject} [{TOKEN}]"
    mail["Auto-Submitted"] = "auto-replied"
    mail.set_content("I am out of the office.")
    parsed = parse(mail.as_bytes())
    assert detect(parsed, classify(parsed), ANSWERS) is None


@pytest.mark.parametrize("seed", range(40))
def test_the_token_never_changes_what_is_read(seed: int) -> None:
    letters = random.Random(seed)
    token = "or-" + "".join(letters.choice("abcdefghijklmnopqrstuvwxyz234567") for _ in range(26))
    for answer in (
        one for one in ANSWERS if one.name in ("yes", "no") and one.language in ("bg", "de", "nl", "mt")
    ):
        verdict = pressed(f"{answer.subject} [{token}]", f"{answer.body}\n\n{token}\n\nJan de Vries\n")
        assert verdict is not None
        assert verdict.confidence > 0.95
        assert token not in (verdict.text or "")
