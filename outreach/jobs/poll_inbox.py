"""Reading the mailboxes: each message is kept, matched, read and put into effect in one transaction, and the
cursor moves in the same one. Killed at any instant, nothing is lost and nothing happens twice.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from outreach.db import inbox, mailbox
from outreach.db.engine import Database
from outreach.db.mailbox import Answered, Cursor
from outreach.delivery import tokens
from outreach.errors import DatabaseError, InputError, MailServerError, SettingsError
from outreach.imap import Fetched, FolderState, Mailbox, first_folder, open_mailbox
from outreach.inbound import classify, forms, match, prefilled
from outreach.inbound.forms import FormRule
from outreach.inbound.parse import Parsed, parse
from outreach.inbound.prefilled import PrefilledAnswer
from outreach.inbound.robots import is_robot
from outreach.jobs import accounts, runs, settle
from outreach.jobs.effects import Handling, effects_for, reply_address
from outreach.jobs.forms import rules as form_rules
from outreach.jobs.frozen_content import thaw_strings
from outreach.model.states import InboundKind, InboxState, Rung
from outreach.model.values import FormRegistration, Verdict
from outreach.settings import Sender, Workspace

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(slots=True)
class PollReport:
    """What was read."""

    read: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    open: int = 0  # for a person
    aside: int = 0  # could not be processed; kept whole
    settled: int = 0  # were uncertain, and the Sent folder holds them
    errors: list[str] = field(default_factory=list)  # mailboxes that could not be read, and why
    wrong_settings: bool = False  # that is why, for one of them at least


#: In place of a folder: answers that were given on a page. Their UIDVALIDITY is our message, they are counted from 1.
WEB_PAGE = "[web page]"


class _StillSendingError(Exception):
    """The answer to a message was here before the run that sends it wrote that down: read it next time."""


def poll(
    workspace: Workspace,
    database: Database,
    now: Callable[[], datetime],
    *,
    enough: Callable[[], bool] = lambda: False,
    only: Collection[str] | None = None,
) -> PollReport:
    """Read what is new in every sender's mailbox, or of the senders ``only``. One that fails does not keep the
    others from being read.

    Another run that reads the same mailbox at this moment is left to do so. ``enough`` ends the poll early.
    """
    report = PollReport()
    faults: list[InputError] = []
    rules = form_rules(workspace, faults)
    report.errors += [str(fault) for fault in faults]
    report.wrong_settings = bool(faults)
    for name, sender in workspace.settings.senders.items():
        if sender.imap is None or (only is not None and name not in only):
            continue
        with database.read() as connection:
            began = mailbox.first_launch(connection, name)
            answers = _offered(connection, name)
        if began is None:
            continue
        with runs.only_one(workspace.root, f"poll-{name}") as alone:
            if not alone:
                continue
            reader = _Reader(workspace, database, name, sender, now, report, answers, rules)
            try:
                with open_mailbox(accounts.imap(workspace, name), first_folder(sender.imap.folders)) as box:
                    for folder in box.chosen(sender.imap.folders):
                        reader.read(box, folder, began, enough)
                        if enough():
                            break
                report.settled += settle.by_sent_folder(workspace, database, name)
            except (MailServerError, SettingsError) as error:
                report.errors.append(f"{name}: {error}")
                report.wrong_settings |= isinstance(error, SettingsError)
    return report


def look_into_sent_folders(workspace: Workspace, database: Database, report: PollReport) -> None:
    """After sending left something uncertain: a relay that keeps copies has made its own by then."""
    for name in workspace.settings.senders:
        try:
            report.settled += settle.by_sent_folder(workspace, database, name)
        except (MailServerError, SettingsError) as error:
            told = f"{name}: {error}"
            if told not in report.errors:  # by the poll, which met the same fault
                report.errors.append(told)
                report.wrong_settings |= isinstance(error, SettingsError)


def _offered(connection: sa.Connection, sender: str) -> frozenset[PrefilledAnswer]:
    return frozenset(
        PrefilledAnswer(name, strings.code, answer.subject, answer.body)
        for frozen in map(thaw_strings, mailbox.frozen_strings(connection, sender))
        for strings in (frozen, frozen.second)
        if strings is not None
        for name, answer in strings.answers.items()
    )


def has_news(state: FolderState, cursor: Cursor) -> bool:
    """Whether a folder may hold anything that was not read."""
    if state.uidvalidity != cursor.uidvalidity:
        return True
    if state.uidnext:
        return state.uidnext > cursor.last_uid + 1
    return state.modseq is None or state.modseq != cursor.modseq


def receive(
    workspace: Workspace,
    database: Database,
    name: str,
    message_id: int,
    number: int,
    raw: bytes,
    now: Callable[[], datetime],
) -> None:
    """Take the mail ``raw``, the answer number ``number`` to our message ``message_id`` that was given on a page,
    as if it had come into the mailbox of the sender ``name``. The same number twice has no second effect.

    :raises MailServerError: the message is not yet written down as sent; a moment later it is.
    """
    with database.read() as connection:
        answers = _offered(connection, name)
    sender = workspace.settings.senders[name]
    reader = _Reader(workspace, database, name, sender, now, PollReport(), answers, ())
    try:
        reader.take(WEB_PAGE, message_id, Fetched(uid=number, internal_date=now(), raw=raw))
    except _StillSendingError as error:
        raise MailServerError("The mail is still being sent.", "Try again in a moment.") from error


@dataclass(frozen=True, slots=True)
class _Reader:
    workspace: Workspace
    database: Database
    name: str
    sender: Sender
    now: Callable[[], datetime]
    report: PollReport
    answers: frozenset[PrefilledAnswer]  # that the mails of this sender have offered
    rules: Sequence[FormRule]

    def read(self, box: Mailbox, folder: str, began: datetime, enough: Callable[[], bool]) -> None:
        with self.database.read() as connection:
            cursor = mailbox.cursor(connection, self.name, folder)
        state = box.look(folder)
        if cursor is not None and not has_news(state, cursor):
            return
        if box.folder != folder:
            box.turn_to(folder)
        fresh = cursor is None or cursor.uidvalidity != box.uidvalidity
        last = 0 if fresh or cursor is None else cursor.last_uid
        for fetched in box.since(last, since_date=began.date() if fresh else None):
            try:
                self.take(folder, box.uidvalidity, fetched)
            except _StillSendingError:
                return
            last = fetched.uid
            if enough():
                return
        # Over what was deleted or older than the campaign: else it would look new again and again.
        end = max(last, box.uidnext - 1)
        if fresh or cursor is None or end > cursor.last_uid or state.modseq != cursor.modseq:
            with self.database.write() as connection:
                mailbox.move_cursor(
                    connection, self.name, folder, box.uidvalidity, end, self.now(), modseq=state.modseq
                )

    def take(self, folder: str, uidvalidity: int, fetched: Fetched) -> None:
        try:
            self._process(folder, uidvalidity, fetched)
        except (DatabaseError, _StillSendingError, KeyboardInterrupt):
            raise
        except Exception as error:  # one bad mail never stops a run: it is kept aside whole
            note = f"could not be processed ({type(error).__name__}: {error})"[:500]
            with self.database.write() as connection:
                self._keep(connection, folder, uidvalidity, fetched, None, Handling(InboxState.ASIDE, note))
                self._moved(connection, folder, uidvalidity, fetched)
            self.report.aside += 1
        self.report.read += 1

    def _process(self, folder: str, uidvalidity: int, fetched: Fetched) -> None:
        parsed = parse(fetched.raw)
        own = self.workspace.settings.own_addresses
        is_own = match.is_own(parsed, own) and not forms.is_expected(parsed, self.rules)
        verdict = (
            Verdict(InboundKind.OTHER, "own_mail", 1.0, ("From is our own address",))
            if is_own
            else classify.classify(parsed, forms=self.rules)
        )
        if not is_own:
            verdict = prefilled.detect(parsed, verdict, self.answers) or verdict
        with self.database.write() as connection:
            digest = hashlib.sha256(fetched.raw).hexdigest()
            if not mailbox.is_known(connection, self.name, digest):
                inbound_id = self._keep(
                    connection, folder, uidvalidity, fetched, parsed, Handling(InboxState.DONE)
                )
                if inbound_id is not None and not is_own:
                    self._put_into_effect(connection, inbound_id, parsed, verdict, own)
                elif inbound_id is not None:
                    self._say(connection, inbound_id, verdict)
            self._moved(connection, folder, uidvalidity, fetched)
        self.report.kinds[verdict.kind.value] += 1

    def _put_into_effect(
        self,
        connection: sa.Connection,
        inbound_id: int,
        parsed: Parsed,
        verdict: Verdict,
        own: Collection[str],
    ) -> None:
        answered, clue = self._match(connection, parsed, own)
        if answered is not None and answered.sending:
            raise _StillSendingError
        if answered is not None and clue is not None:
            mailbox.add_match(connection, inbound_id, answered.message_id, clue.rung, clue.evidence)
            if clue.rung not in (Rung.ADDRESS, Rung.DOMAIN):
                mailbox.settle_uncertain(
                    connection, answered.message_id, f"it was sent: inbound message {inbound_id} names it"
                )
        self._say(connection, inbound_id, verdict)
        handling = effects_for(self.workspace, self.name, connection, self.now()).apply(
            verdict,
            answered,
            inbound_id=inbound_id,
            from_address=parsed.from_address,
            from_name=parsed.from_name,
            reply_to=reply_address(parsed),
            robot=is_robot(parsed),
            find_recipient=lambda address: self._by_address(connection, address),
            find_registered=lambda form: self._registered(connection, inbound_id, form),
        )
        if handling.state is not InboxState.DONE or handling.note:
            inbox.set_handling(connection, inbound_id, handling.state, handling.note)
        self.report.open += handling.state is InboxState.OPEN

    def _match(
        self, connection: sa.Connection, parsed: Parsed, own: Collection[str]
    ) -> tuple[Answered | None, match.Clue | None]:
        """The first rung of the ladder that leads to exactly one municipality."""
        for clue in match.clues(parsed, own_addresses=own):
            found = list(self._candidates(connection, clue))
            if found and len({one.municipality_id for one in found}) == 1:
                return found[0], clue
        return None, None

    def _candidates(self, connection: sa.Connection, clue: match.Clue) -> Iterator[Answered]:
        match clue.rung:
            case Rung.IN_REPLY_TO | Rung.REFERENCES | Rung.RETURNED_HEADERS:
                yield from mailbox.messages_by(connection, self.name, "internet_message_id", [clue.value])
            case Rung.CALENDAR_UID | Rung.PLUS_ADDRESS | Rung.TOKEN:
                valid = tokens.find(self.workspace.key, clue.value)
                if valid:
                    yield from mailbox.messages_by(connection, self.name, "token", valid)
            case Rung.ADDRESS:
                yield from mailbox.messages_by(connection, self.name, "email_key", [clue.value.casefold()])
            case Rung.DOMAIN:
                yield from mailbox.messages_to_domain(connection, self.name, clue.value.casefold())

    def _registered(
        self, connection: sa.Connection, inbound_id: int, form: FormRegistration
    ) -> Answered | None:
        """The mail that led to an entry of a form, which no header names: by address, domain or municipality."""
        for clue in match.form_clues(form):
            found = [
                one
                for one in (
                    mailbox.messages_to_place(connection, self.name, clue.value)
                    if clue.rung is Rung.MUNICIPALITY
                    else self._candidates(connection, clue)
                )
                if form.campaign is None or one.campaign.rpartition("-")[0] == form.campaign
            ]
            if found and len({one.municipality_id for one in found}) == 1:
                if found[0].sending:
                    raise _StillSendingError
                mailbox.add_match(connection, inbound_id, found[0].message_id, clue.rung, clue.evidence)
                return found[0]
        return None

    def _by_address(self, connection: sa.Connection, address: str) -> Answered | None:
        found = mailbox.messages_by(connection, self.name, "email_key", [address.casefold()])
        if found and found[0].sending:
            raise _StillSendingError
        return found[0] if found else None

    def _keep(
        self,
        connection: sa.Connection,
        folder: str,
        uidvalidity: int,
        fetched: Fetched,
        parsed: Parsed | None,
        handling: Handling,
    ) -> int | None:
        return mailbox.add_inbound(
            connection,
            {
                "sender": self.name,
                "folder": folder,
                "uidvalidity": uidvalidity,
                "uid": fetched.uid,
                "digest": hashlib.sha256(fetched.raw).hexdigest(),
                "state": handling.state,
                "note": handling.note,
                "from_address": parsed.from_address if parsed else None,
                "subject": parsed.subject if parsed else "",
                "dated_at": parsed.date if parsed else None,
                "received_at": self.now(),
                "raw": fetched.raw,
            },
        )

    def _say(self, connection: sa.Connection, inbound_id: int, verdict: Verdict) -> None:
        mailbox.add_verdict(connection, verdict_values(inbound_id, verdict, by="outreach", now=self.now()))

    def _moved(self, connection: sa.Connection, folder: str, uidvalidity: int, fetched: Fetched) -> None:
        if folder != WEB_PAGE:  # which no server holds
            mailbox.move_cursor(connection, self.name, folder, uidvalidity, fetched.uid, self.now())


def verdict_values(inbound_id: int, verdict: Verdict, *, by: str, now: datetime) -> dict[str, object]:
    """The row of ``verdict``; what has no column of its own is in ``details``, as in ``classify --json``."""
    details = classify.to_json("", verdict)
    for name in ("file", "kind", "intent", "language", "confidence", "detector", "evidence", "text"):
        details.pop(name, None)
    return {
        "inbound_id": inbound_id,
        "at": now,
        "by": by,
        "kind": verdict.kind,
        "intent": verdict.intent,
        "language": verdict.language,
        "confidence": verdict.confidence,
        "detector": verdict.detector,
        "evidence": list(verdict.evidence),
        "text": verdict.text,
        "details": details,
    }
