"""Calendar answers and unsubscribe commands and form notifications, beyond the golden messages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.errors import InputError
from outreach.inbound import calendars, forms, unsubscribe
from outreach.inbound.parse import parse
from outreach.model.states import InboundKind
from outreach.model.values import FormRegistration

_TOKEN = "or-" + "b7" * 13


def test_content_lines_are_unfolded_and_parameters_read() -> None:
    lines = list(
        calendars.content_lines(
            'attendee;CN="Berg: Anna; Ms";PARTSTAT=ACCEP\r\n TED:mailto:a@b.example\r\n'
            "COMMENT:a\\, b\\nc\nnonsense\n"
        )
    )
    assert [line.name for line in lines] == ["ATTENDEE", "COMMENT"]
    assert lines[0].params == {"CN": "Berg: Anna; Ms", "PARTSTAT": "ACCEPTED"}
    assert lines[0].value == "mailto:a@b.example"
    assert lines[1].text() == "a, b\nc"


@given(st.text(max_size=200))
def test_any_text_gives_content_lines(text: str) -> None:
    for line in calendars.content_lines(text):
        assert line.name == line.name.upper()


def test_a_calendar_bomb_is_bounded() -> None:
    assert list(calendars.content_lines(("A" + ';B="' * 20_000 + "\n") * 3)) == []


@pytest.mark.parametrize(
    ("subject", "body", "found"),
    [
        ("unsubscribe", "", True),
        ("Unsubscribe", "unsubscribe", True),
        (f"unsubscribe {_TOKEN}", "", True),
        (f"[{_TOKEN}] unsubscribe", "", True),
        ("", f"unsubscribe {_TOKEN.upper()}\n\nSent from my iPhone", True),
        ("", "unsubscribe a@town.example", True),
        ("Re: Invitation", "unsubscribe", False),
        ("Re: Invitation", "Please unsubscribe us.", False),
        ("unsubscribe me from the other list but keep this", "", False),
        (
            "unsubscribe",
            "We changed our mind: please register two people for the session on Tuesday. " * 3,
            False,
        ),
        ("unsubscribed", "", False),
    ],
)
def test_only_the_command_unsubscribes(subject: str, body: str, found: bool) -> None:
    verdict = unsubscribe.detect(parse(f"From: a@town.example\nSubject: {subject}\n\n{body}".encode()))
    assert (verdict is not None) is found


_RULE = """
name = "survey"
from = ["@forms.example"]
subject = "new answer"
[fields]
name = ["Your name", "Nom"]
email = "E-mail address"
municipality = ["Municipality"]
people = ["How many people?"]
"""


def test_form_from_lines() -> None:
    rule = forms.load_rule(_RULE, "forms/survey.toml")
    verdict = forms.detect(
        parse(
            b"From: noreply@mail.forms.example\nSubject: A NEW answer came in\n\n"
            b"Your name : Anna Berg\nE-Mail address:\nanna@town.example\n* Municipality: Town\n"
            b"How many people? = 2\nSent: today\n"
        ),
        [rule],
    )
    assert verdict is not None
    assert verdict.kind is InboundKind.REGISTRATION
    assert verdict.registration == FormRegistration("Anna Berg", "anna@town.example", "Town", {"people": "2"})


def test_form_from_an_html_table() -> None:
    rule = forms.load_rule(_RULE, "forms/survey.toml")
    verdict = forms.detect(
        parse(
            b"From: noreply@forms.example\nSubject: New answer\nContent-Type: text/html; charset=utf-8\n\n"
            + "<table><tr><td><b>Nom&nbsp;:</b></td><td>Zoë &amp; Co</td></tr><tr><th>E-mail address</th>"
            "<td><a href='mailto:z@town.example'>z@town.example</a></td></tr></table>".encode()
        ),
        [rule],
    )
    assert verdict is not None
    assert verdict.registration == FormRegistration("Zoë & Co", "z@town.example", None, {})


def test_forms_of_others_are_left_alone() -> None:
    rule = forms.load_rule(_RULE, "forms/survey.toml")
    for head in ("From: a@notforms.example\nSubject: new answer", "From: a@forms.example\nSubject: invoice"):
        assert forms.detect(parse(f"{head}\n\nYour name: x\n".encode()), [rule]) is None
    empty = parse(b"From: a@forms.example\nSubject: new answer\n\nNothing here.\n")
    assert forms.detect(empty, [rule]) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("from = [", "not TOML"),
        ("[fields]\nname = 'x'", "how to recognise"),
        ("subject = 'x'", "names no fields"),
        ("subject = 'x'\n[fields]\nname = 3", "field name"),
    ],
)
def test_a_wrong_rule_is_named(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as raised:
        forms.load_rule(text, "forms/x.toml")
    assert "forms/x.toml" in str(raised.value)
    assert raised.value.remedy
