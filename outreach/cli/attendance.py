"""`outreach attendance`: who was at a session."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from outreach import clock
from outreach.cli.shell import (
    JSON,
    ONE_CAMPAIGN,
    ONE_COUNTRY,
    count,
    listed,
    print_json,
    print_table,
    say,
    shell,
)
from outreach.errors import InputError
from outreach.model.states import AttendanceState, Presence

if TYPE_CHECKING:
    from outreach.jobs.attendance import Imported

app = typer.Typer(help="Who was at a session.", no_args_is_help=True)


@app.command("import")
def import_(
    context: typer.Context,
    file: Path = typer.Argument(
        ..., help="The participant report of Zoom, Teams or Webex, or any list: CSV, Excel, OpenDocument."
    ),
    campaign: str = typer.Option(
        ..., "--campaign", help="Whose session it was, as information-session; with its country."
    ),
    country: str | None = ONE_COUNTRY,
    online: bool = typer.Option(False, "--online", help="They were online; a report's are anyway."),
    on_site: bool = typer.Option(False, "--on-site", help="They were in the room; a list's are anyway."),
    map_: list[str] = typer.Option([], "--map", help="FIELD=COLUMN, where a column is not recognised."),
    apply: bool = typer.Option(False, "--apply", help="Count them; without it, only show."),
    as_json: bool = JSON,
) -> None:
    """Count the municipalities of an attendance list. It is shown first; nothing is written without --apply.

    Who joined several times is one. Names are kept only for those of whom you have to be asked.
    """
    from outreach.cli.registrations import columns_of
    from outreach.jobs.attendance import import_attendance
    from outreach.jobs.prepare_campaign import campaign_name

    if online and on_site:
        raise InputError("A list is of those online or of those on site.", "Import a list for each.")
    here = shell(context)
    with here.database(country=country) as database:
        done = import_attendance(
            here.workspace,
            database,
            file,
            campaign=campaign_name(campaign, country) if country else campaign,
            presence=Presence.ONLINE if online else Presence.ON_SITE if on_site else None,
            columns=columns_of(map_),
            apply=apply,
            now=clock.now(),
            actor=here.actor,
        )
    if as_json:
        print_json(asdict(done))
        return
    _show(done, apply)


def _show(done: Imported, apply: bool) -> None:
    print_table(
        [
            {
                **asdict(entry),
                "sure": f"{entry.confidence:.0%}" if entry.municipality else None,
                "place": entry.registered if entry.municipality else None,
            }
            for entry in done.entries
        ],
        [
            ("line", "Line"),
            ("name", "Who"),
            ("email", "Address"),
            ("minutes", "Min."),
            ("state", "What"),
            ("municipality", "Municipality"),
            ("place", "Place"),
            ("known_by", "Known by"),
            ("sure", "Sure"),
        ],
        empty="The list names nobody.",
    )
    parts = [
        f"{number} {what}"
        for what, number in (
            ("counted", done.of(AttendanceState.COUNTED)),
            ("to be asked", done.of(AttendanceState.ASKED)),
            ("left out", done.of(AttendanceState.LEFT_OUT)),
        )
        if number
    ]
    towns = count(done.municipalities, "municipality", "municipalities")
    how = "online" if done.presence is Presence.ONLINE else "on site"
    people = count(len(done.entries), "person", "people")
    say(f"{done.format}, {how}: {people}, {', '.join(parts)}; {towns}.")
    if done.again:
        say(f"This list was imported before: it is list {done.number}. Nothing was written.")
    elif not apply:
        say("Nothing was written. With --apply they are counted.")
    else:
        say(f"Counted: list {done.number}. `outreach attendance undo {done.number}` takes it back.")
        if done.of(AttendanceState.ASKED):
            say("Some have to be asked about: `outreach attendance review`.")


@app.command("list")
def list_(
    context: typer.Context,
    campaign: str | None = ONE_CAMPAIGN,
    country: str | None = ONE_COUNTRY,
    as_json: bool = JSON,
) -> None:
    """The municipalities of which somebody was there, and how many people."""
    from outreach.db import attendance

    rows = listed(context, attendance.listing, campaign, country)
    if as_json:
        print_json(rows)
        return
    print_table(
        rows,
        [
            ("campaign", "Campaign"),
            ("municipality", "Municipality"),
            ("registered", "Place"),
            ("people", "People"),
            ("on_site", "On site"),
            ("online", "Online"),
            ("minutes", "Minutes, at most"),
        ],
        empty="Nobody has been counted yet: `outreach attendance import FILE` does.",
    )


@app.command()
def imports(
    context: typer.Context,
    campaign: str | None = ONE_CAMPAIGN,
    country: str | None = ONE_COUNTRY,
    as_json: bool = JSON,
) -> None:
    """The lists that were imported, with their numbers."""
    from outreach.db import attendance

    rows = listed(context, attendance.lists, campaign, country)
    if as_json:
        print_json(rows)
        return
    print_table(
        [{**row, "stands": "taken back" if row["undone_at"] else "stands"} for row in rows],
        [
            ("id", "No."),
            ("campaign", "Campaign"),
            ("file", "File"),
            ("format", "Of"),
            ("counted", "Counted"),
            ("asked", "To be asked"),
            ("left_out", "Left out"),
            ("at", "Imported (UTC)"),
            ("actor", "By"),
            ("stands", ""),
        ],
        empty="No attendance list was imported yet: `outreach attendance import FILE`.",
    )


@app.command()
def review(
    context: typer.Context,
    campaign: str | None = ONE_CAMPAIGN,
    country: str | None = ONE_COUNTRY,
    as_json: bool = JSON,
) -> None:
    """The people of whom you have to say which municipality they are of."""
    from outreach.db import attendance

    rows = listed(context, attendance.asked, campaign, country)
    if as_json:
        print_json(rows)
        return
    print_table(
        [{**row, "sure": f"{row['confidence']:.0%}" if row["likely"] else None} for row in rows],
        [
            ("id", "No."),
            ("name", "Who"),
            ("email", "Address"),
            ("says", "In the list"),
            ("likely", "Perhaps"),
            ("sure", "Sure"),
            ("known_by", "Why it is asked"),
        ],
        empty="Nobody has to be asked about.",
    )
    if rows:
        say(
            "Settle them with `outreach attendance settle NUMBER --as MUNICIPALITY`, `--likely` or `--nobody`."
        )


@app.command()
def settle(
    context: typer.Context,
    numbers: list[int] = typer.Argument(..., metavar="NUMBER", help="Of `outreach attendance review`."),
    municipality: str | None = typer.Option(None, "--as", help="Of this municipality: name or code."),
    likely: bool = typer.Option(False, "--likely", help="Of the one that is proposed."),
    nobody: bool = typer.Option(False, "--nobody", help="Of none: a speaker, a colleague."),
) -> None:
    """Say which municipality people on an attendance list are of. Their names are forgotten then."""
    from outreach.jobs.attendance import settle as job

    if (municipality is not None) + likely + nobody != 1:
        raise InputError("It has to be said whose they are.", "Give one of --as, --likely, --nobody.")
    here = shell(context)
    with here.database() as database:
        said = job(database, numbers, municipality, likely=likely, now=clock.now(), actor=here.actor)
    for number, name in zip(dict.fromkeys(numbers), said, strict=True):
        say(f"{number}: {name}.")


@app.command()
def undo(
    context: typer.Context,
    number: int = typer.Argument(..., help="Of `outreach attendance imports`."),
) -> None:
    """Take an attendance list back as a whole."""
    from outreach.jobs.attendance import undo as job

    here = shell(context)
    with here.database() as database:
        done = job(database, number, now=clock.now(), actor=here.actor)
    say(f"Taken back: {count(done.people, 'person', 'people')}.")
    if done.thanked:
        say(f"{count(done.thanked, 'mail')} to those who were there had gone already.")
