"""Opening a connection: the socket, TLS, EHLO and the sign-in, and what to tell a person when it fails."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from outreach.delivery.replies import Reply, Stage
from outreach.errors import MailServerError, SettingsError
from outreach.model.states import OutcomeKind
from outreach.model.values import Outcome
from outreach.smtp.account import Account, Security, SendingStoppedError
from outreach.smtp.line import Line

if TYPE_CHECKING:
    import aiosmtplib

# 334 comes from servers that hang up after it; the others: RFC 4954, section 6.
_TOKEN_REFUSED = (334, 534, 535)


async def open_line(account: Account) -> Line:
    """:raises SendingStoppedError: with what was wrong and its remedy.
    :raises SettingsError: a file the account names cannot be used, or its OAuth 2 client is not accepted."""
    if account.token is None:
        return await _open(account, None)
    token = await _token(account.token)
    try:
        return await _open(account, token)
    except SendingStoppedError as error:
        refused = error.outcome.stage == Stage.AUTH and error.outcome.code in _TOKEN_REFUSED
        if account.renew is None or not refused:
            raise
    # On a new connection: Microsoft 365 closes the one whose sign-in it refused.
    return await _open(account, await _token(partial(account.renew, token)))


async def _token(source: Callable[[], str]) -> str:
    try:
        return await asyncio.to_thread(source)
    except MailServerError as error:
        outcome = Outcome(OutcomeKind.UNUSABLE, Stage.AUTH, text=error.message)
        raise SendingStoppedError(error.message, error.remedy, outcome) from error


async def _open(account: Account, token: str | None) -> Line:
    import aiosmtplib

    tls = None if account.security is Security.PLAIN else _tls_context(account)
    client = aiosmtplib.SMTP(
        hostname=account.host,
        port=account.port,
        local_hostname=account.local_hostname,
        timeout=account.timeout,
        use_tls=account.security is Security.TLS,
        start_tls=False,
        tls_context=tls,
    )
    stage = Stage.STARTTLS if account.security is Security.TLS else Stage.CONNECT
    transport: asyncio.BaseTransport | None = None
    try:
        await client.connect()
        transport = client.transport
        stage = Stage.CONNECT
        await _greet(client)
        if account.security is Security.STARTTLS:
            stage = Stage.STARTTLS
            if not client.supports_extension("starttls"):
                raise unusable(account, Outcome(OutcomeKind.UNUSABLE, stage, text="STARTTLS is not offered"))
            await client.starttls()
            transport = client.transport
            await client.ehlo()
        stage = Stage.AUTH
        if token is not None:
            await client.auth_xoauth2(account.username or "", token)
        elif account.username is not None:
            await client.login(account.username, account.password or "")
    except (aiosmtplib.SMTPException, OSError, ValueError, UnicodeError) as error:
        await _abandon(client, transport)
        raise _cannot_open(account, stage, error) from error
    except BaseException:
        await _abandon(client, transport)
        raise
    assert isinstance(transport, asyncio.Transport)
    line = Line(transport, dict(client.esmtp_extensions), account)
    transport.set_protocol(line)
    # From here on the transport is the line's; the client is left to the garbage collector, unclosed.
    return line


async def _abandon(client: aiosmtplib.SMTP, transport: asyncio.BaseTransport | None) -> None:
    """Nothing is left open, also where the client has let go of its transport by itself."""
    transport = client.transport or transport
    client.close()
    if isinstance(transport, asyncio.Transport):
        transport.abort()
    for _ in range(3):  # the event loop closes the socket in one of its next turns
        await asyncio.sleep(0)


async def _greet(client: aiosmtplib.SMTP) -> None:
    import aiosmtplib

    try:
        await client.ehlo()
    except aiosmtplib.SMTPHeloError:
        if not client.is_connected:
            raise
        await client.helo()


def _tls_context(account: Account) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if account.ca_file is not None:
        try:
            context.load_verify_locations(account.ca_file)
        except OSError as error:
            raise SettingsError(
                f"The file of trusted certificates {account.ca_file} cannot be read: {error}.",
                "Give a file in PEM format.",
            ) from error
    return context


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def _cannot_open(account: Account, stage: Stage, error: Exception) -> SendingStoppedError:
    import aiosmtplib

    for cause in _causes(error):
        if isinstance(cause, aiosmtplib.SMTPResponseException):
            reply = Reply(cause.code, cause.message)
            return unusable(
                account, Outcome(OutcomeKind.UNUSABLE, stage, reply.code, reply.enhanced, reply.text)
            )
        if isinstance(cause, ssl.SSLError):
            return unusable(account, Outcome(OutcomeKind.UNUSABLE, Stage.STARTTLS, text=_tls_fault(cause)))
    return unusable(account, Outcome(OutcomeKind.UNUSABLE, stage, text=str(error)), error)


def _tls_fault(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate was not accepted: {error.verify_message}"
    return f"TLS failed: {error.reason or error}"


def unusable(account: Account, outcome: Outcome, error: BaseException | None = None) -> SendingStoppedError:
    """The error of a server that cannot be used, in words for whoever set up the account."""
    place = f"{account.host}:{account.port}"
    said = f"{outcome.code or ''} {' '.join(outcome.text.split())}".strip()
    causes = tuple(_causes(error)) if error is not None else ()
    names = [type(cause).__name__ for cause in causes]
    if outcome.stage == Stage.AUTH:
        if outcome.code is not None and outcome.code // 100 == 4:
            message, remedy = f"{place} put off the sign-in of {account.username}: {said}.", "Try later."
        else:
            message = f"{place} refused the sign-in of {account.username}: {said}."
            remedy = (
                "Check user name and password; Microsoft 365 and Google may want OAuth 2 or an app password."
                if account.token is None
                else "Check user name and scope, and that the mailbox lets this application send (Microsoft "
                "365: authenticated SMTP has to be allowed for it)."
            )
    elif outcome.stage in (Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.END_OF_DATA):
        message = f"{place} does not let this account send: {said}."
        remedy = "Check that the account may send as this address and has signed in as the server wants."
    elif "not offered" in outcome.text:
        message = f"{place} does not offer STARTTLS, and nothing was sent without encryption."
        remedy = 'Use the port for STARTTLS (usually 587), or security = "tls" (usually 465).'
    elif "certificate" in outcome.text:
        message = f"{place} is not who it says, or cannot prove it: {outcome.text}."
        remedy = "Check the host name; for an authority of your own, name its file in ca_file."
    elif outcome.stage == Stage.STARTTLS:
        message, remedy = (
            f"No encrypted connection to {place}: {said}.",
            "Check port and security (starttls, tls).",
        )
    elif "gaierror" in names:
        message, remedy = f"The mail server {account.host} has no address.", "Check the spelling of the host."
    elif "ConnectionRefusedError" in names:
        message = f"Nothing listens at {place}."
        remedy = "Check host and port, and that the server runs."
    elif isinstance(error, TimeoutError):
        message = f"{place} did not answer within {account.timeout:g} seconds."
        remedy = "Check host and port, and that no firewall stands between."
    elif outcome.code is not None:
        message, remedy = f"{place} turned us away: {said}.", "Try later, or ask the provider."
    else:
        message, remedy = f"{place} cannot be reached: {said}.", "Check host and port, or try later."
    return SendingStoppedError(message, remedy, outcome)
