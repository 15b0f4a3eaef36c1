"""The made-up lists are what the accuracy of imports is measured with: they have to be true themselves."""

import random

import pytest

from outreach.contacts.addresses import checked
from tests.lists.made import made
from tests.lists.towns import COUNTRIES, towns


@pytest.mark.parametrize("country", COUNTRIES)
def test_the_same_seed_makes_the_same_list_and_its_truth_is_sound(country: str) -> None:
    one, again = (made(country, random.Random(3), rows=15) for _ in range(2))
    assert (one.truth, one.filename, one.columns) == (again.truth, again.filename, again.columns)
    assert len({town.code for town in one.towns}) == len(one.towns) == 15
    addresses = [address for _, found in one.truth for address in found]
    assert len(set(addresses)) == len(addresses) > 5
    assert all(checked(address) == address for address in addresses)


def test_towns_of_one_name_are_told_apart_by_their_region() -> None:
    for country in ("DE", "GR"):
        found = towns(country, random.Random(5), 200)
        assert len({(town.name, town.region) for town in found}) == len(found) == 200
