"""Dates, times and the values of a session, as the recipient's language says them (CLDR, through Babel)."""

from __future__ import annotations

import re
from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from outreach.model.values import Session

if TYPE_CHECKING:
    from babel import Locale

# Where a bare language code means another continent to CLDR.
_IN_EUROPE = {"en": "en_IE", "pt": "pt_PT"}


def format_date(day: date, language: str, *, weekday: bool = True) -> str:
    """``day`` as "Donnerstag, 12. März 2026", or without the weekday; as "2026-03-12" in a language that CLDR
    does not know."""
    locale = _locale(language)
    if locale is None:
        return day.isoformat()
    from babel import dates

    return dates.format_date(day, "full" if weekday else "long", locale=locale)


def session_values(session: Session, language: str) -> dict[str, object]:
    """What mails call ``session``; all but title, date, time and zone may be empty.

    Times are given in the session's zone, with its abbreviation: "10:00–11:30 CET"; ``zone`` is what the
    language calls it: "Mitteleuropäische Normalzeit". A session that ends on another day has both days in its
    date. ``hybrid`` is not empty when one can come or join online. ``agenda`` is a list.
    """
    zone = ZoneInfo(session.time_zone)
    start, end = session.start.astimezone(zone), session.end.astimezone(zone)
    day = format_date(start.date(), language)
    if end.date() != start.date():
        day = f"{day} – {format_date(end.date(), language)}"
    pattern = _time_pattern(language)
    zones = [moment.strftime("%Z") for moment in (start, end)]
    # abbreviations some zones do not have: the offset, then
    names = [f"UTC{name[:3]}" if name[:1] in ("+", "-") else name for name in zones]
    times = (start.strftime(pattern), end.strftime(pattern))
    time = f"{times[0]}–{times[1]} {names[0]}"
    if names[0] != names[1]:
        time = f"{times[0]} {names[0]} – {times[1]} {names[1]}"
    return {
        "title": session.title,
        "date": day,
        "time": time,
        "zone": _zone_name(start, language),
        "place": session.place or "",
        "room": session.room or "",
        "online": session.online or "",
        "hybrid": "yes" if session.place and session.online else "",
        "details": session.details or "",
        "agenda": list(session.agenda),
        "speakers": "; ".join(session.speakers),
        "interpretation": ", ".join(_language_name(code, language) for code in session.interpretation),
    }


def _zone_name(moment: datetime, language: str) -> str:
    """ "heure normale d’Europe centrale"; the offset in a language that CLDR does not know."""
    locale = _locale(language)
    if locale is None:
        return f"UTC{moment:%z}"
    from babel import dates

    return dates.get_timezone_name(moment, "long", locale=locale)


def _language_name(code: str, language: str) -> str:
    """What ``language`` calls the language ``code``; the code where CLDR has no name."""
    locale = _locale(language)
    return code if locale is None else str(locale.languages.get(code, code))


@cache
def _locale(language: str) -> Locale | None:
    # babel reads its tables at import: 50 ms that only mails with a date should cost
    from babel import Locale, UnknownLocaleError

    try:
        return Locale.parse(_IN_EUROPE.get(language, language).replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return None


@cache
def _time_pattern(language: str) -> str:
    """Hours and minutes on the 24-hour clock, with the language's own sign between them."""
    locale = _locale(language)
    if locale is None:
        return "%H:%M"
    found = re.search(r"[hHkK]+([.:])mm", locale.time_formats["short"].pattern)
    return f"%H{found.group(1) if found else ':'}%M"
