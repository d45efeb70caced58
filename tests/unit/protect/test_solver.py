"""The solver finds the optimum: against brute force on small cases, against ARX on Adult."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearward.errors import ConfigError, ProtectionError
from clearward.protect.hierarchies import (
    Hierarchy,
    build_hierarchy,
    category,
    table_hierarchy,
    year_band,
)
from clearward.protect.solver import Problem, solve

TREE = table_hierarchy(
    "letter", [("a", "ab", "*"), ("b", "ab", "*"), ("c", "cd", "*"), ("d", "cd", "*")]
)
SEX = category("sex", ["F", "M"])


def problem(rows: list[tuple[str, ...]], hierarchies: tuple[Hierarchy, ...], **bounds) -> Problem:
    counted = sorted(set(rows))
    codes = [[h.values.index(v) for h, v in zip(hierarchies, row, strict=True)] for row in counted]
    weights = [rows.count(row) for row in counted]
    return Problem(
        hierarchies,
        np.array(codes, dtype=np.int64),
        np.array(weights, dtype=np.int64),
        **bounds,
    )


def brute_force(rows, hierarchies, *, k, max_suppressed, how="arithmetic") -> float:
    """The least loss over the whole lattice, written down from the definition, row by row."""
    best = float("inf")
    for node in product(*(range(h.height + 1) for h in hierarchies)):
        labels = [
            tuple(
                h.rows[h.values.index(v)][lvl]
                for h, v, lvl in zip(hierarchies, row, node, strict=True)
            )
            for row in rows
        ]
        kept = [labels.count(label) >= k for label in labels]
        if not any(kept) or kept.count(False) > max_suppressed * len(rows) + 1e-9:
            continue
        columns = []
        for i, h in enumerate(hierarchies):
            leaves = [row[node[i]] for row in h.rows]
            span = max(len(leaves) - 1, 1)
            cells = [
                (leaves.count(label[i]) - 1) / span if ok else 1.0
                for label, ok in zip(labels, kept, strict=True)
            ]
            columns.append(sum(cells) / len(cells))
        if how == "geometric":
            loss = float(np.prod([1 + c for c in columns])) ** (1 / len(columns)) - 1
        else:
            loss = sum(columns) / len(columns)
        best = min(best, loss)
    return best


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.sampled_from("abcd"), st.sampled_from("FM")), min_size=4, max_size=40
    ),
    k=st.integers(1, 4),
    max_suppressed=st.sampled_from([0.0, 0.1, 0.3, 1.0]),
    how=st.sampled_from(["arithmetic", "geometric"]),
)
def test_no_node_of_the_lattice_beats_the_solution(rows, k, max_suppressed, how):
    found = solve(problem(rows, (TREE, SEX), k=k, max_suppressed=max_suppressed, how=how))
    expected = brute_force(rows, (TREE, SEX), k=k, max_suppressed=max_suppressed, how=how)
    assert found.loss == pytest.approx(expected, abs=1e-12)
    assert found.nodes_checked <= found.nodes == 6


def test_fewer_patients_than_k_are_refused_with_numbers_only():
    with pytest.raises(ProtectionError, match=r"4 patients.*at least 5"):
        solve(problem([("a", "F")] * 4, (TREE, SEX), k=5, max_suppressed=1.0))


def test_a_share_of_suppression_counts_whole_patients():
    rows = [("a", "F")] * 19 + [("d", "M")]
    assert solve(problem(rows, (TREE, SEX), k=2, max_suppressed=0.05)).suppressed == 1
    assert solve(problem(rows, (TREE, SEX), k=2, max_suppressed=0.049)).suppressed == 0


def test_data_that_already_keep_k_lose_nothing():
    found = solve(problem([("a", "F")] * 5 + [("c", "M")] * 5, (TREE, SEX), k=5, max_suppressed=0))
    assert (found.levels, found.loss, found.suppressed, found.classes) == ((0, 0), 0.0, 0, 2)


def test_a_lattice_too_large_to_search_is_refused():
    wide = tuple(category(f"c{i}", ["x", "y"]) for i in range(22))
    with pytest.raises(ConfigError, match="too large"):
        solve(problem([("x",) * 22] * 3, wide, k=2, max_suppressed=0))


def test_many_wide_columns_do_not_overflow_the_packed_class_key():
    values = [f"v{i:03}" for i in range(128)]
    wide = tuple(category(f"c{i}", values) for i in range(10))  # 128**10 = 2**70
    rows = [(value,) * 10 for value in values[:4] for _ in range(3)]
    assert solve(problem(rows, wide, k=3, max_suppressed=0)).levels == (0,) * 10


def test_year_bands_are_nested_and_keep_unknown_apart_until_the_top():
    ladder = year_band("birth_year", ["1958", "1961", "U"])
    rows = {row[0]: row for row in ladder.rows}
    assert rows["1959"] == ("1959", "1955-1959", "1950-1959", "1940-1959", "1920-1959", "*")
    assert rows["U"] == ("U", "U", "U", "U", "U", "*")
    assert ladder.values == ("1958", "1959", "1960", "1961", "U")


def test_a_label_with_two_parents_is_refused():
    with pytest.raises(ConfigError, match="not a tree"):
        table_hierarchy("x", [("a", "g", "p"), ("b", "g", "q")])


def test_a_ladder_nobody_defined_is_refused():
    with pytest.raises(ConfigError, match="Unknown ladder"):
        build_hierarchy("zip", "postcode", ["1"])
