"""What an import writes is what the next one finds, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import sqlalchemy as sa

from outreach.contacts import merge
from outreach.contacts.merge import ContactKey, ImportPlan, KnownContact
from outreach.db import directory, schema
from outreach.db.engine import Database
from outreach.model.states import ContactKind
from outreach.model.values import ContactRow, Place
from tests import databases
from tests.histories import NOW

database = databases.fixture()

_TOWN = Place("BE", "Gent", "44021", "BE-VOV", 265_086, ("nl", "fr"), "Europe/Brussels")
_VILLAGE = Place("BE", "Bièvre")
_MAYOR = ContactRow(
    _TOWN, "An.Peeters@gent.example", ContactKind.NAMED, 2, "An Peeters", "burgemeester", "nl"
)
_OFFICE = ContactRow(_VILLAGE, "info@bievre.example", ContactKind.INSTITUTIONAL, 3)


def imported(
    database: Database, rows: list[ContactRow], days: int = 0
) -> tuple[ImportPlan, dict[ContactKey, KnownContact]]:
    """Import ``rows`` from list.csv so many days later: the plan, and what is known after it."""
    with database.write() as connection:
        known = directory.known(connection, "BE", "list.csv")
        plan = merge.plan(rows, known, lambda _address: False)
        directory.apply(
            connection,
            plan,
            country="BE",
            source="list.csv",
            digest="0" * 64,
            now=NOW + timedelta(days=days),
        )
    with database.read() as connection:
        return plan, directory.known(connection, "BE", "list.csv")


def test_every_value_comes_back_as_it_was_written(database: Database) -> None:
    plan, known = imported(database, [_MAYOR, _OFFICE])
    assert len(plan.new) == 2
    mayor = KnownContact(
        _TOWN, "An.Peeters@gent.example", ContactKind.NAMED, "An Peeters", "burgemeester", "nl"
    )
    office = KnownContact(_VILLAGE, "info@bievre.example", ContactKind.INSTITUTIONAL)
    assert known == {
        ("lau:44021", "an.peeters@gent.example"): mayor,
        ("name:bievre|", "info@bievre.example"): office,
    }
    columns = schema.contact.c
    with database.read() as connection:
        rows = connection.execute(
            sa.select(
                columns.created_at, columns.updated_at, columns.source_line, columns.source_digest
            ).order_by(columns.source_line)
        )
        assert [tuple(row) for row in rows] == [(NOW, NOW, 2, "0" * 64), (NOW, NOW, 3, "0" * 64)]


def test_the_second_import_changes_nothing_and_a_mended_row_changes_itself(database: Database) -> None:
    _, before = imported(database, [_MAYOR, _OFFICE])
    plan, known = imported(database, [_MAYOR, _OFFICE], days=1)
    assert plan.changes_nothing
    assert known == before

    grown = replace(_MAYOR, place=replace(_TOWN, population=270_000), role="schepen")
    plan, known = imported(database, [grown, _OFFICE], days=2)
    assert (len(plan.new), len(plan.changed), len(plan.changed_places)) == (0, 1, 1)
    found = known["lau:44021", "an.peeters@gent.example"]
    assert (found.role, found.place.population) == ("schepen", 270_000)
    columns = schema.municipality.c
    with database.read() as connection:
        made = connection.execute(sa.select(columns.created_at).where(columns.code == "44021")).scalar_one()
    assert made == NOW, "a municipality that is known keeps the moment it was first written"


def test_more_rows_than_are_handed_over_at_a_time_all_arrive(database: Database) -> None:
    rows = [
        replace(_OFFICE, place=Place("BE", f"Dorp {number}"), email=f"info@dorp{number}.example", line=number)
        for number in range(5_003)
    ]
    _, known = imported(database, rows)
    assert sorted(contact.email for contact in known.values()) == sorted(row.email for row in rows)
