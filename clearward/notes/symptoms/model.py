"""A small linear model of a mention's status in a Chinese dialogue: hashed n-grams in, four
probabilities out, NumPy alone. Weights are trained by `training` and lie beside this file as
`status_zh.npz`: numbers by bucket, no text.

Two logistic regressions. The first reads each mention's surroundings; the second reads what the
first says of the mention, of the same name elsewhere in the dialogue, and of its neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clearward.notes.symptoms.features import Buckets, Talk, buckets
from clearward.notes.symptoms.judgement import STATUSES, Verdict

CLASSES = ("", *STATUSES)
WEIGHTS = "status_zh.npz"
_BLOCKS, _MARKS = 8, 9

Table = NDArray[np.float64]


@dataclass(frozen=True)
class StatusModel:
    """Weights of both stages.

    Attributes:
        weights: first stage, int8, shape (2 ** BITS, 4), to be multiplied by `scale`.
        scale: shape (4,).
        bias: shape (4,).
        second, second_bias: second stage, shapes (dense columns, 4) and (4,).
    """

    weights: NDArray[np.int8]
    scale: Table
    bias: Table
    second: Table
    second_bias: Table

    def first_stage(self, rows: Sequence[Buckets]) -> Table:
        """Probabilities of the first stage, shape (mentions, 4), in the order of `CLASSES`."""
        sums = np.array([self.weights[row].sum(axis=0, dtype=np.int64) for row in rows])
        return softmax(sums.reshape(-1, 4) * self.scale + self.bias)

    def probabilities(self, talk: Talk, decided: Sequence[Verdict]) -> Table:
        """Shape (mentions, 4): not a mention at all, true, false, uncertain."""
        rows = [buckets(talk, index, verdict) for index, verdict in enumerate(decided)]
        if not rows:
            return np.zeros((0, len(CLASSES)))
        first = self.first_stage(rows)
        return softmax(dense(talk, first) @ self.second + self.second_bias)


@cache
def status_model() -> StatusModel:
    """The shipped weights."""
    return load_model(Path(__file__).with_name(WEIGHTS))


def load_model(path: Path) -> StatusModel:
    """Weights from a file that `save_model` wrote."""
    with np.load(path, allow_pickle=False) as data:
        return StatusModel(**{name: data[name] for name in StatusModel.__dataclass_fields__})


def save_model(model: StatusModel, path: Path) -> None:
    """Write the weights, compressed."""
    names = StatusModel.__dataclass_fields__
    np.savez_compressed(path, allow_pickle=False, **{n: getattr(model, n) for n in names})


def softmax(scores: Table) -> Table:
    """Rows of scores as probabilities."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def dense(talk: Talk, first: Table) -> Table:
    """What the second stage reads, shape (mentions, 41): the first stage's word on the mention, on
    the same name (all, the patient's, before, behind), on the dialogue, the turn and its
    neighbours; then counts and places."""
    return np.array([_dense_row(talk, first, index) for index in range(len(first))])


def _dense_row(talk: Talk, first: Table, index: int) -> Table:
    turn, mine = talk.where[index], talk.same[talk.mentions[index].name]
    at = mine.index(index)
    others = [i for i in mine if i != index]
    told = [i for i in others if not talk.turns[talk.where[i]].is_clinician]
    company = [i for i, w in enumerate(talk.where) if w == turn and i != index]
    near = [i for i, w in enumerate(talk.where) if 0 < abs(w - turn) <= 2]
    groups = [[index], others, told, mine[max(0, at - 1) : at], mine[at + 1 : at + 2],
              list(range(len(first))), company, near]  # fmt: skip
    parts = [first[group].mean(axis=0) if group else np.zeros(len(CLASSES)) for group in groups]
    marks = [len(mine) / 5, len(told) / 5, at / 3, turn / max(1, len(talk.turns)),
             float(talk.turns[turn].is_clinician), float(at > 0), float(at + 1 < len(mine)),
             len(company) / 3, len(talk.turns) / 100]  # fmt: skip
    return np.concatenate([*parts, np.array(marks)])
