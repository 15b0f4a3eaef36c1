"""Settings of a sender -> the accounts its two gateways sign in with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outreach.errors import SettingsError
from outreach.settings import ENVIRONMENT_PREFIX, ImapSettings, ServerSettings, SmtpSettings

if TYPE_CHECKING:
    from outreach import imap as imap_gateway
    from outreach import smtp as smtp_gateway


def smtp(name: str, settings: SmtpSettings) -> smtp_gateway.Account:
    """Raises :class:`~outreach.errors.SettingsError` for a user name without its password."""
    from outreach.smtp import Account, Security

    return Account(
        host=settings.host,
        port=settings.port,
        security=Security(settings.security),
        username=settings.username,
        password=_password(name, "smtp", settings),
        ca_file=settings.ca_file,
        timeout=settings.timeout_seconds,
    )


def imap(name: str, settings: ImapSettings) -> imap_gateway.Account:
    """Raises :class:`~outreach.errors.SettingsError` for a user name without its password."""
    from outreach.imap import Account, Security

    if settings.username is None:
        raise SettingsError(
            f"senders.{name}.imap has no username.", "A mailbox is read by signing in: add it."
        )
    return Account(
        host=settings.host,
        port=settings.port,
        security=Security(settings.security),
        username=settings.username,
        password=_password(name, "imap", settings) or "",
        ca_file=settings.ca_file,
        timeout=settings.timeout_seconds,
    )


def _password(name: str, protocol: str, settings: ServerSettings) -> str | None:
    if settings.password is not None:
        return settings.password.get_secret_value()
    if settings.username is None:
        return None
    key = f"senders__{name}__{protocol}__password"
    raise SettingsError(
        f"senders.{name}.{protocol} has a username and no password.",
        f"Put it into the file secrets/{key}, or into {(ENVIRONMENT_PREFIX + key).upper()}.",
    )
