"""Who on an attendance list is of which municipality, and how surely.

By the address; by the domain of the address; by the name of who registered; by the municipality that the list, or the
name on the screen, says. What leads to two, or contradicts itself, is doubtful: a person is asked, and nothing guessed.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from rapidfuzz import fuzz, process

from outreach.contacts.finder import Doubt, Finder, Found, How
from outreach.contacts.folding import fold
from outreach.contacts.participants import Participant
from outreach.contacts.register import Unit
from outreach.model.values import Place

#: Below this a person is asked.
SURE = 0.8
#: Likeness of two names of persons, of 100: from here on they are the same but for a slip, and that is asked.
_ALIKE = 88
_PIECES = re.compile(r"\s+[-–—|/]\s*|\s*[-–—|/]\s+|[|()\[\]]")
#: How the name on a screen says a municipality; a slip in it could be a family name.
_PLAIN = frozenset({How.NAME, How.KIND, How.PART})


@dataclass(frozen=True, slots=True)
class Town:
    """A municipality that somebody on the list may be of."""

    id: int
    unit: Unit
    emails: frozenset[str] = frozenset()  # of its contacts and of who registered, in lower case
    registered: bool = False
    person: str | None = None  # who registered


@dataclass(frozen=True, slots=True)
class Match:
    """``town`` is the likeliest where ``confidence`` is below :data:`SURE`; ``None``: nothing is likely."""

    town: int | None
    by: str  # address, domain, person, municipality, screen_name; or why it is not known
    confidence: float

    @property
    def is_sure(self) -> bool:
        return self.town is not None and self.confidence >= SURE


_UNKNOWN = Match(None, "nothing leads to a municipality", 0.0)


class Matcher:
    """Looks people up among the municipalities of one country."""

    def __init__(self, country: str, towns: Iterable[Town], public_domains: Collection[str]) -> None:
        self._country = country
        self._towns = {town.id: town for town in towns}
        self._by_key = {town.unit.key: town.id for town in self._towns.values()}
        self._finder = Finder(country, (town.unit for town in self._towns.values()))
        self._public = public_domains
        self._emails: dict[str, set[int]] = defaultdict(set)
        self._domains: dict[str, set[int]] = defaultdict(set)
        for town in self._towns.values():
            for email in town.emails:
                self._emails[email].add(town.id)
                self._domains[email.rpartition("@")[2]].add(town.id)
        self._people = [(fold(town.person), town.id) for town in self._towns.values() if town.person]

    def __call__(self, one: Participant) -> Match:
        said = self._said(one.municipality)
        for found in (*self._by_email(one.email), *self._by_person(one.name)):
            if found.is_sure and said is not None and said.is_sure and said.town != found.town:
                return Match(found.town, "the list names another municipality than the address or name", 0.5)
            return found if found.is_sure or said is None or not said.is_sure else said
        if said is not None:
            return said
        return self._on_screen(one.name) or _UNKNOWN

    def _by_email(self, email: str | None) -> Iterator[Match]:
        if not email:
            return
        domain = email.rpartition("@")[2]
        for by, ids, sure in (
            ("address", self._emails.get(email, set()), 1.0),
            ("domain", set() if domain in self._public else self._domains.get(domain, set()), 0.95),
        ):
            if len(ids) == 1:
                yield Match(min(ids), by, sure)
            elif ids:
                registered = [id_ for id_ in sorted(ids) if self._towns[id_].registered]
                if len(registered) == 1 and by == "address":
                    yield Match(registered[0], by, 0.95)
                yield Match((registered or sorted(ids))[0], f"{len(ids)} municipalities have this {by}", 0.5)

    def _by_person(self, name: str | None) -> Iterator[Match]:
        folded = fold(name or "")
        if " " not in folded or not self._people:
            return
        names = [one for one, _ in self._people]
        near = process.extract(folded, names, scorer=fuzz.token_sort_ratio, score_cutoff=_ALIKE, limit=3)
        ids = dict.fromkeys(self._people[index][1] for _, score, index in near if score == near[0][1])
        if not ids:
            return
        if len(ids) > 1:
            yield Match(next(iter(ids)), "two who registered have this name", 0.5)
        elif near[0][1] == 100:
            yield Match(next(iter(ids)), "person", 0.95)
        else:
            yield Match(next(iter(ids)), "a like name registered", round(near[0][1] / 100 - 0.2, 2))

    def _said(self, words: str | None) -> Match | None:
        """What the list says in a column for it."""
        if not words:
            return None
        place = Place(self._country, words, words if any(map(str.isdigit, words)) else None)
        found = self._finder.find(place)
        if isinstance(found, Found):
            return Match(self._by_key[found.unit.key], "municipality", found.confidence)
        likely = self._finder.suggestions(place, 1)
        if not likely:
            return Match(None, found.why, 0.0)
        unit, score = likely[0]
        return Match(self._by_key[unit.key], found.why, min(0.7, score * 0.75))

    def _on_screen(self, name: str | None) -> Match | None:
        """``An Peeters (Stad Gent)``: a part of it that stands apart, and is a municipality and nothing else."""
        pieces = [piece.strip() for piece in _PIECES.split(name or "") if piece and piece.strip()]
        found: dict[int, float] = {}
        for piece in pieces:
            answer = self._finder.find(Place(self._country, piece))
            if isinstance(answer, Doubt) or answer.how not in _PLAIN:
                continue
            # Alone it may be a family name, unless it says what kind of municipality it is.
            sure = 0.9 if answer.how is How.KIND else 0.85 if len(pieces) > 1 else 0.6
            id_ = self._by_key[answer.unit.key]
            found[id_] = max(found.get(id_, 0.0), sure)
        if not found:
            return None
        best = max(found, key=lambda id_: found[id_])
        if len(found) > 1:
            return Match(best, "the name on the screen names two municipalities", 0.5)
        return Match(best, "screen_name", found[best])
