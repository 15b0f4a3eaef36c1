"""The report by mail: once a week, whatever overlaps or dies; each reader its countries, in its language."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from outreach import clock, settings
from outreach.db import digests, schema, senders
from outreach.db.engine import Database
from outreach.jobs.digest_dates import last, readers
from outreach.jobs.idle import nothing_to_do
from outreach.jobs.run import RunReport, run
from outreach.model.states import (
    CampaignState,
    EngagementKind,
    InboxState,
    MessageState,
    ProposalReason,
    ProposalState,
)
from outreach.settings import Workspace
from outreach.settings.digest import Digest
from tests import databases, histories, workspaces
from tests.servers.sink import Sink
from tests.workspaces import command

#: A Wednesday; reports go on Mondays at seven.
WEDNESDAY = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
MONDAY = datetime(2026, 3, 9, 9, 0, tzinfo=UTC)
WEEK = timedelta(days=7)
OASC = "coordination@oasc.example"


class House:
    """A workspace of two members, with campaigns that went out a while ago."""

    def __init__(self, folder: Path, port: int, url: str | None = None, more: str = "") -> None:
        smtp = {"host": "127.0.0.1", "port": port, "security": "plain"}
        text = f'database = "{url}"\n' if url else ""
        text += workspaces.sender("vvsg", "digitaal@vvsg.example", ["BE"], smtp)
        text += workspaces.sender("kede", "digital@kede.example", ["GR"], smtp)
        workspaces.create(folder, text + f'[digest]\ncoordinators = ["OASC <{OASC}>"]\n' + more)
        self.workspace: Workspace = settings.load(folder)
        self.database = Database(self.workspace.database_url)
        self.now = WEDNESDAY
        self.towns: dict[str, list[tuple[int, int, int, int]]] = {}
        with self.database.write() as connection:
            for name, sender, towns in (("lordimas-be", "vvsg", 40), ("lordimas-gr", "kede", 60)):
                campaign = histories.add_campaign(
                    connection,
                    name,
                    sender=sender,
                    title="LORDIMAS",
                    state=CampaignState.FINISHED,
                    launched_at=WEDNESDAY - 3 * WEEK,
                )
                histories.add_content(connection, campaign, "invitation")
                self.towns[name] = []
                for _ in range(towns):
                    town = histories.add_municipality(connection, name[-2:].upper())
                    recipient = histories.add_recipient(connection, campaign, town)
                    message = histories.add_message(
                        connection,
                        recipient,
                        sender=sender,
                        state=MessageState.SENT,
                        sent_at=WEDNESDAY - 3 * WEEK,
                    )
                    self.towns[name].append((campaign, town, recipient, message))

    def answered(self, name: str, number: int) -> None:
        """So many more municipalities answer."""
        with self.database.write() as connection:
            for campaign, town, recipient, message in self.towns[name][:number]:
                histories.add(
                    connection,
                    schema.engagement,
                    at=self.now - timedelta(hours=1),
                    kind=EngagementKind.ANSWERED,
                    campaign_id=campaign,
                    municipality_id=town,
                    recipient_id=recipient,
                    message_id=message,
                )
        del self.towns[name][:number]

    def run(self, at: datetime | None = None) -> RunReport:
        self.now = at or self.now
        return run(self.workspace, self.database, lambda: self.now)

    def rows(self) -> list[Any]:
        with self.database.read() as connection:
            return list(connection.execute(sa.select(schema.digest).order_by(schema.digest.c.id)).all())


@pytest.fixture
def house(tmp_path: Path, smtp_sink: Sink) -> Iterator[House]:
    made = House(tmp_path / "w", smtp_sink.port)
    yield made
    made.database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest, tmp_path: Path, smtp_sink: Sink) -> Iterator[House]:
    url = None if request.param == "sqlite" else databases.postgres_url()
    made = House(tmp_path / "w", smtp_sink.port, url)
    yield made
    made.database.close()


def mails(sink: Sink) -> dict[str, EmailMessage]:
    """What arrived, by recipient: one each."""
    found = sink.accepted()
    assert len({one.recipients for one in found}) == len(found), "one arrived twice"
    return {one.recipients[0]: _read(one.raw) for one in found}


def _read(data: bytes) -> EmailMessage:
    message = message_from_bytes(data, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def text(message: EmailMessage, kind: str = "plain") -> str:
    body = message.get_body((kind,))
    assert body is not None
    return str(body.get_content())


def test_the_first_run_keeps_the_figures_and_the_next_week_tells_what_changed(
    either: House, smtp_sink: Sink
) -> None:
    either.answered("lordimas-be", 3)
    assert either.run().did_nothing
    assert [row.state for row in either.rows()] == [MessageState.SKIPPED] * 3
    either.answered("lordimas-be", 7)
    either.answered("lordimas-gr", 20)
    report = either.run(MONDAY)
    assert report.digests.states == {MessageState.SENT: 3}
    assert report.errors == []
    found = mails(smtp_sink)
    assert set(found) == {"digitaal@vvsg.example", "digital@kede.example", OASC}
    flemish = found["digitaal@vvsg.example"]
    assert flemish["Subject"] == "De week in cijfers: Sinds 4 maart 2026 hebben 7 gemeenten geantwoord"
    assert flemish["Content-Language"] == "nl"
    assert "Geantwoord: 10 · 25% (+7)" in text(flemish)
    assert "60" not in text(flemish), "a member sees nothing of another country"
    assert "GR" not in text(flemish)
    assert "20 δήμοι απάντησαν" in text(found["digital@kede.example"])
    again = either.run(MONDAY + timedelta(hours=1))
    assert again.did_nothing
    assert len(smtp_sink.accepted()) == 3
    assert [row.data for row in either.rows()] == [None] * 6, "a mail that has gone is not kept"


def test_the_coordinators_figures_are_rounded_and_so_are_their_changes(house: House, smtp_sink: Sink) -> None:
    house.run()
    house.answered("lordimas-be", 1)
    house.run(MONDAY)
    shown = text(mails(smtp_sink)[OASC])
    assert "All counts are multiples of 5" in shown
    for line in shown.splitlines():
        if line.startswith("  ") and ":" in line and "outreach" not in line:
            for number in line.split(":", 1)[1].replace("±", "").replace("+", "").split():
                digits = number.strip("()−,")
                if digits.isdigit():
                    assert int(digits) % 5 == 0, line


def test_the_mail_has_both_texts_and_the_chart_within(house: House, smtp_sink: Sink) -> None:
    house.answered("lordimas-be", 8)
    house.run()
    house.run(MONDAY)
    message = mails(smtp_sink)["digitaal@vvsg.example"]
    assert message.get_content_type() == "multipart/alternative"
    plain, related = message.iter_parts()
    assert (plain.get_content_type(), related.get_content_type()) == ("text/plain", "multipart/related")
    html, picture = related.iter_parts()
    cid = str(picture["Content-ID"]).strip("<>")
    assert f'src="cid:{cid}"' in html.get_content()
    assert picture.get_content().startswith(b"\x89PNG\r\n")
    assert 'alt="LORDIMAS: antwoorden, in procent van de bereikte gemeenten' in html.get_content()
    assert "20%" in html.get_content()
    assert message["List-Unsubscribe"] is None, "a colleague does not unsubscribe"
    assert message["Auto-Submitted"] == "auto-generated"
    assert "://" not in html.get_content(), "nothing is loaded from elsewhere"


def test_what_waits_for_a_person_is_said_to_those_who_can_do_it(house: House, smtp_sink: Sink) -> None:
    house.run()
    with house.database.write() as connection:
        campaign, town, recipient, message = house.towns["lordimas-be"][0]
        for number, state in enumerate((InboxState.OPEN, InboxState.OPEN, InboxState.ASIDE)):
            histories.add(
                connection,
                schema.inbound_message,
                sender="vvsg",
                folder="INBOX",
                uidvalidity=1,
                uid=number + 1,
                digest=f"d{number}",
                state=state,
                subject="",
                received_at=WEDNESDAY,
            )
        for step, state in (("late", MessageState.MISSED), ("lost", MessageState.UNCERTAIN)):
            histories.add_message(connection, recipient, step, sender="vvsg", state=state)
        histories.add(
            connection,
            schema.proposal,
            message_id=message,
            municipality_id=town,
            reason=ProposalReason.REFERRAL,
            state=ProposalState.OPEN,
            created_at=WEDNESDAY,
        )
        paused = {"state": CampaignState.PAUSED, "paused_reason": "elections"}
        connection.execute(
            sa.update(schema.campaign).where(schema.campaign.c.id == campaign).values(**paused)
        )
        senders.rest(connection, "kede", MONDAY + WEEK, "the sign-in was refused", MONDAY)
    assert house.run(MONDAY).digests.states == {MessageState.SENT: 2}, (
        "a sender that rests sends no report either"
    )
    found = mails(smtp_sink)
    shown = text(found["digitaal@vvsg.example"])
    for words in (
        "Wacht op een mens",
        "Te lezen antwoorden: 2",
        "Berichten die niet verwerkt konden worden: 1",
        "E-mails waarvan onzeker is of ze verzonden zijn: 1",
        "E-mails waarvan de laatste dag voorbij is: 1",
        "Voorgestelde contacten: 1",
        "lordimas-be: elections",
        "outreach messages list --state uncertain",
    ):
        assert words in shown
    assert "kede" not in shown
    everywhere = text(found[OASC])
    assert "kede: the sign-in was refused" in everywhere
    assert "Answers to be read: 2" in everywhere
    assert "outreach inbox" not in everywhere, "a coordinator reads no answer"
    assert house.run(MONDAY + WEEK).digests.states == {MessageState.SENT: 3}
    late = [row for row in house.rows() if row.state is MessageState.MISSED]
    assert [row.scope for row in late] == ["kede"], "what could not go is not sent beside the newer one"


def reported(house: House) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(command("-w", house.workspace.root, "report", "--json").ok().out)
    del found["made_at"]
    return found


def test_reports_count_no_report(house: House, smtp_sink: Sink) -> None:
    before = reported(house)
    house.run()
    house.run(MONDAY)
    assert len(smtp_sink.accepted()) == 3
    assert reported(house) == before
    with house.database.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(schema.attempt)).scalar_one() == 0


def test_a_suppressed_colleague_still_gets_it(house: House, smtp_sink: Sink) -> None:
    command("-w", house.workspace.root, "suppress", "add", OASC).ok()
    house.run()
    house.run(MONDAY)
    assert OASC in mails(smtp_sink)


DEATHS: dict[str, tuple[datetime | None, MessageState]] = {
    "before the mark": (None, MessageState.SENT),
    "after the mark": (MONDAY, MessageState.UNCERTAIN),
}


@pytest.mark.parametrize("when", DEATHS)
def test_a_run_that_died_is_taken_up_and_nothing_goes_twice(
    either: House, smtp_sink: Sink, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows as a run leaves them that is killed: what was not marked certainly did not go."""
    handed_at, state = DEATHS[when]
    either.run()
    monkeypatch.setattr("outreach.jobs.digest_mail._send", lambda *_: None)
    either.run(MONDAY)
    monkeypatch.undo()
    assert [row.state for row in either.rows()[3:]] == [MessageState.QUEUED] * 3
    import socket
    from hashlib import sha256

    root = either.workspace.root.resolve()
    dead = f"{socket.gethostname()}-{sha256(str(root).encode()).hexdigest()[:8]}-1-dead"
    with either.database.write() as connection:
        claimed = digests.claim(connection, "kede", dead, MONDAY + WEEK, MONDAY, 9)
        if handed_at is not None:
            digests.hand_over(connection, [one.id for one in claimed], dead, handed_at)
    either.run(MONDAY + timedelta(minutes=5))
    by_scope = {row.scope: row.state for row in either.rows()[3:]}
    assert by_scope == {"vvsg": MessageState.SENT, "*": MessageState.SENT, "kede": state}
    assert ("digital@kede.example" in mails(smtp_sink)) is (state is MessageState.SENT)


def test_two_runs_at_once_make_one(either: House, smtp_sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other run writes the row just before ours does."""
    from outreach.jobs import digest_mail

    either.run()
    real: Callable[..., Any] = digest_mail.make
    inside = False

    def slowly(*arguments: Any) -> Any:
        nonlocal inside
        if not inside:
            inside = True
            run(either.workspace, either.database, lambda: MONDAY)
        return real(*arguments)

    monkeypatch.setattr("outreach.jobs.digest_mail.make", slowly)
    either.run(MONDAY)
    assert len(mails(smtp_sink)) == 3
    assert len(either.rows()) == 6


def test_a_server_that_cannot_be_used_gets_it_later(tmp_path: Path, smtp_sink: Sink) -> None:
    house = House(tmp_path / "w", 9)
    house.run()
    report = house.run(MONDAY)
    assert report.exit_code == 6
    assert any("reports by mail" in error for error in report.errors)
    assert {row.state for row in house.rows()[3:]} == {MessageState.DEFERRED}
    assert all(row.data is not None for row in house.rows()[3:])
    toml = house.workspace.root / "outreach.toml"
    toml.write_text(toml.read_text().replace("port = 9", f"port = {smtp_sink.port}"))
    house.workspace = settings.load(house.workspace.root)
    assert house.run(MONDAY + timedelta(minutes=10)).digests.states == {MessageState.SENT: 3}
    assert len(mails(smtp_sink)) == 3
    house.database.close()


def test_an_idle_run_knows_without_the_database(house: House) -> None:
    house.run()
    assert nothing_to_do(house.workspace, house.now)
    assert nothing_to_do(house.workspace, datetime(2026, 3, 9, 4, 59, tzinfo=UTC))
    assert not nothing_to_do(house.workspace, datetime(2026, 3, 9, 5, 1, tzinfo=UTC)), "seven in Greece"
    house.run(MONDAY)
    assert nothing_to_do(house.workspace, MONDAY)
    with closing(sqlite3.connect(house.workspace.root / "outreach.db")) as connection, connection:
        connection.execute("UPDATE digest SET state = 'deferred' WHERE id = 4")
    assert not nothing_to_do(house.workspace, MONDAY)


def test_commands_show_it_before_it_goes(house: House, smtp_sink: Sink, tmp_path: Path) -> None:
    root = house.workspace.root
    clock.move_to(MONDAY)
    listed = command("-w", root, "report", "digest").ok().out
    assert "digitaal@vvsg.example" in listed
    assert "not made" in listed
    shown = command("-w", root, "report", "digest", "--preview", "--dir", tmp_path / "out").ok().out
    assert len(shown.split()) == 9
    page = (tmp_path / "out" / "vvsg.html").read_text()
    assert "De week in cijfers" in page
    assert "cid:" not in page
    command("-w", root, "report", "digest", "--sender", "kede", "--to", "me@kede.example").ok()
    (test,) = smtp_sink.accepted()
    assert test.recipients == ("me@kede.example",)
    assert str(_read(test.raw)["Subject"]).startswith("[Test] Η εβδομάδα σε αριθμούς")
    assert house.rows() == [], "a preview and a test leave nothing behind"
    for words, code in (
        (("--sender", "nobody"), 4),
        (("--to", "me"), 4),
    ):
        done = command("-w", root, "report", "digest", *words)
        assert (done.code, len(done.err.splitlines())) == (code, 2), done
    nothing = workspaces.create(tmp_path / "none")
    assert "no section [digest]" in command("-w", nothing, "report", "digest").ok().out
    assert command("-w", nothing, "report", "digest", "--preview").code == 5


SETTINGS: tuple[tuple[str, str], ...] = (
    ('coordinators = ["nobody"]', "'nobody' is no mail address"),
    ("hour = 24", "digest.hour"),
    ('every = "day"', "digest.every"),
    ('time_zone = "Europe/Atlantis"', "is no time zone"),
    ('language = "tlh"', "digest.language"),
)


@pytest.mark.parametrize(("line", "words"), SETTINGS)
def test_settings_that_cannot_be(house: House, line: str, words: str) -> None:
    toml = house.workspace.root / "outreach.toml"
    toml.write_text(toml.read_text().partition("[digest]")[0] + f"[digest]\n{line}\n")
    done = command("-w", house.workspace.root, "report", "digest")
    assert (done.code, words in done.err) == (3, True), done


def test_a_sender_of_reports_that_is_none_keeps_no_mail_from_going(house: House) -> None:
    toml = house.workspace.root / "outreach.toml"
    toml.write_text(toml.read_text() + 'sender = "gone"\n')
    house.workspace = settings.load(house.workspace.root)
    report = house.run()
    assert report.exit_code == 3
    assert "there is no such sender" in report.errors[0]


DATES: tuple[tuple[Digest, datetime, str, datetime], ...] = (
    (Digest(), datetime(2026, 3, 9, 5, 59, tzinfo=UTC), "2026-W10", datetime(2026, 3, 2, 6, tzinfo=UTC)),
    (Digest(), datetime(2026, 3, 9, 6, tzinfo=UTC), "2026-W11", datetime(2026, 3, 9, 6, tzinfo=UTC)),
    (Digest(), datetime(2026, 3, 30, 5, tzinfo=UTC), "2026-W14", datetime(2026, 3, 30, 5, tzinfo=UTC)),  # summer
    (Digest(weekday="Sun"), datetime(2027, 1, 1, tzinfo=UTC), "2026-W52", datetime(2026, 12, 27, 6, tzinfo=UTC)),
    (Digest(every="month"), datetime(2026, 3, 1, 6, tzinfo=UTC), "2026-03", datetime(2026, 3, 1, 6, tzinfo=UTC)),
    (Digest(every="month", day=28), datetime(2026, 3, 1, tzinfo=UTC), "2026-02", datetime(2026, 2, 28, 6, tzinfo=UTC)),
    (Digest(every="month"), datetime(2026, 1, 1, tzinfo=UTC), "2025-12", datetime(2025, 12, 1, 6, tzinfo=UTC)),
)  # fmt: skip


@pytest.mark.parametrize(("digest", "now", "period", "due_at"), DATES)
def test_which_week_or_month_it_is_time_for(
    digest: Digest, now: datetime, period: str, due_at: datetime
) -> None:
    assert last(digest, "Europe/Brussels", now) == (period, due_at)


def test_who_gets_it_and_in_which_language(house: House) -> None:
    toml = house.workspace.root / "outreach.toml"
    toml.write_text(
        toml.read_text()
        + '\n[senders.vvsg.digest]\nto = ["An <an@vvsg.example>", "jan@vvsg.example"]\nlanguage = "fr"\n'
        + "[senders.kede.digest]\nto = []\n"
    )
    found = list(readers(settings.load(house.workspace.root).settings, MONDAY))
    assert [(one.email, one.name, one.language) for one in found] == [
        ("an@vvsg.example", "An", "fr"),
        ("jan@vvsg.example", "", "fr"),
        (OASC, "OASC", "en"),
    ]
