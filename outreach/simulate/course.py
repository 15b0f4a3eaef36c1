"""The course of one campaign in one country: what goes out when, what comes back, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

from outreach.campaign import schedule
from outreach.campaign.definition import Definition, Step
from outreach.campaign.schedule import Locality
from outreach.jobs.message_rows import locality
from outreach.model.states import (
    EngagementKind,
    MessageState,
    OutcomeKind,
    ProposalReason,
    ProposalState,
    SkipReason,
    SuppressionReason,
)
from outreach.simulate import behaviour
from outreach.simulate.answers import Office
from outreach.simulate.behaviour import Offer
from outreach.simulate.ledger import Event, Happened, Mail, Peace, Recipient, Try, Wish
from outreach.simulate.moments import DAY, MINUTE, aware, seconds
from outreach.simulate.places import Habits, Town


@dataclass
class Course:
    """``left``: addresses that are in peace, and since when; it grows."""

    offer: Offer
    definition: Definition
    campaign: int
    habits: Habits
    launched: int
    until: int
    cancelled_at: int | None
    gap: float  # seconds from mail to mail: what the sender's limits leave
    steps_with_answers: frozenset[str]  # of the mails that answer an answer, those there is a text for
    left: dict[str, int]
    chance: Random
    happened: Happened = field(default_factory=Happened)
    plan_at: int | None = None
    last_at: int = 0

    def play(self, recipients: Sequence[Recipient]) -> None:
        self.happened.recipients = list(recipients)
        self._office = Office(
            self.offer,
            self.definition,
            self.campaign,
            self.habits,
            self.until,
            self.steps_with_answers,
            self.left,
            self.chance,
            self.happened,
        )
        self._plans: dict[int, int | None] = {}
        self._places: dict[tuple[str, str | None, str | None], Locality] = {}
        self._open: dict[Locality, tuple[int, int]] = {}
        self._dues: dict[tuple[Locality, str, int], int] = {}
        self.last_at = self.launched
        first, *later = self.definition.steps
        queue = []
        for to in recipients:
            if to.excluded is None:
                due = self._opening(self.launched, self._locality(to.desk.town))
                queue.append(Mail(to, first.name, to.desk.email, self.launched, due))
        for number in range(len(self.definition.steps)):
            queue.sort(key=lambda mail: mail.due)
            sent = list(self._send(queue, number))
            self.happened.mails += queue
            if number == len(later):
                break
            queue = list(self._follow_ups(sent, later[number]))
        self._office.close()

    def _locality(self, town: Town) -> Locality:
        key = (town.country, town.region, town.own_zone)
        found = self._places.get(key)
        if found is None:
            found = self._places[key] = locality(*key)
        return found

    def _opening(self, at: int, place: Locality) -> int:
        """``at``, or when the window opens next."""
        opens, closes = self._open.get(place, (0, 0))
        if not opens <= at < closes:
            stretch = schedule.opening_at(aware(at), self.definition.window, place)
            opens, closes = seconds(stretch[0]), seconds(stretch[1])
            self._open[place] = (opens, closes)
        return max(at, opens)

    def _send(self, queue: Sequence[Mail], number: int) -> Iterator[Mail]:
        """Those that went, in the order in which they did; what happens to each happens at once."""
        clock = 0.0
        for mail in queue:
            place = self._locality(mail.to.desk.town)
            at = self._opening(int(max(mail.due + 20, clock + self.gap)), place)
            if self.cancelled_at is not None and at >= self.cancelled_at:
                mail.state, mail.reason = MessageState.CANCELLED, "the campaign was cancelled"
                self.last_at = max(self.last_at, self.cancelled_at)
                continue
            if at >= self.until:
                continue
            stopped = self._office.stopped.get(mail.to.desk.town.id)
            left = self.left.get(mail.to.desk.email)
            if left is not None and left <= at:
                mail.state, mail.reason = MessageState.SKIPPED, SkipReason.SUPPRESSED
                continue
            if stopped is not None and stopped <= at:
                mail.state, mail.reason = MessageState.SKIPPED, SkipReason.ANSWERED
                continue
            clock = at
            if self._hand_over(mail, at):
                yield mail
                self._comes_back(mail, number)

    def _hand_over(self, mail: Mail, at: int) -> bool:
        """One or two attempts; whether the server took it."""
        chance = self.chance
        event = self.happened.events.append
        mail.handed = at
        dice = chance.random()
        dead = mail.to.desk.dead_from
        self.last_at = max(self.last_at, at)
        if dead is not None and dead <= at and chance.random() < behaviour.AT_ONCE:
            text = "5.1.1 User unknown"
            mail.handed = None
            mail.attempts = 1
            mail.tries.append(Try(at, OutcomeKind.REFUSED, "rcpt", 550, "5.1.1", text))
            mail.state, mail.reason = MessageState.BOUNCED, f"5.1.1 user_unknown: 550 {text}"
            event(Event(at, EngagementKind.BOUNCED, mail, None, mail.reason))
            self._in_peace(mail, at)
            return False
        if dice < behaviour.REFUSED:
            text = "5.7.1 Message content rejected"
            mail.attempts = 1
            mail.tries.append(Try(at, OutcomeKind.REFUSED, "end_of_data", 554, "5.7.1", text))
            mail.state, mail.reason = MessageState.FAILED, f"554 {text}"
            event(Event(at, EngagementKind.FAILED, mail, None, mail.reason))
            return False
        if dice < behaviour.REFUSED + behaviour.LOST:
            mail.attempts = 1
            mail.tries.append(Try(at, OutcomeKind.LOST_AFTER, "end_of_data", None, None, "connection lost"))
            if at > self.until - 7 * DAY:
                mail.state, mail.reason = (
                    MessageState.UNCERTAIN,
                    "the connection was lost after the end of DATA",
                )
                return False
            mail.reason = "a person says that it arrived"
        else:
            if dice > 1 - behaviour.GREYLISTED:
                text = "4.2.0 Greylisted, try again later"
                mail.attempts = 1
                mail.tries.append(Try(at, OutcomeKind.DEFERRED, "rcpt", 450, "4.2.0", text))
                at += 15 * MINUTE + chance.randrange(2 * MINUTE)
                mail.handed = at
                if at >= self.until:
                    mail.state, mail.reason, mail.due = MessageState.DEFERRED, f"450 {text}", at
                    mail.handed = None
                    return False
            mail.tries.append(Try(at, OutcomeKind.ACCEPTED, "end_of_data", 250, "2.0.0", "2.0.0 Ok: queued"))
        mail.state = MessageState.SENT
        mail.sent = at
        event(Event(at, EngagementKind.SENT, mail, None))
        self.last_at = max(self.last_at, at)
        return True

    def _in_peace(self, mail: Mail, at: int) -> None:
        if mail.email not in self.left:
            self.left[mail.email] = at
            self.happened.peace.append(Peace(at, mail.email, SuppressionReason.BOUNCED, None, mail))
        decided = None
        if self.chance.random() < 0.6 and at < self.until - 10 * DAY:
            decided = (at + self.chance.randrange(DAY, 9 * DAY), ProposalState.DISMISSED)
        self.happened.wishes.append(Wish(at, ProposalReason.BOUNCED, mail, None, None, decided))

    def _comes_back(self, mail: Mail, number: int) -> None:
        """Machines, and then perhaps a person."""
        assert mail.sent is not None
        desk, chance, office = mail.to.desk, self.chance, self._office
        if desk.dead_from is not None and desk.dead_from <= mail.sent:
            office.returned(mail, behaviour.returned_at(mail.sent, chance), self._in_peace_of_inbound)
            return
        dice = chance.random()
        if dice < behaviour.SOFT_BOUNCE:
            office.delayed(mail, mail.sent + chance.randrange(4 * MINUTE, 2 * DAY))
        elif dice < behaviour.SOFT_BOUNCE + behaviour.STOP * self.habits.stop:
            office.wants_no_more(mail, behaviour.answered_at(mail.sent, desk.town.time_zone, chance))
        elif dice > 1 - behaviour.COMPLAINT:
            office.complains(mail, mail.sent + chance.randrange(MINUTE, DAY))
        if desk.receipts:
            if chance.random() < 0.93:
                office.receipt(mail, behaviour.machine_at(mail.sent, chance))
        elif chance.random() < self.habits.machines * behaviour.ABSENCE:
            office.away(mail, behaviour.machine_at(mail.sent, chance))
        self._somebody(mail, number)

    def _in_peace_of_inbound(self, mail: Mail, at: int) -> bool:
        """Whether the address was not known to be dead."""
        if mail.email in self.left:
            return False
        self.left[mail.email] = at
        return True

    def _somebody(self, mail: Mail, number: int) -> None:
        assert mail.sent is not None
        town, chance = mail.to.desk.town, self.chance
        plans = self._plans
        if town.id not in plans:
            plans[town.id] = behaviour.answering_step(
                self.offer, town.interest, len(self.definition.steps), chance
            )
        if plans[town.id] != number:
            return
        plans[town.id] = None
        if not behaviour.is_moved(mail.sent, town.time_zone, chance):
            if chance.random() < 0.35:
                plans[town.id] = number + 1  # put aside; the next one is answered
            return
        self._office.answers(mail, behaviour.answered_at(mail.sent, town.time_zone, chance))

    def _follow_ups(self, sent: Sequence[Mail], step: Step) -> Iterator[Mail]:
        """The next mails, for those whose last one arrived and whose municipality is silent."""
        for last in sent:
            if last.state is not MessageState.SENT or last.sent is None:
                continue
            due = self._due(last, step)
            if due >= self.until:
                stopped = self._office.stopped.get(last.to.desk.town.id)
                if stopped is None or stopped > self.until:
                    self.plan_at = due if self.plan_at is None else min(self.plan_at, due)
                continue
            if self.cancelled_at is not None and due >= self.cancelled_at:
                continue
            stopped = self._office.stopped.get(last.to.desk.town.id)
            if stopped is not None and stopped <= due:
                continue
            created = due + self.chance.randrange(5 * MINUTE)
            yield Mail(last.to, step.name, last.to.desk.email, created, due)

    def _due(self, last: Mail, step: Step) -> int:
        assert last.sent is not None
        assert step.after is not None
        place = self._locality(last.to.desk.town)
        minute, rest = divmod(last.sent, MINUTE)
        key = (place, step.name, minute)
        found = self._dues.get(key)
        if found is None:
            at = aware(minute * MINUTE)
            found = seconds(schedule.due_after(at, step.after, self.definition.window, place))
            self._dues[key] = found
        due = found + rest
        away = self._office.away_until.get(last.to.id)
        if away is not None:
            due = seconds(schedule.after_absence(aware(due), away, self.definition.window, place))
        return due
