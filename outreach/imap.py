"""The gateway to a mailbox: read what came, change nothing.

Folders are opened with EXAMINE and messages read with BODY.PEEK, so that nothing is ever marked read, moved
or deleted (RFC 9051, sections 6.3.3 and 6.4.5). A cursor is the pair (UIDVALIDITY, UID): within one
UIDVALIDITY, UIDs only grow and are never used again (section 2.3.1.1).

Every failure leaves here as :class:`outreach.errors.MailServerError`, with a sentence and a remedy.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum, unique
from pathlib import Path
from typing import TYPE_CHECKING, Any

from outreach import clock
from outreach.errors import MailServerError

if TYPE_CHECKING:
    from imapclient import IMAPClient

# Messages are asked for together until they reach this many bytes; a greater one is asked for alone.
BATCH_BYTES = 4 << 20


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


@dataclass(frozen=True, slots=True)
class Fetched:
    """A message as the server holds it."""

    uid: int
    internal_date: datetime  # when it arrived there, UTC; the present where the server does not say
    raw: bytes  # empty when the server lists the message but cannot give it out


class Mailbox:
    """An account that is signed in, with one folder to read; made by :func:`open_mailbox`."""

    def __init__(self, client: IMAPClient, account: Account, folder: str) -> None:
        self._client = client
        self._account = account
        self.folder = folder
        self._selected = ""
        self.uidvalidity = 0  # of the folder: a UID of another UIDVALIDITY means nothing
        self.uidnext = (
            0  # greater than every UID of the folder when it was opened; 0: the server does not say
        )
        state = self._examine(folder)
        self.uidvalidity = int(state.get(b"UIDVALIDITY") or 0)
        self.uidnext = int(state.get(b"UIDNEXT") or 0)
        if not self.uidvalidity:
            raise MailServerError(
                f"The mail server {account.host} gives the folder {folder} no UIDVALIDITY, so that nobody "
                "can tell which messages were read before.",
                "Use a mail server that follows RFC 3501.",
            )

    def since(self, last_uid: int, *, since_date: date | None = None, batch: int = 200) -> Iterator[Fetched]:
        """All messages with a UID above ``last_uid``, ascending, at most ``batch`` asked for at a time.

        With a ``since_date``, only what arrived on that day or later, for the first reading of a mailbox with
        years of mail. Servers compare days in a time zone of their own (RFC 3501, section 6.4.4), so that a
        message of the day before may come too. A message deleted meanwhile is left out. Memory holds one
        batch: at most :data:`BATCH_BYTES`, or one message that is greater.
        """
        with _sentences(self._account):
            uids = self._search_since(last_uid, since_date)
        for start in range(0, len(uids), batch):
            with _sentences(self._account):
                groups = self._groups(uids[start : start + batch])
            for group in groups:
                with _sentences(self._account):
                    found = self._fetch_messages(group)
                for uid in group:
                    if uid in found:
                        yield _fetched(uid, found.pop(uid))

    def capabilities(self) -> frozenset[str]:
        """What the server offers to whoever has signed in, in upper case."""
        with _sentences(self._account):
            return frozenset(name.decode("ascii", "replace").upper() for name in self._client.capabilities())

    def certificate_ends(self) -> datetime | None:
        """Until when the server's certificate is valid, UTC; ``None`` without TLS."""
        connection = self._client.socket()
        found = connection.getpeercert() if isinstance(connection, ssl.SSLSocket) else None
        ends = found.get("notAfter") if found else None
        return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(ends)), UTC) if ends else None

    def folders(self) -> list[str]:
        """The names of all folders that can be opened, as people read them."""
        with _sentences(self._account):
            listed = self._client.list_folders()
        return [name for flags, _, name in listed if b"\\Noselect" not in flags]

    def sent_folder(self) -> str | None:
        """The folder of sent mail: by its special use (RFC 6154), else by a usual name; None without one."""
        with _sentences(self._account):
            found: str | None = self._client.find_special_folder(b"\\Sent")
        return found

    def holds_message_id(self, folder: str, message_id: str) -> bool:
        """Whether ``folder`` has a message with this Message-ID, written with its angle brackets."""
        self._examine(folder)
        with _sentences(self._account):
            return bool(self._client.search(["HEADER", "Message-ID", message_id]))

    def _examine(self, folder: str) -> dict[bytes, Any]:
        """Make ``folder`` the one the next commands are about, read-only."""
        from imapclient.exceptions import IMAPClientError

        with _sentences(self._account):
            try:
                self._selected = ""
                state: dict[bytes, Any] = self._client.select_folder(folder, readonly=True)
            except self._client.AbortError:
                raise
            except IMAPClientError as error:
                raise MailServerError(
                    f"The mailbox {self._account.username} has no folder {folder!r} that can be opened "
                    f"({_said(error)}).",
                    f"Its folders are: {', '.join(self.folders())}.",
                ) from error
        self._selected = folder
        if folder == self.folder and self.uidvalidity not in {0, state.get(b"UIDVALIDITY")}:
            raise MailServerError(
                f"The folder {folder} of {self._account.username} was made anew while it was read.",
                "Nothing is lost: the next run reads it again.",
            )
        return state

    def _search_since(self, last_uid: int, since_date: date | None) -> list[int]:
        # UID n:* holds the last message even when its UID is below n, hence an end where there is one, and
        # the comparison below where there is none.
        if self.uidnext and self.uidnext <= last_uid + 1:
            return []
        end = str(self.uidnext - 1) if self.uidnext else "*"
        criteria: list[Any] = ["UID", f"{last_uid + 1}:{end}"]
        if since_date is not None:
            criteria += ["SINCE", since_date - timedelta(days=1)]
        self._return()
        return sorted({uid for uid in self._client.search(criteria) if uid > last_uid})

    def _groups(self, uids: list[int]) -> list[list[int]]:
        """The UIDs in order, split so that no group's messages exceed the batch's bytes together."""
        sizes = self._fetch(uids, ["RFC822.SIZE"])
        groups: list[list[int]] = []
        room = 0
        for uid in uids:
            if uid not in sizes:
                continue  # deleted since the search
            size = sizes[uid].get(b"RFC822.SIZE") or 0
            if not groups or size > room:
                groups.append([])
                room = BATCH_BYTES
            groups[-1].append(uid)
            room -= size
        return groups

    def _fetch_messages(self, uids: list[int]) -> dict[int, dict[bytes, Any]]:
        """The messages; one by one where the server refuses them together because it cannot give out one."""
        from imapclient.exceptions import IMAPClientAbortError, IMAPClientError

        try:
            return self._fetch(uids, ["INTERNALDATE", "BODY.PEEK[]"])
        except IMAPClientAbortError:
            raise  # the connection is gone
        except IMAPClientError as error:
            if "[UNAVAILABLE]" in str(error) or "[LIMIT]" in str(error):  # RFC 5530, section 3
                raise
            if len(uids) == 1:
                self._fetch(uids, ["RFC822.SIZE"])  # raises when it is the server that has trouble
                return {uids[0]: {}}
        return {uid: answer for one in uids for uid, answer in self._fetch_messages([one]).items()}

    def _fetch(self, uids: Iterable[int], items: list[str]) -> dict[int, dict[bytes, Any]]:
        self._return()
        found: dict[int, dict[bytes, Any]] = self._client.fetch(list(uids), items)
        return found

    def _return(self) -> None:
        """Another folder may have been searched between two batches."""
        if self._selected != self.folder:
            self._examine(self.folder)


def _fetched(uid: int, answer: dict[bytes, Any]) -> Fetched:
    arrived = answer.get(b"INTERNALDATE") or clock.now()  # IMAPClient gives None for a date it cannot read
    return Fetched(uid, arrived.astimezone(UTC), answer.get(b"BODY[]") or b"")


@contextmanager
def open_mailbox(account: Account, folder: str = "INBOX") -> Iterator[Mailbox]:
    """Connect, sign in and open ``folder`` for reading; log out at the end.

    Raises :class:`MailServerError` when the host is wrong or away, its certificate is not trusted, the
    sign-in is refused or the folder does not exist (the remedy then names those that do), and what
    ``account.token`` raises.
    """
    if account.security is Security.PLAIN and not _is_loopback(account.host):
        raise MailServerError(
            f"The mailbox at {account.host} would be read without encryption.",
            "Set its security to tls or starttls: plain is for servers on this machine only.",
        )
    client = _connect(account)
    try:
        with _sentences(account):
            refused = _sign_in(client, account, None)
        if refused is not None:
            with _sentences(account), suppress(OSError):
                client.shutdown()
            client = _connect(account)
            with _sentences(account):
                _sign_in(client, account, refused)
    except BaseException:
        with suppress(Exception):
            client.shutdown()
        raise
    with client:
        yield Mailbox(client, account, folder)


def _connect(account: Account) -> IMAPClient:
    from imapclient import IMAPClient

    context = None if account.security is Security.PLAIN else _trust(account)
    with _sentences(account):
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
            with _sentences(account):
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
                f"The mail server {account.host} cannot check sign-ins at the moment ({_said(error)}).",
                "Try again later.",
            ) from error
        if token is not None and refused is None and account.renew is not None:
            return token
        raise MailServerError(
            f"The mail server {account.host} refused the sign-in of {account.username} ({_said(error)}).",
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
        raise LoginError(_said(error)) from error


@contextmanager
def _sentences(account: Account) -> Iterator[None]:
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
            f"The mail server {place} ended the connection ({_said(error)}).", "The next run tries again."
        ) from error
    except imaplib.IMAP4.error as error:
        raise MailServerError(
            f"The mail server {place} did not do as asked ({_said(error)}).",
            "If this stays so, check port and security of this sender's IMAP account.",
        ) from error


def _said(error: Exception) -> str:
    """The server's own words, without the wrapping of the libraries."""
    text = error.args[0] if error.args else ""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    text = str(text)
    if text[:2] in {"b'", 'b"'}:  # imaplib formats bytes into its message
        text = text[2:-1]
    return text.rstrip(". ") or type(error).__name__


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
