"""Cells that may be shown: nobody's small group, not even by subtraction."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from clearward.releases.pooling import (
    OTHER,
    Cell,
    only_common,
    pool_in_order,
    pool_rest,
    round_to,
)

K = 11
SIZES = st.lists(st.integers(1, 60), max_size=12)


def cells(sizes):
    return [Cell(f"{n:02}", f"{n:02}", size, size) for n, size in enumerate(sizes)]


def truth(shown, sizes):
    """People a shown cell really stands for, by the labels it covers."""
    known = {f"{n:02}": size for n, size in enumerate(sizes)}
    named = {c.label for c in shown if c.label != OTHER}
    rest = sum(size for label, size in known.items() if label not in named)
    return [known[c.label] if c.label != OTHER else rest for c in shown]


@given(SIZES)
def test_every_pooled_cell_stands_for_k_people_and_all_make_up_everybody(sizes):
    shown = pool_rest(cells(sizes), K)
    stands_for = truth(shown, sizes)
    assert all(people >= K for people in stands_for)
    assert not shown or sum(stands_for) == sum(sizes)
    assert [c.count for c in shown] == [round_to(people, K) for people in stands_for]


@given(SIZES)
def test_neighbours_join_until_each_has_k_people_and_nobody_is_lost(sizes):
    shown = pool_in_order(cells(sizes), K)
    spans = [(int(c.label), int(c.last)) for c in shown]
    assert bool(shown) == (sum(sizes) >= K)
    if shown:
        assert spans[0][0] == 0 and spans[-1][1] == len(sizes) - 1
        assert all(a[1] + 1 == b[0] for a, b in pairwise(spans))
        assert all(sum(sizes[first : last + 1]) >= K for first, last in spans)


@given(SIZES, st.lists(st.integers(-3, 3), min_size=12, max_size=12))
def test_two_versions_that_differ_by_few_people_never_show_how_many(sizes, moves):
    later = [max(K, size + move) for size, move in zip(sizes, moves, strict=False)]
    before, after = pool_rest(cells([max(K, s) for s in sizes]), K), pool_rest(cells(later), K)
    old = {c.label: c.count for c in before}
    assert all((c.count - old[c.label]) % K == 0 for c in after)


def test_visits_of_few_people_join_even_where_the_visits_are_many():
    visits = [Cell("0", "0", 40, 200), Cell("1", "1", 2, 90), Cell("2", "2", 3, 90)]
    shown = pool_in_order(visits, K, overlap=True)
    assert [(c.label, c.last) for c in shown] == [("0", "2")]


def test_people_who_may_be_the_same_are_not_counted_twice():
    visits = [Cell("0", "0", 6, 6), Cell("1", "1", 6, 6)]
    assert pool_in_order(visits, K, overlap=True) == []
    assert len(pool_in_order(visits, K)) == 1


def test_common_diagnoses_say_nothing_of_rare_ones():
    shown = only_common(cells([10, 11, 300, 12]), K, most=2)
    assert [(c.label, c.count) for c in shown] == [("02", 297), ("03", 11)]


def test_how_many_are_behind_a_cell_is_not_published():
    assert "people" not in pool_rest(cells([40]), K)[0].told()


def test_counts_are_rounded_to_the_nearest_multiple_but_never_below_k():
    assert [round_to(n, K) for n in (0, 1, 11, 16, 17, 27, 28)] == [0, 11, 11, 11, 22, 22, 33]
