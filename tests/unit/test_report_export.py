from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime

import pytest

from outreach.cli import reports
from outreach.report import document
from outreach.report.document import (
    AnswerCurve,
    Cut,
    LeftOut,
    Line,
    Quartiles,
    Reason,
    Report,
    Section,
    Selection,
)
from outreach.report.export import to_csv, to_json
from outreach.report.labels import Reader
from outreach.report.measures import MEASURES, NOTES, Counts, Rate
from outreach.report.terminal import spark, text

STEPS = ("invitation", "reminder", "last-call")
COUNTRIES = ("BE", "BG", "DE", "FI", "FR", "GR", "NL", "SE", "SK")
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
# 99,000: about all of the Union
LARGE = Counts(11_000, 11_000, 11_000, 11_000, 10_990, 11_000, 10_000, 11_000, 10_900, 9_000, 8_000)
SMALL = Counts(invited=200, reached=160, answered=80, registered=1, declined=0, unsubscribed=8)


def _report(counts: Counts = SMALL, countries: tuple[str, ...] = COUNTRIES, slug: str = "lordimas") -> Report:
    lines = tuple(Line(code, counts) for code in countries)
    return Report(
        made_at=NOW,
        selection=Selection(),
        total=counts,
        sections=(
            Section(Cut.CAMPAIGN, (Line(slug, counts),), counts),
            Section(Cut.COUNTRY, lines, counts, slug),
            Section(Cut.STEP, tuple(Line(step, counts) for step in STEPS), counts, slug),
        ),
        left_out=(
            LeftOut(
                "mails",
                "Sent",
                "Mails written",
                5,
                3,
                (Reason("uncertain", "Whether it went out is not known", 2),),
                slug,
            ),
        ),
        curves=(AnswerCurve(slug, None, 160, ((0, 60), (1, 60), (2, 80)), Quartiles(0.1, 0.5, 1.25)),),
        sends=(),
    )


NOTHING = Report(NOW, Selection(), Counts(), (), (), (), ())


def test_json_gives_each_rate_with_both_numbers_and_its_interval_and_says_what_it_means() -> None:
    made = json.loads(to_json(_report()))
    line = made["sections"][1]["lines"][0]
    assert (line["key"], line["invited"], line["listed"]) == ("BE", 200, None)
    assert line["rates"]["reached"] == {
        "numerator": 160,
        "denominator": 200,
        "percent": 80.0,
        "low": 73.91,
        "high": 84.95,
    }
    assert line["rates"]["registered"]["percent"] == 0.62
    assert "attended" not in line["rates"]
    assert [one["name"] for one in made["definitions"]] == [measure.name for measure in MEASURES]
    assert made["notes"] == list(NOTES)
    assert made["left_out"][0]["reasons"][0]["number"] == 2
    assert made["curves"][0]["days_to_answer"] == {
        "lower_quartile": 0.1,
        "median": 0.5,
        "upper_quartile": 1.25,
    }


def test_json_has_no_percentage_of_nothing_and_one_cut_alone_where_it_is_wanted() -> None:
    made = json.loads(to_json(_report(Counts(invited=3)), cut=Cut.STEP))
    assert [one["cut"] for one in made["sections"]] == ["step"]
    answered = made["sections"][0]["lines"][0]["rates"]["answered"]
    assert answered == {"numerator": 0, "denominator": 0, "percent": None, "low": None, "high": None}


def test_csv_is_read_back_by_its_header() -> None:
    made = to_csv(_report())
    assert made.startswith("cut,campaign,country,key,listed,reachable,reachable_of,")
    rows = list(csv.DictReader(io.StringIO(made, newline="")))
    assert len(rows) == 1 + 1 + len(COUNTRIES) + len(STEPS)
    assert (rows[0]["cut"], rows[0]["campaign"], rows[0]["invited"]) == ("total", "all", "200")
    belgium = rows[2]
    assert (belgium["cut"], belgium["campaign"], belgium["key"]) == ("country", "lordimas", "BE")
    assert [belgium[f"answered{end}"] for end in ("", "_of", "_percent", "_low", "_high")] == [
        "80",
        "160",
        "50.00",
        "42.34",
        "57.66",
    ]
    assert (belgium["attended"], belgium["attended_percent"]) == ("", "")
    assert made.endswith("\r\n")
    assert made.count("\n") == made.count("\r\n")


def test_csv_for_excel_has_its_marks() -> None:
    made = to_csv(_report(), for_excel=True)
    assert made.startswith("\ufeffcut;campaign;country")
    assert ";80;160;50,00;42,34;57,66;" in made


@pytest.mark.parametrize("start", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_csv_holds_no_formula(start: str) -> None:
    cells = list(csv.reader(io.StringIO(to_csv(_report(slug=start)), newline="")))
    assert cells[2][3] == cells[3][1] == f"'{start}"


@pytest.mark.parametrize("counts", [SMALL, LARGE, Counts()])
@pytest.mark.parametrize("cut", [None, Cut.COUNTRY, Cut.STEP, Cut.REGION])
def test_terminal_fits_80_columns(counts: Counts, cut: Cut | None) -> None:
    shown = text(_report(counts), cut=cut)
    assert max(len(line) for line in shown.splitlines()) <= 80
    if cut in (None, Cut.COUNTRY):
        for code in COUNTRIES:
            assert sum(line.startswith(f"{code} ") for line in shown.splitlines()) == 1


def test_terminal_shows_numerators_percentages_intervals_and_denominators() -> None:
    lines = text(_report(countries=("BE", "DE")), cut=Cut.COUNTRY).splitlines()
    assert lines[0] == "Countries: lordimas"
    assert lines[1].split() == ["Invited", "Reached", "Answered", "Registered", "Declined"]
    assert lines[2].split() == ["of", "reachable", "of", "invited", *["of", "reached"] * 3]
    assert lines[4].split() == [
        *("BE", "Belgium", "200", "160", "80%", "80", "50%", "42–58", "1", "1%", "0", "0%")
    ]


def test_terminal_of_one_country_does_not_repeat_it_as_a_total() -> None:
    shown = text(_report(countries=("BE",)), cut=Cut.COUNTRY)
    assert "BE Belgium" in shown
    assert "All" not in shown.split("\n\n")[0]


def test_terminal_writes_numbers_as_its_reader_does() -> None:
    shown = text(_report(LARGE), reader=Reader("de"))
    assert "11.000" in shown
    assert "DE Deutschland" in shown
    assert "99,9 %" in shown.replace("\xa0", " ")


def test_terminal_never_rounds_some_to_none_nor_most_to_all() -> None:
    reader = Reader()
    assert reader.share(Rate(1, 1000)) == "<1%"
    assert reader.share(Rate(999, 1000)) == "99%"
    assert reader.share(Rate(999, 1000), 1) == "99.9%"
    assert reader.share(Rate(0, 1000)) == "0%"
    assert reader.share(Rate(1000, 1000)) == "100%"
    assert reader.share(Rate(0, 0)) == "–"


def test_terminal_explains_every_figure_it_shows() -> None:
    shown = " ".join(text(_report(LARGE)).split())
    assert all(measure.meaning in shown for measure in MEASURES)
    assert all(note in shown for note in NOTES)
    assert "half within 0.5 days" in shown
    assert "2 Whether it went out is not known" in shown


def test_a_spark_line_shows_some_as_more_than_nothing() -> None:
    assert spark([0, 1, 1000, 500]) == " ▁█▄"
    assert spark([]) == ""


def test_nothing_sent_is_said() -> None:
    assert text(NOTHING) == "Nothing was sent yet: there is nothing to report.\n"
    assert json.loads(to_json(NOTHING))["sections"] == []
    assert to_csv(NOTHING).count("\n") == 1


def test_the_command_knows_every_cut_and_unit() -> None:
    assert [one.value for one in reports.Cut] == [one.value for one in document.Cut]
    assert [one.value for one in reports.Unit] == [one.value for one in document.Unit]


@pytest.mark.parametrize("locale", ["de", "fr_BE", "bg", "mt", "ga", "eu", "lb", "nothing", "en_US_POSIX"])
def test_every_key_has_a_name_in_every_language(locale: str) -> None:
    reader = Reader(locale)
    keys = {
        Cut.COUNTRY: "GR",
        Cut.LANGUAGE: "nl+fr",
        Cut.WEEKDAY: "7",
        Cut.HOUR: "9",
        Cut.WEEK: "2",
        Cut.SIZE: "100000-",
        Cut.DEGURBA: "1",
        Cut.NEW_OR_KNOWN: "known",
        Cut.REGION: "",
    }
    assert all(reader.label(cut, key) not in ("", key) for cut, key in keys.items())
    assert "%" in reader.percent(12.5, 1)
