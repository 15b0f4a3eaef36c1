"""What is said of a session in the commands of a campaign."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from outreach.cli.shell import count

if TYPE_CHECKING:
    from outreach.jobs.launch_campaign import Places
    from outreach.jobs.session_mails import Announced

_TO = {"registered": "those registered", "attended": "those who were there"}


def lines(mails: Iterable[Announced], *, since: datetime | None = None) -> Iterator[str]:
    """``week-before to those registered, 7 days before the session: from Thursday 2027-04-01``; those that are still
    to come after ``since``."""
    for one in mails:
        if since is None or one.at > since:
            at = f"{one.at.astimezone():%A %Y-%m-%d}"
            yield f"{one.step} to {_TO[one.to]}, {one.when}: from {at}"


def places(found: Places) -> str:
    """``48 of 50 places are taken; 3 municipalities wait.``"""
    if found.there_are is None:
        return f"{count(found.taken, 'municipality', 'municipalities')} registered."
    text = f"{found.taken:,} of {count(found.there_are, 'place')} taken"
    waiting = count(found.waiting, "municipality waits", "municipalities wait")
    return f"{text}; {waiting}." if found.waiting else f"{text}."
