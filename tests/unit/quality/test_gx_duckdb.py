"""The mend by which the tests let Great Expectations read DuckDB itself is needed, and works."""

from __future__ import annotations

import pytest

from clearward.quality.report import State
from clearward.quality.suites import load_suite
from tests.unit.quality import gx_duckdb, native

NOT_NULL = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "x"}}


def test_without_the_mend_expectations_raise(suite, parquet, monkeypatch):
    path = parquet("t", "SELECT 1 AS x")
    monkeypatch.setattr(gx_duckdb, "install", gx_duckdb.uninstall)
    states = native.run_natively({"t": load_suite(suite("t", dict(NOT_NULL)))}, {"t": path})
    if set(states.values()) == {State.PASS}:
        pytest.fail("Great Expectations reads DuckDB without the mend: remove gx_duckdb.py")
    assert set(states.values()) == {State.ERROR}


def test_with_the_mend_they_answer(suite, parquet):
    path = parquet("t", "SELECT 1 AS x")
    states = native.run_natively({"t": load_suite(suite("t", dict(NOT_NULL)))}, {"t": path})
    assert set(states.values()) == {State.PASS}
