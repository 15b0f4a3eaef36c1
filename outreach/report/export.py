"""The response report as JSON, as CSV and as text for a terminal. Every rate stands with its two numbers."""

from __future__ import annotations

import csv
import io
import json
import textwrap
from collections.abc import Sequence
from typing import Any

from outreach.report.funnel import MEASURES, NOTES, RATES, Rate, ReportLine

#: What CSV and JSON call the line over all countries of a campaign.
ALL_COUNTRIES = "all"

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def to_json(lines: Sequence[ReportLine]) -> str:
    """An object with ``definitions`` (one a figure), ``notes`` and ``lines``.

    A line has ``campaign``, ``country`` (``null``: all of them), ``step`` (``null``: the whole campaign),
    ``invited``, and for each rate an object with ``numerator``, ``denominator`` and ``percent`` (0 to 100,
    rounded to two places; ``null`` where the denominator is 0). Two spaces of indent, ends with a line break.
    """
    document = {
        "definitions": [
            {
                "name": measure.name,
                "label": measure.label,
                "denominator": measure.of,
                "meaning": measure.meaning,
            }
            for measure in MEASURES
        ],
        "notes": list(NOTES),
        "lines": [_json_line(line) for line in lines],
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _json_line(line: ReportLine) -> dict[str, Any]:
    rates = {
        name: {
            "numerator": rate.numerator,
            "denominator": rate.denominator,
            "percent": None if rate.percent is None else round(rate.percent, 2),
        }
        for name, rate in line.rates.items()
    }
    return {
        "campaign": line.campaign,
        "country": line.country,
        "step": line.step,
        "invited": line.counts.invited,
        **rates,
    }


def to_csv(lines: Sequence[ReportLine], *, for_excel: bool = False) -> str:
    """One row a line under a header, CRLF line ends; encode it as UTF-8.

    Each rate has three columns: the count, ``<rate>_of`` (its denominator) and ``<rate>_percent`` (empty
    where the denominator is 0). Country ``all`` and an empty step are totals. By default as RFC 4180 has it,
    with commas and decimal points and no byte order mark: what other programs read everywhere.
    ``for_excel`` gives what Excel opens by a double click in most of the Union: semicolons, decimal commas
    (12.5 would become the 12th of May) and a byte order mark. A cell that a spreadsheet would take for a
    formula gets an apostrophe in front.
    """
    out = io.StringIO()
    if for_excel:
        out.write("\ufeff")
    writer = csv.writer(out, delimiter=";" if for_excel else ",", lineterminator="\r\n")
    header = ["campaign", "country", "step", "invited"]
    for measure in RATES:
        header += [measure.name, f"{measure.name}_of", f"{measure.name}_percent"]
    writer.writerow(header)
    for line in lines:
        cells = [
            _harmless(line.campaign),
            _harmless(line.country or ALL_COUNTRIES),
            _harmless(line.step or ""),
        ]
        cells.append(str(line.counts.invited))
        for rate in line.rates.values():
            percent = "" if rate.percent is None else f"{rate.percent:.2f}"
            cells += [
                str(rate.numerator),
                str(rate.denominator),
                percent.replace(".", ",") if for_excel else percent,
            ]
        writer.writerow(cells)
    return out.getvalue()


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def to_terminal(lines: Sequence[ReportLine], *, width: int = 80) -> str:
    """The report as plain text, one table a campaign, no line wider than ``width`` (at least 80), and below
    it what the figures mean. Ends with a line break.

    A cell is ``541 96%``; the column's head names the denominator, which stands in the same row.
    """
    if not lines:
        return "Nothing was sent yet: there is nothing to report.\n"
    out: list[str] = []
    for campaign in dict.fromkeys(line.campaign for line in lines):
        own = [line for line in lines if line.campaign == campaign]
        if sum(line.step is None for line in own) == 2:  # one country: its total says the same once more
            own = [line for line in own if not line.is_total]
        out += [_cut(campaign, width), *_table(own, max(width, 80)), ""]
    for measure in MEASURES:
        out += _paragraph(f"{measure.label}: {measure.meaning}", width)
    for note in NOTES:
        out += _paragraph(note, width)
    return "\n".join(out) + "\n"


def _paragraph(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, subsequent_indent="  ")


def _table(lines: Sequence[ReportLine], width: int) -> list[str]:
    labels = {measure.name: measure.label.lower() for measure in MEASURES}
    head = ["", *(measure.label for measure in MEASURES)]
    below = ["", *(f"of {labels[measure.of]}" if measure.of else "" for measure in MEASURES)]
    body = [
        [_name(line), f"{line.counts.invited:,}", *(_cell(rate) for rate in line.rates.values())]
        for line in lines
    ]
    widths = [max(len(row[column]) for row in (head, below, *body)) for column in range(len(head))]
    room = width - sum(widths[1:]) - (len(widths) - 1)
    widths[0] = max(4, min(widths[0], room))
    gap = "  " if sum(widths) + 2 * (len(widths) - 1) <= width else " "
    text = [_row(row, widths, gap) for row in (head, below)]
    text.append("─" * len(gap.join("x" * one for one in widths)))
    for line, row in zip(lines, body, strict=True):
        if line.is_total and line.step is None:
            text.append(text[2])
        text.append(_row(row, widths, gap))
    return text


def _name(line: ReportLine) -> str:
    return f"  {line.step}" if line.step else (line.country or "All")


def _cell(rate: Rate) -> str:
    percent = "–" if rate.percent is None else f"{_whole(rate)}%"
    return f"{rate.numerator:,} {percent:>4}"


def _whole(rate: Rate) -> str:
    """The percentage without decimals, but never 0 for some nor 100 for not all."""
    percent = rate.percent or 0.0
    if 0 < percent < 0.5:
        return "<1"
    return "99" if 99 <= percent < 100 else f"{percent:.0f}"


def _row(cells: Sequence[str], widths: Sequence[int], gap: str) -> str:
    first = _cut(cells[0], widths[0]).ljust(widths[0])
    rest = (cell.rjust(size) for cell, size in zip(cells[1:], widths[1:], strict=True))
    return gap.join((first, *rest)).rstrip()


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
