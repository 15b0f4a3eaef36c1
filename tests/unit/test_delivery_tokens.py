from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outreach.delivery import tokens

KEY = b"a key of the workspace, 32 bytes"
nonces = st.binary(min_size=8, max_size=8)


@settings(max_examples=50)
@given(nonces)
def test_a_token_has_its_form_and_verifies(nonce: bytes) -> None:
    token = tokens.issue(KEY, nonce)
    assert re.fullmatch(r"or-[a-z2-7]{26}", token)
    assert tokens.verify(KEY, token)
    assert tokens.verify(KEY, token.upper())
    assert not tokens.verify(KEY + b"!", token)


@settings(max_examples=50)
@given(nonces, nonces)
def test_nonces_make_different_tokens(one: bytes, other: bytes) -> None:
    assert (tokens.issue(KEY, one) == tokens.issue(KEY, other)) == (one == other)


@settings(max_examples=50)
@given(nonces, st.integers(3, 28), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_a_changed_character_is_noticed(nonce: bytes, at: int, character: str) -> None:
    token = tokens.issue(KEY, nonce)
    changed = token[:at] + character + token[at + 1 :]
    assert tokens.verify(KEY, changed) == (changed == token)


@settings(max_examples=50)
@given(st.text(max_size=40))
def test_no_text_breaks_verify(text: str) -> None:
    assert not tokens.verify(KEY, text)


def test_tokens_are_found_where_mail_systems_put_them() -> None:
    one, two = tokens.issue(KEY, b"12345678"), tokens.issue(KEY, b"abcdefgh")
    text = f"Re: Abmeldung {one.upper()} info+{two}@a.example <{one}@b.example> x{two} or-{'a' * 26}"
    assert tokens.find(KEY, text) == (one, two)


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="8 bytes, not 7"):
        tokens.issue(KEY, b"1234567")
    with pytest.raises(ValueError, match="empty"):
        tokens.issue(b"", b"12345678")


def test_suppression_keys_are_the_same_for_the_same_address_only() -> None:
    one = tokens.suppression_key(KEY, "Info@Stadt.example ")
    assert one == tokens.suppression_key(KEY, "info@stadt.example")
    assert re.fullmatch(r"[0-9a-f]{64}", one)
    others = {
        tokens.suppression_key(KEY, "stadt.example"),
        tokens.suppression_key(b"other", "info@stadt.example"),
    }
    assert one not in others
    assert len(others) == 2


def test_message_id() -> None:
    token = tokens.issue(KEY, b"12345678")
    assert tokens.message_id(token, "Netz.Example") == f"<{token}@netz.example>"
