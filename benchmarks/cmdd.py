"""The Chinese paediatric dialogues (CMDD): read, train the status model, learn a site's names.

    python -m benchmarks.cmdd    # trains on train, writes notes/symptoms/status_zh.npz

The set may be used and not be passed on: no sentence of it and no list of its names enters the
repository. The weights are numbers by hash bucket. Names are learned anew, in memory, each time.
"""

from __future__ import annotations

import json
import re
import tarfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from time import process_time
from typing import NamedTuple

from benchmarks.score.sources import data_folder
from clearward.notes.answers import Mention
from clearward.notes.dialogue import Turn
from clearward.notes.scan import Literal, Scanner
from clearward.notes.scan_engines import AutomatonScanner
from clearward.notes.symptoms import model as shipped
from clearward.notes.symptoms.mentions import longest
from clearward.notes.symptoms.training import Labelled, train

STATUS = {"1": "true", "2": "false", "3": "uncertain"}
LEAST_SHARE = 0.25  # of a spelling's places that were labelled; below, it is no name
_ROLE = {"医生": "doctor", "患者": "patient"}


class Gold(NamedTuple):
    """A labelled place."""

    start: int
    end: int
    name: str
    status: str


class Dialogue(NamedTuple):
    """One dialogue as text with tags, its turns, and the labelled places in it."""

    name: str
    text: str
    turns: tuple[Turn, ...]
    gold: tuple[Gold, ...]


def dialogues(part: str) -> list[Dialogue]:
    """All dialogues of ``train``, ``dev`` or another archive beside them, in order of number."""
    found = []
    with tarfile.open(data_folder("zh", "cmdd", f"{part}.tar.gz")) as archive:
        for member in archive.getmembers():
            file = archive.extractfile(member) if member.name.endswith(".json") else None
            if file:
                found.append(_dialogue(json.load(file)))
    return sorted(found, key=lambda dialogue: _number(dialogue.name))


def _number(name: str) -> int:
    return int(re.findall(r"\d+", name)[-1])


def _dialogue(document: dict[str, object]) -> Dialogue:
    text, turns, gold = "", [], []
    for sentence in document["dialogue-content"]:  # type: ignore[attr-defined]
        role, words = _ROLE[sentence["speaker"]], sentence["sentence"]
        start = len(text) + len(sentence["speaker"]) + 1
        text += f"{sentence['speaker']}:{words}\n"
        turns.append(Turn(role, start, len(text), role))
        spans = [m.span() for m in re.finditer("BI*", sentence["label"])]
        # a few sentences have fewer names or statuses than places
        labels = zip(spans, sentence["normalized"], sentence["type"], strict=False)
        gold += [Gold(start + a, start + b, n, STATUS[s]) for (a, b), n, s in labels]
    return Dialogue(str(document["example-id"]), text, tuple(turns), tuple(gold))


class SiteNames:
    """Spellings and their names, as a site's own labels teach them."""

    def __init__(self, labelled: Iterable[Dialogue]) -> None:
        named: defaultdict[str, Counter[str]] = defaultdict(Counter)
        taught = list(labelled)
        for dialogue in taught:
            for gold in dialogue.gold:
                named[dialogue.text[gold.start : gold.end].lower()][gold.name] += 1
        every = {spelling: names.most_common(1)[0][0] for spelling, names in named.items()}
        seen, right = self._places(taught, every)
        kept = {s: n for s, n in every.items() if seen[s] and right[s] / seen[s] >= LEAST_SHARE}
        self._scanner = _scanner(kept)

    @staticmethod
    def _places(
        taught: Sequence[Dialogue], names: dict[str, str]
    ) -> tuple[Counter[str], Counter[str]]:
        scanner, seen, right = _scanner(names), Counter[str](), Counter[str]()
        for dialogue in taught:
            lower, gold = dialogue.text.lower(), {g[:2] for g in dialogue.gold}
            for hit in longest(scanner.scan(lower, lower)):
                seen[lower[hit.start : hit.end]] += 1
                right[lower[hit.start : hit.end]] += (hit.start, hit.end) in gold
        return seen, right

    def mentions(self, dialogue: Dialogue) -> list[Mention]:
        """Names in a dialogue."""
        lower = dialogue.text.lower()
        return [Mention(*hit) for hit in longest(self._scanner.scan(lower, lower))]


def _scanner(names: dict[str, str]) -> Scanner:
    return AutomatonScanner([Literal(spelling, name) for spelling, name in names.items()])


def labelled(given: Iterable[Dialogue], names: SiteNames) -> Iterator[Labelled]:
    """Dialogues with the names a site's list finds, each with the label it overlaps, if any."""
    for dialogue in given:
        mentions = names.mentions(dialogue)
        labels = [
            next((g.status for g in dialogue.gold if g.start < m.end and m.start < g.end), "")
            for m in mentions
        ]
        pairs = frozenset((g.name, g.status) for g in dialogue.gold)
        yield Labelled(dialogue.text, dialogue.turns, mentions, labels, pairs)


def main() -> None:
    """Train on the train part and write the weights."""
    given = dialogues("train")
    model = train(list(labelled(given, SiteNames(given))))
    path = Path(shipped.__file__).with_name(shipped.WEIGHTS)
    shipped.save_model(model, path)
    print(f"{len(given)} dialogues, {process_time():.0f} CPU s, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
