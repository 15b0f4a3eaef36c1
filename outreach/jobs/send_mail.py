"""Sending what is due, sender by sender, inside its limits; every outcome is written down as it comes."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

import sqlalchemy as sa

from outreach.campaign import schedule
from outreach.db import campaigns, mailbox, messages, outbox, senders
from outreach.db.engine import Database
from outreach.db.outbox import Due, Settled
from outreach.delivery import policy, refusals, tokens
from outreach.errors import MailServerError, RefusedError, SettingsError
from outreach.jobs import accounts, runs
from outreach.jobs.plan_campaign import locality
from outreach.jobs.press import Press
from outreach.model.states import (
    CampaignState,
    MessageState,
    OutcomeKind,
    SuppressionReason,
    SuppressionScope,
)
from outreach.model.values import Outcome
from outreach.settings import FILE_NAME, Sender, Workspace
from outreach.smtp import Mail, deliver

#: How many messages are claimed at a time: few enough that a killed run holds little up.
_BATCH = 100
#: A claim's lease. It has to outlast a batch at the slowest pace; a dead process is noticed without it.
_LEASE = timedelta(minutes=30)
_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)


@dataclass(slots=True)
class SendReport:
    """What was sent, and what was not."""

    states: Counter[MessageState] = field(default_factory=Counter)  # of the messages tried
    skipped: Counter[str] = field(default_factory=Counter)  # by reason
    missed: int = 0
    released: int = 0  # found from a run that died, certainly not sent
    uncertain: int = 0  # found from a run that died, perhaps sent
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
    for name, sender in workspace.settings.senders.items():
        try:
            sending = _Sending(workspace, database, run, now, enough, progress, report, name, sender)
            while sending.round() and not enough():
                wait = sending.wait_for_budget()
                left = seconds_left()
                if left is not None and wait > left:
                    break
                if wait > 0:
                    time.sleep(wait)
        except (MailServerError, RefusedError, SettingsError) as error:
            report.errors.append(f"{name}: {error}")
            report.wrong_settings |= isinstance(error, SettingsError)
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
        progress: Callable[[SendReport], None],
        report: SendReport,
        name: str,
        sender: Sender,
    ) -> None:
        self._database = database
        self._run = run
        self._now = now
        self._enough = enough
        self._progress = progress
        self._report = report
        self._name = name
        self._sender = sender
        self._workspace = workspace
        self._key = workspace.key
        self._account = accounts.smtp(workspace, name)
        self._press = Press(workspace, database, name, sender)
        self._claimed: dict[int, Due] = {}
        self._write: Callable[[], AbstractContextManager[sa.Connection]] = database.write
        self._throttles = 0
        self._stopped = False
        self._rests = False

    def round(self) -> bool:
        """Send until nothing is due or the budget is spent; ``True``: there may be more after a pause."""
        first = self._claim()
        if not first:
            return False
        try:
            with self._database.kept() as self._write:
                deliver(
                    self._account,
                    self._mails(first),
                    record=self._record,
                    connections=self._sender.limits.connections,
                )
        except MailServerError as error:
            with self._database.write() as connection:
                senders.rest(
                    connection, self._name, self._now() + timedelta(minutes=5), str(error), self._now()
                )
            raise
        finally:
            self._give_back("the run ended before it was sent")
        return not self._stopped

    def wait_for_budget(self) -> float:
        """Seconds until a message may go again; 0 when one may go now."""
        return 0.0 if self._budget() > 0 else 1.0

    def _budget(self) -> int:
        limits, now = self._sender.limits, self._now()
        with self._database.read() as connection:
            return min(
                limits.per_minute - outbox.spent(connection, self._name, now - _MINUTE),
                limits.per_day - outbox.spent(connection, self._name, now - _DAY),
            )

    def _claim(self) -> list[Due]:
        """Take the next messages that may go; put off, skip or miss those that may not."""
        while not self._enough():
            now = self._now()
            with self._database.write() as connection:
                if senders.rests_until(connection, self._name, now) is not None:
                    self._stopped = True
                    return []
                limits = self._sender.limits
                budget = min(
                    _BATCH,
                    limits.per_minute - outbox.spent(connection, self._name, now - _MINUTE),
                    limits.per_day - outbox.spent(connection, self._name, now - _DAY),
                )
                if budget <= 0:
                    return []
                due = outbox.due(connection, self._name, now, budget)
                if not due:
                    self._stopped = True
                    return []
                taken = self._sort(connection, due, now)
                outbox.claim(connection, [one.id for one in taken], self._run, now + _LEASE)
            if taken:
                self._claimed.update((one.id, one) for one in taken)
                return taken
        return []

    def _sort(self, connection: sa.Connection, due: list[Due], now: datetime) -> list[Due]:
        reasons = outbox.why_not(connection, due, self._suppression_keys)
        outbox.skip(connection, reasons)
        self._report.skipped.update(reason.value for reason in reasons.values())
        wanted = [one for one in due if one.id not in reasons]
        late = {one.id for one in wanted if one.answers_id is None and self._is_late(connection, one, now)}
        missed = late - messages.wanted_late(connection, late)
        taken, closed = [], {}
        for one in wanted:
            if one.id in missed:
                continue
            if one.answers_id is not None:  # somebody is at their desk and waits for it
                taken.append(one)
                continue
            definition = self._press.definition(connection, one.campaign_id)
            place = locality(one.country, one.region, one.time_zone)
            if not schedule.is_open(now, definition.window, place):
                closed[one.id] = schedule.next_opening(now, definition.window, place)
            else:
                taken.append(one)
        outbox.miss(connection, missed, "its last day had passed before it could go")
        outbox.postpone(connection, closed)
        self._report.missed += len(missed)
        return taken

    def _is_late(self, connection: sa.Connection, one: Due, now: datetime) -> bool:
        last_day = self._press.definition(connection, one.campaign_id).last_day
        place = locality(one.country, one.region, one.time_zone)
        return last_day is not None and now >= schedule.end_of(last_day, place)

    def _mails(self, batch: list[Due]) -> Iterator[Mail]:
        while batch:
            for one in batch:
                if self._enough() or self._rests:
                    return
                yield self._press.mail(one, self._now())
            batch = self._claim()

    def _record(self, handing_over: Sequence[int], finished: Sequence[tuple[int, Outcome]]) -> set[int]:
        """Write down outcomes, and mark what may be handed over next, in one transaction."""
        now = self._now()
        settled = [self._settled(id_, outcome, now) for id_, outcome in finished]
        with self._write() as connection:
            if settled:
                outbox.finish(connection, self._run, settled, now)
            for one in settled:
                if one.decision.state is not MessageState.SENT:
                    self._consequences(connection, one, now)
            held = outbox.hand_over(connection, handing_over, self._run, now)
        for one in settled:
            del self._claimed[one.id]
            self._report.states[one.decision.state] += 1
        if settled:
            self._progress(self._report)
        return held

    def _settled(self, id_: int, outcome: Outcome, now: datetime) -> Settled:
        one = self._claimed[id_]
        decision = policy.decide(
            outcome,
            one.attempts,
            now,
            max_attempts=self._sender.limits.attempts,
            jitter=random.random(),  # noqa: S311  (spreads retries; nothing secret)
            throttles_in_a_row=self._throttles,
        )
        # Refused on the spot because the address is dead: a bounce without the detour.
        bounce = None
        if outcome.kind is not OutcomeKind.ACCEPTED:
            bounce = refusals.refusal_bounce(outcome, one.email)
        if bounce is not None and bounce.hard:
            detail = " ".join(filter(None, (bounce.status, bounce.reason)))
            decision = replace(decision, state=MessageState.BOUNCED, reason=f"{detail}: {decision.reason}")
        if outcome.kind is OutcomeKind.THROTTLED:
            self._throttles += 1
        elif outcome.kind is OutcomeKind.ACCEPTED:
            self._throttles = 0
        return Settled(id_, outcome, decision)

    def _consequences(self, connection: sa.Connection, settled: Settled, now: datetime) -> None:
        """What an outcome means for the sender and for the address."""
        one, decision = self._claimed[settled.id], settled.decision
        if decision.pause_sender_seconds:
            self._rests = True  # what is claimed and not begun waits, too
            until = now + timedelta(seconds=decision.pause_sender_seconds)
            senders.rest(connection, self._name, until, decision.reason, now)
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

    def _give_back(self, reason: str) -> None:
        if self._claimed:
            with self._database.write() as connection:
                outbox.release(connection, list(self._claimed), self._run, self._now(), reason)
            self._claimed.clear()

    def _suppression_keys(self, address: str) -> tuple[str, str]:
        hashed = partial(tokens.suppression_key, self._key)
        return hashed(address), hashed(address.rpartition("@")[2])
