"""How the demo speaks: a calm line for each thing that happened, and a bar while one takes its time."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

WIDTH = 80
_MARGIN = 12  # the day stands there


class Voice:
    """Writes to standard output; bars go to standard error, and only to a terminal."""

    def __init__(self) -> None:
        self._day = ""

    def say(self, text: str = "") -> None:
        """A text of any shape."""
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def title(self, text: str) -> None:
        """The head of a part."""
        self.say(f"\n{text}")
        self._day = ""

    def told(self, text: str) -> None:
        """A thing that happened, under the title."""
        self.say(_filled(text, "  ", "    "))

    def dated(self, at: datetime, text: str) -> None:
        """A thing that happened at a moment (shown in UTC); the day is written when it is another one."""
        day = f"  {at:%a} {at.day:>2} {at:%b}"
        shown = day if day != self._day else ""
        self._day = day
        indent = " " * (_MARGIN + 1)
        self.say(_filled(text, shown.ljust(_MARGIN + 1), indent))

    @contextmanager
    def progress(self, what: str) -> Iterator[Callable[[int, int | None], None]]:
        """A function (done, of how many) to show how far something is; silent when nobody watches."""
        if not sys.stderr.isatty():
            yield lambda _done, _total: None
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        with Progress(
            TextColumn("  {task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            console=Console(stderr=True),
            transient=True,
        ) as bar:
            task = bar.add_task(what, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)


def _filled(text: str, first: str, rest: str) -> str:
    return textwrap.fill(text, WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)


def counted(number: int, one: str, many: str | None = None) -> str:
    """``1 mail``, ``1,240 mails``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
