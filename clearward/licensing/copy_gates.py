"""The gates a marked copy passes before it may leave: the statistics of every marked column, the
release's own suites, and k again on the copy's patients. Add a gate for copies here.

A copy without marks needs none: its values are compared with the release's, one by one, while it
is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from clearward.errors import ReleaseError
from clearward.marking.contract import Markable, from_facts
from clearward.marking.embed import SHARE
from clearward.marking.preserved import TOLERANCES, Preserved, check_preserved
from clearward.products.spec import Product, load_product
from clearward.quality import borders
from clearward.quality.gate import run_gate
from clearward.quality.report import check_green
from clearward.releases.manifest import Manifest
from clearward.risk.prosecutor import measure_risk
from clearward.settings import Settings

LEAST_CELLS = 4_000
"""Fewer numbers than this in all marked columns could accuse nobody."""


def columns_to_mark(canonical: Manifest) -> tuple[Markable, ...]:
    """The columns that a release's contract opens to marks; ReleaseError where it opens none."""
    columns = from_facts(canonical.facts)
    if not columns:
        raise ReleaseError(
            f"No marked copy can be made of {canonical.product} {canonical.version}.",
            seen="no column that its contract calls fingerprintable",
            expected="at least one, when the release was published",
            do="license the own copy: its pseudonyms name a licensee from one row",
        )
    return columns


def judge_marked(
    settings: Settings,
    canonical: Manifest,
    tables: Mapping[str, Path],
    *,
    preserved: Sequence[Preserved],
    cells: int,
    scratch: Path,
) -> dict[str, Any]:
    """Every gate, on the files as they will leave; returns what the copy's manifest says of them.

    Args:
        settings, canonical: where, and what was copied.
        tables: the copy's file of every table.
        preserved: the differences of every marked column.
        cells: numbers in these columns.
        scratch: folder for the gate's report.

    Raises GateError for a statistic outside its tolerance or a red suite, ReleaseError for a k that
    is not the product's, or for too few numbers to trace anybody by.
    """
    check_preserved(preserved)
    if cells < LEAST_CELLS:
        raise ReleaseError(
            f"A marked copy of {canonical.product} {canonical.version} could trace nobody.",
            seen=f"{cells} numbers in marked columns",
            expected=f"{LEAST_CELLS} or more",
            do="license the own copy: its pseudonyms name a licensee from one row",
        )
    spec = load_product(canonical.product)
    checks = _run_suites(settings, tables, scratch)
    return {
        "is_marked": True,
        "columns": [f"{p.table}.{p.column}" for p in preserved],
        "share_of_cells": SHARE,
        "release_gate_checks": checks,
        "k": _check_k(settings, spec, tables[f"{spec.name}__patient"]),
        "differences": {f"{p.table}.{p.column}": dict(p.differences) for p in preserved},
        "tolerances": dict(TOLERANCES),
    }


def _run_suites(settings: Settings, tables: Mapping[str, Path], scratch: Path) -> int:
    folder = borders.EXPECTATIONS / "release"
    report = run_gate(
        settings,
        gate="release of a marked copy",
        suites={name: folder / f"{name}.json" for name in tables},
        tables={name: [path] for name, path in tables.items()},
        report_dir=scratch / "gate",
    )
    check_green(report, tables.values())
    return len(report.checks)


def _check_k(settings: Settings, spec: Product, patients: Path) -> int:
    quasi = [qi.column for qi in spec.protection.quasi_identifiers]
    k = measure_risk(settings, patients, quasi).k
    if k < spec.protection.k:
        raise ReleaseError(
            f"The marked copy of {spec.name} misses its privacy bound.",
            seen=f"k {k}",
            expected=f"k {spec.protection.k} or more",
            do="report this: nothing was handed out",
        )
    return k
