"""`outreach report` as a page, Markdown and PDF, from a real database into a file."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from lxml import html as lxml_html

from outreach.db import schema
from outreach.db.engine import Database
from outreach.model.states import EngagementKind, MessageState
from tests import histories, workspaces
from tests.histories import NOW
from tests.workspaces import command

PLACES, ANSWERED = 80, 24


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    smtp = {"host": "127.0.0.1", "port": 9, "security": "plain"}
    workspaces.create(folder, workspaces.sender("mine", "digital@office.example", ["BE", "LU"], smtp=smtp))
    from outreach import settings

    database = Database(settings.load(folder).database_url)
    with database.write() as connection:
        for country in ("be", "lu"):
            id_ = histories.add_campaign(connection, f"lordimas-{country}")
            histories.add_content(connection, id_, "invitation", "reminder")
            for number in range(PLACES // 2):
                municipality = histories.add_municipality(connection, country.upper())
                recipient = histories.add_recipient(connection, id_, municipality)
                message = histories.add_message(connection, recipient, state=MessageState.SENT, sent_at=NOW)
                if number < ANSWERED // 2:
                    histories.add(
                        connection,
                        schema.engagement,
                        at=NOW + timedelta(days=number % 9),
                        kind=EngagementKind.ANSWERED,
                        campaign_id=id_,
                        municipality_id=municipality,
                        recipient_id=recipient,
                        message_id=message,
                    )
    database.close()
    return folder


def test_the_page_says_what_the_database_holds(workspace: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    done = command("-w", workspace, "report", "--format", "html", "-o", out, "--locale", "de_AT").ok()
    assert done.out.strip() == f"Wrote {out}."
    tree = lxml_html.fromstring(out.read_bytes())
    assert tree.xpath("/html/@lang") == ["de"]
    big = {
        item.xpath("string(h3)"): item.xpath("string(p[@class='big'])") for item in tree.xpath("//ul/li[h3]")
    }
    assert big["Eingeladen"] == big["Erreicht"] == str(PLACES)
    assert big["Geantwortet"] == str(ANSWERED)
    said = " ".join(tree.itertext())
    assert "Belgien" in said
    assert "Luxemburg" in said
    assert f"{ANSWERED} von {PLACES}" in said


def test_one_country_has_a_page_of_its_own(workspace: Path) -> None:
    done = command("-w", workspace, "report", "--country", "LU", "--format", "html").ok()
    tree = lxml_html.fromstring(done.out)
    assert tree.xpath("string(//h1)") == "Response report · Luxembourg"
    assert tree.xpath("string(//ul/li[h3='Answered']/p[@class='big'])") == str(ANSWERED // 2)
    assert "Belgium" not in " ".join(tree.itertext())


def test_markdown_is_printed_or_written(workspace: Path, tmp_path: Path) -> None:
    printed = command("-w", workspace, "report", "--format", "markdown").ok().out
    assert printed.startswith("# Response report\n")
    assert f"| Answered | {ANSWERED} |" in printed
    out = tmp_path / "report.md"
    command("-w", workspace, "report", "--format", "markdown", "-o", out).ok()
    assert out.read_text(encoding="utf-8").splitlines()[4:] == printed.splitlines()[4:]


def test_every_form_can_go_into_a_file(workspace: Path, tmp_path: Path) -> None:
    for form, start in (("json", "{"), ("csv", "cut,"), ("table", "")):
        out = tmp_path / f"report.{form}"
        command("-w", workspace, "report", "--format", form, "-o", out).ok()
        assert out.read_text(encoding="utf-8").startswith(start)
        assert out.stat().st_size > 100


def test_what_cannot_be_is_said(workspace: Path, tmp_path: Path) -> None:
    wrong = command("-w", workspace, "report", "--format", "html", "--locale", "tlh")
    assert wrong.code == 4
    assert "'tlh'" in wrong.err
    assert "de" in wrong.err
    wrong = command("-w", workspace, "report", "--format", "html", "--cut", "step")
    assert wrong.code == 2
    wrong = command("-w", workspace, "report", "--format", "html", "-o", tmp_path / "none" / "report.html")
    assert wrong.code == 4
    assert "report.html" in wrong.err
