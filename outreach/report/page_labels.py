"""What the keys of a report are called in the reader's language."""

from __future__ import annotations

from outreach.report.document import Cut, LeftOut, Reason, Unit
from outreach.report.measures import Measure
from outreach.report.page_words import Words


def line_label(cut: Cut, key: str, words: Words) -> str:
    """The name of a line; what was typed by people (campaigns, steps of their own) is given as it is."""
    if key == "":
        return words("not_known")
    if cut is Cut.COUNTRY:
        return words.country(key)
    if cut is Cut.LANGUAGE:
        return " + ".join(words.language_name(code) for code in key.split("+"))
    if cut is Cut.WEEK:
        return words("week", number=key)
    if cut is Cut.WEEKDAY:
        return words.weekdays[int(key) - 1]
    if cut is Cut.HOUR:
        return f"{int(key)}:00–{int(key) + 1}:00"
    if cut is Cut.SIZE:
        return _size(key, words)
    return words.get(f"{cut}.{key}", key)


def _size(key: str, words: Words) -> str:
    low, _, high = key.partition("-")
    if not high:
        return words("size_from", low=words.number(int(low)))
    if low == "0":
        return words("size_below", high=words.number(int(high) + 1))
    return f"{words.number(int(low))}–{words.number(int(high))}"


def measure_label(measure: Measure, words: Words) -> str:
    return words.get(f"label.{measure.name}", measure.label)


def measure_meaning(measure: Measure, words: Words) -> str:
    return words.get(f"meaning.{measure.name}", measure.meaning)


def reason_label(left_out: LeftOut, reason: Reason, words: Words) -> str:
    general = words.get(f"reason.{reason.key}", reason.label)
    return words.get(f"reason.{left_out.what}.{reason.key}", general)


def unit_label(unit: Unit, words: Words) -> str:
    return words(f"unit.{unit}")
