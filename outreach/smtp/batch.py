"""A batch of mails over several kept connections: one worker each."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress

from outreach.delivery.replies import Stage
from outreach.model.states import OutcomeKind
from outreach.model.values import Outcome
from outreach.smtp.account import Account, Mail, SendingStoppedError
from outreach.smtp.ledger import Ledger, NotMarkedError, Record
from outreach.smtp.line import Line, LineLostError, Parcel
from outreach.smtp.opening import open_line, unusable

log = logging.getLogger(__name__)


def deliver(
    account: Account,
    mails: Iterable[Mail],
    *,
    record: Record,
    connections: int = 4,
    pace: Callable[[], float | None] | None = None,
    messages_per_connection: int = 500,
    reconnect_wait: float = 1.0,
) -> None:
    """Send ``mails`` over up to ``connections`` kept connections, and return when all are answered.

    All callbacks run in the calling thread, never two at once.

    :param mails: drawn one at a time, each when a connection is ready to send it, so it may render just in
        time and end when its time is up. A mail drawn whose id ``record`` was given neither way is untouched:
        nothing of its content was sent. This can only happen when this function raises.
    :param record: called as ``record(handing_over, finished)`` with what several connections have to write
        down at the same moment, as one transaction.

        ``handing_over`` are the ids whose last dot may go out next: it has to mark their rows durably and
        return those whose claim still holds. The others are left out, without outcome.

        ``finished`` are ids with their outcomes, as soon as they are known, exactly once for every mail begun
        and not left out. After a throttling answer it is for the caller to let ``pace`` wait: the gateway
        itself goes on. Behind a message that is under way one more may have begun on the same connection.

        When it raises, nothing may have been written; the outcomes are given once more at the end.
    :param pace: asked before each draw: 0 to go, else seconds after which it is asked again; ``None`` draws
        no more. Giving 0 counts as taking the turn.
    :param messages_per_connection: then the connection is renewed.
    :param reconnect_wait: seconds before the first new attempt after a loss; doubled with each further one.
    :raises SendingStoppedError: no connection could be opened, the server refused the account or the sender,
        or connections were lost again and again with nothing accepted in between.
    :raises Exception: what ``mails``, the making of one, or a callback raised, after the messages under way have
        their outcome.
    """
    if connections < 1 or messages_per_connection < 1:
        raise ValueError("connections and messages_per_connection have to be at least 1")
    run = _Run(account, iter(mails), record, connections, pace, messages_per_connection, reconnect_wait)
    asyncio.run(run.send())


def send_unrecorded(account: Account, mails: Iterable[Mail]) -> list[Outcome]:
    """Send a few mails that no outbox knows (tests, probes) over one connection; their outcomes as they came.

    :raises SendingStoppedError: as :func:`deliver`.
    """
    outcomes: list[Outcome] = []

    def record(handing_over: Sequence[int], finished: Sequence[tuple[int, Outcome]]) -> Sequence[int]:
        outcomes.extend(outcome for _, outcome in finished)
        return handing_over

    deliver(account, mails, record=record, connections=1)
    return outcomes


class _Run:
    """The workers of one :func:`deliver`, one a connection, and what they share."""

    def __init__(
        self,
        account: Account,
        mails: Iterator[Mail],
        record: Record,
        connections: int,
        pace: Callable[[], float | None] | None,
        messages_per_connection: int,
        reconnect_wait: float,
    ) -> None:
        self._account = account
        self._mails = mails
        self._ledger = Ledger(record, self._stop, lambda: self._open_lines)
        self._connections = connections
        self._pace = pace
        self._not_before = 0.0  # by time.monotonic(): the pace is not asked again sooner
        self._drawn_out = False  # there is no further mail, or the pace lets none go
        self._per_connection = messages_per_connection
        self._reconnect_wait = reconnect_wait
        self._put_back: deque[Mail] = deque()
        self._stopped = asyncio.Event()
        self._error: BaseException | None = None
        self._losses = 0  # connections lost in a row, over all workers, with nothing settled in between
        self._data_in_group = True  # until the server shows that it cannot be trusted with that
        self._open_lines = 0
        self._connecting = 0
        self._connected = asyncio.Event()
        self._workers: set[asyncio.Task[None]] = set()

    async def send(self) -> None:
        # The first connection is opened before the first mail is drawn: a server that cannot be used touches
        # none. The others follow once there is a mail to send.
        self._start(await open_line(self._account))
        try:
            await self._until_done()
        finally:
            if self._error is None:
                self._ledger.close()
            else:
                with suppress(Exception):  # the first error tells more
                    self._ledger.close()
        if self._error is not None:
            raise self._error

    async def _until_done(self) -> None:
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
        parcel: Parcel | None = None  # one whose group went out behind another's content
        try:
            while True:
                if parcel is None or line is None:
                    mail = await self._draw(line)
                    if mail is None:
                        return
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
                    prepared = line.prepare(mail)
                    if isinstance(prepared, Outcome):
                        self._settle(mail, prepared)
                        continue
                    parcel = prepared
                parcel = await self._transact(line, parcel)
                if parcel is not None and (self._error is not None or not line.usable):
                    # Nothing of its content was sent: it goes over another connection.
                    self._put_back.append(parcel.mail)
                    parcel = None
                    line.abort()
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
            wait = self._turn()
            if wait is None:
                return await self._left_over(line)
            if wait <= 0:
                mail = next(self._mails, None)
                if mail is not None:
                    return mail
                self._drawn_out = True
            else:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopped.wait(), wait)
        return None

    def _draw_behind(self, line: Line) -> Parcel | None:
        """A mail that can go at once, behind the one under way on ``line``."""
        while line.pipelining and line.usable and line.sent < self._per_connection:
            if self._stopped.is_set():
                break
            try:
                if self._put_back:
                    mail = self._put_back.popleft()
                else:
                    if self._turn() != 0:
                        break
                    drawn = next(self._mails, None)
                    if drawn is None:
                        self._drawn_out = True
                        break
                    mail = drawn
                prepared = line.prepare(mail)
            except Exception as error:  # the one under way comes to its end all the same
                self._stop(error)
                break
            if isinstance(prepared, Parcel):
                return prepared
            self._settle(mail, prepared)
        return None

    def _turn(self) -> float | None:
        """What the pace says: 0 to go, seconds to wait, ``None`` to end."""
        if self._drawn_out:
            return None
        if self._pace is None:
            return 0.0
        wait = self._not_before - time.monotonic()
        if wait <= 0:
            asked = self._pace()
            if asked is None:
                self._drawn_out = True
                return None
            wait = max(asked, 0.0)
            self._not_before = time.monotonic() + wait
        return wait

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
                line.data_in_group = self._data_in_group
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

    async def _transact(self, line: Line, parcel: Parcel) -> Parcel | None:
        """One message from its commands to its outcome; the parcel that was begun behind it, if any."""
        following: Parcel | None = None
        fresh = line.sent == 0
        outcome: Outcome | None
        try:
            try:
                if not parcel.given:
                    line.begin(parcel)
                outcome = await line.ask(parcel)
                self._data_in_group &= line.data_in_group
                if outcome is None:
                    following = self._draw_behind(line)
                    if not await self._ledger.hand_over(parcel.mail.id):
                        line.abort()  # after DATA there is no other way to leave a message out
                        return following
                    outcome = await line.hand_over(parcel, following)
            except LineLostError as error:
                line.abort()
                outcome = parcel.lost(str(error))
        except BaseException as error:
            # Not marked, or interrupted: what is not marked was not sent.
            line.abort()
            why = "interrupted" if isinstance(error, asyncio.CancelledError) else "it could not be marked"
            self._ledger.finish(parcel.mail.id, parcel.lost(why))
            if isinstance(error, NotMarkedError):
                return following
            raise
        if outcome.stage == Stage.MAIL and not fresh:
            lost = outcome.kind is OutcomeKind.LOST_BEFORE
            if lost or (outcome.code == 421 and parcel.behind):
                # The server closed a connection that had been idle, or has had enough messages on it, and
                # nothing of this one was sent.
                line.abort()
                self._put_back.append(parcel.mail)
                return following
        self._settle(parcel.mail, outcome)
        return following

    def _settle(self, mail: Mail, outcome: Outcome) -> None:
        self._ledger.finish(mail.id, outcome)
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
