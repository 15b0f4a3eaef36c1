"""Compiled mails and strings, as the database keeps them from the launch on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from outreach.content.catalog import Answer, Strings
from outreach.content.compiled import Compiled
from outreach.model.values import Picture


def freeze(value: Compiled | Strings) -> dict[str, Any]:
    """Plain values for a JSON column."""
    return asdict(value)


def thaw_compiled(values: Mapping[str, Any]) -> Compiled:
    logo = Picture(**values["logo"]) if values.get("logo") else None
    return Compiled(**{**values, "placeholders": tuple(values["placeholders"]), "logo": logo})


def thaw_strings(values: Mapping[str, Any]) -> Strings:
    plain = {field.name: values.get(field.name, {}) for field in fields(Strings)}
    answers = {key: Answer(**one) for key, one in values["answers"].items()}
    second = thaw_strings(values["second"]) if values.get("second") else None
    return Strings(**{**plain, "answers": answers, "second": second})
