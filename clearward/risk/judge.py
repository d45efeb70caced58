"""Judge one release: every demand of the spec measured on the files, the report written. Add no
rule here: what is demanded stands in `gates`, how it is measured in `measures`.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from clearward.errors import ClearwardError
from clearward.keyring import load_keyring
from clearward.products.spec import Product, load_product
from clearward.risk.gates import Demand, Figure, State, demands, judge
from clearward.risk.history import Earlier
from clearward.risk.measures import Measures
from clearward.risk.report import Finding, RiskReport, report_path, write_report
from clearward.risk.tables import open_view
from clearward.settings import Settings
from clearward.warehouse import Warehouse, engine

_BROKEN = (
    ClearwardError,
    duckdb.Error,
    OSError,
    ArithmeticError,
    LookupError,
    TypeError,
    ValueError,
)
"""What a measure may fail with on a table that is not as it should be."""


def judge_risk(
    settings: Settings, *, product: str, month: str, earlier: Sequence[Earlier]
) -> RiskReport:
    """Judge the protected tables of a product and month and write ``risk.json``.

    Args:
        settings: where warehouse, keyring and reports are.
        product, month: what is judged.
        earlier: every version published before, oldest first; empty only for a product that has
            none. `releases.evidence` holds this against the store.

    A check that cannot be made is an error in the report, which stops a release like a red one.
    """
    spec = load_product(product)
    report_path(settings, product=spec.name, month=month).unlink(missing_ok=True)
    warehouse = Warehouse(settings.warehouse)
    names = {table.entity: spec.table_name(table) for table in spec.tables}
    place = {e: warehouse.partition("protected", n, month=month) for e, n in names.items()}
    mart = {e: warehouse.partition("product", n, month=month) for e, n in names.items()}
    wanted = demands(spec, has_earlier=bool(earlier))
    findings, figures = _measure(settings, spec, wanted, released=place, mart=mart, earlier=earlier)
    report = RiskReport(
        product=spec.name,
        month=month,
        findings=findings,
        figures=figures,
        files=_hashes(place),
        mart=_hashes(mart),
        earlier=tuple(_hashes({str(i): e.patient for i, e in enumerate(earlier)}).values()),
    )
    write_report(settings, report)
    return report


def _measure(
    settings: Settings,
    spec: Product,
    wanted: Sequence[Demand],
    *,
    released: Mapping[str, Path],
    mart: Mapping[str, Path],
    earlier: Sequence[Earlier],
) -> tuple[tuple[Finding, ...], dict[str, Any]]:
    with engine(settings) as connection:
        try:
            key = load_keyring(settings.keyring).key("product", spec.name)
            view = open_view(connection, spec, released=released, mart=mart)
        except _BROKEN as error:
            why = _why(error)
            return tuple(Finding(d, None, State.ERROR, why) for d in wanted), {}
        measures = Measures(view, key=key, earlier=earlier)
        findings = tuple(_find(measures, demand) for demand in wanted)
        return findings, _figures(measures)


def _find(measures: Measures, demand: Demand) -> Finding:
    try:
        figure = _rounded(measures.answer(demand))
    except _BROKEN as error:
        return Finding(demand, None, State.ERROR, _why(error))
    return Finding(demand, figure, judge(demand, figure))


def _rounded(figure: Figure) -> Figure:
    """Twelve digits: rows come in any order, and sums of fractions keep a trace of it."""
    low, high = (e if e is None else round(float(e), 12) for e in (figure.low, figure.high))
    return Figure(round(float(figure.value), 12), low, high, figure.applies)


def _figures(measures: Measures) -> dict[str, Any]:
    """The figures beside the checks; where one cannot be made there are none."""
    try:
        return dict(_finite(measures.figures()))
    except _BROKEN as error:
        return {"missing": _why(error)}


def _finite(value: Any) -> Any:
    """The same with null for a number that JSON has no word for."""
    if isinstance(value, float):
        return round(value, 12) if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return value


def _why(error: Exception) -> str:
    """A refusal in its own words, which hold no value; of anything else only its kind."""
    return str(error) if isinstance(error, ClearwardError) else type(error).__name__


def _hashes(files: Mapping[str, Path]) -> dict[str, str]:
    found = {}
    for name, path in files.items():
        if path.is_file():
            with path.open("rb") as file:
                found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found
