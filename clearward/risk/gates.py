"""The privacy gates G1 to G6: which checks a release must pass, with bounds from the product spec,
and what a value means against its bound. Add a check here together with its measure in `judge`.

Nothing here measures. The same rule judges a value when it is measured and again when a release is
published, where the state written in a report counts for nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from clearward.products.spec import Product

GATES = {
    "G1": "Nobody is named, everybody hides among k",
    "G2": "The risk of being found is very small",
    "G3": "Versions side by side tell no more than one",
    "G4": "Tried attacks gain next to nothing",
    "G5": "The data are still worth having",
    "G6": "A person answers for what is amber",
}
MAY_BE_AMBER = frozenset({"G4"})
"""Only an attack's interval can be too wide to decide; a counted figure is right or wrong."""
MAY_NOT_APPLY = frozenset({"distinct_l"})
"""A column with one value in the whole mart tells nothing but that a patient is in the data."""


class State(StrEnum):
    """What is known. ERROR: the check could not be made, so nothing is known; it stops like red.

    AMBER: within the bound, but too few patients to be sure; a person must answer for it.
    """

    GREEN = "green"
    AMBER = "amber"
    RED = "red"
    ERROR = "error"
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True)
class Demand:
    """One check that a release of a product must pass.

    Attributes:
        gate: ``G1`` to ``G6``.
        check: what is measured.
        subject: the column it is measured on, ``table.column``; empty for the release.
        bound: the value of the spec.
        is_least: the value must be at least the bound; else at most.
    """

    gate: str
    check: str
    subject: str
    bound: float
    is_least: bool = False

    @property
    def name(self) -> str:
        """``G1.t.patient.smoking``."""
        return ".".join(part for part in (self.gate, self.check, self.subject) if part)


@dataclass(frozen=True)
class Figure:
    """A measured value.

    Attributes:
        low, high: its 95 % interval where it has one.
        applies: False where the mart has nothing that the check could protect.
    """

    value: float
    low: float | None = None
    high: float | None = None
    applies: bool = True


def demands(product: Product, *, has_earlier: bool) -> tuple[Demand, ...]:
    """Every check of every gate, in order; G3 only where an earlier version exists."""
    return (
        *_deterministic(product),
        *_risk(product),
        *(_successive(product) if has_earlier else ()),
        *_attacks(product),
        Demand("G5", "suppressed", "", _most_left_out(product, has_earlier=has_earlier)),
        Demand("G5", "loss", "", product.gates.loss),
        Demand("G5", "two_way_tvd", "", product.gates.two_way_tvd),
    )


def _most_left_out(product: Product, *, has_earlier: bool) -> float:
    """Beside earlier versions, patients also wait, and hide those who left."""
    bounds = product.protection
    return bounds.successive.max_withheld if has_earlier else bounds.max_suppressed


def _deterministic(product: Product) -> Iterable[Demand]:
    bounds = product.protection
    for check in ("identifier_columns", "calendar_dates", "identifier_values"):
        yield Demand("G1", check, "", 0)
    for check in ("unknown_patients", "finer_labels", "mixed_hospitals", "tables_of_few"):
        yield Demand("G1", check, "", 0)
    yield Demand("G1", "k", "", bounds.k, is_least=True)
    for s in bounds.sensitive:
        yield Demand("G1", "distinct_l", f"{s.table}.{s.column}", s.distinct_l, is_least=True)
        yield Demand("G1", "t", f"{s.table}.{s.column}", s.t)
    for c in bounds.code_sets:
        yield Demand("G1", "rare_codes", f"{c.table}.{c.column}", 0)
        if c.m > 1:
            yield Demand("G1", "rare_combinations", f"{c.table}.{c.column}", 0)


def _risk(product: Product) -> Iterable[Demand]:
    yield Demand("G2", "max_prosecutor", "", 1 / product.protection.k)
    yield Demand("G2", "avg_prosecutor", "", product.gates.avg_prosecutor)
    yield Demand("G2", "population_uniques", "", product.gates.population_uniques)
    yield Demand("G2", "sequence_uniques", "", product.gates.sequence_uniques)
    yield Demand("G2", "visits_of_one_patient", "", product.protection.sequence.most)


def _successive(product: Product) -> Iterable[Demand]:
    yield Demand("G3", "history_k", "", product.protection.k, is_least=True)
    yield Demand("G3", "pinned", "", product.gates.pinned)
    yield Demand("G3", "leaver_advantage", "", product.gates.leaver_advantage)


def _attacks(product: Product) -> Iterable[Demand]:
    yield Demand("G4", "attacks", "", product.gates.attacks, is_least=True)
    yield Demand("G4", "singling_out", "", product.gates.singling_out)
    yield Demand("G4", "linkability", "", product.gates.linkability)
    for s in product.protection.sensitive:
        yield Demand("G4", "inference", f"{s.table}.{s.column}", product.gates.inference)


def judge(demand: Demand, figure: Figure | None) -> State:
    """The state of one check; no figure, or one that is no number, is an error.

    In G4 the upper end of the interval decides: within the bound is green, outside with a point
    inside is amber. Too few attacks, where all patients were attacked, is amber too; none is red.
    """
    if figure is None or not math.isfinite(figure.value):
        return State.ERROR
    if not figure.applies:
        return State.NOT_APPLICABLE if demand.check in MAY_NOT_APPLY else State.ERROR
    holds = _holds(demand, figure.value)
    if demand.gate not in MAY_BE_AMBER:
        return State.GREEN if holds else State.RED
    if demand.is_least:
        return State.GREEN if holds else State.AMBER if figure.value > 0 else State.RED
    if figure.high is None or not math.isfinite(figure.high):
        return State.ERROR
    sure = _holds(demand, max(figure.high, figure.value))
    return State.GREEN if sure else State.AMBER if holds else State.RED


def _holds(demand: Demand, value: float) -> bool:
    # 1/k against 1/k: the last bit of a quotient is no privacy
    slack = 1e-12
    if demand.is_least:
        return value >= demand.bound - slack
    return value <= demand.bound + slack


_WORST = (State.ERROR, State.RED, State.AMBER, State.GREEN, State.NOT_APPLICABLE)


def worst(states: Iterable[State]) -> State:
    """The state of a gate whose checks have these states; no check at all is an error."""
    found = set(states)
    return next((state for state in _WORST if state in found), State.ERROR)
