"""Reading the mailboxes: each message is kept, matched, read and put into effect in one transaction, and the
cursor moves in the same one. Killed at any instant, nothing is lost and nothing happens twice.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from outreach.db import directory, inbox, mailbox
from outreach.db.engine import Database
from outreach.db.mailbox import Answered, Cursor
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
from outreach.jobs.matching import Ladder, StillSendingError, overtaken
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
    except StillSendingError as error:
        raise MailServerError("The mail is still being sent.", "Try again in a moment.") from error


def read_again(
    workspace: Workspace,
    database: Database,
    kept: Mapping[str, Any],
    now: Callable[[], datetime],
    *,
    rules: Sequence[FormRule],
    actor: str,
) -> bool:
    """Read ``kept``, the row of a message that was set aside, and put it into effect once.

    An answer that the municipality has overtaken by a later one counts for nothing by itself: it goes to a person.
    ``False``: somebody else has dealt with it meanwhile. What cannot be processed is set aside again, with today's
    reason.

    :raises MailServerError: the mail that it answers is being sent at this moment.
    """
    name = kept["sender"]
    with database.read() as connection:
        answers = _offered(connection, name)
    sender = workspace.settings.sender(name)
    known = () if kept["folder"] == WEB_PAGE else rules
    reader = _Reader(workspace, database, name, sender, now, PollReport(), answers, known)
    try:
        return reader.again(kept, actor)
    except StillSendingError as error:
        raise MailServerError("The mail it answers is still being sent.", "Try again in a moment.") from error
    except (DatabaseError, KeyboardInterrupt):
        raise
    except Exception as error:
        with database.write() as connection:
            return inbox.set_aside_again(connection, kept["id"], _failure(error))


def _failure(error: Exception) -> str:
    return f"could not be processed ({type(error).__name__}: {error})"[:500]


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
            except StillSendingError:
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
        except (DatabaseError, StillSendingError, KeyboardInterrupt):
            raise
        except Exception as error:  # one bad mail never stops a run: it is kept aside whole
            note = _failure(error)
            with self.database.write() as connection:
                self._keep(connection, folder, uidvalidity, fetched, None, Handling(InboxState.ASIDE, note))
                self._moved(connection, folder, uidvalidity, fetched)
            self.report.aside += 1
        self.report.read += 1

    def _process(self, folder: str, uidvalidity: int, fetched: Fetched) -> None:
        parsed = parse(fetched.raw)
        verdict, is_own = self._understand(parsed)
        with self.database.write() as connection:
            digest = hashlib.sha256(fetched.raw).hexdigest()
            if not mailbox.is_known(connection, self.name, digest):
                inbound_id = self._keep(
                    connection, folder, uidvalidity, fetched, parsed, Handling(InboxState.DONE)
                )
                if inbound_id is not None and not is_own:
                    own = self.workspace.settings.own_addresses
                    self._put_into_effect(connection, inbound_id, parsed, verdict, own)
                elif inbound_id is not None:
                    self._say(connection, inbound_id, verdict)
            self._moved(connection, folder, uidvalidity, fetched)
        self.report.kinds[verdict.kind.value] += 1

    def _understand(self, parsed: Parsed) -> tuple[Verdict, bool]:
        """What a message is, and whether it is our own."""
        own = self.workspace.settings.own_addresses
        if match.is_own(parsed, own) and not forms.is_expected(parsed, self.rules):
            return Verdict(InboundKind.OTHER, "own_mail", 1.0, ("From is our own address",)), True
        verdict = classify.classify(parsed, forms=self.rules)
        return prefilled.detect(parsed, verdict, self.answers) or verdict, False

    def again(self, kept: Mapping[str, Any], actor: str) -> bool:
        """Read a message that was set aside; ``False``: it does not stand aside any more."""
        inbound_id = kept["id"]
        parsed = parse(kept["raw"])
        verdict, is_own = self._understand(parsed)
        with self.database.write() as connection:
            twin = inbox.read_twin(connection, kept)
            if not inbox.pick_up(
                connection,
                inbound_id,
                from_address=parsed.from_address,
                subject=parsed.subject,
                dated_at=parsed.date,
            ):
                return False
            if twin is not None:
                inbox.set_handling(connection, inbound_id, InboxState.DONE, f"the same as message {twin}")
            elif is_own:
                self._say(connection, inbound_id, verdict)
            else:
                own = self.workspace.settings.own_addresses
                since = partial(overtaken, connection, kept, verdict)
                self._put_into_effect(connection, inbound_id, parsed, verdict, own, since)
            directory.note(
                connection,
                actor=actor,
                action="inbox.reread",
                subject=str(inbound_id),
                detail=f"{verdict.kind} {verdict.intent or ''}".strip(),
                now=self.now(),
            )
        return True

    def _put_into_effect(
        self,
        connection: sa.Connection,
        inbound_id: int,
        parsed: Parsed,
        verdict: Verdict,
        own: Collection[str],
        said_since: Callable[[Answered], str | None] = lambda _answered: None,
    ) -> None:
        """``said_since``: why the reading must not count by itself for a municipality, if it answered since."""
        ladder = Ladder(connection, self.workspace.key, self.name)
        answered, clue = ladder.find(parsed, own)
        if answered is not None and answered.sending:
            raise StillSendingError
        if answered is not None and clue is not None:
            mailbox.add_match(connection, inbound_id, answered.message_id, clue.rung, clue.evidence)
            if clue.rung not in (Rung.ADDRESS, Rung.DOMAIN):
                mailbox.settle_uncertain(
                    connection, answered.message_id, f"it was sent: inbound message {inbound_id} names it"
                )
        self._say(connection, inbound_id, verdict)
        late: list[str] = []

        def find_registered(form: FormRegistration) -> Answered | None:
            found = ladder.registered(inbound_id, form)
            why = said_since(found) if found is not None else None
            if why is None:
                return found
            late.append(why)
            return None

        if answered is not None and (why := said_since(answered)) is not None:
            handling = Handling(InboxState.OPEN, why)
        else:
            handling = effects_for(self.workspace, self.name, connection, self.now()).apply(
                verdict,
                answered,
                inbound_id=inbound_id,
                from_address=parsed.from_address,
                from_name=parsed.from_name,
                reply_to=reply_address(parsed),
                robot=is_robot(parsed),
                find_recipient=ladder.by_address,
                find_registered=find_registered,
            )
        if late:
            handling = Handling(InboxState.OPEN, "; ".join(dict.fromkeys(late))[:500])
        if handling.state is not InboxState.DONE or handling.note:
            inbox.set_handling(connection, inbound_id, handling.state, handling.note)
        self.report.open += handling.state is InboxState.OPEN

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
