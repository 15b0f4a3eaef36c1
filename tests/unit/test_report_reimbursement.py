"""The reimbursement summary: what is missing, what can be claimed, and its outputs."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from outreach.errors import InputError
from outreach.jobs.reimbursement import cents_of, euros
from outreach.report import reimbursement_export as export
from outreach.report.reimbursement import CEILING, Expense, Form, Kind, SessionHeld, claims

INFORMATION = SessionHeld(
    campaign="information-session-be",
    country="BE",
    kind=Kind.INFORMATION,
    form=Form.HYBRID,
    title="=A session",
    start=datetime(2027, 4, 8, 10, tzinfo=UTC),
    held=True,
    invited=541,
    registered=48,
    waiting=2,
    attended=41,
    people_on_site=30,
    people_online=22,
    lists=2,
    to_ask=0,
    expenses=(Expense("Catering", Decimal("1200.50")), Expense("=Room", Decimal("800.00"))),
)
TRAINING = replace(
    INFORMATION,
    campaign="training-session-be",
    kind=Kind.TRAINING,
    form=Form.ONLINE,
    start=datetime(2027, 5, 11, 14, tzinfo=UTC),
    expenses=(Expense("Translation", Decimal("1100.10")),),
)


def test_complete() -> None:
    (claim,) = claims([TRAINING, INFORMATION])
    assert claim.is_complete
    assert [one.kind for one in claim.sessions] == [Kind.INFORMATION, Kind.TRAINING]
    assert (claim.costs, claim.payable, claim.over) == (
        Decimal("3100.60"),
        Decimal("3100.60"),
        Decimal("0.00"),
    )
    assert claim.notes == ()


def test_what_is_missing_is_said() -> None:
    information = replace(INFORMATION, lists=0, to_ask=1, expenses=(), form=Form.ONLINE)
    found = {claim.country: claim for claim in claims([information, replace(TRAINING, held=False)], ["FR"])}
    assert list(found) == ["BE", "FR"]
    assert found["BE"].missing == (
        "No attendance list of information-session-be was imported.",
        "Of 1 person at information-session-be the municipality has to be named.",
        "No costs of information-session-be were entered.",
        "The training session of 2027-05-11 is still to come.",
    )
    assert found["BE"].notes == (
        "The information session information-session-be is online; it is to be hybrid.",
    )
    assert found["FR"].missing == (
        "No information session was launched.",
        "No training session was launched.",
    )
    text = export.to_terminal(list(found.values()))
    assert "Belgium (BE): INCOMPLETE" in text
    assert all(len(line) <= 80 for line in text.splitlines())


@given(st.lists(st.integers(1, 400_000), max_size=20))
def test_what_can_be_claimed_is_never_above_the_ceiling_and_no_cent_is_lost(cents: list[int]) -> None:
    expenses = tuple(Expense("x", euros(one)) for one in cents)
    (claim,) = claims([replace(INFORMATION, expenses=expenses)])
    assert claim.costs * 100 == sum(cents)
    assert claim.payable <= CEILING
    assert claim.payable + claim.over == claim.costs


def test_outputs() -> None:
    other = replace(INFORMATION, campaign="network-meeting-be", kind=Kind.OTHER)
    found = claims([INFORMATION, TRAINING, other], ["AT"])
    data = json.loads(export.to_json(found))
    assert data["ceiling"] == "4500.00"
    belgium = data["countries"][1]
    assert (belgium["costs"], belgium["payable"], belgium["over"]) == ("5101.10", "4500.00", "601.10")
    assert belgium["sessions"][0]["expenses"][0] == {"what": "Catering", "euros": "1200.50", "paid_on": None}

    lines = list(csv.DictReader(io.StringIO(export.to_csv(found))))
    assert [(line["country"], line["session"], line["costs"]) for line in lines] == [
        ("AT", "information", ""),
        ("AT", "training", ""),
        ("BE", "information", "2000.50"),
        ("BE", "training", "1100.10"),
        ("BE", "other", "2000.50"),
    ]
    assert lines[2]["title"] == "'=A session", "no formula"
    assert lines[2]["complete"] == "yes"
    excel = export.to_csv(found, for_excel=True)
    assert excel.startswith("\ufeffcountry;session;")
    assert "2000,50" in excel

    book = CalamineWorkbook.from_filelike(io.BytesIO(export.to_workbook(found)))
    assert book.sheet_names == ["Sessions", "Expenses", "Definitions"]
    cells = book.get_sheet_by_name("Sessions").to_python()
    assert cells[3][4].isoformat() == "2027-04-08"
    assert cells[3][6] == 541
    assert cells[3][12] == pytest.approx(2000.5)
    assert cells[3][3] == "=A session"
    assert book.get_sheet_by_name("Expenses").to_python()[2][2] == "=Room"

    text = export.to_terminal(found, "de")
    assert "4.500,00\xa0€ can be claimed, 601,10\xa0€ is above the ceiling." in re.sub(r"\n +", " ", text)
    assert "30 on site and 22 people online" in text
    assert all(len(line) <= 80 for line in text.splitlines())


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        ("1200.50", 120050),
        ("1.200,50", 120050),
        ("1,200.50", 120050),
        ("1 200,5", 120050),
        ("1\u202f200,50 €", 120050),
        ("€ 1200", 120000),
        ("1.200", 120000),
        ("0,07 EUR", 7),
        ("1'234.00", 123400),
        ("100.000", 10000000),
    ],
)
def test_amounts_as_people_write_them(text: str, cents: int) -> None:
    assert cents_of(text) == cents


@pytest.mark.parametrize(
    "text", ["", "x", "-5", "1.2.3", "12,345,6", "0", "0.00", "1e3", "100000.01", "١٢", "1200.505"]
)
def test_amounts_that_are_none(text: str) -> None:
    with pytest.raises(InputError, match=r"no amount of euro|cannot be meant"):
        cents_of(text)
