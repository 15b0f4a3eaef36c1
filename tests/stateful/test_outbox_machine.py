"""The outbox against a server that keeps account, with runs that die, leases that end and lines that break.

Two runs work at once on one SQLite file. What a run knows is in ``held`` and dies with it; what the server
accepted is in ``accepted``, which nobody but the test sees.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from datetime import timedelta
from enum import Enum, auto
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from outreach.db import mailbox, outbox, schema
from outreach.db.engine import Database
from outreach.db.outbox import Settled
from outreach.model.states import (
    FINAL_MESSAGE_STATES,
    MESSAGE_MOVES,
    WAITING_MESSAGE_STATES,
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
PICK = st.integers(0, 7)
LINES = st.sampled_from(["first", "second"])  # two runs; a new one takes the place of a dead one


class Hold(Enum):
    """How far a run is with a message it claimed."""

    CLAIMED = auto()
    MARKED = auto()  # the row says that the end of DATA may go out
    TAKEN = auto()  # it went out, and the server accepted; the answer is on its way


def _when_a_run_holds(*holds: Hold) -> Any:
    """Rules that could do nothing are not tried: the stories get long enough to meet the rare turns."""
    return precondition(lambda machine: machine._holding(*holds))


class Outbox(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="outreach-outbox-"))
        self.database = Database(databases.sqlite_url(self.folder))
        self.now = NOW
        self.runs = {"first": "first-0", "second": "second-0"}
        self.dead: set[str] = set()
        self.held: dict[tuple[str, int], Hold] = {}
        self.accepted: Counter[tuple[str, str]] = Counter()  # by step and address
        self.suppressed: set[str] = set()
        self.answered: set[int] = set()  # municipalities
        self.may_bounce = self.may_queue = False
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

    # What the program does

    @precondition(lambda machine: machine.may_queue)
    @rule(who=st.sets(st.integers(0, len(CONTACTS) - 1), min_size=2), step=st.sampled_from(STEPS))
    def queue(self, who: set[int], step: str) -> None:
        with self.database.write() as connection:
            rows = [
                histories.message_row(connection, self.recipients[number], step, due_at=self.now)
                for number in sorted(who)
            ]
            outbox.queue(connection, rows)

    @precondition(lambda machine: machine.waits)
    @rule(line=LINES, limit=st.integers(1, 4))
    def claim(self, line: str, limit: int) -> None:
        run = self.runs[line]
        with self.database.write() as connection:
            due = outbox.due(connection, "mine", self.now, limit)
            reasons = outbox.why_not(connection, due, lambda address: (address, f"@{address}"))
            outbox.skip(connection, reasons)
            ours = [one for one in due if one.id not in reasons]
            outbox.claim(connection, [one.id for one in ours], run, self.now + LEASE)
        for one in ours:
            assert one.email_key not in self.suppressed
            assert one.municipality_id not in self.answered
            self.held[run, one.id] = Hold.CLAIMED

    @_when_a_run_holds(Hold.CLAIMED)
    @rule(pick=PICK, arrives=st.booleans())
    def hand_over(self, pick: int, arrives: bool) -> None:
        """The row is marked; the end of DATA goes out at once, or not yet."""
        run, id_ = claim = self._pick(pick, Hold.CLAIMED)
        with self.database.write() as connection:
            may = outbox.hand_over(connection, [id_], run, self.now)
        if not may:
            del self.held[claim]
            return
        self.held[claim] = Hold.MARKED
        if arrives:
            self._server_accepts(claim)

    @_when_a_run_holds(Hold.CLAIMED)
    @rule(line=LINES)
    def give_back(self, line: str) -> None:
        """The run's time is over."""
        run = self.runs[line]
        unbegun = [key for key, hold in self.held.items() if key[0] == run and hold is Hold.CLAIMED]
        with self.database.write() as connection:
            outbox.release(connection, [id_ for _, id_ in unbegun], run, self.now, "the time is over")
        for key in unbegun:
            del self.held[key]

    @precondition(lambda machine: machine.lost)
    @rule()
    def recover(self) -> None:
        self.lost = False
        with self.database.write() as connection:
            outbox.recover(connection, self.dead, self.now)

    # What the server and the line do

    @_when_a_run_holds(Hold.MARKED)
    @rule(pick=PICK)
    def server_accepts(self, pick: int) -> None:
        self._server_accepts(self._pick(pick, Hold.MARKED))

    @_when_a_run_holds(Hold.TAKEN)
    @rule(pick=PICK)
    def answer_arrives(self, pick: int) -> None:
        claim = self._pick(pick, Hold.TAKEN)
        self._finish(claim, OutcomeKind.ACCEPTED, Decision(MessageState.SENT, "accepted"))
        row = next(row for row in self._rows() if row.id == claim[1])
        assert row.state in (MessageState.SENT, MessageState.BOUNCED), "however late the answer comes"

    @_when_a_run_holds(Hold.CLAIMED, Hold.MARKED)
    @rule(pick=PICK, for_good=st.booleans())
    def server_refuses(self, pick: int, for_good: bool) -> None:
        claim = self._pick(pick, Hold.CLAIMED, Hold.MARKED)
        if for_good:
            self._finish(claim, OutcomeKind.REFUSED, Decision(MessageState.FAILED, "refused"))
        else:
            later = self.now + timedelta(minutes=5)
            self._finish(claim, OutcomeKind.DEFERRED, Decision(MessageState.DEFERRED, "busy", later))

    @_when_a_run_holds(*Hold)
    @rule(pick=PICK)
    def line_breaks(self, pick: int) -> None:
        claim = self._pick(pick, *Hold)
        if self.held[claim] is Hold.CLAIMED:
            again = Decision(MessageState.DEFERRED, "cut", self.now, burns_attempt=False)
            self._finish(claim, OutcomeKind.LOST_BEFORE, again)
        else:
            self._finish(claim, OutcomeKind.LOST_AFTER, Decision(MessageState.UNCERTAIN, "cut"))

    @_when_a_run_holds(*Hold)
    @rule(line=LINES)
    def kill(self, line: str) -> None:
        """All that the run knew is gone; the next one does not know that it ever was."""
        run = self.runs[line]
        self.dead.add(run)
        self.lost = True
        self.held = {key: hold for key, hold in self.held.items() if key[0] != run}
        self.runs[line] = f"{line}-{len(self.dead)}"

    @rule(minutes=st.sampled_from([6, 11]))
    def time_passes(self, minutes: int) -> None:
        self.lost = True
        self.now += timedelta(minutes=minutes)

    # What comes back

    @precondition(lambda machine: machine.may_bounce)
    @rule(pick=PICK)
    def bounce(self, pick: int) -> None:
        if id_ := self._one_accepted(pick):
            with self.database.write() as connection:
                mailbox.mark_bounced(connection, id_, "5.1.1 user unknown")

    @precondition(lambda machine: machine.accepted and not machine.answered)
    @rule(pick=PICK)
    def person_answers(self, pick: int) -> None:
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

    @precondition(lambda machine: machine.waits and not machine.suppressed)
    @rule(contact=st.sampled_from(CONTACTS))
    def suppress(self, contact: tuple[int, str]) -> None:
        address = contact[1].casefold()
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

    # What must hold

    @invariant()
    def nothing_twice_and_every_row_tells_the_truth(self) -> None:
        assert all(number == 1 for number in self.accepted.values()), self.accepted
        rows = self._rows()
        for row in rows:
            was = self.before.get(row.id, MessageState.QUEUED)
            legal = MESSAGE_MOVES[was] | {was}
            if was is MessageState.UNCERTAIN:  # by itself it only turns out to have been sent
                legal = frozenset({was, MessageState.SENT, MessageState.BOUNCED})
            assert row.state in legal, (was, row.state)
            is_held = row.state is MessageState.SENDING
            assert (row.claimed_by is not None, row.claimed_until is not None) == (is_held, is_held)
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
        # One suppression and one answer a story, and no rule that could do nothing: else stories end early.
        self.waits = any(row.state in WAITING_MESSAGE_STATES for row in rows)
        self.may_bounce = any(row.state in (MessageState.SENT, MessageState.UNCERTAIN) for row in rows)
        self.may_queue = not self.waits and len(rows) < len(STEPS) * (len(CONTACTS) - 1)

    def teardown(self) -> None:
        try:
            if hasattr(self, "recipients"):
                self._end_of_the_story()
        finally:
            self.database.close()
            shutil.rmtree(self.folder)

    def _end_of_the_story(self) -> None:
        """All runs die, and one good run sends what is left to a server that takes everything."""
        self.kill("first")
        self.kill("second")
        self.recover()
        self.nothing_twice_and_every_row_tells_the_truth()
        assert MessageState.SENDING not in {row.state for row in self._rows()}
        self.now += timedelta(days=1)
        while any(row.state in WAITING_MESSAGE_STATES for row in self._rows()):
            self.claim("first", 10)
            self.nothing_twice_and_every_row_tells_the_truth()
            for _ in list(self.held):
                self.hand_over(0, arrives=True)
                self.answer_arrives(0)
            self.nothing_twice_and_every_row_tells_the_truth()
        for row in self._rows():
            assert row.state in FINAL_MESSAGE_STATES | {MessageState.UNCERTAIN}
            if self.accepted[row.step, row.email_key]:
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
            outbox.finish(connection, run, [settled], self.now)

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


TestOutbox = Outbox.TestCase
TestOutbox.settings = settings(max_examples=30, stateful_step_count=50, deadline=None)
