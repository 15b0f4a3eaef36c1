"""`outreach contacts` and `outreach suppress`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from outreach import clock
from outreach.cli import people
from outreach.cli.shell import JSON, LAST_NUMBER, count, country_code, print_json, print_table, say, shell

if TYPE_CHECKING:
    from outreach.jobs.import_contacts import ImportResult

app = typer.Typer(help="Contact lists: import them, look at them.", no_args_is_help=True)
suppress = typer.Typer(help="Addresses and domains that are never written to again.", no_args_is_help=True)

_COUNTRY = typer.Option(
    ..., "--country", callback=country_code, help="Two capitals: BE, DE ... (Greece is GR)."
)


@app.command("import")
def import_(
    context: typer.Context,
    file: Path = typer.Argument(..., help="CSV, XLSX, XLS, ODS, JSON, XML or a web page, as you have it."),
    country: str = _COUNTRY,
    apply: bool = typer.Option(False, "--apply/--dry-run", help="Do it; else only show what would happen."),
    columns: list[str] = typer.Option(
        [],
        "--map",
        metavar="FIELD=COLUMN",
        help="Say which column is what: email=Courriel. Repeatable. Remembered for lists with the same header.",
    ),
    forget: bool = typer.Option(
        False, "--forget-map", help="Find the columns out anew, and forget those remembered for this header."
    ),
    source: str | None = typer.Option(
        None, "--source", help="Where the list comes from, in words for the mails; else the file's name."
    ),
    encoding: str | None = typer.Option(
        None, "--encoding", help="Such as utf-8 or cp1253; else it is found."
    ),
    delimiter: str | None = typer.Option(None, "--delimiter", help="Such as ';'; else it is found."),
    sheet: str | None = typer.Option(None, "--sheet", help="Of a workbook; else the first with addresses."),
    legal_basis: str | None = typer.Option(
        None, "--legal-basis", help="Kept with each contact; else that of [privacy] in outreach.toml."
    ),
    header_row: int | None = typer.Option(
        None,
        "--header-row",
        min=0,
        help="The line with the names of the columns, 0 for none; else it is found.",
    ),
    as_json: bool = JSON,
) -> None:
    """Import a contact list. Shows what it would do; --apply does it.

    Good rows are never held up by bad ones: rejected rows land in FILE.rejected.csv beside the list, each with
    the reason and the remedy, and can be imported from there once mended. A second import of the same file
    changes nothing.
    """
    from outreach.jobs.import_contacts import import_contacts
    from outreach.jobs.read_list import Reading

    here = shell(context)
    with here.database(country=country) as database:
        result = import_contacts(
            here.workspace,
            database,
            file,
            country=country,
            now=clock.now(),
            actor=here.actor,
            apply=apply,
            source=source,
            reading=Reading(
                columns=_mapping(columns),
                forget=forget,
                encoding=encoding,
                delimiter=delimiter,
                sheet=sheet,
                header_row=header_row,
            ),
            legal_basis=legal_basis,
        )
    if as_json:
        print_json(_as_json(result))
    else:
        _tell(result, apply)


def _mapping(columns: list[str]) -> dict[str, list[str]]:
    from outreach.errors import InputError

    found: dict[str, list[str]] = {}
    for text in columns:
        field, sign, column = text.partition("=")
        if not sign:
            raise InputError(
                f"--map {text!r} has no '='.", "Write --map FIELD=COLUMN, as --map email=Courriel."
            )
        found.setdefault(field.strip(), []).append(column.strip())
    return found


_WHY = {
    "header": "by its name",
    "content": "by its cells",
    "override": "as you say",
    "remembered": "as you said of an earlier list",
}


def _tell(result: ImportResult, apply: bool) -> None:
    plan = result.plan
    how = [result.format.upper()]
    if result.encoding:
        how.append(f"encoding {result.encoding}")
    if result.delimiter:
        how.append(f"delimiter {result.delimiter!r}")
    if result.sheet:
        how.append(f"sheet {result.sheet!r}")
    header = f"column names in line {result.header_line}" if result.header_line else "fields by their names"
    if result.mapping.columns[0].header == f"column {result.mapping.columns[0].index + 1}":
        header = "no column names"
    say(f"{result.file}: {', '.join(how)}, {header}.")
    for note in result.notes:
        say(note)
    say("Columns read:")
    width = max(len(column.field) for column in result.mapping.columns)
    for column in result.mapping.columns:
        say(f"  {column.field:<{width}}  {column.header!r} (column {column.index + 1}, {_WHY[column.why]})")
    if result.mapping.unused:
        say(f"Not read: {', '.join(repr(name) for name in result.mapping.unused)}.")
    say()
    for number, what in (
        (len(plan.new), "new"),
        (len(plan.changed), "changed"),
        (plan.same, "unchanged"),
        (len(plan.duplicates), "twice in the file"),
        (len(plan.suppressed), "suppressed: never written to again, and not imported"),
        (len(plan.gone), "no longer in the file: kept, and marked"),
        (len(plan.returned), "in the file again: no longer marked as gone"),
        (len(plan.rejected), "rejected"),
        (len(plan.conflicts), "said otherwise, and not believed"),
        (len(plan.doubtful), "municipalities in doubt: their contacts are kept, and wait for your answer"),
    ):
        if number or what in ("new", "unchanged", "rejected"):
            say(f"{number:>8,}  {what}")
    for change in plan.changed[:10]:
        fields = ", ".join(f"{one.field}: {one.old or '-'} -> {one.new}" for one in change.changes)
        say(f"  line {change.row.line}, {change.row.email}: {fields}")
    for reject in plan.rejected[:10]:
        value = f" {reject.value[:60]!r}" if reject.value else ""
        say(
            f"  line {reject.line}, {reject.column}:{value} {reject.reason.replace('_', ' ')}. {reject.remedy}"
        )
    for conflict in plan.conflicts[:10]:
        say(
            f"  line {conflict.line}, {conflict.email}: {conflict.field} stays {conflict.kept}, not "
            f"{conflict.offered}: {conflict.why}"
        )
    for doubt in list(plan.doubtful.values())[:10]:
        say(f"  line {doubt.line}, {doubt.place.name}: {doubt.why}")
    if len(plan.rejected) > 10:
        say(f"  ... and {len(plan.rejected) - 10} more")
    if result.rejects_file:
        say(f"Rejected rows: {result.rejects_file}. Mend them there and import that file.")
    say()
    if result.applied:
        say(f"Imported, as number {result.number}: `outreach contacts undo {result.number}` takes it back.")
        if plan.doubtful:
            say(f"Next: `outreach places review --country {result.country}`.")
    elif plan.changes_nothing:
        say("Nothing to change.")
    elif not apply:
        say("Nothing was changed. Add --apply to import.")


def _as_json(result: ImportResult) -> dict[str, object]:
    plan = result.plan
    return {
        "file": result.file,
        "country": result.country,
        "source": result.source,
        "format": result.format,
        "encoding": result.encoding,
        "delimiter": result.delimiter,
        "sheet": result.sheet,
        "header_line": result.header_line,
        "columns": [
            {
                "field": column.field,
                "header": column.header,
                "number": column.index + 1,
                "why": column.why,
            }
            for column in result.mapping.columns
        ],
        "notes": result.notes,
        "unused_columns": result.mapping.unused,
        "new": len(plan.new),
        "changed": len(plan.changed),
        "unchanged": plan.same,
        "duplicates": [
            {"line": one.line, "first_line": one.first_line, "email": one.email} for one in plan.duplicates
        ],
        "suppressed": len(plan.suppressed),
        "changes": [
            {
                "line": one.row.line,
                "email": one.row.email,
                "fields": {change.field: [change.old, change.new] for change in one.changes},
            }
            for one in plan.changed
        ],
        "changed_municipalities": [
            {"key": one.key, "fields": {change.field: [change.old, change.new] for change in one.changes}}
            for one in plan.changed_places
        ],
        "conflicts": [
            {
                "line": one.line,
                "email": one.email,
                "field": one.field,
                "kept": one.kept,
                "offered": one.offered,
                "why": one.why,
            }
            for one in plan.conflicts
        ],
        "in_doubt": [
            {"line": one.line, "municipality": one.place.name, "code": one.place.code, "rows": one.rows}
            | {"why": one.why}
            for one in plan.doubtful.values()
        ],
        "gone": len(plan.gone),
        "returned": len(plan.returned),
        "rejected": [
            {
                "line": one.line,
                "column": one.column,
                "value": one.value,
                "reason": one.reason,
                "remedy": one.remedy,
            }
            for one in plan.rejected
        ],
        "rejects_file": result.rejects_file,
        "applied": result.applied,
        "import": result.number,
    }


@app.command("list")
def list_(
    context: typer.Context,
    country: str | None = typer.Option(
        None, "--country", callback=country_code, help="Two capitals: BE, DE ..."
    ),
    search: str | None = typer.Option(None, "--search", help="Part of a name or of an address."),
    as_json: bool = JSON,
) -> None:
    """The contacts, by country and municipality."""
    from outreach.db import directory

    with shell(context).database(country=country) as database, database.read() as connection:
        rows = directory.contacts(connection, country, search)
    if as_json:
        print_json(rows)
        return
    print_table(
        rows,
        [
            ("country", ""),
            ("municipality", "Municipality"),
            ("email", "Address"),
            ("kind", "Kind"),
            ("languages", "Languages"),
            ("source", "From"),
        ],
        empty="There are no contacts yet: `outreach contacts import FILE --country XX`.",
    )


@app.command()
def imports(
    context: typer.Context,
    country: str | None = typer.Option(
        None, "--country", callback=country_code, help="Only this one: BE, DE ..."
    ),
    as_json: bool = JSON,
) -> None:
    """What was imported, when, by whom, from which file; the last first."""
    from outreach.db import imports as log

    with shell(context).database(country=country) as database, database.read() as connection:
        rows = log.every(connection, country)
    if as_json:
        print_json(rows)
        return
    print_table(
        [{**row, "undone": f"by {row['undone_by']}" if row["undone_at"] else ""} for row in rows],
        [
            ("id", "No."),
            ("at", "When (UTC)"),
            ("country", ""),
            ("file", "File"),
            ("source", "Source"),
            ("actor", "By"),
            ("added", "New"),
            ("changed", "Changed"),
            ("gone", "Gone"),
            ("undone", "Undone"),
        ],
        empty="Nothing was imported yet.",
    )


@app.command()
def undo(
    context: typer.Context,
    number: int = typer.Argument(
        ..., metavar="NUMBER", min=1, max=LAST_NUMBER, help="As `outreach contacts imports` shows it."
    ),
) -> None:
    """Take an import back as a whole: its contacts are removed, and what it changed is as it was.

    Only while no mail has gone to its contacts.
    """
    from outreach.jobs.people import undo as job

    here = shell(context)
    with here.database() as database:
        removed, put_back = job(database, number, now=clock.now(), actor=here.actor)
    say(
        f"Import {number} is undone: {count(removed, 'contact')} removed, {count(put_back, 'change')} taken back."
    )


app.command()(people.show)
app.command()(people.edit)
app.command()(people.export)
app.command()(people.erase)


@suppress.command("add")
def add(
    context: typer.Context,
    what: str = typer.Argument(..., metavar="ADDRESS|DOMAIN"),
) -> None:
    """Never write to this address, or to anyone at this domain, again."""
    from outreach.jobs.suppress import suppress as suppress_

    here = shell(context)
    with here.database() as database:
        new = suppress_(here.workspace, database, what, now=clock.now(), actor=here.actor)
    say(f"{what} is suppressed{'' if new else ' already'}: nobody writes there again.")


@suppress.command("list")
def suppressed(context: typer.Context, as_json: bool = JSON) -> None:
    """Who is never written to again, since when and why."""
    from outreach.db import directory

    with shell(context).database() as database, database.read() as connection:
        rows = directory.suppressions(connection)
    if as_json:
        print_json(rows)
        return
    print_table(
        rows,
        [("address", "Address or domain"), ("reason", "Why"), ("source", "From"), ("at", "Since (UTC)")],
        empty="Nobody is suppressed.",
    )
