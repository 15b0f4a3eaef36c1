"""Taking an imported list of registrations back as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from outreach.db import campaigns, directory, effects, registration_lists
from outreach.db.effects import Seat
from outreach.db.engine import Database
from outreach.errors import RefusedError
from outreach.jobs.seats import MOVED_UP


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What a list had said and does not any more."""

    campaign: str
    places: int  # that are none any more
    kept: int  # that stand, because an answer or another list says so, too
    requeued: int  # mails that were not sent because of it, and are due again


def undo(database: Database, number: int, *, now: datetime, actor: str) -> TakenBack:
    """Take a list back: places and events are as if it had not been, whatever answers and other lists say stands.

    Raises :class:`~outreach.errors.RefusedError`, changing nothing, for a number that is none, or was taken back,
    and when municipalities of it have begun the assessment since.
    """
    with database.write() as connection:
        found = registration_lists.find(connection, number)
        if found is not None:
            campaigns.hold(connection, found["campaign_id"])  # somebody else may be at it
            found = registration_lists.find(connection, number)
        if found is None:
            raise RefusedError(
                f"There is no list of registrations {number}.", "`outreach registrations imports` shows them."
            )
        if found["undone_at"] is not None:
            raise RefusedError(f"List {number} was taken back already, by {found['undone_by']}.")
        campaign_id, at = found["campaign_id"], found["at"]
        if begun := registration_lists.with_progress(connection, campaign_id, at):
            raise RefusedError(
                f"List {number} cannot be taken back: {begun} of its municipalities "
                f"{'have' if begun > 1 else 'has'} begun the assessment, as its own list says.",
                "Correct single ones by `outreach inbox resolve`; nothing was changed.",
            )
        claims = registration_lists.take_back(connection, campaign_id, at, MOVED_UP, now)
        kept = requeued = 0
        for one in claims:
            seat = Seat(campaign_id, int(one.subject.partition(":")[2]))
            kept += effects.settle_registration(connection, seat, now) is not None
            requeued += effects.queue_skipped_again(connection, campaign_id, seat.municipality_id, now)
        campaigns.plan_at(connection, campaign_id, now)  # reminders, and those who wait for a place
        directory.note(
            connection,
            actor=actor,
            action=registration_lists.UNDO,
            subject=str(number),
            detail=f"{found['campaign']}: {len(claims)}",
            now=now,
        )
        return TakenBack(found["campaign"], len(claims) - kept, kept, requeued)
