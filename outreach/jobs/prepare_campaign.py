"""Everything a launch needs, put together from files and database: what a check looks at, what a preview
shows, and what a launch freezes. The same preparation for all three, so that they cannot differ.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa

from outreach.campaign import audience, frozen
from outreach.campaign.audience import Candidate, Excluded, Included
from outreach.campaign.definition import VARIANTS, Definition, Experiment, SharedAddress
from outreach.campaign.experiment import assign
from outreach.content.catalog import Catalog, Strings
from outreach.content.compile import compile_template
from outreach.content.compiled import Compiled
from outreach.db import campaigns, directory
from outreach.db.campaigns import Addressee
from outreach.delivery import pictures, tokens
from outreach.errors import InputError
from outreach.jobs import workspace as files
from outreach.jobs.answer_mail import template_of
from outreach.jobs.logo import logo
from outreach.jobs.press import Plate
from outreach.model.countries import COUNTRIES
from outreach.model.states import AnswerMail, ExclusionReason
from outreach.model.values import Picture
from outreach.settings import Sender, Workspace

#: So many characters of the digest name a check to a person.
TOKEN_LENGTH = 8


@dataclass(frozen=True, slots=True)
class Prepared:
    """A definition with its texts and its audience in one country, as they are at this moment."""

    name: str  # of the campaign: "lordimas-be"
    slug: str
    country: str
    sender_name: str
    sender: Sender
    definition: Definition  # for the country
    catalog: Catalog
    compiled: Mapping[tuple[str, str], Compiled]  # by step and language, where there is a text
    answers: Mapping[tuple[str, str], Compiled]  # the mails that answer answers, by step and language
    around: Mapping[tuple[str, str], Compiled]  # the mails around the session, by step and language
    strings: Mapping[str, Strings]
    logo: Picture | None
    faults: tuple[InputError, ...]  # texts that are missing or cannot be compiled
    addressees: Mapping[int, Addressee]  # by contact
    decisions: tuple[Included | Excluded, ...]
    named_together: frozenset[int]  # contacts whose mail names several municipalities
    digest: str
    looks: Mapping[str, str]  # by language: digest of what its mails show, whoever gets them

    @property
    def included(self) -> list[Included]:
        return [one for one in self.decisions if isinstance(one, Included)]

    @property
    def variants(self) -> Mapping[int, str]:
        """Of the experiment, by municipality; empty without one."""
        if self.definition.experiment is None:
            return {}
        mails = ((one.municipality_id, self.addressees[one.contact_id].email_key) for one in self.included)
        return assign(self.definition.experiment, self.name, mails)

    @property
    def languages(self) -> list[str]:
        """Those the audience is written to in, the most frequent first."""
        counts: dict[str, int] = {}
        for one in self.included:
            counts[one.language] = counts.get(one.language, 0) + 1
        return sorted(counts, key=lambda language: (-counts[language], language))

    @property
    def carried(self) -> frozenset[str]:
        """The content ids of the pictures that go with the mails."""
        return frozenset({self.logo.content_id} if self.logo else ())

    @property
    def logo_bytes(self) -> int:
        """What it adds to each mail."""
        return len(pictures.part(self.logo)) if self.logo else 0

    @property
    def steps(self) -> list[str]:
        """The names of the steps of the sequence, then of the mails around the session."""
        around = [step.name for step in self.definition.session_steps]
        return [*(step.name for step in self.definition.steps), *around]

    def folder_of(self, step: str) -> str:
        """Where the texts of a step lie, under ``templates/``."""
        return folder_of(self.catalog, self.definition, step)

    def plate(self, step: str, language: str) -> Plate:
        """A step, or a mail around the session, in a language, ready to be rendered. KeyError when its text is
        missing."""
        found = self.compiled.get((step, language)) or self.around[step, language]
        return Plate(
            compiled=found,
            name=f"{self.folder_of(step)}/{step}.{language}",
            strings=self.strings[language.partition("~")[0]],
            definition=self.definition,
            sender=self.sender,
            language=language.partition("~")[0],
        )


def folder_of(catalog: Catalog, definition: Definition, step: str) -> str:
    """Where the texts of a step lie, under ``templates/``: those of a mail around the session with the campaign's, if
    it has its own, else with those that all campaigns share."""
    if definition.session_step(step) is None or catalog.languages(definition.templates, step):
        return definition.templates
    return "_shared"


def campaign_name(slug: str, country: str) -> str:
    return f"{slug}-{country.lower()}"


def prepare(
    workspace: Workspace,
    connection: sa.Connection,
    slug: str,
    country: str,
    sender_name: str | None = None,
) -> Prepared:
    """Read the files and choose the audience. Raises ``InputError`` or ``SettingsError`` for what cannot even
    be looked at; faults in texts are collected in ``faults``.
    """
    if country not in COUNTRIES:
        raise InputError(
            f"{country!r} is no country of the network.", f"Write one of {', '.join(COUNTRIES)}."
        )
    definition = files.definition(workspace, slug).for_country(country)
    sender_name = sender_name or workspace.sender_for(country)
    sender = workspace.settings.sender(sender_name)
    if country not in sender.countries:
        raise InputError(
            f"The sender {sender_name} does not write to {country}.",
            f"Its countries in outreach.toml are: {', '.join(sender.countries)}.",
        )
    addressees = {one.contact_id: one for one in campaigns.addressees(connection, country)}
    suppressed = directory.suppressed_by(
        connection, lambda address: tokens.suppression_key(workspace.key, address)
    )
    catalog = files.catalog(workspace)
    candidates = [
        Candidate(
            contact_id=one.contact_id,
            municipality_id=one.municipality_id,
            email_key=one.email_key,
            kind=one.kind,
            role=one.role,
            contact_language=one.language,
            municipality_languages=written(one.languages, catalog, definition),
            suppressed=suppressed(one.email_key)
            or suppressed(tokens.municipality_name(one.country, one.municipality_key)),
            in_doubt=one.in_doubt,
            gone=one.gone,
        )
        for one in addressees.values()
    ]
    decisions = tuple(
        audience.select(
            candidates, definition.audience, COUNTRIES[country].languages, bilingual=definition.bilingual
        )
    )
    together = frozenset[int]()
    if definition.audience.shared is SharedAddress.ALL:
        together = _name_all(addressees, decisions)
    languages = sorted({one.language for one in decisions if isinstance(one, Included)})
    found = texts(workspace, catalog, definition, sender_name, languages)
    looks = _looks(definition, sender, {**found.steps, **found.around, **found.answers}, found.strings)
    return Prepared(
        name=campaign_name(slug, country),
        slug=slug,
        country=country,
        sender_name=sender_name,
        sender=sender,
        definition=definition,
        catalog=catalog,
        compiled=found.steps,
        answers=found.answers,
        around=found.around,
        strings=found.strings,
        logo=logo(workspace, sender_name),
        faults=tuple(found.faults),
        addressees=addressees,
        decisions=decisions,
        named_together=together,
        digest=_digest(looks, addressees, decisions),
        looks=looks,
    )


def written(languages: str, catalog: Catalog, definition: Definition) -> tuple[str, ...]:
    """Those of a municipality's languages that texts can be expected in: a regional one only where there is a
    text in it. When none is left it stays as it is, and the check says what is missing."""
    if not languages:
        return ()
    spoken = tuple(languages.split(","))
    expected = {language for country in COUNTRIES.values() for language in country.languages}
    expected |= set(catalog.languages(definition.templates, definition.steps[0].name))
    return tuple(one for one in spoken if one in expected) or spoken


def _name_all(addressees: dict[int, Addressee], decisions: Sequence[Included | Excluded]) -> frozenset[int]:
    """A mail to an address that several municipalities share names them all; returns these contacts."""
    names: dict[int, list[str]] = {}
    for one in decisions:
        if isinstance(one, Excluded) and one.reason is ExclusionReason.SHARED_ADDRESS and one.stands:
            names.setdefault(one.stands, []).append(addressees[one.contact_id].municipality)
    for contact_id, others in names.items():
        to = addressees[contact_id]
        whole = ", ".join(dict.fromkeys((to.municipality, *others)))
        addressees[contact_id] = replace(to, municipality=whole)
    return frozenset(names)


@dataclass(frozen=True, slots=True)
class _Printer:
    """Compiles the mails of a campaign in the words and the look of its sender. A language as "nl+fr" is both in
    one mail."""

    catalog: Catalog
    definition: Definition
    sender_name: str
    colour: str
    logo: Picture | None

    def strings(self, language: str) -> Strings:
        first, *others = (
            self.catalog.strings(one, self.definition.templates, self.sender_name)
            for one in language.split("+")
        )
        return replace(first, second=others[0]) if others else first

    def compile(
        self, slug: str, step: str, language: str, strings: Strings, subjects: Mapping[str, str] | None = None
    ) -> Compiled:
        templates = (self.catalog.template(slug, step, one) for one in language.split("+"))
        if subjects is not None:
            templates = (replace(one, subject=subjects[one.language]) for one in templates)
        first, *others = templates
        second = (others[0], strings.second) if others and strings.second is not None else None
        return compile_template(
            self.catalog, first, strings, second=second, colour=self.colour, logo=self.logo
        )


@dataclass(frozen=True, slots=True)
class Texts:
    """The mails of a campaign by step and language, the words around them by language, and what is missing or cannot
    be compiled."""

    steps: Mapping[tuple[str, str], Compiled]
    around: Mapping[tuple[str, str], Compiled]  # the mails around the session
    answers: Mapping[tuple[str, str], Compiled]  # those that answer answers
    strings: Mapping[str, Strings]
    faults: list[InputError]


def texts(
    workspace: Workspace, catalog: Catalog, definition: Definition, sender_name: str, languages: list[str]
) -> Texts:
    """All texts of a campaign in ``languages``, compiled."""
    sender = workspace.settings.sender(sender_name)
    printer = _Printer(catalog, definition, sender_name, sender.colour, logo(workspace, sender_name))
    compiled, strings, faults = _texts(printer, definition, languages)
    around = _around(printer, definition, strings, faults)
    answers = _answers(printer, definition, strings, faults) if sender.inbox.confirm else {}
    return Texts(compiled, around, answers, strings, faults)


def _texts(
    printer: _Printer, definition: Definition, languages: list[str]
) -> tuple[dict[tuple[str, str], Compiled], dict[str, Strings], list[InputError]]:
    compiled: dict[tuple[str, str], Compiled] = {}
    strings: dict[str, Strings] = {}
    faults: list[InputError] = []
    for language in languages:
        try:
            strings[language] = printer.strings(language)
        except InputError as error:
            faults.append(error)
            continue
        for step in definition.steps:
            try:
                compiled[step.name, language] = printer.compile(
                    definition.templates, step.name, language, strings[language]
                )
                if definition.experiment and step.name == definition.experiment.step:
                    compiled |= _second_subject(printer, definition.experiment, language, strings[language])
            except InputError as error:
                faults.append(error)
    return compiled, strings, faults


def _second_subject(
    printer: _Printer, experiment: Experiment, language: str, strings: Strings
) -> dict[tuple[str, str], Compiled]:
    """The mail with the other subject line, where the experiment is about that."""
    if not experiment.subjects:
        return {}
    subject = experiment.subject_in(language)
    if subject is None:
        missing = next(one for one in language.split("+") if one not in experiment.subjects)
        raise InputError(
            f"campaigns/{printer.definition.slug}.toml: [experiment.subject] has no line in {missing}, a language of "
            "the audience.",
            f'Add {missing} = "…": who gets which line is chance, so each language needs both.',
        )
    step = experiment.step
    compiled = printer.compile(
        printer.definition.templates, step, language, strings, subjects=experiment.subjects
    )
    return {(step, second_of(language)): compiled}


def second_of(language: str) -> str:
    """What the second variant of a mail is kept under, in the place of its language."""
    return f"{language}~{VARIANTS[1]}"


def _around(
    printer: _Printer, definition: Definition, strings: Mapping[str, Strings], faults: list[InputError]
) -> dict[tuple[str, str], Compiled]:
    """The mails around the session, in every language of the audience."""
    compiled: dict[tuple[str, str], Compiled] = {}
    for step in definition.session_steps:
        folder = folder_of(printer.catalog, definition, step.name)
        for language in strings:
            try:
                compiled[step.name, language] = printer.compile(
                    folder, step.name, language, strings[language]
                )
            except InputError as error:
                faults.append(error)
    return compiled


def _answers(
    printer: _Printer, definition: Definition, strings: Mapping[str, Strings], faults: list[InputError]
) -> dict[tuple[str, str], Compiled]:
    """The mails that answer answers, in those languages that have them: without one, nothing is answered."""
    compiled: dict[tuple[str, str], Compiled] = {}
    for step in AnswerMail:
        name = template_of(step, has_session=definition.session is not None)
        there = set(printer.catalog.languages("_shared", name))
        for language in strings:
            if not there.issuperset(language.split("+")):
                continue
            try:
                compiled[step.value, language] = printer.compile("_shared", name, language, strings[language])
            except InputError as error:
                faults.append(error)
    return compiled


def _looks(
    definition: Definition,
    sender: Sender,
    compiled: Mapping[tuple[str, str], Compiled],
    strings: Mapping[str, Strings],
) -> dict[str, str]:
    """Of all that the mails of each language show, but what is their recipients'."""
    shown = (
        sender.from_,
        sender.reply_to,
        sender.controller,
        sender.postal_address,
        sender.privacy_url,
    )
    looks = {}
    for language, text in sorted(strings.items()):
        parts = [
            frozen.freeze(definition),
            json.dumps(shown),
            f"{language}:{text.digest}:{text.second.digest if text.second else ''}",
            *(
                f"{step}:{one.digest}"
                for (step, of), one in sorted(compiled.items())
                if of.partition("~")[0] == language
            ),
        ]
        looks[language] = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    return looks


def _digest(
    looks: Mapping[str, str],
    addressees: Mapping[int, Addressee],
    decisions: tuple[Included | Excluded, ...],
) -> str:
    """Of all that a check looked at: if any of it changes, the check does not hold any more."""
    digest = hashlib.sha256(json.dumps(looks, sort_keys=True).encode())
    for decision in decisions:
        if isinstance(decision, Included):
            to = addressees[decision.contact_id]
            line = (decision.language, to.email, to.person, to.municipality, to.region, to.source)
            digest.update(json.dumps(line).encode())
    return digest.hexdigest()
