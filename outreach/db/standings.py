"""The numbers of reports, kept current.

Triggers note each municipality of which something changed (``report_stale``). It is counted anew here: what it was
counted as is taken from the numbers, what it is now is added. So a report costs what it shows, however many mails
there are, and every number is the sum over municipalities at one moment, whoever writes meanwhile.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa

from outreach.db import facts, schema, scope
from outreach.db.dialect import driver_rows, marks, plain_cursor
from outreach.report.facts import place_from_json
from outreach.report.funnel import Key, tally

#: Municipalities counted in one transaction: so long do writers wait.
_SOME = 2_000

_ADD = (
    "INSERT INTO report_number (selection, unit, cut, value, country, pattern, number) VALUES {}"
    " ON CONFLICT (selection, unit, cut, value, country, pattern)"
    " DO UPDATE SET number = report_number.number + excluded.number"
)
_KEEP = (
    "INSERT INTO report_place (municipality_id, country, facts) VALUES {}"
    " ON CONFLICT (municipality_id) DO UPDATE SET country = excluded.country, facts = excluded.facts"
)
#: Rows of one statement.
_ROWS = 500

#: Selection, unit, cut, value, country, pattern, number.
Number = tuple[str, str, str, str, str, int, int]


def waiting(connection: sa.Connection) -> int:
    """How many municipalities are to be counted anew."""
    stale = schema.report_stale.c.municipality_id
    return int(connection.execute(sa.select(sa.func.count(sa.distinct(stale)))).scalar_one())


def count_some(connection: sa.Connection, suppressed: Callable[[str], bool]) -> int:
    """Count some municipalities anew, in a transaction of :meth:`~outreach.db.engine.Database.write`; returns how
    many. 0: nothing has changed."""
    if connection.dialect.name == "postgresql":  # one counts at a time; readers and writers go on
        connection.exec_driver_sql("LOCK TABLE report_place IN SHARE ROW EXCLUSIVE MODE")
    stale = schema.report_stale.c
    ids = list(
        connection.execute(
            sa.select(stale.municipality_id).distinct().order_by(stale.municipality_id).limit(_SOME)
        ).scalars()
    )
    if not ids:
        return 0
    # Read before the facts: what is noted after is counted once more.
    noted = f"municipality_id IN ({_listed(ids)})"
    rows = [row[0] for row in driver_rows(connection, sa.select(stale.id).where(sa.text(noted)))]
    before = {
        id_: (country, text)
        for id_, country, text in driver_rows(
            connection,
            sa.select(
                schema.report_place.c.municipality_id,
                schema.report_place.c.country,
                schema.report_place.c.facts,
            ).where(sa.text(noted)),
        )
    }
    now = facts.of(connection, ids, suppressed)
    change: Counter[tuple[str, Key]] = Counter()
    kept: list[Sequence[Any]] = []
    for id_ in ids:
        old, new = before.get(id_), now.get(id_)
        text = json.dumps(new[1], separators=(",", ":")) if new else ""
        if old and new and old == (new[0], text):
            continue
        if old:
            for key, number in tally(place_from_json(json.loads(old[1]))).items():
                change[old[0], key] -= number
        if new:
            for key, number in tally(new[1]).items():
                change[new[0], key] += number
            kept.append((id_, new[0], text))
    _write(connection, change, kept)
    if gone := [id_ for id_ in before if id_ not in now]:
        connection.exec_driver_sql(f"DELETE FROM report_place WHERE municipality_id IN ({_listed(gone)})")  # noqa: S608
    for first in range(0, len(rows), 10_000):
        some = _listed(rows[first : first + 10_000])
        connection.exec_driver_sql(f"DELETE FROM report_stale WHERE id IN ({some})")  # noqa: S608
    return len(ids)


def _write(
    connection: sa.Connection, change: Counter[tuple[str, Key]], kept: Sequence[Sequence[Any]]
) -> None:
    added = [
        (selection, unit, cut, value, country, pattern, number)
        for (country, (selection, unit, cut, value, pattern)), number in sorted(change.items())
        if number
    ]
    with plain_cursor(connection) as execute:
        for statement, rows in ((_KEEP, kept), (_ADD, added)):
            for first in range(0, len(rows), _ROWS):
                some = rows[first : first + _ROWS]
                values = ", ".join([f"({marks(len(some[0]))})"] * len(some))
                execute(statement.format(values), [value for row in some for value in row])
    connection.exec_driver_sql("DELETE FROM report_number WHERE number = 0")


def _listed(ids: Sequence[int]) -> str:
    return ", ".join(str(int(id_)) for id_ in ids)


def numbers(
    connection: sa.Connection, *, unit: str, selections: Sequence[str] | None, country: str | None
) -> list[Number]:
    """What was counted, of ``selections`` (``None``: all) and of the countries the connection reaches."""
    table = schema.report_number.c
    statement = sa.select(
        table.selection, table.unit, table.cut, table.value, table.country, table.pattern, table.number
    ).where(table.unit == unit, scope.within(connection, table.country))
    if selections is not None:
        statement = statement.where(sa.or_(sa.false(), *(table.selection == one for one in selections)))
    if country is not None:
        statement = statement.where(table.country == country)
    return [tuple(row) for row in driver_rows(connection, statement)]
