from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.model.values import FunnelCounts, FunnelRow
from outreach.report.funnel import MEASURES, RATES, Rate, rate, table

COUNTS = FunnelCounts(invited=200, reached=160, answered=80, registered=40, declined=16, unsubscribed=8)


def _row(
    country: str, step: str | None, counts: FunnelCounts = COUNTS, campaign: str = "lordimas"
) -> FunnelRow:
    return FunnelRow(campaign, country, step, counts)


def test_a_rate_shows_both_its_numbers() -> None:
    assert str(Rate(541, 565)) == "541 of 565 (95.8 %)"
    assert Rate(1, 4).percent == 25


def test_a_rate_of_nothing_has_no_percentage() -> None:
    assert Rate(0, 0).percent is None
    assert str(Rate(0, 0)) == "0 of 0"


def test_every_count_is_defined_once_and_in_the_order_of_the_funnel() -> None:
    assert [measure.name for measure in MEASURES] == [field.name for field in fields(FunnelCounts)]
    assert all(measure.meaning.endswith(".") for measure in MEASURES)
    assert MEASURES[0].of is None


def test_reached_is_of_those_invited_and_the_others_of_those_reached() -> None:
    assert {one.name: rate(COUNTS, one.name) for one in RATES} == {
        "reached": Rate(160, 200),
        "answered": Rate(80, 160),
        "registered": Rate(40, 160),
        "declined": Rate(16, 160),
        "unsubscribed": Rate(8, 160),
    }
    with pytest.raises(KeyError):
        rate(COUNTS, "invited")


def test_lines_are_countries_by_code_each_whole_then_by_step_then_the_total() -> None:
    lines = table(
        [
            _row("DE", None),
            _row("DE", "invitation"),
            _row("DE", "reminder"),
            _row("BE", "invitation"),
            _row("BE", None),
            _row("MT", None, campaign="helpdesk"),
        ]
    )
    assert [(line.campaign, line.country, line.step) for line in lines] == [
        ("lordimas", "BE", None),
        ("lordimas", "BE", "invitation"),
        ("lordimas", "DE", None),
        ("lordimas", "DE", "invitation"),
        ("lordimas", "DE", "reminder"),
        ("lordimas", None, None),
        ("lordimas", None, "invitation"),
        ("lordimas", None, "reminder"),
        ("helpdesk", "MT", None),
        ("helpdesk", None, None),
    ]


def test_a_total_adds_countries_but_never_steps() -> None:
    lines = table([_row(code, step) for code in ("BE", "DE") for step in (None, "invitation", "reminder")])
    whole = next(line for line in lines if line.is_total and line.step is None)
    assert whole.counts.invited == 400
    assert whole.rates["answered"] == Rate(160, 320)


@given(
    st.dictionaries(
        st.sampled_from(["BE", "DE", "FI", "GR"]),
        st.lists(st.integers(0, 50_000), min_size=6, max_size=6),
        min_size=1,
    )
)
def test_a_total_is_the_sum_of_its_countries_in_every_column(given_counts: dict[str, list[int]]) -> None:
    lines = table([_row(code, None, FunnelCounts(*counts)) for code, counts in given_counts.items()])
    for position, field in enumerate(fields(FunnelCounts)):
        assert getattr(lines[-1].counts, field.name) == sum(one[position] for one in given_counts.values())


@pytest.mark.parametrize(
    "rows",
    [
        [_row("BE", "invitation")],  # steps without the whole
        [_row("BE", None), _row("BE", None)],  # counted twice
    ],
)
def test_rows_that_would_make_a_false_total_are_refused(rows: list[FunnelRow]) -> None:
    with pytest.raises(ValueError, match="lordimas BE"):
        table(rows)


def test_nothing_sent_is_no_line() -> None:
    assert table([]) == []
