"""The mails around a session: written down when they are due, and looked at once more when they are about to go.

They go to those who have a place, or were there, whoever has answered. A municipality gets each once, at the address
of who took its place, else at the one it was invited at; the database forbids a second one to the same address.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from outreach.campaign import around
from outreach.campaign.definition import Condition, Definition, SessionStep, Side
from outreach.contacts.addresses import checked
from outreach.db import outbox, session_mails
from outreach.db.campaigns import Campaign
from outreach.db.outbox import Due
from outreach.db.schema import ERASED
from outreach.db.session_mails import Guest
from outreach.inbound.robots import is_unread_box
from outreach.jobs import seats
from outreach.jobs.message_rows import locality, message_row
from outreach.model.states import MessageState, SkipReason
from outreach.settings import Workspace

#: Why one is missed: what a person reads.
TOO_LATE = "the session began before it could go"


@dataclass(slots=True)
class Plan:
    """What a look at the session of a campaign came to."""

    queued: int = 0
    next_look: datetime | None = None  # None: nothing is left to come

    def look_at(self, when: datetime) -> None:
        self.next_look = when if self.next_look is None else min(self.next_look, when)


@dataclass(slots=True)
class _Step:
    """A mail around the session, and whom it goes to now."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    again: dict[int, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Announced:
    """A mail around the session, as a person is told of it beforehand."""

    step: str
    to: str  # "registered", "attended"
    when: str  # "7 days before the session"
    at: datetime  # the first moment of it, where most of the country keeps its hours


def announced(definition: Definition, country: str) -> list[Announced]:
    """The mails around the session of a definition for ``country``, in their order."""
    place = locality(country, None, None)
    return [
        Announced(step.name, step.only_if.value, str(step), around.due(step, definition, place))
        for step in definition.session_steps
    ]


def plan(
    connection: sa.Connection, workspace: Workspace, campaign: Campaign, definition: Definition, now: datetime
) -> Plan:
    """Let the waiting list move up, and write the mails around the session that have come due. The campaign is
    running, and held."""
    done = Plan()
    place = locality(campaign.country, None, None)
    end = around.over(definition, place)
    if end is None or now >= end:
        return done
    done.queued += seats.move_up(connection, workspace, campaign, definition.places, now)
    done.look_at(end)
    guests: dict[Condition, list[Guest]] = {}
    for step in definition.session_steps:
        if step.only_if not in guests:
            find = session_mails.attended if step.only_if is Condition.ATTENDED else session_mails.registered
            guests[step.only_if] = find(connection, campaign.id)
        there = session_mails.written(connection, campaign.id, step.name)
        found = _Step()
        for guest in guests[step.only_if]:
            _one(
                workspace,
                campaign,
                definition,
                step,
                guest,
                there.get(guest.municipality_id, []),
                now,
                found,
                done,
            )
        done.queued += outbox.queue(connection, found.rows)
        done.queued += session_mails.queue_again(connection, found.again)
    return done


def _one(
    workspace: Workspace,
    campaign: Campaign,
    definition: Definition,
    step: SessionStep,
    guest: Guest,
    there: list[session_mails.Written],
    now: datetime,
    found: _Step,
    done: Plan,
) -> None:
    if any(not one.gave_way for one in there):
        return  # it has it, or nobody shall send it
    place = locality(guest.country, guest.region, guest.time_zone)
    due = around.due(step, definition, place)
    if due > now:
        done.look_at(due)
        return
    email = address_of(workspace, guest)
    if email is None or not _makes_sense(step, definition, guest, due):
        return
    state = MessageState.QUEUED
    if now >= around.until(step, definition, place):
        if not around.is_last_before(step, definition):
            return  # the next one has taken its place, or it is too late for thanks
        state = MessageState.MISSED  # the session has begun, and a person should know who was not told
    again = next((one for one in there if one.email_key == email.casefold()), None)
    if again is not None:
        if state is MessageState.QUEUED:
            found.again[again.id] = due
        return
    row = message_row(
        workspace,
        campaign,
        recipient_id=guest.recipient_id,
        step=step.name,
        email=email,
        language=guest.language,
        due_at=due,
        now=now,
        for_place=definition.for_place(guest.municipality_id),
    )
    reason = TOO_LATE if state is MessageState.MISSED else None
    found.rows.append({**row, "for_session": True, "state": state, "reason": reason})


def _makes_sense(step: SessionStep, definition: Definition, guest: Guest, due: datetime) -> bool:
    """Who took the place after ``due`` knows what it says, unless it is the last word before the session and no
    confirmation of ours has told them."""
    if step.side is Side.AFTER or guest.since <= due:
        return True
    assert definition.session is not None, "a mail around a session has one"
    told = guest.told_at is not None and guest.told_at > due
    return around.is_last_before(step, definition) and not told and guest.since < definition.session.start


def address_of(workspace: Workspace, guest: Guest) -> str | None:
    """Where the municipality gets what is about its place; ``None``: nowhere."""
    own = workspace.settings.own_addresses
    for one in (guest.registered_email, guest.email):
        email = checked(one) if one and not one.startswith(ERASED) else None
        if email is not None and email.casefold() not in own and not is_unread_box(email):
            return email
    return None


def why_not(
    connection: sa.Connection, due: Iterable[tuple[Due, Definition]], now: datetime
) -> dict[int, SkipReason]:
    """Which of these mails around a session must not go after all: looked up again at the very claim."""
    wanted: dict[Condition, dict[int, tuple[int, int]]] = {}
    reasons: dict[int, SkipReason] = {}
    for one, definition in due:
        step = definition.session_step(one.step)
        condition = step.only_if if step is not None else Condition.REGISTERED
        wanted.setdefault(condition, {})[one.id] = (one.campaign_id, one.municipality_id)
        if step is not None and step.side is Side.BEFORE:
            place = locality(one.country, one.region, one.time_zone)
            last = around.last_moment(step, definition, place)
            if around.until(step, definition, place) <= now < last:
                reasons[one.id] = SkipReason.OVERTAKEN
    for condition, whose in wanted.items():
        find = session_mails.who_came if condition is Condition.ATTENDED else session_mails.with_place
        stand = find(connection, set(whose.values()))
        reasons |= {id_: SkipReason.NO_PLACE for id_, seat in whose.items() if seat not in stand}
    return reasons


def is_late(one: Due, definition: Definition, now: datetime) -> bool:
    """Whether the last moment of a mail around a session has passed."""
    place = locality(one.country, one.region, one.time_zone)
    return now >= around.last_moment(definition.session_step(one.step), definition, place)
