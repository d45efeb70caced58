"""The code behind marks: a bit per licensee and position, and what a score says about a licensee.

Tardos codes (Tardos 2003, J. ACM 55 (2008)) with the symmetric score (Skoric, Katzenbeisser, Celik
2008) and the discrete biases of Nuida et al. (2009), which are the best ones for up to six
colluders. Whoever is innocent has bits that are independent of everything that was done to a file,
so the score of an innocent has mean 0 and variance 1 whatever the attack; the bound on accusing one
holds for every strategy and number of colluders, while what is found depends on both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

CODE_LENGTH = 65_536
COLLUDERS = 6
_SIMULATED_AT_ONCE = 64

Floats = npt.NDArray[np.float64]
Bits = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Reading:
    """What a file says at the positions that could be read.

    Attributes:
        positions: (n,) different positions of the code.
        evidence: (n,) sum over a position's cells of -1 (as released) to 1 (moved).
        biases: (n,) chance that a licensee's bit is 1 there.
        cells: cells read.
    """

    positions: npt.NDArray[np.int64]
    evidence: Floats
    biases: Floats
    cells: int

    @property
    def weight(self) -> float:
        """Standard deviation of an innocent's score."""
        return float(np.sqrt(np.sum(self.evidence**2)))

    @property
    def coefficients(self) -> Floats:
        """(n,) what a bit that is 1 adds to the score, per unit above its bias."""
        scaled: Floats = self.evidence / np.sqrt(self.biases * (1 - self.biases))
        return scaled


def bias_values() -> tuple[Floats, Floats]:
    """The discrete biases and their chances: Gauss-Legendre nodes, (3,) for six colluders."""
    half = COLLUDERS // 2
    nodes, _ = np.polynomial.legendre.leggauss(half)
    slope = np.polynomial.legendre.Legendre.basis(half).deriv()(nodes)
    chances = 1 / ((1 - nodes**2) ** 1.5 * slope**2)
    return (1 + nodes) / 2, chances / chances.sum()


def biases(secret: bytes) -> Floats:
    """(CODE_LENGTH,) the bias of every position, from the secret that all licensees share."""
    values, chances = bias_values()
    drawn: Floats = values[np.searchsorted(np.cumsum(chances)[:-1], _uniform(secret), side="right")]
    return drawn


def codeword(secret: bytes, bias: Floats) -> Bits:
    """(CODE_LENGTH,) the bits of one licensee, from that licensee's own secret."""
    drawn: Bits = _uniform(secret) < bias
    return drawn


def _uniform(secret: bytes) -> Floats:
    """Numbers in [0, 1): the AES-256 counter stream of a 32-byte secret, four bytes each."""
    stream = Cipher(algorithms.AES(secret), modes.CTR(bytes(16))).encryptor()
    return np.frombuffer(stream.update(bytes(4 * CODE_LENGTH)), dtype="<u4") / 2.0**32


def score(reading: Reading, word: Bits) -> float:
    """z of one licensee: the symmetric score over an innocent's standard deviation."""
    if not reading.weight:
        return 0.0
    differences = word[reading.positions] - reading.biases
    return float(reading.coefficients @ differences / reading.weight)


def chance(reading: Reading, z: float) -> float:
    """Bound on the chance that an innocent's |z| is this large: Chernoff's, on both sides.

    Exact for the biases and evidence of this reading; no normal approximation.
    """
    if not reading.weight or z == 0:
        return 1.0
    sides = (_chernoff(reading, abs(z), sign) for sign in (1.0, -1.0))
    return min(1.0, sum(sides))


def _sides(reading: Reading, sign: float) -> tuple[Floats, Floats]:
    """(n,) what a bit that is 1, and one that is 0, adds to the score."""
    slopes = sign * reading.coefficients / reading.weight
    return slopes * (1 - reading.biases), -slopes * reading.biases


def _most(reading: Reading, sign: float) -> float:
    return float(np.sum(np.maximum(*_sides(reading, sign))))


def _chernoff(reading: Reading, z: float, sign: float) -> float:
    if z > _most(reading, sign):
        return 0.0
    (up, down), p = _sides(reading, sign), reading.biases

    def exponent(rate: float) -> float:
        terms = np.logaddexp(np.log(p) + rate * up, np.log1p(-p) + rate * down)
        return float(np.sum(terms)) - rate * z

    from scipy.optimize import minimize_scalar  # noqa: PLC0415 - slow to import

    found = minimize_scalar(exponent, bounds=(0.0, 4 * z + 10), method="bounded")
    return float(np.exp(min(0.0, found.fun)))


def needed(reading: Reading, bound: float) -> float:
    """The least |z| whose chance is within ``bound``; infinite when no score can reach it."""
    if not reading.weight:
        return float("inf")
    most = min(_most(reading, sign) for sign in (1.0, -1.0))
    if chance(reading, most) > bound:
        return float("inf")
    from scipy.optimize import brentq  # noqa: PLC0415 - slow to import

    return float(brentq(lambda z: np.log(chance(reading, z) + 1e-300) - np.log(bound), 1e-3, most))


def innocents(reading: Reading, count: int, *, seed: int) -> Floats:
    """(count,) z of random licensees who had nothing to do with the file."""
    generator = np.random.default_rng(seed)
    limits = np.round(reading.biases * 65_536).astype(np.uint32)
    found = [
        _of_random(reading, generator.integers(0, 65_536, (size, len(limits)), np.uint16) < limits)
        for size in _batches(count)
    ]
    return np.concatenate(found) if found else np.empty(0)


def _of_random(reading: Reading, words: Bits) -> Floats:
    if not reading.weight:
        return np.zeros(len(words))
    totals = words.astype(np.float64) @ reading.coefficients
    scored: Floats = (totals - reading.coefficients @ reading.biases) / reading.weight
    return scored


def _batches(count: int) -> list[int]:
    full, rest = divmod(count, _SIMULATED_AT_ONCE)
    return [_SIMULATED_AT_ONCE] * full + ([rest] if rest else [])
