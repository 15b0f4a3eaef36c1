"""What a person newly wrote, cut out of what mail programs put around it."""

from __future__ import annotations

import time

import pytest

from outreach.inbound.parse import parse
from outreach.inbound.quotes import new_text, strip


def message(body: str, *, html: bool = False, name: str = "Eva Muster") -> bytes:
    kind = "html" if html else "plain"
    head = f"From: {name} <eva@stadt.example>\r\nTo: us@network.example\r\nSubject: Re: Invitation\r\n"
    head += f"MIME-Version: 1.0\r\nContent-Type: text/{kind}; charset=utf-8\r\n\r\n"
    return (head + body.replace("\n", "\r\n")).encode()


@pytest.mark.parametrize(
    "quote",
    [
        "On Tue, 4 Aug 2026 at 09:00, The Network <us@network.example> wrote:\n> Join us!\n> Register here.",
        "On Tue, 4 Aug 2026 at 09:00, The Network\n<us@network.example> wrote:\n> Join us!",
        "Am 04.08.26 um 09:00 schrieb The Network:\n> Machen Sie mit!",
        "Le mar. 4 août 2026 à 09:00, The Network <us@network.example> a écrit :\n> Inscrivez-vous",
        "Op di 4 aug 2026 om 09:00 schreef The Network <us@network.example>:\n> Doe mee",
        "ti 4. elok. 2026 klo 9.00 The Network (us@network.example) kirjoitti:\n> Tervetuloa",
        "Den tis 4 aug. 2026 kl 09:00 skrev The Network <us@network.example>:\n> Kom",
        "Στις Τρί 4 Αυγ 2026 στις 9:00 π.μ., ο χρήστης The Network\n<us@network.example> έγραψε:\n> Ελάτε",
        "На вт, 4.08.2026 г. в 9:00 The Network <us@network.example> написа:\n> Елате",
        "W dniu 04.08.2026 o 09:00, The Network pisze:\n> Zapraszamy",
        "The Network <us@network.example> ezt írta (időpont: 2026. aug. 4., K, 9:00):\n> Jöjjenek",
        "Quoting The Network <us@network.example>:\n> Join us!",
        "-----Original Message-----\nFrom: The Network <us@network.example>\nSent: Tuesday\nTo: Eva\n"
        "Subject: Invitation\n\nJoin us, register here.",
        "________________________________\nVon: The Network <us@network.example>\nGesendet: Dienstag\n"
        "An: Eva\nBetreff: Einladung\n\nMachen Sie mit.",
        "Lähettäjä: The Network <us@network.example>\nLähetetty: tiistai\nVastaanottaja: Eva\n"
        "Aihe: Kutsu\n\nTule",
        '----- Mail original -----\nDe: "The Network" <us@network.example>\nÀ: eva@stadt.example\n'
        "Envoyé: Mardi 4 Août 2026\nObjet: Invitation\n\nVenez",
        ">>> The Network <us@network.example> 04.08.2026 9:00 >>>\n\nJoin us",
        '> Message du 04/08/26 09:00\n> De : "The Network" <us@network.example>\n> A : eva@stadt.example\n'
        "> Objet : Invitation\n>\n\nVenez nombreux",
    ],
)
def test_a_quote_below_the_answer_is_cut(quote: str) -> None:
    stripped = strip(parse(message("Hello,\n\nwe are three.\n\nEva\n\n" + quote + "\n")))
    assert stripped.text == "Hello,\n\nwe are three.\n\nEva"
    assert stripped.quoted


def test_an_answer_below_the_quote_is_kept() -> None:
    body = "On 04/08/2026 09:00, The Network wrote:\n> Join us!\n> Register here.\n\nWe are coming.\n\nEva\n"
    assert new_text(parse(message(body))) == "We are coming.\n\nEva"


def test_answers_between_quoted_paragraphs_follow_each_other() -> None:
    body = "Dear all,\n\n> Will you come?\n\nYes, two of us.\n\n> May we write again?\n\nPlease do.\n\nEva\n"
    assert new_text(parse(message(body))) == "Dear all,\n\nYes, two of us.\n\nPlease do.\n\nEva"


@pytest.mark.parametrize(
    "below",
    [
        "-- \nHead of the office\nPhone 000 111",
        "Head of Unit\nTown of Stadt, Main Road 1\nTel. +43 1 000 111",
        "\nHead of Unit\nwww.stadt.example",
        "\nThis message is confidential and intended solely for the addressee.",
    ],
)
def test_titles_contacts_and_notices_below_the_name_are_cut(below: str) -> None:
    body = "Hello,\n\nwe are three.\n\nKind regards\nEva Muster\n" + below + "\n"
    assert new_text(parse(message(body))) == "Hello,\n\nwe are three.\n\nKind regards\nEva Muster"


@pytest.mark.parametrize(
    "line",
    [
        *("Sent from my iPhone", "Von meinem iPhone gesendet", "Envoyé de mon iPhone", "Odesláno z iPhonu"),
        *(
            "Verstuurd vanaf mijn iPhone",
            "Lähetetty iPhonesta",
            "Skickat från min iPhone",
            "Στάλθηκε από το iPhone μου",
        ),
        *("Изпратено от моя iPhone", "Wysłane z iPhone'a", "iPhone-omról küldve", "Nosūtīts no mana iPhone"),
    ],
)
def test_lines_of_mobile_programs_are_cut(line: str) -> None:
    assert new_text(parse(message(f"We are coming. Eva\n\n{line}\n"))) == "We are coming. Eva"


@pytest.mark.parametrize(
    "quote",
    [
        "<blockquote type='cite'>Join us</blockquote>",
        "<div class='gmail_quote'><div class='gmail_attr'>On Tuesday X wrote:<br></div>"
        "<blockquote>Join us</blockquote></div>",
        "<div id='divRplyFwdMsg'>From: X</div><div>Join us</div>",
        "<div><div style='border:none;border-top:solid #E1E1E1 1.0pt'><p>Von: X</p></div></div><p>Join</p>",
    ],
)
def test_quotes_of_html_bodies_are_cut(quote: str) -> None:
    head = "<html><head><style>p {}</style></head>"
    body = f"{head}<body><p>We are&nbsp;coming.</p><p>Eva</p>{quote}</body></html>"
    assert new_text(parse(message(body, html=True))).split() == ["We", "are", "coming.", "Eva"]


def test_a_letter_without_any_quote_stays_whole() -> None:
    body = "Hello,\n\nour list: 2 people, namely:\n- Ann\n- Bob\n\nEva"
    stripped = strip(parse(message(body)))
    assert stripped.text == body
    assert not stripped.quoted


@pytest.mark.parametrize(
    "bomb", ["> " * 100_000, "a" * 200_000, "From: " * 40_000, "-" * 200_000, "<div " * 50_000]
)
def test_hostile_bodies_are_read_in_bounded_time(bomb: str) -> None:
    started = time.process_time()
    strip(parse(message(bomb)))
    strip(parse(message(bomb, html=True)))
    assert time.process_time() - started < 3
