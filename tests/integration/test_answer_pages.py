"""`outreach serve`: the pages behind the links of mails, on a real server and on both databases."""

from __future__ import annotations

import email
import re
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from pathlib import Path

import html5lib
import pytest

from outreach.db import schema
from outreach.delivery import tokens
from outreach.model.states import EngagementKind, InboundKind, InboxState, Intent, RegistrationState
from tests import databases, workspaces
from tests.desks import Desk
from tests.servers.sink import Sink

AALST = "info@aalst.example"
URL = "https://answers.test/outreach"
SESSION = """\
[session]
title = "A <session> & more"
start = 2027-06-04T10:00:00
end = 2027-06-04T12:00:00
time_zone = "Europe/Brussels"
place = "Town hall"
online = "https://meet.test/room"
"""


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    text: str
    headers: dict[str, str]


class Pages:
    """A desk, its first mail, and the server of the pages its links lead to."""

    def __init__(self, desk: Desk, mail: EmailMessage, port: int) -> None:
        self.desk = desk
        self.mail = mail
        self.token = str(mail["Message-ID"]).strip("<>").partition("@")[0]
        self._root = f"http://127.0.0.1:{port}"

    def path(self, name: str) -> str:
        return f"/a/{self.token}/nl/{name}"

    def get(self, path: str) -> Reply:
        return self._ask(urllib.request.Request(self._root + path))

    def post(self, path: str, **form: str) -> Reply:
        """The answer to the form, once it was led on."""
        data = urllib.parse.urlencode(form).encode()
        return self._ask(urllib.request.Request(self._root + path, data))

    def _ask(self, request: urllib.request.Request) -> Reply:
        try:
            with urllib.request.urlopen(request, timeout=20) as found:
                return Reply(found.status, found.read().decode(), dict(found.headers))
        except urllib.error.HTTPError as error:
            return Reply(error.code, error.read().decode(), dict(error.headers))

    def inbox(self) -> list[tuple[InboxState, str]]:
        return self.desk.rows(schema.inbound_message, "state", "subject")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(params=["sqlite", "postgresql"])
def pages(
    request: pytest.FixtureRequest, blank_workspace: Path, tmp_path: Path, smtp_sink: Sink
) -> Iterator[Pages]:
    url = databases.postgres_url() if request.param == "postgresql" else ""
    desk = Desk(
        blank_workspace, tmp_path / "w", smtp_port=smtp_sink.port, inbox="confirm = true", database=url
    )
    settings = desk.folder / "outreach.toml"
    settings.write_text(
        settings.read_text().replace('countries = ["BE"]', f'countries = ["BE"]\nanswer_url = "{URL}"')
    )
    campaign = desk.folder / "campaigns" / "trial.toml"
    campaign.write_text(campaign.read_text().replace("[audience]", SESSION + "[audience]"))
    if url:
        desk.type("db", "upgrade")
    desk.launch(("Aalst", AALST))
    assert desk.run().errors == []
    (sent,) = smtp_sink.accepted()
    port = free_port()
    server = workspaces.start("-w", desk.folder, "serve", "--port", port)
    try:
        wait_for(server, port)
        yield Pages(desk, email.message_from_bytes(sent.raw, policy=policy.default), port)
    finally:
        server.terminate()
        out, err = server.communicate(timeout=20)
        desk.close()
    assert "or-" not in out + err, "tokens are in no log"


def wait_for(server: subprocess.Popen[str], port: int) -> None:
    for _ in range(200):
        assert server.poll() is None, server.communicate()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("the server does not listen")


def test_from_the_mail_to_a_place_and_back(pages: Pages) -> None:
    """What a person does: opens a page, confirms, thinks again, and again."""
    body = pages.mail.get_body(("html",))
    assert body is not None
    links = re.findall(rf'href="{URL}(/a/[^"]*)"', body.get_content())
    assert pages.path("yes") in links
    assert pages.path("unsubscribe") in links
    plain = pages.mail.get_body(("plain",))
    assert plain is not None
    assert f"{URL}{pages.path('yes')}" in plain.get_content()
    assert "Er opent een" not in plain.get_content(), "no mail opens"

    asked = pages.get(pages.path("yes"))
    assert asked.status == 200
    assert "Aalst" in asked.text
    assert "A &lt;session&gt; &amp; more" in asked.text
    html5lib.HTMLParser(strict=True).parse(asked.text)
    assert pages.inbox() == [], "scanners open links: that is no answer"
    assert "default-src 'none'" in asked.headers["content-security-policy"]
    assert "set-cookie" not in asked.headers

    noted = pages.post(pages.path("online"), person="An <Peeters>\r\nBcc: x@evil.test", words="Tot dan!")
    assert (noted.status, 'role="status"' in noted.text) == (200, True)
    desk = pages.desk
    assert desk.rows(schema.registration, "state", "name") == [
        (RegistrationState.REGISTERED, "An <Peeters> Bcc: x@evil.test")
    ]
    assert (
        pages.post(pages.path("online"), person="An <Peeters>\r\nBcc: x@evil.test", words="Tot dan!").status
        == 200
    )
    assert len(pages.inbox()) == 1, "the same once more is no second answer"
    (text,) = desk.rows(schema.verdict, "text")
    assert text.startswith("Tot dan!")

    pages.post(pages.path("no"))
    assert desk.rows(schema.registration, "state") == [RegistrationState.CANCELLED]
    pages.post(pages.path("in_person"))
    assert desk.rows(schema.registration, "state") == [RegistrationState.REGISTERED]
    assert [state for state, _ in pages.inbox()] == [InboxState.DONE] * 3
    kept = desk.rows(schema.inbound_message, "raw")
    assert all("Bcc" not in email.message_from_bytes(raw) for raw in kept)
    assert EngagementKind.REGISTERED in desk.events()


def test_a_question_needs_words_and_goes_to_a_person(pages: Pages) -> None:
    asked = pages.post(pages.path("question"), words="  ")
    assert (asked.status, 'role="alert"' in asked.text) == (422, True)
    assert pages.inbox() == []
    assert pages.post(pages.path("question"), words="Kan het ook in juli?").status == 200
    ((state, subject),) = pages.inbox()
    assert state is InboxState.OPEN
    assert pages.token in subject
    assert pages.desk.rows(schema.verdict, "intent") == [Intent.QUESTION]
    shown = pages.desk.type("inbox", "list")
    assert "Aalst" in shown
    assert "Kan het ook in juli?" in pages.desk.type("inbox", "show", 1)


def test_one_click_stops(pages: Pages) -> None:
    header = str(pages.mail["List-Unsubscribe"])
    assert f"<{URL}/u/{pages.token}>" in header
    assert pages.mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    opened = pages.get(f"/u/{pages.token}")
    assert opened.status == 200
    assert "<button>" in opened.text
    assert pages.desk.rows(schema.suppression, "id") == [], "opening it is no click"
    for _ in range(2):
        assert pages.post(f"/u/{pages.token.upper()}", **{"List-Unsubscribe": "One-Click"}).status == 200
    assert pages.desk.rows(schema.suppression, "address") == [AALST]
    assert pages.desk.rows(schema.verdict, "kind") == [InboundKind.UNSUBSCRIBE]


def test_what_is_none_of_ours(pages: Pages) -> None:
    unknown = tokens.issue(pages.desk.workspace.key, b"12345678")
    for path in (
        f"/a/{unknown}/de/yes",
        "/a/or-aaaaaaaaaaaaaaaaaaaaaaaaaa/de/yes",
        f"/a/{pages.token}/nl/nothing",
        f"/a/{pages.token}/nl",
        f"/u/{unknown}",
        "/a/../../etc/passwd",
    ):
        assert pages.get(path).status == 404, path
        assert pages.post(path, words="x").status in (404,), path
    assert 'lang="de"' in pages.get(f"/a/{unknown}/de/yes").text
    assert "<script>" not in pages.get(f"/a/{unknown}/%22%3E%3Cscript%3E/yes").text
    assert pages.post(pages.path("question"), words="x" * 70_000).status == 413
    assert pages.inbox() == []


def test_thirty_answers_are_enough(pages: Pages) -> None:
    for number in range(31):
        found = pages.post(pages.path("no"), words=f"Nee, {number}.").status
    assert found == 429
    assert len(pages.inbox()) == 30


def test_no_sender_has_pages(blank_workspace: Path, tmp_path: Path) -> None:
    desk = Desk(blank_workspace, tmp_path / "w")
    done = workspaces.command("-w", desk.folder, "serve")
    assert done.code == 3
    assert "answer_url" in done.err
