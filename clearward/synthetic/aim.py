"""Select, measure, generate: AIM (McKenna, Mullins, Sheldon, Miklau 2022) over coded columns. What
the columns are belongs to `domain`; what a release may spend to `ledger`.

Differences from the paper: several marginals may be chosen per round (the exponential mechanism
without repetition, paid for each choice), the share of the first one-way marginals is a parameter,
and records may have weights, so that all rows of one patient together weigh at most one unit.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from clearward.synthetic.accounting import Account
from clearward.synthetic.estimate import Measurement, fit, total_of
from clearward.synthetic.junction import Clique, build_tree, cells_of
from clearward.synthetic.model import Model, uniform
from clearward.synthetic.noise import gaussian_scale, noisy_counts, select_top

_SELECT = 0.1  # share of a round that goes into choosing, as in the paper


@dataclass(frozen=True)
class CodedData:
    """Records as codes, equal ones counted together.

    Attributes:
        codes: (records, columns); column c holds 0 … sizes[c]-1.
        weights: whole weight of each record.
        sizes: number of values of each column, known without the data.
        unit: most weight that all records of one patient have together.
    """

    codes: NDArray[np.int64]
    weights: NDArray[np.int64]
    sizes: tuple[int, ...]
    unit: int

    def counts(self, columns: Clique) -> NDArray[np.int64]:
        """Weight per combination of values; one patient changes it by ``unit`` (L1 and L2)."""
        shape = [self.sizes[c] for c in columns]
        cells = np.ravel_multi_index([self.codes[:, c] for c in columns], shape)
        # sums stay below 2**53, where floating point still counts every whole number
        counted = np.bincount(cells, weights=self.weights, minlength=math.prod(shape))
        return counted.astype(np.int64).reshape(shape)


@dataclass(frozen=True)
class Plan:
    """How a model is measured; none of it may come from the data.

    Attributes:
        workload: groups of columns whose joint table matters, and how much.
        rho: zCDP of the whole model.
        first_share: share of ρ for the one-way marginals at the start.
        batch: marginals chosen per round.
        rounds: T of the paper is ``rounds`` times the number of columns; fewer, if answers stop
            changing.
        max_cells: most cells of the junction tree when all ρ is spent.
        steps: most steps of a fit; the last fit takes four times as many.
    """

    workload: Mapping[Clique, float]
    rho: float
    first_share: float = 0.1
    batch: int = 1
    rounds: int = 16
    max_cells: int = 250_000
    steps: int = 60


@dataclass(frozen=True)
class Fitted:
    """A private model and all that was measured for it; everything here may be published.

    Attributes:
        total: noisy weight of all data, in the data's weights.
        spent: ρ paid, as OpenDP's privacy maps told it.
    """

    model: Model
    measurements: tuple[Measurement, ...]
    total: float
    spent: float


def all_groups(columns: int, size: int) -> dict[Clique, float]:
    """A workload of every group of ``size`` columns, equally important."""
    return dict.fromkeys(combinations(range(columns), size), 1.0)


def fit_privately(data: CodedData, plan: Plan) -> Fitted:
    """Measure the data within ``plan.rho`` and fit a model to the answers.

    Raises:
        ProtectionError: never in a sound plan; the account refuses what is not granted.
    """
    run = _Run(data, plan)
    run.measure_columns()
    while run.may_choose():
        run.round()
    final = run.fitted(plan.steps * 4)
    return Fitted(final, tuple(run.measurements), run.total(), run.account.spent)


class _Run:
    """The state of one adaptive measurement: what is known, what is left."""

    def __init__(self, data: CodedData, plan: Plan) -> None:
        self.data, self.plan = data, plan
        self.account = Account(plan.rho)
        self.measurements: list[Measurement] = []
        self.candidates = _closure(plan.workload)
        self.exact = {c: data.counts(c) for c in self.candidates}
        turns = max(1, plan.rounds * len(data.sizes))
        share = (1 - plan.first_share) * plan.rho / turns
        self.measure_rho, self.select_rho = (1 - _SELECT) * share, _SELECT * share
        self.model = uniform(build_tree([], data.sizes), data.sizes)
        self.is_last = False

    def measure_columns(self) -> None:
        """Every column alone, once."""
        rho = self.plan.first_share * self.plan.rho / len(self.data.sizes)
        for column in range(len(self.data.sizes)):
            self._measure((column,), rho * (1 - 1e-9))
        self.model = self.fitted(self.plan.steps)

    def may_choose(self) -> bool:
        """True while a round's worth of ρ is left and there is something to choose from."""
        return bool(self.candidates) and not self.is_last and self.account.left > 0

    def round(self) -> None:
        """Choose marginals the model gets wrong, measure them, fit again, anneal."""
        batch = min(self.plan.batch, len(self.candidates))
        cost = batch * (self.measure_rho + self.select_rho)
        if self.account.left < 2 * cost:  # the last round takes all that is left
            self.is_last = True
            whole = self.account.left / batch * (1 - 1e-9)
            self.measure_rho, self.select_rho = (1 - _SELECT) * whole, _SELECT * whole
        chosen = self._choose(batch)
        before = {c: self.model.marginal(c) for c in chosen}
        for columns in chosen:
            self._measure(columns, self.measure_rho)
        self.model = self.fitted(self.plan.steps)
        self._anneal(before)

    def total(self) -> float:
        """Noisy weight of all data, at least one patient's."""
        return max(float(self.data.unit), total_of(self.measurements))

    def fitted(self, steps: int) -> Model:
        """The model of all measurements so far."""
        tree = build_tree((m.columns for m in self.measurements), self.data.sizes)
        total = self.total()
        return fit(tree, self.measurements, start=self.model, total=total, steps=steps)

    def _measure(self, columns: Clique, rho: float) -> None:
        scale = gaussian_scale(rho, self.data.unit)
        counts = self.exact.get(columns)
        noisy = noisy_counts(
            self.data.counts(columns) if counts is None else counts,
            scale,
            sensitivity=self.data.unit,
            account=self.account,
        )
        self.measurements.append(Measurement(columns, noisy, scale))

    def _choose(self, batch: int) -> list[Clique]:
        """Marginals with the largest weighted error above what noise would add."""
        open_ = self._that_fit()
        scale = gaussian_scale(self.measure_rho, self.data.unit)
        total = self.total()
        scores = np.empty(len(open_))
        for i, columns in enumerate(open_):
            exact = self.exact[columns]
            off = np.abs(exact - total * self.model.marginal(columns)).sum()
            noise = math.sqrt(2 / math.pi) * scale * exact.size
            scores[i] = self.candidates[columns] * (off - noise)
        picked = select_top(
            scores,
            sensitivity=self.data.unit * max(self.candidates[c] for c in open_),
            rho=self.select_rho * batch,
            k=min(batch, len(open_)),
            account=self.account,
        )
        return self._within_bound([open_[i] for i in picked])

    def _that_fit(self) -> list[Clique]:
        """Candidates that keep the junction tree small; the bound grows with what is spent."""
        held = [m.columns for m in self.measurements]
        tree, sizes = self.model.tree, self.data.sizes
        sets, part = [set(clique) for clique in tree.cliques], tree.parts()
        room = self._bound() - tree.cells(sizes)
        fitting = []
        for columns in self.candidates:
            apart = len({part[c] for c in columns}) == len(columns)
            if apart:  # joins trees that have nothing in common: one clique more, exactly
                fits = math.prod(sizes[c] for c in columns) <= room
            else:
                fits = any(set(columns) <= clique for clique in sets)
                fits = fits or self._cells(held, columns) <= self._bound()
            if fits:
                fitting.append(columns)
        return fitting or [c for c in self.candidates if len(c) == 1]

    def _within_bound(self, chosen: list[Clique]) -> list[Clique]:
        held = [m.columns for m in self.measurements]
        kept: list[Clique] = []
        for columns in chosen:
            if not kept or self._cells(held + kept, columns) <= self._bound():
                kept.append(columns)
        return kept

    def _cells(self, held: list[Clique], columns: Clique) -> int:
        return cells_of({*held, columns}, self.data.sizes)

    def _bound(self) -> float:
        return self.plan.max_cells * min(1.0, self.account.spent / self.plan.rho + 0.1)

    def _anneal(self, before: Mapping[Clique, NDArray[np.float64]]) -> None:
        """Halve the noise when the answers no longer tell more than it hides."""
        total = self.total()
        noise = math.sqrt(2 / math.pi) * gaussian_scale(self.measure_rho, self.data.unit)
        changed = [
            total * np.abs(self.model.marginal(c) - old).sum() > noise * old.size
            for c, old in before.items()
        ]
        if sum(changed) * 2 <= len(changed):
            self.measure_rho, self.select_rho = self.measure_rho * 4, self.select_rho * 4


def _closure(workload: Mapping[Clique, float]) -> dict[Clique, float]:
    """All parts of the workload's groups; a part's weight is what it has in common with each."""
    parts = {
        part
        for group in workload
        for size in range(1, len(group) + 1)
        for part in combinations(group, size)
    }
    columns: Counter[int] = Counter()
    for group, weight in workload.items():
        columns.update(dict.fromkeys(group, weight))
    # the sum over groups of what a part shares with each is the sum over the part's columns
    weights = {part: float(sum(columns[c] for c in part)) for part in sorted(parts)}
    top = max(weights.values(), default=1.0)
    return {part: weight / top for part, weight in weights.items()}
