"""`outreach simulate`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import typer

from outreach.cli.shell import JSON, count, country_code, print_json, progress, say


def simulate(
    folder: Path = typer.Option(Path("simulation"), "--dir", help="Where its workspace is made anew."),
    scale: float = typer.Option(1.0, "--scale", help="1: 100,000 municipalities, 1.2 million mails."),
    seed: int = typer.Option(1, "--seed", help="Another one makes others; the same one the same."),
    until: datetime | None = typer.Option(
        None, "--until", formats=["%Y-%m-%d"], help="The day at which it stands; today, if not said."
    ),
    countries: list[str] = typer.Option([], "--country", help="Only these; may be repeated."),
    database: str = typer.Option(
        "sqlite:///outreach.db", "--database", help="Where to; one on PostgreSQL has to be empty."
    ),
    as_json: bool = JSON,
) -> None:
    """A database of the whole Union after four campaigns, to try reports on: all of it made up.

    Nothing in it can be sent, and no workspace nor database that holds anything is touched.
    """
    from outreach import clock
    from outreach.simulate.world import Wishes
    from outreach.simulate.world import simulate as make

    chosen = tuple(code for code in map(country_code, countries) if code)
    wishes = Wishes(scale, seed, until.date() if until else None, chosen, database)
    with progress("Simulating") as shown:
        made = make(folder, wishes, clock.now(), shown=shown)
    if as_json:
        print_json({"workspace": folder.resolve(), "until": made.until.date(), "rows": made.rows})
        return
    rows = made.rows
    say(f"A workspace in {folder.resolve()}, as on {made.until:%Y-%m-%d} (seed {seed}):")
    say(
        f"{count(rows.get('municipality', 0), 'municipality', 'municipalities')},"
        f" {count(rows.get('campaign', 0), 'campaign')}, {count(rows.get('message', 0), 'mail')},"
        f" {count(rows.get('inbound_message', 0), 'answer')} of persons and machines,"
        f" {count(rows.get('engagement', 0), 'event')}."
    )
    say(f"Next: outreach -w {folder} report")
