"""Transactions as both databases really keep them, and what is said when one cannot be used."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa

from outreach.db import engine, schema
from outreach.db.engine import SCHEMA_VERSION, Database
from outreach.db.upgrade import backup, upgrade
from outreach.errors import DatabaseError
from outreach.model.states import CampaignState
from tests import databases, histories
from tests.histories import NOW

database = databases.fixture()
file_database = databases.fixture("sqlite")
server_database = databases.fixture("postgresql")


def _audit(connection: sa.Connection, action: str) -> None:
    histories.add(
        connection, schema.audit, at=NOW, actor="ann", action=action, subject="lordimas-be", detail=""
    )


def _actions(database: Database) -> list[str]:
    with database.read() as connection:
        column = schema.audit.c.action
        return list(connection.execute(sa.select(column).order_by(schema.audit.c.id)).scalars())


class TestTransactions:
    def test_a_write_stays_and_one_that_fails_leaves_nothing(self, database: Database) -> None:
        with database.write() as connection:
            _audit(connection, "kept")
        with pytest.raises(ZeroDivisionError), database.write() as connection:  # noqa: PT012
            _audit(connection, "lost")
            _ = 1 / 0
        assert _actions(database) == ["kept"]

    def test_what_a_reading_block_writes_is_not_kept(self, file_database: Database) -> None:
        with file_database.read() as connection:
            _audit(connection, "lost")
        assert _actions(file_database) == []

    def test_a_reading_block_on_postgresql_cannot_write(self, server_database: Database) -> None:
        with (
            pytest.raises(DatabaseError, match="cannot be opened for writing"),
            server_database.read() as connection,
        ):
            _audit(connection, "lost")
        with server_database.write() as connection:  # the same connection of the pool, free again
            _audit(connection, "kept")
        assert _actions(server_database) == ["kept"]

    def test_a_reading_block_sees_one_moment_while_others_write(self, database: Database) -> None:
        counted = sa.select(sa.func.count()).select_from(schema.audit)
        with database.read() as reader:
            assert reader.execute(counted).scalar_one() == 0
            with database.write() as writer:
                _audit(writer, "new")
            assert reader.execute(counted).scalar_one() == 0
        with database.read() as reader:
            assert reader.execute(counted).scalar_one() == 1

    def test_writers_of_a_file_wait_for_each_other(self, file_database: Database) -> None:
        """Read, wait, write: a counter that two at once would get wrong."""
        with file_database.write() as connection:
            campaign_id = histories.add_campaign(connection, digest="0")
        digest = schema.campaign.c.digest

        def count_up() -> None:
            for _ in range(10):
                with file_database.write() as connection:
                    number = int(connection.execute(sa.select(digest)).scalar_one())
                    time.sleep(0.002)
                    connection.execute(
                        sa.update(schema.campaign)
                        .where(schema.campaign.c.id == campaign_id)
                        .values(digest=str(number + 1))
                    )

        threads = [threading.Thread(target=count_up) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with file_database.read() as connection:
            assert connection.execute(sa.select(digest)).scalar_one() == "40"

    def test_a_commit_survives_a_killed_process_and_a_transaction_begun_does_not(
        self, file_database: Database
    ) -> None:
        program = f"""
import os, signal
from outreach.db.engine import Database
from outreach.db import schema
import sqlalchemy as sa
from datetime import UTC, datetime
database = Database({str(file_database.url)!r})
def audit(connection, action):
    words = dict(actor="", action=action, subject="", detail="")
    connection.execute(sa.insert(schema.audit).values(at=datetime.now(UTC), **words))
with database.write() as connection:
    audit(connection, "kept")
with database.write() as connection:
    audit(connection, "lost")
    os.kill(os.getpid(), signal.SIGKILL)
"""
        killed = subprocess.run([sys.executable, "-c", program], timeout=60)
        assert killed.returncode == -9
        assert _actions(file_database) == ["kept"]
        with file_database.write() as connection:  # and nothing is locked
            _audit(connection, "after")


class TestValues:
    def test_times_come_back_aware_in_utc(self, database: Database) -> None:
        east = datetime(2026, 3, 29, 3, 30, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
        with database.write() as connection:
            histories.add_campaign(connection, launched_at=east, checked_at=NOW)
        with database.read() as connection:
            row = connection.execute(sa.select(schema.campaign)).one()
        assert row.launched_at == east
        assert row.launched_at.utcoffset() == row.checked_at.utcoffset() == timedelta(0)
        assert row.finished_at is None

    def test_times_are_compared_as_moments(self, database: Database) -> None:
        west = datetime(2026, 3, 1, 23, 0, tzinfo=timezone(timedelta(hours=-5)))  # 04:00 UTC, the next day
        with database.write() as connection:
            histories.add_campaign(connection, launched_at=west)
        column = schema.campaign.c.launched_at
        with database.read() as connection:
            for moment, is_before in (
                (datetime(2026, 3, 2, 4, 0, tzinfo=UTC), False),
                (datetime(2026, 3, 2, 4, 0, 1, tzinfo=UTC), True),
            ):
                found = connection.execute(sa.select(schema.campaign.c.id).where(column < moment)).all()
                assert bool(found) is is_before

    def test_a_time_without_a_zone_is_refused(self, database: Database) -> None:
        naive = datetime(2026, 3, 2, 8, 0)  # noqa: DTZ001
        with (
            pytest.raises(sa.exc.StatementError, match="without a time zone"),
            database.write() as connection,
        ):
            histories.add_campaign(connection, checked_at=naive)
        with database.read() as connection:
            assert connection.execute(sa.select(schema.campaign)).all() == []

    def test_an_unknown_word_is_refused(self, database: Database) -> None:
        with pytest.raises(sa.exc.StatementError, match="launched"), database.write() as connection:
            histories.add_campaign(connection, state="launched")
        with database.read() as connection:
            assert connection.execute(sa.select(schema.campaign)).all() == []

    def test_words_are_stored_by_value_and_come_back_as_words(self, database: Database) -> None:
        with database.write() as connection:
            histories.add_campaign(connection, state=CampaignState.PAUSED)
        with database.read() as connection:
            assert connection.exec_driver_sql("SELECT state FROM campaign").scalar_one() == "paused"
            state = connection.execute(sa.select(schema.campaign.c.state)).scalar_one()
        assert state is CampaignState.PAUSED

    def test_json_and_bytes_come_back_as_they_were(self, database: Database) -> None:
        compiled = {"html": "Γειά σου, {{ name }} 100 %", "list": [1, None, True]}
        raw = bytes(range(256))
        with database.write() as connection:
            campaign_id = histories.add_campaign(connection)
            values = {"step": "invitation", "language": "el", "strings": {}, "digest": "d"}
            histories.add(connection, schema.content, campaign_id=campaign_id, compiled=compiled, **values)
            histories.add(
                connection,
                schema.inbound_message,
                sender="mine",
                folder="INBOX",
                uidvalidity=2**32 - 1,
                uid=2**32 - 1,
                digest="d",
                state="done",
                subject="",
                received_at=NOW,
                raw=raw,
            )
        with database.read() as connection:
            assert connection.execute(sa.select(schema.content.c.compiled)).scalar_one() == compiled
            row = connection.execute(sa.select(schema.inbound_message)).one()
        assert (bytes(row.raw), row.uid) == (raw, 2**32 - 1)

    def test_a_row_that_points_nowhere_is_refused(self, database: Database) -> None:
        with pytest.raises(sa.exc.DBAPIError, match=r"(?i)foreign key"), database.write() as connection:
            histories.add_content(connection, 12345, "invitation")


class TestSentences:
    """Each fault a person can do something about is one clear sentence, with what to do."""

    def test_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(DatabaseError, match="There is no database at") as caught:
            Database(f"sqlite:///{tmp_path}/none.db")
        assert "outreach db upgrade" in caught.value.remedy
        assert not (tmp_path / "none.db").exists()

    def test_not_a_database(self, tmp_path: Path) -> None:
        path = tmp_path / "letter.db"
        path.write_bytes(b"Dear Sir or Madam, " * 100)
        with pytest.raises(DatabaseError, match="is no database"):
            Database(f"sqlite:///{path}")
        with pytest.raises(DatabaseError, match="is no database"):
            upgrade(f"sqlite:///{path}")
        assert path.read_bytes() == b"Dear Sir or Madam, " * 100

    def test_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(DatabaseError, match="cannot be opened"):
            Database(f"sqlite:///{tmp_path}")

    def test_damaged(self, tmp_path: Path) -> None:
        url = databases.sqlite_url(tmp_path)
        path = sa.make_url(url).database
        assert path
        with Path(path).open("r+b") as file:
            file.seek(4096)
            file.write(os.urandom(8192))
        with pytest.raises(DatabaseError, match="damaged"):  # noqa: PT012
            database = Database(url)
            with database.write() as connection:
                histories.add_campaign(connection)

    def test_of_no_version(self, tmp_path: Path) -> None:
        path = tmp_path / "empty.db"
        path.touch()
        with pytest.raises(DatabaseError, match=f"of version none; .* needs {SCHEMA_VERSION}"):
            Database(f"sqlite:///{path}")

    def test_of_another_version(self, tmp_path: Path) -> None:
        url = databases.sqlite_url(tmp_path)
        with sqlite3.connect(str(sa.make_url(url).database)) as connection:
            connection.execute("UPDATE alembic_version SET version_num = '0000'")
        connection.close()
        with pytest.raises(DatabaseError, match="of version 0000") as caught:
            Database(url)
        # and what it says to type first works
        backup(url, tmp_path / "copy.db")
        assert "outreach db backup" in caught.value.remedy

    def test_locked(self, file_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(engine, "_BUSY_MILLISECONDS", 50)
        impatient = Database(str(file_database.url))
        with (
            file_database.write(),
            pytest.raises(DatabaseError, match="locked") as caught,
            impatient.write(),
        ):
            pytest.fail("the lock was taken twice")
        impatient.close()
        assert "try again" in caught.value.remedy

    def test_full(self, file_database: Database) -> None:
        def fill(connection: sa.Connection) -> None:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
            for _ in range(200):
                _audit(connection, "x" * 2000)

        with pytest.raises(DatabaseError, match="disk is full"), file_database.write() as connection:  # noqa: PT012
            _audit(connection, "half-done")
            fill(connection)
        assert _actions(file_database) == []

    def test_read_only(self, file_database: Database) -> None:
        with (  # noqa: PT012
            pytest.raises(DatabaseError, match="opened for writing"),
            file_database.write() as connection,
        ):
            connection.exec_driver_sql("PRAGMA query_only=ON")
            _audit(connection, "lost")

    def test_an_address_that_no_database_has(self) -> None:
        for url in ("outreach.db", "", "mysql://localhost/outreach"):
            with pytest.raises(DatabaseError) as caught:
                Database(url)
            assert "sqlite:///FILE" in caught.value.remedy

    def test_no_server(self) -> None:
        port = databases._free_port()
        with pytest.raises(DatabaseError, match=rf"127\.0\.0\.1:{port} cannot be reached"):
            Database(f"postgresql://outreach:secret@127.0.0.1:{port}/outreach")

    def test_a_server_without_the_database(self) -> None:
        with pytest.raises(DatabaseError, match="has no database 'absent'"):
            Database(databases.cluster().url("absent"))

    def test_a_user_the_server_does_not_know(self) -> None:
        url = databases.cluster().url("postgres").replace("outreach@", "stranger:secret@")
        with pytest.raises(DatabaseError, match="refused the sign-in") as caught:
            Database(url)
        assert "secret" not in str(caught.value)

    def test_a_server_that_stops_in_the_middle(self, server_database: Database) -> None:
        with (  # noqa: PT012
            pytest.raises(DatabaseError, match="cannot be reached or has broken off"),
            server_database.write() as connection,
        ):
            _audit(connection, "lost")
            me = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
            databases.cluster().execute(f"SELECT pg_terminate_backend({me}, 5000)")
            _audit(connection, "lost too")
        assert _actions(server_database) == []

    def test_a_deadlock(self, server_database: Database) -> None:
        with server_database.write() as connection:
            first, second = (
                histories.add_campaign(connection, "a-be"),
                histories.add_campaign(connection, "b-be"),
            )

        def touch(connection: sa.Connection, id_: int) -> None:
            connection.execute(
                sa.update(schema.campaign).where(schema.campaign.c.id == id_).values(title="touched")
            )

        barrier = threading.Barrier(2)
        errors: list[DatabaseError] = []

        def cross(*ids: int) -> None:
            try:
                with server_database.write() as connection:
                    touch(connection, ids[0])
                    barrier.wait(10)
                    touch(connection, ids[1])
            except DatabaseError as error:
                errors.append(error)

        threads = [threading.Thread(target=cross, args=pair) for pair in ((first, second), (second, first))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [error.remedy for error in errors] == ["Nothing was changed; try again."]


class TestBackup:
    def test_a_copy_while_others_write(self, file_database: Database, tmp_path: Path) -> None:
        with file_database.write() as connection:
            _audit(connection, "before")
        stop = threading.Event()

        def keep_writing() -> None:
            while not stop.is_set():
                with file_database.write() as connection:
                    _audit(connection, "first half")
                    _audit(connection, "second half")

        writer = threading.Thread(target=keep_writing)
        writer.start()
        try:
            for number in range(3):
                target = tmp_path / "new" / f"copy-{number}.db"
                backup(str(file_database.url), target)
                copy = Database(f"sqlite:///{target}")
                actions = _actions(copy)
                copy.close()
                assert actions[0] == "before"
                assert actions.count("first half") == actions.count("second half")
                assert target.stat().st_mode & 0o777 == 0o600
        finally:
            stop.set()
            writer.join()

    def test_nothing_is_overwritten(self, file_database: Database, tmp_path: Path) -> None:
        target = tmp_path / "precious"
        target.write_text("a letter")
        with pytest.raises(DatabaseError, match="exists already"):
            backup(str(file_database.url), target)
        assert target.read_text() == "a letter"

    def test_a_copy_that_fails_is_not_kept(self, tmp_path: Path) -> None:
        path = tmp_path / "letter.db"
        path.write_bytes(b"Dear Sir or Madam, " * 100)
        with pytest.raises(DatabaseError, match="could not be copied"):
            backup(f"sqlite:///{path}", tmp_path / "copy.db")
        assert not (tmp_path / "copy.db").exists()

    def test_there_must_be_something_to_copy_and_a_place_for_it(
        self, file_database: Database, tmp_path: Path
    ) -> None:
        with pytest.raises(DatabaseError, match="There is no database"):
            backup(f"sqlite:///{tmp_path}/none.db", tmp_path / "copy.db")
        assert not (tmp_path / "none.db").exists()
        (tmp_path / "file").touch()
        with pytest.raises(DatabaseError, match="cannot be written"):
            backup(str(file_database.url), tmp_path / "file" / "copy.db")

    def test_postgresql_has_its_own_program(self, server_database: Database, tmp_path: Path) -> None:
        with pytest.raises(DatabaseError, match="copies SQLite files") as caught:
            backup(str(server_database.url), tmp_path / "copy.db")
        assert "pg_dump" in caught.value.remedy
