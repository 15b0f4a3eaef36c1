from __future__ import annotations

from datetime import date

import pytest

from outreach.campaign.working_days import (
    is_holiday,
    is_working_day,
    public_holidays,
    working_days_after,
)
from outreach.errors import InputError
from outreach.model.countries import COUNTRIES


def test_every_member_state_has_a_calendar() -> None:
    for code in COUNTRIES:
        assert date(2027, 1, 1) in public_holidays(code, None, 2027), code
        assert date(2027, 12, 25) in public_holidays(code, None, 2027), code


@pytest.mark.parametrize(
    ("day", "country", "region", "closed"),
    [
        (date(2027, 1, 6), "DE", "DE-BY", True),  # Epiphany
        (date(2027, 1, 6), "DE", "DE-HH", False),
        (date(2027, 1, 6), "DE", None, False),
        (date(2027, 1, 6), "DE", "DE-XX", False),  # unknown: the country's
        (date(2027, 1, 6), "DE", "BY", True),
        (date(2027, 9, 24), "ES", "ES-CT", False),
        (date(2026, 9, 11), "ES", "ES-CT", True),  # the Diada
        (date(2026, 9, 11), "ES", "ES-B", False),  # a province: no calendar of its own
        (date(2027, 3, 26), "FR", None, False),  # Good Friday ...
        (date(2027, 3, 26), "FR", "FR-67", True),  # ... is kept in Alsace
        (date(2027, 5, 27), "FR", "FR-974", False),
        (date(2027, 12, 20), "FR", "FR-RE", True),  # abolition of slavery, Réunion
        (date(2027, 6, 25), "SE", None, True),  # Midsummer Eve, by custom
        (date(2027, 5, 3), "GR", None, True),  # Orthodox Easter Monday
        (date(2027, 7, 21), "BE", "BE-VLG", True),
        (date(2027, 7, 21), "BE", "BE-BRU", True),
    ],
)
def test_holidays_of_regions(day: date, country: str, region: str | None, closed: bool) -> None:
    assert is_holiday(day, country, region) is closed


def test_working_days_skip_weekends_and_holidays() -> None:
    assert not is_working_day(date(2027, 3, 6), "DE", None)
    assert working_days_after(date(2027, 3, 25), 1, "DE", None) == date(2027, 3, 30)
    assert working_days_after(date(2027, 3, 25), 1, "FR", None) == date(2027, 3, 26)
    assert working_days_after(date(2027, 12, 23), 3, "DE", None) == date(2027, 12, 28)


def test_a_country_without_a_calendar_is_a_clear_error() -> None:
    with pytest.raises(InputError, match="no calendar"):
        public_holidays("QQ", None, 2027)
