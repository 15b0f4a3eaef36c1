"""What was imported, when and by whom; and taking an import back as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from outreach.db import schema, scope
from outreach.db.directory import edits
from outreach.errors import RefusedError
from outreach.model.states import CampaignState, ContactKind, MessageState

_IMPORT = schema.contact_import
_CHANGE = schema.contact_change
_CONTACT = schema.contact

#: Nothing went out while a message is in one of these and was never tried.
_UNSENT = (MessageState.QUEUED, MessageState.SKIPPED, MessageState.CANCELLED, MessageState.MISSED)
_OVER = (CampaignState.CANCELLED, CampaignState.FINISHED)


def begin(
    connection: sa.Connection,
    *,
    actor: str,
    country: str,
    file: str,
    source: str,
    digest: str,
    legal_basis: str,
    added: int,
    changed: int,
    gone: int,
    now: datetime,
) -> int:
    """Write an import down; returns its number."""
    statement = sa.insert(_IMPORT).values(
        at=now,
        actor=actor,
        country=country,
        file=file,
        source=source,
        digest=digest,
        legal_basis=legal_basis,
        added=added,
        changed=changed,
        gone=gone,
    )
    return int(connection.execute(statement.returning(_IMPORT.c.id)).scalar_one())


def every(connection: sa.Connection, country: str | None = None) -> list[Mapping[str, Any]]:
    """The imports, the last first."""
    statement = sa.select(_IMPORT).order_by(_IMPORT.c.id.desc())
    statement = statement.where(scope.within(connection, _IMPORT.c.country))
    if country:
        statement = statement.where(_IMPORT.c.country == country)
    return [dict(row) for row in connection.execute(statement).mappings()]


def find(connection: sa.Connection, number: int) -> Mapping[str, Any] | None:
    mine = scope.within(connection, _IMPORT.c.country)
    row = connection.execute(sa.select(_IMPORT).where(_IMPORT.c.id == number, mine)).mappings().one_or_none()
    return dict(row) if row else None


def undo(connection: sa.Connection, number: int, *, by: str, now: datetime) -> tuple[int, int]:
    """Take the import back: its contacts are removed, what it changed is as it was. Returns how many of each.

    Raises :class:`~outreach.errors.RefusedError`, changing nothing, when it does not stand, when a mail has
    gone to one of its contacts, when a campaign that is not over holds one, and when a later import built on it.
    """
    found = find(connection, number)
    if found is None:
        raise RefusedError(f"There is no import {number}.", "`outreach contacts imports` lists them.")
    if found["undone_at"] is not None:
        raise RefusedError(f"Import {number} was undone already, by {found['undone_by']}.")
    _refuse_what_was_sent(connection, number)
    _refuse_what_came_after(connection, number)
    recipient, message = schema.recipient, schema.message
    its_contacts = sa.select(_CONTACT.c.id).where(_CONTACT.c.import_id == number)
    its_recipients = sa.select(recipient.c.id).where(recipient.c.contact_id.in_(its_contacts))
    connection.execute(sa.delete(message).where(message.c.recipient_id.in_(its_recipients)))
    named = sa.update(recipient).where(recipient.c.named_by.in_(its_recipients))
    connection.execute(named.values(named_by=None))
    connection.execute(sa.delete(recipient).where(recipient.c.contact_id.in_(its_contacts)))
    put_back = _put_back(connection, number)
    connection.execute(sa.delete(_CHANGE).where(_CHANGE.c.import_id == number))
    removed = connection.execute(sa.delete(_CONTACT).where(_CONTACT.c.import_id == number)).rowcount
    _remove_empty_places(connection, number)
    connection.execute(sa.update(_IMPORT).where(_IMPORT.c.id == number).values(undone_at=now, undone_by=by))
    return removed, put_back


def _refuse_what_was_sent(connection: sa.Connection, number: int) -> None:
    recipient, message, campaign = schema.recipient, schema.message, schema.campaign
    held = (
        sa.select(campaign.c.name)
        .join(recipient, recipient.c.campaign_id == campaign.c.id)
        .join(_CONTACT, _CONTACT.c.id == recipient.c.contact_id)
        .where(_CONTACT.c.import_id == number)
    )
    sent = (
        sa.select(sa.func.count(message.c.id))
        .join(recipient, recipient.c.id == message.c.recipient_id)
        .join(_CONTACT, _CONTACT.c.id == recipient.c.contact_id)
        .where(
            _CONTACT.c.import_id == number,
            sa.or_(
                message.c.state.not_in(_UNSENT),
                sa.exists().where(schema.attempt.c.message_id == message.c.id),
                sa.exists().where(schema.engagement.c.recipient_id == recipient.c.id),
            ),
        )
    )
    if mails := connection.execute(sent).scalar_one():
        raise RefusedError(
            f"Import {number} cannot be undone: {mails:,} mail{'s have' if mails > 1 else ' has'} gone, or may "
            "have gone, to its contacts.",
            "Suppress or correct single contacts instead; nothing was changed.",
        )
    running = connection.execute(held.where(campaign.c.state.not_in(_OVER)).distinct()).scalars().all()
    if running:
        raise RefusedError(
            f"Import {number} cannot be undone while {', '.join(sorted(running))} writes to its contacts.",
            "Cancel the campaign first (`outreach campaigns cancel`), then undo the import.",
        )


def _refuse_what_came_after(connection: sa.Connection, number: int) -> None:
    mine = sa.or_(
        _CHANGE.c.contact_id.in_(sa.select(_CONTACT.c.id).where(_CONTACT.c.import_id == number)),
        _CHANGE.c.contact_id.in_(sa.select(_CHANGE.c.contact_id).where(_CHANGE.c.import_id == number)),
        _CHANGE.c.municipality_id.in_(
            sa.select(_CHANGE.c.municipality_id).where(
                _CHANGE.c.import_id == number, _CHANGE.c.municipality_id.is_not(None)
            )
        ),
    )
    later = connection.execute(
        sa.select(_CHANGE.c.import_id).where(_CHANGE.c.import_id > number, mine).distinct()
    ).scalars()
    if numbers := sorted(later, reverse=True):
        raise RefusedError(
            f"Import {number} cannot be undone before {', '.join(map(str, numbers))}, which changed what it "
            "brought.",
            "Undo the later ones first.",
        )


def _put_back(connection: sa.Connection, number: int) -> int:
    """What was corrected by hand since stays so."""
    municipality = schema.municipality
    rows = connection.execute(
        sa.select(_CHANGE).where(_CHANGE.c.import_id == number).order_by(_CHANGE.c.id.desc())
    ).mappings()
    count = 0
    for row in list(rows):
        values = dict(row["before"])
        if row["contact_id"] is not None:
            edited = connection.execute(
                sa.select(_CONTACT.c.edited).where(_CONTACT.c.id == row["contact_id"])
            ).scalar()
            by_hand, _ = edits(edited or "")
            values = {name: value for name, value in values.items() if name not in by_hand}
            if values.get("gone_at"):
                values["gone_at"] = datetime.fromisoformat(values["gone_at"])
            if "kind" in values:
                values["kind"] = ContactKind(values["kind"])
            target = sa.update(_CONTACT).where(_CONTACT.c.id == row["contact_id"])
        else:
            target = sa.update(municipality).where(municipality.c.id == row["municipality_id"])
        if values:
            connection.execute(target.values(**values))
            count += 1
    return count


def _remove_empty_places(connection: sa.Connection, number: int) -> None:
    """Municipalities that only this import brought and of which nothing else is told, and their questions."""
    municipality, question = schema.municipality, schema.place_question
    told = [
        sa.exists().where(table.c.municipality_id == municipality.c.id)
        for table in (_CONTACT, schema.recipient, schema.engagement, schema.registration, schema.proposal)
    ]
    empty = sa.select(municipality.c.id).where(
        municipality.c.import_id == number, municipality.c.official_list.is_(None), ~sa.or_(*told)
    )
    keys = sa.select(municipality.c.key).where(municipality.c.id.in_(empty))
    country = sa.select(_IMPORT.c.country).where(_IMPORT.c.id == number).scalar_subquery()
    connection.execute(
        sa.delete(question).where(
            question.c.country == country, question.c.key.in_(keys), question.c.decided_at.is_(None)
        )
    )
    connection.execute(sa.delete(municipality).where(municipality.c.id.in_(empty)))
