"""`outreach templates`: how far the translations are, out to translators and back in."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import typer

from outreach import clock
from outreach.cli.shell import JSON, count, print_json, say, shell
from outreach.model.states import TranslationFormat

app = typer.Typer(help="The mails and their translations.", no_args_is_help=True)

_CAMPAIGN = typer.Option([], "--campaign", help="Only the mails of this folder of templates/. Repeatable.")
_LANGUAGE = typer.Argument(..., metavar="LANGUAGE", help="Two small letters: fr, el ...")
_MARKS = {"reviewed": "R", "unreviewed": "u", "behind": "b", "broken": "x", "missing": "-"}


@app.command()
def status(
    context: typer.Context,
    campaign: list[str] = _CAMPAIGN,
    language: list[str] = typer.Option([], "--language", help="Only this language. Repeatable."),
    as_json: bool = JSON,
) -> None:
    """Which mail is there in which language, behind its English source, or read by nobody yet."""
    from outreach.jobs.translate import status as job

    found = job(shell(context).workspace, campaign, language)
    if as_json:
        print_json(
            [
                {
                    "mail": f"{one.slug}/{one.step}",
                    "campaign": one.slug,
                    "step": one.step,
                    "language": one.language,
                    "status": one.progress,
                }
                for one in found
            ]
        )
        return
    languages = list(dict.fromkeys(one.language for one in found))
    mails = list(dict.fromkeys(f"{one.slug}/{one.step}" for one in found))
    marks = {(f"{one.slug}/{one.step}", one.language): _MARKS[one.progress] for one in found}
    wide = max(map(len, mails), default=0)
    say(" ".join([" " * wide, *(f"{one:>2}" for one in languages)]))
    for mail in mails:
        say(" ".join([f"{mail:<{wide}}", *(f"{marks[mail, one]:>2}" for one in languages)]).rstrip())
    counts = Counter(str(one.progress) for one in found)
    say()
    say(", ".join(f"{mark} {name} {counts[name]:,}" for name, mark in _MARKS.items() if counts[name]) + ".")


@app.command()
def new(context: typer.Context, language: str = _LANGUAGE, campaign: list[str] = _CAMPAIGN) -> None:
    """Write the mails that are missing in a language, in English, to be translated in a text editor.

    The check refuses to send them as long as they are English.
    """
    from outreach.jobs.translate import start

    written = start(shell(context).workspace, language, campaign)
    for path in written:
        say(str(path))
    say(f"{count(len(written), 'file')} to translate." if written else "No mail is missing.")


@app.command()
def export(
    context: typer.Context,
    language: str = _LANGUAGE,
    form: TranslationFormat = typer.Option(
        TranslationFormat.PO,
        "--format",
        help="po: Poedit, Weblate and others; xliff: tools of agencies (XLIFF 2).",
    ),
    out: Path | None = typer.Option(None, "--out", help="The file; left out: mails.LANGUAGE.po or .xlf."),
    campaign: list[str] = _CAMPAIGN,
) -> None:
    """Write a file for a translator: each text with what is translated already."""
    from outreach.jobs.translate import export as job
    from outreach.jobs.workspace import write_bytes

    data, texts, done = job(shell(context).workspace, language, form, now=clock.now(), slugs=campaign)
    out = out or Path(f"mails.{language}.{'po' if form is TranslationFormat.PO else 'xlf'}")
    write_bytes(out, data)
    say(f"{out}: {count(texts, 'text')}, {done:,} translated.")


@app.command("import")
def import_(
    context: typer.Context,
    file: Path = typer.Argument(..., metavar="FILE", help="A PO or XLIFF 2 file that `export` wrote."),
    apply: bool = typer.Option(
        False, "--apply", help="Write the mails; else only say what would be written."
    ),
    translator: str = typer.Option("", "--translator", help="Who translated; else as the file says."),
    reviewed_by: str = typer.Option("", "--reviewed-by", help="The native speaker who has read it all."),
    as_json: bool = JSON,
) -> None:
    """Make mails of a translator's file. A mail is written when all of it is translated."""
    from outreach.jobs.translate import take_in
    from outreach.jobs.workspace import read_bytes

    found = take_in(
        shell(context).workspace,
        read_bytes(file),
        str(file),
        apply=apply,
        translator=translator,
        reviewed_by=reviewed_by,
    )
    counts = Counter(one.what for one in found)
    if as_json:
        print_json(
            {
                "applied": apply,
                "mails": [{"path": one.path, "what": one.what, "why": one.why} for one in found],
            }
        )
    else:
        for one in found:
            if one.what in ("refused", "unfinished"):
                say(f"{one.what}: {one.path}: {one.why}")
            elif one.what == "written":
                say(f"{'written' if apply else 'would be written'}: {one.path}")
        say(", ".join(f"{number} {what}" for what, number in counts.items()) + ".")
        if counts["written"] and not apply:
            say("Nothing was changed. Add --apply to write them.")
    if counts["refused"]:
        raise typer.Exit(1)
