"""A page on paper: PDF, by the Chromium of this machine."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from outreach.errors import OutreachError

#: What the browser is called, in the order it is looked for.
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
_SECONDS = 120


def pdf(page: str, *, browsers: tuple[str, ...] = BROWSERS) -> bytes:
    """``page``, whole and in need of nothing, as a PDF with its headings as bookmarks.

    The browser gets no network, no profile of the user's, and nothing of the page but a file in a folder of its
    own. OutreachError where there is none, or where it did not do its work.
    """
    program = next((found for name in browsers if (found := shutil.which(name))), None)
    if program is None:
        raise OutreachError(
            "A PDF is made by Chromium, and there is none on this machine.",
            "Install it (`apt-get install chromium`), or write the report with --format html and print it.",
        )
    with tempfile.TemporaryDirectory(prefix="outreach-pdf-", ignore_cleanup_errors=True) as folder:
        source, target = Path(folder) / "report.html", Path(folder) / "report.pdf"
        source.write_text(page, encoding="utf-8")
        command = [
            *(program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            *(
                "--disable-extensions",
                "--host-resolver-rules=MAP * ~NOTFOUND",
            ),
            *(
                f"--user-data-dir={folder}/profile",
                "--no-pdf-header-footer",
                "--generate-pdf-document-outline",
            ),
            f"--print-to-pdf={target}",
            source.as_uri(),
        ]
        try:
            done = subprocess.run(command, check=False, capture_output=True, timeout=_SECONDS)  # noqa: S603  # our own words
        except subprocess.TimeoutExpired:
            raise OutreachError(
                f"Chromium did not finish the PDF within {_SECONDS} seconds.",
                "Try again when the machine is less busy.",
            ) from None
        except OSError as error:
            raise OutreachError(
                f"{program} cannot be started: {error.strerror}.", "Install Chromium anew."
            ) from None
        if done.returncode or not target.is_file():
            raise OutreachError(
                f"Chromium made no PDF (it ended with {done.returncode}).",
                "Write the report with --format html and print it from a browser.",
            )
        return target.read_bytes()
