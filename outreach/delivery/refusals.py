"""What a refusal at the SMTP dialogue says about the address: the words of ``refusals.toml``, then the
code."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files

from outreach.model.states import OutcomeKind
from outreach.model.values import Bounce, Outcome

_ADDRESS = re.compile(r"<[^<>\s]*>|[^\s<>]+@[^\s<>]+")


def refusal_bounce(outcome: Outcome, recipient: str | None = None) -> Bounce | None:
    """What a refusal says about the address, in the words of bounce reports; ``None`` when ``outcome`` is no
    refusal (5yz) by the server of the recipient or the message.

    ``hard`` is true only where the address itself is dead (unknown user, unknown domain, moved) and so may be
    suppressed; a refusal for spam, policy, relaying, size or a full mailbox is not, whatever its digits.
    """
    if outcome.kind is not OutcomeKind.REFUSED or outcome.stage not in ("rcpt", "data", "end_of_data"):
        return None
    if outcome.code is None:  # refused by ourselves: no server was asked
        return None
    text = " ".join(outcome.text.split())
    reason, hard = _read(_ADDRESS.sub("<>", text), outcome.enhanced)
    return Bounce(recipient, hard, outcome.enhanced, reason, f"{outcome.code} {text}".rstrip())


def _read(text: str, enhanced: str | None) -> tuple[str, bool]:
    """Reason and whether it is hard. ``text`` has no addresses in it: spam@ is somebody's mailbox."""
    wordings, codes = _tables()
    for reason, hard, pattern in wordings:
        if pattern.search(text):
            return reason, hard
    if enhanced in codes:
        return codes[enhanced]
    if enhanced is not None and enhanced.startswith("5.7."):
        return "policy_violation", False
    return "undefined", False


@cache
def _tables() -> tuple[tuple[tuple[str, bool, re.Pattern[str]], ...], dict[str | None, tuple[str, bool]]]:
    table = tomllib.loads(files("outreach.delivery").joinpath("refusals.toml").read_text("utf-8"))
    wordings = tuple(
        (entry["reason"], entry["hard"], re.compile("|".join(entry["words"]), re.IGNORECASE))
        for entry in table["wording"]
    )
    codes = {code: (entry["reason"], entry["hard"]) for code, entry in table["code"].items()}
    return wordings, codes
