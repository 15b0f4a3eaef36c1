"""An SMTP server that keeps account of what it accepted, and misbehaves as a test asks.

What counts as accepted: the final dot of DATA arrived and the server took responsibility, that is, the
message stands in the account before the 250 is written. A client that dies without having read that reply
has sent the message all the same (RFC 5321, section 4.1.1.4, and RFC 1047): exactly the case that must not
make it send a second time.

The server lives in a thread of the test's own process and outlives a sender that is killed; every accepted
message is also one JSON line in a file.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

_MESSAGE_ID = re.compile(rb"^Message-ID:\s*(<[^>\r\n]*>)", re.IGNORECASE | re.MULTILINE)
_ADDRESS = re.compile(r"<([^>]*)>")


@dataclass(frozen=True, slots=True)
class Accepted:
    """One message the sink took responsibility for."""

    message_id: str  # with its angle brackets; empty when the message has none
    sender: str  # of the envelope
    recipients: tuple[str, ...]  # those that were accepted at RCPT
    raw: bytes  # as sent, without dot-stuffing
    at: float = field(default_factory=time.monotonic)


@dataclass
class Behaviour:
    """How the sink answers; set its attributes at any time, also while it runs."""

    # Asked with the address of a RCPT; a reply as "550 5.1.1 unknown" refuses it, None accepts.
    on_rcpt: Callable[[str], str | None] = field(default=lambda address: None)
    # Asked with a whole message; a reply as "451 4.3.0 later" refuses it, None accepts.
    on_data: Callable[[bytes], str | None] = field(default=lambda raw: None)
    # Seconds between taking responsibility and the 250: the time in which the client cannot know.
    reply_delay: float = 0.0
    # The next so many messages are accepted and the connection is closed instead of the 250.
    drop_after_data: int = 0
    # The next so many messages are thrown away and the connection is closed before the final dot is read.
    drop_during_data: int = 0
    # The next so many connections are greeted with 421 and closed.
    refuse_connections: int = 0
    pipelining: bool = True


class Sink:
    """The running server; use it as a context manager."""

    host = "127.0.0.1"

    def __init__(self, account: Path) -> None:
        self.behaviour = Behaviour()
        self.port = 0
        self.account = account  # the file of JSON lines
        self.connections = 0  # opened since the start
        self.open = 0  # connections now
        self.most_open = 0  # at once, since the start
        self.commands: list[str] = []  # the verbs received since the start, over all connections
        self._accepted: list[Accepted] = []
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._work, name="smtp-sink", daemon=True)

    def __enter__(self) -> Sink:
        self._thread.start()
        if not self._ready.wait(10):
            raise TimeoutError("the sink did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._stop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def accepted(self) -> list[Accepted]:
        """All messages accepted so far, oldest first."""
        with self._lock:
            return list(self._accepted)

    def message_ids(self) -> Counter[str]:
        """How many times each Message-ID was accepted: anything above 1 is a second mail."""
        return Counter(message.message_id for message in self.accepted())

    def wait(self, count: int, timeout: float = 15.0) -> list[Accepted]:
        """Wait until at least ``count`` messages were accepted and return them all."""
        end = time.monotonic() + timeout
        while len(found := self.accepted()) < count:
            if time.monotonic() > end:
                raise TimeoutError(f"the sink has {len(found)} of {count} messages after {timeout:g} s")
            time.sleep(0.002)
        return found

    def clear(self) -> None:
        """Forget what was accepted, the file too, and behave well again."""
        with self._lock:
            self._accepted.clear()
            self.account.write_bytes(b"")
        self.commands.clear()
        self.most_open = self.open
        self.behaviour = Behaviour()

    def _work(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        self._talks: set[asyncio.Task[None]] = set()
        server = await asyncio.start_server(self._meet, self.host, 0, limit=1 << 20)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for talk in self._talks:
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._talks.add(task)
        self.connections += 1
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            await _Talk(self, reader, writer).run()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # a client that was killed; or the end of the test
        finally:
            self.open -= 1
            self._talks.discard(task)
            writer.close()

    def _take(self, message: Accepted) -> None:
        line = {
            "message_id": message.message_id,
            "sender": message.sender,
            "recipients": message.recipients,
            "size": len(message.raw),
        }
        with self._lock:
            self._accepted.append(message)
            with self.account.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")


class _Talk:
    """One connection."""

    def __init__(self, sink: Sink, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.sink, self.reader, self.writer = sink, reader, writer
        self.sender: str | None = None
        self.recipients: list[str] = []

    async def run(self) -> None:
        behaviour = self.sink.behaviour
        if behaviour.refuse_connections > 0:
            behaviour.refuse_connections -= 1
            await self.reply("421 4.3.2 sink.example is closing")
            return
        await self.reply("220 sink.example ESMTP")
        while line := await self.reader.readline():
            if not await self.obey(line.decode("utf-8", "replace").rstrip("\r\n")):
                return

    async def obey(self, line: str) -> bool:
        """Answer one command; False ends the connection."""
        verb = line.split(" ", 1)[0].upper()
        self.sink.commands.append(verb)
        match verb:
            case "EHLO":
                extensions = ["8BITMIME", "ENHANCEDSTATUSCODES", "SIZE 52428800"]
                if self.sink.behaviour.pipelining:
                    extensions.insert(0, "PIPELINING")
                await self.reply("250-sink.example", *(f"250-{name}" for name in extensions[:-1]), f"250 {extensions[-1]}")  # fmt: skip # noqa: E501
            case "HELO":
                await self.reply("250 sink.example")
            case "MAIL":
                if self.sender is not None:
                    await self.reply("503 5.5.1 nested MAIL")
                else:
                    self.sender, self.recipients = self.address(line), []
                    await self.reply("250 2.1.0 ok")
            case "RCPT":
                await self.rcpt(self.address(line))
            case "DATA":
                return await self.data()
            case "RSET":
                self.sender, self.recipients = None, []
                await self.reply("250 2.0.0 ok")
            case "NOOP":
                await self.reply("250 2.0.0 ok")
            case "QUIT":
                await self.reply("221 2.0.0 bye")
                return False
            case _:
                await self.reply("502 5.5.1 not here")
        return True

    async def rcpt(self, address: str) -> None:
        if self.sender is None:
            await self.reply("503 5.5.1 MAIL first")
            return
        refusal = self.sink.behaviour.on_rcpt(address)
        if refusal is None:
            self.recipients.append(address)
        await self.reply(refusal or "250 2.1.5 ok")

    async def data(self) -> bool:
        if not self.recipients:
            await self.reply(
                "503 5.5.1 no valid recipients" if self.sender is None else "554 5.5.1 no valid recipients"
            )
            return True
        await self.reply("354 go on")
        behaviour = self.sink.behaviour
        if behaviour.drop_during_data > 0:
            behaviour.drop_during_data -= 1
            await self.reader.readline()
            self.writer.transport.abort()
            return False
        lines: list[bytes] = []
        while (line := await self.reader.readline()) != b".\r\n":
            if not line.endswith(b"\n"):
                return False  # the client went away before the final dot: nothing was accepted
            lines.append(line[1:] if line.startswith(b".") else line)
        raw = b"".join(lines)
        sender, recipients = self.sender or "", tuple(self.recipients)
        self.sender, self.recipients = None, []
        if refusal := behaviour.on_data(raw):
            await self.reply(refusal)
            return True
        found = _MESSAGE_ID.search(raw)
        self.sink._take(Accepted(found[1].decode() if found else "", sender, recipients, raw))
        if behaviour.drop_after_data > 0:
            behaviour.drop_after_data -= 1
            self.writer.transport.abort()
            return False
        if behaviour.reply_delay:
            await asyncio.sleep(behaviour.reply_delay)
        await self.reply("250 2.0.0 queued")
        return True

    async def reply(self, *lines: str) -> None:
        self.writer.write("".join(f"{line}\r\n" for line in lines).encode())
        await self.writer.drain()

    @staticmethod
    def address(line: str) -> str:
        found = _ADDRESS.search(line)
        return found[1] if found else line.partition(":")[2].split()[0]
