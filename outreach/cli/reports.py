"""`outreach report`."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING

import typer

from outreach.cli.shell import country_code, is_known, progress, shell

if TYPE_CHECKING:
    from outreach.report.document import Report
    from outreach.report.labels import Reader

app = typer.Typer(invoke_without_command=True)


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"
    CSV = "csv"


class Unit(StrEnum):
    MUNICIPALITY = "municipality"
    CONTACT = "contact"


class Cut(StrEnum):
    """As in `report.document`, which a command that only says its help need not load; a test keeps them the same."""

    CAMPAIGN = "campaign"
    COUNTRY = "country"
    STEP = "step"
    LANGUAGE = "language"
    WEEK = "week"
    WEEKDAY = "weekday"
    HOUR = "hour"
    SIZE = "size"
    DEGURBA = "degurba"
    REGION = "region"
    NEW_OR_KNOWN = "new_or_known"


CAMPAIGN = typer.Option(None, "--campaign", help="Only this one, as lordimas.")
COUNTRY = typer.Option(None, "--country", callback=country_code, help="Only this one: BE, DE ...")
CUT = typer.Option(None, "--cut", help="Parted by this, instead of the overview.")
FORMAT = typer.Option(Format.TABLE, "--format", help="How to print it.")
JSON = typer.Option(False, "--json", help="The same as --format json.")
EXCEL = typer.Option(False, "--excel", help="CSV as Excel opens it in most of the Union.")
LOCALE = typer.Option(
    None, "--locale", help="Numbers and names as in: de, fr_BE ... [default: that of the terminal]"
)


@app.callback()
def report(
    context: typer.Context,
    campaign: str | None = CAMPAIGN,
    country: str | None = COUNTRY,
    cut: Cut | None = CUT,
    by: Unit = typer.Option(Unit.MUNICIPALITY, "--by", help="What is counted."),
    nuts: int = typer.Option(2, "--nuts", min=1, max=3, help="The level of NUTS at which regions stand."),
    format_: Format = FORMAT,
    as_json: bool = JSON,
    excel: bool = EXCEL,
    locale: str | None = LOCALE,
) -> None:
    """Who was invited, reached, answered, registered, came, declined, said stop: municipalities, never mails.

    Every rate stands beside its numerator and its denominator, with the interval chance leaves it.
    """
    if context.invoked_subcommand is not None:
        other = cut or locale or by is not Unit.MUNICIPALITY or nuts != 2
        if campaign or country or as_json or excel or other or format_ is not Format.TABLE:
            raise typer.BadParameter(f"Write options after `{context.invoked_subcommand}`, not before.")
        return
    from outreach import clock
    from outreach.jobs import report as reports
    from outreach.report import document

    selection = document.Selection(campaign, country, document.Unit(by))
    own = shell(context)
    with own.database(country=country, counts=True) as database, progress("Counting") as counted:
        made = reports.make(own.workspace, database, selection, now=clock.now(), nuts=nuts, progress=counted)
        if campaign is not None and not made.sections:
            with database.read() as connection:
                is_known(campaign, connection)
    show(made, format_, cut=cut, as_json=as_json, excel=excel, locale=locale)


def show(
    made: Report,
    format_: Format,
    *,
    as_json: bool,
    excel: bool,
    cut: Cut | None = None,
    locale: str | None = None,
) -> None:
    """Print a report; ``cut``: this part of it only."""
    from outreach.report import document, export, terminal

    only = document.Cut(cut) if cut else None
    if as_json or format_ is Format.JSON:
        typer.echo(export.to_json(made, cut=only), nl=False)
    elif format_ is Format.CSV:
        typer.echo(export.to_csv(made, cut=only, for_excel=excel), nl=False)
    elif sys.stdout.isatty():
        from rich.console import Console

        console = Console(highlight=False)
        width = max(console.width, 80)
        console.print(terminal.rendered(made, cut=only, reader=_reader(locale), width=width))
    else:
        typer.echo(terminal.text(made, cut=only, reader=_reader(locale)), nl=False)


def _reader(locale: str | None) -> Reader:
    from babel.core import default_locale

    from outreach.report.labels import Reader

    return Reader(locale or default_locale("LC_NUMERIC") or "en")
