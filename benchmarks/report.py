"""What reports cost with the whole Union in the database: ``python benchmarks/report.py [--scale 1] [--sqlite]``.

`outreach simulate` makes three databases, of 10, 100 and 300 % of ``--scale`` (0.1, unless another is said: 10,000
municipalities and 120,000 mails; ``--scale 1`` is the whole Union, and takes half an hour), on SQLite and on a private
PostgreSQL. All that shows figures is timed on that of 100 %, each with a new connection; then how it grows.

The peer is what one would write without Outreach: one SQL statement, by hand, that counts who was invited, reached
and registered in each campaign and country. Outreach answers the same question, and both have to say the same. The
report proper holds much more: every cut, interval and reason.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from _figures import ROOT, Figure, child, show

from outreach.db import queries, schema
from outreach.db.engine import Database
from outreach.jobs import launch_campaign
from outreach.jobs import report as reports
from outreach.report import export, page, page_markdown, terminal, workbook
from outreach.report.document import Cut, Report, Selection, Unit
from outreach.report.labels import Reader
from outreach.settings import Workspace
from outreach.simulate.world import Wishes, simulate

NOW = datetime(2026, 11, 27, 15, tzinfo=UTC)
SIZES = (0.1, 1.0, 3.0)  # of the scale
_ROUNDS = 5
_CHANGED = 1_000  # municipalities that something happened with since the last count

_PEER = """
SELECT campaign.slug, campaign.country, count(*), sum(registered)
FROM (
    SELECT recipient.campaign_id, recipient.municipality_id,
           max(CASE WHEN registration.state = 'registered' THEN 1 ELSE 0 END) AS registered
    FROM recipient
    JOIN message ON message.recipient_id = coalesce(recipient.named_by, recipient.id)
         AND message.state IN ('sent', 'bounced') AND message.answers_id IS NULL AND NOT message.for_session
    LEFT JOIN registration ON registration.campaign_id = recipient.campaign_id
         AND registration.municipality_id = recipient.municipality_id
    GROUP BY recipient.campaign_id, recipient.municipality_id
) AS place JOIN campaign ON campaign.id = place.campaign_id
GROUP BY campaign.slug, campaign.country
"""


@dataclass(frozen=True, slots=True)
class Union:
    """A simulated database."""

    workspace: Workspace
    size: float  # 1: what was asked for

    @property
    def clock(self) -> Callable[[], float]:
        """Processor time, where all is done in this process; PostgreSQL works in another: the time that passes."""
        return time.process_time if self.workspace.database_url.startswith("sqlite") else time.perf_counter

    def timed(self, work: Callable[[Database], object]) -> float:
        """Seconds, a median; each time with a connection of its own."""
        times = []
        for _ in range(_ROUNDS):
            database = Database(self.workspace.database_url)
            began = self.clock()
            work(database)
            times.append(self.clock() - began)
            database.close()
        return statistics.median(times)

    def make(self, database: Database, selection: Selection = Selection()) -> Report:  # noqa: B008
        return reports.make(self.workspace, database, selection, now=NOW)

    def change(self) -> None:
        """Something happens with :data:`_CHANGED` municipalities."""
        database = Database(self.workspace.database_url)
        place = schema.municipality
        with database.write() as connection:
            ids = connection.execute(sa.select(place.c.id).order_by(place.c.name).limit(_CHANGED)).scalars()
            changed = sa.update(place).where(place.c.id.in_(list(ids)))
            connection.execute(changed.values(population=place.c.population + 1))
        database.close()


def overview(database: Database) -> None:
    with database.read() as connection:
        queries.campaign_overview(connection)


def by_hand(database: Database) -> dict[tuple[str, str], tuple[int, int]]:
    """The peer."""
    with database.read() as connection:
        rows = connection.exec_driver_sql(_PEER)
        return {(slug, country): (int(invited), int(took)) for slug, country, invited, took in rows}


def by_outreach(union: Union, database: Database) -> dict[tuple[str, str], tuple[int, int]]:
    report = union.make(database)
    return {
        (section.campaign, line.key): (line.counts.invited, line.counts.registered)
        for section in report.sections
        if section.cut is Cut.COUNTRY and section.campaign
        for line in section.lines
        if line.counts.invited
    }


def measure(union: Union) -> list[Figure]:
    """All that shows figures."""
    database = Database(union.workspace.database_url)
    said = by_outreach(union, database)
    if said != by_hand(database):
        raise RuntimeError("the report and the statement do not count the same")
    whole = union.make(database)
    with database.read() as connection:
        largest = max(queries.campaign_overview(connection), key=lambda one: sum(one.messages.values()))
    database.close()
    peer = union.timed(by_hand)
    sender = union.workspace.settings.sender(largest.sender)
    lines: list[tuple[str, Callable[[Database], object], str]] = [
        ("overview of campaigns", overview, "under 0.3 s"),
        (
            f"status of {largest.name}",
            lambda one: launch_campaign.status(one, largest.name, sender, NOW),
            "under 0.3 s",
        ),
        ("report: everything, every cut", union.make, "under 1 s"),
        (
            "the same by contact",
            lambda one: union.make(one, Selection(unit=Unit.CONTACT)),
            "under 1 s",
        ),
        ("one campaign", lambda one: union.make(one, Selection("lordimas")), "under 1 s"),
        (
            f"one country ({largest.country})",
            lambda one: union.make(one, Selection(country=largest.country)),
            "under 1 s",
        ),
        ("written for a terminal", lambda _: terminal.text(whole, cut=None, reader=Reader()), "under 1 s"),
        ("written as JSON", lambda _: export.to_json(whole, cut=None), "under 1 s"),
        ("written as CSV", lambda _: export.to_csv(whole, cut=None), "under 1 s"),
        ("written as XLSX", lambda _: workbook.to_xlsx(whole), "under 10 s"),
        ("written as a page", lambda _: page.to_html(whole), "under 1 s"),
        ("written as Markdown", lambda _: page_markdown.to_markdown(whole), "under 1 s"),
    ]
    figures = [Figure("peer: invited and registered, SQL by hand", peer, "s", 1.0)]
    for name, work, goal in lines:
        took = union.timed(work)
        figures.append(Figure(name, took, "s", took / peer, goal))
    figures.append(Figure(f"counting {_CHANGED:,} that have changed", recount(union), "s"))
    for form in ("json", "xlsx"):
        figures.append(
            Figure(f"memory of report --format {form}", memory(union, form), "MB", goal="under 300 MB")
        )
    return figures


_PEAK = """
import atexit
from outreach.cli import main
atexit.register(lambda: print(*[line.split()[1] for line in open("/proc/self/status") if "VmHWM" in line]))
main()
"""


def memory(union: Union, form: str) -> float:
    """Megabytes, of the whole command. Told by itself: what the system says of a child holds its parent's, too."""
    file = union.workspace.root / f"report.{form}"
    said = child(["-c", _PEAK, "-w", union.workspace.root, "report", "--format", form, "-o", file]).output
    return int(said.split()[-1]) / 1024


def recount(union: Union) -> float:
    times = []
    for _ in range(3):
        union.change()
        database = Database(union.workspace.database_url)
        began = union.clock()
        if not reports.count(union.workspace, database):
            raise RuntimeError("nothing had changed")
        times.append(union.clock() - began)
        database.close()
    return statistics.median(times)


def growth(unions: list[Union]) -> list[Figure]:
    """The same on all sizes; the ratio is to 100 %, divided by how much more there is."""
    figures = []
    works: list[tuple[str, Callable[[Union], float]]] = [
        ("overview", lambda union: union.timed(overview)),
        ("report", lambda union: union.timed(union.make)),
        (f"counting {_CHANGED:,}", recount),
    ]
    for name, work in works:
        times = {union.size: work(union) for union in unions}
        figures += [
            Figure(f"{name} at {size:.0%}", took, "s", took / times[1.0]) for size, took in times.items()
        ]
    return figures


@contextmanager
def databases(kinds: list[str]) -> Iterator[dict[str, Callable[[str], str]]]:
    """For each kind, what gives the address of a new database."""
    found: dict[str, Callable[[str], str]] = {}
    if "sqlite" in kinds:
        found["SQLite"] = lambda _name: "sqlite:///outreach.db"
    if "postgresql" in kinds:
        sys.path.insert(0, str(ROOT))
        from tests.databases import Cluster

        found["PostgreSQL"] = Cluster().create  # stops by itself when all is done
    yield found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--scale", type=float, default=0.1)
    parser.add_argument("--sqlite", action="store_true", help="on SQLite only")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    kinds = ["sqlite"] if chosen.sqlite else ["sqlite", "postgresql"]
    with tempfile.TemporaryDirectory(prefix="outreach-report-") as name, databases(kinds) as addresses:
        for kind, address in addresses.items():
            unions = []
            for size in SIZES:
                wishes = Wishes(
                    scale=chosen.scale * size, until=NOW.date(), database=address(f"union{size:g}")
                )
                made = simulate(Path(name) / f"{kind}-{size:g}", wishes, NOW)
                unions.append(Union(made.workspace, size))
                if size == 1.0:
                    title = f"{kind}: {made.rows['municipality']:,} municipalities, {made.rows['message']:,} mails"
                    figures = measure(unions[-1])
            clock = "processor time" if kind == "SQLite" else "time that passes"
            show(f"{title}; {clock}", figures)
            show(f"{kind}: growth", growth(unions))


if __name__ == "__main__":
    main()
