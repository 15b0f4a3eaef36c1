"""Limits by a preset's name, and what is said about a wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest

from outreach import settings
from outreach.errors import SettingsError
from outreach.settings.limits import PRESETS, Limits
from tests import workspaces


def load(folder: Path, limits: str) -> settings.Workspace:
    smtp = {"host": "127.0.0.1", "security": "plain"}
    text = f'key = "{"k" * 40}"\n' + workspaces.sender("be", "be@towns.example", ["BE"], smtp)
    (folder / "outreach.toml").write_text(text.replace("countries =", f"limits = {limits}\ncountries ="))
    return settings.load(folder)


def test_a_preset_and_values_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = load(tmp_path, '{ preset = "google-workspace", per_day = 500 }').settings.senders["be"].limits
    assert (limits.connections, limits.per_minute, limits.per_day) == (3, 60, 500)
    monkeypatch.setenv("OUTREACH_SENDERS__BE__LIMITS__PER_MINUTE", "7")
    limits = load(tmp_path, '{ preset = "postfix" }').settings.senders["be"].limits
    assert (limits.connections, limits.per_minute, limits.per_domain_per_minute) == (10, 7, 60)


def test_microsofts_are_what_the_provider_states() -> None:
    limits = Limits(preset="microsoft-365")
    assert (limits.connections, limits.windows) == (3, {60: 30, 86_400: 10_000})


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_holds_valid_limits(name: str) -> None:
    given = Limits(preset=name).model_dump()
    assert given | PRESETS[name] == given


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (
            '{ preset = "microsoft365" }',
            "'microsoft365' is no preset; did you mean 'microsoft-365'? there are ",
        ),
        ('{ preset = "yahoo" }', "'yahoo' is no preset; there are microsoft-365, google-workspace, postfix"),
        ("{ preset = 3 }", "senders.be.limits.preset"),
        ("{ per_hour = 0 }", "senders.be.limits.per_hour"),
        ("{ warm_up_growth = 1 }", "senders.be.limits.warm_up_growth"),
        ('"postfix"', "senders.be.limits"),
    ],
)
def test_a_wrong_one_is_said(tmp_path: Path, limits: str, said: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load(tmp_path, limits)
    assert said in raised.value.message
    assert "outreach.toml" in raised.value.message


def test_guardrails_of_a_sender_take_the_place_of_the_general_ones(tmp_path: Path) -> None:
    load(tmp_path, "{}")
    with (tmp_path / "outreach.toml").open("a") as file:
        file.write("[guardrails]\nbounce_percent = 8\n[senders.be.guardrails]\nsample = 10\n")
    found = settings.load(tmp_path).settings
    assert (found.guardrails_of("be").bounce_percent, found.guardrails_of("be").sample) == (5, 10)
    assert found.guardrails_of("elsewhere").bounce_percent == 8
