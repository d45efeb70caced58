"""The cohort's attrition table, closed with the step of protection and safe to publish. Add a rule
here when the published counts could say something about a few people.

Rule: no published count is between 1 and k-1, and none can be had by subtracting published ones.
- Counts are given by hospital only when every count of every hospital keeps the rule; otherwise
  for all hospitals together (`ALL`), because a total beside all hospitals but one tells the last.
- A step that excluded 1 to k-1 people is told together with its neighbours, so that n_in, n_out
  and n_excluded still add up from step to step.
- After the first release, counts before the last are rounded up to a multiple of k. Exact ones
  would tell, beside the patients who are gone from the data, how many of those withdrew.
- When even all steps together excluded 1 to k-1, n_in and n_excluded stay empty: n_out alone is
  what the buyer can count in the data anyway.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

from clearward.errors import ProtectionError
from clearward.products.counts import rounded

ALL_HOSPITALS = "ALL"
STEP_ID = "k-anonymity"
STEP_BETWEEN = "successive-releases"
_OWN_TEXTS = (
    {"step_id": STEP_ID, "reason": "fewer than k patients share the quasi-identifiers"},
    {"step_id": STEP_BETWEEN, "reason": "held back so that releases side by side keep k"},
)
_SHARED_TEXTS = {"product"}


@dataclass(frozen=True)
class Step:
    """One line: how many went in and came out of one step in one hospital (or all).

    ``texts`` holds the line's other columns (step_id, reason …); None where a count is masked.
    """

    hospital: str
    number: int
    n_in: int | None
    n_out: int
    texts: Mapping[str, str]

    @property
    def excluded(self) -> int | None:
        """Patients this step left out; None when masked."""
        return None if self.n_in is None else self.n_in - self.n_out


def close(
    steps: Sequence[Step], counts: Sequence[Mapping[str, int]], *, is_first: bool
) -> list[Step]:
    """Add the steps of protection.

    Args:
        steps: the cohort's, all hospitals.
        counts: patients per hospital who are eligible, not too few of their kind, and published.
        is_first: no release came before; then the second step has nobody to hold back and is not
            told.

    Raises ProtectionError when the steps do not lead to the patients that are there.
    """
    closed: list[Step] = []
    last_number = max((step.number for step in steps), default=0)
    bounds = [counts[0], counts[-1]] if is_first else list(counts)
    for hospital, group in _by_hospital(steps):
        _check_chain(group, counts[0].get(hospital, 0))
        closed += group
        for i, (before, after) in enumerate(pairwise(bounds)):
            texts = {name: _OWN_TEXTS[i].get(name, "") for name in group[-1].texts}
            texts |= {name: group[-1].texts[name] for name in _SHARED_TEXTS & set(texts)}
            n_in, n_out = before.get(hospital, 0), after.get(hospital, 0)
            closed.append(Step(hospital, last_number + 1 + i, n_in, n_out, texts))
    missing = sorted(set(counts[0]) - {step.hospital for step in steps})
    if missing:
        raise ProtectionError(
            "The attrition table leaves hospitals out that have patients.",
            seen=f"{len(missing)} hospitals without a line",
            expected="lines for every hospital",
            do="correct the attrition mart",
        )
    return closed


def publishable(steps: Sequence[Step], k: int, *, is_first: bool = True) -> list[Step]:
    """The same story without a count of 1 to k-1 people, see the module's rule."""
    if all(_safe(n, k) for s in steps for n in (s.n_in, s.n_out, s.excluded)):
        told = steps if is_first else _rounded(steps, k)
        if all(_safe(step.excluded, k) for step in told):
            return sorted(told, key=lambda step: (step.hospital, step.number))
    pooled = _over_all(steps)
    return _merge_small(pooled if is_first else _rounded(pooled, k), k)


def _rounded(steps: Sequence[Step], k: int) -> list[Step]:
    """Every count but the patients published, rounded up to a multiple of k."""
    last = {step.hospital: step.number for step in sorted(steps, key=lambda step: step.number)}
    return [
        replace(
            step,
            n_in=None if step.n_in is None else rounded(step.n_in, k),
            n_out=step.n_out if step.number == last[step.hospital] else rounded(step.n_out, k),
        )
        for step in steps
    ]


def _safe(count: int | None, k: int) -> bool:
    return count is None or count == 0 or count >= k


def _by_hospital(steps: Iterable[Step]) -> list[tuple[str, list[Step]]]:
    ordered = sorted(steps, key=lambda step: (step.hospital, step.number))
    return [(name, list(group)) for name, group in groupby(ordered, key=lambda s: s.hospital)]


def _check_chain(steps: Sequence[Step], patients: int) -> None:
    outs = [step.n_out for step in steps]
    expected = [*(step.n_in for step in steps[1:]), patients]
    breaks = sum(a != b for a, b in zip(outs, expected, strict=True))
    if breaks:
        raise ProtectionError(
            "The attrition table does not add up.",
            seen=f"{breaks} of {len(steps)} steps in one hospital do not lead to the next count",
            expected="n_in of a step = n_out of the one before, and the last n_out = patients",
            do="correct the attrition mart",
        )


def _over_all(steps: Sequence[Step]) -> list[Step]:
    ordered = sorted(steps, key=lambda step: (step.number, step.hospital))
    totals = []
    for number, group in groupby(ordered, key=lambda step: step.number):
        lines = list(group)
        n_in, n_out = sum(s.n_in or 0 for s in lines), sum(s.n_out for s in lines)
        totals.append(Step(ALL_HOSPITALS, number, n_in, n_out, lines[0].texts))
    return totals


def _merge_small(steps: Sequence[Step], k: int) -> list[Step]:
    merged: list[Step] = []
    for step in steps:
        if merged and not _safe(merged[-1].excluded, k):
            merged[-1] = _join(merged[-1], step)
        else:
            merged.append(step)
    while len(merged) > 1 and not _safe(merged[-1].excluded, k):
        merged[-2:] = [_join(merged[-2], merged[-1])]
    if merged and not _safe(merged[-1].excluded, k):
        merged[-1] = replace(merged[-1], n_in=None)
    return merged


def _join(first: Step, second: Step) -> Step:
    texts = {
        name: "; ".join(dict.fromkeys(filter(None, (text, second.texts[name]))))
        for name, text in first.texts.items()
    }
    return Step(first.hospital, second.number, first.n_in, second.n_out, texts)
