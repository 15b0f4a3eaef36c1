"""Everything Outreach raises on purpose.

::

    OutreachError                 1   something asked for was not done
    ├── SettingsError             3   outreach.toml, a secret or the environment is wrong
    ├── InputError                4   a file or value given by the user is wrong
    ├── RefusedError              5   the present state forbids it (no passed check, wrong country, ...)
    │   └── IllegalMoveError           5   a state machine has no such transition
    ├── MailServerError           6   an SMTP or IMAP server could not be used; later may be better
    └── DatabaseError             7   the database cannot be opened, is busy, full or of another version

The number is the exit code of the command line (2 is wrong usage, 130 an interruption). An error carries
one sentence that says what is wrong and, in ``remedy``, one that says what to do about it; nobody but the
command line turns them into text for a person.
"""

from __future__ import annotations


class OutreachError(Exception):
    """Something that was asked for could not be done."""

    exit_code = 1

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".rstrip()


class SettingsError(OutreachError):
    """A setting is missing or wrong."""

    exit_code = 3


class InputError(OutreachError):
    """A file or a value given by the user cannot be used."""

    exit_code = 4


class RefusedError(OutreachError):
    """The present state of things forbids what was asked for."""

    exit_code = 5


class IllegalMoveError(RefusedError):
    """A state machine has no such transition; nothing was changed."""


class MailServerError(OutreachError):
    """A mail server could not be reached, or turned us away."""

    exit_code = 6


class DatabaseError(OutreachError):
    """The database cannot be used."""

    exit_code = 7
