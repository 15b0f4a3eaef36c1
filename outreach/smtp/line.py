"""One signed-in connection: message transactions, one after the other (RFC 5321, section 3.3).

To a server that offers PIPELINING (RFC 2920) MAIL, RCPT and DATA go in one write, and the group of the next
message directly behind the content of the one before: section 3.1 wants DATA last in its group, and allows the
content to be the first "command" of the next. So a message costs one round trip instead of four. All replies
are still read, each for its own command.

After a refused RCPT some servers take DATA all the same, and then section 3.1 has the client send a lone dot.
We close the connection instead: a server that is wrong about this might be wrong about the recipient, who
would get an empty mail. From then on DATA waits for the reply to RCPT there (:attr:`Line.data_in_group`).
"""

from __future__ import annotations

import asyncio
from collections import deque
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

#: Content up to so many bytes is given to the kernel together with its last dot, in one call.
_ONE_WRITE = 131_072
_STAGES = (Stage.MAIL, Stage.RCPT, Stage.DATA)
_GO_ON = [250, 250, 354]


@dataclass(slots=True)
class Parcel:
    """A mail as this connection takes it, and how far it has come."""

    mail: Mail
    content: bytes  # whole lines, dots doubled, without the last one
    commands: tuple[bytes, bytes, bytes]  # MAIL, RCPT, DATA
    behind: bool = False  # its group went out behind another's content
    stage: Stage = Stage.MAIL
    ended: bool = False  # the last dot may have left this machine
    given: int = 0  # how many of the commands went out

    def lost(self, why: str) -> Outcome:
        kind = OutcomeKind.LOST_AFTER if self.ended else OutcomeKind.LOST_BEFORE
        return Outcome(kind, self.stage, text=why)


class LineLostError(Exception):
    """The connection is gone, silent or talks nonsense; the text says which."""


class Line(asyncio.Protocol):
    """A signed-in connection: message transactions, one after the other.

    For each parcel of :meth:`prepare`: :meth:`begin` (unless it went behind another), :meth:`ask`, and when
    that gives ``None``, :meth:`hand_over`.
    """

    def __init__(self, transport: asyncio.Transport, extensions: dict[str, str], account: Account) -> None:
        self.extensions = extensions
        self.pipelining = "pipelining" in extensions
        self._eight_bit = "8bitmime" in extensions
        self.data_in_group = True
        self.sent = 0  # transactions begun
        self.usable = True
        self._transport = transport
        self._account = account
        self._reader = ReplyReader()
        self._replies: deque[Reply] = deque()
        self._owed = 0  # replies the server has yet to give, or we to read
        self._lost: str | None = None
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[None] | None = None
        self._closed: asyncio.Future[None] = self._loop.create_future()
        self._full = False
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def certificate(self) -> dict[str, Any] | None:
        """The server's, as :meth:`ssl.SSLSocket.getpeercert` gives it; ``None`` without TLS."""
        return self._transport.get_extra_info("peercert") or None

    # what the event loop calls

    def data_received(self, data: bytes) -> None:
        try:
            self._replies.extend(self._reader.feed(data))
        except GarbledReplyError as error:
            self._replies.extend(error.before)
            self._break(f"the server talks nonsense: {error}")
        if len(self._replies) > self._owed:
            # Nobody asked. A 421 says good-bye to an idle connection; anything else is a server out of step,
            # whose next "250" could be taken for the answer to something it never saw.
            self.usable = False
        self._wake()

    def eof_received(self) -> bool:
        self._break("the server closed the connection")
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._break(f"the connection was lost: {exc}" if exc else "the connection was closed")
        if self._timer is not None:
            self._timer.cancel()
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

    def prepare(self, mail: Mail) -> Parcel | Outcome:
        """The mail, ready for this server; or why it cannot take it: ``InputError`` of what makes the mail is
        about this one alone. What else it raises is raised."""
        try:
            data = mail.data
            if callable(data):
                data = data(self._eight_bit)
            if not mail.canonical:
                data = whole_lines(data)
            commands = self._commands(mail, data)
        except InputError as error:
            return Outcome(OutcomeKind.REFUSED, Stage.RCPT, text=str(error))
        if isinstance(commands, Outcome):
            return commands
        return Parcel(mail, data if mail.canonical else doubled_dots(data), commands)

    def begin(self, parcel: Parcel) -> None:
        """Give as many of the parcel's commands as may go in one group.

        :raises LineLostError:
        """
        self._write(self._group(parcel), parcel.given)

    async def ask(self, parcel: Parcel) -> Outcome | None:
        """``None``: the server waits for the content. Else it, or the recipient, was refused; the connection
        is ready for the next parcel if it is usable.

        :raises LineLostError:
        """
        said = self._replies
        if parcel.given == len(said) == len(_STAGES) and [reply.code for reply in said] == _GO_ON:
            self._owed -= len(
                said
            )  # as nearly always behind another's content: all is there, and all is well
            said.clear()
            parcel.stage = Stage.DATA
            return None
        refusal: Outcome | None = None
        reply: Reply | None = None
        for number, stage in enumerate(_STAGES):
            if number == parcel.given:
                if refusal is not None:
                    break
                self._write(parcel.commands[number], 1)
                parcel.given += 1
            if refusal is None:
                parcel.stage = stage
            try:
                reply = await self._reply(self._account.timeout)
            except LineLostError:
                if refusal is None:
                    raise
                self.abort()  # the first refusal is the answer; what came of the others is no matter
                return refusal
            if refusal is None and reply.code != (354 if stage is Stage.DATA else 250):
                outcome = outcome_of(stage, reply)
                self._after(outcome)
                if outcome.kind is not OutcomeKind.ACCEPTED:
                    refusal = outcome
                    if not self.usable:
                        self.abort()
                        return refusal
        if refusal is None:
            return None
        if reply is not None and parcel.given == len(_STAGES) and reply.code // 100 == 3:
            self.data_in_group = False
            self.abort()
            return refusal
        await self._reset()
        return refusal

    async def hand_over(self, parcel: Parcel, following: Parcel | None) -> Outcome:
        """Send the content with its last dot, and behind it the group of ``following``; what the server says
        to the content. Only for a parcel that was marked.

        :raises LineLostError: ``parcel.ended`` tells whether the message may have arrived.
        """
        end = b".\r\n"
        if following is not None:
            following.behind = True
            end += self._group(following)
        content = parcel.content
        if self._transport.get_write_buffer_size() or len(content) > _ONE_WRITE:
            # The last dot is written only when all before it has left: a server that stops reading, or goes
            # while the content is on its way, has certainly not taken the message.
            self._write(content, 0)
            await self._drained()
            content = b""
        if len(self._replies) > self._owed:  # no reply is due: 421, or a server out of step
            reply = self._replies.popleft()
            self.abort()
            outcome = outcome_of(Stage.DATA, reply)
            if outcome.kind is OutcomeKind.ACCEPTED:
                return parcel.lost(f"the server said {reply.code} before the message was whole")
            return outcome
        if self._lost is not None:
            raise LineLostError(self._lost)
        parcel.ended = True
        parcel.stage = Stage.END_OF_DATA
        self._write(content + end, 1 + (following.given if following is not None else 0))
        outcome = outcome_of(Stage.END_OF_DATA, await self._reply(self._account.final_timeout))
        self._after(outcome)
        return outcome

    def _group(self, parcel: Parcel) -> bytes:
        self.sent += 1
        parcel.given = 1 if not self.pipelining else 3 if self.data_in_group else 2
        return b"".join(parcel.commands[: parcel.given])

    def _commands(self, mail: Mail, data: bytes) -> tuple[bytes, bytes, bytes] | Outcome:
        """MAIL, RCPT and DATA, or why this server cannot take the message.

        :raises InputError: an address cannot be one.
        """
        sender, recipient = envelope_address(mail.sender), envelope_address(mail.recipient)
        parameters = ""
        if limit := self.extensions.get("size", ""):
            if limit.isdigit() and 0 < int(limit) < len(data):
                return _unsendable(f"The message has {len(data):,} bytes, the server takes {int(limit):,}.")
            parameters += f" SIZE={len(data)}"  # without doubled dots: RFC 1870, section 5
        if not data.isascii():
            if not self._eight_bit:
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
            f"MAIL FROM:<{sender}>{parameters}\r\n".encode(),
            f"RCPT TO:<{recipient}>\r\n".encode(),
            b"DATA\r\n",
        )

    def _after(self, outcome: Outcome) -> None:
        if outcome.code == 421 or outcome.kind in (OutcomeKind.LOST_BEFORE, OutcomeKind.LOST_AFTER):
            self.usable = False  # closing, or out of step

    async def _reset(self) -> None:
        """Leave the transaction; what the server says to that changes nothing about the message."""
        try:
            self._write(b"RSET\r\n", 1)
            if (await self._reply(self._account.timeout)).code // 100 != 2:
                self.usable = False
        except LineLostError:
            self.abort()

    def _write(self, data: bytes, replies: int) -> None:
        if self._lost is not None:
            raise LineLostError(self._lost)
        if len(self._replies) > self._owed:
            raise LineLostError(f"the server said {self._replies[-1].code} when nothing was asked")
        self._owed += replies
        self._transport.write(data)

    async def _reply(self, timeout: float) -> Reply:  # noqa: ASYNC109 - one deadline for the whole reply
        self._deadline = self._loop.time() + timeout
        while not self._replies:
            await self._news(f"the server did not answer within {timeout:g} seconds")
        self._owed -= 1
        return self._replies.popleft()

    async def _drained(self) -> None:
        """Until all that was written has left. A slow reader may take its time, one that stands still not."""
        self._transport.set_write_buffer_limits(high=0)
        seconds = self._account.timeout
        before = 0
        # (Under TLS the size is 0 as soon as all is encrypted: what is on its way then counts as sent.)
        while (left := self._transport.get_write_buffer_size()) and len(self._replies) <= self._owed:
            if left != before:
                before, self._deadline = left, self._loop.time() + seconds
            if not self._full:
                break
            with suppress(_LateError):
                await self._news(f"the server stopped reading: nothing left within {seconds:g} seconds")
                continue
            if self._transport.get_write_buffer_size() >= left:
                raise LineLostError(f"the server stopped reading: nothing left within {seconds:g} seconds")
        self._transport.set_write_buffer_limits()

    async def _news(self, otherwise: str) -> None:
        """Until something happens. What came before a loss still counts: the caller looks first."""
        if self._lost is not None:
            raise LineLostError(self._lost)
        # One timer for many waits: it looks at the deadline of the day when it rings.
        if self._timer is None or self._timer.when() > self._deadline:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_at(self._deadline, self._ring)
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        except TimeoutError:
            raise _LateError(otherwise) from None
        finally:
            self._waiter = None

    def _ring(self) -> None:
        self._timer = None
        if self._waiter is None or self._waiter.done():
            return
        if self._loop.time() >= self._deadline:
            self._waiter.set_exception(TimeoutError())
        else:
            self._timer = self._loop.call_at(self._deadline, self._ring)

    async def quit(self) -> None:
        """Leave politely if the connection still stands; never raises for a server that does not answer."""
        if self.usable and self._lost is None:
            with suppress(LineLostError):
                self._write(b"QUIT\r\n", 1)
                await self._reply(min(self._account.timeout, 5.0))
        self._transport.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._closed), 1.0)
            return
        self._transport.abort()

    def abort(self) -> None:
        self.usable = False
        self._transport.abort()


class _LateError(LineLostError):
    """Nothing happened in time."""


def _unsendable(why: str) -> Outcome:
    return Outcome(OutcomeKind.REFUSED, Stage.RCPT, text=why)
