from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outreach.report.measures import MEASURES, Counts, Rate, rate, rates, total


def test_a_rate_shows_both_its_numbers() -> None:
    assert str(Rate(541, 565)) == "541 of 565 (95.8 %)"
    assert Rate(1, 4).percent == 25
    assert Rate(0, 0).percent is None
    assert Rate(0, 0).interval is None
    assert str(Rate(0, 0)) == "0 of 0"


@pytest.mark.parametrize(
    ("numerator", "denominator", "low", "high"),
    [  # Newcombe 1998, Statistics in Medicine 17, table I, method 3
        (81, 263, 25.53, 36.62),
        (15, 148, 6.24, 16.05),
        (0, 20, 0.0, 16.11),
        (1, 29, 0.61, 17.18),
    ],
)
def test_the_intervals_are_those_of_the_literature(
    numerator: int, denominator: int, low: float, high: float
) -> None:
    assert Rate(numerator, denominator).interval == pytest.approx((low, high), abs=0.005)


@given(st.integers(1, 200_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
@settings(max_examples=50)
def test_an_interval_holds_its_rate_and_stays_between_nothing_and_all(numbers: tuple[int, int]) -> None:
    one = Rate(*numbers)
    assert one.interval is not None
    assert one.percent is not None
    low, high = one.interval
    assert 0 <= low <= one.percent + 1e-9
    assert one.percent - 1e-9 <= high <= 100


def test_every_count_is_defined_once_and_in_the_order_of_the_funnel() -> None:
    counts = [field.name for field in fields(Counts) if field.name != "rounding"]
    assert [measure.name for measure in MEASURES] == counts
    assert all(measure.meaning.endswith(".") for measure in MEASURES)
    assert [measure.name for measure in MEASURES if measure.of is None] == ["listed"]


def test_a_rate_with_an_unknown_number_is_none_and_is_left_out() -> None:
    counts = Counts(invited=10, reached=8, answered=2)
    assert rate(counts, "answered") == Rate(2, 8)
    assert rate(counts, "attended") is None
    assert list(rates(counts)) == ["reached", "answered", "registered", "declined", "unsubscribed"]
    with pytest.raises(KeyError):
        rate(counts, "listed")


def test_what_only_one_side_knows_counts_in_the_total_as_that() -> None:
    whole = total([Counts(listed=5, invited=3, attended=1), Counts(listed=7, invited=4)])
    assert whole == Counts(listed=12, invited=7, attended=1)


def test_what_was_rounded_has_a_wider_interval_and_sums_keep_account_of_it() -> None:
    exact, rounded = (
        Counts(invited=100, reached=100, answered=30),
        Counts(100, None, 100, 100, 30, rounding=4.0),
    )
    narrow, wide = rate(exact, "answered"), rate(rounded, "answered")
    assert narrow is not None
    assert wide is not None
    assert narrow.interval is not None
    assert wide.interval is not None
    assert wide.interval[0] < narrow.interval[0] < 30 < narrow.interval[1] < wide.interval[1]
    assert (exact + rounded + rounded).rounding == 8.0
    nobody = Rate(0, 5, 4.0).interval
    assert nobody is not None
    assert nobody[0] == 0.0
    assert nobody[1] <= 100.0
