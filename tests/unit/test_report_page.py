"""The page and its Markdown: whole, escaped, in one order of headings, and its tables say what the report says."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import html5lib
import py3langid
import pytest
from lxml import html as lxml_html
from markdown_it import MarkdownIt

from outreach.report.document import Cut, Line, Report, Section
from outreach.report.measures import MEASURES, NOTES, Counts, Rate
from outreach.report.page import to_html, view
from outreach.report.page_markdown import plain, to_markdown
from outreach.report.page_view import Page
from outreach.report.page_words import languages, words
from tests.reports import MADE_AT, made_report

EN = words("en")
EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(2)> | [x](javascript:alert(3)) {{ 7*7 }} \x1b"


@pytest.fixture(scope="module")
def report() -> Report:
    return made_report()


@pytest.fixture(scope="module")
def page(report: Report) -> Page:
    return view(report, EN)


def check(text: str, *, strictly: bool = True) -> lxml_html.HtmlElement:
    """``text`` as a tree, after what holds for every page. To read it ``strictly`` takes its time."""
    if strictly:
        html5lib.HTMLParser(strict=True).parse(text)
    tree = lxml_html.document_fromstring(text)
    assert not tree.xpath("//script | //link | //iframe | //img | //object | //@src | //@style | //@onload")
    assert all(href.startswith("#") for href in tree.xpath("//@href"))
    assert "url(http" not in text
    assert "@import" not in text
    ids = tree.xpath("//@id")
    assert len(ids) == len(set(ids))
    named = {name for names in tree.xpath("//@aria-labelledby") for name in names.split()}
    assert named <= set(ids)
    assert {href[1:] for href in tree.xpath("//@href")} <= set(ids)
    levels = [int(heading.tag[1]) for heading in tree.xpath("//h1|//h2|//h3|//h4")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    for table in tree.xpath("//table"):
        columns = len(table.xpath("thead/tr/th"))
        assert all(len(row.xpath("th|td")) == columns for row in table.xpath("tbody/tr"))
        assert table.xpath("caption")[0].text
    return tree


def test_one_campaign_has_every_figure_of_the_report(report: Report) -> None:
    tree = check(to_html(report))
    assert len(tree.xpath("//article")) == 17
    assert len(tree.xpath("//svg")) == 2 * 16, (
        "each chart for a desk and for a phone; what is left out has none"
    )
    assert tree.get("lang") == "en"


def test_several_campaigns_have_a_chapter_each() -> None:
    campaigns = ("lordimas", "helpdesk")
    tree = check(to_html(made_report(campaigns=campaigns, countries=("BE", "NL", "LU"))))
    chapters = [" ".join(heading.itertext()) for heading in tree.xpath("//h2")]
    assert set(campaigns) <= set(chapters)


def test_an_empty_report_says_so(report: Report) -> None:
    empty = Report(MADE_AT, report.selection, Counts(), (), (), (), ())
    tree = check(to_html(empty))
    assert EN("finding_nothing_sent") in "".join(tree.itertext())
    assert "nothing" in to_markdown(empty).lower()


@pytest.mark.parametrize("scale", [0.01, 0.1])
def test_small_numbers_bring_no_findings(scale: float) -> None:
    made = made_report(scale=scale, countries=("LU", "MT", "CY"), seed=3)
    shown = view(made, EN)
    findings = {figure.key: figure.finding for chapter in shown.chapters for figure in chapter.figures}
    assert findings["union-lordimas"] == EN("finding_countries_unsure")
    assert "Not enough" in findings["funnel"]
    check(to_html(made))


def test_one_country_and_no_answers(report: Report) -> None:
    counts = Counts(listed=40, reachable=30, invited=30, reached=30)
    section = Section(Cut.COUNTRY, (Line("BE", counts),), counts, "lordimas")
    campaigns = Section(Cut.CAMPAIGN, (Line("lordimas", counts),), counts)
    quiet = replace(report, total=counts, sections=(campaigns, section), curves=(), experiments=(), sends=())
    text = to_html(quiet)
    check(text)
    assert "No answers yet from 30 reached" in text


# the figures


def cells(page: Page, key: str) -> list[list[str]]:
    table = next(figure.table for chapter in page.chapters for figure in chapter.figures if figure.key == key)
    return [[f"{cell.text}|{cell.detail}" for cell in row] for row in table.rows]


def numbers(rows: list[list[str]], column: int) -> list[int]:
    return [int(re.sub(r"\D", "", row[column].split("|")[0]) or 0) for row in rows]


def test_the_funnel_says_each_count_its_rate_and_what_it_is_a_share_of(report: Report, page: Page) -> None:
    rows = cells(page, "funnel")
    total = report.total
    known = [measure for measure in MEASURES if getattr(total, measure.name) is not None]
    assert [row[0] for row in rows] == [f"{measure.label}|" for measure in known]
    assert numbers(rows, 1) == [getattr(total, measure.name) for measure in known]
    answered = rows[[measure.name for measure in known].index("answered")]
    rate = Rate(total.answered, total.reached)
    assert rate.percent is not None
    assert rate.interval is not None
    assert answered[2] == f"{rate.percent:.1f}%|of: Reached"
    assert answered[3] == f"{rate.interval[0]:.1f}–{rate.interval[1]:.1f}%|"
    assert answered[4] == f"{next(one.meaning for one in MEASURES if one.name == 'answered')}|"


def test_lines_of_a_table_add_up_to_its_last_where_each_stands_in_one(report: Report, page: Page) -> None:
    rows = cells(page, "union-lordimas")
    for column in range(1, len(rows[0])):
        *lines, total = numbers(rows, column)
        assert sum(lines) == total
    names = ("listed", "reachable", "invited", "reached", "answered", "registered")
    assert numbers(rows[-1:], 1) == [report.total.listed]
    assert [numbers(rows[-1:], at + 1)[0] for at in range(6)] == [
        getattr(report.total, name) for name in names
    ]


def test_what_is_left_out_adds_up_before_the_reader_s_eyes(report: Report, page: Page) -> None:
    rows = cells(page, "left-out-municipalities-lordimas")
    total, *reasons, counted = numbers(rows, 1)
    assert total - sum(reasons) == counted == report.left_out[0].counted


def test_the_calendar_adds_up_to_the_mails_and_answers_of_the_report(report: Report, page: Page) -> None:
    rows = cells(page, "sends")
    assert numbers(rows, 8)[-1] == sum(one.mails for one in report.sends) == sum(numbers(rows[:-1], 8))
    assert numbers(rows, 9)[-1] == sum(one.answers for one in report.sends)
    assert sum(numbers(rows[-1:], day)[0] for day in range(1, 8)) == numbers(rows, 8)[-1]


def test_the_curve_s_table_ends_at_all_answers(report: Report, page: Page) -> None:
    rows = cells(page, "curve-lordimas")
    whole = next(curve for curve in report.curves if curve.country is None)
    assert sum(numbers(rows, 1)) == numbers(rows, 2)[-1] == whole.answered


def test_a_title_says_a_third_only_of_a_third(report: Report) -> None:
    def finding(*answered: int) -> str:
        lines = tuple(
            Line(step, Counts(invited=9000, reached=9000, answered=number))
            for step, number in zip(("invitation", "reminder", "last-call"), answered, strict=True)
        )
        whole = Counts(invited=9000, reached=9000, answered=sum(answered))
        section = Section(Cut.STEP, lines, whole, "lordimas")
        shown = view(replace(report, sections=(report.sections[0], section)), EN)
        return next(f.finding for c in shown.chapters for f in c.figures if f.key == "step-lordimas")

    assert finding(2000, 800, 200) == "Reminders brought a third of all answers"
    assert finding(3000, 800, 200) == "Reminders brought a quarter of all answers"
    assert finding(3000, 300, 200) == "Reminders brought 14% of all answers"
    assert finding(20, 8, 2) == EN("finding_reminders_unsure")


# hostile input


def test_whatever_people_call_things_stays_text(report: Report) -> None:
    section = report.section(Cut.COUNTRY, "lordimas")
    assert section is not None
    campaigns = Section(Cut.CAMPAIGN, (Line(EVIL, section.total), Line("b", section.total)), section.total)
    by_step = Section(
        Cut.STEP, (Line(EVIL, section.total), Line("reminder", section.total)), section.total, EVIL
    )
    regions = Section(Cut.REGION, (Line(EVIL, section.total), Line("", section.total)), section.total, EVIL)
    selection = replace(report.selection, campaign=EVIL)
    evil = replace(report, selection=selection, sections=(campaigns, by_step, regions), curves=())
    text = to_html(evil)
    tree = check(text)
    assert "\x1b" not in text
    assert "{{ 7*7 }}" in text, "Jinja reads no values"
    shown = EVIL.replace("\x1b", "\ufffd")
    assert tree.xpath("//title")[0].text == f"{EN('report')} · {shown}"
    assert any(shown in "".join(cell.itertext()) for cell in tree.xpath("//th"))
    made = MarkdownIt("gfm-like", {"linkify": False}).render(to_markdown(evil))
    found = lxml_html.fragment_fromstring(made, create_parent=True)
    assert not found.xpath("//script | //img | //a")
    assert "<script>alert(1)</script>" in "".join(found.itertext())


@pytest.mark.parametrize(
    "text", ["# no heading", "- no item", "1. no item", "+ x", "= x", "> x", "a_b*c*_d_", "| a |"]
)
def test_plain_text_is_plain_in_markdown(text: str) -> None:
    made = lxml_html.fragment_fromstring(MarkdownIt("gfm-like", {"linkify": False}).render(plain(text)))
    assert made.tag == "p"
    assert len(made) == 0
    assert (made.text or "").replace("\N{WORD JOINER}", "") == text


# languages


#: What English has beside the figures themselves (measures.py, left_out.py), in the code.
IN_THE_CODE = re.compile(r"label\.(?!answered_of)|meaning\.|reason\.|note\.|left_out\.\w+\.(total|counted)$")


@pytest.mark.parametrize("language", languages())
def test_every_language_has_every_text_with_its_places(language: str) -> None:
    say = words(language)
    wanted = {key for key in say.known if not IN_THE_CODE.match(key)}
    assert wanted == EN.known
    if language != "en":
        assert say.known == words("de").known
        for measure in MEASURES:
            assert {f"label.{measure.name}", f"meaning.{measure.name}"} <= say.known
        assert {f"note.{number}" for number in range(len(NOTES))} <= say.known
    for key in wanted:
        places = set(re.findall(r"{(\w+)}", EN.get(key, "")))
        assert set(re.findall(r"{(\w+)}", say.get(key, ""))) == places, key
    made = made_report(countries=("BE", "LU", "NL", "MT"))
    tree = check(to_html(made, language), strictly=False)
    assert tree.get("lang") == language


@pytest.mark.parametrize("language", languages())
def test_numbers_are_written_as_babel_writes_them(language: str) -> None:
    from babel.numbers import format_decimal, format_percent

    say = words(language)
    locale = {"en": "en_IE", "pt": "pt_PT"}.get(language, language)
    for value in (0, 7, 541, 12_345, 1_234_567):
        assert say.number(value) == format_decimal(value, locale=locale)
    assert say.percent(41.2) == format_percent(0.41, locale=locale)
    assert say.percent(41.2, 1) == format_percent(
        0.412, locale=locale, format=None, decimal_quantization=False
    )
    assert say.decimal(3.25, 2) == format_decimal(3.25, locale=locale)


def test_percentages_are_never_nought_for_some_nor_whole_for_not_all() -> None:
    assert [EN.percent(value) for value in (0, 0.2, 0.5, 41.4, 99.4, 99.7, 100, None)] == [
        *("0%", "<1%", "0%", "41%", "99%", "99%", "100%", "–")
    ]
    assert EN.percent(0.01, 1) == "<0.1%"


def test_a_page_grows_with_its_report_and_not_faster(report: Report) -> None:
    day = timedelta(days=1)
    more = replace(
        report,
        sends=tuple(
            replace(one, day=one.day + number * 70 * day) for number in range(5) for one in report.sends
        ),
    )
    assert len(to_html(more)) < 1.5 * len(to_html(report))


def test_every_sentence_is_in_the_language_of_its_file() -> None:
    py3langid.set_languages(list(languages()))
    for language in languages():
        say = words(language)
        for key in sorted(say.known):
            sentence = re.sub(r"{\w+}", "", say.get(key, ""))
            if len(sentence.split()) > 8:
                assert py3langid.classify(sentence)[0] == language, (language, key)
