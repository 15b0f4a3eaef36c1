"""Which of our mails an inbound message is about: the ladder of clues, looked up in the database."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from outreach.db import inbox, mailbox
from outreach.db.mailbox import Answered
from outreach.delivery import tokens
from outreach.inbound import match
from outreach.inbound.parse import Parsed
from outreach.model.states import InboundKind, Intent, Rung
from outreach.model.values import FormRegistration, Verdict


class StillSendingError(Exception):
    """The answer to a message was here before the run that sends it wrote that down: read it next time."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """The mails of one sender, as a transaction sees them."""

    connection: sa.Connection
    key: bytes
    sender: str

    def find(self, parsed: Parsed, own: Collection[str]) -> tuple[Answered | None, match.Clue | None]:
        """The first rung of the ladder that leads to exactly one municipality."""
        for clue in match.clues(parsed, own_addresses=own):
            found = list(self._candidates(clue))
            if found and len({one.municipality_id for one in found}) == 1:
                return found[0], clue
        return None, None

    def _candidates(self, clue: match.Clue) -> Iterator[Answered]:
        match clue.rung:
            case Rung.IN_REPLY_TO | Rung.REFERENCES | Rung.RETURNED_HEADERS:
                yield from mailbox.messages_by(
                    self.connection, self.sender, "internet_message_id", [clue.value]
                )
            case Rung.CALENDAR_UID | Rung.PLUS_ADDRESS | Rung.TOKEN:
                valid = tokens.find(self.key, clue.value)
                if valid:
                    yield from mailbox.messages_by(self.connection, self.sender, "token", valid)
            case Rung.ADDRESS:
                yield from mailbox.messages_by(
                    self.connection, self.sender, "email_key", [clue.value.casefold()]
                )
            case Rung.DOMAIN:
                yield from mailbox.messages_to_domain(self.connection, self.sender, clue.value.casefold())

    def registered(self, inbound_id: int, form: FormRegistration) -> Answered | None:
        """The mail that led to an entry of a form, which no header names: by address, domain or municipality."""
        for clue in match.form_clues(form):
            found = [
                one
                for one in (
                    mailbox.messages_to_place(self.connection, self.sender, clue.value)
                    if clue.rung is Rung.MUNICIPALITY
                    else self._candidates(clue)
                )
                if form.campaign is None or one.campaign.rpartition("-")[0] == form.campaign
            ]
            if found and len({one.municipality_id for one in found}) == 1:
                if found[0].sending:
                    raise StillSendingError
                mailbox.add_match(self.connection, inbound_id, found[0].message_id, clue.rung, clue.evidence)
                return found[0]
        return None

    def by_address(self, address: str) -> Answered | None:
        found = mailbox.messages_by(self.connection, self.sender, "email_key", [address.casefold()])
        if found and found[0].sending:
            raise StillSendingError
        return found[0] if found else None


def overtaken(
    connection: sa.Connection, kept: Mapping[str, Any], verdict: Verdict, answered: Answered
) -> str | None:
    """Why ``kept``, a message that is read later than it came, must not count by itself: the municipality has answered
    since. Yes, no and the like count in the order in which they came; a stop, a bounce and an absence always."""
    if verdict.kind not in (InboundKind.REPLY, InboundKind.RSVP, InboundKind.REGISTRATION):
        return None
    if verdict.intent is Intent.UNSUBSCRIBE:
        return None
    later = inbox.later_answer(
        connection, answered.campaign_id, answered.municipality_id, kept["id"], kept["received_at"]
    )
    if later is None:
        return None
    return f"{answered.municipality} has answered since ({later}): say what counts"
