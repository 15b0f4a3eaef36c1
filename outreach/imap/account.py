"""Where a mailbox is, how to sign in, and what goes wrong with it in words."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum, unique
from pathlib import Path

from outreach.errors import MailServerError


@unique
class Security(StrEnum):
    """How the connection is protected."""

    TLS = "tls"  # from the first byte, usually port 993
    STARTTLS = "starttls"  # after the greeting, usually port 143
    PLAIN = "plain"  # not at all: to this machine only


@dataclass(frozen=True, slots=True)
class Account:
    """Where a mailbox is and how to sign in."""

    host: str
    username: str
    password: str = field(default="", repr=False)
    port: int = 993
    security: Security = Security.TLS
    ca_file: Path | None = None  # the authority of the server's certificate; None: those the system trusts
    timeout: float = 30.0  # seconds, for the connection and for each answer
    # Gives an OAuth 2 access token (XOAUTH2), instead of the password.
    token: Callable[[], str] | None = field(default=None, repr=False)
    # Gives another token than the one it is given, which the server refused; asked once for a connection.
    renew: Callable[[str], str] | None = field(default=None, repr=False)


@contextmanager
def sentences(account: Account) -> Iterator[None]:
    """Turn what the libraries raise into a sentence about this account."""
    import imaplib

    place = f"{account.host}:{account.port}"
    try:
        yield
    except MailServerError:
        raise
    except ssl.SSLCertVerificationError as error:
        raise MailServerError(
            f"The certificate of the mail server {place} is not to be trusted: {error.verify_message}.",
            "Write the host as the certificate names it; if your organisation has its own certificate "
            "authority, give its file as ca_file.",
        ) from error
    except ssl.SSLError as error:
        raise MailServerError(
            f"The mail server {place} does not speak TLS as expected ({error.reason or error}).",
            "Check port and security: tls is usual at port 993, starttls at port 143.",
        ) from error
    except (socket.gaierror, UnicodeError) as error:
        raise MailServerError(
            f"There is no mail server named {account.host}.",
            "Check the host of this sender's IMAP account, and the network.",
        ) from error
    except TimeoutError as error:
        raise MailServerError(
            f"The mail server {place} did not answer within {account.timeout:g} seconds.",
            "Check host and port, and that no firewall is in between; or try again later.",
        ) from error
    except ConnectionRefusedError as error:
        raise MailServerError(
            f"Nothing answers at {place}.",
            "Check host and port of this sender's IMAP account: tls is usual at port 993, "
            "starttls at port 143.",
        ) from error
    except OSError as error:
        raise MailServerError(
            f"The connection to the mail server {place} broke ({error}).", "The next run tries again."
        ) from error
    except imaplib.IMAP4.abort as error:
        raise MailServerError(
            f"The mail server {place} ended the connection ({said(error)}).", "The next run tries again."
        ) from error
    except imaplib.IMAP4.error as error:
        raise MailServerError(
            f"The mail server {place} did not do as asked ({said(error)}).",
            "If this stays so, check port and security of this sender's IMAP account.",
        ) from error


def said(error: Exception) -> str:
    """The server's own words, without the wrapping of the libraries."""
    text = error.args[0] if error.args else ""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    text = str(text)
    if text[:2] in {"b'", 'b"'}:  # imaplib formats bytes into its message
        text = text[2:-1]
    return text.rstrip(". ") or type(error).__name__


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
