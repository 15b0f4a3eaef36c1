"""Settings of a sender -> the logo its mails carry."""

from __future__ import annotations

from outreach.delivery import pictures
from outreach.errors import InputError, SettingsError
from outreach.model.values import Picture
from outreach.settings import FILE_NAME, Workspace


def logo(workspace: Workspace, name: str) -> Picture | None:
    """The logo of the sender ``name``; ``None`` when it has none.

    Raises :class:`~outreach.errors.SettingsError` naming the file for one that is not there or that mail programs
    could not show.
    """
    sender = workspace.settings.sender(name)
    if sender.logo is None:
        return None
    file = workspace.file(sender.logo)
    setting = f"senders.{name}.logo"
    try:
        data = file.read_bytes()
    except OSError as error:
        raise SettingsError(
            f"The logo {file} ({setting}) cannot be read: {error.strerror}.",
            f"Correct the path in {FILE_NAME}, which is taken from the workspace, and the permissions.",
        ) from error
    try:
        return pictures.read(data, sender.address.rpartition("@")[2])
    except InputError as error:
        raise SettingsError(f"The logo {file} ({setting}) {error.message}", error.remedy) from error
