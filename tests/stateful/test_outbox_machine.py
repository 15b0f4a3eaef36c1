"""The outbox against a server that keeps account, with runs that die, leases that end and lines that break.

Two runs work at once on one database, SQLite or PostgreSQL, while a person settles what is uncertain or was
missed, and may cancel the campaign. What a run knows is in ``held`` and dies with it; what the server accepted is
in ``accepted``, which nobody but the test sees.
"""

from __future__ import annotations

import functools
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from enum import Enum, auto
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from outreach.db import campaigns, mailbox, outbox, outcomes, schema
from outreach.db.engine import Database
from outreach.db.outcomes import Settled
from outreach.errors import RefusedError
from outreach.jobs.settle import Settlement, settle
from outreach.model.states import (
    FINAL_MESSAGE_STATES,
    MESSAGE_MOVES,
    WAITING_MESSAGE_STATES,
    CampaignState,
    EngagementKind,
    MessageState,
    OutcomeKind,
    SuppressionReason,
    SuppressionScope,
)
from outreach.model.values import Decision, Outcome
from tests import databases, histories
from tests.histories import NOW

LEASE = timedelta(minutes=10)
STEPS = ("invitation", "reminder", "last-call")
#: (municipality, address): the last address stands in the lists of two municipalities.
CONTACTS = (
    (0, "info@one.example"),
    (0, "mayor@one.example"),
    (1, "info@two.example"),
    (1, "office@region.example"),
    (2, "Office@Region.example"),
)

#: Which of the things there are to choose from: one rule has few, and the numbers go round.
PICKS = 8
PICK = st.integers(0, PICKS - 1)
_OPEN = frozenset({MessageState.UNCERTAIN, MessageState.MISSED})
LATE = 7  # a PICK like the others


class Hold(Enum):
    """How far a run is with a message it claimed."""

    CLAIMED = auto()
    MARKED = auto()  # the row says that the end of DATA may go out
    TAKEN = auto()  # it went out, and the server accepted; the answer is on its way


class Outbox(RuleBasedStateMachine):
    kind = "sqlite"

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="outreach-outbox-"))
        if self.kind == "sqlite":
            self.database = Database(databases.sqlite_url(self.folder))
        else:
            self.database = _emptied()
        self.now = NOW
        self.runs = ["first", "second"]  # a new one takes the place of a dead one
        self.dead: set[str] = set()
        self.held: dict[tuple[str, int], Hold] = {}
        self.accepted: Counter[tuple[str, str]] = Counter()  # by step and address
        self.suppressed: set[str] = set()
        self.answered: set[int] = set()  # municipalities
        self.resent: Counter[tuple[str, str]] = Counter()  # by step and address: a person had it sent again
        self.vouched: set[int] = set()  # messages a person has called sent, or not sent, whatever was true
        self.by_person: set[int] = set()  # settled in this step
        self.cancelled = False
        self.may_bounce = self.may_queue = False
        self.open = False
        self.lost = self.waits = False  # whether there may be something to recover, to claim
        self.before: dict[int, MessageState] = {}

    @initialize()
    def launch(self) -> None:
        with self.database.write() as connection:
            self.campaign = histories.add_campaign(connection)
            self.places = [histories.add_municipality(connection) for _ in range(3)]
            self.recipients = [
                histories.add_recipient(connection, self.campaign, self.places[place], email)
                for place, email in CONTACTS
            ]
        self.queue(PICKS)

    @rule(turn=st.integers(0, 1_000), pick=PICK, flag=st.booleans())
    def something_happens(self, turn: int, pick: int, flag: bool) -> None:
        """One of the things that can happen now, the usual ones more often: no step of a story is wasted."""
        possible = self._possible()
        possible[turn % len(possible)](pick, flag)

    def _possible(self) -> list[Callable[[int, bool], None]]:
        holds = set(self.held.values())
        chances: list[tuple[int, bool, Callable[[int, bool], None]]] = [
            (4, self.waits, self.claim),
            (4, Hold.CLAIMED in holds, self.hand_over),
            (1, Hold.CLAIMED in holds, self.give_back),
            (3, Hold.MARKED in holds, self.server_accepts),
            (3, Hold.TAKEN in holds, self.answer_arrives),
            (1, bool(holds - {Hold.TAKEN}), self.server_refuses),
            (2, bool(holds), self.line_breaks),
            (2, bool(holds), self.kill),
            (2, self.lost, self.recover),
            (1, True, self.time_passes),
            (2, self.may_queue, self.queue),
            (1, self.may_bounce, self.bounce),
            (1, self.may_bounce, self.sent_folder_holds_it),
            (1, self.may_bounce and not self.answered, self.person_answers),
            (1, self.waits and not self.suppressed, self.suppress),
            (2, self.open, self.person_settles),
            (1, len(self.dead) > 2 and not self.cancelled, self.cancel),
        ]
        return [happens for often, can, happens in chances if can for _ in range(often)]

    # What the program does

    def queue(self, pick: int, _flag: bool = False) -> None:
        """The next step for all but one, or for all. Who has a row of it already gets no second one."""
        step = STEPS[min(len(self.before) // (len(CONTACTS) - 1), len(STEPS) - 1)]
        with self.database.write() as connection:
            rows = [
                histories.message_row(connection, recipient, step, due_at=self.now)
                for number, recipient in enumerate(self.recipients)
                if number != pick
            ]
            outbox.queue(connection, rows)

    def claim(self, pick: int, _flag: bool = False) -> None:
        """By either run; now and then the last day of one of them has passed."""
        run = self._run(pick)
        limit, late = 1 + pick // 2, pick == LATE
        with self.database.write() as connection:
            due = outbox.due(connection, "mine", self.now, limit)
            assert not (due and self.cancelled), "claimed from a campaign that was cancelled"
            reasons = outbox.why_not(connection, due, lambda address: (address, f"@{address}"))
            outbox.skip(connection, reasons)
            ours = [one for one in due if one.id not in reasons]
            if late and ours:
                outbox.miss(connection, [ours.pop().id], "its last day had passed")
            outbox.claim(connection, [one.id for one in ours], run, self.now + LEASE)
        for one in ours:
            assert one.email_key not in self.suppressed
            assert one.municipality_id not in self.answered
            self.held[run, one.id] = Hold.CLAIMED

    def hand_over(self, pick: int, arrives: bool = True) -> None:
        """The row is marked; the end of DATA goes out at once, or not yet."""
        run, id_ = claim = self._pick(pick, Hold.CLAIMED)
        with self.database.write() as connection:
            may = outcomes.hand_over(connection, [id_], run, self.now)
        if not may:
            del self.held[claim]
            return
        self.held[claim] = Hold.MARKED
        if arrives:
            self._server_accepts(claim)

    def give_back(self, pick: int, _flag: bool = False) -> None:
        """The run's time is over."""
        run = self._run(pick)
        unbegun = [key for key, hold in self.held.items() if key[0] == run and hold is Hold.CLAIMED]
        with self.database.write() as connection:
            outbox.release(connection, [id_ for _, id_ in unbegun], run, self.now, "the time is over")
        for key in unbegun:
            del self.held[key]

    def recover(self, _pick: int = 0, _flag: bool = False) -> None:
        self.lost = False
        with self.database.write() as connection:
            outbox.recover(connection, self.dead, self.now)

    # What the server and the line do

    def server_accepts(self, pick: int, _flag: bool = False) -> None:
        self._server_accepts(self._pick(pick, Hold.MARKED))

    def answer_arrives(self, pick: int, _flag: bool = False) -> None:
        claim = self._pick(pick, Hold.TAKEN)
        self._finish(claim, OutcomeKind.ACCEPTED, Decision(MessageState.SENT, "accepted"))
        row = next(row for row in self._rows() if row.id == claim[1])
        if not (row.id in self.vouched or self.resent[row.step, row.email_key]):
            assert row.state in (MessageState.SENT, MessageState.BOUNCED), "however late the answer comes"

    def server_refuses(self, pick: int, for_good: bool) -> None:
        claim = self._pick(pick, Hold.CLAIMED, Hold.MARKED)
        if for_good:
            self._finish(claim, OutcomeKind.REFUSED, Decision(MessageState.FAILED, "refused"))
        else:
            later = self.now + timedelta(minutes=5)
            self._finish(claim, OutcomeKind.DEFERRED, Decision(MessageState.DEFERRED, "busy", later))

    def line_breaks(self, pick: int, _flag: bool = False) -> None:
        claim = self._pick(pick, *Hold)
        if self.held[claim] is Hold.CLAIMED:
            again = Decision(MessageState.DEFERRED, "cut", self.now, burns_attempt=False)
            self._finish(claim, OutcomeKind.LOST_BEFORE, again)
        else:
            self._finish(claim, OutcomeKind.LOST_AFTER, Decision(MessageState.UNCERTAIN, "cut"))

    def kill(self, pick: int, _flag: bool = False) -> None:
        """All that the run knew is gone; the next one does not know that it ever was."""
        run = self._run(pick)
        self.dead.add(run)
        self.lost = True
        self.held = {key: hold for key, hold in self.held.items() if key[0] != run}
        self.runs[pick % 2] = f"run-{len(self.dead)}"

    def time_passes(self, _pick: int, twice: bool) -> None:
        """Twice is a lease."""
        self.lost = True
        self.now += timedelta(minutes=11 if twice else 6)

    # What comes back

    def bounce(self, pick: int, _flag: bool = False) -> None:
        if id_ := self._one_accepted(pick):
            with self.database.write() as connection:
                mailbox.mark_bounced(connection, id_, "5.1.1 user unknown")

    def person_answers(self, pick: int, _flag: bool = False) -> None:
        if id_ := self._one_accepted(pick):
            with self.database.write() as connection:
                columns = schema.recipient.c
                statement = (
                    sa.select(columns.id, columns.municipality_id)
                    .join(schema.message, schema.message.c.recipient_id == columns.id)
                    .where(schema.message.c.id == id_)
                )
                recipient = connection.execute(statement).one()
                mailbox.settle_uncertain(connection, id_, "an answer names it")
                histories.add(
                    connection,
                    schema.engagement,
                    at=self.now,
                    kind=EngagementKind.ANSWERED,
                    campaign_id=self.campaign,
                    municipality_id=recipient.municipality_id,
                    recipient_id=recipient.id,
                    message_id=id_,
                    detail="",
                )
            self.answered.add(recipient.municipality_id)

    def suppress(self, pick: int, _flag: bool = False) -> None:
        address = CONTACTS[pick % len(CONTACTS)][1].casefold()
        with self.database.write() as connection:
            mailbox.suppress(
                connection,
                key=address,
                scope=SuppressionScope.ADDRESS,
                address=address,
                reason=SuppressionReason.UNSUBSCRIBED,
                source="test",
                now=self.now,
            )
        self.suppressed.add(address)

    # What a person does

    def person_settles(self, pick: int, again: bool) -> None:
        settlement = Settlement.RESEND if again else (Settlement.SENT, Settlement.FAILED)[pick % 2]
        open_ = [row for row in self._rows() if row.state in _OPEN]
        row = open_[pick % len(open_)]
        if row.state is MessageState.MISSED and not again:
            settlement = Settlement.CANCEL
        if self.cancelled and settlement is Settlement.RESEND:
            with pytest.raises(RefusedError):
                settle(self.database, [row.id], settlement, now=self.now, actor="eva")
            return
        settle(self.database, [row.id], settlement, now=self.now, actor="eva")
        self.by_person.add(row.id)
        if settlement is Settlement.RESEND:
            self.resent[row.step, row.email_key] += 1
        else:
            self.vouched.add(row.id)

    def sent_folder_holds_it(self, pick: int, _flag: bool = False) -> None:
        if id_ := self._one_accepted(pick):
            with self.database.write() as connection:
                mailbox.settle_uncertain(connection, id_, "the folder Sent holds it")

    def cancel(self, _pick: int = 0, _flag: bool = False) -> None:
        with self.database.write() as connection:
            campaign = campaigns.by_id(connection, self.campaign)
            campaigns.move(connection, campaign, CampaignState.CANCELLED)
            outbox.cancel_waiting(connection, self.campaign)
        self.cancelled = True

    # What must hold

    @invariant()
    def nothing_twice_and_every_row_tells_the_truth(self) -> None:
        for which, number in self.accepted.items():
            assert number <= 1 + self.resent[which], (which, number)
        rows = self._rows()
        for row in rows:
            was = self.before.get(row.id, MessageState.QUEUED)
            legal = MESSAGE_MOVES[was] | {was}
            if self.cancelled and was is MessageState.SENDING:
                legal |= {MessageState.CANCELLED}  # it came back, and waits no longer
            if was is MessageState.UNCERTAIN and row.id not in self.by_person:
                # by itself it only turns out to have been sent
                legal = frozenset({was, MessageState.SENT, MessageState.BOUNCED})
            assert row.state in legal, (was, row.state)
            is_held = row.state is MessageState.SENDING
            assert (row.claimed_by is not None, row.claimed_until is not None) == (is_held, is_held)
            if self.cancelled:
                assert row.state not in WAITING_MESSAGE_STATES, "it waits in a campaign that was cancelled"
            if row.id in self.vouched or self.resent[row.step, row.email_key]:
                continue  # a person has decided, and may have been wrong
            if self.accepted[row.step, row.email_key]:
                assert row.handed_at is not None
                assert row.state in (
                    MessageState.SENDING,
                    MessageState.SENT,
                    MessageState.BOUNCED,
                    MessageState.UNCERTAIN,
                )
            elif row.state in (MessageState.SENT, MessageState.BOUNCED):
                raise AssertionError(f"message {row.id} is {row.state} and the server never accepted it")
        self.before = {row.id: row.state for row in rows}
        self.by_person.clear()
        self.open = any(row.state in _OPEN for row in rows)
        # One suppression and one answer a story, and no rule that could do nothing: else stories end early.
        self.waits = any(row.state in WAITING_MESSAGE_STATES for row in rows)
        self.may_bounce = any(row.state in (MessageState.SENT, MessageState.UNCERTAIN) for row in rows)
        self.may_queue = (
            not self.waits and not self.cancelled and len(rows) < len(STEPS) * (len(CONTACTS) - 1)
        )

    def teardown(self) -> None:
        try:
            if hasattr(self, "recipients"):
                self._end_of_the_story()
        finally:
            self.database.close()
            shutil.rmtree(self.folder)

    def _end_of_the_story(self) -> None:
        """All runs die, and one good run sends what is left to a server that takes everything."""
        self.kill(0)
        self.kill(1)
        self.recover()
        self.nothing_twice_and_every_row_tells_the_truth()
        assert MessageState.SENDING not in {row.state for row in self._rows()}
        self.now += timedelta(days=1)
        while any(row.state in WAITING_MESSAGE_STATES for row in self._rows()):
            self.claim(6)
            self.nothing_twice_and_every_row_tells_the_truth()
            for _ in list(self.held):
                self.hand_over(0)
                self.answer_arrives(0)
            self.nothing_twice_and_every_row_tells_the_truth()
        for row in self._rows():
            assert row.state in FINAL_MESSAGE_STATES | _OPEN
            decided = row.id in self.vouched or self.resent[row.step, row.email_key]
            if self.accepted[row.step, row.email_key] and not decided:
                assert row.state in (MessageState.SENT, MessageState.BOUNCED, MessageState.UNCERTAIN)
        with self.database.read() as connection:
            kinds = schema.engagement.c
            sent = connection.execute(
                sa.select(kinds.message_id).where(kinds.kind == EngagementKind.SENT)
            ).scalars()
            assert all(number == 1 for number in Counter(sent).values()), "an event is told once"

    def _server_accepts(self, claim: tuple[str, int]) -> None:
        row = next(row for row in self._rows() if row.id == claim[1])
        self.accepted[row.step, row.email_key] += 1
        self.held[claim] = Hold.TAKEN

    def _finish(self, claim: tuple[str, int], kind: OutcomeKind, decision: Decision) -> None:
        run, id_ = claim
        del self.held[claim]
        with self.database.write() as connection:
            settled = Settled(id_, Outcome(kind, "end_of_data"), decision)
            outcomes.finish(connection, run, [settled], self.now)

    def _run(self, pick: int) -> str:
        return self.runs[pick % 2]

    def _holding(self, *holds: Hold) -> list[tuple[str, int]]:
        return [claim for claim, hold in self.held.items() if hold in holds]

    def _pick(self, pick: int, *holds: Hold) -> tuple[str, int]:
        found = self._holding(*holds)
        return found[pick % len(found)]

    def _rows(self) -> list[sa.Row]:
        with self.database.read() as connection:
            return list(connection.execute(sa.select(schema.message).order_by(schema.message.c.id)))

    def _one_accepted(self, pick: int) -> int | None:
        """A message the server has accepted; ``None`` if there are none.

        Also one whose run has not heard of it yet is chosen: an answer can be faster than a run.
        """
        found = [row.id for row in self._rows() if self.accepted[row.step, row.email_key]]
        return found[pick % len(found)] if found else None


class OutboxOnPostgres(Outbox):
    kind = "postgresql"


@functools.cache
def _server_database() -> Database:
    return Database(databases.postgres_url())


def _emptied() -> Database:
    """The same database for all stories: making a new one takes longer than most of them."""
    database = _server_database()
    names = ", ".join(table.name for table in schema.message.metadata.sorted_tables)
    with database.write() as connection:
        connection.exec_driver_sql(f"TRUNCATE {names} RESTART IDENTITY CASCADE")
    return database


TestOutbox = Outbox.TestCase
TestOutbox.settings = settings(max_examples=30, stateful_step_count=50, deadline=None)
TestOutboxOnPostgres = OutboxOnPostgres.TestCase
TestOutboxOnPostgres.settings = settings(max_examples=15, stateful_step_count=50, deadline=None)
