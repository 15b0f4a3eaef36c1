"""Everything that is known about one address (GDPR Art. 15), and its removal from every table (Art. 17)."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Collection, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from typing import Any

import sqlalchemy as sa
from sqlmodel import SQLModel

from outreach.db import schema, scope
from outreach.db.directory import edits
from outreach.db.engine import Database
from outreach.db.schema import ERASED
from outreach.errors import DatabaseError, RefusedError
from outreach.model.states import MessageState, SuppressionReason, SuppressionScope

_CONTACT = schema.contact
_RECIPIENT = schema.recipient
_MESSAGE = schema.message
_INBOUND = schema.inbound_message
#: A name shorter than this, or of one word, could be anybody's: only the columns that are surely the person's
#: are emptied then.
_NAME_LENGTH = 6


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
        .where(_is_theirs(registration, traces), scope.within(connection, country.c.country)),
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
            sa.or_(
                *(_holds(audit.c[name], one) for name in ("subject", "detail") for one in traces.addresses)
            )
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


def erase(
    connection: sa.Connection, traces: Traces, suppression_keys: Collection[str], now: datetime
) -> dict[str, int]:
    """Remove the address, and what its person is called, from every table; returns rows touched by table.

    Rows that counts need stay without it. What waits is not sent; the keyed hash stays, so that no list brings
    the address back. Raises :class:`~outreach.errors.RefusedError` while a mail to it is being sent.
    """
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete = ON")  # freed pages are overwritten with zeros
    touched: dict[str, int] = {}
    _stop_mails(connection, traces)
    for key in suppression_keys:
        _forget(connection, key, now)
    _empty_inbound(connection, traces, touched)
    registration = schema.registration
    _count(
        touched,
        registration,
        connection.execute(
            sa.update(registration).where(_is_theirs(registration, traces)).values(name=None, email=None)
        ).rowcount,
    )
    proposal = schema.proposal
    connection.execute(
        sa.update(proposal).where(sa.func.lower(proposal.c.email).in_(traces.addresses)).values(email=None)
    )
    connection.execute(
        sa.delete(schema.contact_change).where(schema.contact_change.c.contact_id.in_(traces.contacts))
    )
    for id_ in traces.contacts:
        remove_contact(connection, id_, touched)
    long_names = [name for name in traces.names if len(name) >= _NAME_LENGTH and " " in name]
    stands = f"{ERASED}{traces.contacts[0] if traces.contacts else 0}"
    texts = [
        *((address, stands) for address in traces.addresses),
        *((name, "[erased]") for name in long_names),
    ]
    for text, instead in texts:
        for table in SQLModel.metadata.tables.values():
            _count(touched, table, _replace(connection, table, text, instead))
    return touched


def _stop_mails(connection: sa.Connection, traces: Traces) -> None:
    mine = _MESSAGE.c.id.in_(traces.messages)
    sending = sa.select(_MESSAGE.c.id).where(mine, _MESSAGE.c.state == MessageState.SENDING)
    if connection.execute(sending).first() is not None:
        raise RefusedError("A mail to this address is being sent just now.", "Try again in a minute.")
    for states, new in (
        ((MessageState.QUEUED, MessageState.DEFERRED), MessageState.SKIPPED),
        ((MessageState.MISSED,), MessageState.CANCELLED),
        ((MessageState.UNCERTAIN,), MessageState.FAILED),
    ):
        connection.execute(
            sa.update(_MESSAGE)
            .where(mine, _MESSAGE.c.state.in_(states))
            .values(state=new, reason="the address was erased")
        )


def _forget(connection: sa.Connection, key: str, now: datetime) -> None:
    suppression = schema.suppression
    known = connection.execute(sa.update(suppression).where(suppression.c.key == key).values(address=None))
    if not known.rowcount:
        connection.execute(
            sa.insert(suppression).values(
                key=key,
                scope=SuppressionScope.ADDRESS,
                address=None,
                reason=SuppressionReason.ERASED,
                source="erasure",
                at=now,
            )
        )


def _empty_inbound(connection: sa.Connection, traces: Traces, touched: dict[str, int]) -> None:
    inbound = sa.update(_INBOUND).where(_INBOUND.c.id.in_(traces.inbound))
    values = {"raw": None, "from_address": None, "subject": ""}
    _count(touched, _INBOUND, connection.execute(inbound.values(**values)).rowcount)
    verdict = schema.verdict
    empty = sa.update(verdict).where(verdict.c.inbound_id.in_(traces.inbound))
    _count(touched, verdict, connection.execute(empty.values(text=None, evidence=[], details={})).rowcount)


def remove_contact(connection: sa.Connection, id_: int, touched: dict[str, int]) -> None:
    """The row itself or, where a campaign counts it, all that is of the person in it and in its mails; ``touched``
    gets the numbers by table."""
    stands = f"{ERASED}{id_}"
    recipients = sa.select(_RECIPIENT.c.id).where(_RECIPIENT.c.contact_id == id_)
    if connection.execute(recipients).first() is None:
        _count(
            touched, _CONTACT, connection.execute(sa.delete(_CONTACT).where(_CONTACT.c.id == id_)).rowcount
        )
        return
    gone = {"email": stands, "email_key": stands}
    _count(
        touched,
        _MESSAGE,
        connection.execute(
            sa.update(_MESSAGE).where(_MESSAGE.c.recipient_id.in_(recipients)).values(**gone)
        ).rowcount,
    )
    connection.execute(sa.update(_RECIPIENT).where(_RECIPIENT.c.contact_id == id_).values(email_key=stands))
    none = {"person": None, "role": None, "edited": "", "source_line": 0}
    changed = sa.update(_CONTACT).where(_CONTACT.c.id == id_).values(**gone, **none)
    _count(touched, _CONTACT, connection.execute(changed).rowcount)


def _replace(connection: sa.Connection, table: sa.Table, text: str, instead: str) -> int:
    """Put ``instead`` wherever ``text`` stands in ``table``, in capitals or not; how many values that were."""
    pattern = re.compile(re.escape(text), re.IGNORECASE)
    in_json = re.compile(re.escape(json.dumps(text)[1:-1]), re.IGNORECASE)
    count = 0
    keys = list(table.primary_key.columns)
    for column in table.columns:
        is_json = isinstance(column.type, sa.JSON)
        kind = getattr(column.type, "impl_instance", column.type)  # SQLModel's texts are types around types
        if not (is_json or (isinstance(kind, sa.String) and not isinstance(kind, sa.Enum))):
            continue
        shown = sa.cast(column, sa.Text) if is_json else column
        condition = _holds(shown, text)
        if is_json:
            condition = sa.or_(condition, _holds(shown, json.dumps(text)[1:-1]))
        for *key, value in connection.execute(sa.select(*keys, column).where(condition)).all():
            if is_json:
                dumped = in_json.sub(instead, pattern.sub(instead, json.dumps(value)))
                new: Any = json.loads(dumped)
            else:
                new = pattern.sub(instead, value)
            mine = sa.and_(*(one == part for one, part in zip(keys, key, strict=True)))
            connection.execute(sa.update(table).where(mine).values({column.name: new}))
            count += 1
    return count


def _holds(column: sa.ColumnElement[Any], text: str) -> sa.ColumnElement[bool]:
    return sa.func.lower(column).contains(text.lower(), autoescape=True)


def _is_theirs(registration: sa.Table, traces: Traces) -> sa.ColumnElement[bool]:
    return sa.or_(
        sa.func.lower(registration.c.email).in_(traces.addresses),
        registration.c.name.in_(traces.names),
        registration.c.inbound_id.in_(traces.inbound),
    )


def _count(touched: dict[str, int], table: sa.Table, number: int) -> None:
    if number:
        touched[table.name] = touched.get(table.name, 0) + number


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


def compact(database: Database) -> None:
    """After an erasure: leave nothing of it in the file of the database, its journal, or dead rows.

    Raises :class:`~outreach.errors.DatabaseError` when somebody else has the database open just now.
    """
    path = database.sqlite_path
    if path is None:
        engine = sa.create_engine(database.url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with engine.connect() as connection:
            connection.exec_driver_sql("VACUUM")
        return
    database.close()
    try:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as connection:
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute("VACUUM")
            busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if busy:
                raise sqlite3.OperationalError("another process reads it")
    except sqlite3.Error as error:
        raise DatabaseError(
            f"The address is erased from every table, but its remains in the file could not be overwritten: {error}.",
            "Type the same command again when no other command is running.",
        ) from None
