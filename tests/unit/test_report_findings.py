"""A title says no more than its intervals carry."""

from __future__ import annotations

import pytest

from outreach.report.document import AnswerCurve
from outreach.report.measures import Rate
from outreach.report.page_findings import (
    FEWEST_ANSWERS,
    HalfTime,
    Named,
    beside_whole,
    extremes,
    half_time,
    is_above,
    is_sure,
    quickest,
)


def named(**rates: tuple[int, int]) -> list[Named]:
    return [Named(name, Rate(*numbers)) for name, numbers in rates.items()]


@pytest.mark.parametrize(
    ("part", "whole", "sure"),
    [(0, 0, False), (1, 1, False), (9, 28, False), (30, 60, True), (200, 541, True), (0, 20, True)],
)
def test_a_rate_is_spoken_of_when_its_interval_is_narrow(part: int, whole: int, sure: bool) -> None:
    assert is_sure(Rate(part, whole)) is sure
    assert not is_sure(None)


def test_the_first_of_many_is_above_each_of_them() -> None:
    found = extremes(named(BE=(410, 1000), NL=(300, 1000), FR=(200, 1000)))
    assert found is not None
    assert found.first is not None
    assert found.first.name == "BE"


def test_two_that_overlap_have_no_first_but_may_differ_from_the_last() -> None:
    found = extremes(named(BE=(410, 1000), NL=(400, 1000), FR=(200, 1000)))
    assert found is not None
    assert found.first is None
    assert found.above is not None
    assert found.below is not None
    assert (found.above.name, found.below.name) == ("BE", "FR")


def test_one_with_few_municipalities_takes_the_first_place_from_nobody_and_leaves_it_to_nobody() -> None:
    found = extremes(named(BE=(410, 1000), NL=(300, 1000), MT=(4, 9)))
    assert found is not None
    assert found.first is None, "Malta may well be higher"


def test_rates_that_chance_alone_explains_have_no_finding() -> None:
    found = extremes(named(BE=(40, 100), NL=(45, 100), FR=(38, 100)))
    assert found is not None
    assert (found.first, found.above, found.below) == (None, None, None)
    assert extremes(named(BE=(4, 9), NL=(3, 11))) is None
    assert extremes(named(BE=(400, 1000))) is None
    assert extremes([]) is None


def test_equal_rates_do_not_differ() -> None:
    assert not is_above(Rate(5, 10), Rate(5, 10))
    assert not is_above(Rate(0, 0), Rate(5, 10))
    found = extremes(named(BE=(0, 1000), NL=(0, 1000)))
    assert found is not None
    assert found.first is None


def test_only_those_that_are_sure_are_counted_beside_the_whole() -> None:
    rates = named(BE=(410, 1000), NL=(300, 1000), FR=(200, 1000), MT=(9, 9))
    assert beside_whole(rates, Rate(910, 3000)) == (1, 1, 3)


def curve(*answers: int) -> AnswerCurve:
    so_far, points = 0, []
    for day, number in enumerate(answers):
        so_far += number
        points.append((day, so_far))
    return AnswerCurve("x", None, 10 * so_far, tuple(points), None)


def test_half_of_the_answers_has_a_day_and_an_interval() -> None:
    assert half_time("", curve(50, 20, 10, 10, 10)) == HalfTime("", 0, 0, 1)
    assert half_time("", curve(*[10] * 10)) == HalfTime("", 4, 3, 6)
    assert half_time("", curve(FEWEST_ANSWERS - 1)) is None
    assert half_time("", curve(FEWEST_ANSWERS)) == HalfTime("", 0, 0, 0)
    assert half_time("", curve()) is None


def test_the_quickest_is_quicker_than_each() -> None:
    quick, slow, vague = HalfTime("BE", 2, 1, 3), HalfTime("FR", 9, 8, 10), HalfTime("NL", 4, 3, 9)
    assert quickest([slow, quick]) == quick
    assert quickest([slow, quick, vague]) is None
    assert quickest([quick]) is None
