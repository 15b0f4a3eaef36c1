"""`outreach registrations`: who takes part, and the list of a form tool."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import typer

from outreach import clock
from outreach.cli.shell import (
    JSON,
    LAST_NUMBER,
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
from outreach.model.states import RegistrationState

app = typer.Typer(help="Who takes part.", no_args_is_help=True)


def columns_of(options: Iterable[str]) -> dict[str, str]:
    """Of ``--map FIELD=COLUMN``: field -> title of its column."""
    columns = {}
    for one in options:
        field, equals, title = one.partition("=")
        if not equals:
            raise InputError(f"--map {one!r} is no FIELD=COLUMN.", "Write it like --map email=Mail.")
        columns[field.strip()] = title
    return columns


@app.command("list")
def list_(
    context: typer.Context,
    campaign: str | None = ONE_CAMPAIGN,
    country: str | None = ONE_COUNTRY,
    as_json: bool = JSON,
) -> None:
    """The municipalities that take part, wait for a place, may come, or gave their place back."""
    from outreach.db import registrations

    rows = listed(context, registrations.listing, campaign, country)
    if as_json:
        print_json(rows)
        return
    print_table(
        rows,
        [
            ("campaign", "Campaign"),
            ("municipality", "Municipality"),
            ("state", "State"),
            ("name", "Who"),
            ("email", "Address"),
            ("updated_at", "Since (UTC)"),
        ],
        empty="Nobody is registered yet.",
    )
    taken = [row["coming"] or {} for row in rows if row["state"] is RegistrationState.REGISTERED]
    if people := [coming["people"] for coming in taken if coming.get("people")]:
        say(
            f"{len(people)} of {count(len(taken), 'place')} said how many come: "
            f"{count(sum(people), 'person', 'people')}."
        )


@app.command("import")
def import_(
    context: typer.Context,
    file: Path = typer.Argument(..., help="The list of a form tool: CSV, Excel or OpenDocument."),
    campaign: str = typer.Option(
        ..., "--campaign", help="Whose registrations these are, as information-session-be."
    ),
    map_: list[str] = typer.Option([], "--map", help="FIELD=COLUMN, where a column is not recognised."),
    apply: bool = typer.Option(False, "--apply", help="Register them; without it, only show."),
    as_json: bool = JSON,
) -> None:
    """Register the municipalities of a list. It is shown first; nothing is written without --apply."""
    from outreach.jobs.registrations import import_registrations

    columns = columns_of(map_)
    here = shell(context)
    with here.database() as database:
        done = import_registrations(
            database,
            file,
            campaign=campaign,
            columns=columns,
            apply=apply,
            now=clock.now(),
            actor=here.actor,
        )
    if as_json:
        print_json(asdict(done))
        return
    say(", ".join(f"{field}: {title}" for field, title in done.columns.items()))
    print_table(
        [asdict(entry) for entry in done.entries],
        [
            ("line", "Line"),
            ("change", "What"),
            ("found", "Municipality"),
            ("by", "Known by"),
            ("name", "Who"),
            ("email", "Address"),
            ("municipality", "In the list"),
        ],
        empty="The list has no entries.",
    )
    parts = [
        f"{number} {what}"
        for what in ("new", "changed", "waiting", "same", "unknown")
        if (number := done.number(what))
    ]
    say(f"{count(len(done.entries), 'line')}: {', '.join(parts)}.")
    if done.number("unknown"):
        say("Lines that are unknown register nobody: mend the list, or register by `outreach inbox resolve`.")
    if apply:
        say("Registered. `outreach registrations imports` numbers the list, `undo` takes it back as a whole.")
    else:
        say("Nothing was written. With --apply they are registered.")


@app.command()
def imports(
    context: typer.Context,
    campaign: str | None = ONE_CAMPAIGN,
    country: str | None = ONE_COUNTRY,
    as_json: bool = JSON,
) -> None:
    """The lists of form tools that were imported, with their numbers."""
    from outreach.db import registration_lists

    rows = listed(context, registration_lists.every, campaign, country)
    if as_json:
        print_json(rows)
        return
    print_table(
        [{**row, "stands": "taken back" if row["undone_at"] else "stands"} for row in rows],
        [
            ("id", "No."),
            ("campaign", "Campaign"),
            ("file", "File"),
            ("places", "Registered"),
            ("at", "Imported (UTC)"),
            ("actor", "By"),
            ("stands", ""),
        ],
        empty="No list was imported yet: `outreach registrations import FILE`.",
    )


@app.command()
def undo(
    context: typer.Context,
    number: int = typer.Argument(
        ..., metavar="NUMBER", min=1, max=LAST_NUMBER, help="Of `outreach registrations imports`."
    ),
    as_json: bool = JSON,
) -> None:
    """Take an imported list back as a whole. What answers and other lists say of a place stands."""
    from outreach.jobs.registration_lists import undo as job

    here = shell(context)
    with here.database() as database:
        done = job(database, number, now=clock.now(), actor=here.actor)
    if as_json:
        print_json(asdict(done))
        return
    say(f"Taken back: {count(done.places, 'registration')} of {done.campaign}.")
    if done.kept:
        say(
            f"{count(done.kept, 'place')} of the list stand{'' if done.kept > 1 else 's'} by what else is known."
        )
    if done.requeued:
        say(f"{count(done.requeued, 'mail')} that had not been sent because of it may go now.")


@app.command()
def progress(
    context: typer.Context,
    file: Path = typer.Argument(..., help="What the assessment gives out: CSV, Excel or OpenDocument."),
    campaign: str = typer.Option(..., "--campaign", help="Whose municipalities these are, as lordimas-be."),
    map_: list[str] = typer.Option([], "--map", help="FIELD=COLUMN, as status=Stand."),
    started: list[str] = typer.Option(
        [], "--started", help="What the status says of one that began. Repeatable."
    ),
    finished: list[str] = typer.Option([], "--finished", help="And of one that is through. Repeatable."),
    apply: bool = typer.Option(False, "--apply", help="Write it down; without it, only show."),
    as_json: bool = JSON,
) -> None:
    """Note who started and who finished the assessment, by its own list: a column of municipalities, codes or
    addresses, and one with the status. It is shown first; nothing is written without --apply."""
    from outreach.jobs.assessment import import_progress

    here = shell(context)
    with here.database() as database:
        steps = import_progress(
            database,
            file,
            campaign=campaign,
            columns=columns_of(map_),
            started=started,
            finished=finished,
            apply=apply,
            now=clock.now(),
            actor=here.actor,
        )
    if as_json:
        print_json([asdict(step) for step in steps])
        return
    print_table(
        [asdict(step) for step in steps],
        [
            ("line", "Line"),
            ("change", "What"),
            ("found", "Municipality"),
            ("by", "Known by"),
            ("progress", "Status"),
            ("municipality", "In the list"),
        ],
        empty="The list has no entries.",
    )
    new = sum(step.change == "new" for step in steps)
    say(f"{count(len(steps), 'line')}: {new} new, {sum(step.change == 'unknown' for step in steps)} unknown.")
    say("Written down." if apply else "Nothing was written. With --apply it is.")
