"""Which texts somebody has sent to themselves, as they are now: the audit knows."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa

from outreach.db import directory
from outreach.jobs.prepare_campaign import Prepared

ACTION = "campaigns.test"
_SEEN = re.compile(r"(\S+)=([0-9a-f]{64})")


def note(
    connection: sa.Connection,
    prepared: Prepared,
    languages: Iterable[str],
    *,
    to: str,
    actor: str,
    now: datetime,
) -> None:
    """That all mails in ``languages`` were sent to ``to`` as a test."""
    seen = " ".join(f"{language}={prepared.looks[language]}" for language in languages)
    directory.note(
        connection, actor=actor, action=ACTION, subject=prepared.name, detail=f"to {to}: {seen}", now=now
    )


def unseen(connection: sa.Connection, prepared: Prepared) -> tuple[str, ...]:
    """The languages of the audience in which no test mail was sent since the texts are as they are."""
    seen = {
        found
        for line in directory.audit(connection, [ACTION])
        if line["subject"] == prepared.name
        for found in _SEEN.findall(line["detail"])
    }
    return tuple(one for one in prepared.languages if (one, prepared.looks.get(one, "")) not in seen)
