"""Scores of the free-text rooms on public sets: `python -m benchmarks.score`, or `make score`.

A scorer is a module in `benchmarks/score/sets/` with a function `score() -> Iterable[Score]`;
adding the file adds its rows. Never tune on a half that a scorer calls sealed.
"""

from benchmarks.score.measure import Counts, Miss, Score, score_of
from benchmarks.score.sources import data_folder, half_of

__all__ = ["Counts", "Miss", "Score", "data_folder", "half_of", "score_of"]
