"""A sender's answer pages: whether the links in its mails lead to them."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator

from outreach.doctor.findings import Finding, error, ok
from outreach.settings import Workspace

_SECONDS = 10
#: What `outreach serve` answers at its root.
GREETING = b"Outreach\n"


def check_pages(workspace: Workspace, name: str) -> Iterator[Finding]:
    """Ask the address of the pages for itself, as a browser would: by name, over TLS, through the web server."""
    url = workspace.settings.sender(name).answer_url
    if not url:
        return
    looked_at = f"answer pages {url}"
    try:
        with urllib.request.urlopen(f"{url}/", timeout=_SECONDS) as found:  # noqa: S310 - https, by the settings
            said = found.read(1_000)
    except urllib.error.HTTPError as problem:
        why = f"its web server answers with {problem.code}"
    except (OSError, ssl.SSLError) as problem:
        why = f"it cannot be reached: {getattr(problem, 'reason', None) or problem}"
    else:
        if said == GREETING:
            yield ok(looked_at, "they are reached", sender=name)
            return
        why = "something else answers there"
    yield error(
        looked_at,
        f"{why}; the answers in mails lead nowhere",
        "Start `outreach serve`, and let the web server pass this address on to it "
        "(docs/howto/answer-on-a-page.md); or remove answer_url: answers are mails then.",
        sender=name,
    )
