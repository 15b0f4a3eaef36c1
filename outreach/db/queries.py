"""What reports ask: counts of municipalities, in a few statements whatever the number of rows.

What each figure means is said to people in ``report.funnel``; here is how it follows from the rows:

- A municipality is *invited* by a mail that was accepted (``sent``), whether it came back later (``bounced``)
  or not. Nobody stands in a later figure who is not invited.
- It has *answered* when a person did something (:data:`~outreach.model.states.STOPPING_ENGAGEMENTS`, not
  undone) or when it has a place. It is *reached* when one of the mails did not come back, or it answered.
- It is *registered* while its place stands, whatever it said before; else *declined* if the last of its
  decisions (yes, no, perhaps) is a no.
- All that a municipality did counts for one step: that of the last of our mails that it answered; where no
  mail is known, of the last one it got. So the steps' answers add up to the campaign's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from outreach.db import schema, scope
from outreach.model.states import (
    STOPPING_ENGAGEMENTS,
    AnswerMail,
    CampaignState,
    EngagementKind,
    MessageState,
    RegistrationState,
)
from outreach.model.values import FunnelCounts, FunnelRow

_CAMPAIGN = schema.campaign
_ENGAGEMENT = schema.engagement
_MESSAGE = schema.message
_RECIPIENT = schema.recipient

_DELIVERED = (MessageState.SENT, MessageState.BOUNCED)
_DECISIONS = (EngagementKind.REGISTERED, EngagementKind.DECLINED, EngagementKind.TENTATIVE)


@dataclass(frozen=True, slots=True)
class CampaignOverview:
    """One line of the list of campaigns."""

    name: str
    title: str
    country: str
    sender: str
    state: CampaignState
    launched_at: datetime | None
    messages: Mapping[MessageState, int]  # only states that occur


def campaign_overview(connection: sa.Connection) -> list[CampaignOverview]:
    """All campaigns by name, launched or not, with their messages by state."""
    counted: dict[int, dict[MessageState, int]] = {}
    statement = sa.select(_MESSAGE.c.campaign_id, _MESSAGE.c.state, sa.func.count()).group_by(
        _MESSAGE.c.campaign_id, _MESSAGE.c.state
    )
    for campaign_id, state, number in connection.execute(statement):
        counted.setdefault(campaign_id, {})[state] = number
    columns = ("name", "title", "country", "sender", "state", "launched_at")
    campaigns = sa.select(_CAMPAIGN.c.id, *(_CAMPAIGN.c[name] for name in columns)).order_by(_CAMPAIGN.c.name)
    campaigns = campaigns.where(scope.within(connection, _CAMPAIGN.c.country))
    return [
        CampaignOverview(**{name: row[name] for name in columns}, messages=counted.get(row["id"], {}))
        for row in connection.execute(campaigns).mappings()
    ]


def funnel(
    connection: sa.Connection, *, campaign: str | None = None, country: str | None = None
) -> list[FunnelRow]:
    """The counts of each launched campaign and country: as a whole, then by step in their order.

    Ordered by slug and country. ``campaign`` is a slug ("lordimas", all its countries) or the name of one
    ("lordimas-be"). A campaign that has sent nothing yet is there with zeros.
    """
    found = _launched(connection, campaign, country)
    if not found:
        return []
    # Where several campaigns make one line, the first one's id stands for all.
    lines = {id_: min(ids) for ids in found.values() for id_ in ids}
    delivered = _delivered(connection, lines)
    answers: dict[tuple[int, str | None], _Answers] = {}
    for line, step, *numbers in connection.execute(_answer_counts(lines)):
        counts = _Answers(*map(int, numbers))
        answers[line, step] = counts
        answers[line, None] = answers.get((line, None), _NO_ANSWERS) + counts
    return [
        FunnelRow(slug, land, step, answers.get((min(ids), step), _NO_ANSWERS).over(invited, arrived, step))
        for (slug, land), ids in found.items()
        for step, invited, arrived in delivered.get(min(ids), [(None, 0, 0)])
    ]


@dataclass(frozen=True, slots=True)
class _Answers:
    """Of the municipalities that did something, by the step it counts for."""

    answered: int
    registered: int
    declined: int
    unsubscribed: int
    back_from_step: int  # answered, although all mails of the step came back
    back_from_all: int  # answered, although all mails of the campaign came back

    def __add__(self, other: _Answers) -> _Answers:
        return _Answers(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(_Answers)))

    def over(self, invited: int, arrived: int, step: str | None) -> FunnelCounts:
        return FunnelCounts(
            invited=invited,
            reached=arrived + (self.back_from_all if step is None else self.back_from_step),
            answered=self.answered,
            registered=self.registered,
            declined=self.declined,
            unsubscribed=self.unsubscribed,
        )


_NO_ANSWERS = _Answers(0, 0, 0, 0, 0, 0)


def _launched(
    connection: sa.Connection, campaign: str | None, country: str | None
) -> dict[tuple[str, str], list[int]]:
    """The ids of the launched campaigns by slug and country: nearly always one."""
    statement = (
        sa.select(_CAMPAIGN.c.slug, _CAMPAIGN.c.country, _CAMPAIGN.c.id)
        .where(_CAMPAIGN.c.launched_at.is_not(None), scope.within(connection, _CAMPAIGN.c.country))
        .order_by(_CAMPAIGN.c.slug, _CAMPAIGN.c.country)
    )
    if campaign is not None:
        statement = statement.where(sa.or_(_CAMPAIGN.c.slug == campaign, _CAMPAIGN.c.name == campaign))
    if country is not None:
        statement = statement.where(_CAMPAIGN.c.country == country)
    found: dict[tuple[str, str], list[int]] = {}
    for slug, land, id_ in connection.execute(statement):
        found.setdefault((slug, land), []).append(id_)
    return found


def _delivered(
    connection: sa.Connection, lines: Mapping[int, int]
) -> dict[int, list[tuple[str | None, int, int]]]:
    """Of each line, as a whole (``None``) and then by step in their order: how many municipalities are
    invited, and how many of these have a mail that did not come back.

    One pass in the order of two indexes, with a column for each step: grouping by step would sort all mails.
    """
    steps = _steps(connection, lines)
    line = _line(_RECIPIENT.c.campaign_id, lines).label("line")
    arrived = _MESSAGE.c.state == MessageState.SENT
    columns = [
        sa.func.max(sa.case((arrived, sa.literal_column("2")), else_=sa.literal_column("1"))).label("whole"),
        *(
            sa.func.max(
                sa.case(
                    (_MESSAGE.c.step != step, sa.literal_column("0")),
                    (arrived, sa.literal_column("2")),
                    else_=sa.literal_column("1"),
                )
            ).label(f"step{number}")
            for number, step in enumerate(steps)
        ),
    ]
    places = (
        sa.select(line, *columns)
        .join(_MESSAGE, _MESSAGE.c.recipient_id == _RECIPIENT.c.id)
        .where(_of(connection, _RECIPIENT.c.campaign_id, lines), _MESSAGE.c.state.in_(_DELIVERED))
        .group_by(line, _RECIPIENT.c.municipality_id)
        .subquery("places")
    )
    counts = [
        sa.func.sum(_flag(places.c[column.name] >= sa.literal_column(least)))
        for column in columns
        for least in ("1", "2")
    ]
    found: dict[int, list[tuple[str | None, int, int]]] = {}
    for key, *numbers in connection.execute(sa.select(places.c.line, *counts).group_by(places.c.line)):
        pairs = zip((None, *steps), numbers[::2], numbers[1::2], strict=True)
        found[key] = [(step, int(invited), int(kept)) for step, invited, kept in pairs if invited]
    return found


def _steps(connection: sa.Connection, lines: Mapping[int, int]) -> list[str]:
    """The names of the steps of all campaigns, in the order in which they were frozen at the launch."""
    content = schema.content
    statement = (
        sa.select(content.c.step)
        .where(
            content.c.campaign_id.in_(list(lines)),
            content.c.step.not_in(list(AnswerMail)),
            content.c.for_session.is_(sa.false()),
        )
        .group_by(content.c.step)
        .order_by(sa.func.min(content.c.id))
    )
    return list(connection.execute(statement).scalars())


def _answer_counts(lines: Mapping[int, int]) -> sa.Select[Any]:
    """Of each line and step, the columns of :class:`_Answers`."""
    acts = _acts(lines).subquery("acts")
    person = (
        sa.select(
            acts.c.line,
            acts.c.municipality_id,
            sa.func.max(acts.c.unsubscribed).label("unsubscribed"),
            sa.func.max(acts.c.registered).label("registered"),
            sa.func.max(acts.c.decision).label("decision"),
            sa.func.max(_MESSAGE.c.id).label("matched"),
        )
        .outerjoin(_MESSAGE, sa.and_(_MESSAGE.c.id == acts.c.message_id, _MESSAGE.c.state.in_(_DELIVERED)))
        .group_by(acts.c.line, acts.c.municipality_id)
        .subquery("person")
    )
    mail, answered = _MESSAGE.alias("mail"), _MESSAGE.alias("answered")
    its_mails = (
        sa.select(mail.c.id)
        .join(_RECIPIENT, _RECIPIENT.c.id == mail.c.recipient_id)
        .where(
            _RECIPIENT.c.campaign_id.in_(list(lines)),
            _RECIPIENT.c.municipality_id == person.c.municipality_id,
            _line(_RECIPIENT.c.campaign_id, lines) == person.c.line,
        )
        .correlate(person, answered)
    )
    last = its_mails.with_only_columns(sa.func.max(mail.c.id)).where(
        mail.c.state.in_(_DELIVERED), mail.c.answers_id.is_(None), mail.c.for_session.is_(sa.false())
    )
    kept = its_mails.where(mail.c.state == MessageState.SENT)
    arrived = answered.c.state == MessageState.SENT  # nearly always: then the others need no look
    decision = _ENGAGEMENT.alias("decision")
    return (
        sa.select(
            person.c.line,
            answered.c.step,
            sa.func.count(),
            sa.func.sum(person.c.registered),
            sa.func.sum(_flag(sa.and_(person.c.registered == 0, decision.c.kind == EngagementKind.DECLINED))),
            sa.func.sum(person.c.unsubscribed),
            sa.func.sum(_flag(~sa.or_(arrived, kept.where(mail.c.step == answered.c.step).exists()))),
            sa.func.sum(_flag(~sa.or_(arrived, kept.exists()))),
        )
        .select_from(person)
        .join(answered, answered.c.id == sa.func.coalesce(person.c.matched, last.scalar_subquery()))
        .outerjoin(decision, decision.c.id == person.c.decision)
        .group_by(person.c.line, answered.c.step)
    )


def _acts(lines: Mapping[int, int]) -> sa.CompoundSelect[Any]:
    """What persons of municipalities did that stands, and the places they have."""
    registration = schema.registration
    return sa.union_all(
        sa.select(
            _line(_ENGAGEMENT.c.campaign_id, lines).label("line"),
            _ENGAGEMENT.c.municipality_id,
            _ENGAGEMENT.c.message_id,
            _flag(_ENGAGEMENT.c.kind == EngagementKind.UNSUBSCRIBED).label("unsubscribed"),
            sa.literal_column("0").label("registered"),
            sa.case((_ENGAGEMENT.c.kind.in_(_DECISIONS), _ENGAGEMENT.c.id)).label("decision"),
        ).where(
            _ENGAGEMENT.c.campaign_id.in_(list(lines)),
            _ENGAGEMENT.c.kind.in_(list(STOPPING_ENGAGEMENTS)),
            _ENGAGEMENT.c.undone_at.is_(None),
        ),
        sa.select(
            _line(registration.c.campaign_id, lines),
            registration.c.municipality_id,
            sa.cast(sa.null(), sa.Integer),
            sa.literal_column("0"),
            sa.literal_column("1"),
            sa.cast(sa.null(), sa.Integer),
        ).where(
            registration.c.campaign_id.in_(list(lines)),
            registration.c.state == RegistrationState.REGISTERED,
        ),
    )


def _line(column: sa.ColumnElement[int], lines: Mapping[int, int]) -> sa.ColumnElement[int]:
    """What stands for the line of a row's campaign; the bare column, and its index, where that will do."""
    # Written out, not bound: PostgreSQL takes two equal parameters for two different expressions.
    moved: list[tuple[sa.ColumnElement[bool], sa.ColumnElement[int]]] = [
        (column == sa.literal_column(str(int(id_))), sa.literal_column(str(int(line))))
        for id_, line in lines.items()
        if id_ != line
    ]
    return sa.case(*moved, else_=column) if moved else column


def _of(
    connection: sa.Connection, column: sa.ColumnElement[int], lines: Mapping[int, int]
) -> sa.ColumnElement[bool]:
    """Rows of these campaigns; on SQLite read as one range, in the order of the index on ``column``."""
    if connection.dialect.name != "sqlite":
        return column.in_(list(lines))
    return sa.and_(column.between(min(lines), max(lines)), (column + 0).in_(list(lines)))


def _flag(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.case((condition, sa.literal_column("1")), else_=sa.literal_column("0"))


def answer_days(
    connection: sa.Connection, *, campaign: str | None = None, country: str | None = None
) -> list[tuple[str, str, int, float]]:
    """Of each municipality that answered: slug, country, whole days from the launch, days from its first mail."""
    found = _launched(connection, campaign, country)
    ids = {id_: key for key, many in found.items() for id_ in many}
    first_mail = (
        sa.select(
            _RECIPIENT.c.campaign_id,
            _RECIPIENT.c.municipality_id,
            sa.func.min(_MESSAGE.c.sent_at).label("at"),
        )
        .join(_MESSAGE, _MESSAGE.c.recipient_id == _RECIPIENT.c.id)
        .where(_RECIPIENT.c.campaign_id.in_(list(ids)), _MESSAGE.c.state.in_(_DELIVERED))
        .group_by(_RECIPIENT.c.campaign_id, _RECIPIENT.c.municipality_id)
        .subquery("first_mail")
    )
    statement = (
        sa.select(
            _CAMPAIGN.c.id,
            _CAMPAIGN.c.launched_at,
            first_mail.c.at,
            sa.func.min(_ENGAGEMENT.c.at).label("answered"),
        )
        .join(
            first_mail,
            sa.and_(
                first_mail.c.campaign_id == _ENGAGEMENT.c.campaign_id,
                first_mail.c.municipality_id == _ENGAGEMENT.c.municipality_id,
            ),
        )
        .join(_CAMPAIGN, _CAMPAIGN.c.id == _ENGAGEMENT.c.campaign_id)
        .where(
            _ENGAGEMENT.c.campaign_id.in_(list(ids)),
            _ENGAGEMENT.c.kind.in_(list(STOPPING_ENGAGEMENTS)),
            _ENGAGEMENT.c.undone_at.is_(None),
        )
        .group_by(_CAMPAIGN.c.id, _CAMPAIGN.c.launched_at, first_mail.c.at, _ENGAGEMENT.c.municipality_id)
    )
    day = 24 * 3600
    return [
        (
            *ids[id_],
            max(0, (answered - launched).days),
            max(0.0, (answered - (at or launched)).total_seconds() / day),
        )
        for id_, launched, at, answered in connection.execute(statement)
    ]


def sends(
    connection: sa.Connection, *, campaign: str | None = None, country: str | None = None
) -> list[tuple[date, int]]:
    """How many mails of the sequence went out on each day (UTC)."""
    ids = [id_ for many in _launched(connection, campaign, country).values() for id_ in many]
    statement = sa.select(_MESSAGE.c.sent_at).where(
        _MESSAGE.c.campaign_id.in_(ids),
        _MESSAGE.c.state.in_(_DELIVERED),
        schema.IS_STEP,
        _MESSAGE.c.sent_at.is_not(None),
    )
    return sorted(Counter(at.date() for (at,) in connection.execute(statement)).items())
