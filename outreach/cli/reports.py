"""`outreach report`."""

from __future__ import annotations

from enum import StrEnum

import typer

from outreach.cli.shell import country_code, is_known, shell


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def report(
    context: typer.Context,
    campaign: str | None = typer.Option(None, "--campaign", help="Only this one, as lordimas."),
    country: str | None = typer.Option(
        None, "--country", callback=country_code, help="Only this one: BE, DE ..."
    ),
    format_: Format = typer.Option(Format.TABLE, "--format", help="How to print it."),
    as_json: bool = typer.Option(False, "--json", help="The same as --format json."),
    excel: bool = typer.Option(False, "--excel", help="CSV as Excel opens it in most of the Union."),
) -> None:
    """Who was invited, reached, answered, registered, declined, said stop: municipalities, never mails.

    Every rate stands beside its numerator and its denominator.
    """
    from outreach.db import queries
    from outreach.report import export, funnel

    with shell(context).database(country=country, counts=True) as database, database.read() as connection:
        rows = queries.funnel(connection, campaign=campaign, country=country)
        if campaign is not None and not rows:
            is_known(campaign, connection)
    lines = funnel.table(rows)
    if as_json or format_ is Format.JSON:
        text = export.to_json(lines)
    elif format_ is Format.CSV:
        text = export.to_csv(lines, for_excel=excel)
    else:
        text = export.to_terminal(lines)
    typer.echo(text, nl=False)
