"""The servers of a sender: how to reach them, sign in, and sign what goes out."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)

_SMTP_PORTS = {"starttls": 587, "tls": 465, "plain": 25}
_IMAP_PORTS = {"starttls": 143, "tls": 993, "plain": 143}
_TENANT = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-")


_SECURITY = "`starttls`, `tls`, or `plain`, which is for servers on this machine only."


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


def _are_countries(value: tuple[str, ...]) -> tuple[str, ...]:
    for code in value:
        if not (len(code) == 2 and code.isascii() and code.isupper()):
            raise ValueError(f'{code!r} is no country code; write two capitals, as "BE" (Greece is "GR")')
    return value


#: Country codes, each two capitals.
Countries = Annotated[tuple[str, ...], AfterValidator(_are_countries)]


class ServerSettings(Section):
    """How to reach and sign in to one mail server."""

    host: str = Field(description="Name of the server.")
    port: int = Field(
        default=0, ge=0, le=65535, validate_default=True, description="Left out: the usual one of `security`."
    )
    security: Literal["starttls", "tls", "plain"] = Field(description=_SECURITY)
    username: str | None = Field(default=None, description="Who signs in; SMTP without it does not sign in.")
    password: SecretStr | None = Field(
        default=None, description="Belongs into `secrets/` or the environment, never into this file."
    )
    ca_file: Path | None = Field(
        default=None,
        description="Certificates (PEM) to trust, where the server's comes from your organisation's own authority.",
    )
    timeout_seconds: float = Field(
        default=30, gt=0, le=600, description="How long to wait for an answer of the server."
    )

    @model_validator(mode="after")
    def _plain_stays_at_home(self) -> ServerSettings:
        if self.security == "plain" and not is_loopback(self.host):
            raise ValueError(
                f'security = "plain" is for this machine only, and {self.host} is another one; '
                'write security = "starttls" or "tls"'
            )
        return self


class SmtpSettings(ServerSettings):
    security: Literal["starttls", "tls", "plain"] = Field(default="starttls", description=_SECURITY)

    @model_validator(mode="before")
    @classmethod
    def _usual_port(cls, values: Any) -> Any:
        return _with_port(values, _SMTP_PORTS, "starttls")


class ImapSettings(ServerSettings):
    security: Literal["starttls", "tls", "plain"] = Field(default="tls", description=_SECURITY)
    folders: tuple[str, ...] = Field(
        default=("INBOX",),
        description="The folders to read; add those your rules move answers to. `*` stands for anything: "
        "`Answers/*`; sent mail, drafts, junk and rubbish are never read. `outreach watch` hears of the first at once, "
        "of the others within a minute.",
    )

    @model_validator(mode="before")
    @classmethod
    def _usual_port(cls, values: Any) -> Any:
        return _with_port(values, _IMAP_PORTS, "tls")


class InboxSettings(Section):
    """What follows from answers, as the member wants it."""

    confirm: bool = Field(
        default=True,
        description="Answer registrations, refusals and stops with a short mail (`templates/_shared/`).",
    )
    stop: Literal["address", "municipality"] = Field(
        default="address",
        description="How wide a stop counts: for the `address` that said it and the one it was sent to, or for "
        "all addresses of the `municipality`, later ones included.",
    )
    soft_bounces: int = Field(
        default=5,
        ge=1,
        description="So many mails in a row that come back for now (mailbox full), and the address counts as dead.",
    )


class DkimKey(Section):
    """A private key that mails are signed with; its public half stands in the DNS under ``selector``."""

    selector: str = Field(description="The name under `_domainkey` in the DNS where the public key stands.")
    key_file: Path | None = Field(
        default=None, description="The private key as a PEM file, relative to the workspace."
    )
    key: SecretStr | None = Field(
        default=None, description="The same key itself, as a secret; instead of `key_file`."
    )

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        if (self.key_file is None) == (self.key is None):
            raise ValueError("give either key_file, or key as a secret: one of the two")
        return self


class Dkim(DkimKey):
    """How mails are signed here; without it, the relay may sign them."""

    domain: str | None = Field(default=None, description="The signing domain; left out, that of `from`.")
    leave_out: tuple[str, ...] = Field(
        default=(), description='Header fields that the relay rewrites, such as "Message-ID": not signed.'
    )
    second: DkimKey | None = Field(
        default=None, description="A second key, of Ed25519 beside RSA: both sign each mail."
    )


class Oauth(Section):
    """Sign-in by OAuth 2 (XOAUTH2) to the servers that have no password; see ``jobs/accounts.py``.

    With a refresh token in a person's name, else by client credentials in the application's own.
    """

    tenant: str | None = Field(
        default=None,
        description="Of Microsoft 365: its id or domain; stands for `token_url` and `scope`.",
    )
    token_url: str = Field(default="", description="Where the provider gives out access tokens.")
    client_id: str = Field(min_length=1, description="The application's id, as registered with the provider.")
    client_secret: SecretStr | None = Field(default=None, description="Its secret; keep it in `secrets/`.")
    refresh_token: SecretStr | None = Field(
        default=None,
        description="Of the person who allowed it; without one, the application signs in by itself.",
    )
    scope: str | None = Field(default=None, description="What is asked for; left out, the provider's usual.")
    timeout_seconds: float = Field(default=30, gt=0, le=600, description="How long to wait for the provider.")

    @model_validator(mode="after")
    def _enough_to_ask(self) -> Self:
        if (self.tenant is None) == (not self.token_url):
            raise ValueError(
                "give either tenant (Microsoft 365) or token_url "
                '(Google: "https://oauth2.googleapis.com/token"): one of the two'
            )
        if self.tenant is not None and not set(self.tenant.lower()) <= _TENANT:
            raise ValueError(f"{self.tenant!r} is no tenant; give its id, or its domain")
        if self.token_url and not self.token_url.startswith("https://"):
            url = urlsplit(self.token_url)
            if url.scheme != "http" or not is_loopback(url.hostname or ""):
                raise ValueError("token_url has to begin with https://")
        if self.refresh_token is None and self.client_secret is None:
            raise ValueError("give refresh_token, or client_secret for client credentials, as a secret")
        return self

    @property
    def url(self) -> str:
        """Where tokens are asked for: learn.microsoft.com, "OAuth 2.0 client credentials flow"."""
        if self.tenant is None:
            return self.token_url
        return f"https://login.microsoftonline.com/{self.tenant}/oauth2/v2.0/token"

    @property
    def asked_scope(self) -> str:
        """learn.microsoft.com, "Authenticate an IMAP, POP or SMTP connection using OAuth"."""
        if self.scope is not None or self.tenant is None:
            return self.scope or ""
        host = "https://outlook.office365.com/"
        if self.refresh_token is None:
            return host + ".default"
        host = "https://outlook.office.com/"
        return f"{host}SMTP.Send {host}IMAP.AccessAsUser.All offline_access"


def is_loopback(host: str) -> bool:
    """Whether ``host`` is this machine by its very name or number; no look-up is made."""
    if host.lower() in {"localhost", "localhost.localdomain"}:
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _with_port(values: Any, ports: dict[str, int], usual: str) -> Any:
    if isinstance(values, dict) and not values.get("port"):
        return {**values, "port": ports.get(str(values.get("security", usual)), 0)}
    return values
