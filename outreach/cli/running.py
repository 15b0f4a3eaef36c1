"""`outreach run`, what cron calls, and its halves `poll` and `send`."""

from __future__ import annotations

import sys
from collections.abc import Collection
from typing import TYPE_CHECKING

import typer

from outreach import clock
from outreach.cli.shell import Shell, complain, count, progress, say, shell

if TYPE_CHECKING:
    from outreach.errors import OutreachError
    from outreach.jobs.run import RunReport

_MAX_SECONDS = typer.Option(None, "--max-seconds", min=1, help="Begin nothing more after so many seconds.")


def run(context: typer.Context, max_seconds: float | None = _MAX_SECONDS) -> None:
    """Read the mailboxes, plan reminders, send what is due. Safe to overlap; silent when nothing happened.

    \b
    In a crontab, every five minutes:
      */5 * * * *  outreach -w /home/me/workspace run --max-seconds 240
    """
    here = shell(context)
    here.access.check(everything=True)  # before the look that comes without the database
    from outreach.jobs.idle import nothing_to_do

    if nothing_to_do(here.workspace, clock.now()):
        return
    _run(here, max_seconds, do_poll=True, do_send=True)


def poll(context: typer.Context, max_seconds: float | None = _MAX_SECONDS) -> None:
    """Read the mailboxes only."""
    _run(shell(context), max_seconds, do_poll=True, do_send=False)


def send(context: typer.Context, max_seconds: float | None = _MAX_SECONDS) -> None:
    """Plan and send what is due only."""
    _run(shell(context), max_seconds, do_poll=False, do_send=True)


def watch(
    context: typer.Context,
    every: float = typer.Option(
        300, "--every", min=1, help="Seconds after which to plan, send and read anyway, whatever comes."
    ),
    read_only: bool = typer.Option(False, "--read-only", help="Only read; leave sending to cron."),
) -> None:
    """Stay connected to the mailboxes and deal with each answer as it comes (IMAP IDLE). Instead of cron.

    \b
    Ends cleanly by Ctrl-C and by SIGTERM, so systemd can keep it running:
      ExecStart=outreach -w /home/me/workspace watch
    """
    import signal

    from outreach.errors import DatabaseError
    from outreach.jobs import run as job
    from outreach.jobs.watch import Watch
    from outreach.jobs.watch import watch as stay

    here = shell(context)
    shared = Watch()

    def work(names: Collection[str] | None) -> None:
        try:
            report = job.run(
                here.workspace,
                database,
                clock.now,
                do_send=not read_only,
                only=names,
                stopped=lambda: shared.stopped,
            )
        except DatabaseError as error:  # busy, or full: the next round may find it better
            complain(f"Error: {error}")
        else:
            tell(report)
        sys.stdout.flush()

    def trouble(name: str, error: OutreachError | None) -> None:
        complain(f"{name}: {error} It is tried again." if error else f"{name}: connected again.")

    with here.database(everything=True) as database:
        mailboxes = sum(sender.imap is not None for sender in here.workspace.settings.senders.values())
        before = {
            number: signal.signal(number, lambda _number, _frame: shared.stop())
            for number in (signal.SIGINT, signal.SIGTERM)
        }
        say(f"Watching {count(mailboxes, 'mailbox', 'mailboxes')}. Ctrl-C ends it.")
        sys.stdout.flush()
        try:
            stay(here.workspace, database, shared, every=every, work=work, trouble=trouble)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    say("Ended.")


def _run(here: Shell, max_seconds: float | None, *, do_poll: bool, do_send: bool) -> None:
    from outreach.jobs import run as job

    with here.database(everything=True) as database, progress("Sending") as show:
        report = job.run(
            here.workspace,
            database,
            clock.now,
            max_seconds=max_seconds,
            do_poll=do_poll,
            do_send=do_send,
            progress=lambda sent: show(sum(sent.states.values()), None),
        )
    tell(report)
    if report.exit_code:
        raise typer.Exit(report.exit_code)


def tell(report: RunReport) -> None:
    """What happened, in a line for each thing that did."""
    if report.did_nothing:
        return
    polled, sent = report.polled, report.sent
    if report.removed:
        parts = ", ".join(f"{number} {what}" for what, number in report.removed.items())
        say(f"Removed or emptied, as their time was over ([privacy]): {parts}.")
    if polled.read:
        kinds = ", ".join(f"{number} {kind}" for kind, number in polled.kinds.most_common())
        say(f"Read {count(polled.read, 'new message')}: {kinds}.")
    if polled.open:
        say(f"{polled.open} of them need a person: `outreach inbox list`.")
    if polled.aside:
        say(f"{polled.aside} could not be processed and were kept aside: `outreach inbox list`.")
    if polled.settled:
        say(f"Uncertain, and found in the Sent folder: {count(polled.settled, 'mail')}.")
    if report.planned:
        say(f"Planned {count(report.planned, 'follow-up mail')}.")
    if sent.states:
        parts = ", ".join(f"{number} {state}" for state, number in sent.states.most_common())
        say(f"Tried {count(sum(sent.states.values()), 'mail')}: {parts}.")
    if report.digests.states:
        parts = ", ".join(f"{number} {state}" for state, number in report.digests.states.most_common())
        say(f"Tried {count(sum(report.digests.states.values()), 'report')} by mail ([digest]): {parts}.")
    if sent.skipped:
        parts = ", ".join(f"{number} {reason}" for reason, number in sent.skipped.most_common())
        say(f"Did not send, as no longer wanted: {parts}.")
    if sent.missed:
        say(f"{sent.missed} mails missed their last day and wait for you: `outreach messages list`.")
    if sent.released:
        say(f"{sent.released} mails of a run that was interrupted go again.")
    if sent.uncertain:
        say(
            f"{sent.uncertain} mails of a run that was interrupted may have been sent: they stay uncertain "
            "until an answer, the Sent folder or you settle them: `outreach messages list`."
        )
    for sentence in sent.paused:
        complain(sentence)
    for error in report.errors:
        complain(f"Error: {error}")
