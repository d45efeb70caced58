"""Symptom status in made-up eye, stroke and heart clinics, in English and Chinese.

A trial is one (symptom, status) of one dialogue, as `symptoms.status.status_of` gives it when the
dialogue is over. A symptom the gold does not name counts as a false positive.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.score import Counts, Miss, Score, half_of, score_of
from clearward.notes import read_note
from clearward.notes.symptoms.status import status_of

FOLDER = Path(__file__).parents[2] / "gold"
TARGET = 0.9


class Dialogue(NamedTuple):
    """A dialogue and the status of every symptom it names."""

    name: str
    text: str
    gold: dict[str, str]


def dialogues(path: Path) -> Iterator[Dialogue]:
    """Dialogues of a gold file: ``## name``, turns, then one ``= symptom status`` per line."""
    for block in path.read_text(encoding="utf-8").split("\n## ")[1:]:
        name, *lines = block.split("\n")
        answers = [(line.split()[1], line.split()[2]) for line in lines if line.startswith("= ")]
        turns = [line for line in lines if line and not line.startswith("= ")]
        yield Dialogue(name, "\n".join(turns) + "\n", dict(answers))


def judge(dialogue: Dialogue) -> tuple[Counts, list[Miss]]:
    """Counts and misses of one dialogue."""
    gold = set(dialogue.gold.items())
    found = set(status_of(read_note(dialogue.text)).items())
    misses = [
        Miss(dialogue.name, kind, expected, seen, dialogue.text)
        for kind, expected, seen in [
            *(("missed", " ".join(pair), "") for pair in sorted(gold - found)),
            *(("false positive", "", " ".join(pair)) for pair in sorted(found - gold)),
        ]
    ]
    return Counts(len(gold & found), len(found - gold), len(gold - found)), misses


def score() -> Iterable[Score]:
    """Both languages, both halves."""
    for lang in ("en", "zh"):
        judged = [(half_of(d.text), *judge(d)) for d in dialogues(FOLDER / f"dialogues_{lang}.txt")]
        for half in ("sealed", "tuned"):
            yield score_of(
                [counts for side, counts, _ in judged if side == half],
                dataset="made-dialogues",
                half=half,
                lang=lang,
                attribute="symptom status",
                target=TARGET,
                misses=[miss for side, _, misses in judged if side == half for miss in misses],
                note="(symptom, status) pairs per dialogue; written before the rules.",
            )
