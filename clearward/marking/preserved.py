"""The statistics-preserved gate: a marked table tells a statistician what the unmarked one tells.
Bounds stand in `TOLERANCES`; add a statistic here with one.

Everything is measured on the two files, by code that knows nothing of how marks are made, so a
marker that went wrong is found here. Differences of a level are in clinical precisions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from clearward.errors import GateError
from clearward.marking.contract import Markable
from clearward.warehouse import read_parquet_sql

TOLERANCES: Mapping[str, float] = {
    "mean": 0.01,  # clinical precisions
    "spread": 0.005,  # of the standard deviation, relative
    "quantile": 0.1,  # clinical precisions, seven quantiles
    "group_mean": 0.02,  # clinical precisions, groups of LEAST_GROUP rows or more
    "correlation": 0.005,  # with every other number of the table
    "last_digit": 0.02,  # total variation of the last recorded digit
    "distance": 0.02,  # Kolmogorov-Smirnov, over clinical precisions
}
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
LEAST_GROUP = 100
MOST_GROUPS = 50
_NUMBERS = ("DOUBLE", "FLOAT", "BIGINT", "INTEGER", "SMALLINT", "TINYINT", "DECIMAL")


@dataclass(frozen=True)
class Preserved:
    """The largest difference per statistic of one marked column; names as in `TOLERANCES`."""

    table: str
    column: str
    differences: Mapping[str, float]

    @property
    def broken(self) -> tuple[str, ...]:
        """Statistics outside their tolerance; one that was not measured is outside."""
        return tuple(
            name
            for name, most in TOLERANCES.items()
            if not self.differences.get(name, float("inf")) <= most
        )


def compare(
    connection: duckdb.DuckDBPyConnection, column: Markable, *, before: Path, after: Path
) -> Preserved:
    """Measure one column of the published and of the marked file."""
    sources = [read_parquet_sql([path]) for path in (before, after)]
    described = connection.execute(f"DESCRIBE SELECT * FROM {sources[0]}").fetchall()
    kinds = {str(name): str(kind) for name, kind, *_ in described}
    levels = [_levels(connection, column, source) for source in sources]
    distance = max(abs(a - b) for a, b in zip(*(level[2:] for level in levels), strict=True))
    differences = {
        "mean": abs(levels[0][0] - levels[1][0]) / column.precision,
        "spread": abs(levels[0][1] - levels[1][1]) / (levels[0][1] or 1.0),
        "quantile": distance / column.precision,
        "group_mean": _group_means(connection, column, sources, kinds=kinds),
        "correlation": _correlations(connection, column, sources, kinds=kinds),
        "last_digit": _digits(connection, column, sources),
        "distance": _distance(connection, column, sources),
    }
    return Preserved(column.table, column.column, {n: round(v, 9) for n, v in differences.items()})


def check_preserved(found: Sequence[Preserved]) -> None:
    """GateError unless something was measured and every statistic is within its tolerance."""
    broken = [f"{p.table}.{p.column}: {', '.join(p.broken)}" for p in found if p.broken]
    if broken or not found:
        raise GateError(
            "Marks would change what the data say; no marked copy is made.",
            seen="; ".join(broken) or "no column was measured",
            expected="every statistic within its tolerance",
            do="take fingerprintable off the column: its last digit carries information",
        )


def _levels(
    connection: duckdb.DuckDBPyConnection, column: Markable, source: str
) -> tuple[float, ...]:
    name = f'"{column.column}"'
    row = connection.execute(
        f"SELECT avg({name}), stddev_pop({name}), quantile_cont({name}, {list(QUANTILES)})"
        f" FROM {source}"
    ).fetchone()
    if row is None or row[0] is None:
        return (float("nan"),) * (2 + len(QUANTILES))
    return (float(row[0]), float(row[1]), *map(float, row[2]))


def _group_means(
    connection: duckdb.DuckDBPyConnection,
    column: Markable,
    sources: Sequence[str],
    *,
    kinds: Mapping[str, str],
) -> float:
    """Largest shift of a mean over the groups of any column with few values."""
    texts = [n for n, kind in kinds.items() if kind in ("VARCHAR", "BOOLEAN") and n[-4:] != "_key"]
    counts = ", ".join(f'approx_count_distinct("{name}")' for name in texts) or "0"
    distinct = connection.execute(f"SELECT {counts} FROM {sources[0]}").fetchone() or ()
    few = [name for name, n in zip(texts, distinct, strict=False) if 0 < n <= MOST_GROUPS]
    largest = 0.0
    for name in few:
        grouped = [
            f'(SELECT "{name}" AS g, avg("{column.column}") AS m, count("{column.column}") AS n'
            f" FROM {source} GROUP BY g)"
            for source in sources
        ]
        row = connection.execute(
            f"SELECT max(abs(a.m - b.m)) FROM {grouped[0]} a LEFT JOIN {grouped[1]} b"
            f" ON a.g IS NOT DISTINCT FROM b.g WHERE a.n >= {LEAST_GROUP}"
        ).fetchone()
        largest = max(largest, float(row[0]) if row and row[0] is not None else 0.0)
    return largest / column.precision


def _correlations(
    connection: duckdb.DuckDBPyConnection,
    column: Markable,
    sources: Sequence[str],
    *,
    kinds: Mapping[str, str],
) -> float:
    others = [n for n, kind in kinds.items() if kind.startswith(_NUMBERS) and n != column.column]
    if not others:
        return 0.0
    counted = ", ".join(f'coalesce(corr("{column.column}", "{n}"), 0)' for n in others)
    rows = [
        connection.execute(
            f"SELECT {counted} FROM (SELECT * REPLACE ({_finite(others)}) FROM {source})"
        ).fetchone()
        for source in sources
    ]
    before, after = (row or () for row in rows)
    return max(abs(float(a) - float(b)) for a, b in zip(before, after, strict=True))


def _finite(names: Sequence[str]) -> str:
    return ", ".join(f'"{n}"::DOUBLE AS "{n}"' for n in names)


def _digits(
    connection: duckdb.DuckDBPyConnection, column: Markable, sources: Sequence[str]
) -> float:
    """Total variation distance of the last recorded digit, 0-1."""
    digit = f'abs(round("{column.column}" * {column.scale})::BIGINT) % 10'
    return _variation(connection, digit, sources) / 2


def _distance(
    connection: duckdb.DuckDBPyConnection, column: Markable, sources: Sequence[str]
) -> float:
    """Kolmogorov-Smirnov distance of the values in clinical precisions, 0-1."""
    cell = f'floor("{column.column}" / {column.precision} + 0.5 + 1e-9)'
    parts = " UNION ALL ".join(
        f"SELECT {cell} AS v, {sign} / (count(*) OVER ()) AS w FROM {source}"
        f' WHERE "{column.column}" IS NOT NULL'
        for sign, source in zip(("1.0", "-1.0"), sources, strict=True)
    )
    row = connection.execute(
        "SELECT max(abs(s)) FROM (SELECT sum(w) OVER (ORDER BY v) AS s"
        f" FROM (SELECT v, sum(w) AS w FROM ({parts}) GROUP BY v))"
    ).fetchone()
    return float(row[0]) if row and row[0] is not None else float("inf")


def _variation(connection: duckdb.DuckDBPyConnection, value: str, sources: Sequence[str]) -> float:
    """Sum of the absolute differences of the shares of each value."""
    before, after = (
        f"(SELECT {value} AS v, count(*) / (sum(count(*)) OVER ()) AS share FROM {source}"
        f" WHERE {value} IS NOT NULL GROUP BY v)"
        for source in sources
    )
    row = connection.execute(
        f"SELECT sum(abs(coalesce(a.share, 0) - coalesce(b.share, 0)))"
        f" FROM {before} a FULL JOIN {after} b ON a.v = b.v"
    ).fetchone()
    return float(row[0]) if row and row[0] is not None else float("inf")
