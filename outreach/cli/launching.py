"""`outreach campaigns check|preview|test|launch`: all that comes before the first mail."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from outreach import clock
from outreach.cli import around
from outreach.cli.shell import JSON, count, country_code, print_json, progress, say, shell

if TYPE_CHECKING:
    from outreach.jobs.forecast import Forecast
    from outreach.jobs.launch_campaign import Launch

SLUG = typer.Argument(..., metavar="CAMPAIGN", help="A file of campaigns/ without .toml, as lordimas.")
COUNTRY = typer.Option(
    ..., "--country", callback=country_code, help="Two capitals: BE, DE ... (Greece is GR)."
)
_SENDER = typer.Option(None, "--sender", help="Which sender, where the country has several.")


def check(
    context: typer.Context,
    slug: str = SLUG,
    country: str = COUNTRY,
    sender: str | None = _SENDER,
    offline: bool = typer.Option(
        False, "--offline", help="Do not ask the DNS whether receivers will trust the sender's domain."
    ),
    resolver: str | None = typer.Option(
        None, "--resolver", metavar="ADDRESS", help="Ask this DNS server, as 9.9.9.9 or 127.0.0.1:5353."
    ),
    as_json: bool = JSON,
) -> None:
    """Render every mail of the audience strictly and look for everything you would regret. Sends nothing.

    A launch needs a passed check of exactly what is launched.
    """
    from outreach.doctor.alignment import look
    from outreach.jobs.check_campaign import check as job

    here = shell(context)
    with here.database(country=country) as database, progress("Rendering") as show:
        result = job(
            here.workspace,
            database,
            slug,
            country,
            now=clock.now(),
            actor=here.actor,
            sender=sender,
            domain=lambda name: look(here.workspace, name, offline=offline, resolver=resolver),
            progress=show,
        )
    prepared = result.prepared
    if as_json:
        print_json(
            {
                "campaign": prepared.name,
                "passed": result.passed,
                "mails": len(prepared.included),
                "languages": prepared.languages,
                "rendered": result.rendered,
                "heaviest_bytes": result.heaviest,
                "around_session": [asdict(one) for one in result.around],
                "digest": prepared.digest,
                "first_at": result.forecast.first_at,
                "ends_at": result.forecast.ends_at,
                "token": result.token,
                "findings": [
                    {
                        "severity": one.severity,
                        "rule": one.rule,
                        "where": one.where,
                        "message": one.message,
                        "remedy": one.remedy,
                        "contacts": one.contacts,
                    }
                    for one in result.findings
                ],
            }
        )
    else:
        notices = [one for one in result.findings if one.severity == "notice"]
        for one in result.findings:
            if one.severity != "notice":
                say(f"{one.severity}: {one.where}: {one.message}")
                if one.remedy:
                    say(f"    {one.remedy}")
        for rule in dict.fromkeys(one.rule for one in notices):
            same = [one for one in notices if one.rule == rule]
            more = f" (and {len(same) - 1} more like it)" if len(same) > 1 else ""
            say(f"notice: {same[0].where}: {same[0].message}{more}")
        say(
            f"{prepared.name}: {count(len(prepared.included), 'contact')} in "
            f"{', '.join(prepared.languages) or 'no language'}; {count(result.rendered, 'mail')} rendered."
        )
        if result.heaviest:
            logo = f", {_kilobytes(prepared.logo_bytes)} of it for the logo" if prepared.logo else ""
            say(f"The largest mail has {_kilobytes(result.heaviest)}{logo}.")
        for line in expected(result.forecast):
            say(line)
        for line in around.lines(result.around):
            say(f"Then {line}.")
        if result.passed:
            say(
                f"The check passed. Next: outreach campaigns launch {slug} --country {prepared.country} "
                f"--check {result.token}"
            )
        else:
            say("The check did not pass: mend the errors above and check again.")
    if not result.passed:
        raise typer.Exit(5)


def preview(
    context: typer.Context,
    slug: str = SLUG,
    country: str = COUNTRY,
    folder: Path = typer.Option(Path("preview"), "--dir", help="Where the files go."),
    each: int = typer.Option(1, "--each", min=1, max=50, help="How many contacts of each language."),
    contacts: list[str] = typer.Option([], "--contact", help="For this address of the audience. Repeatable."),
    sender: str | None = _SENDER,
) -> None:
    """Write the mails as HTML, plain text and whole mail, for contacts of each language, with a page that shows
    every language side by side. Sends nothing."""
    from outreach.jobs.preview_campaign import preview as job

    here = shell(context)
    with here.database(country=country) as database:
        written = job(
            here.workspace,
            database,
            slug,
            country,
            folder,
            now=clock.now(),
            sender=sender,
            per_language=each,
            emails=contacts,
        )
    say(f"{len(written) - 1} files; open {written[0]} in your browser.")


def test(
    context: typer.Context,
    slug: str = SLUG,
    country: str = COUNTRY,
    to: str = typer.Option(..., "--to", help="Your own address."),
    languages: list[str] = typer.Option([], "--language", help="Only this language. Repeatable."),
    sender: str | None = _SENDER,
) -> None:
    """Send each mail in each language to yourself, marked as a test. Nothing is recorded as sent."""
    from outreach.jobs.preview_campaign import accepted, send_test

    here = shell(context)
    with here.database(country=country) as database:
        outcomes = send_test(
            here.workspace,
            database,
            slug,
            country,
            to,
            now=clock.now(),
            actor=here.actor,
            sender=sender,
            languages=languages,
        )
    good = accepted(outcomes)
    say(f"{good} of {count(len(outcomes), 'test mail')} sent to {to}.")
    if good < len(outcomes):
        for one in outcomes:
            if one.kind != "accepted":
                say(f"  {one.code or ''} {one.text}".rstrip())
        raise typer.Exit(6)


def launch(
    context: typer.Context,
    slug: str = SLUG,
    country: str = COUNTRY,
    yes: bool = typer.Option(False, "--yes", help="Launch without asking."),
    token: str = typer.Option(
        "",
        "--check",
        help="The check you mean: the token it printed. --yes needs it after a colleague's check.",
    ),
    as_json: bool = JSON,
) -> None:
    """Show what would happen and, once you have typed the campaign's name (or with --yes), launch it.

    Mails go out with the next `outreach run`, inside the send window.
    """
    from outreach.jobs.launch_campaign import launch as job

    here = shell(context)

    def go(do_it: bool, typed: bool = False) -> Launch:
        with here.database(country=country) as database:
            return job(
                here.workspace,
                database,
                slug,
                country,
                now=clock.now(),
                actor=here.actor,
                do_it=do_it,
                token=token,
                typed=typed,
            )

    planned = go(False)
    if not as_json:
        _show_launch(planned)
    typed = False
    if not yes and sys.stdin.isatty() and not as_json:
        answer = typer.prompt(f"Type {planned.campaign} to launch it", default="", show_default=False)
        typed = answer.strip() == planned.campaign
    if yes or typed:
        planned = go(True, typed)
    if as_json:
        print_json(asdict(planned))
    elif planned.launched:
        say(f"{planned.campaign} is launched. Mails go out with `outreach run`.")
    else:
        say("Nothing was launched. Add --yes to launch.")


def _show_launch(planned: Launch) -> None:
    towns = count(planned.municipalities, "municipality", "municipalities")
    say(f"{planned.campaign}: {count(planned.mails, 'mail')} to {towns}")
    languages = ", ".join(f"{language} {number:,}" for language, number in planned.languages.items())
    say(f"  in        {languages}")
    for reason, number in planned.excluded.items():
        say(f"  left out  {count(number, 'contact')}: {reason.replace('_', ' ')}")
    if planned.first_at and planned.last_at:
        say(f"  first     {local(planned.first_at)}")
        say(f"  last      {local(planned.last_at)} ({planned.pace})")
    if planned.unseen:
        say(f"  test mail none in {', '.join(planned.unseen)} since the texts are as they are")
    if planned.others:
        say(f"  besides   {count(planned.others, 'mail')} of other campaigns of the same sender")
    if planned.missed:
        say(f"  too late  {count(planned.missed, 'mail')}: the last day would be over")
    for line in around.lines(planned.around):
        say(f"  then      {line}")


def _kilobytes(number: int) -> str:
    return f"{max(1, round(number / 1000)):,} KB"


def expected(forecast: Forecast) -> Iterator[str]:
    """When what waits will have gone, in sentences."""
    if forecast.ends_at:
        yield f"{forecast.pace}: ends {local(forecast.ends_at)}."
    if forecast.ends_at and forecast.others:
        yield f"{count(forecast.others, 'mail')} of other campaigns of the same sender are reckoned with."
    if forecast.missed:
        yield f"{count(forecast.missed, 'mail')} will not have gone by the last day."


def local(at: datetime) -> str:
    """A moment as the clock on the wall has it."""
    return f"{at.astimezone():%A %Y-%m-%d %H:%M}"
