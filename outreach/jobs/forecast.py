"""When a campaign will have gone out: what waits for its sender, and what its limits and past leave for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

import sqlalchemy as sa

from outreach.campaign import around, frozen, schedule
from outreach.campaign.definition import Definition, Window
from outreach.campaign.estimate import Estimate, Lot, estimate, in_words
from outreach.campaign.pace import DAY, WARM_UP_MEMORY, Pace
from outreach.db import budgets, campaign_status, campaigns, senders
from outreach.db.campaigns import Campaign
from outreach.delivery import policy
from outreach.jobs.budget import pace
from outreach.jobs.message_rows import locality
from outreach.jobs.prepare_campaign import Prepared
from outreach.settings import Sender

#: Mails due within so many minutes of one another are reckoned as due together.
_ROUNDED = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Forecast:
    """Of the mails that wait now; follow-ups that are not written yet come after."""

    mails: int
    first_at: datetime | None
    ends_at: datetime | None  # None: nothing of it goes
    missed: int  # that will not have gone by the last day
    others: int  # mails of other campaigns that wait for the same sender
    pace: str  # in words: "2,951 mails at 30 a minute and 10,000 a day"


def of_campaign(connection: sa.Connection, campaign: Campaign, sender: Sender, now: datetime) -> Forecast:
    """Of a campaign that was launched."""
    waiting = campaign_status.waiting(connection, campaign.sender)
    domains = (
        _domains(campaign_status.waiting_addresses(connection, campaign.id)) if _by_domain(sender) else None
    )
    return _forecast(
        connection, campaign.sender, sender, _lots(connection, waiting, campaign.id), domains, now
    )


def of_launch(connection: sa.Connection, prepared: Prepared, now: datetime) -> Forecast:
    """Of the first step of a campaign that would be launched at ``now``."""
    definition, variants = prepared.definition, prepared.variants
    first = definition.steps[0].name
    recipients = [prepared.addressees[one.contact_id] for one in prepared.included]
    ours: Counter[tuple[schedule.Locality, Window, datetime]] = Counter()
    for one, to in zip(prepared.included, recipients, strict=True):
        place = locality(to.country, to.region, to.time_zone)
        window = definition.window_of(first, variants.get(one.municipality_id))
        ours[place, window, first_due(prepared.name, to.email_key, window, place, now)] += 1
    lots = [
        Lot(place, window, count, _rounded(due_at), definition.last_day)
        for (place, window, due_at), count in ours.items()
    ]
    lots += _lots(connection, campaign_status.waiting(connection, prepared.sender_name), None)
    domains = _domains(to.email_key for to in recipients) if _by_domain(prepared.sender) else None
    return _forecast(connection, prepared.sender_name, prepared.sender, lots, domains, now)


def first_due(
    campaign: str, email_key: str, window: Window, place: schedule.Locality, now: datetime
) -> datetime:
    """When the first mail to an address is due that is queued at ``now``."""
    if window.spread:
        return schedule.spread(f"{campaign} {email_key}", now, window, place)
    return schedule.next_opening(now, window, place)


def _lots(
    connection: sa.Connection, waiting: Sequence[campaign_status.Waiting], asked: int | None
) -> list[Lot]:
    definitions: dict[int, Definition] = {}
    counts: Counter[Lot] = Counter()
    for one in waiting:
        if one.campaign_id not in definitions:
            definitions[one.campaign_id] = frozen.thaw(
                campaigns.by_id(connection, one.campaign_id).definition
            )
        definition = definitions[one.campaign_id]
        place = locality(one.country, one.region, one.time_zone)
        lot = Lot(
            place,
            definition.window,
            0,
            _rounded(one.due_at),
            _last_day(one, definition, place),
            asked=one.campaign_id == asked,
        )
        counts[lot] += one.count
    return [replace(lot, count=count) for lot, count in counts.items()]


def _last_day(one: campaign_status.Waiting, definition: Definition, place: schedule.Locality) -> date | None:
    if one.around is None or definition.session is None:
        return definition.last_day
    last = around.last_moment(definition.session_step(one.around), definition, place)
    return last.astimezone(schedule.zone(place.time_zone)).date()


def _forecast(
    connection: sa.Connection,
    name: str,
    sender: Sender,
    lots: Sequence[Lot],
    domains: Counter[str] | None,
    now: datetime,
) -> Forecast:
    whole = pace(sender.limits)
    mails = sum(lot.count for lot in lots if lot.asked)
    others = sum(lot.count for lot in lots) - mails
    words = in_words(mails, whole)
    start = now
    rest = senders.pause(connection, name)
    if rest is not None:
        start = max(now, rest.until)
        strikes = policy.strikes_left(rest.strikes, now - rest.until)
        if strikes >= 0.5:
            words += (
                f" (now {policy.slowed(sender.limits.per_minute, strikes):,} a minute, as it was throttled)"
            )
    recent = []
    if _matter(connection, name, whole, mails + others, now):
        recent = budgets.recent(connection, name, now - timedelta(seconds=DAY))
    sent_on = {}
    if whole.warm_up is not None:
        midnight = datetime.combine(now.astimezone(UTC).date(), time(), UTC)
        days = [midnight - timedelta(days=back) for back in range(WARM_UP_MEMORY.days + 1)]
        counts = budgets.sent_on_days(connection, name, days)
        sent_on = {day.date(): count for day, count in zip(days, counts, strict=True)}
    found = estimate(lots, whole, start=start, recent=recent, sent_on=sent_on)
    if domains:
        found = _later(found, _of_largest_domain(lots, domains, sender, start))
    return Forecast(mails, found.first_at, found.ends_at, found.missed, others, words)


def _matter(connection: sa.Connection, name: str, whole: Pace, waiting: int, now: datetime) -> bool:
    """Whether what was sent before can delay what waits: the moments of very many mails are read only then."""
    counts = {
        seconds: budgets.tried(connection, name, now - timedelta(seconds=seconds))
        for seconds in whole.windows()
    }
    return any(counts[seconds] + waiting > limit for seconds, limit in whole.windows().items())


def _by_domain(sender: Sender) -> bool:
    return bool(sender.limits.domain_windows)


def _domains(email_keys: Iterable[str]) -> Counter[str]:
    return Counter(budgets.domain_of(one) for one in email_keys)


def _of_largest_domain(
    lots: Sequence[Lot], domains: Counter[str], sender: Sender, start: datetime
) -> Estimate:
    """The domain with the most addresses goes on longest; its mails are reckoned as if all waited for the hours
    that most of the campaign waits for."""
    limits = sender.limits
    asked = [lot for lot in lots if lot.asked]
    largest = max(asked, key=lambda lot: lot.count)
    alone = replace(largest, count=domains.most_common(1)[0][1])
    slow = Pace(limits.per_domain_per_minute, limits.per_domain_per_hour)
    return estimate([alone], slow, start=start)


def _later(one: Estimate, other: Estimate) -> Estimate:
    ends = [at for at in (one.ends_at, other.ends_at) if at is not None]
    return Estimate(one.first_at, max(ends, default=None), max(one.missed, other.missed))


def _rounded(at: datetime) -> datetime:
    """Up to the next whole minute."""
    over = timedelta(seconds=at.second, microseconds=at.microsecond)
    return at + (_ROUNDED - over) if over else at
