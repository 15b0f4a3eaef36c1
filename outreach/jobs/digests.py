"""The report by mail, put together: what has changed for one reader, and what waits for a person."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from outreach.db import campaigns, digests, senders
from outreach.db.campaigns import Campaign
from outreach.db.engine import Database
from outreach.delivery import pictures
from outreach.delivery.compose import Composer, Letter, Letterhead
from outreach.delivery.headers import Mailbox
from outreach.jobs import draw, federation, forecast
from outreach.jobs import report as reports
from outreach.jobs.digest_dates import Reader
from outreach.model.states import CampaignState
from outreach.model.values import Picture
from outreach.report import digest_chart
from outreach.report.digest import Curve, Digest, Line, Sending, Task, Waits, figures, told
from outreach.report.digest_page import Page, page
from outreach.report.digest_words import Words
from outreach.report.disclosure import BASE
from outreach.report.document import Cut, Report, Selection
from outreach.report.federation import by_week
from outreach.report.measures import Counts
from outreach.settings import Workspace

#: Of the campaigns with the newest launches: more would hide one another.
_CURVES = 3
_GOING_ON = frozenset({CampaignState.RUNNING, CampaignState.PAUSED})


@dataclass(frozen=True, slots=True)
class Made:
    """A report by mail for one reader, and the figures to be kept for the next."""

    reader: Reader
    digest: Digest
    figures: dict[str, dict[str, int]]
    page: Page
    pictures: tuple[tuple[str, bytes], ...]  # name in ``cid:``, PNG


def make(
    workspace: Workspace, reader: Reader, before: tuple[datetime, Mapping[str, Any]] | None, now: datetime
) -> Made:
    """For ``reader``, with what has changed since ``before``: when that was, and its figures. Of its countries only;
    what coordinators get is rounded (``report.disclosure``)."""
    zone = ZoneInfo(reader.time_zone)
    since, kept = before or (None, {})
    with closing(_reached(workspace, reader)) as database:
        report = reports.make(workspace, database, Selection(), now=now)
        if reader.is_coordinator:
            report = federation.rounded(workspace, report)
        with database.read() as connection:
            all_ = campaigns.every(connection)
            waits = tuple(_waits(connection, workspace, reader, all_, now))
            sendings = tuple(_sendings(connection, workspace, all_, zone, now))
    titles = _titles(all_)
    shown = [(slug, country, counts) for slug, country, counts in _lines(report, reader) if slug in titles]
    going_on = {one.slug for one in all_ if one.state in _GOING_ON}
    digest = Digest(
        made_at=now.astimezone(zone),
        since=since.astimezone(zone) if since else None,
        monthly=workspace.settings.digest is not None and workspace.settings.digest.every == "month",
        organisation=workspace.settings.sender(reader.sender).controller,
        reader=reader.email,
        base=BASE if reader.is_coordinator else None,
        lines=tuple(
            Line(titles[slug], country, counts, told(kept, slug, country))
            for slug, country, counts in shown
            if slug in going_on or told(kept, slug, country) != _told_as(counts)
        ),
        curves=tuple(_curves(report, all_, titles)),
        waits=waits,
        sendings=sendings,
    )
    domain = workspace.settings.sender(reader.sender).address.rpartition("@")[2]
    whole = page(digest, Words(reader.language), domain)
    drawn = tuple((name, draw.png(svg)) for name, svg in whole.charts)
    return Made(reader, digest, figures(shown), whole, drawn)


def _told_as(counts: Counts) -> Counts | None:
    """The counts as they will be told next time."""
    return told(figures([("", None, counts)]), "", None)


def _reached(workspace: Workspace, reader: Reader) -> Database:
    """The database as far as the reader's countries reach."""
    if reader.is_coordinator:
        return Database(workspace.database_url)
    reach = frozenset(reader.countries)
    own = [name for name, one in workspace.settings.senders.items() if reach.issuperset(one.countries)]
    return Database(workspace.database_url, countries=reach, senders=own)


def _titles(all_: Iterable[Campaign]) -> dict[str, str]:
    """Of the slugs of launched campaigns, the newest launch first."""
    launched = [(one.launched_at, one) for one in all_ if one.launched_at is not None]
    launched.sort(key=lambda pair: pair[0], reverse=True)
    return {one.slug: one.title for _, one in reversed(launched)}


def _lines(report: Report, reader: Reader) -> Iterator[tuple[str, str | None, Counts]]:
    """Each campaign over all countries, then in each; once where there is only one."""
    for section in report.sections:
        if section.cut is not Cut.COUNTRY or section.campaign is None:
            continue
        if len(reader.countries) == 1 or len(section.lines) > 1:
            yield section.campaign, None, section.total
        if len(reader.countries) != 1:
            yield from ((section.campaign, line.key, line.counts) for line in section.lines)


def _curves(report: Report, all_: Iterable[Campaign], titles: Mapping[str, str]) -> Iterator[Curve]:
    launched = {one.slug: one.launched_at for one in all_ if one.launched_at is not None}
    found = [
        one for one in report.curves if one.country is None and one.answered and one.campaign in launched
    ]
    found.sort(key=lambda one: launched[one.campaign], reverse=True)
    for one in found[:_CURVES]:
        weeks = by_week(one.points)
        yield Curve(
            titles[one.campaign], tuple(100 * answered / max(one.reached, answered) for _, answered in weeks)
        )


def _waits(
    connection: sa.Connection, workspace: Workspace, reader: Reader, all_: Iterable[Campaign], now: datetime
) -> Iterator[Waits]:
    paused = [
        f"{one.name}: {one.paused_reason or ''}".rstrip(": ")
        for one in all_
        if one.state is CampaignState.PAUSED
    ]
    if paused:
        yield Waits(Task.PAUSED, len(paused), tuple(paused))
    stopped = []
    for name in workspace.settings.senders if reader.is_coordinator else (reader.scope,):
        rest = senders.pause(connection, name)
        if rest is not None and rest.until > now:
            stopped.append(f"{name}: {rest.reason}")
    if stopped:
        yield Waits(Task.STOPPED, len(stopped), tuple(stopped))
    matters = digests.open_matters(connection)
    for task, number in (
        (Task.INBOX, matters.inbox),
        (Task.ASIDE, matters.aside),
        (Task.UNCERTAIN, matters.uncertain),
        (Task.MISSED, matters.missed),
        (Task.PROPOSALS, matters.proposals),
    ):
        if number:
            yield Waits(task, number)


def _sendings(
    connection: sa.Connection, workspace: Workspace, all_: Iterable[Campaign], zone: ZoneInfo, now: datetime
) -> Iterator[Sending]:
    for one in all_:
        if one.state is not CampaignState.RUNNING or one.sender not in workspace.settings.senders:
            continue
        found = forecast.of_campaign(connection, one, workspace.settings.sender(one.sender), now)
        if found.mails:
            first, last = (at.astimezone(zone) if at else None for at in (found.first_at, found.ends_at))
            yield Sending(one.title, one.country, found.mails, first, last)


def mail(workspace: Workspace, made: Made, now: datetime, *, mark: str = "", to: str = "") -> bytes:
    """The whole mail, unsigned. ``mark`` goes before the subject; ``to``: another address than the reader's."""
    sender = workspace.settings.sender(made.reader.sender)
    domain = sender.address.rpartition("@")[2]
    head = Letterhead(
        sender=Mailbox(sender.address, sender.display_name),
        language=made.reader.language,
        list_id=f"digest.{domain}",
        reply_to=Mailbox(sender.reply_address, sender.display_name),
    )
    letter = Letter(
        token="",
        message_id=f"<digest.{secrets.token_hex(12)}@{domain}>",
        recipient=Mailbox(to or made.reader.email, "" if to else made.reader.name),
        date=now,
        subject=mark + made.page.subject,
        text=made.page.text,
        html=made.page.html,
        pictures=tuple(_part(name, data) for name, data in made.pictures),
    )
    return Composer(head).compose(letter)


def _part(name: str, data: bytes) -> bytes:
    picture = Picture(
        name, "image/png", digest_chart.WIDTH, digest_chart.HEIGHT, base64.b64encode(data).decode("ascii")
    )
    return pictures.part(picture, name.partition(".")[0])
