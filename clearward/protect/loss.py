"""Information loss of a generalisation. Add a loss measure here; searching for the least is not
done here.

Per cell: NM (Iyengar, KDD 2002): a label that stands for m of the domain's M values costs
(m-1)/(M-1), a suppressed cell costs 1. Non-uniform entropy (Gionis, Tassa, IEEE TKDE 2009): a cell
costs -log2 of its value's share among the units that its label stands for, here divided by the
mean cost of ``*`` in the column; a suppressed cell costs what ``*`` costs.
Per class: discernibility (Bayardo, Agrawal, ICDE 2005): the sum of squared class sizes, a
suppressed unit costing as much as all units. AECS: units per class, all suppressed units being one
class more (LeFevre et al. 2006 without their division by k).
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from clearward.protect.hierarchies import Hierarchy

Aggregate = Literal["arithmetic", "geometric"]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def label_losses(hierarchy: Hierarchy, level: int) -> Floats:
    """NM of every value of the domain at a level, 0-1, in the order of ``hierarchy.values``."""
    labels = hierarchy.labels(level)
    leaves = Counter(labels)
    span = max(len(labels) - 1, 1)
    return np.array([(leaves[label] - 1) / span for label in labels], dtype=np.float64)


def label_entropies(hierarchy: Hierarchy, level: int, counts: Ints) -> Floats:
    """Non-uniform entropy of every value at a level, 0-1, in the order of ``hierarchy.values``.

    Args:
        hierarchy: of one column.
        level: the level.
        counts: (values,) units per value; a value without units costs nothing.
    """
    groups = np.unique(np.array(hierarchy.labels(level)), return_inverse=True)[1]
    whole = float((entropy_bits(counts, np.full(len(counts), counts.sum())) * counts).sum())
    bits = entropy_bits(counts, np.bincount(groups, weights=counts)[groups])
    # Divided by the mean cost of ``*``, so that a column's loss is 1 when all of it is ``*``.
    scaled: Floats = bits * float(counts.sum()) / whole if whole else np.zeros(len(counts))
    return scaled


def entropy_bits(counts: Ints, of_label: NDArray[Any]) -> Floats:
    """-log2 of the share of a value's units in its label's; 0 where there are none."""
    ratio = np.divide(counts, of_label, out=np.ones(len(counts)), where=counts > 0)
    bits: Floats = -np.log2(ratio)
    return bits


def discernibility(sizes: Ints, suppressed: int, units: int) -> float:
    """Discernibility of classes of these sizes beside so many suppressed of all units."""
    return float((sizes.astype(np.float64) ** 2).sum()) + float(suppressed) * units


def average_class(classes: int, suppressed: int, units: int) -> float:
    """AECS: units per class, the suppressed ones as a class of their own."""
    return units / max(classes + (suppressed > 0), 1)


def aggregate(column_losses: Floats, how: Aggregate) -> Floats:
    """One loss from those of the columns (last axis): both ways grow with every column's loss.

    ``arithmetic`` is Iyengar's mean; ``geometric`` is the root of the product of (1 + loss), less
    1, which ARX takes by default: it is here so that the solver can be held against ARX.
    """
    if how == "geometric":
        mean_log: Floats = np.log1p(column_losses).mean(axis=-1)
        geometric: Floats = np.expm1(mean_log)
        return geometric
    mean: Floats = column_losses.mean(axis=-1)
    return mean
