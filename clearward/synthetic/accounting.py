"""What privacy costs: zero-concentrated differential privacy (zCDP), its exchange with (ε, δ), and
the account of one mechanism. What a product may spend over its life belongs to `ledger`.

One unit is one patient: data sets are neighbours when all rows of one patient are in one of them
and not in the other. ρ adds up over adaptive measurements (Bun, Steinke 2016, lemma 1.7), also when
the next cost is chosen from earlier answers while the sum stays bounded (Feldman, Zrnic 2021).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from clearward.errors import ConfigError, ProtectionError

_STEPS = 200


def delta_of(rho: float, epsilon: float) -> float:
    """Least δ for which ρ-zCDP gives (ε, δ)-DP.

    Canonne, Kamath, Steinke 2020, proposition 12: the infimum over α > 1 of
    exp((α-1)(αρ-ε)) / (α-1) · (1-1/α)^α, found where the logarithm's derivative is zero.
    """
    if rho <= 0:
        return 0.0
    low, high = 1.0 + 1e-9, (epsilon + 1) / (2 * rho) + 2
    for _ in range(_STEPS):
        alpha = (low + high) / 2
        slope = (2 * alpha - 1) * rho - epsilon + math.log1p(-1 / alpha)
        low, high = (alpha, high) if slope < 0 else (low, alpha)
    exponent = (alpha - 1) * (alpha * rho - epsilon) + alpha * math.log1p(-1 / alpha)
    return min(1.0, math.exp(exponent) / (alpha - 1))


def epsilon_of(rho: float, delta: float) -> float:
    """Least ε for which ρ-zCDP gives (ε, δ)-DP, rounded up to what bisection resolves."""
    _check(1.0, delta)
    if rho <= 0:
        return 0.0
    low, high = 0.0, rho + 2 * math.sqrt(rho * math.log(1 / delta))  # Bun, Steinke 2016, prop. 1.3
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if delta_of(rho, middle) > delta else (low, middle)
    return high


def rho_of(epsilon: float, delta: float) -> float:
    """Largest ρ that still gives (ε, δ)-DP, rounded down to what bisection resolves."""
    _check(epsilon, delta)
    low, high = 0.0, epsilon + 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if delta_of(middle, epsilon) <= delta else (low, middle)
    return low


def _check(epsilon: float, delta: float) -> None:
    if not (0 < epsilon < 100 and 0 < delta < 0.01):
        raise ConfigError(
            "These are no bounds of differential privacy.",
            seen=f"ε {epsilon}, δ {delta}",
            expected="0 < ε < 100 and 0 < δ < 0.01",
            do="correct [synthetic] in the product spec",
        )


@dataclass
class Account:
    """ρ granted to one mechanism and what it has spent; a measurement pays before it looks.

    Attributes:
        granted: ρ that must not be passed.
        spent: ρ of all measurements so far.
        measurements: how many there were.
    """

    granted: float
    spent: float = 0.0
    measurements: int = field(default=0)

    @property
    def left(self) -> float:
        """ρ that may still be spent."""
        return max(0.0, self.granted - self.spent)

    def pay(self, rho: float) -> None:
        """Raise ProtectionError when ρ is more than is left; relative slack 1e-9 for sums."""
        if not 0 <= rho < math.inf or self.spent + rho > self.granted * (1 + 1e-9):
            raise ProtectionError(
                "A measurement costs more privacy than is left.",
                seen=f"ρ {rho:.6g}",
                expected=f"at most {self.left:.6g}",
                do="report this: the mechanism plans its measurements within its grant",
            )
        self.spent += rho
        self.measurements += 1
