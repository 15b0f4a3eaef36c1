from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import icalendar
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outreach.delivery.headers import Mailbox
from outreach.delivery.invitation import Method, cancel, event_uid, request
from outreach.errors import InputError
from outreach.model.values import Session

VIENNA = ZoneInfo("Europe/Vienna")
SESSION = Session(
    title="Informationstag: Städte, Dörfer; und mehr",
    start=datetime(2027, 3, 28, 10, 0, tzinfo=VIENNA),  # the day the clocks go forward
    end=datetime(2027, 3, 28, 12, 30, tzinfo=VIENNA),
    time_zone="Europe/Vienna",
    place="Rathaus, Großer Saal",
    online="https://rooms.example/abc?x=1,2;y",
    details="Zeile eins\r\nZeile zwei \\ mit Zeichen; und, mehr",
)
ORGANIZER = Mailbox("netz@bund.example", 'Bund der "Gemeinden", e. V.')
ATTENDEE = Mailbox("info@gemeinde.example", "Gemeinde Göß; Büro")
STAMP = datetime(2027, 2, 1, 8, 0, tzinfo=UTC)
UID = event_uid("or-abcdefghijklmnopqrstuvwxyz", "Bund.example")


def _event(ics: bytes) -> tuple[icalendar.Calendar, icalendar.Event]:
    calendar = icalendar.Calendar.from_ical(ics)
    (event,) = calendar.walk("VEVENT")
    return calendar, event


def _assert_lines(ics: bytes) -> None:
    assert ics.endswith(b"END:VCALENDAR\r\n")
    lines = ics[:-2].split(b"\r\n")
    assert all(len(line) <= 75 for line in lines)
    assert not any(b"\n" in line or b"\r" in line for line in lines)
    ics.decode("utf-8")
    for line in lines:
        line.decode("utf-8")  # never folded inside a character


def test_a_request_reads_back() -> None:
    made = request(SESSION, organizer=ORGANIZER, attendee=ATTENDEE, uid=UID, stamp=STAMP)
    _assert_lines(made.ics)
    calendar, event = _event(made.ics)
    assert made.method is Method.REQUEST
    assert calendar["METHOD"] == "REQUEST"
    assert calendar["VERSION"] == "2.0"
    assert event["UID"] == "or-abcdefghijklmnopqrstuvwxyz@bund.example"
    assert event["SUMMARY"] == SESSION.title
    assert event["DTSTART"].dt == datetime(2027, 3, 28, 8, 0, tzinfo=UTC)
    assert event["DTEND"].dt - event["DTSTART"].dt == timedelta(hours=2, minutes=30)
    assert event["DTSTAMP"].dt == STAMP
    assert event["SEQUENCE"] == 0
    assert event["STATUS"] == "CONFIRMED"
    assert event["ORGANIZER"] == "mailto:netz@bund.example"
    assert event["ORGANIZER"].params["CN"] == "Bund der 'Gemeinden', e. V."
    attendee = event["ATTENDEE"]
    assert attendee == "mailto:info@gemeinde.example"
    assert attendee.params["CN"] == "Gemeinde Göß; Büro"
    assert attendee.params["RSVP"] == "TRUE"
    assert attendee.params["PARTSTAT"] == "NEEDS-ACTION"
    assert event["LOCATION"] == "Rathaus, Großer Saal / https://rooms.example/abc?x=1,2;y"
    assert event["URL"] == SESSION.online
    assert event["DESCRIPTION"] == "Zeile eins\nZeile zwei \\ mit Zeichen; und, mehr\n\n" + str(
        SESSION.online
    )


def test_a_cancellation_names_the_same_event() -> None:
    made = cancel(SESSION, organizer=ORGANIZER, attendee=ATTENDEE, uid=UID, stamp=STAMP, sequence=1)
    calendar, event = _event(made.ics)
    assert calendar["METHOD"] == "CANCEL"
    assert event["STATUS"] == "CANCELLED"
    assert event["SEQUENCE"] == 1
    assert event["UID"] == UID
    assert "RSVP" not in event["ATTENDEE"].params


@settings(max_examples=50)
@given(
    st.text(st.characters(codec="utf-8"), max_size=200),
    st.text(st.characters(codec="utf-8"), max_size=60),
    st.text(st.characters(codec="utf-8"), max_size=300),
)
def test_no_text_gets_out_of_its_line(title: str, name: str, details: str) -> None:
    session = replace(SESSION, title=title, details=details, place=title)
    made = request(session, organizer=ORGANIZER, attendee=Mailbox("a@b.example", name), uid=UID, stamp=STAMP)
    _assert_lines(made.ics)
    unfolded = made.ics.replace(b"\r\n ", b"").decode("utf-8").split("\r\n")
    names = [line.split(":")[0].split(";")[0] for line in unfolded if line]
    assert names[:6] == ["BEGIN", "PRODID", "VERSION", "CALSCALE", "METHOD", "BEGIN"]
    assert names.count("ATTENDEE") == 1
    assert names[-2:] == ["END", "END"]
    assert len(names) <= 22


def test_times_that_cannot_be() -> None:
    with pytest.raises(InputError, match="ends at"):
        request(
            replace(SESSION, end=SESSION.start), organizer=ORGANIZER, attendee=ATTENDEE, uid=UID, stamp=STAMP
        )
    with pytest.raises(InputError, match="no time zone"):
        request(SESSION, organizer=ORGANIZER, attendee=ATTENDEE, uid=UID, stamp=STAMP.replace(tzinfo=None))


def test_an_address_that_cannot_be() -> None:
    with pytest.raises(InputError):
        request(SESSION, organizer=ORGANIZER, attendee=Mailbox("a b@c.example"), uid=UID, stamp=STAMP)
