"""One mail host of Postfix and Dovecot: what a test sends it is delivered, bounced or answered for real."""

from __future__ import annotations

import os
import shutil
import smtplib
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from imapclient import IMAPClient

from tests.servers.dovecot import SENT_FOLDER, Dovecot
from tests.servers.postfix import Postfix
from tests.servers.process import Certificates, wait_until


class MailHost:
    """A running mail host; see :mod:`tests.servers.postfix` for what each domain does."""

    host = "127.0.0.1"
    strict_domain = (
        "town.example"  # an unknown address is refused at RCPT; so is it at any name but the below
    )
    late_domain = "late.example"  # an unknown address is accepted, and comes back as a delivery report
    full_domain = "full.example"  # accepted; an address with a mailbox comes back as full
    busy_domain = "busy.example"  # every address is refused for now, 450 4.2.1
    blocked_domain = "blocked.example"  # every address is refused for good, 550 5.7.1
    away_domain = "away.example"  # delivered without the marks of a machine's mail: a vacation answers it
    sent_folder = SENT_FOLDER

    def __init__(self) -> None:
        # Not pytest's folder: the servers' own users must be able to enter it, and socket paths are short.
        self.root = Path(tempfile.mkdtemp(prefix="outreach-mail-", dir=_memory_folder()))
        self.root.chmod(0o755)
        self.certificates = Certificates(self.root / "tls")
        self.postfix = Postfix(self.root / "postfix", self.certificates)
        self.dovecot = Dovecot(self.root / "dovecot", self.certificates, self.postfix.smtp_port)
        self._passwords: dict[str, str] = {}

    def start(self) -> None:
        """Start both servers; raise :class:`tests.servers.process.ServersError` when one cannot be."""
        try:
            self.dovecot.start()
            self.postfix.start(self.dovecot)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Stop both servers and delete all they hold."""
        self.postfix.stop()
        self.dovecot.stop()
        self.postfix.remove()
        shutil.rmtree(self.root, ignore_errors=True)

    @property
    def smtp_port(self) -> int:
        """SMTP, with STARTTLS and sign-in offered and neither required."""
        return self.postfix.smtp_port

    @property
    def smtps_port(self) -> int:
        """SMTP under TLS from the first byte."""
        return self.postfix.smtps_port

    @property
    def imap_port(self) -> int:
        """IMAP, with STARTTLS offered."""
        return self.dovecot.imap_port

    @property
    def imaps_port(self) -> int:
        """IMAP under TLS from the first byte."""
        return self.dovecot.imaps_port

    @property
    def ca_file(self) -> Path:
        """The authority that signed the servers' certificate (for ``localhost`` and 127.0.0.1)."""
        return self.certificates.ca_file

    def add_mailbox(self, address: str, password: str = "secret") -> None:
        """A mailbox for ``address``, which is its user name too; twice is once."""
        address = address.lower()
        if address in self._passwords:
            return
        self._passwords[address] = password
        self.dovecot.add_mailbox(address, password, full=address.endswith(("@full.example", ".full.example")))
        self.postfix.add_mailbox(address)

    def add_utf8_address(self, address: str, mailbox: str) -> None:
        """Let ``mailbox`` get the mail for ``address`` too; both at ``utf8.example``."""
        self.postfix.add_mailbox(address, mailbox)

    def add_sieve(self, address: str, script: str) -> None:
        """Let ``script`` run on each message that arrives for ``address``; replaces the one before."""
        self.dovecot.add_sieve(address, script)

    def add_vacation(self, address: str, text: str, subject: str = "Out of office") -> None:
        """Let ``address`` answer every message with ``text`` (RFC 5230), the same sender again too."""
        self.add_sieve(
            address,
            'require ["vacation", "vacation-seconds"];\n'
            f'vacation :seconds 0 :subject "{subject}" :addresses ["{address}"] "{text}";\n',
        )

    def deliver(self, sender: str, recipients: str | Sequence[str], message: bytes | EmailMessage) -> None:
        """Send by SMTP, as ``sender`` in the envelope; refused recipients raise as smtplib does."""
        raw = message.as_bytes() if isinstance(message, EmailMessage) else message
        with smtplib.SMTP(self.host, self.smtp_port, timeout=10) as connection:
            connection.sendmail(sender, recipients, raw, mail_options=["BODY=8BITMIME"])

    @contextmanager
    def imap(self, address: str) -> Iterator[Any]:
        """An IMAPClient signed in as ``address``: the test's own eyes and hands in the mailbox."""
        with IMAPClient(self.host, self.imap_port, ssl=False, timeout=10) as client:
            client.login(address.lower(), self._passwords[address.lower()])
            yield client

    def append(
        self, address: str, message: bytes, folder: str = "INBOX", when: datetime | None = None
    ) -> int:
        """Put a message into a folder without sending it, arrived at ``when``; returns its UID."""
        with self.imap(address) as client:
            answer = client.append(folder, message, msg_time=when)
        return int(answer.split(b"APPENDUID ")[1].split()[1].rstrip(b"]"))  # RFC 4315, section 3

    def messages(self, address: str, folder: str = "INBOX") -> list[bytes]:
        """All messages of a folder, oldest first, without marking them read."""
        with self.imap(address) as client:
            client.select_folder(folder, readonly=True)
            found = client.fetch(client.search(), ["BODY.PEEK[]"])
            return [found[uid][b"BODY[]"] for uid in sorted(found)]

    def wait_messages(
        self, address: str, count: int, folder: str = "INBOX", timeout: float = 15.0
    ) -> list[bytes]:
        """Wait until the folder holds at least ``count`` messages and return them all."""
        end = time.monotonic() + timeout
        while len(found := self.messages(address, folder)) < count:
            if time.monotonic() > end:
                raise TimeoutError(
                    f"{address} has {len(found)} of {count} messages after {timeout:g} s\n{self.log()}"
                )
            time.sleep(0.05)
        return found

    def wait_queue_empty(self, timeout: float = 15.0) -> None:
        """Return when Postfix has nothing left to deliver: all bounces and vacation answers have arrived.

        An answer is put into the queue before the message it answers leaves it, so there is no gap.
        """

        def empty() -> bool:  # twice: a message moved from queue to queue could be missed once
            return not self.postfix.queued() and not self.postfix.queued()

        wait_until(empty, "Postfix still has mail in its queue", timeout)

    def log(self) -> str:
        """What both servers said so far."""
        return f"--- Postfix\n{self.postfix.log()}\n--- Dovecot\n{self.dovecot.log()}"


def _memory_folder() -> str | None:
    """Where Postfix's many fsyncs cost nothing, when there is room: a busy disk makes each take a second."""
    folder = Path("/dev/shm")
    if (
        folder.is_dir()
        and os.access(folder, os.W_OK | os.X_OK)
        and shutil.disk_usage(folder).free > 256 << 20
    ):
        return str(folder)
    return None
