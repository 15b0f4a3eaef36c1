"""Of the messages that are due, those that may go now: the rest is skipped, missed or put off."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from outreach.campaign import schedule
from outreach.campaign.definition import Definition
from outreach.db import messages, outbox
from outreach.db.outbox import Due
from outreach.delivery import tokens
from outreach.jobs import session_mails
from outreach.jobs.budget import Budget
from outreach.jobs.message_rows import locality


class Wanted(NamedTuple):
    """What came of those that are due."""

    taken: list[Due]  # may go now, in their order
    skipped: Counter[str]  # by reason
    missed: int


class StillWanted:
    """Looks at what is due, in the transaction of a claim."""

    def __init__(
        self, key: bytes, budget: Budget, definition: Callable[[sa.Connection, int], Definition]
    ) -> None:
        """``key`` is the workspace's; ``definition`` gives that of a campaign by its number."""
        self._key = key
        self._budget = budget
        self._definition = definition

    def look_at(self, connection: sa.Connection, due: list[Due], now: datetime) -> Wanted:
        """Skip, miss or put off those of ``due`` that may not go."""
        reasons = outbox.why_not(connection, due, self._suppression_keys)
        around = [(one, self._definition(connection, one.campaign_id)) for one in due if one.for_session]
        if around:
            reasons = session_mails.why_not(connection, around, now) | reasons
        if reasons:
            outbox.skip(connection, reasons)
        late: set[int] = set()
        wanted: list[Due] = []
        closed: dict[int, datetime] = {}
        # many keep the same hours: whether their last day is over, and when they open
        hours: dict[tuple[int, str, str, str | None, str | None], tuple[bool, datetime]] = {}
        for one in due:
            if one.id in reasons:
                continue
            if one.answers_id is not None:  # somebody is at their desk and waits for it
                wanted.append(one)
                continue
            which = f"{one.step} {one.variant}" if one.for_session or one.variant else ""
            key = (one.campaign_id, which, one.country, one.region, one.time_zone)
            if (found := hours.get(key)) is None:
                found = hours[key] = self._hours(connection, one, now)
            is_late, opens = found
            if is_late:
                late.add(one.id)
            if opens > now:
                closed[one.id] = opens
            else:
                wanted.append(one)
        # Once a session has begun nobody can want a mail before it any more.
        may_be_wanted = late - {one.id for one, _ in around}
        missed = late - messages.wanted_late(connection, may_be_wanted) if late else late
        if missed:
            wanted = [one for one in wanted if one.id not in missed]
            closed = {id_: opens for id_, opens in closed.items() if id_ not in missed}
            outbox.miss(connection, missed, "its last day had passed before it could go")
        taken, full = self._budget.within_domains(connection, wanted, now)
        outbox.postpone(connection, closed | full)
        return Wanted(taken, Counter(reason.value for reason in reasons.values()), len(missed))

    def _hours(self, connection: sa.Connection, one: Due, now: datetime) -> tuple[bool, datetime]:
        definition = self._definition(connection, one.campaign_id)
        place = locality(one.country, one.region, one.time_zone)
        if one.for_session:
            is_late = session_mails.is_late(one, definition, now)
        else:
            last_day = definition.last_day
            is_late = last_day is not None and now >= schedule.end_of(last_day, place)
        return is_late, schedule.next_opening(now, definition.window_of(one.step, one.variant), place)

    def _suppression_keys(self, address: str) -> tuple[str, str]:
        key = self._key
        return tokens.suppression_key(key, address), tokens.suppression_key(key, address.rpartition("@")[2])
