"""The day of return as it is written in 24 languages: ranges, "until and including", inflected months, weekdays,
"tomorrow", two languages at once, and weekdays that are no day of return."""

from __future__ import annotations

import pytest

from outreach.inbound import auto_replies
from outreach.inbound.charsets import decode
from outreach.inbound.parse import parse
from outreach.model.states import Intent

_HEAD = (
    "From: Office <office@town.example>\r\nSubject: Re: Invitation\r\nAuto-Submitted: auto-replied\r\n"
    "Date: Wed, 05 Aug 2026 09:00:00 +0000\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
)

#: language, text, the day named
RETURNS = (
    ("bg", "В отпуск съм от 3 до 21 август включително.", "2026-08-21"),
    ("bg", "Отсъствам до 14.VIII.2026 г.", "2026-08-14"),
    ("bg", "Ще се върна на работа в понеделник.", "2026-08-10"),
    ("bg", "Няма да бъда в офиса до края на деня, връщам се утре.", "2026-08-06"),
    ("bg", "Ползвам отпуск в периода 03.08.2026 - 16.08.2026 г.", "2026-08-16"),
    ("cs", "Od 3. do 21. srpna jsem na dovolené, vracím se v pondělí 24. srpna.", "2026-08-24"),
    ("cs", "Do pátku včetně nejsem v kanceláři.", "2026-08-07"),
    ("cs", "Jsem nepřítomen 3.-14.8.2026.", "2026-08-14"),
    ("cs", "Vrátím se 1. září.", "2026-09-01"),
    ("cs", "Budu zpět až zítra.", "2026-08-06"),
    ("da", "Jeg er på ferie i perioden 3.-21. august.", "2026-08-21"),
    ("da", "Jeg er tilbage på mandag.", "2026-08-10"),
    ("da", "Jeg holder ferie til og med d. 16/8.", "2026-08-16"),
    ("da", "Jeg er ikke på kontoret i dag og er tilbage i morgen.", "2026-08-06"),
    ("de", "Ich bin vom 3.8. bis einschl. 21.8. im Urlaub.", "2026-08-21"),
    ("de", "Ich bin am Montag wieder im Büro.", "2026-08-10"),
    ("de", "Ab dem 1. September bin ich wieder für Sie da, vorher bin ich nicht erreichbar.", "2026-09-01"),
    ("de", "Bin heute außer Haus und morgen wieder erreichbar.", "2026-08-06"),
    ("de", "Urlaub 27.07.–14.08.2026", "2026-08-14"),
    ("de", "Ich bin bis zum 31. Jänner 2027 in Karenz.", "2027-01-31"),
    ("el", "Απουσιάζω από 3 έως 21 Αυγούστου.", "2026-08-21"),
    ("el", "Θα επιστρέψω τη Δευτέρα.", "2026-08-10"),
    ("el", "Βρίσκομαι σε άδεια μέχρι και 14/08.", "2026-08-14"),
    ("el", "Θα απουσιάζω έως 1η Σεπτεμβρίου", "2026-09-01"),
    ("en", "I am on annual leave from 3 to 21 August inclusive.", "2026-08-21"),
    ("en", "I will be back in the office on Monday.", "2026-08-10"),
    ("en", "I am out of the office until August 17th.", "2026-08-17"),
    ("en", "Out of office today; back tomorrow.", "2026-08-06"),
    ("en", "On leave until Mon 10th Aug, returning Tues 11th Aug.", "2026-08-11"),
    ("en", "I am out of the office, returning the 1st of September.", "2026-09-01"),
    ("es", "Estaré de vacaciones del 3 al 21 de agosto, ambos inclusive.", "2026-08-21"),
    ("es", "Regreso el lunes.", "2026-08-10"),
    ("es", "Estoy ausente hasta el día 14 de agosto.", "2026-08-14"),
    ("es", "Estaré fuera de la oficina hasta mañana.", "2026-08-06"),
    ("es", "Me reincorporo el 1 de septiembre.", "2026-09-01"),
    ("et", "Olen puhkusel 3.–21. augustini.", "2026-08-21"),
    ("et", "Olen tagasi esmaspäeval.", "2026-08-10"),
    ("et", "Puhkan kuni 14. augustini (k.a).", "2026-08-14"),
    ("et", "Olen täna eemal, tagasi homme.", "2026-08-06"),
    ("et", "Olen tagasi 1. septembril.", "2026-09-01"),
    ("fi", "Olen lomalla 3.–21.8.", "2026-08-21"),
    ("fi", "Palaan töihin maanantaina.", "2026-08-10"),
    ("fi", "Olen lomalla 14. elokuuta saakka.", "2026-08-14"),
    ("fi", "En ole paikalla tänään, palaan huomenna.", "2026-08-06"),
    ("fi", "Lomalla 3.8.-14.8.2026, palaan 17. elokuuta.", "2026-08-17"),
    ("fr", "Je suis en congés du 3 au 21 août inclus.", "2026-08-21"),
    ("fr", "Je serai de retour lundi.", "2026-08-10"),
    ("fr", "Absent jusqu'au vendredi 14 août.", "2026-08-14"),
    ("fr", "Absente ce jour, de retour demain.", "2026-08-06"),
    ("fr", "De retour le 1er septembre.", "2026-09-01"),
    ("ga", "Táim ar saoire ón 3 go dtí an 21 Lúnasa.", "2026-08-21"),
    ("ga", "Beidh mé ar ais Dé Luain.", "2026-08-10"),
    ("ga", "Tá mé as oifig go dtí an 14ú Lúnasa 2026.", "2026-08-14"),
    ("ga", "Beidh mé ar ais ar an 1 Meán Fómhair.", "2026-09-01"),
    ("ga", "Beidh mé ar ais amárach.", "2026-08-06"),
    ("hr", "Na godišnjem sam odmoru od 3. do 21. kolovoza.", "2026-08-21"),
    ("hr", "Vraćam se u ponedjeljak.", "2026-08-10"),
    ("hr", "Odsutna sam zaključno s 14.8.2026.", "2026-08-14"),
    ("hr", "Nisam u uredu, vraćam se sutra.", "2026-08-06"),
    ("hr", "Bit ću na odmoru do 1. rujna.", "2026-09-01"),
    ("hu", "Augusztus 3-tól 21-ig szabadságon vagyok.", "2026-08-21"),
    ("hu", "Hétfőn leszek újra elérhető.", "2026-08-10"),
    ("hu", "2026.08.03-2026.08.14. között szabadságon vagyok.", "2026-08-14"),
    ("hu", "Ma nem vagyok az irodában, holnap vissza.", "2026-08-06"),
    ("hu", "Szeptember 1-jén leszek újra az irodában.", "2026-09-01"),
    ("hu", "Szabadságon vagyok aug. 14-ig.", "2026-08-14"),
    ("it", "Sono in ferie dal 3 al 21 agosto compresi.", "2026-08-21"),
    ("it", "Rientro lunedì.", "2026-08-10"),
    ("it", "Assente fino a venerdì 14 agosto.", "2026-08-14"),
    ("it", "Oggi sono fuori ufficio, rientrerò domani.", "2026-08-06"),
    ("it", "Sarò di ritorno il 1° settembre.", "2026-09-01"),
    ("lt", "Atostogauju rugpjūčio 3–21 dienomis.", "2026-08-21"),
    ("lt", "Grįšiu į darbą pirmadienį.", "2026-08-10"),
    ("lt", "Nesu darbe iki rugpjūčio 14 d. imtinai.", "2026-08-14"),
    ("lt", "Atostogauju nuo 2026-08-03 iki 2026-08-14.", "2026-08-14"),
    ("lt", "Grįšiu rytoj, šiandien nesu darbe.", "2026-08-06"),
    ("lv", "Esmu atvaļinājumā no 3. līdz 21. augustam.", "2026-08-21"),
    ("lv", "Būšu atpakaļ pirmdien.", "2026-08-10"),
    ("lv", "Atvaļinājumā līdz 14. augustam (ieskaitot).", "2026-08-14"),
    ("lv", "Neesmu birojā, atgriezīšos rīt.", "2026-08-06"),
    ("lv", "Atgriezīšos 1. septembrī.", "2026-09-01"),
    ("mt", "Ninsab bil-leave mit-3 sal-21 ta' Awwissu.", "2026-08-21"),
    ("mt", "Nerġa' nkun lura nhar it-Tnejn.", "2026-08-10"),
    ("mt", "Nkun barra mill-uffiċċju sal-14 t'Awwissu.", "2026-08-14"),
    ("mt", "Nerġa' lura fl-1 ta' Settembru.", "2026-09-01"),
    ("mt", "Ma ninsabx l-uffiċċju, inkun lura għada.", "2026-08-06"),
    ("nl", "Ik ben met vakantie van 3 t/m 21 augustus.", "2026-08-21"),
    ("nl", "Maandag ben ik weer bereikbaar.", "2026-08-10"),
    ("nl", "Ik ben afwezig tot en met vrijdag 14 augustus.", "2026-08-14"),
    ("nl", "Ik ben vandaag afwezig en morgen weer terug.", "2026-08-06"),
    ("nl", "Met verlof t.e.m. 14/08/2026.", "2026-08-14"),
    ("pl", "Jestem na urlopie od 3 do 21 sierpnia.", "2026-08-21"),
    ("pl", "Wracam w poniedziałek.", "2026-08-10"),
    ("pl", "Nieobecna do 14 sierpnia włącznie.", "2026-08-14"),
    ("pl", "Dziś nie ma mnie w biurze, wracam jutro.", "2026-08-06"),
    ("pl", "Przebywam na urlopie w dniach 3-14.08.2026 r.", "2026-08-14"),
    ("pl", "Wracam 1 września.", "2026-09-01"),
    ("pt", "Estou de férias de 3 a 21 de agosto.", "2026-08-21"),
    ("pt", "Regresso na segunda-feira.", "2026-08-10"),
    ("pt", "Estarei ausente até 14 de agosto, inclusive.", "2026-08-14"),
    ("pt", "Estou ausente, regresso amanhã.", "2026-08-06"),
    ("pt", "Regresso ao serviço no dia 1 de setembro.", "2026-09-01"),
    ("ro", "Sunt în concediu în perioada 3-21 august.", "2026-08-21"),
    ("ro", "Revin luni la birou.", "2026-08-10"),
    ("ro", "Lipsesc până vineri, 14 august, inclusiv.", "2026-08-14"),
    ("ro", "Nu sunt la birou, revin mâine.", "2026-08-06"),
    ("ro", "Mă întorc pe 1 septembrie.", "2026-09-01"),
    ("sk", "Od 3. do 21. augusta čerpám dovolenku.", "2026-08-21"),
    ("sk", "Vrátim sa v pondelok.", "2026-08-10"),
    ("sk", "Som mimo kancelárie do 14. augusta vrátane.", "2026-08-14"),
    ("sk", "Dnes nie som v kancelárii, späť budem zajtra.", "2026-08-06"),
    ("sk", "Budem späť 1. septembra.", "2026-09-01"),
    ("sl", "Na dopustu sem od 3. do 21. avgusta.", "2026-08-21"),
    ("sl", "Vrnem se v ponedeljek.", "2026-08-10"),
    ("sl", "Odsoten sem do vključno petka, 14. avgusta.", "2026-08-14"),
    ("sl", "Danes me ni v pisarni, vrnem se jutri.", "2026-08-06"),
    ("sl", "Vrnem se 1. septembra.", "2026-09-01"),
    ("sv", "Jag har semester 3–21 augusti.", "2026-08-21"),
    ("sv", "Jag är åter på måndag.", "2026-08-10"),
    ("sv", "Ledig t.o.m. den 14 augusti.", "2026-08-14"),
    ("sv", "Jag är ledig i dag och åter i morgon.", "2026-08-06"),
    ("sv", "Åter den 1:a september.", "2026-09-01"),
    ("fr", "Je suis absent jusqu'au 14 août. / Ik ben afwezig tot 14 augustus.", "2026-08-14"),
    ("fi", "Olen lomalla 14.8. asti. Jag är på semester till 14.8.", "2026-08-14"),
    ("en", "I work Tuesdays and Wednesdays only.", None),
    ("de", "Ich bin nur dienstags und donnerstags im Büro.", None),
    ("nl", "Ik werk niet op vrijdag.", None),
    ("fr", "Je ne travaille pas le mercredi.", None),
    ("sv", "Jag är sjukskriven tills vidare.", None),
    ("it", "Il servizio è aperto al pubblico il lunedì e il giovedì. Sono in malattia.", None),
    ("pl", "Jestem na zwolnieniu lekarskim. Urząd czynny w poniedziałki od 8 do 17.", None),
    ("de", "Ich bin erkrankt. Sprechzeiten: Montag 8-12 Uhr, Donnerstag 14-18 Uhr.", None),
)


@pytest.mark.parametrize(("language", "text", "day"), RETURNS)
def test_the_day_of_return(language: str, text: str, day: str | None) -> None:
    verdict = auto_replies.detect(parse((_HEAD + text + "\r\n").encode()))
    assert verdict is not None
    assert verdict.intent is Intent.OUT_OF_OFFICE
    assert (verdict.until.isoformat() if verdict.until else None) == day
    if text.count(".") < 3:
        assert verdict.language == language


@pytest.mark.parametrize(
    ("text", "charset"),
    [
        ("Vaše podání bylo doručeno na podatelnu Městského úřadu a zaevidováno.", "iso8859-2"),
        ("Vaše podání bylo doručeno na podatelnu Městského úřadu a zaevidováno.", "cp1250"),
        ("Dzień dobry, jestem na urlopie, wracam w poniedziałek.", "iso8859-2"),
        ("Szabadságon vagyok, hétfőn leszek újra elérhető.", "cp1250"),
        ("Esmu atvaļinājumā, atgriezīšos pirmdien.", "cp1257"),
        ("Grįšiu į darbą pirmadienį, šiuo metu atostogauju.", "cp1257"),
        ("Jag är på semester och åter på måndag. Hälsningar från Malmö", "cp1252"),
        ("Je serai de retour lundi, après les congés d'été.", "cp1252"),
    ],
)
def test_a_text_without_a_charset_is_read_by_its_language(text: str, charset: str) -> None:
    assert decode(text.encode(charset)) == text


def test_a_ticket_number_in_the_subject_tells_a_receipt_without_headers() -> None:
    raw = (
        "From: Service <service@town.example>\r\nSubject: [Ticket#2026021000231] Invitation\r\n\r\n"
        "Guten Tag,\r\n\r\nwir haben Ihr Anliegen unter der Ticketnummer 2026021000231 aufgenommen.\r\n"
    )
    verdict = auto_replies.detect(parse(raw.encode()))
    assert verdict is not None
    assert verdict.intent is Intent.RECEIPT
