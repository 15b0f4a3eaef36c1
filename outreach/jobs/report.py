"""The response report, from the database to a :class:`~outreach.report.document.Report`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa

from outreach.campaign import frozen
from outreach.campaign.definition import VARIANTS
from outreach.campaign.experiment import clock
from outreach.db import directory, queries, standings
from outreach.db.engine import Database
from outreach.delivery import tokens
from outreach.report import experiments, sections
from outreach.report.document import Report, Selection, Unit
from outreach.report.funnel import ALL, PLACES
from outreach.report.left_out import left_out
from outreach.report.sections import Numbers
from outreach.settings import Workspace


def make(
    workspace: Workspace,
    database: Database,
    selection: Selection,
    *,
    now: datetime,
    nuts: int = 2,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Report:
    """What the account of ``database`` reaches of the selection; a campaign that is none gives no sections.

    First counts anew what has changed, as :func:`count` does. ``nuts``: the level at which regions stand, 1 to 3.
    """
    count(workspace, database, progress=progress)
    with database.read() as connection:
        launched = queries.launched(connection, campaign=selection.campaign, country=selection.country)
        slugs = [one.slug for one in launched]
        rows = standings.numbers(
            connection,
            unit=selection.unit,
            selections=[PLACES, ALL, *slugs] if len(slugs) > 1 else [PLACES, *slugs],
            country=selection.country,
        )
        tried = _experiments(connection, selection)
    numbers = Numbers(rows, launched, selection.unit, nuts=nuts)
    return Report(
        made_at=now,
        selection=selection,
        total=sections.total(numbers),
        sections=tuple(sections.sections(numbers)),
        left_out=tuple(left_out(numbers)),
        curves=tuple(sections.curves(numbers)),
        sends=tuple(sections.sends(numbers)),
        experiments=tuple(
            experiments.experiment(numbers, slug, countries, step, varies, texts)
            for (slug, step, varies), (countries, texts) in tried.items()
        )
        if selection.unit is Unit.MUNICIPALITY
        else (),
    )


def _experiments(
    connection: sa.Connection, selection: Selection
) -> dict[tuple[str, str, str], tuple[list[str], dict[str, str]]]:
    """By campaign, step and what varies: the countries, and what each variant is, in the first's first language."""
    found: dict[tuple[str, str, str], tuple[list[str], dict[str, str]]] = {}
    for slug, country, campaign_id, definition in queries.experiments(
        connection, campaign=selection.campaign, country=selection.country
    ):
        one = frozen.thaw(definition).experiment
        if one is None:
            continue
        key = (slug, one.step, "send_time" if one.windows else "subject")
        if key not in found:
            texts = [clock(window) for window in one.windows]
            if not texts:
                lines = queries.subjects(connection, campaign_id, one.step)
                language = next((name for name in lines if "~" in name), "~").partition("~")[0]
                texts = [lines.get(name, "") for name in (language, f"{language}~{VARIANTS[1]}")]
            found[key] = ([], dict(zip(VARIANTS, texts, strict=True)))
        found[key][0].append(country)
    return found


def count(
    workspace: Workspace,
    database: Database,
    *,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
    enough: Callable[[], bool] = lambda: False,
) -> int:
    """Count anew the municipalities of which something changed since they were counted; returns how many.

    Short transactions, so that others can write meanwhile; what changes meanwhile is counted as well, unless it goes
    on for ever. Ends early once ``enough``. ``progress`` is told how many are done, of about how many.
    """
    with database.read() as connection:
        todo = standings.waiting(connection)
    done = 0
    while done < todo and not enough():
        with database.write() as connection:
            suppressed = directory.suppressed_by(
                connection, lambda what: tokens.suppression_key(workspace.key, what)
            )
            some = standings.count_some(connection, suppressed)
        if not some:
            break
        done += some
        progress(done, max(todo, done))
    return done
