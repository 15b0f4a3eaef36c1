"""How fast a launched campaign leaves: ``python benchmarks/sending.py [--more] [--long] [--stages] [--profile]``.
Needs Postfix's ``smtp-sink`` and ``smtp-source``; nothing leaves the machine.

``jobs.send_mail.send`` works through the outbox of a campaign (claim, render ten values into text and HTML of a
Greek mail, compose, mark, send, record) over ten connections to ``smtp-sink``. The peers beside it are
``smtp-source``, which sends fixed bytes of the same size to the same sink, and nodemailer, which builds its
messages too.

``--more``: PostgreSQL, TLS, DKIM and a real Postfix as the relay. ``--long``: 100,000 recipients in one run, its
pace and memory as it goes. ``--stages``: CPU time a mail by stage. ``--profile``: where the time goes.
"""

from __future__ import annotations

import cProfile
import pstats
import re
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest import mock

from _campaign import MORNING, SENDER, launched, printed
from _figures import ROOT, ROUNDS, Figure, show
from _wire import far, nodemailer, sink, source

from outreach.db import outbox, outcomes
from outreach.jobs import runs, send_mail
from outreach.jobs.press import Press, addressing
from outreach.jobs.send_mail import SendReport, send

RECIPIENTS = 10_000
CONNECTIONS = 10


@dataclass(frozen=True, slots=True)
class Measured:
    """One campaign sent."""

    rate: float  # messages a second
    cpu: float  # of this process, microseconds a message
    size: int  # octets of a message


def run_campaign(
    port: int,
    count: int = RECIPIENTS,
    *,
    profile: cProfile.Profile | None = None,
    progress: Callable[[SendReport], None] = lambda _report: None,
    **options: Any,
) -> Measured:
    """Launch a campaign, and send it."""
    with tempfile.TemporaryDirectory() as name:
        connections = options.pop("connections", CONNECTIONS)
        prepare = options.pop("prepare", None)
        folder = Path(name) / "workspace"
        if prepare is not None:
            folder.mkdir()
            prepare(folder)
        workspace, database = launched(folder, count, smtp_port=port, connections=connections, **options)
        with database.write() as connection:
            due = outbox.due(connection, SENDER, MORNING, 1)
        size = len(printed(Press(workspace, database, SENDER, workspace.settings.sender(SENDER)), due[0]))
        begun = time.monotonic()
        with runs.begin(workspace.root) as run:
            cpu = time.process_time()
            if profile is not None:
                profile.enable()
            report = send(
                workspace,
                database,
                run,
                lambda: MORNING + timedelta(seconds=time.monotonic() - begun),
                progress=progress,
            )
            if profile is not None:
                profile.disable()
            seconds, cpu = time.monotonic() - begun, time.process_time() - cpu
        database.close()
    if report.sent != count:
        raise RuntimeError(f"{report.sent} of {count} were sent: {report}")
    return Measured(count / seconds, cpu / count * 1e6, size)


def beside(ours: Callable[[], Measured], peer: Callable[[int], float]) -> tuple[Measured, float]:
    """Medians of both, each measured in turn."""
    measured, rates = [], []
    for _ in range(ROUNDS):
        measured.append(ours())
        rates.append(peer(measured[-1].size))
    return (
        Measured(
            statistics.median(one.rate for one in measured),
            statistics.median(one.cpu for one in measured),
            measured[0].size,
        ),
        statistics.median(rates),
    )


def near() -> list[Figure]:
    """Against a sink on this machine."""
    figures = []
    with sink() as port:
        for title, options, count, goal in (
            ("Greek mail", {}, RECIPIENTS, "1.0"),
            ("small mail", {"small": True}, RECIPIENTS, "0.8"),
            ("4 connections", {"connections": 4}, RECIPIENTS // 2, ""),
            ("1 connection", {"connections": 1}, RECIPIENTS // 2, ""),
        ):
            connections = int(str(options.get("connections", CONNECTIONS)))
            ours, peer = beside(
                lambda options=options, count=count: run_campaign(port, count, **options),
                lambda size, count=count, connections=connections: source(port, size, count, connections),
            )
            kilobytes = f"{ours.size / 1000:.1f} KB"
            figures += [
                Figure(f"peer: smtp-source -s {connections} -d, {kilobytes}", peer, "mails/s"),
                Figure(f"a campaign, {title}", ours.rate, "mails/s", ours.rate / peer, goal),
                Figure("its CPU time a mail", ours.cpu, "us"),
            ]
        html, text = _sources()
        built = nodemailer(port, 2_000, html, text)
        if built is not None:
            figures.append(Figure("peer: nodemailer, pool of 10, building", built, "mails/s"))
            rate = figures[1].value
            figures.append(Figure("a campaign, Greek mail", rate, "mails/s", rate / built, "5"))
    return figures


def _sources() -> tuple[str, str]:
    """The Greek mail's HTML and text with ten gaps each, for a peer to fill in."""
    with tempfile.TemporaryDirectory() as name:
        workspace, database = launched(Path(name) / "workspace", 1)
        with database.write() as connection:
            due = outbox.due(connection, SENDER, MORNING, 1)[0]
        press = Press(workspace, database, SENDER, workspace.settings.sender(SENDER))
        plate, _ = press._plate(due.campaign_id, due.step, due.language)
        mail = plate.render(addressing(due), due.token)
        database.close()
    gaps = re.compile(re.escape(due.token))

    def gapped(text: str) -> str:
        number = iter(range(10_000))
        return gaps.sub(lambda _: f"{{{next(number) % 10}}}", text)

    return gapped(mail.html), gapped(mail.text)


def from_far(milliseconds: float = 10.0, count: int = 2_000) -> list[Figure]:
    """Against a sink 10 ms away."""
    rates = {}
    for pipelining in (False, True):
        with sink(pipelining=pipelining) as port, far(port, milliseconds) as distant:
            rates[pipelining] = run_campaign(distant, count).rate
    with sink() as port, far(port, milliseconds) as distant:
        twenty = run_campaign(distant, count, connections=20).rate
        peer = source(distant, 18_500, count)
    return [
        Figure(f"peer: smtp-source -s 10 -d, {milliseconds:g} ms away", peer, "mails/s"),
        Figure("a campaign, server without PIPELINING", rates[False], "mails/s", rates[False] / peer),
        Figure("a campaign, with PIPELINING", rates[True], "mails/s", rates[True] / peer),
        Figure("with it, to without it", rates[True], "mails/s", rates[True] / rates[False], "3"),
        Figure("with it, 20 connections", twenty, "mails/s", twenty / peer),
    ]


def more() -> list[Figure]:
    """PostgreSQL, DKIM, and a real Postfix with and without TLS."""
    sys.path.insert(0, str(ROOT))
    from tests.databases import Cluster
    from tests.servers.host import MailHost

    figures = []
    with sink() as port:
        cluster = Cluster()  # stops by itself when all is done
        peer = source(port, 18_500, RECIPIENTS)
        figures.append(Figure("peer: smtp-source -s 10 -d, 18.5 KB", peer, "mails/s"))
        ours = run_campaign(port, database_url=cluster.create("benchmark"))
        figures.append(Figure("a campaign, PostgreSQL", ours.rate, "mails/s", ours.rate / peer))
        for kind in ("rsa", "ed25519"):
            ours = run_campaign(
                port,
                prepare=lambda folder, kind=kind: _key(folder, kind),
                sender='dkim]\nselector = "o1"\nkey_file = "dkim.pem"',
            )
            figures.append(
                Figure(
                    f"a campaign, DKIM {kind}, {ours.size / 1000:.1f} KB",
                    ours.rate,
                    "mails/s",
                    ours.rate / peer,
                )
            )
            figures.append(Figure("its CPU time a mail", ours.cpu, "us"))
    with _relay(MailHost()) as host:
        count = 2_000
        peer = source(host.smtp_port, 18_500, count, to="b@x.late.example")
        figures.append(Figure("peer: smtp-source to a real Postfix", peer, "mails/s"))
        for title, smtp in (
            ("plain", 'security = "plain"'),
            ("STARTTLS", f'security = "starttls"\nca_file = "{host.ca_file}"'),
        ):
            ours = run_campaign(host.smtp_port, count, smtp=smtp, domain="t{}.late.example")
            figures.append(
                Figure(f"a campaign to a real Postfix, {title}", ours.rate, "mails/s", ours.rate / peer)
            )
            figures.append(Figure("its CPU time a mail", ours.cpu, "us"))
    return figures


def _key(folder: Path, kind: str) -> None:
    from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = rsa.generate_private_key(65537, 2048) if kind == "rsa" else ed25519.Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "dkim.pem").write_bytes(pem)
    (folder / "dkim.pem").chmod(0o600)


@contextmanager
def _relay(host: Any) -> Iterator[Any]:
    """A private Postfix that throws away what it has queued."""
    host.start()
    try:
        host.postfix.set("relay_transport", "discard:")
        yield host
    finally:
        host.close()


def long() -> list[Figure]:
    """100,000 recipients in one run: the pace and the memory at each tenth of the way."""
    count, step = 100_000, 10_000
    marks: list[tuple[float, float]] = []

    def progress(report: SendReport) -> None:
        if report.sent >= step * (len(marks) + 1):
            marks.append((time.monotonic(), _megabytes()))

    with sink() as port:
        ours = run_campaign(port, count, progress=progress)
        peer = source(port, ours.size, count)
    figures = [
        Figure("peer: smtp-source -s 10 -d, same size", peer, "mails/s"),
        Figure("100,000 mails in one run", ours.rate, "mails/s", ours.rate / peer),
    ]
    for number, ((before, _), (after, megabytes)) in enumerate(pairwise(marks), 2):
        figures.append(Figure(f"at {number * step:,}: pace", step / (after - before), "mails/s"))
        figures.append(Figure(f"at {number * step:,}: memory", megabytes, "MB"))
    return figures


def stages() -> list[Figure]:
    """CPU time a mail by stage; what a stage calls of another is counted there."""
    spent: dict[str, float] = {}
    inner: list[float] = []

    def timed(stage: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def measured(*args: Any, **options: Any) -> Any:
            begun = time.process_time()
            inner.append(0.0)
            try:
                return work(*args, **options)
            finally:
                took = time.process_time() - begun
                spent[stage] = spent.get(stage, 0.0) + took - inner.pop()
                if inner:
                    inner[-1] += took

        return measured

    where: tuple[tuple[str, Any, str], ...] = (
        ("claims: which are due", outbox, "due"),
        ("claims: who must not be written to", outbox, "why_not"),
        ("claims: taking them, and the rest", send_mail._Sending, "_claim"),
        ("rendering, MIME", Press, "_print"),
        ("marks", outcomes, "hand_over"),
        ("outcomes", outcomes, "finish"),
        ("transactions around them", send_mail._Sending, "_record"),
    )
    with ExitStack() as stack, sink() as port:
        for stage, owner, name in where:
            stack.enter_context(mock.patch.object(owner, name, timed(stage, getattr(owner, name))))
        ours = run_campaign(port)
    figures = [Figure(stage, spent[stage] / RECIPIENTS * 1e6, "us") for stage, _, _ in where]
    rest = ours.cpu - sum(figure.value for figure in figures)
    return [*figures, Figure("transport", rest, "us"), Figure("all", ours.cpu, "us")]


def _megabytes() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def main() -> None:
    if "--profile" in sys.argv:
        profile = cProfile.Profile()
        with sink() as port:
            run_campaign(port, profile=profile)
        pstats.Stats(profile).sort_stats("tottime").print_stats(40)
        return
    if "--stages" in sys.argv:
        show("CPU time a mail, by stage", stages())
        return
    show(f"Sending {RECIPIENTS:,} mails of a campaign to smtp-sink", near())
    show("Sending to a server 10 ms away", from_far())
    if "--more" in sys.argv:
        show("Sending with more to do", more())
    if "--long" in sys.argv:
        show("A long campaign", long())


if __name__ == "__main__":
    main()
