"""What a campaign is, as ``campaigns/<slug>.toml`` defines it: frozen values, whole and already checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from enum import StrEnum, unique
from types import MappingProxyType
from urllib.parse import urlsplit

from outreach.model.states import ContactKind
from outreach.model.values import Session


@unique
class PerMunicipality(StrEnum):
    """How many addresses of one municipality a campaign writes to."""

    FIRST = "first"
    ALL = "all"


@unique
class Condition(StrEnum):
    """When a step goes out to a recipient whose turn has come."""

    ALWAYS = "always"  # the first step
    UNANSWERED = "unanswered"  # nobody of the municipality has answered
    REGISTERED = "registered"  # it has a place at the session
    ATTENDED = "attended"  # somebody of it was there


@unique
class DelayUnit(StrEnum):
    DAYS = "days"
    WORKING_DAYS = "working days"  # Monday to Friday, without the public holidays of the place


@dataclass(frozen=True, slots=True)
class Delay:
    """The wait between two steps, counted from when the earlier one was sent to this recipient."""

    count: int
    unit: DelayUnit = DelayUnit.DAYS

    def __str__(self) -> str:
        return f"{self.count} {self.unit if self.count != 1 else self.unit.removesuffix('s')}"


@dataclass(frozen=True, slots=True)
class Window:
    """When mail may go out, in the municipality's own time: from ``opens`` on, before ``closes``."""

    days: tuple[int, ...] = (0, 1, 2, 3, 4)  # as date.weekday(): 0 is Monday; ascending
    opens: int = 9 * 60  # minutes since midnight, 0 to 1439
    closes: int = 17 * 60  # minutes since midnight, after ``opens``, at most 1440 (the end of the day)
    skip_holidays: bool = True  # send nothing on a public holiday of the country or region
    spread: bool = False  # the first mails do not all wait for the opening: each has its moment of the window


@dataclass(frozen=True, slots=True)
class Step:
    """One mail of the sequence; its text is ``templates/<templates>/<name>.<language>.md``."""

    name: str
    after: Delay | None = None  # None: the first step, which goes out at once
    only_if: Condition = Condition.ALWAYS


@unique
class Side(StrEnum):
    """Of a session."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class SessionStep:
    """A mail around the session to those who take part. Its text is ``templates/<templates>/<name>.<language>.md``
    where the campaign has one, else the one in ``templates/_shared``."""

    name: str
    side: Side
    delay: Delay  # until the day of the session, or since
    only_if: Condition

    def __str__(self) -> str:
        return f"{self.delay} {self.side} the session"


@unique
class Office(StrEnum):
    """Whose address it is, as far as its role in the list says."""

    GENERAL = "general"  # the general box
    MAYOR = "mayor"
    DIGITAL = "digital"  # who looks after digital matters
    OTHER = "other"


@unique
class SharedAddress(StrEnum):
    """What an address of several municipalities gets."""

    ALL = "all"  # one mail that names them all
    FIRST = "first"  # one mail that names the first
    EACH = "each"  # a mail for each of them


@dataclass(frozen=True, slots=True)
class AudienceRules:
    """``prefer``: whose address comes first at a municipality; the offices not named follow in their order.
    ``gone``: write to addresses that are no longer in their list, too."""

    kinds: frozenset[ContactKind] = frozenset(ContactKind)
    per_municipality: PerMunicipality = PerMunicipality.FIRST
    prefer: tuple[Office, ...] = ()
    shared: SharedAddress = SharedAddress.ALL
    gone: bool = False

    def rank(self, office: Office) -> int:
        """From 0: the smaller, the sooner."""
        order = (*self.prefer, *(one for one in Office if one not in self.prefer))
        return order.index(office)


@dataclass(frozen=True, slots=True)
class SessionWords:
    """What a session is called in one language; ``None`` where the general words stand."""

    title: str | None = None
    place: str | None = None
    details: str | None = None
    room: str | None = None
    agenda: tuple[str, ...] = ()


#: Of an experiment: the mail as it is, and the other.
VARIANTS = ("a", "b")


@dataclass(frozen=True, slots=True)
class Experiment:
    """One step in two variants: with two subject lines, or at two times of day."""

    step: str
    subjects: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))  # of b, by language
    windows: tuple[tuple[int, int], ...] = ()  # minutes since midnight: of a, of b
    seed: int = 0

    def subject_in(self, language: str) -> str | None:
        """Of b; of two languages ("nl+fr") both, as the mail has them. ``None`` where one is missing."""
        lines = [self.subjects.get(one) for one in language.split("+")]
        return " / ".join(line for line in lines if line) if all(lines) else None


@dataclass(frozen=True, slots=True)
class Definition:
    """A whole campaign definition. With ``countries`` empty it is the definition for one country."""

    slug: str  # the name of the file without ".toml"
    title: str
    purpose: (
        str  # why the addresses are used, in a sentence; kept for the record of processing (GDPR Art. 30)
    )
    templates: str  # folder under templates/
    steps: tuple[Step, ...]  # at least one, in order
    audience: AudienceRules = AudienceRules()
    window: Window = Window()
    links: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))  # name -> https URL
    not_after: date | None = None  # the last day on which mail may go out, as the file gives it
    deadline: date | None = None  # the day the mails ask to answer by
    bilingual: bool = True  # a municipality with two languages gets both in one mail, not the first alone
    session: Session | None = None
    session_steps: tuple[SessionStep, ...] = ()  # in the order in which they go; only with a session
    places: int | None = None  # municipalities that can have a place at the session; None: any number
    changes: int = 0  # how often the session was changed after the launch; no key of the file
    calendar: bool = False  # a calendar invitation goes with the mails; only with a session
    session_words: Mapping[str, SessionWords] = field(default_factory=lambda: MappingProxyType({}))
    experiment: Experiment | None = None
    countries: Mapping[str, Definition] = field(default_factory=lambda: MappingProxyType({}))

    def for_country(self, code: str) -> Definition:
        """The definition as it holds in the country ``code``: its overrides applied, no others left."""
        return self.countries.get(code) or replace(self, countries=MappingProxyType({}))

    @property
    def last_day(self) -> date | None:
        """The last day on which mail may go out, or ``None``: ``not_after``, else the eve of the session."""
        if self.not_after is not None or self.session is None:
            return self.not_after
        return self.session.start.date() - timedelta(days=1)

    def window_of(self, step: str, variant: str | None) -> Window:
        """When a mail of ``step`` may go to a recipient of this variant."""
        experiment = self.experiment
        if experiment is None or variant is None or step != experiment.step or not experiment.windows:
            return self.window
        opens, closes = experiment.windows[VARIANTS.index(variant)]
        return replace(self.window, opens=opens, closes=closes)

    def session_in(self, language: str) -> Session | None:
        """The session with its title, place, room, details and agenda in ``language``, where the file has
        them; of two ("nl+fr") in the first."""
        words = self.session_words.get(language.partition("+")[0])
        if self.session is None or words is None:
            return self.session
        return replace(
            self.session,
            title=words.title or self.session.title,
            place=words.place or self.session.place,
            details=words.details or self.session.details,
            room=words.room or self.session.room,
            agenda=words.agenda or self.session.agenda,
        )

    def for_place(self, municipality_id: int) -> str:
        """What a mail's key holds beside campaign, step and address: nothing, so that an address gets each step
        once; or the municipality, where each of those that share an address gets its own."""
        return str(municipality_id) if self.audience.shared is SharedAddress.EACH else ""

    def session_step(self, name: str) -> SessionStep | None:
        """The mail around the session that is called ``name``."""
        return next((step for step in self.session_steps if step.name == name), None)

    def step_after(self, name: str) -> Step | None:
        """The step that follows the step ``name``; ``None`` behind the last. KeyError for an unknown name."""
        for index, step in enumerate(self.steps):
            if step.name == name:
                return self.steps[index + 1] if index + 1 < len(self.steps) else None
        raise KeyError(name)


def warnings(definition: Definition, *, today: date) -> tuple[str, ...]:
    """What a person should look at before a launch, though none of it makes the definition wrong."""
    found = [
        f"The link “{name}” still is the placeholder {url}: write the real address under [links]."
        for name, url in sorted(definition.links.items())
        if is_placeholder(url)
    ]
    if definition.session is not None:
        if definition.session.online and is_placeholder(definition.session.online):
            found.append(
                "The session's online room still is a placeholder: write its address under [session]."
            )
        if definition.session.start.date() <= today:
            found.append(f"The session of {definition.session.start.date()} is over or begins today.")
    if definition.last_day is not None and definition.last_day < today:
        found.append(f"The last day for sending, {definition.last_day}, has passed: no mail would go out.")
    if definition.deadline is not None and definition.deadline < today:
        found.append(f"The deadline told to the municipalities, {definition.deadline}, has passed.")
    return tuple(found)


def is_placeholder(url: str) -> bool:
    """Whether ``url`` lies under a name reserved for examples (RFC 2606)."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    last = host.rpartition(".")[2]
    return last in {"example", "test", "invalid"} or f".{host}".endswith(
        (".example.com", ".example.org", ".example.net")
    )
