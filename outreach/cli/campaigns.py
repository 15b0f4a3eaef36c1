"""`outreach campaigns`: check, look at, test, launch, hold, end."""

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
from outreach.cli.shell import (
    JSON,
    Shell,
    count,
    country_code,
    print_json,
    print_table,
    progress,
    say,
    shell,
)
from outreach.model.states import CampaignState

if TYPE_CHECKING:
    from outreach.db.campaigns import Campaign
    from outreach.jobs.forecast import Forecast
    from outreach.jobs.launch_campaign import Launch

app = typer.Typer(help="Campaigns: check, preview, test, launch, pause, cancel.", no_args_is_help=True)

_SLUG = typer.Argument(..., metavar="CAMPAIGN", help="A file of campaigns/ without .toml, as lordimas.")
_COUNTRY = typer.Option(
    ..., "--country", callback=country_code, help="Two capitals: BE, DE ... (Greece is GR)."
)
_SENDER = typer.Option(None, "--sender", help="Which sender, where the country has several.")
_REASON = typer.Option("", "--reason", help="Kept with the campaign.")


@app.command("list")
def list_(context: typer.Context, as_json: bool = JSON) -> None:
    """The definitions in campaigns/, and every campaign that was checked or launched."""
    from outreach.db import campaigns
    from outreach.jobs import workspace as files

    here = shell(context)
    with here.database(counts=True) as database, database.read() as connection:
        known = campaigns.every(connection)
    rows = [
        {
            "campaign": one.name,
            "country": one.country,
            "state": one.state,
            "sender": one.sender,
            "launched_at": one.launched_at,
            "title": one.title,
        }
        for one in known
    ]
    if as_json:
        print_json({"definitions": files.slugs(here.workspace), "campaigns": rows})
        return
    say(f"Definitions in campaigns/: {', '.join(files.slugs(here.workspace)) or 'none'}.")
    print_table(
        rows,
        [
            ("campaign", "Campaign"),
            ("country", ""),
            ("state", "State"),
            ("sender", "Sender"),
            ("launched_at", "Launched (UTC)"),
        ],
        empty="None was checked or launched yet: `outreach campaigns check CAMPAIGN --country XX`.",
    )


@app.command()
def check(
    context: typer.Context,
    slug: str = _SLUG,
    country: str = _COUNTRY,
    sender: str | None = _SENDER,
    as_json: bool = JSON,
) -> None:
    """Render every mail of the audience strictly and look for everything you would regret. Sends nothing.

    A launch needs a passed check of exactly what is launched.
    """
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
        for line in _expected(result.forecast):
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


@app.command()
def preview(
    context: typer.Context,
    slug: str = _SLUG,
    country: str = _COUNTRY,
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


@app.command()
def test(
    context: typer.Context,
    slug: str = _SLUG,
    country: str = _COUNTRY,
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


@app.command()
def launch(
    context: typer.Context,
    slug: str = _SLUG,
    country: str = _COUNTRY,
    yes: bool = typer.Option(False, "--yes", help="Launch without asking."),
    token: str = typer.Option("", "--check", help="Only what this check looked at: the token it printed."),
    as_json: bool = JSON,
) -> None:
    """Show what would happen and, once you have typed the campaign's name (or with --yes), launch it.

    Mails go out with the next `outreach run`, inside the send window.
    """
    from outreach.jobs.launch_campaign import launch as job

    here = shell(context)

    def go(do_it: bool) -> Launch:
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
            )

    planned = go(False)
    if not as_json:
        _show_launch(planned)
    if not yes and sys.stdin.isatty() and not as_json:
        typed = typer.prompt(f"Type {planned.campaign} to launch it", default="", show_default=False)
        yes = typed.strip() == planned.campaign
    if yes:
        planned = go(True)
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
        say(f"  first     {_local(planned.first_at)}")
        say(f"  last      {_local(planned.last_at)} ({planned.pace})")
    if planned.others:
        say(f"  besides   {count(planned.others, 'mail')} of other campaigns of the same sender")
    if planned.missed:
        say(f"  too late  {count(planned.missed, 'mail')}: the last day would be over")
    for line in around.lines(planned.around):
        say(f"  then      {line}")


def _expected(forecast: Forecast) -> Iterator[str]:
    """When what waits will have gone, in sentences."""
    if forecast.ends_at:
        yield f"{forecast.pace}: ends {_local(forecast.ends_at)}."
    if forecast.ends_at and forecast.others:
        yield f"{count(forecast.others, 'mail')} of other campaigns of the same sender are reckoned with."
    if forecast.missed:
        yield f"{count(forecast.missed, 'mail')} will not have gone by the last day."


def _local(at: datetime) -> str:
    return f"{at.astimezone():%A %Y-%m-%d %H:%M}"


def _named(context: typer.Context, slug: str, country: str) -> tuple[Shell, str]:
    from outreach.jobs.prepare_campaign import campaign_name

    return shell(context), campaign_name(slug, country)


def _change(context: typer.Context, slug: str, country: str, new: CampaignState, reason: str = "") -> int:
    from outreach.jobs.launch_campaign import change_state

    here, name = _named(context, slug, country)
    with here.database(country=country) as database:
        return change_state(database, name, new, now=clock.now(), actor=here.actor, reason=reason)


@app.command()
def pause(context: typer.Context, slug: str = _SLUG, country: str = _COUNTRY, reason: str = _REASON) -> None:
    """Send nothing more until it is resumed. Answers are still read."""
    _change(context, slug, country, CampaignState.PAUSED, reason or "paused by hand")
    say("Paused. `outreach campaigns resume` goes on.")


@app.command()
def resume(context: typer.Context, slug: str = _SLUG, country: str = _COUNTRY) -> None:
    """Go on with a paused campaign."""
    _change(context, slug, country, CampaignState.RUNNING)
    say("Running again.")


@app.command()
def cancel(
    context: typer.Context,
    slug: str = _SLUG,
    country: str = _COUNTRY,
    reason: str = _REASON,
    yes: bool = typer.Option(False, "--yes", help="Without asking."),
) -> None:
    """End a campaign for good: what waits is never sent. Answers are still read."""
    if not yes and not sys.stdin.isatty():
        say("Nothing was changed: nobody is there to ask. Add --yes to cancel it.")
        return
    if not yes and not typer.confirm("A cancelled campaign cannot be resumed. Cancel it?", default=False):
        say("Nothing was changed.")
        return
    stopped = _change(context, slug, country, CampaignState.CANCELLED, reason or "cancelled by hand")
    say(f"Cancelled; {count(stopped, 'waiting mail')} will not be sent.")


@app.command()
def status(context: typer.Context, slug: str = _SLUG, country: str = _COUNTRY, as_json: bool = JSON) -> None:
    """Where a campaign stands: each step's mails by state, what is left out and why, when it will end."""
    from outreach.db import campaigns
    from outreach.jobs.launch_campaign import status as job

    here, name = _named(context, slug, country)
    with here.database(country=country, counts=True) as database:
        with database.read() as connection:
            campaign = campaigns.get(connection, name)
        sender = here.workspace.settings.sender(campaign.sender)
        found = job(database, name, sender, clock.now())
    if as_json:
        print_json(
            {
                "campaign": name,
                "state": campaign.state,
                "paused_reason": campaign.paused_reason,
                "launched_at": campaign.launched_at,
                "finished_at": campaign.finished_at,
                "steps": {
                    step: {str(state): number for state, number in counts.items()}
                    for step, counts in found.steps.items()
                },
                "around_session": [asdict(one) for one in found.around],
                "places": asdict(found.places) if found.places else None,
                "excluded": found.excluded,
                "waiting": found.waiting,
                "ends_at": found.forecast.ends_at,
                "too_late": found.forecast.missed,
                "sender_rests_until": found.rest.until if found.rest else None,
                "sender_rests_because": found.rest.reason if found.rest else None,
            }
        )
        return
    say(_headline(campaign))
    states = list(dict.fromkeys(state for counts in found.steps.values() for state in counts))
    print_table(
        [
            {"step": step, **{state.value: counts.get(state, 0) for state in states}}
            for step, counts in found.steps.items()
        ],
        [("step", "Step"), *((state.value, state.value) for state in states)],
        empty="No mail was written yet.",
    )
    for reason, number in found.excluded.items():
        say(f"Left out: {count(number, 'contact')}, {reason.replace('_', ' ')}.")
    counts = {state: sum(one.get(state, 0) for one in found.steps.values()) for state in states}
    for state, why in (
        ("uncertain", "may or may not have been sent; they are never sent again by themselves"),
        ("missed", "missed their last day; they are never sent late by themselves"),
        ("failed", "failed; `outreach messages list --state failed` says why"),
    ):
        number = next((counts[one] for one in counts if one == state), 0)
        if number:
            say(f"{count(number, 'mail')} {why}.")
    if found.rest and found.waiting:
        say(f"The sender {campaign.sender} rests until {_local(found.rest.until)}: {found.rest.reason}")
    for line in _expected(found.forecast):
        say(line)
    if found.places is not None:
        say(around.places(found.places))
    if campaign.state in (CampaignState.RUNNING, CampaignState.PAUSED):
        for line in around.lines(found.around, since=clock.now()):
            say(f"Then {line}.")


def _headline(campaign: Campaign) -> str:
    text = f"{campaign.name}: {campaign.state}"
    if campaign.launched_at:
        text += f", launched {campaign.launched_at:%Y-%m-%d %H:%M} UTC by {campaign.launched_by}"
    if campaign.paused_reason:
        text += f" ({campaign.paused_reason})"
    return text + "."
