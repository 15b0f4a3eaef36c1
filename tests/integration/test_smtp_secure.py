"""The gateway against aiosmtpd on loopback: TLS, sign-in, and whole composed messages."""

from __future__ import annotations

import base64
import email.policy
import socket
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from outreach.delivery.compose import Composer, Letter, Letterhead
from outreach.delivery.headers import Mailbox
from outreach.errors import MailServerError, SettingsError
from outreach.model.states import OutcomeKind as K
from outreach.model.values import Outcome
from outreach.smtp import Account, Mail, Security, SendingStoppedError, check_sign_in, deliver
from tests.servers.certificates import Certificates

PASSWORD = "geheim: ü"  # beyond ASCII on purpose


class Sink:
    """Takes every message, except those to refused@..."""

    def __init__(self) -> None:
        self.received: list[tuple[str, list[str], bytes]] = []
        self.peers: set[Any] = set()

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("refused"):
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content
        assert isinstance(content, bytes)
        assert envelope.mail_from is not None
        self.peers.add(session.peer)
        self.received.append((envelope.mail_from, list(envelope.rcpt_tos), content))
        return "250 2.0.0 taken"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


def _check_password(
    server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
) -> AuthResult:
    right = data.login == b"user" and data.password == PASSWORD.encode()
    return AuthResult(success=right, handled=False)


Start = Callable[..., int]


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest.fixture
def start(sink: Sink) -> Iterator[Start]:
    controllers: list[Controller] = []

    def run(**options: Any) -> int:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port: int = free.getsockname()[1]
        controller = Controller(sink, hostname="127.0.0.1", port=port, **options)
        controller.start()
        controllers.append(controller)
        return port

    yield run
    for controller in controllers:
        controller.stop()


def _send(account: Account, mails: list[Mail], connections: int = 1) -> dict[int, Outcome]:
    outcomes: dict[int, Outcome] = {}

    def record(handing_over: Sequence[int], finished: Sequence[tuple[int, Outcome]]) -> Sequence[int]:
        outcomes.update(finished)
        return handing_over

    deliver(account, mails, record=record, connections=connections, reconnect_wait=0.0)
    return outcomes


def _mails(count: int) -> list[Mail]:
    return [
        Mail(n, "out@a.example", f"to{n}@b.example", b"Subject: x\r\n\r\n.hello\r\n") for n in range(count)
    ]


def test_starttls_with_sign_in(start: Start, sink: Sink, certificates: Certificates) -> None:
    port = start(
        tls_context=certificates.context(certificates.good),
        require_starttls=True,
        auth_required=True,
        auth_callback=None,
        authenticator=_check_password,
    )
    account = Account(
        "localhost", port, username="user", password=PASSWORD, ca_file=certificates.good, timeout=5
    )
    outcomes = _send(account, _mails(25), connections=3)
    assert [outcomes[n].kind for n in range(25)] == [K.ACCEPTED] * 25
    assert len(sink.received) == 25
    assert len(sink.peers) == 3
    assert sink.received[0][2] == b"Subject: x\r\n\r\n.hello\r\n"


def test_tls_from_the_first_byte(start: Start, sink: Sink, certificates: Certificates) -> None:
    port = start(ssl_context=certificates.context(certificates.good))
    account = Account("localhost", port, Security.TLS, ca_file=certificates.good, timeout=5)
    mails = _mails(3)
    mails[1] = Mail(1, "out@a.example", "refused@b.example", b"Subject: x\r\n\r\n")
    outcomes = _send(account, mails)
    assert [outcomes[n].kind for n in range(3)] == [K.ACCEPTED, K.REFUSED, K.ACCEPTED]
    assert outcomes[1].enhanced == "5.1.1"
    assert len(sink.peers) == 1


def test_a_large_message_over_tls(start: Start, sink: Sink, certificates: Certificates) -> None:
    port = start(ssl_context=certificates.context(certificates.good))
    account = Account("localhost", port, Security.TLS, ca_file=certificates.good, timeout=10)
    data = b"Subject: x\r\n\r\n" + (b"y" * 74 + b"\r\n") * 20_000
    assert _send(account, [Mail(1, "a@b.example", "c@d.example", data)])[1].kind is K.ACCEPTED
    assert sink.received[0][2] == data


@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
@pytest.mark.parametrize(
    ("which", "why"),
    [
        ("unknown", "self.signed"),
        ("other_name", "not valid for|mismatch"),
        ("expired", "expired"),
    ],
)
def test_a_wrong_certificate_sends_nothing(
    start: Start, sink: Sink, certificates: Certificates, security: Security, which: str, why: str
) -> None:
    certificate = certificates.good if which == "unknown" else getattr(certificates, which)
    context = certificates.context(certificate)
    port = start(ssl_context=context) if security is Security.TLS else start(tls_context=context)
    ca_file = None if which == "unknown" else certificate
    drawn: list[int] = []

    def mails() -> Iterator[Mail]:
        drawn.append(1)
        yield from _mails(1)

    with pytest.raises(SendingStoppedError, match=why) as caught:
        deliver(
            Account("localhost", port, security, ca_file=ca_file, timeout=5),
            mails(),
            record=lambda handing_over, _finished: handing_over,
        )
    assert isinstance(caught.value, MailServerError)
    assert "certificate" in caught.value.message
    assert caught.value.outcome.stage == "starttls"
    assert "ca_file" in caught.value.remedy
    assert drawn == []
    assert sink.received == []


def test_starttls_that_is_not_offered(start: Start, sink: Sink) -> None:
    with pytest.raises(SendingStoppedError, match="does not offer STARTTLS"):
        _send(Account("localhost", start(), timeout=5), _mails(1))
    assert sink.received == []


def test_tls_spoken_to_a_plain_port(start: Start) -> None:
    with pytest.raises(SendingStoppedError, match="No encrypted connection") as caught:
        check_sign_in(Account("localhost", start(), Security.TLS, timeout=5))
    assert "port" in caught.value.remedy


def test_a_wrong_password_stops_before_any_message(
    start: Start, sink: Sink, certificates: Certificates
) -> None:
    port = start(tls_context=certificates.context(certificates.good), authenticator=_check_password)
    account = Account(
        "localhost", port, username="user", password="falsch", ca_file=certificates.good, timeout=5
    )
    with pytest.raises(SendingStoppedError, match="refused the sign-in of user") as caught:
        _send(account, _mails(1))
    assert "falsch" not in str(caught.value)
    assert caught.value.outcome.stage == "auth"
    assert sink.received == []


def test_no_sign_in_where_one_is_wanted(start: Start, sink: Sink, certificates: Certificates) -> None:
    port = start(
        tls_context=certificates.context(certificates.good), auth_required=True, authenticator=_check_password
    )
    with pytest.raises(SendingStoppedError, match="530"):
        _send(Account("localhost", port, ca_file=certificates.good, timeout=5), _mails(2))
    assert sink.received == []


def test_oauth(start: Start, sink: Sink, certificates: Certificates) -> None:
    class WithOauth(Sink):
        async def auth_XOAUTH2(self, server: SMTP, args: list[str]) -> AuthResult:  # noqa: N802
            given = base64.b64decode(args[1])
            return AuthResult(
                success=given == b"user=user@a.example\x01auth=Bearer t0ken\x01\x01", handled=False
            )

    handler = WithOauth()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(
        handler, hostname="127.0.0.1", port=port, tls_context=certificates.context(certificates.good)
    )
    controller.start()
    try:
        common = {"username": "user@a.example", "ca_file": certificates.good, "timeout": 5}
        good = Account("localhost", port, token=lambda: "t0ken", **common)  # type: ignore[arg-type]
        assert "AUTH" in check_sign_in(good)
        bad = Account("localhost", port, token=lambda: "old", **common)  # type: ignore[arg-type]
        with pytest.raises(SendingStoppedError, match="refused the sign-in"):
            check_sign_in(bad)
    finally:
        controller.stop()


def test_a_missing_ca_file_is_a_setting() -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        check_sign_in(Account("localhost", 1, ca_file=Path("/nonexistent/ca.pem")))


def test_an_unknown_host() -> None:
    with pytest.raises(SendingStoppedError, match=r"no address|cannot be reached"):
        check_sign_in(Account("mail.invalid", 587, timeout=5))


def test_a_composed_message_arrives_byte_for_byte(start: Start, sink: Sink) -> None:
    composer = Composer(
        Letterhead(Mailbox("netz@bund.example", "Bund, für Städte"), "el", "lordimas.gr.bund.example")
    )
    token = "or-abcdefghijklmnopqrstuvwxyz"
    raw = composer.compose(
        Letter(
            token=token,
            message_id=f"<{token}@bund.example>",
            recipient=Mailbox("info@δήμος.example", "Δήμος"),
            date=datetime(2027, 3, 1, tzinfo=UTC),
            subject="Πρόσκληση",
            text=".\nΑξιότιμες κυρίες\n",
            html="<p>Αξιότιμες κυρίες</p>\n" * 500,
        )
    )
    account = Account("127.0.0.1", start(), Security.PLAIN, timeout=5)
    assert _send(account, [Mail(1, "netz@bund.example", "info@δήμος.example", raw)])[1].kind is K.ACCEPTED
    ((sender, recipients, content),) = sink.received
    assert (sender, recipients) == ("netz@bund.example", ["info@xn--jxalzmp.example"])
    assert content == raw
    message = message_from_bytes(content, policy=email.policy.default)
    assert message["Subject"] == "Πρόσκληση"
