"""Messages as they are written before anything is sent."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

from outreach.campaign.schedule import Locality
from outreach.db.campaigns import Campaign
from outreach.delivery import tokens
from outreach.model.countries import COUNTRIES
from outreach.model.states import MessageState
from outreach.settings import Workspace


def locality(country: str, region: str | None, time_zone: str | None) -> Locality:
    """Where a municipality keeps its hours; the country's zone where it has none of its own."""
    return Locality(time_zone or COUNTRIES[country].time_zone, country, region)


def message_row(
    workspace: Workspace,
    campaign: Campaign,
    *,
    recipient_id: int,
    step: str,
    email: str,
    language: str,
    due_at: datetime,
    now: datetime,
    for_place: str = "",
) -> dict[str, Any]:
    """A message as it is written before anything is sent: its token and Message-ID are fixed here."""
    token = tokens.issue(workspace.key, secrets.token_bytes(tokens.NONCE_BYTES))
    domain = workspace.settings.sender(campaign.sender).address.rpartition("@")[2]
    return {
        "campaign_id": campaign.id,
        "recipient_id": recipient_id,
        "step": step,
        "sender": campaign.sender,
        "email": email,
        "email_key": email.casefold(),
        "language": language,
        "internet_message_id": tokens.message_id(token, domain),
        "token": token,
        "state": MessageState.QUEUED,
        "due_at": due_at,
        "attempts": 0,
        "answers_id": None,
        "for_session": False,
        "created_at": now,
        "for_place": for_place,
    }
