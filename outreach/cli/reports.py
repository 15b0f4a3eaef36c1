"""`outreach report`."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from outreach.cli.shell import country_code, is_known, progress, say, shell

if TYPE_CHECKING:
    from outreach.report.document import Report
    from outreach.report.labels import Reader

app = typer.Typer(invoke_without_command=True)


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    XLSX = "xlsx"
    HTML = "html"
    PDF = "pdf"
    MARKDOWN = "markdown"


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
    None,
    "--locale",
    help="Numbers and names as in: de, fr_BE ...; pages are wholly in it. [default: that of the terminal]",
)
OUTPUT = typer.Option(None, "--output", "-o", metavar="FILE", help="Write it there instead of printing it.")


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
    output: Path | None = OUTPUT,
) -> None:
    """Who was invited, reached, answered, registered, came, declined, said stop: municipalities, never mails.

    Every rate stands beside its numerator and its denominator, with the interval chance leaves it. As html it is a
    page with charts that needs nothing else; pdf is that page on paper, by Chromium.
    """
    if context.invoked_subcommand is not None:
        other = cut or locale or output or by is not Unit.MUNICIPALITY or nuts != 2
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
    show(made, format_, cut=cut, as_json=as_json, excel=excel, locale=locale, output=output)


def show(
    made: Report,
    format_: Format,
    *,
    as_json: bool,
    excel: bool,
    cut: Cut | None = None,
    locale: str | None = None,
    output: Path | None = None,
) -> None:
    """Print a report, or write it into ``output``; ``cut``: this part of it only."""
    form = Format.JSON if as_json else format_
    if cut and form in (Format.HTML, Format.PDF, Format.MARKDOWN):
        raise typer.BadParameter(f"--cut is for tables, JSON, CSV and XLSX: {form} has all parts.")
    if form is Format.TABLE and output is None and sys.stdout.isatty():
        _print_table(made, cut, locale)
        return
    if form in (Format.PDF, Format.XLSX) and output is None and sys.stdout.isatty():
        raise typer.BadParameter(
            f"{form.upper()} is nothing to print at a terminal: say where it goes, as with -o report.{form}."
        )
    written = _written(made, form, cut=cut, excel=excel, locale=locale)
    if output is not None:
        from outreach.jobs.workspace import write_bytes

        write_bytes(output, written if isinstance(written, bytes) else written.encode())
        say(f"Wrote {output}.")
    elif isinstance(written, bytes):
        sys.stdout.buffer.write(written)
    else:
        typer.echo(written, nl=False)


def _written(made: Report, form: Format, *, cut: Cut | None, excel: bool, locale: str | None) -> str | bytes:
    from outreach.cli import report_pages
    from outreach.report import document, export, terminal

    only = document.Cut(cut) if cut else None
    match form:
        case Format.JSON:
            return export.to_json(made, cut=only)
        case Format.CSV:
            return export.to_csv(made, cut=only, for_excel=excel)
        case Format.XLSX:
            from outreach.report import workbook

            return workbook.to_xlsx(made, cut=only, reader=_reader(locale))
        case Format.HTML:
            return report_pages.page(made, locale)
        case Format.PDF:
            return report_pages.paper(made, locale)
        case Format.MARKDOWN:
            return report_pages.markdown(made, locale)
        case Format.TABLE:
            return terminal.text(made, cut=only, reader=_reader(locale))


def _print_table(made: Report, cut: Cut | None, locale: str | None) -> None:
    from rich.console import Console

    from outreach.report import document, terminal

    console = Console(highlight=False)
    only = document.Cut(cut) if cut else None
    width = max(console.width, 80)
    console.print(terminal.rendered(made, cut=only, reader=_reader(locale), width=width))


def _reader(locale: str | None) -> Reader:
    from babel.core import default_locale

    from outreach.report.labels import Reader

    return Reader(locale or default_locale("LC_NUMERIC") or "en")
