"""Countries apart: what the account of a command reaches is a property of its connections, and queries ask here."""

from __future__ import annotations

import sqlalchemy as sa

from outreach.db import schema

#: Execution options of a connection: its countries and its senders; absent or ``None``: all.
COUNTRIES = "outreach_countries"
SENDERS = "outreach_senders"


def is_restricted(connection: sa.Connection) -> bool:
    return connection.get_execution_options().get(COUNTRIES) is not None


def within(connection: sa.Connection, column: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Whether ``column``, a country, is one that the connection reaches: for the WHERE of a query."""
    countries = connection.get_execution_options().get(COUNTRIES)
    if countries is None:
        return sa.true()
    # Not IN, whose list SQLAlchemy writes only when it runs a statement itself (db.dialect.driver_rows).
    return sa.or_(sa.false(), *(column == country for country in sorted(countries)))


def of_reachable_places(connection: sa.Connection, column: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    """Whether ``column``, the number of a municipality, is one in a country that the connection reaches."""
    if not is_restricted(connection):
        return sa.true()
    place = schema.municipality.alias("scope_municipality")
    return column.in_(sa.select(place.c.id).where(within(connection, place.c.country)))


def inbound(connection: sa.Connection) -> sa.ColumnElement[bool]:
    """Whether an inbound message is about a municipality that the connection reaches or, when it is about none, came
    to a sender that writes to no other country."""
    if not is_restricted(connection):
        return sa.true()
    # Under names of their own: the query around may join the same tables.
    table, match = schema.inbound_message, schema.inbound_match.alias("scope_match")
    message, recipient = schema.message.alias("scope_message"), schema.recipient.alias("scope_recipient")
    about = sa.select(match.c.id).where(match.c.inbound_id == table.c.id).correlate(table)
    theirs = (
        about.join(message, message.c.id == match.c.message_id)
        .join(recipient, recipient.c.id == message.c.recipient_id)
        .where(of_reachable_places(connection, recipient.c.municipality_id))
    )
    senders = connection.get_execution_options().get(SENDERS) or ()
    return sa.or_(theirs.exists(), sa.and_(~about.exists(), table.c.sender.in_(sorted(senders))))


def suppressions(connection: sa.Connection) -> sa.ColumnElement[bool]:
    """Whether a suppression is of an address, or of the domain of one, that the connection reaches."""
    if not is_restricted(connection):
        return sa.true()
    table, contact = schema.suppression, schema.contact.alias("scope_contact")
    mine = sa.select(contact.c.id).where(of_reachable_places(connection, contact.c.municipality_id))
    return (
        mine.where(
            sa.or_(
                contact.c.email_key == table.c.address,
                contact.c.email_key.like(sa.literal("%@").concat(table.c.address)),
            )
        )
        .correlate(table)
        .exists()
    )
