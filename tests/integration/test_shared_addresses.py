"""An address that several municipalities share: one mail that names them all, or one for each, as the campaign
says; and never a second one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from pathlib import Path

import pytest
import sqlalchemy as sa

from outreach import clock
from outreach.db import mailbox, outbox, places, schema
from outreach.jobs.answer_mail import AnswerMails
from outreach.model.states import AnswerMail, MessageState
from tests import databases
from tests.desks import Desk
from tests.servers.sink import Sink

SHARED = "info@together.example"
TOWNS = (("Aalst", SHARED), ("Bree", SHARED), ("Bree", "bree@bree.example"), ("Gent", "info@gent.example"))
Make = Callable[[str], Desk]


@pytest.fixture(params=["sqlite", "postgresql"])
def make(
    request: pytest.FixtureRequest, blank_workspace: Path, tmp_path: Path, smtp_sink: Sink
) -> Iterator[Make]:
    made: list[Desk] = []

    def desk(shared: str) -> Desk:
        url = databases.postgres_url() if request.param == "postgresql" else ""
        desk = Desk(
            blank_workspace, tmp_path / "w", smtp_port=smtp_sink.port, database=url, inbox="confirm = true"
        )
        file = desk.folder / "campaigns/trial.toml"
        text = file.read_text().replace('per_municipality = "all"', f'shared = "{shared}"')
        file.write_text(text)
        made.append(desk)
        return desk

    yield desk
    for desk_ in made:
        desk_.close()
        if request.param == "postgresql":
            databases.cluster().drop(desk_.workspace.database_url.rpartition("/")[2])


def subjects(sink: Sink) -> list[tuple[str, str]]:
    mails = [message_from_bytes(one.raw, policy=policy.default) for one in sink.accepted()]
    return sorted(
        (str(mail["To"].addresses[0].addr_spec), str(mail["Subject"]).partition(":")[0]) for mail in mails
    )


def test_one_mail_names_them_all_and_each_is_known_by_it(make: Make, smtp_sink: Sink) -> None:
    desk = make("all")
    desk.launch(*TOWNS)
    desk.run()
    assert subjects(smtp_sink) == [
        ("bree@bree.example", "Bree"),
        ("info@gent.example", "Gent"),
        (SHARED, "Aalst, Bree"),
    ]
    rows = {row[0]: row[1:] for row in desk.rows(schema.recipient, "id", "email_key", "excluded", "named_by")}
    (left_out,) = [row for row in rows.values() if row[1] == "shared_address"]
    assert rows[left_out[2]][:2] == (SHARED, None)


def test_each_gets_its_own_once(make: Make, smtp_sink: Sink) -> None:
    desk = make("each")
    desk.import_(TOWNS)
    said = desk.type("campaigns", "check", "trial", "--country", "BE")
    assert "1 addresses get a mail for each of their municipalities" in said
    desk.type("campaigns", "launch", "trial", "--country", "BE", "--yes")
    desk.run()
    invited = [("info@gent.example", "Gent"), (SHARED, "Aalst"), (SHARED, "Bree")]
    assert subjects(smtp_sink) == invited
    desk.at(days=8)
    desk.run()
    desk.run()
    assert len(subjects(smtp_sink)) == 6
    assert set(subjects(smtp_sink)) == {*invited}
    # the same once more, by whatever way, is refused by the database
    with desk.write() as connection:
        columns = [column for column in schema.message.c if column.name != "id"]
        rows = [dict(row) for row in connection.execute(sa.select(*columns)).mappings()]
        again = [
            {**row, "token": f"t{number}", "internet_message_id": f"<{number}@x.example>"}
            for number, row in enumerate(rows)
        ]
        assert outbox.queue(connection, again) == 0


def test_an_answer_for_one_is_not_taken_for_the_other(make: Make, smtp_sink: Sink) -> None:
    """Each has its own thread, its own reminder and its own confirmation."""
    desk = make("each")
    desk.launch(*TOWNS)
    desk.run()
    mails = AnswerMails(desk.workspace, "office")
    with desk.write() as connection:
        about = list(mailbox.messages_by(connection, "office", "email_key", [SHARED]))
        assert len({one.municipality_id for one in about}) == 2
        inbound = mailbox.add_inbound(
            connection,
            {
                "sender": "office", "folder": "INBOX", "uidvalidity": 1, "uid": 1, "digest": "d", "state": "done",
                "subject": "", "received_at": clock.now(),
            },
        )  # fmt: skip
        assert inbound is not None
        for expected in (True, False):  # the second time, the same was said already
            for one in about:
                went = mails.queue(
                    connection, AnswerMail.CONFIRMATION, one, SHARED, inbound_id=inbound, now=clock.now()
                )
                assert went is expected
    desk.run()
    assert desk.rows(schema.message, "step", "state")[3:] == [("confirmation", "sent")] * 2


def test_two_that_turn_out_to_be_one_get_one_mail(make: Make, smtp_sink: Sink) -> None:
    desk = make("each")
    desk.launch(("Aalst", SHARED), ("Alost", SHARED), ("Gent", "info@gent.example"))
    first, second, _ = desk.rows(schema.municipality, "id")
    with desk.write() as connection:
        places.move(connection, second, first)
    desk.run()
    assert subjects(smtp_sink) == [("info@gent.example", "Gent"), (SHARED, "Aalst")]
    states = dict(desk.rows(schema.message, "state", "reason"))
    assert states[MessageState.CANCELLED] == "its municipality is one with another that gets this mail"
    desk.at(days=8)
    desk.run()
    assert len(subjects(smtp_sink)) == 4


def test_two_that_got_theirs_and_turn_out_to_be_one_get_one_reminder(make: Make, smtp_sink: Sink) -> None:
    desk = make("each")
    desk.launch(("Aalst", SHARED), ("Alost", SHARED))
    desk.run()
    first, second = desk.rows(schema.municipality, "id")
    with desk.write() as connection:
        places.move(connection, second, first)
    desk.at(days=8)
    desk.run()
    assert subjects(smtp_sink) == [(SHARED, "Aalst"), (SHARED, "Aalst"), (SHARED, "Alost")]
