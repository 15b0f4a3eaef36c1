"""What is said of a session in the commands of a campaign."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

import typer

from outreach import clock
from outreach.cli.shell import JSON, count, country_code, print_json, print_table, say, shell

if TYPE_CHECKING:
    from outreach.jobs.launch_campaign import Places
    from outreach.jobs.session_mails import Announced

_TO = {"registered": "those registered", "attended": "those who were there"}


def lines(mails: Iterable[Announced], *, since: datetime | None = None) -> Iterator[str]:
    """``week-before to those registered, 7 days before the session: from Thursday 2027-04-01``; those that are still
    to come after ``since``."""
    for one in mails:
        if since is None or one.at > since:
            at = f"{one.at.astimezone():%A %Y-%m-%d}"
            yield f"{one.step} to {_TO[one.to]}, {one.when}: from {at}"


def places(found: Places) -> str:
    """``48 of 50 places are taken; 3 municipalities wait.``"""
    if found.there_are is None:
        return f"{count(found.taken, 'municipality', 'municipalities')} registered."
    text = f"{found.taken:,} of {count(found.there_are, 'place')} taken"
    waiting = count(found.waiting, "municipality waits", "municipalities wait")
    return f"{text}; {waiting}." if found.waiting else f"{text}."


def change_session(
    context: typer.Context,
    slug: str = typer.Argument(..., metavar="CAMPAIGN", help="A file of campaigns/ without .toml."),
    country: str = typer.Option(..., "--country", callback=country_code, help="Two capitals: BE, DE ..."),
    apply: bool = typer.Option(False, "--apply", help="Change it, and tell them; without it, only show."),
    as_json: bool = JSON,
) -> None:
    """A launched session has another time, place or link: take it over from the campaign file, and tell those who have
    a place. Everything else of the campaign stays as it was launched."""
    from outreach.jobs.change_session import change_session as job

    here = shell(context)
    with here.database(country=country) as database:
        done = job(here.workspace, database, slug, country, apply=apply, now=clock.now(), actor=here.actor)
    if as_json:
        print_json(asdict(done))
        return
    print_table(
        [asdict(one) for one in done.differences],
        [("what", "What"), ("was", "Launched as"), ("now", "From now on")],
        empty=f"The session of {done.campaign} is as campaigns/{slug}.toml has it.",
    )
    if not done.differences:
        return
    towns = count(done.told, "municipality", "municipalities")
    if not done.applied:
        say(f"{towns} with a place would be told. Nothing was changed: add --apply.")
        return
    say(f"Changed. {towns} with a place will be told with the next `outreach run`.")
    if done.untold:
        say(f"{done.untold} cannot be told by mail: see `outreach registrations list`.")
