"""Great Expectations running a suite by itself, expectation by expectation, on DuckDB: what the
gate's own counting is compared with. Slow, and nothing outside the tests needs it.
"""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import great_expectations as gx
import sqlalchemy
from great_expectations.data_context.types.base import ProgressBarsConfig

from clearward.quality.expectations import has_raised
from clearward.quality.report import State
from clearward.quality.suites import Suite
from tests.unit.quality import gx_duckdb

RESULT_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": 0}


def run_natively(suites: Mapping[str, Suite], tables: Mapping[str, Path]) -> dict[str, State]:
    """State per ``table.check``."""
    gx_duckdb.install()
    logging.getLogger("great_expectations").setLevel(logging.CRITICAL)
    url = f"duckdb:///:memory:native_{uuid.uuid4().hex}"
    engine = sqlalchemy.create_engine(url)
    found: dict[str, State] = {}
    try:
        with engine.connect() as connection:
            for name, path in tables.items():
                where = f" WHERE {suites[name].where}" if suites[name].where else ""
                connection.exec_driver_sql(
                    f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{path}'){where}"
                )
            connection.commit()
            source = _context().data_sources.add_sql("gate", connection_string=url)
            for name in tables:
                found |= _states(source, name, suites[name])
    finally:
        engine.dispose()
    return found


def _context() -> Any:
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context


def _states(source: Any, table: str, suite: Suite) -> dict[str, State]:
    # Given whole: adding one by one replaces an expectation of the same kind and column.
    gx_suite = gx.ExpectationSuite(
        name=suite.name, expectations=[_escaped(e) for e in suite.expectations]
    )
    asset = source.add_table_asset(table, table_name=table)
    batch = asset.add_batch_definition_whole_table("whole").get_batch()
    result = batch.validate(gx_suite, result_format=RESULT_FORMAT)
    return {f"{table}.{r.expectation_config.meta['check']}": _state(r) for r in result.results}


def _state(result: Any) -> State:
    if has_raised(result.exception_info):
        return State.ERROR
    return State.PASS if result.success else State.FAIL


def _escaped(expectation: Mapping[str, Any]) -> dict[str, Any]:
    """The expectation with its SQL as the library wants it.

    It fills ``{batch}`` by ``str.format``, to which a regular expression's ``{4}`` is a field, and
    runs the text through SQLAlchemy, to which ``(?:x`` holds a bound parameter named x.
    """
    kwargs = dict(expectation["kwargs"])
    if "unexpected_rows_query" in kwargs:
        query = kwargs["unexpected_rows_query"].replace("{", "{{").replace("}", "}}")
        query = re.sub(r":(?=\w)", r"\:", query)
        kwargs["unexpected_rows_query"] = query.replace("{{batch}}", "{batch}")
    return {**expectation, "kwargs": kwargs}
