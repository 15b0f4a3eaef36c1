"""Dates as people write them, in 24 languages: for the day on which an absent person returns.

Month names stand in ``phrases/<language>.toml`` as stems, January first. A year that is not written is
that of the next such day after the message; a day up to sixty days before the message is taken as past,
so that the first day of an absence that has begun is not read as next year's.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib import resources

from outreach.inbound.wordings import fold, lexicon

_PAST_DAYS = 60
_ISO = re.compile(r"(?<!\d)(20\d\d)[-./](\d{1,2})[-./](\d{1,2})(?!\d)")
_NUMERIC = re.compile(
    r"(?<![\d.,:])(\d{1,2})(?:\s?([./])\s?(\d{1,2})(?:\s?\2\s?((?:20)?\d\d)(?![\d:])|(\.)?(?![\d:]))"
    r"|-(\d{1,2})-((?:20)?\d\d)(?![\d:]))"
)
_ENDING = r"[^\W\d_]{0,4}"
_ROMAN = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii")
_WITH_ROMAN = re.compile(r"(?<![\w.])(\d{1,2})[. ]\s?([ivx]{1,4})(?:[. ]\s?(20\d\d)|\.(?!\w))(?!\d)")
# "August 3-21", "augusztus 3-tól 21-ig": the last day stands alone
_TO_DAY = re.compile(
    r"\s?[-\u2013\u2014]\s?(\d{1,2})(?![\d.:/]\d)|-?(?:tol|an|en)?\s(?:[-\u2013\u2014]\s)?(\d{1,2})-?ig(?!\w)"
)
_ORDINAL = (
    r"(?:[.ºª°]|er|:?a(?!\w)|:?e(?!\w)"
    r"|\.?-?(?:st|nd|rd|th|e|i|en|an|ten|u|η|ης|ου|ja|je|ti|to|mu|го|ти|ви|ри|ми|ta|de|a))?"
)


@dataclass(frozen=True, slots=True)
class FoundDate:
    """A date found in a text."""

    day: date
    start: int
    end: int


@cache
def _months(language: str) -> tuple[tuple[str, ...], ...]:
    return tuple(
        tuple(fold(stem) for stem in month.split("|")) for month in lexicon(language).lists["months"]
    )


@cache
def _named(language: str) -> re.Pattern[str]:
    """Day and named month, in either order, with the year in front or behind or not at all."""
    names = "|".join(
        sorted((re.escape(s) for month in _months(language) for s in month), key=len, reverse=True)
    )
    month = rf"(?P<month{{0}}>{names})[^\W\d_]{{{{0,6}}}}\.?"
    link = r"[\s,]{1,3}(?:(?:de|di|du|of|ta|t|da|la|del|na|an|m|g|gada|d|il|a)\b[.']?\s{0,2}){0,2}"
    day_first = rf"(?P<day1>\d{{1,2}}){_ORDINAL}{link}{month.format(1)}(?:{link}(?P<year1>20\d\d))?"
    month_first = (
        rf"(?:(?P<year2>20\d\d){_ORDINAL}\s?(?:m|g|gada|evi)?\.?[\s,]{{1,2}})?{month.format(2)}"
        rf"\s{{1,2}}(?P<day2>\d{{1,2}})(?!\d|:\d)(?:{_ORDINAL}[\s,]{{1,3}}(?P<year3>20\d\d))?"
    )
    return re.compile(rf"(?<!\d)(?:{day_first}|(?<![^\W_]){month_first})")


def find_dates(text: str, language: str, written: date) -> tuple[FoundDate, ...]:
    """The dates in ``text``, a message of the day ``written``, in the order of the text; positions are
    those of the folded text."""
    folded = fold(text)
    found = list(_find(folded, language, written))
    if language != "en":
        taken = [(each.start, each.end) for each in found]
        found += [
            each
            for each in _find(folded, "en", written)
            if not any(start < each.end and each.start < end for start, end in taken)
        ]
    return tuple(sorted(found, key=lambda each: each.start))


@cache
def _day_words(language: str) -> tuple[tuple[re.Pattern[str], ...], re.Pattern[str], re.Pattern[str]]:
    """The weekdays, Monday first, "tomorrow", and the words that make a weekday a habit."""
    source = resources.files(__package__) / "phrases" / "_days.toml"
    table = tomllib.loads(source.read_text(encoding="utf-8"))[language]

    def pattern(*words: str) -> re.Pattern[str]:
        stems = fold("|".join(words)).replace("*", _ENDING)
        return re.compile(rf"(?<!\w)(?:{stems})(?!\w)")

    weekdays = tuple(pattern(words) for words in table["weekdays"])
    return weekdays, pattern(*table["tomorrow"]), pattern(*table["every"])


def named_day(text: str, language: str, written: date) -> date | None:
    """The day that ``text`` names as "tomorrow" or by its weekday alone: the next such day after ``written``.

    ``None`` where it names several, or speaks of every such day.
    """
    folded = fold(text)
    weekdays, tomorrow, every = _day_words(language)
    named = [number for number, pattern in enumerate(weekdays) if pattern.search(folded)]
    if len(named) == 1 and not every.search(folded):
        return written + timedelta(days=(named[0] - written.weekday() - 1) % 7 + 1)
    if not named and tomorrow.search(folded):
        return written + timedelta(days=1)
    return None


def _find(folded: str, language: str, written: date) -> Iterator[FoundDate]:
    taken: list[tuple[int, int]] = []

    def free(match: re.Match[str]) -> bool:
        return not any(start < match.end() and match.start() < end for start, end in taken)

    for match in _ISO.finditer(folded):
        year, month, day = map(int, match.groups())
        yield from _dated(match, day, month, year, written)
        taken.append(match.span())
    for match in _named(language).finditer(folded):
        if free(match):
            name = match["month1"] or match["month2"]
            number = next(n for n, stems in enumerate(_months(language), 1) if name in stems)
            given = match["year1"] or match["year2"] or match["year3"]
            day = int(match["day1"] or match["day2"])
            if match["day2"] and (last := _TO_DAY.match(folded, match.end())):
                day = max(day, int(last[1] or last[2]))
            yield from _dated(match, day, number, int(given) if given else None, written)
            taken.append(match.span())
    for match in _WITH_ROMAN.finditer(folded):
        if free(match) and match[2] in _ROMAN:
            given = match[3]
            number = _ROMAN.index(match[2]) + 1
            yield from _dated(match, int(match[1]), number, int(given) if given else None, written)
            taken.append(match.span())
    for match in _NUMERIC.finditer(folded):
        day, month = int(match[1]), int(match[3] or match[6])
        if not free(match):
            continue
        year_text = match[4] or match[7]
        if year_text is None and match[2] == "." and match[5] is None and len(match[3]) < 2:
            continue  # 2.3 alone is rather a section or an hour
        if month > 12 >= day and match[2] == "/":
            day, month = month, day
        given_year = int(year_text) if year_text else None
        if given_year is not None and given_year < 100:
            given_year += 2000
        yield from _dated(match, day, month, given_year, written)


def _dated(
    match: re.Match[str], day: int, month: int, year: int | None, written: date
) -> Iterator[FoundDate]:
    try:
        if year is not None:
            yield FoundDate(date(year, month, day), match.start(), match.end())
            return
        this = date(written.year, month, day)
        if this < written - timedelta(days=_PAST_DAYS):
            this = date(written.year + 1, month, day)
        elif (this - written).days > 365 - _PAST_DAYS:
            this = date(written.year - 1, month, day)
        yield FoundDate(this, match.start(), match.end())
    except ValueError:  # no such day
        return
