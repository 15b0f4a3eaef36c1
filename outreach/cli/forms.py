"""`outreach inbox learn-form`: a rule for the notifications of a form, from one example."""

from __future__ import annotations

from pathlib import Path

import typer

from outreach.cli.shell import say, shell
from outreach.errors import SettingsError


def learn(
    context: typer.Context,
    file: Path = typer.Argument(..., help="A notification, saved as .eml."),
    name: str | None = typer.Option(None, "--name", help="Of the rule; left out: the sender's domain."),
    save: bool = typer.Option(False, "--save", help="Put the rule into forms/ of the workspace."),
) -> None:
    """Propose a rule from one notification of a form tool, and show what it reads."""
    from outreach.jobs.forms import learn as job

    here = shell(context)
    try:
        workspace = here.workspace
    except SettingsError:
        if save:
            raise
        workspace = None
    learned = job(workspace, file, name=name, save=save)
    say(learned.toml)
    found = learned.verdict.registration if learned.verdict else None
    if found is None:
        say("By this rule nothing is recognised in the example: give the labels under [fields].")
    else:
        for what, value in (
            ("name", found.name),
            ("email", found.email),
            ("municipality", found.municipality),
            *found.fields.items(),
        ):
            say(f"Reads {what}: {value or 'nothing'}")
    if learned.saved:
        say(f"Saved as {learned.saved}: correct it there.")
    else:
        say("Nothing was written. With --save it is put into forms/ of the workspace.")
