"""How made-up municipalities behave: who answers what, how soon, at what time of day. All of it is plausible,
none of it measured; what differs between countries stands in ``countries.toml``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from random import Random

from outreach.simulate.moments import DAY, HOUR, MINUTE, in_office, local


class Deed(StrEnum):
    """What a person does about a mail."""

    REGISTER = "register"
    ACCEPT = "accept"  # in a calendar
    FORM = "form"
    DECLINE = "decline"
    REFUSE = "refuse"  # in a calendar
    PERHAPS = "perhaps"  # in a calendar
    QUESTION = "question"
    OTHER = "other"
    UNSURE = "unsure"  # something no program can read
    REFER = "refer"


@dataclass(frozen=True, slots=True)
class Offer:
    """A campaign, as municipalities see it."""

    slug: str
    pull: float  # how many do something, of a municipality as interested as any
    deeds: tuple[tuple[Deed, float], ...]


_PLAIN = (
    *((Deed.REGISTER, 0.34), (Deed.FORM, 0.16), (Deed.DECLINE, 0.19), (Deed.QUESTION, 0.12)),
    *((Deed.OTHER, 0.09), (Deed.UNSURE, 0.06), (Deed.REFER, 0.04)),
)
_SESSION = (
    *((Deed.REGISTER, 0.24), (Deed.ACCEPT, 0.17), (Deed.FORM, 0.12), (Deed.DECLINE, 0.13)),
    *((Deed.REFUSE, 0.06), (Deed.PERHAPS, 0.04), (Deed.QUESTION, 0.10), (Deed.OTHER, 0.06)),
    *((Deed.UNSURE, 0.05), (Deed.REFER, 0.03)),
)
#: In the order in which they are launched.
OFFERS = (
    Offer("information-session", 0.25, _SESSION),
    Offer("lordimas", 0.21, _PLAIN),
    Offer("helpdesk", 0.16, _PLAIN),
    Offer("training-session", 0.205, _SESSION),
)

#: Which of the mails of a sequence brings the answer; a later one only where it is sent.
_STEPS = (0.52, 0.29, 0.19)
_WEEKDAYS = (0.93, 1.08, 1.06, 1.0, 0.82, 0.6, 0.6)
_MOST = 0.8

STOP = 0.0016  # of each mail, times the country's
COMPLAINT = 0.00005  # of each mail
SOFT_BOUNCE = 0.011  # of each mail
ABSENCE = 0.35  # of each mail, times the country's machines
GREYLISTED = 0.03
REFUSED = 0.0006  # of each mail, for its content
LOST = 0.00006  # of each mail: nobody can know
NEWLY_DEAD = 0.012  # of addresses, between two campaigns
CHANGED_MIND = 0.03  # of those who registered
MADE_UP_MIND = 0.45  # of those who said perhaps
MISREAD = 0.008  # of answers: a person corrects them
AT_ONCE = 0.45  # of dead addresses: refused by their server while we send


def answering_step(offer: Offer, interest: float, steps: int, chance: Random) -> int | None:
    """By which step a municipality will answer, if it does."""
    if chance.random() >= min(_MOST, offer.pull * interest):
        return None
    return chance.choices(range(min(steps, len(_STEPS))), _STEPS[:steps])[0]


def is_moved(sent: int, zone: str, chance: Random) -> bool:
    """Whether the moment of the mail was one at which it is read: Tuesday mornings are, Friday afternoons are not."""
    weekday, second = local(sent, zone)
    hour = second / HOUR
    time_of_day = 1.06 if hour < 11 else 0.97 if hour < 14 else 0.88
    return chance.random() < 0.87 * _WEEKDAYS[weekday] * time_of_day


def deed(offer: Offer, chance: Random) -> Deed:
    deeds, weights = zip(*offer.deeds, strict=True)
    found: Deed = chance.choices(deeds, weights)[0]
    return found


def answered_at(sent: int, zone: str, chance: Random) -> int:
    """Many at once, most within days, some after weeks; nearly all in working hours."""
    kind = chance.random()
    if kind < 0.3:
        delay = 4 * MINUTE + chance.expovariate(1 / (2.2 * HOUR))
    elif kind < 0.78:
        delay = chance.lognormvariate(0.35, 0.85) * DAY
    else:
        delay = chance.expovariate(1 / (7.0 * DAY))
    at = sent + int(delay)
    return at if chance.random() < 0.1 else in_office(at, zone, chance.random())


def returned_at(sent: int, chance: Random) -> int:
    """A mail that comes back for good: within seconds, or after the days its server tried."""
    if chance.random() < 0.85:
        return sent + 2 + int(chance.expovariate(1 / 90))
    return sent + int(chance.uniform(1, 5) * DAY)


def machine_at(sent: int, chance: Random) -> int:
    return sent + 3 + int(chance.expovariate(1 / 40))


def away_days(chance: Random) -> int:
    return 1 + int(chance.expovariate(1 / 6))


def read_at(at: int, chance: Random) -> int:
    """Mailboxes are read every five minutes."""
    return (at // (5 * MINUTE) + 1) * 5 * MINUTE + chance.randrange(2, 40)
