"""The whole loop, against the embedded servers: what `outreach demo` plays, counted at both ends."""

from __future__ import annotations

import email
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from email.policy import default
from pathlib import Path

import pytest
import sqlalchemy as sa

from outreach import clock
from outreach.db import schema
from outreach.db.engine import Database
from outreach.demo import stage
from outreach.demo.story import Told, tell
from outreach.demo.towns import REFUSALS, REGISTRATIONS, Deed
from outreach.errors import RefusedError
from outreach.jobs import report
from outreach.model.states import EngagementKind, InboxState, MessageState, Rung, SuppressionReason
from outreach.report.document import Cut, Selection

COUNTRIES = ("BE", "BG", "DE", "FI", "FR", "GR", "IE", "NL", "SE")
LANGUAGES = ("bg", "de", "el", "en", "fi", "fr", "nl", "sv")
IN_TWO = ("fi+sv", "fr+nl", "sv+fi")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    clock.move_to(datetime(2026, 11, 23, 12, 0, tzinfo=UTC))
    return tell(tmp_path_factory.mktemp("told") / "demo")


@pytest.fixture
def database(told: Told) -> Iterator[Database]:
    database = Database(told.workspace.database_url)
    yield database
    database.close()


def campaigns_of(told: Told) -> list[tuple[str, str]]:
    return sorted(
        {(mail.campaign.rpartition("-")[0], mail.campaign[-2:].upper()) for mail in told.towns.received}
    )


def test_the_clock_is_back(told: Told) -> None:
    assert abs((clock.now() - datetime.now(UTC)).total_seconds()) < 1


def test_the_report_shows_exactly_what_the_municipalities_did(told: Told, database: Database) -> None:
    made = report.make(told.workspace, database, Selection(), now=clock.now())
    rows = {
        (section.campaign, line.key): line.counts
        for section in made.sections
        if section.cut is Cut.COUNTRY and section.campaign
        for line in section.lines
    }
    assert all(table.adds_up for table in made.left_out)
    assert sorted(rows) == campaigns_of(told)
    assert [country for slug, country in sorted(rows) if slug == "lordimas"] == list(COUNTRIES)
    for (slug, country), counts in rows.items():
        campaign = f"{slug}-{country.lower()}"
        deeds: dict[str, set[str]] = {}
        for deed in told.towns.deeds:
            if deed.campaign == campaign:
                deeds.setdefault(deed.kind, set()).add(deed.town.address)

        def who(kinds: frozenset[str] | set[str], deeds: dict[str, set[str]] = deeds) -> set[str]:
            return set[str]().union(*(deeds.get(kind, set()) for kind in kinds))

        invited = {mail.recipient for mail in told.towns.received if mail.campaign == campaign}
        refused = {one for one in told.towns.refused if campaign in told.towns.town(one).plans}
        answered = {deed.town.address for deed in told.towns.answered() if deed.campaign == campaign}
        assert counts.invited == len(invited | refused), campaign
        assert counts.reached == len(invited - who({"returned"})), campaign
        assert counts.answered == len(answered), campaign
        assert counts.registered == len(who(REGISTRATIONS)), campaign
        assert counts.declined == len(who(REFUSALS)), campaign
        assert counts.unsubscribed == len(who({"unsubscribe"})), campaign


def test_every_kind_of_answer_occurs_in_the_story(told: Told) -> None:
    kinds = {deed.kind for deed in told.towns.deeds}
    assert kinds >= REGISTRATIONS | REFUSALS
    assert kinds >= {"question", "refer", "tentative", "away", "holiday", "returned", "full", "unsubscribe"}
    assert {deed.town.language for deed in told.towns.deeds if deed.kind == "register"} == set(LANGUAGES)
    assert len(told.towns.refused) >= 2


def test_every_message_stands_where_it_must(told: Told, database: Database) -> None:
    message, inbound, event = schema.message.c, schema.inbound_message.c, schema.engagement.c
    deeds = Counter(deed.kind for deed in told.towns.deeds)
    with database.read() as connection:
        states = dict(
            connection.execute(sa.select(message.state, sa.func.count()).group_by(message.state)).all()
        )
        inbox = dict(
            connection.execute(sa.select(inbound.state, sa.func.count()).group_by(inbound.state)).all()
        )
        events = dict(connection.execute(sa.select(event.kind, sa.func.count()).group_by(event.kind)).all())
        suppressed = Counter(connection.execute(sa.select(schema.suppression.c.reason)).scalars())
        matches = Counter(connection.execute(sa.select(schema.inbound_match.c.rung)).scalars())
    received = len(told.towns.received)
    assert states[MessageState.BOUNCED] == deeds["returned"] + len(told.towns.refused)
    assert states[MessageState.SENT] == received + len(told.towns.thanked) - deeds["returned"]
    assert set(states) <= {
        MessageState.SENT,
        MessageState.BOUNCED,
        MessageState.SKIPPED,
    }
    assert inbox == {
        InboxState.OPEN: deeds["question"] + deeds["refer"],
        InboxState.DONE: len(told.towns.deeds) - deeds["question"] - deeds["refer"],
    }
    assert events[EngagementKind.AUTO_REPLIED] == deeds["away"] + deeds["holiday"]
    assert events[EngagementKind.SOFT_BOUNCED] == deeds["full"]
    assert events[EngagementKind.BOUNCED] == deeds["returned"] + len(told.towns.refused)
    assert suppressed[SuppressionReason.UNSUBSCRIBED] == deeds["unsubscribe"]
    assert suppressed[SuppressionReason.BOUNCED] == deeds["returned"] + len(set(told.towns.refused))
    assert sum(matches.values()) == len(told.towns.deeds)
    assert set(matches) == {
        Rung.IN_REPLY_TO,
        Rung.RETURNED_HEADERS,
        Rung.CALENDAR_UID,
        Rung.TOKEN,
        Rung.ADDRESS,
        Rung.DOMAIN,
    }


def test_who_answered_is_answered_once_and_a_registration_is_confirmed(told: Told) -> None:
    times = Counter((mail.recipient.lower(), mail.campaign, mail.step) for mail in told.towns.thanked)
    assert set(times.values()) == {1}
    # one each for a yes and a stop, whoever of the town said it; who pressed No in a calendar needs no thanks
    wanted = {
        "confirmation": REGISTRATIONS,
        "unsubscribed": {"unsubscribe"},
        "declined": REFUSALS - {"refuse"},
    }
    for step, kinds in wanted.items():
        number = sum(deed.kind in kinds for deed in told.towns.deeds)
        assert sum(mail.step == step for mail in told.towns.thanked) == number > 0, step
    assert {mail.step for mail in told.towns.thanked} == set(wanted)
    assert {mail.header("Auto-Submitted") for mail in told.towns.thanked} == {"auto-replied"}
    sessions = [mail for mail in told.towns.thanked if "information-session" in mail.campaign]
    confirmed = [mail.event for mail in sessions if mail.step == "confirmation"]
    invited = {mail.event["UID"] for mail in told.towns.received if "information-session" in mail.campaign}
    assert confirmed
    assert {event["UID"] for event in confirmed} <= invited


def test_nobody_gets_a_step_twice(told: Told) -> None:
    times = Counter((mail.recipient.lower(), mail.campaign, mail.step) for mail in told.towns.received)
    assert set(times.values()) == {1}
    assert len({mail.message_id for mail in told.towns.received}) == len(told.towns.received)


def test_reminders_go_to_the_silent_and_to_nobody_else(told: Told) -> None:
    ended: dict[tuple[str, str], datetime] = {}
    left: dict[str, datetime] = {}
    for deed in sorted(told.towns.deeds, key=_when):
        if deed.kind in {"unsubscribe", "returned"}:
            left.setdefault(deed.town.address, deed.at)
    for deed in told.towns.answered():
        if deed.step == "invitation":
            ended[deed.town.address, deed.campaign] = deed.at
    invited = {(mail.recipient, mail.campaign) for mail in told.towns.received if mail.step == "invitation"}
    reminded = {(mail.recipient, mail.campaign) for mail in told.towns.received if mail.step == "reminder"}
    assert reminded == {key for key in invited - set(ended) if key[0] not in left}
    assert {mail.step for mail in told.towns.received} == {"invitation", "reminder"}
    # who was away was reminded only after the day of return
    away = {deed.town.address: deed.at for deed in told.towns.deeds if deed.kind in {"away", "holiday"}}
    waits = [
        mail.at - away[mail.recipient]
        for mail in told.towns.received
        if mail.recipient in away and mail.step == "reminder"
    ]
    assert len(waits) >= 10
    assert all(wait.days >= 9 for wait in waits)


def _when(deed: Deed) -> datetime:
    return deed.at


def test_the_report_names_every_country(told: Told) -> None:
    lines = told.report.splitlines()
    for country in COUNTRIES:
        assert any(line.split()[:1] == [country] for line in lines), country
    assert max(map(len, lines)) <= 80
    assert {"lordimas", "information-session"} <= {line.split()[0] for line in lines if line.split()}


def test_a_mail_of_each_language_is_there_as_it_was_sent(told: Told) -> None:
    folder = told.workspace.root / "mails"
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        f"lordimas-invitation.{language}.{kind}"
        for language in (*LANGUAGES, *IN_TWO)
        for kind in ("eml", "html")
    )
    for language in LANGUAGES:
        mail = email.message_from_bytes(
            (folder / f"lordimas-invitation.{language}.eml").read_bytes(), policy=default
        )
        assert mail["Content-Language"] == language
        page = (folder / f"lordimas-invitation.{language}.html").read_text(encoding="utf-8")
        assert f'lang="{language}"' in page
        assert "{{" not in page


def test_the_session_of_the_demo_is_still_to_come(told: Told) -> None:
    events = [mail.event for mail in told.towns.received if mail.campaign.startswith("information-session")]
    assert {event["DTSTART"] for event in events} == {"20261231T090000Z", "20270105T110000Z"}


def test_a_folder_of_somebody_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(RefusedError, match="has things of yours"):
        tell(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_settings_of_the_environment_do_not_reach_the_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTREACH_DATABASE", "postgresql://somewhere/real")
    with pytest.raises(RefusedError, match="OUTREACH_DATABASE"):
        tell(tmp_path / "demo")
    assert not (tmp_path / "demo").exists()


@pytest.mark.parametrize("day", range(1, 29))
def test_the_story_begins_on_a_tuesday_and_ends_before_now(day: int) -> None:
    present = datetime(2027, 2, day, 0, 0, tzinfo=UTC)
    begins = stage.first_day(present)
    assert begins.weekday() == 1
    assert 13 < (present - begins).days + 1 <= 21


def test_interrupted_and_told_again_on_the_command_line(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from outreach.cli import main; main()", "demo", "--dir", "demo"]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("OUTREACH_")},
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    first = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert first.stdout is not None
    for line in first.stdout:
        if line.startswith("Two weeks"):
            break
    first.send_signal(signal.SIGINT)
    _, complaint = first.communicate(timeout=20)
    assert first.returncode == 130
    assert complaint.startswith("Interrupted.")
    assert "Traceback" not in complaint

    again = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )
    assert again.stderr == ""
    assert again.returncode == 0
    assert "Type next" in again.stdout
    assert max(map(len, again.stdout.splitlines())) <= 82
    program = command[:3]
    for arguments in (
        ["inbox", "list"],
        ["campaigns", "status", "lordimas", "--country", "BE"],
        ["report", "--campaign", "information-session"],
        ["campaigns", "check", "helpdesk", "--country", "FI"],
    ):
        assert f"-w demo {' '.join(arguments)}\n" in again.stdout
        done = subprocess.run(
            [*program, "-w", "demo", *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stderr) == (0, "")
