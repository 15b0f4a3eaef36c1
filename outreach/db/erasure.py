"""The removal of one address, and of what its person is called, from every table (GDPR Art. 17)."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Collection
from contextlib import closing
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import SQLModel

from outreach.db import schema
from outreach.db.engine import Database
from outreach.db.schema import ERASED
from outreach.db.subject import Traces, holds, is_theirs
from outreach.errors import DatabaseError, RefusedError
from outreach.model.states import MessageState, SuppressionReason, SuppressionScope

_CONTACT = schema.contact
_RECIPIENT = schema.recipient
_MESSAGE = schema.message
_INBOUND = schema.inbound_message
#: A name shorter than this, or of one word, could be anybody's: only the columns that are surely the person's
#: are emptied then.
_NAME_LENGTH = 6


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
            sa.update(registration).where(is_theirs(registration, traces)).values(name=None, email=None)
        ).rowcount,
    )
    proposal = schema.proposal
    connection.execute(
        sa.update(proposal).where(sa.func.lower(proposal.c.email).in_(traces.addresses)).values(email=None)
    )
    connection.execute(
        sa.delete(schema.contact_change).where(schema.contact_change.c.contact_id.in_(traces.contacts))
    )
    _empty_mails(
        connection, touched, _MESSAGE.c.id.in_(traces.messages), _MESSAGE.c.email_key.in_(traces.addresses)
    )
    for id_ in traces.contacts:
        _empty_contact(connection, id_, touched)
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
    its = sa.select(_RECIPIENT.c.id).where(_RECIPIENT.c.contact_id == id_)
    _empty_mails(connection, touched, _MESSAGE.c.recipient_id.in_(its))
    _empty_contact(connection, id_, touched)


def _empty_contact(connection: sa.Connection, id_: int, touched: dict[str, int]) -> None:
    recipients = sa.select(_RECIPIENT.c.id).where(_RECIPIENT.c.contact_id == id_)
    mine = _CONTACT.c.id == id_
    if connection.execute(recipients).first() is None:
        _count(touched, _CONTACT, connection.execute(sa.delete(_CONTACT).where(mine)).rowcount)
        return
    stands = f"{ERASED}{id_}"
    connection.execute(sa.update(_RECIPIENT).where(_RECIPIENT.c.contact_id == id_).values(email_key=stands))
    gone = {
        "email": stands,
        "email_key": stands,
        "person": None,
        "role": None,
        "edited": "",
        "source_line": 0,
    }
    _count(touched, _CONTACT, connection.execute(sa.update(_CONTACT).where(mine).values(**gone)).rowcount)


def _empty_mails(connection: sa.Connection, touched: dict[str, int], *which: sa.ColumnElement[bool]) -> None:
    # each a name of its own: two who are erased may have had the same mail of a campaign
    nobody = sa.literal(f"{ERASED}mail ").concat(sa.cast(_MESSAGE.c.id, sa.String))
    emptied = sa.update(_MESSAGE).where(*which).values(email=nobody, email_key=nobody)
    _count(touched, _MESSAGE, connection.execute(emptied).rowcount)


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
        condition = holds(shown, text)
        if is_json:
            condition = sa.or_(condition, holds(shown, json.dumps(text)[1:-1]))
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


def _count(touched: dict[str, int], table: sa.Table, number: int) -> None:
    if number:
        touched[table.name] = touched.get(table.name, 0) + number


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
