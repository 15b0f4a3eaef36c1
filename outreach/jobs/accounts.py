"""Settings of a sender -> the accounts its two gateways sign in with.

A server with a ``username`` is signed in to with its ``password``, else by the OAuth 2 of its sender
(``senders.NAME.oauth``); both servers then share one access token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from outreach.errors import SettingsError
from outreach.settings import ENVIRONMENT_PREFIX, Workspace
from outreach.settings.servers import ServerSettings

if TYPE_CHECKING:
    from pydantic import SecretStr

    from outreach import imap as imap_gateway
    from outreach import smtp as smtp_gateway
    from outreach.oauth import Tokens


def smtp(workspace: Workspace, name: str) -> smtp_gateway.Account:
    """Raises :class:`~outreach.errors.SettingsError` for a user name without password and OAuth 2."""
    from outreach.smtp import Account, Security

    settings = workspace.settings.sender(name).smtp
    password, tokens = _credentials(workspace, name, "smtp", settings)
    return Account(
        host=settings.host,
        port=settings.port,
        security=Security(settings.security),
        username=settings.username,
        password=password,
        token=tokens,
        renew=tokens.renew if tokens else None,
        ca_file=workspace.file(settings.ca_file) if settings.ca_file else None,
        timeout=settings.timeout_seconds,
    )


def imap(workspace: Workspace, name: str) -> imap_gateway.Account:
    """Raises :class:`~outreach.errors.SettingsError` for a mailbox without user name, or a user name without
    password and OAuth 2."""
    from outreach.imap import Account, Security

    settings = workspace.settings.sender(name).imap
    if settings is None or settings.username is None:
        raise SettingsError(
            f"senders.{name}.imap has no username.", "A mailbox is read by signing in: add it."
        )
    password, tokens = _credentials(workspace, name, "imap", settings)
    return Account(
        host=settings.host,
        port=settings.port,
        security=Security(settings.security),
        username=settings.username,
        password=password or "",
        token=tokens,
        renew=tokens.renew if tokens else None,
        ca_file=workspace.file(settings.ca_file) if settings.ca_file else None,
        timeout=settings.timeout_seconds,
    )


def _credentials(
    workspace: Workspace, name: str, protocol: str, settings: ServerSettings
) -> tuple[str | None, Tokens | None]:
    """The password, or what gives tokens; neither for a server without user name."""
    if settings.password is not None:
        return settings.password.get_secret_value(), None
    if settings.username is None:
        return None, None
    tokens = _tokens(workspace, name)
    if tokens is not None:
        return None, tokens
    key = f"senders__{name}__{protocol}__password"
    raise SettingsError(
        f"senders.{name}.{protocol} has a username and no password.",
        f"Put it into the file secrets/{key}, or into {(ENVIRONMENT_PREFIX + key).upper()}; "
        f"or add a section senders.{name}.oauth, for Microsoft 365 and Google.",
    )


def _tokens(workspace: Workspace, name: str) -> Tokens | None:
    settings = workspace.settings.sender(name).oauth
    if settings is None:
        return None
    from outreach import oauth

    place = f"senders.{name}.oauth"
    client = oauth.Client(
        name=place,
        token_url=settings.url,
        client_id=settings.client_id,
        client_secret=_plain(settings.client_secret),
        refresh_token=_plain(settings.refresh_token),
        scope=settings.asked_scope,
        timeout=settings.timeout_seconds,
    )
    return oauth.tokens(client, workspace.secret_file(f"{place}.refresh_token"))


def _plain(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
