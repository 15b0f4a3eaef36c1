"""A municipality as a contact list names it -> the one of the official list, how it was found, and how surely.

The rungs, the surest first: a person's decision; the code; the name as it stands; the name without the word for
the kind of municipality; a part of a name in two languages; a spelling without special letters; a former name;
a typing mistake. What leads to two municipalities, or contradicts itself, is a doubt, and never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum, unique
from functools import cached_property

from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

from outreach.contacts.codes import forms
from outreach.contacts.country import package_table
from outreach.contacts.folding import fold
from outreach.contacts.places import folded_name, place_key, without_kind
from outreach.contacts.regions import region_named
from outreach.contacts.register import FORMER, Unit
from outreach.model.values import Place

_PARTS = re.compile(r"\s*[/|;]\s*|\s+[-–—]\s+")
_BRACKETED = re.compile(r"\s*\(([^()]*)\)")
_ARTICLE_BEHIND = re.compile(r"(.+),\s*([\w'’]{1,4})")
_ARTICLES = frozenset("la le les l el los las a o os as il lo i gli es sa ses na en de het".split())  # noqa: SIM905
_DIGITS = re.compile(r"\d+")
#: From here on a name of so many letters may have one, or two, typing mistakes.
_ONE_MISTAKE, _TWO_MISTAKES = 8, 12


@unique
class How(StrEnum):
    """By which rung a municipality was found."""

    DECIDED = "decided"  # a person said so
    CODE = "code"
    NAME = "name"
    KIND = "kind"  # the name without "Gemeinde", "Commune de" ...
    PART = "part"  # one of the languages of a name in two
    SPELLING = "spelling"  # ue for ü, words run together
    FORMER = "former"  # the name it no longer has
    MISTAKE = "mistake"  # a letter or two apart from exactly one name


CONFIDENCE: Mapping[How, float] = {
    How.DECIDED: 1.0,
    How.CODE: 1.0,
    How.NAME: 1.0,
    How.KIND: 0.99,
    How.PART: 0.97,
    How.SPELLING: 0.96,
    How.FORMER: 0.95,
    How.MISTAKE: 0.9,
}


@dataclass(frozen=True, slots=True)
class Found:
    unit: Unit
    how: How

    @property
    def confidence(self) -> float:
        return CONFIDENCE[self.how]


@dataclass(frozen=True, slots=True)
class Doubt:
    """``why`` for a person; ``candidates`` those it may be, where several are as likely. ``settled``: a person
    said that it is none of the official list, and it stays what the lists call it."""

    why: str
    candidates: tuple[Unit, ...] = ()
    settled: bool = False


class Finder:
    """Looks municipalities of one country up in its official list. Tables are made when first needed."""

    def __init__(self, country: str, units: Iterable[Unit], decided: Mapping[str, str] | None = None) -> None:
        """``decided``: the key of a place as lists name it -> the key of the municipality that it is."""
        self._country = country
        self._units = tuple(units)
        self._by_key = {unit.key: unit for unit in self._units}
        self._decided = dict(decided or {})
        self._answers: dict[tuple[str, str | None, str | None], Found | Doubt] = {}

    def __bool__(self) -> bool:
        return bool(self._units)

    def unit(self, key: str) -> Unit | None:
        return self._by_key.get(key)

    def find(self, place: Place) -> Found | Doubt:
        """The municipality ``place`` means. Remembers: a list names each in many rows."""
        asked = (place.name, place.code, place.region)
        answer = self._answers.get(asked)
        if answer is None:
            answer = self._answers[asked] = self._find(place)
        return answer

    def _find(self, place: Place) -> Found | Doubt:
        if self._decided:
            key = place_key(place)
            target = self._decided.get(key)
            if target is not None and target in self._by_key:
                return Found(self._by_key[target], How.DECIDED)
            if target == key:
                return Doubt("not in the official list, as decided", settled=True)
        by_code = self._code(place.code) if place.code else ()
        if len(by_code) == 1:
            return self._agrees(by_code[0], place)
        if place.code and place.name == place.code:
            return Doubt(f"the code {place.code} is not in the official list")
        found = self._name(place)
        if place.code and isinstance(found, Found) and found.how is How.MISTAKE:
            return Doubt(f"neither the code {place.code} nor the name is in the official list", (found.unit,))
        return found

    def _agrees(self, unit: Unit, place: Place) -> Found | Doubt:
        """The code says ``unit``; does the name say another?"""
        name = place.name
        if name in (unit.place.name, place.code):
            return Found(unit, How.CODE)
        folded = fold(name)
        mine = self._spellings(unit)
        if folded in mine or not mine.isdisjoint(self._bare(folded)):
            return Found(unit, How.CODE)
        by_name = self._name(place)
        if isinstance(by_name, Found) and by_name.unit is not unit and by_name.how is not How.MISTAKE:
            # A shorter form of the name of one may be the name of another: "Neustadt" for "Neustadt am Main".
            if any(spelling.startswith(f"{folded} ") for spelling in mine):
                return Found(unit, How.CODE)
            return Doubt(
                f"the code {place.code} says {unit.place.name}, the name says {by_name.unit.place.name}",
                (unit, by_name.unit),
            )
        return Found(unit, How.CODE)

    def _spellings(self, unit: Unit) -> set[str]:
        names = (unit.place.name, *(name for _, name in unit.names))
        folded = {fold(name) for name in names}
        return folded | {without_kind(name, self._country) for name in folded}

    def _bare(self, folded: str) -> tuple[str, ...]:
        """The name without the word for the kind; and, where that word puts it into the genitive, without that:
        "honkaperan kunta" is "honkapera", "dienavas novads" is "dienavas" or "dienava"."""
        bare = without_kind(folded, self._country)
        endings = package_table("place_kinds.toml").get("genitive", {}).get(self._country, ())
        if bare == folded or not folded.startswith(bare):
            return (bare,)
        return (bare, *(bare.removesuffix(ending) for ending in endings if bare.endswith(ending)))

    # --- by code

    @cached_property
    def _codes(self) -> tuple[dict[str, Unit], dict[str, list[Unit]]]:
        """By the code as it stands, and by every shorter form a list may have."""
        exact = {unit.place.code: unit for unit in self._units if unit.place.code}
        shorter: dict[str, list[Unit]] = {}
        for code, unit in exact.items():
            for form in dict.fromkeys(forms(code, self._country, official=True)):
                shorter.setdefault(form, []).append(unit)
        return exact, shorter

    def _code(self, code: str) -> tuple[Unit, ...]:
        exact, shorter = self._codes
        if code in exact:
            return (exact[code],)
        for form in forms(code, self._country, official=False):
            if form in shorter:
                return tuple(shorter[form])
        return ()

    # --- by name

    @cached_property
    def _names(self) -> dict[How, dict[str, list[Unit]]]:
        """For each rung, the units by the spelling it compares."""
        tables: dict[How, dict[str, list[Unit]]] = {
            how: {} for how in (How.NAME, How.KIND, How.PART, How.SPELLING, How.FORMER)
        }

        def put(how: How, text: str, unit: Unit) -> None:
            if text:
                units = tables[how].setdefault(text, [])
                if not units or units[-1] is not unit:
                    units.append(unit)

        for unit in self._units:
            for language, name in (("", unit.place.name), *unit.names):
                folded = fold(name)
                bare = without_kind(folded, self._country)
                if language == FORMER:
                    put(How.FORMER, bare, unit)
                    continue
                put(How.NAME, folded, unit)
                put(How.KIND, bare, unit)
                put(How.SPELLING, _squeezed(bare), unit)
                for _, other in unit.names if not language else ():
                    # Written together: "Gent-Gand".
                    for both in (f"{name} {other}", f"{other} {name}"):
                        put(How.PART, folded_name(both, self._country), unit)
                        put(How.SPELLING, _squeezed(folded_name(both, self._country)), unit)
                for part in _parts(name):
                    bare_part = folded_name(part, self._country)
                    put(How.PART, bare_part, unit)
                    put(How.SPELLING, _squeezed(bare_part), unit)
        return tables

    def _name(self, place: Place) -> Found | Doubt:
        tables = self._names
        several: list[Unit] = []
        tried: set[tuple[How, tuple[str, ...]]] = set()
        for how, texts in self._readings(place.name):
            if (how, texts) in tried:
                continue
            tried.add((how, texts))
            units = [unit for text in texts for unit in tables[how].get(text, ())]
            if len(units) > 1:
                chosen = self._chosen(units, place)
                if len(chosen) == 1:
                    return Found(chosen[0], how)
                several = several or chosen or units
            elif units:
                if several and units[0] not in several:
                    continue
                return self._in_region(Found(units[0], how), place)
        if several:
            what = f"{len(several)} municipalities are called so"
            return Doubt(f"{what}: the code or the region has to say which", tuple(several))
        return self._mistaken(place)

    def _readings(self, name: str) -> Iterator[tuple[How, tuple[str, ...]]]:
        """What may be looked up, on which rung, the surest first; of several texts each may be meant."""
        folded = fold(name)
        bare = self._bare(folded)
        yield How.NAME, (folded,)
        yield How.KIND, bare
        if bare != (folded,):
            yield How.NAME, bare
        long_forms = [text for one in bare for text in _longforms(one, self._country)]
        for text in long_forms:
            yield How.KIND, (text,)
        yield How.PART, bare
        parts = [self._bare(fold(part)) for part in _parts(name)]
        for part in parts:
            yield How.KIND, part
            yield How.PART, part
        for texts in (bare, tuple(long_forms), *parts):
            yield How.SPELLING, tuple(map(_squeezed, texts))
        for texts in (bare, *parts):
            yield How.FORMER, texts

    def _chosen(self, units: list[Unit], place: Place) -> list[Unit]:
        """Of several with one name those that the region or the word for the kind speaks for."""
        kinds = package_table("place_kinds.toml").get(self._country, {})
        folded = fold(place.name)
        endings = max(
            ((len(words), ends) for words, ends in kinds.items() if f" {words} " in f" {folded} "),
            default=(0, None),
        )[1]
        if endings:
            of_kind = [unit for unit in units if (unit.place.code or "").endswith(tuple(endings))]
            units = of_kind or units
        if len(units) > 1:
            # The words beside the name that the official name has, too: "Vilniaus miesto", "Vilniaus rajono".
            words = set(folded.split()) - {word for bare in self._bare(folded) for word in bare.split()}
            shared = [len(words & set(fold(unit.place.name).split())) for unit in units]
            units = [unit for unit, number in zip(units, shared, strict=True) if number == max(shared)]
        if place.region:
            units = [unit for unit in units if _lies_in(unit, place.region, self._country)]
        return units

    def _in_region(self, found: Found, place: Place) -> Found | Doubt:
        """A region that is surely another one contradicts the name."""
        if not place.region or not found.unit.place.region:
            return found
        stated = region_named(self._country, place.region)
        known = region_named(self._country, found.unit.place.region)
        if stated and known and stated != known:
            unit = found.unit.place
            return Doubt(f"{unit.name} lies in {unit.region}, not in {place.region}", (found.unit,))
        return found

    # --- by likeness

    @cached_property
    def _likely(self) -> tuple[list[str], list[Unit]]:
        names: list[str] = []
        units: list[Unit] = []
        for text, those in self._names[How.KIND].items():
            for unit in those:
                names.append(text)
                units.append(unit)
        return names, units

    def _mistaken(self, place: Place) -> Found | Doubt:
        """One letter of eight, or two of twelve, from exactly one name and far from every other."""
        unknown = Doubt("no municipality of this name is in the official list")
        name = self._bare(fold(place.name))[-1]
        allowed = (len(name) >= _ONE_MISTAKE) + (len(name) >= _TWO_MISTAKES)
        if not allowed:
            return unknown
        names, units = self._likely
        near = process.extract(name, names, scorer=OSA.distance, score_cutoff=allowed + 1, limit=6)
        if not near or near[0][1] > allowed:
            return unknown
        best = units[near[0][2]]
        if any(units[index] is not best for _, distance, index in near[1:] if distance <= near[0][1] + 1):
            return Doubt("several names are like it", tuple(dict.fromkeys(units[one[2]] for one in near)))
        if _DIGITS.findall(name) != _DIGITS.findall(near[0][0]) or name[0] != near[0][0][0]:
            return Doubt("one name is like it", (best,))
        return self._in_region(Found(best, How.MISTAKE), place)

    def suggestions(self, place: Place, limit: int = 5) -> list[tuple[Unit, float]]:
        """What a person may choose from, each with a likeness from 0 to 1, the likeliest first."""
        answer = self.find(place)
        found: dict[str, tuple[Unit, float]] = {}
        if isinstance(answer, Doubt):
            found = {unit.key: (unit, 1.0) for unit in answer.candidates[:limit]}
        names, units = self._likely
        name = folded_name(place.name, self._country)
        for _, score, index in process.extract(name, names, scorer=fuzz.WRatio, limit=3 * limit):
            found.setdefault(units[index].key, (units[index], round(score / 100, 2)))
        return list(found.values())[:limit]


def _parts(name: str) -> list[str]:
    """The languages of "Bolzano/Bozen", the name of "Neustadt (Hessen)", "A Coruña" of "Coruña, A"."""
    found: list[str] = []
    behind = _BRACKETED.search(name)
    if behind:
        without = _BRACKETED.sub("", name).strip()
        inside = behind[1].strip()
        if fold(inside) in _ARTICLES:
            return [f"{inside} {without}", without]
        found += [without, inside] if len(inside) > 3 else [without]
    if article := _ARTICLE_BEHIND.fullmatch(name):
        found.append(f"{article[2]} {article[1]}")
    pieces = [piece for piece in _PARTS.split(name) if piece]
    if len(pieces) > 1:
        found += pieces
        for piece in pieces:
            if article := _ARTICLE_BEHIND.fullmatch(piece):
                found.append(f"{article[2]} {article[1]}")
    return found


def _squeezed(folded: str) -> str:
    """Without what typists without the right keys write differently: ä, ae and a are one, spaces are none."""
    text = folded.replace("ae", "a").replace("oe", "o").replace("ue", "u").replace("aa", "a")
    return text.replace(" ", "")


def _longforms(folded: str, country: str) -> Iterator[str]:
    """ "st johann" as "sankt johann"."""
    short = package_table("place_kinds.toml").get("short", {}).get(country, {})
    words = folded.split()
    for index, word in enumerate(words):
        for long in short.get(word, ()):
            yield " ".join((*words[:index], long, *words[index + 1 :]))


def _lies_in(unit: Unit, region: str, country: str) -> bool:
    own = unit.place.region
    if own and fold(own) == fold(region):
        return True
    stated = region_named(country, region)
    if stated and own and (known := region_named(country, own)):
        return known == stated
    return bool(unit.nuts and unit.nuts.startswith(region.strip().upper()))
