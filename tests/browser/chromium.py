"""Chromium without a window: a page's text after its scripts have run, and pictures of pages."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path


class BrowserError(Exception):
    """There is no Chromium, or it did not do what was asked."""


def dom(page: str, *, dark: bool = False) -> str:
    """The HTML of ``page`` when it has come to rest."""
    return _run(page, "--dump-dom", dark=dark)


def screenshot(page: str, out: Path, width: int, height: int, *, dark: bool = False) -> None:
    """A PNG of the window, ``width`` by ``height`` pixels."""
    _run(page, f"--screenshot={out}", f"--window-size={width},{height}", "--hide-scrollbars", dark=dark)


def _run(page: str, *options: str, dark: bool) -> str:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        raise BrowserError("There is no Chromium. Type: apt-get install chromium")
    with tempfile.TemporaryDirectory(prefix="chromium-") as folder:
        file = Path(folder) / "page.html"
        file.write_text(page, encoding="utf-8")
        command = [
            *(program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            *(f"--user-data-dir={folder}/profile", "--virtual-time-budget=600000", "--timeout=120000"),
            f"--blink-settings=preferredColorScheme={0 if dark else 1}",
            *options,
            file.as_uri(),
        ]
        try:
            done = subprocess.run(command, capture_output=True, timeout=300)
        except subprocess.TimeoutExpired:
            raise BrowserError("Chromium did not come to an end.") from None
    if done.returncode:
        raise BrowserError(f"Chromium ended with {done.returncode}: {done.stderr[-500:]!r}")
    return done.stdout.decode("utf-8")
