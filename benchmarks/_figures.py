"""What the benchmarks share: measuring, a child process's use, and the table at the end.

Absolute figures differ from machine to machine and from hour to hour, so every figure that counts stands beside
a peer's, measured in the same run: quote the ratios.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table."""

    name: str
    value: float
    unit: str
    ratio: float | None = None  # to the peer of the same run
    goal: str = ""


@dataclass(frozen=True, slots=True)
class Use:
    """What a child process took, the start of Python included."""

    cpu_seconds: float  # user and system
    peak_megabytes: float
    output: str


def median(work: Callable[[], float], rounds: int = ROUNDS) -> float:
    """The median of what ``work`` returns."""
    return statistics.median(work() for _ in range(rounds))


@cache
def _bytecode() -> tempfile.TemporaryDirectory[str]:
    """Where children keep compiled modules, as an installed program has them: not every checkout may, or does."""
    return tempfile.TemporaryDirectory(prefix="outreach-bytecode-")


def child(arguments: Sequence[str | Path], *, folder: Path | None = None) -> Use:
    """Run Python with ``arguments`` and this checkout of Outreach. Raises ``RuntimeError`` when it fails.

    The first child of a kind compiles the modules it imports: run one that is not counted.
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": _bytecode().name}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    process = subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout as stream:
        output = stream.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{arguments} ended with {process.returncode}: {output}")
    return Use(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, output)


def show(title: str, figures: Sequence[Figure]) -> None:
    """The table, or with ``--json`` one object."""
    if "--json" in sys.argv[1:]:
        print(json.dumps({"benchmark": title, "figures": [asdict(figure) for figure in figures]}))
        return
    print(f"{title} (medians; load of the machine {os.getloadavg()[0]:.1f})")
    for figure in figures:
        number = f"{figure.value:,.0f}" if figure.value >= 100 else f"{figure.value:,.2f}"
        ratio = "" if figure.ratio is None else f"{figure.ratio:.2f} x"
        print(f"  {figure.name:<44}{number:>10} {figure.unit:<8}{ratio:>9}  {figure.goal}".rstrip())
