"""`outreach costs`, and `outreach report reimbursement`."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path

import typer

from outreach import clock
from outreach.cli.shell import JSON, ONE_CAMPAIGN, ONE_COUNTRY, listed, print_json, print_table, say, shell
from outreach.errors import InputError

app = typer.Typer(help="What sessions cost, for the reimbursement.", no_args_is_help=True)


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    XLSX = "xlsx"


@app.command()
def add(
    context: typer.Context,
    amount: str = typer.Argument(..., help="In euro, like 1200.50 or 1.200,50."),
    campaign: str = typer.Option(..., "--campaign", help="Whose session it was for, as information-session."),
    country: str | None = ONE_COUNTRY,
    what: str = typer.Option(..., "--what", help="What it was for."),
    on: datetime | None = typer.Option(None, "--on", formats=["%Y-%m-%d"], help="The day it was paid."),
) -> None:
    """Enter an expense of a session."""
    from outreach.jobs.prepare_campaign import campaign_name
    from outreach.jobs.reimbursement import add_cost, cents_of, euros

    here = shell(context)
    name = campaign_name(campaign, country) if country else campaign
    with here.database(country=country) as database:
        number = add_cost(
            database,
            name,
            amount,
            what,
            on.date() if on else None,
            now=clock.now(),
            actor=here.actor,
        )
    say(f"{euros(cents_of(amount)):,.2f} euro for {what}, {name}: number {number}.")


@app.command("list")
def list_(
    context: typer.Context,
    campaign: str | None = ONE_CAMPAIGN,
    country: str | None = ONE_COUNTRY,
    as_json: bool = JSON,
) -> None:
    """The expenses that were entered."""
    from outreach.db import costs
    from outreach.jobs.reimbursement import euros

    rows = listed(context, costs.listing, campaign, country, counts=True)
    shown = [{**row, "euros": f"{euros(row['cents']):.2f}"} for row in rows]
    if as_json:
        print_json([{name: value for name, value in row.items() if name != "cents"} for row in shown])
        return
    print_table(
        [{**row, "euros": f"{float(row['euros']):,.2f}"} for row in shown],
        [
            ("id", "No."),
            ("campaign", "Campaign"),
            ("euros", "Euro"),
            ("what", "What for"),
            ("paid_on", "Paid"),
            ("actor", "By"),
        ],
        empty="No costs were entered yet: `outreach costs add AMOUNT --campaign CAMPAIGN --what WHAT`.",
    )


@app.command()
def undo(context: typer.Context, number: int = typer.Argument(..., help="Of `outreach costs list`.")) -> None:
    """Take an expense back that was entered wrongly."""
    from outreach.jobs.reimbursement import undo_cost

    here = shell(context)
    with here.database() as database:
        said = undo_cost(database, number, now=clock.now(), actor=here.actor)
    say(f"Taken back: {said}.")


def reimbursement(
    context: typer.Context,
    country: str | None = ONE_COUNTRY,
    format_: Format = typer.Option(Format.TABLE, "--format", help="How to print it."),
    as_json: bool = typer.Option(False, "--json", help="The same as --format json."),
    excel: bool = typer.Option(False, "--excel", help="CSV as Excel opens it in most of the Union."),
    output: Path | None = typer.Option(None, "--output", help="Into this file; a workbook needs one."),
    language: str = typer.Option("en", "--language", help="How amounts are written: de, fr ..."),
) -> None:
    """The two sessions of each country, who came, and their costs against the ceiling of 4,500 euro."""
    from babel import Locale, UnknownLocaleError

    from outreach.jobs.reimbursement import summary
    from outreach.jobs.workspace import write_bytes
    from outreach.report import reimbursement_export as export

    try:
        Locale.parse(language)
    except (UnknownLocaleError, ValueError):
        raise InputError(f"{language!r} is no language.", "Write its code, such as en, de or fr.") from None
    if format_ is Format.XLSX and output is None:
        raise InputError("A workbook goes into a file.", "Add --output reimbursement.xlsx.")
    here = shell(context)
    with here.database(country=country, counts=True) as database:
        own = here.access.countries or ()
        found = summary(here.workspace, database, country=country, countries=own, now=clock.now())
    if as_json or format_ is Format.JSON:
        data = export.to_json(found).encode()
    elif format_ is Format.CSV:
        data = export.to_csv(found, for_excel=excel).encode()
    elif format_ is Format.XLSX:
        data = export.to_workbook(found)
    else:
        data = export.to_terminal(found, language).encode()
    if output is None:
        typer.echo(data.decode(), nl=False)
        return
    write_bytes(output, data)
    say(f"Written: {output}.")
