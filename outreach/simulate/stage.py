"""The workspace of a simulation: a sender for each country, whose servers do not exist, and four campaigns."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path

from outreach import settings
from outreach.jobs import made_up
from outreach.jobs.workspace import create
from outreach.model.countries import COUNTRIES
from outreach.settings import FILE_NAME, Workspace
from outreach.simulate.ledger import ANSWERS_DAYS

_LAST_CALL = '\n[[steps]]\nname = "last-call"\nafter = "5 working days"\nonly_if = "unanswered"\n'
_EVERY_ADDRESS = ("lordimas", "helpdesk")  # these go to all addresses of a municipality


def per_minute(municipalities: int) -> int:
    """What a member's mail provider lets through."""
    return 30 if municipalities < 1000 else 120


def build(folder: Path, seed: int, database: str, countries: Mapping[str, int]) -> Workspace:
    """A new workspace in ``folder``, its ``database`` named but not made. ``countries``: how many municipalities
    each has. Raises as :func:`outreach.jobs.made_up.clear` does."""
    made_up.clear(folder, "simulation", "--dir")
    create(folder)
    (folder / "secrets" / "key").write_text(
        hashlib.sha256(f"simulation {seed}".encode()).hexdigest(), "ascii"
    )
    lines = [
        "# Made by `outreach simulate`. All of it is made up, and nothing can be sent: the mail servers are a port of",
        "# this machine on which nobody answers.",
        f"database = {json.dumps(database)}",
        "",
        "[privacy]",
        f"answers_days = {ANSWERS_DAYS}",
    ]
    for country, number in countries.items():
        name = country.lower()
        mailbox = f"invitations@{name}.members.example"
        server = ['host = "127.0.0.1"', "port = 9", 'security = "plain"']
        lines += [
            "",
            f"[senders.{name}]",
            f'from = "Made-up network of {COUNTRIES[country].name} <{mailbox}>"',
            f'controller = "Made-up network of {COUNTRIES[country].name}"',
            'postal_address = "1 Example Square, 1000 Exampletown"',
            f'privacy_url = "https://{name}.members.example/privacy"',
            f'countries = ["{country}"]',
            "",
            f"[senders.{name}.smtp]",
            *server,
            "",
            f"[senders.{name}.imap]",
            *server,
            f'username = "{mailbox}"',
            'password = "made-up"',
            "",
            f"[senders.{name}.limits]",
            "connections = 2",
            f"per_minute = {per_minute(number)}",
            "per_day = 100000",
        ]
    (folder / FILE_NAME).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return settings.load(folder)


def adapt(workspace: Workspace, slug: str, launches: Mapping[str, datetime]) -> None:
    """Give the campaign three steps and, where it invites to a session, each country its own: on the Thursday some
    six weeks after its launch."""
    path = workspace.root / "campaigns" / f"{slug}.toml"
    text = path.read_text(encoding="utf-8")
    if 'name = "last-call"' not in text:
        text += _LAST_CALL
    if slug in _EVERY_ADDRESS:
        text = text.replace('per_municipality = "first"', 'per_municipality = "all"')
    if "\n[session]\n" in text:
        days = {country: session_day(launch) for country, launch in launches.items()}
        for key, hour in (("start", 10), ("end", 12)):
            day = max(days.values())
            text = re.sub(rf"^{key} = [0-9T:-]+", f"{key} = {day}T{hour}:00:00", text, flags=re.MULTILINE)
        for country, day in days.items():
            text += (
                f"\n[countries.{country}.session]\n"
                f"start = {datetime.combine(day, time(10)).isoformat()}\n"
                f"end = {datetime.combine(day, time(12)).isoformat()}\n"
                f'time_zone = "{COUNTRIES[country].time_zone}"\n'
            )
    path.write_text(text, encoding="utf-8")


def session_day(launch: datetime) -> date:
    day = launch.date() + timedelta(days=42)
    return day + timedelta(days=(3 - day.weekday()) % 7)


def launch_day(until: datetime, weeks: int, offset: int) -> datetime:
    """The working morning that is ``weeks`` and some days before ``until``."""
    day = until.date() - timedelta(weeks=weeks) + timedelta(days=offset)
    day += timedelta(days=max(0, 7 - day.weekday()) % 7 if day.weekday() > 3 else 0)
    return datetime.combine(day, time(7), tzinfo=until.tzinfo)


def sorted_countries(chosen: Sequence[str]) -> tuple[str, ...]:
    """Each once, by code; all of them if none is chosen."""
    return tuple(sorted(set(chosen))) or tuple(COUNTRIES)
