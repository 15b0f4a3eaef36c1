"""``outreach demo``: the whole loop on this machine, with the same jobs as the commands, over real sockets.

Only the clock is moved instead of waited for; everything else happens: lists are imported, campaigns checked
and launched, mail goes out by SMTP, made-up municipalities answer by SMTP, and the answers are read by IMAP.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from outreach import clock
from outreach.db.engine import Database
from outreach.demo import ending, stage
from outreach.demo.cast import cast, next_due
from outreach.demo.letters import answers
from outreach.demo.servers import EmbeddedServers
from outreach.demo.towns import Towns
from outreach.demo.voice import Voice, counted
from outreach.errors import OutreachError
from outreach.jobs import report as reports
from outreach.jobs.check_campaign import check
from outreach.jobs.import_contacts import import_contacts
from outreach.jobs.launch_campaign import launch
from outreach.jobs.run import RunReport, run
from outreach.model.countries import COUNTRIES
from outreach.model.states import MessageState
from outreach.report import terminal
from outreach.report.document import Selection
from outreach.settings import Workspace

_ACTOR = "demo"
#: How long the story goes on after its first day: to the second Monday, when late answers are in.
_LENGTH = timedelta(days=13, hours=4)
#: What comes due during a morning goes with one run.
_A_MORNING = timedelta(hours=3)
_MOST_RUNS = 100

_KINDS = {
    "reply": ("typed answer", None),
    "auto_reply": ("out-of-office note", None),
    "bounce": ("mail sent back", "mails sent back"),
    "rsvp": ("calendar answer", None),
    "unsubscribe": ("opt-out", None),
}


@dataclass(frozen=True, slots=True)
class Told:
    """What a test, or whoever is curious, can look at afterwards."""

    workspace: Workspace
    towns: Towns
    facts: ending.Facts
    report: str


def tell(folder: Path) -> Told:
    """Play the whole story in a workspace made anew in ``folder``, and print it.

    Raises :class:`~outreach.errors.RefusedError` when ``folder`` is not an earlier demo's, and
    :class:`~outreach.errors.OutreachError` should anything not come out as it must.
    """
    towns = Towns()
    present = clock.now()
    try:
        with EmbeddedServers(towns.on_rcpt, towns.on_mail) as servers:
            return _Story(folder, towns, servers, Voice(), present).tell()
    finally:
        clock.reset()


class _Story:
    def __init__(
        self, folder: Path, towns: Towns, servers: EmbeddedServers, voice: Voice, present: datetime
    ) -> None:
        self._folder = folder
        self._towns = towns
        self._servers = servers
        self._voice = voice
        self._begins = stage.first_day(present)
        self._workspace = stage.build(folder, servers.host, servers.smtp_port, servers.imap_port, present)
        for country, member in stage.members().items():
            servers.add_mailbox(member["mailbox"], stage.password(self._workspace, country))

    def tell(self) -> Told:
        voice, workspace = self._voice, self._workspace
        servers = self._servers
        voice.say("Outreach on this machine: everything is real but the towns and the clock.")
        voice.title(f"A workspace in {self._folder}/")
        voice.told(
            f"{counted(len(stage.members()), 'network member')}, each with a mailbox; mail goes to SMTP "
            f"{servers.host}:{servers.smtp_port} and is read from IMAP {servers.host}:{servers.imap_port}"
        )
        clock.move_to(self._begins)
        database = Database(workspace.database_url)
        try:
            self._import(database)
            self._launch(database)
            self._towns.settle(cast(database, answers()["towns"]))
            self._play(database)
            facts = ending.check(self._towns)
            self._facts(facts)
            made = reports.make(workspace, database, Selection(), now=clock.now())
            report = terminal.text(made)
        finally:
            database.close()
        voice.title("The report, as `outreach report` prints it")
        voice.say()
        voice.say(report.rstrip("\n"))
        mails = ending.write_mails(self._folder / "mails", self._towns)
        ending.farewell(voice, self._folder, mails)
        return Told(workspace, self._towns, facts, report)

    def _import(self, database: Database) -> None:
        self._voice.title("Contact lists, as the offices of nine countries would send them")
        for country in stage.members():
            file = stage.contact_list(self._workspace, country)
            result = import_contacts(
                self._workspace,
                database,
                file,
                country=country,
                now=clock.now(),
                actor=_ACTOR,
                apply=True,
            )
            plan = result.plan
            form = result.format.upper() + (f", {result.encoding}" if result.encoding else "")
            self._voice.say(
                f"  {country}  {file.name:<24} {form:<17} {counted(len(plan.new), 'contact'):>11},"
                f" {len(plan.rejected)} rejected"
            )

    def _launch(self, database: Database) -> None:
        self._voice.title("Campaigns, checked and launched")
        plans = answers()["towns"]
        for slug in dict.fromkeys(slug for country in plans.values() for slug in country):
            countries = [country for country in plans if slug in plans[country]]
            mails, rendered, languages = 0, 0, Counter[str]()
            with self._voice.progress(f"Checking {slug}") as shown:
                for number, country in enumerate(countries):
                    shown(number, len(countries))
                    result = check(self._workspace, database, slug, country, now=clock.now(), actor=_ACTOR)
                    if not result.passed:
                        raise OutreachError(
                            f"The check of {result.prepared.name} did not pass: {result.findings[0].message}",
                            "The demo should never come here: please report it.",
                        )
                    launched = launch(
                        self._workspace,
                        database,
                        slug,
                        country,
                        now=clock.now(),
                        actor=_ACTOR,
                        do_it=True,
                    )
                    rendered += result.rendered
                    mails += launched.mails
                    languages.update(one for both in launched.languages for one in both.split("+"))
            where = (
                f"in {counted(len(countries), 'country', 'countries')}"
                if len(countries) > 2
                else "in " + " and ".join(COUNTRIES[country].name for country in countries)
            )
            self._voice.told(
                f"{slug} {where}: {rendered} mails rendered to check them, {mails} municipalities invited in "
                f"{len(languages)} languages ({', '.join(sorted(languages))})"
            )

    def _play(self, database: Database) -> None:
        self._voice.title("Two weeks of it, with the clock moved along")
        moment: datetime | None = self._begins
        for _ in range(_MOST_RUNS):
            if moment is None or moment > self._begins + _LENGTH:
                return
            if moment > clock.now():
                clock.move_to(moment)
            with self._voice.progress("Answers") as shown:
                came = self._towns.answer(self._servers.host, self._servers.smtp_port, shown)
            before = len(self._towns.received), len(self._towns.thanked)
            with self._voice.progress("Sending") as shown:
                report = run(
                    self._workspace,
                    database,
                    clock.now,
                    progress=lambda sent: shown(sum(sent.states.values()), None),
                )
            if report.errors:
                raise OutreachError(report.errors[0], "The demo should never come here: please report it.")
            self._say(came, before, report)
            due = next_due(database)
            moments = [due + _A_MORNING if due else None, self._towns.next_answer]
            moment = min((one for one in moments if one is not None), default=None)
        raise OutreachError("The demo did not come to its end.", "Please report it.")

    def _say(self, came: int, before: tuple[int, int], report: RunReport) -> None:
        now = clock.now()
        if came:
            kinds = ", ".join(
                counted(number, *_KINDS.get(kind, (kind.replace("_", " "), None)))
                for kind, number in report.polled.kinds.most_common()
            )
            waits = f"; {report.polled.open} for a person" if report.polled.open else ""
            self._voice.dated(now, f"{counted(came, 'answer')} by SMTP, read by IMAP: {kinds}{waits}")
        if report.sent.states:
            arrived = self._towns.received[before[0] :] + self._towns.thanked[before[1] :]
            steps = Counter((mail.campaign.rpartition("-")[0], mail.step) for mail in arrived)
            what = ", ".join(f"{number} × {slug} {step}" for (slug, step), number in steps.items())
            refused = report.sent.states[MessageState.BOUNCED]
            more = f"; {refused} refused, no such mailbox" if refused else ""
            self._voice.dated(
                now, f"{counted(sum(report.sent.states.values()), 'mail')} by SMTP: {what}{more}"
            )
        if report.sent.skipped:
            self._voice.dated(now, f"{sum(report.sent.skipped.values())} not sent: no longer wanted")

    def _facts(self, facts: ending.Facts) -> None:
        self._voice.title("Checked against what the mail servers truly got")
        self._voice.told(f"{counted(facts.received, 'mail')} received, no address got one step twice")
        self._voice.told(
            f"{counted(facts.reminders, 'reminder')}, only to the silent: none to a municipality after one of "
            f"the {facts.answered} answers that had come before"
        )
