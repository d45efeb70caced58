"""Counting is by the meaning Great Expectations gives each kind; its verdict decides."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearward.errors import ConfigError
from clearward.quality.expectations import judge
from clearward.quality.measure import Metric, measure
from clearward.quality.report import State
from clearward.quality.suites import Suite
from tests.unit.quality.native import run_natively


def suite_of(*expectations: dict) -> Suite:
    named = tuple({"meta": {"check": f"c{i}"}, **e} for i, e in enumerate(expectations))
    return Suite("t", named)


def expect(kind: str, **kwargs) -> dict:
    return {"type": kind, "kwargs": kwargs}


EVERY_KIND = suite_of(
    expect("expect_column_values_to_not_be_null", column="x", mostly=0.7),
    expect("expect_column_values_to_be_null", column="x", mostly=0.3),
    expect("expect_column_values_to_be_in_set", column="y", value_set=["a", "it's"], mostly=0.5),
    expect("expect_column_values_to_be_between", column="x", min_value=2, max_value=5, mostly=0.6),
    expect("expect_column_values_to_be_between", column="x", min_value=2, strict_min=True),
    expect("expect_table_columns_to_match_set", column_set=["y", "x"]),
    expect("expect_table_columns_to_match_set", column_set=["x"], exact_match=False),
    expect("expect_column_to_exist", column="z"),
    expect(
        "unexpected_rows_expectation", unexpected_rows_query="SELECT 1 FROM {batch} WHERE x > 6"
    ),
)
ROWS = st.lists(
    st.tuples(st.none() | st.integers(0, 8), st.none() | st.sampled_from(["a", "it's", "b"])),
    min_size=1,
    max_size=12,
)


@settings(max_examples=25, deadline=None)
@given(rows=ROWS)
def test_any_table_is_judged_as_great_expectations_would(rows, tmp_path_factory):
    path = tmp_path_factory.mktemp("rows") / "t.parquet"
    connection = duckdb.connect()
    connection.execute("CREATE TABLE t (x INTEGER, y VARCHAR)")
    connection.executemany("INSERT INTO t VALUES (?, ?)", rows)
    connection.execute(f"COPY t TO '{path}' (FORMAT parquet)")
    verdict = judge("raw", measure(connection, "t", EVERY_KIND))
    natively = run_natively({"t": EVERY_KIND}, {"t": path})
    assert verdict.raised == frozenset()
    assert verdict.failed == {name for name, state in natively.items() if state is State.FAIL}


def test_what_may_break_a_check_is_not_rounded_by_floating_point():
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE t AS SELECT CASE WHEN i >= 3 THEN i END AS x FROM range(10) r(i)"
    )
    suite = suite_of(expect("expect_column_values_to_not_be_null", column="x", mostly=0.7))
    (metric,) = measure(connection, "t", suite)
    assert (metric.judged, metric.failed, metric.allowed) == (10, 3, 3)


def test_one_check_that_the_engine_refuses_leaves_the_others_counted():
    connection = duckdb.connect()
    connection.execute("CREATE TABLE t AS SELECT 1 AS x")
    good = expect("expect_column_values_to_not_be_null", column="x")
    metrics = measure(connection, "t", suite_of(good, {**good, "kwargs": {"column": "nobody"}}))
    assert [(metric.judged, metric.raised) for metric in metrics] == [(1, False), (0, True)]


def test_a_kind_nobody_measures_is_refused():
    with pytest.raises(ConfigError, match="expect_column_max"):
        measure(duckdb.connect(), "t", suite_of(expect("expect_column_max_to_be", column="x")))


def test_the_verdict_names_each_check_and_keeps_no_count_of_rows_but_totals():
    metrics = [
        Metric("t", "holds", judged=9, failed=1, allowed=1),
        Metric("t", "fails", judged=9, failed=4711, allowed=1),
        Metric("u", "raises", judged=0, failed=0, allowed=0, raised=True),
    ]
    verdict = judge("raw", metrics)
    assert (verdict.failed, verdict.raised) == ({"t.fails"}, {"u.raises"})
    assert "4711" not in verdict.page


def test_nothing_measured_is_no_verdict():
    verdict = judge("raw", [])
    assert (verdict.raised, verdict.failed, verdict.page) == (frozenset(), frozenset(), "")
