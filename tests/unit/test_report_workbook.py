"""The workbook, read back by another library: what stands where, and of what type."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import replace
from datetime import date, datetime
from functools import cache
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from outreach.report.document import Cut, Line, Report, Section
from outreach.report.labels import Reader
from outreach.report.measures import Counts
from outreach.report.workbook import to_xlsx
from tests.reports import MADE_AT, made_report


@cache
def _report() -> Report:
    return made_report(campaigns=("lordimas", "helpdesk"), countries=("BE", "DE", "MT"))


@cache
def _workbook() -> bytes:
    return to_xlsx(_report())


def _tables(data: bytes) -> dict[str, list[list[Any]]]:
    book = CalamineWorkbook.from_filelike(io.BytesIO(data))
    return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


def _parts(data: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(data)) as parts:
        return {name: parts.read(name).decode() for name in parts.namelist()}


def test_every_line_of_the_report_stands_in_a_sheet_with_its_numbers() -> None:
    report, tables = _report(), _tables(_workbook())
    header, *rows = tables["Countries"]
    found = {(row[0], row[header.index("Code")]): dict(zip(header, row, strict=True)) for row in rows}
    sections = [section for section in report.sections if section.cut is Cut.COUNTRY]
    assert sections
    for section in sections:
        assert section.campaign
        for key, counts in (*((line.key, line.counts) for line in section.lines), ("all", section.total)):
            row = found.pop((section.campaign, key))
            for measure in report.definitions:
                number = getattr(counts, measure.name)
                if number is not None:
                    assert row[measure.label] == number
            assert row["Answered of reached"] == pytest.approx(counts.answered / counts.reached)
            assert row["Answered, 95 % from"] < row["Answered of reached"] < row["Answered, 95 % to"]
    assert not found
    lines = sum(len(section.lines) + 1 for section in report.sections)
    sheets = (
        "Report",
        "Left out",
        "Definitions",
        "Answers over time",
        "Time to answer",
        "Days",
        "Experiments",
    )
    assert lines == sum(len(table) - 1 for name, table in tables.items() if name not in sheets)


def test_days_are_days_shares_are_percentages_and_counts_are_numbers() -> None:
    tables, parts = _tables(_workbook()), _parts(_workbook())
    assert tables["Days"][1][0] == _report().sends[0].day
    assert isinstance(tables["Days"][1][0], date)
    assert tables["Report"][1][1] == MADE_AT.replace(tzinfo=None)
    assert isinstance(tables["Report"][1][1], datetime)
    for shown in ("0.0%", "#,##0", "yyyy-mm-dd"):
        assert f'formatCode="{shown}"' in parts["xl/styles.xml"]
    curve = _report().curves[0]
    assert tables["Answers over time"][1][:5] == [
        curve.campaign,
        curve.country or "all",
        *map(float, curve.points[0]),
        float(curve.reached),
    ]


def test_headers_stay_in_sight_and_every_column_has_a_filter_and_a_width() -> None:
    sheets = [text for name, text in _parts(_workbook()).items() if name.startswith("xl/worksheets/sheet")]
    assert len(sheets) == len(_tables(_workbook()))
    for sheet in sheets:
        assert re.search(r'<pane ySplit="1"[^>]* state="frozen"', sheet)
        columns = len(re.findall(r"<c ", sheet.split("</row>")[0]))
        assert f'<autoFilter ref="A1:{_letters(columns)}' in sheet
        assert len(re.findall(r"<col ", sheet)) <= columns  # neighbours of one width share an entry
        assert float(min(re.findall(r'width="([0-9.]+)"', sheet), key=float)) > 8


def _letters(column: int) -> str:
    return (_letters((column - 1) // 26) if column > 26 else "") + chr(65 + (column - 1) % 26)


def test_what_the_figures_mean_and_what_is_left_out_go_with_them() -> None:
    report, tables = _report(), _tables(_workbook())
    meanings = {row[0]: row[2] for row in tables["Definitions"][1:] if row[0]}
    assert meanings == {measure.label: measure.meaning for measure in report.definitions}
    assert {row[2] for row in tables["Definitions"]} >= set(report.notes)
    _, *rows = tables["Left out"]
    assert list(tables)[-2:] == ["Left out", "Definitions"]
    for one in report.left_out:
        own = [row for row in rows if row[:3] == [one.campaign or "all", one.country or "all", one.what]]
        total, *reasons, counted = (row[4] for row in own)
        assert total == sum(reasons) + counted


@pytest.mark.parametrize(
    "name", ['=HYPERLINK("http://x.example","you")', "+1", "-1", "@SUM(A1)", "\t=1", "http://x.example"]
)
def test_a_name_is_never_a_formula_nor_a_link(name: str) -> None:
    report = _report()
    section = Section(Cut.CAMPAIGN, (Line(name, Counts(invited=2, reached=1)),), Counts(invited=2, reached=1))
    data = to_xlsx(replace(report, sections=(section,)))
    assert _tables(data)["Campaigns"][1][0] == name
    for part, text in _parts(data).items():
        assert "<f>" not in text, part
        assert "<hyperlink" not in text, part


def test_one_cut_alone_and_in_the_readers_language() -> None:
    tables = _tables(to_xlsx(_report(), cut=Cut.COUNTRY, reader=Reader("de")))
    assert list(tables) == ["Report", "Countries", "Left out", "Definitions"]
    assert "Deutschland" in {row[1] for row in tables["Countries"]}


def test_a_report_of_nothing_is_a_workbook_all_the_same() -> None:
    empty = replace(_report(), sections=(), left_out=(), curves=(), sends=(), experiments=(), total=Counts())
    assert list(_tables(to_xlsx(empty))) == ["Report", "Definitions"]
