"""Who gets a report by mail, and for which week or month it is time. An idle run asks: nothing here imports slowly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from email.utils import parseaddr
from zoneinfo import ZoneInfo

from outreach.errors import SettingsError
from outreach.model.countries import COUNTRIES
from outreach.settings import FILE_NAME, Settings
from outreach.settings.digest import Digest

#: What the report of all countries is called where those of senders have their names.
COORDINATORS = "*"
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who gets a report by mail."""

    scope: str  # the name of a sender: its countries, exactly; COORDINATORS: all, rounded
    email: str
    name: str
    sender: str  # whose account sends it
    language: str
    countries: tuple[str, ...]  # empty: all
    time_zone: str
    period: str  # what it is time for: "2026-W49", "2026-12"
    due_at: datetime  # since when; UTC

    @property
    def is_coordinator(self) -> bool:
        return self.scope == COORDINATORS


def readers(settings: Settings, now: datetime) -> Iterator[Reader]:
    """All of them, each with the last week or month that has come for it. Raises ``SettingsError`` for a sender that is
    none."""
    digest = settings.digest
    if digest is None or not settings.senders:
        return
    if digest.members:
        for name, sender in settings.senders.items():
            country = COUNTRIES.get(sender.countries[0])
            own = sender.digest
            language = own.language or (country.languages[0] if country else "en")
            zone = country.time_zone if country else digest.time_zone
            period, due_at = last(digest, zone, now)
            for text in (sender.from_,) if own.to is None else own.to:
                email = sender.address if own.to is None else parseaddr(text)[1]
                whom = sender.display_name if own.to is None else parseaddr(text)[0]
                yield Reader(name, email, whom, name, language, sender.countries, zone, period, due_at)
    if digest.coordinators:
        if digest.sender and digest.sender not in settings.senders:
            raise SettingsError(
                f"digest.sender in {FILE_NAME} is {digest.sender!r}, and there is no such sender.",
                f"There are: {', '.join(settings.senders)}.",
            )
        period, due_at = last(digest, digest.time_zone, now)
        for text in digest.coordinators:
            whom, email = parseaddr(text)
            account = digest.sender or next(iter(settings.senders))
            yield Reader(
                COORDINATORS, email, whom, account, digest.language, (), digest.time_zone, period, due_at
            )


def last(digest: Digest, zone: str, now: datetime) -> tuple[str, datetime]:
    """The last week or month whose day and hour have come in ``zone``, and when that was (UTC)."""
    local = now.astimezone(ZoneInfo(zone))
    day = _day(digest, local.date())
    due_at = datetime.combine(day, time(digest.hour), local.tzinfo)
    if due_at > local:
        weekly = digest.every == "week"
        before = (
            local.date() - timedelta(days=7) if weekly else local.date().replace(day=1) - timedelta(days=1)
        )
        day = _day(digest, before)
        due_at = datetime.combine(day, time(digest.hour), local.tzinfo)
    year, week, _ = day.isocalendar()
    name = f"{day:%Y-%m}" if digest.every == "month" else f"{year}-W{week:02}"
    return name, due_at.astimezone(UTC)


def _day(digest: Digest, day: date) -> date:
    """The day of the report in the week or month of ``day``."""
    if digest.every == "month":
        return day.replace(day=digest.day)
    return day + timedelta(days=_DAYS.index(digest.weekday) - day.weekday())
