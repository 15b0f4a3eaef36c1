"""The response report, from the database to a :class:`~outreach.report.document.Report`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime

from outreach.db import queries
from outreach.db.engine import Database
from outreach.model.values import FunnelRow
from outreach.report.document import AnswerCurve, Cut, Line, Quartiles, Report, Section, Selection, Sends
from outreach.report.measures import Counts, total
from outreach.settings import Workspace


def make(workspace: Workspace, database: Database, selection: Selection, *, now: datetime) -> Report:
    """What the account of ``database`` reaches of the selection. A campaign that is none gives no sections."""
    del workspace
    with database.read() as connection:
        rows = queries.funnel(connection, campaign=selection.campaign, country=selection.country)
        answers = queries.answer_days(connection, campaign=selection.campaign, country=selection.country)
        sends = queries.sends(connection, campaign=selection.campaign, country=selection.country)
    sections = _sections(rows)
    whole = [one for one in sections if one.cut is Cut.CAMPAIGN]
    reached = {(row.campaign, row.country): row.counts.reached for row in rows if row.step is None}
    return Report(
        made_at=now,
        selection=selection,
        total=total(one.total for one in whole),
        sections=tuple(sections),
        left_out=(),
        curves=tuple(_curves(answers, reached)),
        sends=tuple(Sends(day, mails, 0) for day, mails in sends),
    )


def _counts(row: FunnelRow) -> Counts:
    counts = row.counts
    return Counts(
        invited=counts.invited,
        reached=counts.reached,
        answered=counts.answered,
        registered=counts.registered,
        declined=counts.declined,
        unsubscribed=counts.unsubscribed,
    )


def _sections(rows: Iterable[FunnelRow]) -> list[Section]:
    by_campaign: dict[str, list[FunnelRow]] = defaultdict(list)
    for row in rows:
        by_campaign[row.campaign].append(row)
    wholes = {
        slug: total(_counts(row) for row in own if row.step is None) for slug, own in by_campaign.items()
    }
    sections = [
        Section(
            Cut.CAMPAIGN, tuple(Line(slug, counts) for slug, counts in wholes.items()), total(wholes.values())
        )
    ]
    for slug, own in by_campaign.items():
        lines = [Line(row.country, _counts(row)) for row in own if row.step is None]
        sections.append(Section(Cut.COUNTRY, tuple(lines), wholes[slug], slug))
        steps = dict.fromkeys(row.step for row in own if row.step is not None)
        lands: list[str | None] = [None, *(line.key for line in lines)]
        for country in lands:
            mine = [row for row in own if country in (None, row.country)]
            parts = [
                Line(step, total(_counts(row) for row in mine if row.step == step)) for step in steps if step
            ]
            whole = total(_counts(row) for row in mine if row.step is None)
            sections.append(Section(Cut.STEP, tuple(parts), whole, slug, country))
    return sections


def _curves(
    answers: Iterable[tuple[str, str, int, float]], reached: dict[tuple[str, str], int]
) -> Iterable[AnswerCurve]:
    days: dict[tuple[str, str | None], list[tuple[int, float]]] = defaultdict(list)
    for slug, country, day, waited in answers:
        days[slug, country].append((day, waited))
        days[slug, None].append((day, waited))
    for (slug, land), found in sorted(days.items(), key=lambda item: (item[0][0], item[0][1] or "")):
        on = Counter(day for day, _ in found)
        so_far, points = 0, []
        for day in range(max(on) + 1):
            so_far += on[day]
            points.append((day, so_far))
        of = sum(number for (own, land), number in reached.items() if own == slug and country in (None, land))
        yield AnswerCurve(slug, land, of, tuple(points), _quartiles(sorted(wait for _, wait in found)))


def _quartiles(waits: list[float]) -> Quartiles:
    lower, median, upper = (waits[max(0, -(-len(waits) * part // 4) - 1)] for part in (1, 2, 3))
    return Quartiles(lower, median, upper)
