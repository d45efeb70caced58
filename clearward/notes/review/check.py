"""A blind sample of a hospital's findings, and what a person's judgements say about precision.

Rules that work at one hospital may fail at the next: 200 findings judged by hand tell whether they
do. Blind: the reviewer sees neither the rule nor its confidence, and the order is by chance.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clearward.errors import ConfigError
from clearward.notes.review.queue import Item, identified_folder, items
from clearward.risk.intervals import wilson
from clearward.settings import Settings

RIGHT, UNSURE = "right", "unsure"
JUDGEMENTS = (RIGHT, "wrong_value", "wrong_side", "wrong_context", "nothing_there", UNSURE)


@dataclass(frozen=True)
class Sample:
    """Findings to be judged and the file their judgements go to."""

    items: tuple[Item, ...]
    path: Path


@dataclass(frozen=True)
class Precision:
    """One attribute's precision at one hospital, 95 % Wilson interval; doubtful ones left out."""

    attribute: str
    judged: int
    right: int
    precision: float
    low: float
    high: float
    wrong: Mapping[str, int]
    unsure: int
    open: int

    def row(self) -> dict[str, object]:
        """For the terminal."""
        wrong = {name: self.wrong.get(name, 0) for name in JUDGEMENTS[1:-1]}
        interval = f"{self.low:.3f} to {self.high:.3f}" if self.judged else ""
        return {
            "attribute": self.attribute,
            "judged": self.judged,
            "right": self.right,
            "precision": f"{self.precision:.3f}" if self.judged else "",
            "interval": interval,
            **wrong,
            "unsure": self.unsure,
            "open": self.open,
        }


def draw_sample(
    settings: Settings, *, hospital: str, size: int, month: str = "", seed: int = 1,
    attributes: Sequence[str] = (),
) -> Sample:  # fmt: skip
    """Draw findings by chance and write ``sample.csv`` for their judgements.

    The same seed draws the same findings. The file holds ids, attributes and an empty column; a
    file with judgements in it is never overwritten.

    Raises:
        ConfigError: nothing was read there, or the file holds judgements already.
    """
    chosen = ", ".join(f"'{name.replace(chr(39), '')}'" for name in attributes)
    where = f"WHERE attribute IN ({chosen})" if attributes else ""
    order = f"ORDER BY md5('{int(seed)}' || finding_id), finding_id LIMIT {int(size)}"
    drawn = list(items(settings, hospital=hospital, month=month, choose=f"{where} {order}"))
    if not drawn:
        raise ConfigError(
            f"No finding of hospital {hospital} can be drawn.",
            seen=f"attributes {', '.join(attributes) or 'all'}",
            do="name attributes that were found there, or none",
        )
    # by chance as well: an id says nothing about its finding
    drawn.sort(key=lambda item: item.finding_id)
    path = identified_folder(settings, "check", hospital) / "sample.csv"
    if path.is_file() and any(read_judgements(path).values()):
        raise ConfigError(
            "The last sample of this hospital holds judgements.",
            seen=str(path),
            do="read them with --judged, then move the file away",
        )
    write_judgements(path, drawn, {})
    return Sample(tuple(drawn), path)


def write_judgements(path: Path, drawn: Iterable[Item], said: Mapping[str, str]) -> None:
    """Write a sample with what was judged so far."""
    path.touch(mode=0o600)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("finding_id", "attribute", "judgement"))
        writer.writerows((i.finding_id, i.attribute, said.get(i.finding_id, "")) for i in drawn)


def read_judgements(path: Path) -> dict[tuple[str, str], str]:
    """(finding, attribute) → judgement, empty while it is open.

    Raises:
        ConfigError: no such file, other columns, a word that is no judgement, or a finding twice.
    """
    if not path.is_file():
        raise ConfigError("No file of judgements.", seen=str(path), do="draw a sample first")
    found: dict[tuple[str, str], str] = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        if not {"finding_id", "attribute", "judgement"} <= set(reader.fieldnames or ()):
            raise ConfigError("Not a file of judgements.", seen=str(reader.fieldnames),
                              expected="finding_id, attribute, judgement")  # fmt: skip
        for row in reader:
            word = (row["judgement"] or "").strip().lower()
            key = (row["finding_id"], row["attribute"])
            if word not in ("", *JUDGEMENTS) or key in found:
                raise ConfigError(
                    "A judgement cannot be read.",
                    seen=f"line {reader.line_num}",
                    expected=f"each finding once, and {', '.join(JUDGEMENTS)}",
                )
            found[key] = word
    return found


def precision(judged: Mapping[tuple[str, str], str]) -> list[Precision]:
    """Precision by attribute, then of all.

    Raises:
        ConfigError: nothing was judged.
    """
    by_attribute: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for (_, attribute), word in judged.items():
        by_attribute[attribute][word] += 1
        by_attribute["all"][word] += 1
    if not any(word not in ("", UNSURE) for word in judged.values()):
        raise ConfigError(
            "No finding was judged.", seen=f"{len(judged)} open or unsure", do="judge the sample"
        )
    names = sorted(by_attribute, key=lambda name: (name == "all", name))
    return [_precision(name, by_attribute[name]) for name in names]


def _precision(attribute: str, words: Counter[str]) -> Precision:
    judged = sum(n for word, n in words.items() if word not in ("", UNSURE))
    right = words[RIGHT]
    interval = wilson(right, judged)
    wrong = {word: words[word] for word in JUDGEMENTS[1:-1] if words[word]}
    return Precision(
        attribute, judged, right, right / judged if judged else 0.0, interval.low, interval.high,
        wrong, words[UNSURE], words[""],
    )  # fmt: skip
