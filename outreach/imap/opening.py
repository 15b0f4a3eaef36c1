"""Connecting, TLS and signing in."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from outreach.errors import MailServerError
from outreach.imap.account import Account, Security, is_loopback, said, sentences
from outreach.imap.mailbox import Mailbox

if TYPE_CHECKING:
    from imapclient import IMAPClient


@contextmanager
def open_mailbox(account: Account, folder: str = "INBOX") -> Iterator[Mailbox]:
    """Connect, sign in and open ``folder`` for reading; log out at the end.

    Raises :class:`MailServerError` when the host is wrong or away, its certificate is not trusted, the
    sign-in is refused or the folder does not exist (the remedy then names those that do), and what
    ``account.token`` raises.
    """
    if account.security is Security.PLAIN and not is_loopback(account.host):
        raise MailServerError(
            f"The mailbox at {account.host} would be read without encryption.",
            "Set its security to tls or starttls: plain is for servers on this machine only.",
        )
    client = _connect(account)
    try:
        with sentences(account):
            refused = _sign_in(client, account, None)
        if refused is not None:
            with sentences(account), suppress(OSError):
                client.shutdown()
            client = _connect(account)
            with sentences(account):
                _sign_in(client, account, refused)
    except BaseException:
        with suppress(Exception):
            client.shutdown()
        raise
    with client:
        with sentences(account):
            # Before the first folder is opened, or Dovecot says no HIGHESTMODSEQ of it (RFC 7162, section 3.1).
            if client.has_capability("CONDSTORE") and client.has_capability("ENABLE"):
                client.enable("CONDSTORE")
        yield Mailbox(client, account, folder)


def _connect(account: Account) -> IMAPClient:
    from imapclient import IMAPClient

    context = None if account.security is Security.PLAIN else _trust(account)
    with sentences(account):
        client = IMAPClient(
            account.host,
            account.port,
            ssl=account.security is Security.TLS,
            ssl_context=context,
            timeout=account.timeout,
        )
    client._imap.debug = 0  # at IMAPClient's level 5 every literal is formatted for a log nobody reads
    client.normalise_times = False
    if account.security is Security.STARTTLS:
        try:
            with sentences(account):
                client.starttls(context)
        except BaseException:
            with suppress(Exception):
                client.shutdown()
            raise
    return client


def _trust(account: Account) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=account.ca_file)
    except OSError as error:
        raise MailServerError(
            f"The file of the certificate authority, {account.ca_file}, cannot be used ({error.strerror}).",
            "Correct ca_file of this sender's IMAP account: a readable file in PEM form.",
        ) from error


def _sign_in(client: IMAPClient, account: Account, refused: str | None) -> str | None:
    """Sign in. Returns a token the server refused when another may do, on a new connection, with that one
    as ``refused``."""
    from imapclient.exceptions import LoginError

    token: str | None = None
    try:
        if account.token is not None:
            token = account.renew(refused) if account.renew and refused else account.token()
            _sign_in_with_token(client, account.username, token)
        elif (account.username + account.password).isascii():
            client.login(account.username, account.password)
        else:  # LOGIN has no way to say them
            client.plain_login(account.username, account.password)
    except LoginError as error:
        if "[UNAVAILABLE]" in str(error):  # RFC 5530, section 3
            raise MailServerError(
                f"The mail server {account.host} cannot check sign-ins at the moment ({said(error)}).",
                "Try again later.",
            ) from error
        if token is not None and refused is None and account.renew is not None:
            return token
        raise MailServerError(
            f"The mail server {account.host} refused the sign-in of {account.username} ({said(error)}).",
            "Check the user name and the password of this sender's IMAP account; some providers want a "
            "password made for programs."
            if token is None
            else "Check the user name and the scope of this sender's OAuth 2, and that the mailbox lets this "
            "application read.",
        ) from error
    return None


def _sign_in_with_token(client: IMAPClient, username: str, token: str) -> None:
    """XOAUTH2 (developers.google.com, "OAuth 2.0 Mechanism"; Microsoft follows it). A server that refuses
    sends its reason as a challenge first, which is answered by an empty line."""
    from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, LoginError

    answers = iter([f"user={username}\x01auth=Bearer {token}\x01\x01".encode()])
    try:
        client.sasl_login("XOAUTH2", lambda _challenge: next(answers, b""))
    except IMAPClientAbortError:
        raise
    except IMAPClientError as error:
        raise LoginError(said(error)) from error
