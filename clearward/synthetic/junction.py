"""From the marginals that were measured to a junction tree (Lauritzen, Spiegelhalter 1988): which
columns are modelled jointly, and in which order evidence travels. Numbers belong to `model`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

Clique = tuple[int, ...]
"""Columns by number, ascending."""


@dataclass(frozen=True)
class JunctionTree:
    """Cliques of a triangulated graph, parents before children.

    Attributes:
        cliques: cover every column; the columns two cliques share are in all between them.
        parents: position of each clique's parent, -1 for the root.
        separators: columns shared with the parent; may be empty.
    """

    cliques: tuple[Clique, ...]
    parents: tuple[int, ...]
    separators: tuple[Clique, ...]

    def cells(self, sizes: Sequence[int]) -> int:
        """Cells of all cliques together; ``sizes`` are values per column."""
        return sum(math.prod(sizes[c] for c in clique) for clique in self.cliques)

    def parts(self) -> dict[int, int]:
        """Column -> number of the connected part it is in."""
        part: list[int] = []
        for i, parent in enumerate(self.parents):
            part.append(part[parent] if self.separators[i] else i)
        return {c: part[i] for i, clique in enumerate(self.cliques) for c in clique}

    def home(self, columns: Iterable[int]) -> int:
        """Position of the smallest clique that holds all the columns; ValueError if none does."""
        wanted = set(columns)
        held = [i for i, clique in enumerate(self.cliques) if wanted <= set(clique)]
        return min(held, key=lambda i: (len(self.cliques[i]), i))


def build_tree(marginals: Iterable[Clique], sizes: Sequence[int], *, root: int = 0) -> JunctionTree:
    """A junction tree that holds every marginal inside one clique.

    Args:
        marginals: groups of columns that were measured together.
        sizes: number of values of each column.
        root: a column that the first clique must hold.
    """
    return _span(_cliques(marginals, sizes), root)


def cells_of(marginals: Iterable[Clique], sizes: Sequence[int]) -> int:
    """Cells of the junction tree these marginals would need."""
    return sum(math.prod(sizes[c] for c in clique) for clique in _cliques(marginals, sizes))


def _cliques(marginals: Iterable[Clique], sizes: Sequence[int]) -> list[Clique]:
    """Maximal cliques after eliminating columns, the one with the smallest new clique first."""
    near: list[set[int]] = [set() for _ in sizes]
    for a, b in (pair for marginal in marginals for pair in combinations(marginal, 2)):
        near[a].add(b)
        near[b].add(a)
    cost = {c: _cost(c, near, sizes) for c in range(len(sizes))}
    found: list[set[int]] = []
    while cost:
        column = min(cost, key=lambda c: (cost[c], c))
        clique = {column, *near[column]}
        if not any(clique <= other for other in found):
            found.append(clique)
        del cost[column]
        for other in near[column]:
            near[other] |= near[column] - {other}
            near[other].discard(column)
        for other in near[column]:
            cost[other] = _cost(other, near, sizes)
    return [tuple(sorted(clique)) for clique in found]


def _cost(column: int, near: Sequence[set[int]], sizes: Sequence[int]) -> int:
    return sizes[column] * math.prod(sizes[n] for n in near[column])


def _span(cliques: list[Clique], root: int) -> JunctionTree:
    """Maximum spanning tree by shared columns (Prim), which is a junction tree."""
    start = next(i for i, clique in enumerate(cliques) if root in clique)
    order, parents, shared = [start], [-1], [Clique()]
    best = {i: (_shared(cliques[i], cliques[start]), 0) for i in range(len(cliques)) if i != start}
    while best:
        chosen = max(best, key=lambda i: (len(best[i][0]), -i))
        common, parent = best.pop(chosen)
        order.append(chosen)
        parents.append(parent)
        shared.append(common)
        for i in best:
            common = _shared(cliques[i], cliques[chosen])
            if len(common) > len(best[i][0]):
                best[i] = common, len(order) - 1
    return JunctionTree(tuple(cliques[i] for i in order), tuple(parents), tuple(shared))


def _shared(a: Clique, b: Clique) -> Clique:
    return tuple(sorted(set(a) & set(b)))
