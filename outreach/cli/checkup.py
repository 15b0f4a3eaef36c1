"""`outreach doctor`: what is wrong on this machine, in the DNS and at the mail servers, and what to do."""

from __future__ import annotations

from dataclasses import asdict

import typer

from outreach import clock
from outreach.cli.shell import JSON, print_json, say, shell


def doctor(
    context: typer.Context,
    senders: list[str] | None = typer.Option(
        None, "--sender", metavar="NAME", help="Only this sender; may be given several times."
    ),
    selectors: list[str] | None = typer.Option(
        None,
        "--selector",
        metavar="NAME",
        help="The DKIM selector the mail server signs with; several times.",
    ),
    resolver: str | None = typer.Option(
        None, "--resolver", metavar="ADDRESS", help="Ask this DNS server, as 9.9.9.9 or 127.0.0.1:5353."
    ),
    offline: bool = typer.Option(
        False, "--offline", help="Only this machine: ask no DNS and no mail server."
    ),
    probe: bool = typer.Option(
        False, "--probe", help="Send one mail from each sender to itself, to see if name+something@ works."
    ),
    as_json: bool = JSON,
) -> None:
    """Look for what keeps mail from going out, being trusted, or bringing answers back.

    \b
    Workspace, secrets, database, disk and clock; then for each sender its domain in the DNS (MX, SPF, DKIM,
    DMARC) and its SMTP and IMAP servers (TLS, sign-in, folders). Without --probe nothing is sent, and
    nothing is changed. The exit code is 1 when something is an error.
    """
    from outreach.doctor import Finding, Severity, Wishes, examine

    wishes = Wishes(tuple(senders or ()), tuple(selectors or ()), resolver, offline, probe)
    findings: list[Finding] = []
    heading: str | None = None
    for finding in examine(shell(context).folder, wishes, clock.now):
        findings.append(finding)
        if as_json:
            continue
        if finding.sender != heading:
            heading = finding.sender
            say()
            say(f"Sender {heading}" if heading else "Workspace")
        say(f"{finding.severity.value:<9}{finding.looked_at}: {finding.found}")
        if finding.remedy:
            say(f"{'':<9}-> {finding.remedy}")
    counts = {severity: sum(one.severity is severity for one in findings) for severity in Severity}
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        say()
        say(
            f"Errors: {counts[Severity.ERROR]}. Warnings: {counts[Severity.WARNING]}. "
            f"In order: {counts[Severity.OK]}."
        )
    if counts[Severity.ERROR]:
        raise typer.Exit(1)
