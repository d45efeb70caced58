"""A small linear model of a mention's status in a Chinese dialogue: hashed n-grams in, four
probabilities out, NumPy alone. Weights are trained by `training` and lie beside this file as
`status_zh.npz`: numbers by bucket, no text.

Two stages of logistic regressions. The first reads a mention's surroundings; the second reads what
the first says of every mention of a name in the dialogue, and asks of each status whether the
dialogue gives it to the name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearward.notes.answers import Mention
from clearward.notes.dialogue import Turn
from clearward.notes.document import Document
from clearward.notes.symptoms.features import Talk, buckets
from clearward.notes.symptoms.judgement import STATUSES, Verdict

CLASSES = ("", *STATUSES)
# what the weights were trained on: parents who write about their child
_CHILD = re.compile("宝宝|宝贝|孩子|小孩|小朋友|娃|吃奶|奶粉|月龄|[一二三四五六七八九十\\d]个?月大")
_CHILD_WORDS = 2
_EDGE, _NOBODY = 1e-3, -5.0
WEIGHTS = "status_zh.npz"

Table = NDArray[np.float64]


@dataclass(frozen=True)
class StatusModel:
    """Weights of both stages.

    Attributes:
        weights: first stage, int8, shape (2 ** BITS, 4), to be multiplied by `scale`.
        scale: shape (4,).
        bias: shape (4,).
        second, second_bias: second stage, one column per status, shapes (17, 3) and (3,).
    """

    weights: NDArray[np.int8]
    scale: Table
    bias: Table
    second: Table
    second_bias: Table

    def mentions(self, talk: Talk, decided: Sequence[Verdict]) -> Table:
        """Probabilities of the first stage, shape (mentions, 4), in the order of `CLASSES`: no
        mention at all, true, false, uncertain."""
        rows = [buckets(talk, index, verdict) for index, verdict in enumerate(decided)]
        sums = np.array([self.weights[row].sum(axis=0, dtype=np.int64) for row in rows])
        return softmax(sums.reshape(-1, len(CLASSES)) * self.scale + self.bias)

    def names(self, talk: Talk, decided: Sequence[Verdict]) -> dict[str, Table]:
        """Name → probability that the dialogue calls it true, false, uncertain; shape (3,). They
        need not sum to one: a dialogue may say both, or label none."""
        first = self.mentions(talk, decided)
        return {
            name: 1 / (1 + np.exp(-(columns * self.second.T).sum(axis=1) - self.second_bias))
            for name, columns in name_columns(talk, first).items()
        }


def inferred(document: Document, talk: Sequence[Turn], mentions: Sequence[Mention],
             decided: Sequence[Verdict]) -> list[Verdict]:  # fmt: skip
    """The model's word in Chinese dialogues about a child, which is what it was trained on; in any
    other dialogue what the rules decided."""
    if not mentions or document.lang != "zh" or not talk or not _is_about_a_child(document.plain):
        return list(decided)
    read = Talk(document.lower, talk, mentions)
    chosen = status_model().mentions(read, decided)[:, 1:].argmax(axis=1)
    return [
        verdict if verdict.status == STATUSES[best]
        else verdict._replace(status=STATUSES[best], how="inferred")
        for verdict, best in zip(decided, chosen, strict=True)
    ]  # fmt: skip


def _is_about_a_child(plain: str) -> bool:
    return len(_CHILD.findall(plain)) >= _CHILD_WORDS


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


def name_columns(talk: Talk, first: Table) -> dict[str, Table]:
    """What the second stage reads, per name: shape (3 statuses, 17 columns).

    Of one status: its highest, mean, last and first log-odds over the name's mentions, the log-odds
    that any holds, the patient's highest; how many mentions, how many of the patient's; how likely
    none is a mention; the highest of every status; the dialogue's means.
    """
    return {name: _columns(talk, first, mine) for name, mine in talk.same.items()}


def _columns(talk: Talk, first: Table, mine: Sequence[int]) -> Table:
    own, told = first[mine], [not talk.turns[talk.where[i]].is_clinician for i in mine]
    shared = [_odds(own[:, 0].min()), _odds(own[:, 0].mean()),
              *_odds(own[:, 1:].max(axis=0)), *first.mean(axis=0)]  # fmt: skip
    rows = []
    for status in range(1, len(CLASSES)):
        each = own[:, status]
        theirs = _odds(each[told].max()) if any(told) else _NOBODY
        rows.append([
            _odds(each.max()), _odds(each.mean()), _odds(1 - (1 - each).prod()), _odds(each[-1]),
            _odds(each[0]), len(mine) / 5, sum(told) / 5, theirs, *shared,
        ])  # fmt: skip
    return np.array(rows, dtype=np.float64)


def _odds(probability: Table | np.floating[Any]) -> Any:
    bounded = np.clip(probability, _EDGE, 1 - _EDGE)
    return np.log(bounded / (1 - bounded))
