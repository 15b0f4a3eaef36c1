"""The tables. A row holds the present; ``engagement``, ``attempt``, ``verdict`` and ``audit`` hold the past.

SQLModel does not validate table classes: what goes in here was validated before. There is
no ``Relationship()``; joins are functions in ``db.queries``. Times are UTC and aware, states are words.
"""

from __future__ import annotations

from outreach.model.tables.audit import Audit
from outreach.model.tables.columns import Instant
from outreach.model.tables.directory import (
    Contact,
    ContactChange,
    ContactImport,
    ListColumns,
    Municipality,
    PlaceQuestion,
    Suppression,
)
from outreach.model.tables.inbox import (
    Effect,
    Engagement,
    InboundMessage,
    MailboxCursor,
    MatchRow,
    Proposal,
    VerdictRow,
)
from outreach.model.tables.outbox import (
    SENDING,
    WAITING,
    Attempt,
    Campaign,
    Content,
    DomainUse,
    Message,
    Recipient,
    SenderLine,
    SenderPause,
    SenderWindow,
)
from outreach.model.tables.reports import Digest, ReportNumber, ReportPlace, ReportStale
from outreach.model.tables.sessions import Attendance, AttendanceList, Cost, Registration

__all__ = [
    "SENDING",
    "WAITING",
    "Attempt",
    "Attendance",
    "AttendanceList",
    "Audit",
    "Campaign",
    "Contact",
    "ContactChange",
    "ContactImport",
    "Content",
    "Cost",
    "Digest",
    "DomainUse",
    "Effect",
    "Engagement",
    "InboundMessage",
    "Instant",
    "ListColumns",
    "MailboxCursor",
    "MatchRow",
    "Message",
    "Municipality",
    "PlaceQuestion",
    "Proposal",
    "Recipient",
    "Registration",
    "ReportNumber",
    "ReportPlace",
    "ReportStale",
    "SenderLine",
    "SenderPause",
    "SenderWindow",
    "Suppression",
    "VerdictRow",
]
