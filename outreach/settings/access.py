"""Accounts: who reaches which countries, and whether addresses or counts only (``[accounts.NAME]``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Literal

from pydantic import Field

from outreach.errors import RefusedError, SettingsError
from outreach.settings.servers import Countries, Section


@unique
class Role(StrEnum):
    MEMBER = "member"  # its own countries, with their addresses
    COORDINATOR = "coordinator"  # counts of its countries, and no address
    OPERATOR = "operator"  # all countries; what cron runs as


class Account(Section):
    """Somebody who works in this workspace."""

    role: Literal["member", "coordinator", "operator"] = Field(
        default="member",
        description="`member`: its countries, with their addresses. `coordinator`: counts, and no address. "
        "`operator`: all; `outreach run` needs it.",
    )
    countries: Countries = Field(
        default=(), description='Its countries, as `["BE"]`; left out: all, for a coordinator or an operator.'
    )
    users: tuple[str, ...] = Field(
        default=(), description="Names of this machine's users whose account it is, without being named."
    )


@dataclass(frozen=True, slots=True)
class Access:
    """What one account may see. ``countries`` ``None``: all."""

    account: str = ""
    role: Role = Role.OPERATOR
    countries: frozenset[str] | None = None

    def check(self, *, country: str | None = None, counts: bool = False, everything: bool = False) -> None:
        """Raise :class:`~outreach.errors.RefusedError` unless the account reaches ``country``, reads addresses
        (or only ``counts`` are asked for), and, for what needs ``everything``, all countries with addresses."""
        if everything and self.role is not Role.OPERATOR:
            raise RefusedError(
                f"The account {self.account} does not reach all countries, which this needs.",
                "An account with the role operator does.",
            )
        if not counts and self.role is Role.COORDINATOR:
            raise RefusedError(
                f"The account {self.account} reads counts and no addresses.",
                "`outreach report`, `campaigns list`, `campaigns status` and `places coverage` show what it may see.",
            )
        if country and self.countries is not None and country not in self.countries:
            raise RefusedError(
                f"The account {self.account} does not reach {country}.",
                f"Its countries are: {', '.join(sorted(self.countries))}.",
            )


def access(accounts: Mapping[str, Account], name: str | None, user: str) -> Access:
    """What the account ``name``, or else the one of the machine's ``user``, may see. Without any account in the
    settings everybody may see all.

    Raises :class:`~outreach.errors.SettingsError` for an account that is none, and when none is named.
    """
    if not accounts:
        if name:
            raise SettingsError(f"There is no account {name!r}: outreach.toml has none.", "Leave it out.")
        return Access()
    if name is None:
        of_user = [one for one, account in accounts.items() if user in account.users]
        if len(of_user) != 1:
            raise SettingsError(
                f"It is not known which account is yours: {'several name' if of_user else 'none names'} {user!r} "
                "among its users.",
                f"Say --account NAME or set OUTREACH_ACCOUNT: {', '.join(accounts)}.",
            )
        name = of_user[0]
    if name not in accounts:
        raise SettingsError(
            f"There is no account {name!r} in outreach.toml.", f"It has: {', '.join(accounts)}."
        )
    account, role = accounts[name], Role(accounts[name].role)
    if role is Role.OPERATOR or (role is Role.COORDINATOR and not account.countries):
        return Access(name, role, None)
    return Access(name, role, frozenset(account.countries))
