"""`outreach campaigns`: what there is, where it stands; hold it, end it."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from outreach import clock
from outreach.cli import around, launching
from outreach.cli.launching import COUNTRY, SLUG, expected, local
from outreach.cli.shell import JSON, Shell, count, print_json, print_table, say, shell
from outreach.model.states import CampaignState

if TYPE_CHECKING:
    from outreach.db.campaigns import Campaign

app = typer.Typer(help="Campaigns: check, preview, test, launch, pause, cancel.", no_args_is_help=True)
app.command("change-session")(around.change_session)

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


for before in (launching.check, launching.preview, launching.test, launching.launch):
    app.command()(before)


def _named(context: typer.Context, slug: str, country: str) -> tuple[Shell, str]:
    from outreach.jobs.prepare_campaign import campaign_name

    return shell(context), campaign_name(slug, country)


def _change(context: typer.Context, slug: str, country: str, new: CampaignState, reason: str = "") -> int:
    from outreach.jobs.launch_campaign import change_state

    here, name = _named(context, slug, country)
    with here.database(country=country) as database:
        return change_state(database, name, new, now=clock.now(), actor=here.actor, reason=reason)


@app.command()
def pause(context: typer.Context, slug: str = SLUG, country: str = COUNTRY, reason: str = _REASON) -> None:
    """Send nothing more until it is resumed. Answers are still read."""
    _change(context, slug, country, CampaignState.PAUSED, reason or "paused by hand")
    say("Paused. `outreach campaigns resume` goes on.")


@app.command()
def resume(context: typer.Context, slug: str = SLUG, country: str = COUNTRY) -> None:
    """Go on with a paused campaign."""
    _change(context, slug, country, CampaignState.RUNNING)
    say("Running again.")


@app.command()
def cancel(
    context: typer.Context,
    slug: str = SLUG,
    country: str = COUNTRY,
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
def status(context: typer.Context, slug: str = SLUG, country: str = COUNTRY, as_json: bool = JSON) -> None:
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
        say(f"The sender {campaign.sender} rests until {local(found.rest.until)}: {found.rest.reason}")
    for line in expected(found.forecast):
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
