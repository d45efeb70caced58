"""Lists of people to look for: one Aho–Corasick over every form, matched on squeezed text, and the
tests that make a match a name there. Which forms there are belongs to `identifiers`; one wrong
character belongs to `slips`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import ahocorasick

from clearward.notes.forms import Identifier, Part
from clearward.notes.lone import Neighbours, is_chinese_name_here, is_name_here
from clearward.notes.phi import PhiSpan, is_eponym
from clearward.notes.slips import Slips
from clearward.notes.squeeze import Squeezed, squeeze

_KINDS = ("name", "phone", "id", "address", "organisation", "other")
# "Roe. Jane" is the end of one sentence and the start of another; "J. Roe" is a name
_SENTENCE = re.compile(r"[^\W\d_]{2,}[.;:!?]\s|[。;!?]")
_HYPHENS = frozenset("-'\u00ad\u200b\u200c\u200d\u2060\ufeff")
_GAPS = re.compile(r"[\W_]+")
_WIDEST_GAP, _SIZE = 12, 0xFFFF


class _Found(NamedTuple):
    span: PhiSpan
    sure: bool


class _Form(NamedTuple):
    size: int
    keep: int
    kind: str
    lead: int
    alone: bool
    cased: bool
    lone: bool


class KnownPeople:
    """What a hospital knows of some people, ready to be looked for."""

    def __init__(self, items: Iterable[Identifier]) -> None:
        self._automaton = ahocorasick.Automaton(ahocorasick.STORE_INTS)
        self.parts: dict[str, Part] = {}
        slips: list[Identifier] = []
        for item in items:
            code = _encode(item)
            # the form that asks least decides
            self._automaton.add_word(item.text, min(code, self._automaton.get(item.text, code)))
            if item.slips:
                slips.append(item)
            for word, part in item.parts:
                self.parts.setdefault(word, part)
        self._slips = Slips(slips)
        self.size = len(self._automaton)
        if self.size:
            self._automaton.make_automaton()

    def touches(self, squeezed: str) -> bool:
        """Whether a squeezed text holds a known identifier anywhere, inside words as well."""
        return bool(self.size) and any(True for _ in self._automaton.iter(squeezed))

    def find(self, plain: str, squeezed: Squeezed) -> Iterator[PhiSpan]:
        """Where a known identifier stands in the text: as a word of its own, and where it is also
        an ordinary word, as a name by its context or beside another known name."""
        found = list(self._hits(plain, squeezed))
        sure = [hit.span for hit in found if hit.sure]
        sure += _beside([hit.span for hit in found if not hit.sure], sure, plain)
        sure += self._slips.find(plain, squeezed, sure)
        yield from sure
        yield from _beside([hit.span for hit in found if not hit.sure], sure, plain)

    def leaks(self, plain: str, squeezed: Squeezed | None = None) -> int:
        """How many known identifiers a scrubbed text still holds; eponyms are no excuse here."""
        if not self.size:
            return 0
        hits = self._hits(plain, squeezed or squeeze(plain), eponyms=False)
        return sum(hit.sure for hit in hits)

    def _hits(self, plain: str, squeezed: Squeezed, *, eponyms: bool = True) -> Iterator[_Found]:
        if not self.size:
            return
        for last, code in self._automaton.iter(squeezed.text):
            begin, stop = last + 1 - (code & _SIZE), last + 1
            start, end = squeezed.span(begin, stop)
            if not _stands_alone(plain, start, end):
                continue
            form = _decode(code)
            if end - start > form.size:
                pieces = squeezed.pieces(begin, stop)
                if not _is_close(plain[start:end], form, pieces=pieces):
                    continue
            excused = eponyms or form.lone
            if form.kind == "name" and excused and is_eponym(plain, start, end):
                continue
            sure = (not form.cased or _has_capitals(plain, start, end)) and (
                not form.lone or _is_meant(plain, start, end)
            )
            if sure or (form.lone and plain[start].isupper()):
                yield _Found(PhiSpan(form.kind, start + form.lead, end - form.keep, "known"), sure)


def _beside(doubtful: list[PhiSpan], sure: list[PhiSpan], plain: str) -> list[PhiSpan]:
    if not doubtful or not sure:
        return []
    certain = Neighbours(plain, sure)
    return [span for span in doubtful if certain.have_beside(span)]


def _encode(item: Identifier) -> int:
    """A form's tests in one integer, fewest first: a million forms stay small in memory."""
    alone = len(item.parts) == 1 and item.text.isascii()
    asks = item.lone << 3 | item.cased << 2 | alone << 1 | item.lead
    return asks << 24 | item.keep << 20 | _KINDS.index(item.kind) << 16 | len(item.text)


def _decode(code: int) -> _Form:
    return _Form(
        size=code & _SIZE,
        keep=code >> 20 & 15,
        kind=_KINDS[code >> 16 & 15],
        lead=code >> 24 & 1,
        alone=bool(code >> 25 & 1),
        cased=bool(code >> 26 & 1),
        lone=bool(code >> 27 & 1),
    )


def _stands_alone(plain: str, start: int, end: int) -> bool:
    """A letter may not go on outside a Latin word, nor a digit outside a number."""
    first, last = plain[start], plain[end - 1]
    if start and _runs_on(plain[start - 1], first):
        return False
    return not (end < len(plain) and _runs_on(last, plain[end]))


def _runs_on(left: str, right: str) -> bool:
    if left.isdigit() and right.isdigit():
        return True
    return _is_latin(left) and _is_latin(right)


def _is_latin(character: str) -> bool:
    return character.isalpha() and character < "\u0530"


def _is_close(inside: str, form: _Form, *, pieces: int) -> bool:
    """Only separators inside, few at each place, of one sentence; one word is broken by a hyphen
    or a line only, or letter by letter."""
    gaps = _GAPS.findall(inside)
    if any(len(gap) > _WIDEST_GAP or gap.count("\n") > 1 for gap in gaps):
        return False
    if form.alone and pieces < form.size:
        return all(_HYPHENS & set(gap) for gap in gaps)
    if sum(map(len, gaps)) > 2 * len(gaps) + 8:
        return False
    return not _SENTENCE.search(inside)


def _has_capitals(plain: str, start: int, end: int) -> bool:
    """Every word opens with a capital; Chinese has none, and pinyin with tones needs none."""
    words = re.findall(r"[^\W\d_]+", plain[start:end])
    toned = not plain[start:end].isascii()
    return toned or all(word[0].isupper() or not _is_latin(word[0]) for word in words)


def _is_meant(plain: str, start: int, end: int) -> bool:
    if "\u3400" <= plain[start] <= "\u9fff":
        return is_chinese_name_here(plain, start, end)
    return is_name_here(plain, start, end)
