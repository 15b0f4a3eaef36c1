"""What people mean, in 24 languages: short letters written for these tests."""

from __future__ import annotations

import time

import pytest

from outreach.inbound import replies
from outreach.inbound.parse import parse
from outreach.inbound.readings import CERTAIN, Reading, decide
from outreach.inbound.wordings import LANGUAGES, lexicon, parse_phrase, sentences
from outreach.jobs.effects import SURE
from outreach.model.states import InboundKind, Intent
from outreach.model.values import Verdict

R, D, Q, F, U, O = (  # noqa: E741
    *(Intent.REGISTER, Intent.DECLINE, Intent.QUESTION),
    *(Intent.REFER, Intent.UNSUBSCRIBE, Intent.OTHER),
)


def read(body: str, subject: str = "Re: x", language: str | None = None) -> Verdict:
    head = f"From: Office <office@stadt.example>\r\nTo: us@network.example\r\nSubject: {subject}\r\n"
    head += "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    return replies.detect(parse((head + body).encode()), language)


@pytest.mark.parametrize(
    ("language", "body", "intent"),
    [
        ("en", "Dear all, please sign us up, two people will come.", R),
        ("en", "Thanks, but we will not be attending.", D),
        ("en", "If it is free we would join. Is there a fee?", Q),
        ("en", "Please remove us from your mailing list.", U),
        ("en", "Our IT office is responsible, please write to it@stadt.example.", F),
        ("en", "Many thanks, noted. We will discuss it and get back to you.", O),
        ("de", "Guten Tag, wir nehmen gerne teil.", R),
        ("de", "Wir nehmen leider nicht teil.", D),
        ("de", "Was kostet die Teilnahme?", Q),
        ("de", "Bitte streichen Sie uns aus dem Verteiler.", U),
        ("de", "Zuständig ist das Bauamt, bitte wenden Sie sich an bau@stadt.example.", F),
        ("fr", "Nous participerons à la réunion, deux personnes.", R),
        ("fr", "Nous ne participerons pas.", D),
        ("fr", "Merci de nous retirer de votre liste.", U),
        ("nl", "Wij doen graag mee met twee personen.", R),
        ("nl", "Wij doen niet mee.", D),
        ("nl", "Graag uitschrijven uit deze mailinglijst.", U),
        ("fi", "Osallistumme kahden hengen voimin.", R),
        ("fi", "Emme osallistu.", D),
        ("fi", "Poistakaa meidät postituslistalta.", U),
        ("sv", "Vi deltar gärna, två personer.", R),
        ("sv", "Vi deltar inte.", D),
        ("sv", "Ta bort oss från listan.", U),
        ("el", "Θα συμμετάσχουμε με δύο άτομα.", R),
        ("el", "Δεν θα συμμετάσχουμε.", D),
        ("el", "Υπάρχει κόστος;", Q),
        ("el", "Παρακαλώ διαγράψτε μας από τη λίστα.", U),
        ("bg", "Ще участваме с двама души.", R),
        ("bg", "Няма да участваме.", D),
        ("bg", "Моля, отпишете ни от списъка.", U),
        ("cs", "Zúčastníme se, dvě osoby.", R),
        ("da", "Vi deltager ikke.", D),
        ("es", "Confirmamos nuestra asistencia.", R),
        ("et", "Palun registreerige meid.", R),
        ("ga", "Ní bheimid ag freastal.", D),
        ("hr", "Nećemo sudjelovati.", D),
        ("hu", "Részt veszünk a képzésen.", R),
        ("it", "Parteciperemo in due.", R),
        ("lt", "Dalyvausime, du žmonės.", R),
        ("lv", "Mēs piedalīsimies.", R),
        ("mt", "Neħħuna mil-lista tagħkom.", U),
        ("pl", "Weźmiemy udział w szkoleniu.", R),
        ("pt", "Não vamos participar.", D),
        ("ro", "Vom participa la sesiune.", R),
        ("sk", "Zúčastníme sa školenia.", R),
        ("sl", "Udeležili se bomo usposabljanja.", R),
    ],
)
def test_plain_answers_are_understood(language: str, body: str, intent: Intent) -> None:
    verdict = read(body, language=language)
    assert verdict.kind is InboundKind.REPLY
    assert verdict.intent is intent, verdict.evidence
    assert verdict.evidence


@pytest.mark.parametrize(
    "body",
    [
        "If there is a recording, please register us.",
        "Could we register three people?",
        "Your letter was registered under number 7.",
        "Before we sign up: who pays?",
        "We are already registered for another programme.",
        "We shall see.",
        "",
    ],
)
def test_a_registration_is_never_certain_without_a_plain_wording(body: str) -> None:
    verdict = read(body, language="en")
    assert not (verdict.intent is R and verdict.confidence >= CERTAIN), verdict.evidence


@pytest.mark.parametrize(
    ("language", "body"),
    [
        ("en", "Nobody from our side will attend."),
        ("en", "I doubt we will be attending."),
        ("en", "I asked my boss if we can take part."),
        ("de", "Ob wir teilnehmen, entscheidet der Gemeinderat nächste Woche."),
        ("de", "Wir sind dabei, das intern abzustimmen."),
        ("de", "Es nimmt niemand von uns teil."),
        ("fr", "Nous vous dirons la semaine prochaine si nous participerons."),
        ("nl", "Er neemt niemand van ons deel."),
        ("fi", "Meiltä ei osallistu kukaan."),
        ("sv", "Vi återkommer om vi deltar."),
        ("el", "Θα σας ενημερώσουμε αν θα συμμετάσχουμε."),
        ("bg", "Ще Ви уведомим дали ще участваме."),
        ("es", "Nadie de nuestro ayuntamiento participará."),
        ("hr", "Javit ćemo hoćemo li sudjelovati."),
        ("hu", "Értesítjük, hogy részt veszünk-e."),
        ("lv", "Paziņosim, vai piedalīsimies."),
        ("pl", "Damy znać, czy weźmiemy udział."),
        ("pt", "Diremos se participaremos."),
        ("ro", "Vă vom anunța dacă vom participa."),
        ("sl", "Sporočili vam bomo, ali se bomo udeležili."),
    ],
)
def test_what_is_open_or_denied_is_never_a_certain_registration(language: str, body: str) -> None:
    verdict = read(body, language=language)
    assert not (verdict.intent is R and verdict.confidence >= CERTAIN), verdict.evidence


def test_a_quoted_invitation_counts_for_nothing() -> None:
    verdict = read(
        "Thank you.\r\n\r\nOn 4 Aug 2026 at 09:00, X <us@network.example> wrote:\r\n"
        "> Please sign us up! Unsubscribe here. We take part.\r\n"
    )
    assert verdict.intent is O
    assert verdict.text == "Thank you."


def test_unsubscribing_wins_over_a_refusal() -> None:
    verdict = read("We will not be attending. Remove us from your list and stop emailing us.")
    assert verdict.intent is U
    assert verdict.confidence >= CERTAIN


@pytest.mark.parametrize(
    ("language", "body"),
    [
        ("en", "Please take us off the list of participants for the 25th."),
        ("de", "Bitte streichen Sie uns von der Teilnehmerliste."),
        ("fr", "Merci de me retirer de la liste des participants."),
        ("nl", "Haal ons van de deelnemerslijst."),
        ("fi", "Poistakaa meidät osallistujaluettelosta, emme pääse."),
        ("sv", "Ta bort oss från deltagarlistan."),
        ("el", "Διαγράψτε μας από τη λίστα συμμετεχόντων."),
        ("bg", "Моля, махнете ни от списъка на участниците."),
        ("es", "Quítennos de la lista de asistentes."),
        ("pl", "Proszę usunąć nas z listy uczestników."),
        ("hu", "Töröljenek a résztvevők listájáról."),
    ],
)
def test_leaving_the_list_of_participants_is_a_refusal(language: str, body: str) -> None:
    assert read(body, language=language).intent is D


def test_not_unsubscribing_is_not_unsubscribing() -> None:
    assert read("Bitte nicht abmelden, wir lesen das gern.").intent is not U
    for body, language in (
        ("Kérem, ne töröljenek minket a listáról.", "hu"),
        ("Haal ons alstublieft niet van de lijst.", "nl"),
        ("Please do not take us off your list.", "en"),
    ):
        verdict = read(body, language=language)
        assert verdict.intent is not U or verdict.confidence < SURE, body


def test_a_subject_that_the_person_wrote_counts() -> None:
    verdict = read("Thank you for the invitation.", subject="Please unsubscribe us")
    assert verdict.intent is U
    assert read("Thank you for the invitation.", subject="Re: unsubscribe here").intent is not U


def test_addresses_of_a_referral_leave_out_our_own() -> None:
    verdict = read("Please contact it@stadt.example, not us@network.example; he is responsible for this.")
    assert verdict.intent is F
    assert verdict.refer_to == ("it@stadt.example",)


def test_an_address_for_the_link_is_no_referral() -> None:
    verdict = read("We will attend, two people. Send the link to ann@stadt.example.")
    assert verdict.intent is R
    assert verdict.refer_to == ()


def test_nothing_found_has_little_confidence() -> None:
    assert decide(Reading()) == (O, 0.3)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_all_groups_and_months(language: str) -> None:
    words = lexicon(language)
    assert words.language == language
    assert {*"register attend decline unsubscribe refer question other guard".split()} <= words.groups  # noqa: SIM905
    assert {*"away receipt moved old deputy automatic".split()} <= words.groups  # noqa: SIM905
    assert len(words.lists["months"]) == 12


def test_a_phrase_that_begins_with_a_gap_is_refused() -> None:
    with pytest.raises(ValueError, match="not a phrase"):
        parse_phrase("register", ".. us up")


@pytest.mark.parametrize(
    "bomb", ["we will attend " * 50_000, "if " * 200_000, ". " * 200_000, "\n \n" * 100_000]
)
def test_hostile_texts_are_read_in_bounded_time(bomb: str) -> None:
    started = time.process_time()
    read(bomb)
    assert time.process_time() - started < 3


def test_abbreviations_and_dates_end_no_sentence() -> None:
    parts = sentences("No. On the 3. March Mr. B. Ray and Dr. Low came. Thanks.")
    assert [part.text for part in parts] == ["No.", "On the 3. March Mr. B. Ray and Dr. Low came.", "Thanks."]


def test_wrapped_lines_are_one_sentence() -> None:
    wrapped = "We would be very glad indeed to send two of our colleagues from\nthe town hall. Is that fine?"
    parts = sentences(wrapped)
    assert [part.asks for part in parts] == [False, True]
