from __future__ import annotations

from pathlib import Path

import pytest

from outreach.content.catalog import ANSWERS as ANSWER_NAMES
from outreach.content.catalog import SESSION_WORDS, Catalog
from outreach.content.lint import Finding, Severity, lint_campaign, lint_markup, lint_rendered
from outreach.content.names import NAMES, SESSION_NAMES, sample_values
from outreach.content.render import Rendered

LAYOUT = Path(__file__).parents[2] / "templates" / "_layout"
ANSWERS = "".join(
    f'[answers.{name}]\nlabel = "{name}"\nsubject = "s"\nbody = "b"\n' for name in ANSWER_NAMES
) + "".join(["[session]\n", *(f'{word} = "{word}"\n' for word in SESSION_WORDS)])
STRINGS = (
    'language = "L"\nwhy = "From {{ contact.source }}."\ncontroller = "C"\nrights = "R"\n'
    f'unsubscribe = "Stop"\n[greetings]\ndefault = "Hi"\n{ANSWERS}'
)
FILES = {
    **{
        f"_layout/{name}": (LAYOUT / name).read_text() for name in ("base.html.j2", "base.css", "base.txt.j2")
    },
    "_layout/strings.en.toml": STRINGS,
    "_layout/strings.de.toml": STRINGS.replace('"R"', '"Rechte"'),
}


def mail(body: str = "{{ greeting }}", subject: str = "Subject", revision: int = 1, source: int = 1) -> str:
    head = f'subject = "{subject}"\nrevision = {revision}\nsource_revision = {source}\nreviewed_by = "R"'
    return f"+++\n{head}\n+++\n{body}"


def lint(english: str, german: str | None = None, **more: str) -> list[Finding]:
    files = {**FILES, **more, "x/invitation.en.md": english}
    if german is not None:
        files["x/invitation.de.md"] = german
    languages = ["en"] if german is None else ["en", "de"]
    return list(lint_campaign(Catalog(files), "x", ["invitation"], languages))


def rules(findings: list[Finding]) -> list[tuple[str, str]]:
    assert all(finding.message and finding.remedy for finding in findings)
    return [(finding.severity.value, finding.rule) for finding in findings]


def test_a_sound_pair_of_mails_gives_nothing() -> None:
    assert lint(mail(), mail()) == []


def test_the_samples_have_every_name() -> None:
    values = sample_values(Catalog(FILES).strings("en"))
    names = {
        f"{name}.{inner}" if isinstance(value, dict) else name
        for name, value in values.items()
        for inner in (value if isinstance(value, dict) else [""])
    }
    assert names == NAMES | SESSION_NAMES


def test_a_missing_translation_is_an_error() -> None:
    found = lint_campaign(Catalog({**FILES, "x/invitation.en.md": mail()}), "x", ["invitation"], ["en", "de"])
    assert rules(list(found)) == [("error", "missing-translation")]
    assert found[0].where == "x/invitation.de.md"


def test_a_broken_file_is_a_finding_and_stops_no_other() -> None:
    assert rules(lint("nothing", mail())) == [("error", "template"), ("error", "template")]
    assert rules(lint(mail(), mail("{% if x %}"))) == [("error", "template")]


def test_an_unknown_name_is_an_error() -> None:
    (finding,) = lint(mail("{{ greeting }} {{ municipality.nmae }}"))
    assert (finding.severity, finding.rule) == (Severity.ERROR, "unknown-placeholder")
    assert "{{ municipality.nmae }}" in finding.message


def test_a_campaign_without_a_session_has_no_session() -> None:
    catalog = Catalog({**FILES, "x/invitation.en.md": mail("{{ session.title }}")})
    assert lint_campaign(catalog, "x", ["invitation"], ["en"]) == ()
    found = lint_campaign(catalog, "x", ["invitation"], ["en"], allowed=NAMES)
    assert rules(list(found)) == [("error", "unknown-placeholder")]


def test_a_translation_has_the_placeholders_of_its_source() -> None:
    found = lint(mail("{{ greeting }} {{ links.yes }}"), mail("{{ greeting }} {{ links.no }}"))
    assert rules(found) == [("error", "placeholder-parity")] * 2
    assert "lacks {{ links.yes }}" in found[0].message
    assert "has {{ links.no }}" in found[1].message


def test_a_translation_behind_its_source_is_a_warning() -> None:
    assert rules(lint(mail(revision=2, source=2), mail(source=1))) == [("warning", "behind-source")]


def test_what_is_still_english_is_an_error() -> None:
    assert rules(lint(mail("Hello {{ greeting }}"), mail("Hello {{ greeting }}"))) == [
        ("error", "untranslated")
    ]
    more = {"_layout/strings.de.toml": STRINGS}
    assert rules(lint(mail(), mail(), **more)) == [("error", "untranslated")]


def test_an_unreviewed_mail_is_a_notice() -> None:
    assert rules(lint(mail().replace('"R"', '""'))) == [("notice", "unreviewed")]


def test_a_long_subject_is_measured_as_rendered() -> None:
    assert lint(mail(subject="{% if campaign.deadline %}" + "x" * 60 + "{% endif %}")) == []
    assert rules(lint(mail(subject="x" * 50 + "{{ municipality.name }}"))) == [("warning", "subject-long")]


@pytest.mark.parametrize("subject", ["FREE HELP", "Only today!!"])
def test_a_subject_like_spam_is_a_warning(subject: str) -> None:
    assert rules(lint(mail(subject=subject))) == [("warning", "spam-habit")]


def test_a_mail_gmail_would_cut_is_an_error() -> None:
    assert rules(lint(mail("word " * 25_000))) == [("error", "html-large")]


def test_a_layout_without_the_frame_is_an_error() -> None:
    more = {"_layout/base.html.j2": "<html><body>[[ sections[0].html ]]</body></html>"}
    assert rules(lint(mail(), **more)) == [("error", "opt-out-missing"), ("error", "source-missing")]
    more = {"_layout/base.txt.j2": "\n-- \n{{ links.unsubscribe }} {{ contact.source }}"}
    assert rules(lint(mail(), **more)) == [("error", "text-missing")]


@pytest.mark.parametrize("link", ["http://a.example", "//a.example", "www.a.example", "ftp://a.example"])
def test_a_link_is_https_or_mailto(link: str) -> None:
    (finding,) = lint(mail(f"[x]({link}) [y](https://a.example) [z](mailto:a@b.example)"))
    assert finding.rule == "link-insecure"
    assert repr(link) in finding.message


@pytest.mark.parametrize(
    "markup", ['<img src="cid:x">', "<style>a{background:url(https://x)}</style>", "<script>"]
)
def test_nothing_is_loaded_from_elsewhere(markup: str) -> None:
    found = lint_markup(Rendered("s", "", markup, "t"), "x")
    assert rules(list(found)) == [("error", "remote-asset")]


@pytest.mark.parametrize("part", ["subject", "preheader", "html", "text"])
def test_a_placeholder_left_over_is_an_error(part: str) -> None:
    parts = {"subject": "s", "preheader": "p", "html": "h", "text": "t", part: "Hello {{ name }}"}
    found = lint_rendered(Rendered(**parts), "x")
    assert rules(list(found)) == [("error", "placeholder-left")]
