"""Made-up municipalities of the 27 countries, and how a list spells their names."""

from __future__ import annotations

import tomllib
import unicodedata
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from outreach.contacts.folding import fold

COUNTRIES = tuple(sorted(tomllib.loads((Path(__file__).parent / "habits.toml").read_text(encoding="utf-8"))))


@cache
def habits() -> dict[str, dict[str, Any]]:
    return tomllib.loads((Path(__file__).parent / "habits.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class Town:
    """A municipality as the official list has it; ``other_name`` in a second language of the place."""

    country: str
    code: str
    name: str
    other_name: str | None
    region: str
    population: int
    languages: tuple[str, ...] = ()


def towns(country: str, chance: Random, number: int) -> list[Town]:
    """``number`` municipalities with codes of their own. A few share their name with one of another region,
    as real ones do; no two share both."""
    habit = habits()[country]
    found: dict[tuple[str, str], Town] = {}
    codes: set[str] = set()
    second = habit.get("second", [])
    for attempt in range(number * 50):
        if len(found) == number:
            break
        at = chance.randrange(len(habit["heads"]))
        tail = chance.choice(habit["tails"])
        name = habit["heads"][at] + tail
        if attempt > number * 3:
            # The syllables are used up: a second word makes more.
            name = f"{name} {chance.choice(habit['heads']).strip(' -')}{chance.choice(habit['tails'])}"
        region = chance.choice(habit["regions"])
        if any(fold(name) == fold(one) and region == where for one, where in found):
            continue
        code = _code(habit["code"], chance)
        if code in codes:
            continue
        codes.add(code)
        other = second[at] + tail if second and chance.random() < 0.3 else None
        found[name, region] = Town(
            country,
            code,
            name,
            other if other != name else None,
            region,
            int(10 ** chance.uniform(2, 5.5)),
            tuple(habit.get("languages", ())),
        )
    return list(found.values())


def _code(pattern: str, chance: Random) -> str:
    signs = {"#": "0123456789", "@": "ABCDEFGHIKLMNOPRSTUVZ"}
    return "".join(chance.choice(signs[sign]) if sign in signs else sign for sign in pattern)


def spelled(town: Town, chance: Random) -> str:
    """The name as some list has it: with the word for its kind, in capitals, without its accents, in two
    languages. Never another town's name."""
    habit = habits()[town.country]
    name = town.name
    if town.other_name and chance.random() < 0.5:
        form = chance.choice(("{} / {}", "{} ({})", "{}-{}", "{}/{}"))
        name = form.format(name, town.other_name)
    name = str(chance.choice(habit["spellings"])).format(name)
    kind = chance.random()
    if kind < 0.1:
        name = name.upper()
    elif kind < 0.16 and town.country not in ("BG", "GR", "CY"):
        name = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    elif kind < 0.2:
        name = f" {name}  "
    elif kind < 0.24:
        name = name.replace(" ", "\u00a0")
    return name


_GREEK = dict(zip("αβγδεζηθικλμνξοπρσςτυφχψω", "avgdeziuiklmnxoprsstyfcyo", strict=True))
_CYRILLIC = dict(zip("абвгдежзийклмнопрстуфхцчшщъьюя", "abvgdejziiklmnoprstufhcwqxaiuy", strict=True))
_LATIN = str.maketrans({**_GREEK, **_CYRILLIC, " ": "-", "'": "", ".": ""})


def domain(town: Town) -> str:
    """The town's own domain, in ASCII, below ``.example``; its code keeps it apart from its namesakes'."""
    return f"{fold(town.name).translate(_LATIN).replace(' ', '-')}-{town.code.lower()}.example"
