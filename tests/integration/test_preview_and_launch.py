"""What a person looks at before a launch, and who may launch what."""

from __future__ import annotations

import json
from pathlib import Path
from unittest.mock import patch

import pytest

from tests import workspaces
from tests.workspaces import command

FR = ("--country", "FR")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    settings = workspaces.sender(
        "fr", "digital@towns.example", ["FR"], {"host": "127.0.0.1", "security": "plain"}, four_eyes=True
    )
    folder = workspaces.create(tmp_path / "w", settings)
    rows = [("Lille", "info@lille.example", "fr"), ("Lens", "info@lens.example", "fr")]
    file = workspaces.write_list(tmp_path / "l.csv", rows)
    command("-w", folder, "contacts", "import", file, *FR, "--apply").ok()
    return folder


def test_the_preview_shows_each_mail_with_text_headers_and_calendar(workspace: Path, tmp_path: Path) -> None:
    out = tmp_path / "p"
    command(
        "-w", workspace, "campaigns", "preview", "information-session", *FR, "--dir", out, "--each", 2
    ).ok()
    page, second = ((out / name).read_text(encoding="utf-8") for name in ("index.html", "index.2.html"))
    for words in ("Nous venons sur place", "List-Unsubscribe:", "BEGIN:VCALENDAR", 'width="320"'):
        assert words in page
    # invitation and reminder; a week and a day before the session, and the thanks after it
    assert page.count("<article>") == 5
    assert '<a href="index.2.html">2</a>' in page
    assert ("info@lille.example" in page) != ("info@lille.example" in second)


def test_a_preview_is_made_for_the_contact_one_asks_for(workspace: Path, tmp_path: Path) -> None:
    ask = ("-w", workspace, "campaigns", "preview", "lordimas", *FR, "--dir", tmp_path / "p", "--contact")
    command(*ask, "Info@lens.example").ok()
    page = (tmp_path / "p/index.html").read_text(encoding="utf-8")
    assert "info@lens.example" in page
    assert "info@lille.example" not in page
    wrong = command(*ask, "info@nowhere.example")
    assert wrong.code == 4
    assert "info@nowhere.example is not in the audience" in wrong.err


def test_a_launch_is_of_the_check_it_names_and_by_another_person(workspace: Path) -> None:
    found = json.loads(command("-w", workspace, "campaigns", "check", "lordimas", *FR, "--json").ok().out)
    launch = ("-w", workspace, "campaigns", "launch", "lordimas", *FR, "--yes", "--check")
    wrong = command(*launch, "00000000")
    assert (wrong.code, "00000000 is not the token of the last check" in wrong.err) == (5, True)
    same = command(*launch, found["token"])
    assert (same.code, "wants another person to launch it" in same.err) == (5, True)
    with patch("getpass.getuser", return_value="colleague"):
        assert "lordimas-fr is launched" in command(*launch, found["token"]).ok().out
    other = command("-w", workspace, "campaigns", "check", "helpdesk", *FR, "--json").ok().out
    assert "2 of its contacts are also in lordimas-fr, which is running" in other
