"""Whom mail goes to: municipalities, their contacts, where these are from, and whom it never goes to again."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from outreach.model import states
from outreach.model.tables.columns import instant, word


class Municipality(SQLModel, table=True):
    """A local administrative unit: the unit that answers, and the unit that rates count."""

    __table_args__ = (sa.UniqueConstraint("country", "key"),)

    id: int | None = Field(default=None, primary_key=True)
    country: str = Field(max_length=2)
    key: str  # contacts.places.place_key: by code where there is one, else by folded name and region
    code: str | None = None
    name: str
    region: str | None = None
    population: int | None = None
    languages: str = ""  # "fi,sv": one mail holds them all, in this order; empty: the country's first
    time_zone: str | None = None
    created_at: datetime = instant()
    names: str = ""  # its other names, as contacts.register writes them
    nuts: str | None = None  # NUTS 3
    degurba: int | None = None  # Eurostat's degree of urbanisation: 1 city, 2 town or suburb, 3 rural
    official_list: str | None = None  # the official list it stands in; none: only contact lists know it
    official_at: datetime | None = instant(default=None)  # when that list was imported
    import_id: int | None = None  # the contact_import that brought it


class Contact(SQLModel, table=True):
    """One address at one municipality, and where we have it from (GDPR Art. 14 (2) f)."""

    __table_args__ = (sa.UniqueConstraint("municipality_id", "email_key"),)

    id: int | None = Field(default=None, primary_key=True)
    municipality_id: int = Field(foreign_key="municipality.id")
    email: str
    email_key: str = Field(index=True)  # lower case: what makes two addresses the same
    kind: states.ContactKind = Field(sa_type=word(states.ContactKind))
    person: str | None = None
    role: str | None = None
    language: str | None = None
    source: str = Field(index=True)  # the name of the file
    source_digest: str  # SHA-256 of the file
    source_line: int
    created_at: datetime = instant()
    updated_at: datetime = instant()
    gone_at: datetime | None = instant(default=None)  # no longer in its file; kept
    import_id: int | None = Field(default=None, index=True)  # the contact_import that brought it
    legal_basis: str = ""  # as the controller worded it (GDPR Art. 6)
    edited: str = ""  # "person,role": what was corrected by hand, and no import changes


class ContactImport(SQLModel, table=True):
    """A file that was imported: where its contacts are from (GDPR Art. 14 (2) f), and what can be undone."""

    __tablename__: ClassVar[Any] = "contact_import"

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = instant()
    actor: str
    country: str = Field(max_length=2)
    file: str
    source: str
    digest: str  # SHA-256 of the file
    legal_basis: str = ""
    added: int
    changed: int
    gone: int
    undone_at: datetime | None = instant(default=None)
    undone_by: str | None = None


class ContactChange(SQLModel, table=True):
    """What an import changed, as it was before: what undoing it puts back."""

    __tablename__: ClassVar[Any] = "contact_change"

    id: int | None = Field(default=None, primary_key=True)
    import_id: int = Field(foreign_key="contact_import.id", index=True)
    contact_id: int | None = Field(default=None, index=True)  # one of the two
    municipality_id: int | None = None
    before: dict[str, Any] = Field(sa_type=sa.JSON)  # column -> value


class PlaceQuestion(SQLModel, table=True):
    """A municipality as lists name it, which the official list does not surely know; and what a person said."""

    __tablename__: ClassVar[Any] = "place_question"
    __table_args__ = (sa.UniqueConstraint("country", "key"),)

    id: int | None = Field(default=None, primary_key=True)
    country: str = Field(max_length=2)
    key: str  # contacts.places.place_key of what the list says
    name: str
    code: str | None = None
    region: str | None = None
    asked_at: datetime = instant()
    decided_at: datetime | None = instant(default=None)
    decided_by: str | None = None
    target: str | None = None  # the key of the municipality it is; its own: one that no official list has


class ListColumns(SQLModel, table=True):
    """Which columns of a list are what, as somebody corrected it; a list with the same header is read so again."""

    __tablename__: ClassVar[Any] = "list_columns"
    __table_args__ = (sa.UniqueConstraint("country", "header_key"),)

    id: int | None = Field(default=None, primary_key=True)
    country: str = Field(max_length=2)
    header_key: str = Field(max_length=64)  # contacts.columns.header_key
    columns: dict[str, Any] = Field(
        sa_type=sa.JSON
    )  # field -> numbers of columns, as "#3"; none: there is none
    updated_at: datetime = instant()
    updated_by: str


class Suppression(SQLModel, table=True):
    """An address or a domain that is never written to again. The key alone is enough to keep the promise."""

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)  # delivery.tokens.suppression_key: survives an erasure
    scope: states.SuppressionScope = Field(sa_type=word(states.SuppressionScope))
    address: str | None = None  # in clear, until it is erased
    reason: states.SuppressionReason = Field(sa_type=word(states.SuppressionReason))
    source: str = ""
    at: datetime = instant()
