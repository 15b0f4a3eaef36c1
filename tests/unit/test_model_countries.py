from __future__ import annotations

import re
from zoneinfo import ZoneInfo

import pytest

from outreach.model.countries import COUNTRIES


def test_all_27_member_states_are_there_under_their_iso_code() -> None:
    assert len(COUNTRIES) == 27
    assert list(COUNTRIES) == sorted(COUNTRIES)
    assert all(re.fullmatch(r"[A-Z]{2}", code) and COUNTRIES[code].code == code for code in COUNTRIES)
    assert "GR" in COUNTRIES
    assert "EL" not in COUNTRIES


def test_each_has_languages_and_a_zone_that_exists() -> None:
    for country in COUNTRIES.values():
        assert country.languages, country
        assert all(re.fullmatch(r"[a-z]{2}", language) for language in country.languages)
        assert ZoneInfo(country.time_zone).key == country.time_zone


def test_the_languages_are_the_24_official_ones_and_luxembourgish() -> None:
    spoken = {language for country in COUNTRIES.values() for language in country.languages}
    official = "bg cs da de el en es et fi fr ga hr hu it lt lv mt nl pl pt ro sk sl sv"
    assert spoken == {*official.split(), "lb"}


def test_another_code_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        COUNTRIES["UK"]
