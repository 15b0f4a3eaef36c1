"""`outreach places`: the official list of municipalities, what lists leave in doubt, and who can be reached."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from outreach import clock
from outreach.cli.shell import JSON, LAST_NUMBER, count, country_code, print_json, print_table, say, shell

if TYPE_CHECKING:
    from outreach.jobs.places import PlacesResult

app = typer.Typer(
    help="The official list of municipalities: import it, see who can be reached, settle doubts.",
    no_args_is_help=True,
)

_COUNTRY = typer.Option(
    ..., "--country", callback=country_code, help="Two capitals: BE, DE ... (Greece is GR)."
)
_ANY_COUNTRY = typer.Option(None, "--country", callback=country_code, help="Only this one: BE, DE ...")


@app.command("import")
def import_(
    context: typer.Context,
    file: Path = typer.Argument(..., help="Eurostat's LAU workbook, or your country's official list."),
    country: str = _COUNTRY,
    apply: bool = typer.Option(False, "--apply/--dry-run", help="Do it; else only show what would happen."),
    source: str | None = typer.Option(
        None, "--source", help="What the list is called; else the file's name."
    ),
    sheet: str | None = typer.Option(
        None, "--sheet", help="Of a workbook; else the one called as the country."
    ),
    encoding: str | None = typer.Option(
        None, "--encoding", help="Such as utf-8 or cp1253; else it is found."
    ),
    as_json: bool = JSON,
) -> None:
    """Import the official list of a country's municipalities. Shows what it would do; --apply does it.

    From then on contact lists are held against it, and `outreach places coverage` says who cannot be reached.
    Municipalities that contact lists brought before become the official ones where that is certain; of the
    others you are asked: `outreach places review`.
    """
    from outreach.jobs.places import import_places

    here = shell(context)
    with here.database(country=country) as database:
        result = import_places(
            here.workspace,
            database,
            file,
            country=country,
            now=clock.now(),
            actor=here.actor,
            apply=apply,
            source=source,
            sheet=sheet,
            encoding=encoding,
        )
    if as_json:
        print_json(_as_json(result))
    else:
        _tell(result)


def _tell(result: PlacesResult) -> None:
    where = f", sheet {result.sheet!r}" if result.sheet else ""
    say(f"{result.file}{where}: {count(len(result.register.units), 'municipality', 'municipalities')}.")
    read = [f"{field} = {title!r}" for field, title in result.register.columns if field != "change"]
    say(f"Columns read: {', '.join(read)}.")
    say()
    for number, what in (
        (len(result.new), "new"),
        (len(result.changed), "changed"),
        (result.same, "unchanged"),
        (len(result.joined), "known from contact lists under another name or code, and joined"),
        (len(result.doubtful), "known from contact lists, and not surely found: you are asked"),
        (len(result.left), "no longer in the official list: kept, and not counted"),
        (result.register.elsewhere, "of other countries, left out"),
        (len(result.register.faults), "lines that cannot be used"),
    ):
        if number or what in ("new", "unchanged"):
            say(f"{number:>8,}  {what}")
    for change in [one for one in result.changed if one.changes][:10]:
        fields = ", ".join(f"{one.field}: {_word(one.old)} -> {_word(one.new)}" for one in change.changes)
        say(f"  {change.unit.place.name}: {fields}")
    for old, unit in result.joined[:10]:
        say(f"  {old.place.name} ({old.place.code or 'no code'}) is {unit.place.name} ({unit.place.code})")
    for old, why in result.doubtful[:10]:
        say(f"  {old.place.name} ({old.place.code or 'no code'}): {why}")
    for fault in result.register.faults[:10]:
        say(f"  {fault}")
    say()
    if not result.applied:
        say("Nothing was changed. Add --apply to import.")
    else:
        say("Imported." + (" Next: `outreach places review`." if result.doubtful else ""))


def _word(value: object) -> str:
    if isinstance(value, tuple):
        return "/".join("=".join(one) if isinstance(one, tuple) else str(one) for one in value) or "-"
    return str(value) if value is not None else "-"


def _as_json(result: PlacesResult) -> dict[str, object]:
    return {
        "file": result.file,
        "country": result.country,
        "source": result.source,
        "sheet": result.sheet,
        "municipalities": len(result.register.units),
        "columns": [{"field": field, "header": title} for field, title in result.register.columns],
        "new": len(result.new),
        "changed": [
            {
                "key": one.unit.key,
                "name": one.unit.place.name,
                "fields": {change.field: [change.old, change.new] for change in one.changes},
            }
            for one in result.changed
            if one.changes
        ],
        "unchanged": result.same,
        "joined": [
            {"name": old.place.name, "code": old.place.code, "official": unit.key}
            for old, unit in result.joined
        ],
        "doubtful": [
            {"name": old.place.name, "code": old.place.code, "why": why} for old, why in result.doubtful
        ],
        "left": [unit.key for unit in result.left],
        "faults": result.register.faults,
        "applied": result.applied,
    }


@app.command("list")
def list_(
    context: typer.Context,
    country: str = _COUNTRY,
    search: str | None = typer.Option(None, "--search", help="Part of a name, or a code."),
    as_json: bool = JSON,
) -> None:
    """The municipalities of a country: code, names, region, population, languages their mail is in."""
    from outreach.contacts.folding import fold
    from outreach.contacts.spoken import spoken_in
    from outreach.db import places

    with shell(context).database(country=country, counts=True) as database, database.read() as connection:
        stored = places.stored(connection, country)
    rows: list[dict[str, Any]] = []
    for one in stored:
        place = one.unit.place
        names = (place.name, *(name for _, name in one.unit.names))
        if search and place.code != search and not any(fold(search) in fold(name) for name in names):
            continue
        spoken = spoken_in(country, names, place.code, one.unit.nuts)
        rows.append(
            {
                "code": place.code,
                "name": place.name,
                "names": [{"language": language, "name": name} for language, name in one.unit.names],
                "region": place.region,
                "nuts": one.unit.nuts,
                "population": place.population,
                "degurba": one.unit.degurba,
                "languages": list(place.languages),
                "also": list(spoken.also) if spoken else [],
                "languages_source": spoken.source if spoken else None,
                "time_zone": place.time_zone,
                "official_list": one.official_list,
            }
        )
    if as_json:
        print_json(rows)
        return
    print_table(
        [{**row, "languages": " + ".join(row["languages"])} for row in rows],
        [
            ("code", "Code"),
            ("name", "Municipality"),
            ("region", "Region"),
            ("population", "Population"),
            ("degurba", "DEGURBA"),
            ("languages", "Mail in"),
            ("official_list", "Official list"),
        ],
        empty=f"No municipality of {country} is known yet: `outreach places import FILE --country {country}`.",
    )


@app.command()
def coverage(
    context: typer.Context,
    country: str = _COUNTRY,
    missing: Path | None = typer.Option(
        None, "--missing", metavar="FILE", help="Write who is missing as a CSV list, to be filled in."
    ),
    as_json: bool = JSON,
) -> None:
    """How many of a country's municipalities, and what share of its people, can be reached at all.

    An address counts that is not gone from its list, not suppressed, and did not come back. The list of the
    missing has a column for the address: fill it in and import it with `outreach contacts import`.
    """
    from outreach.errors import InputError
    from outreach.jobs.places import cover, missing_as_rows

    here = shell(context)
    with here.database(country=country, counts=True) as database:
        figures, units = cover(here.workspace, database, country)
    rows = missing_as_rows(units)
    if missing is not None:
        if missing.exists():
            raise InputError(f"{missing} exists already.", "Name a file that does not exist yet.")
        try:
            missing.write_text(_csv(rows), encoding="utf-8", newline="")
        except OSError as error:
            raise InputError(
                f"{missing} cannot be written: {error.strerror}.", "Name another place."
            ) from None
    share = _share(figures.reachable, figures.municipalities)
    people = _share(figures.reachable_population, figures.population)
    if as_json:
        counts = {name: getattr(figures, name) for name in figures.__slots__}
        print_json({**counts, "share": share, "share_of_population": people, "missing": rows})
        return
    say(
        f"{country}: {figures.reachable:,} of {count(figures.municipalities, 'municipality', 'municipalities')} "
        f"can be reached{_percent(share)}."
    )
    if figures.population:
        say(
            f"They have {figures.reachable_population:,} of {figures.population:,} inhabitants{_percent(people)}."
        )
    if figures.without_population:
        say(f"Of {figures.without_population:,} the official list does not say the population.")
    if figures.personal_only:
        say(f"{figures.personal_only:,} of them only at addresses of persons.")
    if figures.in_doubt:
        say(
            f"{count(figures.in_doubt, 'contact')} not counted, as it is not clear where they belong: "
            f"`outreach places review --country {country}`."
        )
    for unit in units[:10]:
        people_there = f", {unit.place.population:,} inhabitants" if unit.place.population else ""
        say(f"  missing: {unit.place.name} ({unit.place.code or unit.key}){people_there}")
    if len(units) > 10:
        say(f"  ... and {len(units) - 10:,} more")
    if missing is not None:
        say(f"The {len(units):,} missing are in {missing}: fill in the addresses, then type")
        say(f"  outreach contacts import {missing} --country {country}")


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _percent(share: float | None) -> str:
    return "" if share is None else f" ({share:.1%})"


def _csv(rows: list[Any]) -> str:
    out = io.StringIO(newline="")
    out.write("\ufeff")
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(("code", "municipality", "region", "population", "email"))
    writer.writerows(row.values() for row in rows)
    return out.getvalue()


@app.command()
def review(context: typer.Context, country: str | None = _ANY_COUNTRY, as_json: bool = JSON) -> None:
    """Municipalities of contact lists that the official list does not surely know, with what they may be.

    Their contacts are kept, and written to once you have decided.
    """
    from outreach.jobs.places import review as job

    with shell(context).database(country=country) as database:
        found = job(database, country)
    if as_json:
        print_json(
            [
                {
                    **{name: getattr(one, name) for name in one.__slots__ if name != "suggestions"},
                    "suggestions": [
                        {"code": code, "name": name, "region": region, "likeness": likeness}
                        for code, name, region, likeness in one.suggestions
                    ],
                }
                for one in found
            ]
        )
        return
    if not found:
        say("No municipality is in doubt.")
        return
    for one in found:
        said = ", ".join(filter(None, (one.code, one.region)))
        say(
            f"{one.id}  {one.country}  {one.name}{f' ({said})' if said else ''}, "
            f"{count(one.contacts, 'contact')}: {one.why}"
        )
        for code, name, region, likeness in one.suggestions:
            say(f"       {code}  {name}{f' ({region})' if region else ''}, alike by {likeness:.0%}")
    say()
    say("`outreach places decide NUMBER CODE` says which it is, `--none` that no official list has it.")


@app.command()
def decide(
    context: typer.Context,
    number: int = typer.Argument(
        ..., metavar="NUMBER", min=1, max=LAST_NUMBER, help="As `outreach places review` shows it."
    ),
    answer: str | None = typer.Argument(None, metavar="CODE", help="Code or name in the official list."),
    none: bool = typer.Option(False, "--none", help="None of the official list: it stays what it is called."),
) -> None:
    """Say which municipality a doubtful one is. Remembered: the next list needs no answer."""
    from outreach.errors import InputError
    from outreach.jobs.places import decide as job

    if (answer is None) != none:
        raise InputError("It has to be said which municipality it is.", "Give its code, or --none.")
    here = shell(context)
    with here.database() as database:
        name = job(here.workspace, database, number, answer, now=clock.now(), actor=here.actor)
    say(f"Question {number}: {name}{', in no official list' if none else ''}.")
