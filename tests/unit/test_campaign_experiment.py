from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outreach.campaign import frozen, spec
from outreach.campaign.definition import Definition, Experiment, Window
from outreach.campaign.experiment import assign, clock
from outreach.errors import InputError

HEAD = 'title = "T"\npurpose = "P."\n[[steps]]\nname = "invitation"\n[[steps]]\nname = "reminder"\nafter = "7 days"\n'
SUBJECTS = '[experiment]\n[experiment.subject]\nde = "Wie  digital\\nsind Sie?"\nfr = "Et vous ?"\n'


def _load(text: str) -> Definition:
    return spec.load(HEAD + text, file="campaigns/trial.toml")


def test_a_second_subject_stands_for_the_first_step_unless_another_is_named() -> None:
    experiment = _load(SUBJECTS).experiment
    assert experiment is not None
    assert (experiment.step, experiment.windows, experiment.seed) == ("invitation", (), 0)
    assert experiment.subject_in("de") == "Wie digital sind Sie?"
    assert experiment.subject_in("fr+de") == "Et vous ? / Wie digital sind Sie?"
    assert experiment.subject_in("nl+fr") is None
    assert _load("").experiment is None


def test_two_times_of_day_are_windows_of_that_step_alone() -> None:
    definition = _load(
        '[experiment]\nstep = "reminder"\nsend_at = ["09:00-11:00", "14:00 to 16:30"]\nseed = 7\n'
    )
    experiment = definition.experiment
    assert experiment == Experiment("reminder", windows=((540, 660), (840, 990)), seed=7)
    assert definition.window_of("reminder", "b") == replace(Window(), opens=840, closes=990)
    for step, variant in (("invitation", "b"), ("reminder", None)):
        assert definition.window_of(step, variant) == definition.window
    assert clock((540, 660)) == "09:00 to 11:00"


def test_what_was_frozen_is_thawed_and_what_was_frozen_without_one_has_none() -> None:
    for text in (SUBJECTS, '[experiment]\nsend_at = ["09:00-11:00", "14:00-16:00"]\n', ""):
        definition = _load(text)
        assert frozen.thaw(frozen.freeze(definition)) == definition
    old = frozen.freeze(_load("")).replace('"experiment":null,', "")
    assert frozen.thaw(old).experiment is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[experiment]\n", "has to vary one thing"),
        (
            '[experiment]\nsend_at = ["09:00-11:00", "14:00-16:00"]\n[experiment.subject]\nde = "x"\n',
            "one thing",
        ),
        ('[experiment]\nstep = "nothing"\n[experiment.subject]\nde = "x"\n', "no step of the sequence"),
        ("[experiment]\n[experiment.subject]\n", "holds no line"),
        ('[experiment]\n[experiment.subject]\nGerman = "x"\n', "no language code|not a language code"),
        ('[experiment]\n[experiment.subject]\nde = ""\n', "de"),
        ('[experiment]\nsend_at = ["09:00-11:00"]\n', "two different times"),
        ('[experiment]\nsend_at = ["09:00-11:00", "09:00-11:00"]\n', "two different times"),
        ('[experiment]\nsend_at = ["11:00-09:00", "14:00-16:00"]\n', "11:00-09:00"),
        ('[experiment]\nsend_at = ["morning", "14:00-16:00"]\n', "morning"),
        ('[experiment]\nsubjects = "x"\n', "subjects"),
    ],
)
def test_a_wrong_table_is_told(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        _load(text)
    assert "campaigns/trial.toml" in caught.value.message
    assert caught.value.remedy


@given(
    st.lists(st.tuples(st.integers(1, 30), st.sampled_from("abcdefghijklmnop")), max_size=25),
    st.integers(0, 9),
)
@settings(max_examples=60)
def test_chance_is_fair_the_same_each_time_and_gives_nobody_both(
    mails: list[tuple[int, str]], seed: int
) -> None:
    experiment = Experiment("invitation", seed=seed)
    variants = assign(experiment, "trial-be", mails)
    assert variants.keys() == {id_ for id_, _ in mails}
    assert assign(experiment, "trial-be", reversed(mails)) == variants
    by_address: dict[str, set[str]] = {}
    for id_, address in mails:
        by_address.setdefault(address, set()).add(variants[id_])
    assert all(len(got) == 1 for got in by_address.values())


def test_of_many_half_get_each_and_another_seed_chooses_others() -> None:
    mails = [(id_, f"info@town{id_}.example") for id_ in range(1, 1002)]
    first = assign(Experiment("invitation"), "trial-be", mails)
    other = assign(Experiment("invitation", seed=1), "trial-be", mails)
    assert Counter(first.values()) == {"a": 501, "b": 500}
    same = sum(first[id_] == other[id_] for id_ in first)
    assert 400 < same < 600
