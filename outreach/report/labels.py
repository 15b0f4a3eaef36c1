"""What keys of a report are called, and how its numbers are written, for a reader of some language.

Words are English, as everywhere at the command line; names of countries, languages and weekdays, and the way numbers
and dates are written, are the reader's (CLDR, by Babel).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal, format_percent

from outreach.report.document import Cut
from outreach.report.measures import Rate

_DEGURBA = {"1": "City", "2": "Town or suburb", "3": "Rural area"}
_NEW_OR_KNOWN = {"new": "New", "known": "Answered before"}

CUT_TITLES: dict[Cut, str] = {
    Cut.CAMPAIGN: "Campaigns",
    Cut.COUNTRY: "Countries",
    Cut.STEP: "What each mail brought",
    Cut.LANGUAGE: "Language of the mail",
    Cut.WEEK: "Week in which the mail went out, since the launch",
    Cut.WEEKDAY: "Weekday on which the mail went out",
    Cut.HOUR: "Hour at which the mail went out",
    Cut.SIZE: "Inhabitants",
    Cut.DEGURBA: "Degree of urbanisation",
    Cut.REGION: "Region",
    Cut.NEW_OR_KNOWN: "New, or answered an earlier campaign",
}


@dataclass(frozen=True, slots=True)
class Reader:
    """Writes for one locale: "de", "fr_BE"; English where Babel does not know it."""

    locale: str = "en"

    @property
    def _babel(self) -> Locale:
        return _locale(self.locale)

    def number(self, value: float) -> str:
        """``2.951`` in German."""
        return format_decimal(value, locale=self._babel)

    def share(self, rate: Rate, digits: int = 0) -> str:
        """The percentage, ``22 %``; never 0 for some nor 100 for not all; ``–`` where there is none."""
        if rate.percent is None:
            return "–"
        smallest = 10.0**-digits
        if 0 < rate.percent < smallest / 2:
            return f"<{self.percent(smallest, digits)}"
        if 100 - smallest / 2 <= rate.percent < 100:
            return self.percent(100 - smallest, digits)
        return self.percent(rate.percent, digits)

    def percent(self, value: float, digits: int = 0) -> str:
        """``value`` on 0 to 100."""
        pattern = self._babel.percent_formats[None].pattern
        head, _, tail = pattern.rpartition("0")
        whole = f"{head}0{'.' + '0' * digits if digits else ''}{tail}"
        return format_percent(value / 100, format=whole, locale=self._babel)

    def interval(self, rate: Rate, digits: int = 0) -> str:
        """``19–26``, in percent; "" where there is none."""
        if rate.interval is None:
            return ""
        return "–".join(self.decimal(one, digits) for one in rate.interval)

    def decimal(self, value: float, digits: int) -> str:
        places = "." + "0" * digits if digits else ""
        return format_decimal(round(value, digits), format=f"#,##0{places}", locale=self._babel)

    def day(self, day: date) -> str:
        return format_date(day, "medium", locale=self._babel)

    def moment(self, at: datetime) -> str:
        return format_datetime(at, "medium", locale=self._babel)

    def label(self, cut: Cut, key: str) -> str:
        """What the key of a line is called."""
        if key == "":
            return "Not known"
        match cut:
            case Cut.COUNTRY:
                return str(self._babel.territories.get(key, key))
            case Cut.LANGUAGE:
                return " + ".join(self._babel.languages.get(one, one) for one in key.split("+"))
            case Cut.WEEKDAY:
                return str(self._babel.days["stand-alone"]["wide"][int(key) - 1])
            case Cut.WEEK:
                return f"Week {key}"
            case Cut.HOUR:
                return f"{int(key):02}:00–{int(key):02}:59"
            case Cut.SIZE:
                first, _, last = key.partition("-")
                return (
                    f"{self.number(int(first))}–{self.number(int(last))}"
                    if last
                    else f"{self.number(int(first))}+"
                )
            case Cut.DEGURBA:
                return _DEGURBA.get(key, key)
            case Cut.NEW_OR_KNOWN:
                return _NEW_OR_KNOWN.get(key, key)
            case _:
                return key


@lru_cache(maxsize=64)
def _locale(name: str) -> Locale:
    if "POSIX" in name:  # the locale of a machine that was told none
        return Locale("en")
    try:
        return Locale.parse(name.replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        return Locale("en")


def in_europe(language: str) -> Locale:
    """The locale of a language as the Union writes it: a bare code means another continent to CLDR for two."""
    return Locale.parse({"en": "en_IE", "pt": "pt_PT"}.get(language, language))
