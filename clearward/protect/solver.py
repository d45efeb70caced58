"""The optimum of full-domain generalisation with record suppression. Add a search here; reading
tables, writing them and judging the result are not done here.

Measures that add up over cells: nodes of the lattice are taken in the order of a lower bound of
their loss, the loss without any suppression, which needs only the marginals. A node's true loss is
never below its bound, so the search may stop at the first bound that is not below the best loss
found, and what it has is the optimum. Measures of classes: nodes are taken level by level, and
what a node cost before suppression is a bound for all that are coarser.
Suppression does not grow monotonically with loss, so no node is cut off by its neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from clearward.errors import ConfigError, ProtectionError
from clearward.protect.hierarchies import Hierarchy, category
from clearward.protect.loss import (
    Floats,
    Ints,
    aggregate,
    average_class,
    discernibility,
    label_entropies,
    label_losses,
)
from clearward.protect.problem import Problem, check_problem

__all__ = ["MAX_NODES", "Problem", "Solution", "class_of", "solve"]

MAX_NODES = 2_000_000
_PACK_LIMIT = 2**62
_BY_CLASS = ("aecs", "discernibility")


@dataclass(frozen=True)
class Solution:
    """The best node and what it costs.

    Attributes:
        levels: level per quasi-identifier.
        loss: the problem's quality measure (NM unless the problem names another).
        suppressed, classes: units left out, classes published.
        nodes, nodes_checked: size of the lattice, nodes whose classes were counted.
    """

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


_Best = tuple[int, _Outcome] | None


@dataclass(frozen=True)
class Grouping:
    """The classes at one node.

    Attributes:
        classes: (n,) class of each combination, dense from 0.
        sizes: (classes,) units per class.
        kept: (classes,) which may be published.
    """

    classes: Ints
    sizes: Ints
    kept: NDArray[np.bool_]


def solve(problem: Problem) -> Solution:
    """The node of least loss that keeps every bound; the lowest levels win a tie.

    Raises ProtectionError when there are fewer than k units (then even ``*`` everywhere fails) or
    no node keeps the models within the allowed suppression; ConfigError for a malformed problem.
    """
    check_problem(problem)
    lattice = _Lattice(problem)
    search = _search_classes if problem.quality in _BY_CLASS else _search_cells
    best, checked = search(lattice)
    if best is None:
        raise unsolvable(problem)
    node, outcome = best
    chosen = tuple(int(level) for level in lattice.levels[node])
    return Solution(
        chosen, outcome.loss, outcome.suppressed, outcome.classes, len(lattice.levels), checked
    )


def unsolvable(problem: Problem) -> ProtectionError:
    """What stands in the way: merging never breaks a bound, so the coarsest classes tell."""
    coarsest = group_at(problem, [h.height for h in problem.hierarchies])
    return ProtectionError(
        "No generalisation keeps the privacy bounds.",
        seen=f"even the coarsest classes break {problem.broken(coarsest.classes, coarsest.sizes)} "
        f"of {problem.units} patients",
        expected=f"at most {problem.allowed} patients left out",
        do="wait for more consents or hospitals, or loosen that bound with the data protection "
        "officer",
    )


class _Lattice:
    """Nodes, and everything about their levels that does not depend on the node."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.levels = _levels(problem.hierarchies)
        columns = range(len(problem.hierarchies))
        self.codes = [_level_codes(problem, column) for column in columns]
        self.losses = [_level_losses(problem, column) for column in columns]
        self.stars = [_star_losses(problem, column) for column in columns]
        shares = problem.weights / problem.units
        self.means = [np.array([(v * shares).sum() for v in levels]) for levels in self.losses]

    def bounds(self) -> Floats:
        """(nodes,) loss without suppression."""
        chosen = [means[self.levels[:, i]] for i, means in enumerate(self.means)]
        return aggregate(np.stack(chosen, axis=1), self.problem.how)

    def group(self, node: int) -> Grouping:
        """Count the classes of a node; kept are those of at least k."""
        return _group(self.problem, self.codes, self.levels[node])

    def improve(self, best: _Best, node: int, grouping: Grouping) -> _Best:
        """The better of the best so far and a node; the models are asked only where it matters."""
        # A model can only suppress more, and no measure falls by that: what k alone costs decides
        # most nodes without a look at the sensitive values.
        found = _better(best, node, self._cost(node, grouping))
        if found is best or not self.problem.models:
            return found
        return _better(best, node, self._cost(node, _with_models(self.problem, grouping)))

    def _cost(self, node: int, grouping: Grouping) -> _Outcome | None:
        """What a node costs; None when it suppresses more than is allowed."""
        problem, sizes = self.problem, grouping.sizes
        published = sizes[grouping.kept]
        suppressed = problem.units - int(published.sum())
        if suppressed > problem.allowed or not len(published):
            return None
        if problem.quality == "aecs":
            loss = average_class(len(published), suppressed, problem.units)
        elif problem.quality == "discernibility":
            loss = discernibility(published, suppressed, problem.units)
        else:
            loss = self._cells(node, grouping.kept[grouping.classes])
        return _Outcome(loss, suppressed, len(published))

    def _cells(self, node: int, kept: NDArray[np.bool_]) -> float:
        out = np.flatnonzero(~kept)
        shares = self.problem.weights[out] / self.problem.units
        # Sums, not dot products: those go to a threaded library that waits for busy cores.
        columns = [
            self.means[column][level]
            + ((self.stars[column][out] - self.losses[column][level][out]) * shares).sum()
            for column, level in enumerate(self.levels[node])
        ]
        return float(aggregate(np.array(columns), self.problem.how))


def _search_cells(lattice: _Lattice) -> tuple[_Best, int]:
    bounds = lattice.bounds()
    best: _Best = None
    checked = 0
    for node in np.argsort(bounds, kind="stable"):
        if best is not None and bounds[node] >= best[1].loss:
            break
        checked += 1
        best = lattice.improve(best, int(node), lattice.group(int(node)))
    return best, checked


def _search_classes(lattice: _Lattice) -> tuple[_Best, int]:
    strides = _strides(lattice)
    floor = np.zeros(len(lattice.levels))
    best: _Best = None
    checked = 0
    for node in np.argsort(lattice.levels.sum(axis=1), kind="stable"):
        below = node - strides[lattice.levels[node] > 0]
        floor[node] = floor[below].max(initial=0.0)
        if best is not None and floor[node] >= best[1].loss:
            continue
        checked += 1
        grouping = lattice.group(int(node))
        floor[node] = _unsuppressed(lattice.problem, grouping.sizes)
        best = lattice.improve(best, int(node), grouping)
    return best, checked


def _better(best: _Best, node: int, outcome: _Outcome | None) -> _Best:
    if outcome is None or (best is not None and outcome.loss >= best[1].loss):
        return best
    return node, outcome


def _strides(lattice: _Lattice) -> Ints:
    heights = [h.height + 1 for h in lattice.problem.hierarchies]
    return np.array([int(np.prod(heights[i + 1 :])) for i in range(len(heights))], dtype=np.int64)


def _unsuppressed(problem: Problem, sizes: Ints) -> float:
    sizes = sizes[sizes > 0]
    if problem.quality == "aecs":
        return average_class(len(sizes), 0, problem.units)
    return discernibility(sizes, 0, problem.units)


def _levels(hierarchies: Sequence[Hierarchy]) -> Ints:
    heights = [range(h.height + 1) for h in hierarchies]
    nodes = int(np.prod([len(h) for h in heights], dtype=object))
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
    levels = range(hierarchy.height + 1)
    if problem.quality == "entropy":
        counts = _counts(problem, column)
        return [label_entropies(hierarchy, level, counts)[codes] for level in levels]
    return [label_losses(hierarchy, level)[codes] for level in levels]


def _star_losses(problem: Problem, column: int) -> Floats:
    """(n,) what a suppressed cell costs: never less than the same cell at any level."""
    if problem.quality != "entropy":
        return np.ones(len(problem.codes))
    codes = problem.codes[:, column]
    counts = _counts(problem, column)
    whole = category(problem.hierarchies[column].column, problem.hierarchies[column].values)
    return label_entropies(whole, 1, counts)[codes]


def _counts(problem: Problem, column: int) -> Ints:
    values = len(problem.hierarchies[column].values)
    counted = np.bincount(problem.codes[:, column], weights=problem.weights, minlength=values)
    return counted.astype(np.int64)


def _level_codes(problem: Problem, column: int) -> list[tuple[Ints, int]]:
    """Per level: (n,) number of each combination's label, and how many labels there are."""
    hierarchy = problem.hierarchies[column]
    coded = []
    for level in range(hierarchy.height + 1):
        names, numbers = np.unique(np.array(hierarchy.labels(level)), return_inverse=True)
        coded.append((numbers[problem.codes[:, column]].astype(np.int64), len(names)))
    return coded


def class_of(problem: Problem, node: Sequence[int] | Ints) -> Ints:
    """(n,) number of the class each combination falls into at a node, dense from 0."""
    codes = [_level_codes(problem, column) for column in range(len(problem.hierarchies))]
    return _pack(codes, node)


def group_at(problem: Problem, node: Sequence[int]) -> Grouping:
    """The classes at one node and which of them keep every bound."""
    codes = [_level_codes(problem, column) for column in range(len(problem.hierarchies))]
    return _with_models(problem, _group(problem, codes, node))


def _with_models(problem: Problem, grouping: Grouping) -> Grouping:
    allowed = problem.allows(None, grouping.classes, grouping.sizes)
    return replace(grouping, kept=grouping.kept & allowed)


def _group(
    problem: Problem, codes: list[list[tuple[Ints, int]]], node: Sequence[int] | Ints
) -> Grouping:
    classes = _pack(codes, node)
    sizes = np.bincount(classes, weights=problem.weights).astype(np.int64)
    return Grouping(classes, sizes, (sizes >= problem.k) & (sizes > 0))


def _pack(codes: list[list[tuple[Ints, int]]], node: Sequence[int] | Ints) -> Ints:
    packed = np.zeros(len(codes[0][0][0]), dtype=np.int64)
    span = 1
    for column, level in zip(codes, node, strict=True):
        numbers, width = column[level]
        if width == 1:
            continue
        if span * width > _PACK_LIMIT:
            packed = np.unique(packed, return_inverse=True)[1].astype(np.int64)
            span = int(packed.max()) + 1
        packed = packed * width + numbers
        span *= width
    return _dense(packed, span)


def _dense(keys: Ints, span: int) -> Ints:
    """The keys (0..span-1) renumbered without gaps, in ascending order."""
    if span <= 4 * len(keys):
        seen = np.zeros(span, dtype=bool)
        seen[keys] = True
        renumbered: Ints = (np.cumsum(seen) - 1)[keys]
        return renumbered
    return np.unique(keys, return_inverse=True)[1].astype(np.int64)
