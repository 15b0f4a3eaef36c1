"""Who started and who finished the assessment, by its own list, up to the report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from outreach.db import schema
from outreach.model.states import EngagementKind, Progress
from tests import workspaces
from tests.desks import Desk
from tests.servers.sink import Sink

TOWNS = (("Aalst", "info@aalst.example"), ("Gent", "info@gent.example"), ("Brugge", "info@brugge.example"))
LIST = "Gemeente,Stand\nAalst,Afgerond\nStad Gent,bezig\nNergens,bezig\nBrugge,\n"
WORDS = ("--map", "status=Stand", "--started", "Bezig", "--finished", "afgerond")


@pytest.fixture
def desk(blank_workspace: Path, tmp_path: Path, smtp_sink: Sink) -> Iterator[Desk]:
    desk = Desk(blank_workspace, tmp_path / "w", smtp_port=smtp_sink.port)
    desk.launch(*TOWNS)
    desk.run()
    desk.at(days=1)
    yield desk
    desk.close()


def test_who_started_and_finished_is_shown_then_written_down_and_reported(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text(LIST)
    command = ("registrations", "progress", path, "--campaign", "trial-be", *WORDS)
    shown = json.loads(desk.type(*command, "--json"))
    assert [(one["change"], one["found"], one["progress"]) for one in shown] == [
        ("new", "Aalst", "finished"),
        ("new", "Gent", "started"),
        ("unknown", None, "started"),
        ("same", "Brugge", None),
    ]
    assert desk.rows(schema.registration, "id") == []
    assert "Written down." in desk.type(*command, "--apply")
    assert sorted(desk.rows(schema.registration, "progress")) == [Progress.FINISHED, Progress.STARTED]
    made = json.loads(desk.type("report", "--json"))
    assert [made["total"][name] for name in ("registered", "started", "finished")] == [2, 2, 1]
    assert made["total"]["rates"]["finished"]["denominator"] == 2
    path.write_text("Gemeente,Stand\nAalst,bezig\nGent,afgerond\n")
    again = json.loads(desk.type(*command, "--apply", "--json"))
    assert [one["change"] for one in again] == ["same", "new"], "nobody goes backwards"
    assert json.loads(desk.type("report", "--json"))["total"]["finished"] == 2
    assert desk.events() == [EngagementKind.REGISTERED] * 2


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("Gemeente,Status\nAalst,Entwurf\n", (), "line 2: the status is 'Entwurf'"),
        ("Gemeente,Stand\nAalst,started\n", (), "has no column 'status'"),
        ("Gemeente,Status\nAalst,started\n", ("--map", "stand=Status"), "cannot be mapped to 'stand'"),
    ],
)
def test_a_list_that_says_something_else_changes_nothing(
    desk: Desk, tmp_path: Path, text: str, options: tuple[str, ...], words: str
) -> None:
    path = tmp_path / "list.csv"
    path.write_text(text)
    done = workspaces.command(
        "-w", desk.folder, "registrations", "progress", path, "--campaign", "trial-be", "--apply", *options
    )
    assert (done.code, words in done.err) == (4, True), done
    assert desk.rows(schema.registration, "id") == []
