"""The servers the other tests rely on do what their descriptions say."""

from __future__ import annotations

import json
import smtplib
import socket
import ssl
from email.message import EmailMessage

import pytest

from tests.servers.host import MailHost
from tests.servers.sink import Sink

pytestmark = pytest.mark.servers


def mail(
    recipient: str, subject: str = "Einladung", message_id: str = "<one@network.example>"
) -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Netz <netz@network.example>"
    message["To"] = recipient
    message["Subject"] = subject
    message["Message-ID"] = message_id
    message.set_content("Grüße aus dem Netz\n")
    return message


def test_mail_arrives_in_the_mailbox_by_smtp_and_lmtp(mail_host: MailHost) -> None:
    mail_host.add_mailbox("info@arrives.example")
    mail_host.deliver("netz@network.example", "info@arrives.example", mail("info@arrives.example"))
    (raw,) = mail_host.wait_messages("info@arrives.example", 1)
    assert b"Message-ID: <one@network.example>" in raw
    assert b"Return-Path: <netz@network.example>" in raw


def test_a_plus_address_reaches_the_mailbox_without_it(mail_host: MailHost) -> None:
    mail_host.add_mailbox("plus@arrives.example")
    mail_host.deliver("netz@network.example", "plus+token@arrives.example", mail("plus@arrives.example"))
    assert len(mail_host.wait_messages("plus@arrives.example", 1)) == 1


@pytest.mark.parametrize(
    ("address", "code", "status"),
    [
        ("nobody@town.example", 550, b"5.1.1"),
        ("info@busy.example", 450, b"4.2.1"),
        ("info@blocked.example", 550, b"5.7.1"),
        ("info@elsewhere.invalid", 554, b"5.7.1"),
    ],
)
def test_refused_at_rcpt(mail_host: MailHost, address: str, code: int, status: bytes) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        mail_host.deliver("netz@network.example", address, mail(address))
    got_code, text = refused.value.recipients[address]
    assert got_code == code
    assert text.startswith(status)


@pytest.mark.parametrize(
    ("address", "status"), [("nobody@late.example", b"5.1.1"), ("info@full.example", b"5.2.2")]
)
def test_bounced_after_it_was_accepted(mail_host: MailHost, address: str, status: bytes) -> None:
    sender = "bounces-" + address.replace("@", "-at-") + "@network.example"
    mail_host.add_mailbox(sender)
    mail_host.add_mailbox("info@full.example")
    mail_host.deliver(sender, address, mail(address))
    mail_host.wait_queue_empty()
    (report,) = mail_host.messages(sender)
    assert b"multipart/report; report-type=delivery-status" in report
    assert b"Final-Recipient: rfc822; " + address.encode() in report
    assert b"Status: " + status in report
    assert b"Message-ID: <one@network.example>" in report


def test_a_sieve_vacation_answers(mail_host: MailHost) -> None:
    mail_host.add_mailbox("vacation-reader@network.example")
    mail_host.add_mailbox("buero@vacation.example")
    mail_host.add_vacation("buero@vacation.example", "Ich bin bis zum 3. Mai nicht da.", "Abwesend")
    message = mail("buero@vacation.example", message_id="<vacation@network.example>")
    mail_host.deliver("vacation-reader@network.example", "buero@vacation.example", message)
    mail_host.wait_queue_empty()
    (answer,) = mail_host.messages("vacation-reader@network.example")
    assert b"Auto-Submitted: auto-replied (vacation)" in answer
    assert b"In-Reply-To: <vacation@network.example>" in answer
    assert b"Ich bin bis zum 3. Mai nicht da." in answer


def test_smtp_offers_tls_and_checks_a_password(mail_host: MailHost) -> None:
    mail_host.add_mailbox("relay@network.example", "right")
    context = ssl.create_default_context(cafile=str(mail_host.ca_file))
    with smtplib.SMTP("localhost", mail_host.smtp_port, timeout=10) as connection:
        connection.starttls(context=context)
        connection.login("relay@network.example", "right")
    with (
        smtplib.SMTP_SSL("localhost", mail_host.smtps_port, context=context, timeout=10) as connection,
        pytest.raises(smtplib.SMTPAuthenticationError),
    ):
        connection.login("relay@network.example", "wrong")


def test_the_sink_counts_what_it_accepted_even_when_the_client_never_learns(smtp_sink: Sink) -> None:
    smtp_sink.behaviour.drop_after_data = 1
    with (
        smtplib.SMTP(smtp_sink.host, smtp_sink.port, timeout=10) as connection,
        pytest.raises(smtplib.SMTPServerDisconnected),
    ):
        connection.send_message(mail("a@town.example", message_id="<lost@network.example>"))
    with smtplib.SMTP(smtp_sink.host, smtp_sink.port, timeout=10) as connection:
        connection.send_message(mail("b@town.example", message_id="<twice@network.example>"))
        connection.send_message(mail("b@town.example", message_id="<twice@network.example>"))
    assert smtp_sink.message_ids() == {"<lost@network.example>": 1, "<twice@network.example>": 2}
    lines = [json.loads(line) for line in smtp_sink.account.read_text().splitlines()]
    assert [line["recipients"] for line in lines] == [
        ["a@town.example"],
        ["b@town.example"],
        ["b@town.example"],
    ]


def test_the_sink_does_not_count_what_was_cut_off(smtp_sink: Sink) -> None:
    smtp_sink.behaviour.drop_during_data = 1
    with (
        smtplib.SMTP(smtp_sink.host, smtp_sink.port, timeout=10) as connection,
        pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)),
    ):
        connection.send_message(mail("a@town.example"))
    assert smtp_sink.accepted() == []


def test_the_sink_refuses_as_told(smtp_sink: Sink) -> None:
    smtp_sink.behaviour.on_rcpt = lambda address: (
        "450 4.7.1 greylisted" if address.startswith("grey") else None
    )
    smtp_sink.behaviour.on_data = lambda raw: "554 5.6.0 no" if b"Subject: bad" in raw else None
    with smtplib.SMTP(smtp_sink.host, smtp_sink.port, timeout=10) as connection:
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            connection.send_message(mail("grey@town.example"))
        with pytest.raises(smtplib.SMTPDataError):
            connection.send_message(mail("a@town.example", subject="bad"))
        connection.send_message(mail("a@town.example"))
    assert [message.recipients for message in smtp_sink.accepted()] == [("a@town.example",)]
    smtp_sink.behaviour.refuse_connections = 1
    with pytest.raises(smtplib.SMTPConnectError):
        smtplib.SMTP(smtp_sink.host, smtp_sink.port, timeout=10)


def test_the_sink_takes_a_whole_transaction_in_one_write(smtp_sink: Sink) -> None:
    smtp_sink.behaviour.on_rcpt = lambda address: "550 5.1.1 unknown" if address.startswith("gone") else None
    with socket.create_connection((smtp_sink.host, smtp_sink.port), timeout=10) as connection:
        replies = connection.makefile("rb")
        connection.sendall(b"EHLO client.example\r\n")
        greeting = [replies.readline() for _ in range(6)]  # the 220 too
        assert b"250-PIPELINING\r\n" in greeting
        connection.sendall(
            b"MAIL FROM:<n@network.example>\r\nRCPT TO:<gone@town.example>\r\nDATA\r\nRSET\r\n"
        )
        assert [replies.readline()[:3] for _ in range(4)] == [b"250", b"550", b"554", b"250"]
        connection.sendall(b"MAIL FROM:<n@network.example>\r\nRCPT TO:<here@town.example>\r\nDATA\r\n")
        assert [replies.readline()[:3] for _ in range(3)] == [b"250", b"250", b"354"]
        connection.sendall(
            b"Message-ID: <p@network.example>\r\n\r\n..stuffed\r\n.\r\nMAIL FROM:<n@network.example>\r\n"
        )
        assert [replies.readline()[:3] for _ in range(2)] == [b"250", b"250"]
    (message,) = smtp_sink.accepted()
    assert message.recipients == ("here@town.example",)
    assert message.raw.endswith(b"\r\n\r\n.stuffed\r\n")
