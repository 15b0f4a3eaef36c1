"""``[experiment]`` of a campaign file: one mail in two variants, each to municipalities that chance chooses."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from outreach.campaign.definition import VARIANTS, Experiment, Step
from outreach.campaign.tables import Table

_LANGUAGE = re.compile(r"[a-z]{2,3}")
_HOURS = re.compile(r"(\d{1,2})[:.](\d{2})\s*(?:-|–|to)\s*(\d{1,2})[:.](\d{2})")


def read_experiment(table: Table, steps: Sequence[Step]) -> Experiment:
    """What the table says. InputError for anything wrong."""
    table.allow(("step", "subject", "send_at", "seed"))
    step = table.text("step") or steps[0].name
    names = [one.name for one in steps]
    if step not in names:
        raise table.error(
            "step", f"is “{step}”, which is no step of the sequence.", f"Write one of: {', '.join(names)}."
        )
    if ("subject" in table) == ("send_at" in table):
        raise table.error(
            None,
            "has to vary one thing.",
            'Write either [experiment.subject] with the second line in each language, or send_at = ["09:00-11:00",'
            ' "14:00-16:00"]: of two things at once nobody could say which it was.',
        )
    seed = table.number("seed", least=0) or 0
    if "send_at" in table:
        return Experiment(step, windows=_windows(table), seed=seed)
    return Experiment(step, subjects=_subjects(table.table("subject")), seed=seed)


def _subjects(table: Table) -> Mapping[str, str]:
    subjects = {}
    for language in table.values:
        if not _LANGUAGE.fullmatch(language):
            raise table.error(
                language, "is not a language code.", 'Two small letters, as in de = "Wie digital sind Sie?"'
            )
        subjects[language] = " ".join(table.required_text(language, '"How digital are you?"').split())
    if not subjects:
        raise table.error(None, "holds no line.", 'Write the second subject in each language: de = "…"')
    return MappingProxyType(subjects)


def _windows(table: Table) -> tuple[tuple[int, int], ...]:
    found = []
    for text in table.texts("send_at"):
        match = _HOURS.fullmatch(text.strip())
        hours = [int(part) for part in match.groups()] if match else []
        opens, closes = (hours[0] * 60 + hours[1], hours[2] * 60 + hours[3]) if hours else (0, 0)
        if not match or opens >= closes or closes > 24 * 60:
            raise table.error(
                "send_at", f"cannot hold “{text}”.", 'Write hours of one day, as in "09:00-11:00".'
            )
        found.append((opens, closes))
    if len(found) != len(VARIANTS) or found[0] == found[1]:
        raise table.error(
            "send_at", "has to hold two different times.", 'send_at = ["09:00-11:00", "14:00-16:00"]'
        )
    return tuple(found)


def clock(window: tuple[int, int]) -> str:
    """``09:00 to 11:00``."""
    return " to ".join(f"{minutes // 60:02}:{minutes % 60:02}" for minutes in window)


def assign(experiment: Experiment, campaign: str, mails: Iterable[tuple[int, str]]) -> dict[int, str]:
    """The variant of each municipality: as many of each as can be, and who gets which as chance has it. ``mails``:
    number of the municipality and address of each that will be written to; municipalities with an address in common
    get the same, so that nobody gets both.

    Chance is SHA-256 over seed, campaign and number of the municipality: the same launch, tried again, chooses the
    same, and nobody can choose with the result in mind.
    """
    stands: dict[int, int] = {}  # for whom another decides

    def first(id_: int) -> int:
        while (other := stands.get(id_, id_)) != id_:
            id_ = other
        return id_

    by_address: dict[str, int] = {}
    ids = set()
    for id_, address in mails:
        ids.add(id_)
        one, other = first(id_), first(by_address.setdefault(address, id_))
        if one != other:
            stands[max(one, other)] = min(one, other)

    def draw(id_: int) -> bytes:
        return hashlib.sha256(f"{experiment.seed}:{campaign}:{id_}".encode()).digest()

    order = sorted({first(id_) for id_ in ids}, key=draw)
    drawn = {id_: VARIANTS[position % len(VARIANTS)] for position, id_ in enumerate(order)}
    return {id_: drawn[first(id_)] for id_ in ids}
