"""Which column of a list of people is what: a form tool's, or one kept at a door."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from outreach.contacts import participants
from outreach.errors import InputError
from outreach.inbound import headers
from outreach.jobs.forms import common


def mapping(
    header: tuple[str, ...],
    wanted: Mapping[str, str],
    file: Path,
    fields: tuple[str, ...],
    needed: Mapping[str, str],
) -> dict[str, int]:
    """Field -> number of its column: by the titles, or as ``wanted`` (field -> title) says. One of the fields of
    ``needed`` has to be there; it says what people call them.

    Raises :class:`~outreach.errors.InputError` for a field or a title that is not there, and without one of those
    needed.
    """
    found: dict[str, int] = {}
    for index, title in enumerate(header):
        if (field := _field(title)) in fields:
            found.setdefault(field, index)
    folded = [title.strip().casefold() for title in header]
    for field, title in wanted.items():
        if field not in fields:
            raise InputError(f"A column cannot be mapped to {field!r}.", f"Fields are: {', '.join(fields)}.")
        if title.strip().casefold() not in folded:
            raise InputError(
                f"{file} has no column {title!r}.", f"Its columns are: {', '.join(filter(None, header))}."
            )
        found[field] = folded.index(title.strip().casefold())
    if not found.keys() & needed.keys():
        raise InputError(
            f"{file} has no column of {' or '.join(dict.fromkeys(needed.values()))} among: "
            f"{', '.join(filter(None, header))}.",
            "Name one with --map email=COLUMN or --map municipality=COLUMN.",
        )
    return found


def _field(title: str) -> str | None:
    from outreach.contacts.headers import Field, field_of

    if field_of(title, ()) is Field.CODE:
        return "code"
    return common(title) or ("minutes" if participants.field_of(title) == "duration" else None)


def values(cells: list[str], columns: Mapping[str, int]) -> dict[str, str]:
    """Field -> what the row says; ``name`` and ``email`` always, perhaps empty."""
    values = {field: cells[index].strip() for field, index in columns.items() if index < len(cells)}
    name = values.get("name") or " ".join(filter(None, (values.get("first_name"), values.get("last_name"))))
    email = next(headers.addresses(values.get("email", "")), "")
    return {**values, "name": name, "email": email}
