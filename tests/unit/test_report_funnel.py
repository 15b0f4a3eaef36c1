"""What one municipality counts as. The same against a real database: tests/integration/test_db_queries.py."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from outreach.model.states import STOPPING_ENGAGEMENTS, EngagementKind, ExclusionReason, MessageState
from outreach.report import funnel
from outreach.report.document import Cut, Unit
from outreach.report.facts import Act, Entry, Mail, Place, Pursuit, place_from_json
from outreach.report.funnel import (
    ALL,
    ANSWERED,
    ATTENDED,
    DECLINED,
    FINISHED,
    INVITED,
    PLACES,
    REACHABLE,
    REACHED,
    REGISTERED,
    STARTED,
    WHOLE,
    size_class,
    tally,
)
from outreach.report.left_out import left_out
from outreach.report.sections import Launched, Numbers, quartiles, sections

MONDAY = 20_514 * 86_400  # 2 March 2026, midnight in UTC
HOUR, DAY = 3600, 86_400


def _mail(step: str = "invitation", state: MessageState = MessageState.SENT, **values: Any) -> Mail:
    mail = Mail(1, 10, step, "de", state.value, MONDAY + 8 * HOUR, HOUR, 0)
    return mail._replace(**values)


def _act(kind: EngagementKind, **values: Any) -> Act:
    return Act(1, kind.value, 10, 1, MONDAY + 2 * DAY, 0)._replace(**values)


def _pursuit(mails: list[Mail], acts: list[Act] | None = None, **values: Any) -> Pursuit:
    entries = [Entry(10, 100, "", 1, "")]
    return Pursuit("alpha", MONDAY, entries, mails, acts or [], "", 0, "", 0, 0)._replace(**values)


def _place(*pursuits: Pursuit) -> Place:
    return Place(12_000, 2, "DE212", 1, 1, HOUR, pursuits)


def _line(
    found: Counter[funnel.Key], cut: str, value: str, *, unit: str = "municipality", of: str = "alpha"
) -> int:
    patterns = [key[4] for key in found if key[:4] == (of, unit, cut, value)]
    assert len(patterns) <= 1
    return patterns[0] if patterns else 0


def test_a_mail_stands_at_the_hour_and_the_weekday_of_its_municipality_and_in_its_week() -> None:
    found = tally(_place(_pursuit([_mail(sent=MONDAY + 6 * DAY + 23 * HOUR + 1800)])))
    assert _line(found, Cut.WEEKDAY, "1") == INVITED | REACHED | REACHABLE  # half past midnight there
    assert _line(found, Cut.HOUR, "0")
    assert _line(found, Cut.WEEK, "1")
    assert found["alpha", "municipality", funnel.SENT_ON, "2026-03-09", 0] == 1
    assert not _line(found, Cut.WEEKDAY, "7")


def test_an_answer_counts_for_the_mail_it_names_and_the_time_from_the_first() -> None:
    mails = [_mail(), _mail("reminder", message=2, sent=MONDAY + 7 * DAY)]
    found = tally(_place(_pursuit(mails, [_act(EngagementKind.ANSWERED, message=1, at=MONDAY + 8 * DAY)])))
    assert _line(found, Cut.STEP, "invitation") & ANSWERED
    assert not _line(found, Cut.STEP, "reminder") & ANSWERED
    assert found["alpha", "municipality", funnel.DAY, "8", 0] == 1
    assert found["alpha", "municipality", funnel.WAIT, str(7 * 24 + 16), 0] == 1


def test_who_finished_the_assessment_has_registered_answered_and_been_reached() -> None:
    found = tally(_place(_pursuit([_mail()], progress="finished", placed=MONDAY + DAY)))
    assert _line(found, WHOLE, "") == (
        INVITED | REACHED | REACHABLE | ANSWERED | REGISTERED | STARTED | FINISHED
    )


def test_who_only_came_was_reached_and_has_not_answered() -> None:
    bounced = _mail(state=MessageState.BOUNCED)
    found = tally(_place(_pursuit([bounced], attended=1)))
    assert _line(found, WHOLE, "") == INVITED | REACHED | REACHABLE | ATTENDED


def test_known_is_who_had_answered_an_earlier_campaign_when_this_one_began() -> None:
    earlier = _pursuit([_mail(sent=MONDAY - 9 * DAY)], slug="beta", launched=MONDAY - 10 * DAY)
    answered = _act(EngagementKind.ANSWERED, at=MONDAY - DAY)
    later = _act(EngagementKind.ANSWERED, at=MONDAY + DAY)
    for acts, known in (([answered], "known"), ([later], "new"), ([], "new")):
        found = tally(_place(earlier._replace(acts=acts), _pursuit([_mail(message=2)])))
        assert _line(found, Cut.NEW_OR_KNOWN, known) & INVITED, known
        assert _line(found, Cut.NEW_OR_KNOWN, "new", of="beta") & INVITED


def test_over_several_campaigns_who_registered_in_one_has_declined_none() -> None:
    declines = _pursuit([_mail()], [_act(EngagementKind.DECLINED)], slug="beta")
    comes = _pursuit([_mail(message=2)], [_act(EngagementKind.REGISTERED)], place="registered")
    found = tally(_place(declines, comes))
    assert _line(found, WHOLE, "", of="beta") & DECLINED
    whole = _line(found, WHOLE, "", of=ALL)
    assert whole & REGISTERED
    assert not whole & DECLINED


def test_who_shares_an_address_is_invited_by_the_mail_that_names_it_and_its_mail_counts_once() -> None:
    shared = _pursuit([_mail(shared=1)], entries=[Entry(11, 100, "shared_address", 1, "")])
    found = tally(_place(shared))
    assert _line(found, WHOLE, "") & INVITED
    assert not any(cut in (funnel.MAIL, funnel.SENT_ON) for _, _, cut, _, _ in found)
    assert not any(unit == Unit.CONTACT and selection != PLACES for selection, unit, *_ in found)


def test_by_contact_an_answer_counts_for_the_one_that_was_written_to() -> None:
    entries = [Entry(10, 100, "", 1, ""), Entry(11, 101, "", 0, "")]
    mails = [_mail(), _mail(message=2, recipient=11)]
    acts = [_act(EngagementKind.REGISTERED, message=2, recipient=11)]
    found = tally(_place(_pursuit(mails, acts, entries=entries, place="registered")))
    contacts = {key[4]: number for key, number in found.items() if key[:4] == ("alpha", "contact", WHOLE, "")}
    assert contacts == {INVITED | REACHED | REACHABLE: 1, INVITED | REACHED | ANSWERED | REGISTERED: 1}


def test_sizes_have_no_gap() -> None:
    assert [size_class(number) for number in (0, 1_999, 2_000, 99_999, 100_000, None)] == [
        *("0-1999", "0-1999", "2000-4999", "50000-99999", "100000-", "")
    ]


def test_quartiles_are_the_hours_by_which_a_quarter_a_half_and_three_quarters_had_answered() -> None:
    found = quartiles({0: 1, 12: 1, 24: 1, 480: 1})
    assert found is not None
    assert (found.lower, found.median, found.upper) == (0, 0.5, 1)
    assert quartiles({}) is None


_ENTRIES = st.builds(
    Entry,
    st.sampled_from([10, 11]),
    st.sampled_from([100, 101]),
    st.sampled_from(["", *(one.value for one in ExclusionReason)]),
    st.integers(0, 1),
    st.just(""),
)
_MAILS = st.builds(
    Mail,
    st.integers(1, 9),
    st.sampled_from([10, 11]),
    st.sampled_from(["invitation", "reminder"]),
    st.just("de"),
    st.sampled_from([one.value for one in MessageState]),
    st.none() | st.integers(MONDAY, MONDAY + 30 * DAY),
    st.just(HOUR),
    st.integers(0, 1),
)
_ACTS = st.builds(
    Act,
    st.integers(1, 9),
    st.sampled_from([*(one.value for one in STOPPING_ENGAGEMENTS), "auto_replied"]),
    st.sampled_from([10, 11]),
    st.none() | st.integers(1, 9),
    st.integers(MONDAY, MONDAY + 30 * DAY),
    st.integers(0, 1),
)
_PURSUITS = st.builds(
    Pursuit,
    st.sampled_from(["alpha", "beta"]),
    st.just(MONDAY),
    st.lists(_ENTRIES, min_size=1, max_size=2, unique_by=lambda one: one.contact),
    st.lists(_MAILS, max_size=4, unique_by=lambda one: one.message),
    st.lists(_ACTS, max_size=4, unique_by=lambda one: one.id),
    st.sampled_from(["", "registered", "tentative", "waiting"]),
    st.just(MONDAY + DAY),
    st.sampled_from(["", "", "started", "finished"]),
    st.integers(0, 1),
    st.integers(0, 2),
)


@st.composite
def _places(draw: st.DrawFn) -> Place:
    pursuits = draw(st.lists(_PURSUITS, max_size=3))
    contacts = {entry.contact: entry.reachable for one in pursuits for entry in one.entries}
    for one in pursuits:  # an address may be written to, or not, whatever the campaign
        one.entries[:] = [entry._replace(reachable=contacts[entry.contact]) for entry in one.entries]  # type: ignore[index]
    return Place(
        draw(st.none() | st.integers(0, 200_000)), 3, "", len(contacts), sum(contacts.values()), 0, pursuits
    )


@given(st.lists(_places(), max_size=4))
@settings(max_examples=60, deadline=None)
def test_what_was_left_out_and_what_counts_make_the_total_whatever_happened(places: list[Place]) -> None:
    found: Counter[funnel.Key] = Counter()
    for place in places:
        found += tally(place)
        assert place_from_json(json.loads(json.dumps(place))) == place
    launched = [Launched(slug, ("DE",), ("invitation", "reminder")) for slug in ("alpha", "beta")]
    rows = [
        (selection, unit, cut, value, "DE", pattern, number)
        for (selection, unit, cut, value, pattern), number in found.items()
    ]
    for unit in Unit:
        numbers = Numbers(rows, launched, unit)
        for table in left_out(numbers):
            assert table.adds_up, table
            assert all(reason.number > 0 for reason in table.reasons), table
        for section in sections(numbers):
            for line in section.lines:
                counts = line.counts
                assert counts.invited >= counts.reached >= counts.answered >= counts.registered
                assert counts.reached >= (counts.attended or 0)
                assert (counts.finished or 0) <= (counts.started or 0) <= counts.registered
                if counts.listed is not None and counts.reachable is not None:
                    assert counts.listed >= counts.reachable >= counts.invited
