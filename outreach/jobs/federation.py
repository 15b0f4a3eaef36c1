"""Counts handed over to whoever coordinates: a signed file is made; files of members are joined with the own report."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from outreach.errors import InputError, RefusedError, SettingsError
from outreach.jobs.workspace import open_bytes
from outreach.report import counts_file, disclosure
from outreach.report.counts_file import Trusted
from outreach.report.document import Report, Selection
from outreach.report.federation import Contribution, merge, protected, shares
from outreach.settings import FILE_NAME, Workspace

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

#: Of the private key, in ``secrets/``.
KEY_FILE = "report_key.pem"
_LARGEST = 20_000_000  # bytes: a member of 35,000 municipalities hands over some 50,000


def key_path(workspace: Workspace) -> Path:
    return workspace.root / "secrets" / KEY_FILE


def make_key(workspace: Workspace) -> bool:
    """Make the key that this workspace signs its counts with; ``False``: there is one already. For its owner's eyes
    only (mode 0600), and never half-written."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    path = key_path(workspace)
    if path.exists():
        return False
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        draft = path.with_suffix(".new")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(pem)
        draft.rename(path)
    except OSError as error:
        raise SettingsError(
            f"{path} cannot be written: {error.strerror}.", "Check the folder's permissions."
        ) from None
    return True


def read_key(workspace: Workspace) -> Ed25519PrivateKey:
    """Raises :class:`~outreach.errors.SettingsError` for a key that is not there, is none, or is open to others."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    path = key_path(workspace)
    try:
        if path.stat().st_mode & 0o077:
            raise SettingsError(f"{path} can be read by others than its owner.", f"Type: chmod 600 {path}")
        key = load_pem_private_key(path.read_bytes(), password=None)
    except FileNotFoundError:
        raise RefusedError(
            f"There is no key to sign with: {path} is not there.", "`outreach report key` makes one."
        ) from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.", "Check its permissions.") from None
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise SettingsError(
            f"{path} is no private key of Ed25519.",
            "Restore it from a backup; or move it away and make a new one.",
        )
    return key


def public_key(workspace: Workspace) -> bytes:
    """The half to hand over; 32 raw bytes."""
    return read_key(workspace).public_key().public_bytes_raw()


def content(workspace: Workspace, report: Report, now: datetime) -> dict[str, Any]:
    """What is handed over of a report: counts only, each protected (``report.disclosure``).

    Raises :class:`~outreach.errors.RefusedError` when nothing was launched.
    """
    found = shares(report)
    if not found:
        raise RefusedError("There is nothing to hand over: no campaign was launched.", "Launch one first.")
    return counts_file.content(
        [protected(share, _offset(workspace, share.country)) for share in found],
        base=disclosure.BASE,
        organisations=[
            sender.controller
            for sender in workspace.settings.senders.values()
            if {share.country for share in found}.intersection(sender.countries)
        ],
        made_at=now,
    )


def rounded(workspace: Workspace, report: Report) -> Report:
    """A report as a coordinator may have it by mail: what would be handed over, country by country."""
    parts = [protected(share, _offset(workspace, share.country)) for share in shares(report)]
    own = Contribution("Outreach", report.made_at, disclosure.BASE, tuple(parts))
    return merge(None, [own], made_at=report.made_at, selection=report.selection)


def _offset(workspace: Workspace, country: str) -> int:
    digest = hmac.new(workspace.key, f"report.disclosure {country}".encode(), hashlib.sha256).digest()
    return int.from_bytes(digest) % disclosure.BASE


def sign(workspace: Workspace, content: dict[str, Any]) -> bytes:
    """The file to hand over."""
    return counts_file.signed(content, read_key(workspace))


def members(workspace: Workspace) -> list[Trusted]:
    """Whose files are taken: the sections ``[members.NAME]``."""
    return [
        Trusted(name, counts_file.decode_key(member.key), frozenset(member.countries))
        for name, member in workspace.settings.members.items()
    ]


def join(
    workspace: Workspace, own: Report | None, files: Sequence[Path], selection: Selection, now: datetime
) -> Report:
    """``own`` and the files of members as one report.

    Raises ``InputError`` for a file that cannot be taken, and for what would count twice; ``SettingsError`` when no
    member is known.
    """
    trusted = members(workspace)
    if not trusted:
        raise SettingsError(
            f"No member is known: {FILE_NAME} has no section [members.NAME].",
            "Each member's `outreach report key` prints the one to add.",
        )
    taken: list[tuple[Path, Contribution]] = []
    for path in files:
        one = counts_file.read(_bytes(path), str(path), trusted)
        for before, other in taken:
            if other.member == one.member:
                newer, older = (path, before) if one.made_at > other.made_at else (before, path)
                raise InputError(
                    f"{before} and {path} are both from {one.member}: it would count twice.",
                    f"Leave {older} out; {newer} is the newer one."
                    if one.made_at != other.made_at
                    else "Leave one out.",
                )
        taken.append((path, one))
    return merge(own, [one for _, one in taken], made_at=now, selection=selection)


def _bytes(path: Path) -> bytes:
    with open_bytes(path) as file:
        data = file.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise InputError(
            f"{path} is no file of counts: it has more than {_LARGEST:,} bytes.", "Name another file."
        )
    return data
