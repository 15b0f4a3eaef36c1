"""Mails that are only looked at: as whole as those that are sent, with a token that is of the right form and never
valid.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime

from outreach.content.render import Rendered
from outreach.delivery import invitation
from outreach.delivery.compose import Composer, Letter
from outreach.delivery.headers import Mailbox
from outreach.jobs.prepare_campaign import Prepared
from outreach.jobs.press import addressing, letterhead

SAMPLE_TOKEN = "or-" + "a" * 26


class Specimens:
    """The mails of one step and language of a campaign that is not launched."""

    def __init__(self, prepared: Prepared, step: str, language: str) -> None:
        """``language``: as texts are kept, with the variant of an experiment behind it. Raises KeyError when the step
        has no text in it."""
        self._prepared = prepared
        self._plate = prepared.plate(step, language)
        language = language.partition("~")[0]
        self._composer = Composer(letterhead(prepared.sender, prepared.name, step, language))
        self._session = prepared.definition.session_in(language)
        self._invites = prepared.definition.calendar and not prepared.definition.session_step(step)
        self._domain = prepared.sender.address.rpartition("@")[2]

    def values(self, contact_id: int) -> Mapping[str, object]:
        """What the template may use, nested by name."""
        return self._plate.values(addressing(self._prepared.addressees[contact_id]), SAMPLE_TOKEN)

    def render(self, contact_id: int) -> Rendered:
        """The mail to a contact of the audience. Raises ``InputError`` when a value is missing."""
        return self._plate.render(addressing(self._prepared.addressees[contact_id]), SAMPLE_TOKEN)

    def compose(self, contact_id: int, rendered: Rendered, now: datetime, mark: str = "") -> bytes:
        """All of it, as it would be sent; ``mark`` goes before the subject."""
        to, sender = self._prepared.addressees[contact_id], self._prepared.sender
        recipient = Mailbox(to.email, to.person or "")
        calendar = None
        if self._session is not None and self._invites:
            calendar = invitation.request(
                self._session,
                organizer=Mailbox(sender.reply_address, sender.display_name),
                attendee=recipient,
                uid=invitation.event_uid(SAMPLE_TOKEN, self._domain),
                stamp=now,
            )
        return self._composer.compose(
            Letter(
                token=SAMPLE_TOKEN,
                message_id=_message_id(self._domain),
                recipient=recipient,
                date=now,
                subject=mark + rendered.subject,
                text=rendered.text,
                html=rendered.html,
                invitation=calendar,
                pictures=self._plate.pictures,
            )
        )


def _message_id(domain: str) -> str:
    """Each its own, or a mail program would show one of several."""
    return f"<test-{secrets.token_hex(10)}@{domain}>"
