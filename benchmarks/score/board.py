"""The scoreboard page, written from scores; `PAGE` is never edited by hand."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from benchmarks.score.measure import Score

PAGE = Path("docs/reference/scoreboard.md")
HEAD = """# Scoreboard of the free-text rooms
Written by `make score`; do not edit. **tuned**: rules were written while looking at these texts, so
the figure is a training score. **sealed**: the other half, split by the hash of the document; its
texts and misses were not read, its totals were, while rules were mended. **made-…**: written by
those who wrote the rules, so kinder than a stranger's text. **gold-blind**: written before a rule
was run on it, then split; what the rules found at first sight is in `benchmarks/gold/README.md`.
**whole**: nothing was tuned on the set. P, R: precision and recall; the interval is of the measure
named, 95 %: Wilson for shares, bootstrap over documents for F1. Every miss is listed in
`<home>/reports/score/`, outside the repository.

"""
COLUMNS = ("set", "half", "lang", "attribute", "n", "P", "R", "F1", "measure", "target", "met")


def page(scores: Iterable[Score]) -> str:
    """The page as text: same scores, same bytes."""
    ordered = sorted(scores, key=lambda s: (s.lang, s.dataset, s.attribute, s.half, s.measure))
    notes = list(dict.fromkeys(s.note for s in ordered if s.note))
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    lines += ["| " + " | ".join(cells(score, notes)) + " |" for score in ordered]
    lines += ["", *(f"{number}. {note}" for number, note in enumerate(notes, 1))]
    return HEAD + "\n".join(lines).rstrip() + "\n"


def cells(score: Score, notes: list[str]) -> list[str]:
    mark = f" ({notes.index(score.note) + 1})" if score.note else ""
    low_high = score.interval
    interval = f" [{low_high[0]:.3f}, {low_high[1]:.3f}]" if low_high else ""
    counted = score.measure == "accuracy"
    return [
        score.dataset,
        score.half,
        score.lang,
        score.attribute + mark,
        str(score.tp + score.fn),
        "" if counted else f"{score.precision:.3f}",
        "" if counted else f"{score.recall:.3f}",
        "" if counted else f"{score.f1:.3f}",
        f"{score.measure} {score.value:.3f}{interval}",
        "" if score.target is None else f"≥ {score.target:g}",
        {True: "yes", False: "**no**", None: ""}[score.is_met],
    ]
