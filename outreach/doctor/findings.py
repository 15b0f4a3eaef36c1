"""A finding: what was looked at, what was found there, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, unique

from outreach.errors import OutreachError


@unique
class Severity(StrEnum):
    OK = "ok"
    WARNING = "warning"  # works, but not as well or as safely as it could
    ERROR = "error"  # mail does not go, is not trusted, or its answers are lost


@dataclass(frozen=True, slots=True)
class Finding:
    severity: Severity
    looked_at: str
    found: str
    remedy: str = ""  # one sentence; empty when nothing has to be done
    sender: str | None = None  # whose it is; None: of the whole workspace


def ok(looked_at: str, found: str, *, sender: str | None = None) -> Finding:
    return Finding(Severity.OK, looked_at, found, sender=sender)


def warning(looked_at: str, found: str, remedy: str, *, sender: str | None = None) -> Finding:
    return Finding(Severity.WARNING, looked_at, found, remedy, sender)


def error(looked_at: str, found: str, remedy: str, *, sender: str | None = None) -> Finding:
    return Finding(Severity.ERROR, looked_at, found, remedy, sender)


def raised(looked_at: str, problem: OutreachError, *, sender: str | None = None) -> Finding:
    """The error that something we tried ended in."""
    return Finding(Severity.ERROR, looked_at, problem.message, problem.remedy, sender)
