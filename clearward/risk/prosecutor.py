"""Re-identification risk of a file, counted in SQL. Add a measure here when it follows from the
sizes of the classes alone; nothing that protects may be used here.

This is the second pair of eyes: protection calls it on what it wrote, the gates call it again on
what is about to be published. Prosecutor risk (El Emam, Dankar 2008): an attacker who knows that a
person is in the data finds them with probability 1 / size of their class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from clearward.risk.cells import Integers
from clearward.risk.sources import check_columns, check_units, columns_list, file_source, one
from clearward.settings import Settings
from clearward.warehouse import engine


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


def risk_of_sizes(sizes: Integers, counts: Integers) -> Risk:
    """Risk of a table whose classes have these sizes (s,), ``counts`` (s,) of each."""
    patients, classes = int((sizes * counts).sum()), int(counts.sum())
    small = sizes < 5
    return Risk(
        k=int(sizes.min()),
        patients=patients,
        classes=classes,
        uniques=int(counts[sizes == 1].sum()),
        max_prosecutor=1 / float(sizes.min()),
        avg_prosecutor=classes / patients,
        at_risk=float((sizes * counts)[small].sum()) / patients,
    )


def measure_risk(
    settings: Settings,
    path: Path,
    quasi_identifiers: Sequence[str],
    *,
    unit: str | None = "patient_key",
) -> Risk:
    """Risk of one Parquet or CSV file whose rows are units (patients).

    Args:
        settings: limits of the engine.
        path: the file.
        quasi_identifiers: columns an attacker may know; a null is a value like any other.
        unit: column that names the unit; None when every row is one.

    Raises ProtectionError when the file holds no unit, a unit twice, or one without a key: k over
    rows would then promise more than k patients.
    """
    source, wanted = file_source(path), (*quasi_identifiers, *([unit] if unit else []))
    with engine(settings) as connection:
        check_columns(connection, source, wanted)
        check_units(connection, source, unit)
        row = one(
            connection,
            f"""SELECT min(n), sum(n), count(*), count(*) FILTER (n = 1), 1 / min(n),
                       count(*) / sum(n), sum(n) FILTER (n < 5) / sum(n)
                FROM (SELECT count(*) AS n FROM {source}
                      GROUP BY {columns_list(quasi_identifiers)})""",
        )
    k, patients, classes, uniques = (int(value) for value in row[:4])
    return Risk(k, patients, classes, uniques, float(row[4]), float(row[5]), float(row[6]))
