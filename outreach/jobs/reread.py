"""Messages that were set aside, read again whole with the program of today."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from outreach.db import effects, inbox
from outreach.db.engine import Database
from outreach.errors import MailServerError, RefusedError
from outreach.jobs.forms import rules as form_rules
from outreach.jobs.poll_inbox import read_again
from outreach.model.states import EffectKind, EngagementKind, InboundKind, InboxState, Intent
from outreach.settings import Workspace


@dataclass(frozen=True, slots=True)
class Reread:
    """What became of a message that had been set aside."""

    id: int
    from_address: str | None
    subject: str
    before: str | None  # why it was set aside
    state: InboxState
    note: str | None  # why it waits for a person, or stands aside still
    kind: InboundKind | None  # None: it still cannot be processed
    intent: Intent | None
    municipality: str | None
    campaign: str | None
    events: tuple[EngagementKind, ...] = ()  # that came of it
    effects: tuple[EffectKind, ...] = ()  # what it changed

    @property
    def is_read(self) -> bool:
        return self.state is not InboxState.ASIDE


def reread(
    workspace: Workspace,
    database: Database,
    numbers: Sequence[int],
    *,
    now: Callable[[], datetime],
    actor: str,
    shown: Callable[[int, int], object] = lambda _done, _total: None,
) -> list[Reread]:
    """Read the messages ``numbers``, or all that stand aside, oldest first, each in a transaction of its own.

    ``shown`` is told how many of how many are done. Raises :class:`~outreach.errors.RefusedError`, having read
    nothing, when one of ``numbers`` does not stand aside.
    """
    rules = form_rules(workspace)
    with database.read() as connection:
        aside = {row["id"]: row for row in inbox.open_inbox(connection, {InboxState.ASIDE})}
    wanted = sorted(set(numbers)) or list(aside)
    if others := [number for number in wanted if number not in aside]:
        one = len(others) == 1
        raise RefusedError(
            f"Message{'' if one else 's'} {', '.join(map(str, others))} {'does' if one else 'do'} not stand aside; "
            "nothing was read.",
            "`outreach inbox list` shows those that could not be processed.",
        )
    found = []
    for done, number in enumerate(wanted):
        shown(done, len(wanted))
        with database.read() as connection:
            kept = inbox.inbound(connection, number)
        if kept is None or kept["raw"] is None:
            found.append(_left(aside[number], "its text was removed: there is nothing to read"))
            continue
        try:
            if not read_again(workspace, database, kept, now, rules=rules, actor=actor):
                continue  # somebody else has dealt with it meanwhile
        except MailServerError as error:
            found.append(_left(aside[number], str(error)))
            continue
        with database.read() as connection:
            row = inbox.entry(connection, number)
            events = tuple(inbox.kinds_of(connection, number))
            changed = tuple(dict.fromkeys(one.kind for one in effects.of_inbound(connection, number)))
        # An account may not see any more what it was about after all: another country's.
        found.append(_reread(row or aside[number], kept["note"], events=events, effects=changed))
    return found


def _left(row: Mapping[str, Any], why: str) -> Reread:
    """It stands aside as before."""
    return _reread(row, row["note"], note=why)


def _reread(row: Mapping[str, Any], before: str | None, **more: Any) -> Reread:
    names = ("id", "from_address", "subject", "state", "note", "kind", "intent", "municipality", "campaign")
    return Reread(**{**{name: row[name] for name in names}, "before": before, **more})
