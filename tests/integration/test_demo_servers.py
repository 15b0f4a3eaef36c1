"""The demo's own servers behave as a provider's, as far as Outreach sees them."""

from __future__ import annotations

import smtplib
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from imapclient import IMAPClient

from outreach import clock
from outreach.demo.servers import EmbeddedServers
from outreach.errors import MailServerError
from outreach.imap import Account, Security, open_mailbox

NETWORK = "netz@network.example"
MAIL = b"From: a@town.example\r\nSubject: Ja\r\n\r\n.\r\nGern, gr\xc3\xbc\xc3\x9fe.\r\n"


@pytest.fixture
def servers() -> Iterator[EmbeddedServers]:
    with EmbeddedServers() as servers:
        servers.add_mailbox(NETWORK, "secret")
        yield servers


def send(
    servers: EmbeddedServers, recipient: str, mail: bytes = MAIL, sender: str = "a@town.example"
) -> None:
    with smtplib.SMTP(servers.host, servers.smtp_port, timeout=10) as connection:
        connection.sendmail(sender, recipient, mail)


def account(servers: EmbeddedServers, password: str = "secret") -> Account:
    return Account("127.0.0.1", NETWORK, password, servers.imap_port, Security.PLAIN, timeout=10.0)


def test_what_arrives_by_smtp_is_read_by_imap(servers: EmbeddedServers) -> None:
    send(servers, NETWORK)
    assert servers.count(NETWORK) == 1
    with open_mailbox(account(servers)) as mailbox:
        (found,) = mailbox.since(0)
    assert found.raw == b"Return-Path: <a@town.example>\r\n" + MAIL
    assert abs(found.internal_date - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_plus_address_reaches_the_mailbox(servers: EmbeddedServers) -> None:
    send(servers, "Netz+token@network.example")
    assert servers.count(NETWORK) == 1


def test_the_cursor_works_as_with_dovecot(servers: EmbeddedServers) -> None:
    for _ in range(5):
        send(servers, NETWORK)
    with open_mailbox(account(servers)) as mailbox:
        first = [one.uid for one in mailbox.since(0, batch=2)]
        assert mailbox.uidvalidity > 0
        assert mailbox.uidnext == first[-1] + 1
        assert list(mailbox.since(first[-1])) == []
        assert [one.uid for one in mailbox.since(first[2])] == first[3:]
    send(servers, NETWORK)
    with open_mailbox(account(servers)) as mailbox:
        (new,) = [one.uid for one in mailbox.since(first[-1])]
        assert new > first[-1]
        assert mailbox.holds_message_id("INBOX", "<absent@town.example>") is False


def test_reading_leaves_messages_unread(servers: EmbeddedServers) -> None:
    send(servers, NETWORK)
    with open_mailbox(account(servers)) as mailbox:
        assert len(list(mailbox.since(0))) == 1
    with IMAPClient(servers.host, servers.imap_port, ssl=False, timeout=10) as client:
        client.login(NETWORK, "secret")
        client.select_folder("INBOX")
        assert len(client.search("UNSEEN")) == 1


def test_mail_arrives_at_the_time_of_the_moved_clock(servers: EmbeddedServers) -> None:
    clock.move_to(datetime(2027, 2, 3, 10, 0, tzinfo=UTC))
    send(servers, NETWORK)
    clock.move_to(datetime(2027, 2, 13, 10, 0, tzinfo=UTC))
    send(servers, NETWORK)
    with open_mailbox(account(servers)) as mailbox:
        days = [one.internal_date.date() for one in mailbox.since(0)]
        assert days == [date(2027, 2, 3), date(2027, 2, 13)]
        late = [one.internal_date.date() for one in mailbox.since(0, since_date=date(2027, 2, 13))]
        assert late == [date(2027, 2, 13)]


def test_the_municipalities_answer_and_refuse() -> None:
    taken: list[tuple[str, str, bytes]] = []

    def on_rcpt(address: str) -> str | None:
        return "550 5.1.1 No such mailbox" if address.startswith("gone@") else None

    def on_mail(sender: str, recipient: str, data: bytes) -> str | None:
        taken.append((sender, recipient, data))
        if recipient.startswith("spam@"):
            return "554 5.7.1 Looks like spam"
        send(servers, sender, sender=recipient)  # answers before the sender has its 250
        return None

    with EmbeddedServers(on_rcpt, on_mail) as servers:
        servers.add_mailbox(NETWORK, "secret")
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
            send(servers, "gone@town.example", sender=NETWORK)
        assert refused.value.recipients == {"gone@town.example": (550, b"5.1.1 No such mailbox")}
        with pytest.raises(smtplib.SMTPDataError):
            send(servers, "spam@town.example", sender=NETWORK)
        send(servers, "info@town.example", MAIL, sender=NETWORK)
        assert [recipient for _, recipient, _ in taken] == ["spam@town.example", "info@town.example"]
        assert taken[1] == (NETWORK, "info@town.example", MAIL)
        assert servers.count(NETWORK) == 1


def test_nothing_leaves_the_machine(servers: EmbeddedServers) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        send(servers, "someone@elsewhere.invalid")
    assert refused.value.recipients["someone@elsewhere.invalid"] == (
        550,
        b"5.7.1 Nothing leaves this machine",
    )


def test_a_fault_of_a_municipality_is_a_reply_that_defers() -> None:
    def on_mail(sender: str, recipient: str, data: bytes) -> str | None:
        raise ValueError("no\nanswer")

    with EmbeddedServers(on_mail=on_mail) as servers:
        with pytest.raises(smtplib.SMTPDataError) as raised:
            send(servers, "info@town.example")
        assert raised.value.smtp_code == 451
        assert raised.value.smtp_error == b"4.3.0 ValueError no answer"


def test_a_wrong_password_and_an_unknown_user(servers: EmbeddedServers) -> None:
    with pytest.raises(MailServerError, match="refused the sign-in"), open_mailbox(account(servers, "wrong")):
        pass
    nobody = Account("127.0.0.1", "x@y.example", "secret", servers.imap_port, Security.PLAIN)
    with pytest.raises(MailServerError, match="refused the sign-in"), open_mailbox(nobody):
        pass


def test_many_connections_at_once(servers: EmbeddedServers) -> None:
    def send_ten() -> None:
        with smtplib.SMTP(servers.host, servers.smtp_port, timeout=10) as connection:
            for _ in range(10):
                connection.sendmail("a@town.example", NETWORK, MAIL)

    threads = [threading.Thread(target=send_ten) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert servers.count(NETWORK) == 80


def test_it_ends_at_once_with_connections_open() -> None:
    with EmbeddedServers() as servers:
        servers.add_mailbox(NETWORK, "secret")
        lines = [
            socket.create_connection((servers.host, port)) for port in (servers.smtp_port, servers.imap_port)
        ]
        for line in lines:
            assert line.recv(100)
        start = time.monotonic()
    assert time.monotonic() - start < 1
    for line in lines:
        line.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((servers.host, servers.smtp_port))
