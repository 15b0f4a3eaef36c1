from __future__ import annotations

import pytest

from outreach.content.catalog import ANSWERS, SESSION_WORDS, Catalog, choose_language
from outreach.errors import InputError

MAIL = """+++
subject = "Hello {{ municipality.name }}"
revision = 3
source_revision = 2
translator = "Outreach"
+++
{{ greeting }}

Text.
"""

STRINGS = (
    """language = "Deutsch"
why = "Warum"
controller = "Wer"
rights = "Rechte"
unsubscribe = "Keine weiteren E-Mails"
[greetings]
default = "Guten Tag,"
AT = "Grüß Gott,"
"""
    + "".join(f'[answers.{name}]\nlabel = "{name}"\nsubject = "s"\nbody = "b"\n' for name in ANSWERS)
    + "".join(["[session]\n", *(f'{word} = "{word}"\n' for word in SESSION_WORDS)])
)


def fails(files: dict[str, str], *, language: str = "de") -> InputError:
    with pytest.raises(InputError) as caught:
        Catalog(files).template("x", "invitation", language)
    assert caught.value.remedy
    return caught.value


def test_front_matter_and_body_are_read() -> None:
    template = Catalog({"x/invitation.de.md": MAIL}).template("x", "invitation", "de")
    assert (template.slug, template.step, template.language) == ("x", "invitation", "de")
    assert template.subject == "Hello {{ municipality.name }}"
    assert (template.revision, template.source_revision) == (3, 2)
    assert template.preheader == ""
    assert template.body.startswith("{{ greeting }}\n")
    assert template.body_line == 7
    assert len(template.digest) == 64


def test_windows_line_ends_and_a_byte_order_mark_do_not_matter() -> None:
    plain = Catalog({"x/invitation.de.md": MAIL}).template("x", "invitation", "de")
    windows = "\ufeff" + MAIL.replace("\n", "\r\n")
    assert Catalog({"x/invitation.de.md": windows}).template("x", "invitation", "de") == plain


def test_languages_are_listed_without_reading_the_files() -> None:
    catalog = Catalog({"x/invitation.nl.md": "broken", "x/invitation.de.md": MAIL, "x/last-call.de.md": MAIL})
    assert catalog.languages("x", "invitation") == ("de", "nl")
    assert catalog.languages("x", "reminder") == ()
    assert catalog.steps("x") == ("invitation", "last-call")
    assert catalog.slugs() == ("x",)


def test_a_missing_translation_names_those_there_are() -> None:
    error = fails({"x/invitation.de.md": MAIL}, language="fr")
    assert "'fr'" in error.message
    assert "de" in error.message
    assert "templates/x/invitation.fr.md" in error.remedy


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello", "line 1: the front matter is missing"),
        ('+++\nsubject = "x"\n', "line 1: the front matter does not end"),
        ('+++\nsubject = "x"\nrevision = = 1\n+++\nx', "line 3: this is not TOML"),
        ('+++\nsubject = "x"\nrevision = "1"\n+++\nx', "line 3: revision has to be a whole number"),
        ("+++\nrevision = 1\n+++\nx", "subject has to be a text"),
        ('+++\nsubject = "x"\nrevision = 1\nsubjekt = "y"\n+++\nx', "line 4: nothing is called 'subjekt'"),
        ('+++\nsubject = "x\\ny"\nrevision = 1\n+++\nx', "line 2: subject has more than one line"),
        ('+++\nsubject = "x"\nrevision = 1\n+++\n \n', "the mail has no text"),
    ],
)
def test_a_wrong_file_is_named_with_line_and_remedy(text: str, expected: str) -> None:
    error = fails({"x/invitation.de.md": text})
    assert "templates/x/invitation.de.md" in error.message
    assert expected in error.message


def test_the_english_mail_is_its_own_source() -> None:
    text = MAIL.replace("source_revision = 2\n", "")
    catalog = Catalog({"x/invitation.en.md": text, "x/invitation.de.md": text})
    assert catalog.template("x", "invitation", "en").source_revision == 3
    assert catalog.template("x", "invitation", "de").source_revision == 0


def test_strings_know_the_greeting_of_a_country() -> None:
    strings = Catalog({"_layout/strings.de.toml": STRINGS}).strings("de")
    assert strings.greeting("AT") == "Grüß Gott,"
    assert strings.greeting("DE") == "Guten Tag,"
    assert strings.answers["no"].label == "no"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('why = "Warum"', "", "why has to be a text"),
        ("[answers.no]", "[answers.nein]", "the section 'no' is missing"),
        ('default = "Guten Tag,"', 'default = "Hallo {{ contact.name }}"', "cannot hold placeholders"),
        ('label = "yes"', "label = 1", "label has to be a text"),
    ],
)
def test_wrong_strings_are_named(old: str, new: str, expected: str) -> None:
    with pytest.raises(InputError, match=r"templates/_layout/strings\.de\.toml") as caught:
        Catalog({"_layout/strings.de.toml": STRINGS.replace(old, new)}).strings("de")
    assert expected in caught.value.message


def test_an_organisation_words_only_what_it_words_otherwise() -> None:
    own = 'unsubscribe = "Schluss"\n[greetings]\nLU = "Moien,"\n[answers.no]\nlabel = "Nö"\n'
    files = {"_layout/strings.de.toml": STRINGS, "_own/strings.de.toml": own}
    files["x/strings.de.toml"] = 'unsubscribe = "Ende"'
    strings = Catalog(files).strings("de")
    assert (strings.why, strings.unsubscribe, strings.greeting("LU")) == ("Warum", "Schluss", "Moien,")
    assert (strings.answers["no"].label, strings.answers["no"].subject) == ("Nö", "s")
    assert Catalog(files).strings("de", "x").unsubscribe == "Ende"
    assert strings.digest != Catalog({"_layout/strings.de.toml": STRINGS}).strings("de").digest


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ('\nunsubcribe = "x"', "line 2: nothing is called 'unsubcribe'"),
        ('[answers.nein]\nlabel = "x"', "line 1: nothing is called 'nein'"),
        ("unsubscribe = 1", "line 1: unsubscribe has to be a text"),
    ],
)
def test_wrong_words_of_an_organisation_are_named(own: str, expected: str) -> None:
    files = {"_layout/strings.de.toml": STRINGS, "_own/strings.de.toml": own}
    with pytest.raises(InputError, match=r"templates/_own/strings\.de\.toml") as caught:
        Catalog(files).strings("de")
    assert expected in caught.value.message


def test_missing_strings_are_named() -> None:
    with pytest.raises(InputError, match=r"strings\.fi\.toml is missing"):
        Catalog({}).strings("fi")


@pytest.mark.parametrize(
    ("contact", "municipality", "country", "chosen"),
    [
        ("fr", ("nl",), ("nl", "fr", "de"), "fr"),
        (None, ("sv", "fi"), ("fi", "sv"), "sv"),
        (None, (), ("fi", "sv"), "fi"),
        ("", (" ",), ("DE",), "de"),
    ],
)
def test_the_first_language_named_is_chosen(
    contact: str | None, municipality: tuple[str, ...], country: tuple[str, ...], chosen: str
) -> None:
    assert choose_language(contact, municipality, country) == chosen


def test_no_language_at_all_is_an_error() -> None:
    with pytest.raises(InputError, match="No language"):
        choose_language(None, (), ())
