from __future__ import annotations

import pytest

from outreach.report import funnel
from outreach.report.experiments import difference, experiment, sentence
from outreach.report.measures import Rate
from outreach.report.sections import Launched, Numbers


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [  # Newcombe 1998, Statistics in Medicine 17, 873-890, table II, method 10
        (Rate(48, 80), Rate(56, 70), 5.24, 33.39),
        (Rate(3, 10), Rate(9, 10), 17.05, 80.90),
        (Rate(0, 10), Rate(0, 10), -27.75, 27.75),
        (Rate(2, 7), Rate(6, 7), 5.82, 80.62),
    ],
)
def test_the_interval_of_a_difference_is_that_of_the_literature(
    one: Rate, other: Rate, low: float, high: float
) -> None:
    found = difference(one, other)
    assert found is not None
    assert found[1:] == pytest.approx((low, high), abs=0.006)
    back = difference(other, one)
    assert back == pytest.approx((-found[0], -found[2], -found[1]))


def test_what_may_be_said() -> None:
    assert sentence(difference(Rate(0, 0), Rate(1, 2))).startswith("Not enough yet: one of the two")
    unclear = sentence(difference(Rate(30, 100), Rate(33, 100)))
    assert unclear.startswith("Not enough yet to say")
    assert "B less A is +3.0 points" in unclear
    assert sentence(difference(Rate(48, 80), Rate(56, 70))).startswith("B was answered more")
    assert sentence(difference(Rate(56, 70), Rate(48, 80))).startswith("A was answered more")


def test_only_answers_to_the_mail_that_varies_count() -> None:
    invited = funnel.INVITED | funnel.REACHED
    rows = [
        ("alpha", "municipality", funnel.VARIANT, f"{variant} {step}", land, pattern, number)
        for variant, step, land, pattern, number in (
            ("a", "reminder", "BE", invited, 70),
            ("a", "reminder", "BE", invited | funnel.ANSWERED, 10),
            ("b", "reminder", "BE", invited | funnel.ANSWERED, 40),
            ("b", "reminder", "BE", invited, 40),
            ("b", "invitation", "BE", invited | funnel.ANSWERED, 500),
            ("b", "reminder", "FR", invited | funnel.ANSWERED, 900),
        )
    ]
    numbers = Numbers(rows, [Launched("alpha", ("BE", "FR"), ("invitation", "reminder"))])
    found = experiment(numbers, "alpha", ["BE"], "reminder", "subject", {"a": "One", "b": "Other"})
    first, second = found.variants
    assert (first.counts.reached, first.counts.answered) == (80, 10)
    assert (second.counts.reached, second.counts.answered) == (80, 40)
    assert (first.text, second.text, found.country) == ("One", "Other", "BE")
    assert found.difference == pytest.approx(37.5)
    assert found.sentence.startswith("B was answered more")
