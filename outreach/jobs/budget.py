"""One sender's budget in a run: what its limits, its server's throttling and its warm-up leave, kept in the
database for all runs together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta

import sqlalchemy as sa

from outreach.campaign.pace import MINUTE, WARM_UP_MEMORY, Pace, WarmUp
from outreach.db import budgets, senders
from outreach.db.outbox import Due
from outreach.delivery import policy
from outreach.model.states import MessageState, OutcomeKind
from outreach.model.values import Outcome
from outreach.settings.limits import Limits

#: Mails that a domain has no room for are put off, at most so long: the room may come sooner than reckoned.
_LONGEST_PUT_OFF = timedelta(hours=1)


def pace(limits: Limits) -> Pace:
    """The limits as an estimate and a budget take them."""
    warm_up = None
    if limits.warm_up_per_day is not None:
        warm_up = WarmUp(limits.warm_up_per_day, limits.warm_up_growth)
    return Pace(limits.per_minute, limits.per_hour, limits.per_day, warm_up)


def best_day(connection: sa.Connection, sender: str, now: datetime) -> int:
    """Mails on the best of the 30 days (UTC) before this one."""
    midnight = datetime.combine(now.date(), time(), now.tzinfo)
    days = [midnight - timedelta(days=back) for back in range(1, WARM_UP_MEMORY.days + 1)]
    return max(budgets.sent_on_days(connection, sender, days))


class Budget:
    """To be asked in the transaction of a claim."""

    def __init__(self, sender: str, limits: Limits) -> None:
        self._sender = sender
        self._limits = limits
        self._pace = pace(limits)
        self._today: date | None = None
        self._best_day = 0
        self._seconds = MINUTE
        self._put_off: Counter[str] = Counter()
        self.strikes = 0.0  # of throttling, at the last claim

    def begin(self, connection: sa.Connection, now: datetime) -> None:
        """At the beginning of a run: count anew what was counted on."""
        budgets.recount(connection, self._sender, self._pace.windows(), now)

    def rests_until(self, connection: sa.Connection, now: datetime) -> datetime | None:
        """Until when the sender rests; ``None``: it may send, perhaps more slowly."""
        pause = senders.pause(connection, self._sender)
        if pause is None:
            return None
        if pause.until > now:
            return pause.until  # what is under way may be throttled too: that is no second time
        self.strikes = policy.strikes_left(pause.strikes, now - pause.until)
        return None

    def room(self, connection: sa.Connection, now: datetime) -> int:
        """How many mails may be claimed; 0 or less: none."""
        if self._pace.warm_up is not None and self._today != now.date():
            self._today, self._best_day = now.date(), best_day(connection, self._sender, now)
        windows = self._pace.windows(self._best_day)
        if self.strikes:
            windows[MINUTE] = policy.slowed(windows[MINUTE], self.strikes)
        found = budgets.room(connection, self._sender, windows, now)
        self._seconds = found.seconds
        return found.mails

    def seconds_to_wait(self, connection: sa.Connection, now: datetime) -> float:
        """When there was no room: seconds until there may be some."""
        frees_at = budgets.frees_at(connection, self._sender, self._seconds, now)
        # none of the window is over, so all of it is on its way: it will not be long
        return 0.2 if frees_at is None else max((frees_at - now).total_seconds(), 0.05)

    def within_domains(
        self, connection: sa.Connection, due: Sequence[Due], now: datetime
    ) -> tuple[list[Due], dict[int, datetime]]:
        """Those of ``due`` whose domain has room, and when the others may have some: so that a full domain does
        not stand in the way of the others."""
        windows = self._limits.domain_windows
        if not windows or not due:
            return list(due), {}
        domains = {budgets.domain_of(one.email_key) for one in due}
        left: dict[str, int] = {}
        for seconds, limit in windows.items():
            used = budgets.domains_used(connection, self._sender, domains, now - timedelta(seconds=seconds))
            for domain in domains:
                left[domain] = min(left.get(domain, limit), limit - used[domain])
        for domain in domains:
            if left[domain] > 0:
                del self._put_off[domain]
        kept: list[Due] = []
        later: dict[int, datetime] = {}
        for one in due:
            domain = budgets.domain_of(one.email_key)
            if left[domain] > 0:
                left[domain] -= 1
                kept.append(one)
                continue
            turn = self._put_off[domain]
            self._put_off[domain] += 1
            wait = max(seconds * (1 + turn // limit) for seconds, limit in windows.items())
            later[one.id] = now + min(timedelta(seconds=wait), _LONGEST_PUT_OFF)
        return kept, later

    def spend(
        self, connection: sa.Connection, tried: Iterable[tuple[Due, Outcome, MessageState]], now: datetime
    ) -> None:
        """These were tried: in the transaction that writes it down."""
        cost = [one for one, outcome, _ in tried if outcome.kind is not OutcomeKind.UNUSABLE]
        budgets.spend(connection, self._sender, len(cost), now)
        if self._limits.domain_windows and cost:
            domains = Counter(budgets.domain_of(one.email_key) for one in cost)
            budgets.spend_domains(connection, self._sender, domains, now)

    def throttled(
        self, connection: sa.Connection, outcome: Outcome, pause: float, reason: str, now: datetime
    ) -> None:
        """The server called the sender too fast: it rests for ``pause`` seconds, and is slower after."""
        until = now + timedelta(seconds=pause)
        strikes = policy.struck(outcome, self.strikes)
        senders.slow_down(connection, self._sender, until, strikes, reason, now)
