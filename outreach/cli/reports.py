"""`outreach report`."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import typer

from outreach.cli.shell import country_code, shell

if TYPE_CHECKING:
    import sqlalchemy as sa


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

    with shell(context).database() as database, database.read() as connection:
        rows = queries.funnel(connection, campaign=campaign, country=country)
        if campaign is not None and not rows:
            _is_known(campaign, connection)
    lines = funnel.table(rows)
    if as_json or format_ is Format.JSON:
        text = export.to_json(lines)
    elif format_ is Format.CSV:
        text = export.to_csv(lines, for_excel=excel)
    else:
        text = export.to_terminal(lines)
    typer.echo(text, nl=False)


def _is_known(name: str, connection: sa.Connection) -> None:
    """An empty report of a campaign that does not exist would look like one that reached nobody."""
    from outreach.db import campaigns
    from outreach.errors import RefusedError

    known = campaigns.every(connection)
    if name not in {one.name for one in known} | {one.slug for one in known}:
        slugs = sorted({one.slug for one in known})
        raise RefusedError(
            f"There is no campaign {name!r}.",
            f"There are: {', '.join(slugs)}." if slugs else "`outreach campaigns check` makes one.",
        )
