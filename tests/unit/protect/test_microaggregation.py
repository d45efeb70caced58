"""Groups of numbers: sizes, the optimum, and what the means keep."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearward.errors import ProtectionError
from clearward.protect.microaggregation import group_means, mdav_groups, optimal_groups

NUMBERS = st.lists(st.integers(-1000, 1000), min_size=1, max_size=10)


def error(values, groups) -> float:
    return float(((values - group_means(values, groups)) ** 2).sum())


def best_by_hand(values, k: int) -> float:
    ordered, n = np.sort(values), len(values)
    best = np.inf
    for count in range(n // k):
        for cuts in combinations(range(k, n - k + 1), count):
            ends = [0, *cuts, n]
            sizes = np.diff(ends)
            if (sizes >= k).all():
                best = min(best, error(ordered, np.repeat(np.arange(len(sizes)), sizes)))
    return best


@settings(max_examples=60, deadline=None)
@given(numbers=NUMBERS, k=st.integers(1, 4))
def test_no_grouping_of_neighbours_is_closer_to_the_numbers(numbers, k):
    values = np.array(numbers, dtype=float)
    if len(values) < k:
        return
    groups = optimal_groups(values, k)
    assert np.bincount(groups).min() >= k
    assert error(values, groups) == pytest.approx(best_by_hand(values, k), abs=1e-6)
    assert group_means(values, groups).mean() == pytest.approx(values.mean(), abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(count=st.integers(5, 80), k=st.integers(1, 5), seed=st.integers(0, 99))
def test_mdav_makes_groups_of_k_to_less_than_two_k(count, k, seed):
    rows = np.random.default_rng(seed).normal(size=(count, 3))
    sizes = np.bincount(mdav_groups(rows, k))
    assert sizes.min() >= k
    assert sizes.max() < 2 * k or len(sizes) == 1


def test_mdav_keeps_two_clusters_apart():
    rows = np.array([[0.0, 0], [0, 1], [1, 0], [9, 9], [9, 8], [8, 9]])
    groups = mdav_groups(rows, 3)
    assert len(set(groups[:3])) == len(set(groups[3:])) == 1
    assert groups[0] != groups[3]


@pytest.mark.parametrize("values", [[1.0, 2.0], [1.0, np.nan, 3.0, 4.0]])
def test_too_few_patients_or_a_missing_number_are_refused(values):
    with pytest.raises(ProtectionError, match="groups of k"):
        optimal_groups(np.array(values), 3)
