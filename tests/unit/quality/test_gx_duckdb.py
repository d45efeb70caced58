"""The mend for Great Expectations on DuckDB is needed, and works."""

from __future__ import annotations

import pytest

from clearward.quality import gx_duckdb

NOT_NULL = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "x"}}


def test_without_the_mend_expectations_raise(gate, suite, parquet, monkeypatch):
    path = parquet("t", "SELECT 1 AS x")
    monkeypatch.setattr(gx_duckdb, "install", gx_duckdb.uninstall)
    report = gate({"t": suite("t", dict(NOT_NULL))}, {"t": [path]})
    if report.is_green:
        pytest.fail("Great Expectations reads DuckDB without the mend: remove gx_duckdb.py")
    assert report.is_broken


def test_with_the_mend_they_answer(gate, suite, parquet):
    path = parquet("t", "SELECT 1 AS x")
    assert gate({"t": suite("t", dict(NOT_NULL))}, {"t": [path]}).is_green
