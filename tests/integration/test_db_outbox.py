"""The outbox on real databases: never a message for two, never one lost, whatever the order of events."""

from __future__ import annotations

import itertools
import threading
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from outreach.db import outbox, outcomes, schema
from outreach.db.engine import Database
from outreach.db.outcomes import Settled
from outreach.db.upgrade import upgrade
from outreach.model.states import (
    STOPPING_ENGAGEMENTS,
    CampaignState,
    EngagementKind,
    MessageState,
    OutcomeKind,
    SkipReason,
)
from outreach.model.values import Decision, Outcome
from tests import databases, histories
from tests.histories import NOW, state_of

database = databases.fixture()

LEASE = timedelta(minutes=10)
ACCEPTED = Outcome(OutcomeKind.ACCEPTED, "end_of_data", 250, "2.0.0", "queued")
SENT = Decision(MessageState.SENT, "accepted")
REFUSED = Outcome(OutcomeKind.REFUSED, "rcpt", 550, "5.1.1", "no such user")
FAILED = Decision(MessageState.FAILED, "no such user")
BUSY = Outcome(OutcomeKind.DEFERRED, "rcpt", 450, "4.2.1", "busy")
LATER = Decision(MessageState.DEFERRED, "busy", retry_at=NOW + timedelta(hours=1))
CUT = Outcome(OutcomeKind.LOST_BEFORE, "data")
AGAIN = Decision(MessageState.DEFERRED, "cut", retry_at=NOW + timedelta(minutes=5), burns_attempt=False)


def _one(database: Database, **values: Any) -> int:
    with database.write() as connection:
        return histories.add_messages(connection, 1, **values)[0]


def _row(database: Database, id_: int) -> Any:
    with database.read() as connection:
        return connection.execute(sa.select(schema.message).where(schema.message.c.id == id_)).one()


def _claim(database: Database, run: str = "run", now: datetime = NOW, limit: int = 10) -> list[int]:
    with database.write() as connection:
        ids = [due.id for due in outbox.due(connection, "mine", now, limit)]
        outbox.claim(connection, ids, run, now + LEASE)
    return ids


def _hand_over(database: Database, id_: int, run: str = "run", now: datetime = NOW) -> bool:
    with database.write() as connection:
        return outcomes.hand_over(connection, [id_], run, now) == {id_}


def _finish(
    database: Database, id_: int, outcome: Outcome, decision: Decision, run: str = "run", now: datetime = NOW
) -> None:
    with database.write() as connection:
        outcomes.finish(connection, run, [Settled(id_, outcome, decision)], now)


def _recover(database: Database, *dead: str, now: datetime = NOW) -> outbox.Recovered:
    with database.write() as connection:
        return outbox.recover(connection, dead, now)


def _attempts(database: Database, id_: int) -> list[OutcomeKind]:
    column = schema.attempt.c
    with database.read() as connection:
        statement = sa.select(column.outcome).where(column.message_id == id_).order_by(column.id)
        return list(connection.execute(statement).scalars())


def _events(database: Database, id_: int) -> list[EngagementKind]:
    column = schema.engagement.c
    with database.read() as connection:
        return list(connection.execute(sa.select(column.kind).where(column.message_id == id_)).scalars())


class TestQueue:
    def test_one_address_gets_one_mail_of_a_step_whatever_list_it_came_from(self, database: Database) -> None:
        with database.write() as connection:
            campaign_id = histories.add_campaign(connection)
            recipients = [
                histories.add_recipient(
                    connection, campaign_id, histories.add_municipality(connection), "Info@town.example"
                )
                for _ in range(2)
            ]
            rows = [histories.message_row(connection, id_) for id_ in recipients]
            reminder = histories.message_row(connection, recipients[0], "reminder")
            assert outbox.queue(connection, rows) == 1
            assert outbox.queue(connection, [*rows, reminder]) == 1
            assert outbox.queue(connection, []) == 0
            assert (
                connection.execute(sa.select(sa.func.count()).select_from(schema.message)).scalar_one() == 2
            )
            # the first stays, with its token
            assert (
                connection.execute(
                    sa.select(schema.message.c.token).where(schema.message.c.step == "invitation")
                ).scalar_one()
                == (rows[0]["token"])
            )

    def test_the_database_itself_forbids_the_second_mail(self, database: Database) -> None:
        id_ = _one(database)
        row = dict(_row(database, id_)._mapping)
        del row["id"]
        row |= {"token": "another", "internet_message_id": "<another@mine.example>"}
        with pytest.raises(sa.exc.IntegrityError), database.write() as connection:
            connection.execute(sa.insert(schema.message).values(**row))

    def test_queued_at_once_by_two_it_is_there_once(self, database: Database) -> None:
        with database.write() as connection:
            campaign_id = histories.add_campaign(connection)
            place = histories.add_municipality(connection)
            recipient = histories.add_recipient(connection, campaign_id, place)
            rows = [histories.message_row(connection, recipient) for _ in range(2)]
        barrier = threading.Barrier(2)

        def queue(row: dict[str, Any]) -> None:
            barrier.wait(10)
            with database.write() as connection:
                outbox.queue(connection, [row])

        _all_at_once([(queue, row) for row in rows])
        with database.read() as connection:
            assert (
                connection.execute(sa.select(sa.func.count()).select_from(schema.message)).scalar_one() == 1
            )


class TestDue:
    def test_the_longest_due_first_and_only_what_may_go(self, database: Database) -> None:
        with database.write() as connection:
            late, early = (
                histories.add_messages(connection, 1, due_at=NOW - timedelta(minutes=wait))[0]
                for wait in (1, 5)
            )
            deferred = histories.add_messages(
                connection, 1, due_at=NOW - timedelta(minutes=3), state=MessageState.DEFERRED
            )[0]
            histories.add_messages(connection, 1, due_at=NOW + timedelta(seconds=1))
            histories.add_messages(connection, 1, sender="other")
            for state in set(MessageState) - {MessageState.QUEUED, MessageState.DEFERRED}:
                histories.add_messages(connection, 1, state=state)
            for state in set(CampaignState) - {CampaignState.RUNNING}:
                id_ = histories.add_messages(connection, 1)[0]
                campaign = sa.select(schema.message.c.campaign_id).where(schema.message.c.id == id_)
                connection.execute(
                    sa.update(schema.campaign)
                    .where(schema.campaign.c.id == campaign.scalar_subquery())
                    .values(state=state)
                )
        with database.write() as connection:
            found = outbox.due(connection, "mine", NOW, 10)
            assert [due.id for due in found] == [early, deferred, late]
            assert [due.id for due in outbox.due(connection, "mine", NOW, 2)] == [early, deferred]
            assert found[0].municipality.startswith("Town")
            assert (found[0].country, found[0].source) == ("BE", "towns.csv")

    def test_who_was_suppressed_or_answered_meanwhile_is_told_apart(self, database: Database) -> None:
        with database.write() as connection:
            ids = histories.add_messages(connection, 8)
            dues = {due.id: due for due in outbox.due(connection, "mine", NOW, 10)}

            def keys(address: str) -> tuple[str, str]:
                return f"a:{address}", f"d:{address.partition('@')[2]}"

            for key in keys(dues[ids[0]].email)[0], keys(dues[ids[1]].email)[1]:
                histories.add(
                    connection,
                    schema.suppression,
                    key=key,
                    scope="address",
                    reason="manual",
                    source="",
                    at=NOW,
                )

            def act(id_: int, kind: EngagementKind, undone: bool = False) -> None:
                due = dues[id_]
                histories.add(
                    connection,
                    schema.engagement,
                    at=NOW,
                    kind=kind,
                    campaign_id=due.campaign_id,
                    municipality_id=due.municipality_id,
                    recipient_id=due.recipient_id,
                    detail="",
                    undone_at=NOW if undone else None,
                )

            act(ids[2], EngagementKind.ANSWERED)
            act(ids[3], EngagementKind.ANSWERED, undone=True)
            act(ids[4], EngagementKind.AUTO_REPLIED)
            act(ids[5], EngagementKind.SENT)
            assert outbox.why_not(connection, list(dues.values()), keys) == {
                ids[0]: SkipReason.SUPPRESSED,
                ids[1]: SkipReason.SUPPRESSED,
                ids[2]: SkipReason.ANSWERED,
            }
            assert outbox.why_not(connection, [], keys) == {}
            outbox.skip(connection, {ids[0]: SkipReason.SUPPRESSED, ids[2]: SkipReason.ANSWERED})
            assert state_of(connection, ids[2]) is MessageState.SKIPPED
            for kind in STOPPING_ENGAGEMENTS:
                act(ids[6], kind)
            assert outbox.why_not(connection, [dues[ids[6]]], keys) == {ids[6]: SkipReason.ANSWERED}
        assert _row(database, ids[0]).reason == "suppressed"

    def test_an_answer_from_a_colleague_stops_all_addresses_of_the_municipality(
        self, database: Database
    ) -> None:
        with database.write() as connection:
            campaign_id = histories.add_campaign(connection)
            place = histories.add_municipality(connection)
            recipients = [histories.add_recipient(connection, campaign_id, place) for _ in range(2)]
            ids = [histories.add_message(connection, recipient) for recipient in recipients]
            histories.add(
                connection,
                schema.engagement,
                at=NOW,
                kind=EngagementKind.ANSWERED,
                campaign_id=campaign_id,
                municipality_id=place,
                recipient_id=recipients[0],
                detail="",
            )
            dues = outbox.due(connection, "mine", NOW, 10)
            reasons = outbox.why_not(connection, dues, lambda address: (address, address))
        assert reasons == dict.fromkeys(ids, SkipReason.ANSWERED)

    def test_postponed_missed_and_cancelled(self, database: Database) -> None:
        with database.write() as connection:
            ids = histories.add_messages(connection, 3)
            sent = histories.add_messages(connection, 1, state=MessageState.SENT)[0]
            outbox.postpone(connection, {ids[0]: NOW + timedelta(hours=1), sent: NOW + timedelta(hours=1)})
            outbox.postpone(connection, {})
            outbox.miss(connection, [ids[1], sent], "its last day is over")
        assert _row(database, ids[0]).due_at == NOW + timedelta(hours=1)
        assert _row(database, sent).due_at == NOW
        assert _row(database, ids[1]).state is MessageState.MISSED
        assert _row(database, sent).state is MessageState.SENT
        with database.write() as connection:
            campaign_id = _row(database, ids[0]).campaign_id
            assert outbox.cancel_waiting(connection, campaign_id) == 3
        assert {_row(database, id_).state for id_ in ids} == {MessageState.CANCELLED}


class TestOneMessage:
    def test_accepted(self, database: Database) -> None:
        id_ = _one(database)
        assert _claim(database) == [id_]
        assert _claim(database, "second") == []
        assert _hand_over(database, id_)
        assert not _hand_over(database, id_), "the end of DATA goes out once"
        _finish(database, id_, ACCEPTED, SENT)
        row = _row(database, id_)
        assert (row.state, row.sent_at, row.claimed_by, row.attempts) == (MessageState.SENT, NOW, None, 1)
        assert _attempts(database, id_) == [OutcomeKind.ACCEPTED]
        assert _events(database, id_) == [EngagementKind.SENT]
        assert _recover(database, "run", now=NOW + LEASE) == outbox.Recovered(0, 0)

    def test_refused_for_good(self, database: Database) -> None:
        id_ = _one(database)
        _claim(database)
        _finish(database, id_, REFUSED, FAILED)
        assert _row(database, id_).state is MessageState.FAILED
        assert _row(database, id_).reason == "no such user"
        assert _events(database, id_) == [EngagementKind.FAILED]
        assert _claim(database, now=NOW + timedelta(days=1)) == []

    def test_refused_for_now_and_then_accepted(self, database: Database) -> None:
        id_ = _one(database)
        _claim(database)
        _hand_over(database, id_)
        _finish(database, id_, BUSY, LATER)
        row = _row(database, id_)
        assert (row.state, row.attempts, row.due_at) == (MessageState.DEFERRED, 1, LATER.retry_at)
        assert _claim(database) == []
        after = NOW + timedelta(hours=1)
        assert _claim(database, "next", after) == [id_]
        assert _row(database, id_).handed_at is None
        assert _hand_over(database, id_, "next", after)
        _finish(database, id_, ACCEPTED, SENT, "next", after)
        assert _row(database, id_).state is MessageState.SENT
        assert _attempts(database, id_) == [OutcomeKind.DEFERRED, OutcomeKind.ACCEPTED]

    def test_a_cut_before_the_end_burns_no_attempt(self, database: Database) -> None:
        id_ = _one(database)
        _claim(database)
        _finish(database, id_, CUT, AGAIN)
        row = _row(database, id_)
        assert (row.state, row.attempts) == (MessageState.DEFERRED, 0)

    def test_given_back_unbegun(self, database: Database) -> None:
        with database.write() as connection:
            ids = histories.add_messages(connection, 3)
        _claim(database)
        _hand_over(database, ids[0])
        with database.write() as connection:
            outbox.release(connection, ids[:2], "another", NOW, "no")
            outbox.release(connection, ids[:2], "run", NOW, "the time of this run is over")
        assert [_row(database, id_).state for id_ in ids] == [
            MessageState.SENDING,  # handed over: only an answer of the server settles it
            MessageState.DEFERRED,
            MessageState.SENDING,
        ]
        assert _claim(database, "next") == [ids[1]]

    @pytest.mark.parametrize("dies", [True, False], ids=["the run is dead", "the lease has run out"])
    def test_lost_before_the_mark_it_goes_again(self, database: Database, dies: bool) -> None:
        id_ = _one(database)
        _claim(database)
        now = NOW if dies else NOW + LEASE
        assert _recover(database, *(["run"] if dies else []), now=now) == outbox.Recovered(1, 0)
        assert not _hand_over(database, id_, "run", now), "the claim is lost"
        assert _claim(database, "next", now) == [id_]
        assert not _hand_over(database, id_, "run", now)
        assert _hand_over(database, id_, "next", now)

    @pytest.mark.parametrize("dies", [True, False], ids=["the run is dead", "the lease has run out"])
    def test_lost_after_the_mark_it_is_uncertain_and_never_goes_again(
        self, database: Database, dies: bool
    ) -> None:
        id_ = _one(database)
        _claim(database)
        _hand_over(database, id_)
        now = NOW if dies else NOW + LEASE
        assert _recover(database, *(["run"] if dies else []), now=now) == outbox.Recovered(0, 1)
        assert _row(database, id_).state is MessageState.UNCERTAIN
        assert _attempts(database, id_) == [OutcomeKind.LOST_AFTER]
        assert _claim(database, "next", now + timedelta(days=30)) == []
        assert _recover(database, "run", now=now + timedelta(days=30)) == outbox.Recovered(0, 0)

    def test_an_acceptance_that_comes_late_settles_an_uncertain_one(self, database: Database) -> None:
        id_ = _one(database)
        _claim(database)
        _hand_over(database, id_)
        _recover(database, now=NOW + LEASE)
        _finish(database, id_, ACCEPTED, SENT, now=NOW + LEASE)
        row = _row(database, id_)
        assert (row.state, row.sent_at) == (MessageState.SENT, NOW + LEASE)
        assert _events(database, id_) == [EngagementKind.SENT]

    def test_a_refusal_that_comes_late_changes_nothing(self, database: Database) -> None:
        """It is kept as an attempt, for the person who settles it."""
        id_ = _one(database)
        _claim(database)
        _hand_over(database, id_)
        _recover(database, now=NOW + LEASE)
        _finish(database, id_, BUSY, LATER)
        assert _row(database, id_).state is MessageState.UNCERTAIN
        assert _attempts(database, id_) == [OutcomeKind.LOST_AFTER, OutcomeKind.DEFERRED]
        assert _events(database, id_) == []

    def test_a_lease_that_ends_takes_the_right_to_hand_over(self, database: Database) -> None:
        id_ = _one(database)
        _claim(database)
        assert not _hand_over(database, id_, now=NOW + LEASE)
        assert _hand_over(database, id_, now=NOW + LEASE - timedelta(seconds=1))

    def test_a_living_run_under_its_lease_is_left_alone(self, database: Database) -> None:
        with database.write() as connection:
            ids = histories.add_messages(connection, 2)
        _claim(database, limit=1)
        _claim(database, "dead", limit=1)
        assert sorted(_holders(database)) == ["dead", "run"]
        assert _recover(database, "dead") == outbox.Recovered(1, 0)
        assert _holders(database) == ["run"]
        assert _hand_over(database, ids[0])

    @pytest.mark.parametrize("order", list(itertools.permutations(["hand over", "finish", "recover"])))
    def test_whatever_the_order_the_row_tells_the_truth(
        self, database: Database, order: tuple[str, ...]
    ) -> None:
        id_ = _one(database)
        _claim(database)
        handed = False
        for act in order:
            match act:
                case "hand over":
                    handed = _hand_over(database, id_)
                case "finish" if handed:  # a server accepts only what was handed over
                    _finish(database, id_, ACCEPTED, SENT)
                case "recover":
                    _recover(database, "run")
        expected = {
            ("hand over", "finish", "recover"): MessageState.SENT,
            ("hand over", "recover", "finish"): MessageState.SENT,
            ("finish", "hand over", "recover"): MessageState.UNCERTAIN,
        }.get(order, MessageState.DEFERRED)
        assert _row(database, id_).state is expected
        assert _recover(database, "run") == outbox.Recovered(0, 0)


def _holders(database: Database) -> list[str]:
    with database.read() as connection:
        return outbox.holders(connection)


class TestManyAtOnce:
    def test_two_runs_never_claim_the_same_message(self, database: Database) -> None:
        with database.write() as connection:
            ids = histories.add_messages(connection, 60)
        barrier = threading.Barrier(4)
        taken: dict[str, list[int]] = {f"run {number}": [] for number in range(4)}

        def work(run: str) -> None:
            barrier.wait(10)
            while claimed := _claim(database, run, limit=7):
                taken[run] += claimed

        _all_at_once([(work, run) for run in taken])
        # a locked row is skipped, so one look may find none; what is left is there for the next
        taken["last"] = []
        while claimed := _claim(database, "last"):
            taken["last"] += claimed
        assert sorted(itertools.chain(*taken.values())) == ids
        with database.read() as connection:
            held = {row.id: row.claimed_by for row in connection.execute(sa.select(schema.message))}
        assert held == {id_: run for run, ids in taken.items() for id_ in ids}

    def test_recovered_by_two_at_once_it_is_counted_once(self, database: Database) -> None:
        with database.write() as connection:
            ids = histories.add_messages(connection, 20)
        _claim(database, limit=20)
        for id_ in ids[::2]:
            _hand_over(database, id_)
        barrier = threading.Barrier(3)
        found: list[outbox.Recovered] = []

        def work(_: None) -> None:
            barrier.wait(10)
            found.append(_recover(database, "run"))

        _all_at_once([(work, None)] * 3)
        assert (sum(one.released for one in found), sum(one.uncertain for one in found)) == (10, 10)
        assert [_attempts(database, id_) for id_ in ids[::2]] == [[OutcomeKind.LOST_AFTER]] * 10

    def test_a_transaction_that_fails_claims_nothing(self, database: Database) -> None:
        id_ = _one(database)
        with pytest.raises(KeyboardInterrupt), database.write() as connection:  # noqa: PT012
            outbox.claim(connection, [id_], "run", NOW + LEASE)
            raise KeyboardInterrupt
        assert _row(database, id_).state is MessageState.QUEUED


def _all_at_once(calls: list[tuple[Any, Any]]) -> None:
    """Each call in a thread of its own; the first exception of one is raised."""
    errors: list[BaseException] = []

    def guarded(function: Any, argument: Any) -> None:
        try:
            function(argument)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def test_a_claim_reads_no_more_than_it_takes(tmp_path: Path) -> None:
    """However much is waiting: the index has it in the order it goes, and nothing is sorted. (On SQLite: PostgreSQL
    plans by what it has counted, and reads small tables whole.)"""
    upgrade(f"sqlite:///{tmp_path}/outbox.db")
    database = Database(f"sqlite:///{tmp_path}/outbox.db")
    said: list[tuple[str, Any]] = []
    with database.write() as connection:

        def listen(_connection: Any, _cursor: Any, statement: str, values: Any, *_rest: Any) -> None:
            said.append((statement, values))

        sa.event.listen(connection, "before_cursor_execute", listen)
        for ask in (
            lambda: outbox.due(connection, "mine", NOW, 10),
            lambda: outbox.anything_due(connection, "mine", NOW),
            lambda: outbox.holders(connection),
        ):
            said.clear()
            ask()
            ((statement, values),) = list(said)
            plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
            reads = [step for step in plan if " message" in step]
            assert len(reads) == 1
            assert "ix_message_waiting" in reads[0] or "ix_message_sending" in reads[0], plan
            assert not any("ORDER BY" in step for step in plan), plan
    database.close()
