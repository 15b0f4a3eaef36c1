from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outreach.campaign.definition import (
    AudienceRules,
    Condition,
    Definition,
    Delay,
    DelayUnit,
    PerMunicipality,
    SessionWords,
    Step,
    Window,
)
from outreach.campaign.frozen import freeze, thaw
from outreach.campaign.schedule import zone
from outreach.errors import DatabaseError
from outreach.model.states import ContactKind
from outreach.model.values import Session

_texts = st.text(max_size=20)
_maybe = st.none() | _texts


@st.composite
def _sessions(draw: Any) -> Session:
    name = draw(st.sampled_from(["Europe/Brussels", "Atlantic/Azores", "Asia/Nicosia"]))
    start = draw(st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
    end = start + timedelta(minutes=draw(st.integers(1, 600)))
    return Session(
        draw(_texts),
        start.astimezone(zone(name)),
        end.astimezone(zone(name)),
        name,
        draw(_maybe),
        draw(_maybe),
        draw(_maybe),
    )


_delays = st.builds(Delay, st.integers(1, 365), st.sampled_from(DelayUnit))
_steps = st.builds(Step, _texts, st.none() | _delays, st.sampled_from(Condition))
_own: dict[str, st.SearchStrategy[Any]] = {
    "slug": _texts,
    "title": _texts,
    "purpose": _texts,
    "templates": _texts,
    "steps": st.lists(_steps, min_size=1, max_size=3).map(tuple),
    "audience": st.builds(
        AudienceRules,
        st.sets(st.sampled_from(ContactKind), min_size=1).map(frozenset),
        st.sampled_from(PerMunicipality),
    ),
    "window": st.builds(
        Window,
        st.lists(st.integers(0, 6), unique=True).map(tuple),
        st.integers(0, 1439),
        st.integers(1, 1440),
        st.booleans(),
    ),
    "links": st.dictionaries(_texts, _texts, max_size=3),
    "not_after": st.none() | st.dates(),
    "deadline": st.none() | st.dates(),
    "session": st.none() | _sessions(),
    "calendar": st.booleans(),
    "session_words": st.dictionaries(_texts, st.builds(SessionWords, _maybe, _maybe, _maybe), max_size=2),
}
_definitions = st.builds(
    Definition, **_own, countries=st.dictionaries(_texts, st.builds(Definition, **_own), max_size=2)
)


@settings(max_examples=30)
@given(_definitions)
def test_what_is_thawed_is_what_was_frozen(definition: Definition) -> None:
    assert thaw(freeze(definition)) == definition
    assert freeze(thaw(freeze(definition))) == freeze(definition)


SMALL = Definition("try", "Try", "Because.", "try", (Step("invitation"),), links={"b": "1", "a": "2"})


def test_equal_definitions_freeze_to_the_same_text() -> None:
    other = Definition("try", "Try", "Because.", "try", (Step("invitation"),), links={"a": "2", "b": "1"})
    assert freeze(SMALL) == freeze(other)
    assert "\n" not in freeze(SMALL)


def test_another_definition_freezes_to_another_text() -> None:
    changed = Definition(
        "try", "Try", "Because.", "try", (Step("invitation"),), links=SMALL.links, deadline=date(2027, 1, 1)
    )
    assert freeze(SMALL) != freeze(changed)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1}', "null", '{"format": 1, "window": 3}'])
def test_a_damaged_copy_is_a_clear_error(text: str) -> None:
    with pytest.raises(DatabaseError, match="cannot be read"):
        thaw(text)


def test_a_copy_of_a_newer_version_is_a_clear_error() -> None:
    newer = json.dumps({**json.loads(freeze(SMALL)), "format": 99})
    with pytest.raises(DatabaseError, match="format 99"):
        thaw(newer)
