"""Sums for reports, and the reports that go out by mail."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from outreach.model import states
from outreach.model.tables.columns import LONG, instant, partial, word


class ReportStale(SQLModel, table=True):
    """A municipality of which something changed that reports count: triggers of the database write it, in the very
    transaction, whoever changes what. Only ever added to, so that no writer waits for another; ``db.standings`` takes
    away what it has counted anew."""

    __tablename__: ClassVar[Any] = "report_stale"
    __table_args__ = (sa.Index("ix_report_stale_municipality_id", "municipality_id", "id"),)

    id: int | None = Field(default=None, sa_column=sa.Column(LONG, primary_key=True, autoincrement=True))
    municipality_id: int  # no foreign key: it may be gone


class ReportPlace(SQLModel, table=True):
    """What reports count of a municipality, as it was counted last."""

    __tablename__: ClassVar[Any] = "report_place"

    municipality_id: int = Field(primary_key=True)  # no foreign key: it may be gone
    country: str = Field(max_length=2)
    facts: str  # report.facts.Place as JSON


class ReportNumber(SQLModel, table=True):
    """How many stand on one line of a report with one pattern of stages: the sum over ``report_place``, kept current.

    What the columns hold is said in ``report.funnel``."""

    __tablename__: ClassVar[Any] = "report_number"

    selection: str = Field(primary_key=True)
    unit: str = Field(primary_key=True)
    cut: str = Field(primary_key=True)
    value: str = Field(primary_key=True)
    country: str = Field(primary_key=True, max_length=2)
    pattern: int = Field(primary_key=True)
    number: int


class Digest(SQLModel, table=True):
    """A report by mail to one reader: the row, and the mail in it, are there before anything is sent."""

    __table_args__ = (
        # The promise: one a week or month, whatever overlaps or dies.
        sa.UniqueConstraint("scope", "email_key", "period"),
        partial("ix_digest_waiting", "state IN ('deferred', 'queued', 'sending')", "state"),
    )

    id: int | None = Field(default=None, primary_key=True)
    scope: str  # jobs.digest_dates.Reader.scope
    email: str
    email_key: str
    period: str  # "2026-W49", "2026-12"
    sender: str
    state: states.MessageState = Field(sa_type=word(states.MessageState))
    reason: str | None = None  # of the present state, for a person
    figures: dict[str, Any] = Field(sa_type=sa.JSON)  # what it said, for the differences of the next one
    data: bytes | None = Field(default=None, sa_type=sa.LargeBinary)  # the mail, until it has gone
    due_at: datetime = instant()
    attempts: int = 0
    claimed_by: str | None = None
    claimed_until: datetime | None = instant(default=None)
    handed_at: datetime | None = instant(default=None)  # as of a message
    sent_at: datetime | None = instant(default=None)
    created_at: datetime = instant()
