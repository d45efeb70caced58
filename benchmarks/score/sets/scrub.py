"""Scrubbing: made notes of a hospital that knows its patients, and two public sets of people whom
nobody knows. The made notes have a tuned and a sealed half; nothing is tuned on the public sets.

A token counts as found when scrubbing took all of it. Dates are moved and not taken: on made notes
they count neither way, on the public sets a moved date is found.
"""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from benchmarks.score import Counts, Miss, Score, data_folder, score_of
from benchmarks.scrub import TOKEN, Tally, measure
from clearward.notes.document import open_document
from clearward.notes.scrub import KnownPeople, scrub
from clearward.notes.surrogates import Surrogates

_KEY = b"scorer-key-of-thirty-two-bytes!!"
_ANNOTATION = re.compile(r"^T\d+\t\S+ (\d+) (\d+)\t", re.MULTILINE)


class Marked(NamedTuple):
    """A text and where its identifiers stand."""

    name: str
    text: str
    gold: list[tuple[int, int]]


def score() -> Iterable[Score]:
    """Rows of every set."""
    for half in ("tuned", "sealed"):
        for lang in ("en", "zh"):
            yield from _made(half, lang, measure(half, lang))
    yield from _public("presidio", "en", _presidio(), note="General text; no record of anybody.")
    yield from _public("meddocan", "es", _meddocan(), note="Spanish, for which no rule exists.")


def _made(half: str, lang: str, tally: Tally) -> Iterator[Score]:
    common = {"dataset": f"made-scrub-{half}", "half": half, "lang": lang}
    misses = [Miss(str(n), "missed", "gone", "kept", text) for n, text in enumerate(tally.misses)]
    yield score_of(
        [Counts(found, 0, missed) for found, _, missed in tally.documents],
        attribute="own identifiers",
        measure="recall",
        target=0.995,
        misses=misses if half == "tuned" else (),
        note="Identifiers of the patient's record and of staff, in forms that a clinic writes.",
        **common,
    )
    yield score_of(
        [Counts(tally.tokens_right, tally.tokens_taken - tally.tokens_right, 0)],
        attribute="tokens taken",
        measure="precision",
        target=0.95,
        **common,
    )


def _public(dataset: str, lang: str, texts: Iterable[Marked], *, note: str) -> Iterator[Score]:
    counts = [_tokens(marked) for marked in texts]
    for kind in ("recall", "precision"):
        yield score_of(
            counts, dataset=dataset, half="whole", lang=lang, attribute="all identifiers",
            measure=kind, note=note,
        )  # fmt: skip


def _tokens(marked: Marked) -> Counts:
    """Tokens of one text, nobody known."""
    result = scrub(
        open_document(marked.text),
        known=[KnownPeople(())],
        surrogates=Surrogates(_KEY, marked.name, is_known=lambda _: False),
        days=30,
        year=2020,
    )
    taken = {n for _, start, end, _ in result.spans for n in range(start, end)}
    gold = {n for start, end in marked.gold for n in range(start, end)}
    found = wrong = missed = 0
    for token in TOKEN.finditer(marked.text):
        is_gold, is_taken = token.start() in gold, token.start() in taken
        found += is_gold and is_taken
        wrong += is_taken and not is_gold
        missed += is_gold and not is_taken
    return Counts(found, wrong, missed)


def _presidio() -> Iterator[Marked]:
    path = data_folder("deid", "presidio") / "synth_dataset_v2.json"
    for number, item in enumerate(json.loads(path.read_text(encoding="utf-8"))):
        spans = [(s["start_position"], s["end_position"]) for s in item["spans"]]
        yield Marked(str(number), item["full_text"], spans)


def _meddocan() -> Iterator[Marked]:
    with tarfile.open(data_folder("deid") / "meddocan.tar.gz") as archive:
        files = {m.name: m for m in archive.getmembers() if m.isfile()}
        for name in sorted(n for n in files if n.endswith(".ann")):
            text, marks = (
                (archive.extractfile(files[n]) or _nothing(n)).read().decode()
                for n in (name.removesuffix(".ann") + ".txt", name)
            )
            gold = [(int(a), int(b)) for a, b in _ANNOTATION.findall(marks)]
            yield Marked(name, text, gold)


def _nothing(name: str) -> tarfile.ExFileObject:
    raise FileNotFoundError(name)
