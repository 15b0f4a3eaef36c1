"""Who takes part, who was there, and what it cost."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from outreach.model import states
from outreach.model.tables.columns import instant, word


class Registration(SQLModel, table=True):
    """A municipality's place at a session, or its start of the assessment."""

    __table_args__ = (sa.UniqueConstraint("campaign_id", "municipality_id"),)

    id: int | None = Field(default=None, primary_key=True)
    campaign_id: int = Field(foreign_key="campaign.id")
    municipality_id: int = Field(foreign_key="municipality.id")
    state: states.RegistrationState = Field(sa_type=word(states.RegistrationState))
    name: str | None = None
    email: str | None = None
    inbound_id: int | None = Field(default=None, foreign_key="inbound_message.id")
    created_at: datetime = instant()
    updated_at: datetime = instant()
    # How far its assessment is, as the tool's own list says; None: not known.
    progress: states.Progress | None = Field(default=None, sa_type=word(states.Progress), nullable=True)


class AttendanceList(SQLModel, table=True):
    """A list of who was at a session: the report of a meeting program, or one kept at the door. What it says stands
    in ``attendance``; one that was taken back has no rows there."""

    __tablename__: ClassVar[Any] = "attendance_list"

    id: int | None = Field(default=None, primary_key=True)
    campaign_id: int = Field(foreign_key="campaign.id", index=True)
    at: datetime = instant()
    actor: str
    file: str
    digest: str  # SHA-256 of the file
    format: str  # zoom, teams, webex, list
    undone_at: datetime | None = instant(default=None)
    undone_by: str | None = None


class Attendance(SQLModel, table=True):
    """A person who was at a session, as one list says. A municipality attended if one of its rows is ``counted``; its
    people are its different ``person_key``. Name and address stay only as long as somebody has to be asked."""

    __table_args__ = (
        sa.UniqueConstraint("list_id", "person_key"),
        sa.Index("ix_attendance_campaign_municipality", "campaign_id", "municipality_id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    list_id: int = Field(foreign_key="attendance_list.id")
    campaign_id: int = Field(foreign_key="campaign.id")
    municipality_id: int | None = Field(default=None, foreign_key="municipality.id")
    state: states.AttendanceState = Field(sa_type=word(states.AttendanceState))
    person_key: str  # a keyed hash of address or name: one person on several lists counts once
    presence: states.Presence = Field(sa_type=word(states.Presence))
    minutes: int | None = None  # None: the list does not say
    known_by: str  # address, name, municipality, domain; or who said it
    name: str | None = None
    email: str | None = None
    says: str | None = None  # the municipality as the list has it
    likely_id: int | None = Field(default=None, foreign_key="municipality.id")  # of one that is asked
    confidence: float = 1.0


class Cost(SQLModel, table=True):
    """What a session cost, as somebody entered it: for the reimbursement. One taken back has ``undone_at``."""

    id: int | None = Field(default=None, primary_key=True)
    campaign_id: int = Field(foreign_key="campaign.id", index=True)
    what: str
    cents: int = Field(sa_type=sa.BigInteger)  # of a euro
    paid_on: date | None = None
    at: datetime = instant()
    actor: str
    undone_at: datetime | None = instant(default=None)
    undone_by: str | None = None
