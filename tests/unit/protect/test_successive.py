"""Whatever joins, leaves and moves: releases side by side never tell fewer than k apart."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearward.products.bounds import Sensitive
from clearward.protect.successive import (
    Eligible,
    Rule,
    Stories,
    choose_present,
    distances,
    histogram,
)

K = 5
SMOKES = Sensitive("patient", "smoking", 1, 1.0, is_ordered=False)
RULE = Rule(K, K, (SMOKES,))


class World:
    """People with a class and a sensitive value; months of them through the rule."""

    def __init__(self, rule: Rule = RULE, seed: int = 0) -> None:
        self.rule, self.random = rule, np.random.default_rng(seed)
        self.label: dict[int, int] = {}
        self.value: dict[int, int] = {}
        self.gone: set[int] = set()
        self.story: dict[int, tuple] = {}
        self.months = 0

    def join(self, many: int, label: int, values: tuple[int, ...] = (0, 1)) -> list[int]:
        new = list(range(len(self.label), len(self.label) + many))
        for i, person in enumerate(new):
            self.label[person], self.value[person] = label, values[i % len(values)]
        return new

    def publish(self, moved: frozenset[int] = frozenset()) -> set[int]:
        seen = sorted(self.story)
        place = {person: i for i, person in enumerate(seen)}
        groups = {s: i for i, s in enumerate(sorted({self.story[p] for p in seen}, key=str))}
        people = [p for p in self.label if p not in self.gone]
        stories = Stories(
            np.array([groups[self.story[p]] for p in seen], dtype=np.int64),
            np.array([[self.value[p]] for p in seen], dtype=np.int64).reshape(-1, 1),
        )
        eligible = Eligible(
            np.array([place.get(p, -1) for p in people], dtype=np.int64),
            np.array([p not in moved for p in people]),
            np.array([[self.value[p]] for p in people], dtype=np.int64),
            self.random.permutation(len(people)),
        )
        label = np.array([self.label[p] for p in people], dtype=np.int64)
        present = choose_present(eligible, stories, label, rule=self.rule)
        out = {p for p, shown in zip(people, present, strict=True) if shown}
        self._tell(out)
        return out

    def _tell(self, out: set[int]) -> None:
        for person in out | set(self.story):
            before = self.story.get(person, (None,) * self.months)
            self.story[person] = (*before, self.label[person] if person in out else None)
        self.months += 1

    def smallest_group(self) -> int:
        return min(Counter(self.story.values()).values(), default=K)


def test_one_who_left_hides_among_k_minus_1_others_of_the_class():
    world = World()
    people = world.join(30, label=0)
    assert world.publish() == set(people)
    world.gone = {people[3]}
    out = world.publish()
    assert len(out) == 30 - K and people[3] not in out


def test_a_class_that_is_too_small_to_hide_anybody_is_held_back_whole():
    world = World()
    people = world.join(2 * K - 1, label=0)
    world.publish()
    world.gone = {people[0]}
    assert world.publish() == set()


def test_when_k_left_at_once_nobody_is_withheld():
    world = World()
    people = world.join(30, label=0)
    world.publish()
    world.gone = set(people[:K])
    assert world.publish() == set(people[K:])


def test_those_who_left_with_another_value_than_most_are_not_guessed_better_for_it():
    world = World()
    people = world.join(40, label=0, values=(0, 0, 0, 1))
    world.publish()
    world.gone = {p for p in people if world.value[p] == 1}
    absent = set(people) - world.publish()
    values = Counter(world.value[p] for p in absent)
    assert world.gone < absent and values[0] == values[1] + 1 == 11


def test_newcomers_wait_until_k_of_them_share_a_class():
    world = World()
    world.join(30, label=0)
    world.publish()
    few = world.join(K - 1, label=0)
    assert not world.publish() & set(few)
    more = world.join(1, label=0)
    assert set(few + more) <= world.publish()


def test_those_who_hid_somebody_do_not_come_back_one_by_one():
    world = World()
    people = world.join(30, label=0)
    world.publish()
    world.gone = {people[0]}
    hidden = set(people) - world.publish()
    assert len(hidden) == K
    assert not world.publish() & hidden
    assert world.smallest_group() >= K


def test_enough_of_them_come_back_together():
    world = World()
    people = world.join(40, label=0)
    world.publish()
    moved = frozenset(people[: 3 * K])
    assert world.publish(moved=moved) == set(people) - moved
    world.gone = {people[0]}
    back = world.publish() & moved
    assert len(back) == 2 * K
    assert world.smallest_group() >= K


def test_who_no_longer_fits_their_class_counts_as_gone():
    world = World()
    people = world.join(30, label=0)
    world.publish()
    out = world.publish(moved=frozenset({people[7]}))
    assert people[7] not in out and len(out) == 30 - K


def test_the_absent_do_not_all_have_one_value_where_the_class_has_two():
    world = World()
    people = world.join(30, label=0, values=(0,) * 9 + (1,))
    world.publish()
    world.gone = {people[0]}
    absent = set(people) - world.publish()
    assert {world.value[p] for p in absent} == {0, 1}


def test_newcomers_of_one_value_wait_in_a_class_of_two():
    world = World()
    world.join(30, label=0)
    world.publish()
    alike = world.join(K, label=0, values=(1,))
    assert not world.publish() & set(alike)
    assert set(alike + world.join(1, label=0, values=(0,))) <= world.publish()


def test_a_class_that_misses_its_bound_is_held_back():
    strict = Rule(K, K, (Sensitive("patient", "smoking", 2, 1.0, is_ordered=False),))
    world = World(strict)
    world.join(20, label=0)
    alike = world.join(20, label=1, values=(1,))
    assert not world.publish() & set(alike)


def test_t_is_held_against_the_published():
    strict = Rule(K, K, (Sensitive("patient", "smoking", 1, 0.2, is_ordered=False),))
    world = World(strict)
    world.join(80, label=0)
    odd = world.join(10, label=1, values=(1,))
    assert not world.publish() & set(odd)


@settings(deadline=None, max_examples=60)
@given(
    months=st.lists(
        st.tuples(
            st.lists(st.tuples(st.integers(0, 12), st.integers(0, 2)), max_size=3),
            st.integers(0, 6),
            st.integers(0, 2),
            st.booleans(),
        ),
        min_size=2,
        max_size=8,
    ),
    seed=st.integers(0, 1000),
)
def test_twelve_months_of_anything_keep_k_and_never_publish_who_withdrew(months, seed):
    world = World(seed=seed)
    world.join(30, label=0, values=(0, 0, 1))
    world.join(17, label=1)
    for joins, leaves, moves, merge in months:
        out = world.publish()
        assert not out & world.gone
        assert world.smallest_group() >= K
        assert min(Counter(world.label[p] for p in out).values(), default=K) >= K
        for many, label in joins:
            world.join(many, label=label, values=(0, 1))
        living = [p for p in world.label if p not in world.gone]
        world.gone |= set(world.random.permutation(living)[:leaves].tolist())
        seen = [p for p in living if p in world.story]
        moved = frozenset(world.random.permutation(seen)[:moves].tolist())
        assert not world.publish(moved=moved) & (world.gone | moved)
        if merge:  # labels get coarser for everybody: two classes become one
            world.label = {p: min(label, 1) for p, label in world.label.items()}
    world.publish()
    assert world.smallest_group() >= K


def test_the_same_month_is_the_same_whatever_order_people_come_in():
    label = np.zeros(20, dtype=np.int64)
    seen, values = np.arange(1, 21), np.arange(21).reshape(-1, 1) % 2
    order = np.random.default_rng(3).permutation(20)
    stories = Stories(np.zeros(21, dtype=np.int64), values)
    mixed = np.random.default_rng(4).permutation(20)
    present = []
    for rows in (np.arange(20), mixed):
        people = Eligible(seen[rows], np.ones(20, bool), values[1:][rows], order[rows])
        out = choose_present(people, stories, label, rule=RULE)
        present.append({int(s) for s, shown in zip(seen[rows], out, strict=True) if shown})
    assert present[0] == present[1]
    assert len(present[0]) == 21 - K


def test_distances_are_those_of_the_paper():
    """Salaries 3k to 11k of Li et al. 2007: 3k, 4k, 5k are 0.375 away, 6k, 8k, 11k 0.167."""
    label = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2])
    codes = np.array([0, 1, 2, 3, 5, 8, 4, 6, 7])
    table = histogram(label, codes, among=np.ones(9, dtype=bool))
    assert distances(table, is_ordered=True)[:2] == pytest.approx([0.375, 1 / 6])
    assert distances(table, is_ordered=False) == pytest.approx([2 / 3] * 3)
