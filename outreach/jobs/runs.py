"""Which runs are alive: each holds a lock on a file of its own, and the kernel lets go of it at any death.

So a run that was killed is known to be dead at once, whatever lease its claims were under; a run on another
machine cannot be asked and is believed until its lease ends.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from outreach.errors import SettingsError


def _folder(root: Path) -> Path:
    return root / ".outreach" / "runs"


def _here(root: Path) -> str:
    """The machine and the workspace: two of either may share a PostgreSQL database."""
    return f"{socket.gethostname()}-{hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:8]}"


@contextmanager
def begin(root: Path) -> Iterator[str]:
    """A run of this process, alive until the end of the block; gives its name.

    Raises :class:`~outreach.errors.SettingsError` when its file cannot be written.
    """
    name = f"{_here(root)}-{os.getpid()}-{secrets.token_hex(4)}"
    path = _folder(root) / name
    with _opened(path) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield name
        finally:
            path.unlink(missing_ok=True)


def dead(root: Path, names: Iterable[str]) -> list[str]:
    """Those of ``names`` that ran in this workspace on this machine and do not run any more."""
    here = _here(root)
    return [name for name in names if name.rsplit("-", 2)[0] == here and not _is_locked(_folder(root) / name)]


@contextmanager
def only_one(root: Path, what: str) -> Iterator[bool]:
    """Whether this process is the only one on this machine that does ``what`` during the block.

    Raises :class:`~outreach.errors.SettingsError` as :func:`begin` does.
    """
    with _opened(_folder(root) / f"only-{what}") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def _opened(path: Path) -> TextIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("w")
    except OSError as error:
        raise SettingsError(
            f"A run cannot write into {path.parent}: {error.strerror}.",
            "Nothing was begun; free some space, or check who owns the folder.",
        ) from error


def _is_locked(path: Path) -> bool:
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    path.unlink(missing_ok=True)
    return False
