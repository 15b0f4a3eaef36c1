"""`outreach inbox proposals|accept|dismiss`: other contacts that answers propose; and `undo`."""

from __future__ import annotations

import typer

from outreach import clock
from outreach.cli.shell import JSON, LAST_NUMBER, count, print_json, print_table, say, shell
from outreach.model.states import ProposalState

NUMBER = typer.Argument(
    ..., metavar="NUMBER", min=1, max=LAST_NUMBER, help="As `outreach inbox list` shows it."
)
_PROPOSAL = typer.Argument(
    ..., metavar="NUMBER", min=1, max=LAST_NUMBER, help="As `outreach inbox proposals` shows it."
)


def list_(
    context: typer.Context,
    everything: bool = typer.Option(False, "--all", help="Those that were decided, too."),
    as_json: bool = JSON,
) -> None:
    """Municipalities that need another contact: a referral, a changed address, a dead one."""
    from outreach.db import proposals

    states = set(ProposalState) if everything else {ProposalState.OPEN}
    with shell(context).database() as database, database.read() as connection:
        rows = proposals.listing(connection, states)
    if as_json:
        print_json(rows)
        return
    print_table(
        [{**row, "email": row["email"] or "find one: accept NUMBER --email"} for row in rows],
        [
            ("id", "No."),
            ("country", ""),
            ("municipality", "Municipality"),
            ("reason", "Why"),
            ("email", "Proposed"),
            ("instead_of", "Instead of"),
            ("state", "State"),
        ],
        empty="No contact is proposed.",
    )


def accept(
    context: typer.Context,
    number: int = _PROPOSAL,
    email: str | None = typer.Option(None, "--email", help="Another address than the proposed one."),
    no_mail: bool = typer.Option(False, "--no-mail", help="Add the contact only; do not invite it."),
) -> None:
    """Add the proposed contact, and invite it where the campaign still runs."""
    from outreach.jobs.proposals import accept as job

    here = shell(context)
    with here.database() as database:
        done = job(
            here.workspace,
            database,
            number,
            email=email,
            write=not no_mail,
            now=clock.now(),
            actor=here.actor,
        )
    say(f"{done.email} {'is a new' if done.new else 'is a'} contact of {done.municipality}.")
    if done.campaign:
        say(f"The invitation of {done.campaign} goes to it with the next `outreach run`.")


def dismiss(context: typer.Context, number: int = _PROPOSAL) -> None:
    """The proposed contact is not wanted."""
    from outreach.jobs.proposals import dismiss as job

    here = shell(context)
    with here.database() as database:
        job(database, number, now=clock.now(), actor=here.actor)
    say(f"Proposal {number} is dismissed.")


def undo(context: typer.Context, number: int = NUMBER, as_json: bool = JSON) -> None:
    """Take back all that followed from a message: it waits for a person again."""
    from dataclasses import asdict

    from outreach.jobs.resolve import undo as job

    here = shell(context)
    with here.database() as database:
        taken = job(database, number, now=clock.now(), actor=here.actor)
    if as_json:
        print_json(asdict(taken))
        return
    if taken.nothing:
        say(f"Nothing had followed from message {number}. It waits for you now.")
    else:
        what = [count(taken.events, "event")] if taken.events else []
        what += list(dict.fromkeys(one.value for one in taken.effects))
        what += [count(taken.proposals, "proposal")] if taken.proposals else []
        say(f"Taken back: {', '.join(what) or count(taken.stopped, 'mail')}. It waits for you now.")
    if taken.requeued:
        say(f"{count(taken.requeued, 'mail')} that had not been sent because of it may go now.")
    if taken.gone:
        say(f"{count(taken.gone, 'mail')} that answered it had gone already.")
    for address in taken.kept:
        say(f"{address} has had its mail and stays a contact.")
