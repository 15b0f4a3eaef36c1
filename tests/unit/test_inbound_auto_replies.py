"""Automatic answers: absences, acknowledgements and address changes."""

from __future__ import annotations

from datetime import date

import pytest

from outreach.inbound import auto_replies
from outreach.inbound.parse import parse
from outreach.model.states import InboundKind, Intent
from outreach.model.values import Verdict


def read(body: str, subject: str = "Re: Invitation", headers: str = "") -> Verdict | None:
    head = f"From: Office <office@stadt.example>\r\nTo: us@network.example\r\nSubject: {subject}\r\n{headers}"
    head += "Date: Wed, 05 Aug 2026 09:00:00 +0000\r\nMIME-Version: 1.0\r\n"
    head += "Content-Type: text/plain; charset=utf-8\r\n\r\n"
    return auto_replies.detect(parse((head + body).encode()))


AUTO = "Auto-Submitted: auto-replied\r\n"


@pytest.mark.parametrize(
    ("body", "day"),
    [
        ("I am on leave until 21 August 2026.", date(2026, 8, 21)),
        ("Ich bin vom 3. bis 21. August im Urlaub.", date(2026, 8, 21)),
        ("Je suis en congé jusqu'au 21 août inclus.", date(2026, 8, 21)),
        ("Ik ben met vakantie tot 21-08-2026.", date(2026, 8, 21)),
        ("Olen lomalla 21.8. saakka.", date(2026, 8, 21)),
        ("Jag är på semester till och med den 21 augusti.", date(2026, 8, 21)),
        ("Βρίσκομαι σε άδεια έως τις 21 Αυγούστου 2026.", date(2026, 8, 21)),
        ("В отпуск съм до 21 август 2026 г.", date(2026, 8, 21)),
        ("Przebywam na urlopie do 21 sierpnia.", date(2026, 8, 21)),
        ("2026. augusztus 21-ig szabadságon vagyok.", date(2026, 8, 21)),
        ("Atostogauju iki 2026 m. rugpjūčio 21 d.", date(2026, 8, 21)),
        ("Esmu atvaļinājumā līdz 2026. gada 21. augustam.", date(2026, 8, 21)),
        ("Puhkan 3. augustist kuni 21. augustini 2026.", date(2026, 8, 21)),
        ("Na godišnjem sam odmoru do 21. kolovoza.", date(2026, 8, 21)),
        ("Čerpám dovolenou do 21. srpna.", date(2026, 8, 21)),
        ("I am on leave and back on 4 January.", date(2027, 1, 4)),
        ("I am on sick leave.", None),
    ],
)
def test_the_day_of_return_is_read_in_the_language(body: str, day: date | None) -> None:
    verdict = read(body, headers=AUTO)
    assert verdict is not None
    assert verdict.intent is Intent.OUT_OF_OFFICE
    assert verdict.until == day


def test_deputies_are_told_from_other_addresses() -> None:
    verdict = read(
        "I am on annual leave. For urgent matters contact ann@stadt.example or bob@stadt.example. "
        "Tickets for the fair are sold at fair@stadt.example.",
        headers=AUTO,
    )
    assert verdict is not None
    assert verdict.refer_to == ("ann@stadt.example", "bob@stadt.example")


def test_a_filing_number_is_a_receipt_and_no_registration() -> None:
    verdict = read("Your message has been registered under no. 2026/77.", headers=AUTO)
    assert verdict is not None
    assert verdict.intent is Intent.RECEIPT


def test_the_new_address_is_taken_and_the_old_left() -> None:
    verdict = read(
        "The mailbox hall@alt.example is no longer used. Our new address is hall@neu.example.", headers=AUTO
    )
    assert verdict is not None
    assert verdict.intent is Intent.ADDRESS_CHANGE
    assert verdict.refer_to == ("hall@neu.example",)


@pytest.mark.parametrize(
    "header",
    [
        "Auto-Submitted: auto-generated\r\n",
        "X-Autoreply: yes\r\n",
        "Precedence: auto_reply\r\n",
        "Return-Path: <>\r\n",
    ],
)
def test_headers_prove_a_machine(header: str) -> None:
    verdict = read("I am on annual leave.", headers=header)
    assert verdict is not None
    assert verdict.kind is InboundKind.AUTO_REPLY
    assert verdict.confidence >= 0.95


@pytest.mark.parametrize(
    ("subject", "body"),
    [
        ("Out of office: Invitation", "Hello, I am not here."),
        ("Abwesenheitsnotiz: Einladung", "Ich bin nicht im Haus."),
        ("Réponse automatique : Invitation", "Je suis absente."),
        ("Automaattinen vastaus: Kutsu", "Olen lomalla."),
    ],
)
def test_without_headers_the_subject_and_the_wording_tell(subject: str, body: str) -> None:
    verdict = read(body, subject=subject)
    assert verdict is not None
    assert verdict.intent is Intent.OUT_OF_OFFICE


@pytest.mark.parametrize(
    "header", ["X-Auto-Response-Suppress: All\r\n", "Auto-Submitted: no\r\n", "Precedence: bulk\r\n"]
)
def test_a_person_is_no_machine(header: str) -> None:
    assert read("Thank you, two of us will come.", headers=header) is None
    assert (
        read("I am on holiday till Monday.\r\n\r\nOn 4 Aug 2026, X wrote:\r\n> Join us\r\n", headers=header)
        is None
    )


@pytest.mark.parametrize(
    ("body", "machine"),
    [
        ("Our mail addresses have changed. Please write to office@newtown.example from now on.", True),
        ("I'm on holiday until Monday, will look at your invitation then and talk to the mayor.", False),
        ("Mr Ryan has left us, but I would be happy to come in his place. Please sign me up.", False),
    ],
)
def test_under_our_own_subject_the_classifier_must_second_a_hint(body: str, machine: bool) -> None:
    assert (read(body) is not None) is machine
