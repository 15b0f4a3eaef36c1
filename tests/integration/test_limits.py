"""A sender stays inside its limits: over processes, restarts, throttling, full domains; and stops in time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from outreach import clock, settings
from outreach.db import outcomes, schema, senders
from outreach.db.engine import Database
from outreach.doctor.limits import check_limits
from outreach.jobs.forecast import of_campaign
from outreach.jobs.send_mail import send
from outreach.model.states import (
    WAITING_MESSAGE_STATES,
    CampaignState,
    EngagementKind,
    MessageState,
    OutcomeKind,
)
from outreach.model.values import Outcome
from tests import databases, workspaces
from tests.desks import HOURS, MONDAY, Desk
from tests.servers.sink import Sink

Make = Callable[..., Desk]
CAMPAIGN = ("trial", "--country", "BE")


@pytest.fixture
def make(blank_workspace: Path, tmp_path: Path, smtp_sink: Sink) -> Iterator[Make]:
    """A desk whose campaign is launched to these addresses, or to so many."""
    made: list[Desk] = []

    def make(to: int | list[str], **options: object) -> Desk:
        desk = Desk(blank_workspace, tmp_path / "w", smtp_port=smtp_sink.port, **options)  # type: ignore[arg-type]
        emails = to if isinstance(to, list) else [f"info@dorp{number}.example" for number in range(to)]
        desk.launch(*((f"Dorp {number}", email) for number, email in enumerate(emails)))
        made.append(desk)
        return desk

    yield make
    clock.reset()
    for desk in made:
        desk.close()


def domains(sink: Sink) -> Counter[str]:
    return Counter(one.recipients[0].partition("@")[2] for one in sink.accepted())


class TestThreeProcesses:
    """Each a process of its own, on one database, at the same moment."""

    @pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
    def test_every_limit_holds_over_all_of_them(self, tmp_path: Path, smtp_sink: Sink, kind: str) -> None:
        url = databases.postgres_url() if kind == "postgresql" else ""
        limits = {"connections": 3, "per_minute": 20, "per_hour": 35, "per_domain_per_minute": 4}
        folder = self.launched(tmp_path / "w", smtp_sink, limits, url)
        smtp_sink.behaviour.reply_delay = 0.02  # long enough for all three to be at work
        self.run(folder, 3)
        assert len(smtp_sink.accepted()) == 20
        assert max(domains(smtp_sink).values()) == 4
        assert smtp_sink.most_open <= 3
        self.run(folder, 3)
        assert len(smtp_sink.accepted()) == 20, "a restart gives nothing away"
        self.an_hour_less(folder, url, minutes=2)
        self.run(folder, 3)
        assert len(smtp_sink.accepted()) == 35, "the hour is full"
        assert max(domains(smtp_sink).values()) <= 8
        self.an_hour_less(folder, url, minutes=59)
        self.run(folder, 3)
        assert len(smtp_sink.accepted()) == 55
        assert set(smtp_sink.message_ids().values()) == {1}
        assert smtp_sink.most_open <= 3

    @pytest.mark.parametrize("connections", [1, 2, 5])
    def test_their_connections_together_are_not_more_than_one_may_have(
        self, tmp_path: Path, smtp_sink: Sink, connections: int
    ) -> None:
        limits = {"connections": connections, "per_minute": 100_000}
        folder = self.launched(tmp_path / "w", smtp_sink, limits, mails=150)
        smtp_sink.behaviour.reply_delay = 0.01
        runs = [workspaces.start_warm("-w", folder, "send") for _ in range(3)]
        smtp_sink.wait(20)
        runs[0].kill()  # perhaps with all the connections
        runs[0].join()
        runs.append(workspaces.start_warm("-w", folder, "send"))
        for one in runs[1:]:
            one.join(60)
            assert one.exitcode == 0
        workspaces.command("-w", folder, "send").ok()
        # one that was killed may still be seen by the server while the next already calls
        assert smtp_sink.most_open <= 2 * connections
        assert set(smtp_sink.message_ids().values()) == {1}
        states = Counter(self.states(folder))
        assert states[MessageState.SENT] + states[MessageState.UNCERTAIN] == 150
        assert states[MessageState.UNCERTAIN] <= connections

    @staticmethod
    def launched(folder: Path, sink: Sink, limits: dict[str, int], url: str = "", mails: int = 120) -> Path:
        smtp = {"host": "127.0.0.1", "port": sink.port, "security": "plain"}
        settings = workspaces.sender("be", "digital@office.example", ["BE"], smtp=smtp, limits=limits)
        workspaces.create(folder, (f'database = "{url}"\n' if url else "") + settings)
        rows = ((f"Dorp {n}", f"info{n}@host{n % 12 if n > 60 else 0}.example", "nl") for n in range(mails))
        towns = workspaces.write_list(folder / "towns.csv", rows)
        for arguments in (
            ("contacts", "import", towns, "--country", "BE", "--apply"),
            ("campaigns", "check", "lordimas", "--country", "BE"),
            ("campaigns", "launch", "lordimas", "--country", "BE", "--yes"),
        ):
            workspaces.command("-w", folder, *arguments).ok()
        return folder

    @staticmethod
    def run(folder: Path, processes: int) -> None:
        runs = [workspaces.start_warm("-w", folder, "send", "--max-seconds", "3") for _ in range(processes)]
        for one in runs:
            one.join(60)
            assert one.exitcode == 0

    @staticmethod
    def an_hour_less(folder: Path, url: str, minutes: int) -> None:
        """Move what was done, and what waits for its turn, into the past."""
        database = Database(url or f"sqlite:///{folder / 'outreach.db'}")
        back = timedelta(minutes=minutes)
        with database.write() as connection:
            for column in (schema.attempt.c.at, schema.domain_use.c.at, schema.message.c.due_at):
                moments = connection.execute(sa.select(column).distinct().order_by(column)).scalars().all()
                for moment in moments:
                    connection.execute(
                        sa.update(column.table).where(column == moment).values({column: moment - back})
                    )
        database.close()

    @staticmethod
    def states(folder: Path) -> list[MessageState]:
        database = Database(f"sqlite:///{folder / 'outreach.db'}")
        with database.read() as connection:
            found = list(connection.execute(sa.select(schema.message.c.state)).scalars())
        database.close()
        return found


class TestSenders:
    def test_a_full_domain_does_not_stand_in_the_way_of_the_others(self, make: Make, smtp_sink: Sink) -> None:
        emails = [f"mairie{number}@large.example" for number in range(230)] + ["info@small.example"]
        desk = make(emails, limits={"per_domain_per_minute": 5})
        assert desk.run(max_seconds=10).sent.sent == 6
        assert domains(smtp_sink) == {"large.example": 5, "small.example": 1}
        desk.at(minutes=2)
        assert desk.run(max_seconds=10).sent.sent == 5
        due = sorted(desk.rows(schema.message, "due_at"))
        assert due[-1] <= MONDAY + timedelta(hours=1, minutes=2)

    def test_one_that_has_to_wait_does_not_keep_the_next_from_sending(
        self, blank_workspace: Path, tmp_path: Path, smtp_sink: Sink
    ) -> None:
        desk = Desk(blank_workspace, tmp_path / "w", smtp_port=smtp_sink.port, limits={"per_minute": 2})
        smtp = {"host": "127.0.0.1", "port": smtp_sink.port, "security": "plain"}
        with (desk.folder / "outreach.toml").open("a") as file:
            file.write(workspaces.sender("nl", "digital@nl.example", ["NL"], smtp=smtp))
        desk.launch(*((f"Dorp {number}", f"info@dorp{number}.example") for number in range(5)))
        towns = workspaces.write_list(desk.folder / "nl.csv", [("Stad", "info@stad.example", "nl")])
        desk.type("contacts", "import", towns, "--country", "NL", "--apply")
        desk.type("campaigns", "check", "trial", "--country", "NL")
        desk.type("campaigns", "launch", "trial", "--country", "NL", "--yes")
        assert desk.run(max_seconds=10).sent.sent == 3
        assert domains(smtp_sink)["stad.example"] == 1
        desk.close()
        clock.reset()

    def test_the_connection_is_kept_while_a_minute_is_full(self, make: Make, smtp_sink: Sink) -> None:
        desk = make(2, limits={"per_minute": 2, "connections": 1})
        before = smtp_sink.connections
        busy = Outcome(OutcomeKind.DEFERRED, "rcpt", 450, "4.2.1", "busy")
        (first, _) = desk.rows(schema.message, "id")
        desk.at(minutes=1)
        with (
            desk.write() as connection
        ):  # one was tried then: it leaves room for one, and for another a minute later
            outcomes.add_attempt(connection, first, "office", busy, clock.now())
        desk.at(minutes=1, seconds=58.5)
        assert desk.run(max_seconds=30).sent.sent == 2
        assert clock.now() >= MONDAY + timedelta(minutes=2)
        assert smtp_sink.connections - before == 1

    def test_a_warm_up(self, make: Make) -> None:
        desk = make(30, limits={"warm_up_per_day": 4, "warm_up_growth": 2})
        sent = []
        for day in (0, 1, 4, 5):
            desk.at(days=day, minutes=1 + day)
            sent.append(desk.run(max_seconds=10).sent.sent)
        assert sent == [4, 8, 16, 2]

    def test_first_mails_are_spread_and_reminders_keep_their_time_of_day(self, make: Make) -> None:
        desk = make(40, window=HOURS + "spread = true\n")
        due = desk.rows(schema.message, "due_at")
        assert len(set(due)) == 40
        assert min(due) < MONDAY + timedelta(hours=1)
        assert MONDAY + timedelta(hours=7) < max(due) < MONDAY + timedelta(hours=8)
        desk.at(hours=4)
        assert desk.run().sent.sent == sum(at <= MONDAY + timedelta(hours=4) for at in due)
        told = desk.type("campaigns", "status", *CAMPAIGN)
        assert f"ends {(max(due) + timedelta(minutes=1)).astimezone():%A %Y-%m-%d %H:%M}" in told
        desk.at(hours=8, seconds=-1)
        desk.run()
        desk.at(days=7, hours=3.9)
        assert desk.run().planned == 0
        desk.at(days=7, hours=4.1)
        assert desk.run().planned > 0

    def test_what_the_doctor_says(self, make: Make) -> None:
        desk = make(1)
        with desk.write() as connection:
            senders.rest(connection, "office", MONDAY + timedelta(hours=1), "the server said no", MONDAY)
        found = {one.found for one in check_limits(desk.workspace, "office", clock.now())}
        assert found == {
            "1,000 a minute and 10,000 a day, over 1 connection",
            "it rests until 2026-03-02 09:00 UTC: the server said no",
        }
        path = desk.folder / "outreach.toml"
        path.write_text(
            path.read_text()
            .replace('host = "127.0.0.1"', 'host = "smtp.office365.com"')
            .replace('security = "plain"', 'security = "starttls"')
        )
        warned, _ = check_limits(settings.load(desk.folder), "office", clock.now())
        assert "smtp.office365.com is known to take: 1,000 instead of 30 mails a minute" in warned.found
        assert 'preset = "microsoft-365"' in warned.remedy


class TestThrottling:
    def test_it_slows_the_sender_and_costs_no_attempt(self, make: Make, smtp_sink: Sink) -> None:
        desk = make(40, limits={"per_minute": 8, "connections": 1})
        smtp_sink.behaviour.on_rcpt = lambda _: "450 4.7.1 Error: too many messages, slow down"
        report = desk.run(max_seconds=10)
        assert report.sent.states.keys() == {MessageState.DEFERRED}
        assert report.sent.states.total() <= 2, "and one that was under way behind it"
        assert report.errors == []
        assert set(desk.rows(schema.message, "attempts")) == {0}
        told = desk.type("campaigns", "status", *CAMPAIGN)
        assert "The sender office rests until" in told
        assert "too many messages" in told
        smtp_sink.behaviour.on_rcpt = lambda _: None
        (until,) = desk.rows(schema.sender_pause, "until")
        clock.move_to(until - timedelta(seconds=20))
        assert desk.run(max_seconds=10).sent.sent == 0
        clock.move_to(until)
        assert desk.run(max_seconds=10).sent.sent == 4, "half as fast"
        assert "now 4 a minute, as it was throttled" in desk.type("campaigns", "status", *CAMPAIGN)
        clock.move_to(until + timedelta(minutes=5))
        assert desk.run(max_seconds=10).sent.sent == 5
        clock.move_to(until + timedelta(minutes=11))
        assert desk.run(max_seconds=10).sent.sent == 8, "as fast as before"
        assert "throttled" not in desk.type("campaigns", "status", *CAMPAIGN)
        assert set(desk.rows(schema.message, "attempts")) <= {0, 1}

    def test_again_and_again_it_rests_longer(self, make: Make, smtp_sink: Sink) -> None:
        desk = make(5, limits={"per_minute": 8, "connections": 1})
        smtp_sink.behaviour.on_rcpt = lambda _: "421 4.7.0 try again later"
        rests = []
        for _ in range(4):
            start = clock.now()
            desk.run(max_seconds=10)
            (until,) = desk.rows(schema.sender_pause, "until")
            rests.append(round((until - start).total_seconds() / 60))
            clock.move_to(until + timedelta(seconds=1))
        assert rests == [1, 2, 4, 8]
        assert set(desk.rows(schema.message, "attempts")) == {0}


class TestGuardrails:
    def paused(self, desk: Desk) -> str:
        campaign = desk.campaign()
        assert campaign.state is CampaignState.PAUSED
        assert campaign.paused_reason
        assert campaign.paused_reason in desk.type("campaigns", "status", *CAMPAIGN)
        return campaign.paused_reason

    def test_bounces_pause_and_a_resume_counts_anew(self, make: Make, smtp_sink: Sink) -> None:
        desk = make(60, limits={"connections": 1})
        smtp_sink.behaviour.on_rcpt = lambda _: "550 5.1.1 no such user"
        report = desk.run()
        assert report.sent.states.keys() == {MessageState.BOUNCED}
        bounced = report.sent.states.total()
        assert bounced in (10, 11), "and one that was under way"
        assert self.paused(desk) == "10 of 10 mails bounced (100.0%; the limit is 5 %)"
        assert report.exit_code == 1
        assert len(report.sent.paused) == 1
        assert desk.run().did_nothing
        smtp_sink.behaviour.on_rcpt = lambda _: None
        desk.at(minutes=1)
        desk.type("campaigns", "resume", *CAMPAIGN)
        assert desk.run().sent.sent == 60 - bounced
        assert desk.campaign().state is CampaignState.RUNNING

    def test_few_bounces_among_many_do_not(self, make: Make, smtp_sink: Sink) -> None:
        desk = make(60, limits={"connections": 1})
        bad = {f"info@dorp{number}.example" for number in range(0, 60, 7)}
        smtp_sink.behaviour.on_rcpt = lambda address: "550 5.1.1 no such user" if address in bad else None
        assert desk.run().sent.states == {MessageState.SENT: 51, MessageState.BOUNCED: 9}
        assert desk.campaign().state is CampaignState.RUNNING

    def test_bounces_that_come_back_by_mail(self, make: Make, smtp_sink: Sink) -> None:
        desk = make(100)
        desk.run()
        for number in range(5):
            desk.answers(f"info@dorp{number}.example", EngagementKind.BOUNCED)
        desk.at(hours=1)
        desk.run()
        assert self.paused(desk) == "5 of 100 mails bounced (5.0%; the limit is 5 %)"
        # of the mails that were sent before, more come back after
        desk.type("campaigns", "resume", *CAMPAIGN)
        for number in range(5, 20):
            desk.answers(f"info@dorp{number}.example", EngagementKind.BOUNCED)
        desk.at(hours=2)
        desk.run()
        assert desk.campaign().state is CampaignState.RUNNING

    def test_complaints(self, make: Make) -> None:
        desk = make(40)
        desk.run()
        desk.answers("info@dorp1.example", EngagementKind.COMPLAINED)
        desk.run()
        assert desk.campaign().state is CampaignState.RUNNING, "one alone may be a slip of the finger"
        desk.answers("info@dorp2.example", EngagementKind.COMPLAINED)
        desk.run()
        assert "2 of 40 mails were called spam" in self.paused(desk)

    def test_refusals_in_a_row_over_two_runs(self, make: Make, smtp_sink: Sink) -> None:
        desk = make(60, limits={"connections": 1, "per_minute": 20})
        smtp_sink.behaviour.on_data = lambda _: "554 5.7.1 message refused by policy"
        assert desk.run(max_seconds=10).sent.states == {MessageState.FAILED: 20}
        desk.at(minutes=2)
        report = desk.run(max_seconds=10)
        assert report.sent.states.keys() == {MessageState.FAILED}
        assert report.sent.states.total() in (5, 6, 7), "and those under way"
        assert self.paused(desk) == "the server refused or put off 25 mails in a row"

    def test_each_workspace_and_sender_has_its_own(self, make: Make, smtp_sink: Sink) -> None:
        desk = make(60, limits={"connections": 1})
        path = desk.folder / "outreach.toml"
        path.write_text(
            "[guardrails]\nerrors_in_a_row = 3\nbounce_percent = 0\n\n"
            + path.read_text()
            + "\n[senders.office.guardrails]\nbounce_percent = 0\nerrors_in_a_row = 40\n"
        )
        smtp_sink.behaviour.on_rcpt = lambda _: "550 5.1.1 no such user"
        assert desk.run().sent.states.total() in (40, 41)


class TestEstimate:
    """What check, launch and status say is what a run does, hour by hour, on the real send path."""

    def test_over_a_quota_a_weekend_and_a_holiday(self, make: Make, smtp_sink: Sink) -> None:
        desk = make(50, window=HOURS, limits={"per_minute": 2, "per_day": 22, "connections": 1})
        # Thursday afternoon before Easter: 2026-04-06 is a holiday in Belgium
        thursday = 31
        desk.at(days=thursday, hours=7, minutes=50)
        self.ends_as_told(desk, timedelta(minutes=6))

    def test_over_the_night_the_clocks_change(self, make: Make, smtp_sink: Sink) -> None:
        always = 'days = ["Sat", "Sun"]\nfrom = "01:00"\nuntil = "03:30"\nskip_holidays = false\n'
        desk = make(40, window=always, limits={"per_minute": 1, "per_hour": 17, "connections": 1})
        desk.at(days=26, hours=15, minutes=58)  # Saturday, 29 March is the night
        self.ends_as_told(desk, timedelta(minutes=6))

    def test_with_another_campaign_of_the_sender_and_a_last_day(self, make: Make, smtp_sink: Sink) -> None:
        desk = make(
            30, window=HOURS, more="not_after = 2026-03-02", limits={"per_minute": 1, "connections": 1}
        )
        campaign = (desk.folder / "campaigns" / "trial.toml").read_text()
        (desk.folder / "campaigns" / "second.toml").write_text(campaign)
        desk.at(hours=7, minutes=15)
        told = desk.type("campaigns", "check", "second", "--country", "BE")
        assert "15 of 30 mails at 1 a minute" in told
        desk.type("campaigns", "launch", "second", "--country", "BE", "--yes")
        status = desk.type("campaigns", "status", "second", "--country", "BE")
        assert "30 mails of other campaigns of the same sender are reckoned with." in status
        assert "15 mails will not have gone by the last day." in status
        for minute in range(48):
            desk.at(hours=7, minutes=15 + minute, seconds=minute / 10)
            desk.run(max_seconds=10)
        assert Counter(desk.rows(schema.message, "state"))[MessageState.SENT] == 30 + 15

    def ends_as_told(self, desk: Desk, tolerance: timedelta) -> None:
        """The same sending as in a run, without waiting: the clock is moved instead."""
        start = now = clock.now()
        with desk.database.read() as connection:
            sender = desk.workspace.settings.sender("office")
            told = of_campaign(connection, desk.campaign(), sender, start)
        assert told.ends_at is not None
        before = 0
        while now < told.ends_at + timedelta(days=1):
            clock.move_to(now)
            send(desk.workspace, desk.database, "run", clock.now, seconds_left=lambda: 0.0)
            waits = [
                due
                for due, state in desk.rows(schema.message, "due_at", "state")
                if state in WAITING_MESSAGE_STATES
            ]
            if not waits:
                break
            full = len(waits) == before
            before = len(waits)
            now = max(now + timedelta(minutes=5 if full else 1, seconds=1), min(waits))
        sent = max(at for at in desk.rows(schema.message, "sent_at") if at is not None)
        assert abs(sent - told.ends_at) <= tolerance, f"{sent} and not {told.ends_at}"
