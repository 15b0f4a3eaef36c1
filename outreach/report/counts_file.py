"""The file in which a member hands its counts over: canonical JSON (RFC 8785), signed with Ed25519 (RFC 8032).

.. code-block:: json

    {"content": {"schema": "outreach-counts", "version": 1, ...}, "key": "<base64>", "signature": "<base64>"}

Signed are the bytes of ``content`` in canonical form, so that a file may be written anew with other spaces. It holds
whole numbers and text only: for these, what Python writes with sorted keys is what RFC 8785 asks for.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from outreach.errors import InputError
from outreach.model.countries import COUNTRIES
from outreach.report.document import Cut, Line
from outreach.report.federation import CUTS, Contribution, Share
from outreach.report.measures import Counts

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SCHEMA = "outreach-counts"
#: Grows when a reader of the one before would misread a file.
VERSION = 1

#: Fields of a line, in the order of the funnel; those of ``_ALWAYS`` are never missing.
_ALWAYS = ("invited", "reached", "answered", "registered", "declined")
_FIELDS = ("listed", "reachable", *_ALWAYS, "attended", "unsubscribed", "started", "finished")
#: Each is at most the one after it, where both are there.
_NESTED = ("registered", "answered", "reached", "invited", "reachable", "listed")
_MOST = 10**9


@dataclass(frozen=True, slots=True)
class Trusted:
    """A member whose files are taken: its public key, and the countries it speaks for."""

    name: str
    key: bytes  # 32 raw bytes
    countries: frozenset[str]


def content(
    shares: Iterable[Share], *, base: int, organisations: Iterable[str], made_at: datetime
) -> dict[str, Any]:
    """What is signed. ``shares`` are protected already."""
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "made_at": made_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "organisations": sorted(set(organisations)),
        "unit": "municipality",
        "base": base,
        "shares": [
            {
                "campaign": share.campaign,
                "country": share.country,
                "whole": _counts(share.whole),
                "cuts": {
                    cut.value: [{"key": line.key, "counts": _counts(line.counts)} for line in lines]
                    for cut, lines in share.cuts.items()
                },
                "answered_by_day": [list(point) for point in share.curve],
            }
            for share in shares
        ],
    }


def _counts(counts: Counts) -> dict[str, int]:
    found = {name: getattr(counts, name) for name in _FIELDS}
    return {name: value for name, value in found.items() if value is not None}


def canonical(value: object) -> bytes:
    """As RFC 8785 writes it, of text and whole numbers."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def signed(value: Mapping[str, Any], private: Ed25519PrivateKey) -> bytes:
    """The file's bytes; ends with a line break."""
    envelope = {
        "content": value,
        "key": encode_key(private.public_key().public_bytes_raw()),
        "signature": base64.b64encode(private.sign(canonical(value))).decode("ascii"),
    }
    return canonical(envelope) + b"\n"


def encode_key(key: bytes) -> str:
    """A public key as text."""
    return base64.b64encode(key).decode("ascii")


def decode_key(text: str) -> bytes:
    """Raises ``ValueError`` for what is no public key of Ed25519."""
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != 32:
        raise ValueError("it is no public key; paste what `outreach report key` printed there")
    return key


def fingerprint(key: bytes) -> str:
    """The first 128 bits of its SHA-256, to be read out on the telephone: eight groups of four."""
    digest = hashlib.sha256(key).hexdigest()[:32]
    return " ".join(digest[at : at + 4] for at in range(0, 32, 4))


def read(data: bytes, name: str, members: Iterable[Trusted]) -> Contribution:
    """A file that was handed over, its signature checked against the key of one of ``members``.

    ``name`` is what errors call the file. Raises ``InputError`` for a key nobody has, a file that was changed, another
    version of the schema, countries that are not the member's, and figures that cannot be.
    """
    envelope = _json(data, name)
    if not isinstance(envelope, dict) or not isinstance(envelope.get("content"), dict):
        raise _no_file(name)
    inside = envelope["content"]
    if inside.get("schema") != SCHEMA:
        raise _no_file(name)
    if "signature" not in envelope:
        raise InputError(f"{name} is not signed.", "Ask for one made with `outreach report export --signed`.")
    member = _signer(envelope, name, members)
    _check_version(inside.get("version"), name, member.name)
    try:
        found = _contribution(inside, member.name)
    except (KeyError, TypeError, ValueError) as error:
        what = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
        raise InputError(
            f"{name} is signed by {member.name}, but is not what such a file has to be: {what}.",
            "Ask for a new one; if it is the same again, report it as a fault of Outreach.",
        ) from None
    if strangers := sorted(found.countries - member.countries):
        raise InputError(
            f"{name} has figures of {', '.join(strangers)}, and {member.name} speaks for"
            f" {', '.join(sorted(member.countries))}.",
            f"If it may, add the country to [members.{member.name}] in outreach.toml.",
        )
    return found


def _json(data: bytes, name: str) -> Any:
    try:
        return json.loads(data.decode("utf-8-sig"), parse_float=_no_fraction, parse_constant=_no_fraction)
    except (ValueError, RecursionError):
        raise _no_file(name) from None


def _no_fraction(_text: str) -> None:
    raise ValueError("a fraction")


def _no_file(name: str) -> InputError:
    return InputError(
        f"{name} is no file of counts.",
        "`outreach report export --signed` makes them; save it as it was sent.",
    )


def _signer(envelope: Mapping[str, Any], name: str, members: Iterable[Trusted]) -> Trusted:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = decode_key(str(envelope.get("key")))
    except ValueError:
        raise _no_file(name) from None
    member = next((one for one in members if one.key == key), None)
    if member is None:
        raise InputError(
            f"{name} is signed with a key that nobody here is known by: {fingerprint(key)}.",
            "Compare these digits with the member by telephone, then add its section [members.NAME] to outreach.toml.",
        )
    try:
        signature = base64.b64decode(str(envelope["signature"]), validate=True)
        Ed25519PublicKey.from_public_bytes(key).verify(signature, canonical(envelope["content"]))
    except (InvalidSignature, ValueError):  # also what cannot be written as UTF-8
        raise InputError(
            f"{name} was changed after {member.name} signed it.",
            "Ask for it once more; do not edit such a file.",
        ) from None
    return member


def _check_version(version: object, name: str, member: str) -> None:
    if version == VERSION:
        return
    newer = isinstance(version, int) and version > VERSION
    raise InputError(
        f"{name} is of version {version} of the schema, and this Outreach reads version {VERSION}.",
        "Update Outreach here." if newer else f"Ask {member} to update Outreach and export again.",
    )


def _contribution(inside: Mapping[str, Any], member: str) -> Contribution:
    base = _whole(inside["base"])
    if base < 3:
        raise ValueError(f"its counts are rounded to multiples of {base}, and three is the least")
    if inside["unit"] != "municipality":
        raise ValueError(f"it counts {inside['unit']!r}, not municipalities")
    made_at = datetime.strptime(inside["made_at"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    shares = tuple(_share(one, base) for one in inside["shares"])
    seen = [(share.campaign, share.country) for share in shares]
    if len(set(seen)) < len(seen):
        raise ValueError("it has one campaign and country twice")
    return Contribution(member, made_at, base, shares)


def _share(one: Mapping[str, Any], base: int) -> Share:
    campaign, country = one["campaign"], one["country"]
    if not (campaign is None or (isinstance(campaign, str) and campaign.isprintable() and campaign)):
        raise ValueError(f"{campaign!r} is no campaign")
    if country not in COUNTRIES:
        raise ValueError(f"{country!r} is no country of the network")
    known = {cut.value: cut for cut in CUTS}
    cuts: dict[Cut, tuple[Line, ...]] = {
        known[name]: tuple(Line(_key(line["key"]), _line(line["counts"], base)) for line in lines)
        for name, lines in one["cuts"].items()
    }
    curve = tuple((_whole(day), _multiple(answered, base)) for day, answered in one["answered_by_day"])
    if list(curve) != sorted(curve) or any(day > 36_500 for day, _ in curve):
        raise ValueError("its curve of answers goes back")
    return Share(campaign, country, _line(one["whole"], base), cuts, curve)


def _key(key: object) -> str:
    if not isinstance(key, str) or not (key.isprintable() and len(key) <= 100):
        raise ValueError(f"{key!r} is no line")
    return key


def _line(found: Mapping[str, Any], base: int) -> Counts:
    if unknown := sorted(set(found) - set(_FIELDS)):
        raise ValueError(f"{unknown[0]!r} is no figure of a line")
    values = {name: _multiple(value, base) for name, value in found.items()}
    for name in _ALWAYS:
        if name not in values:
            raise KeyError(name)
    chain = [values[name] for name in _NESTED if name in values]
    if chain != sorted(chain) or values["registered"] + values["declined"] > values["answered"]:
        raise ValueError("more stand at a later stage of the funnel than before it")
    return replace(Counts(unsubscribed=None), **values)


def _multiple(value: object, base: int) -> int:
    number = _whole(value)
    if number % base:
        raise ValueError(f"{number} is no multiple of {base}")
    return number


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _MOST:
        raise ValueError(f"{value!r} is no count")
    return value
