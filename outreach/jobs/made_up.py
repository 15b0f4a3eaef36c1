"""Folders in which a command makes a workspace of its own, with made-up data: they are made anew each time, and no
folder of anybody's is touched."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from outreach.errors import RefusedError
from outreach.settings import ENVIRONMENT_PREFIX


def clear(folder: Path, what: str, option: str) -> None:
    """Leave an empty folder with a marker; only an older one of the same kind is removed.

    ``what`` names the kind ("demo"), ``option`` how another folder is named ("--dir"). Raises
    :class:`~outreach.errors.RefusedError` for a folder that holds anything else, and where the environment would
    put other settings over those made here.
    """
    _refuse_foreign_settings(what)
    another = f"Name another folder with {option}."
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise RefusedError(f"{folder} is not a folder.", another)
    marker = folder / f".outreach-{what}"
    try:
        if folder.exists() and any(folder.iterdir()) and not marker.is_file():
            raise RefusedError(
                f"{folder} is no folder of an earlier {what}: it has things of yours in it.",
                f"Nothing was changed. {another}",
            )
        folder.mkdir(parents=True, exist_ok=True)
        marker.write_text(  # first: an interrupted one is still one
            f"This folder was made by `outreach {_COMMANDS.get(what, what)}`, which makes it anew each time. "
            "Keep nothing of your own here.\n",
            encoding="utf-8",
        )
        for child in folder.iterdir():
            if child.is_dir() and not child.is_symlink():
                shutil.rmtree(child)
            elif child != marker:
                child.unlink()
    except OSError as error:
        raise RefusedError(f"The {what} cannot be made in {folder}: {error.strerror}.", another) from error


_COMMANDS = {"simulation": "simulate"}


def _refuse_foreign_settings(what: str) -> None:
    """They would win over the workspace's own: mail would go to real servers, rows into a real database."""
    ours = [
        name
        for name in os.environ
        if name.upper().startswith(ENVIRONMENT_PREFIX)
        and name.upper().removeprefix(ENVIRONMENT_PREFIX).split("__")[0] in ("DATABASE", "KEY", "SENDERS")
    ]
    if ours:
        raise RefusedError(
            f"The environment holds settings that would apply to the {what} too: {', '.join(sorted(ours))}.",
            "Type `unset` and these names first, or use another terminal.",
        )
