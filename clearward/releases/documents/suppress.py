"""Which counts of a table of counts must not be shown, when the sums of some are known. Add a rule
here when a shown number could give away a hidden one; what is counted belongs to each document.

Counts from 1 to k - 1 are hidden, and as many others as it takes that neither a known sum less
what is shown, nor any combination of known sums, gives a hidden count (complementary cell
suppression; Hundepool et al. 2012, Statistical Disclosure Control, ch. 4).
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from clearward.products.counts import is_small

MASKED = "masked"
_Cell = TypeVar("_Cell", bound=Hashable)


def hidden(
    counts: Mapping[_Cell, int],
    sums: Sequence[Collection[_Cell]],
    k: int,
    *,
    also: Collection[_Cell] = (),
) -> frozenset[_Cell]:
    """Cells that must be hidden.

    Args:
        counts: cell -> its count; a zero may be shown and is never hidden for another's sake.
        sums: groups of cells whose sum a reader knows. Where a whole group is smaller than k its
            sum must not be known either: leave that group out.
        k: counts from 1 to k - 1 are small.
        also: cells that are hidden whatever they count.
    """
    found = {cell for cell, count in counts.items() if is_small(count, k)} | set(also)
    while True:
        more = _next(counts, sums, k, found)
        if more is None:
            return frozenset(found)
        found.add(more)


def _next(
    counts: Mapping[_Cell, int], sums: Sequence[Collection[_Cell]], k: int, found: set[_Cell]
) -> _Cell | None:
    """A shown cell that must be hidden as well, or None."""
    told = _told(sums, found)
    for group in sums:
        inside = [cell for cell in group if cell in found]
        is_open = len(inside) == 1 or is_small(sum(counts[c] for c in inside), k)
        if inside and (is_open or any(cell in told for cell in inside)):
            shown = [c for c in group if c not in found and counts[c]]
            if shown:
                return min(shown, key=lambda cell: (counts[cell], str(cell)))
    return None


def _told(sums: Sequence[Collection[_Cell]], found: set[_Cell]) -> set[_Cell]:
    """Hidden cells that follow from the known sums together: linear algebra over the groups."""
    if len(sums) < 2 or not found:
        return set()
    cells = sorted(found, key=str)
    matrix = np.array([[cell in group for cell in cells] for group in sums], dtype=float)
    rank = np.linalg.matrix_rank(matrix)
    units = np.eye(len(cells))
    return {
        cell
        for cell, unit in zip(cells, units, strict=True)
        if np.linalg.matrix_rank(np.vstack([matrix, unit])) == rank
    }
