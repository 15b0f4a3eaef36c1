"""What comes back, as it is read: verdicts, events, places, addresses left in peace, and the mails that answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from random import Random
from typing import Any

from outreach.campaign.definition import Definition
from outreach.model.states import (
    STOPPING_ENGAGEMENTS,
    AnswerMail,
    EffectKind,
    EngagementKind,
    InboundKind,
    InboxState,
    Intent,
    MessageState,
    OutcomeKind,
    ProposalReason,
    RegistrationState,
    Rung,
    SuppressionReason,
)
from outreach.simulate import behaviour
from outreach.simulate.behaviour import Deed, Offer
from outreach.simulate.ledger import Claim, Event, Happened, Inbound, Mail, Peace, Place, Try, Wish
from outreach.simulate.moments import DAY, MINUTE, day_of
from outreach.simulate.places import Habits

_RUNGS = {
    Rung.IN_REPLY_TO: 0.71,
    Rung.REFERENCES: 0.07,
    Rung.TOKEN: 0.08,
    Rung.ADDRESS: 0.09,
    Rung.DOMAIN: 0.05,
}
_DECISIONS = {
    Deed.REGISTER: (EngagementKind.REGISTERED, RegistrationState.REGISTERED),
    Deed.ACCEPT: (EngagementKind.REGISTERED, RegistrationState.REGISTERED),
    Deed.FORM: (EngagementKind.REGISTERED, RegistrationState.REGISTERED),
    Deed.DECLINE: (EngagementKind.DECLINED, RegistrationState.CANCELLED),
    Deed.REFUSE: (EngagementKind.DECLINED, RegistrationState.CANCELLED),
    Deed.PERHAPS: (EngagementKind.TENTATIVE, RegistrationState.TENTATIVE),
}
_RSVP = {Deed.ACCEPT: "accepted", Deed.REFUSE: "declined", Deed.PERHAPS: "tentative"}
_OPEN_AFTER_DAYS = 21  # what waits for a person for longer has been looked at


class Office:
    """Where the answers of one campaign in one country are read.

    ``stopped``: municipalities that have answered, and when that was read; ``away_until``: recipients that are away.
    """

    def __init__(
        self,
        offer: Offer,
        definition: Definition,
        campaign: int,
        habits: Habits,
        until: int,
        answer_mails: frozenset[str],
        left: dict[str, int],
        chance: Random,
        happened: Happened,
    ) -> None:
        self._offer = offer
        self._has_session = definition.session is not None
        self._campaign = campaign
        self._habits = habits
        self._until = until
        self._answer_mails = answer_mails
        self._left = left
        self._chance = chance
        self._happened = happened
        self._told: dict[str, tuple[AnswerMail, int]] = {}
        self._numbers: dict[tuple[str, AnswerMail], int] = {}
        self._claims: dict[int, list[Claim]] = {}
        self.stopped: dict[int, int] = {}
        self.away_until: dict[int, date] = {}

    def returned(self, mail: Mail, at: int, is_new: Callable[[Mail, int], bool]) -> None:
        """The address is dead, and its server says so afterwards."""
        inbound = self._bounce(mail, at, "5.1.1", "user_unknown", hard=True)
        if inbound is None:
            return
        detail = "5.1.1 user_unknown"
        self._event(EngagementKind.BOUNCED, inbound, detail)
        mail.state, mail.reason = MessageState.BOUNCED, detail
        self._claim(EffectKind.BOUNCE, inbound, "", {"detail": detail})
        if is_new(mail, inbound.received):
            self._peace(inbound, SuppressionReason.BOUNCED)
        self._happened.wishes.append(Wish(inbound.received, ProposalReason.BOUNCED, mail, inbound, None))

    def delayed(self, mail: Mail, at: int) -> None:
        """Came back for now."""
        inbound = self._bounce(mail, at, "4.2.2", "mailbox_full", hard=False)
        if inbound is not None:
            self._event(EngagementKind.SOFT_BOUNCED, inbound, "4.2.2 mailbox_full")

    def _bounce(self, mail: Mail, at: int, status: str, reason: str, *, hard: bool) -> Inbound | None:
        details = {
            "bounces": [
                {
                    "recipient": mail.email,
                    "type": "hard" if hard else "soft",
                    "status": status,
                    "reason": reason,
                }
            ]
        }
        inbound = self._inbound(mail, at, InboundKind.BOUNCE, "delivery_report", 1.0, Rung.RETURNED_HEADERS)
        if inbound is not None:
            inbound.from_address = f"mailer-daemon@{mail.to.desk.town.domain}"
            inbound.subject = "Undelivered Mail Returned to Sender"
            inbound.details = details
        return inbound

    def receipt(self, mail: Mail, at: int) -> None:
        """A system that says that it got the mail."""
        inbound = self._inbound(mail, at, InboundKind.AUTO_REPLY, "auto_replies", 0.97, Rung.IN_REPLY_TO)
        if inbound is not None:
            inbound.intent = Intent.RECEIPT
            self._event(EngagementKind.AUTO_REPLIED, inbound, Intent.RECEIPT)

    def away(self, mail: Mail, at: int) -> None:
        """An absence; two in three say until when."""
        inbound = self._inbound(mail, at, InboundKind.AUTO_REPLY, "auto_replies", 0.96, Rung.IN_REPLY_TO)
        if inbound is None:
            return
        inbound.intent = Intent.OUT_OF_OFFICE
        self._event(EngagementKind.AUTO_REPLIED, inbound, Intent.OUT_OF_OFFICE)
        if self._chance.random() < 0.66:
            until = day_of(inbound.received) + timedelta(days=behaviour.away_days(self._chance))
            inbound.details = {"until": until.isoformat()}
            mail.to.not_before = until.isoformat()
            self.away_until[mail.to.id] = until
            self._claim(EffectKind.ABSENCE, inbound, mail.to.desk.email, inbound.details)

    def wants_no_more(self, mail: Mail, at: int) -> None:
        inbound = self._inbound(mail, at, InboundKind.UNSUBSCRIBE, "unsubscribe_command", 0.99, Rung.TOKEN)
        if inbound is not None:
            inbound.subject = "unsubscribe"
            self._stop(mail, inbound)

    def _stop(self, mail: Mail, inbound: Inbound) -> None:
        self._event(EngagementKind.UNSUBSCRIBED, inbound)
        if mail.email not in self._left:
            self._left[mail.email] = inbound.received
            self._peace(inbound, SuppressionReason.UNSUBSCRIBED)
        self._answer(AnswerMail.UNSUBSCRIBED, inbound)

    def complains(self, mail: Mail, at: int) -> None:
        rung = Rung.RETURNED_HEADERS
        inbound = self._inbound(mail, at, InboundKind.COMPLAINT, "feedback_report", 1.0, rung)
        if inbound is None:
            return
        self._event(EngagementKind.COMPLAINED, inbound)
        if mail.email not in self._left:
            self._left[mail.email] = inbound.received
            self._peace(inbound, SuppressionReason.COMPLAINED)

    def answers(self, mail: Mail, at: int) -> None:
        """A person does something about a mail; some do something else later."""
        chance = self._chance
        deed = behaviour.deed(self._offer, chance)
        inbound = self._done(mail, at, deed)
        if inbound is None:
            return
        if deed in (Deed.REGISTER, Deed.ACCEPT, Deed.FORM) and chance.random() < behaviour.CHANGED_MIND:
            self._done(mail, at + chance.randrange(DAY, 20 * DAY), Deed.DECLINE)
        elif deed is Deed.PERHAPS and chance.random() < behaviour.MADE_UP_MIND:
            self._done(mail, at + chance.randrange(DAY, 12 * DAY), Deed.REGISTER)
        elif deed in (Deed.REGISTER, Deed.DECLINE) and chance.random() < behaviour.MISREAD:
            self._correct(inbound)

    def _done(self, mail: Mail, at: int, deed: Deed) -> Inbound | None:
        chance = self._chance
        if deed in _RSVP:
            rung, kind, detector, sure = Rung.CALENDAR_UID, InboundKind.RSVP, "calendar_reply", 1.0
        elif deed is Deed.FORM:
            rung, kind, detector, sure = Rung.ADDRESS, InboundKind.REGISTRATION, "form:generic", 0.98
        else:
            rung = chance.choices(list(_RUNGS), list(_RUNGS.values()))[0]
            kind, detector, sure = InboundKind.REPLY, "replies", round(chance.uniform(0.82, 0.999), 3)
        if deed is Deed.UNSURE:
            sure = round(chance.uniform(0.3, 0.78), 3)
        inbound = self._inbound(mail, at, kind, detector, sure, rung)
        if inbound is None:
            return None
        if rung is Rung.DOMAIN:
            inbound.from_address = f"office@{mail.to.desk.town.domain}"
        if deed in _DECISIONS:
            self._decided(inbound, deed)
        else:
            self._spoke(inbound, deed)
        return inbound

    def _decided(self, inbound: Inbound, deed: Deed) -> None:
        kind, state = _DECISIONS[deed]
        if inbound.kind is InboundKind.REPLY:
            inbound.intent = Intent.REGISTER if kind is EngagementKind.REGISTERED else Intent.DECLINE
        elif deed in _RSVP:
            inbound.details = {"rsvp": {"answer": _RSVP[deed]}}
        town = inbound.mail.to.desk.town.id
        self._event(kind, inbound)
        name = inbound.mail.to.desk.person
        details = {"state": state.value, "name": name, "email": inbound.from_address}
        claim = self._claim(EffectKind.REGISTRATION, inbound, f"{self._campaign}:{town}", details)
        self._claims.setdefault(town, []).append(claim)
        if kind is EngagementKind.REGISTERED:
            self._answer(AnswerMail.CONFIRMATION, inbound)
        elif deed is Deed.DECLINE:
            gave_up = any(one is not claim for one in self._claims[town])
            self._answer(AnswerMail.CANCELLATION if gave_up else AnswerMail.DECLINED, inbound)

    def _spoke(self, inbound: Inbound, deed: Deed) -> None:
        if deed is Deed.UNSURE:
            inbound.intent = Intent.REGISTER
            note = "read as register, but not surely"
            self._event(EngagementKind.ANSWERED, inbound)
        else:
            inbound.intent = Intent(deed.value)
            self._event(EngagementKind.ANSWERED, inbound, deed.value)
            if deed is Deed.OTHER:
                return
            note = "a question to answer"
            if deed is Deed.REFER:
                email = f"digital@{inbound.mail.to.desk.town.domain}"
                inbound.details = {"refer_to": [email]}
                note = f"asks to write to {email}"
                wish = Wish(inbound.received, ProposalReason.REFERRAL, inbound.mail, inbound, email)
                self._happened.wishes.append(wish)
        inbound.state, inbound.note = InboxState.OPEN, note
        looked_at = inbound.received + int(self._chance.expovariate(1 / (2.5 * DAY))) + 20 * MINUTE
        if looked_at < self._until or inbound.received < self._until - _OPEN_AFTER_DAYS * DAY:
            inbound.state = InboxState.RESOLVED
            inbound.resolved_at = min(looked_at, self._until - MINUTE)

    def _correct(self, inbound: Inbound) -> None:
        """A person read it otherwise: what it led to is taken back, and it is an answer of another kind."""
        at = inbound.received + self._chance.randrange(DAY, 4 * DAY)
        if at >= self._until:
            return
        inbound.corrected = (at, InboundKind.REPLY, Intent.OTHER)
        inbound.state, inbound.resolved_at = InboxState.RESOLVED, at
        for event in self._happened.events:
            if event.inbound is inbound:
                event.undone_at = at
        for claim in self._happened.claims:
            if claim.inbound is inbound:
                claim.undone_at = at
        event = Event(at, EngagementKind.ANSWERED, inbound.mail, inbound, Intent.OTHER)
        self._happened.events.append(event)

    def close(self) -> None:
        """The places that follow from what stands."""
        for town, claims in self._claims.items():
            standing = sorted((one for one in claims if one.undone_at is None), key=lambda one: one.at)
            said = [RegistrationState(one.details["state"]) for one in standing]
            if all(state is RegistrationState.CANCELLED for state in said):
                continue
            last = standing[-1]
            self._happened.places[town] = Place(
                said[-1],
                last.details["name"],
                last.details["email"],
                last.inbound,
                standing[0].at,
                last.at,
            )

    def _inbound(
        self, mail: Mail, at: int, kind: InboundKind, detector: str, sure: float, rung: Rung
    ) -> Inbound | None:
        """``None``: it has not come yet."""
        received = behaviour.read_at(at, self._chance)
        if received >= self._until:
            return None
        inbound = Inbound(
            at, received, mail, rung, kind, detector, sure, mail.email, f"Re: {self._offer.slug}", text=None
        )
        self._happened.inbound.append(inbound)
        return inbound

    def _event(self, kind: EngagementKind, inbound: Inbound, detail: str = "") -> None:
        if kind in STOPPING_ENGAGEMENTS:
            town = inbound.mail.to.desk.town.id
            self.stopped[town] = min(inbound.received, self.stopped.get(town, inbound.received))
        self._happened.events.append(Event(inbound.received, kind, inbound.mail, inbound, detail))

    def _claim(self, kind: EffectKind, inbound: Inbound, subject: str, details: Mapping[str, Any]) -> Claim:
        claim = Claim(inbound.received, kind, inbound, subject, details)
        self._happened.claims.append(claim)
        return claim

    def _peace(self, inbound: Inbound, reason: SuppressionReason) -> None:
        mail = inbound.mail
        self._happened.peace.append(Peace(inbound.received, mail.email, reason, inbound, mail))
        details = {"address": mail.email, "reason": reason.value}
        self._claim(EffectKind.SUPPRESSION, inbound, mail.email, details)

    def _answer(self, kind: AnswerMail, inbound: Inbound) -> None:
        """The mail that answers, unless the address was told the same last."""
        address = inbound.from_address
        last = self._told.get(address)
        if kind not in self._answer_mails or (last and last[0] is kind and last[1] <= inbound.received):
            return
        self._told[address] = (kind, inbound.received)
        number = self._numbers[address, kind] = self._numbers.get((address, kind), 0) + 1
        step = kind.value if number == 1 else f"{kind}-{number}"
        sent = inbound.received + self._chance.randrange(3, 50)
        mail = Mail(inbound.mail.to, step, address, inbound.received, inbound.received, answers=inbound)
        self._happened.mails.append(mail)
        if sent >= self._until:
            return
        mail.state, mail.handed, mail.sent = MessageState.SENT, sent, sent
        text = "2.0.0 Ok: queued"
        mail.tries.append(Try(sent, OutcomeKind.ACCEPTED, "end_of_data", 250, "2.0.0", text))
        # What a municipality did counts for a step: of an answer it is told as of any mail that was sent.
        self._happened.events.append(Event(sent, EngagementKind.SENT, mail, None))
