"""The quickstart, typed as it stands: what can be done without a mail server is done, and says what it says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from outreach.cli import app

PAGE = Path(__file__).parents[2] / "docs" / "quickstart.md"
_BLOCKS = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_quickstart_up_to_the_launch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = _BLOCKS.findall(PAGE.read_text(encoding="utf-8"))
    settings = next(block for kind, block in blocks if kind == "toml")
    typed = [block.split("\n", 1) for kind, block in blocks if kind == "console"]
    shown = {line.removeprefix("$ "): output for line, output in typed}
    lines = list(shown)
    assert len({tuple(line.split()[:3]) for line in lines}) >= 8

    monkeypatch.chdir(tmp_path)
    made = _type(lines[0])
    assert made.output.replace(str(tmp_path), "/home/you") == shown[lines[0]]
    monkeypatch.chdir(tmp_path / "my-workspace")
    Path("outreach.toml").write_text(settings, encoding="utf-8")
    # the send window of the sample campaign is shut at night: only words and figures are compared
    for line in lines[1:]:
        if " test " in line or " launch " in line:
            continue
        if line == "outreach run":
            break
        done = _type(line)
        for expected in shown[line].splitlines():
            assert expected == "..." or expected in done.output, f"{line} does not say: {expected}"

    launched = _type(next(line for line in lines if " launch " in line))
    first = shown[next(line for line in lines if " launch " in line)].splitlines()
    told = [line for line in first if not line.startswith(("  first", "  last"))]
    assert all(line in launched.output for line in told)


def _type(line: str) -> Result:
    words = shlex.split(line)
    assert words[0] == "outreach"
    done = CliRunner().invoke(app, words[1:], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done
