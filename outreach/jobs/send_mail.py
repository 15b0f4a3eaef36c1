"""Sending what is due, sender by sender, inside its limits; every outcome is written down as it comes."""

from __future__ import annotations

import random
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from outreach.db import budgets, campaigns, mailbox, outbox, outcomes, proposals, senders
from outreach.db.engine import Database
from outreach.db.outbox import Due
from outreach.db.outcomes import Settled
from outreach.delivery import policy, refusals, tokens
from outreach.errors import MailServerError, RefusedError, SettingsError
from outreach.jobs import accounts, guardrails, runs
from outreach.jobs.budget import Budget
from outreach.jobs.press import Press
from outreach.jobs.still_wanted import StillWanted
from outreach.model.states import (
    CampaignState,
    MessageState,
    OutcomeKind,
    SuppressionReason,
    SuppressionScope,
)
from outreach.model.values import Decision, Outcome
from outreach.settings import FILE_NAME, Sender, Workspace
from outreach.smtp import Mail, deliver

#: How many messages are claimed at a time: few enough that a killed run holds little up.
_BATCH = 250
#: A claim's lease. It has to outlast a batch at the slowest pace; a dead process is noticed without it.
_LEASE = timedelta(minutes=30)
#: Seconds for which connections are kept open while there is nothing to send over them yet.
_LONGEST_IDLE = 10.0
#: Seconds that a run waits for a budget; what takes longer is left to the next run.
_LONGEST_WAIT = 90.0
#: Seconds between two questions for a connection that another run has, and after how many it is left to it.
_TURN = 0.1
_LONGEST_TURN = 10.0


@dataclass(slots=True)
class SendReport:
    """What was sent, and what was not."""

    states: Counter[MessageState] = field(default_factory=Counter)  # of the messages tried
    skipped: Counter[str] = field(default_factory=Counter)  # by reason
    missed: int = 0
    released: int = 0  # found from a run that died, certainly not sent
    uncertain: int = 0  # found from a run that died, perhaps sent
    paused: list[str] = field(default_factory=list)  # campaigns that were, by themselves, and why
    errors: list[str] = field(default_factory=list)  # senders that could not be used, and why
    wrong_settings: bool = False  # that is why, for one of them at least

    @property
    def sent(self) -> int:
        return self.states[MessageState.SENT]


def send(
    workspace: Workspace,
    database: Database,
    run: str,
    now: Callable[[], datetime],
    *,
    enough: Callable[[], bool] = lambda: False,
    seconds_left: Callable[[], float | None] = lambda: None,
    progress: Callable[[SendReport], None] = lambda _report: None,
) -> SendReport:
    """Send everything that may go now. A sender that cannot be used does not keep the others from sending.

    ``enough`` ends the run early: what is under way comes to its end, nothing more is begun. ``seconds_left``
    says how long it may wait for a minute's budget (``None``: as long as it takes).
    """
    report = SendReport()
    _recover(workspace, database, report, now)
    _look_for_lost_senders(workspace, database, report)
    report.paused += guardrails.look(workspace, database, now())
    busy: list[_Sending] = []
    for name, sender in workspace.settings.senders.items():
        try:
            busy.append(
                _Sending(workspace, database, run, now, enough, seconds_left, progress, report, name, sender)
            )
        except (RefusedError, SettingsError) as error:
            report.errors.append(f"{name}: {error}")
            report.wrong_settings |= isinstance(error, SettingsError)
    while busy and not enough():
        waits: dict[_Sending, float] = {}
        for sending in busy:
            wait: float | None = None
            try:
                wait = sending.round(patient=len(busy) == 1)
            except (MailServerError, RefusedError, SettingsError) as error:
                report.errors.append(f"{sending.name}: {error}")
                report.wrong_settings |= isinstance(error, SettingsError)
            if wait is not None and wait <= _LONGEST_WAIT:
                waits[sending] = wait
        busy = list(waits)
        pause, left = min(waits.values(), default=0.0), seconds_left()
        if left is not None and pause > left:
            break
        if pause > 0:
            time.sleep(pause)
    return report


def _look_for_lost_senders(workspace: Workspace, database: Database, report: SendReport) -> None:
    """A campaign whose sender is no longer in the settings would wait for ever, and nobody would know."""
    with database.read() as connection:
        running = campaigns.every(connection, {CampaignState.RUNNING})
    for one in running:
        if one.sender not in workspace.settings.senders:
            report.errors.append(
                f"{one.name}: its sender {one.sender!r} is not in {FILE_NAME} any more. "
                f"Put [senders.{one.sender}] back, or cancel the campaign."
            )
            report.wrong_settings = True


def _recover(
    workspace: Workspace, database: Database, report: SendReport, now: Callable[[], datetime]
) -> None:
    with database.read() as connection:
        holders = outbox.holders(connection)
    if not holders:
        return
    with database.write() as connection:
        recovered = outbox.recover(connection, runs.dead(workspace.root, holders), now())
    report.released += recovered.released
    report.uncertain += recovered.uncertain


class _Sending:
    """One sender's share of a run."""

    def __init__(
        self,
        workspace: Workspace,
        database: Database,
        run: str,
        now: Callable[[], datetime],
        enough: Callable[[], bool],
        seconds_left: Callable[[], float | None],
        progress: Callable[[SendReport], None],
        report: SendReport,
        name: str,
        sender: Sender,
    ) -> None:
        self.name = name
        self._database = database
        self._run = run
        self._now = now
        self._enough = enough
        self._seconds_left = seconds_left
        self._progress = progress
        self._report = report
        self._sender = sender
        self._workspace = workspace
        self._key = workspace.key
        self._account = accounts.smtp(workspace, name)
        self._press = Press(workspace, database, name, sender)
        self._budget = Budget(name, sender.limits)
        self._wanted = StillWanted(workspace.key, self._budget, self._press.definition)
        self._watch = guardrails.Watch(workspace.settings.guardrails_of(name))
        self._claimed: dict[int, Due] = {}
        self._ready: deque[Due] = deque()  # claimed, and not drawn yet
        self._write: Callable[[], AbstractContextManager[sa.Connection]] = database.write
        # The last one: many servers say the same to all mails they take, and what follows is the same.
        self._accepted: tuple[Outcome, Decision] | None = None
        self._begun = False
        self._lines = 0  # connections this run may have open
        self._waited = 0.0  # for a connection, in a row
        self._patient = True
        self._pause: float | None = None  # until more may be claimed; None: there is nothing more to do

    def round(self, *, patient: bool) -> float | None:
        """Send until nothing is due or the budget is spent. ``patient``: wait a little for more of it, with the
        connections kept. Returns the seconds after which there may be more; ``None``: nothing more."""
        self._patient = patient
        if (wait := self._take_lines()) is not None or not self._lines:
            return wait
        try:
            self._ready.extend(self._claim())
            if self._ready:
                with self._database.kept() as self._write:
                    deliver(
                        self._account,
                        self._mails(),
                        record=self._record,
                        connections=self._lines,
                        pace=self._pace,
                    )
        except MailServerError as error:
            with self._database.write() as connection:
                until = self._now() + timedelta(minutes=5)
                senders.rest(connection, self.name, until, str(error), self._now())
            raise
        finally:
            self._write = self._database.write
            self._give_back("the run ended before it was sent")
        return self._pause

    def _take_lines(self) -> float | None:
        """Get the right to open connections, if there is something to send. Seconds to wait for one; ``None``:
        there are some, or it is not worth while."""
        self._lines, now = 0, self._now()
        with self._database.read() as connection:
            due = outbox.anything_due(connection, self.name, now)
            holders = budgets.line_holders(connection, self.name)
        if not due and not self._waited:
            return None
        dead = runs.dead(self._workspace.root, holders)
        with self._database.write() as connection:
            budgets.drop_lines(connection, self.name, dead, now)
            worth = due and self._budget.rests_until(connection, now) is None
            if worth:
                if not self._begun:
                    self._budget.begin(connection, now)
                    self._begun = True
                limit = self._sender.limits.connections
                until = now + _LEASE
                self._lines, worth = budgets.take_lines(connection, self.name, self._run, limit, until)
            self._waited = 0.0 if self._lines else self._waited + _TURN
            if not self._lines and not (worth := worth and self._waited <= _LONGEST_TURN):
                budgets.release_lines(connection, self.name, self._run)
        return _TURN if worth and not self._lines else None

    def _pace(self) -> float | None:
        """For :func:`deliver`: 0 when a mail is ready, seconds to wait for one, ``None`` at the end."""
        if self._enough():
            return None
        if not self._ready:
            if self._pause is None or not (claimed := self._claim()):
                return self._wait()
            self._ready.extend(claimed)
        return 0.0

    def _wait(self) -> float | None:
        wait, left = self._pause, self._seconds_left()
        if wait is None or wait == 0 or not self._patient or wait > _LONGEST_IDLE:
            return None
        return None if left is not None and wait > left else wait

    def _claim(self) -> list[Due]:
        """Take the next messages that may go; put off, skip or miss those that may not. When there are none,
        ``_pause`` says whether there may be some later."""
        while not self._enough():
            now = self._now()
            with self._database.write() as connection:
                if (until := self._budget.rests_until(connection, now)) is not None:
                    self._pause = (until - now).total_seconds()
                    return []
                limit = self._sender.limits.connections
                lines = budgets.keep_lines(connection, self.name, self._run, limit, now + _LEASE)
                if lines != self._lines:
                    self._pause = 0.0  # another round, with as many connections as it should have
                    return []
                room = self._budget.room(connection, now)
                if room <= 0:
                    self._pause = self._budget.seconds_to_wait(connection, now)
                    return []
                due = outbox.due(connection, self.name, now, _BATCH)
                if not due:
                    self._pause = None
                    return []
                wanted = self._wanted.look_at(connection, due, now)
                self._report.skipped += wanted.skipped
                self._report.missed += wanted.missed
                taken = wanted.taken[:room]
                outbox.claim(connection, [one.id for one in taken], self._run, now + _LEASE)
            if taken:
                self._pause = 0.0
                self._claimed.update((one.id, one) for one in taken)
                return taken
        return []

    def _mails(self) -> Iterator[Mail]:
        while self._ready:  # and `_pace` lets nobody draw when there is none
            yield self._press.mail(self._ready.popleft(), self._now())

    def _record(self, handing_over: Sequence[int], finished: Sequence[tuple[int, Outcome]]) -> set[int]:
        """Write down outcomes, and mark what may be handed over next, in one transaction."""
        now = self._now()
        settled = [self._settled(id_, outcome, now) for id_, outcome in finished]
        with self._write() as connection:
            if settled:
                tried = [(self._claimed[one.id], one.outcome, one.decision.state) for one in settled]
                paused = self._watch.settled(connection, tried, now)
                outcomes.finish(connection, self._run, settled, now)
                self._budget.spend(connection, tried, now)
                for one in settled:
                    if one.decision.state is not MessageState.SENT:
                        self._consequences(connection, one, now)
                if paused:
                    self._report.paused += paused
                    self._drop(self._watch.paused)
            held = outcomes.hand_over(connection, handing_over, self._run, now)
            if len(held) < len(handing_over):
                campaigns_ = {self._claimed[id_].campaign_id for id_ in handing_over if id_ not in held}
                self._drop(campaigns.stopped(connection, campaigns_))
        if settled:
            for one in settled:
                del self._claimed[one.id]
            self._report.states.update([one.decision.state for one in settled])
            self._progress(self._report)
        return held

    def _drop(self, stopped: Collection[int]) -> None:
        """Campaigns were paused or cancelled: what was claimed of them and is not under way does not go."""
        if stopped:
            self._ready = deque(one for one in self._ready if one.campaign_id not in stopped)

    def _settled(self, id_: int, outcome: Outcome, now: datetime) -> Settled:
        if self._accepted is not None and outcome is self._accepted[0]:
            return Settled(id_, *self._accepted)
        one = self._claimed[id_]
        decision = policy.decide(
            outcome,
            one.attempts,
            now,
            max_attempts=self._sender.limits.attempts,
            jitter=random.random(),  # noqa: S311  (spreads retries; nothing secret)
            throttles_in_a_row=round(self._budget.strikes),
        )
        if outcome.kind is OutcomeKind.ACCEPTED:
            self._accepted = (outcome, decision)
            return Settled(id_, outcome, decision)
        # Refused on the spot because the address is dead: a bounce without the detour.
        bounce = refusals.refusal_bounce(outcome, one.email)
        if bounce is not None and bounce.hard:
            detail = " ".join(filter(None, (bounce.status, bounce.reason)))
            decision = replace(decision, state=MessageState.BOUNCED, reason=f"{detail}: {decision.reason}")
        return Settled(id_, outcome, decision)

    def _consequences(self, connection: sa.Connection, settled: Settled, now: datetime) -> None:
        """What an outcome means for the sender and for the address."""
        one, decision = self._claimed[settled.id], settled.decision
        if decision.pause_sender_seconds:
            pause = decision.pause_sender_seconds
            self._budget.throttled(connection, settled.outcome, pause, decision.reason, now)
            self._ready.clear()  # what is not under way waits with the sender: `_give_back`
        if decision.state is MessageState.BOUNCED:
            mailbox.suppress(
                connection,
                key=tokens.suppression_key(self._key, one.email),
                scope=SuppressionScope.ADDRESS,
                address=one.email_key,
                reason=SuppressionReason.BOUNCED,
                source=f"message {one.id}",
                now=now,
            )
            about = mailbox.by_number(connection, one.id)
            proposals.ask_for_another(connection, about, inbound_id=None, now=now)

    def _give_back(self, reason: str) -> None:
        self._ready.clear()
        with self._database.write() as connection:
            budgets.release_lines(connection, self.name, self._run)
            outbox.release(connection, list(self._claimed), self._run, self._now(), reason)
        self._claimed.clear()
