"""`outreach inbox reply-draft` and `outreach inbox corrections`."""

from __future__ import annotations

from pathlib import Path

import typer

from outreach import clock
from outreach.cli.proposals import NUMBER
from outreach.cli.shell import JSON, count, print_json, print_table, say, shell


def reply_draft(
    context: typer.Context,
    number: int = NUMBER,
    text: str = typer.Option("", "--text", help="What the answer begins to say."),
    output: Path | None = typer.Option(
        None, "--output", help="Write the draft into this file (.eml) instead."
    ),
) -> None:
    """Put a draft of the answer into the mailbox's folder of drafts: addressed, threaded, greeted, quoted."""
    from outreach.jobs import reply_draft as job

    here = shell(context)
    with here.database() as database:
        raw = job.draft(database, here.workspace, number, text=text, now=clock.now())
        if output is not None:
            job.write(raw, output)
            say(f"The draft is in {output}: open it in your mail program.")
            return
        folder = job.put(here.workspace, database, number, raw)
    say(f"The draft is in the folder {folder}: finish and send it in your mail program.")


def corrections(
    context: typer.Context,
    output: Path | None = typer.Option(
        None, "--output", help="Write the sentences into this folder, a file for each language."
    ),
    as_json: bool = JSON,
) -> None:
    """What you decided about messages, beside what they were read as, without names, addresses and numbers."""
    from dataclasses import asdict

    from outreach.jobs import corrections as job

    with shell(context).database() as database:
        found = job.decisions(database)
    if output is not None:
        written = job.write(found, output)
        say(f"Wrote {count(len(written), 'file')} in {output}. Read them before you pass them on.")
        return
    if as_json:
        print_json([asdict(one) for one in found])
        return
    print_table(
        [asdict(one) for one in found],
        [
            ("inbound_id", "No."),
            ("language", ""),
            ("read_as", "Read as"),
            ("meant", "Meant"),
            ("right", "Right"),
            ("text", "Text"),
        ],
        empty="You have decided about no message yet.",
    )
