"""Training of the status model from labelled dialogues. Reading a data set's own files belongs to
whoever calls; scikit-learn is needed here and nowhere at inference.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

from clearward.errors import ConfigError
from clearward.notes.answers import Mention
from clearward.notes.dialogue import Turn
from clearward.notes.document import open_document
from clearward.notes.symptoms.features import BITS, Buckets, Talk, buckets
from clearward.notes.symptoms.judgement import STATUSES
from clearward.notes.symptoms.model import CLASSES, StatusModel, Table, name_columns
from clearward.notes.symptoms.status import verdicts

FOLDS, STRENGTH, STRENGTH_SECOND, STEPS = 5, 0.02, 1.0, 90
_LEVELS = 127


class Labelled(NamedTuple):
    """A dialogue whose mentions somebody judged.

    Attributes:
        text: the dialogue.
        turns: its turns.
        mentions: names in it, in the order of the text.
        labels: one of `CLASSES` per mention; empty for a name nobody labelled.
        pairs: every (name, status) the dialogue is labelled with.
    """

    text: str
    turns: Sequence[Turn]
    mentions: Sequence[Mention]
    labels: Sequence[str]
    pairs: frozenset[tuple[str, str]] = frozenset()


def train(dialogues: Sequence[Labelled]) -> StatusModel:
    """Both stages; the second learns from what the first says of dialogues it has not seen.

    The same dialogues give the same weights.

    Raises:
        ConfigError: a status that nobody labelled cannot be learned.
    """
    labels = np.array([CLASSES.index(label) for each in dialogues for label in each.labels])
    if missing := sorted(set(range(len(CLASSES))) - set(labels.tolist())):
        raise ConfigError(
            "Labels are missing to learn the status of symptoms from.",
            seen=f"no mention labelled {', '.join(CLASSES[i] or 'as none' for i in missing)}",
            expected="mentions of every status, and some that are none",
        )
    talks, rows = [], []
    for dialogue in dialogues:
        document = open_document(dialogue.text, "zh")
        decided = verdicts(document, dialogue.turns, dialogue.mentions)
        talk = Talk(document.lower, dialogue.turns, dialogue.mentions)
        talks.append(talk)
        rows.append([buckets(talk, i, verdict) for i, verdict in enumerate(decided)])
    flat = [row for each in rows for row in each]
    owner = np.repeat(np.arange(len(rows)), [len(each) for each in rows])
    # a bucket that no mention falls into keeps a weight of nothing: leave it out of the sums
    used = np.unique(np.concatenate(flat))
    table = _matrix(flat)[:, used]
    unseen = np.zeros((len(flat), len(CLASSES)))
    for fold in range(FOLDS):
        held = owner % FOLDS == fold
        unseen[held] = _fit(table[~held], labels[~held], STRENGTH).predict_proba(table[held])
    first = _fit(table, labels, STRENGTH)
    coefficients = np.zeros((1 << BITS, len(CLASSES)))
    coefficients[used] = first.coef_.T
    weights, scale = _quantised(coefficients)
    parts = [unseen[owner == index] for index in range(len(talks))]
    return StatusModel(weights, scale, first.intercept_, *_second(dialogues, talks, parts))


def _second(
    dialogues: Sequence[Labelled], talks: Sequence[Talk], unseen: Sequence[Table]
) -> tuple[Table, Table]:
    """Coefficients, shape (columns, 3), and intercepts, shape (3,)."""
    columns: list[Table] = []
    holds: list[list[bool]] = []
    for dialogue, talk, first in zip(dialogues, talks, unseen, strict=True):
        for name, rows in name_columns(talk, first).items() if len(first) else ():
            columns.append(rows)
            holds.append([(name, status) in dialogue.pairs for status in STATUSES])
    table, truth = np.array(columns), np.array(holds)
    fitted = [
        _fit(table[:, i], truth[:, i].astype(int), STRENGTH_SECOND) for i in range(len(STATUSES))
    ]
    coefficients = np.stack([each.coef_[0] for each in fitted], axis=1)
    return coefficients, np.array([each.intercept_[0] for each in fitted])


def _fit(
    table: csr_matrix | Table, labels: NDArray[np.int64], strength: float
) -> LogisticRegression:
    return LogisticRegression(C=strength, max_iter=STEPS if strength < 1 else 5 * STEPS).fit(
        table, labels
    )


def _matrix(rows: Sequence[Buckets]) -> csr_matrix:
    ends = np.cumsum([0] + [len(row) for row in rows])
    ones = np.ones(int(ends[-1]), np.float32)
    return csr_matrix((ones, np.concatenate(rows), ends), shape=(len(rows), 1 << BITS))


def _quantised(weights: Table) -> tuple[NDArray[np.int8], Table]:
    """Weights as int8 and the scale of each class."""
    scale = np.abs(weights).max(axis=0) / _LEVELS
    return np.round(weights / scale).astype(np.int8), scale
