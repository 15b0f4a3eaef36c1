"""What every command has in hand: the workspace, its database, and how things are shown."""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import typer

if TYPE_CHECKING:
    import sqlalchemy as sa

    from outreach.db.engine import Database
    from outreach.settings import Workspace
    from outreach.settings.access import Access

#: Of a row: what SQLite and PostgreSQL can count up to.
LAST_NUMBER = 2**63 - 1

JSON = typer.Option(False, "--json", help="Print JSON instead of a table.")


class Shell:
    """Opens things when a command first asks for them."""

    def __init__(self, folder: str, account: str | None = None) -> None:
        self.folder = Path(folder)
        self._account = account
        self._workspace: Workspace | None = None

    @property
    def workspace(self) -> Workspace:
        if self._workspace is None:
            from outreach import settings

            self._workspace = settings.load(self.folder)
        return self._workspace

    @property
    def access(self) -> Access:
        """What the account of the command may see."""
        from outreach.settings.access import access

        return access(self.workspace.settings.accounts, self._account, self._user)

    @contextmanager
    def database(
        self, *, country: str | None = None, counts: bool = False, everything: bool = False
    ) -> Iterator[Database]:
        """The database, as far as the account reaches: its queries find no row of other countries. Refused unless
        the account reaches ``country``; unless it reads addresses, or only ``counts`` are shown; and for
        ``everything`` unless it reaches all."""
        from outreach.db.engine import Database

        mine = self.access
        mine.check(country=country, counts=counts, everything=everything)
        senders = [
            name
            for name, sender in self.workspace.settings.senders.items()
            if mine.countries is None or mine.countries.issuperset(sender.countries)
        ]
        database = Database(self.workspace.database_url, countries=mine.countries, senders=senders)
        try:
            yield database
        finally:
            database.close()

    @property
    def actor(self) -> str:
        """Who is named in the audit."""
        account = self.access.account
        return f"{self._user} ({account})" if account else self._user

    @property
    def _user(self) -> str:
        try:
            return getpass.getuser()
        except (KeyError, OSError):
            return "unknown"


def country_code(text: str | None) -> str | None:
    """An option's value as a country of the network, in capitals; ``None`` stays. InputError for another."""
    if text is None:
        return None
    from outreach.errors import InputError
    from outreach.model.countries import COUNTRIES

    code = text.strip().upper()
    if code not in COUNTRIES:
        meant = "Greece is GR. " if code == "EL" else ""
        raise InputError(
            f"{text!r} is no country of the network.", f"{meant}Write one of {', '.join(COUNTRIES)}."
        )
    return code


def is_known(name: str, connection: sa.Connection) -> None:
    """RefusedError for a campaign that is none: what an empty listing of it shows would look like a result."""
    from outreach.db import campaigns
    from outreach.errors import RefusedError

    known = campaigns.every(connection)
    if name not in {one.name for one in known} | {one.slug for one in known}:
        slugs = sorted({one.slug for one in known})
        raise RefusedError(
            f"There is no campaign {name!r}.",
            f"There are: {', '.join(slugs)}." if slugs else "`outreach campaigns check` makes one.",
        )


ONE_CAMPAIGN = typer.Option(None, "--campaign", help="One campaign, or a slug for all countries.")
ONE_COUNTRY = typer.Option(None, "--country", callback=country_code, help="One country, as BE.")


class Listing(Protocol):
    """A question to the database, of all campaigns and countries or of one."""

    def __call__(
        self, connection: sa.Connection, *, campaign: str | None, country: str | None
    ) -> list[Mapping[str, Any]]: ...


def listed(
    context: typer.Context,
    question: Listing,
    campaign: str | None,
    country: str | None,
    *,
    counts: bool = False,
) -> list[Mapping[str, Any]]:
    """The answer to ``question``. Refused as :meth:`Shell.database` does, and where there is no such campaign."""
    with shell(context).database(country=country, counts=counts) as database, database.read() as connection:
        if campaign:
            is_known(campaign, connection)
        return question(connection, campaign=campaign, country=country)


def say(text: str = "") -> None:
    typer.echo(text)


def count(number: int, one: str, many: str = "") -> str:
    """``1 mail``, ``2,951 mails``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def complain(text: str) -> None:
    typer.echo(text, err=True)


def print_json(value: object) -> None:
    """Times in ISO 8601, letters as they are, two spaces of indent."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=_plain))


def _plain(value: object) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    return str(value)


def print_table(rows: Iterable[Mapping[str, Any]], columns: Sequence[tuple[str, str]], *, empty: str) -> None:
    """``columns``: key and title. Numbers stand on the right; what does not fit is folded, never cut off."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    rows = list(rows)
    if not rows:
        say(empty)
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for key, title in columns:
        numeric = all(isinstance(row.get(key), int | float) or row.get(key) is None for row in rows)
        table.add_column(title, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_shown(row.get(key))) for key, _ in columns))
    width = None if sys.stdout.isatty() else 120
    Console(width=width, highlight=False, soft_wrap=False).print(table)


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return str(value)


@contextmanager
def progress(what: str) -> Iterator[Any]:
    """A function (done, total) that shows how far a long work is; silent when nobody watches."""
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    with Progress(
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def shell(context: typer.Context) -> Shell:
    """The shell of the command that is running."""
    found = context.find_object(Shell)
    assert found is not None, "the callback of the application made one"
    return found
