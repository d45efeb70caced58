"""What protected data are still good for: two measures that compare them with the original. Add a
measure of use here; loss of labels, which needs no comparison, is in `loss`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearward.errors import ConfigError
from clearward.protect.loss import Ints

Columns = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class TrainTest:
    """How well a model does on original patients it has not seen.

    Attributes:
        original, protected: balanced accuracy after training on each, 0-1.
        guessing: the same for always naming the most frequent class.
    """

    original: float
    protected: float
    guessing: float

    @property
    def ratio(self) -> float:
        """Share of what can be learnt above guessing that protection leaves."""
        gained = self.original - self.guessing
        return (self.protected - self.guessing) / gained if gained > 0 else 1.0


def two_way_tvd(original: Columns, protected: Columns) -> float:
    """Mean total variation distance of the two-way tables of all pairs of columns, 0-1.

    Args:
        original, protected: the same columns, any number of rows each; values must be of one
            vocabulary, so bring both to the same level first.
    """
    _check(original, protected)
    codes = [_encoded(original[name], protected[name]) for name in original]
    pairs = list(combinations(codes, 2)) or [(codes[0], codes[0])]
    return float(np.mean([_tvd(*pair) for pair in pairs]))


@dataclass(frozen=True)
class _Coded:
    """A column of both sides in numbers of one vocabulary."""

    sides: tuple[Ints, Ints]
    values: int


def _encoded(first: NDArray[Any], second: NDArray[Any]) -> _Coded:
    texts = np.concatenate([first.astype(str), second.astype(str)])
    names, codes = np.unique(texts, return_inverse=True)
    return _Coded((codes[: len(first)], codes[len(first) :]), len(names))


def _tvd(one: _Coded, other: _Coded) -> float:
    cells = one.values * other.values
    tables = [
        np.bincount(a * other.values + b, minlength=cells) / len(a)
        for a, b in zip(one.sides, other.sides, strict=True)
    ]
    return float(np.abs(tables[0] - tables[1]).sum() / 2)


def train_test(
    original: Columns, protected: Columns, *, target: str, seed: int = 0, trees: int = 50
) -> TrainTest:
    """Train on protected, test on original (Esteban et al. 2017, for synthetic data; TSTR).

    A random forest learns ``target`` from the other columns, from one half of the original and
    from the protected patients; both are judged on the other half. Rows must be in one order when
    both have the same length: protected rows of the test half are then left out of training.
    """
    from sklearn.ensemble import (  # type: ignore[import-untyped]  # noqa: PLC0415 - slow
        RandomForestClassifier,
    )
    from sklearn.metrics import (  # type: ignore[import-untyped]  # noqa: PLC0415
        balanced_accuracy_score,
    )

    _check(original, protected)
    count = len(original[target])
    held = np.random.default_rng(seed).random(count) < 0.5
    learn = ~held if len(protected[target]) == count else np.ones(len(protected[target]), bool)
    features = [name for name in original if name != target]
    if not features or not held.any() or held.all() or len(np.unique(original[target])) < 2:
        raise ConfigError(
            "Nothing can be learnt from these columns.",
            seen=f"{count} patients, {len(features)} columns beside the target",
            expected="a target of two or more values, and a column to learn it from",
        )
    x, y = _one_hot(original, protected, features), _encoded(original[target], protected[target])
    truth = y.sides[0][held]
    scores = []
    for side, rows in ((0, ~held), (1, learn)):
        model = RandomForestClassifier(trees, random_state=seed, n_jobs=1, min_samples_leaf=5)
        model.fit(x[side][rows], y.sides[side][rows])
        scores.append(float(balanced_accuracy_score(truth, model.predict(x[0][held]))))
    return TrainTest(scores[0], scores[1], 1 / len(np.unique(truth)))


def _one_hot(
    original: Columns, protected: Columns, features: Sequence[str]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    coded = [_encoded(original[name], protected[name]) for name in features]
    sides = []
    for side in (0, 1):
        parts = [c.sides[side][:, None] == np.arange(c.values) for c in coded]
        sides.append(np.concatenate(parts, axis=1))
    return sides[0], sides[1]


def _check(original: Columns, protected: Columns) -> None:
    lengths = [{len(values) for values in columns.values()} for columns in (original, protected)]
    if set(original) != set(protected) or any(len(n) != 1 or 0 in n for n in lengths):
        raise ConfigError(
            "Original and protected data cannot be compared.",
            seen=f"{len(original)} and {len(protected)} columns, lengths {lengths}",
            expected="the same columns, every column with as many rows, at least one",
        )
