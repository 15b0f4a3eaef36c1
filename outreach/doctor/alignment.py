"""What the check of a campaign has to know of a sender's domain: whether receivers will trust its mail."""

from __future__ import annotations

from outreach.campaign.definition import is_placeholder
from outreach.content import lint
from outreach.doctor import domain
from outreach.doctor.examination import published_keys
from outreach.doctor.findings import Finding, Severity
from outreach.doctor.names import Names, UnansweredError
from outreach.settings import Workspace

_RULE = "sender-alignment"
_PLACE = "outreach.toml"
#: Seconds for a question: a check must not hang on a network that is not there.
_PATIENCE = 3.0


def look(
    workspace: Workspace, name: str, *, offline: bool = False, resolver: str | None = None
) -> list[lint.Finding]:
    """SPF, DKIM, DMARC and MX of the domain of the sender ``name``; that all is well is no finding. ``resolver`` as
    for :class:`Names`; without one no name is asked for that no public DNS can have.

    :raises InputError: ``resolver`` is no address.
    """
    sender = workspace.settings.sender(name)
    own = sender.address.rpartition("@")[2].lower()
    if offline:
        return [_unknown(name, own, "nothing was asked (--offline).")]
    if resolver is None and is_placeholder(f"https://{own}/"):
        return [_unknown(name, own, "the name is reserved for examples (RFC 2606).")]
    keys, problem = published_keys(workspace, name)
    found = [] if problem is None else [problem]
    try:
        names = Names(resolver, seconds=_PATIENCE)
        names.mx(own)  # where the DNS does not answer at all, one question is enough to know
    except UnansweredError as error:
        return [_unknown(name, own, error.message)]
    found += domain.check_domain(
        names,
        sender=name,
        domain=own,
        envelope=own,
        replies=sender.reply_address.rpartition("@")[2].lower(),
        smtp_host=sender.smtp.host,
        keys=keys,
    )
    return [_told(name, one) for one in found if one.severity is not Severity.OK]


def _told(name: str, finding: Finding) -> lint.Finding:
    hard = finding.severity is Severity.ERROR
    return lint.Finding(
        lint.Severity.ERROR if hard else lint.Severity.WARNING,
        _RULE,
        f"{_PLACE}, sender {name}",
        f"{finding.looked_at}: {finding.found.rstrip('.')}.",
        f"{finding.remedy} Where this machine's DNS is not to be trusted, --offline leaves it out."
        if hard
        else finding.remedy,
    )


def _unknown(name: str, own: str, why: str) -> lint.Finding:
    return lint.Finding(
        lint.Severity.NOTICE,
        _RULE,
        f"{_PLACE}, sender {name}",
        f"SPF, DKIM and DMARC of {own} were not looked at: {why}",
        f"outreach doctor --sender {name}",
    )
