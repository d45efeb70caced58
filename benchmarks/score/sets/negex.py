"""Context in English: the public half of the NegEx test kit (Chapman et al. 2001; ConText 2009).

A trial is one concept in one sentence. Gold "Negated" against the engine's `is_negated`;
"Historical" against temporality `prior`; "Family member" or "Other" against experiencer `family`.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from benchmarks.score import Counts, Miss, Score, data_folder, half_of, score_of
from clearward.notes.context import Context, context_of
from clearward.notes.document import open_document

TARGETS = {"negation": 0.98, "historical": 0.75, "experiencer": None}
_SAYS: dict[str, Callable[[Context], bool]] = {
    "negation": lambda context: context.is_negated,
    "historical": lambda context: context.temporality == "prior",
    "experiencer": lambda context: context.experiencer != "patient",
}


class Trial(NamedTuple):
    """One line of the kit."""

    line: str
    sentence: str
    start: int
    end: int
    gold: dict[str, bool]


def trials() -> Iterator[Trial]:
    """Every line whose concept stands in its sentence."""
    path = data_folder("notes-en", "negex", "annotations_dev.tsv")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t"))[1:]
    for line, concept, sentence, negation, time, who in rows:
        place = _place(concept, sentence)
        if place:
            gold = {
                "negation": negation.strip() == "Negated",
                "historical": time.strip() == "Historical",
                "experiencer": who.strip() != "Patient",
            }
            yield Trial(line, sentence, *place, gold)


def score() -> Iterable[Score]:
    """Three attributes of context, both halves."""
    found: defaultdict[tuple[str, str], list[tuple[Counts, Miss | None]]] = defaultdict(list)
    for trial in trials():
        context = context_of(open_document(trial.sentence), trial.start, trial.end)
        for attribute, says in _SAYS.items():
            judged = _judge(trial, attribute, is_said=says(context))
            found[attribute, half_of(trial.sentence)].append(judged)
    for (attribute, half), judged in sorted(found.items()):
        yield score_of(
            [counts for counts, _ in judged],
            dataset="negex",
            half=half,
            lang="en",
            attribute=attribute,
            target=TARGETS[attribute],
            misses=[miss for _, miss in judged if miss],
            note="One concept per sentence; the gold counts “rule out” as affirmed. Triggers older"
            " than the split may have been written with all of the file in view.",
        )


def _judge(trial: Trial, attribute: str, *, is_said: bool) -> tuple[Counts, Miss | None]:
    is_gold = trial.gold[attribute]
    counts = Counts(is_gold and is_said, is_said and not is_gold, is_gold and not is_said)
    if is_gold == is_said:
        return counts, None
    marked = f"{trial.sentence[: trial.start]}[[{trial.sentence[trial.start : trial.end]}]]"
    text = f"{marked}{trial.sentence[trial.end :]}"
    kind = "missed" if is_gold else "false positive"
    return counts, Miss(trial.line, kind, str(is_gold), str(is_said), text)


def _place(concept: str, sentence: str) -> tuple[int, int] | None:
    """Where the concept stands: the kit writes it in capitals, spaces at will."""
    words = r"\s+".join(re.escape(word) for word in concept.split())
    capital = re.search(rf"(?<!\w){words.upper()}", sentence)
    found = capital or re.search(rf"(?<!\w){words}", sentence, re.IGNORECASE)
    return found.span() if found else None
