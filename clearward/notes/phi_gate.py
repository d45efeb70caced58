"""Which general patterns can match a text at all, in one pass of hyperscan over its bytes.

A pattern is loosened until hyperscan takes it as a prefilter, so the gate may let through in vain
and never holds back; without hyperscan every pattern is tried. Patterns belong to `phi`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

_CODE_POINT = re.compile(r"\\u([0-9a-fA-F]{4})")
_BOUNDED = re.compile(r"\{(\d+),(\d+)\}\??")
# Blanks that Python's \s takes and hyperscan's does not
_ODD_BLANK = re.compile("[\x1c-\x1f\x85\u1680\u2000-\u200a\u2028\u2029\u205f]")
_TIGHT, _LEAST = 4, 3


class Gate:
    """Numbers of the patterns worth trying on a text."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._all = range(len(patterns))
        self._database = _compile(patterns) if patterns and find_spec("hyperscan") else None

    def open_for(self, plain: str) -> Collection[int]:
        """Patterns that may match a folded text; all where the gate cannot tell."""
        if self._database is None or (not plain.isascii() and _ODD_BLANK.search(plain)):
            return self._all
        found: set[int] = set()

        def note(number: int, _start: int, _end: int, _flags: int, _context: object) -> None:
            found.add(number)

        self._database.scan(plain.encode("utf-8", "replace"), match_event_handler=note)
        return found


def _compile(patterns: Sequence[str]) -> Any:
    hyperscan = import_module("hyperscan")
    flags = (
        hyperscan.HS_FLAG_PREFILTER
        | hyperscan.HS_FLAG_SINGLEMATCH
        | hyperscan.HS_FLAG_UTF8
        | hyperscan.HS_FLAG_ALLOWEMPTY
    )
    database = hyperscan.Database()
    database.compile(
        expressions=[loosened(pattern).encode() for pattern in patterns],
        ids=list(range(len(patterns))),
        flags=[flags] * len(patterns),
    )
    return database


def loosened(pattern: str) -> str:
    """A pattern that matches wherever the given one does, and compiles in milliseconds."""
    pattern = _CODE_POINT.sub(r"\\x{\1}", pattern).replace(r"\w", r"\S")
    return _BOUNDED.sub(_open_ended, pattern)


def _open_ended(match: re.Match[str]) -> str:
    low, high = int(match[1]), int(match[2])
    if high <= _TIGHT and high - low <= 1:
        return match[0]
    return {0: "*", 1: "+"}.get(low, f"{{{min(low, _LEAST)},}}")
