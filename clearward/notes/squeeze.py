"""Text without its separators, and the way back: "138-1234 5678", "Smith, J." and "张 三" become
what a list of known identifiers can be compared with. Offsets come back through an index map.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from itertools import accumulate

from clearward.notes.document import fold

_PIECES = re.compile(r"[^\W_]+")
_MARKED = re.compile(r"[\u00c0-\u024f\u0370-\u04ff\u1e00-\u1eff]")
# Letters that look like Latin ones, and Latin ones that do not decompose
_LOOK_ALIKE = dict(zip("аеорсухікмтвнԁјѕαοι", "aeopcyxikmtbhdjsaoi", strict=True)) | {
    "ł": "l", "ø": "o", "đ": "d", "ı": "i", "ħ": "h",
}  # fmt: skip


def _base(code: int) -> str | None:
    """A lower-case Latin letter without its marks, so that lǐ and José read as li and jose."""
    bare = unicodedata.normalize("NFD", chr(code).lower())[0]
    bare = _LOOK_ALIKE.get(bare, bare)
    return bare if bare.isascii() and bare.isalpha() else None


_BASES = {
    code: base
    for low, high in ((0xC0, 0x250), (0x370, 0x530), (0x1E00, 0x1F00))
    for code in range(low, high)
    if (base := _base(code))
}


class Squeezed:
    """Letters and digits of a text in lower case, and the way back to the original.

    Attributes:
        text: pieces without what stood between them.
        lower: the whole text in the same letters, as long as the original.
    """

    __slots__ = ("_offsets", "_starts", "lower", "text")

    def __init__(self, lower: str) -> None:
        self.lower = lower
        self.text = "".join(_PIECES.findall(lower))
        self._starts: list[int] = []
        self._offsets: list[int] = []

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Original characters of ``text[start:end]``; separators inside are part of it."""
        if not self._starts:
            self._map()
        first = bisect_right(self._starts, start) - 1
        last = bisect_right(self._starts, end - 1, lo=first) - 1
        begin = self._offsets[first] + start - self._starts[first]
        return begin, self._offsets[last] + end - self._starts[last]

    def pieces(self, start: int, end: int) -> int:
        """How many pieces ``text[start:end]`` touches; `span` was asked before."""
        return bisect_right(self._starts, end - 1) - bisect_right(self._starts, start) + 1

    def _map(self) -> None:
        """Most texts of a long list hold nothing of it: the map is made at the first match."""
        spans = [match.span() for match in _PIECES.finditer(self.lower)]
        self._offsets = [begin for begin, _ in spans]
        self._starts = [0, *accumulate(end - begin for begin, end in spans)][:-1]


def squeeze(plain: str) -> Squeezed:
    """Squeeze a folded text (see `document.fold`: same length as the original)."""
    return Squeezed(bare(plain))


def bare(plain: str) -> str:
    """A folded text in lower case and without marks over its letters; the same length."""
    lower = plain.lower()
    return lower if lower.isascii() or not _MARKED.search(lower) else lower.translate(_BASES)


def squeeze_value(value: str) -> str:
    """An identifier in the same form."""
    return "".join(_PIECES.findall(bare(fold(value))))
