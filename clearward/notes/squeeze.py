"""Text without its separators, and the way back: "138-1234 5678", "Smith, J." and "张 三" become
what a list of known identifiers can be compared with. Offsets come back through an index map.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate

from clearward.notes.document import fold

_PIECES = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Squeezed:
    """Letters and digits of a text in lower case, and where each piece began."""

    text: str
    starts: tuple[int, ...]
    offsets: tuple[int, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Original characters of ``text[start:end]``; separators inside are part of it."""
        first = bisect_right(self.starts, start) - 1
        last = bisect_right(self.starts, end - 1) - 1
        begin = self.offsets[first] + start - self.starts[first]
        return begin, self.offsets[last] + end - self.starts[last]


def squeeze(plain: str) -> Squeezed:
    """Squeeze a folded text (see `document.fold`: same length as the original)."""
    pieces = [(match.start(), match.group()) for match in _PIECES.finditer(plain)]
    lengths = [0, *accumulate(len(piece) for _, piece in pieces)]
    text = "".join(piece for _, piece in pieces).lower()
    return Squeezed(text, tuple(lengths[:-1]), tuple(start for start, _ in pieces))


def squeeze_value(value: str) -> str:
    """An identifier in the same form."""
    return "".join(_PIECES.findall(fold(value))).lower()
