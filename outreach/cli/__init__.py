"""The command line. Commands import what they need when they are called: cron calls one every minute."""

from __future__ import annotations

import sys
from typing import NoReturn

import typer

from outreach.cli import (
    attendance,
    campaigns,
    checkup,
    contacts,
    costs,
    digests,
    federation,
    inbox,
    messages,
    places,
    registrations,
    reports,
    running,
    serving,
    simulation,
    templates,
    workspaces,
)
from outreach.cli.shell import Shell
from outreach.errors import OutreachError

EXIT_CODES = """\b
Exit codes:
  0   done (also: nothing to do)
  1   not everything that was asked for could be done
  2   the command was typed wrongly
  3   outreach.toml, a secret or the environment is wrong
  4   a file or value that was given cannot be used
  5   the present state forbids it
  6   a mail server could not be used; later may be better
  7   the database cannot be used
  70  a fault in Outreach itself
  130 interrupted
"""

_INTERRUPTED = 130

app = typer.Typer(
    name="outreach",
    help="Invite municipalities in their language, follow up where nobody answered, and know who did.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(contacts.app, name="contacts")
app.add_typer(contacts.suppress, name="suppress")
app.add_typer(places.app, name="places")
app.add_typer(campaigns.app, name="campaigns")
app.add_typer(templates.app, name="templates")
app.add_typer(messages.app, name="messages")
app.add_typer(inbox.app, name="inbox")
app.add_typer(registrations.app, name="registrations")
app.add_typer(attendance.app, name="attendance")
app.add_typer(costs.app, name="costs")
for of_reports in (federation.key, federation.export, federation.merge, digests.digest, costs.reimbursement):
    reports.app.command()(of_reports)
app.add_typer(reports.app, name="report")
app.add_typer(workspaces.database, name="db")
for command in (workspaces.init, workspaces.demo, running.run, running.poll, running.send, running.watch):
    app.command()(command)
app.command()(inbox.classify)
app.command()(checkup.doctor)
app.command()(serving.serve)
app.command()(simulation.simulate)


def _version(wanted: bool) -> None:
    if wanted:
        from outreach import __version__

        typer.echo(f"outreach {__version__}")
        raise typer.Exit


@app.callback()
def start(
    context: typer.Context,
    workspace: str = typer.Option(
        ".", "--workspace", "-w", envvar="OUTREACH_WORKSPACE", help="The workspace's folder."
    ),
    account: str | None = typer.Option(
        None, "--account", envvar="OUTREACH_ACCOUNT", help="Yours, where outreach.toml has [accounts]."
    ),
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Say the version."
    ),
) -> None:
    context.obj = Shell(workspace, account)


def main() -> None:
    """Run a command; every error becomes one sentence and an exit code."""
    try:
        app(standalone_mode=True)
    except OutreachError as error:
        typer.echo(f"Error: {error.message}", err=True)
        if error.remedy:
            typer.echo(error.remedy, err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _interrupted()
    except SystemExit as end:
        if end.code == _INTERRUPTED:  # what Typer makes of Ctrl-C inside a command
            _interrupted()
        raise
    except BrokenPipeError:
        # The reader of our output (`| head`) has seen enough.
        sys.stderr.close()
        sys.exit(0)
    except Exception as error:
        sys.exit(_fault(error))


def _interrupted() -> NoReturn:
    typer.echo("Interrupted. Nothing is lost; the next run goes on from here.", err=True)
    sys.exit(_INTERRUPTED)


def _fault(error: Exception) -> int:
    import tempfile
    import traceback
    from pathlib import Path

    with tempfile.NamedTemporaryFile(
        "w", prefix="outreach-fault-", suffix=".txt", delete=False, encoding="utf-8"
    ) as file:
        traceback.print_exception(error, file=file)
    typer.echo(f"Error: a fault in Outreach itself ({type(error).__name__}).", err=True)
    typer.echo(f"What happened stands in {Path(file.name)}: please report it.", err=True)
    return 70
