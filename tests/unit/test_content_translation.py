from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outreach.content import exchange, translation
from outreach.content.catalog import Catalog, Template
from outreach.content.exchange import Entry, Sheet
from outreach.errors import InputError
from outreach.model.states import TranslationFormat

TEMPLATES = Path(__file__).parents[2] / "templates"
SHIPPED = Catalog(
    {path.relative_to(TEMPLATES).as_posix(): path.read_text() for path in TEMPLATES.glob("*/*.md")}
)
NOW = datetime(2026, 11, 29, tzinfo=UTC)
BODY = """{{ greeting }}

We **invite** you.{% if campaign.deadline %}\\
By {{ campaign.deadline }}{% endif %}

[[ session ]]

- One
- Two [words]({{ links.yes }})

Regards,\\
{{ sender.name }}
"""


def mail(body: str = BODY, language: str = "en", subject: str = "Subject", revision: int = 1) -> str:
    return (
        f'+++\nsubject = "{subject}"\npreheader = "Pre"\nrevision = {revision}\n'
        f"source_revision = {revision}\n+++\n{body}"
    )


def template(body: str = BODY) -> Template:
    return Catalog({"x/invitation.en.md": mail(body)}).template("x", "invitation", "en")


def test_a_translator_sees_words_and_names_only() -> None:
    assert [(piece.key, piece.text) for piece in translation.pieces(template())] == [
        ("subject", "Subject"),
        ("preheader", "Pre"),
        ("body.1", "We **invite** you."),
        ("body.2", "By {{ campaign.deadline }}"),
        ("body.3", "One"),
        ("body.4", "Two [words]({{ links.yes }})"),
        ("body.5", "Regards,"),
    ]


def test_translated_pieces_stand_in_the_frame_of_the_source() -> None:
    texts = {piece.key: f"¡{piece.text}" for piece in translation.pieces(template())}
    subject, preheader, body = translation.put_together(template(), texts)
    assert (subject, preheader) == ("¡Subject", "¡Pre")
    assert body.replace("¡", "") == BODY
    assert "\\\n¡By {{ campaign.deadline }}{% endif %}\n\n[[ session ]]\n\n- ¡One\n- ¡Two" in body


@pytest.mark.parametrize(
    ("slug", "step"), [(slug, step) for slug in SHIPPED.slugs() for step in SHIPPED.steps(slug)]
)
def test_every_mail_that_is_shipped_goes_out_and_comes_back_as_it_was(slug: str, step: str) -> None:
    source = SHIPPED.template(slug, step, "en")
    keys = {piece.key for piece in translation.pieces(source)}
    for language in SHIPPED.languages(slug, step):
        own = SHIPPED.template(slug, step, language)
        texts = translation.translated(source, own)
        assert set(texts) == keys, language
        assert not any("{%" in text or "[[" in text for text in texts.values())
        assert translation.put_together(source, texts) == (own.subject, own.preheader, own.body)


def test_a_translation_of_another_build_keeps_its_subject_only() -> None:
    other = Catalog({"x/invitation.de.md": mail("Ganz anders.", "de", "Betreff")})
    texts = translation.translated(template(), other.template("x", "invitation", "de"))
    assert texts == {"subject": "Betreff", "preheader": "Pre"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "there is no translation"),
        ("Bis bald", "{{ campaign.deadline }} stands in one of"),
        ("{{ campaign.deadline }} {{ links.no }}", "{{ links.no }} stands in one of"),
        ("{{ campaign.deadline }} {{ campaign.deadline }}", "{{ campaign.deadline }} stands in one of"),
        ("{% if x %}{{ campaign.deadline }}{% endif %}", "only {{ names }} can stand"),
        ("{{ campaign.deadline }}\nzwei", "more than one line"),
        ("{{ campaign.deadline }} }}", "opens or closes nothing"),
    ],
)
def test_what_cannot_stand_for_a_piece_is_refused_with_its_place(text: str, expected: str) -> None:
    texts = {piece.key: piece.text for piece in translation.pieces(template())}
    with pytest.raises(InputError) as caught:
        translation.put_together(template(), {**texts, "body.2": text})
    assert "x/invitation, body.2" in caught.value.message
    assert expected in caught.value.message


def test_progress_is_told_apart() -> None:
    files = {
        "x/a.en.md": mail(revision=2),
        "x/a.de.md": mail(revision=1),
        "x/a.fr.md": mail(revision=2).replace("+++\n{{", 'reviewed_by = "R"\n+++\n{{'),
        "x/a.nl.md": mail(revision=2),
        "x/a.el.md": "broken",
    }
    found = {
        code: translation.progress(Catalog(files), "x", "a", code).value
        for code in ("de", "fr", "nl", "el", "sv")
    }
    assert found == {"de": "behind", "fr": "reviewed", "nl": "unreviewed", "el": "broken", "sv": "missing"}


TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn", "Zl", "Zp"]), min_size=1, max_size=30).map(
    lambda text: f"a{text}b"
)


@pytest.mark.parametrize("form", TranslationFormat)
@settings(max_examples=25)
@given(texts=st.lists(st.tuples(TEXT, TEXT | st.just(""), st.booleans()), min_size=1, max_size=4))
def test_files_for_translators_come_back_as_they_went(
    form: TranslationFormat, texts: list[tuple[str, str, bool]]
) -> None:
    entries = tuple(
        Entry("x/a", f"body.{number}", source, target, ready=ready or not target)
        for number, (source, target, ready) in enumerate(texts)
    )
    back = exchange.read(exchange.write(Sheet("fr", entries), form, NOW), "f")
    assert back.language == "fr"
    assert [(e.mail, e.key, e.source, e.target) for e in back.entries] == [
        (e.mail, e.key, e.source, e.target) for e in entries
    ]
    assert [e.ready for e in back.entries if e.target] == [e.ready for e in entries if e.target]


def test_an_editor_may_cut_a_text_into_sentences() -> None:
    data = exchange.write(
        Sheet("fr", (Entry("x/a", "body.1", "One. Two.", "Un. Deux."),)), TranslationFormat.XLIFF, NOW
    )
    cut = re.sub(
        rb'<segment state="translated">\s*<source>.*?</target>\s*</segment>',
        b'<segment state="reviewed"><source>One.</source><target>Un.</target></segment>'
        b"<ignorable><source> </source></ignorable>"
        b'<segment state="translated"><source>Two.</source><target>Deux.</target></segment>',
        data,
        flags=re.DOTALL,
    )
    assert cut != data
    (entry,) = exchange.read(cut, "f").entries
    assert (entry.source, entry.target, entry.ready) == ("One. Two.", "Un. Deux.", True)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"<xliff", "cannot be read as XML"),
        (b"<html/>", "not XLIFF 2"),
        (b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>', "not XLIFF 2"),
        (b"no catalogue", "cannot be read as PO"),
        (b'msgid ""\nmsgstr "Language: fr\\n"\n\nmsgid "a"\nmsgstr "b"\n', "does not say which mail"),
        (b"", "names no language"),
        (b'msgid "\xff\xfe"', "cannot be read as PO"),
    ],
)
def test_a_file_that_is_none_is_refused_with_a_sentence(data: bytes, expected: str) -> None:
    with pytest.raises(InputError) as caught:
        exchange.read(data, "file.po")
    assert "file.po" in caught.value.message
    assert expected in caught.value.message
    assert caught.value.remedy
