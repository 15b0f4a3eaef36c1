"""Bounces beyond the golden messages: reason and hardness, and what must stay a person's mail."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.inbound import bounces, feedback, marks, notices, reasons
from outreach.inbound.parse import parse
from outreach.inbound.stages import Stage, stage_of
from outreach.model.states import InboundKind
from outreach.model.values import Bounce

_HARD = {"user_unknown", "host_unknown", "has_moved", "not_accept"}
_NAMES = _HARD | {
    *("auth_failure", "bad_reputation", "blocked", "content_error", "exceed_limit", "expired", "filtered"),
    *("mailbox_full", "mailer_error", "mesg_too_big", "network_error", "no_relaying", "not_compliant_rfc"),
    *(
        "on_hold",
        "policy_violation",
        "rejected",
        "require_ptr",
        "security_error",
        "spam_detected",
        "speeding",
    ),
    *(
        "suspend",
        "syntax_error",
        "system_error",
        "system_full",
        "too_many_conn",
        "undefined",
        "virus_detected",
    ),
}


def _report(diagnostic: str, status: str = "5.0.0", action: str = "failed") -> Bounce:
    verdict = bounces.detect(
        parse(
            b"From: MAILER-DAEMON@relay.example\nSubject: Undelivered\nContent-Type: multipart/report;\n"
            b"\tboundary=b\n\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; a.example\n\n"
            + f"Final-Recipient: rfc822; a@town.example\nAction: {action}\nStatus: {status}\n".encode()
            + f"Diagnostic-Code: smtp; {diagnostic}\n\n--b--\n".encode()
        )
    )
    assert verdict is not None
    assert verdict.kind is InboundKind.BOUNCE
    return verdict.bounces[0]


def test_reasons_are_complete_and_only_the_dead_are_hard() -> None:
    table = reasons.reasons()
    assert {reason.name for reason in table} == _NAMES
    assert {reason.name for reason in table if reason.hard} == _HARD


def test_phrases_are_written_as_they_are_compared() -> None:
    for reason in reasons.reasons():
        for phrase in (*reason.phrases, *reason.exceptions, *(" ".join(found) for found in reason.sequences)):
            assert phrase == phrase.lower(), phrase
            assert "\u2019" not in phrase, phrase
            assert "  " not in phrase, phrase


def test_no_status_belongs_to_two_reasons() -> None:
    given_twice = [status for reason in reasons.reasons() for status in reason.statuses]
    assert len(given_twice) == len(set(given_twice))


def test_marks_compile() -> None:
    text = resources.files("outreach.inbound").joinpath("notices.toml").read_text("utf-8")
    for name in tomllib.loads(text):
        assert marks.mark(name).pattern


@pytest.mark.parametrize(
    ("diagnostic", "status", "reason", "hard", "told"),
    [
        ("550 5.1.1 <a@town.example>: User unknown", "5.0.0", "user_unknown", True, "5.1.1"),
        (
            "550 5.7.1 Mail from 192.0.2.1 refused, see https://rbl.example/spamhaus",
            "5.1.1",
            "blocked",
            False,
            "5.7.1",
        ),
        ("550 5.2.1 <a@town.example>... User unknown", "5.2.1", "filtered", False, "5.2.1"),
        ("550 User unknown", "5.0.0", "filtered", False, "5.0.0"),
        (
            "550 <a@town.example>: User unknown (in reply to RCPT TO command)",
            "5.0.0",
            "user_unknown",
            True,
            "5.0.0",
        ),
        ("550 User unknown (in reply to end of DATA command)", "5.0.0", "filtered", False, "5.0.0"),
        ("450 4.1.1 <a@town.example>: User unknown", "4.1.1", "user_unknown", False, "4.1.1"),
        ("550 #5.1.0 Address rejected.", "5.1.0", "user_unknown", True, "5.1.0"),
        ("552 5.3.4 Message size exceeds limit", "5.3.4", "mesg_too_big", False, "5.3.4"),
        ("550 5.7.1 Unable to relay", "5.7.1", "no_relaying", False, "5.7.1"),
        ("551 5.1.6 User has moved", "5.1.6", "has_moved", True, "5.1.6"),
        ("556 5.1.10 Recipient address has null MX", "5.1.10", "not_accept", True, "5.1.10"),
        ("whatever this may be", "5.2.2", "mailbox_full", False, "5.2.2"),
        ("554 5.4.6 Too many hops", "5.4.6", "network_error", False, "5.4.6"),
    ],
)
def test_reason_status_and_hardness(diagnostic: str, status: str, reason: str, hard: bool, told: str) -> None:
    bounce = _report(diagnostic, status)
    assert (bounce.reason, bounce.hard, bounce.status) == (reason, hard, told)


def test_a_delay_is_soft_whatever_it_says() -> None:
    bounce = _report("450 4.1.2 Host not found", "4.1.2", "delayed")
    assert (bounce.hard, bounce.reason) == (False, "network_error")


def test_the_address_itself_is_no_wording() -> None:
    assert _report("550 5.2.2 <user.unknown.spam@town.example> refused", "5.2.2").reason == "mailbox_full"


@given(st.text(max_size=300), st.sampled_from(["5.0.0", "4.4.7", "5.1.1", "nonsense"]))
def test_any_diagnostic_has_a_known_reason(diagnostic: str, status: str) -> None:
    bounce = _report(diagnostic.replace("\n", " ").replace("\r", " "), status)
    assert bounce.reason in _NAMES | {reasons.UNDEFINED}
    assert bounce.hard <= (bounce.reason in _HARD)


@given(st.text(alphabet="<>@:.ab 5-\n", max_size=400))
def test_any_notice_is_read(text: str) -> None:
    raw = f"From: MAILER-DAEMON@relay.example\nSubject: Undeliverable\n\n{text}".encode()
    verdict = bounces.detect(parse(raw))
    assert verdict is not None
    assert len(verdict.bounces) >= 1


def test_a_notice_is_cut_where_the_returned_message_begins() -> None:
    notice = notices.cut(
        "Sorry.\n\n<a@town.example>: gone\n\n--- Original message follows.\n\nFrom: x@y.example\nTo: z\n"
    )
    assert "x@y.example" not in notice.text
    assert notice.returned["from"] == ["x@y.example"]


@pytest.mark.parametrize(
    "raw",
    [
        "From: Anna <anna@town.example>\nSubject: Undeliverable: Invitation\n\nIt could not be delivered.",
        "From: it-admin@town.example\nSubject: AW: Unzustellbar: Einladung\n\nSie konnte nicht zugestellt werden.",
        "From: postmaster@town.example\nSubject: Re: Invitation\n\nWe take part, thank you.",
        "From: anna@town.example\nAuto-Submitted: auto-replied\nSubject: Out of office\n\nI am away.",
        "From: a@town.example\nReturn-Path: <>\nAuto-Submitted: auto-replied\nSubject: Away\n\nBack 1 May.",
    ],
)
def test_people_and_their_machines_are_no_bounces(raw: str) -> None:
    assert bounces.detect(parse(raw.encode())) is None


def test_a_complaint_names_who_complained() -> None:
    parsed = parse(
        b"From: fbl@provider.example\nContent-Type: multipart/report; boundary=b\n\n"
        b"--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\n"
        b"Original-Rcpt-To: a@town.example\n"
        b"Original-Rcpt-To: <b@town.example>\n--b--\n"
    )
    verdict = feedback.detect(parsed)
    assert verdict is not None
    assert verdict.kind is InboundKind.COMPLAINT
    assert feedback.complained(parsed) == ("a@town.example", "b@town.example")


@pytest.mark.parametrize(
    ("words", "stage"),
    [
        ("(in reply to end of data command)", Stage.DATA),
        ("smtp error from remote mail server after rcpt to:<@town.example>: 550", Stage.RCPT),
        (">>> data <<< 550 no such user", Stage.DATA),
        ("553 5.3.0 <@town.example>... no such user here", Stage.RCPT),
        ("host refused to talk to me: 554", Stage.CONNECT),
        ("sender was rejected", Stage.MAIL),
        ("mail from: @a.example rcpt to: @b.example from: @c.example", None),
        ("550 user unknown", None),
    ],
)
def test_the_stage_is_what_the_report_names(words: str, stage: Stage | None) -> None:
    assert stage_of([words]) is stage


@pytest.mark.parametrize(
    ("diagnostic", "declared", "reason"),
    [
        ("550 User unknown", "5.0.0", "filtered"),  # nobody says at which stage
        ("550 User unknown (in reply to RCPT TO command)", "5.0.0", "user_unknown"),
        ("550 5.1.1 User unknown", "5.0.0", "user_unknown"),
        ("User not listed in public Name & Address Book", "5.0.0", "user_unknown"),  # its own directory
        ("550 Rejected (in reply to EHLO command)", "5.0.0", "blocked"),
        ("550 Rejected (in reply to MAIL FROM command)", "5.0.0", "rejected"),
        ("550 Sender rejected. AUP#CDRBL", "5.1.0", "blocked"),  # the provider's mark says more
        ("552 Service refused. OFR_417 [417]", "5.2.0", "mailbox_full"),
        ("550 5.7.1 Nope", "5.7.1", "security_error"),
        ("451 4.7.1 Nope", "4.7.1", "blocked"),
    ],
)
def test_a_reason_needs_its_ground(diagnostic: str, declared: str, reason: str) -> None:
    assert _report(diagnostic, declared).reason == reason


def test_the_actual_problem_is_better_than_that_time_ran_out() -> None:
    assert (
        reasons.choose_status("550 4.4.7 expired", "4.4.7", ["441 4.4.1 no answer"], temporary=False)
        == "4.4.1"
    )


_WORDINGS = tomllib.loads((Path(__file__).parent.parent / "golden" / "wordings.toml").read_text("utf-8"))


@pytest.mark.parametrize("reason", _WORDINGS)
def test_what_servers_say_tells_the_reason(reason: str) -> None:
    told = {}
    for words in _WORDINGS[reason]:
        reply = f"550 {words}"
        about = f"host said: {reply} (in reply to RCPT TO command)"
        told[words] = reasons.choose((reply,), (about,), "5.0.0", temporary=False)[0]
    assert told == dict.fromkeys(_WORDINGS[reason], reason)
