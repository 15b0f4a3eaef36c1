"""A batch of mails over several kept connections: one worker each."""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from outreach.delivery.replies import Stage
from outreach.model.states import OutcomeKind
from outreach.model.values import Outcome
from outreach.smtp.account import Account, Mail, SendingStoppedError
from outreach.smtp.line import Line, Progress
from outreach.smtp.opening import open_line, unusable

log = logging.getLogger(__name__)


class PerMinute:
    """A pace for :func:`deliver`: so many messages a minute, evenly, in this process alone."""

    def __init__(self, messages: float) -> None:
        self._gap = 60.0 / messages
        self._next = 0.0

    def __call__(self) -> float | None:
        # A stop-watch, not the time of day: clock.now() may be moved.
        present = time.monotonic()
        if present < self._next:
            return self._next - present
        self._next = present + self._gap
        return 0.0


def deliver(
    account: Account,
    mails: Iterable[Mail],
    *,
    hand_over: Callable[[int], bool],
    finished: Callable[[int, Outcome], None],
    connections: int = 4,
    pace: Callable[[], float | None] | None = None,
    messages_per_connection: int = 500,
    reconnect_wait: float = 1.0,
) -> None:
    """Send ``mails`` over up to ``connections`` kept connections, and return when all are answered.

    All callbacks run in the calling thread, never two at once.

    :param mails: drawn one at a time, each when a connection is ready to send it, so it may render just in
        time and end when its time is up. A mail drawn for which neither ``hand_over`` nor ``finished`` was
        called is untouched: nothing of it was sent. This can only happen when this function raises.
    :param hand_over: called with the id when the recipient was accepted, before DATA. Has to mark the row
        durably and return whether the claim still holds; ``False`` leaves the message out, without outcome.
    :param finished: called with the id and the outcome as soon as it is known, exactly once for every mail
        begun and not left out. After a throttling answer it is for the caller to let ``pace`` wait: the
        gateway itself goes on.
    :param pace: asked before each draw: 0 to go, else seconds after which it is asked again; ``None`` draws
        no more. Giving 0 counts as taking the turn.
    :param messages_per_connection: then the connection is renewed.
    :param reconnect_wait: seconds before the first new attempt after a loss; doubled with each further one.
    :raises SendingStoppedError: no connection could be opened, the server refused the account or the sender,
        or connections were lost again and again with nothing accepted in between.
    :raises Exception: what ``mails`` or a callback raised, after the messages under way have their outcome.
    """
    if connections < 1 or messages_per_connection < 1:
        raise ValueError("connections and messages_per_connection have to be at least 1")
    run = _Run(
        account, iter(mails), hand_over, finished, connections, pace, messages_per_connection, reconnect_wait
    )
    asyncio.run(run.send())


@dataclass(frozen=True, slots=True)
class Visited:
    """What a server showed of itself to an account that signed in."""

    extensions: tuple[str, ...]  # in upper case
    certificate_ends: datetime | None  # UTC; None without TLS


def visit(account: Account) -> Visited:
    """Connect, start TLS and sign in, look around, and leave.

    :raises SendingStoppedError: with what was wrong and its remedy.
    """

    async def visit_once() -> Visited:
        line = await open_line(account)
        ends = line.certificate["notAfter"] if line.certificate else None
        await line.quit()
        return Visited(
            tuple(sorted(extension.upper() for extension in line.extensions)),
            datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC) if ends else None,
        )

    return asyncio.run(visit_once())


def check_sign_in(account: Account) -> tuple[str, ...]:
    """Connect, start TLS and sign in, then leave; the extensions the server offers, in upper case.

    :raises SendingStoppedError: with what was wrong and its remedy.
    """
    return visit(account).extensions


class _Run:
    """The workers of one :func:`deliver`, one a connection, and what they share."""

    def __init__(
        self,
        account: Account,
        mails: Iterator[Mail],
        hand_over: Callable[[int], bool],
        finished: Callable[[int, Outcome], None],
        connections: int,
        pace: Callable[[], float | None] | None,
        messages_per_connection: int,
        reconnect_wait: float,
    ) -> None:
        self._account = account
        self._mails = mails
        self._hand_over = hand_over
        self._finished = finished
        self._connections = connections
        self._pace = pace
        self._per_connection = messages_per_connection
        self._reconnect_wait = reconnect_wait
        self._put_back: deque[Mail] = deque()
        self._stopped = asyncio.Event()
        self._error: BaseException | None = None
        self._losses = 0  # connections lost in a row, over all workers, with nothing settled in between
        self._open_lines = 0
        self._connecting = 0
        self._connected = asyncio.Event()
        self._workers: set[asyncio.Task[None]] = set()

    async def send(self) -> None:
        # The first connection is opened before the first mail is drawn: a server that cannot be used touches
        # none. The others follow once there is a mail to send.
        self._start(await open_line(self._account))
        try:
            while self._workers:
                await asyncio.wait(self._workers, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            # An interruption: messages under way get the time of a usual reply to come to their end.
            self._stopped.set()
            _, late = await asyncio.wait(self._workers, timeout=5.0) if self._workers else (set(), set())
            for worker in late:
                worker.cancel()
            if late:
                await asyncio.wait(late)
            raise
        if self._error is not None:
            raise self._error

    def _start(self, line: Line | None) -> None:
        worker = asyncio.create_task(self._work(line))
        self._workers.add(worker)
        worker.add_done_callback(self._workers.discard)

    def _stop(self, error: BaseException) -> None:
        if self._error is None:
            self._error = error
        self._stopped.set()

    async def _work(self, line: Line | None) -> None:
        if line is not None:
            self._open_lines += 1
        try:
            while (mail := await self._draw(line)) is not None:
                if line is not None and line.sent == 0 and len(self._workers) == 1:
                    for _ in range(self._connections - 1):
                        self._start(None)
                if line is None or not line.usable or line.sent >= self._per_connection:
                    if line is not None:
                        self._open_lines -= 1
                        old, line = line, None
                        await old.quit()
                    line = await self._connect(mail)
                    if line is None:
                        return
                fresh = line.sent == 0
                outcome = await self._transact(line, mail)
                if outcome is None:
                    continue
                if outcome.kind is OutcomeKind.LOST_BEFORE and outcome.stage == Stage.MAIL and not fresh:
                    # The server closed a connection that had been idle: nothing of the message was sent.
                    self._put_back.append(mail)
                    continue
                self._settle(mail, outcome)
        except Exception as error:  # of the source or a callback: nothing more is begun
            self._stop(error)
        finally:
            if line is not None:
                self._open_lines -= 1
                await line.quit()

    async def _draw(self, line: Line | None) -> Mail | None:
        """The next mail for a worker that has ``line``; ``None``: its work is done."""
        while not self._stopped.is_set():
            if self._put_back:
                return self._put_back.popleft()
            wait = 0.0 if self._pace is None else self._pace()
            if wait is None:
                return await self._left_over(line)
            if wait <= 0:
                mail = next(self._mails, None)
                return mail if mail is not None else await self._left_over(line)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), wait)
        return None

    async def _left_over(self, line: Line | None) -> Mail | None:
        """A mail whose own worker got no connection: who has one stays until all the others have theirs."""
        while line is not None and line.usable and self._connecting and not self._stopped.is_set():
            self._connected.clear()
            await self._connected.wait()
            if self._put_back:
                return self._put_back.popleft()
        return None

    async def _connect(self, mail: Mail) -> Line | None:
        """A new connection; ``None`` when this worker has to end, and then ``mail`` is put back."""
        self._connecting += 1
        try:
            if self._losses:
                await asyncio.sleep(min(self._reconnect_wait * 2 ** (self._losses - 1), 30.0))
            if not self._stopped.is_set():
                line = await open_line(self._account)
                self._open_lines += 1
                return line
        except SendingStoppedError as error:
            if self._open_lines:
                # Servers limit connections (Microsoft 365: three): the ones that stand go on.
                log.warning("Sending goes on with connections: %d. %s", self._open_lines, error)
            else:
                self._stop(error)
        finally:
            self._connecting -= 1
            self._connected.set()
        self._put_back.append(mail)
        return None

    async def _transact(self, line: Line, mail: Mail) -> Outcome | None:
        progress = Progress()
        try:
            return await line.transact(mail, self._hand_over, progress)
        except asyncio.CancelledError:
            line.abort()
            self._finished(mail.id, progress.lost("interrupted"))
            raise
        except BaseException:
            # hand_over failed: DATA was not given, so nothing was sent.
            line.abort()
            self._finished(mail.id, progress.lost("the message could not be marked"))
            raise

    def _settle(self, mail: Mail, outcome: Outcome) -> None:
        self._finished(mail.id, outcome)
        if outcome.kind in (OutcomeKind.LOST_BEFORE, OutcomeKind.LOST_AFTER) or outcome.code == 421:
            self._losses += 1
            if self._losses >= 2 + self._connections:
                self._stop(
                    SendingStoppedError(
                        f"{self._account.host} broke the connection {self._losses} times in a row "
                        f"({outcome.text or 'no reason given'}).",
                        "Try later; if it goes on, use fewer connections or ask the provider.",
                        outcome,
                    )
                )
        else:
            self._losses = 0
        if outcome.kind is OutcomeKind.UNUSABLE:
            self._stop(unusable(self._account, outcome))
