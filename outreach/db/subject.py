"""Everything that is known about one address (GDPR Art. 15)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from email import message_from_bytes
from typing import Any

import sqlalchemy as sa

from outreach.db import schema, scope
from outreach.db.directory import edits

_CONTACT = schema.contact
_RECIPIENT = schema.recipient
_MESSAGE = schema.message
_INBOUND = schema.inbound_message


@dataclass(frozen=True, slots=True)
class Traces:
    """The rows that belong to an address, and what the person is called."""

    addresses: tuple[str, ...]  # in lower case: the one that was asked for, then those of the same contact
    contacts: tuple[int, ...]
    messages: tuple[int, ...]
    inbound: tuple[int, ...]
    names: tuple[str, ...]


def trace(connection: sa.Connection, address: str) -> Traces:
    """Every row that the address stands in, or that belongs to one of these."""
    key = address.strip().casefold()
    contacts = connection.execute(
        sa.select(_CONTACT.c.id, _CONTACT.c.person, _CONTACT.c.email_key, _CONTACT.c.edited).where(
            sa.or_(_CONTACT.c.email_key == key, _CONTACT.c.edited.contains(f"email={key}", autoescape=True)),
            scope.of_reachable_places(connection, _CONTACT.c.municipality_id),
        )
    ).all()
    ids = [row.id for row in contacts]
    both = [one for row in contacts for one in (row.email_key, edits(row.edited)[1]) if one]
    addresses = tuple(dict.fromkeys((key, *both)))
    messages = connection.execute(
        sa.select(_MESSAGE.c.id)
        .join(_RECIPIENT, _RECIPIENT.c.id == _MESSAGE.c.recipient_id)
        .where(
            sa.or_(_MESSAGE.c.email_key.in_(addresses), _RECIPIENT.c.contact_id.in_(ids)),
            scope.of_reachable_places(connection, _RECIPIENT.c.municipality_id),
        )
        .order_by(_MESSAGE.c.id)
    ).scalars()
    names = dict.fromkeys(row.person for row in contacts if row.person)
    inbound = tuple(_inbound_of(connection, addresses))
    return Traces(addresses, tuple(ids), tuple(messages), inbound, tuple(names))


def _inbound_of(connection: sa.Connection, addresses: Collection[str]) -> Iterable[int]:
    """Messages that came in from one of the addresses or hold it, however they are encoded."""
    wanted = [address.encode() for address in addresses]
    statement = sa.select(_INBOUND.c.id, _INBOUND.c.from_address, _INBOUND.c.subject, _INBOUND.c.raw)
    statement = statement.where(scope.inbound(connection)).order_by(_INBOUND.c.id)
    rows = connection.execute(statement.execution_options(yield_per=200))
    for id_, sender, subject, raw in rows:
        shown = f"{sender or ''} {subject}".casefold()
        whole = b"" if raw is None else raw.lower() + _decoded(raw)
        if any(address in shown for address in addresses) or any(word in whole for word in wanted):
            yield id_


def _decoded(raw: bytes) -> bytes:
    """The text parts of a message without their transfer encoding, in lower case."""
    if not re.search(rb"base64|quoted-printable", raw, re.IGNORECASE):
        return b""
    parts = []
    for part in message_from_bytes(raw).walk():
        if not part.is_multipart():
            content = part.get_payload(decode=True)
            parts.append(content.lower() if isinstance(content, bytes) else b"")
    return b"\n".join(parts)


def report(connection: sa.Connection, traces: Traces, suppression_keys: Collection[str]) -> dict[str, Any]:
    """What an access request is answered with; ``suppression_keys`` of its addresses."""
    country, municipality = schema.campaign, schema.municipality
    audit, suppression = schema.audit, schema.suppression
    contacts = _rows(
        connection,
        sa.select(
            municipality.c.country,
            municipality.c.name.label("municipality"),
            municipality.c.code,
            *(
                _CONTACT.c[name]
                for name in (
                    *("email", "kind", "person", "role", "language", "source", "source_digest"),
                    *(
                        "source_line",
                        "legal_basis",
                        "created_at",
                        "updated_at",
                        "gone_at",
                        "edited",
                        "import_id",
                    ),
                )
            ),
            schema.contact_import.c.file,
            schema.contact_import.c.actor.label("imported_by"),
        )
        .join(municipality, municipality.c.id == _CONTACT.c.municipality_id)
        .outerjoin(schema.contact_import, schema.contact_import.c.id == _CONTACT.c.import_id)
        .where(_CONTACT.c.id.in_(traces.contacts))
        .order_by(_CONTACT.c.id),
    )
    campaigns = _rows(
        connection,
        sa.select(
            country.c.name.label("campaign"),
            country.c.title,
            country.c.launched_at,
            *(_RECIPIENT.c[name] for name in ("language", "excluded", "not_before", "created_at")),
        )
        .join(country, country.c.id == _RECIPIENT.c.campaign_id)
        .where(_RECIPIENT.c.contact_id.in_(traces.contacts))
        .order_by(_RECIPIENT.c.id),
    )
    messages = _rows(
        connection,
        sa.select(
            country.c.name.label("campaign"),
            *(
                _MESSAGE.c[name]
                for name in (
                    *("id", "step", "email", "language", "state", "reason", "due_at", "sent_at"),
                    *("internet_message_id", "token", "attempts"),
                )
            ),
        )
        .join(country, country.c.id == _MESSAGE.c.campaign_id)
        .where(_MESSAGE.c.id.in_(traces.messages))
        .order_by(_MESSAGE.c.id),
    )
    attempts = _of_messages(
        connection, schema.attempt, traces, ("message_id", "at", "outcome", "code", "text")
    )
    events = _of_messages(
        connection, schema.engagement, traces, ("message_id", "at", "kind", "detail", "undone_at")
    )
    inbound = _rows(
        connection,
        sa.select(
            *(
                _INBOUND.c[name]
                for name in (
                    *("id", "received_at", "from_address", "subject", "state", "note", "resolved_by"),
                    "resolved_at",
                )
            )
        )
        .where(_INBOUND.c.id.in_(traces.inbound))
        .order_by(_INBOUND.c.id),
    )
    verdict = schema.verdict
    readings = _rows(
        connection,
        sa.select(
            *(verdict.c[name] for name in ("inbound_id", "at", "by", "kind", "intent", "language", "text")),
            *(verdict.c[name] for name in ("confidence", "detector", "evidence", "details")),
        )
        .where(verdict.c.inbound_id.in_(traces.inbound))
        .order_by(verdict.c.id),
    )
    registration = schema.registration
    registrations = _rows(
        connection,
        sa.select(
            country.c.name.label("campaign"),
            *(registration.c[name] for name in ("state", "name", "email", "created_at", "updated_at")),
        )
        .join(country, country.c.id == registration.c.campaign_id)
        .where(is_theirs(registration, traces), scope.within(connection, country.c.country)),
    )
    stops = _rows(
        connection,
        sa.select(*(suppression.c[name] for name in ("scope", "address", "reason", "source", "at"))).where(
            suppression.c.key.in_(suppression_keys)
        ),
    )
    is_mine = bool(traces.contacts) or not scope.is_restricted(connection)
    acts = not is_mine or _rows(
        connection,
        sa.select(*(audit.c[name] for name in ("at", "actor", "action", "subject", "detail"))).where(
            sa.or_(*(holds(audit.c[name], one) for name in ("subject", "detail") for one in traces.addresses))
        ),
    )
    return {
        "contacts": contacts,
        "campaigns": campaigns,
        "messages": messages,
        "attempts": attempts,
        "events": events,
        "received": inbound,
        "readings": readings,
        "registrations": registrations,
        "suppressions": stops,
        "acts": acts if isinstance(acts, list) else [],
    }


def stands_elsewhere(connection: sa.Connection, traces: Traces) -> bool:
    """Whether a restricted connection finds no contact of it, or does not find all."""
    if not scope.is_restricted(connection):
        return False
    count = sa.select(sa.func.count()).where(_CONTACT.c.email_key.in_(traces.addresses))
    mails = sa.select(sa.func.count()).where(_MESSAGE.c.email_key.in_(traces.addresses))
    return (
        not traces.contacts
        or connection.execute(count).scalar_one() > len(traces.contacts)
        or connection.execute(mails).scalar_one() > len(traces.messages)
    )


def raw_messages(connection: sa.Connection, traces: Traces) -> dict[int, bytes]:
    """The whole of what came in, by number, where it is still kept."""
    statement = sa.select(_INBOUND.c.id, _INBOUND.c.raw).where(
        _INBOUND.c.id.in_(traces.inbound), _INBOUND.c.raw.is_not(None)
    )
    return {id_: bytes(raw) for id_, raw in connection.execute(statement)}


def holds(column: sa.ColumnElement[Any], text: str) -> sa.ColumnElement[bool]:
    """Whether ``text`` stands in the column, in capitals or not."""
    return sa.func.lower(column).contains(text.lower(), autoescape=True)


def is_theirs(registration: sa.Table, traces: Traces) -> sa.ColumnElement[bool]:
    """Whether a place at a session is the person's."""
    return sa.or_(
        sa.func.lower(registration.c.email).in_(traces.addresses),
        registration.c.name.in_(traces.names),
        registration.c.inbound_id.in_(traces.inbound),
    )


def _rows(connection: sa.Connection, statement: Any) -> list[Mapping[str, Any]]:
    return [dict(row) for row in connection.execute(statement).mappings()]


def _of_messages(
    connection: sa.Connection, table: sa.Table, traces: Traces, names: Collection[str]
) -> list[Mapping[str, Any]]:
    statement = (
        sa.select(*(table.c[name] for name in names))
        .where(table.c.message_id.in_(traces.messages))
        .order_by(table.c.id)
    )
    return _rows(connection, statement)
