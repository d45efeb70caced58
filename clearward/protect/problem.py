"""The question that recoding answers: combinations, how many share them, and the bounds. Add here
what both ways of recoding need to know; searching is not done here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from clearward.errors import ConfigError, ProtectionError
from clearward.protect.hierarchies import Hierarchy
from clearward.protect.histograms import Classes, Histogram
from clearward.protect.loss import Aggregate, Ints
from clearward.protect.models import Model, name_of

Bools = NDArray[np.bool_]
Quality = Literal["loss", "entropy", "aecs", "discernibility"]


@dataclass(frozen=True)
class Problem:
    """Distinct combinations of quasi-identifiers with the number of units that share them.

    Attributes:
        hierarchies: one per quasi-identifier.
        codes: (n, d) index of each value in its hierarchy's ``values``; no combination twice.
        weights: (n,) units per combination; zero only where the population has people and the
            data has none.
        k: least size of a published class.
        max_suppressed: largest share of units that may be suppressed, 0-1.
        how: how the losses of the columns become one.
        models: further bounds of every published class.
        sensitive: counts of the attributes that the models name.
        population: (n,) people of the population per combination, for k-map and presence.
        quality: what the full-domain optimum minimises.
    """

    hierarchies: tuple[Hierarchy, ...]
    codes: Ints
    weights: Ints
    k: int
    max_suppressed: float
    how: Aggregate = "arithmetic"
    models: tuple[Model, ...] = ()
    sensitive: tuple[Histogram, ...] = ()
    population: Ints | None = None
    quality: Quality = "loss"

    @property
    def units(self) -> int:
        """Patients (or records) in all."""
        return int(self.weights.sum())

    @property
    def allowed(self) -> int:
        """Units that may be suppressed."""
        # 0.05 * 30160 is 1508.0000000000002: a float's last bit must not cost or grant a unit.
        return int(np.floor(round(self.max_suppressed * self.units, 6)))

    @cached_property
    def histograms(self) -> dict[str, Histogram]:
        """Sensitive counts by attribute."""
        return {histogram.attribute: histogram for histogram in self.sensitive}

    def allows(self, members: Ints | None, classes: Ints, sizes: Ints) -> Bools:
        """(classes,) whether the models allow each class.

        Args:
            members: (m,) combinations; None for all of them in their order.
            classes: (m,) the class of each, 0 to ``len(sizes)`` - 1.
            sizes: (classes,) units per class.
        """
        allowed = np.ones(len(sizes), dtype=bool)
        if not self.models:
            return allowed
        seen = self._seen(members, classes, sizes)
        for model in self.models:
            allowed &= model.allows(seen)
        return allowed

    def broken(self, classes: Ints, sizes: Ints) -> str:
        """Which bounds break over all combinations in these classes, each with its units."""
        seen = self._seen(None, classes, sizes)
        bounds = [(f"k of {self.k}", sizes >= self.k)]
        bounds += [(name_of(model), model.allows(seen)) for model in self.models]
        counted = ((name, int(sizes[~kept].sum())) for name, kept in bounds)
        return ", ".join(f"{name} for {units}" for name, units in counted if units)

    def _seen(self, members: Ints | None, classes: Ints, sizes: Ints) -> Classes:
        population = None
        if self.population is not None:
            people = self.population if members is None else self.population[members]
            counted = np.bincount(classes, weights=people, minlength=len(sizes))
            population = counted.astype(np.int64)
        values = {
            name: histogram.of_classes(members, classes, len(sizes))
            for name, histogram in self.histograms.items()
        }
        return Classes(sizes, population, values)


def check_problem(problem: Problem) -> None:
    """Raise ConfigError for a problem that is not whole, ProtectionError for too few units."""
    shape = (len(problem.weights), len(problem.hierarchies))
    if problem.codes.shape != shape or not problem.hierarchies:
        raise ConfigError(
            "The problem's combinations do not fit its quasi-identifiers.",
            seen=f"codes of shape {problem.codes.shape}",
            expected=f"{shape} with at least one column",
        )
    if problem.units < max(problem.k, 1):
        raise ProtectionError(
            "There are fewer patients than k.",
            seen=f"{problem.units} patients",
            expected=f"at least {problem.k}",
            do="wait for more consents or hospitals; nothing can be published before",
        )
    _check_counts(problem)
    for histogram in problem.sensitive:
        histogram.check(problem.weights)
    for model in problem.models:
        model.check(problem.histograms, has_population=problem.population is not None)


def _check_counts(problem: Problem) -> None:
    heights = np.array([len(hierarchy.values) for hierarchy in problem.hierarchies])
    population = problem.population
    faults = [
        (bool((problem.weights < 0).any()), "a negative number of patients"),
        (bool((problem.codes < 0).any() | (problem.codes >= heights).any()), "an unknown value"),
        (problem.k < 1, "k below 1"),
        (not 0 <= problem.max_suppressed <= 1, "a share of suppression outside 0-1"),
        (len(problem.histograms) != len(problem.sensitive), "a sensitive attribute twice"),
        (
            population is not None
            and (len(population) != len(problem.weights) or (population < problem.weights).any()),
            "a population smaller than the data",
        ),
    ]
    for wrong, seen in faults:
        if wrong:
            raise ConfigError("The problem cannot be solved as it is stated.", seen=seen)
