"""The optimum of full-domain generalisation with record suppression. Add a search here; reading
tables, writing them and judging the result are not done here.

Nodes of the lattice are taken in the order of a lower bound of their loss: the loss without any
suppression, which needs only the marginals. A node's true loss is never below its bound, so the
search may stop at the first bound that is not below the best loss found, and what it has is the
optimum. Suppression does not grow monotonically with loss, so no node is cut off by its neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from clearward.errors import ConfigError, ProtectionError
from clearward.protect.hierarchies import Hierarchy
from clearward.protect.loss import Aggregate, Floats, Ints, aggregate, label_losses

MAX_NODES = 2_000_000
_PACK_LIMIT = 2**62


@dataclass(frozen=True)
class Problem:
    """Distinct combinations of quasi-identifiers with the number of units that share them.

    Attributes:
        hierarchies: one per quasi-identifier.
        codes: (n, d) index of each value in its hierarchy's ``values``.
        weights: (n,) units per combination, all above zero.
        k: least size of a published class.
        max_suppressed: largest share of units that may be suppressed, 0–1.
    """

    hierarchies: tuple[Hierarchy, ...]
    codes: Ints
    weights: Ints
    k: int
    max_suppressed: float
    how: Aggregate = "arithmetic"

    @property
    def units(self) -> int:
        """Patients (or records) in all."""
        return int(self.weights.sum())

    @property
    def allowed(self) -> int:
        """Units that may be suppressed."""
        # 0.05 * 30160 is 1508.0000000000002: a float's last bit must not cost or grant a unit.
        return int(np.floor(round(self.max_suppressed * self.units, 6)))


@dataclass(frozen=True)
class Solution:
    """The best node and what it costs."""

    levels: tuple[int, ...]
    loss: float
    suppressed: int
    classes: int
    nodes: int
    nodes_checked: int


@dataclass(frozen=True)
class _Outcome:
    loss: float
    suppressed: int
    classes: int


def solve(problem: Problem) -> Solution:
    """The node of least loss that keeps every bound; the lowest levels win a tie.

    Raises ProtectionError when there are fewer than k units: then even ``*`` everywhere fails.
    """
    _check(problem)
    levels = _lattice(problem.hierarchies)
    losses = [_level_losses(problem, column) for column in range(len(problem.hierarchies))]
    bounds = _bounds(problem, losses, levels)
    best: tuple[int, _Outcome] | None = None
    checked = 0
    for node in np.argsort(bounds, kind="stable"):
        if best is not None and bounds[node] >= best[1].loss:
            break
        checked += 1
        outcome = _evaluate(problem, losses, levels[node])
        if outcome is not None and (best is None or outcome.loss < best[1].loss):
            best = int(node), outcome
    if best is None:  # unreachable while the top node has one class of all units
        raise ProtectionError("No generalisation keeps the privacy bounds.")
    chosen = tuple(int(level) for level in levels[best[0]])
    return Solution(chosen, best[1].loss, best[1].suppressed, best[1].classes, len(levels), checked)


def _check(problem: Problem) -> None:
    if problem.units < problem.k:
        raise ProtectionError(
            "There are fewer patients than k.",
            seen=f"{problem.units} patients",
            expected=f"at least {problem.k}",
            do="wait for more consents or hospitals; nothing can be published before",
        )


def _lattice(hierarchies: Sequence[Hierarchy]) -> Ints:
    heights = [range(h.height + 1) for h in hierarchies]
    nodes = int(np.prod([len(h) for h in heights]))
    if nodes > MAX_NODES:
        raise ConfigError(
            "The lattice of generalisations is too large to search.",
            seen=f"{nodes} nodes",
            expected=f"at most {MAX_NODES}",
            do="name fewer quasi-identifiers or shorter ladders in the product spec",
        )
    return np.array(list(product(*heights)), dtype=np.int64)


def _level_losses(problem: Problem, column: int) -> list[Floats]:
    hierarchy = problem.hierarchies[column]
    codes = problem.codes[:, column]
    return [label_losses(hierarchy, level)[codes] for level in range(hierarchy.height + 1)]


def _bounds(problem: Problem, losses: list[list[Floats]], levels: Ints) -> Floats:
    weights = problem.weights / problem.units
    columns = [np.array([float(v @ weights) for v in column]) for column in losses]
    chosen = [column[levels[:, i]] for i, column in enumerate(columns)]
    return aggregate(np.stack(chosen, axis=1), problem.how)


def _evaluate(problem: Problem, losses: list[list[Floats]], node: Ints) -> _Outcome | None:
    members = class_of(problem, node)
    sizes = np.bincount(members, weights=problem.weights)
    kept = sizes[members] >= problem.k
    suppressed = int(problem.weights[~kept].sum())
    if suppressed > problem.allowed or not kept.any():
        return None
    weights = problem.weights[kept] / problem.units
    lost = suppressed / problem.units
    columns = [float(losses[i][level][kept] @ weights) + lost for i, level in enumerate(node)]
    loss = float(aggregate(np.array(columns), problem.how))
    return _Outcome(loss, suppressed, int((sizes >= problem.k).sum()))


def class_of(problem: Problem, node: Sequence[int] | Ints) -> Ints:
    """(n,) number of the class each combination falls into at a node, dense from 0."""
    packed = np.zeros(len(problem.codes), dtype=np.int64)
    span = 1
    for column, (hierarchy, level) in enumerate(zip(problem.hierarchies, node, strict=True)):
        labels = np.unique(np.array(hierarchy.labels(int(level))), return_inverse=True)[1]
        width = int(labels.max()) + 1
        if span * width > _PACK_LIMIT:
            packed = np.unique(packed, return_inverse=True)[1].astype(np.int64)
            span = int(packed.max()) + 1
        packed = packed * width + labels[problem.codes[:, column]]
        span *= width
    return np.unique(packed, return_inverse=True)[1].astype(np.int64)
