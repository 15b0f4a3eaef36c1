"""The report's figures against a slow and obvious count of the same made-up histories."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outreach.db import queries, schema, standings
from outreach.db.engine import Database
from outreach.model.states import (
    STOPPING_ENGAGEMENTS,
    CampaignState,
    EngagementKind,
    ExclusionReason,
    MessageState,
    RegistrationState,
)
from outreach.report import funnel as stages
from outreach.report import sections
from outreach.report.document import Cut, Unit
from outreach.report.left_out import left_out
from outreach.report.measures import Counts, rates, total
from outreach.report.sections import Numbers
from tests import databases, histories
from tests.histories import NOW

database = databases.fixture()

STEPS = ("invitation", "reminder", "last-call")
_DELIVERED = (MessageState.SENT, MessageState.BOUNCED)
_DECISIONS = (EngagementKind.REGISTERED, EngagementKind.DECLINED, EngagementKind.TENTATIVE)


@dataclass(frozen=True)
class FunnelCounts:
    invited: int
    reached: int
    answered: int
    registered: int
    declined: int
    unsubscribed: int


@dataclass(frozen=True)
class FunnelRow:
    campaign: str
    country: str
    step: str | None  # None: the campaign as a whole
    counts: FunnelCounts


@dataclass(frozen=True)
class Mail:
    campaign: int
    municipality: int
    recipient: int  # which of the municipality's
    step: str
    state: MessageState


@dataclass(frozen=True)
class Act:
    campaign: int
    municipality: int
    kind: EngagementKind
    about: int | None  # the position of the mail in the history
    undone: bool


@dataclass(frozen=True)
class History:
    campaigns: list[tuple[str, str]]  # slug and country; one pair can come twice
    municipalities: list[str]  # their countries
    mails: list[Mail]
    acts: list[Act]
    places: dict[tuple[int, int], RegistrationState]


@st.composite
def a_history(draw: st.DrawFn) -> History:
    campaigns = draw(
        st.lists(st.tuples(st.sampled_from(["alpha", "beta"]), st.sampled_from(["BE", "FR"])), max_size=4)
    )
    municipalities = draw(st.lists(st.sampled_from(["BE", "FR"]), max_size=5))
    pairs = [
        (campaign, municipality)
        for campaign, (_, country) in enumerate(campaigns)
        for municipality, land in enumerate(municipalities)
        if land == country
    ]
    if not pairs:
        return History(campaigns, municipalities, [], [], {})
    states = st.sampled_from(
        [MessageState.SENT, MessageState.BOUNCED, MessageState.UNCERTAIN, MessageState.QUEUED]
    )
    chosen = draw(
        st.lists(
            st.tuples(st.sampled_from(pairs), st.integers(0, 1), st.sampled_from(STEPS), states),
            max_size=14,
            unique_by=lambda mail: mail[:3],
        )
    )
    mails = [Mail(*pair, recipient, step, state) for pair, recipient, step, state in chosen]
    acts = []
    for _ in range(draw(st.integers(0, 8))):
        kind = draw(st.sampled_from([*STOPPING_ENGAGEMENTS, EngagementKind.AUTO_REPLIED]))
        about = draw(st.none() | st.integers(0, len(mails) - 1)) if mails else None
        if about is None:
            pair = draw(st.sampled_from(pairs))
        else:
            pair = (mails[about].campaign, mails[about].municipality)
        acts.append(Act(*pair, kind, about, draw(st.sampled_from([False, False, False, True]))))
    places = draw(
        st.dictionaries(st.sampled_from(pairs), st.sampled_from(list(RegistrationState)), max_size=3)
    )
    return History(campaigns, municipalities, mails, acts, places)


def write_down(connection: sa.Connection, history: History, prefix: str = "") -> None:
    campaigns = []
    for number, (slug, country) in enumerate(history.campaigns):
        campaigns.append(
            histories.add_campaign(
                connection, f"{prefix}{slug}-{country}-{number}", slug=slug, country=country
            )
        )
        histories.add_content(connection, campaigns[-1], *STEPS)
    municipalities = [histories.add_municipality(connection, country) for country in history.municipalities]
    recipients: dict[tuple[int, int, int], int] = {}

    def recipient(campaign: int, municipality: int, number: int) -> int:
        key = (campaign, municipality, number)
        if key not in recipients:
            recipients[key] = histories.add_recipient(
                connection, campaigns[campaign], municipalities[municipality]
            )
        return recipients[key]

    messages = [
        histories.add_message(
            connection,
            recipient(mail.campaign, mail.municipality, mail.recipient),
            mail.step,
            state=mail.state,
            handed_at=NOW,
        )
        for mail in history.mails
    ]
    for act in history.acts:
        histories.add(
            connection,
            schema.engagement,
            at=NOW,
            kind=act.kind,
            campaign_id=campaigns[act.campaign],
            municipality_id=municipalities[act.municipality],
            recipient_id=recipient(act.campaign, act.municipality, 0),
            message_id=None if act.about is None else messages[act.about],
            detail="",
            undone_at=NOW if act.undone else None,
        )
    for (campaign, municipality), state in history.places.items():
        histories.add(
            connection,
            schema.registration,
            campaign_id=campaigns[campaign],
            municipality_id=municipalities[municipality],
            state=state,
            created_at=NOW,
            updated_at=NOW,
        )


def numbers_of(
    connection: sa.Connection,
    *,
    campaign: str | None = None,
    country: str | None = None,
    unit: Unit = Unit.MUNICIPALITY,
) -> Numbers:
    """Everything that changed counted anew, and what a report reads of it."""
    while standings.count_some(connection, lambda _what: False):
        pass
    assert standings.waiting(connection) == 0
    launched = queries.launched(connection, campaign=campaign, country=country)
    rows = standings.numbers(connection, unit=unit, selections=None, country=country)
    assert all(row[-1] > 0 for row in rows)
    return Numbers(rows, launched, unit)


def funnel(
    connection: sa.Connection, *, campaign: str | None = None, country: str | None = None
) -> list[FunnelRow]:
    numbers = numbers_of(connection, campaign=campaign, country=country)
    rows = []
    for one in numbers.launched:
        for land in one.countries:
            whole = numbers.counts(one.slug, stages.WHOLE, "", (land,))
            rows.append(FunnelRow(one.slug, land, None, _figures(whole)))
            lines = ((step, numbers.counts(one.slug, Cut.STEP, step, (land,))) for step in one.steps)
            rows += [
                FunnelRow(one.slug, land, step, _figures(counts)) for step, counts in lines if counts.invited
            ]
    return rows


def _figures(counts: Counts) -> FunnelCounts:
    return FunnelCounts(*(getattr(counts, field.name) for field in fields(FunnelCounts)))


def count_slowly(history: History) -> list[FunnelRow]:
    """As the definitions say it, one municipality after the other."""
    rows = []
    for slug, country in sorted(set(history.campaigns)):
        members = {number for number, campaign in enumerate(history.campaigns) if campaign == (slug, country)}
        tally: dict[str | None, dict[str, int]] = {}

        def count(step: str | None, tally: dict[str | None, dict[str, int]] = tally, **facts: bool) -> None:
            line = tally.setdefault(step, {})
            for name, holds in facts.items():
                line[name] = line.get(name, 0) + holds

        for place in range(len(history.municipalities)):
            mails = {
                number: mail
                for number, mail in enumerate(history.mails)
                if mail.municipality == place and mail.campaign in members and mail.state in _DELIVERED
            }
            if not mails:
                continue
            acts = [
                act
                for act in history.acts
                if act.municipality == place
                and act.campaign in members
                and act.kind in STOPPING_ENGAGEMENTS
                and not act.undone
            ]
            registered = any(
                state is RegistrationState.REGISTERED
                for (campaign, municipality), state in history.places.items()
                if municipality == place and campaign in members
            )
            answered = bool(acts) or registered
            decisions = [act.kind for act in acts if act.kind in _DECISIONS]
            facts = {
                "answered": answered,
                "registered": registered,
                "declined": not registered and decisions[-1:] == [EngagementKind.DECLINED],
                "unsubscribed": any(act.kind is EngagementKind.UNSUBSCRIBED for act in acts),
            }
            named = [act.about for act in acts if act.about in mails]
            stands_for = mails[max(named or mails)].step  # type: ignore[type-var]
            arrived = any(mail.state is MessageState.SENT for mail in mails.values())
            count(None, invited=True, reached=arrived or answered, **facts)
            for step in {mail.step for mail in mails.values()}:
                here = step == stands_for
                arrived = any(mail.state is MessageState.SENT for mail in mails.values() if mail.step == step)
                count(
                    step,
                    invited=True,
                    reached=arrived or (answered and here),
                    **{name: holds and here for name, holds in facts.items()},
                )
        nothing = FunnelCounts(0, 0, 0, 0, 0, 0)
        rows += [
            FunnelRow(slug, country, step, FunnelCounts(**tally[step]) if step in tally else nothing)
            for step in (None, *STEPS)
            if step in tally or step is None
        ]
    return rows


@contextmanager
def _forgotten(database: Database) -> Iterator[sa.Connection]:
    """A transaction that leaves nothing behind: an empty database for each history."""
    with database.engine.connect() as connection, connection.begin() as transaction:
        yield connection
        transaction.rollback()


_MANY: Any = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
_FEW: Any = settings(parent=_MANY, max_examples=25)


@given(history=a_history())
@_MANY
def test_the_figures_are_those_of_a_slow_count(database: Database, history: History) -> None:
    with _forgotten(database) as connection:
        write_down(connection, history)
        rows = funnel(connection)
        assert rows == count_slowly(history)
        for country in ("BE", "FR"):
            assert funnel(connection, country=country) == [row for row in rows if row.country == country]
        assert funnel(connection, campaign="alpha") == [row for row in rows if row.campaign == "alpha"]
        numbers, of_contacts = numbers_of(connection), numbers_of(connection, unit=Unit.CONTACT)
        for table in (*left_out(numbers), *left_out(of_contacts)):
            assert table.adds_up, table
            assert all(reason.number > 0 for reason in table.reasons), table
        for section in (*sections.sections(numbers), *sections.sections(of_contacts)):
            if section.adds_up:
                assert total(line.counts for line in section.lines) == section.total
            for line in section.lines:
                for rate in rates(line.counts).values():
                    assert rate.numerator <= rate.denominator, (section, line)
                assert line.counts.registered + line.counts.declined <= line.counts.answered
                assert line.counts.unsubscribed <= line.counts.answered
    for row in rows:
        if row.step is None:
            own = [other for other in rows if (other.campaign, other.country) == (row.campaign, row.country)]
            for name in ("answered", "registered", "declined", "unsubscribed"):
                by_step = sum(getattr(other.counts, name) for other in own if other.step is not None)
                assert by_step == getattr(row.counts, name)


@given(history=a_history(), later=a_history(), data=st.data())
@_FEW
def test_numbers_kept_current_are_those_counted_from_nothing(
    database: Database, history: History, later: History, data: st.DataObject
) -> None:
    """Whatever changes, in whatever order, between two times of counting."""
    with _forgotten(database) as connection:
        write_down(connection, history)
        numbers_of(connection)
        write_down(connection, later, "later")
        for table, column, values in (
            (schema.message, "state", [MessageState.SENT, MessageState.BOUNCED, MessageState.SKIPPED]),
            (schema.engagement, "undone_at", [None, NOW]),
            (schema.registration, "state", list(RegistrationState)),
            (schema.contact, "gone_at", [None, NOW]),
            (schema.municipality, "population", [None, 1_500, 20_000]),
            (schema.recipient, "excluded", [None, ExclusionReason.SUPPRESSED, ExclusionReason.GONE]),
        ):
            ids = connection.execute(sa.select(table.c.id)).scalars().all()
            if not ids:
                continue
            for id_ in data.draw(st.sets(st.sampled_from(ids), max_size=3)):
                value = data.draw(st.sampled_from(values))
                connection.execute(sa.update(table).where(table.c.id == id_).values({column: value}))
        if data.draw(st.booleans()):
            connection.execute(sa.delete(schema.registration))
        kept = _all_numbers(connection)
        for table in (schema.report_place, schema.report_number):
            connection.execute(sa.delete(table))
        everyone = sa.select(schema.municipality.c.id)
        connection.execute(sa.insert(schema.report_stale).from_select(["municipality_id"], everyone))
        assert kept == _all_numbers(connection)


def _all_numbers(connection: sa.Connection) -> list[standings.Number]:
    numbers_of(connection)
    units = (standings.numbers(connection, unit=unit, selections=None, country=None) for unit in Unit)
    return sorted(row for rows in units for row in rows)


@pytest.fixture
def told(database: Database) -> Iterator[sa.Connection]:
    with _forgotten(database) as connection:
        yield connection


def _count(connection: sa.Connection, history: History) -> dict[str | None, FunnelCounts]:
    write_down(connection, history)
    return {row.step: row.counts for row in funnel(connection)}


def _sent(step: str = "invitation", state: MessageState = MessageState.SENT) -> Mail:
    return Mail(0, 0, 0, step, state)


def _act(kind: EngagementKind, about: int | None = 0) -> Act:
    return Act(0, 0, kind, about, undone=False)


def test_no_campaign_no_lines(told: sa.Connection) -> None:
    assert funnel(told) == []
    assert queries.campaign_overview(told) == []


def test_a_campaign_that_sent_nothing_yet_has_zeros_and_one_not_launched_no_line(told: sa.Connection) -> None:
    histories.add_campaign(told, "lordimas-be")
    histories.add_campaign(told, "lordimas-fr", launched_at=None, state=CampaignState.APPROVED)
    assert funnel(told) == [FunnelRow("lordimas", "BE", None, FunnelCounts(0, 0, 0, 0, 0, 0))]


def test_a_campaign_is_chosen_by_slug_or_by_name(told: sa.Connection) -> None:
    for name in ("lordimas-be", "lordimas-fr", "helpdesk-be"):
        histories.add_campaign(told, name)

    def lines(**choice: str) -> list[tuple[str, str]]:
        return [(row.campaign, row.country) for row in funnel(told, **choice)]

    assert lines(campaign="lordimas") == [("lordimas", "BE"), ("lordimas", "FR")]
    assert lines(campaign="lordimas-fr") == [("lordimas", "FR")]
    assert lines(country="BE") == [("helpdesk", "BE"), ("lordimas", "BE")]
    assert lines(campaign="nothing") == []


def test_an_uncertain_mail_invites_nobody(told: sa.Connection) -> None:
    mails = [_sent(state=MessageState.UNCERTAIN)]
    counts = _count(
        told, History([("a", "BE")], ["BE"], mails, [_act(EngagementKind.ANSWERED)], {(0, 0): "registered"})
    )
    assert counts == {None: FunnelCounts(0, 0, 0, 0, 0, 0)}


def test_a_machine_that_answers_is_no_answer(told: sa.Connection) -> None:
    counts = _count(told, History([("a", "BE")], ["BE"], [_sent()], [_act(EngagementKind.AUTO_REPLIED)], {}))
    assert counts[None] == FunnelCounts(1, 1, 0, 0, 0, 0)


def test_who_declines_and_then_comes_is_registered_once(told: sa.Connection) -> None:
    acts = [_act(EngagementKind.DECLINED), _act(EngagementKind.REGISTERED)]
    counts = _count(
        told,
        History([("a", "BE")], ["BE"], [_sent()], acts, {(0, 0): RegistrationState.REGISTERED}),
    )
    assert counts[None] == FunnelCounts(1, 1, 1, 1, 0, 0)


def test_who_comes_and_then_declines_has_declined_once(told: sa.Connection) -> None:
    acts = [_act(EngagementKind.REGISTERED), _act(EngagementKind.DECLINED), _act(EngagementKind.ANSWERED)]
    counts = _count(
        told,
        History([("a", "BE")], ["BE"], [_sent()], acts, {(0, 0): RegistrationState.CANCELLED}),
    )
    assert counts[None] == FunnelCounts(1, 1, 1, 0, 1, 0)


def test_an_answer_counts_for_the_step_it_answers_and_not_for_the_others(told: sa.Connection) -> None:
    counts = _count(
        told,
        History(
            [("a", "BE")],
            ["BE"],
            [_sent("invitation"), _sent("reminder")],
            [_act(EngagementKind.ANSWERED, about=0)],
            {},
        ),
    )
    assert counts == {
        None: FunnelCounts(1, 1, 1, 0, 0, 0),
        "invitation": FunnelCounts(1, 1, 1, 0, 0, 0),
        "reminder": FunnelCounts(1, 1, 0, 0, 0, 0),
    }


def test_who_answers_was_reached_though_the_mail_came_back(told: sa.Connection) -> None:
    counts = _count(
        told,
        History(
            [("a", "BE")],
            ["BE"],
            [_sent(state=MessageState.BOUNCED)],
            [_act(EngagementKind.ANSWERED, about=None)],
            {},
        ),
    )
    assert counts[None] == counts["invitation"] == FunnelCounts(1, 1, 1, 0, 0, 0)


def test_the_overview_counts_messages_by_state(told: sa.Connection) -> None:
    later = NOW + timedelta(days=1)
    histories.add_campaign(told, "lordimas-fr", launched_at=None, state=CampaignState.DRAFT)
    campaign_id = histories.add_campaign(told, "lordimas-be", launched_at=later)
    for state in (MessageState.SENT, MessageState.SENT, MessageState.UNCERTAIN):
        place = histories.add_municipality(told)
        histories.add_message(told, histories.add_recipient(told, campaign_id, place), state=state)
    first, second = queries.campaign_overview(told)
    assert (first.name, first.title, first.country, first.sender) == (
        "lordimas-be",
        "An invitation",
        "BE",
        "mine",
    )
    assert (first.state, first.launched_at) == (CampaignState.RUNNING, later)
    assert first.messages == {MessageState.SENT: 2, MessageState.UNCERTAIN: 1}
    assert (second.name, second.launched_at, second.messages) == ("lordimas-fr", None, {})
