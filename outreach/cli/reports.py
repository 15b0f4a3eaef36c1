"""`outreach report`; its subcommands stand in ``federation``."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

import typer

from outreach.cli.shell import country_code, is_known, shell

if TYPE_CHECKING:
    from outreach.report.funnel import ReportLine

app = typer.Typer(invoke_without_command=True)


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"
    CSV = "csv"


CAMPAIGN = typer.Option(None, "--campaign", help="Only this one, as lordimas.")
COUNTRY = typer.Option(None, "--country", callback=country_code, help="Only this one: BE, DE ...")
FORMAT = typer.Option(Format.TABLE, "--format", help="How to print it.")
JSON = typer.Option(False, "--json", help="The same as --format json.")
EXCEL = typer.Option(False, "--excel", help="CSV as Excel opens it in most of the Union.")


@app.callback()
def report(
    context: typer.Context,
    campaign: str | None = CAMPAIGN,
    country: str | None = COUNTRY,
    format_: Format = FORMAT,
    as_json: bool = JSON,
    excel: bool = EXCEL,
) -> None:
    """Who was invited, reached, answered, registered, declined, said stop: municipalities, never mails.

    Every rate stands beside its numerator and its denominator.
    """
    if context.invoked_subcommand is not None:
        if campaign or country or as_json or excel or format_ is not Format.TABLE:
            raise typer.BadParameter(f"Write options after `{context.invoked_subcommand}`, not before.")
        return
    from outreach.db import queries
    from outreach.report import funnel

    with shell(context).database(country=country, counts=True) as database, database.read() as connection:
        rows = queries.funnel(connection, campaign=campaign, country=country)
        if campaign is not None and not rows:
            is_known(campaign, connection)
    show(funnel.table(rows), format_, as_json=as_json, excel=excel)


def show(lines: Sequence[ReportLine], format_: Format, *, as_json: bool, excel: bool) -> None:
    """Print a report."""
    from outreach.report import export

    if as_json or format_ is Format.JSON:
        text = export.to_json(lines)
    elif format_ is Format.CSV:
        text = export.to_csv(lines, for_excel=excel)
    else:
        text = export.to_terminal(lines)
    typer.echo(text, nl=False)
