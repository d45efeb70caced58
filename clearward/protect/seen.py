"""What everybody has already been shown: the patients of earlier published versions with the labels
they had in each. Add here what must be read from them; what follows for this release belongs to
`successive`.

The story of a patient is the list of labels in every earlier version, or their absence from it.
Patients with one story are one group: nobody who holds all versions, or any of them, can tell them
apart by class and by presence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from clearward.errors import ProtectionError
from clearward.products.bounds import Sensitive
from clearward.protect.hierarchies import UNKNOWN
from clearward.protect.loss import Ints
from clearward.warehouse import read_parquet_sql

_UNIT = "chr(31)"
_RECORD = "chr(30)"


@dataclass(frozen=True)
class EarlierRelease:
    """One version as it was published.

    Attributes:
        version, month: which.
        path: its patient table.
        tables: its other tables with one row per patient, by entity.
    """

    version: str
    month: str
    path: Path
    tables: Mapping[str, Path] = field(default_factory=dict)

    def table(self, entity: str) -> Path | None:
        """The file of a table with one row per patient; None when that version had none."""
        return self.path if entity == "patient" else self.tables.get(entity)


@dataclass(frozen=True)
class Past:
    """Everybody ever published, ordered by pseudonym.

    Attributes:
        keys: (m,) pseudonyms.
        group: (m,) number of the group of equal stories, dense from 0.
        labels: per quasi-identifier (m,) the label last seen.
        sensitive: (m, s) the sensitive values last seen, as numbers; -1 where there was no column.
    """

    keys: NDArray[Any]
    group: Ints
    labels: tuple[NDArray[Any], ...]
    sensitive: Ints

    @property
    def sizes(self) -> Ints:
        """(groups,) patients of each group."""
        return np.bincount(self.group)


def read_past(
    connection: duckdb.DuckDBPyConnection,
    earlier: Sequence[EarlierRelease],
    *,
    columns: Sequence[str],
    sensitive: Sequence[Sensitive],
    k: int,
) -> Past:
    """Read the patients of all earlier versions, oldest first.

    Raises ProtectionError when a version lacks a quasi-identifier, or when the versions side by
    side already tell fewer than k patients apart: no later release can mend that.
    """
    views = [
        _version_sql(connection, release, number=i, columns=columns, sensitive=sensitive)
        for i, release in enumerate(earlier)
    ]
    label = f"concat_ws({_UNIT}, {', '.join(f'q{i}' for i in range(len(columns)))})"
    last = [f"arg_max({name}, version) AS {name}" for name in _names(columns, sensitive)]
    connection.execute(
        f"CREATE OR REPLACE TABLE past AS SELECT new_key, {', '.join(last)}, "
        f"string_agg(version || ':' || {label}, {_RECORD} ORDER BY version) AS story "
        f"FROM ({' UNION ALL '.join(views)}) GROUP BY new_key"
    )
    found: dict[str, Any] = connection.execute(
        "SELECT * EXCLUDE (story), dense_rank() OVER (ORDER BY story) - 1 AS grp "
        "FROM past ORDER BY new_key"
    ).fetchnumpy()
    past = Past(
        keys=found["new_key"].astype(str),
        group=np.asarray(found["grp"], dtype=np.int64),
        labels=tuple(found[f"q{i}"].astype(str) for i in range(len(columns))),
        sensitive=_codes([found[f"s{i}"] for i in range(len(sensitive))], len(found["grp"])),
    )
    _check_stories(past, k)
    return past


def _names(columns: Sequence[str], sensitive: Sequence[Sensitive]) -> list[str]:
    return [*(f"q{i}" for i in range(len(columns))), *(f"s{i}" for i in range(len(sensitive)))]


def _version_sql(
    connection: duckdb.DuckDBPyConnection,
    release: EarlierRelease,
    *,
    number: int,
    columns: Sequence[str],
    sensitive: Sequence[Sensitive],
) -> str:
    present = _columns(connection, release.path)
    missing = sorted({"patient_key", *columns} - present)
    if missing:
        raise ProtectionError(
            f"The earlier release {release.version} cannot be compared with this one.",
            seen=f"no column {', '.join(missing)} in its patient table",
            expected="every quasi-identifier of the product spec",
            do="publish under a new product name: another quasi-identifier is another product",
        )
    parts = [
        f"coalesce(CAST(p.{c} AS VARCHAR), '{UNKNOWN}') AS q{i}" for i, c in enumerate(columns)
    ]
    joins = []
    for i, place in enumerate(sensitive):
        path = release.table(place.table)
        if path is None or place.column not in _columns(connection, path):
            parts.append(f"CAST(NULL AS VARCHAR) AS s{i}")
            continue
        parts.append(f"coalesce(CAST(t{i}.{place.column} AS VARCHAR), '') AS s{i}")
        joins.append(
            f"LEFT JOIN {read_parquet_sql([path])} t{i} ON t{i}.patient_key = p.patient_key"
        )
    return (
        f"SELECT p.patient_key AS new_key, {number} AS version, {', '.join(parts)} "
        f"FROM {read_parquet_sql([release.path])} p {' '.join(joins)}"
    )


def _columns(connection: duckdb.DuckDBPyConnection, path: Path) -> set[str]:
    found = connection.execute(f"DESCRIBE SELECT * FROM {read_parquet_sql([path])}").fetchall()
    return {str(row[0]) for row in found}


def _codes(columns: Sequence[NDArray[Any]], rows: int) -> Ints:
    coded = np.full((rows, len(columns)), -1, dtype=np.int64)
    for i, column in enumerate(columns):
        known = ~np.ma.getmaskarray(np.ma.asarray(column))
        values = np.ma.getdata(column)[known].astype(str)
        coded[known, i] = np.unique(values, return_inverse=True)[1]
    return coded


def _check_stories(past: Past, k: int) -> None:
    small = past.sizes[past.sizes < k] if len(past.keys) else np.zeros(0, dtype=np.int64)
    if len(small):
        raise ProtectionError(
            "The earlier releases side by side already tell too few patients apart.",
            seen=f"{len(small)} groups of fewer than k patients",
            expected=f"at least {k} patients with the same labels and absences",
            do="start a new product line with pseudonyms of its own; see successive-releases.md",
        )
