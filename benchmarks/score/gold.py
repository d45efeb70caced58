"""Gold snippets with values marked in the text: how they are written and read (benchmarks/gold).

What counts as a hit belongs to the scorer (`sets/attributes.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parents[1] / "gold"
_MARK = re.compile(r"\[\[([^|\]]*)\|([^|\]]*)\|([^|\]]*)\|?([^|\]]*)\|?([^|\]]*)\]\]")


class Gold(NamedTuple):
    """One marked value: where, of what, how much, on which side, said how."""

    start: int
    end: int
    attribute: str
    value: str
    side: str
    context: str


class Snippet(NamedTuple):
    """One document; `lang` is that of its file, `written` its day where the head names one."""

    name: str
    lang: str
    text: str
    gold: tuple[Gold, ...]
    written: date | None = None


def snippets(*files: str) -> Iterator[Snippet]:
    """The documents of the named files (without ``.txt``), in order."""
    for file in files:
        for block in re.split(r"^# ", (FOLDER / f"{file}.txt").read_text("utf-8"), flags=re.M)[1:]:
            head, _, body = block.partition("\n")
            name = head.split()[0]
            day = head.partition(" @")[2]
            written = date.fromisoformat(day) if day else None
            yield Snippet(name, _lang(file, head), *_unmark(body.rstrip("\n")), written)


def _lang(file: str, head: str) -> str:
    return "zh" if file.endswith("zh") or " zh " in head else "en"


def _unmark(marked: str) -> tuple[str, tuple[Gold, ...]]:
    text, gold, last = "", [], 0
    for match in _MARK.finditer(marked):
        text += marked[last : match.start()]
        start = len(text)
        text += match[1]
        gold.append(Gold(start, len(text), *(match[i] for i in range(2, 6))))
        last = match.end()
    text += marked[last:]
    if "[[" in text or "]]" in text:
        raise ValueError("a mark of the gold does not close")
    return text, tuple(gold)
