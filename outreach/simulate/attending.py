"""Who came to a session that is over, what it cost, and how far the assessment is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random

from outreach.model.states import AttendanceState, Presence, Progress, RegistrationState
from outreach.simulate.ledger import Happened

CAME = 0.68  # of those that have a place
CAME_ALL_THE_SAME = 0.003  # of those that were written to, without a place
SECOND_PERSON = 0.18
ASKED = 0.02  # of persons, of which municipality they are
ON_SITE = 0.27
_FINISHED, _STARTED = 0.46, 0.71  # of those that registered for the assessment; the second with the first


@dataclass(frozen=True, slots=True)
class Person:
    """A row of ``attendance``. ``town`` ``None``: it is asked of which municipality this is."""

    town: int | None
    state: AttendanceState
    address: str
    presence: Presence
    minutes: int


def persons(happened: Happened, chance: Random) -> Iterator[Person]:
    """Those on the list of who was there."""
    seen: set[int] = set()
    for to in happened.recipients:
        town = to.desk.town
        if to.excluded is not None or town.id in seen:
            continue
        seen.add(town.id)
        place = happened.places.get(town.id)
        has_place = place is not None and place.state is RegistrationState.REGISTERED
        if chance.random() >= (CAME if has_place else CAME_ALL_THE_SAME):
            continue
        for number in range(2 if chance.random() < SECOND_PERSON else 1):
            is_asked = chance.random() < ASKED
            on_site = chance.random() < ON_SITE
            yield Person(
                None if is_asked else town.id,
                AttendanceState.ASKED if is_asked else AttendanceState.COUNTED,
                f"guest{number}@{town.domain}",
                Presence.ON_SITE if on_site else Presence.ONLINE,
                120 if on_site else min(120, 20 + int(chance.expovariate(1 / 70))),
            )


def costs(chance: Random) -> Iterator[tuple[str, int]]:
    """What was paid for, in cents."""
    yield "Room and equipment", chance.randrange(40_000, 190_000, 500)
    if chance.random() < 0.6:
        yield "Interpretation", chance.randrange(50_000, 160_000, 1_000)
    if chance.random() < 0.4:
        yield "Translation of materials", chance.randrange(20_000, 90_000, 1_000)


def progress(happened: Happened, chance: Random) -> Mapping[int, Progress]:
    """Of the municipalities that began the assessment."""
    found = {}
    for town, place in happened.places.items():
        dice = chance.random()
        if place.state is RegistrationState.REGISTERED and dice < _STARTED:
            found[town] = Progress.FINISHED if dice < _FINISHED else Progress.STARTED
    return found
