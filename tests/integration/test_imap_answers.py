"""What other servers than Dovecot answer: a stand-in for the connection says it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError

from outreach.errors import MailServerError
from outreach.imap import Account, Fetched, Mailbox

WHEN = datetime(2026, 5, 4, 8, 0, tzinfo=UTC)


class Connection:
    """Answers as IMAPClient does, from what a test sets."""

    AbortError = IMAPClientAbortError

    def __init__(self) -> None:
        self.state: dict[bytes, Any] = {b"UIDVALIDITY": 7, b"UIDNEXT": 100}
        self.found: list[int] = [1, 2, 3]
        self.corrupt: set[int] = set()
        self.refusal = "fetch failed: NO a message is damaged"
        self.deleted: set[int] = set()
        self.answer: dict[bytes, Any] = {b"INTERNALDATE": WHEN, b"BODY[]": b"mail"}
        self.asked: list[list[int]] = []

    def select_folder(self, folder: str, readonly: bool) -> dict[bytes, Any]:
        assert readonly
        return self.state

    def search(self, criteria: list[Any]) -> list[int]:
        return self.found

    def fetch(self, uids: list[int], items: list[str]) -> dict[int, dict[bytes, Any]]:
        if items == ["RFC822.SIZE"]:
            return {uid: {b"RFC822.SIZE": 4} for uid in uids}
        self.asked.append(uids)
        if self.corrupt & set(uids):
            raise IMAPClientError(self.refusal)
        return {uid: dict(self.answer) for uid in uids if uid not in self.deleted}


@pytest.fixture
def connection() -> Connection:
    return Connection()


def read(connection: Connection, last_uid: int = 0) -> list[Fetched]:
    mailbox = Mailbox(connection, Account("imap.example", "netz", "secret"), "INBOX")  # type: ignore[arg-type]
    return list(mailbox.since(last_uid))


def test_a_search_in_any_order_with_the_last_message_again(connection: Connection) -> None:
    connection.state = {b"UIDVALIDITY": 7}  # no UIDNEXT: n:* brings the last message even when it is older
    connection.found = [9, 4, 7, 5]
    assert [one.uid for one in read(connection, 5)] == [7, 9]


def test_one_damaged_message_does_not_hide_the_others(connection: Connection) -> None:
    connection.corrupt = {2}
    assert [(one.uid, one.raw) for one in read(connection)] == [(1, b"mail"), (2, b""), (3, b"mail")]


def test_a_server_in_trouble_makes_no_message_look_damaged(connection: Connection) -> None:
    connection.corrupt = {1, 2, 3}
    connection.refusal = "fetch failed: NO [UNAVAILABLE] try later"
    with pytest.raises(MailServerError, match="try later"):
        read(connection)


def test_a_lost_connection_is_not_taken_for_damaged_messages(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(uids: list[int], items: list[str]) -> dict[int, dict[bytes, Any]]:
        raise IMAPClientAbortError("socket error: EOF")

    monkeypatch.setattr(connection, "fetch", lose)
    with pytest.raises(MailServerError, match="ended the connection"):
        read(connection)


def test_a_message_gone_since_its_size_was_asked_is_left_out(connection: Connection) -> None:
    connection.deleted = {2}
    assert [one.uid for one in read(connection)] == [1, 3]


def test_a_date_that_cannot_be_read_loses_nothing(connection: Connection) -> None:
    connection.answer = {b"INTERNALDATE": None, b"BODY[]": b"mail"}
    found = read(connection)
    assert [one.raw for one in found] == [b"mail"] * 3
    assert all(abs(one.internal_date - datetime.now(UTC)) < timedelta(minutes=1) for one in found)


def test_a_folder_without_uidvalidity_is_not_read(connection: Connection) -> None:
    connection.state = {b"UIDNEXT": 4}
    with pytest.raises(MailServerError, match="UIDVALIDITY"):
        read(connection)


def test_a_folder_that_changes_its_uidvalidity_while_it_is_read(connection: Connection) -> None:
    mailbox = Mailbox(connection, Account("imap.example", "netz", "secret"), "INBOX")  # type: ignore[arg-type]
    connection.state = {b"UIDVALIDITY": 8}
    mailbox.holds_message_id("Sent", "<a@town.example>")
    with pytest.raises(MailServerError, match="made anew"):
        list(mailbox.since(0))
