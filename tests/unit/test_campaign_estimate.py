from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outreach.campaign.definition import Window
from outreach.campaign.estimate import estimate_end, first_opening, pace
from outreach.campaign.schedule import Locality, next_opening, opening_at, zone
from outreach.errors import InputError

BERLIN = Locality("Europe/Berlin", "DE")
MUNICH = Locality("Europe/Berlin", "DE", "DE-BY")
AZORES = Locality("Atlantic/Azores", "PT")
NICOSIA = Locality("Asia/Nicosia", "CY")
REUNION = Locality("Indian/Reunion", "FR", "FR-RE")
OFFICE = Window()


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_small_campaign_ends_on_its_day() -> None:
    end = estimate_end(
        {BERLIN: 61}, window=OFFICE, per_minute=30, per_day=10_000, start=utc("2027-03-09T09:00")
    )
    assert end == utc("2027-03-09T09:02")


def test_a_pace_a_quota_a_weekend_and_a_holiday_all_delay_it() -> None:
    # Thursday, 25 March 2027: 14,400 a day at 30 a minute would fit in 8 hours, the quota lets 10,000 out.
    thursday = estimate_end(
        {BERLIN: 10_000}, window=OFFICE, per_minute=30, per_day=10_000, start=utc("2027-03-25T08:00")
    )
    assert thursday == utc("2027-03-25T08:00") + timedelta(seconds=2 * 9_999)
    one_more = estimate_end(
        {BERLIN: 10_001}, window=OFFICE, per_minute=30, per_day=10_000, start=utc("2027-03-25T08:00")
    )
    assert one_more == utc("2027-03-30T07:00")  # Tuesday after Easter, 9:00 in summer time


def test_what_was_sent_today_counts_against_the_quota() -> None:
    end = estimate_end(
        {BERLIN: 2}, window=OFFICE, per_minute=None, per_day=100, start=utc("2027-03-09T10:00"), sent_today=99
    )
    assert end == utc("2027-03-10T08:00")


def test_nothing_to_send_ends_at_once() -> None:
    start = utc("2027-03-09T22:00")
    assert estimate_end({}, window=OFFICE, per_minute=1, per_day=1, start=start) == start
    assert estimate_end({BERLIN: 0}, window=OFFICE, per_minute=1, per_day=1, start=start) == start
    assert first_opening({BERLIN: 0}, window=OFFICE, start=start) == start


def test_the_first_opening_is_that_of_the_earliest_place() -> None:
    start = utc("2027-03-08T22:00")
    assert first_opening({BERLIN: 1, NICOSIA: 1}, window=OFFICE, start=start) == utc("2027-03-09T07:00")


@pytest.mark.parametrize("limits", [(0, None), (None, 0), (-1, 5)])
def test_a_limit_of_nothing_is_refused(limits: tuple[float | None, int | None]) -> None:
    with pytest.raises(InputError, match="never ends"):
        estimate_end(
            {BERLIN: 1}, window=OFFICE, per_minute=limits[0], per_day=limits[1], start=utc("2027-01-01")
        )


def test_more_than_ten_years_is_refused() -> None:
    with pytest.raises(InputError, match="ten years"):
        estimate_end({BERLIN: 5_000}, window=OFFICE, per_minute=1, per_day=1, start=utc("2027-01-01"))


def test_a_large_country_is_quick() -> None:
    places = {Locality("Europe/Paris", "FR", f"FR-{number:02}"): 365 for number in range(1, 97)}
    estimate = {
        "window": OFFICE,
        "per_minute": 30,
        "per_day": 10_000,
        "start": utc("2027-03-01T00:00"),
    }
    estimate_end(places, **estimate)  # type: ignore[arg-type]  # the calendars are read once
    began = perf_counter()
    end = estimate_end(places, **estimate)  # type: ignore[arg-type]
    assert perf_counter() - began < 1
    assert end == utc("2027-03-04T10:47:58")


def simulated_end(
    counts: Mapping[Locality, int],
    window: Window,
    per_minute: float | None,
    per_day: int | None,
    start: datetime,
    sent_today: int,
    quota_zone: str,
) -> datetime:
    """One mail after the other, asking the schedule and counting the quota each time."""
    gap = timedelta(seconds=60 / per_minute) if per_minute else timedelta()
    left = {place: count for place, count in counts.items() if count}
    sent = {start.astimezone(zone(quota_zone)).date(): sent_today}
    now = last = start
    while left:
        today = now.astimezone(zone(quota_zone)).date()
        ready = [place for place in left if next_opening(now, window, place) == now]
        if per_day is not None and sent.get(today, 0) >= per_day:
            now = _next_day(now, quota_zone)
            continue
        if not ready:
            now = min(next_opening(now, window, place) for place in left)
            continue
        place = min(ready, key=lambda one: opening_at(now, window, one)[1])
        left[place] -= 1
        if not left[place]:
            del left[place]
        sent[today] = sent.get(today, 0) + 1
        last = now
        now += gap
    return last


def _next_day(now: datetime, quota_zone: str) -> datetime:
    today = now.astimezone(zone(quota_zone)).date()
    now = now.replace(second=0, microsecond=0)
    while now.astimezone(zone(quota_zone)).date() == today:
        now += timedelta(minutes=1)
    return now


@settings(max_examples=30)
@given(
    counts=st.dictionaries(
        st.sampled_from([BERLIN, MUNICH, AZORES, NICOSIA, REUNION]), st.integers(0, 40), max_size=4
    ),
    days=st.lists(st.integers(0, 6), min_size=1, unique=True).map(lambda days: tuple(sorted(days))),
    ends=st.tuples(st.integers(0, 96), st.integers(0, 96)).filter(lambda ends: ends[0] != ends[1]),
    skip_holidays=st.booleans(),
    per_minute=st.sampled_from([None, 0.05, 0.3, 1, 7, 30]),
    per_day=st.sampled_from([None, 5, 20, 1000]),
    start=st.sampled_from(["2027-03-25", "2027-10-29", "2026-12-23", "2027-06-08"]),
    offset=st.integers(0, 60 * 24 * 4),
    sent_today=st.integers(0, 20),
    quota_zone=st.sampled_from(["UTC", "Europe/Berlin", "Atlantic/Azores"]),
)
def test_the_estimate_is_what_a_simulated_run_takes(
    counts: dict[Locality, int],
    days: tuple[int, ...],
    ends: tuple[int, int],
    skip_holidays: bool,
    per_minute: float | None,
    per_day: int | None,
    start: str,
    offset: int,
    sent_today: int,
    quota_zone: str,
) -> None:
    window = Window(days, min(ends) * 15, max(ends) * 15, skip_holidays)
    begins = utc(start) + timedelta(minutes=offset)
    estimated = estimate_end(
        counts,
        window=window,
        per_minute=per_minute,
        per_day=per_day,
        start=begins,
        sent_today=sent_today,
        quota_zone=quota_zone,
    )
    assert estimated == simulated_end(counts, window, per_minute, per_day, begins, sent_today, quota_zone)


def test_the_pace_is_said_in_words() -> None:
    assert pace(2951, per_minute=30, per_day=10_000) == "2,951 mails at 30 a minute and 10,000 a day"
    assert pace(1, per_minute=None, per_day=5) == "1 mail at 5 a day"
    assert pace(2, per_minute=None, per_day=None) == "2 mails"
