"""The check a launch needs: every message of every step rendered strictly, and everything else a person would
regret not having looked at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from outreach.campaign import definition as definitions
from outreach.campaign import frozen
from outreach.campaign.definition import Side
from outreach.content import colours, holes
from outreach.content.lint import (
    Finding,
    Severity,
    lint_campaign,
    lint_habits,
    lint_markup,
    lint_rendered,
)
from outreach.content.names import NAMES, SESSION_NAMES
from outreach.db import campaign_status, campaigns, directory
from outreach.db.engine import Database
from outreach.errors import InputError, RefusedError
from outreach.jobs import forecast, trial_mails
from outreach.jobs.check_experiment import of_experiment
from outreach.jobs.forecast import Forecast
from outreach.jobs.prepare_campaign import TOKEN_LENGTH, Prepared, campaign_name, prepare, second_of
from outreach.jobs.session_mails import Announced, announced
from outreach.jobs.specimen import Specimens
from outreach.model.countries import COUNTRIES
from outreach.model.states import CampaignState
from outreach.settings import Workspace

#: The same fault in many mails is told once, with how often it was found.
_WORST_FIRST = (Severity.ERROR, Severity.WARNING, Severity.NOTICE)


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What the check found, the worst first."""

    prepared: Prepared
    findings: tuple[Finding, ...]
    rendered: int  # messages
    heaviest: int  # bytes of the largest mail, whole
    forecast: Forecast  # of its first step, if it were launched now
    around: tuple[Announced, ...]  # what those get who take part

    @property
    def token(self) -> str:
        """Names what was checked, for a launch of just that."""
        return self.prepared.digest[:TOKEN_LENGTH]

    @property
    def passed(self) -> bool:
        return not any(finding.severity is Severity.ERROR for finding in self.findings)


def check(
    workspace: Workspace,
    database: Database,
    slug: str,
    country: str,
    *,
    now: datetime,
    actor: str,
    sender: str | None = None,
    domain: Callable[[str], Iterable[Finding]] = lambda _sender: (),
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> CheckResult:
    """Check the campaign in ``country`` and keep the result: approved for exactly this content, or a draft.

    ``domain`` looks at how receivers see the domain of a sender, given its name; by itself the check asks no other
    machine. ``progress`` is told how many messages are rendered, of how many. Raises ``InputError`` or
    ``SettingsError`` where there is nothing to check, and ``RefusedError`` when it runs already.
    """
    with database.read() as connection:
        found = campaigns.find(connection, campaign_name(slug, country))
        if found is not None and found.state not in (CampaignState.DRAFT, CampaignState.APPROVED):
            raise RefusedError(
                f"The campaign {found.name} was launched already: it is {found.state}.",
                f"`outreach campaigns status {slug} --country {country}` says where it stands.",
            )
        prepared = prepare(workspace, connection, slug, country, sender)
        expected = forecast.of_launch(connection, prepared, now)
        addresses = {prepared.addressees[one.contact_id].email_key for one in prepared.included}
        overlaps = campaign_status.overlaps(connection, addresses)
        unseen = trial_mails.unseen(connection, prepared)
    findings = [*_basics(prepared, expected, overlaps, now), *_unseen(prepared, unseen)]
    findings += of_experiment(prepared)
    findings += domain(prepared.sender_name)
    allowed = NAMES | {f"links.{name}" for name in prepared.definition.links}
    if prepared.definition.session is not None:
        allowed |= SESSION_NAMES
    folders: dict[str, list[str]] = {}
    for step in prepared.steps:
        folders.setdefault(prepared.folder_of(step), []).append(step)
    for folder, steps in folders.items():
        findings += lint_campaign(prepared.catalog, folder, steps, _single(prepared.languages), allowed)
    told = {finding.message for finding in findings}
    findings += [
        Finding(Severity.ERROR, "text", slug, fault.message, fault.remedy)
        for fault in prepared.faults
        if fault.message not in told and not any(fault.message in message for message in told)
    ]
    rendered, heaviest, faults = _render_all(prepared, now, progress)
    findings += [fault for fault in faults if fault not in findings]
    findings.sort(key=lambda finding: _WORST_FIRST.index(finding.severity))
    around = tuple(announced(prepared.definition, country))
    result = CheckResult(prepared, tuple(findings), rendered, heaviest, expected, around)
    with database.write() as connection:
        campaigns.save_check(
            connection,
            name=prepared.name,
            slug=slug,
            country=country,
            sender=prepared.sender_name,
            title=prepared.definition.title,
            definition=frozen.freeze(prepared.definition),
            digest=prepared.digest,
            passed=result.passed,
            now=now,
        )
        directory.note(
            connection,
            actor=actor,
            action="campaigns.check",
            subject=prepared.name,
            detail=f"{'passed' if result.passed else 'failed'}, digest {prepared.digest}",
            now=now,
        )
    return result


def _single(languages: Iterable[str]) -> list[str]:
    """Each language once; "nl+fr" are two."""
    return list(dict.fromkeys(one for language in languages for one in language.split("+")))


def _basics(
    prepared: Prepared, expected: Forecast, overlaps: Mapping[str, int], now: datetime
) -> Iterable[Finding]:
    where = f"campaigns/{prepared.slug}.toml"
    if not prepared.included:
        yield Finding(
            Severity.ERROR,
            "nobody",
            where,
            f"Nobody in {COUNTRIES[prepared.country].name} would get this campaign: "
            f"{len(prepared.decisions)} contacts, all left out."
            if prepared.decisions
            else f"There are no contacts in {COUNTRIES[prepared.country].name}.",
            f"Import a list: outreach contacts import FILE --country {prepared.country} --apply"
            if not prepared.decisions
            else "Look at the audience of the campaign and at `outreach suppress list`.",
        )
    if prepared.sender.colour and not colours.is_readable(prepared.sender.colour):
        yield Finding(
            Severity.ERROR,
            "contrast",
            "outreach.toml",
            f"White words on {prepared.sender.colour} cannot be read by everybody (WCAG 2.2, level AA).",
            f"Choose a darker colour for [senders.{prepared.sender_name}].",
        )
    if prepared.definition.session is not None:
        for language in _single(prepared.languages):
            if language != "en" and language not in prepared.definition.session_words:
                yield Finding(
                    Severity.WARNING,
                    "session-untranslated",
                    where,
                    f"The session's title and place stand in the {language} mails as the file has them.",
                    f"Give them in that language under [session.in_language.{language}].",
                )
        if prepared.definition.places is not None and not prepared.sender.inbox.confirm:
            yield Finding(
                Severity.WARNING,
                "waiting-list-untold",
                where,
                "Who has to wait for a place, or gets one later, is not told: the sender confirms nothing.",
                f"Set confirm = true under [senders.{prepared.sender_name}.inbox], or remove “places”.",
            )
        if not any(step.side is Side.BEFORE for step in prepared.definition.session_steps):
            yield Finding(
                Severity.NOTICE,
                "session-unannounced",
                where,
                "Who registers gets no mail before the session.",
                'Add [[steps]] with name = "day-before" and before = "1 working day".',
            )
    yield from _left_out_languages(prepared)
    yield from _shared_addresses(prepared)
    if expected.missed and expected.mails:
        yield Finding(
            Severity.WARNING,
            "too-late",
            where,
            f"{expected.missed:,} of {expected.pace} would not have gone by the last day, "
            f"{prepared.definition.last_day}.",
            "Choose a later last day, a wider window, or another sender.",
        )
    for name, number in sorted(overlaps.items()):
        yield Finding(
            Severity.NOTICE,
            "overlap",
            where,
            f"{number:,} of its contacts are also in {name}, which is running.",
            "Wait until it is finished, if both at once are too much.",
        )
    for warning in definitions.warnings(prepared.definition, today=now.date()):
        yield Finding(Severity.WARNING, "definition", where, warning, "")


def _left_out_languages(prepared: Prepared) -> Iterable[Finding]:
    """Languages of municipalities that their mail is not in: there is no text, or it has two others already."""
    definition = prepared.definition
    there = prepared.catalog.languages(definition.templates, definition.steps[0].name)
    left_out: dict[tuple[str, str], set[int]] = {}
    for one in prepared.included:
        to = prepared.addressees[one.contact_id]
        if to.language or not to.languages:
            continue
        for language in set(to.languages.split(",")) - set(one.language.split("+")):
            if language not in there or (definition.bilingual and "+" in one.language):
                left_out.setdefault((language, one.language), set()).add(one.municipality_id)
    for (language, instead), places in sorted(left_out.items()):
        number = f"{len(places):,} municipalit{'y' if len(places) == 1 else 'ies'}"
        missing = language not in there
        yield Finding(
            Severity.WARNING if missing else Severity.NOTICE,
            "language-left-out",
            f"{definition.templates}/{definition.steps[0].name}.{language}.md"
            if missing
            else definition.slug,
            f"{number} with the language {language!r} get the mail in {instead.replace('+', ' and ')} alone: "
            + ("there is no text in it." if missing else "a mail has two languages at most."),
            f"Write templates/{definition.templates}/STEP.{language}.md for each step, if they should have it."
            if missing
            else "A column with the language in the contact list says which they shall have.",
        )


def _shared_addresses(prepared: Prepared) -> Iterable[Finding]:
    """Addresses of several municipalities, and what they get."""
    mails = Counter(prepared.addressees[one.contact_id].email_key for one in prepared.included)
    if twice := {email: number for email, number in mails.items() if number > 1}:
        email, most = max(twice.items(), key=lambda one: (one[1], one[0]))
        yield Finding(
            Severity.NOTICE,
            "shared-address",
            f"campaigns/{prepared.slug}.toml",
            f'{len(twice):,} addresses get a mail for each of their municipalities, as `shared = "each"` says; '
            f"{email} gets {most}.",
            'With `shared = "all"` each gets one mail that names them all.',
        )


def _unseen(prepared: Prepared, languages: Iterable[str]) -> Iterable[Finding]:
    if names := ", ".join(languages):
        needed = "; a launch needs one" if prepared.sender.test_first else ""
        yield Finding(
            Severity.WARNING if needed else Severity.NOTICE,
            "test-unseen",
            f"campaigns/{prepared.slug}.toml",
            f"No test mail in {names} was sent since the texts are as they are{needed}.",
            f"outreach campaigns test {prepared.slug} --country {prepared.country} --to YOU@ADDRESS",
        )


def _render_all(
    prepared: Prepared, now: datetime, progress: Callable[[int, int], None]
) -> tuple[int, int, list[Finding]]:
    """Render every message there will be: how many, the bytes of the largest, and what was found. The same fault is
    told once, with the contacts it was found for."""
    steps = prepared.steps
    folders = {step: prepared.folder_of(step) for step in steps}
    texts = {**prepared.compiled, **prepared.around}
    mails = {
        key: Specimens(prepared, *key)
        for key in texts
        if key[0] in steps and key[1].partition("~")[0] in prepared.strings
    }
    shown = {key: sorted(holes.unguarded(texts[key])) for key in mails}
    total = len(prepared.included) * len(steps)
    found: dict[tuple[str, ...], tuple[Finding, list[str]]] = {}
    seen: set[str] = set()
    done = heaviest = 0
    for one in prepared.included:
        email = prepared.addressees[one.contact_id].email
        for step in steps:
            done += 1
            for language in (one.language, second_of(one.language)):
                mail = mails.get((step, language))
                if mail is None:
                    continue
                where = f"{folders[step]}/{step}.{one.language}.md"
                if language != one.language:
                    where = f"campaigns/{prepared.slug}.toml, [experiment.subject], {one.language}"
                try:
                    rendered = mail.render(one.contact_id)
                    problems = [*lint_rendered(rendered, where, one.language.count("+") + 1)]
                    problems += _holes(mail.values(one.contact_id), shown[step, language], where)
                    if where not in seen:
                        seen.add(where)
                        problems += lint_markup(rendered, where, prepared.carried)
                        problems += lint_habits(rendered, where)
                        heaviest = max(heaviest, len(mail.compose(one.contact_id, rendered, now)))
                except InputError as error:
                    problems = [Finding(Severity.ERROR, "render", where, error.message, error.remedy)]
                for problem in problems:
                    told = problem.message if problem.rule in _TOLD_EACH else ""
                    key = (problem.rule, problem.where, problem.severity, told)
                    found.setdefault(key, (problem, []))[1].append(email)
        if done % 500 < len(steps):
            progress(done, total)
    progress(total, total)
    findings = [
        problem if problem.rule in _OF_ALL else _with_contacts(problem, emails)
        for problem, emails in found.values()
    ]
    return done, heaviest, findings


#: Rules of which each finding is another fault, and those that look at one mail for all of its step and language.
_TOLD_EACH = frozenset({"empty-value", "accessibility", "spam-habit"})
_OF_ALL = frozenset({"accessibility", "link-insecure", "dead-anchor", "remote-asset"})


def _holes(values: Mapping[str, object], names: Iterable[str], where: str) -> Iterable[Finding]:
    for name in names:
        if holes.is_empty(values, name):
            yield Finding(
                Severity.WARNING,
                "empty-value",
                where,
                f"It shows {{{{ {name} }}}}, which is empty.",
                f"Ask for it first, as {{% if {name} %}} ... {{% endif %}}, or fill it in.",
            )


def _with_contacts(problem: Finding, emails: list[str]) -> Finding:
    shown = ", ".join(emails[:3]) + (f" and {len(emails) - 3:,} more" if len(emails) > 3 else "")
    return replace(problem, message=f"{problem.message} (for {shown})", contacts=tuple(emails))
