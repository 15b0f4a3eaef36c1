"""A person has looked at a message: says what it means, or takes back what followed from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from outreach.db import campaigns, directory, effects, inbox, mailbox, proposals
from outreach.db.engine import Database
from outreach.errors import RefusedError
from outreach.inbound import coming
from outreach.inbound.parse import parse
from outreach.inbound.robots import is_robot
from outreach.jobs.effects import effects_for, reply_address
from outreach.jobs.poll_inbox import verdict_values
from outreach.model.states import EffectKind, InboundKind, InboxState, Intent, SuppressionScope
from outreach.model.values import Verdict
from outreach.settings import Workspace


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What followed from a message and does not any more."""

    events: int
    effects: tuple[EffectKind, ...]
    proposals: int
    stopped: int  # mails that would have answered it
    requeued: int  # mails that were not sent because of it, and are due again
    gone: int  # mails that answered it and had gone: nobody can take them back
    kept: tuple[str, ...]  # proposed addresses that have had their mail, and stay

    @property
    def nothing(self) -> bool:
        return not (self.events or self.effects or self.proposals or self.stopped)


def resolve(
    workspace: Workspace,
    database: Database,
    inbound_id: int,
    intent: Intent | None,
    *,
    note: str,
    now: datetime,
    actor: str,
    width: SuppressionScope | None = None,
    refer_to: tuple[str, ...] = (),
) -> None:
    """Close an open message; with ``intent``, put that into effect instead of what was read.

    ``width`` is how wide a stop counts, if not as the settings say; ``refer_to`` the addresses a referral
    names, if not those that were read.

    Raises :class:`~outreach.errors.RefusedError` when there is no such message, it waits for nobody, or it
    could not be matched and so has no municipality to apply to.
    """
    with database.write() as connection:
        message = inbox.inbound(connection, inbound_id)
        if message is None or not inbox.resolve(connection, inbound_id, actor, note, now):
            raise RefusedError(
                f"Message {inbound_id} does not wait for anybody.",
                "`outreach inbox list` shows those that do; `outreach inbox undo` opens one that was dealt with.",
            )
        if intent is not None:
            answered = mailbox.matched(connection, inbound_id)
            if answered is None and intent is not Intent.UNSUBSCRIBE:
                raise RefusedError(
                    f"It is not known which municipality message {inbound_id} is from.",
                    "Resolve it without --as, and act by hand.",
                )
            read = inbox.last_verdict(connection, inbound_id)
            _take_back(connection, inbound_id, actor, now)
            verdict = _decided(intent, actor, read, refer_to)
            mailbox.add_verdict(connection, verdict_values(inbound_id, verdict, by=actor, now=now))
            raw = message["raw"]
            parsed = parse(raw) if raw else None
            hand = effects_for(workspace, message["sender"], connection, now, width=width)
            hand.apply(
                verdict,
                answered,
                inbound_id=inbound_id,
                from_address=message["from_address"],
                from_name=parsed.from_name if parsed else None,
                reply_to=reply_address(parsed) if parsed else None,
                robot=parsed is None or is_robot(parsed),
            )
        directory.note(
            connection,
            actor=actor,
            action="inbox.resolve",
            subject=str(inbound_id),
            detail=str(intent or note),
            now=now,
        )


def undo(database: Database, inbound_id: int, *, now: datetime, actor: str) -> TakenBack:
    """Take back all that followed from a message; it then waits for a person.

    Raises :class:`~outreach.errors.RefusedError` when there is no such message.
    """
    with database.write() as connection:
        if inbox.inbound(connection, inbound_id) is None:
            raise RefusedError(
                f"There is no message {inbound_id}.", "`outreach inbox list --all` shows them all."
            )
        taken = _take_back(connection, inbound_id, actor, now)
        inbox.set_handling(connection, inbound_id, InboxState.OPEN, f"taken back by {actor}")
        directory.note(
            connection,
            actor=actor,
            action="inbox.undo",
            subject=str(inbound_id),
            detail=f"{taken.events} events, {len(taken.effects)} effects, {taken.proposals} proposals",
            now=now,
        )
    return taken


def _take_back(connection: sa.Connection, inbound_id: int, actor: str, now: datetime) -> TakenBack:
    places = inbox.events_of(connection, inbound_id)
    events = inbox.undo_engagements(connection, inbound_id, now)
    claims = effects.take_back(connection, inbound_id, now)
    for one in claims:
        effects.settle(connection, one, now)
    withdrawn, kept = proposals.withdraw(connection, inbound_id, actor, now)
    stopped, gone = effects.cancel_answers(connection, inbound_id)
    requeued = 0
    for campaign_id, municipality_id in places:
        requeued += effects.queue_skipped_again(connection, campaign_id, municipality_id, now)
        campaigns.plan_at(connection, campaign_id, now)  # a reminder may be due again
    return TakenBack(
        events, tuple(one.kind for one in claims), withdrawn, stopped, requeued, gone, tuple(kept)
    )


def _decided(
    intent: Intent, actor: str, read: Mapping[str, Any] | None, refer_to: tuple[str, ...]
) -> Verdict:
    """A person's reading. What the program found in the message besides its meaning is kept."""
    details = (read or {}).get("details") or {}
    until = details.get("until")
    text, language = (read["text"], read["language"]) if read else (None, None)
    return Verdict(
        InboundKind.REPLY,
        "person",
        1.0,
        (f"decided by {actor}",),
        intent=intent,
        language=language,
        text=text,
        coming=coming.read(text, language or "") if text and intent is Intent.REGISTER else None,
        until=date.fromisoformat(until) if until else None,
        refer_to=refer_to or (tuple(details.get("refer_to", ())) if intent is Intent.REFER else ()),
    )
