"""The report by mail in words: every language whole, numbers and forms as the language has them."""

from __future__ import annotations

import re
import tomllib
from datetime import UTC, datetime
from importlib import resources

import pytest
from babel import Locale

from outreach.jobs.draw import png
from outreach.model.countries import COUNTRIES
from outreach.report.digest import COMMANDS, Curve, Digest, Line, Sending, Task, Waits, figures, told
from outreach.report.digest_chart import HEIGHT, curve
from outreach.report.digest_page import Page, page
from outreach.report.digest_words import Words, languages
from outreach.report.measures import Counts

NOW = datetime(2026, 11, 30, 7, 5, tzinfo=UTC)
BEFORE = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
OFFICIAL = sorted(
    {language for country in COUNTRIES.values() for language in country.languages} - {"lb"} | {"ga"}
)


def texts(language: str) -> dict[str, object]:
    file = resources.files("outreach.report").joinpath("digests", f"{language}.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))


def counts(answered: int, registered: int = 0) -> Counts:
    return Counts(invited=1200, reached=1190, answered=answered, registered=registered)


def made(**changes: object) -> Digest:
    values: dict[str, object] = {
        "made_at": NOW,
        "since": BEFORE,
        "monthly": False,
        "organisation": "Association of <Towns>",
        "reader": "desk@town.example",
        "base": None,
        "lines": (
            Line("LORDIMAS", None, counts(312, 40), counts(300, 41)),
            Line("LORDIMAS", "BE", counts(12), counts(12)),
            Line("LORDIMAS", "GR", counts(300, 40), None),
        ),
        "curves": (Curve("LORDIMAS", (8.0, 0.2 + 26)),),
        "waits": (Waits(Task.PAUSED, 1, ("lordimas-be: <elections>",)), Waits(Task.INBOX, 1234)),
        "sendings": (Sending("LORDIMAS", "BE", 2951, NOW, NOW),),
    }
    return Digest(**{**values, **changes})  # type: ignore[arg-type]


def shown(language: str = "en", **changes: object) -> Page:
    return page(made(**changes), Words(language), "town.example")


def test_there_are_texts_in_the_24_languages() -> None:
    assert languages() == OFFICIAL
    assert len(OFFICIAL) == 24


@pytest.mark.parametrize("language", languages())
def test_a_language_has_all_texts_with_the_same_values_and_all_its_plural_forms(language: str) -> None:
    english, own = texts("en"), texts(language)
    assert own.keys() == english.keys()
    for name, text in english.items():
        if isinstance(text, str):
            ours = own[name]
            assert isinstance(ours, str)
            assert ours.strip()
            assert sorted(re.findall(r"\{\w+\}", ours)) == sorted(re.findall(r"\{\w+\}", text)), name
            assert ours.endswith((".", "!")) == text.endswith("."), name
            assert language == "en" or ours != text or name in ("campaign", "mails"), f"{name} is English"
    forms = own["have_answered"]
    assert isinstance(forms, dict)
    needed = {str(Locale.parse(language).plural_form(number)) for number in range(1, 1001)}
    assert needed <= forms.keys()
    for text in forms.values():
        assert sorted(re.findall(r"\{\w+\}", text)) == ["{count}", "{date}"]
    assert set(Task) <= own.keys()
    assert set(COMMANDS) == set(Task)


@pytest.mark.parametrize("language", languages())
def test_each_language_makes_a_whole_mail(language: str) -> None:
    found = shown(language)
    words = Words(language)
    for text in (found.text, found.html):
        assert words.number(1200) in text
        assert "outreach inbox" in text
        assert "{" not in text
        assert "None" not in text
    assert words.country("GR") in found.html
    assert max(map(len, found.text.splitlines())) <= 100
    assert f'<html lang="{language}">' in found.html
    assert "\n" not in found.subject


PLURALS = (
    ("pl", 1, "odpowiedziała 1 gmina"),
    ("pl", 3, "odpowiedziały 3 gminy"),
    ("pl", 12, "odpowiedziało 12 gmin"),
    ("sl", 2, "sta odgovorili 2 občini"),
    ("cs", 5, "odpovědělo 5 obcí"),
    ("ro", 3, "3 primării au răspuns"),
    ("ro", 25, "25 de primării au răspuns"),
    ("lt", 21, "atsakė 21 savivaldybė"),
    ("lv", 11, "atbildējušas 11 pašvaldību"),
    ("de", 1234, "haben 1.234 Gemeinden"),
    ("fr", 1, "1 commune a répondu"),
)


@pytest.mark.parametrize(("language", "number", "words"), PLURALS)
def test_the_number_decides_the_form(language: str, number: int, words: str) -> None:
    lines = (Line("X", None, counts(number), counts(0)),)
    assert words in shown(language, lines=lines).subject


def test_what_changed_is_told_and_what_is_within_another_line_counts_once() -> None:
    digest = made()
    assert digest.answers == 12
    text = shown().text
    assert "12 municipalities have answered since 23 November 2026." in text
    assert "Answered: 312 · 26% (+12)" in text
    assert "Registered: 40 (−1)" in text
    assert "Answered: 300 · 25%\n" in text, "what was not in the last report has no change"
    assert "First" not in shown(since=None).text
    assert "first of these reports" in shown(since=None).text
    fewer = (Line("LORDIMAS", None, counts(3), counts(5)),)
    assert "No municipality has answered" in shown(lines=fewer).subject


def test_values_are_never_html_and_a_coordinator_reads_no_command() -> None:
    html = shown().html
    assert "&lt;elections&gt;" in html
    assert "Association of &lt;Towns&gt;" in html
    for one in (shown(base=5).html, shown(base=5).text):
        assert "outreach inbox" not in one
        assert "multiples of 5" in one


def test_nothing_to_tell_is_said() -> None:
    text = shown(lines=(), curves=(), waits=(), sendings=()).text
    assert "Nothing is waiting for a person." in text
    assert "No mail is waiting to be sent." in text
    assert "The month in figures" in shown(monthly=True).subject


def test_a_chart_is_a_picture_with_its_figures_in_the_text_beside_it() -> None:
    found = shown()
    ((name, svg),) = found.charts
    assert f'src="cid:{name}"' in found.html
    assert name.endswith("@town.example")
    assert png(svg).startswith(b"\x89PNG\r\n\x1a\n")
    words = "LORDIMAS: answered, in percent of those reached, week by week since the launch: 8%; 26%"
    assert f'alt="{words}"' in found.html
    assert words in " ".join(found.text.split())


@pytest.mark.parametrize(
    "percent", [(0.0,), (100.0,), (0.01, 0.02), tuple(float(week) for week in range(100))]
)
def test_any_curve_is_drawn_within_the_picture(percent: tuple[float, ...]) -> None:
    drawing = curve(percent, Words("sv"), title="t", description="d")
    heights = [float(one) for one in re.findall(r'(?:cy|y|y1)="([\d.]+)"', drawing)]
    assert heights
    assert all(0 <= one <= HEIGHT for one in heights)
    assert len(png(drawing)) < 60_000


def test_what_is_kept_is_told_next_time() -> None:
    kept = figures([("lordimas", None, counts(5, 2)), ("lordimas", "BE", counts(3))])
    assert told(kept, "lordimas", None) == counts(5, 2)
    assert told(kept, "lordimas", "BE") == counts(3)
    assert told(kept, "helpdesk", None) is None
    assert told({"lordimas *": {"answered": 4}}, "lordimas", None) == Counts(answered=4)
