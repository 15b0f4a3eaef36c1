"""Sending: when, how much, to whom not, and what becomes of what the server says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from outreach import clock
from outreach.db import schema
from outreach.model.states import EngagementKind, MessageState, OutcomeKind, SuppressionReason
from tests import workspaces
from tests.desks import HOURS, MONDAY, Desk
from tests.servers.sink import Sink

TOWNS = [(f"Dorp {letter}", f"info@dorp-{letter}.example") for letter in "abcdefgh"]
Make = Callable[..., Desk]


@pytest.fixture
def make(blank_workspace: Path, tmp_path: Path, smtp_sink: Sink) -> Iterator[Make]:
    """A desk whose campaign is launched and waits to be sent."""
    made: list[Desk] = []

    def make(number: int = 2, **options: object) -> Desk:
        desk = Desk(blank_workspace, tmp_path / "w", smtp_port=smtp_sink.port, **options)  # type: ignore[arg-type]
        desk.launch(*TOWNS[:number])
        made.append(desk)
        return desk

    yield make
    for desk in made:
        desk.close()


def test_a_closed_window_moves_what_is_due_to_its_opening(make: Make, smtp_sink: Sink) -> None:
    desk = make(window=HOURS)
    desk.at(hours=9)  # 18 in Belgium
    assert desk.run().did_nothing
    assert set(desk.rows(schema.message, "due_at")) == {MONDAY + timedelta(days=1)}
    desk.at(days=1, minutes=-1)
    assert desk.run().did_nothing
    assert smtp_sink.accepted() == []
    desk.at(days=1)
    assert desk.run().sent.sent == 2


def test_a_week_end_and_a_holiday_are_closed(make: Make, smtp_sink: Sink) -> None:
    desk = make(window=HOURS)
    for days in (5, 6, 35):  # Saturday, Sunday, Easter Monday
        desk.at(days=days)
        desk.run()
    assert smtp_sink.accepted() == []
    desk.at(days=36)
    assert desk.run().sent.sent == 2


def test_after_its_last_day_a_mail_is_missed_and_never_goes(make: Make, smtp_sink: Sink) -> None:
    desk = make(more="not_after = 2026-03-03")
    desk.at(days=2)
    report = desk.run()
    assert (report.sent.missed, report.sent.sent) == (2, 0)
    assert set(desk.messages().values()) == {MessageState.MISSED}
    desk.at(days=3)
    assert desk.run().did_nothing
    assert smtp_sink.accepted() == []
    status = desk.type("campaigns", "status", "trial", "--country", "BE")
    assert "2 mails missed their last day" in status


def test_on_its_last_day_it_goes(make: Make) -> None:
    desk = make(more="not_after = 2026-03-03")
    desk.at(days=1, hours=14)
    assert desk.run().sent.sent == 2


class TestBudget:
    def test_of_a_minute(self, make: Make) -> None:
        desk = make(8, limits={"per_minute": 3})
        assert desk.run(max_seconds=10).sent.sent == 3
        assert desk.run(max_seconds=10).sent.sent == 0
        desk.at(seconds=62)
        assert desk.run(max_seconds=10).sent.sent == 3

    def test_of_a_day(self, make: Make) -> None:
        desk = make(8, limits={"per_day": 3})
        assert desk.run(max_seconds=10).sent.sent == 3
        desk.at(hours=23)
        assert desk.run(max_seconds=10).sent.sent == 0
        desk.at(hours=24, seconds=10)
        assert desk.run(max_seconds=10).sent.sent == 3

    def test_holds_over_two_processes_at_once(self, make: Make, smtp_sink: Sink) -> None:
        desk = make(8, limits={"per_minute": 3})
        clock.reset()
        desk.close()
        smtp_sink.behaviour.reply_delay = 0.05
        runs = [workspaces.start_warm("-w", desk.folder, "send", "--max-seconds", "2") for _ in range(2)]
        for one in runs:
            one.join(30)
            assert one.exitcode == 0
        assert len(smtp_sink.accepted()) == 3

    def test_what_was_refused_costs_too(self, make: Make, smtp_sink: Sink) -> None:
        smtp_sink.behaviour.on_rcpt = lambda _: "550 5.1.1 unknown"
        desk = make(8, limits={"per_minute": 3})
        assert desk.run(max_seconds=10).sent.states == {MessageState.BOUNCED: 3}


class TestNoLongerWanted:
    """Looked up again at the very claim."""

    def test_suppressed(self, make: Make, smtp_sink: Sink) -> None:
        desk = make(3)
        desk.type("suppress", "add", TOWNS[0][1].upper())
        desk.type("suppress", "add", "dorp-b.example")
        report = desk.run()
        assert (report.sent.skipped, report.sent.sent) == ({"suppressed": 2}, 1)
        assert [one.recipients for one in smtp_sink.accepted()] == [(TOWNS[2][1],)]
        assert desk.rows(schema.message, "reason")[:2] == ["suppressed", "suppressed"]

    def test_answered_since_the_reminder_was_queued(self, make: Make, smtp_sink: Sink) -> None:
        desk = make(2)
        desk.run()
        desk.at(days=8)
        smtp_sink.behaviour.on_rcpt = lambda address: "450 4.2.0 later" if "dorp-a" in address else None
        assert desk.run().sent.states == {MessageState.SENT: 1, MessageState.DEFERRED: 1}
        smtp_sink.behaviour.on_rcpt = lambda _: None
        desk.answers(TOWNS[0][1])
        desk.at(days=10)
        assert desk.run().sent.skipped == {"answered": 1}
        assert desk.messages()["reminder", TOWNS[0][1]] is MessageState.SKIPPED
        assert len(smtp_sink.accepted()) == 3

    def test_paused_and_cancelled(self, make: Make, smtp_sink: Sink) -> None:
        desk = make(2)
        desk.type("campaigns", "pause", "trial", "--country", "BE")
        assert desk.run().did_nothing
        desk.type("campaigns", "resume", "trial", "--country", "BE")
        desk.type("campaigns", "cancel", "trial", "--country", "BE", "--yes")
        assert desk.run().did_nothing
        assert smtp_sink.accepted() == []
        assert set(desk.messages().values()) == {MessageState.CANCELLED}


class TestWhatTheServerSays:
    def test_an_unknown_recipient_has_bounced_and_is_suppressed(self, make: Make, smtp_sink: Sink) -> None:
        smtp_sink.behaviour.on_rcpt = lambda address: "550 5.1.1 unknown" if "dorp-a" in address else None
        desk = make(2)
        assert desk.run().sent.states == {MessageState.BOUNCED: 1, MessageState.SENT: 1}
        assert desk.rows(schema.suppression, "address", "reason") == [
            (TOWNS[0][1], SuppressionReason.BOUNCED)
        ]
        assert EngagementKind.BOUNCED in desk.events()
        assert desk.rows(schema.attempt, "outcome", "code", "enhanced") == [
            (OutcomeKind.REFUSED, 550, "5.1.1"),
            (OutcomeKind.ACCEPTED, 250, "2.0.0"),
        ]

    def test_a_refusal_of_us_says_nothing_of_the_address(self, make: Make, smtp_sink: Sink) -> None:
        smtp_sink.behaviour.on_rcpt = lambda _: "550 5.7.1 your reputation is poor"
        desk = make(1)
        desk.run()
        assert desk.rows(schema.suppression, "address") == []
        assert EngagementKind.BOUNCED not in desk.events()

    def test_later_means_later(self, make: Make, smtp_sink: Sink) -> None:
        smtp_sink.behaviour.on_rcpt = lambda _: "450 4.2.0 greylisted"
        desk = make(1)
        assert desk.run().sent.states == {MessageState.DEFERRED: 1}
        assert desk.run().did_nothing
        smtp_sink.behaviour.on_rcpt = lambda _: None
        desk.at(hours=3)
        assert desk.run().sent.states == {MessageState.SENT: 1}
        assert set(smtp_sink.message_ids().values()) == {1}

    def test_not_for_ever(self, make: Make, smtp_sink: Sink) -> None:
        smtp_sink.behaviour.on_rcpt = lambda _: "450 4.2.0 greylisted"
        desk = make(1, limits={"attempts": 3})
        for day in range(6):
            desk.at(days=day)
            desk.run()
        assert set(desk.messages().values()) == {MessageState.FAILED}
        assert len(desk.rows(schema.attempt, "id")) == 3

    def test_a_lost_answer_is_uncertain_and_stays_so(self, make: Make, smtp_sink: Sink) -> None:
        smtp_sink.behaviour.drop_after_data = 1
        desk = make(2)
        report = desk.run()
        assert report.sent.states == {MessageState.UNCERTAIN: 1, MessageState.SENT: 1}
        for day in range(1, 20, 6):
            desk.at(days=day)
            desk.run()
        assert MessageState.UNCERTAIN in desk.messages().values()
        assert set(smtp_sink.message_ids().values()) == {1}

    def test_a_server_that_is_away_costs_no_attempt_and_rests_the_sender(
        self, make: Make, smtp_sink: Sink
    ) -> None:
        desk = make(2)
        smtp_sink.behaviour.refuse_connections = 50
        report = desk.run()
        assert report.exit_code == 6
        assert set(desk.messages().values()) <= {MessageState.QUEUED, MessageState.DEFERRED}
        assert set(desk.rows(schema.message, "attempts")) == {0}
        smtp_sink.behaviour.refuse_connections = 0
        assert desk.run().sent.sent == 0, "it rests"
        desk.at(hours=2)
        assert desk.run().sent.sent == 2
        assert set(smtp_sink.message_ids().values()) == {1}


def test_enough_begins_nothing_more_and_gives_back_what_it_claimed(make: Make, smtp_sink: Sink) -> None:
    desk = make(8)
    smtp_sink.behaviour.reply_delay = 0.2
    report = desk.run(max_seconds=0.5)
    assert 0 < report.sent.sent < 8
    assert MessageState.SENDING not in desk.messages().values()
    smtp_sink.behaviour.reply_delay = 0
    assert desk.run().sent.sent == 8 - report.sent.sent
    assert set(smtp_sink.message_ids().values()) == {1}
