"""Removing what is about persons and older than a day given; counts and what happened stay."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from outreach.db import attendance, erasure, schema
from outreach.db.schema import ERASED
from outreach.model.states import CampaignState, InboxState

_SENDING = (CampaignState.RUNNING, CampaignState.PAUSED)


def empty_answers(connection: sa.Connection, before: datetime) -> int:
    """Text, subject and sender of what came in before; not of what still waits for a person."""
    inbound = schema.inbound_message
    old = sa.and_(
        inbound.c.received_at < before,
        inbound.c.state.not_in([InboxState.OPEN, InboxState.ASIDE]),
        sa.or_(inbound.c.raw.is_not(None), inbound.c.from_address.is_not(None), inbound.c.subject != ""),
    )
    verdict = schema.verdict
    connection.execute(
        sa.update(verdict)
        .where(verdict.c.inbound_id.in_(sa.select(inbound.c.id).where(old)))
        .values(text=None, evidence=[], details={})
    )
    return connection.execute(
        sa.update(inbound).where(old).values(raw=None, from_address=None, subject="")
    ).rowcount


def remove_gone(connection: sa.Connection, before: datetime) -> int:
    """Contacts that left their list before, and that no campaign writes to just now."""
    contact, recipient, campaign = schema.contact, schema.recipient, schema.campaign
    written_to = (
        sa.exists()
        .where(recipient.c.contact_id == contact.c.id, campaign.c.id == recipient.c.campaign_id)
        .where(campaign.c.state.in_(_SENDING))
    )
    ids = connection.execute(
        sa.select(contact.c.id).where(
            contact.c.gone_at < before, contact.c.email_key.not_like(f"{ERASED}%"), ~written_to
        )
    ).scalars()
    found = list(ids)
    for id_ in found:
        connection.execute(sa.delete(schema.contact_change).where(schema.contact_change.c.contact_id == id_))
        erasure.remove_contact(connection, id_, {})
    return len(found)


def empty_campaigns(connection: sa.Connection, before: datetime) -> int:
    """Who registered, and who came, in campaigns that ended before, and what servers said of their mails."""
    campaign, registration = schema.campaign, schema.registration
    old = sa.select(campaign.c.id).where(campaign.c.finished_at < before)
    messages = sa.select(schema.message.c.id).where(schema.message.c.campaign_id.in_(old))
    attempt = schema.attempt
    texts = sa.update(attempt).where(attempt.c.message_id.in_(messages), attempt.c.text != "")
    number = connection.execute(texts.values(text="")).rowcount
    number += attendance.forget(connection, schema.attendance.c.campaign_id.in_(old))
    theirs = sa.update(registration).where(
        registration.c.campaign_id.in_(old),
        sa.or_(registration.c.name.is_not(None), registration.c.email.is_not(None)),
    )
    return number + connection.execute(theirs.values(name=None, email=None)).rowcount
