"""Participant reports as meeting programs export them, in several of their languages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.contacts import participants
from outreach.contacts.participants import Participant, Report

ZOOM = """\
Meeting ID,Topic,Start Time,End Time,User Email,Duration (Minutes),Participants
"812 3456 7890",Session,"04/08/2027 09:50:01 AM","04/08/2027 12:04:00 PM",digital@office.example,134,6

Name (Original Name),User Email,Join Time,Leave Time,Duration (Minutes),Guest,Recording Consent,In Waiting Room
"Peeters, An",An@Aalst.example,"04/08/2027 09:58:00 AM","04/08/2027 10:30:00 AM",32,Yes,,No
"Peeters, An",an@aalst.example,"04/08/2027 10:20:00 AM","04/08/2027 12:00:00 PM",100,Yes,,No
Jan (Stad Gent),,"04/08/2027 11:50:00 AM","04/08/2027 12:04:00 PM",14,Yes,,No
Late,late@brugge.example,"04/08/2027 12:01:00 PM","04/08/2027 12:02:00 PM",1,Yes,,Yes
"""
ZOOM_DE = """\
Name (Originalname),Benutzer-E-Mail,Gesamtdauer (Minuten),Gast
Jürgen Groß,info@groß.example,118,Ja
Müller,,12,Ja
"""
WEBINAR = """\
Attendee Report
Report Generated:,"Apr 8, 2027 12:30 PM"
Topic,Webinar ID,Actual Start Time,Actual Duration (minutes),# Registered
Session,812 3456 7890,"Apr 8, 2027 9:50 AM",130,40
Host Details
Attended,User Name (Original Name),Email,Join Time,Leave Time,Time in Session (minutes),Is Guest,Country/Region Name
Yes,Office,digital@office.example,"Apr 8, 2027 9:50 AM","Apr 8, 2027 12:01 PM",131,No,Belgium
Attendee Details
Attended,User Name (Original Name),First Name,Last Name,Email,Join Time,Leave Time,Time in Session (minutes),Is Guest
Yes,An Peeters,An,Peeters,an@aalst.example,"Apr 8, 2027 9:58 AM","Apr 8, 2027 11:00 AM",62,Yes
No,Jan Claes,Jan,Claes,jan@gent.example,--,--,--,--
"""
TEAMS = """\
1. Summary
Meeting title\tSession
Attended participants\t3
Start time\t4/8/27, 9:50:10 AM
Average attendance time\t1h 40m

2. Participants
Name\tFirst Join\tLast Leave\tIn-Meeting Duration\tEmail\tParticipant ID (UPN)\tRole
Office\t4/8/27, 9:50:10 AM\t4/8/27, 12:02:00 PM\t2h 11m 50s\tdigital@office.example\tdigital@office.example\tOrganizer
An Peeters\t4/8/27, 9:58:00 AM\t4/8/27, 11:59:19 AM\t2h 1m 19s\tan@aalst.example\tan@aalst.example\tPresenter
Jan Claes (Guest)\t4/8/27, 10:03:00 AM\t4/8/27, 10:40:00 AM\t37m\t\t\tAttendee

3. In-Meeting Activities
Name\tJoin Time\tLeave Time\tDuration\tEmail\tRole
An Peeters\t4/8/27, 9:58:00 AM\t4/8/27, 11:59:19 AM\t2h 1m 19s\tan@aalst.example\tPresenter
"""
TEAMS_DE = """\
1. Zusammenfassung
Besprechungstitel\tSitzung

2. Teilnehmer
Name\tErster Beitritt\tLetzter Austritt\tBesprechungsdauer\tE-Mail\tTeilnehmer-ID (UPN)\tRolle
Jürgen Groß\t08.04.27, 09:58:00\t08.04.27, 11:59:19\t2 Std. 1 Min. 19 Sek.\tj@gross.example\tj@gross.example\tTeilnehmer
Büro\t08.04.27, 09:50:00\t08.04.27, 12:00:00\t2 Std. 10 Min.\tdigital@office.example\t\tOrganisator
"""
TEAMS_OLD = """\
Full Name\tUser Action\tTimestamp
An Peeters\tJoined\t4/8/2027, 9:58:00 AM
An Peeters\tLeft\t4/8/2027, 10:28:00 AM
Jan Claes\tJoined\t4/8/2027, 10:00:00 AM
An Peeters\tJoined before\t4/8/2027, 11:00:00 AM
An Peeters\tLeft\t4/8/2027, 11:05:00 AM
"""
WEBEX = """\
Meeting Name|Start|Display Name|First Name|Last Name|Role|Attendee Email|Join Time|Leave Time|Attendance Duration
Session|="9:50"|Office|||Host|digital@office.example|="2027-04-08 09:50:00"|="2027-04-08 12:00:00"|130 mins
Session|="9:50"|An Peeters|An|Peeters|Attendee|an@aalst.example|="2027-04-08 09:58:00"|="2027-04-08 11:00:00"|62 mins
""".replace("|", "\t")


def read(text: str, encoding: str = "utf-8") -> Report:
    found = participants.read(text.encode(encoding), "report.csv", "BE")
    assert found is not None
    return found


def people(report: Report) -> list[tuple[str | None, str | None, int | None, bool]]:
    return [(one.name, one.email, one.minutes, one.organiser) for one in report.people]


def test_zoom_counts_two_devices_once_and_nobody_in_the_waiting_room() -> None:
    report = read(ZOOM, "utf-8-sig")
    assert report.program == "zoom"
    assert people(report) == [
        ("Peeters, An", "an@aalst.example", 122, False),
        ("Jan (Stad Gent)", None, 14, False),
    ]
    assert [one.line for one in report.people] == [5, 7]


def test_zoom_in_german_and_its_list_of_each_user_once() -> None:
    report = read(ZOOM_DE)
    assert (report.program, [one.minutes for one in report.people]) == ("zoom", [118, 12])


def test_a_webinar_has_sections_and_those_who_did_not_come() -> None:
    report = read(WEBINAR)
    assert report.program == "zoom"
    assert people(report) == [
        ("Office", "digital@office.example", 131, True),
        ("An Peeters", "an@aalst.example", 62, False),
    ]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_teams_repeats_below_what_it_said_above(encoding: str) -> None:
    report = read(TEAMS, encoding)
    assert report.program == "teams"
    assert people(report) == [
        ("Office", "digital@office.example", 132, True),
        ("An Peeters", "an@aalst.example", 122, False),
        ("Jan Claes (Guest)", None, 37, False),
    ]


def test_teams_in_german_and_as_it_was() -> None:
    report = read(TEAMS_DE, "utf-16")
    assert report.program == "teams"
    assert people(report) == [
        ("Jürgen Groß", "j@gross.example", 122, False),
        ("Büro", "digital@office.example", 130, True),
    ]
    old = read(TEAMS_OLD, "utf-16")
    assert people(old) == [("An Peeters", None, 35, False), ("Jan Claes", None, None, False)]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8"])
def test_webex_hides_its_times_from_spreadsheets(encoding: str) -> None:
    report = read(WEBEX, encoding)
    assert report.program == "webex"
    assert people(report) == [
        ("Office", "digital@office.example", 130, True),
        ("An Peeters", "an@aalst.example", 62, False),
    ]


def test_one_person_with_and_without_an_address() -> None:
    header = "Name,Email,Join Time,Leave Time,Duration\n"
    both = "An,an@a.example,8.4.2027 9.00,8.4.2027 9.30,30\nAN,,8.4.2027 9.20,8.4.2027 9.50,30\n"
    assert people(read(header + both)) == [("An", "an@a.example", 50, False)]
    two = both + "an,an@b.example,8.4.2027 9.00,8.4.2027 9.30,30\n"
    assert len(read(header + two).people) == 3, "whose the second stay is cannot be told"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("122", 7320),
        ("2h 1m 19s", 7279),
        ("1:02:03", 3723),
        ("62 mins", 3720),
        ("2 Std. 1 Min.", 7260),
        ("2 heures 1 minute", 7260),
        ("1 u 5 min", 3900),
        ("2 t 3 min", 7380),
        ("1 godz. 30 min", 5400),
        ("1 ó 2 p 3 mp", 3723),
        ("45 s", 45),
        ("2 ώρες 5 λεπτά", 7500),
        ("1 ч. 5 мин.", 3900),
        ("--", None),
        ("", None),
    ],
)
def test_durations(text: str, seconds: int | None) -> None:
    assert participants.duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["Gemeente;E-mail\nAalst;info@aalst.example\n", "", "x", "PK\x03\x04", "Name,Email\nAn,an@a.example\n"],
)
def test_another_list_is_none(text: str) -> None:
    assert participants.read(text.encode() or b"-", "list.csv", "BE") is None


def test_rows_of_a_workbook() -> None:
    rows = [(number, line.split("\t")) for number, line in enumerate(TEAMS.splitlines(), 1)]
    assert participants.of_rows(rows) == read(TEAMS, "utf-16")
    assert participants.of_rows([(1, ["Gemeente", "E-mail"])]) is None


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=200))
def test_nothing_in_a_cell_breaks_it(text: str) -> None:
    cells = ",".join([f'"{text.replace(chr(34), chr(34) * 2)}"'] * 5)
    whole = f"Name,Email,Join Time,Leave Time,Duration\n{cells}\nA,a@b.example,1:00,2:00,60\n"
    report = participants.read(whole.encode(), "report.csv", "BE")
    assert report is None or all(isinstance(one, Participant) for one in report.people)
