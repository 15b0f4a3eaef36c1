"""How well contact lists are read: ``python benchmarks/lists.py [--show CC] [--seeds N]``.

Lists as each of the 27 countries has them are made by ``tests/lists``, with the truth beside them. Counted are
columns (right, of those to be read), addresses (found, of those in the list) and addresses invented, which stand in
no list. ``make accuracy`` prints them.
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
from outreach.errors import InputError
from outreach.model.values import ContactRow
from tests.lists.made import MadeList, made
from tests.lists.towns import COUNTRIES

_FIELDS = {"name": {"municipality"}, "email2": {"email"}}


def read(one: MadeList) -> tuple[Counter[str], list[str]]:
    """The counts for one list, and what was wrong with it in words."""
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    wanted = {(town.code, address.casefold()) for town, found in one.truth for address in found}
    counts["columns"], counts["addresses"] = len(one.columns), len(wanted)
    try:
        table = decode.table(one.data, filename=one.filename, country=one.country)
        mapping = columns.map_columns(table.header, table.sample, country=one.country)
        rows = list(normalize.contacts(table.rows, mapping, one.country))
    except InputError as error:
        return counts, [f"refused: {error}"]
    got = {column.header.casefold().strip(): column.field.value for column in mapping.columns}
    for title, field in one.columns.items():
        title = " ".join(title.split())
        name = title.casefold()
        found = got.get(name) or next((f for t, f in got.items() if t.endswith(f": {name}")), None)
        if found in _FIELDS.get(field, {field}):
            counts["columns_right"] += 1
        else:
            wrong.append(f"column {title!r} ({field}) is read as {found}")
    by_address = {address: code for code, address in wanted}
    seen = set()
    for row in rows:
        if isinstance(row, ContactRow):
            key = row.email.casefold()
            if key in by_address:
                seen.add(key)
            else:
                counts["invented"] += 1
                wrong.append(f"invented {row.email!r} in line {row.line}")
    counts["addresses_found"] = len(seen)
    wrong += [f"not found: {address}" for address in by_address.keys() - seen]
    return counts, wrong


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--show", default="", help="what is wrong, for these countries (DE,FR) or all")
    arguments.add_argument("--seeds", type=int, default=12)
    options = arguments.parse_args()
    total: Counter[str] = Counter()
    started = time.process_time()
    print(f"Contact lists, {options.seeds} of each country: columns, addresses found, addresses invented")
    for country in COUNTRIES:
        counts: Counter[str] = Counter()
        for seed in range(options.seeds):
            one = made(country, random.Random(f"{country}{seed}"))
            now, wrong = read(one)
            counts += now
            if country in options.show.split(",") or options.show == "all":
                for what in wrong:
                    print(f"      {country} {seed} {one.filename}: {what}")
        total += counts
        print(f"  {country}  {_line(counts)}")
    print(f"  all {_line(total)}   ({time.process_time() - started:.1f} s)")


def _line(counts: Counter[str]) -> str:
    return "   ".join(
        [
            *(
                f"{name} {counts[f'{name}_{how}']}/{counts[name]} ({counts[f'{name}_{how}'] / counts[name]:.1%})"
                for name, how in (("columns", "right"), ("addresses", "found"))
            ),
            f"invented {counts['invented']}",
        ]
    )


if __name__ == "__main__":
    main()
