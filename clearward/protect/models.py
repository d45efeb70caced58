"""Privacy models: what every published class must keep to. Add a model here when a class can be
judged from its size, its population and the counts of its sensitive values; searching for classes
that keep it is done elsewhere.

Every model here is kept by the union of two classes that keep it, so a class may be cut further
only where both sides keep it and merging never breaks a bound. p is the share of a value in a
class, q its share among all units of the problem, before anything is suppressed.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from clearward.errors import ConfigError
from clearward.protect.hierarchies import Hierarchy
from clearward.protect.histograms import ClassCounts, Classes, Histogram
from clearward.protect.loss import Floats, Ints

Bools = NDArray[np.bool_]
Distance = Literal["equal", "ordered", "hierarchical"]
_ROUNDING = 1e-9  # a float's last bit must not refuse a class that lies exactly on its bound


class Model(Protocol):
    """A bound on classes."""

    def check(self, histograms: dict[str, Histogram], *, has_population: bool) -> None:
        """Raise ConfigError when the problem lacks what the model needs."""

    def allows(self, classes: Classes) -> Bools:
        """(classes,) which classes keep the bound."""


def name_of(model: Model) -> str:
    """``DistinctL of patient.smoking``: what a person reads in an error."""
    attribute = getattr(model, "attribute", "")
    return f"{type(model).__name__} of {attribute}" if attribute else type(model).__name__


def _check_value(name: str, value: float, low: float, high: float = np.inf) -> None:
    if not low <= value <= high:
        raise ConfigError(
            f"A privacy model's {name} makes no sense.",
            seen=f"{value}",
            expected=f"{low} to {high}",
        )


@dataclass(frozen=True)
class KMap:
    """At least k people of the population share the class (Sweeney 2001, k-map)."""

    k: int

    def check(self, histograms: dict[str, Histogram], *, has_population: bool) -> None:
        """See `Model`."""
        _check_population(has_population)
        _check_value("k", self.k, 1)

    def allows(self, classes: Classes) -> Bools:
        """See `Model`."""
        kept: Bools = _population(classes) >= self.k
        return kept


@dataclass(frozen=True)
class DeltaPresence:
    """A person of the population is in the data with a chance from ``low`` to ``high``.

    Nergiz, Atzori, Clifton, SIGMOD 2007: size of the class / people of the population in it. Says
    nothing of classes without a published unit: whoever falls there is known to be absent.
    """

    low: float
    high: float

    def check(self, histograms: dict[str, Histogram], *, has_population: bool) -> None:
        """See `Model`."""
        _check_population(has_population)
        _check_value("low", self.low, 0, self.high)
        _check_value("high", self.high, 0, 1)

    def allows(self, classes: Classes) -> Bools:
        """See `Model`."""
        chance = classes.sizes / np.maximum(_population(classes), 1)
        kept: Bools = (chance >= self.low - _ROUNDING) & (chance <= self.high + _ROUNDING)
        return kept


def _check_population(has_population: bool) -> None:
    if not has_population:
        raise ConfigError(
            "The population of each combination is not known.",
            expected="counts of people per combination",
            do="give the problem its population, or leave the model out",
        )


def _population(classes: Classes) -> Ints:
    if classes.population is None:
        raise ConfigError("The population of the classes is not known.")
    return classes.population


@dataclass(frozen=True)
class _Attribute:
    """A model of one sensitive attribute."""

    attribute: str

    def check(self, histograms: dict[str, Histogram], *, has_population: bool) -> None:
        """See `Model`."""
        if self.attribute not in histograms:
            raise ConfigError(
                f"No counts of the sensitive attribute {self.attribute}.",
                seen=", ".join(sorted(histograms)) or "no sensitive attribute",
                do="count its values per combination, or correct the product spec",
            )
        self._check_bounds(histograms[self.attribute])

    def _check_bounds(self, histogram: Histogram) -> None:
        raise NotImplementedError

    def allows(self, classes: Classes) -> Bools:
        """See `Model`."""
        return self._allows(classes.values[self.attribute])

    def _allows(self, values: ClassCounts) -> Bools:
        raise NotImplementedError


@dataclass(frozen=True)
class DistinctL(_Attribute):
    """At least l different values (Machanavajjhala et al., ACM TKDD 2007)."""

    l: int  # noqa: E741 - the field's own letter

    def _check_bounds(self, histogram: Histogram) -> None:
        _check_value("l", self.l, 1)

    def _allows(self, values: ClassCounts) -> Bools:
        kept: Bools = np.bincount(values.classes, minlength=values.count) >= self.l
        return kept


@dataclass(frozen=True)
class EntropyL(_Attribute):
    """Entropy of the values at least log l (Machanavajjhala et al. 2007), Shannon's estimate."""

    l: float  # noqa: E741 - the field's own letter

    def _check_bounds(self, histogram: Histogram) -> None:
        _check_value("l", self.l, 1)

    def _allows(self, values: ClassCounts) -> Bools:
        entropy = values.total(-values.shares * np.log(values.shares))
        kept: Bools = entropy >= np.log(self.l) - _ROUNDING
        return kept & (values.sizes > 0)


@dataclass(frozen=True)
class RecursiveL(_Attribute):
    """Recursive (c, l)-diversity: r1 < c (rl + ... + rm), counts descending (same paper)."""

    c: float
    l: int  # noqa: E741 - the field's own letter

    def _check_bounds(self, histogram: Histogram) -> None:
        _check_value("c", self.c, np.nextafter(0, 1))
        _check_value("l", self.l, 1)

    def _allows(self, values: ClassCounts) -> Bools:
        order = np.lexsort((-values.counts, values.classes))
        first = np.searchsorted(values.classes, np.arange(values.count))
        rank = np.arange(len(order)) - first[values.classes]  # classes are already ascending
        tail = values.total(np.where(rank >= self.l - 1, values.counts[order], 0))
        most = values.total(np.where(rank == 0, values.counts[order], 0))
        kept: Bools = most < self.c * tail - _ROUNDING
        return kept


@dataclass(frozen=True)
class TCloseness(_Attribute):
    """Earth mover's distance between a class and all units at most t (Li et al., ICDE 2007).

    ``equal``: any two values are equally far (half the L1 distance). ``ordered``: values are
    places on a line, in the histogram's order, neighbours 1 / (m - 1) apart for the m values that
    occur. ``hierarchical``: the level of the lowest common label over the hierarchy's height.
    """

    t: float
    distance: Distance = "equal"

    def _check_bounds(self, histogram: Histogram) -> None:
        _check_value("t", self.t, 0, 1)
        if self.distance not in ("equal", "ordered", "hierarchical"):
            raise ConfigError(f"Unknown distance {self.distance!r}.")
        if self.distance == "hierarchical":
            _tree(histogram)

    def _allows(self, values: ClassCounts) -> Bools:
        kept: Bools = distances(values, self.distance) <= self.t + _ROUNDING
        return kept & (values.sizes > 0)


def distances(values: ClassCounts, distance: Distance) -> Floats:
    """(classes,) earth mover's distance between each class and all units, 0-1."""
    q = values.histogram.shares
    if distance == "equal":
        return values.total(np.maximum(values.shares - q[values.codes], 0))
    found = np.zeros(values.count)
    tree = _tree(values.histogram) if distance == "hierarchical" else []
    for classes, table in values.dense():
        over = table - q
        found[classes] = _hierarchical(over, tree) if tree else _ordered(over[:, q > 0])
    return found


def _ordered(over: Floats) -> Floats:
    moved: Floats = np.abs(np.cumsum(over, axis=1)).sum(axis=1) / max(over.shape[1] - 1, 1)
    return moved


def _hierarchical(over: Floats, tree: list[Ints]) -> Floats:
    # Li et al.: what the children of a node cannot settle among themselves climbs one level.
    cost = np.zeros(len(over))
    for level, parent in enumerate(tree, start=1):
        count = int(parent.max()) + 1
        above = np.zeros((len(over), count))
        sent = np.zeros((len(over), count))
        for child, node in enumerate(parent):
            above[:, node] += over[:, child]
            sent[:, node] += np.maximum(over[:, child], 0)
        settled = sent - np.maximum(above, 0)
        cost += settled.sum(axis=1) * level / len(tree)
        over = above
    return cost


def _tree(histogram: Histogram) -> list[Ints]:
    """For each level, the node of the next level that each node lies under."""
    hierarchy = histogram.hierarchy
    if hierarchy is None or not set(histogram.values) <= set(hierarchy.values):
        raise ConfigError(
            f"No hierarchy over the values of {histogram.attribute}.",
            do="give the histogram its hierarchy, or use another distance",
        )
    return _parents(hierarchy, histogram.values)


def _parents(hierarchy: Hierarchy, values: tuple[str, ...]) -> list[Ints]:
    place = {value: index for index, value in enumerate(hierarchy.values)}
    chosen = np.array([place[value] for value in values], dtype=np.int64)
    levels = [np.arange(len(values))]
    for level in range(1, hierarchy.height + 1):
        names = np.array(hierarchy.labels(level))[chosen]
        levels.append(np.unique(names, return_inverse=True)[1])
    if len(np.unique(levels[-1])) > 1:
        levels.append(np.zeros(len(values), dtype=np.int64))
    parents = []
    for lower, upper in pairwise(levels):
        parent = np.zeros(int(lower.max()) + 1, dtype=np.int64)
        parent[lower] = upper
        parents.append(parent)
    return parents


@dataclass(frozen=True)
class DeltaDisclosure(_Attribute):
    """|ln(p / q)| < delta for every value of the data (Brickell, Shmatikov, KDD 2008)."""

    delta: float

    def _check_bounds(self, histogram: Histogram) -> None:
        _check_value("delta", self.delta, np.nextafter(0, 1))

    def _allows(self, values: ClassCounts) -> Bools:
        q = values.histogram.shares
        far = np.abs(np.log(values.shares / q[values.codes])) >= self.delta - _ROUNDING
        every = np.bincount(values.classes, minlength=values.count) == int((q > 0).sum())
        kept: Bools = every & (values.total(far) == 0)
        return kept


@dataclass(frozen=True)
class BetaLikeness(_Attribute):
    """No value gains more than beta in share: (p - q) / q <= beta (Cao, Karras, PVLDB 2012).

    ``is_enhanced`` takes the lesser of beta and -ln q, which also bounds what frequent values gain.
    """

    beta: float
    is_enhanced: bool = False

    def _check_bounds(self, histogram: Histogram) -> None:
        _check_value("beta", self.beta, np.nextafter(0, 1))

    def _allows(self, values: ClassCounts) -> Bools:
        q = values.histogram.shares[values.codes]
        bound = np.minimum(self.beta, -np.log(q)) if self.is_enhanced else self.beta
        far = (values.shares - q) / q > bound + _ROUNDING
        kept: Bools = (values.total(far) == 0) & (values.sizes > 0)
        return kept
