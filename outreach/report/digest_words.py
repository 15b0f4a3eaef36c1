"""What the report by mail says, in each language (``digests/<language>.toml``), with its numbers and dates (CLDR)."""

from __future__ import annotations

import tomllib
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any

from babel import dates, numbers

from outreach.report.labels import in_europe


@cache
def _texts(language: str) -> dict[str, Any]:
    text = (
        resources.files("outreach.report").joinpath("digests", f"{language}.toml").read_text(encoding="utf-8")
    )
    return tomllib.loads(text)


def languages() -> list[str]:
    """Those there are texts in."""
    folder = resources.files("outreach.report").joinpath("digests")
    return sorted(
        entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml")
    )


class Words:
    """The words of one language. KeyError for one that there are no texts in, or a text that is not there."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._texts = _texts(language)
        self._locale = in_europe(language)

    def say(self, name: str, **values: object) -> str:
        return str(self._texts[name]).format(**values)

    def plural(self, name: str, count: int, **values: object) -> str:
        """In the form that the language has for ``count``; where its texts lack that form, as for most numbers."""
        forms = self._texts[name]
        text = forms.get(str(self._locale.plural_form(count)), forms["other"])
        return str(text).format(count=self.number(count), **values)

    def number(self, value: int) -> str:
        return str(numbers.format_decimal(value, locale=self._locale))

    def change(self, value: int) -> str:
        """``+12``, ``−3``, ``±0``."""
        sign = "+" if value > 0 else "\u2212" if value < 0 else "\u00b1"
        return sign + self.number(abs(value))

    def percent(self, value: float) -> str:
        """``value`` is on 0 to 100; without decimals, but never 0 for some nor 100 for not all."""
        shown = min(max(value, 1.0), 99.0) if 0 < value < 100 else value
        return str(numbers.format_percent(round(shown) / 100, locale=self._locale))

    def country(self, code: str) -> str:
        """Its name in the language."""
        return str(self._locale.territories.get(code, code))

    def day(self, moment: datetime) -> str:
        """``23. November 2026``."""
        return str(dates.format_date(moment.date(), "long", locale=self._locale))

    def moment(self, moment: datetime) -> str:
        """Day and time, as short as the language has them, in the zone of ``moment``."""
        pattern = f"{self._locale.time_formats['short'].pattern}"
        time = moment.strftime("%H.%M" if "." in pattern else "%H:%M")
        return f"{dates.format_date(moment.date(), 'medium', locale=self._locale)}, {time}"
