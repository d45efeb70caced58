"""Fit a model to noisy marginals: the potentials of largest likelihood, by entropic mirror descent
(McKenna, Sheldon, Miklau 2019). What is measured belongs to `aim`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from clearward.synthetic.junction import Clique, JunctionTree
from clearward.synthetic.model import Array, Model, calibrate, spread, summed


@dataclass(frozen=True)
class Measurement:
    """A marginal with noise.

    Attributes:
        columns: ascending.
        counts: noisy, in units of the data's weights; shape of the columns.
        scale: standard deviation of the noise.
    """

    columns: Clique
    counts: Array
    scale: float


def total_of(measurements: Sequence[Measurement]) -> float:
    """Weight of all data: the sums of the noisy marginals, by inverse variance."""
    weights = [1 / (m.scale**2 * m.counts.size) for m in measurements]
    sums = [m.counts.sum() * w for m, w in zip(measurements, weights, strict=True)]
    return float(sum(sums) / sum(weights))


def fit(
    tree: JunctionTree,
    measurements: Sequence[Measurement],
    *,
    start: Model,
    total: float,
    steps: int,
) -> Model:
    """Potentials on the tree that explain the measurements.

    Args:
        tree: holds every measurement inside one clique.
        measurements: what is known.
        start: a model over the same columns to begin from; its tree may be another one.
        total: weight of all data.
        steps: at most this many; stops when the loss no longer falls.
    """
    homes = [tree.home(m.columns) for m in measurements]
    potentials = _moved(start, tree)
    beliefs = calibrate(tree, potentials)
    loss, slopes = _loss(tree, beliefs, measurements, homes=homes, total=total)
    step = 1.0 / max(1e-12, *(float(np.abs(s).max()) for s in slopes)) if slopes else 0.0
    for _ in range(steps):
        candidate = tuple(p - step * s for p, s in zip(potentials, slopes, strict=True))
        tables = calibrate(tree, candidate)
        next_loss, next_slopes = _loss(tree, tables, measurements, homes=homes, total=total)
        fall = sum(
            float((s * (b - t)).sum()) for s, b, t in zip(slopes, beliefs, tables, strict=True)
        )
        if loss - next_loss < 0.5 * fall or not np.isfinite(next_loss):
            step /= 2
            if step < 1e-14:
                break
            continue
        done = loss - next_loss < 1e-4 * loss
        potentials, beliefs, loss, slopes = candidate, tables, next_loss, next_slopes
        if done:
            break
        step *= 1.5
    return replace(start, tree=tree, potentials=potentials)


def _loss(
    tree: JunctionTree,
    beliefs: Sequence[Array],
    measurements: Sequence[Measurement],
    *,
    homes: Sequence[int],
    total: float,
) -> tuple[float, list[Array]]:
    """Half the squared distance in standard deviations, and its slope per clique."""
    loss = 0.0
    slopes = [np.zeros_like(b) for b in beliefs]
    for m, home in zip(measurements, homes, strict=True):
        clique = tree.cliques[home]
        off = (total * summed(beliefs[home], clique, m.columns) - m.counts) / m.scale
        loss += 0.5 * float((off * off).sum())
        slopes[home] += spread(off * (total / m.scale), m.columns, clique)
    return loss, slopes


def _moved(start: Model, tree: JunctionTree) -> tuple[Array, ...]:
    """The start's potentials, each added to a clique of the tree that holds its columns."""
    moved = [np.zeros([start.sizes[c] for c in clique]) for clique in tree.cliques]
    for clique, potential in zip(start.tree.cliques, start.potentials, strict=True):
        try:
            home = tree.home(clique)
        except ValueError:  # the clique was fill-in that the new tree does not need
            continue
        moved[home] = moved[home] + spread(potential, clique, tree.cliques[home])
    return tuple(moved)
