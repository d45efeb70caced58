"""An attacker who has everything that is shown, and what adds up, solves for what is hidden."""

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from clearward.products.counts import rounded
from clearward.releases.documents.attrition import read
from clearward.releases.documents.codebook import MASKED
from clearward.releases.documents.measure import Group
from clearward.releases.documents.missingness import hidden_cells, hidden_rows
from clearward.releases.documents.suppress import hidden

K = 11
COUNTS = st.integers(0, 60)


def bounds_of(cell, masked, counts, sums):
    """Least and most that a hidden cell can be, given every shown cell and every known sum."""
    cells = sorted(masked)
    target = np.array([float(c == cell) for c in cells])
    rows = np.array([[float(c in group) for c in cells] for group in sums])
    known = [sum(counts[c] for c in group if c in masked) for group in sums]
    ends = [linprog(sign * target, A_eq=rows, b_eq=known, bounds=(0, None)).fun for sign in (1, -1)]
    return round(ends[0]), round(-ends[1])


def assert_safe(counts, sums, masked):
    """Every small cell is hidden, and could be another number, one that is not small."""
    small = {c for c, n in counts.items() if 0 < n < K}
    assert small <= masked
    for cell in small:
        least, most = bounds_of(cell, masked, counts, sums)
        assert least < most
        assert most >= K


@settings(max_examples=40, deadline=None)
@given(st.lists(COUNTS, min_size=2, max_size=8))
def test_a_cell_cannot_be_had_from_the_total(values):
    counts = dict(enumerate(values))
    if sum(values) >= K:
        assert_safe(counts, [list(counts)], hidden(counts, [list(counts)], K))


@settings(max_examples=40, deadline=None)
@given(st.lists(COUNTS, min_size=2, max_size=5), st.lists(COUNTS, min_size=2, max_size=5))
def test_a_cell_cannot_be_had_from_the_sums_of_two_parts_and_of_all(one, two):
    parts = [{(n, i): count for i, count in enumerate(part)} for n, part in enumerate((one, two))]
    if all(sum(part.values()) >= K for part in parts):
        counts = {**parts[0], **parts[1]}
        sums = [list(counts), *map(list, parts)]
        assert_safe(counts, sums, hidden(counts, sums, K))


def test_a_cell_that_crossing_sums_tell_is_not_left_alone():
    """By rows two cells are hidden in each line; the columns' sums would tell one of them."""
    counts = {"a": 3, "b": 20, "c": 30, "d": 40, "e": 50}
    sums = [list("abcde"), list("ab"), list("cde"), list("ac"), list("bde")]
    assert_safe(counts, sums, hidden(counts, sums, K))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(COUNTS, COUNTS), min_size=1, max_size=6))
def test_empty_cells_cannot_be_had_from_a_column_s_total_and_its_groups_rows(pairs):
    groups = [Group("H", str(i), e + f, e + f, {"x": e}) for i, (e, f) in enumerate(pairs) if e + f]
    closed = hidden_rows(groups, K)
    masked = hidden_cells(groups, "x", closed=closed, k=K)
    empty, filled = ([g.nulls["x"] for g in groups], [g.rows - g.nulls["x"] for g in groups])
    for parts in (empty, filled):
        assert {i for i, n in enumerate(parts) if 0 < n < K} <= masked
        if any(0 < sum(p) < K for p in (empty, filled)):
            continue  # the column's total is not shown either
        in_all = sum(parts[i] for i in masked)
        caps = {i: in_all if i in closed else groups[i].rows for i in masked}
        for i in masked:
            if not 0 < parts[i] < K:  # zeros may be known
                continue
            most = min(caps[i], in_all)
            least = max(0, in_all - sum(caps[j] for j in masked if j != i))
            assert least < most or sum(g.rows for g in groups) < K
            assert most >= K or sum(g.rows for g in groups) < K


STEPS = st.lists(st.lists(st.integers(0, 30), min_size=4, max_size=4), min_size=1, max_size=3)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_nobody_s_step_can_be_had_from_the_attrition_of_hospitals_and_all(left_out):
    rows = []
    for hospital, counts in enumerate(left_out):
        n = 100 + sum(counts)
        for step, count in enumerate(counts):
            names = {"hospital_id": f"H{hospital}", "step_no": step, "step_id": "s", "reason": ""}
            rows.append({**names, "n_in": n, "n_out": n - count, "n_excluded": count})
            n -= count
    found = read(rows, K)
    for hospital in range(len(left_out)):
        lines = [line for line in found.lines if line["hospital_id"] == f"H{hospital}"]
        shown = [lines[0]["n_in"], *(line["n_out"] for line in lines)]
        assert shown[-1] == 100
        known = [n for n in shown if n != MASKED]
        assert all(not 0 < a - b < K for a, b in pairwise(known))
        assert all(line["n_excluded"] == MASKED or not 0 < line["n_excluded"] < K for line in lines)
    open_places = {i for i, n in enumerate(shown) if n != MASKED}
    totals = [found.boxes[0].n_in, *(box.n_out for box in found.boxes)]
    assert {i for i, n in enumerate(totals) if n != MASKED} == open_places


def test_an_empty_number_of_the_attrition_table_is_masked():
    rows = [
        {"hospital_id": "ALL", "step_no": 1, "step_id": "s", "n_in": None, "n_out": 60},
    ]
    [line] = read(rows, K).lines
    assert (line["n_in"], line["n_out"], line["n_excluded"]) == (MASKED, 60, MASKED)


def test_a_rounded_number_of_few_is_that_of_k():
    assert [rounded(n, K) for n in (0, 1, 10, 11, 12)] == [0, 11, 11, 11, 22]
