"""What is due next in a running campaign: reminders, and mails around its session, are written down when their time
has come."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from outreach.campaign import frozen, schedule
from outreach.campaign.definition import Definition, Step
from outreach.db import campaign_status, campaigns, outbox
from outreach.db.campaigns import Campaign
from outreach.db.engine import Database
from outreach.jobs import session_mails
from outreach.jobs.message_rows import locality, message_row
from outreach.model.states import CampaignState
from outreach.settings import Workspace


def plan(workspace: Workspace, database: Database, now: datetime, *, all_: bool = False) -> int:
    """Write the messages that have come due in the running campaigns; returns how many.

    Only campaigns whose ``plan_at`` has come are looked at, unless ``all_``.
    """
    with database.read() as connection:
        running = campaigns.every(connection, {CampaignState.RUNNING})
    queued = 0
    for campaign in running:
        if campaign.sender not in workspace.settings.senders:
            continue  # nothing of it can go; the sending says so
        if all_ or (campaign.plan_at is not None and campaign.plan_at <= now):
            with database.write() as connection:
                queued += _plan_one(connection, workspace, campaign, now)
    return queued


def _plan_one(connection: sa.Connection, workspace: Workspace, campaign: Campaign, now: datetime) -> int:
    if campaigns.hold(connection, campaign.id) is not CampaignState.RUNNING:
        return 0  # paused or cancelled since it was looked up
    definition = frozen.thaw(campaign.definition)
    rows: list[dict[str, Any]] = []
    next_look: datetime | None = None
    for last, step in zip(definition.steps, definition.steps[1:], strict=False):
        for follow_up in campaigns.follow_ups(connection, campaign.id, last.name, step.name):
            due = _due(definition, step, follow_up)
            if due > now:
                next_look = due if next_look is None else min(next_look, due)
                continue
            rows.append(
                message_row(
                    workspace,
                    campaign,
                    recipient_id=follow_up.recipient_id,
                    step=step.name,
                    email=follow_up.email,
                    language=follow_up.language,
                    due_at=due,
                    now=now,
                    for_place=definition.for_place(follow_up.municipality_id),
                )
            )
    queued = outbox.queue(connection, rows)
    around = session_mails.plan(connection, workspace, campaign, definition, now)
    queued += around.queued
    if around.next_look is not None:
        next_look = around.next_look if next_look is None else min(next_look, around.next_look)
    campaigns.plan_at(connection, campaign.id, next_look)
    if next_look is None and not queued and campaign_status.unfinished(connection, campaign.id) == 0:
        campaigns.move(connection, campaign, CampaignState.FINISHED, finished_at=now)
    return queued


def _due(definition: Definition, step: Step, follow_up: campaigns.FollowUp) -> datetime:
    place = locality(follow_up.country, follow_up.region, follow_up.time_zone)
    assert step.after is not None, "a later step has a delay"
    window = definition.window_of(step.name, follow_up.variant)
    due = schedule.due_after(follow_up.sent_at, step.after, window, place)
    if follow_up.not_before is not None:
        due = schedule.after_absence(due, follow_up.not_before, window, place)
    return due
