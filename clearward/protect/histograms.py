"""Sensitive values as counts per combination, and per class once combinations are grouped. Add a
form of counting here; what a class must keep to is said in `models`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearward.errors import ConfigError
from clearward.protect.hierarchies import Hierarchy
from clearward.protect.loss import Floats, Ints

_CELLS = 4_000_000  # cells of a dense table that is held at one time


@dataclass(frozen=True)
class Histogram:
    """How often each value of one sensitive attribute occurs in each combination.

    Attributes:
        attribute: name that models refer to.
        values: its values, in their order where they have one.
        combinations, codes, counts: (e,) ``counts`` units of a combination have the value with
            that number; pairs that do not occur are left out.
        hierarchy: the values' own hierarchy, for the hierarchical distance.
    """

    attribute: str
    values: tuple[str, ...]
    combinations: Ints
    codes: Ints
    counts: Ints
    hierarchy: Hierarchy | None = None

    def check(self, weights: Ints) -> None:
        """Raise ConfigError unless every unit of every combination has one value."""
        shapes = {len(self.combinations), len(self.codes), len(self.counts)}
        outside = len(shapes) != 1 or bool(
            (self.combinations < 0).any()
            or (self.combinations >= len(weights)).any()
            or (self.codes < 0).any()
            or (self.codes >= len(self.values)).any()
            or (self.counts <= 0).any()
        )
        units = None if outside else self._per_combination(len(weights))
        if units is None or not np.array_equal(units, weights):
            raise ConfigError(
                f"The counts of {self.attribute} do not cover the patients of each combination.",
                seen=f"{int(self.counts.sum())} values, {int(weights.sum())} patients",
                expected="one value per patient; a missing value is a value of its own",
                do="count the sensitive column over the same patients as the combinations",
            )

    def _per_combination(self, count: int) -> Ints:
        totals = np.bincount(self.combinations, weights=self.counts, minlength=count)
        return totals.astype(np.int64)

    @cached_property
    def shares(self) -> Floats:
        """(values,) share of each value among all units, 0-1."""
        totals = np.bincount(self.codes, weights=self.counts, minlength=len(self.values))
        shares: Floats = totals / totals.sum()
        return shares

    @cached_property
    def _by_combination(self) -> tuple[Ints, Ints, Ints]:
        order = np.argsort(self.combinations, kind="stable")
        places = np.searchsorted(
            self.combinations[order], np.arange(int(self.combinations.max(initial=-1)) + 2)
        )
        return order, places[:-1], np.diff(places)

    def of_classes(self, members: Ints | None, classes: Ints, count: int) -> ClassCounts:
        """Counts per class when the combinations ``members`` fall into ``classes`` (0..count-1).

        ``members`` is None when all of them do, in their order.
        """
        places, owners = self._entries(members, classes)
        keys = owners * len(self.values) + self.codes[places]
        found, counts = count_by(keys, self.counts[places], count * len(self.values))
        return ClassCounts(self, found // len(self.values), found % len(self.values), counts, count)

    def _entries(self, members: Ints | None, classes: Ints) -> tuple[Ints | slice, Ints]:
        if members is None:
            return slice(None), classes[self.combinations]
        order, firsts, lengths = self._by_combination
        known = members < len(firsts)  # the last combinations may be without a unit
        members, classes = members[known], classes[known]
        many = lengths[members]
        ends = np.cumsum(many)
        places = order[np.arange(many.sum()) + np.repeat(firsts[members] - ends + many, many)]
        return places, np.repeat(classes, many)


@dataclass(frozen=True)
class ClassCounts:
    """Counts of one sensitive attribute's values per class, ordered by class and value.

    Attributes:
        histogram: what was counted.
        classes, codes, counts: (e,) class, value and number of units; what occurs only.
        count: number of classes.
    """

    histogram: Histogram
    classes: Ints
    codes: Ints
    counts: Ints
    count: int

    @cached_property
    def sizes(self) -> Ints:
        """(count,) units per class."""
        return self.total(self.counts).astype(np.int64)

    @cached_property
    def shares(self) -> Floats:
        """(e,) share of the value within its class, 0-1."""
        shares: Floats = self.counts / self.sizes[self.classes]
        return shares

    def total(self, values: NDArray[Any]) -> Floats:
        """(count,) sum of (e,) values per class."""
        return np.bincount(self.classes, weights=values, minlength=self.count).astype(np.float64)

    def dense(self) -> list[tuple[slice, Floats]]:
        """Runs of classes with their (classes, values) shares, few enough at a time for memory."""
        width = len(self.histogram.values)
        step = max(_CELLS // width, 1)
        runs = []
        for first in range(0, self.count, step):
            last = min(first + step, self.count)
            low, high = np.searchsorted(self.classes, [first, last])
            table = np.zeros((last - first, width))
            table[self.classes[low:high] - first, self.codes[low:high]] = self.shares[low:high]
            runs.append((slice(first, last), table))
        return runs


@dataclass(frozen=True)
class Classes:
    """What a privacy model may know of classes.

    Attributes:
        sizes: (count,) units per class.
        population: (count,) people of the population per class; None when it is not known.
        values: counts per sensitive attribute.
    """

    sizes: Ints
    population: Ints | None
    values: Mapping[str, ClassCounts]


def count_by(keys: Ints, weights: Ints, cells: int) -> tuple[Ints, Ints]:
    """Keys (0..cells-1) that occur, ascending, and the sum of the weights of each."""
    if cells <= max(4 * len(keys), 1024) and (not len(weights) or int(weights.min()) > 0):
        table = np.bincount(keys, weights=weights, minlength=cells)
        found = np.flatnonzero(table)
        return found, table[found].astype(np.int64)
    if not len(keys):
        return keys, weights
    order = stable_order(keys, cells)
    ordered = keys[order]
    first = np.flatnonzero(np.diff(ordered, prepend=ordered[0] - 1))
    return ordered[first], np.add.reduceat(weights[order], first)


def stable_order(keys: Ints, cells: int) -> Ints:
    """The order that sorts keys (0..cells-1), equal ones left as they are."""
    places = max(int(len(keys) - 1).bit_length(), 1)
    if int(cells).bit_length() + places > 63:
        return np.argsort(keys, kind="stable")
    # Sorting (key, place) as one number is several times faster than asking for the order.
    both = (keys << places) | np.arange(len(keys))
    both.sort()
    both &= (1 << places) - 1
    return both
