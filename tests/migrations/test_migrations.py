"""The migrations make exactly the tables the code works with, on both databases, and can be taken back."""

from __future__ import annotations

import itertools
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlmodel import SQLModel

from outreach.db import schema
from outreach.db.engine import SCHEMA_VERSION, Database
from outreach.db.upgrade import alembic_config, upgrade
from outreach.errors import DatabaseError
from outreach.model.states import MessageState, OutcomeKind
from tests import databases, histories
from tests.histories import NOW

_numbers = itertools.count(1)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without tables (on SQLite: without a file)."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/new/outreach.db"
        return
    name = f"empty{next(_numbers)}"
    yield databases.cluster().create(name)
    databases.cluster().drop(name)


def _differences(url: str) -> list[object]:
    database = Database(url)
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found = compare_metadata(context, SQLModel.metadata)
    database.close()
    return list(found)


def _go(url: str, to: str, way: Callable[..., None] = command.upgrade) -> None:
    database = Database(url, check_version=False)
    with database.reshape() as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        way(config, to)
    database.close()


def _recipient(connection: sa.Connection) -> int:
    campaign, place = histories.add_campaign(connection), histories.add_municipality(connection)
    return histories.add_recipient(connection, campaign, place)


def _tables(url: str) -> set[str]:
    database = Database(url, check_version=False)
    with database.read() as connection:
        names = set(sa.inspect(connection).get_table_names())
    database.close()
    return names


def test_the_code_is_written_for_the_last_migration_and_there_is_one_line_of_them() -> None:
    scripts = ScriptDirectory.from_config(alembic_config())
    assert scripts.get_heads() == [SCHEMA_VERSION]
    assert len(scripts.get_bases()) == 1


def test_an_upgraded_database_has_the_tables_of_the_model(empty: str) -> None:
    assert upgrade(empty) == SCHEMA_VERSION
    assert _differences(empty) == []
    assert _tables(empty) == {*SQLModel.metadata.tables, "alembic_version"}


def test_a_difference_would_be_seen(empty: str) -> None:
    upgrade(empty)
    database = Database(empty)
    with database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE audit ADD COLUMN mood VARCHAR")
        connection.exec_driver_sql("DROP INDEX ix_message_waiting")
    database.close()
    assert len(_differences(empty)) == 2


def test_the_promise_of_no_second_mail_is_in_the_database(empty: str) -> None:
    upgrade(empty)
    database = Database(empty)
    with database.read() as connection:
        found = sa.inspect(connection).get_unique_constraints("message")
    database.close()
    assert ["campaign_id", "step", "email_key", "for_place"] in [one["column_names"] for one in found]


@pytest.mark.parametrize("place", ["", "7"])
def test_it_holds_for_an_address_or_where_each_place_gets_its_own_for_a_place(empty: str, place: str) -> None:
    upgrade(empty)
    database = Database(empty)
    with database.write() as connection:
        recipient = _recipient(connection)
        once = {"for_place": place} if place else {}
        row = histories.message_row(connection, recipient, "invitation", **once)
        histories.add(connection, schema.message, **row)
    again = {**row, "internet_message_id": "<other@x.example>", "token": "other", "for_place": place}
    with pytest.raises(sa.exc.IntegrityError), database.write() as connection:
        histories.add(connection, schema.message, **again)
    if place:
        with database.write() as connection:
            histories.add(connection, schema.message, **{**again, "for_place": "8"})
    database.close()


def test_a_table_made_anew_keeps_its_rows_and_those_that_refer_to_them(empty: str) -> None:
    upgrade(empty)
    _go(empty, "0007", command.downgrade)
    database = Database(empty, check_version=False)
    with database.write() as connection:
        recipient = _recipient(connection)
        row = histories.message_row(connection, recipient, "invitation")
        names = ", ".join(row)
        marks = ", ".join(f":{name}" for name in row)
        values = {
            name: value.value if isinstance(value, MessageState) else value for name, value in row.items()
        }
        connection.execute(sa.text(f"INSERT INTO message ({names}) VALUES ({marks})"), values)
        message = connection.exec_driver_sql("SELECT id FROM message").scalar_one()
        histories.add(
            connection,
            schema.attempt,
            message_id=message,
            sender="mine",
            at=NOW,
            outcome=OutcomeKind.ACCEPTED,
            stage="data_end",
        )
    upgrade(empty)
    database.close()
    database = Database(empty)
    with database.read() as connection:
        found = connection.execute(
            sa.select(schema.message.c.for_place, schema.attempt.c.sender).join(
                schema.attempt, schema.attempt.c.message_id == schema.message.c.id
            )
        ).all()
    database.close()
    assert found == [("", "mine")]
    assert _differences(empty) == []


def test_a_reference_that_leads_nowhere_after_an_upgrade_is_told_and_nothing_changed(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/outreach.db"
    upgrade(url)
    database = Database(url)
    with database.write() as connection:
        _recipient(connection)
    with (
        pytest.raises(DatabaseError, match="1 rows of the table recipient"),
        database.reshape() as connection,
    ):
        connection.exec_driver_sql("DELETE FROM campaign")
    with pytest.raises(sa.exc.IntegrityError), database.write() as connection:
        connection.exec_driver_sql("DELETE FROM campaign")  # references are watched again
    database.close()


def test_no_migration_has_lost_a_trigger_that_reports_need(empty: str) -> None:
    """A table of SQLite that is made anew has none of the triggers of the old one."""
    upgrade(empty)
    database = Database(empty)
    kinds = {"sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'"}
    query = kinds.get(database.engine.dialect.name, "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal")
    with database.read() as connection:
        found = set(connection.exec_driver_sql(query).scalars())
    database.close()
    tables = [
        "message",
        "recipient",
        "engagement",
        "registration",
        "attendance",
        "contact",
        "municipality",
        "suppression",
    ]
    assert found >= {
        f"report_{table}_{event}" for table in tables for event in ("insert", "update", "delete")
    }


def test_a_second_upgrade_changes_nothing(empty: str) -> None:
    upgrade(empty)
    database = Database(empty)
    with database.write() as connection:
        histories.add_messages(connection, 2)
    assert upgrade(empty) == SCHEMA_VERSION
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM message").scalar_one() == 2
    database.close()


def test_all_the_way_back_and_up_again(empty: str) -> None:
    upgrade(empty)
    _go(empty, "base", command.downgrade)
    assert _tables(empty) == {"alembic_version"}
    with pytest.raises(DatabaseError, match="of version none"):
        Database(empty)
    _go(empty, "head")
    assert _differences(empty) == []


def test_each_step_alone(empty: str) -> None:
    scripts = ScriptDirectory.from_config(alembic_config())
    for script in reversed(list(scripts.walk_revisions())):
        if empty.startswith("sqlite"):
            Path(empty.removeprefix("sqlite:///")).parent.mkdir(exist_ok=True)
        _go(empty, script.revision)
    assert _differences(empty) == []


def test_a_newer_database_is_left_as_it_is(empty: str) -> None:
    upgrade(empty)
    database = Database(empty)
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    for act in (upgrade, Database):
        with pytest.raises(DatabaseError, match="of version 9999"):
            act(empty)
    database = Database(empty, check_version=False)
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one() == "9999"
    database.close()


def test_an_upgrade_that_fails_leaves_nothing(empty: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = sa.schema.CreateTable, itertools.count()

    def fail_at_the_fifth(element: sa.Table, **options: object) -> sa.schema.CreateTable:
        if next(calls) == 4:
            raise RuntimeError("the power went")
        return real(element, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("alembic.ddl.impl.schema.CreateTable", fail_at_the_fifth)
    with pytest.raises(RuntimeError, match="the power went"):
        upgrade(empty)
    assert _tables(empty) == set()
    monkeypatch.undo()
    upgrade(empty)
    assert _differences(empty) == []


def test_two_upgrades_of_one_file_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/outreach.db"
    versions: list[str] = []
    threads = [threading.Thread(target=lambda: versions.append(upgrade(url))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert versions == [SCHEMA_VERSION] * 2


def test_a_new_file_is_its_owners_and_in_wal_mode(tmp_path: Path) -> None:
    path = tmp_path / "outreach.db"
    upgrade(f"sqlite:///{path}")
    assert path.stat().st_mode & 0o777 == 0o600
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()


def test_an_older_database_keeps_its_rows(empty: str) -> None:
    """Down to the first version and up again: a later migration that loses rows shows here."""
    upgrade(empty)
    first = list(ScriptDirectory.from_config(alembic_config()).walk_revisions())[-1].revision
    _go(empty, first, command.downgrade)
    database = Database(empty, check_version=False)
    with database.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO municipality (country, key, name, languages, created_at)"
            f" VALUES ('BE', 'town', 'Town', '', '{NOW:%Y-%m-%d %H:%M:%S.%f}')"
        )
    database.close()
    upgrade(empty)
    database = Database(empty)
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT name FROM municipality").scalar_one() == "Town"
    database.close()
