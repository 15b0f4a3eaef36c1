"""The planner: who is reminded, when, and when a campaign is over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from outreach.db import mailbox, schema
from outreach.model.states import STOPPING_ENGAGEMENTS, CampaignState, EngagementKind, MessageState
from tests.desks import HOURS, MONDAY, Desk
from tests.servers.sink import Sink

TOWN, COLLEAGUE = ("Aalst-Noord", "info@aalst.example"), ("Aalst-Noord", "griffie@aalst.example")
OTHER = ("Gent-Oud", "info@gent.example")
SENT = MessageState.SENT


@pytest.fixture(scope="module")
def invited(blank_workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everybody was sent the invitation."""
    folder = tmp_path_factory.mktemp("plan")
    with Sink(folder / "accepted.jsonl") as sink:
        desk = Desk(blank_workspace, folder / "w", smtp_port=sink.port)
        desk.launch(TOWN, COLLEAGUE, OTHER)
        assert desk.run().sent.sent == 3
        desk.close()
    return desk.folder


@pytest.fixture
def desk(invited: Path, tmp_path: Path, smtp_sink: Sink) -> Iterator[Desk]:
    desk = Desk(invited, tmp_path / "w", smtp_port=smtp_sink.port)
    yield desk
    desk.close()


def reminded(desk: Desk) -> set[str]:
    return {email for step, email in desk.messages() if step == "reminder"}


def test_the_reminder_goes_a_week_later_to_all_who_are_silent(desk: Desk, smtp_sink: Sink) -> None:
    desk.at(days=6, hours=23)
    assert desk.run().did_nothing
    desk.at(days=7, minutes=5)
    assert desk.run().planned == 3
    assert reminded(desk) == {TOWN[1], COLLEAGUE[1], OTHER[1]}
    assert len(smtp_sink.accepted()) == 3
    assert set(smtp_sink.message_ids().values()) == {1}


@pytest.mark.parametrize("kind", sorted(STOPPING_ENGAGEMENTS))
def test_an_answer_stops_the_reminder_for_the_whole_municipality(desk: Desk, kind: EngagementKind) -> None:
    desk.answers(COLLEAGUE[1], kind)
    desk.at(days=8)
    assert desk.run().planned == 1
    assert reminded(desk) == {OTHER[1]}


@pytest.mark.parametrize("kind", sorted(set(EngagementKind) - STOPPING_ENGAGEMENTS))
def test_anything_else_does_not(desk: Desk, kind: EngagementKind) -> None:
    desk.answers(COLLEAGUE[1], kind)
    desk.at(days=8)
    assert desk.run().planned == 3


def test_an_answer_that_was_taken_back_does_not(desk: Desk) -> None:
    desk.answers(TOWN[1])
    with desk.write() as connection:
        connection.execute(sa.update(schema.engagement).values(undone_at=MONDAY))
    desk.at(days=8)
    assert desk.run().planned == 3


def test_an_absence_moves_the_reminder_behind_it(desk: Desk) -> None:
    with desk.write() as connection:
        until = (MONDAY + timedelta(days=10)).date()
        mailbox.stay_away_until(connection, desk.message(TOWN[1]).recipient_id, until)
    desk.at(days=8)
    assert desk.run().planned == 2
    assert TOWN[1] not in reminded(desk)
    desk.at(days=10, hours=12)
    assert desk.run().did_nothing
    desk.at(days=11)
    assert desk.run().planned == 1
    assert TOWN[1] in reminded(desk)


@pytest.mark.parametrize(
    "state", [MessageState.BOUNCED, MessageState.FAILED, MessageState.UNCERTAIN, MessageState.SKIPPED]
)
def test_what_did_not_arrive_for_certain_has_no_reminder(desk: Desk, state: MessageState) -> None:
    with desk.write() as connection:
        columns = schema.message.c
        connection.execute(sa.update(schema.message).where(columns.email == TOWN[1]).values(state=state))
    desk.at(days=8)
    assert desk.run().planned == 2
    assert reminded(desk) == {COLLEAGUE[1], OTHER[1]}


def test_the_delay_runs_from_each_mail(blank_workspace: Path, tmp_path: Path, smtp_sink: Sink) -> None:
    """Two mails a day: who is invited on Tuesday is reminded on Tuesday."""
    desk = Desk(
        blank_workspace, tmp_path / "w", smtp_port=smtp_sink.port, window=HOURS, limits={"per_day": 2}
    )
    desk.launch(TOWN, COLLEAGUE, OTHER)
    assert desk.run(max_seconds=1).sent.sent == 2
    desk.at(days=1, hours=1)
    assert desk.run(max_seconds=1).sent.sent == 1
    desk.at(days=7, hours=2)
    assert desk.run(max_seconds=1).planned == 2
    desk.at(days=8, hours=2)
    assert desk.run(max_seconds=1).planned == 1
    desk.close()


class TestFinished:
    def test_when_the_last_reminder_is_sent(self, desk: Desk) -> None:
        desk.at(days=8)
        desk.run()
        assert desk.campaign().state is CampaignState.FINISHED
        assert set(desk.messages().values()) == {SENT}

    def test_when_all_have_answered(self, desk: Desk) -> None:
        desk.answers(TOWN[1])
        desk.answers(OTHER[1], EngagementKind.DECLINED)
        desk.at(days=8)
        desk.run()
        assert desk.campaign().state is CampaignState.FINISHED
        assert not reminded(desk)

    def test_not_while_a_reminder_is_still_to_come(self, desk: Desk) -> None:
        desk.at(days=3)
        desk.run()
        assert desk.campaign().state is CampaignState.RUNNING

    @pytest.mark.parametrize("state", [MessageState.UNCERTAIN, MessageState.MISSED])
    def test_not_while_a_person_has_to_decide(self, desk: Desk, state: MessageState) -> None:
        with desk.write() as connection:
            columns = schema.message.c
            connection.execute(sa.update(schema.message).where(columns.email == TOWN[1]).values(state=state))
        desk.at(days=8)
        desk.run()
        assert desk.campaign().state is CampaignState.RUNNING


def test_a_paused_campaign_is_not_planned(desk: Desk) -> None:
    desk.type("campaigns", "pause", "trial", "--country", "BE")
    desk.at(days=8)
    assert desk.run().did_nothing
    desk.type("campaigns", "resume", "trial", "--country", "BE")
    assert desk.run().planned == 3
