"""How well municipalities are found: ``python benchmarks/places.py [--show CC] [--seeds N]``.

Lists as each of the 27 countries has them are made by ``tests/lists``, with the truth beside them, and held
against an official list of the country's towns: those of the contact list, and four times as many others. Counted
are rows whose municipality is right, is wrong, or is left to a person, in lists with a column of codes and in lists
without; and apart from these, rows with a name of several municipalities and nothing that says which.
``make accuracy`` prints them.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from outreach.contacts import columns, decode, normalize
from outreach.contacts.finder import Doubt, Finder
from outreach.contacts.folding import fold
from outreach.contacts.places import place_key
from outreach.contacts.register import Unit
from outreach.errors import InputError
from outreach.model.values import ContactRow, Place
from tests.lists.made import MadeList, made
from tests.lists.towns import COUNTRIES, Town, towns


def unit(town: Town) -> Unit:
    """A town as the official list has it."""
    place = Place(town.country, town.name, town.code, town.region, town.population)
    return Unit(place_key(place), place, (("", town.other_name),) if town.other_name else ())


def finder(one: MadeList, chance: random.Random) -> Finder:
    """Looks towns up in the official list: those of ``one`` among many others."""
    mine = {town.code for town in one.towns}
    # The syllables are few: without this nearly every name would stand in several regions. Those that two towns
    # of the list share stay; a row that gives neither code nor region then cannot be decided, by nobody.
    names = {fold(town.name) for town in one.towns}
    others = [
        town
        for town in towns(one.country, chance, 4 * len(one.towns))
        if town.code not in mine and fold(town.name) not in names
    ]
    everyone = [*map(unit, one.towns), *map(unit, others)]
    chance.shuffle(everyone)
    return Finder(one.country, everyone)


def found(one: MadeList, find: Finder) -> tuple[Counter[str], list[str]]:
    """The counts for one list, and what was wrong with it in words."""
    truth = {address.casefold(): town for town, addresses in one.truth for address in addresses}
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    try:
        table = decode.table(one.data, filename=one.filename, country=one.country)
        mapping = columns.map_columns(table.header, table.sample, country=one.country)
    except InputError:
        return counts, wrong  # benchmarks/lists.py counts these
    for row in normalize.contacts(table.rows, mapping, one.country):
        if not isinstance(row, ContactRow) or row.email.casefold() not in truth:
            continue
        town = truth[row.email.casefold()]
        answer = find.find(row.place)
        if (
            not row.place.code
            and not row.place.region
            and isinstance(answer, Doubt)
            and len(answer.candidates) > 1
        ):
            # Two of one name, and the file says neither code nor region: to ask is all that can be done.
            counts["undecidable"] += 1
            continue
        counts["rows"] += 1
        said = f"{row.place.name!r} {row.place.code or ''} {row.place.region or ''}"
        if isinstance(answer, Doubt):
            counts["asked"] += 1
            wrong.append(f"asked: {said}, for {town.name!r} {town.code}: {answer.why}")
        elif answer.unit.place.code == town.code:
            counts["right"] += 1
        else:
            counts["wrong"] += 1
            wrong.append(f"wrong: {said} is {town.name!r}, not {answer.unit.place.name!r} ({answer.how})")
    return counts, wrong


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--show", default="", help="what is wrong, for these countries (DE,FR) or all")
    arguments.add_argument("--seeds", type=int, default=2)
    options = arguments.parse_args()
    shown = set(COUNTRIES) if options.show == "all" else set(options.show.split(","))
    totals = {True: Counter[str](), False: Counter[str]()}
    worst: dict[bool, tuple[float, str]] = {True: (2.0, ""), False: (2.0, "")}
    started = time.process_time()
    for country in COUNTRIES:
        for with_code in (True, False):
            mine = Counter[str]()
            for seed in range(options.seeds):
                chance = random.Random(f"{country} {seed} {with_code}")
                one = made(country, chance, 60, with_code=with_code)
                counts, wrong = found(one, finder(one, chance))
                mine += counts
                if country in shown:
                    print(
                        *(f"  {country} {seed}: {line}" for line in wrong),
                        sep="\n",
                        end="\n" if wrong else "",
                    )
            totals[with_code] += mine
            if mine["rows"] >= 20:
                worst[with_code] = min(worst[with_code], (mine["right"] / mine["rows"], country))
    for with_code, goal in ((True, "at least 99 %"), (False, "at least 97 %")):
        counts = totals[with_code]
        print(
            f"municipalities {'by code' if with_code else 'by name'}: "
            f"right {counts['right']}/{counts['rows']} ({counts['right'] / counts['rows']:.2%}; {goal}), "
            f"wrong {counts['wrong']}, asked {counts['asked']}, undecidable {counts['undecidable']}; "
            f"worst {worst[with_code][1]} {worst[with_code][0]:.1%}"
        )
    print(f"    27 countries, {2 * options.seeds} lists each, {time.process_time() - started:.0f} s of CPU")


if __name__ == "__main__":
    main()
