"""What follows from a verdict: events, registrations, suppressions, absences. One place, in one transaction,
for the program's own readings and for a person's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from outreach.db import mailbox
from outreach.db.mailbox import Answered
from outreach.model.states import (
    EngagementKind,
    InboundKind,
    InboxState,
    Intent,
    RegistrationState,
    SuppressionReason,
    SuppressionScope,
)
from outreach.model.values import Bounce, Verdict

#: A reading below this goes to a person: the program never guesses an unsubscribe away nor a registration
#: into being.
SURE = 0.8

#: Who is away for longer has left; the reminder does not wait.
_LONGEST_ABSENCE = timedelta(days=120)

_RSVP = {
    "accepted": (EngagementKind.REGISTERED, RegistrationState.REGISTERED),
    "tentative": (EngagementKind.TENTATIVE, RegistrationState.TENTATIVE),
    "declined": (EngagementKind.DECLINED, RegistrationState.CANCELLED),
}


@dataclass(frozen=True, slots=True)
class Handling:
    """Whether a person has to look, and why."""

    state: InboxState
    note: str | None = None


_DONE = Handling(InboxState.DONE)


@dataclass(frozen=True, slots=True)
class Effects:
    """The hand that applies verdicts to the database."""

    connection: sa.Connection
    suppression_key: Callable[[str], str]
    now: datetime

    def apply(
        self,
        verdict: Verdict,
        answered: Answered | None,
        *,
        inbound_id: int,
        from_address: str | None,
        from_name: str | None = None,
        find_recipient: Callable[[str], Answered | None] = lambda _address: None,
    ) -> Handling:
        """Do what ``verdict`` asks for. ``find_recipient`` finds the message to an address a bounce names."""
        match verdict.kind:
            case InboundKind.BOUNCE:
                return self._bounces(verdict, answered, inbound_id, find_recipient)
            case InboundKind.COMPLAINT:
                return self._complaint(answered, inbound_id)
            case InboundKind.UNSUBSCRIBE:
                return self._unsubscribe(answered, inbound_id, from_address)
            case InboundKind.OTHER:
                return _DONE if answered is None else Handling(InboxState.OPEN, "could not be read")
            case InboundKind.AUTO_REPLY:
                return self._auto_reply(verdict, answered, inbound_id)
        if answered is None:
            if verdict.intent is Intent.UNSUBSCRIBE and verdict.confidence >= SURE:
                return self._unsubscribe(None, inbound_id, from_address)
            return Handling(InboxState.OPEN, "no mail of ours was found that this answers")
        if verdict.kind is InboundKind.RSVP and verdict.rsvp is not None:
            kind, state = _RSVP.get(verdict.rsvp.answer, _RSVP["tentative"])
            who = verdict.rsvp.attendee or from_address
            return self._decided(kind, state, answered, inbound_id, from_name, who)
        if verdict.kind is InboundKind.REGISTRATION:
            form = verdict.registration
            return self._decided(
                EngagementKind.REGISTERED,
                RegistrationState.REGISTERED,
                answered,
                inbound_id,
                form.name if form else None,
                form.email if form else None,
            )
        return self._reply(verdict, answered, inbound_id, from_address, from_name)

    def _reply(
        self,
        verdict: Verdict,
        answered: Answered,
        inbound_id: int,
        from_address: str | None,
        from_name: str | None,
    ) -> Handling:
        if verdict.confidence < SURE:
            self._event(EngagementKind.ANSWERED, answered, inbound_id)
            return Handling(InboxState.OPEN, f"read as {verdict.intent}, but not surely")
        match verdict.intent:
            case Intent.REGISTER:
                return self._decided(
                    EngagementKind.REGISTERED,
                    RegistrationState.REGISTERED,
                    answered,
                    inbound_id,
                    from_name,
                    from_address,
                )
            case Intent.DECLINE:
                return self._decided(
                    EngagementKind.DECLINED,
                    RegistrationState.CANCELLED,
                    answered,
                    inbound_id,
                    from_name,
                    from_address,
                )
            case Intent.UNSUBSCRIBE:
                return self._unsubscribe(answered, inbound_id, from_address)
        self._event(EngagementKind.ANSWERED, answered, inbound_id, str(verdict.intent))
        if verdict.intent is Intent.QUESTION:
            return Handling(InboxState.OPEN, "a question to answer")
        if verdict.intent is Intent.REFER:
            return Handling(InboxState.OPEN, _referral(verdict))
        return _DONE

    def _decided(
        self,
        kind: EngagementKind,
        state: RegistrationState,
        answered: Answered,
        inbound_id: int,
        name: str | None,
        email: str | None,
    ) -> Handling:
        """Yes, no or maybe. A no without a yes before it is an event, not a registration."""
        self._event(kind, answered, inbound_id)
        if (
            state is not RegistrationState.CANCELLED
            or mailbox.registration_of(self.connection, answered) is not None
        ):
            mailbox.register(
                self.connection,
                answered,
                state,
                name=name or None,
                email=email,
                inbound_id=inbound_id,
                now=self.now,
            )
        return _DONE

    def _bounces(
        self,
        verdict: Verdict,
        answered: Answered | None,
        inbound_id: int,
        find_recipient: Callable[[str], Answered | None],
    ) -> Handling:
        found = False
        for bounce in verdict.bounces:
            target = answered
            if bounce.recipient and (
                target is None or bounce.recipient.casefold() != target.email.casefold()
            ):
                target = find_recipient(bounce.recipient) or target
            if target is not None:
                found = True
                self._bounce(bounce, target, inbound_id)
        if found or not verdict.bounces:
            return _DONE
        return Handling(InboxState.DONE, "no mail of ours was found that this is about")

    def _bounce(self, bounce: Bounce, target: Answered, inbound_id: int) -> None:
        detail = " ".join(part for part in (bounce.status, bounce.reason) if part)
        if not bounce.hard:
            self._event(EngagementKind.SOFT_BOUNCED, target, inbound_id, detail)
            return
        mailbox.mark_bounced(self.connection, target.message_id, detail)
        self._event(EngagementKind.BOUNCED, target, inbound_id, detail)
        self._suppress(target.email, SuppressionReason.BOUNCED, inbound_id)

    def _complaint(self, answered: Answered | None, inbound_id: int) -> Handling:
        if answered is None:
            return Handling(InboxState.OPEN, "a complaint about a mail that was not found")
        self._event(EngagementKind.COMPLAINED, answered, inbound_id)
        self._suppress(answered.email, SuppressionReason.COMPLAINED, inbound_id)
        return _DONE

    def _unsubscribe(self, answered: Answered | None, inbound_id: int, from_address: str | None) -> Handling:
        """Both the address that was written to and the one that asks are left in peace."""
        for address in {answered.email if answered else None, from_address}:
            if address:
                self._suppress(address, SuppressionReason.UNSUBSCRIBED, inbound_id)
        if answered is None:
            return Handling(
                InboxState.OPEN,
                "wants no more mail; the address is suppressed, but we do not know it: look once",
            )
        self._event(EngagementKind.UNSUBSCRIBED, answered, inbound_id)
        return _DONE

    def _auto_reply(self, verdict: Verdict, answered: Answered | None, inbound_id: int) -> Handling:
        if answered is None:
            return _DONE
        self._event(EngagementKind.AUTO_REPLIED, answered, inbound_id, str(verdict.intent))
        today = self.now.date()
        if verdict.until is not None and today <= verdict.until <= today + _LONGEST_ABSENCE:
            mailbox.stay_away_until(self.connection, answered.recipient_id, verdict.until)
        if verdict.intent is Intent.ADDRESS_CHANGE:
            return Handling(InboxState.OPEN, _referral(verdict))
        if verdict.confidence < SURE:
            return Handling(InboxState.OPEN, "read as a machine's answer, but not surely")
        return _DONE

    def _event(self, kind: EngagementKind, answered: Answered, inbound_id: int, detail: str = "") -> None:
        mailbox.add_engagement(
            self.connection, kind, answered, at=self.now, inbound_id=inbound_id, detail=detail
        )

    def _suppress(self, address: str, reason: SuppressionReason, inbound_id: int) -> None:
        mailbox.suppress(
            self.connection,
            key=self.suppression_key(address),
            scope=SuppressionScope.ADDRESS,
            address=address.casefold(),
            reason=reason,
            source=f"inbox {inbound_id}",
            now=self.now,
        )


def _referral(verdict: Verdict) -> str:
    to = ", ".join(verdict.refer_to) or "an address it does not give"
    return f"asks to write to {to}"
