"""What all tests may ask for."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from outreach import clock

if TYPE_CHECKING:
    from tests.servers.host import MailHost
    from tests.servers.sink import Sink


# A slow machine is no fault of the code; and what a test tries must not differ from one CI run to the next.
hypothesis.settings.register_profile(
    "outreach",
    deadline=None,
    max_examples=50,
    derandomize="CI" in os.environ,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("outreach")


# Begun with & in a script, a process and its children are deaf to Ctrl-C: here it has to be heard.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _clock_of_the_machine() -> Iterator[None]:
    """A test that moved the clock does not move it for the next."""
    yield
    clock.reset()


@pytest.fixture(scope="session")
def mail_host() -> Iterator[MailHost]:
    """A private Postfix and Dovecot, one for all tests: use addresses that no other test uses.

    Without the packages, or without the right to start Postfix, the test fails with a sentence that says what
    to type: a skipped test would prove nothing.
    """
    from tests.servers.host import MailHost
    from tests.servers.process import ServersError

    host = MailHost()
    try:
        host.start()
    except ServersError as problem:
        pytest.fail(str(problem), pytrace=False)
    yield host
    host.close()


@pytest.fixture
def smtp_sink(tmp_path: Path) -> Iterator[Sink]:
    """An SMTP server that accepts all and keeps account of it; new for each test."""
    from tests.servers.sink import Sink

    with Sink(tmp_path / "accepted.jsonl") as sink:
        yield sink


@pytest.fixture(scope="session")
def blank_workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `outreach init` makes; to be copied, never changed."""
    from tests import workspaces

    return workspaces.create(tmp_path_factory.mktemp("blank") / "w", windows=None)
