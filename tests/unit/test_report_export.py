from __future__ import annotations

import csv
import io
import json

import pytest

from outreach.model.values import FunnelCounts, FunnelRow
from outreach.report.export import to_csv, to_json, to_terminal
from outreach.report.funnel import MEASURES, NOTES, ReportLine, table

STEPS = (None, "invitation", "reminder", "last-call")
COUNTRIES = ("BE", "BG", "DE", "FI", "FR", "GR", "NL", "SE", "SK")
LARGE = FunnelCounts(11_000, 11_000, 10_990, 11_000, 11_000, 10_900)  # 99,000: about all of the Union
SMALL = FunnelCounts(invited=200, reached=160, answered=80, registered=1, declined=0, unsubscribed=8)


def _lines(counts: FunnelCounts = SMALL, countries: tuple[str, ...] = COUNTRIES) -> list[ReportLine]:
    return table([FunnelRow("lordimas", code, step, counts) for code in countries for step in STEPS])


def test_json_gives_each_rate_with_both_numbers_and_says_what_it_means() -> None:
    document = json.loads(to_json(_lines()))
    assert document["lines"][0] == {
        "campaign": "lordimas",
        "country": "BE",
        "step": None,
        "invited": 200,
        "reached": {"numerator": 160, "denominator": 200, "percent": 80.0},
        "answered": {"numerator": 80, "denominator": 160, "percent": 50.0},
        "registered": {"numerator": 1, "denominator": 160, "percent": 0.62},
        "declined": {"numerator": 0, "denominator": 160, "percent": 0.0},
        "unsubscribed": {"numerator": 8, "denominator": 160, "percent": 5.0},
    }
    assert document["lines"][-1]["country"] is None
    assert [one["name"] for one in document["definitions"]] == [measure.name for measure in MEASURES]
    assert document["notes"] == list(NOTES)


def test_json_has_no_percentage_of_nothing() -> None:
    document = json.loads(to_json(_lines(FunnelCounts(3, 0, 0, 0, 0, 0))))
    assert document["lines"][0]["answered"] == {"numerator": 0, "denominator": 0, "percent": None}


def test_csv_is_read_back_by_its_header() -> None:
    text = to_csv(_lines())
    assert text.startswith("campaign,country,step,invited,reached,reached_of,reached_percent,answered,")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(rows) == (len(COUNTRIES) + 1) * len(STEPS)
    assert (rows[0]["answered"], rows[0]["answered_of"], rows[0]["answered_percent"]) == (
        "80",
        "160",
        "50.00",
    )
    assert (rows[-4]["country"], rows[-4]["step"], rows[-4]["invited"]) == ("all", "", "1800")
    assert text.endswith("\r\n")
    assert text.count("\n") == text.count("\r\n")


def test_csv_for_excel_has_its_marks() -> None:
    text = to_csv(_lines(), for_excel=True)
    assert text.startswith("\ufeffcampaign;country;step")
    assert ";80;160;50,00;" in text


@pytest.mark.parametrize("start", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_csv_holds_no_formula(start: str) -> None:
    rows = [FunnelRow(start, "BE", None, SMALL), FunnelRow(start, "BE", start, SMALL)]
    cells = list(csv.reader(io.StringIO(to_csv(table(rows)), newline="")))
    assert cells[1][0] == cells[2][2] == f"'{start}"


@pytest.mark.parametrize("counts", [SMALL, LARGE, FunnelCounts(0, 0, 0, 0, 0, 0)])
def test_terminal_table_fits_80_columns(counts: FunnelCounts) -> None:
    text = to_terminal(_lines(counts))
    assert max(len(line) for line in text.splitlines()) <= 80
    for code in (*COUNTRIES, "All"):
        assert sum(line.startswith(f"{code} ") for line in text.splitlines()) >= 1
    assert sum(line.startswith("  reminder ") for line in text.splitlines()) == len(COUNTRIES) + 1


def test_terminal_table_shows_numerators_percentages_and_denominators() -> None:
    lines = to_terminal(_lines(countries=("BE", "DE"))).splitlines()
    assert lines[0] == "lordimas"
    assert lines[1].split() == ["Invited", "Reached", "Answered", "Registered", "Declined", "Opted", "out"]
    assert lines[2].split() == ["of", "invited", *["of", "reached"] * 4]
    assert lines[4].split() == ["BE", "200", "160", "80%", "80", "50%", "1", "1%", "0", "0%", "8", "5%"]


def test_terminal_table_of_one_country_does_not_repeat_it_as_a_total() -> None:
    text = to_terminal(_lines(countries=("BE",)))
    assert "All " not in text.split("\n\n")[0]


def test_terminal_never_rounds_some_to_none_nor_most_to_all() -> None:
    counts = FunnelCounts(invited=1000, reached=999, answered=1, registered=0, declined=999, unsubscribed=0)
    row = to_terminal(_lines(counts, ("BE",))).splitlines()[4].split()
    assert row == ["BE", "1,000", "999", "99%", "1", "<1%", "0", "0%", "999", "100%", "0", "0%"]


def test_terminal_cuts_a_long_step_rather_than_the_figures() -> None:
    rows = [FunnelRow("x", "BE", step, LARGE) for step in (None, "an-invitation-with-a-very-long-name")]
    text = to_terminal(table(rows))
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "an-inv" in text
    assert "…" in text


def test_terminal_explains_every_figure() -> None:
    text = " ".join(to_terminal(_lines()).split())
    assert all(measure.meaning in text for measure in MEASURES)
    assert all(note in text for note in NOTES)


def test_nothing_sent_is_said() -> None:
    assert to_terminal([]) == "Nothing was sent yet: there is nothing to report.\n"
