"""One pass over a text for many literals. Add another engine here behind `Scanner`; a test holds
every engine to the same rows. What a hit means belongs to its caller.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

import ahocorasick


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


class AutomatonScanner:
    """Aho–Corasick (1975) over the lower-cased text: cost follows the text, not the literals."""

    def __init__(self, literals: Iterable[Literal]) -> None:
        by_text: dict[str, list[Literal]] = {}
        for literal in literals:
            by_text.setdefault(literal.text.lower(), []).append(literal)
        self._automaton = ahocorasick.Automaton()
        for text, group in by_text.items():
            self._automaton.add_word(text, (len(text), _edges(text), tuple(group)))
        self._empty = not by_text
        if by_text:
            self._automaton.make_automaton()

    def scan(self, plain: str, lower: str) -> list[Hit]:
        """See `Scanner`."""
        hits: list[Hit] = []
        if self._empty:
            return hits
        for last, (length, edges, group) in self._automaton.iter(lower):
            start, end = last + 1 - length, last + 1
            if edges and not _stands_alone(lower, start, end, edges):
                continue
            for literal in group:
                if not literal.cased or plain[start:end] == literal.text:
                    hits.append(Hit(start, end, literal.tag))
        hits.sort(key=_order)
        return hits


def make_scanner(literals: Iterable[Literal]) -> Scanner:
    """The engine in use."""
    return AutomatonScanner(literals)


class RegexScanner:
    """The same contract by plain regular expressions: slow, obvious, the oracle of the tests."""

    def __init__(self, literals: Sequence[Literal]) -> None:
        self._rules = [(re.compile(_bounded(item)), item) for item in dict.fromkeys(literals)]

    def scan(self, plain: str, lower: str) -> list[Hit]:
        """See `Scanner`."""
        hits = [
            Hit(start, start + len(item.text), item.tag)
            for rule, item in self._rules
            for start in _starts(rule, plain if item.cased else lower)
        ]
        return sorted(hits, key=_order)


def uncovered(hits: Sequence[Hit]) -> list[Hit]:
    """Hits that lie in no longer hit, of hits in scan order; two that merely overlap both stay."""
    kept: list[Hit] = []
    reached = -1
    for hit in hits:
        if hit.end > reached:
            kept.append(hit)
            reached = hit.end
    return kept


def _order(hit: Hit) -> tuple[int, int, str]:
    return (hit.start, -hit.end, hit.tag)


def _starts(rule: re.Pattern[str], text: str) -> list[int]:
    # a lookahead lets hits of one literal overlap, as they do in the automaton
    return [match.start() for match in rule.finditer(text)]


def _bounded(item: Literal) -> str:
    text = item.text if item.cased else item.text.lower()
    edges = _edges(item.text.lower())
    before = "(?<![a-zA-Z])" if edges & 1 else ""
    after = "(?![a-zA-Z])" if edges & 2 else ""
    return f"{before}(?={re.escape(text)}{after})"


def _edges(text: str) -> int:
    """Bit 1: a letter opens the literal; bit 2: a letter closes it. Only ASCII letters have word
    edges: Chinese characters stand beside anything, and ``\\b`` would take them for letters."""
    return (1 if "a" <= text[0] <= "z" else 0) | (2 if "a" <= text[-1] <= "z" else 0)


def _stands_alone(lower: str, start: int, end: int, edges: int) -> bool:
    if edges & 1 and start and "a" <= lower[start - 1] <= "z":
        return False
    return not (edges & 2 and end < len(lower) and "a" <= lower[end] <= "z")
