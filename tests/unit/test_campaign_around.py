"""When the mails around a session are due: before weekends and holidays, over clock changes, in every zone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.campaign import around, frozen, spec
from outreach.campaign.definition import Definition, Window
from outreach.campaign.schedule import Locality, is_open
from outreach.errors import InputError

HAMBURG = Locality("Europe/Berlin", "DE", "DE-HH")
MUNICH = Locality("Europe/Berlin", "DE", "DE-BY")
AZORES = Locality("Atlantic/Azores", "PT", "PT-20")

FILE = """\
title = "A session"
purpose = "Trying."
[session]
title = "A session"
start = {start}
end = {end}
time_zone = "Europe/Berlin"
place = "Town hall"
[[steps]]
name = "invitation"
[[steps]]
name = "thanks"
after_session = "1 day"
[[steps]]
name = "day-before"
before = "{before}"
[[steps]]
name = "week-before"
before = "7 days"
only_if = "registered"
[[steps]]
name = "reminder"
after = "5 days"
"""


def definition(start: str, before: str = "1 day") -> Definition:
    begins = datetime.fromisoformat(start)
    end = (begins + timedelta(hours=2)).isoformat()
    return spec.load(FILE.format(start=begins.isoformat(), end=end, before=before), file="campaigns/x.toml")


def at(text: str, time_zone: str = "Europe/Berlin") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(time_zone)).astimezone(UTC)


def test_they_stand_apart_from_the_sequence_in_the_order_in_which_they_go() -> None:
    read = definition("2027-03-11T10:00")
    assert [step.name for step in read.steps] == ["invitation", "reminder"]
    assert [str(step) for step in read.session_steps] == [
        "7 days before the session",
        "1 day before the session",
        "1 day after the session",
    ]
    assert [step.only_if for step in read.session_steps] == ["registered", "registered", "attended"]
    assert read.last_day is not None
    assert read.last_day.isoformat() == "2027-03-10", "of the invitations"


@pytest.mark.parametrize(
    ("start", "before", "place", "due"),
    [
        ("2027-03-11T10:00", "1 day", HAMBURG, "2027-03-10T09:00"),  # a Thursday
        ("2027-03-15T10:00", "1 day", HAMBURG, "2027-03-12T09:00"),  # a Monday: the Friday before
        ("2027-03-15T10:00", "1 working day", HAMBURG, "2027-03-12T09:00"),
        ("2027-03-15T10:00", "3 days", HAMBURG, "2027-03-12T09:00"),
        ("2027-03-30T10:00", "1 working day", HAMBURG, "2027-03-25T09:00"),  # after Easter; the clocks change
        ("2027-01-07T10:00", "1 day", HAMBURG, "2027-01-06T09:00"),
        ("2027-01-07T10:00", "1 day", MUNICH, "2027-01-05T09:00"),  # Epiphany, there only
        ("2027-03-11T10:00", "1 day", AZORES, "2027-03-10T11:00"),  # 9:00 there
        ("2027-03-31T10:00", "6 days", HAMBURG, "2027-03-25T09:00"),  # by the clock, not by 144 hours
    ],
)
def test_due_before(start: str, before: str, place: Locality, due: str) -> None:
    read = definition(start, before)
    step = read.session_step("day-before")
    assert step is not None
    assert around.due(step, read, place) == at(due)


@pytest.mark.parametrize(
    ("start", "due"),
    [
        ("2027-03-11T10:00", "2027-03-12T09:00"),
        ("2027-03-12T10:00", "2027-03-15T09:00"),  # a Friday: the Monday after
        ("2027-03-27T10:00", "2027-03-30T09:00"),  # the night of the change, and Easter
    ],
)
def test_due_after(start: str, due: str) -> None:
    read = definition(start)
    step = read.session_step("thanks")
    assert step is not None
    assert around.due(step, read, HAMBURG) == at(due)
    assert around.until(step, read, HAMBURG) == at(due) + around.THANKS_WITHIN


@given(
    start=st.integers(3, 17000).map(lambda hours: datetime(2027, 1, 1, tzinfo=UTC) + timedelta(hours=hours)),
    place=st.sampled_from([HAMBURG, MUNICH, AZORES]),
    before=st.sampled_from(["1 day", "1 working day", "2 days", "2 working days"]),
)
def test_before_a_session_each_goes_in_the_window_in_order_and_in_time(
    start: datetime, place: Locality, before: str
) -> None:
    local = start.astimezone(ZoneInfo("Europe/Berlin")).replace(tzinfo=None)
    read = definition(local.isoformat(), before)
    assert read.session is not None
    week, day, thanks = read.session_steps
    begins = read.session.start.astimezone(UTC)
    moments = [around.due(step, read, place) for step in (week, day, thanks)]
    assert moments == sorted(moments)
    assert all(is_open(moment, read.window, place) for moment in moments)
    assert moments[1] < begins < moments[2]
    assert around.until(week, read, place) == moments[1]
    assert around.until(day, read, place) == begins
    assert around.is_last_before(day, read)
    assert not around.is_last_before(week, read)
    over = around.over(read, place)
    assert over is not None
    assert over > moments[2]


def test_nothing_is_left_when_the_session_is_over() -> None:
    read = definition("2027-03-11T10:00")
    assert around.over(replace(read, session_steps=()), HAMBURG) is None
    waiting = replace(read, session_steps=(), places=3)
    assert around.over(waiting, HAMBURG) == at("2027-03-11T10:00")


def test_a_window_that_never_opens_before_is_named() -> None:
    read = replace(definition("2027-03-11T10:00"), window=Window(days=()))
    with pytest.raises(InputError, match="never open in Europe/Berlin in the year before 2027-03-04"):
        around.due(read.session_steps[0], read, HAMBURG)


def test_they_are_frozen_and_old_campaigns_have_none() -> None:
    read = replace(definition("2027-03-11T10:00", "3 working days"), places=40)
    text = frozen.freeze(read)
    assert frozen.thaw(text) == read
    assert frozen.places(text) == 40
    old = text.replace('"places":40,', "").replace('"session_steps":', '"former":')
    assert frozen.thaw(old).session_steps == ()
    assert frozen.places(old) is None


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('before = "7 days"', 'before = "soon"', "“steps[4].before” cannot be “soon”"),
        ('before = "7 days"', 'before = "1 day"', "“steps[4].before” is the same as of another step"),
        (
            'before = "7 days"',
            'before = "7 days"\nafter = "1 day"',
            "“steps[4].after” cannot stand beside “before”",
        ),
        ('only_if = "registered"', 'only_if = "attended"', "“steps[4].only_if” cannot be “attended”"),
        (
            'after_session = "1 day"',
            'after_session = "1 day"\nonly_if = "unanswered"',
            "cannot be “unanswered”",
        ),
        ('name = "invitation"', 'name = "invitation"\nbefore = "1 day"', "has no meaning at the first step"),
        ('name = "thanks"', 'name = "waiting-list"', "the mails that answer an answer are called so"),
        (
            'place = "Town hall"',
            'place = "Town hall"\nplaces = 0',
            "“session.places” has to be a whole number",
        ),
        (
            'place = "Town hall"',
            'place = "Town hall"\nplaces = "50"',
            "“session.places” has to be a whole number",
        ),
    ],
)
def test_slips_are_named(old: str, new: str, says: str) -> None:
    text = FILE.format(start="2027-03-11T10:00:00", end="2027-03-11T12:00:00", before="1 day")
    assert old in text
    with pytest.raises(InputError) as caught:
        spec.load(text.replace(old, new), file="campaigns/x.toml")
    assert says in caught.value.message
    assert "line" in caught.value.message
    assert caught.value.remedy


def test_they_need_a_session_of_the_campaign_or_of_a_country() -> None:
    text = FILE.format(start="2027-03-11T10:00:00", end="2027-03-11T12:00:00", before="1 day")
    before, session, steps = text.partition("[session]")[0], "[session]", text[text.index("[[steps]]") :]
    with pytest.raises(InputError, match="after_session” needs a session"):
        spec.load(before + steps, file="campaigns/x.toml")
    own = text[text.index(session) : text.index("[[steps]]")].replace(session, "[countries.DE.session]")
    read = spec.load(before + steps + own, file="campaigns/x.toml")
    assert read.session_steps == ()
    assert len(read.for_country("DE").session_steps) == 3
    assert read.for_country("AT").session_steps == ()
