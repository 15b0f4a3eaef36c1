"""All that reports count of one municipality, as the database keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Mail(NamedTuple):
    """A mail of the sequence. Numbers of rows grow with time."""

    message: int
    recipient: int
    step: str
    language: str
    state: str
    sent: int | None  # seconds since 1970
    offset: int  # seconds east of UTC then, where the municipality is
    shared: int  # 1: to an address that stands for another municipality, and names this one


class Act(NamedTuple):
    """An answer, of a person or a machine."""

    id: int
    kind: str
    recipient: int
    message: int | None
    at: int  # seconds since 1970
    undone: int


class Entry(NamedTuple):
    """A contact in a campaign."""

    recipient: int
    contact: int
    excluded: str  # "": it is written to
    reachable: int  # now
    variant: str


class Pursuit(NamedTuple):
    """A campaign, as far as it is about the municipality."""

    slug: str
    launched: int
    entries: Sequence[Entry]
    mails: Sequence[Mail]
    acts: Sequence[Act]
    place: str  # state of its registration; "": none
    placed: int  # when it was registered
    progress: str
    attended: int
    others: int  # mails to it that are no steps: confirmations, mails around the session


class Place(NamedTuple):
    """A municipality, with all that reports count of it."""

    population: int | None
    degurba: int | None
    region: str  # NUTS 3, else ISO 3166-2, else ""
    contacts: int
    reachable: int  # of them, now
    offset: int  # seconds east of UTC: where answers are dated when no mail is
    pursuits: Sequence[Pursuit]


def place_from_json(values: Sequence[object]) -> Place:
    """What ``json.loads`` gives for a :class:`Place` that ``json.dumps`` wrote."""
    *own, pursuits = values
    return Place(*own, [_pursuit(one) for one in pursuits])  # type: ignore[call-arg, arg-type, attr-defined]


def _pursuit(values: Sequence[object]) -> Pursuit:
    slug, launched, entries, mails, acts, *rest = values
    return Pursuit(
        slug,  # type: ignore[arg-type]
        launched,  # type: ignore[arg-type]
        [Entry(*one) for one in entries],  # type: ignore[attr-defined]
        [Mail(*one) for one in mails],  # type: ignore[attr-defined]
        [Act(*one) for one in acts],  # type: ignore[attr-defined]
        *rest,  # type: ignore[arg-type]
    )
