"""A message of the outbox -> a mail ready to go: the frozen text of its step and language, its values, its
bytes. What is the same for many messages is made once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple, cast

import sqlalchemy as sa

from outreach.campaign import frozen
from outreach.campaign.definition import VARIANTS, Definition
from outreach.content.answers import AnswerLinks
from outreach.content.catalog import Strings
from outreach.content.compiled import Compiled
from outreach.content.dates import format_date, session_values
from outreach.content.render import Rendered, Renderer, clean_value, nested
from outreach.content.skeleton import Parts, Skeleton, escaped
from outreach.db import campaigns, outbox
from outreach.db.engine import Database
from outreach.db.outbox import Due
from outreach.delivery import invitation, pictures
from outreach.delivery.compose import Composer, Letter, Letterhead, feedback_sender
from outreach.delivery.headers import Mailbox
from outreach.delivery.invitation import Invitation
from outreach.delivery.segments import Encoded, Form
from outreach.errors import InputError, RefusedError
from outreach.inbound.parse import parse
from outreach.jobs import frozen_content, signing
from outreach.model.states import AnswerMail
from outreach.model.values import Session
from outreach.settings import Sender, Workspace
from outreach.smtp import Mail

#: By so much a change of the session counts up the revision of its event.
_OF_A_CHANGE = 100


class Addressing(NamedTuple):
    """What a mail says about whom it goes to."""

    municipality: str
    country: str
    region: str
    person: str
    email: str
    source: str
    source_at: datetime


class Plate:
    """One step in one language, ready for any number of recipients."""

    def __init__(
        self,
        *,
        compiled: Compiled,
        strings: Strings,
        definition: Definition,
        sender: Sender,
        language: str,
        name: str = "",
    ) -> None:
        """``name`` is what errors call the mail."""
        #: What the HTML shows, as parts of the message.
        self.pictures = (pictures.part(compiled.logo),) if compiled.logo is not None else ()
        language, _, other = language.partition("+")
        self._answers = {"links": AnswerLinks(strings, sender.reply_address, sender.answer_url)}
        around = {"links": self._answers["links"].around_token}
        links = {name: url for name, url in definition.links.items() if name not in around["links"]}
        links["by_mail"] = "" if sender.answer_url else "yes"
        self._fixed: dict[str, object] = {
            "sender": {
                "name": sender.display_name,
                "email": sender.reply_address,
                "controller": sender.controller,
                "address": sender.postal_address,
                "privacy_url": sender.privacy_url,
            },
            "links": links,
            **_spoken(definition, language),
        }
        self._own: dict[str, Callable[[Addressing], str]] = {
            "greeting": lambda to: strings.greeting(to.country),
            "municipality.name": lambda to: to.municipality,
            "municipality.country": lambda to: to.country,
            "municipality.region": lambda to: to.region,
            "contact.name": lambda to: to.person,
            "contact.email": lambda to: to.email,
            "contact.source": lambda to: f"{to.source}, {self._day(to.source_at, language)}",
        }
        if (second := strings.second) is not None:  # what stands below, in another language
            self._answers["links_2"] = AnswerLinks(second, sender.reply_address, sender.answer_url)
            around["links_2"] = self._answers["links_2"].around_token
            self._fixed["links_2"] = links
            self._fixed |= {f"{name}_2": values for name, values in _spoken(definition, other).items()}
            self._own["greeting_2"] = lambda to: second.greeting(to.country)
            self._own["contact_2.source"] = lambda to: f"{to.source}, {self._day(to.source_at, other)}"
        self._renderer = Renderer(
            compiled,
            name,
            fixed=self._fixed,
            around=around,
            own=(*self._own, "token"),
        )
        used = self._renderer.used
        self._readers = [read if name in used else None for name, read in self._own.items()]
        self._days: dict[tuple[datetime, str], str] = {}
        self._forms: dict[Skeleton, tuple[Form, Form]] = {}

    def values(self, to: Addressing, token: str) -> dict[str, object]:
        """Everything a template may use."""
        links = {
            group: {**cast("dict[str, str]", self._fixed[group]), **answers.for_token(token)}
            for group, answers in self._answers.items()
        }
        return nested({**self._fixed, **links, "token": token}, self._read(to))

    def _read(self, to: Addressing) -> Iterable[tuple[str, str]]:
        return ((name, read(to)) for name, read in self._own.items())

    def render(self, to: Addressing, token: str) -> Rendered:
        """The mail. Raises ``InputError`` when a value is missing."""
        return self._renderer.render(self.values(to, token))

    def encode(
        self, to: Addressing, token: str, *, eight_bit: bool
    ) -> tuple[str, str | Encoded, str | Encoded]:
        """The same mail as subject, text and HTML, these encoded where its constants are encoded already.
        ``eight_bit``: the server takes it. Raises as :meth:`render` does."""
        values = [clean_value(read(to)) if read is not None else "" for read in self._readers]
        values.append(token)
        skeleton = self._renderer.skeleton(values)
        if skeleton is None:
            rendered = self.render(to, token)
            return rendered.subject, rendered.text, rendered.html
        forms = self._forms.get(skeleton)
        if forms is None:
            forms = self._forms[skeleton] = (Form(skeleton.text), Form(skeleton.html))
        raw = [value.encode() for value in values]
        text = forms[0].fill(raw, eight_bit=eight_bit)
        in_html = escaped(values)
        if in_html is not values:
            raw = [value.encode() for value in in_html]
        html = forms[1].fill(raw, eight_bit=eight_bit)
        return _filled(skeleton.subject, values), text, html

    def _day(self, at: datetime, language: str) -> str:
        if (at, language) not in self._days:
            self._days[at, language] = format_date(at.date(), language, weekday=False)
        return self._days[at, language]


def _spoken(definition: Definition, language: str) -> dict[str, dict[str, object]]:
    """Values of the campaign as the language says them."""
    deadline = format_date(definition.deadline, language) if definition.deadline else ""
    session = definition.session_in(language)
    return {
        "campaign": {"deadline": deadline},
        "session": session_values(session, language) if session is not None else {},
    }


class Press:
    """Prints the mails of one sender."""

    def __init__(self, workspace: Workspace, database: Database, name: str, sender: Sender) -> None:
        """:raises SettingsError: the DKIM key of the sender cannot be used."""
        self._workspace = workspace
        self._database = database
        self._name = name
        self._sender = sender
        self._from = Mailbox(sender.address, sender.display_name)
        self._reply_to = Mailbox(sender.reply_address, sender.display_name)
        self._domain = self._from.address.rpartition("@")[2]
        self._signer = signing.signer(workspace, name)
        self._campaigns: dict[int, tuple[campaigns.Campaign, Definition]] = {}
        self._texts: dict[int, dict[tuple[str, str], Mapping[str, Any]]] = {}
        self._plates: dict[tuple[int, str, str], tuple[Plate, Composer]] = {}

    def definition(self, connection: sa.Connection, campaign_id: int) -> Definition:
        """The frozen definition of a campaign."""
        return self._campaign(connection, campaign_id)[1]

    def mail(self, message: Due, now: datetime) -> Mail:
        """The message, ready to be rendered, composed and signed for the server that will get it."""
        return Mail(
            message.id, self._from.address, message.email, partial(self._print, message, now), canonical=True
        )

    def _print(self, message: Due, now: datetime, eight_bit: bool) -> bytes:
        # a relay that has to make 7 bits of 8 would break the signature: RFC 6376, section 5.3
        eight_bit = eight_bit and self._signer is None
        if message.answers_id is not None or message.for_session:
            data = self._to_guest(message, now, eight_bit)
        else:
            data = self._step(message, now, eight_bit)
        return data if self._signer is None else self._signer.sign(data, now) + data

    def _step(self, message: Due, now: datetime, eight_bit: bool) -> bytes:
        printer = self._plate(message.campaign_id, message.step, message.language, message.variant)
        recipient = Mailbox(message.email, message.person or "")
        _, definition = self._campaigns[message.campaign_id]
        session = definition.session_in(message.language)
        calendar = None
        if session is not None and definition.calendar:
            calendar = invitation.request(
                session,
                organizer=self._reply_to,
                attendee=recipient,
                uid=invitation.event_uid(message.token, self._domain),
                stamp=now,
            )
        return self._composed(printer, message, addressing(message), recipient, calendar, now, eight_bit)

    def _to_guest(self, message: Due, now: datetime, eight_bit: bool) -> bytes:
        """A mail to who answered, or takes part. One that answers an answer stands in its thread, with the session
        for the calendar or its cancellation."""
        step, number = numbered(message.step)
        if step not in set(AnswerMail):
            step = message.step
        printer = self._plate(message.campaign_id, step, message.language)
        to = addressing(message)
        own = message.email_key == message.contact_key
        if not own:  # a colleague wrote: we have the address from their mail
            to = to._replace(person="", source="e-mail", source_at=now)
        recipient = Mailbox(message.email, message.person or "" if own else "")
        with self._database.read() as connection:
            thread = outbox.thread(connection, message.recipient_id, message.answers_id)
        answered = parse(thread.raw).message_id if thread.raw else None
        definition = self._campaigns[message.campaign_id][1]
        session = definition.session_in(message.language)
        changes = definition.changes
        calendar = self._calendar(session, changes, step, number, recipient, thread.token, now)
        follows = tuple(filter(None, (thread.message_id, answered)))
        return self._composed(printer, message, to, recipient, calendar, now, eight_bit, follows, answered)

    def _composed(
        self,
        printer: tuple[Plate, Composer],
        message: Due,
        to: Addressing,
        recipient: Mailbox,
        calendar: Invitation | None,
        now: datetime,
        eight_bit: bool,
        references: tuple[str, ...] = (),
        in_reply_to: str | None = None,
    ) -> bytes:
        plate, composer = printer
        try:
            subject, text, html = plate.encode(to, message.token, eight_bit=eight_bit)
        except InputError as error:  # nothing wrong with this recipient: the others would not fare better
            raise RefusedError(
                error.message, error.remedy or "Cancel the campaign, and launch it anew."
            ) from error
        return composer.compose(
            Letter(
                token=message.token,
                message_id=message.internet_message_id,
                recipient=recipient,
                date=now,
                subject=subject,
                text=text,
                html=html,
                invitation=calendar,
                pictures=plate.pictures,
                reply_to=self._plus_address(message.token),
                unsubscribe_url=self._one_click(message.token),
                references=references,
                in_reply_to=in_reply_to,
            )
        )

    def _calendar(
        self,
        session: Session | None,
        changes: int,
        step: str,
        number: int,
        attendee: Mailbox,
        token: str | None,
        now: datetime,
    ) -> Invitation | None:
        """The event of the invitation, so that no calendar shows it twice; each change of mind counts up, and each
        change of the session by more than minds are changed (RFC 5545, section 3.8.7.4)."""
        if session is None or token is None:
            return None
        uid = invitation.event_uid(token, self._domain)
        changed = _OF_A_CHANGE * changes
        if step in (AnswerMail.CONFIRMATION, AnswerMail.SESSION_CHANGED):
            return invitation.request(
                session,
                organizer=self._reply_to,
                attendee=attendee,
                uid=uid,
                stamp=now,
                sequence=changed + (2 * number - 2 if step == AnswerMail.CONFIRMATION else 0),
                accepted=True,
            )
        if step == AnswerMail.CANCELLATION:
            return invitation.cancel(
                session,
                organizer=self._reply_to,
                attendee=attendee,
                uid=uid,
                stamp=now,
                sequence=changed + 2 * number - 1,
            )
        return None

    def _plus_address(self, token: str) -> str | None:
        if not self._sender.plus_addressing:
            return None
        local, _, domain = self._reply_to.address.rpartition("@")
        return f"{local}+{token}@{domain}"

    def _one_click(self, token: str) -> str | None:
        return f"{self._sender.answer_url}/u/{token}" if self._sender.answer_url else None

    def _plate(
        self, campaign_id: int, step: str, language: str, variant: str | None = None
    ) -> tuple[Plate, Composer]:
        key = (campaign_id, step, f"{language}~{variant}")
        if variant != VARIANTS[1] or not self._has_text(*key):
            key = (campaign_id, step, language)
        found = self._plates.get(key)
        if found is None:  # only those that are wanted: to read the templates of one takes 20 ms
            if not self._has_text(*key):
                raise RefusedError(
                    f"The campaign has no frozen text for {step} in {language}.",
                    "This should not happen: cancel the campaign and report it.",
                )
            row = self._texts[campaign_id][key[1:]]
            campaign, definition = self._campaigns[campaign_id]
            plate = Plate(
                compiled=frozen_content.thaw_compiled(row["compiled"]),
                strings=frozen_content.thaw_strings(row["strings"]),
                definition=definition,
                sender=self._sender,
                language=language,
            )
            found = self._plates[key] = (plate, Composer(self._letterhead(campaign, step, language)))
        return found

    def _has_text(self, campaign_id: int, step: str, language: str) -> bool:
        if campaign_id not in self._texts:
            with self._database.read() as connection:
                self._campaign(connection, campaign_id)
                rows = campaigns.contents(connection, campaign_id)
            self._texts[campaign_id] = {(row["step"], row["language"]): row for row in rows}
        return (step, language) in self._texts[campaign_id]

    def _letterhead(self, campaign: campaigns.Campaign, step: str, language: str) -> Letterhead:
        return letterhead(self._sender, campaign.name, step, language)

    def _campaign(self, connection: sa.Connection, campaign_id: int) -> tuple[campaigns.Campaign, Definition]:
        if campaign_id not in self._campaigns:
            campaign = campaigns.by_id(connection, campaign_id)
            self._campaigns[campaign_id] = (campaign, frozen.thaw(campaign.definition))
        return self._campaigns[campaign_id]


def _filled(parts: Parts, values: list[str]) -> str:
    """The parts of a line with their values, on one line."""
    return " ".join("".join([values[part] if isinstance(part, int) else part for part in parts]).split())


def letterhead(sender: Sender, campaign: str, step: str, language: str) -> Letterhead:
    """What is the same in every mail of a campaign, step and language."""
    domain = sender.address.rpartition("@")[2]
    return Letterhead(
        sender=Mailbox(sender.address, sender.display_name),
        reply_to=Mailbox(sender.reply_address, sender.display_name),
        language=language.replace("+", ", "),
        list_id=f"{campaign}.{domain}",
        feedback=(step, language, campaign, feedback_sender(domain)),
        replies=step in set(AnswerMail),
    )


def numbered(step: str) -> tuple[str, int]:
    """The name of a mail that answers, and how often the same was said: ``("confirmation", 2)``."""
    name, _, number = step.rpartition("-")
    return (name, int(number)) if name and number.isdecimal() else (step, 1)


def addressing(to: Due | campaigns.Addressee) -> Addressing:
    """From a due message, or from an addressee that is only looked at."""
    return Addressing(
        municipality=to.municipality,
        country=to.country,
        region=to.region or "",
        person=to.person or "",
        email=to.email,
        source=to.source,
        source_at=to.source_at,
    )
