"""The one module that speaks Great Expectations. Importing it takes seconds, so only `gate` does,
inside its function; what a result means for the gate is decided there.

Results are stripped before anything keeps them: exception texts (a database repeats the value it
could not convert) and lists of values never reach a report or Data Docs.
"""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import great_expectations as gx
from great_expectations.core.expectation_validation_result import ExpectationSuiteValidationResult
from great_expectations.core.run_identifier import RunIdentifier
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.data_context.types.resource_identifiers import (
    ExpectationSuiteIdentifier,
    ValidationResultIdentifier,
)

from clearward.quality import gx_duckdb
from clearward.quality.docs import keep_inside, write_index
from clearward.quality.report import State
from clearward.quality.suites import Suite

RESULT_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": 0}
KEPT_RESULTS = frozenset(
    {"element_count", "unexpected_count", "unexpected_percent", "missing_count", "observed_value"}
)
_SITE = "gate"


class Runner:
    """Runs suites against the views of one database and remembers stripped results."""

    def __init__(self, url: str) -> None:
        gx_duckdb.install()
        logging.getLogger("great_expectations").setLevel(logging.CRITICAL)
        self._context = gx.get_context(mode="ephemeral")
        self._context.variables.progress_bars = ProgressBarsConfig(globally=False)
        self._source = self._context.data_sources.add_sql("gate", connection_string=url)
        self._results: dict[str, ExpectationSuiteValidationResult] = {}

    def run(self, table: str, suite: Suite) -> dict[str, tuple[State, int]]:
        """State and number of failing rows per check id; a check missing from it raised."""
        # Given whole: adding one by one replaces an expectation of the same kind and column.
        gx_suite = self._context.suites.add(
            gx.ExpectationSuite(
                name=suite.name, expectations=[_escaped(e) for e in suite.expectations]
            )
        )
        asset = self._source.add_table_asset(table, table_name=table)
        batch = asset.add_batch_definition_whole_table("whole").get_batch()
        result = batch.validate(gx_suite, result_format=RESULT_FORMAT)
        outcomes = dict(_outcome(one) for one in result.results)
        _strip(result)
        self._results[suite.name] = result
        return outcomes

    def write_docs(self, folder: Path) -> None:
        """Write the static Data Docs site of everything that was run."""
        backend = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder)}
        index = {"class_name": "DefaultSiteIndexBuilder", "show_cta_footer": False}
        site: Any = {
            "class_name": "SiteBuilder",
            "show_how_to_buttons": False,
            "store_backend": backend,
            "site_index_builder": index,
        }
        for name, own in dict(self._context.variables.data_docs_sites or {}).items():
            shutil.rmtree(own["store_backend"]["base_directory"], ignore_errors=True)
            self._context.delete_data_docs_site(name)
        self._context.add_data_docs_site(_SITE, site)
        run = RunIdentifier(run_name="gate", run_time=datetime.now(UTC))
        for name, result in self._results.items():
            key = ValidationResultIdentifier(ExpectationSuiteIdentifier(name), run, name)
            self._context.validation_results_store.add(key, result)
        self._context.build_data_docs()
        keep_inside(folder)
        counts = {
            name: (sum(bool(one.success) for one in result.results), len(result.results))
            for name, result in self._results.items()
        }
        write_index(folder, counts)


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


def _outcome(result: Any) -> tuple[str, tuple[State, int]]:
    check = result.expectation_config.meta["check"]
    if has_raised(result.exception_info):
        return check, (State.ERROR, 0)
    found = result.result
    failed = found.get("unexpected_count", found.get("observed_value", 0))
    failed = int(failed) if isinstance(failed, int | float) else int(not result.success)
    return check, (State.PASS if result.success else State.FAIL, failed)


def has_raised(info: Mapping[str, Any] | None) -> bool:
    """Whether an expectation raised: ``exception_info`` is flat, or one mapping per metric."""
    if not info:
        return False
    if info.get("raised_exception"):
        return True
    return any(isinstance(v, Mapping) and has_raised(v) for v in info.values())


def _strip(result: ExpectationSuiteValidationResult) -> None:
    for one in result.results:
        one.result = {name: one.result[name] for name in KEPT_RESULTS & set(one.result)}
        if has_raised(one.exception_info):
            one.exception_info = {
                "raised_exception": True,
                "exception_message": "The check raised; its text is left out of reports.",
                "exception_traceback": None,
            }
