"""The workspace the demo plays in: a folder made anew, a member for each country, a session in some weeks."""

from __future__ import annotations

import json
import re
import secrets
import tomllib
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib.resources import files
from pathlib import Path

from outreach import settings
from outreach.db.upgrade import upgrade
from outreach.jobs import made_up
from outreach.jobs.workspace import create
from outreach.settings import FILE_NAME, Workspace


@cache
def members() -> Mapping[str, Mapping[str, str]]:
    """``members.toml``: the association of each country."""
    return tomllib.loads((files("outreach.demo") / "members.toml").read_text(encoding="utf-8"))


def first_day(present: datetime) -> datetime:
    """The Tuesday, at nine (UTC), that is two to three weeks before ``present``.

    The story ends on the second Monday after it, and the last call that would follow is still to come.
    """
    day = present.astimezone(UTC).date() - timedelta(days=14)
    day -= timedelta(days=(day.weekday() - 1) % 7)
    return datetime(day.year, day.month, day.day, 9, tzinfo=UTC)


def build(folder: Path, host: str, smtp_port: int, imap_port: int, present: datetime) -> Workspace:
    """A new workspace in ``folder``, with a sender for each country whose mailbox is on these servers.

    Raises :class:`~outreach.errors.RefusedError` for a folder that holds anything but an old demo, and where
    the environment would put other settings over the demo's.
    """
    made_up.clear(folder, "demo", "--dir")
    create(folder)
    lines = [
        "# Made by `outreach demo`. The mail servers named here lived only while it ran.",
        'database = "sqlite:///outreach.db"',
    ]
    for country, member in members().items():
        name = country.lower()
        lines += ["", f"[senders.{name}]"]
        lines += [
            f"{key} = {json.dumps(value, ensure_ascii=False)}"
            for key, value in (
                ("from", f'"{member["name"]}" <{member["mailbox"]}>'),
                ("controller", member["controller"]),
                ("postal_address", member["address"]),
                ("privacy_url", f"https://{member['mailbox'].rpartition('@')[2]}/privacy"),
                ("countries", [country]),
            )
        ]
        lines += ["", f"[senders.{name}.smtp]", *_server(host, smtp_port)]
        lines += [
            "",
            f"[senders.{name}.imap]",
            *_server(host, imap_port),
            f'username = "{member["mailbox"]}"',
        ]
        lines += ["", f"[senders.{name}.limits]", "connections = 2", "per_minute = 6000", "per_day = 100000"]
        secret = folder / "secrets" / f"senders__{name}__imap__password"
        secret.touch(mode=0o600)
        secret.write_text(secrets.token_urlsafe(18), encoding="ascii")
    (folder / FILE_NAME).write_text("\n".join(lines) + "\n", encoding="utf-8")
    _set_session(folder / "campaigns" / "information-session.toml", (present + timedelta(days=35)).date())
    workspace = settings.load(folder)
    upgrade(workspace.database_url)
    return workspace


def password(workspace: Workspace, country: str) -> str:
    """Of the mailbox of the country's member."""
    imap = workspace.settings.sender(country.lower()).imap
    assert imap is not None
    assert imap.password is not None
    return imap.password.get_secret_value()


def contact_list(workspace: Workspace, country: str) -> Path:
    """The sample list of a country."""
    (found,) = (
        path
        for path in (workspace.root / "contacts" / country).iterdir()
        if not path.name.startswith(".") and ".rejected" not in path.suffixes
    )
    return found


def _server(host: str, port: int) -> list[str]:
    return [f'host = "{host}"', f"port = {port}", 'security = "plain"']


def _set_session(path: Path, after: date) -> None:
    """Belgium's session on the first Thursday from ``after`` on, Finland's on the Tuesday that follows."""
    thursday = after + timedelta(days=(3 - after.weekday()) % 7)
    text = path.read_text(encoding="utf-8")
    for key, hour in (("start", 10), ("end", 12)):
        text, found = re.subn(
            rf"^{key} = [0-9T:-]+", f"{key} = {thursday}T{hour}:00:00", text, count=1, flags=re.MULTILINE
        )
        assert found, f"{path} gives the session's {key}"
    tuesday = thursday + timedelta(days=5)
    text += (
        f"\n[countries.FI.session]\nstart = {tuesday}T13:00:00\nend = {tuesday}T15:00:00\n"
        'time_zone = "Europe/Helsinki"\nplace = "Kuntatalo, Mallikatu 3, Helsinki"\n'
        'online = "https://meet.example/suomi"\n'
    )
    path.write_text(text, encoding="utf-8")
