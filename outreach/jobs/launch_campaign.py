"""From an approved campaign to a running one, and what can be done to it after: one transaction each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from outreach.campaign import audience, frozen
from outreach.campaign.audience import Excluded
from outreach.db import campaign_status, campaigns, directory, outbox, registrations, senders
from outreach.db.campaigns import Campaign
from outreach.db.engine import Database
from outreach.db.senders import Pause
from outreach.errors import RefusedError
from outreach.jobs import forecast, trial_mails
from outreach.jobs.forecast import Forecast
from outreach.jobs.frozen_content import freeze
from outreach.jobs.message_rows import locality, message_row
from outreach.jobs.prepare_campaign import TOKEN_LENGTH, Prepared, campaign_name, prepare
from outreach.jobs.session_mails import Announced, announced
from outreach.model.countries import COUNTRIES
from outreach.model.states import (
    CAMPAIGN_MOVES,
    WAITING_MESSAGE_STATES,
    CampaignState,
    ExclusionReason,
    MessageState,
    check_move,
)
from outreach.settings import Sender, Workspace


@dataclass(frozen=True, slots=True)
class Launch:
    """What a launch does, or would do."""

    campaign: str
    mails: int
    municipalities: int
    languages: dict[str, int]
    excluded: dict[str, int]
    first_at: datetime | None
    last_at: datetime | None  # of the first step, under the sender's limits; None: none goes
    missed: int  # mails of the first step that would not go by the last day
    others: int  # mails of other campaigns that the sender has waiting
    pace: str  # in words
    around: list[Announced]  # what those get who take part
    unseen: tuple[str, ...]  # languages in which nobody was sent a test mail
    launched: bool


def launch(
    workspace: Workspace,
    database: Database,
    slug: str,
    country: str,
    *,
    now: datetime,
    actor: str,
    do_it: bool,
    token: str = "",
    typed: bool = False,
) -> Launch:
    """Start the campaign, if its check passed for exactly what is there now; without ``do_it`` say what would
    happen.

    ``token`` names the check that is meant; ``typed``: a person typed the campaign's name, having seen what would
    happen. Raises :class:`~outreach.errors.RefusedError` when there is no passed check of this very content, when
    ``token`` names another, when neither is given and the check was another person's, when the sender wants two persons
    and ``actor`` also checked, and when it wants test mails first and there were none.
    """
    with database.write() if do_it else database.read() as connection:
        campaign = campaigns.get(connection, campaign_name(slug, country))
        prepared = prepare(workspace, connection, slug, country, campaign.sender)
        _is_approved(campaign, prepared)
        _is_meant(campaign, token)
        if do_it:
            checked_by = _checked_by(connection, campaign)
            if prepared.sender.four_eyes and checked_by == actor:
                raise RefusedError(
                    f"{actor} checked {campaign.name}; the sender wants another person to launch it.",
                    "Let a colleague type the launch, or set four_eyes = false for the sender in outreach.toml.",
                )
            if checked_by not in (actor, None) and not token and not typed:
                raise RefusedError(
                    f"{checked_by} made the last check of {campaign.name}, not you.",
                    "Look at what it found, and name it: --check TOKEN.",
                )
        unseen = trial_mails.unseen(connection, prepared)
        if unseen and prepared.sender.test_first and do_it:
            raise RefusedError(
                f"No test mail of {campaign.name} in {', '.join(unseen)} was sent since its texts are as they are.",
                f"Type `outreach campaigns test {slug} --country {country} --to YOU@ADDRESS` and look at them.",
            )
        expected = forecast.of_launch(connection, prepared, now)
        if do_it:
            _freeze(workspace, connection, campaign, prepared, now, actor)
    languages: dict[str, int] = {}
    excluded: dict[str, int] = {}
    for decision in prepared.decisions:
        if isinstance(decision, Excluded):
            excluded[decision.reason] = excluded.get(decision.reason, 0) + 1
        else:
            languages[decision.language] = languages.get(decision.language, 0) + 1
    return Launch(
        campaign=campaign.name,
        mails=len(prepared.included),
        municipalities=len({one.municipality_id for one in prepared.included}),
        languages=languages,
        excluded=excluded,
        first_at=expected.first_at,
        last_at=expected.ends_at,
        missed=expected.missed,
        others=expected.others,
        pace=expected.pace,
        around=announced(prepared.definition, country),
        unseen=unseen,
        launched=do_it,
    )


def _is_approved(campaign: Campaign, prepared: Prepared) -> None:
    if campaign.state is CampaignState.DRAFT:
        raise RefusedError(
            f"The last check of {campaign.name} did not pass.",
            f"Mend what it found, and type `outreach campaigns check {prepared.slug} "
            f"--country {prepared.country}` again.",
        )
    check_move(CAMPAIGN_MOVES, campaign.state, CampaignState.RUNNING, f"The campaign {campaign.name}")
    if campaign.state is CampaignState.PAUSED:
        raise RefusedError(
            f"The campaign {campaign.name} was launched already and is paused.",
            f"Type `outreach campaigns resume {prepared.slug} --country {prepared.country}`.",
        )
    if campaign.digest != prepared.digest:
        raise RefusedError(
            f"Something of {campaign.name} has changed since it was checked: its definition, a text, the "
            "contacts or the sender.",
            f"Type `outreach campaigns check {prepared.slug} --country {prepared.country}` again.",
        )


def _is_meant(campaign: Campaign, token: str) -> None:
    if token and token != (campaign.digest or "")[:TOKEN_LENGTH]:
        raise RefusedError(
            f"{token} is not the token of the last check of {campaign.name}.",
            "Look at what the last check found, and take its token.",
        )


def _checked_by(connection: sa.Connection, campaign: Campaign) -> str | None:
    lines = directory.audit(connection, ["campaigns.check"])
    return next((line["actor"] for line in reversed(lines) if line["subject"] == campaign.name), None)


def _freeze(
    workspace: Workspace,
    connection: sa.Connection,
    campaign: Campaign,
    prepared: Prepared,
    now: datetime,
    actor: str,
) -> None:
    campaigns.add_content(
        connection,
        [
            {
                "campaign_id": campaign.id,
                "step": step,
                "language": language,
                "for_session": (step, language) in prepared.around,
                "compiled": freeze(compiled),
                "strings": freeze(prepared.strings[language.partition("~")[0]]),
                "digest": compiled.digest,
            }
            for (step, language), compiled in (
                *prepared.compiled.items(),
                *prepared.around.items(),
                *prepared.answers.items(),
            )
        ],
    )
    variants = prepared.variants
    recipients = campaigns.add_recipients(
        connection, [_recipient_row(campaign, prepared, one, variants, now) for one in prepared.decisions]
    )
    campaigns.name_together(
        connection,
        {
            recipients[one.contact_id]: recipients[one.stands]
            for one in prepared.decisions
            if isinstance(one, Excluded)
            and one.reason is ExclusionReason.SHARED_ADDRESS
            and one.stands in prepared.named_together
        },
    )
    first = prepared.definition.steps[0].name
    rows = []
    for one in prepared.included:
        to = prepared.addressees[one.contact_id]
        place = locality(to.country, to.region, to.time_zone)
        rows.append(
            message_row(
                workspace,
                campaign,
                recipient_id=recipients[one.contact_id],
                step=first,
                email=to.email,
                language=one.language,
                due_at=forecast.first_due(
                    campaign.name,
                    to.email_key,
                    prepared.definition.window_of(first, variants.get(one.municipality_id)),
                    place,
                    now,
                ),
                now=now,
                for_place=prepared.definition.for_place(one.municipality_id),
            )
        )
    outbox.queue(connection, rows)
    campaigns.move(
        connection, campaign, CampaignState.RUNNING, launched_at=now, launched_by=actor, plan_at=None
    )
    directory.note(
        connection,
        actor=actor,
        action="campaigns.launch",
        subject=campaign.name,
        detail=f"{len(rows)} mails, digest {campaign.digest}",
        now=now,
    )


def _recipient_row(
    campaign: Campaign, prepared: Prepared, decision: object, variants: Mapping[int, str], now: datetime
) -> dict[str, Any]:
    assert isinstance(decision, audience.Included | Excluded)
    to = prepared.addressees[decision.contact_id]
    if isinstance(decision, Excluded):
        languages = (
            *filter(None, (to.language, *to.languages.split(","))),
            COUNTRIES[to.country].languages[0],
        )
        language, reason = languages[0], decision.reason
    else:
        language, reason = decision.language, None
    return {
        "campaign_id": campaign.id,
        "contact_id": decision.contact_id,
        "municipality_id": decision.municipality_id,
        "email_key": to.email_key,
        "language": language,
        "excluded": reason,
        "addressed_as": to.municipality if decision.contact_id in prepared.named_together else None,
        "variant": variants.get(decision.municipality_id),
        "created_at": now,
    }


def change_state(
    database: Database,
    name: str,
    new: CampaignState,
    *,
    now: datetime,
    actor: str,
    reason: str = "",
) -> int:
    """Pause, resume or cancel; returns how many waiting mails a cancellation stopped.

    Raises :class:`~outreach.errors.RefusedError` for a move its state does not allow.
    """
    with database.write() as connection:
        campaign = campaigns.get(connection, name)
        if new is CampaignState.RUNNING and campaign.state is CampaignState.APPROVED:
            raise RefusedError(
                f"The campaign {name} was not launched yet.", "Type `outreach campaigns launch` for that."
            )
        values: dict[str, Any] = {"paused_reason": reason or None}
        if new is CampaignState.RUNNING:
            values |= {"plan_at": now, "guarded_from": now}
        if new is CampaignState.CANCELLED:
            values["finished_at"] = now
        campaigns.move(connection, campaign, new, **values)
        stopped = outbox.cancel_waiting(connection, campaign.id) if new is CampaignState.CANCELLED else 0
        directory.note(
            connection, actor=actor, action=f"campaigns.{new}", subject=name, detail=reason, now=now
        )
    return stopped


@dataclass(frozen=True, slots=True)
class Places:
    """At a session: municipalities."""

    there_are: int | None  # None: any number
    taken: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Status:
    """Where a campaign stands."""

    campaign: Campaign
    steps: dict[str, dict[MessageState, int]]
    excluded: dict[str, int]
    forecast: Forecast  # of what waits now
    around: list[Announced]  # what those get who take part
    places: Places | None  # of the session; None: the campaign has none
    rest: Pause | None  # of the sender, when it may not send now

    @property
    def waiting(self) -> int:
        """Mails that are not settled yet, also while the campaign is paused."""
        unsettled = (*WAITING_MESSAGE_STATES, MessageState.SENDING)
        return sum(counts.get(state, 0) for counts in self.steps.values() for state in unsettled)


def status(database: Database, name: str, sender: Sender, now: datetime) -> Status:
    """Raises :class:`~outreach.errors.RefusedError` when there is no such campaign."""
    with database.read() as connection:
        campaign = campaigns.get(connection, name)
        steps = campaign_status.states_by_step(connection, campaign.id)
        excluded = campaign_status.exclusions(connection, campaign.id)
        expected = forecast.of_campaign(connection, campaign, sender, now)
        rest = senders.pause(connection, campaign.sender)
        definition = frozen.thaw(campaign.definition)
        places = None
        if definition.session is not None:
            taken = registrations.taken(connection, campaign.id)
            places = Places(definition.places, taken, len(registrations.waiting(connection, campaign.id)))
    if rest is not None and rest.until <= now:
        rest = None
    return Status(campaign, steps, excluded, expected, announced(definition, campaign.country), places, rest)
