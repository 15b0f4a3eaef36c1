"""Municipalities as lists name them are found in the official list, or asked about; never guessed."""

from __future__ import annotations

import pytest

from outreach.contacts.finder import Doubt, Finder, Found, How
from outreach.contacts.places import place_key
from outreach.contacts.register import FORMER, Unit
from outreach.model.values import Place


def unit(
    country: str, code: str, name: str, *names: str | tuple[str, str], region: str | None = None
) -> Unit:
    place = Place(country, name, code, region)
    return Unit(place_key(place), place, tuple(one if isinstance(one, tuple) else ("", one) for one in names))


UNITS = {
    "BE": (
        unit("BE", "44021", "Gent", ("fr", "Gand")),
        unit("BE", "21013", "Saint-Gilles/Sint-Gillis", region="BE-BRU"),
        unit("BE", "46030", "Beveren-Kruibeke-Zwijndrecht", (FORMER, "Kruibeke"), (FORMER, "Zwijndrecht")),
    ),
    "DE": (
        unit("DE", "09162000", "München", region="DE-BY"),
        unit("DE", "06534015", "Neustadt (Hessen)", region="DE-HE"),
        unit("DE", "09575153", "Neustadt an der Aisch", region="DE-BY"),
        unit("DE", "14625400", "Neukirch", region="DE-SN"),
        unit("DE", "08435035", "Neukirch", region="DE-BW"),
        unit("DE", "10044115", "Sankt Wendel", region="DE-SL"),
        unit("DE", "07999001", "Altenberghausen", region="DE-RP"),
    ),
    "ES": (
        unit("ES", "15030", "Coruña, A", region="ES-GA"),
        unit("ES", "20069", "Donostia/San Sebastián"),
        unit("ES", "35016", "Palmas de Gran Canaria, Las", region="ES-CN"),
    ),
    "FI": (unit("FI", "066", "Honkaperä"), unit("FI", "091", "Helsinki", ("sv", "Helsingfors"))),
    "FR": (
        unit("FR", "01004", "Ambérieu"),
        unit("FR", "17300", "La Rochelle"),
        unit("FR", "93066", "Saint-Denis"),
    ),
    "GR": (unit("GR", "9186", "Δήμος Αθηναίων", "Dimos Athinaion"),),
    "HU": (unit("HU", "13578", "Budapest"),),
    "IT": (unit("IT", "021008", "Bolzano/Bozen"), unit("IT", "058091", "Roma")),
    "LT": (unit("LT", "13", "Vilniaus miesto savivaldybė"), unit("LT", "41", "Vilniaus rajono savivaldybė")),
    "PL": (unit("PL", "2001011", "Augustów"), unit("PL", "2001022", "Augustów")),
    "RO": (unit("RO", "179132", "București"),),
    "SK": (unit("SK", "SK0101528595", "Bratislava-Staré Mesto"),),
}


def find(country: str, name: str, code: str | None = None, region: str | None = None) -> Found | Doubt:
    return Finder(country, UNITS[country]).find(Place(country, name, code, region))


@pytest.mark.parametrize(
    ("country", "name", "code", "found", "how"),
    [
        ("FR", "whatever it is called", "01004", "01004", How.CODE),
        ("FR", "1004", "1004", "01004", How.CODE),  # a spreadsheet took the zero
        ("DE", "München", "091620000000", "09162000", How.CODE),  # the 12-digit key
        ("DE", "München", "91620000000", "09162000", How.CODE),
        ("ES", "A Coruña", "150305", "15030", How.CODE),  # with its check digit
        ("HU", "Budapest", "1357", "13578", How.CODE),  # without it
        ("RO", "București", "17913", "179132", How.CODE),
        ("SK", "Staré Mesto", "528595", "SK0101528595", How.CODE),
        ("BE", "Gent", None, "44021", How.NAME),
        ("BE", "GAND", None, "44021", How.NAME),
        ("BE", "Stad Gent", None, "44021", How.KIND),
        ("BE", "Gent / Gand", None, "44021", How.PART),
        ("BE", "Gent-Gand", None, "44021", How.PART),
        ("BE", "Sint-Gillis", None, "21013", How.PART),
        ("BE", "Zwijndrecht", None, "46030", How.FORMER),
        ("DE", "Stadt Muenchen", None, "09162000", How.SPELLING),
        ("DE", "St. Wendel", None, "10044115", How.KIND),
        ("DE", "Altenberghusen", None, "07999001", How.MISTAKE),
        ("ES", "Ayuntamiento de A Coruña", None, "15030", How.PART),
        ("ES", "San Sebastián", None, "20069", How.PART),
        ("ES", "Las Palmas de Gran Canaria", None, "35016", How.PART),
        ("FI", "Honkaperän kunta", None, "066", How.KIND),
        ("FI", "Helsingfors stad", None, "091", How.KIND),
        ("FR", "Mairie de La Rochelle", None, "17300", How.KIND),
        ("FR", "ST DENIS", None, "93066", How.KIND),
        ("GR", "ΔΗΜΟΣ ΑΘΗΝΑΙΩΝ", None, "9186", How.NAME),
        ("IT", "Comune di Bozen", None, "021008", How.PART),
        ("LT", "Vilniaus miesto savivaldybės administracija", None, "13", How.KIND),
        ("PL", "Urząd Gminy Augustów", None, "2001022", How.KIND),
        ("PL", "Gmina Miejska Augustów", None, "2001011", How.KIND),
    ],
)
def test_found(country: str, name: str, code: str | None, found: str, how: How) -> None:
    answer = find(country, name, code)
    assert isinstance(answer, Found), answer
    assert answer.unit.place.code == found
    assert answer.how is how


@pytest.mark.parametrize(
    ("country", "name", "code", "region", "why"),
    [
        ("DE", "Neukirch", None, None, "2 municipalities are called so"),
        ("DE", "Neukirch", None, "Bayern", "2 municipalities are called so"),
        ("DE", "München", None, "Sachsen", "lies in DE-BY, not in Sachsen"),
        ("DE", "Nirgendwo", None, None, "no municipality of this name"),
        ("DE", "Munchen-Nord", None, None, "no municipality of this name"),
        ("DE", "12345678", "12345678", None, "the code 12345678 is not in the official list"),
        ("IT", "Roma", "021008", None, "the code 021008 says Bolzano/Bozen, the name says Roma"),
    ],
)
def test_asked(country: str, name: str, code: str | None, region: str | None, why: str) -> None:
    answer = find(country, name, code, region)
    assert isinstance(answer, Doubt), answer
    assert why in answer.why


@pytest.mark.parametrize("region", ["Sachsen", "DE-SN", "Freistaat Sachsen", "DED2C"])
def test_the_region_tells_namesakes_apart(region: str) -> None:
    answer = find("DE", "Neukirch", region=region)
    assert isinstance(answer, Found)
    assert answer.unit.place.code == "14625400"


def test_two_names_alike_are_no_typing_mistake_of_either() -> None:
    units = (unit("DE", "01", "Oberndorfhausen"), unit("DE", "02", "Obendorfhausen"))
    assert isinstance(Finder("DE", units).find(Place("DE", "Obrndorfhausen")), Doubt)


def test_a_genitive_that_is_a_name_too_is_asked_about() -> None:
    units = (unit("LV", "01", "Dienava"), unit("LV", "02", "Dienavas"))
    assert isinstance(Finder("LV", units).find(Place("LV", "Dienavas novads")), Doubt)
    assert isinstance(Finder("LV", units[:1]).find(Place("LV", "Dienavas novads")), Found)


def test_what_a_person_decided_holds() -> None:
    key = place_key(Place("DE", "Nirgendwo"))
    decided = Finder("DE", UNITS["DE"], {key: "lau:09162000"}).find(Place("DE", "NIRGENDWO"))
    assert isinstance(decided, Found)
    assert (decided.how, decided.unit.place.name) == (How.DECIDED, "München")
    own = Finder("DE", UNITS["DE"], {key: key}).find(Place("DE", "Nirgendwo"))
    assert isinstance(own, Doubt)
    assert own.settled


def test_suggestions_begin_with_the_likeliest() -> None:
    found = Finder("DE", UNITS["DE"]).suggestions(Place("DE", "Neustadt Aisch"), limit=2)
    assert found[0][0].place.code == "09575153"
    assert all(0 <= likeness <= 1 for _, likeness in found)
