"""An account that is signed in, with a folder to read.

Folders are opened with EXAMINE and messages read with BODY.PEEK, so that nothing is ever marked read, moved
or deleted (RFC 9051, sections 6.3.3 and 6.4.5). A cursor is the pair (UIDVALIDITY, UID): within one
UIDVALIDITY, UIDs only grow and are never used again (section 2.3.1.1).
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from outreach import clock
from outreach.errors import MailServerError
from outreach.imap.account import Account, said, sentences

if TYPE_CHECKING:
    from imapclient import IMAPClient

# Messages are asked for together until they reach this many bytes; a greater one is asked for alone.
BATCH_BYTES = 4 << 20

# Folders that hold no answers (RFC 6154), whatever they are called.
_NO_ANSWERS = frozenset({b"\\sent", b"\\drafts", b"\\trash", b"\\junk", b"\\all", b"\\archive"})
# A server may end an IDLE after 30 minutes (RFC 2177).
IDLE_SECONDS = 25 * 60.0


@dataclass(frozen=True, slots=True)
class Fetched:
    """A message as the server holds it."""

    uid: int
    internal_date: datetime  # when it arrived there, UTC; the present where the server does not say
    raw: bytes  # empty when the server lists the message but cannot give it out


@dataclass(frozen=True, slots=True)
class FolderState:
    """What a server tells of a folder before any message is asked for."""

    uidvalidity: int
    uidnext: int  # greater than every UID in it; 0: the server does not say
    modseq: int | None = (
        None  # HIGHESTMODSEQ (RFC 7162): while it stays, nothing has changed; None: no CONDSTORE
    )


class Mailbox:
    """An account that is signed in, with one folder to read; made by :func:`open_mailbox`."""

    def __init__(self, client: IMAPClient, account: Account, folder: str) -> None:
        self._client = client
        self._account = account
        self.folder = folder
        self._selected = ""
        self.uidvalidity = 0  # of the folder: a UID of another UIDVALIDITY means nothing
        self.uidnext = (
            0  # greater than every UID of the folder when it was opened; 0: the server does not say
        )
        self.modseq: int | None = None
        self.turn_to(folder)

    def turn_to(self, folder: str) -> None:
        """Make ``folder`` the one that is read from here on."""
        self.folder, self.uidvalidity = folder, 0
        state = self._examine(folder)
        self.uidvalidity = int(state.get(b"UIDVALIDITY") or 0)
        self.uidnext = int(state.get(b"UIDNEXT") or 0)
        self.modseq = _modseq(state)
        if not self.uidvalidity:
            raise MailServerError(
                f"The mail server {self._account.host} gives the folder {folder} no UIDVALIDITY, so that nobody "
                "can tell which messages were read before.",
                "Use a mail server that follows RFC 3501.",
            )

    def look(self, folder: str) -> FolderState:
        """The state of ``folder``, without opening it where it is not open (STATUS, RFC 9051, section 6.3.11)."""
        if folder == self._selected == self.folder:
            return FolderState(self.uidvalidity, self.uidnext, self.modseq)
        wanted = ["UIDVALIDITY", "UIDNEXT"]
        if "CONDSTORE" in self.capabilities():
            wanted.append("HIGHESTMODSEQ")
        with sentences(self._account):
            state = self._client.folder_status(folder, wanted)
        return FolderState(
            int(state.get(b"UIDVALIDITY") or 0), int(state.get(b"UIDNEXT") or 0), _modseq(state)
        )

    def chosen(self, wanted: Collection[str]) -> list[str]:
        """The folders to read: those named, and those that fit a name with ``*``, in their order.

        Folders of sent mail, drafts, rubbish and the like, as the server marks them, are never among them.
        """
        with sentences(self._account):
            listed = self._client.list_folders()
        closed = {
            name
            for flags, _, name in listed
            if {flag.lower() for flag in flags} & (_NO_ANSWERS | {b"\\noselect", b"\\nonexistent"})
        }
        names = [name for _, _, name in listed if name not in closed]
        found: list[str] = []
        for one in wanted:
            if one in closed:
                continue
            fitting = [name for name in names if fnmatchcase(name, one)] if "*" in one else [one]
            found += [name for name in fitting if name not in found]
        return found

    def wait(
        self,
        news: Callable[[], None],
        stopped: Callable[[], bool],
        seconds: float = IDLE_SECONDS,
        elsewhere: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Stay in the folder until ``stopped`` and call ``news`` whenever a message came into it (IDLE, RFC 2177),
        or ``elsewhere`` says so, which is asked whenever an IDLE ends.

        The server is asked anew every ``seconds``; a connection that is gone shows then, or at once.
        ``False``, at once: the server does not offer IDLE.
        """
        if "IDLE" not in self.capabilities():
            return False
        while not stopped():
            with sentences(self._account):
                self._client.idle()
                until = time.monotonic() + seconds
                came = False
                while not (stopped() or came) and time.monotonic() < until:
                    asked = time.monotonic()
                    told = self._client.idle_check(timeout=1.0)
                    came = _has_news(told)
                    if not told and time.monotonic() - asked < 0.5:
                        break  # the connection is gone: IMAPClient keeps silent, and the next command says so
                _, left = self._client.idle_done()
            if elsewhere() or came or _has_news(left):
                news()
        return True

    def add_draft(self, raw: bytes) -> str:
        """Put a message into the folder of drafts (RFC 6154), marked as a draft and read; returns its name.

        Raises :class:`MailServerError` where there is no such folder.
        """
        with sentences(self._account):
            folder: str | None = self._client.find_special_folder(b"\\Drafts")
            if folder is not None:
                self._client.append(folder, raw, flags=(b"\\Draft", b"\\Seen"))
                return folder
        raise MailServerError(
            f"The mailbox {self._account.username} has no folder of drafts.",
            "Write the draft into a file with --output, and open it in your mail program.",
        )

    def since(self, last_uid: int, *, since_date: date | None = None, batch: int = 200) -> Iterator[Fetched]:
        """All messages with a UID above ``last_uid``, ascending, at most ``batch`` asked for at a time.

        With a ``since_date``, only what arrived on that day or later, for the first reading of a mailbox with
        years of mail. Servers compare days in a time zone of their own (RFC 3501, section 6.4.4), so that a
        message of the day before may come too. A message deleted meanwhile is left out. Memory holds one
        batch: at most :data:`BATCH_BYTES`, or one message that is greater.
        """
        with sentences(self._account):
            uids = self._search_since(last_uid, since_date)
        for start in range(0, len(uids), batch):
            with sentences(self._account):
                groups = self._groups(uids[start : start + batch])
            for group in groups:
                with sentences(self._account):
                    found = self._fetch_messages(group)
                for uid in group:
                    if uid in found:
                        yield _fetched(uid, found.pop(uid))

    def capabilities(self) -> frozenset[str]:
        """What the server offers to whoever has signed in, in upper case."""
        with sentences(self._account):
            return frozenset(name.decode("ascii", "replace").upper() for name in self._client.capabilities())

    def certificate_ends(self) -> datetime | None:
        """Until when the server's certificate is valid, UTC; ``None`` without TLS."""
        connection = self._client.socket()
        found = connection.getpeercert() if isinstance(connection, ssl.SSLSocket) else None
        ends = found.get("notAfter") if found else None
        return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(ends)), UTC) if ends else None

    def folders(self) -> list[str]:
        """The names of all folders that can be opened, as people read them."""
        with sentences(self._account):
            listed = self._client.list_folders()
        return [name for flags, _, name in listed if b"\\Noselect" not in flags]

    def sent_folder(self) -> str | None:
        """The folder of sent mail: by its special use (RFC 6154), else by a usual name; None without one."""
        with sentences(self._account):
            found: str | None = self._client.find_special_folder(b"\\Sent")
        return found

    def holds_message_id(self, folder: str, message_id: str) -> bool:
        """Whether ``folder`` has a message with this Message-ID, written with its angle brackets."""
        self._examine(folder)
        with sentences(self._account):
            return bool(self._client.search(["HEADER", "Message-ID", message_id]))

    def _examine(self, folder: str) -> dict[bytes, Any]:
        """Make ``folder`` the one the next commands are about, read-only."""
        from imapclient.exceptions import IMAPClientError

        with sentences(self._account):
            try:
                self._selected = ""
                state: dict[bytes, Any] = self._client.select_folder(folder, readonly=True)
            except self._client.AbortError:
                raise
            except IMAPClientError as error:
                raise MailServerError(
                    f"The mailbox {self._account.username} has no folder {folder!r} that can be opened "
                    f"({said(error)}).",
                    f"Its folders are: {', '.join(self.folders())}.",
                ) from error
        self._selected = folder
        if folder == self.folder and self.uidvalidity not in {0, state.get(b"UIDVALIDITY")}:
            raise MailServerError(
                f"The folder {folder} of {self._account.username} was made anew while it was read.",
                "Nothing is lost: the next run reads it again.",
            )
        return state

    def _search_since(self, last_uid: int, since_date: date | None) -> list[int]:
        # UID n:* holds the last message even when its UID is below n, hence an end where there is one, and
        # the comparison below where there is none.
        if self.uidnext and self.uidnext <= last_uid + 1:
            return []
        end = str(self.uidnext - 1) if self.uidnext else "*"
        criteria: list[Any] = ["UID", f"{last_uid + 1}:{end}"]
        if since_date is not None:
            criteria += ["SINCE", since_date - timedelta(days=1)]
        self._return()
        return sorted({uid for uid in self._client.search(criteria) if uid > last_uid})

    def _groups(self, uids: list[int]) -> list[list[int]]:
        """The UIDs in order, split so that no group's messages exceed the batch's bytes together."""
        sizes = self._fetch(uids, ["RFC822.SIZE"])
        groups: list[list[int]] = []
        room = 0
        for uid in uids:
            if uid not in sizes:
                continue  # deleted since the search
            size = sizes[uid].get(b"RFC822.SIZE") or 0
            if not groups or size > room:
                groups.append([])
                room = BATCH_BYTES
            groups[-1].append(uid)
            room -= size
        return groups

    def _fetch_messages(self, uids: list[int]) -> dict[int, dict[bytes, Any]]:
        """The messages; one by one where the server refuses them together because it cannot give out one."""
        from imapclient.exceptions import IMAPClientAbortError, IMAPClientError

        try:
            return self._fetch(uids, ["INTERNALDATE", "BODY.PEEK[]"])
        except IMAPClientAbortError:
            raise  # the connection is gone
        except IMAPClientError as error:
            if "[UNAVAILABLE]" in str(error) or "[LIMIT]" in str(error):  # RFC 5530, section 3
                raise
            if len(uids) == 1:
                self._fetch(uids, ["RFC822.SIZE"])  # raises when it is the server that has trouble
                return {uids[0]: {}}
        return {uid: answer for one in uids for uid, answer in self._fetch_messages([one]).items()}

    def _fetch(self, uids: Iterable[int], items: list[str]) -> dict[int, dict[bytes, Any]]:
        self._return()
        found: dict[int, dict[bytes, Any]] = self._client.fetch(list(uids), items)
        return found

    def _return(self) -> None:
        """Another folder may have been searched between two batches."""
        if self._selected != self.folder:
            self._examine(self.folder)


def _fetched(uid: int, answer: dict[bytes, Any]) -> Fetched:
    arrived = answer.get(b"INTERNALDATE") or clock.now()  # IMAPClient gives None for a date it cannot read
    return Fetched(uid, arrived.astimezone(UTC), answer.get(b"BODY[]") or b"")


class OtherFolders:
    """The folders of a mailbox besides the one that is open, which IDLE tells nothing of: looked at from time to
    time (STATUS)."""

    def __init__(self, box: Mailbox, wanted: Collection[str]) -> None:
        self._box = box
        self._wanted = wanted
        self._seen = self._states()

    def changed(self) -> bool:
        """Whether any got a message, or is new, since this was asked before. A folder that cannot be looked at is
        left out: who reads it says why."""
        before, self._seen = self._seen, self._states()
        return any(before.get(folder) != state for folder, state in self._seen.items())

    def _states(self) -> dict[str, tuple[int, int | None]]:
        states = {}
        for folder in self._box.chosen(self._wanted):
            if folder == self._box.folder:
                continue
            try:
                state = self._box.look(folder)
            except MailServerError:
                continue
            states[folder] = (state.uidvalidity, state.uidnext or state.modseq)
        return states


def first_folder(wanted: Collection[str]) -> str:
    """The folder to open a mailbox with: the first that is named, else the one that every mailbox has."""
    return next((name for name in wanted if "*" not in name), "INBOX")


def _modseq(state: dict[bytes, Any]) -> int | None:
    """``None`` where the server keeps none (NOMODSEQ)."""
    value = state.get(b"HIGHESTMODSEQ")
    if isinstance(value, list | tuple):
        value = value[0] if value else None
    return int(value) if value else None


def _has_news(responses: Iterable[Any]) -> bool:
    """Whether an untagged response says that there are more messages: ``(23, b"EXISTS")``."""
    return any(isinstance(one, tuple) and b"EXISTS" in one for one in responses)
