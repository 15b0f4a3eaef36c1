"""Messages that nobody could know about: settled by a person, or by the copy in the sender's Sent folder."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from enum import StrEnum, unique

from outreach.db import campaigns, directory, mailbox, messages
from outreach.db.engine import Database
from outreach.errors import IllegalMoveError, RefusedError
from outreach.imap import open_mailbox
from outreach.jobs import accounts
from outreach.model.states import CampaignState, MessageState
from outreach.settings import Workspace

#: So many uncertain messages are looked for in a Sent folder at a time, the latest: each is a search.
_MOST = 100


@unique
class Settlement(StrEnum):
    """What a person says of a message."""

    SENT = "sent"  # it went out: the server's log or a recipient says so
    RESEND = "resend"  # it did not, or may go a second time
    FAILED = "failed"  # it did not, and shall not
    CANCEL = "cancel"  # it came too late, and shall not go


_MOVES: Mapping[Settlement, MessageState] = {
    Settlement.SENT: MessageState.SENT,
    Settlement.RESEND: MessageState.QUEUED,
    Settlement.FAILED: MessageState.FAILED,
    Settlement.CANCEL: MessageState.CANCELLED,
}

_OPEN_CAMPAIGNS = frozenset({CampaignState.RUNNING, CampaignState.PAUSED})


def settle(
    database: Database, ids: Collection[int], decision: Settlement, *, now: datetime, actor: str
) -> None:
    """Settle all of ``ids`` or none.

    One that is sent again keeps its Message-ID, so that mail programs which got it before may show it once;
    it goes in its window, though its last day may have passed: a person has decided so.

    Raises :class:`~outreach.errors.RefusedError` for a number that does not exist, is in a state from which
    this is no move, or belongs to a campaign that sends no more.
    """
    new = _MOVES[decision]
    with database.write() as connection:
        for id_ in dict.fromkeys(ids):
            message = messages.find(connection, id_)
            if message is None:
                raise RefusedError(
                    f"There is no message {id_}; nothing was changed.",
                    "`outreach messages list` shows those that wait.",
                )
            if message["state"] in (MessageState.BOUNCED, MessageState.SKIPPED):
                raise IllegalMoveError(
                    f"Message {id_} is {message['state']}: that follows from an answer; nothing was changed.",
                    "`outreach inbox undo` takes back what followed from one.",
                )
            if (
                new is MessageState.QUEUED
                and message["state"] is MessageState.MISSED
                and message["for_session"]
            ):
                raise RefusedError(
                    f"Message {id_} was to go before its session, which is over; nothing was changed.",
                    "Settle it with --cancel.",
                )
            if new is MessageState.QUEUED and message["state"] in (
                MessageState.UNCERTAIN,
                MessageState.MISSED,
            ):
                campaign = campaigns.by_id(connection, message["campaign_id"])
                if campaign.state not in _OPEN_CAMPAIGNS:
                    raise RefusedError(
                        f"The campaign {campaign.name} of message {id_} is {campaign.state} and sends no "
                        "more; nothing was changed.",
                        "Settle it with --sent or --failed, or --cancel one that was missed.",
                    )
            if not messages.move(connection, message, new, reason=f"decided by {actor}", now=now):
                raise RefusedError(
                    f"Message {id_} was changed by somebody else just now; nothing was changed.",
                    "Look at it and try again.",
                )
            directory.note(
                connection,
                actor=actor,
                action=f"messages.{decision}",
                subject=str(id_),
                detail=f"was {message['state']}: {message['reason'] or 'no reason'}",
                now=now,
            )


def by_sent_folder(workspace: Workspace, database: Database, name: str) -> int:
    """Look for the uncertain messages of a sender in its Sent folder; returns how many are settled by that.

    Many relays keep no copy: what is not found there stays uncertain.
    Raises :class:`~outreach.errors.MailServerError` when the mailbox cannot be read.
    """
    settings = workspace.settings.sender(name).imap
    if settings is None:
        return 0
    with database.read() as connection:
        waiting = messages.uncertain(connection, name, _MOST)
    if not waiting:
        return 0
    with open_mailbox(accounts.imap(workspace, name), settings.folders[0]) as box:
        folder = box.sent_folder()
        if folder is None:
            return 0
        held = [id_ for id_, message_id in waiting if box.holds_message_id(folder, message_id)]
    if not held:
        return 0
    why = f"it was sent: the folder {folder} holds it"
    with database.write() as connection:
        return sum(mailbox.settle_uncertain(connection, id_, why) for id_ in held)
