"""One pass over a text for many literals: what a scanner is, and which engine runs it.

Engines are in `scan_engines`; a test holds every one of them to the same rows. What a hit means
belongs to its caller.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol


class Literal(NamedTuple):
    """A literal to look for and what it announces.

    Attributes:
        text: matched without regard to case unless `cased`.
        tag: what the caller wants back.
        cased: the text must stand as written (``mRS`` is not ``Mrs``).
    """

    text: str
    tag: str
    cased: bool = False


class Hit(NamedTuple):
    """A literal found: characters, half-open."""

    start: int
    end: int
    tag: str


class Scanner(Protocol):
    """Finds every literal of a fixed set."""

    def scan(self, plain: str, lower: str) -> list[Hit]:
        """All hits ordered by start, longest first; `lower` is `plain` in lower case."""
        ...


class Lexicon:
    """Literals by their lower-case text, and what decides whether a place is a hit.

    Only ASCII letters have word edges: Chinese characters stand beside anything, and ``\\b`` would
    take them for letters.
    """

    def __init__(self, literals: Iterable[Literal]) -> None:
        groups: dict[str, dict[Literal, None]] = {}
        for literal in literals:
            groups.setdefault(literal.text.lower(), {})[literal] = None
        self.texts = tuple(groups)
        self._entries = [
            (len(text), _is_letter(text[0]), _is_letter(text[-1]), tuple(group))
            for text, group in groups.items()
        ]

    def hits(self, plain: str, lower: str, places: Iterable[tuple[int, int]]) -> list[Hit]:
        """Hits among places, each the end of a literal and its number in `texts`."""
        hits: list[Hit] = []
        size = len(lower)
        for end, number in places:
            length, opens, closes, group = self._entries[number]
            start = end - length
            if opens and start and "a" <= lower[start - 1] <= "z":
                continue
            if closes and end < size and "a" <= lower[end] <= "z":
                continue
            for literal in group:
                if not literal.cased or plain[start:end] == literal.text:
                    hits.append(Hit(start, end, literal.tag))
        if len(hits) > 1:
            hits.sort(key=order)
        return hits


def uncovered(hits: Sequence[Hit]) -> list[Hit]:
    """Hits that lie in no longer hit, of hits in scan order; two that merely overlap both stay."""
    kept: list[Hit] = []
    reached = -1
    for hit in hits:
        if hit.end > reached:
            kept.append(hit)
            reached = hit.end
    return kept


def order(hit: Hit) -> tuple[int, int, str]:
    """By start, longest first, then by tag."""
    return (hit.start, -hit.end, hit.tag)


def _is_letter(character: str) -> bool:
    return "a" <= character <= "z"
