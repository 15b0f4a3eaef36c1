"""A person decides about the contacts that answers propose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa

from outreach.campaign import frozen
from outreach.contacts.addresses import checked
from outreach.contacts.kinds import kind_of
from outreach.db import campaigns, directory, outbox, proposals
from outreach.db.engine import Database
from outreach.delivery import tokens
from outreach.errors import InputError, RefusedError
from outreach.jobs.message_rows import message_row
from outreach.model.states import CampaignState, ProposalReason, ProposalState
from outreach.settings import Workspace


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of a proposal."""

    municipality: str
    email: str
    new: bool  # not known before
    campaign: str | None  # whose first mail is queued for it


def accept(
    workspace: Workspace,
    database: Database,
    number: int,
    *,
    email: str | None,
    write: bool,
    now: datetime,
    actor: str,
) -> Accepted:
    """Make the proposed address a contact of its municipality and, with ``write``, invite it in the campaign
    that led to it, where that still runs.

    Raises :class:`~outreach.errors.RefusedError` for a proposal that is not open, has no address, or whose
    address said stop; ``InputError`` for an ``email`` that is none.
    """
    with database.write() as connection:
        row = _open(connection, number)
        address = email or row["email"]
        if address is None:
            raise RefusedError(
                f"Proposal {number} has no address yet: {row['municipality']} needs another contact.",
                f"Find one and give it: outreach inbox accept {number} --email ADDRESS",
            )
        good = checked(address)
        if good is None:
            raise InputError(f"{address!r} is no mail address.", "Write it like info@gemeente.example.")
        suppressed = directory.suppressed_by(connection, partial(tokens.suppression_key, workspace.key))
        if suppressed(good.casefold()):
            raise RefusedError(
                f"{good} is suppressed: nothing is ever sent there.",
                "`outreach suppress list` says why; give another address with --email.",
            )
        contact_id, new = proposals.add_contact(connection, _contact(row, good, number, now))
        if row["reason"] is ProposalReason.ADDRESS_CHANGE:
            proposals.retire(connection, row["municipality_id"], row["instead_of"], now)
        queued_id, campaign = (
            _invite(workspace, connection, row, contact_id, good, now) if write else (None, None)
        )
        proposals.decide(
            connection,
            number,
            ProposalState.ACCEPTED,
            email=good,
            contact_id=contact_id,
            queued_id=queued_id,
            decided_at=now,
            decided_by=actor,
        )
        directory.note(
            connection,
            actor=actor,
            action="inbox.accept",
            subject=str(number),
            detail=f"{good} for {row['municipality']} ({row['country']})",
            now=now,
        )
    return Accepted(row["municipality"], good, new, campaign)


def dismiss(database: Database, number: int, *, now: datetime, actor: str) -> None:
    """The proposal is not wanted. Raises :class:`~outreach.errors.RefusedError` when it is not open."""
    with database.write() as connection:
        _open(connection, number)
        proposals.decide(connection, number, ProposalState.DISMISSED, decided_at=now, decided_by=actor)
        directory.note(
            connection, actor=actor, action="inbox.dismiss", subject=str(number), detail="", now=now
        )


def _open(connection: sa.Connection, number: int) -> Mapping[str, Any]:
    for row in proposals.listing(connection, [ProposalState.OPEN]):
        if row["id"] == number:
            return row
    raise RefusedError(
        f"There is no open proposal {number}.", "`outreach inbox proposals` shows those that wait."
    )


def _contact(row: Mapping[str, Any], email: str, number: int, now: datetime) -> dict[str, Any]:
    """The source stands in the mails to it (GDPR Art. 14): the address that told us."""
    return {
        "municipality_id": row["municipality_id"],
        "email": email,
        "email_key": email.casefold(),
        "kind": kind_of(email, row["municipality"], None),
        "source": f"e-mail, {row['from_address']}" if row["from_address"] else "e-mail",
        "source_digest": row["digest"] or "",
        "source_line": number,
        "created_at": now,
        "updated_at": now,
    }


def _invite(
    workspace: Workspace,
    connection: sa.Connection,
    row: Mapping[str, Any],
    contact_id: int,
    email: str,
    now: datetime,
) -> tuple[int | None, str | None]:
    """Queue the first mail of the campaign; ``(None, None)`` where it has ended, or the address has had it."""
    campaign = campaigns.by_id(connection, row["campaign_id"])
    if campaign.state not in (CampaignState.RUNNING, CampaignState.PAUSED):
        return None, None
    definition = frozen.thaw(campaign.definition)
    if definition.last_day is not None and now.date() > definition.last_day:
        return None, None
    recipient_id = proposals.include(
        connection,
        campaign_id=campaign.id,
        contact_id=contact_id,
        values={
            "municipality_id": row["municipality_id"],
            "email_key": email.casefold(),
            "language": row["language"],
        },
        now=now,
    )
    message = message_row(
        workspace,
        campaign,
        recipient_id=recipient_id,
        step=definition.steps[0].name,
        email=email,
        language=row["language"],
        due_at=now,
        now=now,
        for_place=definition.for_place(row["municipality_id"]),
    )
    if not outbox.queue(connection, [message]):
        return None, None
    return outbox.id_of(connection, message["token"]), campaign.name
