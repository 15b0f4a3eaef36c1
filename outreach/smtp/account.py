"""What the gateway is given: an account, mails; and the error when the server cannot be used."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum, unique
from pathlib import Path
from typing import NamedTuple

from outreach.errors import MailServerError, SettingsError
from outreach.model.values import Outcome


@unique
class Security(StrEnum):
    STARTTLS = "starttls"
    TLS = "tls"
    PLAIN = "plain"  # to this machine only


@dataclass(frozen=True, slots=True)
class Account:
    """How to reach and sign in to one mail server.

    :raises SettingsError: ``plain`` to another machine, or a password together with ``token``.
    """

    host: str
    port: int
    security: Security = Security.STARTTLS
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    token: Callable[[], str] | None = field(
        default=None, repr=False
    )  # gives an OAuth 2 access token (XOAUTH2)
    ca_file: Path | None = None  # trusted besides the system's authorities
    local_hostname: str | None = None  # for EHLO; None: this machine's name
    timeout: float = 60.0  # seconds for connecting and for each reply
    final_timeout: float = 600.0  # seconds for the reply to the end of DATA (RFC 5321, section 4.5.3.2.6)
    # Gives another token than the one it is given, which the server refused; asked once for a connection.
    renew: Callable[[str], str] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.security is Security.PLAIN and not _is_loopback(self.host):
            raise SettingsError(
                f"Mail to {self.host} would go without encryption.",
                'Set security to "starttls" or "tls"; "plain" is for a server on this machine only.',
            )
        if self.password is not None and self.token is not None:
            raise SettingsError(
                f"The account at {self.host} has a password and OAuth 2.", "Keep one of the two."
            )


class Mail(NamedTuple):
    """One message to one recipient, ready to go."""

    id: int
    sender: str  # of the envelope (MAIL FROM)
    recipient: str
    # With its header; lines end with CRLF, dots not doubled. Or what makes it, just before it goes: it is told
    # whether the server takes 8-bit text (8BITMIME).
    data: bytes | Callable[[bool], bytes]
    canonical: bool = False  # known to be so, and to have no line that begins with a dot: not looked through


class SendingStoppedError(MailServerError):
    """The server cannot be used: messages not yet begun were left as they were."""

    def __init__(self, message: str, remedy: str, outcome: Outcome) -> None:
        super().__init__(message, remedy)
        self.outcome = outcome


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
