"""What a member hands over tells nobody what a few municipalities did: not one file, nor two, nor their difference."""

from __future__ import annotations

from itertools import accumulate, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outreach.report.disclosure import BASE, protect, protect_whole, rounded
from outreach.report.measures import Counts

#: One stage of the funnel after the other, each with one cell a line: who registered, declined, answered otherwise,
#: was silent, had its mails come back, was not invited, has no address.
STAGES = 7
Table = list[list[int]]  # stage, line


def line(cells: list[int]) -> Counts:
    """The line that says of each stage how many are in it."""
    registered, decided, answered, reached, invited, *rest = accumulate(cells)
    reachable, listed = (*rest, None, None)[:2]
    return Counts(
        listed=listed,
        reachable=reachable,
        invited=invited,
        reached=reached,
        answered=answered,
        registered=registered,
        declined=decided - registered,
        unsubscribed=None,
    )


def lines(table: Table) -> list[Counts]:
    return [line([stage[number] for stage in table]) for number in range(len(table[0]))]


def cells(counts: list[Counts]) -> Table:
    rows = []
    for one in counts:
        stages = [one.registered, one.registered + one.declined, one.answered, one.reached, one.invited]
        stages += [more for more in (one.reachable, one.listed) if more is not None]
        rows.append([after - before for before, after in zip([0, *stages], stages, strict=False)])
    return [list(stage) for stage in zip(*rows, strict=True)]


def published(table: Table, offset: int) -> Table:
    return cells(protect(lines(table), offset))


few = st.one_of(st.integers(0, 2 * BASE), st.integers(0, 400))


@st.composite
def parted(draw: st.DrawFn, number: int) -> list[Table]:
    """The same municipalities by two different cuts (by week, by size)."""
    tables: list[Table] = [[], []]
    for _ in range(number):
        first = draw(st.lists(few, min_size=3, max_size=3))
        whole = sum(first)
        at = sorted(draw(st.lists(st.integers(0, whole), min_size=3, max_size=3)))
        second = [after - before for before, after in zip([0, *at], [*at, whole], strict=True)]
        tables[0].append(first)
        tables[1].append(second)
    return tables


@given(st.lists(few, max_size=30), st.integers(0, BASE - 1))
def test_a_table_adds_up_and_nothing_is_a_base_away_from_the_truth(values: list[int], offset: int) -> None:
    found = rounded(values, offset)
    assert all(one % BASE == 0 and one >= 0 for one in found)
    for start, end in product(range(len(values)), repeat=2):  # also of any neighbours together
        assert abs(sum(found[start : end + 1]) - sum(values[start : end + 1])) < BASE


@given(st.lists(few, min_size=1, max_size=8))
def test_over_all_offsets_each_cell_is_right_on_average(values: list[int]) -> None:
    each = [rounded(values, offset) for offset in range(BASE)]
    assert [sum(column) for column in zip(*each, strict=True)] == [BASE * value for value in values]


@given(parted(STAGES), st.integers(0, BASE - 1))
def test_all_tables_have_the_same_totals_and_keep_the_order_of_the_funnel(
    tables: list[Table], offset: int
) -> None:
    whole = line([sum(stage) for stage in tables[0]])
    expected = cells([protect_whole(whole, offset)])
    for table in tables:
        found = protect(lines(table), offset)
        assert [[sum(stage)] for stage in cells(found)] == expected
        for one in found:
            assert one.listed is not None
            assert one.reachable is not None
            assert one.registered + one.declined <= one.answered <= one.reached <= one.invited
            assert one.invited <= one.reachable <= one.listed


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, BASE - 1))
def test_what_is_no_stage_stays_within_what_it_is_part_of(some: int, more: int, offset: int) -> None:
    whole = line([0, 0, some + more, 3, 0])
    found = protect_whole(
        Counts(**{**_fields(whole), "unsubscribed": some, "started": some, "finished": some}), offset
    )
    assert found.unsubscribed is not None
    assert found.unsubscribed <= found.answered
    assert found.started == found.finished == found.unsubscribed
    assert found.attended is None


def _fields(counts: Counts) -> dict[str, int | None]:
    names = ("listed", "reachable", "invited", "reached", "answered", "registered", "declined")
    return {name: getattr(counts, name) for name in names}


def witness(shown: Table, stage: int, number: int, change: int) -> Table:
    """A truth in which one published cell is off by ``change``, and that would be published as ``shown``."""
    truth = [list(one) for one in shown]
    truth[stage][number] += change
    return truth


def elsewhere(shown: Table, stage: int, change: int) -> Table:
    """Of the same municipalities by another cut: the change has to be in one of its lines, too."""
    number = len(shown[stage]) - 1
    if change < 0:  # in one that has so many; the stage as a whole does
        number = next(at for at, value in enumerate(shown[stage]) if value >= -change)
    return witness(shown, stage, number, change)


@settings(max_examples=8)
@given(st.lists(parted(STAGES), min_size=2, max_size=2), st.integers(0, BASE - 1))
def test_every_cell_can_be_anything_less_than_a_base_away_whatever_two_whole_files_say(
    files: list[list[Table]], offset: int
) -> None:
    """The proof, by construction. For each cell of the first file and each value next to what is published there is
    another truth, and another secret, from which the same program makes the very same lines: of both cuts and the
    totals in both files. So nobody who has all of these can tell it from the real one."""
    shown = [[published(table, offset) for table in file] for file in files]
    for cut, stage in product(range(2), range(STAGES)):
        for number, cell in enumerate(shown[0][cut][stage]):
            for value in range(max(0, cell - BASE + 1), cell + BASE):
                change = value - cell
                secret = 0 if change >= 0 else -change
                other = [*shown[0]]
                other[cut] = witness(shown[0][cut], stage, number, change)
                other[1 - cut] = elsewhere(shown[0][1 - cut], stage, change)
                assert min(min(one) for table in other for one in table) >= 0
                assert [sum(one) for one in other[0]] == [sum(one) for one in other[1]]
                again = [[published(table, secret) for table in file] for file in (other, shown[1])]
                assert again == shown
                assert other[cut][stage][number] == value


def test_an_adversary_who_tries_all_truths_finds_no_small_cell() -> None:
    """Without any construction: all truths of three cells in two successive files, under all secrets, sorted by what
    is published of them. The adversary is even granted to know that no cell has gone down. In no case is only one
    value possible for a cell, in either file, or for its growth. (Base 3, so that all can be tried.)"""
    base, most, growths = 3, 6, 6
    possible: dict[tuple[tuple[int, ...], ...], list[tuple[int, ...]]] = {}
    for before in product(range(most), repeat=3):
        for growth in product(range(growths), repeat=3):
            after = tuple(one + more for one, more in zip(before, growth, strict=True))
            for secret in range(base):
                seen = tuple(tuple(rounded(one, secret, base)) for one in (before, after))
                possible.setdefault(seen, []).append((*before, *after, *growth))
    tried = 0
    for (first, second), truths in possible.items():
        grown = max(after - before for before, after in zip(first, second, strict=True))
        if max(first) + base - 1 >= most or grown + base - 1 >= growths:
            continue  # more would have been possible than was tried
        tried += 1
        for values in zip(*truths, strict=True):
            assert len(set(values)) > 1, (first, second)
    assert tried > 20


def test_the_attack_that_beats_other_ways_does_not_beat_this_one() -> None:
    """Leaving out single small cells: the total gives them back. Rounding each figure to the nearest: nineteen lines
    of two and their total of 38, shown as 40, can only be nineteen lines of two."""
    weeks: Table = [[2] * 19, [0] * 19, [0] * 19, [0] * 19, [0] * 19]
    for offset in range(BASE):
        shown = published(weeks, offset)
        assert sum(shown[0]) in (35, 40)
        for number, cell in enumerate(shown[0]):
            for value in range(max(0, cell - BASE + 1), cell + BASE):
                secret = max(0, cell - value)
                assert published(witness(shown, 0, number, value - cell), secret) == shown


@pytest.mark.parametrize("offset", range(BASE))
def test_the_same_truth_is_always_published_alike_and_more_is_never_less(offset: int) -> None:
    totals = [protect_whole(line([1, 0, 2, 30, 1]), offset) for _ in range(2)]
    assert totals[0] == totals[1]
    growing = [rounded([number], offset)[0] for number in range(60)]
    assert growing == sorted(growing)
