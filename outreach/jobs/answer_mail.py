"""The mails that answer an answer: a confirmation with the session for the calendar, a cancellation, thanks for
a no, and the one confirmation of a stop.

They wait in the outbox like every other mail, under the same promise: the database forbids a second one of the
same name to the same address of a campaign. Their texts are frozen at the launch (``templates/_shared``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from outreach.campaign import frozen
from outreach.contacts.addresses import checked
from outreach.db import campaigns, outbox
from outreach.db.mailbox import Answered
from outreach.inbound.robots import is_unread_box
from outreach.jobs.message_rows import message_row
from outreach.model.states import AnswerMail, CampaignState
from outreach.settings import Workspace

#: So often a mind is changed by people; more is two programs.
_MOST = 3
_OPEN = frozenset({CampaignState.RUNNING, CampaignState.PAUSED, CampaignState.FINISHED})


def template_of(step: AnswerMail, *, has_session: bool) -> str:
    """The file under ``templates/_shared``: of a session, the confirmation says when and where."""
    if step is AnswerMail.CONFIRMATION and has_session:
        return "session-confirmation"
    return step.value


@dataclass(frozen=True, slots=True)
class AnswerMails:
    """Queues the answers of one sender."""

    workspace: Workspace
    sender: str

    def queue(
        self,
        connection: sa.Connection,
        step: AnswerMail,
        about: Answered,
        to: str | None,
        *,
        inbound_id: int | None,
        now: datetime,
    ) -> bool:
        """Let ``step`` go to ``to``, who answered ``about`` or stood on a list; ``False`` where it must not or need
        not.

        It need not where the last thing this address was told is the same.
        """
        email = checked(to) if to else None
        own = self.workspace.settings.own_addresses
        if email is None or email.casefold() in own or is_unread_box(email):
            return False
        campaign = campaigns.by_id(connection, about.campaign_id)
        if campaign.state not in _OPEN:
            return False
        if not campaigns.has_content(connection, campaign.id, step, about.language):
            return False
        told = outbox.answers_to(connection, email.casefold())
        if step is AnswerMail.UNSUBSCRIBED and any(name == step and live for _, name, _, live in told):
            return False
        for_place = frozen.thaw(campaign.definition).for_place(about.municipality_id)
        here = [
            (name.rstrip("0123456789-"), live)
            for campaign_id, name, place, live in told
            if campaign_id == campaign.id
            and place == for_place
            and name.rstrip("0123456789-") in set(AnswerMail)
        ]
        unasked = step is AnswerMail.SESSION_CHANGED  # as often as it is true
        number = 1 + sum(name == step for name, _ in here)
        last = next((name for name, live in reversed(here) if live), None)
        if (number > _MOST or last == step) and not unasked:
            return False
        row = message_row(
            self.workspace,
            campaign,
            recipient_id=about.recipient_id,
            step=step if number == 1 else f"{step}-{number}",
            email=email,
            language=about.language,
            due_at=now,
            now=now,
            for_place=for_place,
        )
        row |= {"answers_id": inbound_id, "for_session": inbound_id is None}
        return outbox.queue(connection, [row]) == 1
