"""UCI Adult and what ARX 3.9 computed on it (shared data, not shipped)."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import duckdb
import numpy as np

from clearward.protect.hierarchies import csv_hierarchy
from clearward.protect.histograms import Histogram
from clearward.protect.problem import Problem

ROOT = Path(__file__).parents[3]
ADULT = Path(os.environ.get("CLEARWARD_DATA", ROOT / "../shared/data")) / "privacy" / "adult"
QI_SETS = {
    "QI3": ("sex", "age", "race"),
    "QI6": ("sex", "age", "race", "marital-status", "education", "native-country"),
}
QI8 = (*QI_SETS["QI6"], "workclass", "occupation")


def oracle(name: str) -> list[dict[str, str]]:
    path = ADULT / name
    if not path.is_file():
        return []
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def adult_problem(columns: tuple[str, ...], k: int, max_suppressed: float, **bounds) -> Problem:
    """Adult's combinations of these columns; ``sensitive`` names one more column to count."""
    sensitive = bounds.pop("sensitive", None)
    counted = () if sensitive is None else (sensitive,)
    ladders = [csv_hierarchy(c, ADULT / f"adult_hierarchy_{c}.csv") for c in (*columns, *counted)]
    names = ", ".join(f'"{c}"' for c in (*columns, *counted))
    rows = duckdb.sql(
        f"SELECT {names}, count(*) FROM read_csv('{ADULT}/adult.csv', delim=';', all_varchar=true)"
        " GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    places = [{value: i for i, value in enumerate(ladder.values)} for ladder in ladders]
    cells = [[place[v] for place, v in zip(places, row[:-1], strict=True)] for row in rows]
    table, counts = np.array(cells), np.array([row[-1] for row in rows], dtype=np.int64)
    codes, combination = np.unique(table[:, : len(columns)], axis=0, return_inverse=True)
    if sensitive is not None:
        codes_of = table[:, -1]
        ladder = ladders[-1]
        bounds["sensitive"] = (
            Histogram(sensitive, ladder.values, combination.ravel(), codes_of, counts, ladder),
        )
    weights = np.bincount(combination.ravel(), weights=counts).astype(np.int64)
    return Problem(tuple(ladders[: len(columns)]), codes, weights, k, max_suppressed, **bounds)
