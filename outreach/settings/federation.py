"""Members that keep an installation of their own and hand their counts over (``[members.NAME]``)."""

from __future__ import annotations

import base64
import binascii

from pydantic import Field, field_validator

from outreach.settings.servers import Countries, Section


class Member(Section):
    """A member whose signed counts `outreach report merge` takes; its `outreach report key` prints this section."""

    key: str = Field(description="Its public key. Compare the fingerprint by telephone before you trust it.")
    countries: Countries = Field(
        min_length=1, description='Countries it speaks for, as `["GR"]`; figures of others are refused.'
    )

    @field_validator("key")
    @classmethod
    def _is_a_key(cls, value: str) -> str:
        try:
            length = len(base64.b64decode(value, validate=True))
        except (binascii.Error, ValueError):
            length = 0
        if length != 32:
            raise ValueError("it is no public key; paste what the member's `outreach report key` printed")
        return value
