"""Reports by mail, sent: for each reader a row, with the mail in it, before anything goes; one a week or month,
whatever overlaps or dies. The promise is kept as the outbox keeps it (``db.outbox``): claimed, marked before the end
of DATA, settled by the server's answer, and never sent again when nobody can know.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from outreach.db import budgets, digests, senders
from outreach.db.engine import Database
from outreach.delivery import policy
from outreach.errors import MailServerError, OutreachError, SettingsError
from outreach.jobs import accounts, runs, signing
from outreach.jobs.budget import Budget
from outreach.jobs.digest_dates import Reader, readers
from outreach.jobs.digests import mail, make
from outreach.model.states import MessageState
from outreach.model.values import Outcome
from outreach.settings import Workspace
from outreach.smtp import Mail, deliver

_LEASE = timedelta(minutes=30)
_SOON = timedelta(minutes=5)
#: Reports at a time of one sender: a few dozen members at most.
_MOST = 200


@dataclass(slots=True)
class DigestReport:
    """What became of the reports that were due."""

    states: Counter[MessageState] = field(default_factory=Counter)  # of those tried
    errors: list[str] = field(default_factory=list)
    wrong_settings: bool = False


def send(
    workspace: Workspace, database: Database, run: str, now: Callable[[], datetime], report: DigestReport
) -> None:
    """Write the rows that are due, and send what waits. One reader's trouble keeps nothing from the others."""
    try:
        due = list(readers(workspace.settings, now()))
    except SettingsError as error:
        due = []
        report.errors.append(str(error))
        report.wrong_settings = True
    for reader in due:
        try:
            _write(workspace, database, reader, now())
        except OutreachError as error:
            report.errors.append(f"The report for {reader.email}: {error}")
    with database.read() as connection:
        holders = digests.holders(connection)
        waiting = digests.waiting_senders(connection, now())
    if holders:
        with database.write() as connection:
            digests.recover(connection, runs.dead(workspace.root, holders), now())
        with database.read() as connection:
            waiting = digests.waiting_senders(connection, now())
    for name in waiting:
        try:
            _send(workspace, database, run, name, now, report)
        except (MailServerError, SettingsError) as error:
            report.errors.append(f"{name}, reports by mail: {error}")
            report.wrong_settings |= isinstance(error, SettingsError)


def _write(workspace: Workspace, database: Database, reader: Reader, now: datetime) -> None:
    """The row of the reader's week or month, if it is not there yet. The very first only keeps the figures: what has
    changed is told from the next one on; so is a report that has nothing to tell, as nothing was launched."""
    key = reader.email.casefold()
    with database.read() as connection:
        if digests.known(connection, reader.scope, key, reader.period):
            return
        before = digests.before(connection, reader.scope, key)
    made = make(workspace, reader, before, now)
    reason = None
    if before is None:
        reason = "the first report goes next time, and tells what has changed since this"
    elif not made.figures:
        reason = "nothing was launched yet"
    row = {
        "scope": reader.scope,
        "email": reader.email,
        "email_key": key,
        "period": reader.period,
        "sender": reader.sender,
        "state": MessageState.QUEUED if reason is None else MessageState.SKIPPED,
        "reason": reason,
        "figures": made.figures,
        "data": mail(workspace, made, now) if reason is None else None,
        "due_at": reader.due_at,
        "attempts": 0,
        "claimed_by": None,
        "claimed_until": None,
        "handed_at": None,
        "sent_at": None,
        "created_at": now,
    }
    with database.write() as connection:
        digests.add(connection, row)


def _send(
    workspace: Workspace,
    database: Database,
    run: str,
    name: str,
    now: Callable[[], datetime],
    report: DigestReport,
) -> None:
    sender = workspace.settings.senders.get(name)
    if sender is None:
        return  # gone from the settings: missed when the next one is due to another
    account, signer = accounts.smtp(workspace, name), signing.signer(workspace, name)
    budget = Budget(name, sender.limits)
    with database.write() as connection:
        if budget.rests_until(connection, now()) is not None or (room := budget.room(connection, now())) <= 0:
            return
        budgets.drop_lines(
            connection, name, runs.dead(workspace.root, budgets.line_holders(connection, name)), now()
        )
        lines, _ = budgets.take_lines(connection, name, run, sender.limits.connections, now() + _LEASE)
        taken = digests.claim(connection, name, run, now() + _LEASE, now(), min(room, _MOST)) if lines else []
    if not taken:
        with database.write() as connection:
            budgets.release_lines(connection, name, run)
        return
    attempts = {one.id: one.attempts for one in taken}

    def record(handing_over: Sequence[int], finished: Sequence[tuple[int, Outcome]]) -> set[int]:
        at = now()
        with database.write() as connection:
            for id_, outcome in finished:
                decision = policy.decide(
                    outcome,
                    attempts[id_],
                    at,
                    max_attempts=sender.limits.attempts,
                    jitter=random.random(),  # noqa: S311  (spreads retries; nothing secret)
                )
                digests.finish(connection, id_, run, decision, at)
                if decision.pause_sender_seconds:
                    until = at + timedelta(seconds=decision.pause_sender_seconds)
                    senders.rest(connection, name, until, decision.reason, at)
            held = digests.hand_over(connection, handing_over, run, at)
        # only now: what raised is told once more
        for id_, outcome in finished:
            state = policy.decide(outcome, attempts[id_], at, max_attempts=sender.limits.attempts).state
            report.states[state] += 1
            if state is MessageState.FAILED:
                report.errors.append(f"A report by mail was refused: {policy.describe(outcome)}.")
        return held

    def signed(data: bytes) -> bytes:
        return data if signer is None else signer.sign(data, now()) + data

    mails = (Mail(one.id, sender.address, one.email, signed(one.data)) for one in taken)
    try:
        deliver(account, mails, record=record, connections=1)
    finally:
        with database.write() as connection:
            digests.release(connection, run, now() + _SOON, "the run ended before it was sent")
            budgets.release_lines(connection, name, run)
