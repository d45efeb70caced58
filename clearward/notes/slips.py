"""A known identifier with one wrong character: a typing slip in a long name, a homophone in a
Chinese one, O for 0 in a number. Exact forms belong to `known`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from pypinyin import Style, lazy_pinyin
from rapidfuzz import process
from rapidfuzz.distance import OSA

from clearward.notes.forms import Identifier
from clearward.notes.lone import Neighbours, is_announced
from clearward.notes.names import COMPOUND
from clearward.notes.phi import PhiSpan, is_eponym
from clearward.notes.squeeze import Squeezed
from clearward.notes.words import is_word

_TOKEN = re.compile(r"[a-z](?<![^\W\d_'][a-z])(?:[a-z]?'[a-z])?[a-z]{3,}(?![^\W\d_])")
_RUN = re.compile(r"\d[\d OolI|S().\-\u00b7]{4,26}[\dOolIXx]")
_READ_AS = str.maketrans({"O": "0", "o": "0", "l": "1", "I": "1", "|": "1", "S": "5"})
_LETTERS = re.compile(r"(?<![A-Za-z])[A-Za-z]{1,2}$")
_SOLID = re.compile(r"\S+")
_NOT_DIGITS = re.compile(r"[^0-9A-Za-z]+")
_LONG = 5
_LONG_IN_LOWER_CASE = 7


class Slips:
    """Forms of one person that are looked for with one slip."""

    def __init__(self, items: Sequence[Identifier]) -> None:
        texts = dict.fromkeys((item.kind, item.text) for item in items)
        self._chinese = [t for kind, t in texts if kind == "name" and not t.isascii()]
        words = {item.text for item in items if item.kind == "name" and item.text.isascii()}
        self._words = sorted(words)
        self._edges = _edges(words)
        self._numbers = {t: kind for kind, t in texts if kind != "name"}

    def find(self, plain: str, squeezed: Squeezed, sure: Sequence[PhiSpan]) -> Iterator[PhiSpan]:
        """Slips in a folded text; `sure` are the exact matches, which need no second look."""
        if not (self._words or self._numbers or self._chinese):  # a list of staff has none
            return
        certain = Neighbours(plain, sure)
        if self._words:
            yield from self._in_words(plain, squeezed, certain)
        if self._numbers:
            yield from self._in_numbers(plain, certain)
        for name in self._chinese:
            yield from _in_chinese(plain, name)

    def _in_words(self, plain: str, squeezed: Squeezed, certain: Neighbours) -> Iterator[PhiSpan]:
        tokens = [token for token in self._candidates(squeezed.lower) if not is_word(token)]
        plainly = [token.replace("'", "") for token in tokens]
        near: dict[str, bool] = {}
        for word in self._words:
            found = process.extract(word, plainly, scorer=OSA.distance, score_cutoff=1, limit=None)
            for _, distance, place in found:
                sure_of = distance == 1 and not is_word(word)
                near[tokens[place]] = near.get(tokens[place], False) or sure_of
        for token, is_sure in near.items():
            for match in re.finditer(rf"(?<![a-z]){re.escape(token)}(?![a-z])", squeezed.lower):
                span = PhiSpan("name", *match.span(), "slip")
                if self._is_meant(plain, span, certain, alone=is_sure):
                    yield span

    def _candidates(self, lower: str) -> Iterator[str]:
        """Words that may be one with a slip: that leaves the first letter or the last, and about
        the length."""
        for token in dict.fromkeys(_TOKEN.findall(lower)):
            heads, tails = self._edges.get(len(token), ("", ""))
            if token[0] in heads or token[-1] in tails or "'" in token:
                yield token

    def _is_meant(self, plain: str, span: PhiSpan, certain: Neighbours, *, alone: bool) -> bool:
        """With a capital or long enough; a slip in a name that is a word only beside a name."""
        if is_eponym(plain, span.start, span.end):
            return False
        size = span.end - span.start
        if alone and size >= _LONG - 1:
            return plain[span.start].isupper() or size >= _LONG_IN_LOWER_CASE
        return certain.have_beside(span)

    def _in_numbers(self, plain: str, certain: Neighbours) -> Iterator[PhiSpan]:
        for run in _RUN.finditer(plain):
            for start, end in _groups(run):
                text = _NOT_DIGITS.sub("", plain[start:end])
                if len(text) < _LONG + 2 or certain.overlap(start, end):
                    continue
                kind = self._number_like(text)
                if kind:
                    yield PhiSpan(kind, start, end, "slip")

    def _number_like(self, text: str) -> str | None:
        """The kind of the number that this one is with one slip."""
        for reading in {text.lower(), text.translate(_READ_AS).lower()}:
            for number, kind in self._numbers.items():
                near = abs(len(number) - len(reading)) <= 1
                if near and OSA.distance(reading, number, score_cutoff=1) <= 1:
                    return kind
        return None


def _edges(words: Iterable[str]) -> dict[int, tuple[str, str]]:
    """First and last letters of words that are of a length, or one shorter or longer."""
    found: dict[int, tuple[str, str]] = {}
    for word in words:
        for size in (len(word) - 1, len(word), len(word) + 1):
            heads, tails = found.get(size, ("", ""))
            found[size] = (heads + word[0], tails + word[-1])
    return found


def _groups(run: re.Match[str]) -> Iterator[tuple[int, int]]:
    """A run of digits whole, and any of its neighbours between blanks together."""
    pieces = [
        (
            run.start() + m.start() - (_letters_before(run) if not m.start() else 0),
            run.start() + m.end(),
        )
        for m in _SOLID.finditer(run[0])
        if any(map(str.isdigit, m[0]))
    ]
    for first in range(len(pieces)):
        for last in range(first, min(len(pieces), first + 5)):
            yield pieces[first][0], pieces[last][1]


def _letters_before(run: re.Match[str]) -> int:
    """Of an id that opens with letters: S99960207, O12345678."""
    found = _LETTERS.search(run.string, max(0, run.start() - 3), run.start())
    return len(found[0]) if found else 0


def _in_chinese(plain: str, name: str) -> Iterator[PhiSpan]:
    """One other character: one that reads the same, or any where a name is announced."""
    surname = next((s for s in COMPOUND if name.startswith(s)), name[0])
    size, position = len(name), plain.find(surname)
    while position >= 0:
        found = plain[position : position + size]
        wrong = [n for n, (a, b) in enumerate(zip(found, name, strict=False)) if a != b]
        if len(found) == size and len(wrong) == 1 and "\u3400" <= found[wrong[0]] <= "\u9fff":
            sounds = _sound(found[wrong[0]]) == _sound(name[wrong[0]])
            told = is_announced(plain, position, position + size)
            if (sounds and size > 2) or (told and (sounds or size > 2)):
                yield PhiSpan("name", position, position + size, "slip")
        position = plain.find(surname, position + 1)


@lru_cache(maxsize=8192)
def _sound(character: str) -> str:
    return "".join(lazy_pinyin(character, style=Style.NORMAL))
