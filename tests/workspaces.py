"""Workspaces for the tests, and the command line as a user types it: in a process of its own or in this one."""

from __future__ import annotations

import io
import multiprocessing
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerProcess

REPOSITORY = Path(__file__).parents[1]

#: A window that is never closed: what a test proves must not hang on the hour or the day it runs at.
ALWAYS = """\
days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
from = "00:00"
until = "24:00"
skip_holidays = false
"""


@dataclass(frozen=True, slots=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    def ok(self) -> Done:
        """Raises unless it went well and had nothing to complain of."""
        assert self.code == 0, f"exit code {self.code}\n{self.out}\n{self.err}"
        assert self.err == "", self.err
        return self


def command_line(*arguments: object) -> list[str]:
    """The command as a process of its own: the code of the repository these tests lie in."""
    return [sys.executable, "-m", "outreach", *map(str, arguments)]


def environment() -> dict[str, str]:
    """This one, without settings of whoever runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OUTREACH_")}
    return {**kept, "PYTHONPATH": str(REPOSITORY), "COLUMNS": "120"}


def process(*arguments: object, cwd: Path | None = None, stdin: str | None = None) -> Done:
    """Type a command into a shell."""
    ended = subprocess.run(
        command_line(*arguments),
        cwd=cwd,
        env=environment(),
        input=stdin,
        stdin=None if stdin is not None else subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )
    return Done(ended.returncode, ended.stdout, ended.stderr)


def start(*arguments: object, **settings: str) -> subprocess.Popen[str]:
    """Begin a command and go on; with ``settings`` in its environment."""
    return subprocess.Popen(
        command_line(*arguments),
        env=environment() | settings,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def start_warm(*arguments: object) -> ForkServerProcess:
    """The same without the second that Python and its imports take: forked from a process that has done them.

    It is a process like any other, with its own locks and its own death; what it prints is thrown away.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["outreach.cli", "outreach.jobs.run", "outreach.smtp", "tests.workspaces"])
    with patch.dict(os.environ, {"PYTHONPATH": str(REPOSITORY)}):
        child = context.Process(target=_in_child, args=tuple(map(str, arguments)))
        child.start()
    return child


def _in_child(*arguments: str) -> None:
    import outreach

    assert outreach.__file__ is not None
    assert Path(outreach.__file__).is_relative_to(REPOSITORY), "another copy of Outreach was imported"
    sys.exit(command(*arguments).code)


def command(*arguments: object) -> Done:
    """The same without the second that a process takes to start, and with the clock of this process."""
    from outreach.cli import main

    out, err = io.StringIO(), io.StringIO()
    code = 0
    with (
        patch.object(sys, "argv", ["outreach", *map(str, arguments)]),
        patch.object(sys, "stdin", io.StringIO()),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(bool(end.code))
    return Done(code, out.getvalue(), err.getvalue())


def create(folder: Path, settings: str = "", windows: str | None = ALWAYS) -> Path:
    """A new workspace with ``settings`` as its ``outreach.toml``; its campaigns' windows never close."""
    command("init", folder).ok()
    if settings:
        (folder / "outreach.toml").write_text(settings, encoding="utf-8")
    if windows is not None:
        for path in (folder / "campaigns").glob("*.toml"):
            open_windows(path, windows)
    return folder


def open_windows(campaign: Path, window: str = ALWAYS) -> None:
    """Write the window of a campaign file anew; everything else of it stays as it is shipped."""
    text, number = re.subn(
        r"^\[window\]\n.*?(?=^\[|^# The mails)",
        f"[window]\n{window}\n",
        campaign.read_text(encoding="utf-8"),
        flags=re.MULTILINE | re.DOTALL,
    )
    assert number == 1, f"{campaign} has no [window]"
    campaign.write_text(text, encoding="utf-8")


def sender(
    name: str,
    address: str,
    countries: Iterable[str],
    smtp: Mapping[str, Any],
    imap: Mapping[str, Any] | None = None,
    limits: Mapping[str, Any] | None = None,
    **more: Any,
) -> str:
    """A ``[senders.<name>]`` section."""
    values = {
        "from": f"Association of Towns <{address}>",
        "controller": "Association of Towns of Exampleland",
        "postal_address": "1 Market Square, 1000 Exampletown",
        "privacy_url": "https://association.example/privacy",
        "countries": list(countries),
        **more,
    }
    text = _table(f"senders.{name}", values) + _table(f"senders.{name}.smtp", smtp)
    if imap is not None:
        text += _table(f"senders.{name}.imap", imap)
    if limits is not None:
        text += _table(f"senders.{name}.limits", limits)
    return text


def _table(name: str, values: Mapping[str, Any]) -> str:
    lines = [f"{key} = {_toml(value)}" for key, value in values.items()]
    return "\n".join((f"[{name}]", *lines, "", ""))


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return str(value) if isinstance(value, int | float) else '"' + str(value).replace('"', '\\"') + '"'


def write_list(
    path: Path, rows: Iterable[Iterable[str]], header: str = "Municipality,Email,Language"
) -> Path:
    """A contact list as CSV."""
    path.write_text("\n".join((header, *(",".join(row) for row in rows))) + "\n", encoding="utf-8")
    return path
