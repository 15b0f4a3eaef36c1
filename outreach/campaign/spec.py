"""``campaigns/<slug>.toml`` -> :class:`~outreach.campaign.definition.Definition`, strictly.

A table ``[countries.BE.session]`` (or ``.links``, ``.window``) replaces single keys of the general table for
one country; ``not_after`` and ``deadline`` stand directly under ``[countries.BE]``. Every country named is
read whole at :func:`load`, so a mistake in one shows before anything is launched.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import PurePath
from types import MappingProxyType
from urllib.parse import urlsplit

from outreach.campaign.definition import (
    AudienceRules,
    Definition,
    Office,
    PerMunicipality,
    SessionWords,
    SharedAddress,
    Window,
)
from outreach.campaign.experiment import read_experiment
from outreach.campaign.schedule import instant, zone
from outreach.campaign.steps import AROUND, SLUG, read_steps
from outreach.campaign.tables import Source, Table, did_you_mean, merged
from outreach.errors import InputError
from outreach.model.countries import COUNTRIES
from outreach.model.states import ContactKind
from outreach.model.values import Session

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
#: ``links.<name>`` of a template that the program makes itself for every recipient.
OWN_LINKS = frozenset({"yes", "in_person", "online", "no", "question", "other_office", "unsubscribe"})
MAX_SESSION = timedelta(days=7)

_KEYS = (
    *("title", "purpose", "templates", "audience", "links", "window"),
    *("not_after", "deadline", "bilingual", "steps", "session", "experiment", "countries"),
)
_COUNTRY_KEYS = ("links", "window", "not_after", "deadline", "bilingual", "session")
_SESSION_KEYS = (
    *("title", "start", "end", "time_zone", "place", "room", "online", "details"),
    *("agenda", "speakers", "interpretation", "places", "calendar", "in_language"),
)
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_LINK_NAME = re.compile(r"[a-z][a-z0-9_]*")


def load(text: str, *, file: str) -> Definition:
    """The campaign defined by ``text``, the contents of ``file`` (whose name gives the slug).

    Raises InputError for anything wrong, naming file, line where it can be found, key, and what is allowed.
    """
    slug = PurePath(file).name.removesuffix(".toml")
    if not SLUG.fullmatch(slug):
        raise InputError(
            f"{file}: the name of a campaign file is small letters a to z, digits and hyphens.",
            "Rename it, for instance to information-session.toml.",
        )
    source = Source(file, text)
    whole = Table(source.parse(), source)
    whole.allow(_KEYS)
    general = _definition(whole, slug)
    _has_session(whole)
    countries = {}
    for code in whole.table("countries").values:
        if code not in COUNTRIES:
            raise whole.table("countries").error(
                code,
                "is not a Member State.",
                f"{_country_hint(code)}Use the two-letter code, as in BE or GR.",
            )
        countries[code] = _for_country(whole, code, source, slug)
    return replace(general, countries=MappingProxyType(countries))


def _has_session(whole: Table) -> None:
    """A mail around a session needs one, be it a country's."""
    own = whole.table("countries")
    if "session" not in whole and not any("session" in own.table(code) for code in own.values):
        for step in whole.tables("steps"):
            for key in AROUND:
                if key in step:
                    raise step.error(
                        key,
                        "needs a session.",
                        "Add [session], or remove the step: it goes to those who take part.",
                    )


def _country_hint(code: str) -> str:
    if code.upper() == "EL":
        return "Did you mean “GR”? "
    by_name = {COUNTRIES[one].name.casefold(): one for one in COUNTRIES}
    known = by_name.get(code.casefold(), code.upper())
    return f"Did you mean “{known}”? " if known in COUNTRIES else did_you_mean(code, list(COUNTRIES))


def _for_country(whole: Table, code: str, source: Source, slug: str) -> Definition:
    own = whole.table("countries").table(code)
    own.allow(_COUNTRY_KEYS)
    for key in ("links", "window", "session"):
        own.table(key)  # each a table, before they are laid over one another
    values = {key: value for key, value in whole.values.items() if key != "countries"}
    return _definition(Table(merged(values, own.values), source, ("countries", code), ()), slug)


def _definition(table: Table, slug: str) -> Definition:
    session, calendar, words = _session(table.table("session")) if "session" in table else (None, False, {})
    not_after = table.day("not_after")
    if session is not None and not_after is not None and not_after > session.start.date():
        raise table.error(
            "not_after",
            f"is {not_after}, later than the session of {session.start.date()}.",
            "Leave it out (the last day is then the eve of the session) or choose an earlier day.",
        )
    templates = table.text("templates") or slug
    if not SLUG.fullmatch(templates):
        raise table.error(
            "templates",
            f"cannot be “{templates}”.",
            "Name a folder under templates/: small letters a to z, digits and hyphens.",
        )
    title = table.required_text("title", '"LORDIMAS: how digital is our municipality?"')
    purpose = table.required_text("purpose", '"Inviting municipalities to assess their digital maturity."')
    steps, session_steps = read_steps(table)
    return Definition(
        slug=slug,
        title=title,
        purpose=purpose,
        templates=templates,
        steps=steps,
        session_steps=session_steps if session is not None else (),
        places=table.table("session").number("places", least=1),
        audience=_audience(table.table("audience")),
        window=_window(table.table("window")),
        links=_links(table.table("links")),
        not_after=not_after,
        deadline=table.day("deadline"),
        bilingual=table.flag("bilingual", True),
        session=session,
        calendar=calendar,
        session_words=MappingProxyType(words),
        experiment=read_experiment(table.table("experiment"), steps) if "experiment" in table else None,
    )


def _audience(table: Table) -> AudienceRules:
    table.allow(("kinds", "per_municipality", "prefer", "shared", "gone"))
    kinds = table.choice("kinds", (*ContactKind, "both"), "both")
    per = table.choice("per_municipality", tuple(PerMunicipality), PerMunicipality.FIRST)
    return AudienceRules(
        kinds=frozenset(ContactKind) if kinds == "both" else frozenset({ContactKind(kinds)}),
        per_municipality=PerMunicipality(per),
        prefer=_offices(table),
        shared=SharedAddress(table.choice("shared", tuple(SharedAddress), SharedAddress.ALL)),
        gone=table.flag("gone", False),
    )


def _offices(table: Table) -> tuple[Office, ...]:
    value = table.values.get("prefer", [])
    if not isinstance(value, list):
        raise table.error("prefer", "has to be a list.", 'Write it as ["mayor", "general"].')
    for office in value:
        if office not in tuple(Office):
            raise table.error(
                "prefer",
                f"cannot hold “{office}”.",
                f"{did_you_mean(str(office), tuple(Office))}Allowed: {', '.join(Office)}.",
            )
    return tuple(dict.fromkeys(Office(office) for office in value))


def _links(table: Table) -> Mapping[str, str]:
    links = {}
    for name in table.values:
        if not _LINK_NAME.fullmatch(name):
            raise table.error(
                name,
                "cannot be the name of a link.",
                "Small letters a to z, digits and _, as in assessment; a mail uses it as links.assessment.",
            )
        if name in OWN_LINKS:
            raise table.error(
                name, "is a link that the program makes for every recipient.", "Choose another name."
            )
        links[name] = _https(table, name, table.required_text(name, '"https://…"'))
    return MappingProxyType(links)


def _https(table: Table, key: str, url: str) -> str:
    try:
        parts = urlsplit(url)
        good = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or re.search(r"[\s<>\"\\]", url):
        raise table.error(
            key,
            f"is not an https address: “{url}”.",
            "Copy it from the browser's address bar; it begins with https:// and holds no space.",
        )
    return url


def _window(table: Table) -> Window:
    table.allow(("days", "from", "until", "skip_holidays", "spread"))
    usual = Window()
    opens, closes = table.minutes("from", usual.opens), table.minutes("until", usual.closes)
    if opens >= closes:
        key = "until" if "until" in table else "from"
        raise table.error(
            key,
            f"makes a window that never opens ({_clock(opens)} to {_clock(closes)}).",
            "“until” has to be later than “from” on the same day; the end of the day is 24:00.",
        )
    return Window(
        _days(table, usual.days),
        opens,
        closes,
        table.flag("skip_holidays", usual.skip_holidays),
        table.flag("spread", usual.spread),
    )


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _days(table: Table, usual: tuple[int, ...]) -> tuple[int, ...]:
    value = table.values.get("days", [WEEKDAYS[day] for day in usual])
    if not isinstance(value, list) or not value:
        raise table.error(
            "days", "has to be a list of weekdays.", 'For instance: days = ["Tuesday", "Wednesday"]'
        )
    by_name: dict[str, int] = {}
    for number, name in enumerate(WEEKDAYS):
        by_name[name.casefold()] = by_name[name[:3].casefold()] = number
    days = set()
    for item in value:
        day = by_name.get(item.strip().casefold()) if isinstance(item, str) else None
        if day is None:
            raise table.error(
                "days",
                f"holds “{item}”, which is no weekday.",
                f"{did_you_mean(str(item), WEEKDAYS)}Known: {', '.join(WEEKDAYS)}.",
            )
        days.add(day)
    return tuple(sorted(days))


def _session(table: Table) -> tuple[Session, bool, dict[str, SessionWords]]:
    table.allow(_SESSION_KEYS)
    name = table.required_text("time_zone", '"Europe/Brussels"')
    try:
        zone(name)
    except InputError as error:
        raise table.error("time_zone", f"cannot be “{name}”.", error.remedy) from None
    times = {}
    for key in ("start", "end"):
        local = table.local_time(key)
        if local is None:
            raise table.missing(key, "2027-03-11T10:00:00")
        moment = instant(local, name)
        if moment.astimezone(zone(name)).replace(tzinfo=None, fold=0) != local:
            raise table.error(
                key,
                f"does not exist in {name}: the clocks are put forward over {local:%H:%M} that night.",
                "Choose another time.",
            )
        times[key] = moment.astimezone(zone(name))
    start, end = times["start"], times["end"]
    if not timedelta(0) < end.astimezone(UTC) - start.astimezone(UTC) <= MAX_SESSION:
        raise table.error(
            "end",
            f"({end:%Y-%m-%d %H:%M}) has to come after the start ({start:%Y-%m-%d %H:%M}), within a week.",
            "Check both dates.",
        )
    online = table.text("online")
    if online:
        _https(table, "online", online)
    session = Session(
        title=table.required_text("title", '"European digital services for our municipality"'),
        start=start,
        end=end,
        time_zone=name,
        place=table.text("place"),
        online=online,
        details=table.text("details"),
        room=table.text("room"),
        agenda=table.texts("agenda"),
        speakers=table.texts("speakers"),
        interpretation=_interpretation(table),
    )
    if not (session.place or session.online):
        raise table.error(
            None, "has neither a place nor an online room.", 'Add place = "…" or online = "https://…".'
        )
    return session, table.flag("calendar", True), _session_words(table.table("in_language"))


def _session_words(table: Table) -> dict[str, SessionWords]:
    languages = {language for country in COUNTRIES.values() for language in country.languages}
    words: dict[str, SessionWords] = {}
    for language in table.values:
        if not _LANGUAGE.fullmatch(language):
            raise table.error(
                language,
                "is not a language code.",
                f"{did_you_mean(language, languages)}Two small letters, as in fr or el.",
            )
        own = table.table(language)
        own.allow(("title", "place", "room", "details", "agenda"))
        words[language] = SessionWords(
            title=own.text("title"),
            place=own.text("place"),
            details=own.text("details"),
            room=own.text("room"),
            agenda=own.texts("agenda"),
        )
    return words


def _interpretation(table: Table) -> tuple[str, ...]:
    languages = table.texts("interpretation")
    for language in languages:
        if not _LANGUAGE.fullmatch(language):
            raise table.error(
                "interpretation",
                f"names “{language}”, which is not a language code.",
                'Two small letters each, as in interpretation = ["fr", "de"]; mails write them out.',
            )
    return languages
