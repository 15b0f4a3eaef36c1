"""The golden messages, read from bytes to verdict; and the JSON that ``outreach classify`` prints."""

from __future__ import annotations

import importlib.util
import json
import time
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outreach.inbound.classify import DETECTORS, classify, to_json
from outreach.inbound.forms import FormRule
from outreach.inbound.match import clues
from outreach.inbound.parse import parse
from outreach.model.states import InboundKind, Intent, Rung
from outreach.model.values import FormRegistration, Verdict

_GOLDEN = Path(__file__).parent.parent / "golden"
_EXPECTED = [json.loads(line) for line in (_GOLDEN / "expectations.jsonl").read_text("utf-8").splitlines()]
_RUNGS = {
    "returned": Rung.RETURNED_HEADERS,
    "in_reply_to": Rung.IN_REPLY_TO,
    "token": Rung.TOKEN,
    "plus": Rung.PLUS_ADDRESS,
}


@pytest.mark.parametrize("expected", _EXPECTED, ids=lambda expected: expected["file"].removesuffix(".eml"))
def test_golden(expected: dict[str, Any]) -> None:
    parsed = parse((_GOLDEN / "messages" / expected["file"]).read_bytes())
    out = to_json(expected["file"], classify(parsed))
    if "kind" in expected:
        assert out["kind"] == expected["kind"]
    assert out["kind"] != expected.get("kind_not")
    for bounce in out.get("bounces", []):
        bounce.pop("diagnostic", None)
    for key in ("intent", "language", "until", "bounces", "rsvp", "refer_to", "text"):
        if key in expected:
            assert out[key] == expected[key]
    found = [(clue.rung, clue.value) for clue in clues(parsed, own_addresses={"invite@network.example"})]
    for key, rung in _RUNGS.items():
        if key in expected:
            assert (rung, expected[key]) in found
    if "text_part" in expected:
        assert (parsed.text or "") == expected["text_part"]
    if "subject" in expected:
        assert parsed.subject == expected["subject"]


def test_every_golden_message_is_expected_of() -> None:
    assert {path.name for path in (_GOLDEN / "messages").iterdir()} == {row["file"] for row in _EXPECTED}


def test_what_is_made_by_form_is_as_the_forms_say() -> None:
    spec = importlib.util.spec_from_file_location("generate", _GOLDEN / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    made = {f"{name}.eml": (raw, row) for name, raw, row in generate.made()}
    told = {row["file"]: row for row in _EXPECTED if row.get("made")}
    assert made.keys() == told.keys()
    for file, (raw, row) in made.items():
        assert (_GOLDEN / "messages" / file).read_bytes() == raw, file
        assert told[file] == {"file": file, "made": True, **row}


def test_order_of_detectors() -> None:
    assert [name for name, _ in DETECTORS] == [
        "delivery report",
        "feedback report",
        "calendar reply",
        "unsubscribe by mail",
        "form notification",
        "auto-reply, human reply",
    ]


def test_json_has_only_what_applies() -> None:
    verdict = Verdict(
        kind=InboundKind.AUTO_REPLY,
        detector="auto",
        confidence=0.91234,
        intent=Intent.OUT_OF_OFFICE,
        language="de",
        until=date(2026, 7, 14),
        refer_to=("x@y.example",),
    )
    assert to_json("x.eml", verdict) == {
        "file": "x.eml",
        "kind": "auto_reply",
        "intent": "out_of_office",
        "language": "de",
        "confidence": 0.912,
        "detector": "auto",
        "evidence": [],
        "until": "2026-07-14",
        "refer_to": ["x@y.example"],
    }
    registered = Verdict(
        kind=InboundKind.REGISTRATION,
        detector="form",
        confidence=1,
        registration=FormRegistration(email="a@b.example", fields={"number": "2"}),
    )
    assert to_json("y", registered)["registration"] == {"email": "a@b.example", "fields": {"number": "2"}}


_HEAD = b"From: MAILER-DAEMON@relay.example\nSubject: Undeliverable\n"


@pytest.mark.parametrize(
    "raw",
    [
        _HEAD + b"Content-Type: text/html\n\n" + b"<style" * 200_000,
        _HEAD + b"Content-Type: text/html\n\n" + b"<style>" * 200_000,
        _HEAD + b"\n" + b"<a@b.example>:\n" * 50_000,
        _HEAD + b"\n" + b"".join(b"a%d@b.example: 550 no\n" % number for number in range(50_000)),
        _HEAD + b"\n" + b"\n" * 1_000_000,
        _HEAD + b"\n" + b"a" * 1_000_000,
        _HEAD + b"\n" + b"Received: x\n" * 100_000,
        _HEAD
        + b"Content-Type: message/delivery-status\n\nFinal-Recipient: rfc822; a@b.example\n"
        + b" x\n" * 300_000,
        _HEAD + b"Content-Type: multipart/mixed\n" + b"name=x\n" * 200_000,
        b"From: a@b.example\nSubject: x\n\n" + b"\n" * 1_000_000,
        b"From: a@b.example\nContent-Type: text/html\n\n" + b"<td" * 300_000,
        b"From: a@b.example\nContent-Type: text/html\n\n" + b"<tr><td>x" * 100_000,
        b"Content-Type: text/calendar\n\nBEGIN:VCALENDAR\n" + b"ATTENDEE:" * 100_000,
        b"Content-Type: text/calendar\n\nBEGIN:VEVENT\n" + b'UID;a="b' * 100_000,
    ],
    ids=range(14),
)
def test_bombs_reach_a_verdict_in_bounded_time(raw: bytes) -> None:
    rule = FormRule("x", ("a@b.example",), "", {"name": ("x",)})
    parsed = parse(raw)
    began = time.process_time()
    for _, detect in DETECTORS[:5]:  # the last one reads language, and is tried beside its wordings
        detect(parsed, [rule])
    list(clues(parsed, own_addresses=()))
    assert time.process_time() - began < 2.5


_MESSAGES = sorted((_GOLDEN / "messages").iterdir())


@given(
    st.sampled_from(_MESSAGES),
    st.sampled_from(_MESSAGES),
    st.lists(st.tuples(st.integers(0, 6000), st.integers(0, 300), st.binary(max_size=12)), max_size=6),
)
@settings(max_examples=100, deadline=None)
def test_nothing_raises_on_what_is_left_of_a_message(
    first: Path, second: Path, cuts: list[tuple[int, int, bytes]]
) -> None:
    """Two messages grown together, with pieces lost and bytes put in: read to the end, and printable."""
    raw = first.read_bytes() + second.read_bytes()
    for at, length, instead in cuts:
        raw = raw[:at] + instead + raw[at + length :]
    parsed = parse(raw)
    json.dumps(to_json("x", classify(parsed))).encode("utf-8")
    list(clues(parsed, own_addresses={"invite@network.example"}))
