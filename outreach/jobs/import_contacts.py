"""A contact list becomes contacts: decoded, cleaned, compared with what is known, shown, and then written."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from outreach.contacts import merge, normalize, rejects
from outreach.contacts.columns import ColumnMapping
from outreach.contacts.finder import Finder
from outreach.contacts.merge import ImportPlan
from outreach.db import directory, imports, places
from outreach.db.engine import Database
from outreach.delivery import tokens
from outreach.errors import InputError
from outreach.jobs import read_list
from outreach.jobs.read_list import Reading
from outreach.model.countries import COUNTRIES
from outreach.settings import Workspace


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What a file is, and what importing it does or would do."""

    file: Path
    country: str
    source: str
    format: str
    encoding: str | None
    delimiter: str | None
    sheet: str | None
    header_line: int
    notes: tuple[str, ...]  # on what is hidden in a workbook, and the like
    mapping: ColumnMapping
    plan: ImportPlan
    rejects_file: Path | None  # where the rejected rows were written
    applied: bool
    has_official_list: bool  # municipalities were looked up in it
    number: int | None = None  # of the import, once applied: what undoing it names


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """A plan makes values by the hundred thousand and drops none: looking for garbage among them, again and
    again, would take a quarter of the time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@_no_garbage_collection()
def import_contacts(
    workspace: Workspace,
    database: Database,
    file: Path,
    *,
    country: str,
    now: datetime,
    actor: str,
    apply: bool,
    source: str | None = None,
    reading: Reading | None = None,
    legal_basis: str | None = None,
) -> ImportResult:
    """Plan the import of ``file`` and, with ``apply``, do it, all or nothing.

    Rejected rows are written beside the file as ``<name>.rejected.csv``, to be mended and imported; nothing
    else is written without ``apply``. The columns named in ``reading`` are remembered with ``apply``. ``source``
    is what mails say of where an address comes from; mended rejects belong to the source they came from, and take
    nothing else from it. ``legal_basis`` is kept with each new contact; left out, it is
    that of the settings.

    Raises :class:`~outreach.errors.InputError` for a file that is not a readable contact list.
    """
    if country not in COUNTRIES:
        raise InputError(
            f"{country!r} is no country of the network.", f"Write one of {', '.join(COUNTRIES)}."
        )
    reading = reading or Reading()
    with read_list.opened(database, file, country, reading) as listing:
        table, mapping = listing.table, listing.mapping
        mended = rejects.source_of(table.header, table.sample)
        source = source or mended or file.name
        with database.read() as connection:
            known = directory.known(connection, country, source)
            key = partial(tokens.suppression_key, workspace.key)
            suppressed = directory.suppressed_by(connection, key)
            finder = Finder(
                country, places.official(connection, country), places.decided(connection, country)
            )
        rows = normalize.contacts(table.rows, mapping, country)
        plan = merge.plan(rows, known, suppressed, is_whole=mended is None, finder=finder or None)
    if apply:
        read_list.remember(database, listing, reading, actor=actor, now=now)
    applied = apply and bool(not plan.changes_nothing or plan.gone)
    number = None
    if applied:
        basis = workspace.settings.privacy.legal_basis if legal_basis is None else legal_basis
        with database.write() as connection:
            number = imports.begin(
                connection,
                actor=actor,
                country=country,
                file=str(file),
                source=source,
                digest=listing.digest,
                legal_basis=basis,
                added=len(plan.new),
                changed=len(plan.changed) + len(plan.changed_places),
                gone=len(plan.gone),
                now=now,
            )
            directory.apply(
                connection,
                plan,
                country=country,
                source=source,
                digest=listing.digest,
                now=now,
                import_id=number,
                legal_basis=basis,
            )
            directory.note(
                connection,
                actor=actor,
                action="contacts.import",
                subject=str(file),
                detail=f"{country}: {len(plan.new)} new, {len(plan.changed)} changed, "
                f"{plan.same} same, {len(plan.rejected)} rejected",
                now=now,
            )
    return ImportResult(
        file=file,
        country=country,
        source=source,
        format=table.format,
        encoding=table.encoding,
        delimiter=table.delimiter,
        sheet=table.sheet,
        header_line=table.header_line,
        notes=table.notes,
        mapping=mapping,
        plan=plan,
        rejects_file=_write_rejects(file, plan, table.header, source),
        applied=applied,
        has_official_list=bool(finder),
        number=number,
    )


def _write_rejects(file: Path, plan: ImportPlan, header: Sequence[str], source: str) -> Path | None:
    if not plan.rejected:
        return None
    text = rejects.write(plan.rejected, header, source)
    stem = file.stem.removesuffix(".rejected")
    for number in range(1, 1000):
        target = file.with_name(f"{stem}.rejected{'' if number == 1 else f'-{number}'}.csv")
        try:
            if not target.exists():
                target.write_text(text, encoding="utf-8", newline="")
                return target
            # One that somebody has begun to mend is never written over.
            if target.read_bytes() == text.encode():
                return target
        except OSError as error:
            raise InputError(
                f"The rejected rows cannot be written to {target}: {error.strerror}.",
                "Copy the list into a folder that you may write to.",
            ) from None
    raise InputError(f"{file} has a thousand files of rejected rows beside it.", "Remove the old ones.")
