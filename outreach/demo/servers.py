"""An SMTP and an IMAP server inside this process, on loopback, for ``outreach demo``.

Both run in one background thread and speak over real sockets, so that everything else works as with a
provider. What arrives by SMTP for a mailbox can be read there by IMAP; everything else is handed to the
demo's municipalities. Nothing leaves the machine: other names than ``.example`` and ``.test`` are refused.
The time of arrival is that of :mod:`outreach.clock`, which the demo moves.
"""

from __future__ import annotations

import asyncio
import threading
from argparse import Namespace
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, TypeVar
from uuid import uuid4

from aiosmtpd.smtp import SMTP, Envelope, Session
from proxyprotocol.sock import SocketInfoLocal
from pymap.backend.dict import Config, Identity, Login
from pymap.concurrent import Subsystem
from pymap.imap import IMAPServer
from pymap.parsing.message import AppendMessage
from pymap.user import UserMetadata
from pysasl.hashing import Cleartext

from outreach import clock
from outreach.errors import OutreachError

OnRcpt = Callable[[str], str | None]
OnMail = Callable[[str, str, bytes], str | None]

_T = TypeVar("_T")
_MAXIMUM = 35 << 20  # bytes of a message


def _accept_address(address: str) -> str | None:
    return None


def _accept_mail(sender: str, recipient: str, data: bytes) -> str | None:
    return None


class EmbeddedServers:
    """The two running servers; use it as a context manager.

    ``on_rcpt(address)`` is asked for each recipient that has no mailbox, and ``on_mail(sender, recipient,
    data)`` gets each message to one: ``sender`` of the envelope (empty for delivery reports), ``data`` as it
    was sent. Both return None to accept, or the reply that refuses, as ``"550 5.1.1 No such mailbox"``.
    ``on_rcpt`` must be quick. ``on_mail`` runs in a thread of its own, one call at a time, and may send mail
    to mailboxes of these servers by SMTP. What they raise becomes a 451.
    """

    host = "127.0.0.1"

    def __init__(self, on_rcpt: OnRcpt = _accept_address, on_mail: OnMail = _accept_mail) -> None:
        self.smtp_port = 0
        self.imap_port = 0
        self._on_rcpt = on_rcpt
        self._on_mail = on_mail
        self._mailboxes: set[str] = set()
        self._calls = ThreadPoolExecutor(1, thread_name_prefix="demo-municipalities")
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._problem: BaseException | None = None
        self._closing: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._work, name="demo-servers", daemon=True)
        self._transports: set[asyncio.BaseTransport] = set()
        self._login = Login(_config())

    def __enter__(self) -> EmbeddedServers:
        self._thread.start()
        self._ready.wait()
        if self._problem is not None:
            raise OutreachError(
                f"The demo's mail servers could not start ({self._problem}).",
                "Check that this machine has a loopback interface, 127.0.0.1.",
            ) from self._problem
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._calls.shutdown(wait=True)
        assert self._closing is not None
        self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join()

    def add_mailbox(self, address: str, password: str) -> None:
        """A mailbox whose user name is ``address``; its ``+`` addresses reach it too."""
        address = address.lower()

        async def add() -> None:
            config = self._login.config
            self._login.users_dict[address] = UserMetadata(config, address, password=password)
            self._mailboxes.add(address)

        self._wait(add())

    def count(self, address: str) -> int:
        """How many messages the inbox of ``address`` holds."""

        async def count() -> int:
            inbox = await self._inbox(address.lower())
            found: int = (await inbox.snapshot()).exists
            return found

        return self._wait(count())

    def _wait(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    def _work(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._serve())
        except BaseException as error:
            self._problem = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._closing = asyncio.Event()
        smtp = await self._loop.create_server(self._new_smtp, self.host, 0)
        imap = await asyncio.start_server(self._meet_imap, self.host, 0)
        self.smtp_port = smtp.sockets[0].getsockname()[1]
        self.imap_port = imap.sockets[0].getsockname()[1]
        self._ready.set()
        await self._closing.wait()
        smtp.close()
        imap.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for transport in self._transports:
            transport.close()
        await asyncio.sleep(0)  # closed transports let go of their sockets on the next turn

    async def _inbox(self, address: str) -> Any:
        identity = Identity(address, self._login, None, frozenset())
        async with identity.new_session() as session:
            return await session.mailbox_set.get_mailbox("INBOX")

    # SMTP

    def _new_smtp(self) -> SMTP:
        return _Smtp(
            self._transports, self, hostname="demo.example", data_size_limit=_MAXIMUM, loop=self._loop
        )

    def _mailbox(self, address: str) -> str | None:
        """The mailbox that ``address`` reaches."""
        local, _, domain = address.lower().rpartition("@")
        plain = f"{local.partition('+')[0]}@{domain}"
        return next((known for known in (address.lower(), plain) if known in self._mailboxes), None)

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Called by aiosmtpd for each RCPT."""
        if self._mailbox(address) is None:
            if not address.lower().rpartition("@")[2].endswith((".example", ".test")):
                return "550 5.7.1 Nothing leaves this machine"
            try:
                refusal = self._on_rcpt(address)
            except Exception as error:
                refusal = _trouble(error)
            if refusal:
                return refusal
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Called by aiosmtpd with each whole message."""
        data = envelope.content
        assert isinstance(data, bytes)
        sender = envelope.mail_from or ""
        for recipient in envelope.rcpt_tos:
            mailbox = self._mailbox(recipient)
            if mailbox is not None:
                await self._deliver(mailbox, b"Return-Path: <%s>\r\n" % sender.encode() + data)
                continue
            try:
                refusal = await self._loop.run_in_executor(
                    self._calls, self._on_mail, sender, recipient, data
                )
            except Exception as error:
                refusal = _trouble(error)
            if refusal:
                return refusal
        return "250 2.0.0 OK"

    async def _deliver(self, mailbox: str, raw: bytes) -> None:
        inbox = await self._inbox(mailbox)
        await inbox.append(AppendMessage(raw, clock.now()), recent=True)

    # IMAP

    async def _meet_imap(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # pymap's own callback starts a task that nothing holds on to, and which may vanish half-way.
        self._transports.add(writer.transport)
        try:
            config = self._login.config
            config.apply_context()
            await IMAPServer(self._login, config)(
                reader, writer, SocketInfoLocal(writer, unique_id=uuid4().bytes)
            )
        except (ConnectionError, asyncio.CancelledError):
            pass  # the client went away; or the end of the demo
        finally:
            writer.close()
            self._transports.discard(writer.transport)


class _Smtp(SMTP):
    """aiosmtpd's protocol, which can be closed from outside."""

    def __init__(
        self, transports: set[asyncio.BaseTransport], handler: EmbeddedServers, **options: Any
    ) -> None:
        super().__init__(handler, **options)
        self._transports = transports

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transports.add(transport)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._transports.discard(self.transport)
        super().connection_lost(error)


class _Config(Config):
    @property
    def greeting(self) -> bytes:
        """Without pymap's search for the machine's own name, which can take seconds."""
        return b"demo.example ready"


def _config() -> _Config:
    return _Config(
        Namespace(passlib_cfg=None, proxy_protocol=None),
        host=None,
        port=0,
        demo_data=False,
        demo_user="",
        demo_password="",
        tls_enabled=False,
        hash_context=Cleartext(),  # passwords of an hour, in memory
        cpu_subsystem=Subsystem.for_asyncio(),
        invalid_user_sleep=0.0,
        max_append_len=_MAXIMUM,
    )


def _trouble(error: Exception) -> str:
    words = " ".join(f"{type(error).__name__} {error}".split()).encode("ascii", "replace").decode()
    return f"451 4.3.0 {words[:200]}"
