"""What came of a campaign's mails: what guardrails look at."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from outreach.db import schema
from outreach.model.states import EngagementKind, OutcomeKind

_EVENT = schema.engagement
_MESSAGE = schema.message
_ATTEMPT = schema.attempt

#: So many attempts of a sender are looked through for those of one campaign.
_LATEST = 1_000
_ABOUT_THE_MAIL = (OutcomeKind.ACCEPTED, OutcomeKind.REFUSED, OutcomeKind.DEFERRED)


def outcomes(connection: sa.Connection, campaign_id: int, since: datetime | None) -> tuple[int, int, int]:
    """Mails tried, bounced for good, and called spam, of those of the campaign that were sent after ``since``
    (``None``: all), each mail once."""
    # refused at once, a mail that bounced was never sent: the event has its moment
    at = sa.func.coalesce(_MESSAGE.c.sent_at, _EVENT.c.at)

    def mails(*conditions: sa.ColumnElement[bool]) -> int:
        statement = (
            sa.select(sa.func.count(sa.distinct(_EVENT.c.message_id)))
            .join(_MESSAGE, _MESSAGE.c.id == _EVENT.c.message_id)
            .where(_EVENT.c.campaign_id == campaign_id, _EVENT.c.undone_at.is_(None), *conditions)
        )
        if since is not None:
            statement = statement.where(at > since)
        return int(connection.execute(statement).scalar_one())

    sent = sa.select(sa.func.count()).where(
        _EVENT.c.campaign_id == campaign_id, _EVENT.c.kind == EngagementKind.SENT
    )
    if since is not None:
        sent = sent.where(_EVENT.c.at > since)
    tried = int(connection.execute(sent).scalar_one())
    bounced = _EVENT.c.kind == EngagementKind.BOUNCED
    at_once = mails(bounced, _MESSAGE.c.sent_at.is_(None))
    return tried + at_once, mails(bounced), mails(_EVENT.c.kind == EngagementKind.COMPLAINED)


def errors_in_a_row(connection: sa.Connection, campaign_id: int, sender: str, since: datetime | None) -> int:
    """How many of the campaign's last attempts after ``since`` were refused or put off, with none accepted."""
    latest = (
        sa.select(_ATTEMPT.c.id, _ATTEMPT.c.message_id, _ATTEMPT.c.outcome)
        .where(_ATTEMPT.c.sender == sender)
        .order_by(_ATTEMPT.c.at.desc(), _ATTEMPT.c.id.desc())
        .limit(_LATEST)
    )
    if since is not None:
        latest = latest.where(_ATTEMPT.c.at > since)
    found = latest.subquery()
    statement = (
        sa.select(found.c.outcome)
        .join(_MESSAGE, _MESSAGE.c.id == found.c.message_id)
        .where(_MESSAGE.c.campaign_id == campaign_id, found.c.outcome.in_(_ABOUT_THE_MAIL))
        .order_by(found.c.id.desc())
    )
    count = 0
    for outcome in connection.execute(statement).scalars():
        if outcome is OutcomeKind.ACCEPTED:
            break
        count += 1
    return count
