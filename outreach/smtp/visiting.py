"""Signing in to look around, without sending anything."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime

from outreach.smtp.account import Account
from outreach.smtp.opening import open_line


@dataclass(frozen=True, slots=True)
class Visited:
    """What a server showed of itself to an account that signed in."""

    extensions: tuple[str, ...]  # in upper case
    certificate_ends: datetime | None  # UTC; None without TLS


def visit(account: Account) -> Visited:
    """Connect, start TLS and sign in, look around, and leave.

    :raises SendingStoppedError: with what was wrong and its remedy.
    """

    async def visit_once() -> Visited:
        line = await open_line(account)
        ends = line.certificate["notAfter"] if line.certificate else None
        await line.quit()
        return Visited(
            tuple(sorted(extension.upper() for extension in line.extensions)),
            datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC) if ends else None,
        )

    return asyncio.run(visit_once())


def check_sign_in(account: Account) -> tuple[str, ...]:
    """Connect, start TLS and sign in, then leave; the extensions the server offers, in upper case.

    :raises SendingStoppedError: with what was wrong and its remedy.
    """
    return visit(account).extensions
