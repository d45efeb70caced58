"""Symptom status in Chinese paediatric dialogues (CMDD): (symptom, status) pairs per dialogue.

The figure: of every dialogue take the set of (normalised name, status) over its labelled places,
and over the places that were found; true and false positives are summed over dialogues, F1 is of
the sums. A name that a dialogue labels true here and uncertain there counts as two pairs.

Names are learned from the train part, in memory; the status model was trained on it, its settings
chosen on held-out quarters of it. No dialogue and no miss of `dev` was looked at. A second row asks
what the shipped pack knows without a word from the site: its own names, each read as the site's
name it meets most often in train.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from benchmarks import cmdd
from benchmarks.cmdd import Dialogue, SiteNames
from benchmarks.score import Counts, Miss, Score, score_of
from clearward.notes import read_note
from clearward.notes.answers import Mention
from clearward.notes.document import open_document
from clearward.notes.symptoms.features import Talk
from clearward.notes.symptoms.judgement import STATUSES
from clearward.notes.symptoms.model import status_model
from clearward.notes.symptoms.status import status_word, verdicts

TARGET = 0.77
LEAST = 0.36  # of a pair's probability; chosen on held-out quarters of train
Pairs = set[tuple[str, str]]


def score() -> Iterable[Score]:
    """Dev with a site's names and the model; dev with the shipped pack and rules alone."""
    taught, asked = cmdd.dialogues("train"), cmdd.dialogues("dev")
    names = SiteNames(taught)
    yield _row(
        asked, [_site_pairs(d, names) for d in asked], "symptom status, site's names", TARGET,
        "Pairs of (name, status) per dialogue, summed; names and status model from train.",
    )  # fmt: skip
    known = _shared_names(taught)
    yield _row(
        asked, [_pack_pairs(d, known) for d in asked], "symptom status, shipped pack", None,
        "The same figure; the pack's own names, read as the site's most frequent ones.",
    )  # fmt: skip


def _row(
    asked: Sequence[Dialogue],
    found: Sequence[Pairs],
    attribute: str,
    target: float | None,
    note: str,
) -> Score:
    counts, misses = [], []
    for dialogue, pairs in zip(asked, found, strict=True):
        gold = {(g.name, g.status) for g in dialogue.gold}
        counts.append(Counts(len(gold & pairs), len(pairs - gold), len(gold - pairs)))
        misses += [Miss(dialogue.name, "missed", " ".join(p), "", "") for p in sorted(gold - pairs)]
        misses += [
            Miss(dialogue.name, "false positive", "", " ".join(p), "") for p in sorted(pairs - gold)
        ]
    return score_of(
        counts, dataset="cmdd", half="sealed", lang="zh", attribute=attribute, target=target,
        misses=misses, note=note,
    )  # fmt: skip


def _site_pairs(dialogue: Dialogue, names: SiteNames) -> Pairs:
    mentions = names.mentions(dialogue)
    document = open_document(dialogue.text, "zh")
    decided = verdicts(document, dialogue.turns, mentions)
    said = status_model().names(Talk(document.lower, dialogue.turns, mentions), decided)
    return {
        (name, status)
        for name, probabilities in said.items()
        for status, probability in zip(STATUSES, probabilities, strict=True)
        if probability > LEAST
    }


def _shared_names(taught: Iterable[Dialogue]) -> Mapping[str, str]:
    """The pack's name → the site's name it overlaps most often."""
    met: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for dialogue in taught:
        for mention in _pack_mentions(dialogue):
            met[mention.name].update(
                g.name for g in dialogue.gold if g.start < mention.end and mention.start < g.end
            )
    return {name: sites.most_common(1)[0][0] for name, sites in met.items() if sites}


def _pack_mentions(dialogue: Dialogue) -> list[Mention]:
    return [
        Mention(f.start, f.end, f.value_text)
        for f in read_note(dialogue.text)
        if f.attribute in ("symptom", "illness")
    ]


def _pack_pairs(dialogue: Dialogue, known: Mapping[str, str]) -> Pairs:
    return {
        (known[f.value_text], status_word(f))
        for f in read_note(dialogue.text)
        if f.attribute in ("symptom", "illness") and f.value_text in known
    }
