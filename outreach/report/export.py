"""The response report as JSON and as CSV. Every rate stands with its two numbers and its interval."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from typing import Any

from outreach.report.document import Cut, LeftOut, Report, Section
from outreach.report.measures import MEASURES, Counts, rates

#: What CSV calls the line over all countries or campaigns.
EVERY = "all"

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def to_json(report: Report, *, cut: Cut | None = None) -> str:
    """One object; ``cut``: with the sections of this cut only. A line for each key and for each thing in a list, so
    that it can be read by people, and compared, at the cost of the C encoder. Ends with a line break.

    ``made_at`` (ISO 8601), ``unit``, ``campaign`` and ``country`` (``null``: all), ``definitions`` and ``notes``,
    ``total``, ``sections``, ``left_out``, ``curves``, ``sends``, ``experiments``. Total and lines have a number for
    each measure (``null``: not known, or without a meaning there), and under ``rates`` for each rate ``numerator``,
    ``denominator``, ``percent``, ``low`` and ``high`` (0 to 100, two places; ``null`` where the denominator is 0).
    """
    document = {
        "made_at": report.made_at.isoformat(),
        "unit": report.selection.unit.value,
        "campaign": report.selection.campaign,
        "country": report.selection.country,
        "definitions": [
            {
                "name": measure.name,
                "label": measure.label,
                "denominator": measure.of,
                "meaning": measure.meaning,
            }
            for measure in report.definitions
        ],
        "notes": list(report.notes),
        "total": _counts(report.total),
        "sections": [_section(one) for one in report.sections if cut in (None, one.cut)],
        "left_out": [_left_out(one) for one in report.left_out],
        "curves": [
            {
                "campaign": one.campaign,
                "country": one.country,
                "reached": one.reached,
                "answered": one.answered,
                "days": [list(point) for point in one.points],
                "days_to_answer": one.time_to_answer
                and {
                    "lower_quartile": round(one.time_to_answer.lower, 2),
                    "median": round(one.time_to_answer.median, 2),
                    "upper_quartile": round(one.time_to_answer.upper, 2),
                },
            }
            for one in report.curves
        ],
        "sends": [
            {"day": one.day.isoformat(), "mails": one.mails, "answers": one.answers} for one in report.sends
        ],
        "experiments": [
            {
                **{
                    field.name: getattr(one, field.name)
                    for field in dataclasses.fields(one)
                    if field.name != "variants"
                },
                "variants": [
                    {"key": arm.key, "text": arm.text, **_counts(arm.counts)} for arm in one.variants
                ],
            }
            for one in report.experiments
        ],
    }
    return "{\n" + ",\n".join(f'  "{key}": {_json(value)}' for key, value in document.items()) + "\n}\n"


def _json(value: object) -> str:
    if isinstance(value, list) and value:
        things = (f"    {json.dumps(one, ensure_ascii=False)}" for one in value)
        return "[\n" + ",\n".join(things) + "\n  ]"
    return json.dumps(value, ensure_ascii=False)


def _section(section: Section) -> dict[str, Any]:
    return {
        "cut": section.cut.value,
        "campaign": section.campaign,
        "country": section.country,
        "adds_up": section.adds_up,
        "total": _counts(section.total),
        "lines": [{"key": line.key, **_counts(line.counts)} for line in section.lines],
    }


def _counts(counts: Counts) -> dict[str, Any]:
    def rounded(value: float | None) -> float | None:
        return None if value is None else round(value, 2)

    return {
        **{measure.name: getattr(counts, measure.name) for measure in MEASURES},
        "rates": {
            name: {
                "numerator": rate.numerator,
                "denominator": rate.denominator,
                "percent": rounded(rate.percent),
                "low": rounded(rate.interval[0] if rate.interval else None),
                "high": rounded(rate.interval[1] if rate.interval else None),
            }
            for name, rate in rates(counts).items()
        },
    }


def _left_out(table: LeftOut) -> dict[str, Any]:
    return {
        "what": table.what,
        "campaign": table.campaign,
        "country": table.country,
        "total": table.total,
        "total_means": table.total_label,
        "counted": table.counted,
        "counted_means": table.label,
        "reasons": [dataclasses.asdict(reason) for reason in table.reasons],
    }


def header() -> list[str]:
    """The columns of :func:`to_csv`."""
    columns = ["cut", "campaign", "country", "key"]
    for measure in MEASURES:
        columns.append(measure.name)
        if measure.of:
            columns += [f"{measure.name}_of", f"{measure.name}_percent"]
            columns += [f"{measure.name}_low", f"{measure.name}_high"]
    return columns


def to_csv(report: Report, *, cut: Cut | None = None, for_excel: bool = False) -> str:
    """One row a line of a section under a header, CRLF line ends; encode it as UTF-8.

    Each rate has five columns: the count, ``_of`` (its denominator), ``_percent``, and ``_low`` and ``_high`` of its
    95 % interval; empty where there is none. ``all`` stands for all campaigns or all countries; the first row, of
    cut ``total``, is all that was selected. By default as RFC 4180 has it, with commas and decimal points and no byte
    order mark: what other programs read everywhere. ``for_excel`` gives what Excel opens by a double click in most of
    the Union: semicolons, decimal commas (12.5 would become the 12th of May) and a byte order mark. A cell that a
    spreadsheet would take for a formula gets an apostrophe in front.
    """
    out = io.StringIO()
    if for_excel:
        out.write("\ufeff")
    writer = csv.writer(out, delimiter=";" if for_excel else ",", lineterminator="\r\n")
    writer.writerow(header())
    if not report.sections:
        return out.getvalue()
    campaign, country = report.selection.campaign or EVERY, report.selection.country or EVERY
    if cut is None:
        writer.writerow(["total", harmless(campaign), country, "", *_cells(report.total, comma=for_excel)])
    for section in report.sections:
        if cut not in (None, section.cut):
            continue
        for line in section.lines:
            names = [section.cut.value, section.campaign or EVERY, section.country or EVERY, line.key]
            writer.writerow([*map(harmless, names), *_cells(line.counts, comma=for_excel)])
    return out.getvalue()


def _cells(counts: Counts, *, comma: bool) -> list[str]:
    def shown(value: float | None) -> str:
        text = "" if value is None else f"{value:.2f}"
        return text.replace(".", ",") if comma else text

    known = rates(counts)
    cells: list[str] = []
    for measure in MEASURES:
        number = getattr(counts, measure.name)
        cells.append("" if number is None else str(number))
        if measure.of:
            rate = known.get(measure.name)
            low, high = rate.interval if rate and rate.interval else (None, None)
            cells.append(str(rate.denominator) if rate else "")
            cells += [shown(rate.percent if rate else None), shown(low), shown(high)]
    return cells


def harmless(text: str) -> str:
    """What no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
