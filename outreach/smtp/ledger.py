"""What has to be durable before a message may go, and what came of it, written down for several at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Sequence

from outreach.model.values import Outcome

#: Seconds: much less than any server needs for a message, much more than ours needs for one.
_MOMENT = 0.001
#: Where writing takes longer (a database on another machine), as long as that took the last time, but not more.
_LONGEST = 0.02
#: See :func:`outreach.smtp.batch.deliver`.
Record = Callable[[Sequence[int], Sequence[tuple[int, Outcome]]], Collection[int]]


class Ledger:
    """What the workers of a run have to write down, together for all that comes up at about the same time.

    A commit costs nearly the same for one row as for ten, so while connections are busy elsewhere it waits
    a moment for theirs (:data:`_MOMENT`). Whatever waits, the dot of its message waits with it.
    """

    def __init__(
        self, record: Record, failed: Callable[[BaseException], None], lines: Callable[[], int]
    ) -> None:
        self._record = record
        self._lines = lines
        self._failed = failed
        self._marks: list[tuple[int, asyncio.Future[bool]]] = []
        self._finished: list[tuple[int, Outcome]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._is_due = False
        self._moment = _MOMENT

    def finish(self, id_: int, outcome: Outcome) -> None:
        self._finished.append((id_, outcome))
        self._soon()

    async def hand_over(self, id_: int) -> bool:
        """Whether the row is marked, durably, and the message may go. Raises what ``record`` raised."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[bool] = loop.create_future()
        self._marks.append((id_, future))
        self._soon()
        return await future

    def close(self) -> None:
        """Write down what is left; raises what ``record`` raises."""
        marks, self._marks = self._marks, []
        for _, future in marks:
            future.cancel()
        if self._finished:
            finished, self._finished = self._finished, []
            self._record([], finished)

    def _soon(self) -> None:
        if self._is_due:
            return
        loop = asyncio.get_running_loop()
        if max(len(self._marks), len(self._finished)) >= self._lines():
            self._is_due = True
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            loop.call_soon(self._write)
        elif self._timer is None:
            self._timer = loop.call_later(self._moment, self._write)

    def _write(self) -> None:
        self._is_due = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        marks, self._marks = self._marks, []
        marks = [(id_, future) for id_, future in marks if not future.done()]  # its worker may have gone
        finished, self._finished = self._finished, []
        if not marks and not finished:
            return
        begun = time.perf_counter()
        try:
            held = self._record([id_ for id_, _ in marks], finished)
        except BaseException as error:
            self._finished = finished + self._finished
            self._failed(error)
            for _, future in marks:
                future.set_exception(NotMarkedError())
            return
        self._moment = min(max(_MOMENT, time.perf_counter() - begun), _LONGEST)
        for id_, future in marks:
            future.set_result(id_ in held)


class NotMarkedError(Exception):
    """The row could not be marked; why is known to the run."""
