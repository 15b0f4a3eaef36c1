"""Costs of sessions as people enter them, and the summary that a reimbursement asks for."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date, datetime
from decimal import Decimal

from outreach.campaign import frozen
from outreach.campaign.definition import Definition
from outreach.db import campaigns, costs, directory
from outreach.db.campaigns import Campaign
from outreach.db.costs import Gathering
from outreach.db.engine import Database
from outreach.errors import InputError, RefusedError
from outreach.jobs import report as reports
from outreach.model.values import Session
from outreach.report.document import Cut, Selection
from outreach.report.reimbursement import Claim, Expense, Form, Kind, SessionHeld, claims
from outreach.settings import Workspace

#: So much is a slip of the keyboard: in cents.
_MOST = 10_000_000
#: Thousands with one sign between them, and another before the cents.
_AMOUNT = re.compile(r"([0-9]{1,3}(?:([ .,'’])[0-9]{3}(?:\2[0-9]{3})*)|[0-9]+)(?:(?!\2)[.,]([0-9]{1,2}))?")


def cents_of(text: str) -> int:
    """``1.200,50``, ``1,200.50``, ``1200.5`` or ``1 200,50 €`` in cents. Three digits behind a sign are thousands.

    Raises :class:`~outreach.errors.InputError` for anything else, for nothing, and for what nobody spends.
    """
    plain = " ".join(text.replace("\u202f", " ").replace("\u00a0", " ").split())
    plain = re.sub(r"^(?:€|EUR)\s?|\s?(?:€|EUR)$", "", plain, flags=re.IGNORECASE)
    found = _AMOUNT.fullmatch(plain)
    if found is None:
        raise InputError(f"{text!r} is no amount of euro.", "Write it like 1200.50 or 1.200,50.")
    cents = int(re.sub(r"\D", "", found[1])) * 100 + int((found[3] or "").ljust(2, "0"))
    if not 0 < cents <= _MOST:
        raise InputError(
            f"{text!r} cannot be meant.", "An expense is more than nothing and at most 100,000 euro."
        )
    return cents


def add_cost(
    database: Database,
    campaign: str,
    amount: str,
    what: str,
    paid_on: date | None,
    *,
    now: datetime,
    actor: str,
) -> int:
    """Enter an expense of a campaign's session; returns its number.

    Raises :class:`~outreach.errors.InputError` for an amount that is none, or without a word what it was for;
    ``RefusedError`` for a campaign that is not known, or has no session.
    """
    cents, what = cents_of(amount), " ".join(what.split())
    if not what:
        raise InputError("An expense needs a word of what it was for.", 'Add it, like --what "Catering".')
    with database.write() as connection:
        about = campaigns.get(connection, campaign)
        if frozen.thaw(about.definition).session is None:
            raise RefusedError(f"The campaign {about.name} has no session to have costs.")
        number = costs.add(
            connection,
            {
                "campaign_id": about.id,
                "what": what,
                "cents": cents,
                "paid_on": paid_on,
                "at": now,
                "actor": actor,
            },
        )
        directory.note(
            connection,
            actor=actor,
            action="costs.add",
            subject=about.name,
            detail=f"number {number}: {euros(cents)} euro, {what}",
            now=now,
        )
    return number


def undo_cost(database: Database, number: int, *, now: datetime, actor: str) -> str:
    """Take an expense back; returns what it was. Raises :class:`~outreach.errors.RefusedError` for a number that is
    none, or was taken back."""
    with database.write() as connection:
        row = costs.take_back(connection, number, now, actor)
        if row is None:
            raise RefusedError(
                f"There is no expense {number}, or it was taken back already.",
                "`outreach costs list` shows them.",
            )
        name = campaigns.by_id(connection, row["campaign_id"]).name
        said = f"{euros(row['cents'])} euro, {row['what']}"
        directory.note(
            connection,
            actor=actor,
            action="costs.undo",
            subject=name,
            detail=f"number {number}: {said}",
            now=now,
        )
    return said


def euros(cents: int) -> Decimal:
    return Decimal(cents) / 100


def summary(
    workspace: Workspace,
    database: Database,
    *,
    country: str | None,
    countries: Collection[str],
    now: datetime,
) -> list[Claim]:
    """The claim of each country that has a session or costs, and of all of ``countries``. ``country``: only of it."""
    report = reports.make(workspace, database, Selection(country=country), now=now)
    invited = {
        (section.campaign, line.key): line.counts.invited
        for section in report.sections
        if section.cut is Cut.COUNTRY
        for line in section.lines
    }
    found: dict[int, tuple[Campaign, Definition, Session]] = {}
    with database.read() as connection:
        for one in campaigns.every(connection):
            definition = frozen.thaw(one.definition)
            wanted = country is None or one.country == country
            if wanted and definition.session is not None:
                found[one.id] = (one, definition, definition.session)
        about = costs.gatherings(connection, list(found))
    sessions = []
    for id_, (one, definition, session) in found.items():
        kind, known = _kind(definition), about[id_]
        if not known.expenses and (one.launched_at is None or kind is Kind.OTHER):
            continue
        sessions.append(_held(one, kind, session, known, invited.get((one.slug, one.country), 0), now))
    return claims(sessions, {country} if country else countries)


def _kind(definition: Definition) -> Kind:
    """By the mails it sends, which a copy for the next year keeps."""
    for kind in (Kind.INFORMATION, Kind.TRAINING):
        if definition.templates.startswith(f"{kind}-session"):
            return kind
    return Kind.OTHER


def _held(
    one: Campaign, kind: Kind, session: Session, known: Gathering, invited: int, now: datetime
) -> SessionHeld:
    form = (
        Form.HYBRID if session.place and session.online else Form.ONLINE if session.online else Form.ON_SITE
    )
    return SessionHeld(
        campaign=one.name,
        country=one.country,
        kind=kind,
        form=form,
        title=session.title,
        start=session.start,
        held=session.end <= now,
        invited=invited,
        registered=known.registered,
        waiting=known.waiting,
        attended=known.attended,
        people_on_site=known.people_on_site,
        people_online=known.people_online,
        lists=known.lists,
        to_ask=known.to_ask,
        expenses=tuple(Expense(what, euros(cents), paid_on) for what, cents, paid_on in known.expenses),
    )
