"""How sure a counted share is. Add an interval here; what is counted belongs to `attacks`."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

Z95 = 1.959963984540054
"""Two-sided 95 %."""


@dataclass(frozen=True)
class Interval:
    """A point and its 95 % interval, shares or differences of shares."""

    point: float
    low: float
    high: float


def wilson(successes: float, trials: int) -> Interval:
    """Score interval of a share (Wilson 1927); no trial leaves it between 0 and 1.

    ``successes`` may be a sum of chances: their variance is at most that of the same share of
    yes-or-no trials, so the interval only becomes wider than needed.
    """
    if trials <= 0:
        return Interval(0.0, 0.0, 1.0)
    share, square = successes / trials, Z95**2
    middle = (share + square / (2 * trials)) / (1 + square / trials)
    spread = (Z95 * sqrt(max(share * (1 - share), 0.0) / trials + square / (4 * trials**2))) / (
        1 + square / trials
    )
    return Interval(share, max(0.0, middle - spread), min(1.0, middle + spread))


def paired_difference(both: float, first: float, second: float, neither: float) -> Interval:
    """Interval of the difference of two shares on the same targets (Newcombe 1998b, method 10).

    Args:
        both, first, second, neither: targets on which both attacks succeed, only the first, only
            the second, none; their sum is the number of distinct targets.
    """
    trials = both + first + second + neither
    if trials <= 0:
        return Interval(0.0, -1.0, 1.0)
    one = wilson(both + first, round(trials))
    two = wilson(both + second, round(trials))
    related = _correlation(both, first, second, neither, trials=trials)
    difference = one.point - two.point
    down, up = one.point - one.low, one.high - one.point
    other_up, other_down = two.high - two.point, two.point - two.low
    low = sqrt(max(down**2 - 2 * related * down * other_up + other_up**2, 0.0))
    high = sqrt(max(other_down**2 - 2 * related * other_down * up + up**2, 0.0))
    return Interval(difference, max(-1.0, difference - low), min(1.0, difference + high))


def _correlation(
    both: float, first: float, second: float, neither: float, *, trials: float
) -> float:
    """Newcombe's continuity-corrected phi."""
    margins = (both + first) * (second + neither) * (both + second) * (first + neither)
    if margins <= 0:
        return 0.0
    product = both * neither - first * second
    corrected = max(product - trials / 2, 0.0) if product > 0 else product
    return corrected / sqrt(margins)
