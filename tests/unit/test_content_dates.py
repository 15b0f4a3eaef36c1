from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from outreach.content.dates import format_date, session_values
from outreach.model.countries import COUNTRIES
from outreach.model.values import Session

DAY = date(2026, 3, 12)


def session(start: datetime, end: datetime, zone: str) -> Session:
    return Session("Title", start, end, zone)


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("de", "Donnerstag, 12. März 2026"),
        ("en", "Thursday 12 March 2026"),
        ("fi", "torstai 12. maaliskuuta 2026"),
        ("el", "Πέμπτη 12 Μαρτίου 2026"),
        ("mt", "Il-Ħamis, 12 ta’ Marzu 2026"),
        ("ga", "Déardaoin 12 Márta 2026"),
        ("xx", "2026-03-12"),
        ("not a language", "2026-03-12"),
    ],
)
def test_a_date_is_said_in_the_language(language: str, expected: str) -> None:
    assert format_date(DAY, language) == expected


def test_every_language_of_the_union_has_its_own_dates() -> None:
    languages = {language for country in COUNTRIES.values() for language in country.languages}
    for language in languages:
        assert "2026" in format_date(DAY, language)
        assert format_date(DAY, language) != "2026-03-12"


def test_times_are_told_in_the_zone_of_the_session() -> None:
    start, end = datetime(2026, 3, 12, 9, 0, tzinfo=UTC), datetime(2026, 3, 12, 10, 30, tzinfo=UTC)
    assert session_values(session(start, end, "Europe/Brussels"), "nl")["time"] == "10:00–11:30 CET"
    assert session_values(session(start, end, "Europe/Helsinki"), "fi")["time"] == "11.00–12.30 EET"
    assert session_values(session(start, end, "Europe/Athens"), "el")["time"] == "11:00–12:30 EET"


def test_summer_time_is_named_as_such() -> None:
    start, end = datetime(2026, 7, 1, 8, 0, tzinfo=UTC), datetime(2026, 7, 1, 9, 0, tzinfo=UTC)
    assert session_values(session(start, end, "Europe/Brussels"), "fr")["time"] == "10:00–11:00 CEST"


def test_a_zone_without_a_name_shows_its_offset() -> None:
    start, end = datetime(2026, 7, 1, 8, 0, tzinfo=UTC), datetime(2026, 7, 1, 9, 0, tzinfo=UTC)
    assert session_values(session(start, end, "Indian/Reunion"), "fr")["time"] == "12:00–13:00 UTC+04"


def test_a_session_over_midnight_names_both_days() -> None:
    start, end = datetime(2026, 3, 28, 23, 0, tzinfo=UTC), datetime(2026, 3, 29, 23, 0, tzinfo=UTC)
    values = session_values(session(start, end, "Europe/Berlin"), "de")
    assert values["date"] == "Sonntag, 29. März 2026 – Montag, 30. März 2026"
    assert values["time"] == "00:00 CET – 01:00 CEST"


def test_what_a_session_lacks_is_empty() -> None:
    start = datetime(2026, 3, 12, 9, 0, tzinfo=UTC)
    values = session_values(session(start, start, "Europe/Berlin"), "de")
    assert (values["place"], values["online"], values["details"]) == ("", "", "")


def test_the_weekday_can_be_left_out() -> None:
    assert format_date(date(2026, 3, 12), "de", weekday=False) == "12. März 2026"
