"""``outreach simulate``: a database of the whole Union, as it would be after months of campaigns.

The same seed, scale, countries and day make the same rows, on either database. All is made up; addresses end in
``.example``. How much of it there is, and how it is spread, is what reports are measured on.
"""

from __future__ import annotations

import gc
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from random import Random

from outreach.campaign import audience, frozen
from outreach.campaign.audience import Candidate, Excluded, Included
from outreach.campaign.definition import Definition
from outreach.content.catalog import Catalog
from outreach.db.engine import Database
from outreach.db.loading import Load, counts, loading, refuse_rows
from outreach.db.upgrade import upgrade
from outreach.delivery import tokens
from outreach.errors import InputError
from outreach.jobs import workspace as files
from outreach.jobs.frozen_content import freeze
from outreach.jobs.prepare_campaign import campaign_name, texts, written
from outreach.jobs.report import count
from outreach.model.countries import COUNTRIES
from outreach.model.states import (
    FINAL_MESSAGE_STATES,
    CampaignState,
    ContactKind,
    ExclusionReason,
)
from outreach.model.values import Session
from outreach.settings import Workspace
from outreach.simulate import attending, behaviour, places, stage
from outreach.simulate.behaviour import Offer
from outreach.simulate.course import Course
from outreach.simulate.ledger import Ledger, Recipient
from outreach.simulate.moments import DAY, HOUR, MINUTE, seconds, stamp, stamp_or_none
from outreach.simulate.places import Desk, Town

_WEEKS_BEFORE = {"information-session": 41, "lordimas": 30, "helpdesk": 18, "training-session": 6}
_DAYS = 21  # over which the countries launch
_MOST = 10.0


@dataclass(frozen=True, slots=True)
class Wishes:
    """What to make. ``scale`` 1 is 100,000 municipalities in all countries together."""

    scale: float = 1.0
    seed: int = 1
    until: date | None = None  # None: today
    countries: tuple[str, ...] = ()  # empty: all
    database: str = "sqlite:///outreach.db"


@dataclass(frozen=True, slots=True)
class Made:
    workspace: Workspace
    until: datetime
    rows: Mapping[str, int]


def simulate(
    folder: Path,
    wishes: Wishes,
    now: datetime,
    *,
    shown: Callable[[int, int], None] = lambda _done, _all: None,
) -> Made:
    """Make the workspace ``folder`` and its database, and count it for reports. ``shown`` is told how far that is.

    Raises :class:`~outreach.errors.InputError` for a wish that cannot be one, and
    :class:`~outreach.errors.RefusedError` for a folder or a database that holds anything else: nothing was changed
    then.
    """
    if not 0 < wishes.scale <= _MOST:
        raise InputError(
            f"The scale cannot be {wishes.scale:g}.", f"Write more than 0, and at most {_MOST:g}."
        )
    until = datetime.combine(wishes.until or now.date(), time(11), tzinfo=UTC)
    chosen = stage.sorted_countries(wishes.countries)
    sizes = {code: number for code, number in places.numbers(wishes.scale).items() if code in chosen}
    url = _absolute(wishes.database, folder)
    if url is not None:  # before anything is made; what is in the folder is seen to with it
        refuse_rows(url)
    whole = sum(sizes.values()) * (len(behaviour.OFFERS) + 2)  # places, campaigns, the count
    workspace = stage.build(folder, wishes.seed, wishes.database, sizes)
    upgrade(workspace.database_url)
    database = Database(workspace.database_url)
    try:
        with _no_collection(), loading(database) as load:
            _World(workspace, wishes.seed, until, load, lambda done: shown(done, whole)).make(sizes)
        made = whole - sum(sizes.values())
        count(workspace, database, progress=lambda done, _all: shown(made + done, whole))
        return Made(workspace, until, counts(database))
    except BaseException:
        if database.sqlite_path:  # half of it would be no database
            database.close()
            database.sqlite_path.unlink(missing_ok=True)
        raise
    finally:
        database.close()


def _absolute(url: str, folder: Path) -> str | None:
    """``url``, its file taken from ``folder``; ``None`` for a file in ``folder``."""
    prefix = "sqlite:///"
    if not url.startswith(prefix):
        return url
    path = (folder / url.removeprefix(prefix)).resolve()
    return None if path.is_relative_to(folder.resolve()) else f"{prefix}{path}"


@contextmanager
def _no_collection() -> Iterator[None]:
    """Millions of small objects, hardly a circle among them: looking for some costs half as much as making them."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


class _World:
    def __init__(
        self, workspace: Workspace, seed: int, until: datetime, load: Load, shown: Callable[[int], None]
    ) -> None:
        self._workspace = workspace
        self._seed = seed
        self._until = until
        self._now = seconds(until)
        self._ledger = Ledger(load, workspace.key, self._now)
        self._load = load
        self._shown = shown
        self._left: dict[str, int] = {}
        self._campaigns = 0
        self._recipients = 0
        self._lists = 0
        self._contents: dict[
            tuple[str, str], tuple[list[tuple[str, bool, str, str, str]], frozenset[str]]
        ] = {}

    def _chance(self, about: str) -> Random:
        return Random(f"{self._seed} {about}")  # noqa: S311  (made up, nothing secret)

    def make(self, sizes: Mapping[str, int]) -> None:
        done = 0
        desks: dict[str, list[Desk]] = {}
        first_town = first_desk = 1
        for number, (country, size) in enumerate(sizes.items(), 1):
            chance = self._chance(country)
            towns = places.towns(country, size, first_town, chance)
            desks[country] = places.desks(towns, first_desk, chance)
            first_town += len(towns)
            first_desk += len(desks[country])
            self._import(number, country, towns, desks[country])
            done += size
            self._shown(done)
        for offer in behaviour.OFFERS:
            chance = self._chance(offer.slug)
            launches = {
                country: stage.launch_day(self._until, _WEEKS_BEFORE[offer.slug], chance.randrange(_DAYS))
                for country in sizes
            }
            stage.adapt(self._workspace, offer.slug, launches)
            definition = files.definition(self._workspace, offer.slug)
            catalog = files.catalog(self._workspace)
            ended = chance.choice(list(sizes)) if len(sizes) > 5 else None  # paused, or cancelled
            for country in sizes:
                self._run(
                    offer,
                    definition.for_country(country),
                    catalog,
                    country,
                    desks[country],
                    seconds(launches[country]) + chance.randrange(2 * HOUR),
                    country == ended,
                )
                done += sizes[country]
                self._shown(done)
        self._ledger.close()

    def _import(self, number: int, country: str, towns: Sequence[Town], desks: Sequence[Desk]) -> None:
        at = self._now - 45 * 7 * DAY + number * HOUR
        source = f"municipalities-{country.lower()}.xlsx"
        self._ledger.settle(towns, desks, source, at, number)
        digest = hashlib.sha256(source.encode()).hexdigest()
        basis = "GDPR Art. 6 (1) e: task in the public interest"
        self._ledger.imports.append(
            (
                *(number, stamp(at), "office", country, f"contacts/{country}/{source}", source, digest),
                *(basis, len(desks), 0, 0),
            )
        )
        self._note(at, "contacts.import", source, f"{len(desks)} new")

    def _run(
        self,
        offer: Offer,
        definition: Definition,
        catalog: Catalog,
        country: str,
        desks: Sequence[Desk],
        launched: int,
        is_ended: bool,
    ) -> None:
        self._campaigns += 1
        number, sender = self._campaigns, country.lower()
        chance = self._chance(f"{offer.slug} {country}")
        for desk in desks:
            if desk.dead_from is None and chance.random() < behaviour.NEWLY_DEAD:
                desk.dead_from = launched
        recipients = self._audience(definition, catalog, country, desks, launched)
        answers = self._content(number, sender, offer, definition, catalog, recipients)
        is_last = offer is behaviour.OFFERS[-1]
        limit = self._workspace.settings.senders[sender].limits.per_minute
        course = Course(
            offer=offer,
            definition=definition,
            campaign=number,
            habits=places.habits(country),
            launched=launched,
            until=self._now,
            cancelled_at=launched + 12 * DAY if is_ended and not is_last else None,
            gap=60 / limit,
            steps_with_answers=answers,
            left=self._left,
            chance=chance,
        )
        course.play(recipients)
        if definition.session is None:
            course.happened.progress = attending.progress(course.happened, chance)
        name = campaign_name(offer.slug, country)
        self._ledger.write(number, sender, course.happened, launched)
        self._campaign(number, name, offer, definition, country, course, paused=is_ended and is_last)
        if definition.session is not None and course.cancelled_at is None:
            self._session(number, definition.session, course, chance)

    def _session(self, number: int, session: Session, course: Course, chance: Random) -> None:
        """Who was there, if it is over."""
        at = seconds(session.start.replace(tzinfo=UTC)) + DAY
        if at >= self._now:
            return
        self._lists += 1
        file = f"participants-{number}.csv"
        digest = hashlib.sha256(file.encode()).hexdigest()
        ledger = self._ledger
        ledger.attendance_lists.append((self._lists, number, stamp(at), "office", file, digest, "zoom"))
        for one in attending.persons(course.happened, chance):
            key = tokens.suppression_key(self._workspace.key, one.address)
            says = None if one.town else one.address.rpartition("@")[2].partition(".")[0]
            ledger.attendance.append(
                (self._lists, number, one.town, one.state, key, one.presence, one.minutes, "address", says)
            )
        for what, cents in attending.costs(chance):
            day = session.start.date().isoformat()
            ledger.costs.append((number, what, cents, day, stamp(at), "office"))
        self._load.written()

    def _audience(
        self,
        definition: Definition,
        catalog: Catalog,
        country: str,
        desks: Sequence[Desk],
        launched: int,
    ) -> list[Recipient]:
        """As a launch chooses it."""
        by_id = {desk.id: desk for desk in desks}
        spoken: dict[tuple[str, ...], tuple[str, ...]] = {}
        candidates = []
        for desk in desks:
            languages = desk.town.languages
            if languages not in spoken:
                spoken[languages] = written(",".join(languages), catalog, definition)
            left = self._left.get(desk.email)
            candidates.append(
                Candidate(
                    contact_id=desk.id,
                    municipality_id=desk.town.id,
                    email_key=desk.email,
                    kind=ContactKind.NAMED if desk.person else ContactKind.INSTITUTIONAL,
                    role=desk.role,
                    municipality_languages=spoken[languages],
                    suppressed=left is not None and left < launched,
                )
            )
        decisions = audience.select(
            candidates, definition.audience, COUNTRIES[country].languages, bilingual=definition.bilingual
        )
        together: dict[int, list[str]] = {}
        for one in decisions:
            if isinstance(one, Excluded) and one.reason is ExclusionReason.SHARED_ADDRESS and one.stands:
                together.setdefault(one.stands, []).append(by_id[one.contact_id].town.name)
        found = []
        for one in decisions:
            self._recipients += 1
            desk = by_id[one.contact_id]
            if isinstance(one, Included):
                others = together.get(one.contact_id)
                names = ", ".join(dict.fromkeys((desk.town.name, *others))) if others else None
                found.append(Recipient(self._recipients, desk, one.language, None, names))
            else:
                first = (*spoken[desk.town.languages], COUNTRIES[country].languages[0])[0]
                found.append(Recipient(self._recipients, desk, first, one.reason))
        numbers = {to.desk.id: to.id for to in found}
        for to, one in zip(found, decisions, strict=True):
            if isinstance(one, Excluded) and one.stands in together:
                to.named_by = numbers[one.stands]
        return found

    def _content(
        self,
        number: int,
        sender: str,
        offer: Offer,
        definition: Definition,
        catalog: Catalog,
        recipients: Sequence[Recipient],
    ) -> frozenset[str]:
        """The frozen mails in the languages that are written; returns the answers for which there is a text."""
        answers: frozenset[str] = frozenset()
        for language in sorted({to.language for to in recipients if to.excluded is None}):
            known = self._contents.get((offer.slug, language))
            if known is None:
                found = texts(self._workspace, catalog, definition, sender, [language])
                if found.faults:
                    raise found.faults[0]
                words = json.dumps(freeze(found.strings[language]))
                rows = [
                    (step, around, json.dumps(freeze(one)), words, one.digest)
                    for mails, around in ((found.steps, False), (found.around, True), (found.answers, False))
                    for (step, _), one in mails.items()
                ]
                known = rows, frozenset(step for step, _ in found.answers)
                self._contents[offer.slug, language] = known
            rows, answers = known
            for step, around, text, words, digest in rows:
                self._ledger.contents.append((number, step, language, around, text, words, digest))
        return answers

    def _campaign(
        self,
        number: int,
        name: str,
        offer: Offer,
        definition: Definition,
        country: str,
        course: Course,
        *,
        paused: bool,
    ) -> None:
        is_over = course.plan_at is None and all(
            mail.state in FINAL_MESSAGE_STATES for mail in course.happened.mails
        )
        checked = course.launched - 26 * HOUR
        finished = min(course.last_at + 5 * MINUTE, self._now)
        state, reason, plan_at = CampaignState.RUNNING, None, course.plan_at
        if course.cancelled_at is not None:
            state, finished, plan_at = CampaignState.CANCELLED, course.cancelled_at, None
            reason = "the session was called off"
            self._note(finished, "campaigns.cancelled", name, reason)
        elif is_over:
            state = CampaignState.FINISHED
        elif paused:
            state, reason = CampaignState.PAUSED, "elections"
            self._note(self._now - HOUR, "campaigns.paused", name, reason)
        over = state in (CampaignState.FINISHED, CampaignState.CANCELLED)
        digest = hashlib.sha256(f"{self._seed} {name}".encode()).hexdigest()
        self._ledger.campaigns.append(
            (
                *(number, name, offer.slug, country, country.lower(), state, definition.title),
                *(frozen.freeze(definition), digest, stamp(checked), stamp(checked)),
                *(stamp(course.launched), "office", stamp(finished) if over else None, reason),
                stamp_or_none(plan_at),
            )
        )
        mails = sum(1 for to in course.happened.recipients if to.excluded is None)
        self._note(checked, "campaigns.check", name, f"passed, digest {digest}")
        self._note(course.launched, "campaigns.launch", name, f"{mails} mails, digest {digest}")

    def _note(self, at: int, action: str, subject: str, detail: str) -> None:
        self._ledger.audit.append((stamp(at), "office", action, subject, detail))
