"""Made-up rows, each with all that its table asks for: what tests of the database start from."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from outreach.db import schema
from outreach.model.states import CampaignState, ContactKind, MessageState

#: A Monday morning.
NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)

_numbers = itertools.count(1)


def add(connection: sa.Connection, table: sa.Table, **values: Any) -> int:
    """Insert a row and return its id."""
    key = connection.execute(sa.insert(table).values(**values)).inserted_primary_key
    assert key is not None
    return int(key[0])


def add_campaign(connection: sa.Connection, name: str = "lordimas-be", **values: Any) -> int:
    """A campaign that runs; ``name`` is its slug and country."""
    slug, _, country = name.rpartition("-")
    row = {
        "name": name,
        "slug": slug,
        "country": country[:2].upper(),
        "sender": "mine",
        "state": CampaignState.RUNNING,
        "title": "An invitation",
        "definition": "{}",
        "digest": "d",
        "checked_at": NOW,
        "created_at": NOW,
        "launched_at": NOW,
    }
    return add(connection, schema.campaign, **row | values)


def add_content(connection: sa.Connection, campaign_id: int, *steps: str) -> None:
    """The frozen mails of ``steps``, empty."""
    for step in steps:
        add(
            connection,
            schema.content,
            campaign_id=campaign_id,
            step=step,
            language="en",
            compiled={},
            strings={},
            digest="d",
        )


def add_municipality(connection: sa.Connection, country: str = "BE") -> int:
    number = next(_numbers)
    return add(
        connection,
        schema.municipality,
        country=country,
        key=f"town {number}",
        name=f"Town {number}",
        languages="",
        created_at=NOW,
    )


def add_contact(connection: sa.Connection, municipality_id: int, email: str | None = None) -> int:
    email = email or f"info@town{next(_numbers)}.example"
    return add(
        connection,
        schema.contact,
        municipality_id=municipality_id,
        email=email,
        email_key=email.casefold(),
        kind=ContactKind.INSTITUTIONAL,
        source="towns.csv",
        source_digest="d",
        source_line=2,
        created_at=NOW,
        updated_at=NOW,
    )


def add_recipient(
    connection: sa.Connection, campaign_id: int, municipality_id: int, email: str | None = None
) -> int:
    """A new contact of the municipality, and its place in the campaign."""
    contact_id = add_contact(connection, municipality_id, email)
    key = connection.execute(
        sa.select(schema.contact.c.email_key).where(schema.contact.c.id == contact_id)
    ).scalar_one()
    return add(
        connection,
        schema.recipient,
        campaign_id=campaign_id,
        contact_id=contact_id,
        municipality_id=municipality_id,
        email_key=key,
        language="en",
        created_at=NOW,
    )


def message_row(
    connection: sa.Connection, recipient_id: int, step: str = "invitation", **values: Any
) -> dict[str, Any]:
    """A message to the recipient as ``outbox.queue`` takes it: all columns but ``id``."""
    recipient = connection.execute(
        sa.select(schema.recipient.c.campaign_id, schema.recipient.c.email_key).where(
            schema.recipient.c.id == recipient_id
        )
    ).one()
    number = next(_numbers)
    row = {
        "campaign_id": recipient.campaign_id,
        "recipient_id": recipient_id,
        "step": step,
        "sender": "mine",
        "email": recipient.email_key,
        "email_key": recipient.email_key,
        "language": "en",
        "internet_message_id": f"<{number}@mine.example>",
        "token": f"token{number}",
        "state": MessageState.QUEUED,
        "due_at": NOW,
        "attempts": 0,
        "created_at": NOW,
    }
    return row | values


def add_message(connection: sa.Connection, recipient_id: int, step: str = "invitation", **values: Any) -> int:
    return add(connection, schema.message, **message_row(connection, recipient_id, step, **values))


def add_messages(connection: sa.Connection, number: int, **values: Any) -> list[int]:
    """``number`` queued invitations of one new running campaign, each to a municipality of its own."""
    campaign_id = add_campaign(connection, f"lordimas{next(_numbers)}-be")
    return [
        add_message(
            connection, add_recipient(connection, campaign_id, add_municipality(connection)), **values
        )
        for _ in range(number)
    ]


def state_of(connection: sa.Connection, message_id: int) -> MessageState:
    state: MessageState = connection.execute(
        sa.select(schema.message.c.state).where(schema.message.c.id == message_id)
    ).scalar_one()
    return state
