"""Staying connected: each mailbox tells at once what came in (IMAP IDLE), and what follows is done at once.

A thread for each mailbox waits and says its sender's name; the work itself, one run after the other, is done
where :func:`watch` was called. A mailbox whose connection breaks is connected again, later and later while that
fails; one whose server has no IDLE, and what has to be sent in its time, is looked at every few minutes.
IDLE tells of one folder, the first that the settings name; the others are looked at every minute and when it wakes.
"""

from __future__ import annotations

import queue
import random
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from outreach.db import mailbox
from outreach.db.engine import Database
from outreach.errors import OutreachError
from outreach.imap import IDLE_SECONDS, OtherFolders, first_folder, open_mailbox
from outreach.jobs import accounts
from outreach.settings import Workspace

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 300.0  # seconds between two tries to connect
_STEADY = 60.0  # a connection that held so long was a good one: the next pause is the first again

_LOOK_EVERY = 60.0  # seconds between two looks at the folders that IDLE tells nothing of

Trouble = Callable[[str, OutreachError | None], None]


@dataclass(slots=True)
class Watch:
    """What the threads and the work share."""

    stopping: threading.Event = field(default_factory=threading.Event)
    news: queue.SimpleQueue[str | None] = field(default_factory=queue.SimpleQueue)

    def stop(self) -> None:
        """End as soon as what is under way has come to its end. May be called by a signal's handler."""
        self.stopping.set()
        self.news.put(None)

    @property
    def stopped(self) -> bool:
        return self.stopping.is_set()


def watch(
    workspace: Workspace,
    database: Database,
    shared: Watch,
    *,
    every: float,
    work: Callable[[Collection[str] | None], None],
    trouble: Trouble = lambda _name, _error: None,
    look_every: float = _LOOK_EVERY,
) -> None:
    """Call ``work`` with the senders that have news, and with ``None`` every ``every`` seconds, until stopped.

    ``trouble`` is told when a mailbox cannot be watched, and with ``None`` when it can again; it is called from
    the threads. The folders of a mailbox that IDLE tells nothing of are looked at every ``look_every`` seconds.
    Raises what ``work`` raises.
    """
    threads = [
        threading.Thread(
            target=_stay,
            args=(workspace, database, name, shared, trouble, look_every),
            name=f"watch-{name}",
            daemon=True,
        )
        for name, sender in workspace.settings.senders.items()
        if sender.imap is not None
    ]
    for thread in threads:
        thread.start()
    try:
        due = time.monotonic()
        while not shared.stopped:
            names = _names(shared, max(0.0, due - time.monotonic()))
            if shared.stopped:
                break
            if names is None:
                due = time.monotonic() + every
            work(names)
    finally:
        shared.stop()
        for thread in threads:
            thread.join(5)


def _names(shared: Watch, seconds: float) -> set[str] | None:
    """The senders that have news, those of a moment together; ``None`` when ``seconds`` have passed."""
    try:
        first = shared.news.get(timeout=seconds) if seconds else shared.news.get_nowait()
    except queue.Empty:
        return None
    names = {first}
    while True:
        try:
            names.add(shared.news.get_nowait())
        except queue.Empty:
            return {name for name in names if name is not None}


def _stay(
    workspace: Workspace, database: Database, name: str, shared: Watch, trouble: Trouble, look_every: float
) -> None:
    pause, told = _FIRST_PAUSE, False
    while not shared.stopped:
        began = time.monotonic()
        try:
            if not _has_campaign(database, name):
                shared.stopping.wait(10 * _FIRST_PAUSE)
                continue
            settings = workspace.settings.sender(name).imap
            assert settings is not None
            first = first_folder(settings.folders)
            with open_mailbox(accounts.imap(workspace, name), first) as box:
                if told:
                    trouble(name, None)
                    told = False
                alone = settings.folders == (first,)
                elsewhere = (lambda: False) if alone else OtherFolders(box, settings.folders).changed
                shared.news.put(name)  # what came while nobody watched
                if not box.wait(
                    lambda: shared.news.put(name),
                    lambda: shared.stopped,
                    IDLE_SECONDS if alone else look_every,
                    elsewhere,
                ):
                    return  # no IDLE: read every few minutes with the others
        except OutreachError as error:
            if shared.stopped:
                return
            if not told:
                trouble(name, error)
                told = True
        if time.monotonic() - began > _STEADY:
            pause = _FIRST_PAUSE
        # Not all at once, when a server that many mailboxes are on comes back.
        shared.stopping.wait(pause * random.uniform(0.5, 1.0))  # noqa: S311
        pause = min(2 * pause, _LONGEST_PAUSE)


def _has_campaign(database: Database, name: str) -> bool:
    with database.read() as connection:
        return mailbox.first_launch(connection, name) is not None
