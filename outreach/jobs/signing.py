"""Settings of a sender -> the signer of its mails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outreach.errors import InputError, SettingsError
from outreach.settings import FILE_NAME, Workspace
from outreach.settings.servers import DkimKey

if TYPE_CHECKING:
    from outreach.delivery.dkim import Key, Signer


def signer(workspace: Workspace, name: str) -> Signer | None:
    """The DKIM signer of the sender ``name``; ``None`` when its mails are not signed here.

    Raises :class:`~outreach.errors.SettingsError` naming the setting and the file for a key that is not
    there or is none.
    """
    sender = workspace.settings.sender(name)
    settings = sender.dkim
    if settings is None:
        return None
    from outreach.delivery.dkim import Signer

    place = f"senders.{name}.dkim"
    keys = [_key(workspace, place, settings)]
    if settings.second is not None:
        keys.append(_key(workspace, f"{place}.second", settings.second))
    domain = settings.domain or sender.address.rpartition("@")[2]
    try:
        return Signer(domain, keys, leave_out=settings.leave_out)
    except SettingsError as error:
        raise SettingsError(f"{place}: {error.message}", error.remedy) from error
    except InputError as error:
        raise SettingsError(
            f"{place}.domain: {error.message}", f"Correct {place}.domain in {FILE_NAME}."
        ) from error


def _key(workspace: Workspace, place: str, settings: DkimKey) -> Key:
    from outreach.delivery.dkim import read_key

    if settings.key is not None:
        return read_key(settings.selector, settings.key.get_secret_value().encode(), f"{place}.key")
    assert settings.key_file is not None
    file = workspace.file(settings.key_file)
    try:
        pem = file.read_bytes()
    except OSError as error:
        raise SettingsError(
            f"The DKIM key {file} ({place}.key_file) cannot be read: {error.strerror}.",
            "Correct the path, which is taken from the workspace, and the permissions; or make the key: "
            f"openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out {file}",
        ) from error
    return read_key(settings.selector, pem, f"{file} ({place}.key_file)")
