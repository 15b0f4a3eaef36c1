"""How fast a list of 100,000 rows becomes contacts: ``python benchmarks/import_contacts.py``.

The list is made up: seven columns, semicolons, Windows-1252, some cells as people fill them in. It is imported
into a fresh SQLite database and then, without a change, once more, each in a process of its own; the same as XLSX;
the same with a thousand more letters in each row (100 MB), as CSV and as JSON; and a list of each country, 100,000
municipalities in all. The peer does the least there is: ``csv.reader`` and ``executemany`` of the raw rows into one
table, nothing looked at.
"""

from __future__ import annotations

import csv
import json
import random
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from _figures import ROUNDS, Figure, child, show

ROWS = 100_000
HEADER = ("AGS", "Gemeinde", "Bundesland", "E-Mail", "Ansprechpartner", "Funktion", "Einwohner")
_STATES = {"09": "Bayern", "08": "Baden-Württemberg", "07": "Rheinland-Pfalz", "16": "Thüringen"}
_FIRST = ("Göß", "Müh", "Ober", "Lind", "Schön", "Wasser", "Alt", "Neu", "Kirch", "Hoh", "Bären", "Eich")
_MIDDLE = ("en", "er", "el", "ings", "ern", "linger", "winter", "sommer", "thal", "wald")
_LAST = ("heim", "dorf", "stetten", "hausen", "brück", "bach", "weiler", "mühl", "fürth", "kirchen")
_GIVEN = ("Jörg", "Anna", "Käthe", "Uwe", "Sören", "Petra", "Zoë", "Hans-Peter", "Ülkü", "Maria")
_FAMILY = ("Müller", "Weiß", "Schröder", "Öztürk", "Krämer", "Lang", "Gruber", "Fuchs", "Böhm", "Vogt")
_OFFICES = ("info", "rathaus", "poststelle", "gemeinde", "buergerbuero")
_ROLES = ("Bürgermeisterin", "Bürgermeister", "Kämmerei", "Geschäftsleitung", "Digitalisierung", "")
_ASCII = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ö": "oe", "Ü": "ue", "ë": "e"})


def write_list(path: Path, rows: int) -> None:
    """A list of ``rows`` rows below its header; five of each municipality."""
    chance = random.Random(1789)
    with path.open("w", encoding="cp1252", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(HEADER)
        for number in range(rows):
            place = number // 5
            if number % 5 == 0:
                code, state = chance.choice(list(_STATES.items()))
                name = chance.choice(_FIRST) + chance.choice(_MIDDLE) + chance.choice(_LAST)
                domain = f"{name.lower().translate(_ASCII)}-{place}.example"
                ags = f"{code}{place:06d}"
                population = chance.randrange(300, 90_000)
            if number % 5 == 0:
                person, address = "", f"{chance.choice(_OFFICES)}@{domain}"
            else:
                given, family = chance.choice(_GIVEN), chance.choice(_FAMILY)
                person = f"{given} {family}"
                local = f"{given}.{family}{number % 5}".lower().translate(_ASCII)
                address = f"{local}@{domain}"
            kind = number % 1000
            if kind == 17:
                address = f"{person} <{address}>"
            elif kind == 218:
                address = f"{address}; zweite{number}@{domain}"
            elif kind == 419:
                address = "siehe Internet"
            elif kind == 604:
                address = f" {address.upper()} "
            writer.writerow(
                (
                    ags,
                    name,
                    state,
                    address,
                    person,
                    chance.choice(_ROLES),
                    f"{population:,}".replace(",", "."),
                )
            )


def write_xlsx(path: Path, list_: Path) -> None:
    import xlsxwriter

    book = xlsxwriter.Workbook(path, {"constant_memory": True, "strings_to_urls": False})
    sheet = book.add_worksheet()
    with list_.open(encoding="cp1252", newline="") as file:
        for line, row in enumerate(csv.reader(file, delimiter=";")):
            sheet.write_row(line, 0, row)
    book.close()


def write_long(csv_: Path, json_: Path, list_: Path) -> None:
    """100 MB of each: the list with opening hours that nobody asked for, as open-data portals have them."""
    with (
        list_.open(encoding="cp1252", newline="") as file,
        csv_.open("w", encoding="utf-8", newline="") as out,
        json_.open("w", encoding="utf-8") as records,
    ):
        rows = csv.reader(file, delimiter=";")
        writer = csv.writer(out, delimiter=";")
        header = [*next(rows), "hours"]
        writer.writerow(header)
        records.write('{"results": [\n')
        for number, row in enumerate(rows):
            row.append("Montag bis Freitag von 8 bis 12 Uhr, " * 25)
            writer.writerow(row)
            object_ = json.dumps(dict(zip(header, row, strict=True)), ensure_ascii=False)
            records.write((",\n" if number else "") + object_)
        records.write("]}")


def write_union(folder: Path, rows: int) -> None:
    """A list of each country, sharing ``rows`` municipalities by their true numbers."""
    from outreach.model.countries import COUNTRIES

    shares = {code: country.municipalities_estimate or 1 for code, country in COUNTRIES.items()}
    whole = sum(shares.values())
    for code, share in shares.items():
        with (folder / f"{code}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter=";")
            writer.writerow(("Code", "Municipality", "Email", "Population"))
            for number in range(max(1, round(rows * share / whole))):
                name = f"{code} {_FIRST[number % 12]}{_LAST[number % 10]} {number}"
                writer.writerow((f"{number:06d}", name, f"info@m{number}.{code.lower()}.example", number * 7))


def new_workspace(folder: Path) -> None:
    from outreach import settings
    from outreach.db.upgrade import upgrade

    (folder / "outreach.toml").write_text('key = "a key for the benchmark, 32 byte"\n', encoding="utf-8")
    upgrade(settings.load(folder).database_url)


def run_import(folder: Path, list_: Path) -> dict[str, float]:
    """In the child: one import, to its commit."""
    from outreach import settings
    from outreach.db.engine import Database
    from outreach.jobs.import_contacts import import_contacts

    workspace = settings.load(folder)
    database = Database(workspace.database_url)
    now = datetime(2027, 3, 1, tzinfo=UTC)
    start, cpu = time.perf_counter(), time.process_time()
    result = import_contacts(workspace, database, list_, country="DE", now=now, actor="benchmark", apply=True)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    database.close()
    plan = result.plan
    return {
        "seconds": seconds,
        "cpu": cpu,
        "new": len(plan.new),
        "changed": len(plan.changed) + len(plan.changed_places),
        "rejected": len(plan.rejected),
    }


def run_union(folder: Path, lists: Path) -> dict[str, float]:
    """In the child: one import after the other, of all countries."""
    from outreach import settings
    from outreach.db.engine import Database
    from outreach.jobs.import_contacts import import_contacts

    workspace = settings.load(folder)
    database = Database(workspace.database_url)
    now = datetime(2027, 3, 1, tzinfo=UTC)
    start, new = time.perf_counter(), 0
    for path in sorted(lists.glob("*.csv")):
        result = import_contacts(
            workspace, database, path, country=path.stem, now=now, actor="benchmark", apply=True
        )
        new += len(result.plan.new)
    database.close()
    return {"seconds": time.perf_counter() - start, "new": new}


def run_peer(folder: Path, list_: Path) -> dict[str, float]:
    """In the child: the same rows, read and written, nothing looked at."""
    start = time.perf_counter()
    with closing(sqlite3.connect(folder / "peer.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("CREATE TABLE row (a, b, c, d, e, f, g)")
        with list_.open(encoding="cp1252", newline="") as file:
            reader = csv.reader(file, delimiter=";")
            next(reader)
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO row VALUES (?, ?, ?, ?, ?, ?, ?)", reader)
            connection.execute("COMMIT")
    return {"seconds": time.perf_counter() - start}


def measure(rows: int = ROWS) -> list[Figure]:
    seconds: dict[str, list[float]] = {"first": [], "second": [], "peer": []}
    memory: dict[str, float] = {}
    cpu: dict[str, list[float]] = {"first": [], "second": []}
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            list_ = folder / "gemeinden.csv"
            write_list(list_, rows)
            child([__file__, "--child", "new", folder, list_])
            for what, times in seconds.items():
                use = child([__file__, "--child", what, folder, list_])
                told = json.loads(use.output)
                times.append(told["seconds"])
                if what in cpu:
                    cpu[what].append(told["cpu"])
                memory[what] = max(memory.get(what, 0), use.peak_megabytes)
                if what == "first" and told["new"] < rows * 0.99:
                    raise RuntimeError(f"only {told['new']} contacts are new")
                if what == "second" and (told["new"] or told["changed"]):
                    raise RuntimeError(f"the second import is not without change: {told}")
    middle = {what: rows / statistics.median(times) for what, times in seconds.items()}
    per_row = {what: statistics.median(times) / rows * 1e6 for what, times in cpu.items()}
    peer = middle["peer"]
    return [
        Figure("peer: csv.reader and executemany", peer, "rows/s"),
        Figure("peer's memory", memory["peer"], "MB"),
        Figure("first import", middle["first"], "rows/s", middle["first"] / peer, "at least 40,000 rows/s"),
        Figure("first import's CPU time", per_row["first"], "us/row"),
        Figure("first import's memory", memory["first"], "MB", None, "under 300 MB"),
        Figure(
            "second import, no change",
            middle["second"],
            "rows/s",
            middle["second"] / peer,
            "at least 60,000 rows/s",
        ),
        Figure("second import's CPU time", per_row["second"], "us/row"),
        Figure("second import's memory", memory["second"], "MB", None, "under 300 MB"),
    ]


def measure_files(rows: int = ROWS) -> list[Figure]:
    """The other files, once each: what they are measured for is memory, or a minute."""
    figures = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        list_ = folder / "gemeinden.csv"
        write_list(list_, rows)
        write_xlsx(folder / "gemeinden.xlsx", list_)
        write_long(folder / "long.csv", folder / "long.json", list_)
        union = folder / "union"
        union.mkdir()
        write_union(union, rows)
        for what, path, goal in (
            ("XLSX", folder / "gemeinden.xlsx", "at least 20,000 rows/s"),
            ("CSV of 100 MB", folder / "long.csv", ""),
            ("JSON of 100 MB", folder / "long.json", ""),
            ("27 countries", union, f"at least {ROWS / 60:,.0f} rows/s: a minute"),
        ):
            workspace = folder / what.replace(" ", "-")
            workspace.mkdir()
            child([__file__, "--child", "new", workspace, path])
            use = child([__file__, "--child", "union" if path == union else "first", workspace, path])
            told = json.loads(use.output)
            if told["new"] < rows * 0.99:
                raise RuntimeError(f"{what}: only {told['new']} contacts are new")
            figures.append(Figure(f"{what}, first import", rows / told["seconds"], "rows/s", None, goal))
            figures.append(Figure(f"{what}, memory", use.peak_megabytes, "MB", None, "under 300 MB"))
            shutil.rmtree(workspace)
    return figures


def main() -> None:
    if "--child" in sys.argv:
        what, folder, list_ = sys.argv[-3], Path(sys.argv[-2]), Path(sys.argv[-1])
        if what == "new":
            new_workspace(folder)
        else:
            run = {"peer": run_peer, "union": run_union}.get(what, run_import)
            print(json.dumps(run(folder, list_)))
        return
    show("Import of 100,000 rows", [*measure(), *measure_files()])


if __name__ == "__main__":
    main()
