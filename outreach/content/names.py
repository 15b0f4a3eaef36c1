"""The values a mail may use, by name, and made-up ones to try a mail with."""

from __future__ import annotations

from outreach.content.answers import BRIEF, answer_links
from outreach.content.catalog import ANSWERS, Strings
from outreach.content.dates import format_date, session_values
from outreach.model.values import Session

#: Known for every campaign.
NAMES = frozenset(
    {"greeting", "campaign.deadline"}
    | {f"municipality.{name}" for name in ("name", "country", "region")}
    | {f"contact.{name}" for name in ("name", "email", "source")}
    | {f"sender.{name}" for name in ("name", "email", "controller", "address", "privacy_url")}
    | {f"links.{name}" for name in ("assessment", "helpdesk", "by_mail", *ANSWERS)}
    | {f"links.{name}{BRIEF}" for name in ANSWERS}
)

#: Known besides for a campaign that invites to a session.
SESSION_NAMES = frozenset(
    f"session.{name}"
    for name in (
        *("title", "date", "time", "zone", "place", "room", "online", "hybrid", "details"),
        *("agenda", "speakers", "interpretation"),
    )
)


def sample_values(strings: Strings, country: str = "AT") -> dict[str, object]:
    """A value for each of :data:`NAMES` and :data:`SESSION_NAMES`, in the language of ``strings``: none is
    empty, each is of a usual length, and every address one that cannot exist (RFC 2606)."""
    from datetime import UTC, date, datetime

    session = Session(
        title="Digital tools for small municipalities",
        start=datetime(2026, 3, 12, 9, 0, tzinfo=UTC),
        end=datetime(2026, 3, 12, 10, 30, tzinfo=UTC),
        time_zone="Europe/Vienna",
        place="Rathausplatz 1, 1010 Musterstadt",
        online="https://meet.association.example/session",
        details="Coffee from 9:30.",
        room="Great Hall",
        agenda=("9:45 Arrival", "10:00 What is new, in plain words", "11:00 Your questions"),
        speakers=("Maria Muster, Sankt Martin", "Jan Voorbeeld, Association of Municipalities"),
        interpretation=("en", "fr"),
    )
    return {
        "greeting": strings.greeting(country),
        "municipality": {"name": "Sankt Martin", "country": country, "region": "AT-4"},
        "contact": {
            "name": "Maria Muster",
            "email": "gemeinde@sankt-martin.example",
            "source": "register of municipalities, 2026-03-02",
        },
        "sender": {
            "name": "Association of Municipalities",
            "email": "invitations@association.example",
            "controller": "Association of Municipalities",
            "address": "Rathausplatz 1, 1010 Musterstadt",
            "privacy_url": "https://association.example/privacy",
        },
        "links": {
            "assessment": "https://lordimas.example/start",
            "helpdesk": "https://helpdesk.example/",
            "by_mail": "yes",
            **answer_links(strings, "invitations@association.example", "sample-token-0000"),
        },
        "session": session_values(session, strings.code),
        "campaign": {"deadline": format_date(date(2026, 4, 30), strings.code)},
    }
