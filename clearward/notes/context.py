"""What a clause says about what stands in it: denied, doubted, past, aimed at, someone else's.

After NegEx (Chapman et al. 2001) and ConText (Harkema et al. 2009), over one automaton of
triggers. Triggers are data in `context.toml`; whose words a turn is belongs to `dialogue`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from clearward.notes.document import Document
from clearward.notes.scan import AutomatonScanner, Hit, Literal, Scanner, longest

BEFORE, AFTER = 160, 100
_START = re.compile(
    r"(?:[.!?]\s+(?=[A-Z\d\"'(#•-])|[。!?;;]|\n\s*\n|\n[ \t]*(?=[-•*#\d]|[A-Z][A-Za-z /]{1,30}:)"
    r"|\s(?=\d{1,2}\)\s?\w)|\s{2,}(?=[A-Z][A-Z ()/]{3,40}:)|_{4,})"
)
_END = re.compile(
    r"[.!?](?=\s+[A-Z\"'(#•-]|\s*$)|[。!?;;]|\n\s*\n|\n[ \t]*(?=[-•*#]|[A-Z][\w /]{1,30}:)"
    r"|\s(?=\d{1,2}\)\s?\w)|\s{2,}(?=[A-Z][A-Z ()/]{3,40}:)|_{4,}"
)


@dataclass(frozen=True, slots=True)
class Context:
    """What the clause says about one span."""

    is_negated: bool = False
    certainty: str = "certain"
    temporality: str = "current"
    experiencer: str = "patient"
    is_hypothetical: bool = False


@cache
def _triggers() -> tuple[Scanner, frozenset[str]]:
    path = Path(__file__).with_name("context.toml")
    document: Mapping[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    tags: dict[str, list[str]] = {}
    for kind, body in document.items():
        for side, words in body.items():
            for word in words:
                tags.setdefault(word.lower(), []).append(f"{kind}.{side}")
    literals = [Literal(word, "|".join(sorted(set(kinds)))) for word, kinds in tags.items()]
    return AutomatonScanner(literals), frozenset(document)


def clause(plain: str, start: int, end: int) -> tuple[int, int]:
    """Bounds of the clause a span stands in, at most 160 characters before and 100 after."""
    first = max(0, start - BEFORE)
    # one character further, so that the lookahead sees what the span opens with
    for match in _START.finditer(plain, first, start + 1):
        first = match.end() if match.end() <= start else first
    last = min(len(plain), end + AFTER)
    stop = _END.search(plain, end, last)
    return first, stop.start() if stop else last


def context_of(document: Document, start: int, end: int) -> Context:
    """Read the clause round ``[start, end)``."""
    first, last = clause(document.plain, start, end)
    scanner, _ = _triggers()
    lower = document.lower[first:last]
    hits = longest(scanner.scan(lower, lower))
    return judge([Hit(h.start + first, h.end + first, h.tag) for h in hits], start, end)


def judge(hits: Sequence[Hit], start: int, end: int) -> Context:
    """Apply the triggers of a clause to one span; the nearest stop word bounds each side."""
    floor = max((h.end for h in hits if h.end <= start and "stop.words" in h.tag), default=0)
    ceiling = min(
        (h.start for h in hits if h.start >= end and "stop.words" in h.tag), default=1 << 60
    )
    found: set[str] = set()
    for hit in hits:
        side = "before" if floor <= hit.start and hit.end <= start else ""
        side = side or ("after" if end <= hit.start < ceiling else "")
        if side:
            found |= {t.partition(".")[0] for t in hit.tag.split("|") if t.endswith(f".{side}")}
    return _context(found)


def _context(found: set[str]) -> Context:
    time = next((kind for kind in ("target", "planned", "prior") if kind in found), "current")
    return Context(
        is_negated="negation" in found,
        certainty="uncertain" if "uncertain" in found else "certain",
        temporality=time,
        experiencer="family" if "family" in found else "patient",
        is_hypothetical="hypothetical" in found,
    )
