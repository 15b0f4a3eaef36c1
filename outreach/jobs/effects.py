"""What follows from a verdict: events, registrations, suppressions, absences, proposals, and the mail that
answers. One place, in one transaction, for the program's own readings and for a person's.

What changes more than an event is a claim (``db.effects``), so that it can be taken back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from outreach.db import effects, mailbox, proposals
from outreach.db.effects import Seat
from outreach.db.mailbox import Answered
from outreach.delivery import tokens
from outreach.delivery.tokens import municipality_name
from outreach.inbound import headers
from outreach.inbound.parse import Parsed
from outreach.jobs import seats
from outreach.jobs.answer_mail import AnswerMails
from outreach.model.states import (
    AnswerMail,
    EffectKind,
    EngagementKind,
    InboundKind,
    InboxState,
    Intent,
    ProposalReason,
    RegistrationState,
    SuppressionReason,
    SuppressionScope,
)
from outreach.model.values import Bounce, FormRegistration, Verdict
from outreach.settings import Workspace
from outreach.settings.servers import InboxSettings

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
class Letter:
    """Of the inbound message, what its effects depend on."""

    inbound_id: int
    from_address: str | None
    from_name: str | None = None
    reply_to: str | None = None  # where an answer goes, if not to from_address
    robot: bool = False  # nobody reads what is answered to it


@dataclass(frozen=True, slots=True)
class Effects:
    """The hand that applies verdicts to the database."""

    connection: sa.Connection
    suppression_key: Callable[[str], str]
    now: datetime
    stop_width: SuppressionScope = SuppressionScope.ADDRESS  # of a stop: the address, or the municipality
    soft_bounces: int = 5  # in a row, after which an address counts as dead
    answers: AnswerMails | None = None  # None: nothing is answered

    def apply(
        self,
        verdict: Verdict,
        answered: Answered | None,
        *,
        inbound_id: int,
        from_address: str | None,
        from_name: str | None = None,
        reply_to: str | None = None,
        robot: bool = False,
        find_recipient: Callable[[str], Answered | None] = lambda _address: None,
        find_registered: Callable[[FormRegistration], Answered | None] = lambda _form: None,
    ) -> Handling:
        """Do what ``verdict`` asks for. ``find_recipient`` finds the message to an address a bounce names,
        ``find_registered`` the one that led to an entry in a form."""
        letter = Letter(inbound_id, from_address, from_name, reply_to, robot)
        match verdict.kind:
            case InboundKind.BOUNCE:
                return self._bounces(verdict, answered, inbound_id, find_recipient)
            case InboundKind.COMPLAINT:
                return self._complaint(answered, inbound_id)
            case InboundKind.UNSUBSCRIBE:
                return self._unsubscribe(answered, letter)
            case InboundKind.OTHER:
                return _DONE if answered is None else Handling(InboxState.OPEN, "could not be read")
            case InboundKind.AUTO_REPLY:
                return self._auto_reply(verdict, answered, inbound_id)
            case InboundKind.REGISTRATION:
                return self._form(verdict, answered, letter, find_registered)
        if answered is None:
            if verdict.intent is Intent.UNSUBSCRIBE and verdict.confidence >= SURE:
                return self._unsubscribe(None, letter)
            return Handling(InboxState.OPEN, "no mail of ours was found that this answers")
        if verdict.kind is InboundKind.RSVP and verdict.rsvp is not None:
            kind, state = _RSVP.get(verdict.rsvp.answer, _RSVP["tentative"])
            who = verdict.rsvp.attendee or from_address
            # Who pressed No in a calendar has seen that it was taken: no thanks for that.
            told = kind is EngagementKind.REGISTERED
            return self._decided(kind, state, answered, letter, from_name, who, tell=told)
        return self._reply(verdict, answered, letter)

    def _reply(self, verdict: Verdict, answered: Answered, letter: Letter) -> Handling:
        if verdict.confidence < SURE:
            self._event(EngagementKind.ANSWERED, answered, letter.inbound_id)
            return Handling(InboxState.OPEN, f"read as {verdict.intent}, but not surely")
        name, address = letter.from_name, letter.from_address
        match verdict.intent:
            case Intent.REGISTER:
                kind, state = EngagementKind.REGISTERED, RegistrationState.REGISTERED
                return self._decided(kind, state, answered, letter, name, address)
            case Intent.DECLINE:
                kind, state = EngagementKind.DECLINED, RegistrationState.CANCELLED
                return self._decided(kind, state, answered, letter, name, address)
            case Intent.UNSUBSCRIBE:
                return self._unsubscribe(answered, letter)
        self._event(EngagementKind.ANSWERED, answered, letter.inbound_id, str(verdict.intent))
        if verdict.intent is Intent.QUESTION:
            return Handling(InboxState.OPEN, "a question to answer")
        if verdict.intent is Intent.REFER:
            self._propose(ProposalReason.REFERRAL, answered, verdict.refer_to, letter.inbound_id)
            return Handling(InboxState.OPEN, _referral(verdict))
        return _DONE

    def _form(
        self,
        verdict: Verdict,
        answered: Answered | None,
        letter: Letter,
        find_registered: Callable[[FormRegistration], Answered | None],
    ) -> Handling:
        """One entry of a form, or the several of an attached list."""
        forms = verdict.registrations or ((verdict.registration,) if verdict.registration else ())
        if not forms:
            return Handling(
                InboxState.OPEN,
                "a form in which nothing was recognised: `outreach inbox learn-form` proposes a rule",
            )
        unknown = []
        for form in forms:
            about = find_registered(form) or (answered if len(forms) == 1 else None)
            if about is None:
                unknown.append(form.email or form.municipality or form.name or "somebody")
                continue
            kind, state = EngagementKind.REGISTERED, RegistrationState.REGISTERED
            if not form.takes_part:
                kind, state = EngagementKind.DECLINED, RegistrationState.CANCELLED
            entry = Letter(letter.inbound_id, form.email, form.name)
            self._decided(kind, state, about, entry, form.name, form.email, tell=not form.confirmed)
        if unknown:
            return Handling(
                InboxState.OPEN,
                f"no mail of ours was found that this answers: {', '.join(unknown)[:400]}",
            )
        if verdict.confidence < SURE:
            return Handling(InboxState.OPEN, "read as an entry of a form, but not surely")
        return _DONE

    def _decided(
        self,
        kind: EngagementKind,
        state: RegistrationState,
        answered: Answered,
        letter: Letter,
        name: str | None,
        email: str | None,
        *,
        tell: bool = True,
    ) -> Handling:
        """Yes, no or maybe, and a changed mind. A no without a yes before it is an event, no registration."""
        before = mailbox.registration_of(self.connection, answered)
        self._event(kind, answered, letter.inbound_id)
        seat = Seat(answered.campaign_id, answered.municipality_id)
        after = seats.claim(
            self.connection,
            seat,
            state,
            name=name,
            email=email,
            inbound_id=letter.inbound_id,
            now=self.now,
        )
        if after is RegistrationState.WAITING and kind is EngagementKind.REGISTERED:
            self._answer(AnswerMail.WAITING_LIST, answered, letter)  # whatever a form tool has said
        elif tell and kind is EngagementKind.REGISTERED:
            self._answer(AnswerMail.CONFIRMATION, answered, letter)
        elif tell and kind is EngagementKind.DECLINED:
            gave_up = before is not None and before is not RegistrationState.CANCELLED
            self._answer(AnswerMail.CANCELLATION if gave_up else AnswerMail.DECLINED, answered, letter)
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
            often = effects.soft_bounces(self.connection, target.email)
            if often >= self.soft_bounces:
                self._dead(target, inbound_id, f"came back {often} times in a row, last {detail}")
            return
        self._event(EngagementKind.BOUNCED, target, inbound_id, detail)
        self._dead(target, inbound_id, detail)

    def _dead(self, target: Answered, inbound_id: int, detail: str) -> None:
        """The address is given up, and the municipality needs another."""
        if mailbox.mark_bounced(self.connection, target.message_id, detail):
            effects.claim(
                self.connection,
                EffectKind.BOUNCE,
                str(target.message_id),
                {"detail": detail},
                inbound_id=inbound_id,
                now=self.now,
            )
        self._suppress(target.email, SuppressionReason.BOUNCED, inbound_id)
        proposals.ask_for_another(self.connection, target, inbound_id=inbound_id, now=self.now)

    def _complaint(self, answered: Answered | None, inbound_id: int) -> Handling:
        if answered is None:
            return Handling(InboxState.OPEN, "a complaint about a mail that was not found")
        self._event(EngagementKind.COMPLAINED, answered, inbound_id)
        self._suppress(answered.email, SuppressionReason.COMPLAINED, inbound_id)
        return _DONE

    def _unsubscribe(self, answered: Answered | None, letter: Letter) -> Handling:
        """Both the address that was written to and the one that asks are left in peace; with the width of a
        municipality, all its others too."""
        for address in {answered.email if answered else None, letter.from_address}:
            if address:
                self._suppress(address, SuppressionReason.UNSUBSCRIBED, letter.inbound_id)
        if answered is None:
            return Handling(
                InboxState.OPEN,
                "wants no more mail; the address is suppressed, but we do not know it: look once",
            )
        if self.stop_width is SuppressionScope.MUNICIPALITY:
            self._suppress(
                municipality_name(answered.country, answered.municipality_key),
                SuppressionReason.UNSUBSCRIBED,
                letter.inbound_id,
                scope=SuppressionScope.MUNICIPALITY,
                shown=f"{answered.municipality} ({answered.country})",
            )
        self._event(EngagementKind.UNSUBSCRIBED, answered, letter.inbound_id)
        self._answer(AnswerMail.UNSUBSCRIBED, answered, letter)
        return _DONE

    def _auto_reply(self, verdict: Verdict, answered: Answered | None, inbound_id: int) -> Handling:
        if answered is None:
            return _DONE
        self._event(EngagementKind.AUTO_REPLIED, answered, inbound_id, str(verdict.intent))
        today = self.now.date()
        if verdict.until is not None and today <= verdict.until <= today + _LONGEST_ABSENCE:
            mailbox.stay_away_until(self.connection, answered.recipient_id, verdict.until)
            effects.claim(
                self.connection,
                EffectKind.ABSENCE,
                answered.contact_key,
                {"until": verdict.until.isoformat()},
                inbound_id=inbound_id,
                now=self.now,
            )
        if verdict.intent is Intent.ADDRESS_CHANGE:
            self._propose(ProposalReason.ADDRESS_CHANGE, answered, verdict.refer_to, inbound_id)
            return Handling(InboxState.OPEN, _referral(verdict))
        if verdict.confidence < SURE:
            return Handling(InboxState.OPEN, "read as a machine's answer, but not surely")
        return _DONE

    def _answer(self, step: AnswerMail, answered: Answered, letter: Letter) -> None:
        if self.answers is not None and not letter.robot:
            self.answers.queue(
                self.connection,
                step,
                answered,
                letter.reply_to or letter.from_address,
                inbound_id=letter.inbound_id,
                now=self.now,
            )

    def _propose(
        self, reason: ProposalReason, about: Answered, emails: Iterable[str], inbound_id: int
    ) -> None:
        """An address each; without any, a person has to find one."""
        found: list[str | None] = [*emails]
        for email in found or [None]:
            proposals.propose(self.connection, about, reason, email, inbound_id=inbound_id, now=self.now)

    def _event(self, kind: EngagementKind, answered: Answered, inbound_id: int, detail: str = "") -> None:
        mailbox.add_engagement(
            self.connection, kind, answered, at=self.now, inbound_id=inbound_id, detail=detail
        )

    def _suppress(
        self,
        what: str,
        reason: SuppressionReason,
        inbound_id: int,
        *,
        scope: SuppressionScope = SuppressionScope.ADDRESS,
        shown: str | None = None,
    ) -> None:
        key, address = self.suppression_key(what), shown or what.casefold()
        mailbox.suppress(
            self.connection,
            key=key,
            scope=scope,
            address=address,
            reason=reason,
            source=f"inbox {inbound_id}",
            now=self.now,
        )
        effects.claim(
            self.connection,
            EffectKind.SUPPRESSION,
            key,
            {"address": address, "reason": reason.value},
            inbound_id=inbound_id,
            now=self.now,
        )


def effects_for(
    workspace: Workspace,
    sender: str,
    connection: sa.Connection,
    now: datetime,
    *,
    width: SuppressionScope | None = None,
) -> Effects:
    """Effects as the settings of ``sender`` want them; ``width``: how wide a stop counts this time."""
    settings = workspace.settings.senders.get(sender)
    wanted = settings.inbox if settings else InboxSettings()
    return Effects(
        connection,
        lambda what: tokens.suppression_key(workspace.key, what),
        now,
        stop_width=width or SuppressionScope(wanted.stop),
        soft_bounces=wanted.soft_bounces,
        answers=AnswerMails(workspace, sender) if settings and wanted.confirm else None,
    )


def reply_address(parsed: Parsed) -> str | None:
    """Where an answer to the message goes: Reply-To, else From."""
    for value in parsed.headers.get("reply-to", ()):
        for address in headers.addresses(value):
            return address
    return parsed.from_address


def _referral(verdict: Verdict) -> str:
    to = ", ".join(verdict.refer_to) or "an address it does not give"
    return f"asks to write to {to}"
