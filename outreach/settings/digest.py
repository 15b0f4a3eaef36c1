"""The report that goes out by mail every week or month (``[digest]``)."""

from __future__ import annotations

from email.utils import parseaddr
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator

from outreach.settings.servers import Section

Language = Literal[
    "bg", "cs", "da", "de", "el", "en", "es", "et", "fi", "fr", "ga", "hr",
    "hu", "it", "lt", "lv", "mt", "nl", "pl", "pt", "ro", "sk", "sl", "sv",
]  # fmt: skip


def _checked(value: tuple[str, ...]) -> tuple[str, ...]:
    for text in value:
        local, _, domain = parseaddr(text)[1].rpartition("@")
        if not local or "." not in domain:
            raise ValueError(f'{text!r} is no mail address; write "name@organisation.example"')
    return value


class Digest(Section):
    """A report by mail: what has changed, and what waits for a person. Left out, none goes."""

    every: Literal["week", "month"] = Field(
        default="week", description="How often it goes: `week` or `month`."
    )
    weekday: Literal["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"] = Field(
        default="Mon", description="The day of a weekly one."
    )
    day: int = Field(default=1, ge=1, le=28, description="The day of a monthly one.")
    hour: int = Field(default=7, ge=0, le=23, description="The hour, where its reader is.")
    members: bool = Field(
        default=True,
        description="Each sender gets one of its own countries; `[senders.NAME.digest]` says who.",
    )
    coordinators: tuple[str, ...] = Field(
        default=(),
        description="Addresses that get one of all countries: counts, multiples of five, and no address.",
    )
    language: Language = Field(default="en", description="Of the coordinators' one.")
    time_zone: str = Field(default="Europe/Brussels", description="Of the coordinators.")
    sender: str = Field(
        default="", description="Whose account sends the coordinators' one; left out, the first."
    )

    _addresses = field_validator("coordinators")(_checked)

    @field_validator("time_zone")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError(f'{value!r} is no time zone; write one as "Europe/Brussels"') from None
        return value


class SenderDigest(Section):
    """Who gets the sender's report by mail, where it is not the sender's own mailbox."""

    to: tuple[str, ...] | None = Field(
        default=None, description="Addresses; `[]`: nobody. Left out, the address of `from`."
    )
    language: Language | None = Field(
        default=None, description="Left out, the first language of the sender's first country."
    )

    @field_validator("to")
    @classmethod
    def _addresses(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return value if value is None else _checked(value)
