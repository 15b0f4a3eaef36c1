"""The copy of a definition that a launched campaign keeps: canonical JSON, equal for equal definitions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Any

from outreach.campaign.definition import (
    AudienceRules,
    Condition,
    Definition,
    Delay,
    DelayUnit,
    Experiment,
    Office,
    PerMunicipality,
    SessionStep,
    SessionWords,
    SharedAddress,
    Side,
    Step,
    Window,
)
from outreach.campaign.schedule import zone
from outreach.errors import DatabaseError
from outreach.model.states import ContactKind
from outreach.model.values import Session

#: Raised when what a definition means changes; :func:`thaw` reads every version it ever had.
FORMAT = 1

_LISTS = ("agenda", "speakers", "interpretation")  # of a session


def freeze(definition: Definition) -> str:
    """One line of JSON without white space, keys sorted. Two definitions are equal if and only if these are,
    so a hash of it is a fingerprint of what was checked."""
    return json.dumps(
        {"format": FORMAT, **_values(definition)}, ensure_ascii=False, sort_keys=True, separators=(",", ":")
    )


def thaw(text: str) -> Definition:
    """The definition that :func:`freeze` wrote. DatabaseError for anything else."""
    try:
        values = json.loads(text)
        found = values["format"]
        if found == FORMAT:
            return _definition(values)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatabaseError(
            f"The definition kept with a campaign cannot be read ({type(error).__name__}: {error}).",
            "The database was changed by hand or is damaged: restore its last backup.",
        ) from None
    raise DatabaseError(
        f"The definition kept with a campaign has format {found}, this version of Outreach reads {FORMAT}.",
        "Use the version of Outreach that launched the campaign, or a newer one.",
    )


def places(text: str) -> int | None:
    """Of the definition that :func:`freeze` wrote, how many places its session has; the rest is not read."""
    found: int | None = json.loads(text).get("places")
    return found


def _values(definition: Definition) -> dict[str, Any]:
    session = definition.session
    return {
        "slug": definition.slug,
        "title": definition.title,
        "purpose": definition.purpose,
        "templates": definition.templates,
        "steps": [
            {
                "name": step.name,
                "after": [step.after.count, step.after.unit.value] if step.after else None,
                "only_if": step.only_if.value,
            }
            for step in definition.steps
        ],
        "kinds": sorted(definition.audience.kinds),
        "per_municipality": definition.audience.per_municipality.value,
        "prefer": [office.value for office in definition.audience.prefer],
        "shared": definition.audience.shared.value,
        "gone": definition.audience.gone,
        "window": {
            "days": list(definition.window.days),
            "opens": definition.window.opens,
            "closes": definition.window.closes,
            "skip_holidays": definition.window.skip_holidays,
            "spread": definition.window.spread,
        },
        "links": dict(definition.links),
        "not_after": _iso(definition.not_after),
        "deadline": _iso(definition.deadline),
        "bilingual": definition.bilingual,
        "session": session
        and {
            "title": session.title,
            "start": session.start.astimezone(UTC).isoformat(),
            "end": session.end.astimezone(UTC).isoformat(),
            "time_zone": session.time_zone,
            "place": session.place,
            "online": session.online,
            "details": session.details,
            "room": session.room,
            **{name: list(getattr(session, name)) for name in _LISTS},
        },
        "session_steps": [
            {
                "name": step.name,
                "side": step.side.value,
                "delay": [step.delay.count, step.delay.unit.value],
                "only_if": step.only_if.value,
            }
            for step in definition.session_steps
        ],
        "places": definition.places,
        "changes": definition.changes,
        "calendar": definition.calendar,
        "session_words": {
            language: {
                "title": words.title,
                "place": words.place,
                "details": words.details,
                "room": words.room,
                "agenda": list(words.agenda),
            }
            for language, words in definition.session_words.items()
        },
        "experiment": _experiment_values(definition.experiment),
        "countries": {code: _values(own) for code, own in definition.countries.items()},
    }


def _definition(values: Mapping[str, Any]) -> Definition:
    window = values["window"]
    return Definition(
        slug=values["slug"],
        title=values["title"],
        purpose=values["purpose"],
        templates=values["templates"],
        steps=tuple(
            Step(step["name"], _delay(step["after"]), Condition(step["only_if"])) for step in values["steps"]
        ),
        audience=AudienceRules(
            frozenset(ContactKind(kind) for kind in values["kinds"]),
            PerMunicipality(values["per_municipality"]),
            tuple(Office(office) for office in values.get("prefer", ())),
            SharedAddress(values.get("shared", SharedAddress.FIRST)),
            values.get("gone", True),  # so it was, before a definition said it
        ),
        window=Window(
            tuple(window["days"]),
            window["opens"],
            window["closes"],
            window["skip_holidays"],
            window.get("spread", False),  # not in what was frozen before there was a choice
        ),
        links=MappingProxyType(dict(values["links"])),
        not_after=_day(values["not_after"]),
        deadline=_day(values["deadline"]),
        bilingual=values.get("bilingual", False),
        session=_session(values["session"]),
        # Not in what was frozen before there were such mails.
        session_steps=tuple(map(_session_step, values.get("session_steps", ()))),
        places=values.get("places"),
        changes=values.get("changes", 0),
        calendar=values["calendar"],
        session_words=MappingProxyType(
            {
                language: SessionWords(**{**words, "agenda": tuple(words.get("agenda", ()))})
                for language, words in values["session_words"].items()
            }
        ),
        experiment=_experiment(values.get("experiment")),
        countries=MappingProxyType({code: _definition(own) for code, own in values["countries"].items()}),
    )


def _experiment_values(experiment: Experiment | None) -> dict[str, Any] | None:
    if experiment is None:
        return None
    return {
        "step": experiment.step,
        "subjects": dict(experiment.subjects),
        "windows": [list(window) for window in experiment.windows],
        "seed": experiment.seed,
    }


def _experiment(values: Mapping[str, Any] | None) -> Experiment | None:
    if values is None:
        return None
    return Experiment(
        values["step"],
        MappingProxyType(dict(values["subjects"])),
        tuple((opens, closes) for opens, closes in values["windows"]),
        values["seed"],
    )


def _session(values: Mapping[str, Any] | None) -> Session | None:
    if values is None:
        return None
    tz = zone(values["time_zone"])
    times = {key: datetime.fromisoformat(values[key]).astimezone(tz) for key in ("start", "end")}
    lists = {name: tuple(values.get(name, ())) for name in _LISTS}
    return Session(**{**values, **times, **lists})


def _session_step(values: Mapping[str, Any]) -> SessionStep:
    count, unit = values["delay"]
    delay = Delay(count, DelayUnit(unit))
    return SessionStep(values["name"], Side(values["side"]), delay, Condition(values["only_if"]))


def _delay(values: tuple[int, str] | None) -> Delay | None:
    return Delay(values[0], DelayUnit(values[1])) if values else None


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
