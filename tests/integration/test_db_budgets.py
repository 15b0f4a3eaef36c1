"""What a sender has used of its limits, and who may open connections, on real databases."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from outreach.db import budgets, outbox, outcomes, schema
from outreach.db.engine import Database
from outreach.db.outcomes import Settled
from outreach.model.states import MessageState, OutcomeKind
from outreach.model.values import Decision, Outcome
from tests import databases, histories
from tests.histories import NOW

database = databases.fixture()

LEASE = timedelta(minutes=10)
MINUTE, DAY = 60, 86_400
SENT = Decision(MessageState.SENT, "accepted")


def _claim(database: Database, ids: list[int], now: datetime = NOW) -> None:
    with database.write() as connection:
        outbox.claim(connection, ids, "run", now + LEASE)


def _settle(
    database: Database, ids: list[int], now: datetime, kind: OutcomeKind = OutcomeKind.ACCEPTED
) -> None:
    """As a run writes it down."""
    with database.write() as connection:
        outcomes.finish(
            connection, "run", [Settled(id_, Outcome(kind, "end_of_data"), SENT) for id_ in ids], now
        )
        if kind is not OutcomeKind.UNUSABLE:
            budgets.spend(connection, "mine", len(ids), now)


def _room(database: Database, now: datetime, **windows: int) -> int:
    limits = {{"minute": MINUTE, "hour": 3_600, "day": DAY}[name]: limit for name, limit in windows.items()}
    with database.write() as connection:
        return budgets.room(connection, "mine", limits, now).mails


class TestWindows:
    def test_they_slide(self, database: Database) -> None:
        with database.write() as connection:
            ids = histories.add_messages(connection, 6)
        assert _room(database, NOW, minute=5) == 5
        _claim(database, ids)
        assert _room(database, NOW, minute=5) == -1, "what is on its way counts"
        for number, id_ in enumerate(ids):
            _settle(database, [id_], NOW + timedelta(seconds=10 * number))
        at = NOW + timedelta(seconds=59)
        assert [_room(database, at, minute=10, day=10), _room(database, at, day=7)] == [4, 1]
        # exactly a minute after an attempt it is out of the window
        assert _room(database, NOW + timedelta(seconds=60), minute=10) == 5
        assert _room(database, NOW + timedelta(seconds=85), minute=10) == 7
        assert _room(database, NOW + timedelta(seconds=200), minute=10, day=10) == 4
        assert _room(database, NOW + timedelta(days=1, seconds=20), minute=10, day=10) == 7

    def test_a_server_that_was_never_reached_costs_nothing(self, database: Database) -> None:
        with database.write() as connection:
            ids = histories.add_messages(connection, 2)
        assert _room(database, NOW, minute=5) == 5
        _claim(database, ids)
        _settle(database, ids, NOW, OutcomeKind.UNUSABLE)
        assert _room(database, NOW, minute=5) == 5

    def test_another_sender_has_its_own(self, database: Database) -> None:
        with database.write() as connection:
            ids = histories.add_messages(connection, 2)
        _claim(database, ids)
        _settle(database, ids, NOW)
        with database.write() as connection:
            assert budgets.room(connection, "other", {MINUTE: 5}, NOW).mails == 5

    def test_a_clock_that_is_set_back_gives_nothing_away(self, database: Database) -> None:
        with database.write() as connection:
            ids = histories.add_messages(connection, 4)
        assert _room(database, NOW, minute=5) == 5
        _claim(database, ids)
        _settle(database, ids, NOW)
        assert _room(database, NOW - timedelta(hours=1), minute=5) == 1
        assert _room(database, NOW + timedelta(seconds=61), minute=5) == 5

    def test_an_attempt_written_late_is_not_held_against_the_sender_for_ever(
        self, database: Database
    ) -> None:
        with database.write() as connection:
            ids = histories.add_messages(connection, 1)
        _claim(database, ids)
        late = NOW + timedelta(minutes=5)
        assert _room(database, late, minute=5) == 4
        _settle(database, ids, NOW)  # its transaction had to wait for the database
        assert _room(database, late, minute=5) == 5

    def test_a_count_that_is_wrong_is_right_after_the_next_run_begins(self, database: Database) -> None:
        with database.write() as connection:
            ids = histories.add_messages(connection, 2)
        assert _room(database, NOW, minute=5) == 5
        _claim(database, ids)
        _settle(database, ids, NOW)
        with database.write() as connection:
            connection.execute(sa.update(schema.sender_window).values(used=99))
            budgets.recount(connection, "mine", [MINUTE], NOW)
        assert _room(database, NOW, minute=5) == 3

    def test_what_a_dead_run_may_have_sent_counts(self, database: Database) -> None:
        with database.write() as connection:
            ids = histories.add_messages(connection, 1)
        assert _room(database, NOW, minute=5) == 5
        _claim(database, ids)
        with database.write() as connection:
            outcomes.hand_over(connection, ids, "run", NOW)
        with database.write() as connection:
            outbox.recover(connection, ["run"], NOW)
        assert _room(database, NOW, minute=5) == 4

    def test_when_it_frees(self, database: Database) -> None:
        with database.write() as connection:
            ids = histories.add_messages(connection, 2)
        _claim(database, ids)
        _settle(database, ids[:1], NOW)
        _settle(database, ids[1:], NOW + timedelta(seconds=20))

        def frees(seconds: int) -> datetime | None:
            with database.read() as connection:
                return budgets.frees_at(connection, "mine", MINUTE, NOW + timedelta(seconds=seconds))

        assert frees(30) == NOW + timedelta(seconds=60)
        assert frees(61) == NOW + timedelta(seconds=80)
        assert frees(90) is None

    def test_claimed_by_many_at_once_the_room_is_given_out_once(self, database: Database) -> None:
        with database.write() as connection:
            histories.add_messages(connection, 30)
        barrier, taken, errors = threading.Barrier(4), [], []

        def work(run: str) -> None:
            try:
                barrier.wait(10)
                for _ in range(4):
                    with database.write() as connection:
                        room = budgets.room(connection, "mine", {MINUTE: 10}, NOW).mails
                        due = outbox.due(connection, "mine", NOW, max(min(room, 3), 0))
                        outbox.claim(connection, [one.id for one in due], run, NOW + LEASE)
                    taken.extend(one.id for one in due)
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=work, args=(f"run-{number}",)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not errors
        assert len(taken) == len(set(taken)) == 10


def test_a_claim_looks_at_few_rows_however_many_attempts_there_were(tmp_path: Path) -> None:
    """Counted in steps of SQLite's own machine."""
    database = Database(databases.sqlite_url(tmp_path))
    attempts = 20_000
    with database.write() as connection:
        (id_,) = histories.add_messages(connection, 1)
        connection.execute(
            sa.insert(schema.attempt),
            [
                {
                    "message_id": id_,
                    "sender": "mine",
                    "at": NOW - timedelta(seconds=4 * number),
                    "outcome": OutcomeKind.ACCEPTED,
                    "stage": "end_of_data",
                    "text": "",
                }
                for number in range(attempts)
            ],
        )
    limits = {MINUTE: 30, 3_600: 1_000, DAY: 100_000}
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    found = []
    for now in (NOW, NOW + timedelta(seconds=1), NOW + timedelta(seconds=2)):
        with database.write() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None
            steps = 0
            driver.set_progress_handler(count, 10)
            room = budgets.room(connection, "mine", limits, now)
            found.append(steps * 10)
            driver.set_progress_handler(None, 0)
            assert room.mails == 15
    database.close()
    assert found[0] > attempts, "the first counts them all"
    assert max(found[1:]) < 1_000


class TestDomains:
    def test_each_has_its_own_count(self, database: Database) -> None:
        with database.write() as connection:
            budgets.spend_domains(connection, "mine", {"a.example": 2, "b.example": 1}, NOW)
            budgets.spend_domains(connection, "mine", {"a.example": 1}, NOW)
            budgets.spend_domains(connection, "mine", {"a.example": 5}, NOW - timedelta(minutes=2))
            used = budgets.domains_used(
                connection, "mine", {"a.example", "c.example"}, NOW - timedelta(minutes=1)
            )
        assert used == {"a.example": 3}

    def test_what_is_on_its_way_counts_and_an_hour_later_nothing_is_left(self, database: Database) -> None:
        with database.write() as connection:
            campaign, place = histories.add_campaign(connection), histories.add_municipality(connection)
            recipient = histories.add_recipient(connection, campaign, place, "Info@A.example")
            row = histories.message_row(connection, recipient, "invitation", due_at=NOW)
            outbox.queue(connection, [row])
            outbox.claim(
                connection, [one.id for one in outbox.due(connection, "mine", NOW, 9)], "r", NOW + LEASE
            )
            budgets.spend_domains(connection, "mine", {"a.example": 2}, NOW - timedelta(minutes=59))
            hour = NOW - timedelta(hours=1)
            assert budgets.domains_used(connection, "mine", {"a.example"}, hour) == {"a.example": 3}
            budgets.recount(connection, "mine", [MINUTE], NOW + timedelta(minutes=2))
            assert connection.execute(sa.select(sa.func.count()).select_from(schema.domain_use)).scalar() == 0


class TestConnections:
    def take(self, database: Database, run: str, limit: int = 3, now: datetime = NOW) -> tuple[int, bool]:
        with database.write() as connection:
            budgets.drop_lines(connection, "mine", [], now)
            return budgets.take_lines(connection, "mine", run, limit, now + LEASE)

    def keep(self, database: Database, run: str, limit: int = 3) -> int:
        with database.write() as connection:
            return budgets.keep_lines(connection, "mine", run, limit, NOW + LEASE)

    def release(self, database: Database, run: str) -> None:
        with database.write() as connection:
            budgets.release_lines(connection, "mine", run)

    def test_the_first_has_all_and_makes_room_for_the_second(self, database: Database) -> None:
        assert self.take(database, "one") == (3, True)
        assert self.keep(database, "one") == 3
        assert self.take(database, "two") == (0, True)
        assert self.keep(database, "one") == 2, "somebody waits"
        assert self.take(database, "two") == (0, True), "not before it has closed one"
        assert self.take(database, "one") == (2, True)
        assert self.take(database, "two") == (1, True)
        assert (self.keep(database, "one"), self.keep(database, "two")) == (2, 1)
        self.release(database, "one")
        assert self.keep(database, "two") == 3, "it may have the others too"
        assert self.take(database, "two") == (3, True)

    def test_where_there_is_none_left_for_a_third_it_does_not_wait(self, database: Database) -> None:
        assert self.take(database, "one", 1) == (1, True)
        assert self.take(database, "two", 1) == (0, False)
        assert self.keep(database, "one", 1) == 1
        self.release(database, "one")
        assert self.take(database, "two", 1) == (1, True)

    def test_of_a_dead_run_they_come_back(self, database: Database) -> None:
        self.take(database, "one")
        with database.write() as connection:
            budgets.drop_lines(connection, "mine", ["one"], NOW)
        assert self.take(database, "two") == (3, True)
        assert self.keep(database, "one") == 0

    def test_a_lease_ends(self, database: Database) -> None:
        self.take(database, "one")
        assert self.take(database, "two", now=NOW + LEASE) == (3, True)

    @pytest.mark.parametrize("limit", [1, 2, 3, 7])
    def test_never_more_than_the_limit_by_any_order(self, limit: int) -> None:
        lines = [0, 0, 0, 0]
        for turn in range(200):
            run = (turn * 7 + turn // 3) % 4
            others = [one for number, one in enumerate(lines) if number != run]
            lines[run] = budgets.share(lines[run], others, limit)
            assert sum(lines) <= limit
        assert sum(lines) == limit
        assert max(lines) - min(lines) <= max(limit // 4, 1) + limit % 4
