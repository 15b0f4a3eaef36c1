from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.delivery.guardrails import Tally, tripped
from outreach.delivery.policy import LONGEST_PAUSE, decide, describe, slowed, strikes_left, struck
from outreach.delivery.refusals import refusal_bounce
from outreach.model.states import MESSAGE_MOVES, MessageState, OutcomeKind
from outreach.model.values import Outcome

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)


def _outcome(kind: OutcomeKind, code: int | None = None, text: str = "", stage: str = "rcpt") -> Outcome:
    first = text.partition(" ")[0]
    return Outcome(kind, stage, code, first if first.count(".") == 2 else None, text)


@pytest.mark.parametrize(
    ("kind", "state", "burns", "stops"),
    [
        (OutcomeKind.ACCEPTED, MessageState.SENT, True, False),
        (OutcomeKind.REFUSED, MessageState.FAILED, True, False),
        (OutcomeKind.DEFERRED, MessageState.DEFERRED, True, False),
        (OutcomeKind.THROTTLED, MessageState.DEFERRED, False, False),
        (OutcomeKind.LOST_BEFORE, MessageState.DEFERRED, False, False),
        (OutcomeKind.LOST_AFTER, MessageState.UNCERTAIN, True, False),
        (OutcomeKind.UNUSABLE, MessageState.DEFERRED, False, True),
    ],
)
def test_each_outcome(kind: OutcomeKind, state: MessageState, burns: bool, stops: bool) -> None:
    decision = decide(_outcome(kind, text="some words"), 0, NOW, max_attempts=4)
    assert (decision.state, decision.burns_attempt, decision.stop_sender) == (state, burns, stops)
    assert "some words" in decision.reason
    assert (decision.retry_at is not None) == (state is MessageState.DEFERRED)
    assert (decision.pause_sender_seconds > 0) == (kind is OutcomeKind.THROTTLED)


@given(
    st.sampled_from(OutcomeKind), st.integers(0, 20), st.integers(1, 10), st.floats(0, 1), st.integers(0, 60)
)
def test_every_decision_is_a_legal_move(
    kind: OutcomeKind, attempts: int, maximum: int, jitter: float, throttles: int
) -> None:
    decision = decide(
        _outcome(kind), attempts, NOW, max_attempts=maximum, jitter=jitter, throttles_in_a_row=throttles
    )
    assert decision.state in MESSAGE_MOVES[MessageState.SENDING]
    assert decision.reason
    assert decision.pause_sender_seconds <= LONGEST_PAUSE
    if decision.retry_at is not None:
        assert NOW < decision.retry_at < NOW + timedelta(hours=6)
        assert decision.retry_at >= NOW + timedelta(seconds=decision.pause_sender_seconds)
    if kind is OutcomeKind.LOST_AFTER:
        assert decision.retry_at is None


def test_deferrals_back_off_and_end() -> None:
    deferred = _outcome(OutcomeKind.DEFERRED, 450, "4.2.0 greylisted")
    waits = []
    for attempts in range(4):
        decision = decide(deferred, attempts, NOW, max_attempts=5)
        assert decision.retry_at is not None
        waits.append((decision.retry_at - NOW).total_seconds())
    assert waits == [600, 1800, 5400, 14400]
    last = decide(deferred, 4, NOW, max_attempts=5)
    assert last.state is MessageState.FAILED
    assert "after 5 attempts" in last.reason
    assert "450 4.2.0 greylisted" in last.reason


def test_jitter_spreads() -> None:
    deferred = _outcome(OutcomeKind.DEFERRED, 450, "later")
    early, late = (decide(deferred, 0, NOW, max_attempts=5, jitter=j).retry_at for j in (0.0, 1.0))
    assert early == NOW + timedelta(seconds=450)
    assert late == NOW + timedelta(seconds=750)


def test_throttles_slow_down_more_and_more_and_quotas_at_once() -> None:
    throttled = _outcome(OutcomeKind.THROTTLED, 421, "4.7.0 try later")
    pauses = [
        decide(throttled, 0, NOW, max_attempts=3, throttles_in_a_row=n).pause_sender_seconds
        for n in (0, 1, 2, 50)
    ]
    assert pauses == [60, 120, 240, 3600]
    quota = _outcome(OutcomeKind.THROTTLED, 550, "5.4.5 Daily user sending limit exceeded")
    assert decide(quota, 0, NOW, max_attempts=3).pause_sender_seconds == 3600


def test_reasons_are_one_line_for_a_person() -> None:
    said = describe(Outcome(OutcomeKind.REFUSED, "rcpt", 550, "5.1.1", "5.1.1 No\nsuch  user"))
    assert said == "the server said to the recipient's address (RCPT): 550 5.1.1 No such user"
    assert "may have been sent" in describe(Outcome(OutcomeKind.LOST_AFTER, "end_of_data"))
    assert len(describe(Outcome(OutcomeKind.REFUSED, "rcpt", 550, None, "x" * 5000))) < 600


@pytest.mark.parametrize(
    ("code", "text", "reason", "hard"),
    [
        (550, "5.1.1 <a@b.example>: Recipient address rejected: User unknown", "user_unknown", True),
        (550, "5.1.1 The email account that you tried to reach does not exist.", "user_unknown", True),
        (550, "5.1.10 RESOLVER.ADR.RecipientNotFound; not found by lookup", "user_unknown", True),
        (550, "No such user here", "user_unknown", True),
        (550, "<a@b.example> user unknown", "user_unknown", True),
        (550, "Requested action not taken: mailbox unavailable: invalid mailbox", "user_unknown", True),
        (553, "sorry, no mailbox here by that name. (#5.7.1)", "user_unknown", True),
        (550, "5.1.2 Host unknown", "host_unknown", True),
        (550, "5.1.2 <a@b.example>: Recipient address rejected: Domain not found", "host_unknown", True),
        (550, "5.1.6 another address now", "has_moved", True),
        (554, "5.7.1 Service unavailable; client host blocked using zen.spamhaus.example", "blocked", False),
        (550, "5.7.1 Message rejected as spam by content scanner", "spam_detected", False),
        (550, "5.1.1 rejected: your mail looks like spam", "spam_detected", False),
        (550, "5.1.1 <spam@b.example> unknown user", "user_unknown", True),
        (554, "5.7.1 <a@b.example>: Relay access denied", "no_relaying", False),
        (550, "5.1.1 Refused due to recipient preferences", "filtered", False),
        (550, "5.1.1 <a@b.example> - has sent to too many recipients this hour", "speeding", False),
        (550, "5.5.0 The recipient account is blocked", "suspend", False),
        (550, "5.7.1 Our policy blocked your mail server", "blocked", False),
        (552, "5.2.2 Mailbox full", "mailbox_full", False),
        (550, "5.2.1 The account is disabled", "suspend", False),
        (552, "5.3.4 message too big", "mesg_too_big", False),
        (550, "5.7.26 This mail is unauthenticated, DMARC", "auth_failure", False),
        (550, "5.7.1 Sender address rejected: Domain not found", "blocked", False),
        (550, "5.7.1 Access denied", "rejected", False),
        (550, "5.7.133 sender not authenticated for group", "policy_violation", False),
        (550, "Action not taken", "undefined", False),
    ],
)  # fmt: skip
def test_what_refusals_say_about_the_address(code: int, text: str, reason: str, hard: bool) -> None:
    bounce = refusal_bounce(_outcome(OutcomeKind.REFUSED, code, text), "a@b.example")
    assert bounce is not None
    assert (bounce.reason, bounce.hard, bounce.recipient) == (reason, hard, "a@b.example")
    assert bounce.diagnostic == f"{code} {text}"


def test_what_is_no_refusal_of_the_recipient() -> None:
    assert refusal_bounce(_outcome(OutcomeKind.DEFERRED, 450, "4.1.1 user unknown")) is None
    assert refusal_bounce(_outcome(OutcomeKind.UNUSABLE, 550, "5.1.8 x", "mail")) is None
    assert refusal_bounce(_outcome(OutcomeKind.REFUSED, None, "no SMTPUTF8")) is None
    assert refusal_bounce(_outcome(OutcomeKind.REFUSED, 552, "5.3.4 size", "mail")) is None


class TestSlowing:
    def test_each_strike_halves_the_pace_and_fades(self) -> None:
        assert [slowed(30, strikes) for strikes in (0, 1, 2, 3.5, 6)] == [30, 15, 7, 2, 1]
        ages = (0, 5, 10, 25, 60)
        assert [strikes_left(2, timedelta(minutes=age)) for age in ages] == [2, 1.5, 1, 0, 0]
        assert strikes_left(1, timedelta(minutes=-3)) == 1, "it still rests"

    def test_a_throttle_strikes_and_a_day_quota_does_not(self) -> None:
        throttled = _outcome(OutcomeKind.THROTTLED, 421, "4.7.0 try later")
        assert [struck(throttled, strikes) for strikes in (0, 1.5, 5.8, 6)] == [1, 2.5, 6, 6]
        quota = _outcome(OutcomeKind.THROTTLED, 550, "5.4.5 Daily user sending limit exceeded")
        assert struck(quota, 1.5) == 1.5


RAILS = {"bounce_percent": 5.0, "complaint_percent": 0.1, "sample": 100, "errors_in_a_row": 25}


@pytest.mark.parametrize(
    ("tally", "why"),
    [
        (Tally(tried=99, bounced=9), None),
        (Tally(tried=12, bounced=10), "10 of 12 mails bounced (83.3%; the limit is 5 %)"),
        (Tally(tried=100, bounced=4), None),
        (Tally(tried=100, bounced=5), "5 of 100 mails bounced (5.0%; the limit is 5 %)"),
        (Tally(tried=1_000, bounced=49), None),
        (Tally(tried=999, complained=1), None),
        (Tally(tried=1_000, complained=1), "1 of 1,000 mails were called spam (0.1%; the limit is 0.1 %)"),
        (Tally(tried=1_001, complained=1), None),
        (Tally(tried=200, complained=2), "2 of 200 mails were called spam (1.0%; the limit is 0.1 %)"),
        (Tally(tried=100, in_a_row=24), None),
        (Tally(in_a_row=25), "the server refused or put off 25 mails in a row"),
    ],
)
def test_guardrails(tally: Tally, why: str | None) -> None:
    assert tripped(tally, **RAILS) == why  # type: ignore[arg-type]
    off = {"bounce_percent": 0.0, "complaint_percent": 0.0, "sample": 1, "errors_in_a_row": 0}
    assert tripped(tally, **off) is None  # type: ignore[arg-type]
