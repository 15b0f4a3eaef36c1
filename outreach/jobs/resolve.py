"""A person has looked at a message and says what it means. What the program read from it is taken back."""

from __future__ import annotations

from datetime import datetime

from outreach.db import directory, mailbox
from outreach.db.engine import Database
from outreach.delivery import tokens
from outreach.errors import RefusedError
from outreach.jobs.effects import Effects
from outreach.jobs.poll_inbox import verdict_values
from outreach.model.states import InboundKind, Intent
from outreach.model.values import Verdict
from outreach.settings import Workspace


def resolve(
    workspace: Workspace,
    database: Database,
    inbound_id: int,
    intent: Intent | None,
    *,
    note: str,
    now: datetime,
    actor: str,
) -> None:
    """Close an open message; with ``intent``, put that into effect instead of what was read.

    Raises :class:`~outreach.errors.RefusedError` when there is no such message, it waits for nobody, or it
    could not be matched and so has no municipality to apply to.
    """
    with database.write() as connection:
        message = mailbox.inbound(connection, inbound_id)
        if message is None or not mailbox.resolve(connection, inbound_id, actor, note, now):
            raise RefusedError(
                f"Message {inbound_id} does not wait for anybody.",
                "`outreach inbox list` shows those that do.",
            )
        if intent is not None:
            answered = mailbox.matched(connection, inbound_id)
            if answered is None and intent is not Intent.UNSUBSCRIBE:
                raise RefusedError(
                    f"It is not known which municipality message {inbound_id} is from.",
                    "Resolve it without --as, and act by hand.",
                )
            mailbox.undo_engagements(connection, inbound_id, now)
            verdict = Verdict(InboundKind.REPLY, "person", 1.0, (f"decided by {actor}",), intent=intent)
            mailbox.add_verdict(connection, verdict_values(inbound_id, verdict, by=actor, now=now))
            Effects(connection, lambda address: tokens.suppression_key(workspace.key, address), now).apply(
                verdict, answered, inbound_id=inbound_id, from_address=message["from_address"]
            )
        directory.note(
            connection,
            actor=actor,
            action="inbox.resolve",
            subject=str(inbound_id),
            detail=str(intent or note),
            now=now,
        )
