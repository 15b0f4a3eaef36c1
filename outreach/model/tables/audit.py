"""Who did what."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from outreach.model.tables.columns import instant


class Audit(SQLModel, table=True):
    """Who did what, when. Only ever added to."""

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = instant()
    actor: str
    action: str
    subject: str
    detail: str = ""
