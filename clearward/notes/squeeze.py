"""Text without its separators, and the way back: "138-1234 5678", "Smith, J." and "张 三" become
what a list of known identifiers can be compared with. Offsets come back through an index map.
"""

from __future__ import annotations

import re
import unicodedata

import numpy as np
from numpy.typing import NDArray

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


_LETTERS_AND_DIGITS = np.array([chr(code).isalnum() for code in range(1 << 16)])


class Squeezed:
    """Letters and digits of a text in lower case, and the way back to the original.

    Attributes:
        text: pieces without what stood between them.
        lower: the whole text in the same letters, as long as the original.
    """

    __slots__ = ("_kept", "_places", "lower", "text")

    def __init__(self, lower: str) -> None:
        self.lower = lower
        codes = np.frombuffer(lower.encode("utf-32-le", "surrogatepass"), np.uint32)
        self._kept = _is_kept(codes)
        self.text = codes[self._kept].tobytes().decode("utf-32-le", "surrogatepass")
        self._places: NDArray[np.intp] | None = None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Original characters of ``text[start:end]``; separators inside are part of it."""
        places = self._map()
        return int(places[start]), int(places[end - 1]) + 1

    def pieces(self, start: int, end: int) -> int:
        """How many pieces ``text[start:end]`` touches."""
        places = self._map()[start:end]
        return 1 + int(np.count_nonzero(places[1:] - places[:-1] > 1))

    def _map(self) -> NDArray[np.intp]:
        """Most texts of a long list hold nothing of it: the map is made at the first match."""
        if self._places is None:
            self._places = np.flatnonzero(self._kept)
        return self._places


def _is_kept(codes: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Which characters are letters or digits."""
    if not len(codes) or codes.max() < len(_LETTERS_AND_DIGITS):
        return _LETTERS_AND_DIGITS[codes]
    return np.array([chr(code).isalnum() for code in codes.tolist()])


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
