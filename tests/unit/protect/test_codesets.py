"""k^m-anonymity of code sets, against sets counted one by one."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearward.errors import ConfigError, ProtectionError
from clearward.protect.codesets import floor_codes, plan_removals, rare_sets

HELD = st.sets(st.tuples(st.integers(0, 12), st.sampled_from("abcdef")), min_size=1, max_size=50)


def table(held) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    rows = sorted(held)
    loaded = pa.table({"patient_key": [f"p{u}" for u, _ in rows], "code": [c for _, c in rows]})
    connection.register("loaded", loaded)
    # Twice: a code that a patient has two times is one occurrence.
    connection.execute("CREATE TABLE diagnosis AS FROM loaded UNION ALL FROM loaded")
    return connection


def by_hand(held, k: int, m: int) -> tuple[list[int], set[int]]:
    """Minimal rare sets per size, and the patients who have one."""
    counts = Counter(
        combo
        for unit in {u for u, _ in held}
        for size in range(1, m + 1)
        for combo in combinations(sorted(c for u, c in held if u == unit), size)
    )
    rare = {combo for combo, n in counts.items() if n < k}
    minimal = {c for c in rare if not any(set(s) < set(c) for s in rare)}
    touched = {
        u for u, _ in held if any({(u, code) for code in combo} <= set(held) for combo in minimal)
    }
    return [sum(len(c) == size for c in minimal) for size in range(1, m + 1)], touched


def bounds(k: int, m: int) -> dict:
    return {"unit": "patient_key", "code": "code", "k": k, "m": m}


@settings(max_examples=40, deadline=None)
@given(held=HELD, k=st.integers(1, 5), m=st.integers(1, 3))
def test_rare_sets_are_those_that_counting_by_hand_finds(held, k, m):
    found = rare_sets(table(held), "diagnosis", **bounds(k, m))
    sets, touched = by_hand(held, k, m)
    assert list(found.sets) == sets
    assert found.touched == len(touched)
    assert found.patients == len({u for u, _ in held})
    assert found.is_kept == (not touched)


@settings(max_examples=30, deadline=None)
@given(held=HELD, k=st.integers(1, 4), m=st.integers(1, 3))
def test_without_the_removals_no_rare_set_is_left_and_nothing_else_is_lost(held, k, m):
    connection = table(held)
    removal = plan_removals(connection, "diagnosis", **bounds(k, m))
    removed = {(int(u[1:]), c) for u, c in connection.sql("FROM code_removal").fetchall()}
    assert removed <= held
    assert by_hand(held - removed, k, m)[0] == [0] * m
    assert removal.removed == len(removed)
    assert removal.occurrences == len(held)
    assert (removal.removed == 0) == (by_hand(held, k, m)[0] == [0] * m)


def test_the_code_in_most_rare_pairs_goes_first():
    common = {(u, c) for u in range(4) for c in "abc"} | {(u, "d") for u in range(10, 14)}
    connection = table(common | {(9, c) for c in "abcd"})
    assert plan_removals(connection, "diagnosis", **bounds(3, 2)).removed == 1
    assert connection.sql("FROM code_removal").fetchall() == [("p9", "d")]


def test_a_rare_code_is_published_as_its_parent_and_left_out_when_that_is_rare_too():
    held = {(u, "E11") for u in range(5)} | {(7, "E11.3"), (8, "E11.4"), (7, "E11.4"), (9, "Z99")}
    shown = floor_codes(
        table(held),
        "diagnosis",
        unit="patient_key",
        code="code",
        k=3,
        parents={"E11.3": "E11", "E11.4": "E11", "Z99": "Z"},
    )
    assert shown == {"E11": "E11", "E11.3": "E11", "E11.4": "E11", "Z99": None}


def test_two_children_of_one_patient_count_once():
    held = {(1, "E11.3"), (1, "E11.4"), (2, "E11.3")}
    shown = floor_codes(
        table(held), "diagnosis", unit="patient_key", code="code", k=3,
        parents={"E11.3": "E11", "E11.4": "E11"},
    )  # fmt: skip
    assert set(shown.values()) == {None}


def test_parents_in_a_circle_are_refused():
    with pytest.raises(ConfigError, match="circle"):
        floor_codes(
            table({(1, "a")}), "diagnosis", unit="patient_key", code="code", k=3,
            parents={"a": "b", "b": "a"},
        )  # fmt: skip


@pytest.mark.parametrize(("k", "m"), [(3, 0), (3, 4), (0, 2)])
def test_bounds_that_cannot_be_counted_are_refused(k, m):
    with pytest.raises(ConfigError, match="cannot be counted"):
        rare_sets(table({(1, "a")}), "diagnosis", **bounds(k, m))


def test_codes_without_a_patient_are_refused_and_no_code_proves_nothing():
    connection = table({(1, "a")})
    connection.execute("INSERT INTO diagnosis VALUES (NULL, 'b')")
    with pytest.raises(ProtectionError, match="1 codes without a patient"):
        rare_sets(connection, "diagnosis", **bounds(2, 2))
    connection.execute("DELETE FROM diagnosis")
    assert not rare_sets(connection, "diagnosis", **bounds(2, 2)).is_kept
