"""Context in Chinese: made-up clauses of eye, stroke and heart notes.

A trial is the marked words of one clause. Negation is judged on every clause; another kind of
context on the clauses of that kind and on those the gold calls plain, because a clause that is
marked otherwise may well be of two kinds (既往无…).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.score import Counts, Miss, Score, half_of, score_of
from clearward.notes.context import Context, context_of
from clearward.notes.document import open_document

PATH = Path(__file__).parents[2] / "gold" / "clauses_zh.txt"
TARGETS = {"negated": 0.97}
SAYS: dict[str, Callable[[Context], bool]] = {
    "negated": lambda context: context.is_negated,
    "uncertain": lambda context: context.certainty == "uncertain" or context.is_hypothetical,
    "prior": lambda context: context.temporality == "prior",
    "planned": lambda context: context.temporality == "planned",
    "target": lambda context: context.temporality == "target",
    "family": lambda context: context.experiencer == "family",
}


class Clause(NamedTuple):
    """A clause, its marked words and what the gold says of them."""

    text: str
    start: int
    end: int
    gold: str


def clauses(path: Path = PATH) -> Iterator[Clause]:
    """Every line ``label | text with [[words]]``."""
    for line in path.read_text(encoding="utf-8").splitlines():
        label, bar, marked = line.partition(" | ")
        if bar and not line.startswith("#"):
            before, _, rest = marked.partition("[[")
            words, _, after = rest.partition("]]")
            yield Clause(before + words + after, len(before), len(before + words), label.strip())


def score() -> Iterable[Score]:
    """One row per kind of context and half."""
    found: defaultdict[tuple[str, str], list[tuple[Counts, Miss | None]]] = defaultdict(list)
    for clause in clauses():
        context = context_of(open_document(clause.text), clause.start, clause.end)
        for kind, says in SAYS.items():
            if kind == "negated" or clause.gold in (kind, "-"):
                judged = _judge(clause, kind, is_said=says(context))
                found[kind, half_of(clause.text)].append(judged)
    for (kind, half), judged in sorted(found.items()):
        if not any(counts.tp + counts.fn for counts, _ in judged):
            continue  # the halves are drawn by hash, and a rare kind may fall into one
        yield score_of(
            [counts for counts, _ in judged],
            dataset="made-clauses",
            half=half,
            lang="zh",
            attribute=kind,
            target=TARGETS.get(kind),
            misses=[miss for _, miss in judged if miss],
            note="Marked words of one clause; written before the rules.",
        )


def _judge(clause: Clause, kind: str, *, is_said: bool) -> tuple[Counts, Miss | None]:
    is_gold = clause.gold == kind
    counts = Counts(
        int(is_gold and is_said), int(is_said and not is_gold), int(is_gold and not is_said)
    )
    if is_gold == is_said:
        return counts, None
    words = clause.text[clause.start : clause.end]
    marked = f"{clause.text[: clause.start]}[[{words}]]{clause.text[clause.end :]}"
    miss = ("missed", kind, "") if is_gold else ("false positive", "", kind)
    return counts, Miss(clause.text, *miss, marked)
