"""Databases for tests: SQLite files, and a private PostgreSQL that lives as long as the test run.

A test module takes both with ``database = databases.fixture()``: each of its tests runs once on either, on an
empty database of the present version.
"""

from __future__ import annotations

import atexit
import functools
import itertools
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from outreach.db.engine import Database
from outreach.db.upgrade import upgrade

_numbers = itertools.count(1)


class Cluster:
    """A PostgreSQL server on a loopback port of its own, with nothing but speed in mind."""

    def __init__(self) -> None:
        programs = _programs()
        self.root = Path(tempfile.mkdtemp(prefix="outreach-pg-"))
        self._data = self.root / "data"
        self._programs = programs
        self._as: list[str] = []
        if os.geteuid() == 0:  # PostgreSQL does not run as root
            shutil.chown(self.root, "postgres", "postgres")
            self._as = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        self.port = _free_port()
        self._run(
            "initdb", "--pgdata", self._data, "--username=outreach", "--auth=trust", "--encoding=UTF8",
            "--locale=C", "--no-sync",
        )  # fmt: skip
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self.root,
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "max_connections": 60,
            # not UTC: a time that loses its zone on the way shows
            "timezone": "America/New_York",
        }
        with (self._data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        self._run("pg_ctl", "--pgdata", self._data, "--log", self.root / "log", "--wait", "start")
        atexit.register(self.stop)

    def stop(self) -> None:
        """Stop the server and delete all it holds."""
        self._run("pg_ctl", "--pgdata", self._data, "--mode=immediate", "--wait", "stop")
        shutil.rmtree(self.root, ignore_errors=True)

    def url(self, name: str) -> str:
        return f"postgresql+pg8000://outreach@127.0.0.1:{self.port}/{name}"

    def create(self, name: str, template: str = "template0") -> str:
        """A new database; returns its URL."""
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def drop(self, name: str) -> None:
        self.execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    def execute(self, statement: str) -> None:
        """As the superuser, outside any transaction."""
        with self._admin.connect() as connection:
            connection.exec_driver_sql(statement)

    @functools.cached_property
    def _admin(self) -> sa.Engine:
        return sa.create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)

    def _run(self, program: str, *arguments: Any) -> None:
        # Into a file, not a pipe: the server inherits it and would keep the pipe open.
        with (self.root / "said").open("wb") as said:
            done = subprocess.run(
                [*self._as, str(self._programs / program), *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                cwd=self.root,
            )
        if done.returncode:
            files = [file for file in (self.root / "said", self.root / "log") if file.exists()]
            told = "\n".join(file.read_text() for file in files)
            raise RuntimeError(f"{program} ended with {done.returncode}:\n{told}")


def _programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    if found:
        return found[-1].parent
    if on_path := shutil.which("initdb"):
        return Path(on_path).resolve().parent
    pytest.fail(
        "PostgreSQL is not installed, and a skipped test would prove nothing: `apt-get install postgresql`.",
        pytrace=False,
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@functools.cache
def cluster() -> Cluster:
    """The server of this test run, started at the first call."""
    return Cluster()


@functools.cache
def _migrated_file() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="outreach-db-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    upgrade(f"sqlite:///{folder}/template.db")
    return folder / "template.db"


@functools.cache
def _migrated_template() -> str:
    upgrade(cluster().create("migrated"))
    return "migrated"


def sqlite_url(folder: Path) -> str:
    """A new SQLite file of the present version in ``folder``."""
    path = folder / f"outreach-{next(_numbers)}.db"
    shutil.copy(_migrated_file(), path)
    return f"sqlite:///{path}"


def postgres_url() -> str:
    """A new PostgreSQL database of the present version."""
    return cluster().create(f"test{next(_numbers)}", _migrated_template())


def fixture(*kinds: str) -> Any:
    """A fixture that gives an empty :class:`Database` of each of ``kinds`` (both by default)."""

    @pytest.fixture(params=kinds or ("sqlite", "postgresql"))
    def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
        opened = Database(sqlite_url(tmp_path) if request.param == "sqlite" else postgres_url())
        yield opened
        opened.close()
        if request.param == "postgresql":
            cluster().drop(str(opened.url.database))

    return database
