"""The words of the mails that come with the program: complete, in step with English, and ready to send."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, StrictUndefined, meta

from outreach.content import frame
from outreach.content.catalog import Catalog

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
CATALOG = Catalog(
    {
        path.relative_to(TEMPLATES).as_posix(): path.read_text(encoding="utf-8")
        for path in TEMPLATES.rglob("*")
        if path.suffix in (".md", ".toml", ".j2", ".css")
    }
)
STEPS = ("invitation", "reminder", "last-call")
LINKS = {
    "lordimas": {"assessment", "yes", "question", "no", "other_office"},
    "helpdesk": {"helpdesk", "question", "other_office"},
    "information-session": {"yes", "in_person", "online", "question", "no", "other_office"},
    "training-session": {"yes", "in_person", "online", "question", "no", "other_office"},
    "network-meeting": {"yes", "in_person", "online", "question", "no", "other_office"},
    "edic-consultation": {"consultation", "yes", "question", "no", "other_office"},
}
#: The buttons: of a hybrid session two, else one.
BUTTONS = {
    "lordimas": ["assessment"],
    "helpdesk": ["helpdesk"],
    "information-session": ["in_person", "online", "yes"],
    "training-session": ["in_person", "online", "yes"],
    "network-meeting": ["in_person", "online", "yes"],
    "edic-consultation": ["consultation"],
}

#: Letters a language has beside a to z (and besides the names all mails share); a stray one is a slip.
LETTERS = {
    "bg": "абвгдежзийклмнопрстуфхцчшщъьюяѝ",
    "cs": "áčďéěíňóřšťúůýž",
    "da": "æøåé",
    "de": "äöüß",
    "el": "αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊΐϋΰ",
    "en": "",
    "es": "áéíñóúü",
    "et": "äõöüšž",
    "fi": "äöå",
    "fr": "àâæçéèêëîïôœùûü",
    "ga": "áéíóú",
    "hr": "čćđšž",
    "hu": "áéíóöőúüű",
    "it": "àèéìòù",
    "lt": "ąčęėįšųūž",
    "lv": "āčēģīķļņšūž",
    "mt": "ċġħżàèìòù",
    "nl": "éëïèöü",
    "pl": "ąćęłńóśźż",
    "pt": "áâãàçéêíóôõúº",
    "ro": "ăâîșț",
    "sk": "áäčďéíĺľňóôŕšťúýž",
    "sl": "čšž",
    "sv": "åäöé",
}
#: The campaigns that come with the program; each has all its steps in all these languages.
SLUGS = ("lordimas", "helpdesk", "information-session", "training-session")
OFFICIAL = frozenset(LETTERS)
#: The campaigns to the members of the network.
MEMBERS = ("network-meeting", "edic-consultation")
MEMBERS_LANGUAGES = frozenset({"en", "fr", "de"})
#: Mails that any campaign sends; with those about a session apart.
SESSION_MAILS = ("session-confirmation", "session-changed", "waiting-list", "week-before", "day-before")
SHARED_MAILS = (*SESSION_MAILS, "confirmation", "cancellation", "declined", "unsubscribed", "thanks")
#: Everyday English words that are no word of the other languages.
ENGLISH = {"the", "your", "you", "with", "this", "please", "about", "which", "our", "answer"}
ENGLISH |= {"municipality", "municipalities", "question", "questions", "reminder", "invitation"}
#: Words that a language shares with English.
SHARED = {"fr": {"question", "questions", "invitation"}, "da": {"invitation"}}
#: Words of a label that are the same in English.
INTERNATIONAL = {"Online:"}
LATIN_NAMES = {"lordimas", "living-in.eu", "espon", "e-mail", "online", "gdpr", "eu"}

TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\[\[.*?\]\]", re.DOTALL)
WORD = re.compile(r"[^\W\d_]+(?:[-'’.][^\W\d_]+)*")
BUTTON = re.compile(r"^\*\*\[[^\]]+\]\((.+?)\)\*\*$")
LINK = re.compile(r"\]\(\{\{ links\.(\w+) \}\}\)")

LONGEST = {
    "greeting": "GREETING,",
    "municipality": {"name": "Twelveletter", "country": "DE", "region": "DE-BY"},
    "contact": {"name": "A. Person", "email": "office@town.example", "source": "the register"},
    "sender": {
        "name": "Association of Municipalities",
        "email": "network@association.example",
        "controller": "Association of Municipalities, registered",
        "address": "1 Square, Town",
        "privacy_url": "https://association.example/privacy",
    },
    "links": {
        name: f"https://links.example/{name}"
        for name in (
            *("assessment", "helpdesk", "consultation", "yes", "in_person", "online", "no", "question"),
            *("other_office", "unsubscribe"),
        )
    }
    | {"by_mail": "yes"},
    "session": {
        "title": "A title",
        "date": "Thursday, 12 March 2026",
        "time": "10:00–11:30 CET",
        "zone": "Central European Standard Time",
        "place": "Town hall",
        "room": "Room 3",
        "online": "https://rooms.example/1",
        "hybrid": "yes",
        "details": "Coffee from 9:30",
        "agenda": ["10:00 A beginning", "11:00 An end"],
        "speakers": "A. Person, B. Person",
        "interpretation": "French",
    },
    "campaign": {"deadline": "2 March 2026"},
}


def shortest() -> dict[str, Any]:
    """The same values with everything empty that may be empty."""
    values = {key: dict(value) if isinstance(value, dict) else value for key, value in LONGEST.items()}
    for group, name in (
        ("municipality", "region"),
        ("contact", "name"),
        ("sender", "privacy_url"),
        ("links", "by_mail"),
        ("session", "place"),
        *(("session", name) for name in ("zone", "room", "online", "hybrid", "details", "agenda")),
        *(("session", name) for name in ("speakers", "interpretation")),
        ("campaign", "deadline"),
    ):
        values[group][name] = ""
    return values


STRICT = Environment(undefined=StrictUndefined, keep_trailing_newline=True)


def render(text: str, values: dict[str, Any]) -> str:
    return STRICT.from_string(text).render(values)


def mails() -> Iterator[tuple[str, str, str]]:
    for slug in (*SLUGS, *MEMBERS):
        for path in sorted((TEMPLATES / slug).glob("*.md")):
            step, language = path.name.removesuffix(".md").split(".")
            yield slug, step, language


@cache
def read(slug: str, step: str, language: str) -> tuple[dict[str, Any], str]:
    text = (TEMPLATES / slug / f"{step}.{language}.md").read_text(encoding="utf-8")
    opening, front, body = text.split("+++\n", 2)
    assert opening == ""
    return tomllib.loads(front), body


@cache
def whole(slug: str, step: str, language: str) -> str:
    """The body with the parts of the layout in place."""
    template = CATALOG.template(slug, step, language)
    return frame.expand(CATALOG, template, CATALOG.strings(language, slug))


@cache
def strings(language: str) -> dict[str, Any]:
    return tomllib.loads((TEMPLATES / "_layout" / f"strings.{language}.toml").read_text(encoding="utf-8"))


def flat(table: dict[str, Any], prefix: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in table.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return found


def tags(text: str) -> Counter[str]:
    return Counter(TAG.findall(text))


def plain(text: str) -> str:
    return re.sub(r"https?://\S+", " ", TAG.sub(" ", text))


def words(text: str) -> list[str]:
    return [word.casefold() for word in WORD.findall(plain(text))]


def slips(text: str, language: str) -> set[str]:
    """Words that cannot belong to the language: foreign letters, two scripts in a word, English."""
    allowed = set(LETTERS[language])
    found = set()
    for word in words(text):
        letters = set(word) - set("-'’.")
        latin = set("abcdefghijklmnopqrstuvwxyz")
        if language in ("bg", "el"):
            if not letters <= allowed and not (letters <= latin and word in LATIN_NAMES):
                found.add(word)
        elif not letters <= allowed | latin:
            found.add(word)
        if language != "en" and word in ENGLISH - SHARED.get(language, set()):
            found.add(word)
    return found


ALL = sorted(mails())
SETS = sorted({(slug, language) for slug, _, language in ALL})
TRANSLATED = [(slug, language) for slug, language in SETS if language != "en"]
LANGUAGES = sorted(path.name.split(".")[1] for path in (TEMPLATES / "_layout").glob("strings.*.toml"))


@pytest.mark.parametrize("slug", [*SLUGS, *MEMBERS])
def test_every_campaign_has_every_step_in_its_languages(slug: str) -> None:
    present = {(step, language) for campaign, step, language in ALL if campaign == slug}
    languages = MEMBERS_LANGUAGES if slug in MEMBERS else OFFICIAL
    wanted = {(step, language) for step in STEPS for language in languages}
    assert present == wanted


def test_languages_of_mails_and_of_strings_are_the_same() -> None:
    assert {language for _, _, language in ALL} == set(LANGUAGES)


@pytest.mark.parametrize(("slug", "language"), SETS)
def test_front_matter(slug: str, language: str) -> None:
    for step in STEPS:
        front, _ = read(slug, step, language)
        source, _ = read(slug, step, "en")
        keys = {"subject", "preheader", "revision", "translator", "reviewed_by"}
        assert set(front) == keys | (set() if language == "en" else {"source_revision"})
        assert front.get("source_revision", source["revision"]) == source["revision"]
        assert front["translator"], step
        for values in (LONGEST, shortest()):
            subject = render(front["subject"], values)
            assert 10 < len(subject) < 60, f"{len(subject)}: {subject}"
            assert 10 < len(render(front["preheader"], values)) < 110


@pytest.mark.parametrize(("slug", "language"), SETS)
def test_renders_with_everything_and_with_the_least(slug: str, language: str) -> None:
    for step in STEPS:
        body = whole(slug, step, language)
        session = "in_person" in LINKS[slug]
        for values in (LONGEST, shortest()):
            text = render(body, values if session else {k: v for k, v in values.items() if k != "session"})
            text = re.sub(r"\n{3,}", "\n\n", text)  # statements of a part stand on lines of their own
            assert text.startswith("GREETING,\n\n"), step
            assert text.rstrip().endswith("\\\nAssociation of Municipalities")
            assert "{" not in text
            assert "}" not in text
            assert not re.search(r"\n{3}| $|\]\(\)|(?<!\))\*\*\s*\*\*", text, re.MULTILINE), text
            assert text.count("**") % 2 == 0


@pytest.mark.parametrize(("slug", "language"), SETS)
def test_one_clear_action_and_all_the_answers(slug: str, language: str) -> None:
    for step in STEPS:
        body = whole(slug, step, language)
        assert set(LINK.findall(body)) == LINKS[slug], step
        buttons = [match.group(1) for line in body.splitlines() if (match := BUTTON.match(line))]
        assert buttons == [f"{{{{ links.{name} }}}}" for name in BUTTONS[slug]]
        before, _, after = body.partition(f"({buttons[0]})**")
        assert before.rsplit("**[", 1)[0].endswith("\n\n")
        assert after.startswith("\n\n")


@pytest.mark.parametrize(("slug", "language"), TRANSLATED)
def test_translation_has_the_placeholders_and_the_shape_of_english(slug: str, language: str) -> None:
    for step in STEPS:
        front, body = read(slug, step, language)
        source_front, source = read(slug, step, "en")
        assert tags(body) == tags(source), step
        assert LINK.findall(body) == LINK.findall(source), step
        assert tags(front["subject"]) == tags(source_front["subject"]), step
        assert tags(front["preheader"]) == tags(source_front["preheader"]), step
        assert body.count("\n") == source.count("\n"), step
        assert body.count("**") == source.count("**"), step
        assert frame.parts(body) == frame.parts(source), step


@pytest.mark.parametrize(("slug", "language"), SETS)
def test_words_belong_to_the_language(slug: str, language: str) -> None:
    for step in STEPS:
        front, body = read(slug, step, language)
        text = "\n".join((front["subject"], front["preheader"], body))
        assert slips(text, language) == set(), step
        assert "!" not in text, step
        assert '"' not in body
        if language != "en":
            _, source = read(slug, step, "en")
            same = {line for line in plain(body).splitlines() if len(words(line)) > 1}
            assert same & set(plain(source).splitlines()) == set(), step


@pytest.mark.parametrize(("slug", "language"), SETS)
def test_each_step_is_shorter_than_the_one_before(slug: str, language: str) -> None:
    lengths = [len(words(read(slug, step, language)[1])) for step in STEPS]
    assert lengths == sorted(set(lengths), reverse=True)


@pytest.mark.parametrize("language", LANGUAGES)
def test_strings_are_complete(language: str) -> None:
    table, source = flat(strings(language)), flat(strings("en"))
    greetings = {key for key in table if key.startswith("greetings.")}
    assert "greetings.default" in greetings
    assert {key.removeprefix("greetings.") for key in greetings} <= {"default"} | COUNTRIES
    assert set(table) - greetings == {key for key in source if not key.startswith("greetings.")}
    for key, text in table.items():
        assert text == text.strip() != "", key
        for values in (LONGEST, shortest()):
            assert "{" not in render(text, values), key
        assert key in greetings or tags(text) == tags(source[key]), key
        assert slips(text, language) - {"cathaoirleach"} == set(), key
        if language != "en" and text not in INTERNATIONAL:
            assert text != source.get(key), key


COUNTRIES = set(
    re.findall(r"\w+", "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE")
)


@pytest.mark.parametrize("language", LANGUAGES)
def test_greetings_name_nobody_and_end_as_a_greeting(language: str) -> None:
    for greeting in strings(language)["greetings"].values():
        assert greeting[-1] in ",!:"
        assert tags(greeting) == Counter()


@pytest.mark.parametrize("language", LANGUAGES)
def test_source_of_the_address_is_named(language: str) -> None:
    table = strings(language)
    names = {"contact.source", "contact.email", "municipality.name"}
    assert {tag.strip("{} ") for tag in tags(table["why"])} == names
    assert meta.find_undeclared_variables(STRICT.parse(table["controller"])) == {"sender"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_answers_cannot_be_taken_for_one_another(language: str) -> None:
    answers = strings(language)["answers"]
    for part in ("label", "subject", "body"):
        texts = [answer[part].casefold() for answer in answers.values()]
        assert len(set(texts)) == len(texts) == 7
        assert not any(a in b for a in texts for b in texts if a != b), part
    for answer in answers.values():
        assert len(answer["subject"]) < 60
        assert len(words(answer["body"])) >= 5
        assert answer["body"][-1] in ".:"


@pytest.mark.parametrize("language", sorted(OFFICIAL))
@pytest.mark.parametrize("step", SHARED_MAILS)
def test_shared_mails_are_in_step_with_english_and_ready(step: str, language: str) -> None:
    front, body = read("_shared", step, language)
    source_front, source = read("_shared", step, "en")
    assert front.get("source_revision", front["revision"]) == source_front["revision"]
    assert tags(body) == tags(source)
    assert frame.parts(body) == frame.parts(source)
    assert body.count("\n\n") == source.count("\n\n")
    assert slips("\n".join((front["subject"], front["preheader"], body)), language) == set()
    for values in (LONGEST, shortest()):
        subject = render(front["subject"], values)
        assert 10 < len(subject) < 60, subject
        assert 10 < len(render(front["preheader"], values)) < 110
        text = render(whole("_shared", step, language), values)
        assert text.startswith("GREETING,\n\n")
        assert ("A title" in text) == (step in SESSION_MAILS)
    if step in SESSION_MAILS:  # of a campaign without a session nothing is said about one
        assert "**" not in render(whole("_shared", step, language), {**LONGEST, "session": {}})


@pytest.mark.parametrize("slug", MEMBERS)
@pytest.mark.parametrize("language", sorted(MEMBERS_LANGUAGES))
def test_members_are_not_addressed_as_municipalities(slug: str, language: str) -> None:
    strings = CATALOG.strings(language, slug)
    municipality = {"en": "municipality", "fr": "commune", "de": "gemeinde"}[language]
    for name in ("yes", "no", "in_person", "online") if slug == "network-meeting" else ("yes", "no"):
        assert municipality not in strings.answers[name].body.casefold()
    for country in COUNTRIES:
        assert re.search(r"coll[eè]|Kolleg", strings.greeting(country))
    assert strings.controller != CATALOG.strings(language).controller
