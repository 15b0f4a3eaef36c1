"""The report that goes out by mail every week or month, as values: what has changed, and what waits for a person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, unique

from outreach.report.measures import Counts, Rate

#: The counts that a report by mail shows and keeps.
SHOWN = ("invited", "reached", "answered", "registered")


@unique
class Task(StrEnum):
    """What waits for a person, in the order in which it is said; each has words of its own."""

    PAUSED = "paused"  # campaigns that go on only when somebody resumes them
    STOPPED = "stopped"  # senders whose server cannot be used for now
    INBOX = "inbox"
    ASIDE = "aside"
    UNCERTAIN = "uncertain"
    MISSED = "missed"
    PROPOSALS = "proposals"


#: The command that deals with each, for those who work in the workspace.
COMMANDS: Mapping[Task, str] = {
    Task.PAUSED: "outreach campaigns list",
    Task.STOPPED: "outreach doctor",
    Task.INBOX: "outreach inbox",
    Task.ASIDE: "outreach inbox list",
    Task.UNCERTAIN: "outreach messages list --state uncertain",
    Task.MISSED: "outreach messages list --state missed",
    Task.PROPOSALS: "outreach inbox proposals",
}


@dataclass(frozen=True, slots=True)
class Waits:
    """So many of one kind, or each by name with its reason."""

    task: Task
    number: int
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """A campaign in one country, or over all of them (``country`` is ``None``), now and as it was told last time."""

    campaign: str  # its title
    country: str | None
    now: Counts
    before: Counts | None  # None: it was not in the last report

    def change(self, name: str) -> int:
        return int(getattr(self.now, name)) - (int(getattr(self.before, name)) if self.before else 0)

    @property
    def answered(self) -> Rate:
        return Rate(self.now.answered, self.now.reached)


@dataclass(frozen=True, slots=True)
class Curve:
    """Of a campaign: percent of those reached that had answered at the end of each week since the launch."""

    campaign: str  # its title
    percent: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Sending:
    """What of a campaign still goes out."""

    campaign: str
    country: str
    mails: int
    first_at: datetime | None  # in the zone of the reader
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class Digest:
    """All of it."""

    made_at: datetime  # in the zone of the reader
    since: datetime | None  # when the last one was made; None: there was none
    monthly: bool
    organisation: str
    reader: str  # the address it goes to
    base: int | None  # its counts are multiples of this; None: exact
    lines: tuple[Line, ...]
    curves: tuple[Curve, ...]
    waits: tuple[Waits, ...]
    sendings: tuple[Sending, ...]

    @property
    def answers(self) -> int:
        """Municipalities that have answered since the last one."""
        return sum(line.change("answered") for line in self.lines if not self.is_part(line))

    def is_part(self, line: Line) -> bool:
        """Whether another line holds it, too."""
        return line.country is not None and any(
            one.country is None and one.campaign == line.campaign for one in self.lines
        )


def figures(lines: Iterable[tuple[str, str | None, Counts]]) -> dict[str, dict[str, int]]:
    """Slug, country and counts, to be kept for the next one."""
    return {
        _key(slug, country): {name: int(getattr(counts, name)) for name in SHOWN}
        for slug, country, counts in lines
    }


def told(kept: Mapping[str, Mapping[str, int]], slug: str, country: str | None) -> Counts | None:
    """What :func:`figures` kept of one line."""
    found = kept.get(_key(slug, country))
    return None if found is None else Counts(**{name: int(found.get(name, 0)) for name in SHOWN})


def _key(slug: str, country: str | None) -> str:
    return f"{slug} {country or '*'}"
