"""`outreach contacts show|edit|export|erase`: what a person may ask for."""

from __future__ import annotations

from pathlib import Path

import typer

from outreach import clock
from outreach.cli.shell import JSON, country_code, print_json, say, shell
from outreach.errors import InputError, RefusedError

_ADDRESS = typer.Argument(..., metavar="ADDRESS", help="A mail address.")


def show(context: typer.Context, address: str = _ADDRESS, as_json: bool = JSON) -> None:
    """All that is known about an address, from every table: the answer to an access request (GDPR Art. 15)."""
    from outreach.jobs import people

    here = shell(context)
    with here.database() as database:
        about = people.access(here.workspace, database, address, now=clock.now(), actor=here.actor)
    if about.is_empty:
        raise RefusedError(f"Nothing is known about {address}.", "Check how it is written.")
    if as_json:
        print_json({"address": about.address, "as of": about.at, **about.notice, **about.known})
        return
    for line in people.readable(about):
        say(line)


def export(
    context: typer.Context,
    subject: str = typer.Option(..., "--subject", metavar="ADDRESS", help="Whose data: a mail address."),
    folder: Path = typer.Option(Path("subject"), "--dir", help="Where the files go."),
) -> None:
    """Write all that is known about an address into a folder, to be handed over: JSON, text, and mails as received."""
    from outreach.jobs import people

    here = shell(context)
    with here.database() as database:
        about = people.access(here.workspace, database, subject, now=clock.now(), actor=here.actor)
    if about.is_empty:
        raise RefusedError(f"Nothing is known about {subject}.", "Check how it is written.")
    for path in people.export(about, folder):
        say(str(path))
    say("These are personal data: hand them to nobody else, and remove them after.")


def edit(
    context: typer.Context,
    address: str = _ADDRESS,
    email: str | None = typer.Option(None, "--email", help="The right address."),
    person: str | None = typer.Option(None, "--person", help="The name; '' for none."),
    role: str | None = typer.Option(None, "--role", help="The role; '' for none."),
    language: str | None = typer.Option(
        None, "--language", help="Its code, as nl; '' for the municipality's."
    ),
    kind: str | None = typer.Option(None, "--kind", help="institutional or named."),
    country: str | None = typer.Option(
        None, "--country", callback=country_code, help="Only where it stands in this country."
    ),
) -> None:
    """Correct a contact by hand. No import changes it back; what the list says otherwise is shown as a conflict."""
    from outreach.jobs import people

    given = {"email": email, "person": person, "role": role, "language": language, "kind": kind}
    values = {name: value for name, value in given.items() if value is not None}
    if not values:
        raise InputError(
            "It has to be said what to correct.", "Give --email, --person, --role, --language or --kind."
        )
    here = shell(context)
    with here.database(country=country) as database:
        changes = people.correct(
            here.workspace, database, address, values, country=country, now=clock.now(), actor=here.actor
        )
    for name, old, new in changes:
        say(f"{name}: {old or '-'} -> {new or '-'}")
    if not changes:
        say("It said so already; from now on no import changes it.")


def erase(
    context: typer.Context,
    address: str | None = typer.Argument(None, metavar="[ADDRESS]", help="A mail address."),
    again: bool = typer.Option(
        False, "--again", help="After a backup was put back: erase what was erased before, once more."
    ),
    yes: bool = typer.Option(False, "--yes", help="Without asking."),
) -> None:
    """Remove an address, its person's name and what they wrote from every table, for good (GDPR Art. 17).

    Counts stay. A keyed hash stays, so that no list brings the address back, and nobody writes there again.
    """
    import sys

    from outreach.jobs import people

    if (address is None) != again:
        raise InputError("It has to be said whom to erase.", "Give an address, or --again.")
    if address is not None:
        people.an_address(address)
    here = shell(context)
    if not yes and not again:
        if not sys.stdin.isatty():
            say("Nothing was changed: nobody is there to ask. Add --yes to erase.")
            return
        if not typer.confirm(f"Erase {address} for good?", default=False):
            say("Nothing was changed.")
            return
    with here.database(everything=again) as database:
        if address is None:
            done = people.erase_again(here.workspace, database, now=clock.now(), actor=here.actor)
            say(f"Erased again: {len(done)}.")
            return
        erased = people.erase(here.workspace, database, address, now=clock.now(), actor=here.actor)
    rows = ", ".join(f"{table.replace('_', ' ')} {number}" for table, number in sorted(erased.tables.items()))
    say(f"Erased{': ' + rows if rows else '; it stood in no table'}. Nobody writes there again.")
    say("Not erased by this: backups, your mailbox, your lists. Remove old backups, or type")
    say("`outreach contacts erase --again` each time one is put back; delete the mails in the mailbox.")
    for path in erased.files:
        say(f"It still stands in {path}: remove it there.")
