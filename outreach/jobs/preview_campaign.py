"""Mails to look at: as files, and as a test sent to oneself. Nothing of it is recorded as sent."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from outreach.campaign.audience import Included
from outreach.campaign.definition import VARIANTS
from outreach.content.render import Rendered
from outreach.db.engine import Database
from outreach.errors import InputError, RefusedError
from outreach.jobs import accounts, signing, trial_mails
from outreach.jobs.prepare_campaign import Prepared, prepare, second_of
from outreach.jobs.preview_page import Shown, page
from outreach.jobs.specimen import Specimens
from outreach.jobs.workspace import make_folder, write_bytes
from outreach.model.states import OutcomeKind
from outreach.model.values import Outcome, Picture
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


def samples(
    prepared: Prepared,
    now: datetime,
    *,
    per_language: int = 1,
    emails: Iterable[str] = (),
    mark: str = "",
) -> Iterator[Sample]:
    """Each step in each language of the audience, for the first contacts that get it, or for ``emails``.
    ``mark`` goes before the subject.

    Raises ``InputError`` for a text that is missing (a preview shows what there is to send), and for an address
    that is not in the audience.
    """
    for fault in prepared.faults:
        raise fault
    if not prepared.included:
        raise RefusedError(
            f"Nobody in {prepared.country} would get this campaign.",
            f"Import a list: outreach contacts import FILE --country {prepared.country} --apply",
        )
    chosen = _chosen(prepared, {email.casefold() for email in emails})
    for language in prepared.languages:
        contacts = [one for one in prepared.included if one.language == language]
        contacts = contacts[:per_language] if chosen is None else [one for one in contacts if one in chosen]
        for shown, mails in _mails(prepared, language):
            for one in contacts:
                to = prepared.addressees[one.contact_id]
                rendered = mails.render(one.contact_id)
                data = mails.compose(one.contact_id, rendered, now, mark)
                yield Sample(shown, language, to.email, to.municipality, rendered, data)


def _mails(prepared: Prepared, language: str) -> Iterator[tuple[str, Specimens]]:
    """Each step, with what it is called; of an experiment with two subjects both."""
    for step in prepared.steps:
        yield step, Specimens(prepared, step, language)
        if (step, second_of(language)) in prepared.compiled:
            yield f"{step}-{VARIANTS[1]}", Specimens(prepared, step, second_of(language))


def _chosen(prepared: Prepared, emails: set[str]) -> list[Included] | None:
    if not emails:
        return None
    found = [one for one in prepared.included if prepared.addressees[one.contact_id].email_key in emails]
    there = {prepared.addressees[one.contact_id].email_key for one in found}
    if missing := sorted(emails - there):
        raise InputError(
            f"{missing[0]} is not in the audience of this campaign in {prepared.country}.",
            "`outreach contacts list` shows who is there; the check says who is left out, and why.",
        )
    return found


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
    emails: Iterable[str] = (),
) -> list[Path]:
    """Write each sample as .html, .txt and .eml into ``folder``, and an ``index.html`` over them (for further
    contacts ``index.2.html`` and so on); returns the files, the index first."""
    with database.read() as connection:
        prepared = prepare(workspace, connection, slug, country, sender)
    make_folder(folder)
    written: list[Path] = []
    pages: dict[int, list[Shown]] = {}
    counts: Counter[tuple[str, str]] = Counter()
    for sample in samples(prepared, now, per_language=per_language, emails=emails):
        counts[sample.step, sample.language] += 1
        number = counts[sample.step, sample.language]
        name = f"{sample.step}.{sample.language}" + (f".{number}" if per_language > 1 or number > 1 else "")
        for path, data in (
            (folder / f"{name}.html", _by_itself(sample.rendered.html, prepared.logo).encode()),
            (folder / f"{name}.txt", sample.rendered.text.encode()),
            (folder / f"{name}.eml", sample.data),
        ):
            write_bytes(path, data)
            written.append(path)
        pages.setdefault(number, []).append(
            Shown(
                step=sample.step,
                language=sample.language,
                municipality=sample.municipality,
                email=sample.email,
                subject=sample.rendered.subject,
                text=sample.rendered.text,
                data=sample.data,
                name=name,
            )
        )
    names = {f"index.{number}.html" if number > 1 else "index.html": str(number) for number in pages}
    indexes = [folder / name for name in names]
    for index, mails in zip(indexes, pages.values(), strict=True):
        write_bytes(index, page(prepared.definition.title, mails, names).encode())
    return [*indexes, *written]


def _by_itself(page: str, logo: Picture | None) -> str:
    """The HTML of a mail as a file: a browser finds no part of a message."""
    if logo is None:
        return page
    return page.replace(f"cid:{logo.content_id}", f"data:{logo.kind};base64,{logo.data}")


def send_test(
    workspace: Workspace,
    database: Database,
    slug: str,
    country: str,
    to: str,
    *,
    now: datetime,
    actor: str,
    sender: str | None = None,
    languages: Iterable[str] = (),
) -> list[Outcome]:
    """Send each sample to ``to``, marked as a test; returns the outcomes. Nothing is recorded as sent; the audit
    keeps which texts were tried.

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
    mails, tried = [], []
    for number, sample in enumerate(samples(prepared, now, mark="[Test] ")):
        if not wanted or sample.language in wanted:
            data = sample.data if signer is None else signer.sign(sample.data, now) + sample.data
            mails.append(Mail(id=number, sender=prepared.sender.address, recipient=to, data=data))
            tried.append(sample.language)
    outcomes = send_unrecorded(account, mails)
    failed = {
        language
        for language, outcome in zip(tried, outcomes, strict=True)
        if outcome.kind is not OutcomeKind.ACCEPTED
    }
    if seen := [language for language in dict.fromkeys(tried) if language not in failed]:
        with database.write() as connection:
            trial_mails.note(connection, prepared, seen, to=to, actor=actor, now=now)
    return outcomes


def accepted(outcomes: Iterable[Outcome]) -> int:
    return sum(outcome.kind is OutcomeKind.ACCEPTED for outcome in outcomes)
