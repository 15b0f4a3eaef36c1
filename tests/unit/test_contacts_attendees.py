"""Whose municipality somebody on an attendance list is of; what is not certain is asked."""

from __future__ import annotations

import pytest

from outreach.contacts.attendees import Match, Matcher, Town
from outreach.contacts.participants import Participant
from outreach.contacts.register import Unit
from outreach.model.values import Place


def town(id_: int, name: str, *emails: str, code: str | None = None, person: str | None = None) -> Town:
    unit = Unit(f"k{id_}", Place("BE", name, code))
    return Town(id_, unit, frozenset(emails), person is not None, person)


TOWNS = (
    town(1, "Aalst", "info@aalst.example", code="41002"),
    town(2, "Gent", "info@gent.example", "jan.claes@gmail.com", person="Jan Claes"),
    town(3, "Brugge", "info@brugge.example", person="Els De Smet"),
    town(4, "Essen", "info@essen.example"),
    town(5, "Kapellen", "info@noord.example"),
    town(6, "Stabroek", "info@noord.example", person="An Maes"),
    town(7, "Zandhoven", "z@oost.example"),
    town(8, "Zoersel", "s@oost.example"),
    town(9, "Sint-Niklaas", "info@sint-niklaas.example"),
)
MATCHER = Matcher("BE", TOWNS, {"gmail.com"})


def match(name: str | None, email: str | None = None, says: str | None = None) -> Match:
    return MATCHER(Participant(name, email, None, 2, municipality=says))


@pytest.mark.parametrize(
    ("name", "email", "says", "id_", "by"),
    [
        (None, "info@aalst.example", None, 1, "address"),
        (None, "jan.claes@gmail.com", None, 2, "address"),
        ("X", "someone@brugge.example", None, 3, "domain"),
        ("An M", "info@noord.example", None, 6, "address"),  # two share it, one of them registered
        ("Claes Jan", None, None, 2, "person"),
        ("ELS DE SMET", "els@gmail.com", None, 3, "person"),
        ("X", "x@gmail.com", "Stad Gent", 2, "municipality"),
        ("X", None, "41002", 1, "municipality"),
        ("An (Stad Brugge)", None, None, 3, "screen_name"),
        ("Gent - Jan", None, None, 2, "screen_name"),
        ("Stad Gent", None, None, 2, "screen_name"),
        ("Jan Peeters | Sint-Niklaas", None, None, 9, "screen_name"),
        ("X", "x@gent.example", "Gent", 2, "domain"),
    ],
)
def test_what_is_certain(name: str | None, email: str | None, says: str | None, id_: int, by: str) -> None:
    found = match(name, email, says)
    assert found.is_sure
    assert (found.town, found.by) == (id_, by)


@pytest.mark.parametrize(
    ("name", "email", "says", "likely"),
    [
        ("Somebody", None, None, None),
        ("Somebody", "somebody@gmail.com", None, None),
        ("Jan Essen", None, None, None),  # a family name
        ("Essen", None, None, 4),
        ("Jan Claesen", None, None, 2),
        ("X", "x@oost.example", None, 7),
        ("X", "info@gent.example", "Brugge", 2),  # the list says another one
        ("X", None, "Gentt", 2),
        ("Gent / Brugge", None, None, 2),
        ("Jan", None, None, None),
    ],
)
def test_what_is_doubtful_is_asked(
    name: str | None, email: str | None, says: str | None, likely: int | None
) -> None:
    found = match(name, email, says)
    assert not found.is_sure
    assert found.town == likely
    assert found.by
    assert found.confidence < 0.8
