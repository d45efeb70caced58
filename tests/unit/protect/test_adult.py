"""Solver and risk against what ARX 3.9 computed on UCI Adult (shared data, not shipped)."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import duckdb
import numpy as np
import pytest

from clearward.protect.hierarchies import csv_hierarchy
from clearward.protect.solver import Problem, solve
from clearward.risk.prosecutor import measure_risk
from clearward.settings import Settings

ROOT = Path(__file__).parents[3]
ADULT = Path(os.environ.get("CLEARWARD_DATA", ROOT / "../shared/data")) / "privacy" / "adult"
QI_SETS = {
    "QI3": ("sex", "age", "race"),
    "QI6": ("sex", "age", "race", "marital-status", "education", "native-country"),
}

pytestmark = pytest.mark.skipif(
    not ADULT.is_dir(), reason="UCI Adult is not there: set CLEARWARD_DATA to the shared data"
)


def oracle(name: str) -> list[dict[str, str]]:
    path = ADULT / name
    if not path.is_file():
        return []
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


OPTIMA = [row for row in oracle("arx_optima.csv") if row["quality_model"] == "Loss"]


def adult_problem(qi_set: str, k: int, max_suppressed: float) -> Problem:
    columns = QI_SETS[qi_set]
    ladders = tuple(csv_hierarchy(c, ADULT / f"adult_hierarchy_{c}.csv") for c in columns)
    names = ", ".join(f'"{c}"' for c in columns)
    rows = duckdb.sql(
        f"SELECT {names}, count(*) FROM read_csv('{ADULT}/adult.csv', delim=';', all_varchar=true)"
        " GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    places = [{value: i for i, value in enumerate(ladder.values)} for ladder in ladders]
    codes = [[place[v] for place, v in zip(places, row[:-1], strict=True)] for row in rows]
    weights = np.array([row[-1] for row in rows], dtype=np.int64)
    return Problem(ladders, np.array(codes), weights, k, max_suppressed, "geometric")


@pytest.mark.parametrize(
    "row", OPTIMA, ids=lambda r: f"{r['qi_set']}-{r['model']}-{r['suppression_limit']}"
)
def test_the_optimum_is_the_node_arx_found(row):
    found = solve(
        adult_problem(row["qi_set"], int(row["model"][1:]), float(row["suppression_limit"]))
    )
    assert "|".join(map(str, found.levels)) == row["optimum_levels(order of qis)"]
    assert found.loss == pytest.approx(float(row["score_high"]), abs=1e-9)
    assert found.suppressed == int(row["suppressed"])
    assert found.classes == int(row["classes"])
    assert found.nodes == int(row["lattice_size"])


@pytest.mark.parametrize("row", oracle("arx_raw_risk.csv"), ids=lambda r: r["qi_set"])
def test_the_risk_of_the_raw_table_is_what_arx_measured(row, tmp_path):
    columns = QI_SETS[row["qi_set"]]
    path = tmp_path / "adult.parquet"
    names = ", ".join(f'"{c}" AS {c.replace("-", "_")}' for c in columns)
    duckdb.sql(
        f"COPY (SELECT {names} FROM read_csv('{ADULT}/adult.csv', delim=';', all_varchar=true))"
        f" TO '{path}' (FORMAT parquet)"
    )
    settings = Settings(tmp_path, "", "", tmp_path / "keys")
    risk = measure_risk(settings, path, [c.replace("-", "_") for c in columns], unit=None)
    assert (risk.patients, risk.classes, risk.k) == (
        int(row["records"]),
        int(row["classes"]),
        int(row["min_class"]),
    )
    assert risk.max_prosecutor == pytest.approx(float(row["prosecutor_highest"]), abs=1e-6)
    assert risk.avg_prosecutor == pytest.approx(float(row["prosecutor_success_rate"]), abs=1e-6)
    assert risk.at_risk == pytest.approx(float(row["records_at_risk_0.2"]), abs=1e-6)
    assert risk.uniques / risk.patients == pytest.approx(
        float(row["sample_unique_fraction"]), abs=1e-6
    )
