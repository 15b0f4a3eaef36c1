"""The words of a report's page, and numbers, dates and countries as its reader's language writes them.

Wordings are data: ``texts/<language>.toml``, one file a language. Numbers follow CLDR through Babel, but are
put together here: a report has thousands of them, and Babel takes 30 microseconds for each.
"""

from __future__ import annotations

import tomllib
from datetime import date
from functools import cache, cached_property
from importlib import resources

from babel import dates

from outreach.report.labels import in_europe

#: Writes no separator into four figures: 1234 but 12 345 (CLDR, minimumGroupingDigits).
_LATE_GROUPING = frozenset({"bg", "es", "et", "hu", "lv", "pl", "pt"})
SOURCE = "en"


def languages() -> tuple[str, ...]:
    """The languages that a page can be in, by code."""
    files = (resources.files(__package__) / "texts").iterdir()
    return tuple(sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml")))


@cache
def words(language: str) -> Words:
    """The words of ``language``: an ISO 639-1 code of :func:`languages`. KeyError for any other."""
    if language not in languages():
        raise KeyError(language)
    return Words(language)


class Words:
    """One language. Make it with :func:`words`, which reads each file once."""

    def __init__(self, language: str) -> None:
        self.language = language
        source = resources.files(__package__) / "texts" / f"{language}.toml"
        self._texts: dict[str, str] = tomllib.loads(source.read_text(encoding="utf-8"))
        self._locale = in_europe(language)
        symbols = self._locale.number_symbols
        symbols = symbols.get("latn", symbols)
        self._group = str(symbols["group"])
        self._decimal = str(symbols["decimal"])
        self._percent = str(self._locale.percent_formats[None].pattern).replace("#,##0", "{}")

    def __call__(self, key: str, /, **values: object) -> str:
        """The text ``key`` with its places filled. KeyError where the language has no such text."""
        text = self._texts[key]
        return text.format(**values) if values else text

    def get(self, key: str, default: str) -> str:
        """The text ``key``, or ``default`` where the program has no word for it."""
        return self._texts.get(key, default)

    @property
    def known(self) -> frozenset[str]:
        """The keys of all texts."""
        return frozenset(self._texts)

    def number(self, value: int) -> str:
        if self.language in _LATE_GROUPING and abs(value) < 10_000:
            return str(value)
        return f"{value:,}".replace(",", self._group)

    def decimal(self, value: float, digits: int = 1) -> str:
        whole, _, rest = f"{value:.{digits}f}".partition(".")
        return self.number(int(whole)) + (self._decimal + rest if rest else "")

    def signed(self, value: float, digits: int = 1) -> str:
        """With its sign, a true minus: "+1.4", "−0.3"."""
        sign = "−" if round(value, digits) < 0 else "+"
        return sign + self.decimal(abs(value), digits)

    def percent(self, value: float | None, digits: int = 0) -> str:
        """``value`` (0 to 100) as "41 %"; never 0 for some nor 100 for not all; a dash where there is none."""
        if value is None:
            return "–"
        least = 10**-digits
        if 0 < value < least / 2:
            return "<" + self._percent.format(self.decimal(least, digits))
        if 100 - least / 2 <= value < 100:
            return self._percent.format(self.decimal(100 - least, digits))
        return self._percent.format(self.decimal(value, digits))

    def interval(self, low: float, high: float, digits: int = 0) -> str:
        """Both ends of an interval: "38.9–43.0 %"."""
        return self._percent.format(self.span(low, high, digits))

    def span(self, low: float, high: float, digits: int = 0) -> str:
        """The same where the unit stands before it: "38.9–43.0"."""
        return f"{self.decimal(low, digits)}–{self.decimal(high, digits)}"

    def country(self, code: str) -> str:
        """As the language calls it when it stands alone in a list."""
        return str(self._locale.territories.get(code, code))

    def language_name(self, code: str) -> str:
        return str(self._locale.languages.get(code, code))

    def day(self, day: date, length: str = "long") -> str:
        """ "12 March 2026"; ``medium`` is "12 Mar 2026"."""
        return dates.format_date(day, length, locale=self._locale)

    def day_and_month(self, day: date) -> str:
        """ "12 Mar"."""
        return str(dates.format_skeleton("MMMd", day, locale=self._locale))

    def month(self, day: date) -> str:
        """ "Mar 2026"."""
        return str(dates.format_skeleton("yMMM", day, locale=self._locale))

    @cached_property
    def weekdays(self) -> tuple[str, ...]:
        """Monday to Sunday, written out."""
        names = self._locale.days["stand-alone"]["wide"]
        return tuple(str(names[number]) for number in range(7))

    @cached_property
    def short_weekdays(self) -> tuple[str, ...]:
        names = self._locale.days["stand-alone"]["abbreviated"]
        return tuple(str(names[number]) for number in range(7))
