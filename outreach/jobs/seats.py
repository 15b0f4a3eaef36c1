"""Places at a session: given while there are some; who comes later waits, and moves up in turn when one is given back.

A place is a municipality's. Without ``places`` in the campaign file everybody gets one.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from outreach.campaign import frozen
from outreach.db import campaigns, effects, mailbox, registrations
from outreach.db.campaigns import Campaign
from outreach.db.effects import Seat
from outreach.jobs.answer_mail import AnswerMails
from outreach.model.states import AnswerMail, EffectKind, RegistrationState
from outreach.settings import Workspace

#: The source of a claim by which somebody who waited has a place.
MOVED_UP = "moved up from the waiting list"


def claim(
    connection: sa.Connection,
    seat: Seat,
    state: RegistrationState,
    *,
    name: str | None,
    email: str | None,
    inbound_id: int | None,
    now: datetime,
    source: str | None = None,
) -> RegistrationState | None:
    """Write down what an answer, or a line of a list (``source``), says of the municipality's place; returns the
    state of it after: a yes waits when all places are taken."""
    if state is RegistrationState.REGISTERED and has_to_wait(connection, seat):
        state = RegistrationState.WAITING
    details: dict[str, Any] = {"state": state.value, "name": name or None, "email": email}
    if source is not None:
        details["source"] = source
    effects.claim(connection, EffectKind.REGISTRATION, seat.subject, details, inbound_id=inbound_id, now=now)
    return effects.settle_registration(connection, seat, now)


def has_to_wait(connection: sa.Connection, seat: Seat) -> bool:
    """Whether all places are taken by others, or others were there first. Nobody else can take one before the
    transaction ends."""
    places = frozen.places(campaigns.by_id(connection, seat.campaign_id).definition)
    if places is None:
        return False
    campaigns.hold(connection, seat.campaign_id)
    if mailbox.registration_of(connection, seat) is RegistrationState.REGISTERED:
        return False
    queue = registrations.waiting(connection, seat.campaign_id)
    others = [one for one in queue if one.municipality_id != seat.municipality_id]
    return bool(others) or registrations.taken(connection, seat.campaign_id) >= places


def room(connection: sa.Connection, campaign: Campaign) -> int | None:
    """How many places nobody has or waits for; ``None``: there is no end of them."""
    places = frozen.places(campaign.definition)
    if places is None:
        return None
    waiting = len(registrations.waiting(connection, campaign.id))
    return max(0, places - registrations.taken(connection, campaign.id) - waiting)


def move_up(
    connection: sa.Connection, workspace: Workspace, campaign: Campaign, places: int | None, now: datetime
) -> int:
    """Give the places that are free to those who wait longest, and tell them; returns how many mails that are. The
    campaign is held. A place is taken back with the answer that asked for it."""
    queue = registrations.waiting(connection, campaign.id)
    free = len(queue) if places is None else places - registrations.taken(connection, campaign.id)
    told = 0
    for one in queue[: max(0, free)]:
        details = {
            "state": RegistrationState.REGISTERED.value,
            "name": one.name,
            "email": one.email,
            "source": MOVED_UP,
        }
        seat = Seat(campaign.id, one.municipality_id)
        effects.claim(
            connection, EffectKind.REGISTRATION, seat.subject, details, inbound_id=one.inbound_id, now=now
        )
        effects.settle_registration(connection, seat, now)
        if one.message_id is not None:
            about = mailbox.by_number(connection, one.message_id)
            told += AnswerMails(workspace, campaign.sender).queue(
                connection,
                AnswerMail.CONFIRMATION,
                about,
                one.email or about.email,
                inbound_id=one.inbound_id,
                now=now,
            )
    return told
