"""What a person wrote is cut out of every usual client's answer, in the 24 languages."""

from __future__ import annotations

import pytest

from outreach.inbound.parse import parse
from outreach.inbound.quotes import new_text

#: Language: labels of the head block (from, sent, to, subject), the line above a quote, the mobile line.
CLIENTS = {
    "bg": (
        "От: Изпратено: До: Относно:",
        "На 4.08.2026 г. в 9:00 The Network написа:",
        "Изпратено от моя iPhone",
    ),
    "cs": (
        "Od: Odesláno: Komu: Předmět:",
        "Dne 4. 8. 2026 v 9:00 The Network napsal(a):",
        "Odesláno z iPhonu",
    ),
    "da": ("Fra: Sendt: Til: Emne:", "Den 4. aug. 2026 kl. 09.00 skrev The Network:", "Sendt fra min iPhone"),
    "de": (
        "Von: Gesendet: An: Betreff:",
        "Am 04.08.2026 um 09:00 schrieb The Network:",
        "Von meinem iPhone gesendet",
    ),
    "el": (
        "Από: Στάλθηκε: Προς: Θέμα:",
        "Στις 4 Αυγ 2026, 9:00 π.μ., ο χρήστης The Network έγραψε:",
        "Στάλθηκε από το iPhone μου",
    ),
    "en": ("From: Sent: To: Subject:", "On 4 Aug 2026, at 09:00, The Network wrote:", "Sent from my iPhone"),
    "es": (
        "De: Enviado: Para: Asunto:",
        "El 4 ago 2026, a las 9:00, The Network escribió:",
        "Enviado desde mi iPhone",
    ),
    "et": (
        "Saatja: Saadetud: Adressaat: Teema:",
        "The Network kirjutas kuupäeval 4. august 2026 kell 9:00:",
        "Saadetud minu iPhone'ist",
    ),
    "fi": (
        "Lähettäjä: Lähetetty: Vastaanottaja: Aihe:",
        "The Network kirjoitti 4.8.2026 kello 9.00:",
        "Lähetetty iPhonesta",
    ),
    "fr": (
        "De : Envoyé : À : Objet :",
        "Le 4 août 2026 à 09:00, The Network a écrit :",
        "Envoyé de mon iPhone",
    ),
    "ga": ("Ó: Seolta: Chuig: Ábhar:", "Ar 4 Lún 2026, ag 09:00, scríobh The Network:", "Seolta ó m'iPhone"),
    "hr": (
        "Šalje: Poslano: Prima: Predmet:",
        "The Network je napisao dana 4. kol 2026. u 09:00:",
        "Poslano s mog iPhonea",
    ),
    "hu": (
        "Feladó: Elküldve: Címzett: Tárgy:",
        "The Network ezt írta (időpont: 2026. aug. 4., 9:00):",
        "Az iPhone-omról küldve",
    ),
    "it": (
        "Da: Inviato: A: Oggetto:",
        "Il giorno 4 ago 2026, alle ore 09:00, The Network ha scritto:",
        "Inviato da iPhone",
    ),
    "lt": ("Nuo: Išsiųsta: Kam: Tema:", "2026-08-04 09:00, The Network rašė:", "Išsiųsta iš mano iPhone"),
    "lv": (
        "No: Nosūtīts: Kam: Temats:",
        "The Network rakstīja 2026. gada 4. augustā plkst. 9:00:",
        "Nosūtīts no mana iPhone",
    ),
    "mt": (
        "Minn: Mibgħut: Lil: Suġġett:",
        "Fl-4 ta' Awwissu 2026, 09:00, The Network kiteb:",
        "Mibgħut mill-iPhone tiegħi",
    ),
    "nl": (
        "Van: Verzonden: Aan: Onderwerp:",
        "Op 4 aug 2026 om 09:00 schreef The Network:",
        "Verstuurd vanaf mijn iPhone",
    ),
    "pl": ("Od: Wysłano: Do: Temat:", "W dniu 4.08.2026 o 09:00, The Network pisze:", "Wysłane z iPhone'a"),
    "pt": (
        "De: Enviado: Para: Assunto:",
        "The Network escreveu no dia 4/08/2026 às 09:00:",
        "Enviado do meu iPhone",
    ),
    "ro": (
        "De la: Trimis: Către: Subiect:",
        "Pe 4 aug. 2026, la 09:00, The Network a scris:",
        "Trimis de pe iPhone-ul meu",
    ),
    "sk": (
        "Od: Odoslané: Komu: Predmet:",
        "Dňa 4. 8. 2026 o 9:00 The Network napísal(a):",
        "Odoslané z iPhonu",
    ),
    "sl": (
        "Od: Poslano: Za: Zadeva:",
        "The Network je 4. avg. 2026 ob 09:00 napisal:",
        "Poslano iz mojega iPhona",
    ),
    "sv": (
        "Från: Skickat: Till: Ämne:",
        "Den 4 aug. 2026 kl. 09:00 skrev The Network:",
        "Skickat från min iPhone",
    ),
}
#: What a person writes: below it stands what the client adds.
LETTER = "Ok, 2 x\n\nEva"
QUOTED = "Come to our session.\nRegister on the site."


def head(labels: str) -> list[str]:
    values = ("The Network <us@network.example>", "4.8.2026 9:00", "eva@town.example", "Invitation")
    found = [each.strip() for each in labels.split(":") if each.strip()]
    mark = " :" if " :" in labels else ":"
    return [f"{label}{mark} {value}" for label, value in zip(found, values, strict=True)]


def answers(labels: str, line: str, mobile: str) -> dict[str, str]:
    """The answer as each client sends it."""
    block = "\n".join(head(labels))
    starred = "\n".join(f"*{each.split(' ')[0]}* {' '.join(each.split(' ')[1:])}" for each in head(labels))
    marked = "\n".join("> " + each for each in QUOTED.splitlines())
    return {
        "outlook": f"{LETTER}\n\n{block}\n\n{QUOTED}",
        "outlook rule": f"{LETTER}\n\n________________________________\n{block}\n\n{QUOTED}",
        "outlook mobile": f"{LETTER}\n\n{mobile}\n________________________________\n{block}\n\n{QUOTED}",
        "outlook bold": f"{LETTER}\n\n{starred}\n\n{QUOTED}"
        if not labels.count(" :")
        else f"{LETTER}\n\n{block}",
        "apple, thunderbird, gmail": f"{LETTER}\n\n{line}\n\n{marked}",
        "iphone": f"{LETTER}\n\n{mobile}\n\n{line}\n\n{marked}",
        "unmarked quote": f"{LETTER}\n\n{line}\n\n{QUOTED}",
        "below the quote": f"{line}\n{marked}\n\n{LETTER}",
        "delimited signature": f"{LETTER}\n\n-- \nEva Muster, +32 2 555 01 01\n\n{line}\n{marked}",
    }


@pytest.mark.parametrize("language", CLIENTS)
def test_clients_of_every_language(language: str) -> None:
    wrong = {}
    for client, body in answers(*CLIENTS[language]).items():
        top = "From: Eva Muster <eva@town.example>\r\nTo: us@network.example\r\nSubject: Re: Invitation\r\n"
        raw = f"{top}Content-Type: text/plain; charset=utf-8\r\n\r\n" + body.replace("\n", "\r\n")
        text = new_text(parse(raw.encode()))
        if text.split() != LETTER.split():
            wrong[client] = text
    assert not wrong


#: Language: closing line, job title below the name, a sentence of a disclaimer, the name of the original message.
ENDINGS = {
    "bg": (
        "С уважение,",
        "Главен експерт",
        "Това съобщение е поверително и е предназначено само за получателя.",
        "Оригинално съобщение",
    ),
    "cs": (
        "S pozdravem",
        "vedoucí odboru",
        "Tato zpráva je důvěrná a je určena pouze adresátovi.",
        "Původní zpráva",
    ),
    "da": (
        "Med venlig hilsen",
        "Konsulent",
        "Denne e-mail er fortrolig og kun bestemt for modtageren.",
        "Oprindelig meddelelse",
    ),
    "de": (
        "Mit freundlichen Grüßen",
        "Sachbearbeiterin",
        "Diese E-Mail ist vertraulich und nur für den Empfänger bestimmt.",
        "Ursprüngliche Nachricht",
    ),
    "el": (
        "Με εκτίμηση,",
        "Προϊσταμένη",
        "Το μήνυμα αυτό είναι εμπιστευτικό και προορίζεται μόνο για τον παραλήπτη.",
        "Αρχικό μήνυμα",
    ),
    "en": (
        "Kind regards,",
        "Senior Officer",
        "This email is confidential and intended solely for the addressee.",
        "Original Message",
    ),
    "es": (
        "Un saludo,",
        "Técnica de administración",
        "Este mensaje es confidencial y va dirigido exclusivamente a su destinatario.",
        "Mensaje original",
    ),
    "et": (
        "Lugupidamisega",
        "peaspetsialist",
        "See kiri on konfidentsiaalne ja mõeldud ainult adressaadile.",
        "Algne kiri",
    ),
    "fi": (
        "Ystävällisin terveisin",
        "suunnittelija",
        "Tämä viesti on luottamuksellinen ja tarkoitettu vain vastaanottajalle.",
        "Alkuperäinen viesti",
    ),
    "fr": (
        "Cordialement,",
        "Chargée de mission",
        "Ce message est confidentiel et destiné uniquement à son destinataire.",
        "Message d'origine",
    ),
    "ga": (
        "Le gach dea-ghuí,",
        "Oifigeach Sinsearach",
        "Tá an ríomhphost seo faoi rún agus níl sé ceaptha ach don té ar seoladh chuige é.",
        "Teachtaireacht Bhunaidh",
    ),
    "hr": (
        "S poštovanjem,",
        "viša savjetnica",
        "Ova poruka je povjerljiva i namijenjena isključivo primatelju.",
        "Izvorna poruka",
    ),
    "hu": (
        "Üdvözlettel:",
        "ügyintéző",
        "Ez az üzenet bizalmas és kizárólag a címzettnek szól.",
        "Eredeti üzenet",
    ),
    "it": (
        "Cordiali saluti",
        "Istruttore amministrativo",
        "Questo messaggio è riservato e destinato esclusivamente al destinatario.",
        "Messaggio originale",
    ),
    "lt": (
        "Pagarbiai",
        "vyriausioji specialistė",
        "Šis laiškas yra konfidencialus ir skirtas tik gavėjui.",
        "Pradinis laiškas",
    ),
    "lv": (
        "Ar cieņu",
        "vecākā speciāliste",
        "Šis ziņojums ir konfidenciāls un paredzēts tikai adresātam.",
        "Sākotnējais ziņojums",
    ),
    "mt": (
        "Tislijiet,",
        "Skrivana",
        "Din l-email hija kunfidenzjali u maħsuba biss għad-destinatarju.",
        "Messaġġ Oriġinali",
    ),
    "nl": (
        "Met vriendelijke groet,",
        "Beleidsmedewerker",
        "Dit bericht is vertrouwelijk en uitsluitend bestemd voor de geadresseerde.",
        "Oorspronkelijk bericht",
    ),
    "pl": (
        "Z poważaniem",
        "inspektor",
        "Ta wiadomość jest poufna i przeznaczona wyłącznie dla adresata.",
        "Wiadomość oryginalna",
    ),
    "pt": (
        "Com os melhores cumprimentos,",
        "Técnica Superior",
        "Esta mensagem é confidencial e destina-se exclusivamente ao destinatário.",
        "Mensagem original",
    ),
    "ro": (
        "Cu stimă,",
        "Consilier",
        "Acest mesaj este confidențial și este destinat exclusiv destinatarului.",
        "Mesaj original",
    ),
    "sk": (
        "S pozdravom",
        "vedúca oddelenia",
        "Táto správa je dôverná a je určená výhradne adresátovi.",
        "Pôvodná správa",
    ),
    "sl": (
        "Lep pozdrav",
        "višja svetovalka",
        "To sporočilo je zaupno in namenjeno izključno naslovniku.",
        "Izvirno sporočilo",
    ),
    "sv": (
        "Med vänlig hälsning",
        "Handläggare",
        "Detta meddelande är konfidentiellt och endast avsett för mottagaren.",
        "Ursprungligt meddelande",
    ),
}


def endings(language: str) -> dict[str, tuple[str, str]]:
    """What stands in the mail and what of it the person wrote, for signatures, notices and HTML."""
    labels, line, _ = CLIENTS[language]
    closing, title, notice, original = ENDINGS[language]
    letter = f"Ok, 2 x 10.\n\n{closing}\nEva Muster"
    block = "\n".join(head(labels))
    marked = "\n".join("> " + each for each in QUOTED.splitlines())
    contact = f"{title}\nTel. +32 2 555 01 01\nwww.town.example"
    quote = f"{line}\n\n{marked}"
    lines = "<br>".join(letter.replace("\n\n", "\n").split("\n"))
    inner = QUOTED.replace("\n", "<br>")
    return {
        "contact block": (f"{letter}\n{contact}\n\n{quote}", letter),
        "contact block apart": (f"{letter}\n\n{contact}\n\n{quote}", letter),
        "disclaimer": (f"{letter}\n\n{notice}\n\n{quote}", letter),
        "block and disclaimer": (f"{letter}\n{contact}\n\n{notice}\n\n{block}\n\n{QUOTED}", letter),
        "original message": (f"{letter}\n\n-----{original}-----\n{block}\n\n{QUOTED}", letter),
        "samsung": (f"{letter}\n\n-------- {original} --------\n{block}\n\n{QUOTED}", letter),
        "horde": (f"{letter}\n\n{line}\n\n{marked}\n\n-- \n{contact}", letter),
        "between": (
            f"{line}\n\n> Who comes?\n\nEva, 2 x\n\n> Register on the site.\n\nOk!",
            "Eva, 2 x\n\nOk!",
        ),
        "html gmail": (
            f"<div>{lines}</div><div class='gmail_quote'><div>{line}</div><blockquote>{inner}</blockquote></div>",
            letter,
        ),
        "html apple": (
            f"<html><body>{lines}<br><div><br><blockquote type='cite'><div>{line}</div></blockquote>"
            f"<blockquote type='cite'>{inner}</blockquote></div></body></html>",
            letter,
        ),
        "html outlook": (
            f"<p>{lines}</p><div style='border:none;border-top:solid #E1E1E1 1.0pt'><p>"
            + block.replace("<", "&lt;").replace("\n", "<br>")
            + f"</p></div><p>{inner}</p>",
            letter,
        ),
        "html thunderbird": (
            f"<p>{lines}</p><div class='moz-cite-prefix'>{line}</div><blockquote type='cite'>{inner}</blockquote>",
            letter,
        ),
    }


@pytest.mark.parametrize("language", ENDINGS)
def test_signatures_notices_and_html_of_every_language(language: str) -> None:
    wrong = {}
    for client, (body, letter) in endings(language).items():
        top = "From: Eva Muster <eva@town.example>\r\nTo: us@network.example\r\nSubject: Re: Invitation\r\n"
        kind = "html" if client.startswith("html") else "plain"
        raw = f"{top}Content-Type: text/{kind}; charset=utf-8\r\n\r\n" + body.replace("\n", "\r\n")
        text = new_text(parse(raw.encode()))
        if text.split() != letter.split():
            wrong[client] = text
    assert not wrong


@pytest.mark.parametrize(
    "letter", ["Ok, 2 x 10.", "Am 4. August kommen wir mit 2 Personen, die Namen folgen noch.\nEva"]
)
def test_a_letter_right_above_the_line_of_the_quote_is_kept(letter: str) -> None:
    body = f"{letter}\nAm 04.08.2026 um 09:00 schrieb The Network:\n> Come"
    raw = f"From: eva@town.example\r\nTo: us@network.example\r\n\r\n{body}"
    assert new_text(parse(raw.encode())) == letter
