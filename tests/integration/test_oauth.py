"""Sign-in by OAuth 2: a scripted token endpoint, and mail servers that check what they are given."""

from __future__ import annotations

import base64
import logging
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from outreach import imap, smtp
from outreach.errors import MailServerError, SettingsError
from outreach.jobs import accounts
from outreach.oauth import Client, Tokens
from outreach.settings import load
from tests.servers.tokens import TokenEndpoint

SECRET, REFRESH = "cl13nt-s3cret", "r3fresh-one"
USER = "netz@bund.example"


def answer(token: str, seconds: int = 3600, **more: str) -> tuple[int, dict[str, Any]]:
    return 200, {"token_type": "Bearer", "access_token": token, "expires_in": seconds, **more}


def refusal(error: str, description: str = "", status: int = 400) -> tuple[int, dict[str, Any]]:
    return status, {"error": error, "error_description": description}


def client(endpoint: TokenEndpoint, **changes: Any) -> Client:
    values = {
        "name": "senders.be.oauth",
        "token_url": endpoint.url,
        "client_id": "an-id",
        "client_secret": SECRET,
        "refresh_token": REFRESH,
        "scope": "mail",
        "timeout": 5.0,
    }
    return Client(**(values | changes))


def sasl(token: str) -> bytes:
    return f"user={USER}\x01auth=Bearer {token}\x01\x01".encode()


# --- the token endpoint


def test_a_refresh_token_buys_an_access_token_once() -> None:
    with TokenEndpoint(answer("one")) as endpoint:
        tokens = Tokens(client(endpoint))
        assert [tokens(), tokens()] == ["one", "one"]
    assert endpoint.asked == [
        {
            "grant_type": "refresh_token",
            "client_id": "an-id",
            "client_secret": SECRET,
            "refresh_token": REFRESH,
            "scope": "mail",
        }
    ]


def test_client_credentials() -> None:
    with TokenEndpoint(answer("one")) as endpoint:
        assert Tokens(client(endpoint, refresh_token=None))() == "one"
    assert endpoint.asked[0]["grant_type"] == "client_credentials"
    assert "refresh_token" not in endpoint.asked[0]


def test_a_token_is_not_used_in_its_last_minute() -> None:
    with TokenEndpoint(answer("one", 60), answer("two", 62)) as endpoint:
        tokens = Tokens(client(endpoint))
        assert [tokens(), tokens(), tokens()] == ["one", "two", "two"]


def test_connections_that_ask_together_share_one_token() -> None:
    with TokenEndpoint(answer("one"), answer("two")) as endpoint:
        tokens = Tokens(client(endpoint))
        got: list[str] = []
        threads = [threading.Thread(target=lambda: got.append(tokens())) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert got == ["one"] * 10
        got.clear()
        threads = [threading.Thread(target=lambda: got.append(tokens.renew("one"))) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert got == ["two"] * 10
        assert len(endpoint.asked) == 2


def test_a_new_refresh_token_is_written_to_its_file(tmp_path: Path) -> None:
    file = tmp_path / "senders__be__oauth__refresh_token"
    file.write_text(REFRESH)
    file.chmod(0o644)
    with TokenEndpoint(answer("one", 0, refresh_token="r3fresh-two"), answer("two")) as endpoint:
        tokens = Tokens(client(endpoint), file)
        tokens()
        assert file.read_text() == "r3fresh-two\n"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        tokens()
        assert [form["refresh_token"] for form in endpoint.asked] == [REFRESH, "r3fresh-two"]
    assert list(tmp_path.iterdir()) == [file]


def test_a_new_refresh_token_that_cannot_be_kept_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with TokenEndpoint(answer("one", refresh_token="r3fresh-two")) as endpoint:
        Tokens(client(endpoint))()
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "secrets/senders__be__oauth__refresh_token" in record.getMessage()
    assert "r3fresh" not in caplog.text


def test_a_refresh_token_that_another_process_wrote_is_used(tmp_path: Path) -> None:
    file = tmp_path / "senders__be__oauth__refresh_token"
    file.write_text("r3fresh-two\n")
    with TokenEndpoint(refusal("invalid_grant"), answer("one")) as endpoint:
        assert Tokens(client(endpoint), file)() == "one"
        assert endpoint.asked[1]["refresh_token"] == "r3fresh-two"


def test_a_sign_in_that_has_ended(tmp_path: Path) -> None:
    said = f"AADSTS700082: The refresh token {REFRESH} has expired.\r\nTrace ID: 1"
    file = tmp_path / "senders__be__oauth__refresh_token"
    with TokenEndpoint(refusal("invalid_grant", said)) as endpoint:
        with pytest.raises(MailServerError, match="has ended") as raised:
            Tokens(client(endpoint), file)()
        assert len(endpoint.asked) == 1
    assert "AADSTS700082: The refresh token ... has expired)." in raised.value.message
    assert raised.value.remedy.startswith("Sign in again: ")
    assert str(file) in raised.value.remedy
    assert REFRESH not in str(raised.value)


@pytest.mark.parametrize(
    ("script", "kind", "words"),
    [
        (refusal("invalid_client", f"bad {SECRET}", 401), SettingsError, "does not accept the application"),
        (refusal("unauthorized_client"), SettingsError, "unauthorized_client"),
        (refusal("invalid_scope", "AADSTS1: no"), SettingsError, "does not understand"),
        (refusal("temporarily_unavailable"), MailServerError, "temporarily_unavailable"),
        ((503, b"busy"), MailServerError, "503"),
        ((429, b""), MailServerError, "429"),
        ((400, b"<html>"), MailServerError, "400"),
        ((307, b""), MailServerError, "307"),
        ((200, b"<html>"), MailServerError, "not JSON"),
        ((200, [1]), MailServerError, "not JSON"),
        ((200, {}), MailServerError, "no access token"),
        (answer("a\r\nb"), MailServerError, "no access token"),
        ((200, {"access_token": "x", "token_type": "mac"}), MailServerError, "another kind"),
    ],
)
def test_what_goes_wrong_is_a_sentence(script: tuple[int, Any], kind: type[Exception], words: str) -> None:
    with TokenEndpoint(script) as endpoint:
        with pytest.raises(kind, match=words) as raised:
            Tokens(client(endpoint))()
        assert len(endpoint.asked) == 1
    text = str(raised.value)
    assert "senders.be.oauth" in text
    assert SECRET not in text
    assert "\n" not in text


def test_an_endpoint_that_is_away() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    gone = Client("senders.be.oauth", f"http://127.0.0.1:{port}/", "id", SECRET)
    with pytest.raises(MailServerError, match=r"127\.0\.0\.1: .*refused"):
        Tokens(gone)()


def test_an_endpoint_that_stays_silent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(MailServerError, match=r"no answer within 0\.2 seconds"):
            Tokens(Client("senders.be.oauth", f"http://127.0.0.1:{port}/", "id", SECRET, timeout=0.2))()


@pytest.mark.parametrize("url", ["http://login.bund.example/token", "ftp://127.0.0.1/", "file:///etc/passwd"])
def test_secrets_go_nowhere_without_encryption(url: str) -> None:
    with pytest.raises(SettingsError, match="without encryption"):
        Client("senders.be.oauth", url, "id", SECRET)


def test_no_secret_in_a_repr() -> None:
    shown = repr(Client("n", "https://login.bund.example/", "id", SECRET, REFRESH))
    assert SECRET not in shown
    assert REFRESH not in shown


# --- the mail servers


class _Lines:
    def __init__(self, connection: socket.socket) -> None:
        self._file = connection.makefile("rb")
        self._connection = connection

    def read(self) -> bytes:
        return self._file.readline().rstrip(b"\r\n")

    def write(self, *lines: bytes) -> None:
        self._connection.sendall(b"".join(line + b"\r\n" for line in lines))


def _talk_smtp(lines: _Lines, good: str, given: list[bytes]) -> None:
    lines.write(b"220 ready")
    while command := lines.read():
        if command.startswith(b"EHLO"):
            lines.write(b"250-here", b"250 AUTH XOAUTH2")
        elif command.startswith(b"AUTH XOAUTH2 "):
            given.append(base64.b64decode(command[13:]))
            if given[-1] == sasl(good):
                lines.write(b"235 2.7.0 accepted")
            else:  # the reason, then the end after an empty line, as Google and Microsoft do
                lines.write(b"334 " + base64.b64encode(b'{"status":"400"}'))
                assert lines.read() == b""
                lines.write(b"535 5.7.8 not accepted")
                return
        elif command == b"QUIT":
            lines.write(b"221 bye")
            return
        else:
            lines.write(b"500 not now")


def _talk_imap(lines: _Lines, good: str, given: list[bytes]) -> None:
    lines.write(b"* OK ready")
    while line := lines.read():
        tag, _, command = line.partition(b" ")
        if command == b"CAPABILITY":
            lines.write(b"* CAPABILITY IMAP4rev1 AUTH=XOAUTH2")
        elif command == b"AUTHENTICATE XOAUTH2":
            lines.write(b"+ ")
            given.append(base64.b64decode(lines.read()))
            if given[-1] != sasl(good):
                lines.write(b"+ " + base64.b64encode(b'{"status":"400"}'))
                assert lines.read() == b""
                lines.write(tag + b" NO [AUTHENTICATIONFAILED] not accepted")
                continue
        elif command.startswith(b"EXAMINE"):
            lines.write(b"* 0 EXISTS", b"* OK [UIDVALIDITY 7] ok", b"* OK [UIDNEXT 1] ok")
        elif command == b"LOGOUT":
            lines.write(b"* BYE", tag + b" OK bye")
            return
        lines.write(tag + b" OK done")


@contextmanager
def mail_server(talk: Any, good: str) -> Iterator[tuple[int, list[bytes]]]:
    """One connection after the other, until nobody comes; what was given as sign-in is kept."""
    given: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(10)
                    talk(_Lines(connection), good, given)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1], given
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def visit(protocol: str, port: int, token: Any, renew: Any = None) -> None:
    common = {"host": "127.0.0.1", "port": port, "username": USER, "timeout": 5.0}
    if protocol == "smtp":
        smtp.check_sign_in(smtp.Account(**common, security=smtp.Security.PLAIN, token=token, renew=renew))
    else:
        account = imap.Account(**common, security=imap.Security.PLAIN, token=token, renew=renew)
        with imap.open_mailbox(account) as mailbox:
            assert mailbox.uidvalidity == 7


TALKS = {"smtp": _talk_smtp, "imap": _talk_imap}
both = pytest.mark.parametrize("protocol", ["smtp", "imap"])


@both
def test_the_server_gets_the_token(protocol: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with TokenEndpoint(answer("t0ken")) as endpoint, mail_server(TALKS[protocol], "t0ken") as (port, given):
        tokens = Tokens(client(endpoint))
        visit(protocol, port, tokens, tokens.renew)
    assert given == [sasl("t0ken")]
    for hidden in ("t0ken", SECRET, REFRESH, base64.b64encode(sasl("t0ken")).decode()):
        assert hidden not in caplog.text


@both
def test_a_token_refused_before_its_end_is_replaced_once(protocol: str) -> None:
    with (
        TokenEndpoint(answer("old"), answer("new")) as endpoint,
        mail_server(TALKS[protocol], "new") as (port, given),
    ):
        tokens = Tokens(client(endpoint))
        visit(protocol, port, tokens, tokens.renew)
        visit(protocol, port, tokens, tokens.renew)
        assert len(endpoint.asked) == 2
    assert given == [sasl("old"), sasl("new"), sasl("new")]


@both
def test_a_server_that_takes_no_token_is_asked_twice_only(protocol: str) -> None:
    with (
        TokenEndpoint(answer("t0ken1"), answer("t0ken2")) as endpoint,
        mail_server(TALKS[protocol], "other") as (port, given),
    ):
        tokens = Tokens(client(endpoint))
        with pytest.raises(MailServerError, match=f"refused the sign-in of {USER}") as raised:
            visit(protocol, port, tokens, tokens.renew)
    assert given == [sasl("t0ken1"), sasl("t0ken2")]
    assert "t0ken" not in str(raised.value)
    assert "scope" in raised.value.remedy


@both
def test_a_sign_in_that_has_ended_stops_the_sender(protocol: str) -> None:
    with (
        TokenEndpoint(refusal("invalid_grant", "expired")) as endpoint,
        mail_server(TALKS[protocol], "good") as (port, given),
        pytest.raises(MailServerError, match=r"has ended \(invalid_grant: expired\)") as raised,
    ):
        visit(protocol, port, Tokens(client(endpoint)))
    assert raised.value.remedy.startswith("Sign in again")
    assert given == []


# --- the settings


def workspace(root: Path, oauth: str) -> Any:
    (root / "secrets").mkdir()
    (root / "secrets" / "key").write_text("k" * 32)
    (root / "secrets" / "senders__be__oauth__client_secret").write_text(SECRET)
    (root / "secrets" / "senders__be__oauth__refresh_token").write_text(REFRESH + "\n")
    (root / "outreach.toml").write_text(
        f"""
[senders.be]
from = "Netz <{USER}>"
controller = "Bund"
postal_address = "Platz 1"
countries = ["BE"]
smtp = {{ host = "smtp.bund.example", username = "{USER}" }}
imap = {{ host = "imap.bund.example", username = "{USER}" }}
[senders.be.oauth]
client_id = "an-id"
{oauth}
"""
    )
    return load(root)


def test_both_servers_share_a_token_and_its_file(tmp_path: Path) -> None:
    with TokenEndpoint(answer("one", refresh_token="r3fresh-two")) as endpoint:
        place = workspace(tmp_path, f'token_url = "{endpoint.url}"')
        sending, reading = accounts.smtp(place, "be"), accounts.imap(place, "be")
        assert sending.token is not None
        assert reading.token is not None
        assert (sending.token(), reading.token()) == ("one", "one")
        assert len(endpoint.asked) == 1
    assert (tmp_path / "secrets/senders__be__oauth__refresh_token").read_text() == "r3fresh-two\n"
    assert SECRET not in repr(place.settings)
    assert REFRESH not in repr(sending) + repr(reading) + repr(place.settings)


def test_a_token_from_the_environment_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OUTREACH_SENDERS__BE__OAUTH__REFRESH_TOKEN", "r3fresh-env")
    with TokenEndpoint(answer("one", refresh_token="r3fresh-two")) as endpoint:
        place = workspace(tmp_path, f'token_url = "{endpoint.url}"')
        token = accounts.smtp(place, "be").token
        assert token is not None
        assert token() == "one"
        assert endpoint.asked[0]["refresh_token"] == "r3fresh-env"
    assert (tmp_path / "secrets/senders__be__oauth__refresh_token").read_text() == REFRESH + "\n"
    assert "cannot be kept" in caplog.text


def test_a_tenant_stands_for_the_addresses_of_microsoft(tmp_path: Path) -> None:
    oauth = workspace(tmp_path, 'tenant = "bund.example"').settings.sender("be").oauth
    assert oauth.url == "https://login.microsoftonline.com/bund.example/oauth2/v2.0/token"
    assert "https://outlook.office.com/SMTP.Send" in oauth.asked_scope
    alone = oauth.model_copy(update={"refresh_token": None})
    assert alone.asked_scope == "https://outlook.office365.com/.default"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "give either tenant"),
        ('tenant = "a"\ntoken_url = "https://b.example/"', "give either tenant"),
        ('tenant = "../x"', "is no tenant"),
        ('token_url = "http://login.bund.example/"', "https://"),
    ],
)
def test_settings_that_cannot_be(tmp_path: Path, line: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words) as raised:
        workspace(tmp_path, line)
    assert "senders.be.oauth" in raised.value.message
