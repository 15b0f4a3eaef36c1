"""What persons decided about messages, beside what they were read as: evidence for better phrases, in the form
that ``training/`` reads, without who wrote it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from outreach.db import inbox
from outreach.db.engine import Database
from outreach.errors import InputError
from outreach.inbound.anonymous import anonymous
from outreach.inbound.parse import parse
from outreach.jobs.workspace import make_folder

#: The order of the classes in ``training/<language>.toml``.
_CLASSES = ("register", "decline", "question", "refer", "unsubscribe", "other")


@dataclass(frozen=True, slots=True)
class Decision:
    """One message and what a person said that it means."""

    inbound_id: int
    language: str
    meant: str
    read_as: str
    right: bool
    confidence: float
    detector: str
    evidence: tuple[str, ...]
    text: str  # on one line, without names, addresses and numbers


def decisions(database: Database) -> list[Decision]:
    """Oldest first. Evidence may quote what the person wrote, and is made anonymous too."""
    with database.read() as connection:
        rows = inbox.decisions(connection)
    found = []
    for row in rows:
        sender = row["from_address"] or ""
        names = [sender.partition("@")[0].replace(".", " ").replace("_", " "), row["municipality"] or ""]
        if row["raw"]:
            names.append(parse(row["raw"]).from_name)
        read_as = row["read_as"].value if row["read_as"] else row["kind"].value
        meant = row["meant"].value if row["meant"] else "other"
        found.append(
            Decision(
                inbound_id=row["id"],
                language=row["language"] or "",
                meant=meant,
                read_as=read_as,
                right=read_as == meant,
                confidence=round(row["confidence"], 3),
                detector=row["detector"],
                evidence=tuple(anonymous(one, names) for one in row["evidence"]),
                text=anonymous(row["text"] or "", names),
            )
        )
    return found


def write(found: list[Decision], folder: Path) -> list[Path]:
    """A file for each language, as ``training/<language>.toml`` has its classes. Raises ``InputError`` where one
    is there already or cannot be written."""
    make_folder(folder)
    lines: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for one in found:
        if one.text and one.language:
            lines[one.language][one.meant].append(one.text.replace('"""', "'''").replace("\\", "/"))
    written = []
    for language, classes in sorted(lines.items()):
        path = folder / f"{language}.toml"
        blocks = [
            f'{name} = """\n' + "".join(f"{text}\n" for text in classes[name]) + '"""\n'
            for name in _CLASSES
            if name in classes
        ]
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(
                    "# Decided by persons, in `outreach inbox`; read it before you pass it on.\n"
                    + "".join(blocks)
                )
        except FileExistsError:
            raise InputError(f"{path} exists already.", "Name an empty folder.") from None
        except OSError as error:
            raise InputError(f"{path} cannot be written: {error.strerror}.", "Name another folder.") from None
        written.append(path)
    return written
