"""How many come, where, and who: in the 24 languages."""

from __future__ import annotations

import pytest

from outreach.inbound import coming
from outreach.inbound.classify import classify, to_json
from outreach.inbound.parse import parse


@pytest.mark.parametrize(
    ("language", "text", "people", "place", "names"),
    [
        ("bg", "Идваме две лица, дистанционно: г-н Иван Ямов и г-жа Павлина Нова.", 2, "online", 2),
        ("cs", "Přijedou tři osoby osobně, mezi nimi pan Petr Holub.", 3, "on_site", 1),
        ("da", "Vi kommer 3 personer, alle online. Jens Holm (borgerservice) er med.", 3, "online", 1),
        ("de", "Wir melden zwei Personen an, vor Ort: Frau Huber und Herrn Wolf.", 2, "on_site", 2),
        ("el", "Θα έρθουν τρία άτομα, από κοντά. Ο κ. Πέτρος Λύκος και άλλοι δύο.", 3, "on_site", 1),
        (
            "en",
            "Please register four people, two of them online: Mr Tom Reed and Ms Ann Hill.",
            4,
            "online",
            2,
        ),
        ("es", "Iremos tres personas, en la sala. Juan Hoyo (registro) es una de ellas.", 3, "on_site", 1),
        ("et", "Tuleme neli inimest, veebi teel. Jaan Auk (kantselei) on üks.", 4, "online", 1),
        (
            "fi",
            "Meiltä tulee kolme osallistujaa, paikan päällä. Jari Holm (kirjaamo) tulee.",
            3,
            "on_site",
            1,
        ),
        ("fr", "Nous serons deux personnes sur place : Madame Marie Petit et M. Luc Noir.", 2, "on_site", 1),
        ("ga", "Beidh 3 duine ann, ar líne. Seán Poill (clárlann) ina measc.", 3, "online", 1),
        ("hr", "Dolaze dvije osobe, uživo: gospođa Ana Rijeka i gospodin Ivo Vuk.", 2, "on_site", 2),
        ("hu", "Három fő jön, személyesen. Farkas Péter (informatika) is.", 3, "on_site", 1),
        ("it", "Saremo quattro persone, tutte da remoto. Gianni Fossa (protocollo) è una.", 4, "online", 1),
        ("lt", "Atvyks du asmenys, nuotoliu. Jonas Duobė (raštinė) bus.", 2, "online", 1),
        ("lv", "Būs trīs cilvēki, klātienē. Jānis Bedre (lietvedība) būs.", 3, "on_site", 1),
        ("mt", "Niġu tliet persuni, online. Ġanni Vella (reġistru) ikun hemm.", 3, "online", 1),
        ("nl", "We komen met twee personen ter plaatse: mevrouw Eva Bos en meneer Jan Vos.", 2, "on_site", 2),
        ("pl", "Zgłaszamy trzy osoby, zdalnie. Będzie pan Piotr Wilk.", 3, "online", 1),
        (
            "pt",
            "Vamos duas pessoas, presencialmente: a senhora Ana Rio e o senhor Ivo Lobo.",
            2,
            "on_site",
            2,
        ),
        ("ro", "Venim patru persoane, online. Participă doamna Ana Râu.", 4, "online", 1),
        ("sk", "Prídu dve osoby, osobne: pani Anna Nová a pán Ján Holý.", 2, "on_site", 2),
        ("sl", "Prijavljamo tri osebe, v živo. Pride gospa Ana Reka.", 3, "on_site", 1),
        ("sv", "Vi blir två personer, på distans. Jonas Vik (kansliet) är en.", 2, "online", 1),
    ],
)
def test_who_comes(language: str, text: str, people: int, place: str, names: int) -> None:
    found = coming.read(text, language)
    assert found is not None
    assert (found.people, found.place, len(found.names)) == (people, place, names), found


def test_some_on_site_and_some_online() -> None:
    found = coming.read("Eine Person vor Ort, zwei am Bildschirm.", "de")
    assert found is not None
    assert (found.people, found.place) == (3, "both")


@pytest.mark.parametrize(
    "text", ["Wir kommen gern.", "Dear Mr Reed,\nwe will come.", "Am 14. Mai um 10 Uhr."]
)
def test_what_is_not_written_is_not_guessed(text: str) -> None:
    assert coming.read(text, "de" if "Wir" in text or "Mai" in text else "en") is None


def test_only_a_registration_has_it() -> None:
    def read(body: str) -> dict[str, object]:
        head = "From: a@town.example\r\nTo: us@network.example\r\nSubject: Re: Invitation\r\n\r\n"
        return to_json("", classify(parse((head + body).encode())))

    signed = read("Please register two people, online: Ms Ann Hill and Mr Tom Reed.")
    assert signed["intent"] == "register"
    assert signed["coming"] == {"people": 2, "place": "online", "names": ["Ann Hill", "Tom Reed"]}
    assert "coming" not in read("Sorry, none of us can make it, neither in person nor online.")
