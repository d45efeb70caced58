"""Re-identification risk of a Parquet file, counted in SQL. Add a measure here when it can be
computed from the published file alone; nothing of the solver may be used here.

This is the second pair of eyes: protection calls it on what it wrote, the release gate calls it
again on what is about to be published. Prosecutor risk (El Emam, Dankar 2008): an attacker who
knows that a person is in the data finds them with probability 1 / size of their class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from clearward.errors import ProtectionError
from clearward.settings import Settings
from clearward.warehouse import check_name, engine, read_parquet_sql


@dataclass(frozen=True)
class Risk:
    """What an attacker who knows the quasi-identifiers can do.

    Attributes:
        k: size of the smallest class.
        patients, classes, uniques: counts; a unique patient is alone in a class.
        max_prosecutor, avg_prosecutor: highest and mean chance of finding a patient, 0–1.
        at_risk: share of patients whose chance is above 0.2.
    """

    k: int
    patients: int
    classes: int
    uniques: int
    max_prosecutor: float
    avg_prosecutor: float
    at_risk: float

    def metadata(self) -> dict[str, int | float | str]:
        """Counts and shares, by name."""
        return dict(self.__dict__)


def measure_risk(
    settings: Settings,
    path: Path,
    quasi_identifiers: Sequence[str],
    *,
    unit: str | None = "patient_key",
) -> Risk:
    """Risk of one Parquet file whose rows are units (patients).

    Args:
        settings: limits of the engine.
        path: the file.
        quasi_identifiers: columns an attacker may know; a null is a value like any other.
        unit: column that names the unit; None when every row is one.

    Raises ProtectionError when the file holds no unit, a unit twice, or one without a key: k over
    rows would then promise more than k patients.
    """
    columns = ", ".join(check_name(column) for column in quasi_identifiers)
    source = read_parquet_sql([path])
    _check_units(settings, source, unit)
    row = _one(
        settings,
        f"""SELECT min(n), sum(n), count(*), count(*) FILTER (n = 1), 1 / min(n),
                   count(*) / sum(n), sum(n) FILTER (n < 5) / sum(n)
            FROM (SELECT count(*) AS n FROM {source} GROUP BY {columns})""",
    )
    k, patients, classes, uniques = (int(value) for value in row[:4])
    return Risk(k, patients, classes, uniques, float(row[4]), float(row[5]), float(row[6] or 0))


def _check_units(settings: Settings, source: str, unit: str | None) -> None:
    distinct = f"count(DISTINCT {check_name(unit)})" if unit else "count(*)"
    rows, units = _one(settings, f"SELECT count(*), {distinct} FROM {source}")
    if rows == 0 or rows != units:
        raise ProtectionError(
            "Risk cannot be measured: the file is not one row per patient.",
            seen=f"{rows} rows, {units} patients",
            expected="at least one row, and as many patients as rows",
            do="build the patient table again",
        )


def _one(settings: Settings, query: str) -> tuple[float, ...]:
    with engine(settings) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None  # noqa: S101 - an aggregate without GROUP BY always has one row
    return tuple(row)
