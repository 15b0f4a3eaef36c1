"""`outreach report key`, `export` and `merge`: a member hands its counts over, and the coordinator joins them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from outreach import clock
from outreach.cli.reports import CAMPAIGN, COUNTRY, CUT, EXCEL, FORMAT, LOCALE, OUTPUT, Cut, Format, show
from outreach.cli.reports import JSON as AS_JSON
from outreach.cli.shell import JSON, print_json, say, shell

if TYPE_CHECKING:
    from outreach.report.document import Report

_TO = typer.Option(None, "--to", metavar="FILE", help="Into this file; left out, it is printed.")


def key(context: typer.Context, as_json: bool = JSON) -> None:
    """Make the key that your counts are signed with, if there is none yet; show its public half, to hand over.

    The private half stays in secrets/, readable by you alone.
    """
    from outreach.jobs import federation as job
    from outreach.report.counts_file import encode_key, fingerprint

    here = shell(context)
    here.access.check(everything=True)
    workspace = here.workspace
    made = job.make_key(workspace)
    public = job.public_key(workspace)
    countries = sorted({code for sender in workspace.settings.senders.values() for code in sender.countries})
    if as_json:
        print_json(
            {
                "key": encode_key(public),
                "fingerprint": fingerprint(public),
                "countries": countries,
                "made": made,
            }
        )
        return
    say(
        f"{'Made' if made else 'There is'} a key, in {job.key_path(workspace)}. Keep it, and show it to nobody."
    )
    say()
    say("Send this to whoever joins your counts, for their outreach.toml:")
    say()
    say("  [members.NAME]")
    say(f'  key = "{encode_key(public)}"')
    quoted = ", ".join(f'"{code}"' for code in countries or ["XX"])
    say(f"  countries = [{quoted}]")
    say()
    say("and read these digits to them on the telephone, so that they know the key is yours:")
    say()
    say(f"  {fingerprint(public)}")


def export(
    context: typer.Context,
    signed: bool = typer.Option(False, "--signed", help="Sign it: only a signed file can be merged."),
    to: Path | None = _TO,
    campaign: str | None = CAMPAIGN,
    country: str | None = COUNTRY,
    as_json: bool = typer.Option(False, "--json", help="It is JSON anyway."),
) -> None:
    """Your counts as a file for whoever coordinates: per campaign, country, mail, week, language and size.

    Every count is rounded to a multiple of five, so that neither a line, nor a difference of lines, weeks or
    successive files shows what a few municipalities did. Without --signed it is only to be looked at.
    """
    from outreach.jobs import federation as job
    from outreach.jobs import report as reports
    from outreach.jobs.workspace import write_bytes
    from outreach.report.counts_file import canonical
    from outreach.report.document import Selection

    here = shell(context)
    now = clock.now()
    with here.database(country=country, counts=True) as database:
        report = reports.make(here.workspace, database, Selection(campaign, country), now=now)
    content = job.content(here.workspace, report, now)
    if not signed and to is None:
        print_json(content)
        return
    data = job.sign(here.workspace, content) if signed else canonical(content) + b"\n"
    if to is None:
        typer.echo(data.decode(), nl=False)
        return
    write_bytes(to, data)
    lands = {share["country"] for share in content["shares"]}
    say(f"Wrote {to}: counts of {', '.join(sorted(lands))}, multiples of {content['base']}, no address.")
    if not signed:
        say("It is not signed, so nobody can merge it: add --signed.")


def merge(
    context: typer.Context,
    files: list[Path] = typer.Argument(..., metavar="FILES...", help="As members sent them."),
    without_own: bool = typer.Option(False, "--without-own", help="Only the files, not what is here."),
    campaign: str | None = CAMPAIGN,
    country: str | None = COUNTRY,
    cut: Cut | None = CUT,
    format_: Format = FORMAT,
    as_json: bool = AS_JSON,
    excel: bool = EXCEL,
    locale: str | None = LOCALE,
    output: Path | None = OUTPUT,
) -> None:
    """Join the counts of members with your own, and report on all of them together.

    Each file must be signed by a member of outreach.toml ([members.NAME]) and speak of its countries only; what would
    count twice is refused. Nothing of it is kept.
    """
    from outreach.jobs import federation as job
    from outreach.jobs import report as reports
    from outreach.report.document import Selection

    here = shell(context)
    now, selection = clock.now(), Selection(campaign, country)
    own: Report | None = None
    if not without_own:
        with here.database(country=country, counts=True) as database:
            own = reports.make(here.workspace, database, selection, now=now)
    joined = job.join(here.workspace, own, files, selection, now)
    show(joined, format_, cut=cut, as_json=as_json, excel=excel, locale=locale, output=output)
