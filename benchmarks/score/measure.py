"""What a scorer returns and how its intervals are made. Where texts come from belongs to `sources`.

Intervals: Wilson (1927) for a share, of which each trial is one finding; bootstrap over documents
(Efron 1979) for F1, which is no share and whose findings cluster by document.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from clearward.risk.intervals import wilson

HALVES = ("tuned", "sealed", "whole")
MEASURES = ("f1", "precision", "recall", "accuracy")
RESAMPLES = 1000


class Counts(NamedTuple):
    """What one document gave: found and right, found and wrong, there and not found."""

    tp: int
    fp: int
    fn: int


class Miss(NamedTuple):
    """One thing wrong, for the list that is written outside git.

    Attributes:
        document: id within the set.
        kind: ``false positive``, ``missed`` or ``wrong value``.
        expected, found: what the gold and what the engine say.
        text: the text round it.
    """

    document: str
    kind: str
    expected: str
    found: str
    text: str


@dataclass(frozen=True)
class Score:
    """One row of the scoreboard.

    Attributes:
        dataset: the folder's name in the shared data, or the name of a made set.
        half: ``tuned`` (rules were written while looking at it), ``sealed`` (never looked at), or
            ``whole`` (nobody tuned on any of it, or the set has no halves).
        lang: ``en``, ``zh``, or another language's code.
        attribute: what was read.
        measure: which figure `target` binds: f1, precision, recall, or accuracy (tp of tp + fn).
        tp, fp, fn: sums over documents.
        documents: counts per document; empty when the set has none, then F1 has no interval.
        target: the least the named figure should be, or None.
        misses: what was wrong.
        note: one short sentence a reader needs, such as how a hit is counted.
    """

    dataset: str
    half: str
    lang: str
    attribute: str
    measure: str
    tp: int
    fp: int
    fn: int
    documents: tuple[Counts, ...] = ()
    target: float | None = None
    misses: tuple[Miss, ...] = field(default=(), compare=False)
    note: str = ""

    def __post_init__(self) -> None:
        if self.half not in HALVES or self.measure not in MEASURES:
            raise ValueError(f"half is one of {HALVES}, measure one of {MEASURES}")
        if self.tp + self.fp + self.fn == 0:
            raise ValueError(f"{self.dataset} {self.attribute}: nothing was scored")

    @property
    def precision(self) -> float:
        """Share of what was found that is right; 0 when nothing was found."""
        return share(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """Share of what is there that was found."""
        return share(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float:
        """Harmonic mean of both."""
        return f1(self.tp, self.fp, self.fn)

    @property
    def value(self) -> float:
        """The figure `measure` names."""
        return self.recall if self.measure == "accuracy" else float(getattr(self, self.measure))

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % interval of `value`."""
        if self.measure == "f1":
            return bootstrap(self.documents) if self.documents else None
        wrong = self.fp if self.measure == "precision" else self.fn
        found = wilson(self.tp, self.tp + wrong)
        return found.low, found.high

    @property
    def is_met(self) -> bool | None:
        """Whether the target is met; None without one."""
        return None if self.target is None else self.value >= self.target


def score_of(
    documents: Iterable[Counts],
    *,
    dataset: str,
    half: str,
    lang: str,
    attribute: str,
    measure: str = "f1",
    target: float | None = None,
    misses: Iterable[Miss] = (),
    note: str = "",
) -> Score:
    """A score from the counts of its documents."""
    each = tuple(documents)
    tp, fp, fn = (sum(d[i] for d in each) for i in range(3))
    return Score(dataset, half, lang, attribute, measure, tp, fp, fn, each, target,
                 tuple(misses), note)  # fmt: skip


def share(part: int, whole: int) -> float:
    """A part of a whole; 0 of nothing."""
    return part / whole if whole else 0.0


def f1(tp: int, fp: int, fn: int) -> float:
    """2tp / (2tp + fp + fn)."""
    return share(2 * tp, 2 * tp + fp + fn)


def bootstrap(documents: Iterable[Counts], *, resamples: int = RESAMPLES) -> tuple[float, float]:
    """95 % percentile interval of F1 over documents drawn with replacement; seeded."""
    counts = np.array(tuple(documents), dtype=np.int64)
    draws = np.random.default_rng(7).integers(0, len(counts), (resamples, len(counts)))
    tp, fp, fn = (counts[:, i][draws].sum(axis=1) for i in range(3))
    values = np.divide(2 * tp, 2 * tp + fp + fn, out=np.zeros(resamples), where=tp > 0)
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)
