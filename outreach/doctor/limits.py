"""A sender's limits beside what its provider is known to allow, and whether it has to rest."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from outreach.db import senders
from outreach.db.engine import Database
from outreach.doctor.findings import Finding, ok, warning
from outreach.errors import DatabaseError
from outreach.jobs.budget import pace
from outreach.settings import Workspace
from outreach.settings.limits import PRESETS, Limits

#: Servers for sending, by the end of their name -> the preset of their provider.
_PROVIDERS = {
    "office365.com": "microsoft-365",
    "outlook.com": "microsoft-365",
    "gmail.com": "google-workspace",
    "googlemail.com": "google-workspace",
}
_WORDS = {"connections": "connections", "per_minute": "mails a minute", "per_day": "mails a day"}


def check_limits(workspace: Workspace, name: str, now: datetime) -> Iterator[Finding]:
    """What is set, and what the present state of the sender is. Asks no server."""
    sender = workspace.settings.sender(name)
    limits = sender.limits
    preset = _provider(sender.smtp.host)
    above = _above(limits, preset) if preset is not None else ""
    if above:
        yield warning(
            "limits",
            f"outreach.toml allows more than {sender.smtp.host} is known to take: {above}",
            f'Write preset = "{preset}" under [senders.{name}.limits], and remove the figures there.',
            sender=name,
        )
    else:
        many = "connection" if limits.connections == 1 else "connections"
        yield ok("limits", f"{pace(limits)}, over {limits.connections} {many}", sender=name)
    try:
        database = Database(workspace.database_url)
    except DatabaseError:
        return  # told already
    with database.read() as connection:
        rest = senders.pause(connection, name)
    database.close()
    if rest is not None and rest.until > now:
        yield warning(
            "limits",
            f"it rests until {rest.until:%Y-%m-%d %H:%M} UTC: {rest.reason}",
            "It goes on by itself; if that happens often, lower its limits, or ask the provider.",
            sender=name,
        )


def _provider(host: str) -> str | None:
    host = f".{host.lower().rstrip('.')}"
    return next((preset for end, preset in _PROVIDERS.items() if host.endswith(f".{end}")), None)


def _above(limits: Limits, preset: str) -> str:
    return ", ".join(
        f"{getattr(limits, key):,} instead of {PRESETS[preset][key]:,} {words}"
        for key, words in _WORDS.items()
        if getattr(limits, key) > PRESETS[preset][key]
    )
