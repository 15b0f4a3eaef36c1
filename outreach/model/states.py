"""The words of the state machines, and which moves they allow.

A row holds its present state; a move goes through :func:`check_move`, which raises and changes nothing when
the table has no such transition. The diagrams in the documentation are made from these tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum, unique
from typing import TypeVar

from outreach.errors import IllegalMoveError


@unique
class MessageState(StrEnum):
    """Where one mail of one step to one recipient stands."""

    QUEUED = "queued"  # the row, its Message-ID and its token exist; nothing was sent
    SENDING = "sending"  # claimed by one run, under a lease
    SENT = "sent"  # the server took responsibility for it (RFC 5321, section 4.1.1.4)
    DEFERRED = "deferred"  # refused for now, or interrupted before the end of DATA
    FAILED = "failed"  # refused for good, or tried too often
    UNCERTAIN = "uncertain"  # the end of DATA went out and no answer came back: never sent again by itself
    MISSED = "missed"  # its last possible moment passed before it could go: a person decides
    SKIPPED = "skipped"  # suppressed, answered or unsubscribed since it was queued; the reason is kept
    CANCELLED = "cancelled"  # the campaign was cancelled
    BOUNCED = "bounced"  # came back for good, or was refused at once since the address is dead


@unique
class CampaignState(StrEnum):
    """Where a campaign in one country stands."""

    DRAFT = "draft"  # a check was tried and did not pass, or the content changed since
    APPROVED = "approved"  # the check passed for exactly this content and audience
    RUNNING = "running"  # launched: mails go out inside the send window
    PAUSED = "paused"  # nothing goes out until it is resumed; answers are read
    FINISHED = "finished"  # every message is in a final state and no step is left
    CANCELLED = "cancelled"  # ended by a person: what waits never goes out


MESSAGE_MOVES: Mapping[MessageState, frozenset[MessageState]] = {
    MessageState.QUEUED: frozenset(
        {MessageState.SENDING, MessageState.CANCELLED, MessageState.SKIPPED, MessageState.MISSED}
    ),
    MessageState.SENDING: frozenset(
        {
            MessageState.SENT,
            MessageState.DEFERRED,
            MessageState.FAILED,
            MessageState.UNCERTAIN,
            MessageState.BOUNCED,
        }
    ),
    MessageState.DEFERRED: frozenset(
        {
            MessageState.SENDING,
            MessageState.FAILED,
            MessageState.CANCELLED,
            MessageState.SKIPPED,
            MessageState.MISSED,
        }
    ),
    MessageState.MISSED: frozenset({MessageState.QUEUED, MessageState.CANCELLED}),
    MessageState.UNCERTAIN: frozenset({MessageState.SENT, MessageState.QUEUED, MessageState.FAILED}),
    MessageState.SENT: frozenset({MessageState.BOUNCED}),
    MessageState.BOUNCED: frozenset({MessageState.SENT}),  # a person took back what was read as a bounce
    MessageState.FAILED: frozenset(),
    MessageState.SKIPPED: frozenset(
        {MessageState.QUEUED}
    ),  # a person took back the answer it was skipped for
    MessageState.CANCELLED: frozenset(),
}

CAMPAIGN_MOVES: Mapping[CampaignState, frozenset[CampaignState]] = {
    CampaignState.DRAFT: frozenset({CampaignState.APPROVED, CampaignState.CANCELLED}),
    CampaignState.APPROVED: frozenset({CampaignState.RUNNING, CampaignState.DRAFT, CampaignState.CANCELLED}),
    CampaignState.RUNNING: frozenset({CampaignState.PAUSED, CampaignState.FINISHED, CampaignState.CANCELLED}),
    CampaignState.PAUSED: frozenset({CampaignState.RUNNING, CampaignState.CANCELLED}),
    CampaignState.FINISHED: frozenset(),
    CampaignState.CANCELLED: frozenset(),
}

#: A campaign is finished only when all its messages are in one of these; ``uncertain`` and ``missed`` wait
#: for a person and are counted aloud.
FINAL_MESSAGE_STATES = frozenset(
    {
        MessageState.SENT,
        MessageState.BOUNCED,
        MessageState.FAILED,
        MessageState.SKIPPED,
        MessageState.CANCELLED,
    }
)

#: Claimable by a sender.
WAITING_MESSAGE_STATES = frozenset({MessageState.QUEUED, MessageState.DEFERRED})

_State = TypeVar("_State", MessageState, CampaignState)


def check_move(moves: Mapping[_State, frozenset[_State]], old: _State, new: _State, what: str) -> None:
    """Raise :class:`~outreach.errors.IllegalMoveError` unless ``moves`` allows ``what`` the move."""
    if new not in moves[old]:
        allowed = ", ".join(sorted(moves[old])) or "nothing: it is final"
        raise IllegalMoveError(
            f"{what} is {old} and cannot become {new}.", f"From {old} it can become {allowed}."
        )


def sources_of(moves: Mapping[_State, frozenset[_State]], new: _State) -> frozenset[_State]:
    """The states from which ``new`` can be reached in one move: the WHERE of a compare-and-swap."""
    return frozenset(old for old, targets in moves.items() if new in targets)


@unique
class ContactKind(StrEnum):
    INSTITUTIONAL = "institutional"  # info@, gemeinde@: not personal data
    NAMED = "named"  # a person: GDPR applies


@unique
class OutcomeKind(StrEnum):
    """What came of one attempt to hand a message to the SMTP server."""

    ACCEPTED = "accepted"  # 250 after the end of DATA
    REFUSED = "refused"  # 5xx about this message or recipient
    DEFERRED = "deferred"  # 4xx about this message or recipient
    THROTTLED = "throttled"  # 421, 4.7.x and the like: about the sender's pace, not about the message
    LOST_BEFORE = "lost_before"  # the connection went before the end of DATA: certainly not sent
    LOST_AFTER = "lost_after"  # it went after the end of DATA: may have been sent
    UNUSABLE = "unusable"  # connection, TLS or sign-in failed: about the server, not about the message


@unique
class InboundKind(StrEnum):
    """What a message that came in is."""

    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    RSVP = "rsvp"
    UNSUBSCRIBE = "unsubscribe"
    REGISTRATION = "registration"
    AUTO_REPLY = "auto_reply"
    REPLY = "reply"
    OTHER = "other"


@unique
class Intent(StrEnum):
    """What a human reply or an auto-reply means."""

    REGISTER = "register"
    DECLINE = "decline"
    QUESTION = "question"
    REFER = "refer"
    UNSUBSCRIBE = "unsubscribe"
    OTHER = "other"
    OUT_OF_OFFICE = "out_of_office"
    RECEIPT = "receipt"
    ADDRESS_CHANGE = "address_change"


@unique
class InboxState(StrEnum):
    """Where the handling of an inbound message stands."""

    DONE = "done"  # read, and its effects are applied
    OPEN = "open"  # a person has to look
    RESOLVED = "resolved"  # a person has looked
    ASIDE = "aside"  # could not be processed; kept whole


@unique
class Rung(StrEnum):
    """By which rung of the ladder an inbound message was matched, the surest first."""

    IN_REPLY_TO = "in_reply_to"
    REFERENCES = "references"
    RETURNED_HEADERS = "returned_headers"
    CALENDAR_UID = "calendar_uid"
    PLUS_ADDRESS = "plus_address"
    TOKEN = "token"
    ADDRESS = "address"
    MUNICIPALITY = "municipality"  # a form names it
    DOMAIN = "domain"


@unique
class EngagementKind(StrEnum):
    """An event in the life of a recipient; never changed, never deleted."""

    SENT = "sent"  # our own server accepted the mail
    FAILED = "failed"  # refused for good by our own server
    BOUNCED = "bounced"  # hard: the address is dead
    SOFT_BOUNCED = "soft_bounced"  # came back for now, or for a reason that is not the address
    AUTO_REPLIED = "auto_replied"  # a machine; never counts as an answer
    ANSWERED = "answered"  # a person wrote, whatever they said
    REGISTERED = "registered"  # takes part
    DECLINED = "declined"  # does not take part
    TENTATIVE = "tentative"  # perhaps takes part
    UNSUBSCRIBED = "unsubscribed"  # wants no further mail
    COMPLAINED = "complained"  # called the mail spam


#: An answer of any of these kinds ends the sequence for the whole municipality.
STOPPING_ENGAGEMENTS = frozenset(
    {
        EngagementKind.ANSWERED,
        EngagementKind.REGISTERED,
        EngagementKind.DECLINED,
        EngagementKind.TENTATIVE,
        EngagementKind.UNSUBSCRIBED,
        EngagementKind.COMPLAINED,
    }
)


@unique
class RegistrationState(StrEnum):
    REGISTERED = "registered"
    WAITING = "waiting"  # all places of the session are taken: moves up when one is given back
    TENTATIVE = "tentative"
    CANCELLED = "cancelled"


@unique
class Progress(StrEnum):
    """How far a municipality is with the assessment, as its own list says."""

    STARTED = "started"
    FINISHED = "finished"


@unique
class AttendanceState(StrEnum):
    """Whether a person on an attendance list counts."""

    COUNTED = "counted"  # for a municipality
    ASKED = "asked"  # of which municipality they are has to be said by a person
    LEFT_OUT = "left_out"  # of none: a speaker, a colleague, somebody else


@unique
class Presence(StrEnum):
    """How somebody was at a session."""

    ONLINE = "online"
    ON_SITE = "on_site"


@unique
class SuppressionScope(StrEnum):
    ADDRESS = "address"
    DOMAIN = "domain"
    MUNICIPALITY = "municipality"  # all its addresses, those of later imports included


@unique
class SuppressionReason(StrEnum):
    UNSUBSCRIBED = "unsubscribed"
    COMPLAINED = "complained"
    BOUNCED = "bounced"
    ERASED = "erased"
    MANUAL = "manual"


@unique
class EffectKind(StrEnum):
    """What an answer changed besides being an event; each can be taken back."""

    REGISTRATION = "registration"
    SUPPRESSION = "suppression"
    ABSENCE = "absence"
    BOUNCE = "bounce"


@unique
class AnswerMail(StrEnum):
    """The mails that answer an answer: the names of their steps, a number behind those sent again."""

    CONFIRMATION = "confirmation"  # takes part; with the session for the calendar
    WAITING_LIST = "waiting-list"  # would take part, and all places are taken
    CANCELLATION = "cancellation"  # does not take part after all
    SESSION_CHANGED = "session-changed"  # nobody has asked: time or place of the session are others now
    DECLINED = "declined"  # thanks for a no
    UNSUBSCRIBED = "unsubscribed"  # the one confirmation of a stop


@unique
class ProposalReason(StrEnum):
    """Why a municipality should get another contact."""

    REFERRAL = "referral"  # somebody else is responsible
    ADDRESS_CHANGE = "address_change"
    BOUNCED = "bounced"  # its address is dead


@unique
class ProposalState(StrEnum):
    OPEN = "open"
    ACCEPTED = "accepted"  # the contact is there, and was written to where a campaign runs
    DISMISSED = "dismissed"
    WITHDRAWN = "withdrawn"  # what led to it was taken back


@unique
class ExclusionReason(StrEnum):
    """Why a contact of the country is not in the audience of a campaign."""

    SUPPRESSED = "suppressed"  # the address or its domain is never written to again
    SHARED_ADDRESS = "shared_address"  # the same address already stands for another municipality
    NOT_FIRST_CHOICE = "not_first_choice"  # the campaign writes to one address a municipality
    KIND_NOT_WANTED = "kind_not_wanted"  # the campaign writes to institutional addresses only, or to named
    PLACE_IN_DOUBT = "place_in_doubt"  # which municipality it is has to be said: `outreach places review`
    GONE = "gone"  # no longer in its list; the campaign may say that it is written to all the same


@unique
class SkipReason(StrEnum):
    """Why a queued message was not sent after all."""

    SUPPRESSED = "suppressed"  # the address or its domain is never written to again
    ANSWERED = "answered"  # somebody of the municipality did
    BOUNCED = "bounced"  # an earlier mail came back for good
    NO_PLACE = "no_place"  # of a mail around a session: its place was given back, or nobody came after all
    OVERTAKEN = "overtaken"  # of a mail around a session: the next one is due already


@unique
class TranslationFormat(StrEnum):
    """What translators work on."""

    PO = "po"
    XLIFF = "xliff"
