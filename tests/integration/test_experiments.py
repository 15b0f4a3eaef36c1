"""Two variants of a mail from the campaign file to the report: chance decides, and nobody gets both."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from outreach.db import proposals, schema
from outreach.model.states import EngagementKind, MessageState
from tests import databases
from tests.desks import MONDAY, Desk
from tests.servers.sink import Sink

TOWNS = [(f"Town{number}", f"{who}@town{number}.example") for number in range(8) for who in ("info", "mayor")]
SUBJECT = '[experiment]\n[experiment.subject]\nnl = "{{ municipality.name }}: de andere regel"\n'
TIMES = '[experiment]\nsend_at = ["09:00-11:00", "14:00-16:00"]\n'
Make = Callable[[str], Desk]


@pytest.fixture(params=["sqlite", "postgresql"])
def make(
    request: pytest.FixtureRequest, blank_workspace: Path, tmp_path: Path, smtp_sink: Sink
) -> Iterator[Make]:
    made: list[Desk] = []

    def desk(more: str) -> Desk:
        url = databases.postgres_url() if request.param == "postgresql" else ""
        made.append(Desk(blank_workspace, tmp_path / "w", smtp_port=smtp_sink.port, database=url, more=more))
        return made[-1]

    yield desk
    for one in made:
        one.close()
        if request.param == "postgresql":
            databases.cluster().drop(one.workspace.database_url.rpartition("/")[2])


def subjects(sink: Sink) -> dict[str, list[bool]]:
    """Town -> of each mail to it: whether it had the other line."""
    found = defaultdict(list)
    for one in sink.accepted():
        mail = message_from_bytes(one.raw, policy=policy.default)
        address = str(mail["To"].addresses[0].addr_spec)
        found[address.partition("@")[2]].append("de andere regel" in str(mail["Subject"]))
    return found


def test_half_the_municipalities_get_the_other_subject_and_the_report_compares(
    make: Make, smtp_sink: Sink
) -> None:
    desk = make(SUBJECT)
    desk.launch(*TOWNS)
    checked = desk.type("campaigns", "preview", "trial", "--country", "BE", "--dir", desk.folder / "shown")
    assert checked
    assert list((desk.folder / "shown").rglob("*invitation-b*")), "the preview shows both"
    desk.run()
    got = subjects(smtp_sink)
    assert all(len(mails) == 2 and len(set(mails)) == 1 for mails in got.values()), (
        "a municipality gets one of them"
    )
    assert Counter(mails[0] for mails in got.values()) == {True: 4, False: 4}
    variants = dict(desk.rows(schema.recipient, "email_key", "variant"))
    assert all((variants[f"info@{town}"] == "b") is mails[0] for town, mails in got.items())
    desk.at(days=1)
    for town in (town for town, mails in got.items() if mails[0]):
        desk.answers(f"info@{town}")
    (one,) = json.loads(desk.type("report", "--campaign", "trial", "--json"))["experiments"]
    assert (one["step"], one["varies"], one["country"]) == ("invitation", "subject", "BE")
    assert "andere regel" in one["variants"][1]["text"]
    assert [arm["rates"]["answered"]["numerator"] for arm in one["variants"]] == [0, 4]
    assert [arm["rates"]["answered"]["denominator"] for arm in one["variants"]] == [4, 4]
    assert one["low"] > 0
    assert "B was answered more" in desk.type("report", "--campaign", "trial")
    desk.at(days=8)
    desk.run()  # the reminder has one subject for all
    assert {town: mails[2:] for town, mails in subjects(smtp_sink).items()} == {
        town: [] if mails[0] else [False, False] for town, mails in got.items()
    }


def test_whoever_is_added_later_gets_what_the_municipality_got(make: Make) -> None:
    desk = make(SUBJECT)
    desk.launch(*TOWNS)
    rows = desk.rows(schema.recipient, "campaign_id", "municipality_id", "variant")
    campaign_id, municipality_id, _ = next(row for row in rows if row[2] == "b")
    desk.import_([*TOWNS, ("Town0", "new@town0.example")])
    (contact_id,) = [
        id_ for id_, email in desk.rows(schema.contact, "id", "email_key") if email.startswith("new")
    ]
    with desk.write() as connection:
        values = {"municipality_id": municipality_id, "email_key": "new@town0.example", "language": "nl"}
        proposals.include(
            connection, campaign_id=campaign_id, contact_id=contact_id, values=values, now=MONDAY
        )
    assert desk.rows(schema.recipient, "variant")[-1] == "b"


def test_each_half_goes_in_its_hours(make: Make) -> None:
    desk = make(TIMES)
    desk.launch(*TOWNS)
    desk.run()
    variants = dict(desk.rows(schema.recipient, "email_key", "variant"))
    sent = {email for (_, email), state in desk.messages().items() if state is MessageState.SENT}
    assert sent == {email for email, variant in variants.items() if variant == "a"}
    desk.at(hours=4)
    desk.run()
    assert {email for (_, email), state in desk.messages().items() if state is MessageState.SENT} == sent
    desk.at(hours=5, minutes=5)
    desk.run()
    assert set(desk.messages().values()) == {MessageState.SENT}
    assert EngagementKind.FAILED not in desk.events()
    (one,) = json.loads(desk.type("report", "--json"))["experiments"]
    assert [arm["text"] for arm in one["variants"]] == ["09:00 to 11:00", "14:00 to 16:00"]
    assert one["sentence"].startswith("Not enough yet")


def test_a_language_without_a_second_line_does_not_pass_the_check(make: Make) -> None:
    desk = make('[experiment]\n[experiment.subject]\nde = "Die andere"\n')
    desk.import_(TOWNS)
    from tests import workspaces

    done = workspaces.command("-w", desk.folder, "campaigns", "check", "trial", "--country", "BE")
    assert done.code != 0
    assert "[experiment.subject] has no line in nl" in done.out + done.err
