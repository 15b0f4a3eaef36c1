"""Contacts that answers propose, and what becomes of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from outreach.db import schema, scope
from outreach.db.mailbox import Answered
from outreach.model.states import MessageState, ProposalReason, ProposalState

_PROPOSAL = schema.proposal


def propose(
    connection: sa.Connection,
    about: Answered,
    reason: ProposalReason,
    email: str | None,
    *,
    inbound_id: int | None,
    now: datetime,
) -> bool:
    """``email`` for the municipality of ``about``; ``None``: a person has to find one.

    ``False`` where that is proposed already, and waits or was decided.
    """
    same = (
        _PROPOSAL.c.email.is_(None) if email is None else sa.func.lower(_PROPOSAL.c.email) == email.casefold()
    )
    known = sa.select(_PROPOSAL.c.id).where(
        _PROPOSAL.c.municipality_id == about.municipality_id,
        same,
        _PROPOSAL.c.state.in_([ProposalState.OPEN, ProposalState.ACCEPTED]),
    )
    if connection.execute(known.limit(1)).first() is not None:
        return False
    connection.execute(
        sa.insert(_PROPOSAL).values(
            inbound_id=inbound_id,
            message_id=about.message_id,
            municipality_id=about.municipality_id,
            reason=reason,
            email=email,
            state=ProposalState.OPEN,
            created_at=now,
        )
    )
    return True


def listing(connection: sa.Connection, states: Collection[ProposalState]) -> list[Mapping[str, Any]]:
    """Proposals in ``states``, oldest first, each with its municipality and the mail that led to it."""
    municipality, message, inbound = schema.municipality, schema.message, schema.inbound_message
    statement = (
        sa.select(
            *(_PROPOSAL.c[name] for name in ("id", "reason", "email", "state", "created_at", "inbound_id")),
            *(_PROPOSAL.c[name] for name in ("decided_at", "decided_by", "contact_id", "queued_id")),
            _PROPOSAL.c.municipality_id,
            _PROPOSAL.c.message_id,
            municipality.c.country,
            municipality.c.name.label("municipality"),
            schema.campaign.c.name.label("campaign"),
            message.c.campaign_id,
            message.c.recipient_id,
            message.c.email.label("instead_of"),
            message.c.language,
            inbound.c.from_address,
            inbound.c.digest,
        )
        .join(municipality, municipality.c.id == _PROPOSAL.c.municipality_id)
        .join(message, message.c.id == _PROPOSAL.c.message_id)
        .join(schema.campaign, schema.campaign.c.id == message.c.campaign_id)
        .outerjoin(inbound, inbound.c.id == _PROPOSAL.c.inbound_id)
        .where(_PROPOSAL.c.state.in_(list(states)), scope.within(connection, municipality.c.country))
        .order_by(_PROPOSAL.c.id)
    )
    return [dict(row) for row in connection.execute(statement).mappings()]


def decide(connection: sa.Connection, id_: int, state: ProposalState, **values: Any) -> bool:
    """A compare-and-swap from ``open``; ``False``: it was decided meanwhile."""
    done = connection.execute(
        sa.update(_PROPOSAL)
        .where(_PROPOSAL.c.id == id_, _PROPOSAL.c.state == ProposalState.OPEN)
        .values(state=state, **values)
    )
    return done.rowcount == 1


def another_contact(connection: sa.Connection, about: Answered) -> list[str]:
    """The other addresses we have of the municipality of ``about``, to which nothing was sent in its campaign."""
    contact, recipient, message = schema.contact, schema.recipient, schema.message
    written = sa.exists().where(
        recipient.c.campaign_id == about.campaign_id,
        recipient.c.contact_id == contact.c.id,
        message.c.recipient_id == recipient.c.id,
    )
    statement = (
        sa.select(contact.c.email)
        .where(contact.c.municipality_id == about.municipality_id, contact.c.gone_at.is_(None), ~written)
        .order_by(contact.c.id)
    )
    return list(connection.execute(statement).scalars())


def ask_for_another(
    connection: sa.Connection, about: Answered, *, inbound_id: int | None, now: datetime
) -> None:
    """The address that ``about`` went to is dead: propose another of the municipality, or that one be found."""
    if about.is_answer:
        return  # it went to whoever wrote, not to the contact
    others = another_contact(connection, about)
    propose(
        connection,
        about,
        ProposalReason.BOUNCED,
        others[0] if others else None,
        inbound_id=inbound_id,
        now=now,
    )


def add_contact(connection: sa.Connection, values: Mapping[str, Any]) -> tuple[int, bool]:
    """The contact with ``email_key`` at ``municipality_id``, added where it is not there; and whether it was."""
    contact = schema.contact
    its = (
        contact.c.municipality_id == values["municipality_id"],
        contact.c.email_key == values["email_key"],
    )
    found = connection.execute(sa.select(contact.c.id).where(*its)).scalar_one_or_none()
    if found is not None:
        connection.execute(sa.update(contact).where(contact.c.id == found).values(gone_at=None))
        return int(found), False
    key = connection.execute(sa.insert(contact).values(**values)).inserted_primary_key
    assert key is not None
    return int(key[0]), True


def retire(connection: sa.Connection, municipality_id: int, email: str, now: datetime) -> None:
    """An address that its owner gave up: kept, and marked."""
    contact = schema.contact
    connection.execute(
        sa.update(contact)
        .where(contact.c.municipality_id == municipality_id, contact.c.email_key == email.casefold())
        .values(gone_at=now)
    )


def include(
    connection: sa.Connection, *, campaign_id: int, contact_id: int, values: Mapping[str, Any], now: datetime
) -> int:
    """The contact as a recipient that a person added now: answers before do not stop its mails."""
    recipient = schema.recipient
    its = (recipient.c.campaign_id == campaign_id, recipient.c.contact_id == contact_id)
    found = connection.execute(sa.select(recipient.c.id).where(*its)).scalar_one_or_none()
    if found is not None:
        connection.execute(
            sa.update(recipient).where(recipient.c.id == found).values(excluded=None, added_at=now)
        )
        return int(found)
    key = connection.execute(
        sa.insert(recipient).values(
            campaign_id=campaign_id,
            contact_id=contact_id,
            added_at=now,
            created_at=now,
            variant=_variant(connection, campaign_id, values["municipality_id"]),
            **values,
        )
    ).inserted_primary_key
    assert key is not None
    return int(key[0])


def _variant(connection: sa.Connection, campaign_id: int, municipality_id: int) -> str | None:
    """Of the campaign's experiment: whoever else of the municipality is written to gets the same."""
    recipient = schema.recipient.c
    its = (recipient.campaign_id == campaign_id, recipient.municipality_id == municipality_id)
    statement = sa.select(recipient.variant).where(*its, recipient.variant.is_not(None)).limit(1)
    return connection.execute(statement).scalar_one_or_none()


def withdraw(connection: sa.Connection, inbound_id: int, actor: str, now: datetime) -> tuple[int, list[str]]:
    """Take back what an inbound message proposed: how many were open, or accepted and not written to yet; and
    the addresses of those that have had their mail and stay."""
    message, contact = schema.message, schema.contact
    rows = (
        connection.execute(
            sa.select(_PROPOSAL).where(
                _PROPOSAL.c.inbound_id == inbound_id,
                _PROPOSAL.c.state.in_([ProposalState.OPEN, ProposalState.ACCEPTED]),
            )
        )
        .mappings()
        .all()
    )
    taken, kept = 0, []
    for row in rows:
        if row["state"] is ProposalState.ACCEPTED:
            stopped = connection.execute(
                sa.update(message)
                .where(
                    message.c.id == row["queued_id"],
                    message.c.state.in_([MessageState.QUEUED, MessageState.DEFERRED]),
                )
                .values(state=MessageState.CANCELLED, reason="the proposal of its address was taken back")
            ).rowcount
            if row["queued_id"] is not None and not stopped:
                kept.append(str(row["email"]))
                continue
            connection.execute(
                sa.update(contact).where(contact.c.id == row["contact_id"]).values(gone_at=now)
            )
        connection.execute(
            sa.update(_PROPOSAL)
            .where(_PROPOSAL.c.id == row["id"])
            .values(state=ProposalState.WITHDRAWN, decided_at=now, decided_by=actor)
        )
        taken += 1
    return taken, kept
