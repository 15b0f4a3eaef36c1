"""The response report as a workbook of spreadsheets: numbers as numbers, shares as shares, days as days.

Every sheet is a plain table under one header row that stays in sight, with a filter in each column; the last two say
what the figures mean and what they leave out. Nothing in it is a formula or a link, whatever a campaign is called.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import xlsxwriter

from outreach.report.document import Cut, Report, Section
from outreach.report.labels import CUT_TITLES, Reader
from outreach.report.measures import Counts, Measure, Rate, rates

#: What stands where a line is about all of them.
_ALL = "all"

#: Excel takes no longer names, and none of these letters.
_LONGEST_NAME = 31
_NOT_IN_NAMES = str.maketrans(dict.fromkeys("[]:*?/\\", "-"))
_WIDEST = 60

#: Of each cut: the name of its sheet, and what stands above its lines.
_NAMES = {
    Cut.CAMPAIGN: ("Campaigns", "Campaign"),
    Cut.COUNTRY: ("Countries", "Country"),
    Cut.STEP: ("Mails", "Mail of the sequence"),
    Cut.LANGUAGE: ("Languages", "Language of the mail"),
    Cut.WEEK: ("Weeks", "Week of the mail, since the launch"),
    Cut.WEEKDAY: ("Weekdays", "Weekday of the mail"),
    Cut.HOUR: ("Hours", "Hour of the mail"),
    Cut.SIZE: ("Inhabitants", "Inhabitants"),
    Cut.DEGURBA: ("Urbanisation", "Degree of urbanisation"),
    Cut.REGION: ("Regions", "Region"),
    Cut.NEW_OR_KNOWN: ("New or known", "New, or answered before"),
}
#: Cuts whose keys are known elsewhere, and stand beside their names.
_CODED = frozenset({Cut.COUNTRY, Cut.LANGUAGE})


@dataclass(frozen=True, slots=True)
class Share:
    """0 to 1, shown as a percentage; ``None``: there is nothing to divide by."""

    value: float | None


Cell = str | int | float | date | Share | None


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table. ``widths`` are made from what is in it."""

    name: str
    header: tuple[str, ...]
    rows: Sequence[tuple[Cell, ...]]


def to_xlsx(report: Report, *, cut: Cut | None = None, reader: Reader | None = None) -> bytes:
    """A workbook (ECMA-376) with a sheet for each cut, or for ``cut`` alone, and those that go with them.

    ``reader``: in whose language countries, languages and weekdays are named. Numbers and days are written by the
    program that opens it, as its user has them. Rows go to a temporary file as they are made.
    """
    out = io.BytesIO()
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "remove_timezone": True,
    }
    with xlsxwriter.Workbook(out, options) as workbook:
        workbook.set_properties({"title": "Response report", "created": _plain(report.made_at)})
        hand = _Hand(workbook)
        for sheet in sheets(report, cut=cut, reader=reader or Reader()):
            hand.write(sheet)
    return out.getvalue()


def sheets(report: Report, *, cut: Cut | None, reader: Reader) -> Iterator[Sheet]:
    """In their order; those with nothing to show are left out."""
    yield _about(report, cut)
    for one in Cut if cut is None else (cut,):
        own = [section for section in report.sections if section.cut is one]
        if own:
            yield _section_sheet(one, own, report.definitions, reader)
    if cut is None:
        yield from _further(report, reader)
    left_out = [
        (one.campaign or _ALL, one.country or _ALL, one.what, label, number)
        for one in report.left_out
        for label, number in (
            (one.total_label, one.total),
            *((reason.label, reason.number) for reason in one.reasons),
            (one.label, one.counted),
        )
    ]
    if left_out:
        yield Sheet("Left out", ("Campaign", "Country", "Of", "What became of them", "Number"), left_out)
    yield Sheet(
        "Definitions",
        ("Figure", "Divided by", "Meaning"),
        [
            *((one.label, _label(one.of, report.definitions), one.meaning) for one in report.definitions),
            *(("", "", note) for note in report.notes),
        ],
    )


def _about(report: Report, cut: Cut | None) -> Sheet:
    """What the workbook is about, and its totals."""
    selection = report.selection
    rows: list[tuple[Cell, ...]] = [
        ("Made at (UTC)", report.made_at, None, None, None, None),
        ("Campaign", selection.campaign or _ALL, None, None, None, None),
        ("Country", selection.country or _ALL, None, None, None, None),
        ("Counted", f"by {selection.unit}", None, None, None, None),
    ]
    if cut is not None:
        rows.append(("Parted by", CUT_TITLES[cut], None, None, None, None))
    found = rates(report.total)
    for measure in report.definitions:
        number = getattr(report.total, measure.name)
        if number is None:
            continue
        rate = found.get(measure.name)
        shares = _shares(rate) if rate else (None, None, None)
        rows.append((measure.label, number, _label(measure.of, report.definitions), *shares))
    return Sheet("Report", ("", "Number", "Divided by", "Share", "95 % from", "95 % to"), rows)


def _section_sheet(
    cut: Cut, sections: Sequence[Section], definitions: Sequence[Measure], reader: Reader
) -> Sheet:
    """Tidy: a line of any section is one row, its total another. Columns that say nothing in any are left out."""
    known = [
        measure
        for measure in definitions
        if any(
            getattr(counts, measure.name) is not None
            for section in sections
            for counts in (section.total, *(line.counts for line in section.lines))
        )
    ]
    divided = [measure for measure in known if measure.of]
    by_campaign = any(section.campaign for section in sections)
    by_country = any(section.country for section in sections)
    name, title = _NAMES[cut]
    header = [*(["Campaign"] if by_campaign else []), *(["In"] if by_country else []), title]
    header += ["Code"] if cut in _CODED else []
    header += [measure.label for measure in known]
    for measure in divided:
        of = _label(measure.of, definitions).lower()
        header += [f"{measure.label} of {of}", f"{measure.label}, 95 % from", f"{measure.label}, 95 % to"]
    rows: list[tuple[Cell, ...]] = []
    for section in sections:
        where: list[Cell] = [section.campaign or _ALL] if by_campaign else []
        where += [section.country or _ALL] if by_country else []
        # Where a municipality can stand in several lines, only the total says how many there are.
        last = "Total, each once" if not section.adds_up else "Total"
        for label, key, counts in (
            *((reader.label(cut, line.key), line.key, line.counts) for line in section.lines),
            (last, _ALL, section.total),
        ):
            code: list[Cell] = [key] if cut in _CODED else []
            rows.append((*where, label, *code, *_figures(counts, known, divided)))
    return Sheet(name, tuple(header), rows)


def _figures(counts: Counts, known: Iterable[Measure], divided: Iterable[Measure]) -> Iterator[Cell]:
    for measure in known:
        yield getattr(counts, measure.name)
    found = rates(counts)
    for measure in divided:
        rate = found.get(measure.name)
        yield from _shares(rate) if rate else (None, None, None)


def _shares(rate: Rate) -> tuple[Share, Share, Share]:
    low, high = rate.interval or (None, None)
    return tuple(Share(None if one is None else one / 100) for one in (rate.percent, low, high))  # type: ignore[return-value]


def _label(name: str | None, definitions: Iterable[Measure]) -> str:
    return next((one.label for one in definitions if one.name == name), "")


def _further(report: Report, reader: Reader) -> Iterator[Sheet]:
    """How answers came in over time, what went out on which day, and experiments."""
    if report.curves:
        header: tuple[str, ...] = (
            "Campaign",
            "Country",
            "Days since the launch",
            "Answered until then",
            "Reached",
            "Share",
        )
        rows: list[tuple[Cell, ...]] = [
            (
                *(curve.campaign, curve.country or _ALL, day, answered, curve.reached),
                Share(answered / curve.reached if curve.reached else None),
            )
            for curve in report.curves
            for day, answered in curve.points
        ]
        yield Sheet("Answers over time", header, rows)
        header = (
            "Campaign",
            "Country",
            "Answered",
            "A quarter by day",
            "Half by day",
            "Three quarters by day",
        )
        yield Sheet(
            "Time to answer",
            header,
            [
                (
                    *(curve.campaign, curve.country or _ALL, curve.answered),
                    *(round(one, 3) for one in (waits.lower, waits.median, waits.upper)),
                )
                for curve in report.curves
                if (waits := curve.time_to_answer) is not None
            ],
        )
    if report.sends:
        header = ("Day", "Mails", "First answers")
        yield Sheet("Days", header, [(one.day, one.mails, one.answers) for one in report.sends])
    if report.experiments:
        header = (
            *("Campaign", "Country", "Mail", "Varied", "Variant", "Text", "Reached", "Answered", "Share"),
            *("Difference (points)", "95 % from", "95 % to", "What may be said"),
        )
        rows = []
        for one in report.experiments:
            for variant in one.variants:
                rate = variant.counts.reached and variant.counts.answered / variant.counts.reached
                rows.append(
                    (
                        *(one.campaign, one.country or _ALL, one.step, one.varies, variant.key, variant.text),
                        *(variant.counts.reached, variant.counts.answered, Share(rate or None)),
                        *(one.difference, one.low, one.high, one.sentence),
                    )
                )
        yield Sheet("Experiments", header, rows)


class _Hand:
    """Writes sheets into a workbook, a row after the other."""

    def __init__(self, workbook: Any) -> None:
        self._workbook = workbook
        self._names: set[str] = set()
        self._header = workbook.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
        self._text = workbook.add_format({"valign": "top"})
        self._long = workbook.add_format({"valign": "top", "text_wrap": True})
        self._whole = workbook.add_format({"num_format": "#,##0", "valign": "top"})
        self._broken = workbook.add_format({"num_format": "#,##0.0", "valign": "top"})
        self._share = workbook.add_format({"num_format": "0.0%", "valign": "top"})
        self._day = workbook.add_format({"num_format": "yyyy-mm-dd", "valign": "top", "align": "left"})
        self._moment = workbook.add_format(
            {"num_format": "yyyy-mm-dd hh:mm", "valign": "top", "align": "left"}
        )

    def write(self, sheet: Sheet) -> None:
        page = self._workbook.add_worksheet(self._name(sheet.name))
        for column, width in enumerate(_widths(sheet)):
            page.set_column(column, column, width)
        page.freeze_panes(1, 0)
        page.set_landscape()
        page.fit_to_pages(1, 0)
        page.repeat_rows(0)
        for column, title in enumerate(sheet.header):
            page.write_string(0, column, title, self._header)
        for number, row in enumerate(sheet.rows, 1):
            for column, cell in enumerate(row):
                self._cell(page, number, column, cell)
        if sheet.rows:
            page.autofilter(0, 0, len(sheet.rows), len(sheet.header) - 1)

    def _cell(self, page: Any, row: int, column: int, cell: Cell) -> None:
        match cell:
            case None:
                return
            case Share(value):
                if value is not None:
                    page.write_number(row, column, value, self._share)
            case datetime():
                page.write_datetime(row, column, _plain(cell), self._moment)
            case date():
                page.write_datetime(row, column, cell, self._day)
            case int():
                page.write_number(row, column, cell, self._whole)
            case float():
                page.write_number(row, column, cell, self._broken)
            case str():
                # Never page.write(): a string stays one, also where it begins as a formula does.
                page.write_string(row, column, cell, self._long if len(cell) > _WIDEST else self._text)

    def _name(self, name: str) -> str:
        name = name.translate(_NOT_IN_NAMES)[:_LONGEST_NAME]
        assert name.casefold() not in self._names, "each sheet has a name of its own"
        self._names.add(name.casefold())
        return name


def _plain(at: datetime) -> datetime:
    """Workbooks know no time zones: UTC."""
    return at.astimezone(UTC).replace(tzinfo=None, microsecond=0)


def _widths(sheet: Sheet) -> list[float]:
    """So that each cell is seen whole; long texts are folded, and the header in two lines."""
    widths = [max(8.0, len(title) * 0.6 + 4) for title in sheet.header]  # room for the button of the filter
    for row in sheet.rows:
        for column, cell in enumerate(row):
            length = len(cell) if isinstance(cell, str) else 16 if isinstance(cell, datetime) else 11
            if length + 2 > widths[column]:
                widths[column] = min(length + 2.0, float(_WIDEST))
    return widths
