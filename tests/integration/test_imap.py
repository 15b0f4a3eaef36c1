"""Reading a mailbox of a real Dovecot: everything once, in order, and nothing changed by it."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import count

import pytest

from outreach.imap import BATCH_BYTES, Account, Fetched, Mailbox, Security, open_mailbox
from tests.servers.host import MailHost

pytestmark = pytest.mark.servers

_numbers = count(1)


@pytest.fixture
def address(mail_host: MailHost) -> str:
    """A mailbox of the test's own, empty."""
    address = f"reader{next(_numbers)}@imap.example"
    mail_host.add_mailbox(address, "secret")
    return address


def account(mail_host: MailHost, address: str, **changes: object) -> Account:
    values: dict[str, object] = {
        "host": "127.0.0.1",
        "port": mail_host.imap_port,
        "security": Security.PLAIN,
        "username": address,
        "password": "secret",
        "timeout": 10.0,
    }
    return Account(**(values | changes))  # type: ignore[arg-type]


def message(number: int, text: bytes = b"hello") -> bytes:
    return b"Message-ID: <%d@town.example>\r\nSubject: %d\r\n\r\n%s\r\n" % (number, number, text)


def read(mail_host: MailHost, address: str, last_uid: int = 0, **options: object) -> list[Fetched]:
    with open_mailbox(account(mail_host, address)) as mailbox:
        return list(mailbox.since(last_uid, **options))  # type: ignore[arg-type]


def test_all_messages_in_the_order_of_their_uids(mail_host: MailHost, address: str) -> None:
    uids = [mail_host.append(address, message(number)) for number in range(7)]
    found = read(mail_host, address, batch=3)
    assert [one.uid for one in found] == uids
    assert [one.raw for one in found] == [message(number) for number in range(7)]


def test_only_what_is_new_and_never_the_last_message_again(mail_host: MailHost, address: str) -> None:
    first, second = (mail_host.append(address, message(number)) for number in (1, 2))
    assert [one.uid for one in read(mail_host, address, first)] == [second]
    assert read(mail_host, address, second) == []
    assert read(mail_host, address, second + 100) == []


def test_a_server_that_tells_no_uidnext_is_read_all_the_same(mail_host: MailHost, address: str) -> None:
    first, second = (mail_host.append(address, message(number)) for number in (1, 2))
    with open_mailbox(account(mail_host, address)) as mailbox:
        mailbox.uidnext = 0
        assert [one.uid for one in mailbox.since(first)] == [second]
        assert list(mailbox.since(second)) == []


def test_messages_stay_unread_and_recent(mail_host: MailHost, address: str) -> None:
    uid = mail_host.append(address, message(1))
    assert len(read(mail_host, address)) == 1
    with mail_host.imap(address) as client:
        state = client.select_folder("INBOX")
        flags = client.get_flags([uid])[uid]
    assert b"\\Seen" not in flags
    assert state[b"RECENT"] == 1


def test_the_first_reading_of_an_old_mailbox_starts_at_a_day(mail_host: MailHost, address: str) -> None:
    old, new = datetime(2026, 3, 1, 12, tzinfo=UTC), datetime(2026, 3, 9, 12, tzinfo=UTC)
    mail_host.append(address, message(1), when=old)
    uid = mail_host.append(address, message(2), when=new)
    with open_mailbox(account(mail_host, address)) as mailbox:
        assert [one.uid for one in mailbox.since(0, since_date=date(2026, 3, 9))] == [uid]
        assert mailbox.uidnext == uid + 1


def test_a_message_at_the_edge_of_the_day_is_not_missed(mail_host: MailHost, address: str) -> None:
    # 00:30 on the 9th in Helsinki is the 8th for a server that counts in UTC.
    helsinki = timezone(timedelta(hours=2))
    uid = mail_host.append(address, message(1), when=datetime(2026, 3, 9, 0, 30, tzinfo=helsinki))
    found = read(mail_host, address, since_date=date(2026, 3, 9))
    assert [one.uid for one in found] == [uid]


def test_the_time_of_arrival_is_utc(mail_host: MailHost, address: str) -> None:
    athens = timezone(timedelta(hours=3))
    mail_host.append(address, message(1), when=datetime(2026, 7, 1, 9, 30, tzinfo=athens))
    (found,) = read(mail_host, address)
    assert found.internal_date == datetime(2026, 7, 1, 6, 30, tzinfo=UTC)
    assert found.internal_date.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "Größe: Ξεσκεπάζω".encode(),
        "Größe".encode("latin-1"),
        b'brackets ) ( } { " \\ {12}\r\n* 5 FETCH (UID 99 BODY[] NIL)\r\nA001 OK done',
        b"." * 5000,
    ],
    ids=["utf-8", "latin-1", "looks like IMAP", "one long line"],
)
def test_bytes_come_as_they_are(mail_host: MailHost, address: str, text: bytes) -> None:
    mail_host.append(address, message(1, text))
    (found,) = read(mail_host, address)
    assert found.raw == message(1, text)


@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 8191, 8192, 65536, 1 << 20])
def test_every_size_of_literal(mail_host: MailHost, address: str, size: int) -> None:
    body = (b"0123456789abcdef" * 4 + b"\r\n") * (size // 66 + 1)
    raw = b"Subject: size\r\n\r\n" + body[:size].rstrip(b"\r")
    mail_host.append(address, raw)
    mail_host.append(address, message(2))
    found = read(mail_host, address)
    assert [one.raw for one in found] == [raw, message(2)]


def test_many_large_messages_do_not_fill_the_memory(mail_host: MailHost, address: str) -> None:
    body = (b"x" * 74 + b"\r\n") * (BATCH_BYTES // 2 // 76 + 100)  # two do not fit in one batch
    for number in range(8):
        mail_host.append(address, message(number, body))
    tracemalloc.start()
    try:
        seen = [len(one.raw) for one in _each(mail_host, address)]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(seen) == 8
    assert peak < 3 * BATCH_BYTES < sum(seen)


def test_one_large_message_is_not_multiplied(mail_host: MailHost, address: str) -> None:
    body = (b"x" * 74 + b"\r\n") * (12 * BATCH_BYTES // 4 // 76)
    mail_host.append(address, message(1, body))
    tracemalloc.start()
    try:
        (size,) = [len(one.raw) for one in _each(mail_host, address)]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size > 2 * BATCH_BYTES
    assert peak < 2.5 * size


def _each(mail_host: MailHost, address: str):  # type: ignore[no-untyped-def]
    with open_mailbox(account(mail_host, address)) as mailbox:
        yield from mailbox.since(0)


def test_a_message_deleted_between_two_batches_is_left_out(mail_host: MailHost, address: str) -> None:
    uids = [mail_host.append(address, message(number)) for number in range(4)]
    with open_mailbox(account(mail_host, address)) as mailbox:
        reading = mailbox.since(0, batch=1)
        got = [next(reading).uid]
        with mail_host.imap(address) as client:
            client.select_folder("INBOX")
            client.delete_messages([uids[2]])
            client.expunge()
        got += [one.uid for one in reading]
    assert got == [uids[0], uids[1], uids[3]]


def test_a_folder_made_anew_has_another_uidvalidity(mail_host: MailHost, address: str) -> None:
    def state() -> tuple[int, list[bytes]]:
        with open_mailbox(account(mail_host, address), "Replies") as mailbox:
            return mailbox.uidvalidity, [one.raw for one in mailbox.since(0)]

    with mail_host.imap(address) as client:
        client.create_folder("Replies")
    mail_host.append(address, message(1), "Replies")
    before, raw = state()
    assert raw == [message(1)]
    assert state()[0] == before
    with mail_host.imap(address) as client:
        client.delete_folder("Replies")
        client.create_folder("Replies")
    mail_host.append(address, message(2), "Replies")
    after, raw = state()
    assert after != before
    assert raw == [message(2)]


def test_the_sent_folder_is_found_by_its_use_not_its_name(mail_host: MailHost, address: str) -> None:
    with open_mailbox(account(mail_host, address)) as mailbox:
        assert mailbox.sent_folder() == mail_host.sent_folder == "Éléments envoyés"
        assert set(mailbox.folders()) == {"INBOX", "Éléments envoyés"}


def test_a_message_id_is_found_in_the_sent_folder(mail_host: MailHost, address: str) -> None:
    mail_host.append(address, message(5), mail_host.sent_folder)
    with open_mailbox(account(mail_host, address)) as mailbox:
        assert mailbox.holds_message_id(mail_host.sent_folder, "<5@town.example>")
        assert not mailbox.holds_message_id(mail_host.sent_folder, "<6@town.example>")
        assert not mailbox.holds_message_id("INBOX", "<5@town.example>")


def test_another_folder_may_be_searched_while_one_is_read(mail_host: MailHost, address: str) -> None:
    uids = [mail_host.append(address, message(number)) for number in range(3)]
    mail_host.append(address, message(9), mail_host.sent_folder)

    def read_and_search(mailbox: Mailbox) -> list[int]:
        found = []
        for one in mailbox.since(0, batch=1):
            assert mailbox.holds_message_id(mail_host.sent_folder, "<9@town.example>")
            found.append(one.uid)
        return found

    with open_mailbox(account(mail_host, address)) as mailbox:
        assert read_and_search(mailbox) == uids


def test_mail_that_came_by_smtp(mail_host: MailHost, address: str) -> None:
    mail_host.deliver("stadt@town.example", address, message(3, "Wir kommen gern, grüßt die Stadt".encode()))
    mail_host.wait_queue_empty()
    (found,) = read(mail_host, address)
    assert found.raw.endswith("grüßt die Stadt\r\n".encode())
    assert abs(found.internal_date - datetime.now(UTC)) < timedelta(minutes=1)
