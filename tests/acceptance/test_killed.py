"""SIGKILL in the middle of a batch, again and again: nothing is sent twice, nothing is lost."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from outreach import clock
from outreach.db import schema
from outreach.db.engine import Database
from outreach.model.states import MessageState, RegistrationState
from tests import databases, workspaces
from tests.desks import Desk
from tests.servers.sink import Sink
from tests.torture import launch, message_ids, torture

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerProcess

_MAILS = 400
_CONNECTIONS = 4
_KILLS = 20
_GUESTS = 80


def outbox(folder: Path) -> dict[str, MessageState]:
    """Every message: Message-ID and state."""
    database = Database(f"sqlite:///{folder / 'outreach.db'}")
    try:
        return message_ids(database)
    finally:
        database.close()


def kill_when(running: ForkServerProcess, reached: Callable[[], bool]) -> bool:
    """SIGKILL ``running`` once ``reached``; ``False`` when it came to its end before that."""
    while running.is_alive():
        if reached():
            running.kill()
            break
        time.sleep(0.0005)
    running.join()
    return running.exitcode == -signal.SIGKILL


def test_a_run_that_is_killed_twenty_times_sends_every_mail_once(tmp_path: Path, smtp_sink: Sink) -> None:
    folder = launch(tmp_path / "w", smtp_sink, _MAILS, {"connections": _CONNECTIONS})
    seed = random.randrange(10**6)
    print(f"seed {seed}")  # shown by pytest when the test fails
    chance = random.Random(seed)
    # The time in which the client cannot know: wide enough to be hit, as a distant server makes it.
    smtp_sink.behaviour.reply_delay = 0.004
    kills = 0
    command = ("run", "send")
    while kills < _KILLS:
        before = len(smtp_sink.accepted())
        # Some die before the first mail, some in the middle, at whatever instruction that may be.
        more = chance.randint(0, 2 * _MAILS // (3 * _KILLS))
        pause = chance.uniform(0, 0.01)
        opened = smtp_sink.connections
        running = workspaces.start_warm("-w", folder, command[kills % 2])

        def reached(opened: int = opened, enough: int = before + more, pause: float = pause) -> bool:
            if smtp_sink.connections == opened or len(smtp_sink.accepted()) < enough:
                return False
            time.sleep(pause)
            return True

        assert kill_when(running, reached), "the batch was sent before the run could be killed"
        kills += 1
    smtp_sink.behaviour.reply_delay = 0.0
    last = workspaces.process("-w", folder, "run")
    assert last.code == 0, last.err

    states = outbox(folder)
    accepted = smtp_sink.message_ids()
    assert len(states) == _MAILS
    twice = {message_id: number for message_id, number in accepted.items() if number > 1}
    assert not twice, "sent twice"
    assert set(accepted) <= set(states), "a mail that stands in no outbox"
    assert set(states.values()) <= {MessageState.SENT, MessageState.UNCERTAIN}, "lost"
    sent = {message_id for message_id, state in states.items() if state is MessageState.SENT}
    assert sent <= set(accepted), "written down as sent, and never arrived"
    uncertain = _MAILS - len(sent)
    print(f"{uncertain} uncertain, of which {len(accepted) - len(sent)} had arrived")
    assert 0 < uncertain <= kills * _CONNECTIONS

    status = workspaces.command("-w", folder, "campaigns", "status", "lordimas", "--country", "DE", "--json")
    told = json.loads(status.ok().out)["steps"]["invitation"]
    assert told == {"sent": len(sent), "uncertain": uncertain}
    words = workspaces.command("-w", folder, "campaigns", "status", "lordimas", "--country", "DE").ok()
    assert f"{uncertain} mails may or may not have been sent" in words.out

    # And it stays so: another run sends none of them.
    workspaces.command("-w", folder, "run").ok()
    assert smtp_sink.message_ids() == accepted


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@pytest.mark.parametrize("connections", [1, 4, 10])
def test_two_runs_of_which_one_is_killed_again_and_again(
    tmp_path: Path, smtp_sink: Sink, connections: int, kind: str
) -> None:
    """At whatever instruction it dies, and whatever the other run is doing then; `make torture` in small."""
    folder = tmp_path / "w"
    url = databases.postgres_url() if kind == "postgresql" else f"sqlite:///{folder / 'outreach.db'}"
    seed = random.randrange(10**6)
    done = torture(folder, smtp_sink, url=url, connections=connections, mails=160, kills=8, seed=seed)
    assert done.holds, f"seed {seed}: {done}"
    assert done.kills >= 2  # a fast machine is done before the last


def test_two_runs_at_once_share_the_work(tmp_path: Path, smtp_sink: Sink) -> None:
    folder = launch(tmp_path / "w", smtp_sink, 250, {"connections": 2})
    smtp_sink.behaviour.reply_delay = 0.003
    runs = [workspaces.start("-w", folder, "run") for _ in range(2)]
    for one in runs:
        _, complaints = one.communicate(timeout=60)
        assert (one.returncode, complaints) == (0, "")
    assert set(smtp_sink.message_ids().values()) == {1}
    assert outbox(folder) == dict.fromkeys(smtp_sink.message_ids(), MessageState.SENT)
    assert len(smtp_sink.accepted()) == 250


@pytest.mark.parametrize(
    ("act", "left"), [("pause", MessageState.DEFERRED), ("cancel", MessageState.CANCELLED)]
)
def test_a_campaign_that_is_stopped_sends_nothing_more(
    tmp_path: Path, smtp_sink: Sink, act: str, left: MessageState
) -> None:
    """Though a run has claimed 250 of its mails: what is under way comes to its end, and that is all."""
    folder = launch(tmp_path / "w", smtp_sink, 300, {"connections": _CONNECTIONS})
    smtp_sink.behaviour.reply_delay = 0.01
    run = workspaces.start_warm("-w", folder, "run")
    smtp_sink.wait(20)
    yes = ("--yes",) if act == "cancel" else ()
    workspaces.command("-w", folder, "campaigns", act, "lordimas", "--country", "DE", *yes).ok()
    there = len(smtp_sink.accepted())
    run.join(30)
    assert run.exitcode == 0
    assert len(smtp_sink.accepted()) <= there + _CONNECTIONS
    found = outbox(folder)
    assert set(found.values()) <= {MessageState.SENT, MessageState.QUEUED, left}
    assert {
        id_ for id_, state in found.items() if state is MessageState.SENT
    } == smtp_sink.message_ids().keys()


def test_a_run_beside_one_that_hangs_sends_the_rest(tmp_path: Path, smtp_sink: Sink) -> None:
    """What the other run holds is not touched while it lives, and goes when it is dead."""
    folder = launch(tmp_path / "w", smtp_sink, 280, {"connections": 2})
    smtp_sink.behaviour.reply_delay = 20.0  # the first run waits for an answer with 250 claims in hand
    # ... and takes one of the two connections only, or there would be none for another run.
    slow = workspaces.start("-w", folder, "run", OUTREACH_SENDERS__DE__LIMITS__CONNECTIONS="1")
    smtp_sink.wait(1)
    smtp_sink.behaviour.reply_delay = 0.0
    workspaces.command("-w", folder, "run").ok()
    assert len(smtp_sink.accepted()) == 1 + 30
    os.kill(slow.pid, signal.SIGKILL)
    slow.communicate()
    after = workspaces.command("-w", folder, "run").ok()
    assert "249 mails of a run that was interrupted go again" in after.out
    assert "1 mails of a run that was interrupted may have been sent" in after.out
    assert set(smtp_sink.message_ids().values()) == {1}
    assert sorted(outbox(folder).values()) == [MessageState.SENT] * 279 + [MessageState.UNCERTAIN]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_mails_around_a_session_by_runs_that_are_killed(
    blank_workspace: Path, tmp_path: Path, smtp_sink: Sink, kind: str
) -> None:
    """Each run plans them and sends them; two at a time, of which one is killed again and again."""
    url = databases.postgres_url() if kind == "postgresql" else ""
    desk = Desk(
        blank_workspace,
        tmp_path / "w",
        smtp_port=smtp_sink.port,
        database=url,
        limits={"per_minute": 100_000, "connections": 2},
    )
    clock.reset()  # the runs are processes of their own, with the clock of the machine
    day = (clock.now() + timedelta(days=7)).date()
    path = desk.folder / "campaigns" / "trial.toml"
    session = f'[session]\ntitle = "S"\nstart = {day}T22:00:00\nend = {day}T23:00:00\n'
    place = 'time_zone = "UTC"\nplace = "Town hall"\n'
    step = '[[steps]]\nname = "day-before"\nbefore = "7 days"\n'
    path.write_text(path.read_text().replace("[audience]", session + place + "[audience]") + step)
    towns = [(f"Town {number}", f"info@town{number}.example") for number in range(_GUESTS)]
    desk.launch(*towns)
    assert desk.run(max_seconds=None).sent.sent == _GUESTS
    with desk.write() as connection:
        connection.execute(
            sa.insert(schema.registration).from_select(
                ["campaign_id", "municipality_id", "state", "created_at", "updated_at"],
                sa.select(
                    schema.recipient.c.campaign_id,
                    schema.recipient.c.municipality_id,
                    sa.literal_column(f"'{RegistrationState.REGISTERED}'"),
                    schema.recipient.c.created_at,
                    schema.recipient.c.created_at,
                ),
            )
        )
        connection.execute(sa.update(schema.campaign).values(plan_at=clock.now()))

    smtp_sink.behaviour.reply_delay = 0.004
    chance = random.Random(7)
    beside = workspaces.start_warm("-w", desk.folder, "run")
    kills = 0
    while (before := len(smtp_sink.accepted())) < 2 * _GUESTS - 10:
        running = workspaces.start_warm("-w", desk.folder, "run")
        enough, until = before + chance.randint(0, 12), time.monotonic() + 5

        def reached(enough: int = enough, until: float = until) -> bool:
            return len(smtp_sink.accepted()) >= enough or time.monotonic() > until

        kills += kill_when(running, reached)
        if not beside.is_alive():
            beside = workspaces.start_warm("-w", desk.folder, "run")
    beside.join(60)
    smtp_sink.behaviour.reply_delay = 0.0
    clock.reset()
    assert desk.run(max_seconds=None).errors == []
    assert kills > 1
    states = {key: state for key, state in desk.messages().items() if key[0] == "day-before"}
    assert {email for _, email in states} == {email for _, email in towns}, "one a municipality, none lost"
    assert set(states.values()) <= {MessageState.SENT, MessageState.UNCERTAIN}
    assert set(smtp_sink.message_ids().values()) == {1}, "none twice"
    uncertain = sum(state is MessageState.UNCERTAIN for state in states.values())
    assert uncertain <= 2 * kills
    assert len(smtp_sink.accepted()) >= 2 * _GUESTS - uncertain
    desk.close()
