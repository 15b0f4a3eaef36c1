"""The mails that answer answers: in every language, in step with English, and without a question back."""

from __future__ import annotations

import pytest

from outreach.jobs.answer_mail import template_of
from outreach.model.states import AnswerMail
from tests.unit import test_templates_words as words

MAILS = sorted({template_of(step, has_session=session) for step in AnswerMail for session in (True, False)})


def test_all_are_there() -> None:
    assert len(MAILS) == 7
    found = {path.name for path in (words.TEMPLATES / "_shared").iterdir()}
    assert found >= {f"{mail}.{language}.md" for mail in MAILS for language in words.OFFICIAL}


@pytest.mark.parametrize("language", sorted(words.OFFICIAL))
def test_words_and_shape(language: str) -> None:
    for mail in MAILS:
        front, body = words.read("_shared", mail, language)
        source_front, source = words.read("_shared", mail, "en")
        keys = {"subject", "preheader", "revision", "translator", "reviewed_by"}
        assert set(front) == keys | (set() if language == "en" else {"source_revision"}), mail
        assert words.tags(body) == words.tags(source), mail
        assert words.tags(front["subject"]) == words.tags(source_front["subject"]), mail
        assert body.count("\n") == source.count("\n"), mail
        assert words.slips("\n".join((front["subject"], front["preheader"], body)), language) == set(), mail
        assert words.LINK.findall(body) == [], "nothing is asked"
        for values in (words.LONGEST, words.shortest()):
            assert 10 < len(words.render(front["subject"], values)) < 60
            assert 10 < len(words.render(front["preheader"], values)) < 110
            text = words.render(words.whole("_shared", mail, language), values)
            assert text.startswith("GREETING,\n\n")
            assert text.rstrip().endswith("\\\nAssociation of Municipalities")


def test_each_says_something_of_its_own() -> None:
    for language in words.OFFICIAL:
        bodies = [words.read("_shared", mail, language)[1] for mail in MAILS]
        subjects = {words.read("_shared", mail, language)[0]["subject"] for mail in MAILS}
        assert len(set(bodies)) == 7
        assert len(subjects) == 6, "both confirmations are called the same"
