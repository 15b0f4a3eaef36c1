"""What happened with municipalities, as reports count it: a few statements for some thousands of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from outreach.db import schema
from outreach.db.dialect import driver_rows
from outreach.delivery.tokens import municipality_name
from outreach.model.countries import COUNTRIES
from outreach.model.states import (
    STOPPING_ENGAGEMENTS,
    AttendanceState,
    EngagementKind,
)
from outreach.report.facts import Act, Entry, Mail, Place, Pursuit

_CAMPAIGN, _CONTACT, _ENGAGEMENT = schema.campaign, schema.contact, schema.engagement
_MESSAGE, _RECIPIENT, _PLACE = schema.message, schema.recipient, schema.municipality

_ACTS = (*sorted(STOPPING_ENGAGEMENTS), EngagementKind.AUTO_REPLIED)
#: Of a municipality in a campaign.
_Pair = tuple[int, int]


def of(
    connection: sa.Connection, ids: Collection[int], suppressed: Callable[[str], bool]
) -> dict[int, tuple[str, Place]]:
    """Country and facts of each municipality of ``ids`` that there is; some thousands at a time.

    ``suppressed``: whether an address in lower case, or :func:`~outreach.delivery.tokens.municipality_name`, must
    not be written to. Campaigns that were not launched have no facts.
    """
    some = _among(ids)
    launched = {
        id_: (slug, _seconds(at))
        for id_, slug, at in driver_rows(
            connection,
            sa.select(_CAMPAIGN.c.id, _CAMPAIGN.c.slug, _CAMPAIGN.c.launched_at).where(
                _CAMPAIGN.c.launched_at.is_not(None)
            ),
        )
    }
    contacts, reachable = _contacts(connection, some, suppressed)
    entries = _entries(connection, some, reachable)
    zones: dict[int, str] = {}
    places = list(
        driver_rows(
            connection,
            sa.select(
                _PLACE.c.id,
                _PLACE.c.country,
                _PLACE.c.key,
                _PLACE.c.population,
                _PLACE.c.degurba,
                _PLACE.c.nuts,
                _PLACE.c.region,
                _PLACE.c.time_zone,
            ).where(some(_PLACE.c.id)),
        )
    )
    for id_, country, _key, _population, _degurba, _nuts, _region, time_zone in places:
        zones[id_] = time_zone or COUNTRIES[country].time_zone
    mails, others = _mails(connection, some, zones)
    acts = _acts(connection, some)
    registered = _registered(connection, some)
    attended = _attended(connection, some)
    pursuits: dict[int, list[Pursuit]] = defaultdict(list)
    pairs = {pair for found in (entries, acts, registered, attended) for pair in found if pair[0] in launched}
    for pair in sorted(pairs, key=lambda one: (launched[one[0]][1], one)):
        campaign_id, municipality_id = pair
        slug, at = launched[campaign_id]
        state, placed, progress = registered.get(pair, ("", 0, ""))
        pursuits[municipality_id].append(
            Pursuit(
                slug,
                at,
                entries.get(pair, []),
                mails.get(pair, []),
                acts.get(pair, []),
                state,
                placed,
                progress,
                int(pair in attended),
                others.get(pair, 0),
            )
        )
    found: dict[int, tuple[str, Place]] = {}
    for id_, country, key, population, degurba, nuts, region, _zone in places:
        mine = {
            *contacts.get(id_, ()),
            *(entry.contact for one in pursuits.get(id_, ()) for entry in one.entries),
        }
        may = sum(contact in reachable for contact in mine)
        if may and suppressed(municipality_name(country, key)):
            may = 0
        offset = _offset(zones[id_], _NOON)
        found[id_] = (
            country,
            Place(population, degurba, nuts or region or "", len(mine), may, offset, pursuits.get(id_, [])),
        )
    return found


#: When a municipality that was written to at no known time is asked for its clock.
_NOON = int(datetime(2026, 1, 1, 12, tzinfo=UTC).timestamp())

_Some = Callable[[sa.ColumnElement[Any]], sa.ColumnElement[bool]]


def _among(ids: Collection[int]) -> _Some:
    """Written out: thousands of parameters are more than a statement may have."""
    numbers = ", ".join(str(int(id_)) for id_ in sorted(ids)) or "-1"

    def test(column: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
        return sa.literal_column(f"{column.compile()} IN ({numbers})", sa.Boolean())

    return test


def _contacts(
    connection: sa.Connection, some: _Some, suppressed: Callable[[str], bool]
) -> tuple[dict[int, list[int]], set[int]]:
    """The contacts of each municipality that stand in a list, and all of them that may be written to."""
    contacts: dict[int, list[int]] = defaultdict(list)
    reachable: set[int] = set()
    statement = sa.select(_CONTACT.c.municipality_id, _CONTACT.c.id, _CONTACT.c.email_key).where(
        some(_CONTACT.c.municipality_id), _CONTACT.c.gone_at.is_(None)
    )
    for municipality_id, id_, email_key in driver_rows(connection, statement):
        contacts[municipality_id].append(id_)
        if not suppressed(email_key):
            reachable.add(id_)
    return contacts, reachable


def _entries(connection: sa.Connection, some: _Some, reachable: set[int]) -> dict[_Pair, list[Entry]]:
    table = _RECIPIENT.c
    statement = sa.select(
        table.campaign_id, table.municipality_id, table.id, table.contact_id, table.excluded, table.variant
    ).where(some(table.municipality_id))
    entries: dict[_Pair, list[Entry]] = defaultdict(list)
    for campaign_id, municipality_id, id_, contact_id, excluded, variant in driver_rows(
        connection, statement.order_by(table.id)
    ):
        entries[campaign_id, municipality_id].append(
            Entry(id_, contact_id, excluded or "", int(contact_id in reachable), variant or "")
        )
    return entries


def _mails(
    connection: sa.Connection, some: _Some, zones: dict[int, str]
) -> tuple[dict[_Pair, list[Mail]], dict[_Pair, int]]:
    """The mails of the sequence, and how many others there are."""
    mails: dict[_Pair, list[Mail]] = defaultdict(list)
    others: dict[_Pair, int] = defaultdict(int)

    def columns(recipient: sa.FromClause) -> sa.Select[Any]:
        return sa.select(
            recipient.c.campaign_id,
            recipient.c.municipality_id,
            _MESSAGE.c.id,
            recipient.c.id,
            _MESSAGE.c.step,
            _MESSAGE.c.language,
            _MESSAGE.c.state,
            sa.func.coalesce(_MESSAGE.c.sent_at, _MESSAGE.c.handed_at),
            sa.case((schema.IS_STEP, 1), else_=0),
        )

    own = columns(_RECIPIENT).join_from(_RECIPIENT, _MESSAGE, _MESSAGE.c.recipient_id == _RECIPIENT.c.id)
    stands, named = _RECIPIENT.alias("stands"), _RECIPIENT.alias("named")
    shared = (
        columns(named)
        .select_from(named)
        .join(stands, stands.c.id == named.c.named_by)
        .join(_MESSAGE, _MESSAGE.c.recipient_id == stands.c.id)
        .where(
            some(named.c.municipality_id),
            stands.c.municipality_id != named.c.municipality_id,
            schema.IS_STEP,
        )
    )
    for statement, is_shared in ((own.where(some(_RECIPIENT.c.municipality_id)), 0), (shared, 1)):
        for (
            campaign_id,
            municipality_id,
            id_,
            recipient_id,
            step,
            language,
            state,
            at,
            is_step,
        ) in driver_rows(connection, statement):
            pair = campaign_id, municipality_id
            if not is_step:
                others[pair] += 1
                continue
            sent = _seconds(at) if at is not None else None
            offset = _offset(zones[municipality_id], sent if sent is not None else _NOON)
            mails[pair].append(Mail(id_, recipient_id, step, language, state, sent, offset, is_shared))
    return mails, others


def _acts(connection: sa.Connection, some: _Some) -> dict[_Pair, list[Act]]:
    table = _ENGAGEMENT.c
    statement = sa.select(
        table.campaign_id,
        table.municipality_id,
        table.id,
        table.kind,
        table.recipient_id,
        table.message_id,
        table.at,
        table.undone_at,
    ).where(some(table.municipality_id), sa.or_(*(table.kind == kind for kind in _ACTS)))
    acts: dict[_Pair, list[Act]] = defaultdict(list)
    for campaign_id, municipality_id, id_, kind, recipient_id, message_id, at, undone_at in driver_rows(
        connection, statement.order_by(table.id)
    ):
        acts[campaign_id, municipality_id].append(
            Act(id_, kind, recipient_id, message_id, _seconds(at), int(undone_at is not None))
        )
    return acts


def _registered(connection: sa.Connection, some: _Some) -> dict[_Pair, tuple[str, int, str]]:
    table = schema.registration.c
    statement = sa.select(
        table.campaign_id, table.municipality_id, table.state, table.created_at, table.progress
    ).where(some(table.municipality_id))
    return {
        (campaign_id, municipality_id): (state, _seconds(at), progress or "")
        for campaign_id, municipality_id, state, at, progress in driver_rows(connection, statement)
    }


def _attended(connection: sa.Connection, some: _Some) -> set[_Pair]:
    table = schema.attendance.c
    statement = sa.select(table.campaign_id, table.municipality_id).where(
        some(table.municipality_id), table.state == AttendanceState.COUNTED
    )
    return {
        (campaign_id, municipality_id) for campaign_id, municipality_id in driver_rows(connection, statement)
    }


def _seconds(at: datetime | str) -> int:
    """Since 1970, of a moment as the driver gives it: SQLite text without a zone, which is UTC."""
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _offset(zone: str, at: int) -> int:
    return _offset_in_hour(zone, at // 3600)


@lru_cache(maxsize=8192)
def _offset_in_hour(zone: str, hour: int) -> int:
    """Clocks of the Union change on whole hours of UTC (Directive 2000/84/EC)."""
    moved = datetime.fromtimestamp(hour * 3600, UTC).astimezone(ZoneInfo(zone)).utcoffset()
    return int(moved.total_seconds()) if moved else 0
