"""What is done to contacts by hand: an import taken back, a correction; and the rights of a person: access, a copy,
erasure (GDPR Art. 15 to 20)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from outreach.contacts.addresses import checked
from outreach.contacts.normalize import parse_languages
from outreach.db import attendance, directory, erasure, imports, schema, scope, subject
from outreach.db.engine import Database
from outreach.delivery import tokens
from outreach.errors import InputError, RefusedError
from outreach.jobs import attendance as attendance_of
from outreach.jobs.workspace import make_folder
from outreach.model.states import ContactKind
from outreach.settings import Workspace

#: Keyed hashes of what was erased, beside the database: a backup that is put back knows nothing of it.
_ERASURES = Path(".outreach") / "erasures"


def undo(database: Database, number: int, *, now: datetime, actor: str) -> tuple[int, int]:
    """Take an import back; returns how many contacts were removed and how many changes taken back.

    Raises :class:`~outreach.errors.RefusedError` as :func:`outreach.db.imports.undo` does.
    """
    with database.write() as connection:
        removed, put_back = imports.undo(connection, number, by=actor, now=now)
        directory.note(
            connection,
            actor=actor,
            action="contacts.undo",
            subject=str(number),
            detail=f"{removed} removed, {put_back} taken back",
            now=now,
        )
    return removed, put_back


def correct(
    workspace: Workspace,
    database: Database,
    address: str,
    values: Mapping[str, str],
    *,
    country: str | None,
    now: datetime,
    actor: str,
) -> list[tuple[str, object, object]]:
    """Change ``values`` (``email``, ``person``, ``role``, ``language``, ``kind``; empty: none) of the contact at
    ``address``, wherever it stands in ``country``; no import changes them back. Returns field, old and new.

    Raises :class:`~outreach.errors.RefusedError` for an address that is none of a contact, or a new one that its
    municipality has already or that is never written to again, and :class:`~outreach.errors.InputError` for a
    value that cannot be used.
    """
    clean = {name: _clean(name, value) for name, value in values.items()}
    contact = schema.contact
    changes: list[tuple[str, object, object]] = []
    with database.write() as connection:
        rows = _at(connection, address, country)
        if "email" in clean:
            suppressed = directory.suppressed_by(
                connection, lambda one: tokens.suppression_key(workspace.key, one)
            )
            if suppressed(str(clean["email"]).casefold()):
                raise RefusedError(f"{clean['email']} is suppressed: nobody writes there again.")
        for row in rows:
            new: dict[str, Any] = {name: value for name, value in clean.items() if row[name] != value}
            fields, was = directory.edits(row["edited"])
            if "email" in new:
                new["email_key"] = str(new["email"]).casefold()
                _is_free(connection, row, new["email_key"])
                was = was or row["email_key"]
            changes += [(name, row[name], value) for name, value in new.items() if name in clean]
            edited = directory.edits_as_text({*fields, *clean}, was)
            connection.execute(
                sa.update(contact)
                .where(contact.c.id == row["id"])
                .values(**new, edited=edited, updated_at=now)
            )
        directory.note(
            connection,
            actor=actor,
            action="contacts.edit",
            subject=address,
            detail="; ".join(f"{name}: {old or '-'} -> {new or '-'}" for name, old, new in changes),
            now=now,
        )
    return changes


def _clean(name: str, value: str) -> object:
    text = value.strip()
    if name == "email":
        address = checked(text)
        if address is None:
            raise InputError(f"{value!r} is no mail address.", "Write it like info@gemeente.example.")
        return address
    if name == "kind":
        if text not in tuple(ContactKind):
            raise InputError(f"{value!r} is no kind.", f"Write {' or '.join(ContactKind)}.")
        return ContactKind(text)
    if name == "language" and text:
        languages = parse_languages(text)
        if not languages or len(languages) > 1:
            raise InputError(f"{value!r} is no language.", "Write its code, such as nl or fr.")
        return languages[0]
    return text or None


def _at(connection: sa.Connection, address: str, country: str | None) -> list[Mapping[str, Any]]:
    contact, municipality = schema.contact, schema.municipality
    statement = (
        sa.select(contact)
        .join(municipality, municipality.c.id == contact.c.municipality_id)
        .where(
            contact.c.email_key == address.strip().casefold(),
            scope.within(connection, municipality.c.country),
        )
    )
    if country:
        statement = statement.where(municipality.c.country == country)
    rows: list[Mapping[str, Any]] = [dict(row) for row in connection.execute(statement).mappings()]
    if not rows:
        raise RefusedError(
            f"There is no contact {address}{f' in {country}' if country else ''}.",
            "`outreach contacts list --search TEXT` finds them.",
        )
    return rows


def _is_free(connection: sa.Connection, row: Mapping[str, Any], email_key: str) -> None:
    contact = schema.contact
    same = sa.select(contact.c.id).where(
        contact.c.municipality_id == row["municipality_id"],
        contact.c.email_key == email_key,
        contact.c.id != row["id"],
    )
    if connection.execute(same).first() is not None:
        raise RefusedError(f"Its municipality has a contact {email_key} already.", "Nothing was changed.")


@dataclass(frozen=True, slots=True)
class Subject:
    """The answer to an access request: ``known`` by table, ``notice`` what the law wants told beside it."""

    address: str
    at: datetime
    known: Mapping[str, list[Mapping[str, Any]]]
    notice: Mapping[str, object]
    raw: Mapping[int, bytes]  # what came in, whole, where it is still kept

    @property
    def is_empty(self) -> bool:
        return not any(rows for table, rows in self.known.items() if table != "acts")


def access(workspace: Workspace, database: Database, address: str, *, now: datetime, actor: str) -> Subject:
    """Everything that is known about ``address``. That it was asked for is written down.

    Raises :class:`~outreach.errors.InputError` for what is no address.
    """
    key = an_address(address)
    with database.write() as connection:
        traces = subject.trace(connection, key)
        hashes = _hashes(workspace, traces.addresses)
        keys = attendance_of.person_keys(workspace, connection, traces.addresses, traces.names)
        known = {
            **subject.report(connection, traces, hashes),
            "attendance": attendance.of_person(connection, keys, traces.addresses),
        }
        raw = subject.raw_messages(connection, traces)
        # Of an address that is in no list, the audit does not keep more than the erasure did.
        shown = key if traces.contacts else f"{schema.ERASED}{hashes[0][:16]}"
        directory.note(
            connection, actor=actor, action="contacts.show", subject=shown, detail="access (Art. 15)", now=now
        )
    return Subject(key, now, known, _notice(workspace, known), raw)


def _notice(workspace: Workspace, known: Mapping[str, list[Mapping[str, Any]]]) -> Mapping[str, object]:
    countries = {row["country"] for row in known["contacts"]}
    senders = [one for one in workspace.settings.senders.values() if countries & set(one.countries)]
    privacy = workspace.settings.privacy
    return {
        "controllers": [f"{one.controller}, {one.postal_address}, {one.reply_address}" for one in senders],
        "purposes": sorted({str(row["title"]) for row in known["campaigns"]}),
        "recipients": "the mail provider of the controller; counts without addresses go to the coordinator",
        "kept": f"answers {privacy.answers_days} days, contacts that left their list {privacy.gone_days} days, what "
        f"belongs to a campaign {privacy.campaign_days} days after its end (0: without end)",
        "rights": "to correct, to erase, to restrict, to object at any time, to complain to the supervisory authority",
        "decided by machine": "nothing",
    }


def export(about: Subject, folder: Path) -> list[Path]:
    """Write the answer to an access request into ``folder``, to be handed over: for machines (JSON), for people,
    and what came in as it came. Returns the files. Nothing is written over."""
    make_folder(folder)
    plain = _plain({"address": about.address, "as of": about.at, **about.notice, **about.known})
    files = {
        folder / "subject.json": json.dumps(plain, ensure_ascii=False, indent=2).encode(),
        folder / "subject.txt": ("\n".join(readable(about)) + "\n").encode(),
        **{folder / f"received-{number}.eml": raw for number, raw in about.raw.items()},
    }
    for path in files:
        if path.exists():
            raise InputError(f"{path} exists already.", "Name a folder that is empty or not there yet.")
    for path, data in files.items():
        try:
            path.touch(mode=0o600)
            path.write_bytes(data)
        except OSError as error:
            raise InputError(f"{path} cannot be written: {error.strerror}.", "Name another folder.") from None
    return list(files)


def readable(about: Subject) -> Iterator[str]:
    """The answer in lines for a person."""
    yield f"What is known about {about.address}, {about.at:%Y-%m-%d %H:%M} UTC"
    for title, told in about.notice.items():
        yield f"{title.capitalize()}: {_shown(told)}"
    for table, rows in about.known.items():
        if rows:
            yield ""
            yield f"{table.capitalize()} ({len(rows)})"
        for row in rows:
            yield "  " + "; ".join(
                f"{name.replace('_', ' ')}: {_shown(value)}"
                for name, value in row.items()
                if value not in (None, "")
            )


def _shown(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_shown, value)) or "-"
    return str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value.isoformat() if isinstance(value, datetime | date) else value


@dataclass(frozen=True, slots=True)
class Erased:
    """``tables``: how many rows of each were removed or emptied. ``files``: lists of the workspace that hold the
    address still."""

    tables: Mapping[str, int]
    files: tuple[Path, ...]


def erase(workspace: Workspace, database: Database, address: str, *, now: datetime, actor: str) -> Erased:
    """Remove ``address`` and the name of its person from every table, and from the bytes of the SQLite file. Its
    keyed hash stays in the suppression list and beside the database, so that neither a list nor a backup brings it
    back. The database is closed after.

    Raises :class:`~outreach.errors.InputError` for what is no address, :class:`~outreach.errors.RefusedError`
    while a mail to it is being sent, :class:`~outreach.errors.DatabaseError` when the file is in use.
    """
    key = an_address(address)
    with database.write() as connection:
        traces = subject.trace(connection, key)
        if subject.stands_elsewhere(connection, traces):
            raise RefusedError(
                f"{key} stands in what belongs to another country, too, or in no list of yours.",
                "An account with the role operator has to erase it.",
            )
        hashes = _hashes(workspace, traces.addresses)
        keys = attendance_of.person_keys(workspace, connection, traces.addresses, traces.names)
        forgotten = attendance.forget(connection, attendance.is_person(connection, keys, traces.addresses))
        touched = erasure.erase(connection, traces, hashes, now)
        if forgotten:
            touched["attendance"] = touched.get("attendance", 0) + forgotten
        directory.note(
            connection,
            actor=actor,
            action="contacts.erase",
            subject=f"{schema.ERASED}{hashes[0][:16]}",
            detail=", ".join(f"{table} {number}" for table, number in sorted(touched.items())),
            now=now,
        )
    for hashed in hashes:
        _remember(workspace, hashed)
    erasure.compact(database)
    return Erased(touched, tuple(_files_with(workspace, key)))


def erase_again(workspace: Workspace, database: Database, *, now: datetime, actor: str) -> list[Erased]:
    """What was erased before and a backup has brought back is erased again."""
    path = workspace.root / _ERASURES
    hashes = set(path.read_text(encoding="ascii").split()) if path.exists() else set()
    contact, message = schema.contact, schema.message
    with database.read() as connection:
        keys = {
            key
            for table in (contact, message)
            for key in connection.execute(sa.select(table.c.email_key).distinct()).scalars()
        }
    back = sorted(key for key in keys if tokens.suppression_key(workspace.key, key) in hashes)
    return [erase(workspace, database, key, now=now, actor=actor) for key in back]


def _hashes(workspace: Workspace, addresses: Iterable[str]) -> list[str]:
    return [tokens.suppression_key(workspace.key, address) for address in addresses]


def _remember(workspace: Workspace, hashed: str) -> None:
    path = workspace.root / _ERASURES
    path.parent.mkdir(parents=True, exist_ok=True)
    known = path.read_text(encoding="ascii").split() if path.exists() else []
    if hashed not in known:
        with path.open("a", encoding="ascii") as file:
            file.write(hashed + "\n")


def _files_with(workspace: Workspace, key: str) -> Iterable[Path]:
    """Lists of text that hold the address; workbooks are not looked into."""
    wanted = key.encode()
    for path in sorted((workspace.root / "contacts").rglob("*")):
        if path.is_file() and path.suffix.lower() in (".csv", ".tsv", ".txt", ".json"):
            try:
                if wanted in path.read_bytes().lower():
                    yield path
            except OSError:
                yield path


def an_address(text: str) -> str:
    found = checked(text.strip().casefold())
    if found is None:
        raise InputError(f"{text!r} is no mail address.", "Write it like info@gemeente.example.")
    return found.casefold()
