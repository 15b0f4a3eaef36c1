"""The made-up municipalities of each country, and their addresses."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from random import Random
from typing import Any

from outreach.contacts.folding import fold
from outreach.contacts.regions import eurostat_code, region_of
from outreach.contacts.spoken import spoken_in
from outreach.model.countries import COUNTRIES

#: How many there are at scale 1: about as many as the Union has local administrative units.
MUNICIPALITIES = 100_000


@dataclass(frozen=True, slots=True)
class Habits:
    """What ``countries.toml`` says of a country."""

    inhabitants: int
    nuts2: Sequence[str]
    reach: float
    second: float
    interest: float
    machines: float
    dead: float
    stop: float
    heads: Sequence[str]
    tails: Sequence[str]
    cores: Sequence[str]
    offices: Sequence[str]


@dataclass(slots=True)
class Town:
    """A municipality."""

    id: int
    country: str
    code: str
    name: str
    population: int
    degurba: int
    nuts: str
    region: str | None
    time_zone: str  # the country's where it has none of its own
    own_zone: str | None
    languages: tuple[str, ...]
    domain: str
    interest: float  # 1: as likely to answer as any


@dataclass(slots=True)
class Desk:
    """An address of a municipality, and what is behind it."""

    id: int
    town: Town
    email: str
    person: str | None
    role: str | None
    receipts: bool  # a system that answers every mail
    dead_from: int | None  # nobody has it any more


@cache
def _file() -> Mapping[str, Any]:
    return tomllib.loads((files("outreach.simulate") / "countries.toml").read_text(encoding="utf-8"))


@cache
def habits(country: str) -> Habits:
    entry = dict(_file()[country])
    entry["cores"] = _file()["cores"][entry["cores"]]
    return Habits(**entry)


def numbers(scale: float) -> dict[str, int]:
    """How many municipalities each country gets: in proportion to those it has, none without any."""
    weights = {code: country.municipalities_estimate or 1 for code, country in COUNTRIES.items()}
    wanted = round(MUNICIPALITIES * scale)
    whole = sum(weights.values())
    exact = {code: wanted * weight / whole for code, weight in weights.items()}
    found = {code: max(1, math.floor(number)) for code, number in exact.items()}
    by_rest = sorted(exact, key=lambda code: (math.floor(exact[code]) - exact[code], code))
    for code in by_rest[: max(0, wanted - sum(found.values()))]:
        found[code] += 1
    return found


def towns(country: str, number: int, first_id: int, chance: Random) -> list[Town]:
    """``number`` municipalities. Few are large; the smallest have some dozens of inhabitants."""
    habit = habits(country)
    nuts3 = [f"{eurostat_code(country)}{two}{three}" for two in habit.nuts2 for three in "12345"]
    shares = [1 / (1 + place) for place in range(len(nuts3))]  # regions differ in size
    chance.shuffle(shares)
    sizes = [chance.lognormvariate(0, 1.25) for _ in range(number)]
    share = habit.inhabitants / sum(sizes)
    if number < 0.5 * (COUNTRIES[country].municipalities_estimate or 1):
        share *= number / (COUNTRIES[country].municipalities_estimate or 1)  # a part of the country
    areas = chance.choices(nuts3, shares, k=number)
    known: set[str] = set()
    names: set[str] = set()
    found = []
    for place in range(number):
        population = max(30, int(sizes[place] * share))
        name = _name(habit, number, names, chance)
        code = f"S{place + 1:06}"  # no real code begins so
        nuts = areas[place]
        region = region_of(country, nuts, None)
        spoken = spoken_in(country, (name,), None, nuts)
        own_zone = region.time_zone if region else None
        found.append(
            Town(
                id=first_id + place,
                country=country,
                code=code,
                name=name,
                population=population,
                degurba=_degurba(population, chance),
                nuts=nuts,
                region=region.code if region else None,
                time_zone=own_zone or COUNTRIES[country].time_zone,
                own_zone=own_zone,
                languages=spoken.languages if spoken else (),
                domain=_domain(country, name, place + 1, known),
                interest=habit.interest * _by_size(population) * chance.lognormvariate(-0.18, 0.6),
            )
        )
    return found


def _name(habit: Habits, number: int, known: set[str], chance: Random) -> str:
    """Short ones while there are enough; few come twice."""
    for attempt in range(12):
        head, tail = chance.choice(habit.heads), chance.choice(habit.tails)
        name = head + tail
        if number > len(habit.heads) * len(habit.tails) / 3 or attempt > 3:
            core = "".join(chance.choices(habit.cores, k=1 if chance.random() < 0.2 else 2))
            if head[-1] in " -":
                joint = head[-1] if tail[0].isupper() or " " in tail or "-" in tail else ""
                name = f"{head}{core.capitalize()}{joint}{tail}"
            else:
                name = f"{head}{core}{tail.lower() if tail.isalpha() else '-' + tail}"
        if name not in known:
            break
    known.add(name)
    return name


def _domain(country: str, name: str, number: int, known: set[str]) -> str:
    label = fold(name).replace(" ", "-").strip("-")
    if not label.isascii() or not label:
        label = f"town-{number}"
    if label in known:
        label = f"{label}-{number}"
    known.add(label)
    return f"{label}.{country.lower()}.example"


def _degurba(population: int, chance: Random) -> int:
    if population >= 50_000:
        return 1
    if population >= 5_000:
        return 2 if chance.random() < 0.75 else 3
    return 2 if chance.random() < 0.08 else 3


def _by_size(population: int) -> float:
    """Larger ones have somebody for it."""
    return min(2.2, max(0.45, 0.62 + 0.17 * (math.log10(population) - 2)))


_FIRST = ("Anna", "Ben", "Carla", "David", "Eva", "Felix", "Greta", "Hugo", "Ines", "Jan", "Karin", "Luca")
_LAST = ("Beispiel", "Exemple", "Esempio", "Ejemplo", "Voorbeeld", "Priklad", "Pelda", "Exempel", "Naidis")
_ROLES = ("mayor", "secretary", "digital officer", "IT", "deputy mayor")


def desks(some: Sequence[Town], first_id: int, chance: Random) -> list[Desk]:
    """The addresses of ``some`` municipalities: most have one, some two, a few none or their neighbour's."""
    found: list[Desk] = []
    for town in some:
        habit = habits(town.country)
        if chance.random() >= habit.reach:
            continue
        shared = found and found[-1].town.nuts == town.nuts and chance.random() < 0.01
        email = found[-1].email if shared else f"{chance.choice(habit.offices)}@{town.domain}"
        found.append(_desk(first_id + len(found), town, email, None, None, habit, chance))
        if not shared and chance.random() < habit.second:
            person = f"{chance.choice(_FIRST)} {chance.choice(_LAST)}"
            email = f"{person.lower().replace(' ', '.')}@{town.domain}"
            role = chance.choice(_ROLES)
            found.append(_desk(first_id + len(found), town, email, person, role, habit, chance))
    return found


def _desk(
    id_: int,
    town: Town,
    email: str,
    person: str | None,
    role: str | None,
    habit: Habits,
    chance: Random,
) -> Desk:
    dead = chance.random() < habit.dead
    receipts = person is None and chance.random() < habit.machines * 0.55
    return Desk(id_, town, email, person, role, receipts, 0 if dead else None)
