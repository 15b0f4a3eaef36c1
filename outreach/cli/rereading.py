"""`outreach inbox reread`: what could not be processed, read with the program of today."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from outreach import clock
from outreach.cli.shell import JSON, LAST_NUMBER, count, print_json, progress, say, shell
from outreach.model.states import InboxState

if TYPE_CHECKING:
    from outreach.jobs.reread import Reread

_NUMBERS = typer.Argument(
    None,
    metavar="NUMBER",
    min=1,
    max=LAST_NUMBER,
    help="As `outreach inbox list` shows it; without one, all that could not be processed.",
)


def reread(context: typer.Context, numbers: list[int] | None = _NUMBERS, as_json: bool = JSON) -> None:
    """Read once more, with the program of today, what could not be processed, and put it into effect."""
    from outreach.jobs.reread import reread as job

    here = shell(context)
    with here.database() as database, progress("reading") as shown:
        found = job(here.workspace, database, numbers or (), now=clock.now, actor=here.actor, shown=shown)
    if as_json:
        print_json([asdict(one) for one in found])
        return
    if not found:
        say("Nothing stands aside: every message could be processed.")
        return
    for one in found:
        _tell(one)
    aside = sum(not one.is_read for one in found)
    said = f"{count(len(found) - aside, 'message')} read"
    say(f"{said}; {aside} could not be processed, and stand aside as before." if aside else f"{said}.")


def _tell(one: Reread) -> None:
    who = one.from_address or "an unknown address"
    if one.municipality:
        who += f", {one.municipality} ({one.campaign})"
    say(f"Message {one.id}, from {who}")
    if not one.is_read:
        say(f"    still aside: {one.note}")
        return
    if one.kind is not None:
        intent = f", {one.intent}" if one.intent else ""
        say(f"    read as {one.kind}{intent}".replace("_", " "))
    changed = dict.fromkeys([*one.events, *one.effects])
    say(f"    what followed: {', '.join(changed) or 'nothing'}".replace("_", " "))
    if one.state is InboxState.OPEN:
        say(f"    waits for you: {one.note}")
    elif one.note:
        say(f"    {one.note}")
