"""Which quasi-identifiers tell people apart, alone and together. Add a figure of column subsets
here; which columns are quasi-identifiers is decided in the product spec.

Distinction and separation (Motwani, Xu 2007) are counted for every subset, on distinct
combinations: each subset is rolled up from one with a column more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import duckdb
import numpy as np

from clearward.errors import ProtectionError
from clearward.risk.cells import Integers
from clearward.risk.sources import numbers, quoted

MOST_COLUMNS = 14
"""2^14 subsets; beyond that a list of them helps nobody."""


@dataclass(frozen=True)
class Subset:
    """One set of columns.

    Attributes:
        distinction: number of different combinations / number of patients.
        separation: share of pairs of patients that differ in at least one of the columns.
    """

    columns: tuple[str, ...]
    distinction: float
    separation: float


def measure_subsets(
    connection: duckdb.DuckDBPyConnection, quasi_identifiers: Sequence[str]
) -> tuple[Subset, ...]:
    """Every non-empty subset of the classes in ``risk_class``, smallest sets first."""
    width = len(quasi_identifiers)
    if not 0 < width <= MOST_COLUMNS:
        raise ProtectionError(
            "Too many columns to try all subsets.",
            seen=f"{width} columns",
            expected=f"1 to {MOST_COLUMNS}",
            do="name fewer quasi-identifiers",
        )
    codes, sizes = _read(connection, quasi_identifiers)
    found: dict[tuple[int, ...], tuple[Integers, Integers]] = {}
    told = {}
    for length in range(width, 0, -1):
        level = {}
        for subset in combinations(range(width), length):
            parent = min(
                (p for p in found if set(subset) < set(p)),
                key=lambda p: len(found[p][1]),
                default=None,
            )
            columns, weights = found[parent] if parent else (codes, sizes)
            order = parent or tuple(range(width))
            kept = columns[:, [order.index(c) for c in subset]]
            level[subset] = _roll_up(kept, weights) if parent else (kept, weights)
            told[subset] = _tell(level[subset][1])
        found = level
    return tuple(
        Subset(tuple(quasi_identifiers[c] for c in subset), *told[subset])
        for subset in sorted(told, key=lambda s: (len(s), s))
    )


def _read(connection: duckdb.DuckDBPyConnection, names: Sequence[str]) -> tuple[Integers, Integers]:
    ranks = ", ".join(
        f"dense_rank() OVER (ORDER BY {quoted(name)} NULLS LAST) - 1 AS c{i}"
        for i, name in enumerate(names)
    )
    found = numbers(connection, f"SELECT {ranks}, risk_size AS size FROM risk_class")
    codes = np.stack([found[f"c{i}"] for i in range(len(names))], axis=1)
    return codes, found["size"]


def _roll_up(codes: Integers, weights: Integers) -> tuple[Integers, Integers]:
    """Distinct rows of ``codes`` (r, c) with their weights (r,) summed."""
    key = np.zeros(len(codes), np.int64)
    for column in codes.T:
        width = int(column.max()) + 1
        if key.max(initial=0) >= np.iinfo(np.int64).max // max(width, 1):
            key = np.unique(key, return_inverse=True)[1].astype(np.int64)
        key = key * width + column
    order = np.argsort(key, kind="stable")
    starts = np.flatnonzero(np.diff(key[order], prepend=-1))
    return codes[order[starts]], np.add.reduceat(weights[order], starts)


def _tell(weights: Integers) -> tuple[float, float]:
    people = float(weights.sum())
    together = float((weights.astype(np.float64) * (weights - 1)).sum())
    pairs = people * (people - 1)
    return len(weights) / people, 1 - together / pairs if pairs else 0.0
