"""`outreach messages`: single mails, and the settling of those that nobody could know about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer

from outreach import clock
from outreach.cli.shell import (
    JSON,
    LAST_NUMBER,
    country_code,
    is_known,
    print_json,
    print_table,
    say,
    shell,
)
from outreach.errors import InputError, RefusedError
from outreach.model.states import MessageState

app = typer.Typer(
    help="Single mails; those that are uncertain or were missed wait for you.", no_args_is_help=True
)

_WAITING = (MessageState.UNCERTAIN, MessageState.MISSED)


@app.command("list")
def list_(
    context: typer.Context,
    state: list[MessageState] | None = typer.Option(
        None,
        "--state",
        help="Only mails in this state; may be given several times. Else: uncertain and missed.",
    ),
    campaign: str | None = typer.Option(None, "--campaign", help="A campaign, as lordimas-be or lordimas."),
    country: str | None = typer.Option(None, "--country", callback=country_code, help="Two capitals, as BE."),
    as_json: bool = JSON,
) -> None:
    """The mails that wait for a person, or those in a state, each with the last thing the server said.

    \b
    uncertain   the mail had gone out when the connection or the program ended, before the server confirmed it
    missed      its last day passed before it could go
    """
    from outreach.db import messages

    with shell(context).database(country=country) as database, database.read() as connection:
        rows = messages.listing(connection, state or _WAITING, campaign=campaign, country=country)
        if campaign is not None and not rows:
            is_known(campaign, connection)
    if as_json:
        print_json(rows)
        return
    print_table(
        [{**row, "said": _said(row), "reason": row["reason"] or ""} for row in rows],
        [
            ("id", "No."),
            ("campaign", "Campaign"),
            ("step", "Step"),
            ("municipality", "Municipality"),
            ("email", "To"),
            ("state", "State"),
            ("reason", "Why"),
            ("tried_at", "Last tried (UTC)"),
            ("said", "Outcome"),
        ],
        empty="No mail is in such a state." if state else "No mail waits for a person.",
    )
    if rows and not state:
        say()
        say("`outreach messages show NUMBER` tells more, `outreach messages settle NUMBER ...` settles.")


@app.command()
def show(
    context: typer.Context,
    number: int = typer.Argument(
        ..., metavar="NUMBER", min=1, max=LAST_NUMBER, help="As `outreach messages list` shows it."
    ),
    as_json: bool = JSON,
) -> None:
    """All that is known of one mail: where it stands and why, each try and what the server said, answers."""
    from outreach.db import messages

    with shell(context).database() as database, database.read() as connection:
        row = messages.find(connection, number)
        tries = messages.attempts(connection, number)
        answers = messages.answers(connection, number)
        events = messages.events(connection, number)
    if row is None:
        raise RefusedError(
            f"There is no message {number}.", "`outreach messages list` shows those that wait."
        )
    if as_json:
        print_json({**row, "tries": tries, "events": events, "answers": answers})
        return
    say(f"Message   {row['id']}: {row['step']} of {row['campaign']}, in {row['language']}")
    say(f"To        {row['email']}, {row['municipality']} ({row['country']})")
    say(f"By        {row['sender']}, Message-ID {row['internet_message_id']}")
    say(f"State     {row['state'].value}{': ' + row['reason'] if row['reason'] else ''}")
    for title, key in (("Due", "due_at"), ("Handed", "handed_at"), ("Sent", "sent_at")):
        if row[key]:
            say(f"{title:<10}{row[key]:%Y-%m-%d %H:%M:%S} UTC")
    for one in tries:
        say(f"Tried     {one['at']:%Y-%m-%d %H:%M:%S} UTC: {_said(one)}")
    for one in events:
        undone = " (taken back)" if one["undone_at"] else ""
        detail = f": {one['detail']}" if one["detail"] else ""
        say(f"Event     {one['at']:%Y-%m-%d %H:%M:%S} UTC: {one['kind'].value}{detail}{undone}")
    for one in answers:
        read_as = one["kind"].value if one["kind"] else "nothing"
        say(
            f"Answer    {one['received_at']:%Y-%m-%d %H:%M:%S} UTC: {one['subject']!r} from "
            f"{one['from_address'] or 'unknown'}, read as {read_as}: `outreach inbox show {one['id']}`"
        )
    if row["state"] in _WAITING:
        say()
        say(_CHOICE[row["state"]])


_CHOICE = {
    MessageState.UNCERTAIN: "Ask the mail server's log or the recipient, then: "
    "`outreach messages settle NUMBER --sent`, `--resend` (it may arrive twice) or `--failed`.",
    MessageState.MISSED: "`outreach messages settle NUMBER --resend` sends it late, `--cancel` gives it up.",
}


@app.command()
def settle(
    context: typer.Context,
    numbers: list[int] = typer.Argument(
        ...,
        metavar="NUMBER",
        min=1,
        max=LAST_NUMBER,
        help="As `outreach messages list` shows them.",
    ),
    sent: bool = typer.Option(False, "--sent", help="An uncertain mail went out."),
    resend: bool = typer.Option(
        False, "--resend", help="Send it: an uncertain mail once more, a missed one though it is late."
    ),
    failed: bool = typer.Option(False, "--failed", help="An uncertain mail did not go out, and shall not."),
    cancel: bool = typer.Option(False, "--cancel", help="A missed mail is given up."),
) -> None:
    """Say what became of mails that are uncertain, or what shall become of those that were missed.

    All of them or, if one cannot be settled so, none. Who said it is kept.
    """
    from outreach.jobs.settle import Settlement
    from outreach.jobs.settle import settle as job

    said = {
        Settlement.SENT: sent,
        Settlement.RESEND: resend,
        Settlement.FAILED: failed,
        Settlement.CANCEL: cancel,
    }
    chosen = [decision for decision, is_chosen in said.items() if is_chosen]
    if len(chosen) != 1:
        raise InputError(
            "It has to be said how to settle.", "Give one of --sent, --resend, --failed, --cancel."
        )
    here = shell(context)
    with here.database() as database:
        job(database, numbers, chosen[0], now=clock.now(), actor=here.actor)
    what = {
        Settlement.SENT: "is sent",
        Settlement.RESEND: "goes again with the next run",
        Settlement.FAILED: "has failed",
        Settlement.CANCEL: "is cancelled",
    }
    for number in dict.fromkeys(numbers):
        say(f"Message {number} {what[chosen[0]]}.")


def _said(row: Mapping[str, Any]) -> str:
    if row["outcome"] is None:
        return "never tried"
    text = " ".join(str(part) for part in (row["code"], row["text"]) if part)
    return f"{row['outcome'].value.replace('_', ' ')} at {row['stage']}{': ' + text if text else ''}"
