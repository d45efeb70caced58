"""The only door to randomness that privacy rests on: OpenDP's samplers, exact on integers and fed
by the operating system's generator. A measurement asks OpenDP its cost and pays before it looks.

Floating-point noise (Mironov 2012) and NumPy's generators never touch a count. Sampling from a
finished model is post-processing and may use them.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from clearward.synthetic.accounting import Account

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SCORE_STEPS = 1000


@cache
def _opendp() -> tuple[Any, Any, Any, Any]:
    """OpenDP's modules one by one: its prelude loads packages that nothing here needs."""
    from opendp import domains, measurements, measures, metrics, mod  # noqa: PLC0415

    mod.enable_features("contrib")
    return domains, measurements, measures, metrics


def gaussian_scale(rho: float, sensitivity: int) -> float:
    """Standard deviation of noise that costs ρ: sensitivity / √(2ρ), rounded up."""
    return sensitivity / math.sqrt(2 * rho) * (1 + 1e-9)


def noisy_counts(
    counts: NDArray[np.int64], scale: float, *, sensitivity: int, account: Account
) -> NDArray[np.float64]:
    """Counts with discrete Gaussian noise (Canonne, Kamath, Steinke 2020).

    Args:
        counts: whole numbers of any shape; one patient changes them by at most ``sensitivity`` in
            Euclidean norm.
        scale: standard deviation of the noise.
        sensitivity, account: what one patient can change, and who pays.
    """
    domains, measurements, _, metrics = _opendp()
    space = domains.vector_domain(domains.atom_domain(T="i64")), metrics.l2_distance(T="f64")
    mechanism = measurements.make_gaussian(*space, scale=scale)
    account.pay(mechanism.map(float(sensitivity)))
    noisy = mechanism([int(c) for c in counts.ravel()])
    return np.asarray(noisy, dtype=np.float64).reshape(counts.shape)


def select_top(
    scores: NDArray[np.float64], *, sensitivity: float, rho: float, k: int, account: Account
) -> list[int]:
    """Indices of k high scores, by the exponential mechanism k times without repetition.

    Scores are compared in whole steps of a thousandth of ``sensitivity``, so that the noise is
    added to integers; ρ is shared by the k choices.

    Args:
        scores: one per candidate; one patient changes each by at most ``sensitivity``.
        sensitivity, rho: what one patient can change; cost of all k choices.
        k: how many; at most the number of candidates.
        account: who pays.
    """
    domains, measurements, measures, metrics = _opendp()
    steps = np.floor(scores / sensitivity * _SCORE_STEPS).astype(np.int64)
    change = _SCORE_STEPS + 1  # flooring may add one step
    # ρ of one choice is (change / scale)² / 2
    scale = change * math.sqrt(k / (2 * rho)) * (1 + 1e-9)
    space = domains.vector_domain(domains.atom_domain(T="i64")), metrics.linf_distance(T="i64")
    mechanism = measurements.make_noisy_top_k(
        *space, measures.zero_concentrated_divergence(), k=k, scale=scale
    )
    account.pay(mechanism.map(change))
    return [int(index) for index in mechanism([int(s) for s in steps])]
