"""Pausing a campaign by itself when its mails bounce, are called spam or are refused too often."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa

from outreach.db import campaigns, directory, health
from outreach.db.campaigns import Campaign
from outreach.db.engine import Database
from outreach.db.outbox import Due
from outreach.delivery.guardrails import Tally, tripped
from outreach.model.states import CampaignState, MessageState, OutcomeKind
from outreach.model.values import Outcome
from outreach.settings import Workspace
from outreach.settings.limits import Guardrails

#: Who paused it, in the audit.
ACTOR = "outreach"


def look(workspace: Workspace, database: Database, now: datetime) -> list[str]:
    """Pause the running campaigns that need it, after what has come in; a sentence for each."""
    with database.read() as connection:
        running = campaigns.every(connection, {CampaignState.RUNNING})
        tallies = [(one, _tally(connection, one)) for one in running]
    told = []
    for campaign, tally in tallies:
        if reason := _why(tally, workspace.settings.guardrails_of(campaign.sender)):
            with database.write() as connection:
                told += pause(connection, campaign.id, reason, now)
    return told


def pause(connection: sa.Connection, campaign_id: int, reason: str, now: datetime) -> list[str]:
    """Pause the campaign, and the sentence that says so; none when another run did it just before."""
    campaign = campaigns.by_id(connection, campaign_id)
    if campaign.state is not CampaignState.RUNNING:
        return []
    campaigns.move(connection, campaign, CampaignState.PAUSED, paused_reason=reason)
    directory.note(
        connection,
        actor=ACTOR,
        action=f"campaigns.{CampaignState.PAUSED}",
        subject=campaign.name,
        detail=reason,
        now=now,
    )
    return [
        f"{campaign.name} was paused: {reason}. When you have found out why, "
        f"`outreach campaigns resume {campaign.slug} --country {campaign.country}` goes on with it."
    ]


class Watch:
    """Over the campaigns of one sender while their mails go out."""

    def __init__(self, rails: Guardrails) -> None:
        self._rails = rails
        self._tallies: dict[int, Tally] = {}
        self.paused: set[int] = set()

    def settled(
        self,
        connection: sa.Connection,
        settled: Iterable[tuple[Due, Outcome, MessageState]],
        now: datetime,
    ) -> list[str]:
        """What came of some mails, not yet written down: a sentence for each campaign that is paused for it."""
        suspects = set()
        for one, outcome, state in settled:
            tally = self._tallies.get(one.campaign_id)
            if tally is None:
                campaign = campaigns.by_id(connection, one.campaign_id)
                tally = self._tallies[one.campaign_id] = _tally(connection, campaign)
            if outcome.kind is OutcomeKind.ACCEPTED:
                tally.in_a_row = 0
                tally.tried += 1
                continue
            if state is MessageState.BOUNCED:
                tally.tried += 1
                tally.bounced += 1
            if outcome.kind in (OutcomeKind.REFUSED, OutcomeKind.DEFERRED):
                tally.in_a_row += 1
                suspects.add(one.campaign_id)
        told = []
        for campaign_id in suspects - self.paused:
            if reason := _why(self._tallies[campaign_id], self._rails):
                self.paused.add(campaign_id)
                told += pause(connection, campaign_id, reason, now)
        return told


def _tally(connection: sa.Connection, campaign: Campaign) -> Tally:
    since = campaign.guarded_from
    tried, bounced, complained = health.outcomes(connection, campaign.id, since)
    in_a_row = health.errors_in_a_row(connection, campaign.id, campaign.sender, since)
    return Tally(tried, bounced, complained, in_a_row)


def _why(tally: Tally, rails: Guardrails) -> str | None:
    return tripped(
        tally,
        bounce_percent=rails.bounce_percent,
        complaint_percent=rails.complaint_percent,
        sample=rails.sample,
        errors_in_a_row=rails.errors_in_a_row,
    )
