"""`outreach templates` as it is typed: how far translations are, out to a translator, and back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.workspaces import command


@pytest.fixture
def workspace(blank_workspace: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "w"
    shutil.copytree(blank_workspace, folder)
    return folder


def standing(folder: Path, *options: str) -> dict[tuple[str, str], str]:
    out = command("-w", folder, "templates", "status", "--json", *options).ok().out
    return {(one["mail"], one["language"]): one["status"] for one in json.loads(out)}


def test_status_says_what_is_missing_behind_and_unreviewed(workspace: Path) -> None:
    mail = workspace / "templates/helpdesk/reminder.de.md"
    mail.write_text(mail.read_text().replace("source_revision = 1", "source_revision = 0"))
    found = standing(workspace)
    assert found["helpdesk/reminder", "de"] == "behind"
    assert found["helpdesk/reminder", "fr"] == "unreviewed"
    assert found["network-meeting/reminder", "el"] == "missing"
    assert set(standing(workspace, "--campaign", "helpdesk", "--language", "lb").values()) == {"missing"}
    table = command("-w", workspace, "templates", "status", "--campaign", "helpdesk").ok().out
    assert "helpdesk/reminder    u  u  u  b  u" in table
    wrong = command("-w", workspace, "templates", "status", "--campaign", "helpdsk")
    assert wrong.code == 4
    assert "There are no mails of 'helpdsk'" in wrong.err


@pytest.mark.parametrize("form", ["po", "xliff"])
def test_a_translator_works_on_one_file_and_it_becomes_mails(
    workspace: Path, tmp_path: Path, form: str
) -> None:
    file = tmp_path / "mails"
    out = command("-w", workspace, "templates", "export", "fr", "--format", form, "--out", file).ok().out
    assert "translated." in out
    same = json.loads(command("-w", workspace, "templates", "import", file, "--json").ok().out)
    assert {one["what"] for one in same["mails"]} == {"unchanged"}
    text = file.read_text(encoding="utf-8")
    assert "{%" not in text
    old = "Une seule question, deux phrases suffisent"
    assert old in text
    file.write_text(text.replace(old, "Une question"), encoding="utf-8")
    assert (
        "would be written: templates/_shared/thanks.fr.md"
        in command("-w", workspace, "templates", "import", file).out
    )
    mail = workspace / "templates/_shared/thanks.fr.md"
    assert old in mail.read_text(encoding="utf-8")
    command("-w", workspace, "templates", "import", file, "--apply", "--translator", "Léa").ok()
    written = mail.read_text(encoding="utf-8")
    assert 'preheader = "Une question"\nrevision = 2\nsource_revision = 1\ntranslator = "Léa"' in written
    assert standing(workspace)["_shared/thanks", "fr"] == "unreviewed"
    file.unlink()
    command("-w", workspace, "templates", "export", "fr", "--format", form, "--out", file).ok()
    command("-w", workspace, "templates", "import", file, "--apply", "--reviewed-by", "Luc").ok()
    assert set(standing(workspace, "--language", "fr").values()) == {"reviewed"}


def test_words_around_the_mails_go_to_the_translator_with_countries_and_campaigns(
    workspace: Path, tmp_path: Path
) -> None:
    file = tmp_path / "mails.po"
    command("-w", workspace, "templates", "export", "fr", "--out", file).ok()
    text = file.read_text(encoding="utf-8")
    greeting, yes = "Madame la Maire, Monsieur le Maire,", 'msgstr "Nous participons"'
    assert "Only in France, instead of the default." in text
    assert greeting in text
    assert 'msgid "We take part"' in text
    assert yes in text
    file.write_text(text.replace(greeting, "Monsieur le Maire,").replace(yes, 'msgstr "Nous y serons"'))
    command("-w", workspace, "templates", "import", file, "--apply").ok()
    around = (workspace / "templates/_layout/strings.fr.toml").read_text(encoding="utf-8")
    assert 'FR = "Monsieur le Maire,"' in around
    own = (workspace / "templates/network-meeting/strings.fr.toml").read_text(encoding="utf-8")
    assert 'label = "Nous y serons"' in own


def test_a_wrong_translation_is_refused_and_the_others_are_written(workspace: Path, tmp_path: Path) -> None:
    file = tmp_path / "mails.po"
    command("-w", workspace, "templates", "export", "de", "--out", file, "--campaign", "helpdesk").ok()
    text = file.read_text(encoding="utf-8").replace(
        '{{ links.helpdesk }})**"\n\n', '{{ links.help }})**"\n\n', 2
    )
    file.write_text(
        text.replace(
            'msgid "**[Go to the helpdesk]({{ links.help }})**"',
            'msgid "**[Go to the helpdesk]({{ links.helpdesk }})**"',
        )
    )
    done = command("-w", workspace, "templates", "import", file)
    assert done.code == 1
    assert "refused: helpdesk/invitation: helpdesk/invitation, body." in done.out


def test_a_new_language_is_refused_by_the_check_until_it_is_translated(workspace: Path) -> None:
    out = command("-w", workspace, "templates", "new", "lb", "--campaign", "helpdesk").ok().out
    assert "helpdesk/invitation.lb.md" in out
    assert "4 files to translate." in out
    assert standing(workspace, "--campaign", "helpdesk", "--language", "lb") == {
        (f"helpdesk/{step}", "lb"): "behind" for step in ("invitation", "reminder", "last-call")
    }
    assert (
        "No mail is missing."
        in command("-w", workspace, "templates", "new", "lb", "--campaign", "helpdesk").ok().out
    )
