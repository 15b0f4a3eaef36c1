"""The made-up municipalities of the demo: each has a fixed way to behave, receives mail by SMTP and answers
by SMTP, and remembers what it got and did, so that the story can be checked against it.
"""

from __future__ import annotations

import smtplib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from outreach import clock
from outreach.demo.letters import Desk, Letter
from outreach.demo.received import Received
from outreach.model.states import AnswerMail

#: What counts as an answer of a person: nothing more may be sent to the municipality in that campaign.
ANSWERS = frozenset(
    {
        "register",
        "prefilled",
        "loose",
        "colleague",
        "anew",
        "decline",
        "question",
        "refer",
        "unsubscribe",
        "accept",
        "tentative",
        "refuse",
    }
)
REGISTRATIONS = frozenset({"register", "prefilled", "loose", "colleague", "anew", "accept"})
REFUSALS = frozenset({"decline", "refuse"})
#: What is done by machines, and so at once; people answer on the next working day.
_AT_ONCE = frozenset({"away", "holiday", "returned", "full"})


@dataclass(frozen=True, slots=True)
class Town:
    """One address of a municipality, and how it behaves."""

    address: str
    municipality: str
    country: str
    language: str
    person: str | None
    plans: Mapping[str, str]  # by campaign: "register", "silent/decline" ...: see answers.toml


@dataclass(frozen=True, slots=True)
class Deed:
    """What a municipality did about a mail, and when."""

    town: Town
    campaign: str
    step: str  # of the mail it is about
    kind: str
    at: datetime


class Towns:
    """All of them. ``on_rcpt`` and ``on_mail`` are what the embedded SMTP server calls, from its threads."""

    def __init__(self) -> None:
        self.received: list[Received] = []  # the steps of campaigns
        self.thanked: list[Received] = []  # what answers an answer
        self.refused: list[str] = []
        self.deeds: list[Deed] = []
        self._towns: dict[str, Town] = {}
        self._colleagues: set[str] = set()
        self._pending: list[tuple[datetime, Received, str]] = []
        self._lock = threading.Lock()

    def settle(self, towns: Iterable[Town]) -> None:
        """Let them live there, before mail is sent to them."""
        self._towns = {town.address.lower(): town for town in towns}
        self._colleagues = {_colleague(address) for address in self._towns}

    def town(self, address: str) -> Town:
        """KeyError where nobody has the address."""
        return self._towns[address.lower()]

    def on_rcpt(self, address: str) -> str | None:
        """Refuses the addresses that are gone, and those that nobody has."""
        town = self._towns.get(address.lower())
        if town is not None and "gone" not in town.plans.values():
            return None
        if address.lower() in self._colleagues:
            return None
        with self._lock:
            self.refused.append(address)
        return f"550 5.1.1 <{address}>: Recipient address rejected: User unknown in local recipient table"

    def on_mail(self, sender: str, recipient: str, data: bytes) -> str | None:
        """Takes a mail, and decides what will be done about it."""
        mail = Received(sender, recipient, data, clock.now())
        if mail.step.rstrip("0123456789-") in set(AnswerMail):
            with self._lock:
                self.thanked.append(mail)
            return None
        town = self.town(recipient)
        first, _, later = town.plans.get(mail.campaign, "silent").partition("/")
        kind = first if mail.step == "invitation" else later
        with self._lock:
            self.received.append(mail)
            if kind and kind != "silent":
                when = mail.at if kind in _AT_ONCE else next_morning(mail.at)
                self._pending.append((when, mail, kind))
        return None

    @property
    def next_answer(self) -> datetime | None:
        """When somebody will answer next; ``None``: nobody has anything in mind."""
        with self._lock:
            return min((when for when, _, _ in self._pending), default=None)

    def answer(self, host: str, port: int, shown: Callable[[int, int], None]) -> int:
        """Send the answers whose time has come, by SMTP; returns how many. ``shown`` is told how far it is."""
        now = clock.now()
        with self._lock:
            due = sorted((entry for entry in self._pending if entry[0] <= now), key=lambda entry: entry[0])
            self._pending = [entry for entry in self._pending if entry[0] > now]
        if not due:
            return 0
        with smtplib.SMTP(host, port, local_hostname="town.example", timeout=10) as line:
            for number, (_, mail, kind) in enumerate(due, 1):
                town = self.town(mail.recipient)
                letter = _letter(town, mail, kind, clock.now())
                line.sendmail(letter.sender, [letter.recipient], letter.data)
                self.deeds.append(Deed(town, mail.campaign, mail.step, kind, clock.now()))
                shown(number, len(due))
        return len(due)

    def answered(self) -> Iterator[Deed]:
        """What people did; machines do not answer."""
        return (deed for deed in self.deeds if deed.kind in ANSWERS)


def next_morning(at: datetime) -> datetime:
    """Eight o'clock (UTC) of the next working day: when people read what came in."""
    day = at + timedelta(days=1)
    while day.weekday() >= 5:
        day += timedelta(days=1)
    return day.replace(hour=8, minute=0, second=0, microsecond=0)


def _colleague(address: str) -> str:
    """Somebody else in the same town hall."""
    return f"ict@{address.rpartition('@')[2]}".lower()


def _letter(town: Town, mail: Received, kind: str, now: datetime) -> Letter:
    desk = Desk(mail, town.municipality, town.language, town.person, now)
    late = mail.step != "invitation"
    register = "register_late" if late else "register"
    match kind:
        case "register":
            return desk.reply(register)
        case "loose":
            return desk.reply(register, threaded=False)
        case "colleague":
            return desk.reply(register, address=_colleague(town.address))
        case "anew":
            return desk.reply(register, address=_colleague(town.address), threaded=False)
        case "prefilled":
            return desk.prefilled()
        case "decline":
            return desk.outlook_reply("decline")
        case "question" | "refer":
            return desk.reply(kind)
        case "unsubscribe":
            return desk.unsubscribe()
        case "away":
            return desk.away((now + timedelta(days=9)).date(), automatic=True)
        case "holiday":
            return desk.away((now + timedelta(days=8)).date(), automatic=False)
        case "returned":
            return desk.returned("5.1.1", f"550 5.1.1 <{mail.recipient}>: user unknown")
        case "full":
            return desk.returned("4.2.2", f"452 4.2.2 <{mail.recipient}>: mailbox full, over quota")
        case "accept":
            return desk.calendar_answer("ACCEPTED", "accepted", attached=town.country == "FI")
        case "tentative":
            return desk.calendar_answer("TENTATIVE", "tentative", attached=False)
        case "refuse":
            return desk.calendar_answer("DECLINED", "declined", attached=town.country == "FI")
    raise ValueError(f"{town.municipality} does not know how to {kind!r}")
