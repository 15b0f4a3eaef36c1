"""How much a sender may send, and when its campaigns pause by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, Final

from pydantic import Field, field_validator, model_validator

from outreach.settings.servers import Section

#: What providers state, as of 2026; where they state nothing, what has done no harm. Microsoft: "Exchange Online
#: limits", sending limits and SMTP client submission (learn.microsoft.com). Google: "Gmail sending limits in
#: Google Workspace" (support.google.com). Postfix: its own ``default_destination_concurrency_limit`` is 20, and
#: it queues what receivers put off.
PRESETS: Final[Mapping[str, Mapping[str, int]]] = MappingProxyType(
    {
        "microsoft-365": {"connections": 3, "per_minute": 30, "per_day": 10_000},
        "google-workspace": {"connections": 3, "per_minute": 60, "per_day": 2_000},
        "postfix": {
            "connections": 10,
            "per_minute": 600,
            "per_day": 100_000,
            "per_domain_per_minute": 60,
        },
    }
)


class Limits(Section):
    """What the sender's mail server allows. They hold over all runs, machines and restarts together; whatever
    is tried counts, also what is refused. A mail has one recipient."""

    preset: str | None = Field(
        default=None,
        description="`microsoft-365`, `google-workspace` or `postfix`: the figures of that provider, for every "
        "limit that is not given here.",
    )
    connections: int = Field(default=3, ge=1, le=50, description="Connections at the same time.")
    per_minute: int = Field(default=30, ge=1, description="Mails in any minute.")
    per_hour: int | None = Field(
        default=None, ge=1, description="Mails in any hour; left out, what the others allow."
    )
    per_day: int = Field(default=10_000, ge=1, description="Mails, and so recipients, in any 24 hours.")
    per_domain_per_minute: int | None = Field(
        default=None, ge=1, description="Mails to addresses of one domain in any minute."
    )
    per_domain_per_hour: int | None = Field(
        default=None, ge=1, description="Mails to addresses of one domain in any hour."
    )
    warm_up_per_day: int | None = Field(
        default=None,
        ge=1,
        description="For a mailbox or domain that has not sent much yet: mails on its first day. Each day may "
        "bring `warm_up_growth` times the best day of the 30 before it, until `per_day` is reached.",
    )
    warm_up_growth: float = Field(
        default=1.5, gt=1, le=10, description="How fast a warm-up grows from one day of sending to the next."
    )
    attempts: int = Field(default=6, ge=1, le=50, description="Tries after which a deferred mail has failed.")

    @model_validator(mode="before")
    @classmethod
    def _of_the_preset(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        name = values.get("preset")
        return {**PRESETS.get(name, {}), **values} if isinstance(name, str) else values

    @field_validator("preset")
    @classmethod
    def _is_a_preset(cls, value: str | None) -> str | None:
        if value is not None and value not in PRESETS:
            close = get_close_matches(value.lower(), PRESETS, n=1, cutoff=0.4)
            meant = f"did you mean {close[0]!r}? " if close else ""
            raise ValueError(f"{value!r} is no preset; {meant}there are {', '.join(PRESETS)}")
        return value

    @property
    def windows(self) -> dict[int, int]:
        """Length of a sliding window in seconds -> how many mails may go in it."""
        windows = {60: self.per_minute, 86_400: self.per_day}
        if self.per_hour is not None:
            windows[3_600] = self.per_hour
        return windows

    @property
    def domain_windows(self) -> dict[int, int]:
        """The same for the mails to one domain; empty when there is no such limit."""
        windows = {60: self.per_domain_per_minute, 3_600: self.per_domain_per_hour}
        return {seconds: limit for seconds, limit in windows.items() if limit is not None}


class Guardrails(Section):
    """What makes a campaign pause by itself, until a person has looked and resumes it. 0 takes a rail away."""

    bounce_percent: float = Field(
        default=5, ge=0, le=100, description="Pause when so many of 100 mails bounced for good."
    )
    complaint_percent: float = Field(
        default=0.1, ge=0, le=100, description="Pause when so many of 100 mails were called spam."
    )
    sample: int = Field(
        default=100,
        ge=1,
        description="Mails after which a percentage counts; before, only twice as many cases as would do then.",
    )
    errors_in_a_row: int = Field(
        default=25,
        ge=0,
        description="Pause when so many mails in a row were refused or put off by the server.",
    )
