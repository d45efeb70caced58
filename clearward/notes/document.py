"""The text as rules see it: same length as the original, so every offset is an original offset.

Add a character here when it must read as another one. Anything that would change the length
belongs to `identifiers`, which keeps an index map of its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_LIKE = {
    "\u3000": " ", "\u00a0": " ", "\u2009": " ", "\u202f": " ", "\u2013": "-", "\u2014": "-",
    "\u2212": "-", "\u2010": "-", "\u2011": "-", "\u223c": "~", "\u301c": "~", "\u2044": "/",
    "\u2215": "/", "\u2236": ":", "\u2019": "'", "\u2265": ">", "\u2264": "<", "\u0130": "I",
    "\u3001": ",", "\r": " ",
}  # fmt: skip
_FOLDED = np.arange(1 << 16, dtype=np.uint16)
_FOLDED[list(_FULL_WIDTH)] = list(_FULL_WIDTH.values())
_FOLDED[[ord(key) for key in _LIKE]] = [ord(value) for value in _LIKE.values()]
_CJK = re.compile(r"[\u3400-\u9fff]")


@dataclass(frozen=True, slots=True)
class Document:
    """A note ready to be read.

    Attributes:
        text: as stored.
        plain: one character per character of `text`, full-width forms and look-alikes folded.
        lower: `plain` in lower case, same length again.
        lang: ``zh`` when any Chinese character is in it, else ``en``, unless the caller knows.
    """

    text: str
    plain: str
    lower: str
    lang: str


def fold(text: str) -> str:
    """Full-width digits, letters and punctuation as ASCII; the length never changes.

    ``≥`` and ``≤`` fold to ``>`` and ``<``: read the comparator from the original character.
    """
    if text.isascii():
        return text.replace("\r", " ")
    # every character here is one UTF-16 unit, and a half of a pair is never one of them
    units = np.frombuffer(text.encode("utf-16-le", "surrogatepass"), dtype=np.uint16)
    return _FOLDED[units].tobytes().decode("utf-16-le", "surrogatepass")


def open_document(text: str, lang: str | None = None) -> Document:
    """Fold a text for reading; `lang` is taken as given when the source knows it."""
    plain = fold(text)
    return Document(text, plain, plain.lower(), lang or language(plain))


def language(text: str) -> str:
    """``zh`` or ``en``, by script; a note that mixes them follows the Chinese rules as well."""
    return "zh" if not text.isascii() and _CJK.search(text) else "en"
