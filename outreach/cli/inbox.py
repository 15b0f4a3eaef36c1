"""`outreach inbox`: what needs a person; `outreach classify`: how messages are read."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import typer

from outreach import clock
from outreach.cli import drafts, forms, proposals
from outreach.cli.rereading import reread
from outreach.cli.shell import JSON, complain, print_json, print_table, say, shell
from outreach.cli.walk import reading, who_comes
from outreach.errors import InputError, RefusedError
from outreach.model.states import InboxState, Intent, SuppressionScope

app = typer.Typer(help="Answers that need a person.")


@app.callback(invoke_without_command=True)
def begin(context: typer.Context) -> None:
    """Answers that need a person. Without a further word, at a terminal: go through them, one key each."""
    if context.invoked_subcommand is not None:
        return
    if sys.stdin.isatty() and sys.stdout.isatty():
        from outreach.cli.walk import walk

        walk(shell(context))
        return
    say(context.get_help())


@app.command("list")
def list_(
    context: typer.Context,
    everything: bool = typer.Option(False, "--all", help="Those that need nobody, too."),
    as_json: bool = JSON,
) -> None:
    """The messages that wait for a person, with what they were read as and why they wait."""
    from outreach.db import inbox

    states = set(InboxState) if everything else {InboxState.OPEN, InboxState.ASIDE}
    with shell(context).database() as database, database.read() as connection:
        rows = inbox.open_inbox(connection, states)
    if as_json:
        print_json(rows)
        return
    print_table(
        [
            {
                **row,
                "who": row["municipality"] or row["from_address"],
                "read_as": reading(row),
                "text": _first_line(row["text"]),
            }
            for row in rows
        ],
        [
            ("id", "No."),
            ("country", ""),
            ("who", "Municipality, or address"),
            ("read_as", "Read as"),
            ("note", "Why it waits"),
            ("text", "Text"),
        ],
        empty="Nothing waits for a person.",
    )


@app.command()
def show(context: typer.Context, number: int = proposals.NUMBER, as_json: bool = JSON) -> None:
    """One message: who, which campaign, what they newly wrote, how it was read and why."""
    from outreach.db import inbox

    with shell(context).database() as database, database.read() as connection:
        row = inbox.entry(connection, number)
    if row is None:
        raise RefusedError(f"There is no message {number}.", "`outreach inbox list --all` shows them all.")
    if as_json:
        print_json(row)
        return
    say(f"From      {row['from_address'] or 'unknown'}")
    say(f"Subject   {row['subject']}")
    if row["municipality"]:
        say(
            f"About     {row['municipality']} ({row['country']}), {row['campaign']}, matched by {row['rung']}"
        )
    say(f"Read as   {reading(row)}, confidence {row['confidence'] or 0:.2f}, by {row['detector']}")
    for evidence in row["evidence"] or ():
        say(f"          {evidence}")
    if coming := who_comes(row["details"]):
        say(f"Coming    {coming}")
    say(f"State     {row['state']}{': ' + row['note'] if row['note'] else ''}")
    if row["text"]:
        say()
        say(row["text"])


@app.command()
def resolve(
    context: typer.Context,
    number: int = proposals.NUMBER,
    as_: str | None = typer.Option(
        None, "--as", help="What it means: register, decline, question, refer, unsubscribe or other."
    ),
    note: str = typer.Option("", "--note", help="Kept with the message."),
    width: str | None = typer.Option(
        None, "--width", help="Of a stop: address or municipality, if not as the settings say."
    ),
    refer_to: list[str] = typer.Option([], "--refer-to", help="With --as refer: the address they name."),
) -> None:
    """Say that you have dealt with a message and, with --as, what it means; that is put into effect."""
    from outreach.jobs.resolve import resolve as job

    intents = {intent.value: intent for intent in _HUMAN}
    if as_ is not None and as_ not in intents:
        raise InputError(f"--as {as_!r} is no meaning.", f"Write one of {', '.join(intents)}.")
    if width is not None and width not in ("address", "municipality"):
        raise InputError(f"--width {width!r} is no width of a stop.", "Write address or municipality.")
    here = shell(context)
    with here.database() as database:
        job(
            here.workspace,
            database,
            number,
            intents[as_] if as_ else None,
            note=note,
            now=clock.now(),
            actor=here.actor,
            width=SuppressionScope(width) if width else None,
            refer_to=tuple(refer_to),
        )
    say(f"Message {number} is resolved{' as ' + as_ if as_ else ''}.")


app.command()(reread)
app.command()(proposals.undo)
app.command("reply-draft")(drafts.reply_draft)
app.command()(drafts.corrections)
app.command("learn-form")(forms.learn)
app.command("proposals")(proposals.list_)
app.command()(proposals.accept)
app.command()(proposals.dismiss)


_HUMAN = (
    Intent.REGISTER,
    Intent.DECLINE,
    Intent.QUESTION,
    Intent.REFER,
    Intent.UNSUBSCRIBE,
    Intent.OTHER,
)


def _first_line(text: str | None) -> str:
    line = " ".join((text or "").split())
    return line if len(line) <= 60 else line[:59] + "…"


def classify(
    files: list[Path] = typer.Argument(..., help="Messages as files (RFC 5322, as mail programs save them)."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object a line, in the order of the files."),
) -> None:
    """Say how messages would be read: offline, changing nothing, without a workspace."""
    from outreach.inbound.classify import classify as read
    from outreach.inbound.classify import to_json
    from outreach.inbound.parse import parse
    from outreach.jobs.forms import rules
    from outreach.jobs.workspace import read_bytes

    known = rules(None)
    failed = 0
    for file in files:
        try:
            raw = read_bytes(file)
            if not raw.strip():
                raise InputError(f"{file} is empty: there is no message in it.", "Save the message again.")
            found = to_json(str(file), read(parse(raw), forms=known))
        except InputError as error:
            failed += 1
            found = {"file": str(file), "error": str(error)}
        if as_json:
            typer.echo(json.dumps(found, ensure_ascii=False))
        elif "error" in found:
            complain(f"Error: {found['error']}")
        else:
            _tell(found)
    if failed:
        raise typer.Exit(1)


def _tell(found: dict[str, Any]) -> None:
    what = found["kind"] + (f", {found['intent']}" if "intent" in found else "")
    say(f"{found['file']}: {what.replace('_', ' ')} ({found['confidence']:.2f}, {found['detector']})")
    for bounce in found.get("bounces", ()):
        who = bounce.get("recipient") or "unknown recipient"
        say(f"    {who}: {bounce['type']} {bounce.get('status') or ''} {bounce['reason']}")
    for key in ("until", "refer_to", "rsvp", "registration"):
        if found.get(key):
            say(f"    {key.replace('_', ' ')}: {found[key]}")
    for evidence in found.get("evidence", ()):
        say(f"    because: {evidence}")
    if found.get("text"):
        for line in found["text"].splitlines():
            say(f"    | {line}")
