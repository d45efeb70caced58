"""Microaggregation of numbers: groups of at least k, each value replaced by its group's mean. Add a
way of grouping numbers here; values with a hierarchy belong to `local`.

Optimal for one column (Hansen, Mukherjee, IEEE TKDE 2003), MDAV for several (Domingo-Ferrer,
Torra, DMKD 2005). Means keep a column's mean exactly and its variance as well as groups of k allow.
"""

from __future__ import annotations

import numpy as np

from clearward.errors import ProtectionError
from clearward.protect.loss import Floats, Ints


def optimal_groups(values: Floats, k: int) -> Ints:
    """(n,) groups of k to 2k-1 neighbours with the least squared distance to their means.

    Args:
        values: (n,) numbers, none missing.
        k: least size of a group.
    """
    _check(values, k)
    order = np.argsort(values, kind="stable")
    cuts = _cheapest_cuts(values[order], k)
    groups = np.empty(len(values), dtype=np.int64)
    groups[order] = np.repeat(np.arange(len(cuts)), np.diff(cuts, append=len(values)))
    return groups


def _cheapest_cuts(ordered: Floats, k: int) -> Ints:
    """Where the groups of sorted values start: the shortest path over ends of groups."""
    count = len(ordered)
    # Around the middle, so that squares of large numbers do not swallow small differences.
    centred = ordered - ordered[count // 2]
    sums = np.concatenate(([0.0], np.cumsum(centred)))
    squares = np.concatenate(([0.0], np.cumsum(centred**2)))
    best = np.full(count + 1, np.inf)
    best[0] = 0.0
    came = np.zeros(count + 1, dtype=np.int64)
    for end in range(k, count + 1):
        starts = np.arange(max(end - 2 * k + 1, 0), end - k + 1)
        total = sums[end] - sums[starts]
        cost = best[starts] + squares[end] - squares[starts] - total**2 / (end - starts)
        least = int(cost.argmin())
        best[end], came[end] = cost[least], starts[least]
    cuts = [count]
    while cuts[-1]:
        cuts.append(int(came[cuts[-1]]))
    return np.array(cuts[:0:-1], dtype=np.int64)


def mdav_groups(values: Floats, k: int) -> Ints:
    """(n,) groups of k to 2k-1 near rows of (n, d) values, columns scaled to one variance.

    Takes the row farthest from the mean and its k-1 nearest, then the same around the row farthest
    from that one. Time grows with n squared over k: for tens of thousands of rows, not millions.
    """
    _check(values, k)
    spread = values.std(axis=0)
    scaled = (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1)
    groups = np.full(len(values), -1, dtype=np.int64)
    left = np.arange(len(values))
    found = 0
    while len(left) >= 3 * k:
        far = _farthest(scaled[left], scaled[left].mean(axis=0))
        opposite = _farthest(scaled[left], scaled[left][far])
        for centre in (scaled[left][far], scaled[left][opposite]):
            near = _nearest(scaled[left], centre, k)
            groups[left[near]] = found
            left, found = np.delete(left, near), found + 1
    if len(left) >= 2 * k:
        far = _farthest(scaled[left], scaled[left].mean(axis=0))
        near = _nearest(scaled[left], scaled[left][far], k)
        groups[left[near]] = found
        left, found = np.delete(left, near), found + 1
    groups[left] = found
    return groups


def group_means(values: Floats, groups: Ints) -> Floats:
    """(n,) each value's group mean, groups numbered from 0."""
    means = np.bincount(groups, weights=values) / np.bincount(groups)
    replaced: Floats = means[groups]
    return replaced


def _farthest(rows: Floats, centre: Floats) -> int:
    return int(((rows - centre) ** 2).sum(axis=1).argmax())


def _nearest(rows: Floats, centre: Floats, k: int) -> Ints:
    return np.argsort(((rows - centre) ** 2).sum(axis=1), kind="stable")[:k]


def _check(values: Floats, k: int) -> None:
    missing = int((~np.isfinite(values)).sum())
    if missing or k < 1 or len(values) < k:
        raise ProtectionError(
            "Numbers cannot be brought into groups of k.",
            seen=f"{len(values)} patients, {missing} values missing or not finite, k {k}",
            expected="at least k patients, every value a number",
            do="take the missing ones out, or give them a group of their own",
        )
