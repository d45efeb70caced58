"""One entry for both ways of recoding: a problem in, a label for every cell out. Add a way of
recoding or of publishing here; how each finds its classes lives in `solver` and `local`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from clearward.errors import ConfigError
from clearward.protect.hierarchies import ANY
from clearward.protect.labels import node_labels, range_labels, set_labels
from clearward.protect.local import Given, Partition, specialise
from clearward.protect.loss import Floats, Ints, aggregate, label_losses
from clearward.protect.paths import Field, Texts, Words, fields_of, pack
from clearward.protect.problem import Problem, check_problem
from clearward.protect.solver import group_at, solve, unsolvable

Bools = NDArray[np.bool_]
Publish = Literal["nodes", "ranges", "sets"]


@dataclass(frozen=True)
class Recoding:
    """What replaces the quasi-identifiers of each combination.

    Attributes:
        recoding: ``global`` or ``local``.
        labels: per quasi-identifier, (n,) the published label; ``*`` where not kept.
        classes: (n,) class, dense from 0: same class, same labels and the reverse; -1 where not
            kept.
        kept: (n,) False for combinations that are suppressed.
        loss: NM of Iyengar over all cells, 0-1, suppressed cells counted as 1.
        suppressed: units left out.
        levels: level per quasi-identifier (global only), else None.
        nodes, checked: size of the lattice and nodes counted (global); cuts made and cuts tried
            (local).
    """

    recoding: str
    labels: tuple[Texts, ...]
    classes: Ints
    kept: Bools
    loss: float
    suppressed: int
    levels: tuple[int, ...] | None
    nodes: int
    checked: int

    @property
    def class_count(self) -> int:
        """Number of published classes."""
        return int(self.classes.max(initial=-1)) + 1


def recode(problem: Problem, *, recoding: str, publish: Publish = "nodes") -> Recoding:
    """Labels for every combination that keep every bound of the problem.

    ``global``: the full-domain optimum, one level per quasi-identifier, at most ``max_suppressed``
    of the units left out. ``local``: chosen class by class, nobody left out but units whose values
    no level of a hierarchy brings together with enough others; published as the lowest common
    ``nodes`` of the hierarchies, as ``ranges`` of values, or as ``sets`` of values.
    Raises ProtectionError when no recoding keeps the bounds, ConfigError for another name.
    """
    if recoding == "global" and publish == "nodes":
        return _global(problem)
    if recoding == "local" and publish in ("nodes", "ranges", "sets"):
        return _local(problem, publish)
    raise ConfigError(
        f"Unknown recoding {recoding!r} published as {publish!r}.",
        expected="global or local; nodes, ranges or sets",
        do="correct the product spec",
    )


def _global(problem: Problem) -> Recoding:
    found = solve(problem)
    grouping = group_at(problem, found.levels)
    chosen = list(zip(problem.hierarchies, found.levels, strict=True))
    labels = [
        np.array(hierarchy.labels(level))[problem.codes[:, column]]
        for column, (hierarchy, level) in enumerate(chosen)
    ]
    losses = [
        label_losses(hierarchy, level)[problem.codes[:, column]]
        for column, (hierarchy, level) in enumerate(chosen)
    ]
    published = _Published(labels, losses, grouping.classes, grouping.kept)
    return published.recoding(
        problem, recoding="global", levels=found.levels, nodes=found.nodes,
        checked=found.nodes_checked,
    )  # fmt: skip


def _local(problem: Problem, publish: Publish) -> Recoding:
    check_problem(problem)
    apart, able = _apart(problem)
    fields = fields_of(problem.hierarchies)
    words = pack(fields, problem.codes)
    allows = _allows(problem) if problem.models else None
    given = Given(words, problem.weights, fields, problem.k, allows, apart, ~able)
    partition = specialise(given)
    sizes = np.bincount(partition.classes, weights=problem.weights)
    of_class = np.empty(len(sizes), dtype=np.int64)
    of_class[partition.classes] = apart
    published_as = [
        _as_published(problem, column, partition, publish, (field, words[field.word]))
        for column, field in enumerate(fields)
    ]
    published = _Published(
        [labels[partition.classes] for labels, _ in published_as],
        [losses[partition.classes] for _, losses in published_as],
        partition.classes,
        (sizes > 0) & able[of_class],
    )
    tried = partition.cuts + partition.refused
    return published.recoding(
        problem, recoding="local", levels=None, nodes=partition.cuts, checked=tried
    )


def _as_published(
    problem: Problem,
    column: int,
    partition: Partition,
    publish: Publish,
    packed: tuple[Field, Words],
) -> tuple[Texts, Floats]:
    if publish == "nodes":
        return node_labels(*packed, partition.classes, partition.levels[:, column])
    hierarchy, codes = problem.hierarchies[column], problem.codes[:, column]
    shown = range_labels if publish == "ranges" else set_labels
    return shown(hierarchy, codes, partition.classes)


def _allows(problem: Problem) -> Callable[[Ints, Ints], Bools]:
    def allows(members: Ints, starts: Ints) -> Bools:
        lengths = np.diff(starts, append=len(members))
        classes = np.repeat(np.arange(len(starts)), lengths)
        sizes = np.add.reduceat(problem.weights[members], starts)
        # A class without a unit publishes nothing, so there is nothing to refuse.
        allowed: Bools = problem.allows(members, classes, sizes) | (sizes == 0)
        return allowed

    return allows


def _apart(problem: Problem) -> tuple[Ints, Bools]:
    """(n,) number of each one's last labels, dense from 0, and which of these keep the bounds.

    Raises ProtectionError when those that do not are more units than may be left out.
    """
    apart = group_at(problem, [h.height for h in problem.hierarchies])
    left_out = int(apart.sizes[~apart.kept].sum())
    if left_out > problem.allowed or not apart.kept.any():
        raise unsolvable(problem)
    return apart.classes, apart.kept


@dataclass(frozen=True)
class _Published:
    """(n,) labels and NM per column, (n,) classes, (classes,) whether published."""

    labels: Sequence[Texts]
    losses: Sequence[Floats]
    classes: Ints
    kept: Bools

    def recoding(
        self,
        problem: Problem,
        *,
        recoding: str,
        levels: tuple[int, ...] | None,
        nodes: int,
        checked: int,
    ) -> Recoding:
        """Stars and no class where not kept, and the loss over all units."""
        kept = self.kept[self.classes]
        numbers = np.where(self.kept, np.cumsum(self.kept) - 1, -1)
        share = np.where(kept, problem.weights, 0) / problem.units
        suppressed = problem.units - int(problem.weights[kept].sum())
        columns = [float((loss * share).sum()) + suppressed / problem.units for loss in self.losses]
        return Recoding(
            recoding,
            tuple(np.where(kept, labels, ANY) for labels in self.labels),
            numbers[self.classes],
            kept,
            float(aggregate(np.array(columns), problem.how)),
            suppressed,
            levels,
            nodes,
            checked,
        )
