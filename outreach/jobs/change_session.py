"""A session that was moved, or has another room or link, after its campaign was launched.

What is launched is frozen, but for this: the session is read from the campaign file once more, every frozen mail is
rendered with it, and those who have a place are told, with the new event for their calendar. Mails that are still to
come say what holds now.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa

from outreach.campaign import around, frozen
from outreach.campaign.definition import Definition
from outreach.db import campaigns, directory, mailbox, session_mails
from outreach.db.campaigns import Campaign
from outreach.db.engine import Database
from outreach.errors import InputError, RefusedError
from outreach.jobs import frozen_content
from outreach.jobs import session_mails as mails
from outreach.jobs import workspace as files
from outreach.jobs.answer_mail import AnswerMails
from outreach.jobs.message_rows import locality
from outreach.jobs.prepare_campaign import campaign_name
from outreach.jobs.press import Addressing, Plate
from outreach.jobs.specimen import SAMPLE_TOKEN
from outreach.model.states import AnswerMail, CampaignState
from outreach.settings import Workspace

_OPEN = (CampaignState.RUNNING, CampaignState.PAUSED)


@dataclass(frozen=True, slots=True)
class Difference:
    """What of the session is another now, as a person calls it."""

    what: str
    was: str
    now: str


@dataclass(frozen=True, slots=True)
class Change:
    """What a change of the session does, or would do."""

    campaign: str
    differences: tuple[Difference, ...]  # none: the file says what was launched
    told: int  # municipalities that have a place, and get a mail
    untold: int  # that have one, and whose address or language has no mail
    applied: bool


def change_session(
    workspace: Workspace,
    database: Database,
    slug: str,
    country: str,
    *,
    apply: bool,
    now: datetime,
    actor: str,
) -> Change:
    """Take over the session of the campaign file, with its words and places; without ``apply`` say what would happen.

    Raises :class:`~outreach.errors.RefusedError` for a campaign that sends no more, has no session, or whose session
    has begun; :class:`~outreach.errors.InputError` for a file without one, one that has passed, or a mail that cannot
    be rendered with it. Nothing is changed then.
    """
    name = campaign_name(slug, country)
    wanted = files.definition(workspace, slug).for_country(country)
    with database.write() if apply else database.read() as connection:
        campaign = campaigns.get(connection, name)
        if apply:
            campaigns.hold(connection, campaign.id)
            campaign = campaigns.by_id(connection, campaign.id)
        old = frozen.thaw(campaign.definition)
        _may_change(campaign, old, wanted, now)
        new = replace(
            old,
            session=wanted.session,
            session_words=wanted.session_words,
            places=wanted.places,
            changes=old.changes + 1,
        )
        differences = tuple(_differences(old, new))
        if not differences:
            return Change(name, (), 0, 0, applied=False)
        _render_all(workspace, connection, campaign, new)
        guests = session_mails.registered(connection, campaign.id)
        if not apply:
            return Change(name, differences, len(guests), 0, applied=False)
        campaigns.redefine(connection, campaign.id, frozen.freeze(new))
        told = sum(_tell(workspace, connection, campaign, guest, now) for guest in guests)
        _due_again(connection, campaign, new)
        campaigns.plan_at(connection, campaign.id, now)
        directory.note(
            connection,
            actor=actor,
            action="campaigns.change-session",
            subject=name,
            detail="; ".join(f"{one.what}: {one.was} -> {one.now}" for one in differences),
            now=now,
        )
    return Change(name, differences, told, len(guests) - told, applied=True)


def _may_change(campaign: Campaign, old: Definition, wanted: Definition, now: datetime) -> None:
    if campaign.state not in _OPEN:
        raise RefusedError(
            f"The campaign {campaign.name} is {campaign.state}: nothing goes out of it.",
            "Before a launch change the file, and check again.",
        )
    if old.session is None:
        raise RefusedError(f"The campaign {campaign.name} was launched without a session.")
    if old.session.start <= now:
        raise RefusedError(f"The session of {campaign.name} has begun: nobody can be told in time.")
    if wanted.session is None:
        raise InputError(
            f"campaigns/{campaign.slug}.toml has no session for {campaign.country} any more.",
            "A session that does not take place is ended with `outreach campaigns cancel`.",
        )
    if wanted.session.start <= now:
        raise InputError(
            f"The session in campaigns/{campaign.slug}.toml has passed: {wanted.session.start:%Y-%m-%d %H:%M}.",
            "Write the new day and time under [session].",
        )


def _differences(old: Definition, new: Definition) -> Iterator[Difference]:
    was, now = old.session, new.session
    assert was is not None
    assert now is not None
    for what in ("title", "start", "end", "time_zone", "place", "room", "online", "details"):
        if (one := getattr(was, what)) != (other := getattr(now, what)):
            yield Difference(what.replace("_", " "), _shown(one), _shown(other))
    for what in ("agenda", "speakers", "interpretation"):
        if (one := getattr(was, what)) != (other := getattr(now, what)):
            yield Difference(what, "; ".join(one) or "none", "; ".join(other) or "none")
    if old.places != new.places:
        yield Difference("places", str(old.places or "any number"), str(new.places or "any number"))
    for language in sorted({*old.session_words, *new.session_words}):
        if old.session_words.get(language) != new.session_words.get(language):
            yield Difference(f"words in {language}", "as launched", "as in the file")


def _shown(value: object) -> str:
    return f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else str(value or "none")


def _render_all(workspace: Workspace, connection: sa.Connection, campaign: Campaign, new: Definition) -> None:
    """Every frozen mail in every language, strictly: one that cannot be rendered is told now, not by a run."""
    sender = workspace.settings.sender(campaign.sender)
    to = Addressing(
        "A municipality", campaign.country, "", "", "info@municipality.example", "a list", campaign.created_at
    )
    for row in campaigns.contents(connection, campaign.id):
        plate = Plate(
            compiled=frozen_content.thaw_compiled(row["compiled"]),
            strings=frozen_content.thaw_strings(row["strings"]),
            definition=new,
            sender=sender,
            language=row["language"],
            name=f"{row['step']}.{row['language']}",
        )
        plate.render(to, SAMPLE_TOKEN)


def _tell(
    workspace: Workspace,
    connection: sa.Connection,
    campaign: Campaign,
    guest: session_mails.Guest,
    now: datetime,
) -> bool:
    about = mailbox.by_number(connection, guest.message_id)
    return AnswerMails(workspace, campaign.sender).queue(
        connection,
        AnswerMail.SESSION_CHANGED,
        about,
        mails.address_of(workspace, guest),
        inbound_id=None,
        now=now,
    )


def _due_again(connection: sa.Connection, campaign: Campaign, new: Definition) -> None:
    """Mails around the session that wait, wait for its new day."""
    place = locality(campaign.country, None, None)
    for step in new.session_steps:
        session_mails.wait_until(connection, campaign.id, step.name, around.due(step, new, place))
