"""Counter-based randomness: a value is a hash of (slot, ids), never of what was drawn before.

So any row can be made alone, in any order, and every month of a hospital agrees with the others.
Only sums, products and comparisons are used: no logarithm or cosine that differs by machine.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable, Sequence
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

U64 = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]

_SEED = "clearward-samples-1"
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_TOP_BITS = np.uint64(11)
_DENOMINATOR = float(2**53)


def bits(slot: str, *ids: npt.ArrayLike) -> U64:
    """64 random bits per row, from the slot's name and the row's integer ids (SplitMix64)."""
    digest = hashlib.blake2b(f"{_SEED}|{slot}".encode(), digest_size=8).digest()
    arrays = np.broadcast_arrays(*[np.atleast_1d(np.asarray(i)) for i in ids])
    state = np.full(arrays[0].shape, int.from_bytes(digest, "big"), dtype=np.uint64)
    for array in arrays:
        state = _mix(state ^ (array.astype(np.int64).astype(np.uint64) * _GOLDEN))
    return state


def _mix(z: U64) -> U64:
    z = z + _GOLDEN
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def uniform(slot: str, *ids: npt.ArrayLike) -> Floats:
    """Uniform in [0, 1)."""
    return (bits(slot, *ids) >> _TOP_BITS).astype(np.float64) / _DENOMINATOR


def normal(slot: str, *ids: npt.ArrayLike) -> Floats:
    """Mean 0, deviation 1, within ±3.5: the sum of four 16-bit uniforms (Irwin–Hall)."""
    word = bits(slot, *ids)
    chunks = [
        ((word >> np.uint64(16 * k)) & np.uint64(0xFFFF)).astype(np.float64) for k in range(4)
    ]
    total = (chunks[0] + chunks[1] + chunks[2] + chunks[3]) / 65536.0
    return (total - 2.0) * 3.0**0.5


def integers(slot: str, low: int, high: int, *ids: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Whole numbers low … high, both included."""
    return (low + np.floor(uniform(slot, *ids) * (high - low + 1))).astype(np.int64)


def choice(slot: str, options: Sequence[Any], *ids: npt.ArrayLike) -> npt.NDArray[Any]:
    """One of the options, all alike."""
    return np.asarray(options, dtype=object)[integers(slot, 0, len(options) - 1, *ids)]


def weighted(slot: str, options: dict[Any, float], *ids: npt.ArrayLike) -> npt.NDArray[Any]:
    """One of the options, by weight."""
    weights = np.cumsum(np.asarray(list(options.values()), dtype=np.float64))
    index = np.searchsorted(weights / weights[-1], uniform(slot, *ids), side="right")
    return np.asarray(list(options), dtype=object)[np.minimum(index, len(options) - 1)]


def row_keys(frame: pd.DataFrame, separator: str = "|") -> pd.Series:
    """The cells of each row as one text."""
    columns = [frame[name].astype(str) for name in frame.columns]
    return reduce(lambda left, right: left + separator + right, columns)


def pick(slot: str, keys: Iterable[str], count: int) -> npt.NDArray[np.bool_]:
    """A mask with exactly `count` rows set: those whose key hashes lowest in this slot."""
    hashes = [hashlib.blake2b(f"{_SEED}|{slot}|{key}".encode()).hexdigest() for key in keys]
    mask = np.zeros(len(hashes), dtype=bool)
    mask[heapq.nsmallest(count, range(len(hashes)), key=hashes.__getitem__)] = True
    if mask.sum() != count:
        raise ValueError(f"{slot}: only {mask.sum()} rows to pick {count} from")
    return mask
