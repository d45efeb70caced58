"""Labels that never get finer: which label every patient has in this release, given the labels
last seen. Add a way to choose labels here; who is published belongs to `successive`.

Globally recoded, a release takes the levels of the one before. Only when too many would wait or
hide others are levels raised: then the first node, in the order of its loss, that keeps the bound.
Locally recoded, every class stays as it is: it is neither cut nor joined with another, and when it
can no longer be published its patients wait. Newcomers are routed into the narrowest class that
holds their values; those whom none holds are recoded among themselves (`choice`) into classes of at
least ``least_class``, and wait where they are fewer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearward.protect.hierarchies import Hierarchy
from clearward.protect.loss import Ints, label_losses
from clearward.protect.successive import Bools

Labels = tuple[NDArray[Any], ...]


@dataclass(frozen=True)
class Ladders:
    """Every label of every value as numbers.

    Attributes:
        hierarchies: one per quasi-identifier.
        steps: per quasi-identifier (levels, values): number of the label in ``names``.
        names: per quasi-identifier: the labels.
    """

    hierarchies: tuple[Hierarchy, ...]
    steps: tuple[Ints, ...]
    names: tuple[NDArray[Any], ...]

    @property
    def heights(self) -> tuple[int, ...]:
        """Last level of each ladder."""
        return tuple(h.height for h in self.hierarchies)


def read_ladders(hierarchies: Sequence[Hierarchy]) -> Ladders:
    """Number the labels of hierarchies."""
    steps, names = [], []
    for hierarchy in hierarchies:
        texts = np.array([hierarchy.labels(i) for i in range(hierarchy.height + 1)], dtype=str)
        found, numbers = np.unique(texts, return_inverse=True)
        names.append(found)
        steps.append(numbers.reshape(texts.shape).astype(np.int64))
    return Ladders(tuple(hierarchies), tuple(steps), tuple(names))


def level_under(ladders: Ladders, codes: Ints, labels: Labels) -> Ints:
    """(n, d) lowest level at which each value has the given label; -1 where it never has."""
    found = np.full(codes.shape, -1, dtype=np.int64)
    for i, (steps, names) in enumerate(zip(ladders.steps, ladders.names, strict=True)):
        place = np.minimum(np.searchsorted(names, labels[i]), len(names) - 1)
        number = np.where(names[place] == labels[i], place, -1)
        hits = steps[:, codes[:, i]] == number
        found[:, i] = np.where(hits.any(axis=0), hits.argmax(axis=0), -1)
    return found


def labels_at(ladders: Ladders, codes: Ints, levels: Sequence[int]) -> Labels:
    """(n,) label per quasi-identifier when every value is at its column's level."""
    columns = zip(ladders.names, ladders.steps, levels, strict=True)
    return tuple(
        names[steps[level][codes[:, i]]] for i, (names, steps, level) in enumerate(columns)
    )


def classes_of(labels: Labels) -> Ints:
    """(n,) number of each combination of labels, dense from 0."""
    packed = np.zeros(len(labels[0]), dtype=np.int64)
    for column in labels:
        numbers = np.unique(column, return_inverse=True)[1].reshape(-1)
        packed = packed * (int(numbers.max(initial=0)) + 1) + numbers
        packed = np.unique(packed, return_inverse=True)[1].reshape(-1).astype(np.int64)
    return packed


def coarser(
    ladders: Ladders, codes: Ints, least: Sequence[int]
) -> Iterator[tuple[tuple[int, ...], float]]:
    """Nodes at or above ``least`` with their loss (NM) when nobody is left out: ``least`` itself,
    then the others in the order of that loss, which is a bound of the true one.
    """
    ranges = [range(low, height + 1) for low, height in zip(least, ladders.heights, strict=True)]
    nodes = list(product(*ranges))
    losses = [
        [float(label_losses(h, n)[codes[:, i]].mean()) for n in range(h.height + 1)]
        for i, h in enumerate(ladders.hierarchies)
    ]
    cost = [float(np.mean([losses[i][n] for i, n in enumerate(node)])) for node in nodes]
    order = sorted(range(len(nodes)), key=lambda i: (nodes[i] != tuple(least), cost[i]))
    yield from ((nodes[i], cost[i]) for i in order)


def route(ladders: Ladders, codes: Ints, *, classes: Labels, levels: Ints) -> Ints:
    """(n,) which class holds each patient's values most narrowly, -1 where none does.

    Args:
        ladders, codes: patients' values.
        classes: per quasi-identifier (c,) labels of the classes.
        levels: (c, d) the level of each label on its ladder.
    """
    found = np.full(len(codes), -1, dtype=np.int64)
    patterns, kind = np.unique(levels, axis=0, return_inverse=True)
    kind = kind.reshape(-1)
    for number in np.lexsort((*patterns.T, patterns.sum(axis=1))):
        rows = np.flatnonzero(kind == number)
        open_rows = np.flatnonzero(found < 0)
        mine = labels_at(ladders, codes[open_rows], [int(n) for n in patterns[number]])
        both = tuple(
            np.concatenate([column[rows], own]) for column, own in zip(classes, mine, strict=True)
        )
        keys = classes_of(both)
        theirs, own = keys[: len(rows)], keys[len(rows) :]
        order = np.argsort(theirs, kind="stable")
        place = np.minimum(np.searchsorted(theirs[order], own), len(rows) - 1)
        hit = theirs[order][place] == own
        found[open_rows[hit]] = rows[order][place[hit]]
    return found


def put(labels: Labels, rows: Bools | Ints, values: Labels) -> Labels:
    """Labels with those of some rows replaced."""
    changed = tuple(column.astype(object) for column in labels)
    for column, new in zip(changed, values, strict=True):
        column[rows] = new
    return tuple(column.astype(str) for column in changed)
