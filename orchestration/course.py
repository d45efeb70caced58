"""Which step of which month may start when. Add a step, or what it must wait for, here; what a step
does is `worker`'s matter, who runs them all `monthly`'s.

Hospitals do not wait for each other, nor do products. The months of one hospital or product go in
order, each compared with the one before; so a month's hospitals may run beside the products of the
month before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from clearward.products.spec import product_names


class Kind(StrEnum):
    """What a step is about, in the order of a month."""

    OPEN = "open"  # is there anything to do?
    HOSPITAL = "hospital"
    MODELS = "models"
    PRODUCT = "product"
    CATALOGUE = "catalogue"  # once, after the last month's releases
    CLOSE = "close"  # note what was done


@dataclass(frozen=True)
class Step:
    """One piece of work; `name` is the hospital's or the product's."""

    month: str
    kind: Kind
    name: str = ""

    @property
    def label(self) -> str:
        """Its name for a person."""
        return self.name or self.kind.value


@dataclass(frozen=True)
class Plan:
    """What to run for a month.

    Attributes:
        approved_by: who approves the releases; nobody: candidates only.
        sign_off: that person's reason to answer for amber privacy gates; empty: amber stays shut.
        looks_done: the month was finished by an earlier run. A month before it in this run may
            change that, so it is asked again once that one is closed.
    """

    month: str
    hospitals: tuple[str, ...]
    approved_by: str = ""
    sign_off: str = ""
    looks_done: bool = False


def steps_of(plan: Plan) -> dict[Kind, list[Step]]:
    """A month's steps by kind, in their order."""
    names = {Kind.HOSPITAL: plan.hospitals, Kind.PRODUCT: product_names()}
    return {
        kind: [Step(plan.month, kind, name) for name in names.get(kind, ("",))] for kind in Kind
    }


def course(plans: Sequence[Plan]) -> dict[Step, set[Step]]:
    """Every step of the months, in their order, with the steps it waits for."""
    waits: dict[Step, set[Step]] = {}
    latest: dict[tuple[Kind, str], Step] = {}
    for plan in plans:
        steps = steps_of(plan)
        opening = steps.pop(Kind.OPEN)
        closed = latest.get((Kind.CLOSE, ""))
        waits[opening[0]] = {closed} if closed and plan.looks_done else set()
        for before, after in pairwise([opening, *steps.values()]):
            for step in after:
                earlier = latest.get((step.kind, step.name))
                waits[step] = {*before, earlier} if earlier else set(before)
                latest[step.kind, step.name] = step
    return waits


_WORK = frozenset({Kind.HOSPITAL, Kind.MODELS, Kind.PRODUCT})


def ranks(waits: dict[Step, set[Step]]) -> dict[Step, tuple[int, int]]:
    """What goes first of several steps that may start, least first: the one behind which most work
    waits, then the earlier in the plan. A product of one month lets the next month's models go
    first, which all of that month's products wait for.
    """
    behind: dict[Step, set[Step]] = {step: set() for step in waits}
    for step in reversed(waits):
        own = {step} if step.kind in _WORK else set()
        for before in waits[step]:
            behind[before] |= own | behind[step]
    return {step: (-len(behind[step]), place) for place, step in enumerate(waits)}


def beside(step: Step, plans: Sequence[Plan], workers: int) -> int:
    """How many steps may run at the same time as this one, itself among them."""
    if len(plans) > 1:
        return workers
    return min(workers, len(steps_of(plans[0])[step.kind]))
