"""What classes of local recoding publish in one column, and what it loses. Add a way of showing a
class here; which combinations form a class is decided in `local`.

Ranges and sets name only values that occur in the class, so they lose less than hierarchy nodes,
and tell more: that no other value of the node occurs (see docs/reference/protection.md).
"""

from __future__ import annotations

import numpy as np

from clearward.protect.hierarchies import Hierarchy
from clearward.protect.loss import Floats, Ints
from clearward.protect.paths import Field, Texts, Words

Shown = tuple[Texts, Floats]


def node_labels(field: Field, paths: Words, classes: Ints, levels: Ints) -> Shown:
    """(classes,) label and NM of the node on each class's level.

    Args:
        field: of the column.
        paths: (n,) the word that holds the column's paths.
        classes: (n,) class of each combination, dense from 0.
        levels: (classes,) level of the common label.
    """
    first = np.zeros(len(levels), dtype=np.int64)
    first[classes] = np.arange(len(classes))
    prefix = field.prefix(paths[first], levels)
    width = max(names.dtype.itemsize for names in field.labels) // np.dtype("U1").itemsize
    labels: Texts = np.empty(len(levels), dtype=f"U{width}")
    losses = np.empty(len(levels))
    for level in np.unique(levels):
        here = levels == level
        labels[here] = field.label(prefix[here], int(level))
        losses[here] = field.loss(prefix[here], int(level))
    return labels, losses


def range_labels(hierarchy: Hierarchy, codes: Ints, classes: Ints) -> Shown:
    """(classes,) first and last value of each class, and NM of the values between them.

    Whole numbers are ordered as numbers, other values depth first along their hierarchy, so that
    neighbours are related.
    """
    ordered = value_order(hierarchy)
    place = np.empty(len(ordered), dtype=np.int64)
    place[ordered] = np.arange(len(ordered))
    by_class = np.argsort(classes, kind="stable")
    starts = np.flatnonzero(np.diff(classes[by_class], prepend=-1))
    placed = place[codes][by_class]
    low, high = np.minimum.reduceat(placed, starts), np.maximum.reduceat(placed, starts)
    pairs, of_class = np.unique(low * len(ordered) + high, return_inverse=True)
    names = [hierarchy.values[code] for code in ordered]
    dash = "-" if all(name.isdigit() for name in names) else ".."
    ends = [divmod(int(pair), len(ordered)) for pair in pairs]
    texts = np.array([names[a] if a == b else f"{names[a]}{dash}{names[b]}" for a, b in ends])
    return texts[of_class], (high - low) / max(len(ordered) - 1, 1)


def set_labels(hierarchy: Hierarchy, codes: Ints, classes: Ints) -> Shown:
    """(classes,) the values of each class as ``{a|b}``, and NM of as many values."""
    count, domain = int(classes.max()) + 1, len(hierarchy.values)
    ordered = value_order(hierarchy)
    held = np.zeros((count, domain), dtype=bool)
    held[classes, codes] = True
    packed, of_class = np.unique(np.packbits(held[:, ordered], axis=1), axis=0, return_inverse=True)
    names = np.array(hierarchy.values)[ordered]
    sets = [names[row] for row in np.unpackbits(packed, axis=1, count=domain).astype(bool)]
    texts = np.array([str(v[0]) if len(v) == 1 else "{" + "|".join(v) + "}" for v in sets])
    return texts[of_class.ravel()], (held.sum(axis=1) - 1) / max(domain - 1, 1)


def value_order(hierarchy: Hierarchy) -> Ints:
    """(values,) codes in the order in which ranges run."""
    values = hierarchy.values
    if all(value.lstrip("-").isdigit() for value in values):
        return np.array(sorted(range(len(values)), key=lambda code: int(values[code])))
    rows = hierarchy.rows
    return np.array(sorted(range(len(values)), key=lambda code: rows[code][::-1]))
