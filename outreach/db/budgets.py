"""How much of its limits a sender has used, over all runs and machines that share the database.

Windows slide: "30 a minute" is 30 in any 60 seconds. For each window one row holds how many attempts were made
since a moment. A claim moves that moment on and takes off the attempts that fell out, so that each attempt is
counted once when it comes and once when it goes, however many there are. What is claimed and not settled yet
counts as well.

Connections are shared out as leases (:func:`take_lines`): nobody's share is taken from it, a run gives back by
itself what it has too much when another one waits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from outreach.db import schema
from outreach.db.dialect import Prepared, loaded, moment, plain_cursor, upsert
from outreach.model.states import OutcomeKind

_ATTEMPT = schema.attempt
_MESSAGE = schema.message
_WINDOW = schema.sender_window
_LINE = schema.sender_line
_DOMAIN = schema.domain_use

#: The longest window of a domain.
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Room:
    """What a sender may still send."""

    mails: int  # now; 0 or less: none
    seconds: int  # the length of the window that leaves the least


def recount(connection: sa.Connection, sender: str, windows: Collection[int], now: datetime) -> None:
    """Count the attempts of each window (its length in seconds) anew: at the beginning of a run, so that nothing
    can stay wrong for long."""
    _lock(connection, sender)
    # an attempt that is being written adds to its row before or after, not in between
    connection.execute(sa.select(_WINDOW.c.seconds).where(_WINDOW.c.sender == sender).with_for_update())
    connection.execute(
        upsert(connection, _WINDOW, ("sender", "seconds"), ("used", "since")),
        [
            {
                "sender": sender,
                "seconds": seconds,
                "used": tried(connection, sender, now - timedelta(seconds=seconds)),
                "since": now - timedelta(seconds=seconds),
            }
            for seconds in sorted(windows)
        ],
    )
    connection.execute(sa.delete(_DOMAIN).where(_DOMAIN.c.sender == sender, _DOMAIN.c.at < now - _HOUR))


def room(connection: sa.Connection, sender: str, windows: Mapping[int, int], now: datetime) -> Room:
    """How many mails of ``sender`` may be claimed now, under ``windows`` (seconds -> limit), at least one; in a
    transaction that writes. Two runs never see the same room: the second waits for the first."""
    rows = [row for row in _WINDOWS(connection, {"b_sender": sender}) if row[0] in windows]
    if len(rows) < len(windows):  # a limit that no run had before
        recount(connection, sender, windows, now)
        return room(connection, sender, windows, now)
    flying = _flying(connection, sender)
    found: Room | None = None
    for seconds, used, text in rows:
        begins, since = now - timedelta(seconds=seconds), loaded(text)
        assert since is not None
        if begins > since:  # the clock may have been set back: then what was counted stays counted
            gone = tried(connection, sender, since, begins)
            used -= gone
            with plain_cursor(connection) as execute:
                execute(_MOVE_ON, (used, moment(connection, begins), sender, seconds))
        left = Room(windows[seconds] - used - flying, seconds)
        if found is None or left.mails < found.mails:
            found = left
    assert found is not None
    return found


_WINDOWS = Prepared(
    sa.select(_WINDOW.c.seconds, _WINDOW.c.used, _WINDOW.c.since)
    .where(_WINDOW.c.sender == sa.bindparam("b_sender"))
    .with_for_update()
)
_MOVE_ON = "UPDATE sender_window SET used = ?, since = ? WHERE sender = ? AND seconds = ?"


def spend(connection: sa.Connection, sender: str, count: int, at: datetime) -> None:
    """``count`` mails were tried at ``at``: in the transaction that writes their attempts."""
    if count:
        with plain_cursor(connection) as execute:
            execute(_SPEND, (count, sender, moment(connection, at)))


# An attempt written so late that its window has moved past it would never be taken off again.
_SPEND = "UPDATE sender_window SET used = used + ? WHERE sender = ? AND since < ?"


def frees_at(connection: sa.Connection, sender: str, seconds: int, now: datetime) -> datetime | None:
    """When the oldest attempt within the window of ``seconds`` falls out of it; ``None``: there is none."""
    oldest: datetime | None = connection.execute(
        sa.select(_ATTEMPT.c.at)
        .where(*_cost(sender), _ATTEMPT.c.at > now - timedelta(seconds=seconds))
        .order_by(_ATTEMPT.c.at)
        .limit(1)
    ).scalar_one_or_none()
    return None if oldest is None else oldest + timedelta(seconds=seconds)


def recent(connection: sa.Connection, sender: str, since: datetime) -> list[datetime]:
    """The moments of all attempts of ``sender`` that count since ``since``, in order."""
    statement = sa.select(_ATTEMPT.c.at).where(*_cost(sender), _ATTEMPT.c.at > since).order_by(_ATTEMPT.c.at)
    return list(connection.execute(statement).scalars())


def sent_on_days(connection: sa.Connection, sender: str, days: Iterable[datetime]) -> list[int]:
    """How many attempts of ``sender`` there were in the 24 hours from each of ``days`` on."""
    return [tried(connection, sender, day, day + timedelta(days=1)) for day in days]


def tried(connection: sa.Connection, sender: str, after: datetime, until: datetime | None = None) -> int:
    """Attempts after ``after``, up to and with ``until``."""
    until = until or datetime.max.replace(tzinfo=UTC)
    between = {"after": moment(connection, after), "until": moment(connection, until)}
    ((count,),) = _TRIED(connection, {"b_sender": sender, **between})
    return int(count)


# Domains


def domains_used(
    connection: sa.Connection, sender: str, domains: Collection[str], since: datetime
) -> Counter[str]:
    """How many mails of ``sender`` to each of ``domains`` were tried since ``since`` or are on their way."""
    rows = connection.execute(
        sa.select(_DOMAIN.c.domain, sa.func.sum(_DOMAIN.c.count))
        .where(_DOMAIN.c.sender == sender, _DOMAIN.c.domain.in_(list(domains)), _DOMAIN.c.at > since)
        .group_by(_DOMAIN.c.domain)
    )
    used = Counter({domain: int(count) for domain, count in rows})
    flying = connection.execute(
        sa.select(_MESSAGE.c.email_key).where(_MESSAGE.c.sender == sender, schema.SENDING)
    ).scalars()
    used.update(domain for domain in map(domain_of, flying) if domain in domains)
    return used


def spend_domains(connection: sa.Connection, sender: str, domains: Mapping[str, int], at: datetime) -> None:
    """So many mails to each domain were tried at ``at``."""
    when = moment(connection, at)
    with plain_cursor(connection) as execute:
        for domain, count in sorted(domains.items()):
            execute(_SPEND_DOMAIN, (sender, domain, when, count))


_SPEND_DOMAIN = (
    "INSERT INTO domain_use (sender, domain, at, count) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (sender, domain, at) DO UPDATE SET count = domain_use.count + excluded.count"
)


def domain_of(email_key: str) -> str:
    return email_key.rpartition("@")[2]


# Connections


def take_lines(
    connection: sa.Connection, sender: str, run: str, limit: int, until: datetime
) -> tuple[int, bool]:
    """Of the ``limit`` connections of ``sender``, those that ``run`` may have open until ``until``; and whether
    it is worth waiting for one when there is none: ``False`` when each is in the hands of another run.

    A run that has some keeps them only by asking again, and only when it has closed those beyond.
    """
    _lock(connection, sender)
    rows = connection.execute(sa.select(_LINE.c.run, _LINE.c.lines).where(_LINE.c.sender == sender)).all()
    others = [lines for other, lines in rows if other != run]
    mine = sum(lines for other, lines in rows if other == run)
    lines = share(mine, others, limit)
    if lines == 0 and len(others) >= limit:
        release_lines(connection, sender, run)
        return 0, False
    connection.execute(
        upsert(connection, _LINE, ("sender", "run"), ("lines", "until")),
        {"sender": sender, "run": run, "lines": lines, "until": until},
    )
    return lines, True


def share(mine: int, others: Collection[int], limit: int) -> int:
    """How many of ``limit`` connections a run may have that has ``mine`` now, beside ``others``: all that the
    others do not have, less what those among them with less than an even share still wait for."""
    even = limit // (len(others) + 1)
    wanted = limit - sum(max(lines, even) for lines in others)
    return min(max(wanted, 1 if mine else 0), max(limit - sum(others), 0))


def keep_lines(connection: sa.Connection, sender: str, run: str, limit: int, until: datetime) -> int:
    """Renew the lease of ``run``, and say how many connections it should have: fewer than it has when another
    run waits for some, more when there are some left. 0: the lease was lost."""
    rows = _LINES(connection, {"b_sender": sender})
    mine = sum(lines for other, lines in rows if other == run)
    if not mine:
        return 0
    with plain_cursor(connection) as execute:
        execute(_KEEP, (moment(connection, until), sender, run))
    return share(mine, [lines for other, lines in rows if other != run], limit)


_LINES = Prepared(sa.select(_LINE.c.run, _LINE.c.lines).where(_LINE.c.sender == sa.bindparam("b_sender")))
_KEEP = "UPDATE sender_line SET until = ? WHERE sender = ? AND run = ?"


def release_lines(connection: sa.Connection, sender: str, run: str) -> None:
    """``run`` has closed all its connections."""
    connection.execute(sa.delete(_LINE).where(_LINE.c.sender == sender, _LINE.c.run == run))


def line_holders(connection: sa.Connection, sender: str) -> list[str]:
    """The runs that have connections of ``sender``, or wait for one."""
    return list(connection.execute(sa.select(_LINE.c.run).where(_LINE.c.sender == sender)).scalars())


def drop_lines(connection: sa.Connection, sender: str, dead_runs: Collection[str], now: datetime) -> None:
    """Take back the connections of runs that are dead, or whose lease has run out."""
    connection.execute(
        sa.delete(_LINE).where(
            _LINE.c.sender == sender, sa.or_(_LINE.c.run.in_(list(dead_runs)), _LINE.c.until <= now)
        )
    )


def _lock(connection: sa.Connection, sender: str) -> None:
    """On PostgreSQL one claim of a sender at a time, until its transaction ends; SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK, sa.func.hashtext(sender))))


_LOCK = 0x6F757472  # "outr": ours among the advisory locks of a database


def _flying(connection: sa.Connection, sender: str) -> int:
    ((count,),) = _COUNT_FLYING(connection, {"b_sender": sender})
    return int(count)


_COUNT_FLYING = Prepared(
    sa.select(sa.func.count()).where(_MESSAGE.c.sender == sa.bindparam("b_sender"), schema.SENDING)
)


def _cost(sender: str | sa.BindParameter[str]) -> tuple[sa.ColumnElement[bool], ...]:
    """Which attempts cost the budget of ``sender``: not those that never reached the server."""
    return _ATTEMPT.c.sender == sender, _ATTEMPT.c.outcome != OutcomeKind.UNUSABLE


_TRIED = Prepared(
    sa.select(sa.func.count())
    .select_from(_ATTEMPT)
    .where(
        *_cost(sa.bindparam("b_sender")),
        _ATTEMPT.c.at > sa.bindparam("after"),
        _ATTEMPT.c.at <= sa.bindparam("until"),
    )
)
