"""What an import would do: the difference between a file and what is known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from outreach.contacts.finder import Doubt, Finder
from outreach.contacts.normalize import Rejected
from outreach.contacts.places import place_key
from outreach.model.states import ContactKind
from outreach.model.values import ContactRow, Place

#: (key of the municipality, address in lower case)
ContactKey = tuple[str, str]

_PLACE_FIELDS = ("name", "code", "region", "population", "languages", "time_zone")
_CONTACT_FIELDS = ("kind", "person", "role", "language")


@dataclass(frozen=True, slots=True)
class KnownContact:
    """A contact as the database has it."""

    place: Place
    email: str
    kind: ContactKind
    person: str | None = None
    role: str | None = None
    language: str | None = None
    in_source: bool = True  # it came from the source that is imported now: it can be gone from it
    gone: bool = False  # an earlier import no longer found it in its file
    id: int = field(default=0, compare=False)
    key: str = field(default="", compare=False)  # of its municipality; empty: places.place_key of ``place``
    official: bool = False  # its municipality stands in the official list, and no contact list changes it
    edited: frozenset[str] = frozenset()  # the fields that were corrected by hand, and no list changes
    was: str | None = None  # the address in lower case that its list has, where it was corrected by hand

    @property
    def place_key(self) -> str:
        return self.key or place_key(self.place)


@dataclass(frozen=True, slots=True)
class FieldChange:
    field: str
    old: object
    new: object


@dataclass(frozen=True, slots=True)
class ChangedContact:
    key: ContactKey
    row: ContactRow
    changes: tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True)
class ChangedPlace:
    key: str
    place: Place  # as it is after the import
    changes: tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The same address of the same municipality a second time in the file; the first row counts."""

    line: int
    first_line: int
    email: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """What a row says and is not believed: ``kept`` stays."""

    line: int
    email: str
    field: str
    kept: object
    offered: object
    why: str


@dataclass(slots=True)
class DoubtfulPlace:
    """A municipality that the official list does not surely know: a person has to say which it is."""

    place: Place
    why: str
    line: int  # of its first row
    rows: int = 0


@dataclass(slots=True)
class ImportPlan:
    """What would be written. ``new`` rows carry the municipality as their own row had it: ``places`` has each
    municipality that is to be written, once, with what all rows say of it."""

    new: list[ContactRow] = field(default_factory=list)
    new_keys: list[str] = field(default_factory=list)  # of the municipality of each of ``new``
    changed: list[ChangedContact] = field(default_factory=list)
    changed_places: list[ChangedPlace] = field(default_factory=list)
    places: dict[str, Place] = field(default_factory=dict)
    same: int = 0
    duplicates: list[Duplicate] = field(default_factory=list)
    suppressed: list[ContactRow] = field(default_factory=list)  # never written to again, and not imported
    rejected: list[Rejected] = field(default_factory=list)
    gone: list[KnownContact] = field(default_factory=list)  # no longer in the file; kept
    returned: list[KnownContact] = field(default_factory=list)  # were gone, and are in the file again
    conflicts: list[Conflict] = field(default_factory=list)
    doubtful: dict[str, DoubtfulPlace] = field(default_factory=dict)  # by key

    @property
    def changes_nothing(self) -> bool:
        return not (self.new or self.changed or self.changed_places or self.returned)


def plan(
    rows: Iterable[ContactRow | Rejected],
    known: Mapping[ContactKey, KnownContact],
    suppressed: Callable[[str], bool],
    *,
    is_whole: bool = True,
    finder: Finder | None = None,
) -> ImportPlan:
    """Compare ``rows`` with the contacts of the country that are ``known``.

    ``suppressed`` is asked with an address in lower case. ``is_whole`` is false for rows that only add to their
    source, such as rejected rows that were mended: nothing is gone because it is not among them. ``finder``
    knows the official list; without it a municipality is what the rows say.

    An empty cell takes nothing away, and what was corrected by hand stays. Of rows that contradict each other
    about a municipality or an address the first counts, so that importing the same file again changes nothing.
    """
    result = ImportPlan()
    keys = _Keys(finder, result) if finder else None
    corrected = {(one.place_key, one.was): key for key, one in known.items() if one.was}
    lines: dict[ContactKey, int] = {}
    stated: dict[str, Place] = {}
    wanted: set[str] = set()
    place: Place | None = None
    pk = ""
    for row in rows:
        if isinstance(row, Rejected):
            result.rejected.append(row)
            continue
        if keys:
            pk = keys.of(row)
        elif row.place is not place:  # rows of one municipality share it
            pk = place_key(row.place)
        place = row.place
        email_key = row.email.casefold()
        if email_key == row.email:
            email_key = row.email  # one text, not two
        key = (pk, email_key)
        if corrected:
            key = corrected.get(key, key)
        first_line = lines.setdefault(key, row.line)
        if first_line != row.line:
            result.duplicates.append(Duplicate(row.line, first_line, row.email))
            continue
        if suppressed(key[1]) or (key[1] != email_key and suppressed(email_key)):
            result.suppressed.append(row)
            continue
        if keys is None or pk not in keys.official:
            before = stated.setdefault(pk, place)
            if before is not place and before != place:
                stated[pk] = _filled(before, place)
                result.conflicts += _contradictions(before, row)
        old = known.get(key)
        if old is None:
            result.new.append(row)
            result.new_keys.append(pk)
            wanted.add(pk)
        elif (
            (row.kind is old.kind or row.kind == old.kind)
            and (row.person == old.person or row.person is None)
            and (row.role == old.role or row.role is None)
            and (row.language == old.language or row.language is None)
        ):
            result.same += 1
        else:
            _change(result, key, old, row)
    _compare_places(result, stated, wanted, known)
    if is_whole:
        result.gone = [contact for key, contact in known.items() if contact.in_source and key not in lines]
    result.returned = [known[key] for key in lines if key in known and known[key].gone]
    return result


class _Keys:
    """The keys of municipalities by the official list, and what it leaves in doubt."""

    def __init__(self, finder: Finder, result: ImportPlan) -> None:
        self._finder = finder
        self._doubtful = result.doubtful
        self._keys: dict[tuple[str, str | None, str | None], str] = {}
        self.official: set[str] = set()

    def of(self, row: ContactRow) -> str:
        place = row.place
        asked = (place.name, place.code, place.region)
        key = self._keys.get(asked)
        if key is None:
            answer = self._finder.find(place)
            if isinstance(answer, Doubt):
                key = place_key(place)
                if not answer.settled:
                    self._doubtful.setdefault(key, DoubtfulPlace(place, answer.why, row.line))
            else:
                key = answer.unit.key
                self.official.add(key)
            self._keys[asked] = key
        if self._doubtful and key in self._doubtful:
            self._doubtful[key].rows += 1
        return key


def _change(result: ImportPlan, key: ContactKey, old: KnownContact, row: ContactRow) -> None:
    changes = _changes(old, row, _CONTACT_FIELDS)
    by_hand = [one for one in changes if one.field in old.edited]
    result.conflicts += [
        Conflict(row.line, row.email, one.field, one.old, one.new, "corrected by hand") for one in by_hand
    ]
    if left := tuple(one for one in changes if one.field not in old.edited):
        result.changed.append(ChangedContact(key, row, left))
    else:
        result.same += 1


def _contradictions(before: Place, row: ContactRow) -> list[Conflict]:
    """Where two rows say different things of one municipality."""
    return [
        Conflict(row.line, row.email, one.field, one.old, one.new, "an earlier row of the file says so")
        for one in _changes(before, row.place, _PLACE_FIELDS)
        if one.old
    ]


def _filled(first: Place, second: Place) -> Place:
    """``first`` with what only ``second`` knows."""
    missing = {
        name: getattr(second, name)
        for name in _PLACE_FIELDS
        if not getattr(first, name) and getattr(second, name)
    }
    return replace(first, **missing) if missing else first


def _changes(old: object, new: object, names: Iterable[str]) -> tuple[FieldChange, ...]:
    return tuple(
        FieldChange(name, getattr(old, name), getattr(new, name))
        for name in names
        if getattr(new, name) and getattr(new, name) != getattr(old, name)
    )


def _compare_places(
    result: ImportPlan,
    stated: Mapping[str, Place],
    wanted: set[str],
    known: Mapping[ContactKey, KnownContact],
) -> None:
    known_places: dict[str, Place] = {}
    for (key, _), contact in known.items():
        known_places.setdefault(key, contact.place)
    for key, place in stated.items():
        old = known_places.get(key)
        if old is None:
            result.places[key] = place
        elif old != place:
            merged = _filled(place, old)
            changes = _changes(old, merged, _PLACE_FIELDS)
            if changes:
                result.changed_places.append(ChangedPlace(key, merged, changes))
            if changes or key in wanted:
                result.places[key] = merged
        elif key in wanted:
            result.places[key] = old
