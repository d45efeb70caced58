"""Solver and risk against what ARX 3.9 computed on UCI Adult (shared data, not shipped)."""

from __future__ import annotations

import duckdb
import numpy as np
import pytest

from clearward.protect.models import TCloseness
from clearward.protect.recode import recode
from clearward.protect.solver import solve
from clearward.risk.prosecutor import measure_risk
from clearward.settings import Settings

from .adult import ADULT, QI8, QI_SETS, adult_problem, oracle

QUALITY = {"Loss": "loss", "AECS": "aecs", "DM": "discernibility"}

pytestmark = pytest.mark.skipif(
    not ADULT.is_dir(), reason="UCI Adult is not there: set CLEARWARD_DATA to the shared data"
)


@pytest.mark.parametrize(
    "row",
    oracle("arx_optima.csv"),
    ids=lambda r: f"{r['qi_set']}-{r['model']}-{r['suppression_limit']}-{r['quality_model']}",
)
def test_the_optimum_is_the_node_arx_found(row):
    columns, k = QI_SETS[row["qi_set"]], int(row["model"][1:])
    quality = QUALITY[row["quality_model"]]
    limit = float(row["suppression_limit"])
    found = solve(adult_problem(columns, k, limit, how="geometric", quality=quality))
    assert "|".join(map(str, found.levels)) == row["optimum_levels(order of qis)"]
    assert found.loss == pytest.approx(float(row["score_high"]), rel=1e-8)
    assert found.suppressed == int(row["suppressed"])
    assert found.classes == int(row["classes"])
    assert found.nodes == int(row["lattice_size"])


@pytest.mark.slow
def test_t_closeness_generalises_age_marital_status_and_education_as_arx_does():
    bound = adult_problem(
        QI8,
        5,
        1.0,
        sensitive="salary-class",
        models=(TCloseness("salary-class", 0.2),),
        how="geometric",
    )
    levels = dict(zip(QI8, solve(bound).levels, strict=True))
    assert (levels["age"], levels["marital-status"], levels["education"]) == (4, 2, 3)


def test_local_recoding_loses_less_than_half_of_what_arx_loses_locally():
    found = recode(adult_problem(QI8, 5, 0.0), recoding="local")
    assert found.loss < 0.45 * 0.1757
    assert found.suppressed == 0
    assert np.bincount(found.classes, weights=adult_problem(QI8, 5, 0.0).weights).min() >= 5


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
