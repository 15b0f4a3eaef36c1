from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outreach.delivery.replies import (
    GarbledReplyError,
    Reply,
    ReplyReader,
    Stage,
    doubled_dots,
    outcome_of,
    whole_lines,
)
from outreach.model.states import OutcomeKind as K


def _on_the_wire(data: bytes) -> bytes:
    return doubled_dots(whole_lines(data))


STREAM = b"250-mail.example\r\n250-SIZE 1000\r\n250 8BITMIME\r\n550 5.1.1 no such user\r\n354\r\n421 bye\n"
REPLIES = [
    Reply(250, "mail.example\nSIZE 1000\n8BITMIME"),
    Reply(550, "5.1.1 no such user"),
    Reply(354, ""),
    Reply(421, "bye"),
]


@settings(max_examples=50)
@given(st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_replies_are_read_however_they_are_cut(cuts: list[int]) -> None:
    reader, got, start = ReplyReader(), list[Reply](), 0
    for end in [*sorted(cuts), len(STREAM)]:
        got += reader.feed(STREAM[start:end])
        start = end
    assert got == REPLIES


@pytest.mark.parametrize(
    "nonsense",
    [
        b"hello\r\n", b"HTTP/1.1 400 Bad Request\r\n", b"\r\n", b"25\r\n", b"999 what\r\n", b"2500 x\r\n",
        b"250-a\r\n550 b\r\n", b"x" * 9000, b"250 " + b"x" * 9000 + b"\r\n", b"250-x\r\n" * 20_000,
        "２５０ ok\r\n".encode(),
    ],
)  # fmt: skip
def test_nonsense_is_noticed(nonsense: bytes) -> None:
    with pytest.raises(GarbledReplyError):
        ReplyReader().feed(nonsense)


@settings(max_examples=50)
@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    reader = ReplyReader()
    try:
        replies = reader.feed(data)
    except GarbledReplyError:
        return
    assert all(200 <= reply.code <= 599 for reply in replies)


@pytest.mark.parametrize(
    ("code", "text", "enhanced"),
    [
        (550, "5.1.1 <a@b.example>: unknown", "5.1.1"),
        (550, "unknown (#5.1.10)", "5.1.10"),
        (450, "5.1.1 of another class", None),
        (250, "host 192.2.3.4 version 2.0.0.1", None),
        (421, "try later\n4.7.0 really", "4.7.0"),
        (554, "5.7.1: blocked", "5.7.1"),
    ],
)
def test_enhanced_codes(code: int, text: str, enhanced: str | None) -> None:
    assert Reply(code, text).enhanced == enhanced


@pytest.mark.parametrize(
    ("stage", "code", "text", "kind"),
    [
        (Stage.MAIL, 250, "2.1.0 Ok", K.ACCEPTED),
        (Stage.RCPT, 251, "will forward", K.ACCEPTED),
        (Stage.DATA, 354, "go on", K.ACCEPTED),
        (Stage.DATA, 250, "go on", K.LOST_BEFORE),
        (Stage.RCPT, 354, "go on", K.LOST_BEFORE),
        (Stage.END_OF_DATA, 250, "queued", K.ACCEPTED),
        (Stage.END_OF_DATA, 354, "what", K.LOST_AFTER),
        (Stage.RCPT, 550, "5.1.1 User unknown", K.REFUSED),
        (Stage.END_OF_DATA, 554, "5.7.1 looks like spam", K.REFUSED),
        (Stage.RCPT, 450, "4.2.0 <a@b.example>: Recipient address rejected: Greylisted", K.DEFERRED),
        (Stage.RCPT, 451, "4.7.1 Greylisting in action, please come back later", K.DEFERRED),
        (Stage.RCPT, 452, "4.2.2 The email account that you tried to reach is over quota", K.DEFERRED),
        (Stage.RCPT, 450, "4.2.1 The user you are trying to contact gets mail too quickly", K.DEFERRED),
        (Stage.RCPT, 450, "4.1.2 Domain not found", K.DEFERRED),
        (Stage.RCPT, 451, "4.3.0 Temporary lookup failure", K.DEFERRED),
        (Stage.RCPT, 450, "4.2.1 Peak SMTP relay limit exceeded for customer", K.THROTTLED),
        (Stage.MAIL, 421, "too much at once", K.THROTTLED),
        (Stage.END_OF_DATA, 421, "4.3.0 Temporary System Problem", K.THROTTLED),
        (Stage.RCPT, 450, "4.7.1 Error: too much mail from 192.0.2.1", K.THROTTLED),
        (Stage.RCPT, 451, "4.4.2 Message submission rate for this client has exceeded", K.THROTTLED),
        (Stage.END_OF_DATA, 432, "4.3.2 Concurrent connections limit exceeded.", K.THROTTLED),
        (Stage.MAIL, 452, "4.3.1 Insufficient system resources", K.THROTTLED),
        (Stage.RCPT, 450, "too many messages from you, slow down", K.THROTTLED),
        (Stage.END_OF_DATA, 550, "5.4.5 Daily user sending limit exceeded", K.THROTTLED),
        (Stage.END_OF_DATA, 554, "5.2.0 STOREDRV; SubmissionQuotaExceededException", K.THROTTLED),
        (Stage.RCPT, 550, "5.1.90 daily limit for message recipients", K.THROTTLED),
        (Stage.RCPT, 552, "5.2.2 mailbox full", K.REFUSED),
        (Stage.MAIL, 530, "5.7.0 Must issue a STARTTLS command first", K.UNUSABLE),
        (Stage.RCPT, 530, "Authentication required", K.UNUSABLE),
        (Stage.MAIL, 553, "5.7.1 Sender address rejected: not owned by user", K.UNUSABLE),
        (Stage.MAIL, 552, "5.3.4 Message size exceeds fixed limit", K.REFUSED),
        (Stage.END_OF_DATA, 554, "5.2.252 SendAsDenied; not allowed to send as", K.UNUSABLE),
        (Stage.END_OF_DATA, 550, "5.7.60 Client does not have permissions to send as this one", K.UNUSABLE),
        (Stage.RCPT, 554, "5.7.1 Relay access denied", K.REFUSED),
    ],
)  # fmt: skip
def test_what_replies_mean(stage: Stage, code: int, text: str, kind: K) -> None:
    outcome = outcome_of(stage, Reply(code, text))
    assert outcome.kind is kind
    assert (outcome.stage, outcome.code, outcome.text) == (stage, code, text)


@pytest.mark.parametrize(
    ("data", "sent"),
    [
        (b"a\r\n.\r\n.b\r\n", b"a\r\n..\r\n..b\r\n"),
        (b".\r\n", b"..\r\n"),
        (b"a", b"a\r\n"),
        (b"a\nb\rc\r\n", b"a\r\nb\r\nc\r\n"),
        (b"a\n.\nb\r\n", b"a\r\n..\r\nb\r\n"),
        (b"a\r.\rb\r\n", b"a\r\n..\r\nb\r\n"),
        (b"", b"\r\n"),
    ],
)
def test_dots_and_line_ends(data: bytes, sent: bytes) -> None:
    assert _on_the_wire(data) == sent


@settings(max_examples=100)
@given(st.binary(max_size=100), st.sampled_from([b"\r\n.\r\n", b"\n.\n", b"\r.\r", b"\n.\r\n", b"."]))
def test_nothing_can_end_the_message_early(data: bytes, dot: bytes) -> None:
    sent = _on_the_wire(data + dot + data)
    assert b"\r\n.\r\n" not in b"\r\n" + sent
    assert sent.count(b"\n") == sent.count(b"\r") == sent.count(b"\r\n")
    assert sent.endswith(b"\r\n")


def test_clean_data_is_not_copied() -> None:
    data = b"Subject: x\r\n\r\nYWJj\r\n"
    assert _on_the_wire(data) is data
