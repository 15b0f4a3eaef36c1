from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outreach.campaign.definition import Window
from outreach.campaign.estimate import Estimate, Lot, estimate, first_opening, in_words
from outreach.campaign.pace import Pace, WarmUp
from outreach.campaign.schedule import Locality, next_opening
from outreach.errors import InputError

BERLIN = Locality("Europe/Berlin", "DE")
MUNICH = Locality("Europe/Berlin", "DE", "DE-BY")
AZORES = Locality("Atlantic/Azores", "PT")
NICOSIA = Locality("Asia/Nicosia", "CY")
REUNION = Locality("Indian/Reunion", "FR", "FR-RE")
OFFICE = Window()


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def lots(counts: Mapping[Locality, int], start: datetime, window: Window = OFFICE) -> list[Lot]:
    """As a launch at ``start`` queues them."""
    return [Lot(place, window, count, next_opening(start, window, place)) for place, count in counts.items()]


def end(
    counts: Mapping[Locality, int], pace: Pace, start: datetime, recent: Sequence[datetime] = ()
) -> datetime | None:
    return estimate(lots(counts, start), pace, start=start, recent=recent).ends_at


def test_a_small_campaign_ends_on_its_day() -> None:
    assert end({BERLIN: 61}, Pace(30, None, 10_000), utc("2027-03-09T09:00")) == utc("2027-03-09T09:02")


def test_a_pace_a_quota_a_weekend_and_a_holiday_all_delay_it() -> None:
    # Thursday, 25 March 2027: 14,400 a day at 30 a minute would fit in 8 hours, the quota lets 10,000 out.
    thursday = end({BERLIN: 10_000}, Pace(30, None, 10_000), utc("2027-03-25T08:00"))
    assert thursday == utc("2027-03-25T08:00") + timedelta(seconds=2 * 9_999)
    one_more = end({BERLIN: 10_001}, Pace(30, None, 10_000), utc("2027-03-25T08:00"))
    assert one_more == utc("2027-03-30T07:00")  # Tuesday after Easter, 9:00 in summer time


def test_what_was_sent_today_counts_against_the_quota() -> None:
    sent = [utc("2027-03-09T07:00")] * 99
    assert end({BERLIN: 2}, Pace(per_day=100), utc("2027-03-09T10:00"), sent) == utc("2027-03-10T08:00")


def test_a_quota_is_of_any_24_hours() -> None:
    sent = [utc("2027-03-08T14:30")] * 99
    assert end({BERLIN: 2}, Pace(per_day=100), utc("2027-03-09T10:00"), sent) == utc("2027-03-09T14:30")


def test_an_hour_has_its_limit_too() -> None:
    assert end({BERLIN: 250}, Pace(30, 100, 10_000), utc("2027-03-09T09:00")) == utc("2027-03-09T11:01:38")


def test_nothing_to_send_has_no_end() -> None:
    start = utc("2027-03-09T22:00")
    assert end({}, Pace(1, 1, 1), start) is None
    assert end({BERLIN: 0}, Pace(1, 1, 1), start) is None
    assert first_opening({BERLIN: 0}, window=OFFICE, start=start) == start


def test_the_first_opening_is_that_of_the_earliest_place() -> None:
    start = utc("2027-03-08T22:00")
    assert first_opening({BERLIN: 1, NICOSIA: 1}, window=OFFICE, start=start) == utc("2027-03-09T07:00")
    assert estimate(lots({BERLIN: 1, NICOSIA: 1}, start), Pace(), start=start).first_at == utc(
        "2027-03-09T07:00"
    )


def test_other_campaigns_of_the_sender_take_their_turn() -> None:
    start = utc("2027-03-09T09:00")
    other = Lot(BERLIN, OFFICE, 60, utc("2027-03-09T08:30"), asked=False)
    ours = Lot(BERLIN, OFFICE, 30, start)
    assert estimate([ours, other], Pace(30), start=start) == Estimate(
        utc("2027-03-09T09:02"), utc("2027-03-09T09:02:58"), 0
    )
    later = Lot(BERLIN, OFFICE, 60, utc("2027-03-09T09:30"), asked=False)
    assert estimate([ours, later], Pace(30), start=start).ends_at == utc("2027-03-09T09:00:58")


def test_what_does_not_go_by_its_last_day_is_missed() -> None:
    start = utc("2027-03-09T15:00")
    lot = Lot(BERLIN, OFFICE, 100, start, last_day=date(2027, 3, 9))
    assert estimate([lot], Pace(1), start=start) == Estimate(start, utc("2027-03-09T15:59"), 40)


def test_mails_that_are_spread_come_when_they_are_due() -> None:
    start = utc("2027-03-09T08:00")
    spread = [Lot(BERLIN, OFFICE, 1, start + timedelta(minutes=16 * number)) for number in range(30)]
    assert estimate(spread, Pace(30), start=start).ends_at == start + timedelta(minutes=16 * 29)


def test_a_warm_up_grows_from_day_to_day_and_not_over_a_weekend() -> None:
    thursday = utc("2027-03-11T08:00")
    warming = Pace(30, None, 10_000, WarmUp(50, 2))
    ends = {50: "2027-03-11", 51: "2027-03-12", 150: "2027-03-12", 151: "2027-03-15", 350: "2027-03-15"}
    for count, day in ends.items():
        found = end({BERLIN: count}, warming, thursday)
        assert found is not None
        assert found.date() == date.fromisoformat(day), count
    sent = {date(2027, 3, 1): 400}
    ended = estimate(lots({BERLIN: 800}, thursday), warming, start=thursday, sent_on=sent).ends_at
    assert ended == thursday + timedelta(seconds=2 * 799)


@pytest.mark.parametrize("limits", [(0, None), (None, 0), (-1, 5)])
def test_a_limit_of_nothing_is_refused(limits: tuple[int | None, int | None]) -> None:
    with pytest.raises(InputError, match="never ends"):
        end({BERLIN: 1}, Pace(limits[0], None, limits[1]), utc("2027-01-01"))


def test_more_than_ten_years_is_refused() -> None:
    with pytest.raises(InputError, match="ten years"):
        end({BERLIN: 5_000}, Pace(1, None, 1), utc("2027-01-01"))


def test_a_large_country_is_quick() -> None:
    places = {Locality("Europe/Paris", "FR", f"FR-{number:02}"): 365 for number in range(1, 97)}
    pace, start = Pace(30, None, 10_000), utc("2027-03-01T00:00")
    end(places, pace, start)  # the calendars are read once
    began = perf_counter()
    ended = end(places, pace, start)
    assert perf_counter() - began < 1
    assert ended == utc("2027-03-04T10:47:58")


def simulated_end(
    counts: Mapping[Locality, int], window: Window, pace: Pace, start: datetime, recent: list[datetime]
) -> datetime | None:
    """One mail after the other, minute by minute where nothing goes, counting every window each time."""
    gap = timedelta(seconds=60 / pace.per_minute) if pace.per_minute else timedelta()
    waiting = {place: count for place, count in counts.items() if count}
    due = {place: next_opening(start, window, place) for place in waiting}
    sent, now, last = list(recent), start, None
    windows = [(timedelta(hours=1), pace.per_hour), (timedelta(days=1), pace.per_day)]
    while waiting:
        full = [
            sent[-limit] + length
            for length, limit in windows
            if limit is not None and sum(at > now - length for at in sent) >= limit
        ]
        if full:
            now = max(full)
            continue
        ready = [place for place in waiting if due[place] <= now == next_opening(now, window, place)]
        if not ready:
            now = min(next_opening(now, window, place) for place in waiting)
            continue
        place = min(ready, key=lambda one: due[one])
        waiting[place] -= 1
        if not waiting[place]:
            del waiting[place]
        sent.append(now)
        last = now
        now += gap
    return last


@settings(max_examples=40)
@given(
    counts=st.dictionaries(
        st.sampled_from([BERLIN, MUNICH, AZORES, NICOSIA, REUNION]), st.integers(0, 40), max_size=4
    ),
    days=st.lists(st.integers(0, 6), min_size=1, unique=True).map(lambda days: tuple(sorted(days))),
    ends=st.tuples(st.integers(0, 96), st.integers(0, 96)).filter(lambda ends: ends[0] != ends[1]),
    skip_holidays=st.booleans(),
    per_minute=st.sampled_from([None, 1, 7, 30]),
    per_hour=st.sampled_from([None, 3, 50]),
    per_day=st.sampled_from([None, 5, 20, 1000]),
    start=st.sampled_from(["2027-03-25", "2027-10-29", "2026-12-23", "2027-06-08"]),
    offset=st.integers(0, 60 * 24 * 4),
    before=st.lists(st.integers(1, 60 * 24), max_size=6),
)
def test_the_estimate_is_what_a_simulated_run_takes(
    counts: dict[Locality, int],
    days: tuple[int, ...],
    ends: tuple[int, int],
    skip_holidays: bool,
    per_minute: int | None,
    per_hour: int | None,
    per_day: int | None,
    start: str,
    offset: int,
    before: list[int],
) -> None:
    window = Window(days, min(ends) * 15, max(ends) * 15, skip_holidays)
    begins = utc(start) + timedelta(minutes=offset)
    recent = [begins - timedelta(minutes=minutes) for minutes in sorted(before, reverse=True)]
    pace = Pace(per_minute, per_hour, per_day)
    found = estimate(lots(counts, begins, window), pace, start=begins, recent=recent)
    assert found.ends_at == simulated_end(counts, window, pace, begins, recent)


def test_the_pace_is_said_in_words() -> None:
    assert in_words(2951, Pace(30, None, 10_000)) == "2,951 mails at 30 a minute and 10,000 a day"
    assert in_words(1, Pace(per_day=5)) == "1 mail at 5 a day"
    assert in_words(2, Pace()) == "2 mails"
    assert in_words(3, Pace(30, 200, 9)) == "3 mails at 30 a minute, 200 an hour and 9 a day"
    assert in_words(3, Pace(30, warm_up=WarmUp(50, 2))) == "3 mails at 30 a minute, warming up from 50 a day"
