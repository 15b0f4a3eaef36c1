"""Contact lists of the 27 countries, made up, with the truth beside them.

``made("PL", Random(7), rows=60)`` is a list as it is met in Poland: a format, an encoding, names of columns, title
rows, totals, and faults in its cells, and what a perfect reader finds in it. The same seed makes the same list.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from random import Random

from tests.lists import cells, files
from tests.lists.towns import Town, domain, habits, spelled, towns

#: What tells that mail is certified (Italy's PEC), as the domains of such boxes do.
CERTIFIED = "pec."


@dataclass(frozen=True, slots=True)
class MadeList:
    """``truth``: each town with the addresses that an import has to find for it; a town whose cell is faulty has
    none. ``columns``: the field that each column to be read serves, by its name in the file."""

    country: str
    filename: str
    data: bytes
    towns: tuple[Town, ...]
    truth: tuple[tuple[Town, tuple[str, ...]], ...]
    spellings: tuple[str, ...]  # the name of each town as the file has it
    columns: dict[str, str]
    has_code: bool


_OTHERS = ("phone", "web", "population", "databox")


def made(country: str, chance: Random, rows: int = 40, *, with_code: bool | None = None) -> MadeList:
    """A list of ``rows`` towns of ``country``. ``with_code`` says whether it has a column of codes; else chance."""
    habit = habits()[country]
    kind, _, how = chance.choice(habit["formats"]).partition(":")
    everyone = towns(country, chance, rows)
    has_code = chance.random() < 0.7 if with_code is None else with_code
    fields = ["name", "region", "email"]
    fields += ["code"] if has_code else []
    fields += [
        name for name in ("email2", "certified_email", "language", "person") if name in habit["columns"]
    ]
    fields += [name for name in _OTHERS if name in habit["columns"] and chance.random() < 0.7]
    if chance.random() < 0.6:
        chance.shuffle(fields)
    header = _header(fields, habit["columns"], chance)
    if kind in ("csv", "txt"):
        header = [files.in_code_page(title, how.partition(":")[0]) for title in header]
    elif kind == "xml":
        header = [files.xml_name(title) for title in header]
    table = [header]
    truth, spellings = [], []
    as_json = bool(habit.get("json_cells")) and kind == "csv" and chance.random() < 0.6
    for town in everyone:
        values, found = _row(town, fields, chance, as_json)
        if kind in ("csv", "txt") and not files.fits(values["email"], how.partition(":")[0]):
            # What the code page lacks stands in no file that is in it.
            values["email"] = f"{habit['offices'][0]}@{domain(town)}"
            found = (values["email"], *(one for one in found if one == values["email2"]))
        if kind in ("csv", "txt"):
            values = {
                field: files.in_code_page(value, how.partition(":")[0]) for field, value in values.items()
            }
        spellings.append(values["name"])
        truth.append((town, found))
        table.append([values[field] for field in fields])
    data, filename = _file(kind, how, table, fields, habit, chance)
    return MadeList(
        country,
        filename,
        data,
        tuple(everyone),
        tuple(truth),
        tuple(spellings),
        {title: field for field, title in zip(fields, header, strict=True) if field not in _OTHERS},
        has_code,
    )


def _header(fields: list[str], names: dict[str, list[str]], chance: Random) -> list[str]:
    chosen: list[str] = []
    for field in fields:
        free = [name for name in names[field] if name not in chosen]
        name = chance.choice(free)
        style = chance.random()
        chosen.append(name.upper() if style < 0.1 else f"{name} " if style < 0.15 else name)
    return chosen


def _row(
    town: Town, fields: list[str], chance: Random, as_json: bool
) -> tuple[dict[str, str], tuple[str, ...]]:
    habit = habits()[town.country]
    host = domain(town)
    offices = chance.sample(habit["offices"], 2)
    addresses = tuple(f"{office}@{host}" for office in offices)
    written, found = cells.cell(addresses, town.country, chance, as_json=as_json)
    if chance.random() < 0.02:
        written, sent = cells.internationalised(addresses[0], chance)
        found = (sent,)
    values = {
        "name": spelled(town, chance),
        "region": town.region,
        "email": written,
        "code": town.code,
        "phone": chance.choice(("012 345 678", "+32 2 555 12 34", "")),
        "web": chance.choice((f"www.{host}", f"https://www.{host}/", "")),
        "population": f"{town.population}",
        "databox": "".join(chance.choice("abcdefghijkmnpqrstuvwxyz23456789") for _ in range(7)),
        "person": chance.choice(("", "Maria Berg", "Dr. Jan Weiß")),
        "language": town.languages[0] if town.languages else "",
    }
    second = f"second@{host}"
    if "email2" in fields and chance.random() < 0.5:
        values["email2"] = second
        found = (*found, second)
    values.setdefault("email2", "")
    certified = f"protocollo@{CERTIFIED}{host}"
    if "certified_email" in fields:
        values["certified_email"] = certified
        found = found or (certified,)
    return values, tuple(found)


def _file(
    kind: str, how: str, table: files.Rows, fields: list[str], habit: dict[str, object], chance: Random
) -> tuple[bytes, str]:
    width = len(table[0])
    above: files.Rows = []
    notes: files.Rows = []
    if chance.random() < 0.4:
        above = [["Municipalities 2025"], []]
    if chance.random() < 0.4:
        total = [""] * width
        total[0] = chance.choice(("Total", "Summe", "Razem", "Celkem", "Összesen", "Σύνολο", "Totale"))
        if "population" in fields and fields.index("population"):
            total[fields.index("population")] = "1234567"
        notes = [[], total, ["Source: the association; contact@association.example"[:30] + "."]]
    if kind in ("csv", "txt"):
        encoding, _, delimiter = how.partition(":")
        quoting = csv.QUOTE_ALL if chance.random() < 0.2 else csv.QUOTE_MINIMAL
        notes = [[files.in_code_page(cell, encoding) for cell in row] for row in notes]
        padded = [row + [""] * (width - len(row)) for row in (*above, *table, *notes)]
        return files.text(padded, encoding, delimiter, quoting), f"list.{kind}"
    if kind == "xlsx":
        groups: list[tuple[str, int]] = []
        titles = habit.get("two_headers")
        if isinstance(titles, list) and chance.random() < 0.6:
            split = chance.randrange(1, width)
            groups = [(titles[0], split), (titles[1], width - split)]
        return files.xlsx(table, above, groups, notes), "list.xlsx"
    if kind == "ods":
        return files.ods([*above, *table, *notes]), "list.ods"
    if kind == "htmlxls":
        return files.html([*above, *table, *notes]), "list.xls"
    writers = {"json": files.json_, "jsonl": files.json_lines, "geojson": files.geojson, "xml": files.xml}
    return writers[kind](table), f"list.{kind}"
