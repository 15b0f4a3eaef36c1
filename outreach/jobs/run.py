"""What cron calls: read the mailboxes, plan what is due, send, and say nothing when nothing happened."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime

from outreach.db.engine import Database
from outreach.errors import MailServerError, OutreachError, SettingsError
from outreach.jobs import digest_mail, retention, runs
from outreach.jobs import report as reports
from outreach.jobs.digest_mail import DigestReport
from outreach.jobs.plan_campaign import plan
from outreach.jobs.poll_inbox import PollReport, look_into_sent_folders, poll
from outreach.jobs.send_mail import SendReport, send
from outreach.model.states import MessageState
from outreach.settings import Workspace


@dataclass(slots=True)
class RunReport:
    """What one run did."""

    polled: PollReport = field(default_factory=PollReport)
    sent: SendReport = field(default_factory=SendReport)
    digests: DigestReport = field(default_factory=DigestReport)
    planned: int = 0
    removed: dict[str, int] = field(default_factory=dict)  # as its time was over: what, and how many

    @property
    def errors(self) -> list[str]:
        return self.polled.errors + self.sent.errors + self.digests.errors

    @property
    def exit_code(self) -> int:
        """Of the command line: 0, or what kept a sender from being used, or a campaign from going on."""
        if self.polled.wrong_settings or self.sent.wrong_settings or self.digests.wrong_settings:
            return SettingsError.exit_code
        if self.errors:
            return MailServerError.exit_code
        return OutreachError.exit_code if self.sent.paused else 0

    @property
    def did_nothing(self) -> bool:
        sent = self.sent
        return not (
            self.polled.read
            or self.polled.settled
            or self.planned
            or self.removed
            or sent.states
            or self.digests.states
            or sent.skipped
            or sent.missed
            or sent.released
            or sent.uncertain
            or sent.paused
            or self.errors
        )


def run(
    workspace: Workspace,
    database: Database,
    now: Callable[[], datetime],
    *,
    max_seconds: float | None = None,
    do_poll: bool = True,
    do_send: bool = True,
    progress: Callable[[SendReport], None] = lambda _report: None,
    only: Collection[str] | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> RunReport:
    """Poll, plan, send. Safe to overlap with itself and to be killed at any instant.

    After ``max_seconds``, or once ``stopped``, nothing more is begun; what is under way comes to its end.
    ``only``: the senders whose mailboxes are read.
    """
    started = time.monotonic()

    def seconds_left() -> float | None:
        return None if max_seconds is None else max_seconds - (time.monotonic() - started)

    def enough() -> bool:
        left = seconds_left()
        return (left is not None and left <= 0) or stopped()

    report = RunReport()
    with runs.begin(workspace.root) as name:
        if do_poll and do_send and retention.is_due(workspace, now()):
            report.removed = retention.apply(workspace, database, now())
        if do_poll:
            report.polled = poll(workspace, database, now, enough=enough, only=only)
        if do_send:
            report.planned = plan(workspace, database, now(), all_=report.polled.read > 0)
            report.sent = send(
                workspace,
                database,
                name,
                now,
                enough=enough,
                seconds_left=seconds_left,
                progress=progress,
            )
            if do_poll and (report.sent.uncertain or report.sent.states[MessageState.UNCERTAIN]):
                look_into_sent_folders(workspace, database, report.polled)
            # What was just sent decides when the planner has to look again.
            report.planned += plan(workspace, database, now(), all_=bool(report.sent.states))
        if not report.did_nothing:  # so that a report has little left to count
            reports.count(workspace, database, enough=enough)
        if do_send and not enough():
            digest_mail.send(workspace, database, name, now, report.digests)
    return report
