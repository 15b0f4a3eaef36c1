"""Outcome of an attempt -> what happens to the message and to its sender.

Nothing here waits or draws at random: the present time, and a number from 0 to 1 that spreads the retries,
are arguments.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import lru_cache

from outreach.model.states import MessageState, OutcomeKind
from outreach.model.values import Decision, Outcome

#: Seconds to the next try after the first, second, ... deferral: long enough for greylisting (5 minutes is
#: usual), the whole of four tries within a working day.
BACK_OFF = (600, 1_800, 5_400, 14_400)
#: Seconds a throttled sender rests: the first time, and at most when it is throttled again and again.
FIRST_PAUSE = 60
LONGEST_PAUSE = 3_600
#: Seconds until a message is looked at again whose connection broke or whose server could not be used.
SOON = 300

#: Seconds after which a sender that was throttled goes twice as fast again.
RECOVERY = 600
#: More strikes make it no slower: 1/64 of its pace.
MOST_STRIKES = 6.0

_DAY_QUOTA = re.compile(r"daily|per day|\bday's\b|submission ?quota|recipient rate", re.IGNORECASE)


def decide(
    outcome: Outcome,
    attempts_so_far: int,
    now: datetime,
    *,
    max_attempts: int,
    jitter: float = 0.5,
    throttles_in_a_row: int = 0,
) -> Decision:
    """What follows from ``outcome``.

    :param attempts_so_far: attempts of this message that were burnt before this one.
    :param now: aware.
    :param max_attempts: a deferral that burns the last one is a failure.
    :param jitter: 0 to 1; moves a retry by up to a quarter to either side.
    :param throttles_in_a_row: how often the server throttled this sender just before, with nothing accepted
        in between; each doubles the pause.
    """
    said = describe(outcome)

    def later(seconds: float) -> datetime:
        return now + timedelta(seconds=seconds * (0.75 + 0.5 * jitter))

    match outcome.kind:
        case OutcomeKind.ACCEPTED:
            return Decision(MessageState.SENT, said)
        case OutcomeKind.REFUSED:
            return Decision(MessageState.FAILED, said)
        case OutcomeKind.LOST_AFTER:
            return Decision(MessageState.UNCERTAIN, said)
        case OutcomeKind.DEFERRED:
            if attempts_so_far + 1 >= max_attempts:
                tries = attempts_so_far + 1
                return Decision(MessageState.FAILED, f"given up after {tries} attempts: {said}")
            step = BACK_OFF[min(attempts_so_far, len(BACK_OFF) - 1)]
            return Decision(MessageState.DEFERRED, said, retry_at=later(step))
        case OutcomeKind.THROTTLED:
            quota = _is_quota(outcome)
            pause = LONGEST_PAUSE if quota else min(FIRST_PAUSE * 2**throttles_in_a_row, LONGEST_PAUSE)
            return Decision(
                MessageState.DEFERRED,
                said,
                # never before the sender may go on, unlike other retries
                retry_at=now + timedelta(seconds=pause * (1 + 0.25 * jitter)),
                burns_attempt=False,
                pause_sender_seconds=float(pause),
            )
        case OutcomeKind.LOST_BEFORE:
            return Decision(MessageState.DEFERRED, said, retry_at=later(SOON), burns_attempt=False)
        case OutcomeKind.UNUSABLE:
            return Decision(
                MessageState.DEFERRED, said, retry_at=later(SOON), burns_attempt=False, stop_sender=True
            )


def strikes_left(strikes: float, since: timedelta) -> float:
    """What is left of ``strikes`` so long after the rest they brought: one fades every :data:`RECOVERY`."""
    return max(0.0, strikes - max(since.total_seconds(), 0.0) / RECOVERY)


def slowed(per_minute: int, strikes: float) -> int:
    """The pace of a sender that has ``strikes`` left: half for each, never less than one mail a minute."""
    return max(1, int(per_minute * 0.5**strikes))


def struck(outcome: Outcome, strikes: float) -> float:
    """The strikes after a throttling answer. A day's quota that is used up says nothing about the pace."""
    return strikes if _is_quota(outcome) else min(strikes + 1, MOST_STRIKES)


def _is_quota(outcome: Outcome) -> bool:
    return bool(_DAY_QUOTA.search(outcome.text)) or outcome.enhanced in ("5.4.5", "5.1.90")


_STAGES = {
    "connect": "on connecting",
    "starttls": "on starting TLS",
    "auth": "at the sign-in",
    "mail": "to the sender's address (MAIL)",
    "rcpt": "to the recipient's address (RCPT)",
    "data": "to DATA",
    "end_of_data": "to the message",
}


@lru_cache(maxsize=64)  # a server says the same of many messages
def describe(outcome: Outcome) -> str:
    """One line for a person: what the server said and to what; the reason kept with the message."""
    text = " ".join(outcome.text.split())[:500]
    where = _STAGES.get(outcome.stage, f"at {outcome.stage}")
    if outcome.code is not None:
        return f"the server said {where}: {outcome.code} {text}".rstrip()
    match outcome.kind:
        case OutcomeKind.LOST_AFTER:
            head = "the connection went after the whole message, before an answer: it may have been sent"
        case OutcomeKind.LOST_BEFORE:
            head = "the connection went before the message was whole: it was not sent"
        case OutcomeKind.UNUSABLE:
            head = "the server could not be used"
        case _:
            head = str(outcome.kind)
    return f"{head} ({text})" if text else head
