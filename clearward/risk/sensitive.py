"""What a class gives away about its patients' sensitive values: l-diversity and t-closeness. Add a
model of attribute disclosure here; how to reach it is protection's work.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from clearward.risk.cells import Cells, Integers

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Diversity:
    """The worst class of one sensitive column.

    Attributes:
        distinct_l: least number of different values (Machanavajjhala et al. 2007).
        entropy_l: exp of the least entropy, same source.
        recursive_c: least c for which recursive (c, 2)-diversity holds; infinite when a class has
            one value only.
        t_equal, t_ordered: largest distance from all patients, 0–1 (Li et al. 2007): any two values
            equally far, or as far as their ranks.
        delta: least d for which every value keeps |ln(p / q)| < d (Brickell, Shmatikov 2008);
            infinite when a class lacks a value.
        beta: largest relative gain (p - q) / q (Cao, Karras 2012).
        enhanced_beta: least beta of the enhanced kind; infinite when a gain exceeds -ln q.
        values: different values in the table.
        homogeneous: patients in classes with one value.
    """

    column: str
    distinct_l: int
    entropy_l: float
    recursive_c: float
    t_equal: float
    t_ordered: float
    delta: float
    beta: float
    enhanced_beta: float
    values: int
    homogeneous: int


def measure_diversity(cells: Cells, column: str) -> Diversity:
    """Every model at once, from the histogram of each class; a null is a value."""
    classes, ranks, counts = cells.histogram(column)
    starts = np.flatnonzero(np.diff(classes, prepend=-1))
    sizes = np.add.reduceat(counts, starts)
    lengths = np.diff(np.append(starts, len(classes)))
    top = np.maximum.reduceat(counts, starts)
    overall = np.bincount(ranks, weights=counts) / counts.sum()
    rest = sizes - top
    with np.errstate(divide="ignore"):
        recursive = np.where(rest > 0, top / np.maximum(rest, 1), np.inf)
    gains = counts / np.repeat(sizes, lengths) / overall[ranks] - 1
    is_free = gains > -np.log(overall[ranks]) + 1e-9
    return Diversity(
        column=column,
        distinct_l=int(lengths.min()),
        entropy_l=float(np.exp(_entropy(counts, starts, sizes).min())),
        recursive_c=float(recursive.max()),
        t_equal=float(equal_distance(ranks, counts, starts=starts, overall=overall).max()),
        t_ordered=float(ordered_distance(ranks, counts, starts=starts, overall=overall).max()),
        delta=float(np.abs(np.log1p(gains)).max()) if lengths.min() == len(overall) else np.inf,
        beta=float(gains.max()),
        enhanced_beta=np.inf if is_free.any() else float(gains.max()),
        values=len(overall),
        homogeneous=int(sizes[lengths == 1].sum()),
    )


def recursive_c(cells: Cells, column: str, least: int) -> float:
    """Least c for which recursive (c, ``least``)-diversity holds in every class."""
    classes, _, counts = cells.histogram(column)
    order = np.lexsort((-counts, classes))
    starts = np.flatnonzero(np.diff(classes, prepend=-1))
    place = np.arange(len(classes)) - np.repeat(starts, np.diff(np.append(starts, len(classes))))
    ranked = counts[order]
    rest = np.add.reduceat(np.where(place >= least - 1, ranked, 0), starts)
    with np.errstate(divide="ignore"):
        return float((ranked[starts] / rest).max())


def _entropy(counts: Integers, starts: Integers, sizes: Integers) -> Floats:
    logs = np.add.reduceat(counts * np.log(counts), starts)
    return np.maximum(np.log(sizes) - logs / sizes, 0.0)


def equal_distance(
    ranks: Integers, counts: Integers, *, starts: Integers, overall: Floats
) -> Floats:
    """Distance of every class from ``overall`` (v,), any two values equally far; (classes,).

    ``ranks`` and ``counts`` (h,) are the classes' histograms one after the other, ``starts`` where
    each begins.
    """
    lengths = np.diff(np.append(starts, len(ranks)))
    share = counts / np.repeat(np.add.reduceat(counts, starts), lengths)
    differ = np.abs(share - overall[ranks]) - overall[ranks]
    return np.asarray((np.add.reduceat(differ, starts) + 1) / 2).clip(0, 1)


def ordered_distance(
    ranks: Integers, counts: Integers, *, starts: Integers, overall: Floats
) -> Floats:
    """The same for ordered values: the mean gap of the two cumulative shares.

    Between two values that a class holds, its cumulative share stands still while that of all
    patients rises, so the sum over the values between them has a closed form.
    """
    width = len(overall)
    if width == 1:
        return np.zeros(len(starts))
    lengths = np.diff(np.append(starts, len(ranks)))
    sizes = np.add.reduceat(counts, starts)
    running = counts.cumsum()
    before = np.repeat(running[starts] - counts[starts], lengths)
    share = (running - before) / np.repeat(sizes, lengths)
    ends = np.append(ranks[1:], width)
    ends[np.append(starts[1:], len(ranks)) - 1] = width
    rising = overall.cumsum()
    total = np.append(0.0, rising.cumsum())
    cross = np.clip(np.searchsorted(rising, share, side="right"), ranks, ends)
    gaps = (cross - ranks) * share - (total[cross] - total[ranks])
    gaps += (total[ends] - total[cross]) - (ends - cross) * share
    inner = np.add.reduceat(gaps, starts)
    return np.asarray((inner + total[ranks[starts]]) / (width - 1)).clip(0, 1)
