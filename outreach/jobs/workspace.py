"""The files of a workspace, read for the parts that only compute; and a new workspace."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

import outreach
from outreach.campaign import spec
from outreach.campaign.definition import Definition
from outreach.content.catalog import Catalog
from outreach.errors import InputError, RefusedError
from outreach.settings import FILE_NAME, Workspace

_TEXTS = (".md", ".toml", ".j2", ".css")


def starter() -> Path:
    """The campaigns, templates and sample lists that come with Outreach.

    In an installed package they lie inside it; in a checkout they are the folders beside it.
    """
    package = Path(outreach.__file__).parent
    inside = package / "_starter"
    return inside if inside.is_dir() else package.parent


def read_text(path: Path) -> str:
    """A UTF-8 file. Raises :class:`~outreach.errors.InputError` with a sentence."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"There is no file {path}.", "Check its name and the folder you are in.") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder, not a file.", "Name a file in it.") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is not written in UTF-8.", "Save it as UTF-8 and try again.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", "Check its permissions.") from None


def read_bytes(path: Path) -> bytes:
    """Any file. Raises :class:`~outreach.errors.InputError` with a sentence."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"There is no file {path}.", "Check its name and the folder you are in.") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder, not a file.", "Name a file in it.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", "Check its permissions.") from None


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file. Raises :class:`~outreach.errors.InputError` with a sentence."""
    try:
        path.write_bytes(data)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}.", "Name another file.") from None


def open_bytes(path: Path) -> BufferedReader:
    """A file to be read in pieces, closed by the caller. Raises :class:`~outreach.errors.InputError` with a
    sentence, also for what is no plain file: a device or a pipe might never end, and cannot be read twice."""
    try:
        if path.exists() and not path.is_dir() and not path.is_file():
            raise InputError(
                f"{path} is no plain file, but a device or a pipe.", "Save the list to a file and name that."
            )
        return path.open("rb")
    except FileNotFoundError:
        raise InputError(f"There is no file {path}.", "Check its name and the folder you are in.") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder, not a file.", "Name a file in it.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", "Check its permissions.") from None
    except ValueError:
        raise InputError(f"{str(path)!r} is no name of a file.", "Check it.") from None


def make_folder(folder: Path) -> None:
    """Make sure that there is a folder. Raises :class:`~outreach.errors.InputError` with a sentence."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise InputError(
            f"{folder} cannot be a folder: there is a file of that name.", "Name another one."
        ) from None
    except OSError as error:
        raise InputError(f"{folder} cannot be made: {error.strerror}.", "Name another folder.") from None


def slugs(workspace: Workspace) -> list[str]:
    """The campaign definitions of the workspace, by name."""
    return sorted(path.stem for path in (workspace.root / "campaigns").glob("*.toml"))


def definition(workspace: Workspace, slug: str) -> Definition:
    """``campaigns/<slug>.toml``, for all countries. Raises ``InputError`` for a fault in it or none there."""
    path = workspace.root / "campaigns" / f"{slug}.toml"
    if not path.is_file():
        known = slugs(workspace)
        raise InputError(
            f"There is no campaign definition {path}.",
            f"There are: {', '.join(known)}." if known else "`outreach init DIR` brings some.",
        )
    return spec.load(read_text(path), file=str(path))


def catalog(workspace: Workspace) -> Catalog:
    """The templates: those that come with Outreach, each replaced by the workspace's own where it has one."""
    texts = dict(_texts(starter() / "templates"))
    texts.update(_texts(workspace.root / "templates"))
    return Catalog(texts)


def _texts(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.rglob("*")):
        if path.suffix in _TEXTS and path.is_file():
            yield path.relative_to(folder).as_posix(), read_text(path)


def create(folder: Path) -> list[str]:
    """Make a new workspace in ``folder``; returns what was made, for telling.

    Raises :class:`~outreach.errors.RefusedError` when there is one already: nothing is overwritten.
    """
    if (folder / FILE_NAME).exists():
        raise RefusedError(f"{folder} is a workspace already: it has a {FILE_NAME}.", "Nothing was changed.")
    make_folder(folder)
    made = []
    for name in ("campaigns", "templates", "contacts", "forms"):
        if not (folder / name).exists():
            shutil.copytree(
                starter() / name, folder / name, ignore=shutil.ignore_patterns(".*", "*.rejected.csv")
            )
            made.append(f"{name}/")
    (folder / "secrets").mkdir(mode=0o700, exist_ok=True)
    key = folder / "secrets" / "key"
    if not key.exists():
        key.touch(mode=0o600)
        key.write_text(secrets.token_urlsafe(48), encoding="ascii")
        made.append("secrets/key")
    ignored = folder / ".gitignore"
    if not ignored.exists():
        ignored.write_text(
            "# Personal data and passwords\n/secrets/\n/.outreach/\noutreach.db*\n*.rejected*.csv\n"
        )
    (folder / FILE_NAME).write_text(_FIRST_SETTINGS, encoding="utf-8")
    made.append(FILE_NAME)
    return made


_FIRST_SETTINGS = """\
# The settings of this workspace. Everything here can also come from the environment
# (OUTREACH_SENDERS__MINE__SMTP__PASSWORD) or from a file in secrets/ (senders__mine__smtp__password):
# passwords belong there, not here.

database = "sqlite:///outreach.db"

# A sender is a mailbox that invitations go out from and that answers come back to. One section each.
#
# [senders.mine]
# from = "Association of Municipalities <digital@association.example>"
# reply_to = "digital@association.example"
# controller = "Association of Municipalities of Exampleland"    # legal name, told in every mail (GDPR)
# postal_address = "1 Market Square, 1000 Exampletown"
# privacy_url = "https://association.example/privacy"
# countries = ["BE"]
#
# [senders.mine.smtp]
# host = "smtp.association.example"
# security = "starttls"        # starttls (port 587), tls (port 465), or plain for this machine only
# username = "digital@association.example"
#
# [senders.mine.imap]
# host = "imap.association.example"
# security = "tls"             # tls (port 993), starttls, or plain for this machine only
# username = "digital@association.example"
#
# [senders.mine.oauth]         # instead of passwords, for Microsoft 365 and Google; client_secret and
# tenant = "association.example"  # refresh_token belong into secrets/ (senders__mine__oauth__refresh_token)
# client_id = "00000000-0000-0000-0000-000000000000"
#
# [senders.mine.dkim]          # only when your mail server does not sign mails itself
# selector = "outreach"        # its public half stands in the DNS at outreach._domainkey.association.example
# key_file = "keys/dkim.pem"   # from the workspace; for the eyes of nobody else
#
# [senders.mine.limits]        # what your mail provider allows, over all runs together
# preset = "microsoft-365"     # or "google-workspace", or "postfix" for a server of your own
# per_day = 5000               # a value of your own counts more than the preset
#
# [digest]                     # a report by mail every week, to each sender in its language; or every = "month"
# coordinators = ["coordination@association.example"]   # and one of all countries, in multiples of five
#
# [guardrails]                 # when a campaign pauses by itself
# bounce_percent = 5
# complaint_percent = 0.1
"""
