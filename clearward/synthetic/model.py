"""A distribution over coded columns as potentials on a junction tree: exact marginals by belief
propagation, and samples. How potentials are fitted belongs to `estimate`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from clearward.synthetic.junction import Clique, JunctionTree

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Model:
    """Log potentials per clique of the tree, in the shape of the clique's columns.

    Attributes:
        sizes: number of values of each column.
        potentials: natural logarithms, not normalised; a column's axis is its place in the clique.
    """

    tree: JunctionTree
    sizes: tuple[int, ...]
    potentials: tuple[Array, ...]

    @cached_property
    def beliefs(self) -> tuple[Array, ...]:
        """Probability table of each clique (Shafer, Shenoy 1990): two passes over the tree."""
        return calibrate(self.tree, self.potentials)

    def marginal(self, columns: Clique) -> Array:
        """Probability table of any columns, axes in the order given."""
        if len({self._parts[c] for c in columns}) == len(columns) == 2:  # nothing links the two
            return np.outer(self._single[columns[0]], self._single[columns[1]])
        tree, wanted = self.tree, set(columns)
        needed = _subtree(tree, wanted)
        top = needed[0]
        incoming: dict[int, list[tuple[Clique, Array]]] = {i: [] for i in needed}
        for i in reversed(needed):
            axes, table = tree.cliques[i], self.beliefs[i]
            if i != top:
                table = _divided(table, axes, tree.separators[i])
            kept = wanted if i == top else wanted | set(tree.separators[i])
            axes, table = _joined(axes, table, incoming[i], kept)
            if i == top:
                return np.transpose(table, [axes.index(c) for c in columns])
            incoming[tree.parents[i]].append((axes, table))
        raise AssertionError("a subtree has a top")

    @cached_property
    def _parts(self) -> dict[int, int]:
        return self.tree.parts()

    @cached_property
    def _single(self) -> tuple[Array, ...]:
        """Probabilities of each column alone."""
        homes = [self.tree.home((c,)) for c in range(len(self.sizes))]
        return tuple(
            summed(self.beliefs[i], self.tree.cliques[i], (c,)) for c, i in enumerate(homes)
        )

    def sample(
        self, rows: int, generator: np.random.Generator, *, given: NDArray[np.int64] | None = None
    ) -> NDArray[np.int64]:
        """Rows of codes, columns in order.

        Args:
            rows: how many.
            generator: any; the model is already private, so sampling costs nothing.
            given: codes of column 0 to keep (the root clique must hold it), one per row.
        """
        drawn = np.zeros((rows, len(self.sizes)), dtype=np.int64)
        for i, clique in enumerate(self.tree.cliques):
            known = self.tree.separators[i]
            if i == 0 and given is not None:
                drawn[:, 0], known = given, (0,)
            new = tuple(c for c in clique if c not in known)
            if not new:
                continue
            table = np.transpose(
                self.beliefs[i], [clique.index(c) for c in (*known, *new)]
            ).reshape(_cells(self.sizes, known), -1)
            group = _index(drawn, known, self.sizes)
            picked = _draw(table, group, generator)
            shape = tuple(self.sizes[c] for c in new)
            for column, codes in zip(new, np.unravel_index(picked, shape), strict=True):
                drawn[:, column] = codes
        return drawn


def uniform(tree: JunctionTree, sizes: Sequence[int]) -> Model:
    """The model that knows nothing."""
    zeros = tuple(np.zeros([sizes[c] for c in clique]) for clique in tree.cliques)
    return Model(tree, tuple(sizes), zeros)


def calibrate(tree: JunctionTree, potentials: Sequence[Array]) -> tuple[Array, ...]:
    """Probability tables of all cliques from log potentials."""
    total = list(potentials)
    sent = [np.empty(0)] * len(total)
    for i in range(len(total) - 1, 0, -1):
        parent = tree.parents[i]
        message = _log_sum(total[i], tree.cliques[i], tree.separators[i])
        sent[i] = message
        total[parent] = total[parent] + spread(message, tree.separators[i], tree.cliques[parent])
    tables = [np.empty(0)] * len(total)
    for i in range(len(total)):
        if i:
            back = _log_sum(
                total[tree.parents[i]], tree.cliques[tree.parents[i]], tree.separators[i]
            )
            total[i] = total[i] + spread(back - sent[i], tree.separators[i], tree.cliques[i])
        raised = np.exp(total[i] - total[i].max())
        tables[i] = raised / raised.sum()
    return tuple(tables)


def spread(table: Array, columns: Clique, clique: Clique) -> Array:
    """A view of the table that broadcasts over the clique; ``columns`` in the clique's order."""
    return table.reshape([table.shape[columns.index(c)] if c in columns else 1 for c in clique])


def summed(table: Array, clique: Clique, columns: Clique) -> Array:
    """Sum a clique's table down to some of its columns, in the clique's order."""
    away = tuple(i for i, c in enumerate(clique) if c not in columns)
    return table.sum(axis=away) if away else table


def _log_sum(table: Array, clique: Clique, columns: Clique) -> Array:
    away = tuple(i for i, c in enumerate(clique) if c not in columns)
    if not away:
        return table
    top = table.max(axis=away, keepdims=True)
    low: Array = np.log(np.exp(table - top).sum(axis=away)) + top.squeeze(axis=away)
    return low


def _subtree(tree: JunctionTree, wanted: set[int]) -> list[int]:
    """Cliques needed to join the wanted columns, parents first."""
    home: dict[int, int] = {}
    for i, clique in enumerate(tree.cliques):
        for column in wanted.intersection(clique):
            home.setdefault(column, i)
    paths = []
    for i in set(home.values()):
        path = [i]
        while tree.parents[path[-1]] >= 0:
            path.append(tree.parents[path[-1]])
        paths.append(path[::-1])
    depth = min(len(p) for p in paths)
    common = 0
    while common < depth and len({p[common] for p in paths}) == 1:
        common += 1
    return sorted({i for p in paths for i in p[max(common - 1, 0) :]})


def _divided(table: Array, clique: Clique, separator: Clique) -> Array:
    """Conditional probabilities given the separator; 0 where the condition has no mass."""
    below = spread(summed(table, clique, separator), separator, clique)
    return np.divide(table, below, out=np.zeros_like(table), where=below > 0)


def _joined(
    axes: Clique, table: Array, incoming: Sequence[tuple[Clique, Array]], kept: set[int]
) -> tuple[Clique, Array]:
    """Multiply tables and sum down to the columns kept."""
    for other, more in incoming:
        every = tuple(sorted({*axes, *other}))
        table = _onto(table, axes, every) * _onto(more, other, every)
        axes = every
    out = tuple(c for c in axes if c in kept)
    return out, summed(table, axes, out)


def _onto(table: Array, axes: Clique, every: Clique) -> Array:
    """A view with an axis of length one for every column the table lacks."""
    shape = dict(zip(axes, table.shape, strict=True))
    return table.reshape([shape.get(c, 1) for c in every])


def _cells(sizes: Sequence[int], columns: Clique) -> int:
    return int(np.prod([sizes[c] for c in columns], dtype=np.int64))


def _index(drawn: NDArray[np.int64], columns: Clique, sizes: Sequence[int]) -> NDArray[np.int64]:
    if not columns:
        return np.zeros(len(drawn), dtype=np.int64)
    return np.ravel_multi_index([drawn[:, c] for c in columns], [sizes[c] for c in columns])


def _draw(
    table: Array, group: NDArray[np.int64], generator: np.random.Generator
) -> NDArray[np.int64]:
    """One cell per row from its group's line of the table, spread evenly over the line.

    Rows of a group take strata of equal mass in random order, so that a sample's counts differ
    from the model's by less than one where the group is known.
    """
    mass = table.sum(axis=1, keepdims=True)
    table = np.where(mass > 0, table, table.sum(axis=0))  # nothing known: the unconditional one
    edges = np.cumsum(table, axis=1)
    edges /= edges[:, -1:]
    shuffled = generator.permutation(len(group))
    ordered = shuffled[np.argsort(group[shuffled], kind="stable")]
    counts = np.bincount(group, minlength=len(table))
    rank = np.arange(len(group)) - np.repeat(np.cumsum(counts) - counts, counts)
    level = (rank + generator.random(len(group))) / np.repeat(counts, counts)
    picked = np.empty(len(group), dtype=np.int64)
    present = group[ordered]
    # one search over all lines: line i lives in (i, i + 1]
    flat = (edges + np.arange(len(table))[:, None]).ravel()
    found = np.searchsorted(flat, present + level, side="right") - present * table.shape[1]
    picked[ordered] = np.clip(found, 0, table.shape[1] - 1)
    return picked
