"""The one module that speaks Great Expectations. Importing it takes seconds, so only `gate` does,
inside its function; what a verdict means for the gate is decided there.

Great Expectations judges the metrics of a gate, one row per check (`measure`): it never sees a row
of the data, and a gate costs it two expectations instead of two hundred. Its results are stripped
all the same before anything keeps them.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import great_expectations as gx
import pandas as pd
from great_expectations.core.expectation_validation_result import ExpectationSuiteValidationResult
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
from great_expectations.render.view.view import DefaultJinjaPageView

from clearward.quality.measure import Metric

MADE = {
    "type": "expect_column_values_to_be_in_set",
    "kwargs": {"column": "raised", "value_set": [False]},
    "description": "Every check could be made.",
}
KEPT = {
    "type": "expect_column_pair_values_a_to_be_greater_than_b",
    "kwargs": {"column_A": "allowed", "column_B": "failed", "or_equal": True},
    "description": "No check has more rows against it than it allows.",
}
KEPT_RESULTS = frozenset({"element_count", "unexpected_count", "unexpected_percent"})
_FORMAT: Any = {
    "result_format": "COMPLETE",
    "unexpected_index_column_names": ["name"],
    "partial_unexpected_count": 0,
}


@dataclass(frozen=True)
class Verdict:
    """What Great Expectations says about the metrics of a gate.

    Attributes:
        raised: names of the checks that could not be made.
        failed: names of the checks with more rows against them than allowed.
        page: its Data Docs page, HTML as generated.
    """

    raised: frozenset[str]
    failed: frozenset[str]
    page: str


def judge(gate: str, metrics: Sequence[Metric]) -> Verdict:
    """Judge metrics; when an expectation itself raises, no check counts as made."""
    if not metrics:
        return Verdict(frozenset(), frozenset(), "")
    result = _validate(gate, metrics)
    made, kept = result.results
    broken = any(map(_is_broken, result.results, [len(metrics)] * 2))
    names = frozenset(metric.name for metric in metrics)
    raised = names if broken else _named(made)
    failed = _named(kept) - raised if not broken else frozenset()
    _strip(result)
    return Verdict(raised, failed, _page(result))


def _validate(gate: str, metrics: Sequence[Metric]) -> ExpectationSuiteValidationResult:
    context = _context()
    suite = gx.ExpectationSuite(name=gate, expectations=[MADE, KEPT])
    for name in (suite.name for suite in list(context.suites.all())):
        context.suites.delete(name)
    context.suites.add(suite)
    frame = pd.DataFrame([{**asdict(metric), "name": metric.name} for metric in metrics])
    asset = context.data_sources.get("metrics").get_asset("gate")
    batch = asset.get_batch_definition("whole").get_batch({"dataframe": frame})
    result: ExpectationSuiteValidationResult = batch.validate(suite, result_format=_FORMAT)
    return result


@cache
def _context() -> Any:
    """One context per process: it keeps nothing of a gate but the last suite's name."""
    for name in ("", ".data_context.types.base"):  # the second sets a level of its own
        logging.getLogger(f"great_expectations{name}").setLevel(logging.CRITICAL)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("metrics").add_dataframe_asset("gate")
    asset.add_batch_definition_whole_dataframe("whole")
    return context


def _named(result: Any) -> frozenset[str]:
    return frozenset(row["name"] for row in result.result.get("unexpected_index_list") or ())


def _is_broken(result: Any, metrics: int) -> bool:
    """Whether an expectation raised or saw another number of checks than were measured."""
    return has_raised(result.exception_info) or result.result.get("element_count") != metrics


def has_raised(info: Mapping[str, Any] | None) -> bool:
    """Whether an expectation raised: ``exception_info`` is flat, or one mapping per metric."""
    if not info:
        return False
    if info.get("raised_exception"):
        return True
    return any(isinstance(v, Mapping) and has_raised(v) for v in info.values())


def _strip(result: ExpectationSuiteValidationResult) -> None:
    meta: Any = result.meta
    meta.pop("batch_markers", None)  # a clock: the same counts shall give the same page
    for one in result.results:
        one.result = {name: one.result[name] for name in KEPT_RESULTS & set(one.result)}
        if has_raised(one.exception_info):
            one.exception_info = {
                "raised_exception": True,
                "exception_message": "The check raised; its text is left out of reports.",
                "exception_traceback": None,
            }


def _page(result: ExpectationSuiteValidationResult) -> str:
    document = ValidationResultsPageRenderer().render(result)
    return str(_view().render(document))


@cache
def _view() -> Any:
    return DefaultJinjaPageView()
