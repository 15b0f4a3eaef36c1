"""Rejected rows as a file that can be mended and imported again."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from outreach.contacts.headers import OWN_PREFIX
from outreach.contacts.normalize import Rejected

_ADDED = ("line", "column", "reason", "remedy", "source")
_FORMULA = ("=", "@", "+", "-", "\t", "\r")


def write(rejected: Iterable[Rejected], header: Sequence[str], source: str) -> str:
    """CSV with ``;`` and a byte order mark, as spreadsheet programs of the EU open it: the cells as they
    were, then ``outreach_line``, ``_column``, ``_reason`` and ``_remedy``, which an import does not read, and
    ``_source``, by which it knows what the rows belong to (:func:`source_of`).

    A row with several faults stands in it once. A cell that a spreadsheet program would take for a formula
    gets an apostrophe in front.
    """
    rows: dict[int, list[Rejected]] = {}
    for reject in rejected:
        rows.setdefault(reject.line, []).append(reject)
    widths = [len(faults[0].cells) for faults in rows.values()]
    names = [*header, *("" for _ in range(max(widths, default=0) - len(header)))]
    # The file may itself be one of rejected rows: its old columns of ours are replaced.
    kept = [index for index, name in enumerate(names) if not name.startswith(OWN_PREFIX)]
    out = io.StringIO(newline="")
    out.write("\ufeff")
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(
        [*(_safe(names[i]) or f"column {i + 1}" for i in kept), *(OWN_PREFIX + name for name in _ADDED)]
    )
    for line, faults in sorted(rows.items()):
        cells = faults[0].cells
        writer.writerow(
            [
                *(_safe(cells[i]) if i < len(cells) else "" for i in kept),
                line,
                *(" | ".join(dict.fromkeys(texts)) for texts in zip(*map(_texts, faults), strict=True)),
                _safe(source),
            ]
        )
    return out.getvalue()


def source_of(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str | None:
    """What a file of rejected rows was made from; ``None`` when the table is no such file."""
    if f"{OWN_PREFIX}source" not in header:
        return None
    at = list(header).index(f"{OWN_PREFIX}source")
    return next((cells[at] for cells in rows if len(cells) > at and cells[at]), None)


def _texts(fault: Rejected) -> tuple[str, str, str]:
    value = f": {fault.value[:200]}" if fault.value else ""
    return fault.column, f"{fault.reason}{value}".replace("@", " @ "), fault.remedy


def _safe(cell: str) -> str:
    if cell.startswith(_FORMULA) and (cell[0] in "=@\t\r" or any(map(str.isalpha, cell))):
        return f"'{cell}"
    return cell
