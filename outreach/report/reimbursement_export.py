"""The reimbursement summary as text for a terminal, JSON, CSV and a workbook."""

from __future__ import annotations

import csv
import io
import json
import textwrap
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from outreach.model.countries import COUNTRIES
from outreach.report.export import harmless
from outreach.report.reimbursement import CEILING, EXPECTED, Claim, Kind, SessionHeld

DEFINITIONS = (
    ("invited", "Municipalities that were sent at least one mail of the campaign."),
    ("registered", "Municipalities that have a place; those on the waiting list do not count."),
    ("attended", "Municipalities of which somebody was there, by the attendance lists, registered or not."),
    ("people", "Different people of these municipalities, on site and online."),
    ("costs", "As they were entered, in euro."),
    ("payable", f"The costs of the country's sessions together, up to the ceiling of {CEILING:,.2f} euro."),
)
_COLUMNS = (
    *(
        "country",
        "session",
        "campaign",
        "title",
        "date",
        "form",
        "invited",
        "registered",
        "waiting",
        "attended",
    ),
    *(
        "people_on_site",
        "people_online",
        "costs",
        "country_costs",
        "ceiling",
        "payable",
        "complete",
        "missing",
    ),
)


def money(amount: Decimal, language: str = "en") -> str:
    """``€1,200.50``, as the language writes it."""
    from babel.numbers import format_currency

    return format_currency(amount, "EUR", locale=language)


def to_json(claims: Sequence[Claim]) -> str:
    """Amounts are texts of euro and cents, so that no reader rounds them."""
    whole = {
        "ceiling": str(CEILING),
        "definitions": dict(DEFINITIONS),
        "countries": [
            {
                "country": claim.country,
                "complete": claim.is_complete,
                "missing": list(claim.missing),
                "notes": list(claim.notes),
                "costs": str(claim.costs),
                "payable": str(claim.payable),
                "over": str(claim.over),
                "sessions": [_json(one) for one in claim.sessions],
            }
            for claim in claims
        ],
    }
    return json.dumps(whole, ensure_ascii=False, indent=2) + "\n"


def _json(one: SessionHeld) -> dict[str, Any]:
    return {
        "session": one.kind,
        "campaign": one.campaign,
        "title": one.title,
        "start": one.start.isoformat(),
        "form": one.form,
        "held": one.held,
        "invited": one.invited,
        "registered": one.registered,
        "waiting": one.waiting,
        "attended": one.attended,
        "people_on_site": one.people_on_site,
        "people_online": one.people_online,
        "costs": str(one.costs),
        "expenses": [
            {
                "what": expense.what,
                "euros": str(expense.euros),
                "paid_on": expense.paid_on.isoformat() if expense.paid_on else None,
            }
            for expense in one.expenses
        ],
    }


def _rows(claims: Sequence[Claim]) -> Iterator[tuple[Any, ...]]:
    """A row a session, and one for each of the two that is not there."""
    for claim in claims:
        whole = (claim.costs, CEILING, claim.payable, claim.is_complete, " ".join(claim.missing))
        for one in claim.sessions:
            yield (
                *(
                    claim.country,
                    one.kind.value,
                    one.campaign,
                    one.title,
                    one.day,
                    one.form.value,
                    one.invited,
                ),
                *(
                    one.registered,
                    one.waiting,
                    one.attended,
                    one.people_on_site,
                    one.people_online,
                    one.costs,
                ),
                *whole,
            )
        for kind in EXPECTED:
            if not any(one.kind is kind for one in claim.sessions):
                yield (claim.country, kind.value, *(None for _ in range(11)), *whole)


def to_csv(claims: Sequence[Claim], *, for_excel: bool = False) -> str:
    """One line a session. ``for_excel``: with semicolons, decimal commas and a byte-order mark, as most of the Union's
    spreadsheets read it."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=";" if for_excel else ",", lineterminator="\r\n")
    writer.writerow(_COLUMNS)
    for row in _rows(claims):
        writer.writerow([_text(value, for_excel) for value in row])
    return ("\ufeff" if for_excel else "") + file.getvalue()


def _text(value: object, for_excel: bool) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return str(value).replace(".", ",") if for_excel else str(value)
    return harmless(str(value))


def to_workbook(claims: Sequence[Claim]) -> bytes:
    """A workbook (XLSX) with typed cells: the sessions, the expenses, and what the figures mean."""
    import xlsxwriter

    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True, "strings_to_formulas": False}) as book:
        bold = book.add_format({"bold": True, "bottom": 1})
        formats = {
            "euro": book.add_format({"num_format": '#,##0.00 "€"'}),
            "day": book.add_format({"num_format": "yyyy-mm-dd"}),
            "count": book.add_format({"num_format": "#,##0"}),
            "text": book.add_format({"text_wrap": False}),
        }
        expenses = [
            (claim.country, one.campaign, expense.what, expense.paid_on, expense.euros)
            for claim in claims
            for one in claim.sessions
            for expense in one.expenses
        ]
        for title, columns, rows in (
            ("Sessions", _COLUMNS, list(_rows(claims))),
            ("Expenses", ("country", "campaign", "what", "paid_on", "euros"), expenses),
            ("Definitions", ("figure", "meaning"), list(DEFINITIONS)),
        ):
            sheet = book.add_worksheet(title)
            sheet.freeze_panes(1, 0)
            for column, name in enumerate(columns):
                width = max([len(name), *(len(str(row[column])) for row in rows if row[column] is not None)])
                sheet.set_column(column, column, min(width + 2, 60))
                sheet.write_string(0, column, name, bold)
            for number, row in enumerate(rows, 1):
                for column, value in enumerate(row):
                    _write(sheet, number, column, value, formats)
    return file.getvalue()


def _write(sheet: Any, row: int, column: int, value: object, formats: dict[str, Any]) -> None:
    from datetime import date, datetime

    if value is None:
        return
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value)
    elif isinstance(value, Decimal):
        sheet.write_number(row, column, float(value), formats["euro"])
    elif isinstance(value, int):
        sheet.write_number(row, column, value, formats["count"])
    elif isinstance(value, date):
        sheet.write_datetime(row, column, datetime(value.year, value.month, value.day), formats["day"])  # noqa: DTZ001 - a day
    else:
        sheet.write_string(row, column, str(value), formats["text"])


def to_terminal(claims: Sequence[Claim], language: str = "en") -> str:
    """For a terminal of 80 columns."""
    if not claims:
        return "No session was launched yet, and no costs were entered.\n"
    return "\n".join("\n".join(_block(claim, language)) for claim in claims) + "\n"


_GRID = "  {:<11}  {:<10}  {:<7}  {:>7}  {:>10}  {:>8}  {:>11}"


def _block(claim: Claim, language: str) -> Iterator[str]:
    state = "complete" if claim.is_complete else "INCOMPLETE"
    yield f"{COUNTRIES[claim.country].name} ({claim.country}): {state}"
    yield _GRID.format("Session", "Date", "Form", "Invited", "Registered", "Attended", "Costs").rstrip()
    for one in claim.sessions:
        name = one.kind.value if one.kind is not Kind.OTHER else one.campaign[:11]
        counts = (f"{one.invited:,}", f"{one.registered:,}", f"{one.attended:,}")
        yield _GRID.format(name, str(one.day), one.form.value, *counts, money(one.costs, language))
        if one.people_on_site + one.people_online:
            yield f"  {'':<11}  {one.people_on_site:,} on site and {one.people_online:,} people online"
    costs = f"Costs {money(claim.costs, language)} of at most {money(CEILING, language)}: {_payable(claim, language)}"
    for sentence in (costs, *claim.missing, *claim.notes):
        yield from textwrap.wrap(sentence, 80, initial_indent="  ", subsequent_indent="    ")
    yield ""


def _payable(claim: Claim, language: str) -> str:
    if claim.over:
        return f"{money(claim.payable, language)} can be claimed, {money(claim.over, language)} is above the ceiling."
    left = CEILING - claim.costs
    return f"{money(claim.payable, language)} can be claimed, {money(left, language)} is left."
