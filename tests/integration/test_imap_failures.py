"""What goes wrong with a mail server becomes one sentence and one remedy."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from outreach.errors import MailServerError
from outreach.imap import Account, Security, open_mailbox
from tests.servers.host import MailHost

pytestmark = pytest.mark.servers

ADDRESS = "failures@imap.example"


@pytest.fixture
def good(mail_host: MailHost) -> dict[str, object]:
    """An account that works: IMAPS, with the private authority."""
    mail_host.add_mailbox(ADDRESS, "secret")
    return {
        "host": "localhost",
        "port": mail_host.imaps_port,
        "security": Security.TLS,
        "ca_file": mail_host.ca_file,
        "username": ADDRESS,
        "password": "secret",
        "timeout": 5.0,
    }


def complaint(values: dict[str, object], folder: str = "INBOX") -> MailServerError:
    with pytest.raises(MailServerError) as raised, open_mailbox(Account(**values), folder):  # type: ignore[arg-type]
        pass
    error = raised.value
    assert error.message.endswith(".")
    assert error.remedy.endswith(".")
    assert "\n" not in str(error)
    assert "secret" not in str(error)
    return error


@contextmanager
def server(greeting: bytes) -> Iterator[int]:
    """Something that accepts one connection, says ``greeting`` and then nothing, until the end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        end = threading.Event()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(greeting)
                if greeting:
                    connection.shutdown(socket.SHUT_WR)
                end.wait(10)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            end.set()
            thread.join()


def test_tls_with_a_private_authority(good: dict[str, object]) -> None:
    with open_mailbox(Account(**good)) as mailbox:  # type: ignore[arg-type]
        assert list(mailbox.since(0)) == []


def test_starttls_with_a_private_authority(good: dict[str, object], mail_host: MailHost) -> None:
    values = good | {"port": mail_host.imap_port, "security": Security.STARTTLS}
    with open_mailbox(Account(**values)) as mailbox:  # type: ignore[arg-type]
        assert list(mailbox.since(0)) == []


def test_a_password_with_letters_beyond_ascii(good: dict[str, object], mail_host: MailHost) -> None:
    mail_host.add_mailbox("umlaut@imap.example", "geheim-ßü")
    values = good | {"username": "umlaut@imap.example", "password": "geheim-ßü"}
    with open_mailbox(Account(**values)) as mailbox:  # type: ignore[arg-type]
        assert mailbox.uidvalidity > 0


@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
def test_a_certificate_nobody_vouches_for(
    good: dict[str, object], mail_host: MailHost, security: Security
) -> None:
    port = mail_host.imaps_port if security is Security.TLS else mail_host.imap_port
    error = complaint(good | {"ca_file": None, "security": security, "port": port})
    assert error.message.startswith(
        f"The certificate of the mail server localhost:{port} is not to be trusted"
    )
    assert "ca_file" in error.remedy


def test_a_certificate_for_another_name(good: dict[str, object]) -> None:
    error = complaint(good | {"host": "127.1"})  # another spelling of 127.0.0.1, absent from the certificate
    assert "certificate is not valid for '127.1'" in error.message


def test_an_authority_file_that_is_not_there_or_is_none(good: dict[str, object], tmp_path: Path) -> None:
    error = complaint(good | {"ca_file": tmp_path / "absent.pem"})
    assert str(tmp_path / "absent.pem") in error.message
    (tmp_path / "notes.pem").write_text("not a certificate")
    assert "cannot be used" in complaint(good | {"ca_file": tmp_path / "notes.pem"}).message


def test_a_wrong_password(good: dict[str, object]) -> None:
    error = complaint(good | {"password": "wrong"})
    assert error.message == (
        "The mail server localhost refused the sign-in of failures@imap.example "
        "([AUTHENTICATIONFAILED] Authentication failed)."
    )


def test_a_folder_that_does_not_exist_names_those_that_do(good: dict[str, object]) -> None:
    error = complaint(good, "Antworten")
    assert "no folder 'Antworten'" in error.message
    assert re.fullmatch(r"Its folders are: (INBOX, Éléments envoyés|Éléments envoyés, INBOX)\.", error.remedy)


def test_a_host_that_does_not_exist(good: dict[str, object]) -> None:
    error = complaint(good | {"host": "imap.nowhere.invalid"})
    assert error.message == "There is no mail server named imap.nowhere.invalid."


def test_a_port_where_nothing_answers(good: dict[str, object]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        assert complaint(good | {"port": port}).message == f"Nothing answers at localhost:{port}."


def test_tls_at_the_port_of_starttls(good: dict[str, object], mail_host: MailHost) -> None:
    error = complaint(good | {"port": mail_host.imap_port})
    assert "does not speak TLS" in error.message
    assert "starttls at port 143" in error.remedy


def test_plain_text_to_another_machine_is_refused_before_it_is_tried(good: dict[str, object]) -> None:
    error = complaint(good | {"host": "imap.network.example", "security": Security.PLAIN})
    assert "without encryption" in error.message


def test_a_server_that_stays_silent(good: dict[str, object]) -> None:
    with server(b"") as port:
        error = complaint(good | {"port": port, "security": Security.PLAIN, "timeout": 0.2})
    assert error.message == f"The mail server localhost:{port} did not answer within 0.2 seconds."


@pytest.mark.parametrize(
    "greeting", [b"* BYE too busy\r\n", b"220 smtp.example ESMTP\r\n", b"* OK ready\r\n"]
)
def test_a_server_that_goes_away_or_is_none(good: dict[str, object], greeting: bytes) -> None:
    with server(greeting) as port:
        error = complaint(good | {"port": port, "security": Security.PLAIN})
    assert f"localhost:{port}" in error.message


def test_the_password_is_not_printed_with_the_account(good: dict[str, object]) -> None:
    assert "secret" not in repr(Account(**good))  # type: ignore[arg-type]
