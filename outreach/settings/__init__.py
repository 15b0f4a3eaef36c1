"""``outreach.toml``, with the environment and secret files over it.

A value is looked for in the environment (``OUTREACH_SENDERS__BE__SMTP__PASSWORD``), then in a file of the
folder ``secrets/`` (``secrets/senders__be__smtp__password``), then in ``outreach.toml``. Whatever is wrong is
said with the key, the place it came from and the remedy, all at once.
"""

from __future__ import annotations

import os
import re
import tomllib
from email.utils import parseaddr
from pathlib import Path

from pydantic import (
    Field,
    SecretStr,
    ValidationError,
    field_validator,
)
from pydantic_settings import (
    BaseSettings,
    NestedSecretsSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from outreach.errors import SettingsError
from outreach.settings.access import Account
from outreach.settings.digest import Digest, SenderDigest
from outreach.settings.federation import Member
from outreach.settings.limits import Guardrails, Limits
from outreach.settings.servers import (
    Countries,
    Dkim,
    ImapSettings,
    InboxSettings,
    Oauth,
    Section,
    SmtpSettings,
)

FILE_NAME = "outreach.toml"
ENVIRONMENT_PREFIX = "OUTREACH_"


class Sender(Section):
    """A mailbox that a network member sends from and reads."""

    from_: str = Field(
        alias="from",
        description="Name and address in From, as `Association of Towns <digital@association.example>`.",
    )
    reply_to: str | None = Field(
        default=None, description="Where answers go; left out: to `from`. Must reach the mailbox of `imap`."
    )
    controller: str = Field(description="Legal name of the controller (GDPR Art. 14); stands in every mail.")
    postal_address: str = Field(description="Its postal address, on one line; stands in every mail.")
    privacy_url: str = Field(default="", description="Address of your privacy notice; stands in every mail.")
    countries: Countries = Field(
        min_length=1, description='Countries this sender writes to, as `["BE", "LU"]`; Greece is `GR`.'
    )
    colour: str = Field(
        default="",
        pattern="^(#[0-9a-fA-F]{6})?$",
        description='Of buttons and links, as `"#1f4aa8"`; must be dark enough for white words on it.',
    )
    logo: Path | None = Field(
        default=None,
        description="Picture above every mail, PNG, JPEG or GIF; its path is taken from the workspace.",
    )
    four_eyes: bool = Field(
        default=False, description="Somebody else has to launch a campaign than who typed its last check."
    )
    test_first: bool = Field(
        default=False,
        description="A launch needs a test mail (`outreach campaigns test`) in each language, sent since the texts "
        "are as they are.",
    )
    plus_addressing: bool = Field(
        default=False,
        description="Set it if the mailbox accepts `name+anything@`: answers are matched better.",
    )
    answer_url: str = Field(
        default="",
        pattern=r"^(https://[A-Za-z0-9.-]+(:\d+)?(/[A-Za-z0-9._~-]+)*)?$",
        description="Where the pages of `outreach serve` are reached from outside, as "
        "`https://answers.association.example`: answers are then links to them, and the opt-out is one click "
        "(RFC 8058). Left out: answers are mails.",
    )
    smtp: SmtpSettings = Field(description="The server to send through.")
    imap: ImapSettings | None = Field(
        default=None, description="The mailbox to read; without it no answer is seen."
    )
    oauth: Oauth | None = Field(
        default=None, description="Signs in where a server has a user name and no password."
    )
    dkim: Dkim | None = Field(default=None, description="Signs mails here; left out, the relay may.")
    limits: Limits = Field(default=Limits(), description="What your mail provider allows.")
    inbox: InboxSettings = Field(default=InboxSettings(), description="What follows from answers.")
    digest: SenderDigest = Field(default=SenderDigest(), description="Who gets its report by mail.")
    guardrails: Guardrails | None = Field(
        default=None,
        description="When a campaign of this sender pauses by itself; instead of the general ones.",
    )

    @field_validator("from_", "reply_to")
    @classmethod
    def _is_an_address(cls, value: str | None) -> str | None:
        if value is not None and not _address_of(value):
            raise ValueError(f'{value!r} is no mail address; write "Name <name@organisation.example>"')
        return value

    @property
    def address(self) -> str:
        """The bare address of From."""
        return _address_of(self.from_)

    @property
    def display_name(self) -> str:
        return _parted(self.from_)[0] or self.address

    @property
    def reply_address(self) -> str:
        return _address_of(self.reply_to) if self.reply_to else self.address


class Privacy(Section):
    """How long what is about persons is kept; each run applies it once a day. 0: for ever."""

    legal_basis: str = Field(
        default="",
        description="Kept with each contact an import brings, as `GDPR Art. 6 (1) f: ...`; "
        "`--legal-basis` says another.",
    )
    answers_days: int = Field(
        default=365, ge=0, description="Days after which the text of what came in is removed; counts stay."
    )
    gone_days: int = Field(
        default=365,
        ge=0,
        description="Days after which a contact that is no longer in its list is removed.",
    )
    campaign_days: int = Field(
        default=730,
        ge=0,
        description="Days after the end of a campaign after which names and addresses of who registered, and what "
        "mail servers said, are removed.",
    )


class Settings(BaseSettings):
    """The whole of ``outreach.toml``."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX,
        env_nested_delimiter="__",
        secrets_prefix="",
        secrets_nested_delimiter="__",
        secrets_dir_missing="ok",
        extra="forbid",
        frozen=True,
    )

    database: str = Field(
        default="sqlite:///outreach.db",
        description="Where the database is; a SQLite path is taken from the workspace.",
    )
    key: SecretStr = Field(
        min_length=32,
        description="Signs the tokens in mails and hashes suppressed addresses. `outreach init` puts it into "
        "`secrets/key`; keep it for as long as the database.",
    )
    guardrails: Guardrails = Field(
        default=Guardrails(), description="When a campaign pauses by itself, of whichever sender."
    )
    senders: dict[str, Sender] = Field(
        default_factory=dict, description="One section `[senders.NAME]` for each mailbox."
    )
    accounts: dict[str, Account] = Field(
        default_factory=dict,
        description="One section `[accounts.NAME]` for each who works here; without any, everybody may see all.",
    )
    members: dict[str, Member] = Field(
        default_factory=dict,
        description="One section `[members.NAME]` for each member that hands its counts over in signed files.",
    )
    digest: Digest | None = Field(default=None, description="The report by mail; without it, none goes.")
    privacy: Privacy = Field(default=Privacy(), description="How long personal data are kept, and why.")

    @field_validator("senders", "accounts", "members")
    @classmethod
    def _plain_names(cls, value: dict[str, Section]) -> dict[str, Section]:
        for name in value:
            if not name.isidentifier() or name != name.lower() or "__" in name:
                raise ValueError(f"the name {name!r} may have small letters, digits and single _ only")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (
            env_settings,
            NestedSecretsSettingsSource(file_secret_settings),
            TomlConfigSettingsSource(settings_cls),
        )

    @property
    def own_addresses(self) -> frozenset[str]:
        """The addresses of all senders, lower case: what comes from one of them is no answer."""
        addresses = ((sender.address, sender.reply_address) for sender in self.senders.values())
        return frozenset(address.casefold() for pair in addresses for address in pair)

    def guardrails_of(self, name: str) -> Guardrails:
        """Those of the sender ``name``, else the general ones."""
        own = self.senders[name].guardrails if name in self.senders else None
        return own or self.guardrails

    def sender(self, name: str) -> Sender:
        """Raises :class:`~outreach.errors.SettingsError` when there is no such sender."""
        if name not in self.senders:
            raise SettingsError(
                f"There is no sender {name!r} in {FILE_NAME}.",
                f"It has: {', '.join(self.senders) or 'none; add a section [senders.NAME]'}.",
            )
        return self.senders[name]


class Workspace:
    """A folder with ``outreach.toml``, ``campaigns/``, ``templates/`` and ``contacts/``, and its settings."""

    def __init__(self, root: Path, settings: Settings) -> None:
        self.root = root
        self.settings = settings

    @property
    def database_url(self) -> str:
        """SQLite paths are taken from the workspace, wherever the command is typed."""
        prefix = "sqlite:///"
        url = self.settings.database
        if url.startswith(prefix) and not url.startswith("sqlite:////"):
            return prefix + str(self.root / url.removeprefix(prefix))
        return url

    @property
    def key(self) -> bytes:
        return self.settings.key.get_secret_value().encode()

    def file(self, path: Path) -> Path:
        """A path of the settings: relative to the workspace, wherever the command is typed."""
        return self.root / path

    def secret_file(self, key: str) -> Path | None:
        """The file in ``secrets/`` that gives the setting ``key`` (``senders.be.oauth.refresh_token``);
        ``None`` when it comes from the environment or from ``outreach.toml``."""
        loc = tuple(key.split("."))
        path = self.root / "secrets" / "__".join(loc)
        return path if _place_of(loc, self.root) == str(path) else None

    def sender_for(self, country: str) -> str:
        """The one sender of ``country``. Raises ``SettingsError`` for none or several."""
        names = [name for name, sender in self.settings.senders.items() if country in sender.countries]
        if len(names) == 1:
            return names[0]
        if names:
            raise SettingsError(
                f"{country} has several senders in {FILE_NAME}: {', '.join(names)}.",
                "Say which one with --sender NAME.",
            )
        raise SettingsError(
            f"No sender in {FILE_NAME} has {country} among its countries.",
            f'Add "{country}" to the countries of a [senders.NAME] section.',
        )


def find_root(start: Path) -> Path:
    """The workspace ``start`` lies in. Raises ``SettingsError`` when it lies in none."""
    for folder in (start, *start.parents):
        if (folder / FILE_NAME).is_file():
            return folder
    raise SettingsError(
        f"{start} is in no workspace: there is no {FILE_NAME} here or above.",
        "Go to your workspace, name it with --workspace DIR, or make one with `outreach init DIR`.",
    )


def load(start: Path) -> Workspace:
    """Read the workspace ``start`` lies in. Raises ``SettingsError`` naming all faults."""
    if not start.is_dir():  # a name typed wrongly is not looked for in the folders above
        raise SettingsError(f"There is no folder {start}.", "Name a workspace's folder with --workspace DIR.")
    root = find_root(start.resolve())
    path = root / FILE_NAME
    secrets = root / "secrets"

    class Here(Settings):
        model_config = SettingsConfigDict(
            toml_file=path, secrets_dir=str(secrets) if secrets.is_dir() else None
        )

    try:
        return Workspace(root, Here.model_validate({}))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not valid TOML: {error}.", "Mend that line.") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not written in UTF-8.", "Save it as UTF-8.") from error
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.", "Check its permissions.") from error
    except ValidationError as error:
        raise _explained(error, root) from None


def _explained(error: ValidationError, root: Path) -> SettingsError:
    faults = []
    for fault in error.errors(include_url=False, include_input=False):
        key = ".".join(str(part) for part in fault["loc"]) or "the file"
        place = _place_of(tuple(str(part) for part in fault["loc"]), root)
        if fault["type"] == "missing":
            what = "is missing"
            if key == "key":
                what = "is missing; put 32 or more random characters into secrets/key (`outreach init` does)"
        elif fault["type"] == "extra_forbidden":
            what = "is no setting; check its spelling, or remove it"
        else:
            what = fault["msg"].removeprefix("Value error, ")
        faults.append(f"{key} in {place}: {what}.")
    return SettingsError("\n".join(faults), f"{FILE_NAME} is explained in docs/reference/settings.md.")


def _place_of(loc: tuple[str, ...], root: Path) -> str:
    """Which of the sources gave the value at ``loc``."""
    flat = "__".join(loc)
    if (ENVIRONMENT_PREFIX + flat).upper() in {name.upper() for name in os.environ}:
        return f"the environment ({(ENVIRONMENT_PREFIX + flat).upper()})"
    if (root / "secrets" / flat).is_file():
        return str(root / "secrets" / flat)
    return str(root / FILE_NAME)


def _parted(text: str) -> tuple[str, str]:
    """Name and address of "Name <address>". A comma, a colon or quotes in the name need no quoting: people write
    the name of their association as it is."""
    text = text.strip()
    if not (text.endswith(">") and "<" in text):
        return ("", text) if "," in text else parseaddr(text)
    name, _, address = text[:-1].rpartition("<")
    name = name.strip()
    if len(name) > 1 and name[0] == name[-1] == '"':
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    return name, address.strip()


def _address_of(text: str) -> str:
    address = _parted(text)[1]
    local, _, domain = address.rpartition("@")
    return (
        address if local and "." in domain and not any(c.isspace() or c in '<>",;' for c in address) else ""
    )
