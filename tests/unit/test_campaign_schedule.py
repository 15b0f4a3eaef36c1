from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outreach.campaign.definition import Delay, DelayUnit, Window
from outreach.campaign.schedule import (
    Locality,
    after_absence,
    due_after,
    end_of,
    instant,
    is_open,
    next_opening,
    opening_at,
    opening_on,
    spread,
    zone,
)
from outreach.errors import InputError

HAMBURG = Locality("Europe/Berlin", "DE", "DE-HH")
MUNICH = Locality("Europe/Berlin", "DE", "DE-BY")
AZORES = Locality("Atlantic/Azores", "PT", "PT-20")
NICOSIA = Locality("Asia/Nicosia", "CY")
REUNION = Locality("Indian/Reunion", "FR", "FR-RE")  # no summer time
OFFICE = Window()  # Monday to Friday, 9:00 to 17:00
EVERY_DAY = (0, 1, 2, 3, 4, 5, 6)
ALWAYS = Window(EVERY_DAY, 0, 1440, skip_holidays=False)


def at(text: str, time_zone: str = "Europe/Berlin") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(time_zone)).astimezone(UTC)


@pytest.mark.parametrize(
    ("moment", "opening"),
    [
        ("2027-03-09T10:30", "2027-03-09T10:30"),  # a Tuesday, open
        ("2027-03-09T09:00", "2027-03-09T09:00"),  # opens at the minute itself
        ("2027-03-09T08:59", "2027-03-09T09:00"),
        ("2027-03-09T17:00", "2027-03-10T09:00"),  # closed at the minute itself
        ("2027-03-12T18:00", "2027-03-15T09:00"),  # Friday evening
        ("2027-03-25T17:00", "2027-03-30T09:00"),  # Easter: Good Friday to Easter Monday; the clocks change
        ("2027-12-31T17:00", "2028-01-03T09:00"),
    ],
)
def test_next_opening(moment: str, opening: str) -> None:
    assert next_opening(at(moment), OFFICE, HAMBURG) == at(opening)


def test_a_window_opens_by_the_clock_of_the_municipality() -> None:
    moment = at("2027-03-09T07:30", "UTC")
    assert is_open(moment, OFFICE, NICOSIA)  # 9:30 there
    assert not is_open(moment, OFFICE, HAMBURG)  # 8:30
    assert next_opening(moment, OFFICE, AZORES) == at("2027-03-09T10:00", "UTC")


def test_a_holiday_of_the_region_closes_the_window_there_only() -> None:
    epiphany = at("2027-01-06T10:00")
    assert is_open(epiphany, OFFICE, HAMBURG)
    assert next_opening(epiphany, OFFICE, MUNICH) == at("2027-01-07T09:00")


def test_a_window_may_ignore_holidays() -> None:
    assert is_open(at("2027-05-17T10:00"), Window(skip_holidays=False), HAMBURG)
    assert not is_open(at("2027-05-17T10:00"), OFFICE, HAMBURG)


def test_an_opening_in_the_hour_that_is_skipped_comes_when_the_clock_jumps() -> None:
    night = Window(EVERY_DAY, 2 * 60 + 30, 5 * 60, skip_holidays=False)
    assert opening_on(date(2027, 3, 28), night, HAMBURG) == (
        at("2027-03-28T01:00", "UTC"),
        at("2027-03-28T05:00"),
    )


def test_a_window_inside_the_hour_that_is_skipped_stays_shut_that_night() -> None:
    night = Window(EVERY_DAY, 2 * 60, 2 * 60 + 45, skip_holidays=False)
    assert opening_on(date(2027, 3, 28), night, HAMBURG) is None
    assert next_opening(at("2027-03-28T00:00"), night, HAMBURG) == at("2027-03-29T02:00")


def test_an_hour_that_comes_twice_opens_once() -> None:
    night = Window(EVERY_DAY, 2 * 60, 2 * 60 + 30, skip_holidays=False)
    # 2:15 in summer time, and 2:15 again in winter time
    assert is_open(at("2027-10-31T00:15", "UTC"), night, HAMBURG)
    assert not is_open(at("2027-10-31T01:15", "UTC"), night, HAMBURG)


def test_a_window_over_the_hour_that_comes_twice_stays_open_through_both() -> None:
    night = Window(EVERY_DAY, 60, 4 * 60, skip_holidays=False)
    opens, closes = opening_at(at("2027-10-31T00:00", "UTC"), night, HAMBURG)
    assert closes - opens == timedelta(hours=4)


def test_midnight_that_does_not_exist() -> None:
    # On the Azores the clocks go from 0:00 to 1:00.
    assert instant(datetime(2027, 3, 28), "Atlantic/Azores") == at("2027-03-28T01:00", "UTC")  # noqa: DTZ001
    assert next_opening(at("2027-03-28T00:59", "UTC"), ALWAYS, AZORES) == at("2027-03-28T00:59", "UTC")


@settings(max_examples=50)
@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2028, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
    st.sampled_from([HAMBURG, MUNICH, AZORES, NICOSIA]),
    st.lists(st.sampled_from(EVERY_DAY), min_size=1, unique=True).map(lambda days: tuple(sorted(days))),
    st.tuples(st.integers(0, 1440), st.integers(0, 1440)).filter(lambda ends: ends[0] != ends[1]),
    st.booleans(),
)
def test_the_next_opening_is_open_and_nothing_before_it_is(
    moment: datetime, place: Locality, days: tuple[int, ...], ends: tuple[int, int], skip: bool
) -> None:
    window = Window(days, min(ends), max(ends), skip)
    opening = next_opening(moment, window, place)
    assert opening >= moment
    assert is_open(opening, window, place)
    assert next_opening(opening, window, place) == opening
    if opening > moment:
        assert not is_open(opening - timedelta(microseconds=1), window, place)
        assert not is_open(moment + (opening - moment) / 2, window, place)
    local = opening.astimezone(zone(place.time_zone))
    assert local.weekday() in window.days
    assert local.hour * 60 + local.minute < window.closes


def test_always_open_is_open_on_the_nights_of_change() -> None:
    start = at("2027-03-27T22:00", "UTC")
    for place in (HAMBURG, AZORES):
        for base in (start, at("2027-10-30T22:00", "UTC")):
            assert all(is_open(base + timedelta(minutes=10 * i), ALWAYS, place) for i in range(40))


@pytest.mark.parametrize(
    ("sent", "delay", "due"),
    [
        ("2027-03-02T10:20", Delay(7), "2027-03-09T10:20"),
        ("2027-03-24T10:20", Delay(7), "2027-03-31T10:20"),  # over the change: still 10:20 on the wall
        ("2027-03-22T10:20", Delay(7), "2027-03-30T09:00"),  # Easter Monday
        ("2027-03-02T10:20", Delay(4), "2027-03-08T09:00"),  # a Saturday
        ("2027-03-22T10:20", Delay(5, DelayUnit.WORKING_DAYS), "2027-03-31T10:20"),
        ("2027-03-05T16:59", Delay(1, DelayUnit.WORKING_DAYS), "2027-03-08T16:59"),
        ("2027-03-05T20:00", Delay(1, DelayUnit.WORKING_DAYS), "2027-03-09T09:00"),  # sent by hand, late
    ],
)
def test_due_after(sent: str, delay: Delay, due: str) -> None:
    assert due_after(at(sent), delay, OFFICE, HAMBURG) == at(due)


def test_working_days_are_monday_to_friday_whatever_the_days_of_the_window() -> None:
    tuesdays = Window(days=(1,))
    assert due_after(at("2027-03-02T10:00"), Delay(5, DelayUnit.WORKING_DAYS), tuesdays, HAMBURG) == at(
        "2027-03-09T10:00"
    )


def test_an_absence_moves_a_mail_behind_the_day_named() -> None:
    due = at("2027-03-09T10:20")
    assert after_absence(due, date(2027, 3, 18), OFFICE, HAMBURG) == at("2027-03-19T09:00")
    assert after_absence(due, date(2027, 3, 19), OFFICE, HAMBURG) == at("2027-03-22T09:00")
    assert after_absence(due, date(2027, 3, 8), OFFICE, HAMBURG) == due  # back by then
    assert after_absence(due, date.max, OFFICE, HAMBURG) == at("2028-03-10T09:00")
    assert after_absence(due, date.min, OFFICE, HAMBURG) == due


def test_a_spread_is_the_same_for_the_same_key_and_even_over_many() -> None:
    opening = at("2027-03-09T09:00")
    moments = [spread(f"campaign:{number}", opening, OFFICE, HAMBURG) for number in range(800)]
    assert moments == [spread(f"campaign:{number}", opening, OFFICE, HAMBURG) for number in range(800)]
    assert all(is_open(moment, OFFICE, HAMBURG) for moment in moments)
    for hour in range(8):
        begins = opening + timedelta(hours=hour)
        assert 60 < sum(begins <= moment < begins + timedelta(hours=1) for moment in moments) < 140


def test_a_spread_begins_in_what_is_left_of_the_window() -> None:
    moment = at("2027-03-09T16:00")
    assert all(
        moment <= spread(str(key), moment, OFFICE, HAMBURG) < at("2027-03-09T17:00") for key in range(50)
    )
    assert spread("x", at("2027-03-09T18:00"), OFFICE, HAMBURG) >= at("2027-03-10T09:00")


def test_the_last_day_ends_at_its_midnight() -> None:
    assert end_of(date(2027, 3, 9), HAMBURG) == at("2027-03-10T00:00")
    assert end_of(date(2027, 3, 27), AZORES) == at("2027-03-28T01:00", "UTC")


def test_an_unknown_zone_is_a_clear_error() -> None:
    for name in ("Europe/Brusels", "", "../etc/passwd", "Europe"):
        with pytest.raises(InputError, match="no time zone"):
            zone(name)


def test_a_window_that_cannot_open_says_so() -> None:
    with pytest.raises(InputError, match="never opens"):
        next_opening(at("2027-03-09T10:00"), Window(days=()), HAMBURG)


#: In 2027 the clocks change on 28 March and 31 October, everywhere at 1:00 UTC.
SPRING, AUTUMN = date(2027, 3, 28), date(2027, 10, 31)


@pytest.mark.parametrize(
    ("place", "night", "hours"),
    [
        (HAMBURG, SPRING, 23),
        (HAMBURG, AUTUMN, 25),
        (AZORES, SPRING, 23),
        (AZORES, AUTUMN, 25),
        (REUNION, SPRING, 24),
        (REUNION, AUTUMN, 24),
    ],
)
def test_the_nights_of_change_hour_by_hour(place: Locality, night: date, hours: int) -> None:
    """A window of a whole day has all its hours; one over the change loses or gains one; the office hours of
    that day begin and end by the clock on the wall; and nothing due by the day before moves by an hour."""
    whole = opening_on(night, ALWAYS, place)
    assert whole is not None
    assert whole[1] - whole[0] == timedelta(hours=hours)
    over = opening_on(night, Window(EVERY_DAY, 0, 4 * 60, skip_holidays=False), place)
    assert over is not None
    assert over[1] - over[0] == timedelta(hours=hours - 20)
    office = opening_on(night, Window(EVERY_DAY, 9 * 60, 17 * 60, skip_holidays=False), place)
    assert office is not None
    assert [moment.astimezone(zone(place.time_zone)).hour for moment in office] == [9, 17]
    assert office[1] - office[0] == timedelta(hours=8)
    sent = instant(datetime.combine(night - timedelta(days=3), time(10, 20)), place.time_zone)
    due = due_after(sent, Delay(7, DelayUnit.DAYS), ALWAYS, place)
    assert due - sent == timedelta(days=7, hours=hours - 24)
    local = due.astimezone(zone(place.time_zone))
    assert (local.hour, local.minute) == (10, 20)
    moments = [spread(str(key), whole[0], ALWAYS, place) for key in range(50 * hours)]
    assert all(whole[0] <= moment < whole[1] for moment in moments)
    for hour in range(hours):
        begins = whole[0] + timedelta(hours=hour)
        assert 20 < sum(begins <= moment < begins + timedelta(hours=1) for moment in moments) < 90
