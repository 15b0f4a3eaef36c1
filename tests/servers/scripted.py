"""An SMTP server that answers by a script: every way a mail server can misbehave, at every stage."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections import defaultdict
from contextlib import suppress


class ScriptedServer:
    """Answers each verb with the next entry of its script, then with the usual.

    An entry is a reply, or ``close``, or ``silence``; ``a|close`` says a and closes. What ends in ``~`` goes
    out without a line end, as a packet of its own. Verbs: GREETING, EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA,
    CONTENT, END, RSET, QUIT; CONTENT comes when the content begins, END after it.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.usual = {
            "GREETING": "220 hi",
            "EHLO": "250-here\r\n250-SIZE 1000000\r\n250 8BITMIME",  # and `extensions`
            "STARTTLS": "220 go",
            "AUTH": "235 2.7.0 welcome",
            "DATA": "354 go",
            "QUIT": "221 bye",
            "CONTENT": "",
        }
        self.extensions = "HELP"  # parted by commas
        self.tls = tls
        self.takes_any_data = False  # answers DATA with 354 though the recipient was refused
        self.script: dict[str, list[str]] = defaultdict(list)
        self.commands: list[list[str]] = []  # a list for each connection
        self.received: list[bytes] = []  # whole contents, whatever was said to them
        self.accepted: list[bytes] = []
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()
        self.stopping = threading.Event()

    def stop(self) -> None:
        self.stopping.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            thread = threading.Thread(target=self._meet, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _meet(self, connection: socket.socket) -> None:
        seen: list[str] = []
        self.commands.append(seen)
        with suppress(OSError):
            secured = self._serve(connection, seen, greets=True)
            if secured is not None:
                self._open.append(secured)
                self._serve(secured, seen, greets=False)

    def _serve(self, connection: socket.socket, seen: list[str], *, greets: bool) -> socket.socket | None:
        """Talk until the end, or until TLS begins: then the connection to go on with."""
        is_open = False  # MAIL and RCPT were accepted
        with connection, connection.makefile("rb") as lines, suppress(OSError):
            if greets and not self._say(connection, "GREETING"):
                return None
            while line := lines.readline():
                seen.append(line.decode().rstrip("\r\n"))
                verb = line.split(b" ", 1)[0].strip().decode().upper()
                reply = self._next(verb)
                if verb in ("MAIL", "RCPT", "DATA"):
                    if verb == "DATA" and not is_open and not self.takes_any_data:
                        reply = "503 5.5.1 no valid recipient"
                    is_open = reply.startswith("2") and (verb == "MAIL" or is_open)
                if not self._send(connection, reply) or verb == "QUIT":
                    return None
                if verb == "STARTTLS" and reply.startswith("220") and self.tls is not None:
                    return self.tls.wrap_socket(connection, server_side=True)
                if verb == "DATA" and reply.replace("~|", "").startswith("354"):
                    during = self._next("CONTENT")
                    if during:
                        lines.peek(1)  # some of the content is here
                    if not self._send(connection, during):
                        return None
                    content: list[bytes] = []
                    while (line := lines.readline()) != b".\r\n":
                        if not line:
                            return None
                        content.append(line)
                    seen.append("<content>")
                    self.received.append(b"".join(content))
                    reply = self._next("END")
                    if reply.replace("~|", "").startswith("250 "):
                        self.accepted.append(self.received[-1])
                    if not self._send(connection, reply):
                        return None
        return None

    def _next(self, verb: str) -> str:
        with self._lock:
            script = self.script[verb]
            reply = script.pop(0) if script else self.usual.get(verb, "250 ok")
            if verb == "EHLO" and reply.startswith("250"):
                offered = "".join(f"250-{one}\r\n" for one in self.extensions.split(","))
                reply = f"250-here\r\n{offered}{reply}"
            return reply

    def _say(self, connection: socket.socket, verb: str) -> bool:
        return self._send(connection, self._next(verb))

    def _send(self, connection: socket.socket, entry: str) -> bool:
        for action in entry.split("|"):
            if action == "close":
                return False
            if action == "silence":
                self.stopping.wait(10)
                return False
            if action.endswith("~"):
                connection.sendall(action[:-1].encode())
                time.sleep(0.005)
            elif action:
                connection.sendall(action.encode() + b"\r\n")
        return True
