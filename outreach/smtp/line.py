"""One signed-in connection: message transactions, one after the other (RFC 5321, section 3.3)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from outreach.delivery.headers import envelope_address
from outreach.delivery.replies import (
    GarbledReplyError,
    Reply,
    ReplyReader,
    Stage,
    doubled_dots,
    outcome_of,
    whole_lines,
)
from outreach.errors import InputError
from outreach.model.states import OutcomeKind
from outreach.model.values import Outcome
from outreach.smtp.account import Account, Mail


@dataclass(slots=True)
class Progress:
    """How far the message under way has come; readable when everything else broke off."""

    stage: Stage = Stage.MAIL
    ended: bool = False  # the last dot may have left this machine

    def lost(self, why: str) -> Outcome:
        kind = OutcomeKind.LOST_AFTER if self.ended else OutcomeKind.LOST_BEFORE
        return Outcome(kind, self.stage, text=why)


class LineLostError(Exception):
    """The connection is gone, silent or talks nonsense; the text says which."""


class Line(asyncio.Protocol):
    """A signed-in connection: message transactions, one after the other."""

    def __init__(self, transport: asyncio.Transport, extensions: dict[str, str], account: Account) -> None:
        self.extensions = extensions
        self.sent = 0  # transactions begun
        self.usable = True
        self._transport = transport
        self._account = account
        self._reader = ReplyReader()
        self._replies: deque[Reply] = deque()
        self._lost: str | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._full = False

    @property
    def certificate(self) -> dict[str, Any] | None:
        """The server's, as :meth:`ssl.SSLSocket.getpeercert` gives it; ``None`` without TLS."""
        return self._transport.get_extra_info("peercert") or None

    # what the event loop calls

    def data_received(self, data: bytes) -> None:
        try:
            self._replies.extend(self._reader.feed(data))
        except GarbledReplyError as error:
            self._break(f"the server talks nonsense: {error}")
        if self._waiter is None and self._replies:
            # Nobody asked. A 421 says good-bye to an idle connection; anything else is a server out of step,
            # whose next "250" could be taken for the answer to something it never saw.
            self.usable = False
        self._wake()

    def eof_received(self) -> bool:
        self._break("the server closed the connection")
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._break(f"the connection was lost: {exc}" if exc else "the connection was closed")
        if not self._closed.done():
            self._closed.set_result(None)

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self._wake()

    def _break(self, why: str) -> None:
        self.usable = False
        self._lost = self._lost or why
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # what the worker calls

    async def transact(
        self, mail: Mail, hand_over: Callable[[int], bool], progress: Progress
    ) -> Outcome | None:
        """One message. ``None``: the claim was lost. After a refusal the connection is ready for the next."""
        try:
            data = whole_lines(mail.data)
            envelope = self._envelope(mail, data)
        except InputError as error:
            return Outcome(OutcomeKind.REFUSED, Stage.RCPT, text=str(error))
        if isinstance(envelope, Outcome):
            return envelope
        self.sent += 1
        try:
            for stage, command in envelope:
                progress.stage = stage
                outcome = await self._command(stage, command)
                if outcome.kind is not OutcomeKind.ACCEPTED:
                    return await self._reset(outcome)
            if not hand_over(mail.id):
                await self._reset(None)
                return None
            progress.stage = Stage.DATA
            outcome = await self._command(Stage.DATA, b"DATA")
            if outcome.kind is not OutcomeKind.ACCEPTED:
                return await self._reset(outcome)
            return await self._content(doubled_dots(data), progress)
        except LineLostError as error:
            self.abort()
            return progress.lost(str(error))

    def _envelope(self, mail: Mail, data: bytes) -> tuple[tuple[Stage, bytes], ...] | Outcome:
        """MAIL and RCPT, or why this server cannot take the message.

        :raises InputError: an address cannot be one.
        """
        sender, recipient = envelope_address(mail.sender), envelope_address(mail.recipient)
        parameters = ""
        if limit := self.extensions.get("size", ""):
            if limit.isdigit() and 0 < int(limit) < len(data):
                return _unsendable(f"The message has {len(data):,} bytes, the server takes {int(limit):,}.")
            parameters += f" SIZE={len(data)}"  # without doubled dots: RFC 1870, section 5
        if not data.isascii():
            if "8bitmime" not in self.extensions:
                return _unsendable("The message has 8-bit text and the server does not offer 8BITMIME.")
            parameters += " BODY=8BITMIME"
        if not (sender.isascii() and recipient.isascii()):
            if "smtputf8" not in self.extensions:
                return _unsendable(
                    f"The address {recipient if sender.isascii() else sender} has letters before the @ that "
                    "only a server with SMTPUTF8 takes, and this one does not offer it."
                )
            parameters += " SMTPUTF8"
        return (
            (Stage.MAIL, f"MAIL FROM:<{sender}>{parameters}".encode()),
            (Stage.RCPT, f"RCPT TO:<{recipient}>".encode()),
        )

    async def _content(self, data: bytes, progress: Progress) -> Outcome:
        # The last dot is written only when all before it has left: a server that stops reading, or goes while
        # the content is on its way, has certainly not taken the message.
        self._write(data)
        await self._drained()
        if self._replies:  # before the end of DATA no reply is due: 421, or a server out of step
            reply = self._replies.popleft()
            self.abort()
            outcome = outcome_of(Stage.DATA, reply)
            if outcome.kind is OutcomeKind.ACCEPTED:
                return progress.lost(f"the server said {reply.code} before the message was whole")
            return outcome
        if self._lost is not None:
            raise LineLostError(self._lost)
        progress.ended = True
        progress.stage = Stage.END_OF_DATA
        self._write(b".\r\n")
        outcome = outcome_of(Stage.END_OF_DATA, await self._reply(self._account.final_timeout))
        self._after(outcome)
        return outcome

    async def _command(self, stage: Stage, command: bytes) -> Outcome:
        self._write(command + b"\r\n")
        outcome = outcome_of(stage, await self._reply(self._account.timeout))
        self._after(outcome)
        return outcome

    def _after(self, outcome: Outcome) -> None:
        if outcome.code == 421 or outcome.kind in (OutcomeKind.LOST_BEFORE, OutcomeKind.LOST_AFTER):
            self.usable = False  # closing, or out of step

    async def _reset(self, outcome: Outcome | None) -> Outcome | None:
        """Leaves the transaction; what RSET does cannot change ``outcome`` any more."""
        if self.usable:
            try:
                self._write(b"RSET\r\n")
                if (await self._reply(self._account.timeout)).code // 100 != 2:
                    self.usable = False
            except LineLostError:
                self.abort()
        return outcome

    def _write(self, data: bytes) -> None:
        if self._lost is not None:
            raise LineLostError(self._lost)
        if self._replies:
            raise LineLostError(f"the server said {self._replies[0].code} when nothing was asked")
        self._transport.write(data)

    async def _reply(self, timeout: float) -> Reply:  # noqa: ASYNC109 - one deadline for the whole reply
        await self._wait(lambda: bool(self._replies), timeout, "the server did not answer")
        return self._replies.popleft()

    async def _drained(self) -> None:
        """Until all that was written has left. A slow reader may take its time, one that stands still not."""
        self._transport.set_write_buffer_limits(high=0)
        while left := self._transport.get_write_buffer_size():
            try:
                await self._wait(
                    lambda: not self._full or bool(self._replies),
                    self._account.timeout,
                    "the server stopped reading: nothing left",
                )
                break
            except LineLostError:
                if self._lost is not None or self._transport.get_write_buffer_size() >= left:
                    raise
        self._transport.set_write_buffer_limits()

    async def _wait(self, ready: Callable[[], bool], seconds: float, otherwise: str) -> None:
        """Until ``ready``, or :class:`LineLostError`. What came before a loss still counts."""
        try:
            async with asyncio.timeout(seconds):
                while not ready():
                    if self._lost is not None:
                        raise LineLostError(self._lost)
                    self._waiter = asyncio.get_running_loop().create_future()
                    await self._waiter
        except TimeoutError:
            raise LineLostError(f"{otherwise} within {seconds:g} seconds") from None
        finally:
            self._waiter = None

    async def quit(self) -> None:
        """Leave politely if the connection still stands; never raises for a server that does not answer."""
        if self.usable and self._lost is None:
            with suppress(LineLostError):
                self._write(b"QUIT\r\n")
                await self._reply(min(self._account.timeout, 5.0))
        self._transport.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._closed), 1.0)
            return
        self._transport.abort()

    def abort(self) -> None:
        self.usable = False
        self._transport.abort()


def _unsendable(why: str) -> Outcome:
    return Outcome(OutcomeKind.REFUSED, Stage.RCPT, text=why)
