"""Costs are entered by hand, and the summary of a country joins them with who was invited and who came."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from outreach import clock
from outreach.db import schema
from tests import databases
from tests.integration.test_session_mails import BEGINS, SESSION, TOWNS
from tests.integration.test_what_follows import Office
from tests.servers.sink import Sink

CAMPAIGN = ("--campaign", "information-session", "--country", "BE")


@pytest.fixture(params=["sqlite", "postgresql"])
def office(
    request: pytest.FixtureRequest, blank_workspace: Path, tmp_path: Path, smtp_sink: Sink
) -> Iterator[Office]:
    url = databases.postgres_url() if request.param == "postgresql" else ""
    office = Office(blank_workspace, tmp_path / "w", smtp_port=smtp_sink.port, database=url)
    office.sink = smtp_sink
    trial = (office.folder / "campaigns" / "trial.toml").read_text()
    session = SESSION.format(places="").replace("A session", "An information session")
    text = trial.replace("[audience]", session + "[audience]").replace('"lordimas"', '"information-session"')
    (office.folder / "campaigns" / "information-session.toml").write_text(text)
    office.import_(TOWNS)
    office.type("campaigns", "check", "information-session", "--country", "BE")
    office.type("campaigns", "launch", "information-session", "--country", "BE", "--yes")
    assert len(office.sent()) == 3
    yield office
    office.close()
    if url:
        databases.cluster().drop(url.rpartition("/")[2])


def summary(office: Office) -> dict[str, object]:
    (found,) = json.loads(office.type("report", "reimbursement", "--country", "BE", "--json"))["countries"]
    return dict(found)


def test_what_two_sessions_came_to(office: Office, tmp_path: Path) -> None:
    assert summary(office)["missing"] == [
        "No training session was launched.",
        "The information session of 2026-03-30 is still to come.",
    ]
    clock.move_to(BEGINS + timedelta(hours=3))
    said = office.type("costs", "add", "1.200,50", *CAMPAIGN, "--what", "Catering", "--on", "2026-03-30")
    assert said == "1,200.50 euro for Catering, information-session-be: number 1.\n"
    office.type("costs", "add", "99", *CAMPAIGN, "--what", "A slip")
    office.type("costs", "undo", 2)
    (entry,) = json.loads(office.type("costs", "list", "--json"))
    assert (entry["euros"], entry["what"], entry["paid_on"]) == ("1200.50", "Catering", "2026-03-30")
    path = tmp_path / "door.csv"
    path.write_text(
        "Naam;E-mail;Gemeente\nAn;info@aalst.example;\nJan;jan@gent.example;\nEls;;Brugge\nPiet;;\n"
    )
    office.type("attendance", "import", path, *CAMPAIGN, "--apply")
    found = summary(office)
    assert found["missing"] == [
        "No training session was launched.",
        "Of 1 person at information-session-be the municipality has to be named.",
    ]
    assert (found["costs"], found["payable"], found["complete"]) == ("1200.50", "1200.50", False)
    (session,) = found["sessions"]  # type: ignore[misc]
    assert {
        name: session[name] for name in ("form", "invited", "registered", "attended", "people_on_site")
    } == {
        "form": "hybrid",
        "invited": 3,
        "registered": 0,
        "attended": 3,
        "people_on_site": 3,
    }
    shown = office.type("report", "reimbursement", "--language", "de")
    assert "Belgium (BE): INCOMPLETE" in shown
    assert "1.200,50\xa0€" in shown
    book = tmp_path / "r.xlsx"
    office.type("report", "reimbursement", "--format", "xlsx", "--output", book)
    cells = CalamineWorkbook.from_path(str(book)).get_sheet_by_name("Sessions").to_python()
    assert cells[1][:3] == ["BE", "information", "information-session-be"]
    assert cells[1][12] == pytest.approx(1200.5)
    actions = [action for action in office.rows(schema.audit, "action") if action.startswith("costs")]
    assert actions == ["costs.add", "costs.add", "costs.undo"]


def test_slips_are_told(office: Office) -> None:
    for arguments, says in (
        (("costs", "add", "much", *CAMPAIGN, "--what", "x"), "'much' is no amount of euro"),
        (("costs", "add", "1", *CAMPAIGN, "--what", " "), "needs a word"),
        (("costs", "add", "1", "--campaign", "no-be", "--what", "x"), "There is no campaign"),
        (("costs", "undo", 7), "There is no expense 7"),
        (("report", "reimbursement", "--format", "xlsx"), "goes into a file"),
        (("report", "reimbursement", "--language", "xx-yy-zz"), "is no language"),
    ):
        with pytest.raises(AssertionError, match=says):
            office.type(*arguments)
