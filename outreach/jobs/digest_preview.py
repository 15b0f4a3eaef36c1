"""Reports by mail to look at: as files, and as a test sent to oneself. Nothing of it is recorded."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from outreach.errors import InputError, MailServerError
from outreach.jobs import accounts, signing
from outreach.jobs.digests import Made, mail, make
from outreach.jobs.workspace import make_folder, write_bytes
from outreach.model.states import OutcomeKind
from outreach.settings import Workspace

__all__ = ["make", "send_test", "write"]


def write(workspace: Workspace, made: Sequence[Made], folder: Path, now: datetime) -> list[Path]:
    """Each as .html, .txt and .eml; returns the files."""
    make_folder(folder)
    written = []
    for one in made:
        page = one.page
        name = re.sub(
            r"[^\w.@-]", "_", f"{'coordinators' if one.reader.is_coordinator else one.reader.scope}"
        )
        if sum(other.reader.scope == one.reader.scope for other in made) > 1:
            name += "." + re.sub(r"[^\w.@-]", "_", one.reader.email)
        html = page.html
        for cid, png in one.pictures:
            html = html.replace(
                f"cid:{cid}", f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
            )
        for ending, data in (
            ("html", html.encode()),
            ("txt", page.text.encode()),
            ("eml", mail(workspace, one, now)),
        ):
            path = folder / f"{name}.{ending}"
            write_bytes(path, data)
            written.append(path)
    return written


def send_test(workspace: Workspace, made: Sequence[Made], to: str, now: datetime) -> None:
    """Each to ``to``, marked as a test, over the account that sends it.

    Raises :class:`~outreach.errors.MailServerError` when a server cannot be used or does not take it.
    """
    from outreach.delivery.policy import describe
    from outreach.smtp import Mail, send_unrecorded

    if not re.fullmatch(r"[^@\s<>,;]+@[^@\s<>,;]+\.[^@\s<>,;.]+", to):
        raise InputError(f"{to!r} is no mail address.", "Give --to YOUR@ADDRESS.")
    for one in made:
        name = one.reader.sender
        signer = signing.signer(workspace, name)
        data = mail(workspace, one, now, mark="[Test] ", to=to)
        if signer is not None:
            data = signer.sign(data, now) + data
        sender = workspace.settings.sender(name).address
        for outcome in send_unrecorded(accounts.smtp(workspace, name), [Mail(0, sender, to, data)]):
            if outcome.kind is not OutcomeKind.ACCEPTED:
                raise MailServerError(f"The test was not taken: {describe(outcome)}.", "Try another address.")
