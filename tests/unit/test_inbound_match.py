"""The ladder: which clues a message carries, in which order, and which mail is our own."""

from __future__ import annotations

from outreach.inbound.match import Clue, clues, is_own
from outreach.inbound.parse import parse
from outreach.inbound.providers import PUBLIC_MAIL_DOMAINS
from outreach.model.states import Rung

_TOKEN = "or-" + "a2" * 13
_OWN = frozenset({"invite@network.example"})


def _read(text: str) -> list[tuple[Rung, str]]:
    return [(clue.rung, clue.value) for clue in clues(parse(text.encode()), own_addresses=_OWN)]


def test_the_ladder_from_top_to_bottom() -> None:
    found = _read(
        "From: Anna <Anna@Town.Example>\n"
        f"To: invite+{_TOKEN.upper()}@network.example, invite@network.example\n"
        "In-Reply-To: <m-2@network.example>\n"
        "References: <m-1@network.example> <m-2@network.example>\n"
        f"Subject: Re: [{_TOKEN}]\n\nWe come.\n"
    )
    assert found == [
        (Rung.IN_REPLY_TO, "<m-2@network.example>"),
        (Rung.REFERENCES, "<m-2@network.example>"),
        (Rung.REFERENCES, "<m-1@network.example>"),
        (Rung.PLUS_ADDRESS, _TOKEN),
        (Rung.TOKEN, _TOKEN),
        (Rung.ADDRESS, "anna@town.example"),
        (Rung.DOMAIN, "town.example"),
    ]


def test_clues_say_where_they_stood() -> None:
    parsed = parse(f"From: a@town.example\n\n{_TOKEN}".encode())
    assert next(clues(parsed, own_addresses=_OWN)) == Clue(Rung.TOKEN, _TOKEN, "text")


def test_a_public_provider_is_no_domain() -> None:
    for domain in sorted(PUBLIC_MAIL_DOMAINS)[::20]:
        assert _read(f"From: anna@{domain}\n\nHello") == [(Rung.ADDRESS, f"anna@{domain}")]


def test_tokens_are_whole_words() -> None:
    for text in (f"x{_TOKEN}", f"{_TOKEN}a", _TOKEN[:-1], _TOKEN[:-1] + "1"):
        assert _read(f"Subject: {text}\n\n{text}") == []
    assert _read(f"Subject: ({_TOKEN}).\n\n") == [(Rung.TOKEN, _TOKEN)]


def test_calendar_uid_is_a_clue() -> None:
    found = _read(
        "From: a@town.example\nContent-Type: text/calendar; method=REPLY\n\nBEGIN:VCALENDAR\nBEGIN:VEVENT\n"
        "UID:Session-1@Network.example\nATTENDEE;PARTSTAT=ACCEPTED:mailto:a@town.example\nEND:VEVENT\nEND:VCALENDAR\n"
    )
    assert found[0] == (Rung.CALENDAR_UID, "Session-1@Network.example")


def test_a_bounce_gives_the_returned_headers_and_its_recipient() -> None:
    found = _read(
        "From: MAILER-DAEMON@relay.example\nTo: invite@network.example\nSubject: Undelivered Mail\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
        "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; relay.example\n\n"
        "Original-Recipient: rfc822; info@town.example\nFinal-Recipient: rfc822; x@provider.example\n"
        "Action: failed\nStatus: 5.1.1\n\n"
        "--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: <rewritten@relay.example>\n"
        f"X-Outreach-Message-ID: <m-1@network.example>\nReply-To: invite+{_TOKEN}@network.example\n--b--\n"
    )
    assert found == [
        (Rung.RETURNED_HEADERS, "<m-1@network.example>"),
        (Rung.RETURNED_HEADERS, "<rewritten@relay.example>"),
        (Rung.PLUS_ADDRESS, _TOKEN),
        (Rung.TOKEN, _TOKEN),
        (Rung.ADDRESS, "info@town.example"),
        (Rung.ADDRESS, "x@provider.example"),
    ]


def test_own_mail() -> None:
    def own(text: str) -> bool:
        return is_own(parse(text.encode()), _OWN)

    assert own("From: Invite@Network.example\nTo: info@town.example\n\nx")
    assert own("From: invite@network.example\nTo: info@town.example\nReferences: <m-1@network.example>\n\nx")
    assert own(
        "From: invite@network.example\nTo: invite@network.example\nReferences: <m-1@network.example>\n"
        "X-Outreach-Message-ID: <m-1@network.example>\n\nx"
    )
    assert not own(
        "From: invite@network.example\nTo: invite@network.example\nIn-Reply-To: <m-1@network.example>\n\nx"
    )
    assert not own("From: info@town.example\nTo: invite@network.example\n\nx")
    assert not own("To: invite@network.example\n\nx")
