"""The gateway to a provider's token endpoint: sign-in by OAuth 2 (RFC 6749) for SMTP and IMAP (XOAUTH2).

An access token is kept in memory until a minute before its end, never on disk. It, the client's secret and
the refresh token stand in no error, log or ``repr``.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import logging
import os
import ssl
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from email.message import Message
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any

from outreach.errors import MailServerError, SettingsError

log = logging.getLogger(__name__)

#: Seconds before its end from which a token is not used any more.
EARLY = 60.0
_UNTOLD = 300.0  # seconds a token is used for when the provider does not say how long it lives
_MAX_ANSWER = 1 << 20


@dataclass(frozen=True, slots=True)
class Client:
    """What a token is asked for with: by ``refresh_token`` where there is one, else by client credentials.

    :raises SettingsError: the address is not https, except on this machine.
    """

    name: str  # the settings section, for errors: "senders.be.oauth"
    token_url: str
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    scope: str = ""
    timeout: float = 30.0  # seconds

    def __post_init__(self) -> None:
        url = urllib.parse.urlsplit(self.token_url)
        if url.scheme != "https" and not (url.scheme == "http" and _is_loopback(url.hostname or "")):
            raise SettingsError(
                f"The token address of {self.name} would be asked without encryption: {self.token_url}.",
                "Use its https:// address.",
            )

    @property
    def host(self) -> str:
        return urllib.parse.urlsplit(self.token_url).hostname or self.token_url


class Tokens:
    """The access tokens of one client. May be shared by threads: one asks, the others wait for the answer.

    :param secret_file: the file the refresh token was read from. A new one that the provider gives with an
        access token is written there, and one that another process wrote there is used. ``None``: it came
        from elsewhere, and a new one is used by this process alone, with a warning.
    """

    def __init__(self, client: Client, secret_file: Path | None = None) -> None:
        self._client = client
        self._file = secret_file
        self._refresh_token = client.refresh_token
        self._lock = threading.Lock()
        self._token: str | None = None
        self._until = 0.0  # by time.monotonic: a stop-watch, since the time of day may be moved

    def __call__(self) -> str:
        """An access token that is good for a minute at least.

        :raises MailServerError: the provider cannot be reached, or has ended the sign-in.
        :raises SettingsError: it does not know the client, or refuses the secret or the scope.
        """
        with self._lock:
            if self._token is None or time.monotonic() >= self._until:
                self._fetch()
            assert self._token is not None
            return self._token

    def renew(self, refused: str) -> str:
        """Another token than ``refused``, which the mail server did not take: revoked before its end, or this
        machine slept. Raises as calling does."""
        with self._lock:
            if self._token is None or self._token == refused:
                self._token = None
                self._fetch()
            assert self._token is not None
            return self._token

    def _fetch(self) -> None:
        asked_at = time.monotonic()
        try:
            answer = self._ask()
        except _EndedError as error:
            # Another process may have used the refresh token up and written the next one.
            kept = self._kept()
            if kept is None or kept == self._refresh_token:
                raise self._sign_in_again(str(error)) from error
            self._refresh_token = kept
            try:
                answer = self._ask()
            except _EndedError as again:
                raise self._sign_in_again(str(again)) from again
        token = answer.get("access_token")
        if not (isinstance(token, str) and token and token.isascii() and token.isprintable()):
            raise self._unusable("it gave no access token")
        if str(answer.get("token_type", "Bearer")).lower() != "bearer":
            raise self._unusable("it gave a token of another kind than Bearer")
        try:
            seconds = float(answer.get("expires_in", _UNTOLD))
        except (TypeError, ValueError):
            seconds = _UNTOLD
        self._token = token
        self._until = asked_at + seconds - EARLY
        following = answer.get("refresh_token")
        if isinstance(following, str) and following and self._refresh_token not in (None, following):
            self._refresh_token = following
            self._keep(following)

    def _ask(self) -> dict[str, Any]:
        client = self._client
        form = {"client_id": client.client_id}
        if client.client_secret is not None:
            form["client_secret"] = client.client_secret
        if self._refresh_token is not None:
            form |= {"grant_type": "refresh_token", "refresh_token": self._refresh_token}
        else:
            form["grant_type"] = "client_credentials"
        if client.scope:
            form["scope"] = client.scope
        request = urllib.request.Request(  # noqa: S310 - https, checked by Client
            client.token_url,
            urllib.parse.urlencode(form).encode("ascii"),
            {"Accept": "application/json", "User-Agent": "Outreach"},
        )
        try:
            with self._opener().open(request, timeout=client.timeout) as response:
                return self._read(response.read(_MAX_ANSWER))
        except urllib.error.HTTPError as error:
            with error:
                if error.code in (400, 401, 403):
                    raise self._refusal(error) from None
                raise self._unusable(f"it answered {error.code} {error.reason}") from None
        except (OSError, HTTPException) as error:  # URLError is an OSError
            reason = getattr(error, "reason", None) or error
            if isinstance(reason, ssl.SSLCertVerificationError):
                reason = f"its certificate is not to be trusted: {reason.verify_message}"
            elif isinstance(reason, TimeoutError):
                reason = f"no answer within {client.timeout:g} seconds"
            raise self._unusable(str(reason)) from error

    def _opener(self) -> urllib.request.OpenerDirector:
        handlers: list[urllib.request.BaseHandler] = [_NoRedirect()]
        if _is_loopback(self._client.host):
            handlers.append(urllib.request.ProxyHandler({}))
        else:
            handlers.append(urllib.request.HTTPSHandler(context=ssl.create_default_context()))
        return urllib.request.build_opener(*handlers)

    def _read(self, data: bytes) -> dict[str, Any]:
        try:
            answer = json.loads(data)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise self._unusable("its answer is not JSON")
        return answer

    def _refusal(self, error: urllib.error.HTTPError) -> Exception:
        """RFC 6749, section 5.2."""
        name, client = self._client.name, self._client
        try:
            answer = self._read(error.read(_MAX_ANSWER))
        except (MailServerError, OSError, HTTPException):
            return self._unusable(f"it answered {error.code} {error.reason}")
        code = str(answer.get("error", ""))
        # Microsoft's descriptions go on with trace ids and times on further lines.
        said = str(answer.get("error_description") or code).strip().partition("\n")[0].strip()
        said = self._veiled(f"{code}: {said}" if code and not said.startswith(code) else said)[:300]
        if code == "invalid_grant" and self._refresh_token is not None:
            return _EndedError(said)
        if code in ("invalid_client", "unauthorized_client", "invalid_grant"):
            return SettingsError(
                f"{client.host} does not accept the application of {name} ({said}).",
                f"Check {name}.client_id and client_secret: the secret may have expired, or the application "
                "may lack the permission (and the administrator's consent) to send and read mail.",
            )
        if code in ("invalid_scope", "invalid_request", "unsupported_grant_type", "invalid_target"):
            return SettingsError(
                f"{client.host} does not understand what {name} asks for ({said}).",
                f"Check {name}: tenant or token_url, and scope.",
            )
        return self._unusable(said or f"it answered {error.code}")

    def _sign_in_again(self, said: str) -> MailServerError:
        key = f"{self._client.name}.refresh_token"
        return MailServerError(
            f"The sign-in of {self._client.name} has ended ({said.rstrip('.')}).",
            "Sign in again: get a new refresh token from the provider and put it into "
            f"{self._file or 'secrets/' + key.replace('.', '__')}.",
        )

    def _unusable(self, said: str) -> MailServerError:
        said = self._veiled(" ".join(said.split())).rstrip(".")
        return MailServerError(
            f"No access token for {self._client.name} from {self._client.host}: {said}.",
            "Try later; if it goes on, check the network and the token address.",
        )

    def _veiled(self, text: str) -> str:
        """``text`` without our secrets, should the provider repeat them."""
        for secret in (self._client.client_secret, self._refresh_token):
            if secret:
                text = text.replace(secret, "...")
        return text

    def _kept(self) -> str | None:
        if self._file is None:
            return None
        try:
            return self._file.read_text(encoding="utf-8").strip() or None
        except (OSError, UnicodeDecodeError):
            return None

    def _keep(self, refresh_token: str) -> None:
        key = f"{self._client.name}.refresh_token"
        if self._file is None:
            log.warning(
                "%s gave a new refresh token for %s, and it cannot be kept: the old one came from the "
                "environment or from outreach.toml. Put it into the file secrets/%s instead, or the sign-in "
                "may end when the old one does.",
                self._client.host,
                self._client.name,
                key.replace(".", "__"),
            )
            return
        try:
            _replace(self._file, refresh_token)
        except OSError as error:
            log.warning(
                "The new refresh token of %s cannot be written to %s (%s). Let the user who runs Outreach "
                "write there, or the sign-in may end when the old one does.",
                self._client.name,
                self._file,
                error.strerror,
            )


class _EndedError(Exception):
    """invalid_grant: the refresh token is used up, revoked or too old; the text is the provider's."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the secrets to another address: it stays an answer that is none."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        return None


_shared: dict[tuple[Client, Path | None], Tokens] = {}
_sharing = threading.Lock()


def tokens(client: Client, secret_file: Path | None = None) -> Tokens:
    """The one :class:`Tokens` of this process for ``client``: SMTP and IMAP use the same token."""
    with _sharing:
        return _shared.setdefault((client, secret_file), Tokens(client, secret_file))


def _replace(path: Path, text: str) -> None:
    """All or nothing, and for nobody else's eyes (mkstemp makes files of mode 600)."""
    path = path.resolve()  # a link stays one, as a secret store may want
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
