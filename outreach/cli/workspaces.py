"""`outreach init`, `outreach demo`, `outreach db`."""

from __future__ import annotations

from pathlib import Path

import typer

from outreach.cli.shell import say, shell

database = typer.Typer(help="The database: bring it up to date, copy it.", no_args_is_help=True)


def init(
    folder: Path = typer.Argument(Path(), metavar="[DIR]", help="Where; made if it is not there."),
) -> None:
    """Make a new workspace: settings, campaigns, templates, sample contact lists, an empty database."""
    from outreach import settings
    from outreach.db.upgrade import upgrade
    from outreach.jobs.workspace import create

    made = create(folder)
    upgrade(settings.load(folder).database_url)
    say(f"A workspace in {folder.resolve()}: {', '.join([*made, 'outreach.db'])}.")
    say(f"Next: describe your mailbox in {folder / 'outreach.toml'} (the examples there say how), then type")
    say(f"  outreach -w {folder} contacts import YOUR-LIST --country XX")


def demo(
    folder: Path = typer.Option(Path("demo"), "--dir", help="Where the demo's workspace is made anew."),
) -> None:
    """The whole loop on this machine: embedded mail servers, made-up municipalities that answer."""
    from outreach.demo.story import tell

    tell(folder)


@database.command()
def upgrade(context: typer.Context) -> None:
    """Create the database, or bring it to the version this Outreach needs."""
    from outreach.db.upgrade import upgrade as bring_up

    version = bring_up(shell(context).workspace.database_url)
    say(f"The database is of version {version}.")


@database.command()
def backup(
    context: typer.Context,
    target: Path = typer.Argument(..., metavar="FILE", help="A file that is not there yet."),
) -> None:
    """Copy the SQLite database while it is in use."""
    from outreach.db.upgrade import backup as copy

    here = shell(context)
    here.access.check(everything=True)  # it holds all countries
    copy(here.workspace.database_url, target)
    say(f"The database was copied to {target}. It holds personal data: keep it as safe as the original.")
