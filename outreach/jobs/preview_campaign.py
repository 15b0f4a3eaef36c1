"""Mails to look at: as files, and as a test sent to oneself. Nothing of it is recorded as sent."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from outreach.content.render import Rendered
from outreach.db.engine import Database
from outreach.delivery import invitation
from outreach.delivery.compose import Composer, Letter
from outreach.delivery.headers import Mailbox
from outreach.errors import InputError, RefusedError
from outreach.jobs import accounts, signing
from outreach.jobs.check_campaign import SAMPLE_TOKEN, sample_message_id
from outreach.jobs.prepare_campaign import Prepared, prepare
from outreach.jobs.press import addressing, letterhead
from outreach.jobs.workspace import make_folder
from outreach.model.states import OutcomeKind
from outreach.model.values import Outcome
from outreach.settings import Workspace


@dataclass(frozen=True, slots=True)
class Sample:
    """One mail of one step for one contact, in every form there is of it."""

    step: str
    language: str
    email: str
    municipality: str
    rendered: Rendered
    data: bytes


def samples(prepared: Prepared, now: datetime, *, per_language: int = 1, mark: str = "") -> Iterator[Sample]:
    """Each step in each language of the audience, for the first contacts that get it. ``mark`` goes before
    the subject.

    Raises ``InputError`` for a text that is missing: a preview shows what there is to send.
    """
    for fault in prepared.faults:
        raise fault
    if not prepared.included:
        raise RefusedError(
            f"Nobody in {prepared.country} would get this campaign.",
            f"Import a list: outreach contacts import FILE --country {prepared.country} --apply",
        )
    definition, sender = prepared.definition, prepared.sender
    domain = sender.address.rpartition("@")[2]
    organizer = Mailbox(sender.reply_address, sender.display_name)
    for language in prepared.languages:
        contacts = [one for one in prepared.included if one.language == language][:per_language]
        session = definition.session_in(language)
        for step in definition.steps:
            plate = prepared.plate(step.name, language)
            head = letterhead(sender, prepared.name, prepared.country, step.name, language)
            for one in contacts:
                to = prepared.addressees[one.contact_id]
                rendered = plate.render(addressing(to), SAMPLE_TOKEN)
                recipient = Mailbox(to.email, to.person or "")
                calendar = None
                if session is not None and definition.calendar:
                    uid = invitation.event_uid(SAMPLE_TOKEN, domain)
                    calendar = invitation.request(
                        session, organizer=organizer, attendee=recipient, uid=uid, stamp=now
                    )
                letter = Letter(
                    token=SAMPLE_TOKEN,
                    message_id=sample_message_id(domain),
                    recipient=recipient,
                    date=now,
                    subject=mark + rendered.subject,
                    text=rendered.text,
                    html=rendered.html,
                    invitation=calendar,
                )
                yield Sample(
                    step.name, language, to.email, to.municipality, rendered, Composer(head).compose(letter)
                )


def preview(
    workspace: Workspace,
    database: Database,
    slug: str,
    country: str,
    folder: Path,
    *,
    now: datetime,
    sender: str | None = None,
    per_language: int = 1,
) -> list[Path]:
    """Write each sample as .html, .txt and .eml into ``folder``, and an ``index.html`` over them; returns the
    files, the index first."""
    with database.read() as connection:
        prepared = prepare(workspace, connection, slug, country, sender)
    make_folder(folder)
    written: list[Path] = []
    rows: list[tuple[Sample, str]] = []
    for number, sample in enumerate(samples(prepared, now, per_language=per_language)):
        name = f"{sample.step}.{sample.language}"
        if per_language > 1:
            name += f".{number % per_language + 1}"
        for path, data in (
            (folder / f"{name}.html", sample.rendered.html.encode()),
            (folder / f"{name}.txt", sample.rendered.text.encode()),
            (folder / f"{name}.eml", sample.data),
        ):
            path.write_bytes(data)
            written.append(path)
        rows.append((sample, name))
    index = folder / "index.html"
    index.write_text(_index(prepared.definition.title, rows), encoding="utf-8")
    return [index, *written]


def _index(title: str, rows: Iterable[tuple[Sample, str]]) -> str:
    items = "\n".join(
        f'<section><h2 lang="{sample.language}">{html.escape(sample.rendered.subject)}</h2>'
        f"<p>{html.escape(sample.step)}, {sample.language}, to {html.escape(sample.municipality)} "
        f"&lt;{html.escape(sample.email)}&gt;: "
        f'<a href="{name}.html">HTML</a>, <a href="{name}.txt">plain text</a>, '
        f'<a href="{name}.eml">whole mail</a></p>'
        f'<div><iframe src="{name}.html" title="{name}, desktop" width="640" height="760"></iframe> '
        f'<iframe src="{name}.html" title="{name}, phone" width="340" height="760"></iframe></div></section>'
        for sample, name in rows
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Preview: {html.escape(title)}</title><style>"
        "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:1040px;padding:0 1rem}"
        "iframe{border:1px solid #bbb;border-radius:6px;max-width:100%}section{margin:2.5rem 0}"
        "h2{font-size:1.15rem;margin:0}p{margin:.25rem 0 .75rem}</style></head><body>"
        f"<h1>Preview: {html.escape(title)}</h1>\n{items}\n</body></html>\n"
    )


def send_test(
    workspace: Workspace,
    database: Database,
    slug: str,
    country: str,
    to: str,
    *,
    now: datetime,
    sender: str | None = None,
    languages: Iterable[str] = (),
) -> list[Outcome]:
    """Send each sample to ``to``, marked as a test; returns the outcomes. Nothing is recorded.

    Raises :class:`~outreach.errors.MailServerError` when the server cannot be used.
    """
    from outreach.smtp import Mail, send_unrecorded

    if not re.fullmatch(r"[^@\s<>,;]+@[^@\s<>,;]+\.[^@\s<>,;.]+", to):
        raise InputError(f"{to!r} is no mail address.", "Give --to YOUR@ADDRESS.")
    with database.read() as connection:
        prepared = prepare(workspace, connection, slug, country, sender)
    wanted = set(languages)
    unknown = wanted - set(prepared.languages)
    if unknown:
        raise InputError(
            f"Nobody gets this campaign in: {', '.join(sorted(unknown))}.",
            f"Its languages are: {', '.join(prepared.languages)}.",
        )
    account = accounts.smtp(workspace, prepared.sender_name)
    signer = signing.signer(workspace, prepared.sender_name)
    mails = []
    for number, sample in enumerate(samples(prepared, now, mark="[Test] ")):
        if not wanted or sample.language in wanted:
            data = sample.data if signer is None else signer.sign(sample.data, now) + sample.data
            mails.append(Mail(id=number, sender=prepared.sender.address, recipient=to, data=data))
    return send_unrecorded(account, mails)


def accepted(outcomes: Iterable[Outcome]) -> int:
    return sum(outcome.kind is OutcomeKind.ACCEPTED for outcome in outcomes)
