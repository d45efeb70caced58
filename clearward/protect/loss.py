"""Information loss of a generalisation. Add a loss measure here; searching for the least is not
done here.

NM (Iyengar, KDD 2002): a label that stands for m of the domain's M values costs (m-1)/(M-1), a
suppressed cell costs 1; a column's loss is the mean over its cells.
"""

from __future__ import annotations

from collections import Counter
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from clearward.protect.hierarchies import Hierarchy

Aggregate = Literal["arithmetic", "geometric"]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def label_losses(hierarchy: Hierarchy, level: int) -> Floats:
    """NM of every value of the domain at a level, 0–1, in the order of ``hierarchy.values``."""
    labels = hierarchy.labels(level)
    leaves = Counter(labels)
    span = max(len(labels) - 1, 1)
    return np.array([(leaves[label] - 1) / span for label in labels], dtype=np.float64)


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
