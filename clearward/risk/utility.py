"""What protection cost, measured from the mart and the release alone. Add a loss here; choosing the
least loss is protection's work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import duckdb
import numpy as np
import numpy.typing as npt

from clearward.risk.labels import Labels, as_label, group_values, read_labels
from clearward.risk.sources import quoted

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Utility:
    """Loss of a release against its mart.

    Attributes:
        loss: NM of Iyengar (2002): mean over patients and quasi-identifiers, 0–1; a patient who
            was left out has lost everything.
        two_way_tvd: mean total variation distance over all pairs of columns, 0–1.
        worst_tvd, worst_pair: the pair that changed most.
        suppressed: share of the mart's patients who were left out.
    """

    loss: float
    two_way_tvd: float
    worst_tvd: float
    worst_pair: tuple[str, ...]
    suppressed: float


def measure_utility(
    connection: duckdb.DuckDBPyConnection,
    quasi_identifiers: Sequence[str],
    sensitive: Sequence[str],
    *,
    mart: str,
    linked: str,
) -> Utility:
    """Compare two table expressions: ``mart`` and ``linked`` as `labels.read_labels` has them.

    A label is read as "any of its values, equally likely", years in ten bands.
    """
    ladders = [read_labels(connection, q, mart=mart, linked=linked) for q in quasi_identifiers]
    everybody = _count(connection, mart)
    kept = _count(connection, linked)
    lost = everybody - kept
    losses = [_column_loss(connection, labels, linked) for labels in ladders]
    loss = sum((total + lost) / everybody for total in losses) / len(losses)
    pairs = _distances(connection, ladders, sensitive, mart=mart, linked=linked)
    worst = max(pairs, key=lambda pair: pairs[pair], default=())
    return Utility(
        loss=float(loss),
        two_way_tvd=float(np.mean(list(pairs.values()))) if pairs else 0.0,
        worst_tvd=float(pairs.get(worst, 0.0)),
        worst_pair=worst,
        suppressed=lost / everybody,
    )


def _count(connection: duckdb.DuckDBPyConnection, source: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {source}").fetchone()
    return int(row[0]) if row else 0


def _column_loss(connection: duckdb.DuckDBPyConnection, labels: Labels, linked: str) -> float:
    counted = dict(
        connection.execute(
            f"SELECT {as_label(quoted(labels.column))}, count(*) FROM {linked} GROUP BY ALL"
        ).fetchall()
    )
    return sum(
        float(counted[label] * loss)
        for label, loss in zip(labels.labels, labels.losses(), strict=True)
    )


@dataclass(frozen=True)
class _Axis:
    """One column of a two-way table: where its mart values and its released labels go."""

    name: str
    before: dict[str, int]
    after: dict[str, Floats]
    width: int


def _axis_of_labels(labels: Labels) -> _Axis:
    groups = group_values(labels)
    width = max(groups.values()) + 1
    into = np.eye(width)[[groups[value] for value in labels.values]]
    spread = labels.covers.astype(float) @ into
    total = labels.covers.sum(axis=1, keepdims=True)
    spread = np.divide(spread, total, out=np.full_like(spread, 1 / width), where=total > 0)
    return _Axis(labels.column, dict(groups), dict(zip(labels.labels, spread, strict=True)), width)


def _axis_of_values(
    connection: duckdb.DuckDBPyConnection, name: str, *, mart: str, linked: str
) -> _Axis:
    rows = connection.execute(
        f"SELECT DISTINCT {as_label(quoted(name))} FROM (SELECT {quoted(name)} FROM {mart} "
        f"UNION ALL SELECT {quoted(name)} FROM {linked}) ORDER BY ALL"
    ).fetchall()
    places = {row[0]: i for i, row in enumerate(rows)}
    return _Axis(name, places, dict(zip(places, np.eye(len(places)), strict=True)), len(places))


def _distances(
    connection: duckdb.DuckDBPyConnection,
    ladders: Sequence[Labels],
    sensitive: Sequence[str],
    *,
    mart: str,
    linked: str,
) -> dict[tuple[str, ...], float]:
    axes = [_axis_of_labels(labels) for labels in ladders]
    axes += [_axis_of_values(connection, name, mart=mart, linked=linked) for name in sensitive]
    found: dict[tuple[str, ...], float] = {}
    for one, two in combinations(axes, 2):
        before, after = np.zeros((one.width, two.width)), np.zeros((one.width, two.width))
        for u, v, n in _cross(connection, mart, one.name, two.name):
            before[one.before[u], two.before[v]] += n
        for u, v, n in _cross(connection, linked, one.name, two.name):
            after += n * np.outer(one.after[u], two.after[v])
        gap = np.abs(before / before.sum() - after / after.sum()).sum() / 2
        found[(one.name, two.name)] = float(gap)
    return found


def _cross(
    connection: duckdb.DuckDBPyConnection, source: str, one: str, two: str
) -> list[tuple[str, str, int]]:
    return connection.execute(
        f"SELECT {as_label(quoted(one))}, {as_label(quoted(two))}, count(*) FROM {source} "
        "GROUP BY ALL"
    ).fetchall()
