"""``outreach simulate``: its rows are those the program itself would have written, whose commands go on from them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from python_calamine import CalamineWorkbook
from sqlmodel import SQLModel

from outreach.db import effects, queries, schema
from outreach.db.engine import Database
from outreach.delivery import tokens
from outreach.errors import InputError, RefusedError
from outreach.jobs.plan_campaign import plan
from outreach.model.states import (
    STOPPING_ENGAGEMENTS,
    AnswerMail,
    EffectKind,
    EngagementKind,
    MessageState,
    OutcomeKind,
)
from outreach.settings import load
from outreach.simulate import places
from outreach.simulate.world import Made, Wishes, simulate
from tests import databases
from tests.workspaces import command as run

_NOW = datetime(2026, 11, 27, 15, tzinfo=UTC)
_WISHES = Wishes(scale=1.5, seed=7, until=date(2026, 11, 27), countries=("EE", "MT"))


@pytest.fixture(scope="module", params=("sqlite", "postgresql"))
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    url = "sqlite:///outreach.db"
    if request.param == "postgresql":
        url = databases.cluster().create("simulated")
    folder = tmp_path_factory.mktemp("made") / "simulation"
    yield simulate(folder, replace(_WISHES, database=url), _NOW)
    if request.param == "postgresql":
        databases.cluster().drop("simulated")


@pytest.fixture
def database(made: Made) -> Iterator[Database]:
    opened = Database(made.workspace.database_url)
    yield opened
    opened.close()


def _rows(url: str) -> dict[str, list[tuple[object, ...]]]:
    opened = Database(url)
    try:
        with opened.read() as connection:
            return {
                table.name: [
                    tuple(row) for row in connection.execute(sa.select(table).order_by(*table.primary_key))
                ]
                for table in SQLModel.metadata.sorted_tables
            }
    finally:
        opened.close()


def test_the_same_wishes_make_the_same_rows_on_either_database(made: Made, tmp_path: Path) -> None:
    again = simulate(tmp_path / "simulation", _WISHES, _NOW)
    mine, other = _rows(made.workspace.database_url), _rows(again.workspace.database_url)
    assert mine == other
    assert len(mine["message"]) > 1500
    assert len(mine["inbound_message"]) > 300
    assert len(mine["attendance"]) > 20
    assert not mine["report_stale"], "it is counted already"
    for table in ("registration", "suppression", "proposal", "effect", "inbound_match", "verdict", "audit"):
        assert mine[table], table


def test_each_mail_has_the_past_that_its_state_tells_of(database: Database, made: Made) -> None:
    message, attempt, event = schema.message, schema.attempt, schema.engagement
    with database.read() as connection:
        accepted = set(
            connection.execute(
                sa.select(attempt.c.message_id).where(attempt.c.outcome == OutcomeKind.ACCEPTED)
            ).scalars()
        )
        told: dict[EngagementKind, set[int]] = {kind: set() for kind in EngagementKind}
        for kind, message_id in connection.execute(sa.select(event.c.kind, event.c.message_id)):
            told[kind].add(message_id)
        rows = connection.execute(sa.select(message)).mappings().all()
    states = {row["state"] for row in rows}
    assert states >= {MessageState.SENT, MessageState.BOUNCED}
    for row in rows:
        assert tokens.verify(made.workspace.key, row["token"])
        assert row["email"].endswith(".example")
        sent = row["sent_at"] is not None
        assert sent == (row["id"] in told[EngagementKind.SENT])
        match row["state"]:
            case MessageState.SENT:
                assert row["id"] in accepted or row["reason"]
                assert row["created_at"] <= row["due_at"] <= row["sent_at"] or row["attempts"] or sent
            case MessageState.BOUNCED:
                assert row["id"] in told[EngagementKind.BOUNCED]
            case _:
                assert not sent


def test_nobody_is_written_to_after_an_answer_nor_before_the_mail_before(database: Database) -> None:
    message, recipient, event = schema.message, schema.recipient, schema.engagement
    with database.read() as connection:
        stopped = {
            tuple(row[:2]): row[2]
            for row in connection.execute(
                sa.select(event.c.campaign_id, event.c.municipality_id, sa.func.min(event.c.at))
                .where(event.c.kind.in_(list(STOPPING_ENGAGEMENTS)))
                .group_by(event.c.campaign_id, event.c.municipality_id)
            )
        }
        steps = connection.execute(
            sa.select(
                message.c.campaign_id,
                recipient.c.municipality_id,
                message.c.recipient_id,
                message.c.step,
                message.c.sent_at,
                message.c.state,
                recipient.c.excluded,
            )
            .join(recipient, recipient.c.id == message.c.recipient_id)
            .where(message.c.answers_id.is_(None))
            .order_by(message.c.id)
        ).all()
    order = ["invitation", "reminder", "last-call"]
    last: dict[int, str] = {}
    for campaign_id, municipality_id, recipient_id, step, sent_at, state, excluded in steps:
        assert excluded is None
        assert order.index(step) == (order.index(last[recipient_id]) + 1 if recipient_id in last else 0)
        last[recipient_id] = step
        answer = stopped.get((campaign_id, municipality_id))
        if state in (MessageState.SENT, MessageState.BOUNCED) and sent_at and answer:
            assert sent_at <= answer, "it had answered"
    assert set(last.values()) == set(order)


def test_places_follow_from_what_was_said(database: Database) -> None:
    """Each registration is the one that the program itself makes of the claims that stand."""
    table = schema.registration
    columns = [column for column in table.columns if column.name not in ("id", "created_at", "updated_at")]
    with database.read() as connection:
        before = set(connection.execute(sa.select(*columns)).all())
        seats = connection.execute(
            sa.select(schema.effect.c.subject)
            .where(schema.effect.c.kind == EffectKind.REGISTRATION)
            .distinct()
        ).scalars()
        subjects = list(seats)
    with (
        database.engine.connect().execution_options(outreach_writes=True) as connection,
        connection.begin() as change,
    ):
        for subject in subjects:
            campaign, _, municipality = subject.partition(":")
            effects.settle_registration(connection, effects.Seat(int(campaign), int(municipality)), _NOW)
        after = set(connection.execute(sa.select(*columns)).all())
        change.rollback()
    assert before == after
    assert len(before) > 20


def test_the_planner_has_nothing_to_catch_up_with(database: Database, made: Made) -> None:
    assert plan(made.workspace, database, made.until, all_=True) == 0


def test_countries_differ_and_answers_come_when_offices_are_open(database: Database) -> None:
    with database.read() as connection:
        rows = queries.campaign_overview(connection)
        hours = connection.execute(
            sa.select(schema.engagement.c.at).where(schema.engagement.c.kind.in_(list(STOPPING_ENGAGEMENTS)))
        ).scalars()
        at = [one for one in hours if one.weekday() < 5]
        steps = set(connection.execute(sa.select(schema.message.c.step)).scalars())
    assert {(row.country, row.name.rpartition("-")[0]) for row in rows} == {
        (country, slug)
        for country in ("EE", "MT")
        for slug in ("helpdesk", "information-session", "lordimas", "training-session")
    }
    office = sum(5 <= one.hour <= 15 for one in at)
    assert office > 0.8 * len(at)
    assert {AnswerMail.CONFIRMATION.value, AnswerMail.DECLINED.value} <= steps


@pytest.mark.parametrize(
    "command",
    [
        "report --json",
        "campaigns list --json",
        "campaigns status training-session --country EE --json",
        "contacts list --country MT --json",
        "inbox list --json",
        "inbox proposals --json",
        "registrations list --json",
        "messages list --country EE --state skipped --json",
        "suppress list --json",
        "places coverage --country EE --json",
    ],
)
def test_every_listing_works_on_it(made: Made, command: str) -> None:
    listed = json.loads(run("-w", made.workspace.root, *command.split()).ok().out)
    assert listed or "inbox list" in command or "skipped" in command, "of so few there may be none"


def test_the_workbook_says_what_json_says(made: Made, tmp_path: Path) -> None:
    workspace = made.workspace.root
    file = tmp_path / "report.xlsx"
    assert run("-w", workspace, "report", "--format", "xlsx", "-o", file).ok().out == f"Wrote {file}.\n"
    said = json.loads(run("-w", workspace, "report", "--json").ok().out)
    header, *rows = CalamineWorkbook.from_path(str(file)).get_sheet_by_name("Countries").to_python()
    columns = [header.index(name) for name in ("Campaign", "Code", "Invited", "Answered", "Registered")]
    found = {tuple(row[column] for column in columns) for row in rows}
    sections = [one for one in said["sections"] if one["cut"] == "country" and one["campaign"]]
    assert len(sections) == 4
    for section in sections:
        for key, line in (*((one["key"], one) for one in section["lines"]), ("all", section["total"])):
            counts = (line["invited"], line["answered"], line["registered"])
            assert (section["campaign"], key, *counts) in found


def test_the_doctor_finds_nothing_wrong_with_its_database(made: Made) -> None:
    run("-w", made.workspace.root, "doctor", "--offline").ok()


def test_a_scale_is_shared_out_by_country() -> None:
    for scale in (0.001, 0.1, 1.0, 3.0):
        numbers = places.numbers(scale)
        assert len(numbers) == 27
        assert min(numbers.values()) >= 1
        assert sum(numbers.values()) == max(27, round(100_000 * scale)) or scale < 0.01
    assert places.numbers(1.0)["FR"] > places.numbers(1.0)["DE"] > places.numbers(1.0)["MT"]


def test_a_folder_with_anything_of_yours_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "contacts.csv").write_text("mine")
    with pytest.raises(RefusedError, match="has things of yours in it"):
        simulate(tmp_path, _WISHES, _NOW)
    assert [path.name for path in tmp_path.iterdir()] == ["contacts.csv"]


def test_a_file_elsewhere_is_never_written_into(tmp_path: Path) -> None:
    mine = tmp_path / "mine.db"
    mine.write_bytes(b"mine")
    for url in (f"sqlite:///{mine}", "sqlite:///../mine.db"):
        with pytest.raises(RefusedError, match="There is a file"):
            simulate(tmp_path / "new", replace(_WISHES, database=url), _NOW)
    assert mine.read_bytes() == b"mine"
    assert not (tmp_path / "new").exists()


def test_a_database_with_rows_is_refused_before_anything_is_made(made: Made, tmp_path: Path) -> None:
    url = load(made.workspace.root).database_url
    before = {name: len(rows) for name, rows in _rows(url).items()}
    with pytest.raises(RefusedError, match="already") as raised:
        simulate(tmp_path / "new", replace(_WISHES, database=url), _NOW)
    assert "Nothing was changed" in (raised.value.remedy or "")
    assert not (tmp_path / "new").exists()
    assert {name: len(rows) for name, rows in _rows(url).items()} == before


@pytest.mark.parametrize("scale", [0, -1, 11, float("nan")])
def test_a_scale_that_cannot_be_is_told(tmp_path: Path, scale: float) -> None:
    with pytest.raises(InputError, match="scale cannot be"):
        simulate(tmp_path / "new", replace(_WISHES, scale=scale), _NOW)
