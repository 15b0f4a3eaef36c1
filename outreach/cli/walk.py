"""`outreach inbox` at a terminal: message after message, one key each."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Mapping
from typing import Any

import click

from outreach import clock
from outreach.cli.shell import Shell, count, say
from outreach.errors import OutreachError, RefusedError
from outreach.model.states import InboxState, Intent, ProposalState

_MEANINGS: Mapping[str, Intent] = {
    "r": Intent.REGISTER,
    "d": Intent.DECLINE,
    "q": Intent.QUESTION,
    "f": Intent.REFER,
    "s": Intent.UNSUBSCRIBE,
    "o": Intent.OTHER,
}
_WIDEST = 80
_MOST_LINES = 16  # of a text: more of it with `m`
_KEYS = (
    "y it is so  r takes part  d declines  q asks  f somebody else  s stop  o other",
    "a accept the proposed contact  k dealt with  w draft an answer  m whole text",
    "n next  x end",
)


def walk(here: Shell) -> None:
    """Go through what waits. Ends with `x`, Ctrl-C, or when nothing waits any more."""
    from outreach.db import inbox, proposals

    seen: set[int] = set()
    done = 0
    with here.database() as database:
        while True:
            with database.read() as connection:
                rows = inbox.open_inbox(connection, {InboxState.OPEN, InboxState.ASIDE})
                proposed = proposals.listing(connection, [ProposalState.OPEN])
            left = [row for row in rows if row["id"] not in seen]
            if not left:
                break
            row = left[0]
            mine = [one for one in proposed if one["inbound_id"] == row["id"]]
            _show(row, mine, len(left))
            key = _ask(row, mine, len(left))
            if key == "x":
                break
            seen.add(row["id"])
            if key == "n":
                continue
            try:
                if key == "w":
                    _draft(here, database, row["id"])
                    seen.discard(row["id"])
                    click.pause()
                elif key == "a":
                    _accept(here, database, mine)
                    done += 1
                    _resolve(here, database, row, None)
                else:
                    _resolve(here, database, row, key)
                    done += 1
            except OutreachError as error:
                say("\n".join(_wrapped(f"Error: {error}")))
                click.pause()
    say(f"{count(done, 'message')} dealt with; {count(len(rows), 'message')} left.")


def _width() -> int:
    return min(shutil.get_terminal_size().columns, _WIDEST)


def _wrapped(text: str, start: str = "") -> list[str]:
    """Lines of at most the terminal's width; the lines of ``text`` stay apart."""
    width = _width()
    lines: list[str] = []
    for line in text.split("\n"):
        lines += textwrap.wrap(
            line, width, initial_indent=start, subsequent_indent=" " * len(start), break_on_hyphens=False
        ) or [""]
    return lines


def _show(
    row: Mapping[str, Any], proposed: list[Mapping[str, Any]], left: int, *, whole: bool = False
) -> None:
    click.clear()
    who = row["from_address"] or "unknown"
    if row["municipality"]:
        who += f", {row['municipality']} ({row['country']})"
    say(f"Message {row['id']}, {left} left".ljust(_width() - 1, " "))
    for title, value in (
        ("From", who),
        ("About", f"{row['campaign']}, matched by {row['rung']}" if row["campaign"] else "none of our mails"),
        ("Subject", row["subject"]),
        ("Waits", row["note"] or row["state"].value),
        ("Read as", f"{reading(row)} ({row['confidence'] or 0:.2f})"),
    ):
        for line in _wrapped(str(value), title.ljust(9)):
            say(line)
    if coming := who_comes(row["details"]):
        for line in _wrapped(coming, "Coming".ljust(9)):
            say(line)
    for evidence in (row["evidence"] or ())[:4]:
        for line in _wrapped(evidence, " " * 9 + "- "):
            say(line)
    for one in proposed:
        say(f"Proposed {one['email'] or 'no address: accept with --email'}")
    say()
    lines = _wrapped(row["text"] or "(no text)")
    for line in lines if whole else lines[:_MOST_LINES]:
        say(line)
    if not whole and len(lines) > _MOST_LINES:
        say(f"... {count(len(lines) - _MOST_LINES, 'line')} more: m")
    say()


def _ask(row: Mapping[str, Any], proposed: list[Mapping[str, Any]], left: int) -> str:
    for line in _KEYS:
        say(line)
    while True:
        key = (click.getchar() or "x").lower()  # nothing: the terminal is gone
        if key in ("\x03", "\x04"):
            return "x"
        if key == "m":
            _show(row, proposed, left, whole=True)
            for line in _KEYS:
                say(line)
        elif key in _MEANINGS or key in "yakwnx":
            return key


def _resolve(here: Shell, database: Any, row: Mapping[str, Any], key: str | None) -> None:
    from outreach.jobs.resolve import resolve

    intent = _MEANINGS.get(key or "")
    if key == "y" and row["intent"] in _MEANINGS.values() and row["municipality"]:
        intent = row["intent"]
    resolve(here.workspace, database, row["id"], intent, note="", now=clock.now(), actor=here.actor)


def _accept(here: Shell, database: Any, proposed: list[Mapping[str, Any]]) -> None:
    from outreach.jobs.proposals import accept

    if not proposed:
        raise RefusedError(
            "No contact is proposed for this message.", "`outreach inbox proposals` shows all."
        )
    done = accept(
        here.workspace, database, proposed[0]["id"], email=None, write=True, now=clock.now(), actor=here.actor
    )
    say(f"{done.email} is a contact of {done.municipality}.")


def _draft(here: Shell, database: Any, number: int) -> None:
    from outreach.jobs import reply_draft

    raw = reply_draft.draft(database, here.workspace, number, text="", now=clock.now())
    folder = reply_draft.put(here.workspace, database, number, raw)
    say(f"The draft is in the folder {folder}.")


def reading(row: Mapping[str, Any]) -> str:
    """What a message was read as, in words."""
    if row["kind"] is None:
        return "nothing"
    intent = f", {row['intent'].value}" if row["intent"] else ""
    return f"{row['kind'].value}{intent}".replace("_", " ")


_PLACES = {"online": "online", "on_site": "on site", "both": "on site and online"}


def who_comes(details: Mapping[str, Any] | None) -> str:
    """Who comes, as a registration says: "2 people, online: An Peeters, Jan Claes"; empty when it does not say."""
    coming = (details or {}).get("coming") or {}
    people, names = coming.get("people"), coming.get("names") or ()
    how = [count(people, "person", "people")] if people else []
    how += [_PLACES[coming["place"]]] if coming.get("place") else []
    return ": ".join(part for part in (", ".join(how), ", ".join(names)) if part)
