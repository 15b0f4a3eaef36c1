"""What is left of a sentence when nobody may be known by it."""

from __future__ import annotations

import pytest

from outreach.inbound.anonymous import anonymous


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Ja, wij doen mee.\nJan Claes", "Ja, wij doen mee. [name]"),
        (
            "Schrijf aan an.peeters@aalst.example of bel +32 (0)53 12 34 56.",
            "Schrijf aan [address] of bel [number].",
        ),
        ("Aalst doet mee, https://aalst.example/x?y=1", "[name] doet mee, [link]"),
        ("Wij komen met 2 personen op 14 maart.", "Wij komen met 2 personen op 14 maart."),
        ("CLAES", "[name]"),
        ("", ""),
    ],
)
def test_anonymous(text: str, left: str) -> None:
    assert anonymous(text, ["Jan Claes", "Aalst"]) == left


def test_our_token_goes() -> None:
    assert anonymous(f"Ja [or-{'a' * 26}]", []) == "Ja"
