"""`outreach report digest`: the report by mail, looked at before it goes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from outreach import clock
from outreach.cli.shell import JSON, Shell, print_json, print_table, say, shell

if TYPE_CHECKING:
    from outreach.jobs.digest_dates import Reader


def digest(
    context: typer.Context,
    preview: bool = typer.Option(False, "--preview", help="Write each as it would go now into --dir."),
    to: str | None = typer.Option(
        None, "--to", metavar="ADDRESS", help="Send each as a test to this address."
    ),
    sender: str | None = typer.Option(None, "--sender", help="Only that of this sender."),
    coordinators: bool = typer.Option(False, "--coordinators", help="Only that of all countries."),
    folder: Path = typer.Option(Path("digest"), "--dir", help="For the files of --preview."),
    as_json: bool = JSON,
) -> None:
    """Who gets a report by mail, and what became of the last; --preview and --to show it before it goes.

    `outreach run` sends them, by the section [digest] of outreach.toml: what has changed since the last one, what
    waits for a person, what still goes out.
    """
    from outreach.db import digests as rows
    from outreach.jobs.digest_dates import readers

    here = shell(context)
    found = _chosen(here, list(readers(here.workspace.settings, clock.now())), sender, coordinators)
    with here.database(counts=True) as database, database.read() as connection:
        states = rows.states(connection)
    if preview or to is not None:
        _show(here, found, folder if preview else None, to)
        return
    listed = [
        {
            "report": "all countries" if one.is_coordinator else one.scope,
            "to": one.email,
            "language": one.language,
            "period": one.period,
            "due_at": one.due_at,
            "state": states.get((one.scope, one.email.casefold(), one.period), ("not made", None))[0],
            "reason": states.get((one.scope, one.email.casefold(), one.period), ("", None))[1],
        }
        for one in found
    ]
    if as_json:
        print_json(listed)
        return
    columns = [(name, name.replace("_", " ").capitalize()) for name in ("report", "to", "language", "period")]
    empty = "Nobody gets a report by mail: outreach.toml has no section [digest]."
    print_table(listed, [*columns, ("state", "State"), ("reason", "Why")], empty=empty)


def _chosen(here: Shell, all_: list[Reader], sender: str | None, coordinators: bool) -> list[Reader]:
    """Those asked for that the account reaches. RefusedError when it reaches none, InputError for no such sender."""
    from outreach.errors import InputError, RefusedError

    if sender is not None and sender not in here.workspace.settings.senders:
        raise InputError(
            f"There is no sender {sender!r}.", f"There are: {', '.join(here.workspace.settings.senders)}."
        )
    asked = [
        one
        for one in all_
        if (sender is None and not coordinators)
        or (coordinators and one.is_coordinator)
        or (sender is not None and one.scope == sender)
    ]
    mine = here.access.countries
    reached = [one for one in asked if mine is None or (one.countries and mine.issuperset(one.countries))]
    if asked and not reached and (sender or coordinators):
        raise RefusedError(
            f"The account {here.access.account} does not reach all countries of that report.",
            "An account that does can show it.",
        )
    return reached


def _show(here: Shell, found: list[Reader], folder: Path | None, to: str | None) -> None:
    from outreach.db import digests as rows
    from outreach.errors import RefusedError
    from outreach.jobs import digest_preview as job

    if not found:
        raise RefusedError(
            "Nobody gets a report by mail that could be shown.", "Add a section [digest] to outreach.toml."
        )
    now = clock.now()
    with here.database(counts=True) as database:
        made = []
        for one in found:
            with database.read() as connection:
                before = rows.before(connection, one.scope, one.email.casefold())
            made.append(job.make(here.workspace, one, before, now))
    if folder is not None:
        for path in job.write(here.workspace, made, folder, now):
            say(str(path))
    if to is not None:
        job.send_test(here.workspace, made, to, now)
        say(f"Sent {len(made)} to {to}, marked as a test.")
